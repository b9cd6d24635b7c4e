package api_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/client"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
)

// A program of a hospital reads what the law asks, files its stages and a correction, and reads what it owes then; the team notes and corrects a
// moment, asks, waives and passes on. The other hospital is named as affected and reads its own part alone.
func TestStagesByProgram(t *testing.T) {
	t.Parallel()
	coretest.Engines(t, func(t *testing.T, core *coretest.House) {
		h := open(t, core)
		ctx := context.Background()
		one, ana := h.as("constituent"), h.as("analyst")
		sets, err := one.RuleSets(ctx)
		h.must(err)
		if len(sets.Items) < 5 {
			t.Fatalf("%d rule sets", len(sets.Items))
		}
		one.Lang = "pt"
		nis2, err := one.RuleSet(ctx, "eu-nis2")
		h.must(err)
		one.Lang = "en"
		if nis2.Stages[0].Code != "early_warning" || nis2.Stages[0].Within != "PT24H" || nis2.Stages[0].Name != "Alerta precoce" || len(nis2.Stages[0].Asks) < 3 {
			t.Errorf("%+v", nis2.Stages[0])
		}
		if _, err := one.RuleSet(ctx, "nothing"); !client.Is(err, 404) {
			t.Errorf("an unknown set: %v", err)
		}
		aware := h.Clock.Now().Add(-2 * time.Hour).UTC().Truncate(time.Second)
		r, err := one.CreateReport(ctx, client.NewReport{Summary: "Nothing works", AwareAt: aware, Law: "NIS2", Stage: "early_warning", TLP: "TLP:GREEN"})
		h.must(err)
		owed := func(c *client.Client) string {
			t.Helper()
			all, err := c.Obligations(ctx, r.ID)
			h.must(err)
			var out []string
			for _, o := range all.Items {
				for _, x := range o.Owed {
					due := ""
					if !x.DueAt.IsZero() {
						due = " " + x.DueAt.Sub(aware).String()
					}
					out = append(out, x.Key+" "+x.State+due)
				}
			}
			return strings.Join(out, ", ")
		}
		if got := owed(one); !strings.HasPrefix(got, "early_warning met 24h0m0s, notification running 72h0m0s") {
			t.Errorf("after the early warning: %s", got)
		}
		if _, err := one.FileStage(ctx, r.ID, client.NewStage{RuleSet: "eu-nis2", Stage: "none", Answers: map[string]string{"malicious": "perhaps"}}); !client.Is(err, 422) {
			t.Errorf("an unknown stage and answer: %v", err)
		}
		second, err := one.FileStage(ctx, r.ID, client.NewStage{RuleSet: "eu-nis2", Stage: "notification", Answers: map[string]string{"malicious": "yes", "cause": "unknown"}, Affected: []string{h.two.UID}})
		h.must(err)
		if second.Number != 2 || len(second.Obligations) != 1 || second.Answers["malicious"] != "yes" || len(second.SHA256) != 64 {
			t.Errorf("%+v", second)
		}
		third, err := one.FileStage(ctx, r.ID, client.NewStage{RuleSet: "eu-nis2", Stage: "notification", Corrects: 2, Answers: map[string]string{"malicious": "no"}})
		h.must(err)
		all, err := one.Stages(ctx, r.ID)
		h.must(err)
		if third.Corrects != 2 || len(all.Items) != 3 || all.Items[1].Answers["malicious"] != "yes" {
			t.Errorf("%+v", all.Items)
		}
		// The team says more, and in the name of others.
		_, err = ana.FileStage(ctx, r.ID, client.NewStage{RuleSet: "eu-nis2", Stage: "early_warning", Affected: []string{h.two.UID}, ToldAt: aware})
		h.must(err)
		list, err := ana.Obligations(ctx, r.ID)
		h.must(err)
		if len(list.Items) != 2 || list.Items[1].Organisation.ID != h.two.UID {
			t.Fatalf("%+v", list.Items)
		}
		mine := list.Items[0].ID
		_, err = ana.NoteMoment(ctx, mine, "detection", aware, "")
		h.must(err)
		if _, err := ana.NoteMoment(ctx, mine, "awareness", aware.Add(-time.Hour), ""); !client.Is(err, 422) {
			t.Errorf("a correction without a reason: %v", err)
		}
		o, err := ana.NoteMoment(ctx, mine, "awareness", aware.Add(-time.Hour), "the log says so")
		h.must(err)
		if o.Owed[1].DueAt != aware.Add(71*time.Hour) {
			t.Errorf("%+v", o.Owed)
		}
		_, err = ana.RequestStage(ctx, mine, "intermediate", h.Clock.Now().Add(time.Hour), "what now?")
		h.must(err)
		if _, err := ana.Waive(ctx, mine, "final_report", "not theirs", false); !client.Is(err, 403) {
			t.Errorf("an analyst waives: %v", err)
		}
		o, err = h.as("lead").Waive(ctx, mine, "final_report", "not theirs", false)
		h.must(err)
		if !strings.Contains(owed(ana), "final_report waived") {
			t.Errorf("%+v", o.Owed)
		}
		o, err = h.as("lead").Waive(ctx, mine, "final_report", "theirs after all", true)
		h.must(err)
		if strings.Contains(owed(ana), "final_report waived") {
			t.Errorf("%+v", o.Owed)
		}
		if _, err := ana.PassedOn(ctx, mine, "nobody", "by mail"); !client.Is(err, 404) {
			t.Errorf("passed on to nobody the law names: %v", err)
		}
		// Reasons are the team's; what the other owes is the other's.
		a := h.raw("constituent", "GET", "/api/v1/reports/"+r.ID+"/obligations", "")
		if a.status != 200 || strings.Contains(a.body, "log says") || strings.Contains(a.body, h.two.UID) {
			t.Errorf("a constituent reads %s", a.body)
		}
		if a := h.raw("other", "GET", "/api/v1/reports/"+r.ID+"/obligations", ""); a.status != 404 {
			t.Errorf("the other reads %d %s", a.status, a.body)
		}
	})
}

// A program asks for what is missing in a stage, takes what came by a link, and an organisation that somebody else reported for files its own stage.
func TestWhatIsMissingByProgram(t *testing.T) {
	t.Parallel()
	coretest.Engines(t, func(t *testing.T, core *coretest.House) {
		h := open(t, core)
		ctx := context.Background()
		one, other, ana := h.as("constituent"), h.as("other"), h.as("analyst")
		r, err := one.CreateReport(ctx, client.NewReport{Summary: "Nothing works", Description: "Secret words", Reporter: client.Reporter{Email: "ops@provider.example"}, TLP: "TLP:GREEN"})
		h.must(err)
		x, err := ana.FileStage(ctx, r.ID, client.NewStage{RuleSet: "be-nis2", Stage: "early_warning", Affected: []string{h.two.UID}, Answers: map[string]string{"summary": "Secret words", "malicious": "yes"}})
		h.must(err)
		all, err := ana.Stages(ctx, r.ID)
		h.must(err)
		if len(all.Items[0].Missing) != 8 || all.Items[0].AskedAt != (time.Time{}) {
			t.Errorf("missing: %+v", all.Items[0])
		}
		if _, err := ana.AskMissing(ctx, r.ID, x.Number, "pigeon"); !client.Is(err, 422) {
			t.Errorf("by pigeon: %v", err)
		}
		if _, err := ana.AskMissing(ctx, r.ID, 77, "letter"); !client.Is(err, 404) {
			t.Errorf("of no stage: %v", err)
		}
		if _, err := ana.AskMissing(ctx, r.ID, x.Number, "code"); !client.Is(err, 409) {
			t.Errorf("read out to who has an address: %v", err)
		}
		if _, err := one.AskMissing(ctx, r.ID, x.Number, "letter"); !client.Is(err, 403) {
			t.Errorf("asked by the reporter: %v", err)
		}
		asked, err := ana.AskMissing(ctx, r.ID, x.Number, "letter")
		h.must(err)
		if asked.Message == "" || asked.Code != "" || len(asked.Missing) != 8 {
			t.Errorf("%+v", asked)
		}
		if all, err = ana.Stages(ctx, r.ID); err != nil || all.Items[0].AskedAt.IsZero() {
			t.Errorf("asked: %+v, %v", all.Items, err)
		}
		done, err := ana.FileStage(ctx, r.ID, client.NewStage{RuleSet: "be-nis2", Stage: "early_warning", Completes: x.Number, Answers: map[string]string{"cross_border": "no"}})
		h.must(err)
		if done.Corrects != x.Number || done.Answers["summary"] != "Secret words" || done.Answers["cross_border"] != "no" {
			t.Errorf("%+v", done)
		}
		waiting, err := ana.Offered(ctx, r.ID)
		h.must(err)
		if len(waiting.Items) != 0 {
			t.Errorf("%+v", waiting)
		}
		if _, err := ana.TakeOffered(ctx, r.ID, "00000000000000000000000000", true); !client.Is(err, 404) {
			t.Errorf("nothing was offered: %v", err)
		}
		cases, err := other.OwnCases(ctx)
		h.must(err)
		if len(cases.Items) != 1 || !cases.Items[0].Foreign {
			t.Fatalf("%+v", cases)
		}
		mine := cases.Items[0].ID
		_, err = ana.FileStage(ctx, r.ID, client.NewStage{RuleSet: "eu-nis2", Stage: "early_warning", Affected: []string{h.one.UID}, Answers: map[string]string{"summary": "Of us alone"}})
		h.must(err)
		c, err := other.FileOwn(ctx, mine, "notification", map[string]string{"status": "Ours"}, "") // the fourth of the report, the third of its own
		h.must(err)
		if len(c.Stages) != 3 || c.Stages[0].Answers["summary"] != "" || c.Stages[0].Answers["malicious"] != "yes" || c.Stages[0].Number != 1 || c.Stages[2].Number != 3 || !c.Stages[2].Own {
			t.Errorf("%+v", c)
		}
		if c, err = other.FileOwn(ctx, mine, "notification", map[string]string{"status": "Ours, better"}, c.Stages[2].ID); err != nil || len(c.Stages) != 4 || c.Stages[3].Number != 4 || c.Stages[3].Corrects != 3 {
			t.Errorf("corrected: %+v, %v", c, err)
		}
		if _, err := other.FileOwn(ctx, mine, "notification", map[string]string{"status": "x"}, r.ID); !client.Is(err, 404) {
			t.Errorf("what is no stage of it is corrected: %v", err)
		}
		if _, err := one.OwnCase(ctx, mine); !client.Is(err, 404) {
			t.Errorf("the reporter reads the other's: %v", err)
		}
		if all, err = one.Stages(ctx, r.ID); err != nil || len(all.Items) != 3 {
			t.Errorf("the reporter reads %+v, %v", all, err)
		}
	})
}
