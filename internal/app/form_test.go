package app

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// A provider reports by the form for two towns: marked until a town confirms it, nothing filed for the towns before a person does, and then with the
// moment when we were first told and the words of the form.
func TestAProviderReportsForTowns(t *testing.T) {
	onEach(t, func(h *house) {
		ctx := h.t.Context()
		if _, err := h.Intake.DropKey(ctx); err != nil {
			h.t.Fatal(err)
		}
		handler, _ := h.routes()
		h.open(handler)
		north, _ := h.organisation("North town", "en", "Clerk", "clerk@north.example", nil)
		h.organisation("South town", "en", "Clerk", "clerk@south.example", nil)
		provider := h.browser()
		provider.post("/report/what", "what", "duty")
		provider.post("/report/stage", "stage-eu-nis2", "early_warning", "class-eu-nis2", "essential")
		provider.post("/report/part/1", "behalf", "provider", "q-entity", "Hosting Co", "q-contact_email", "ops@away.example", "affected", "North town\r\n South town \r\n\r\nNorth town")
		provider.post("/report/part/2", "q-summary", "All machines are off.", "ongoing", "yes")
		provider.post("/report/part/4", "q-malicious", "yes", "q-cross_border", "yes")
		provider.post("/report/part/5", "personal", "no", "tlp", "AMBER")
		code := id.SecretOf(provider.cookies["draft"])
		provider.post("/report/check")
		if n, err := h.Intake.OpenDrops(ctx); err != nil || n != 1 {
			h.t.Fatal(n, err)
		}
		all, err := h.Intake.List(ctx, sample(), intake.QueueFilter{})
		h.must(err)
		r := all.Items[0]
		ana := h.person(access.Analyst, "ana@towns.example", "")
		at := "/desk/reports/" + r.UID
		has := func(page string, words ...string) {
			h.t.Helper()
			text := strings.Join(strings.Fields(markup.ReplaceAllString(page, " ")), " ")
			for _, w := range words {
				if !strings.Contains(text, w) {
					h.t.Errorf("%q is not in %s", w, text)
				}
			}
		}
		letters, err := h.Correspondence.Messages(ctx, h.DB, sample(), r.Thread)
		h.must(err)
		if i := slices.IndexFunc(letters, func(m correspondence.Message) bool { return m.Kind == correspondence.Receipt }); i < 0 || !strings.Contains(letters[i].Body.Text, "A crime is suspected. A report to us is no complaint") {
			h.t.Errorf("the receipt of the form says nothing of the police: %+v", letters)
		}
		has(ana.page("/desk/triage"), "For somebody else")
		has(ana.page(at), "Yes: the next letter says how to go to the police", "Take the mark away")
		ana.post(at+"/reply", "text", "We have read it.")
		has(ana.page(at), "Yes: how to go to the police was written")
		if a := ana.send(at+"/crime", values("suspected", "no")); a.Status != http.StatusSeeOther || strings.Contains(ana.page(at), "Take the mark away") {
			h.t.Errorf("the mark is taken away: %d", a.Status)
		}
		ana.post(at+"/crime", "suspected", "yes")
		has(ana.page(at), "Reports for somebody else", "Not confirmed", "2 organisations named")
		has(ana.page(at+"/stages"), "File it for them too", "North town", "Does this person speak for the organisation?")
		has(provider.page("/r/report"), "You report for somebody else", "Other affected Member States and ENISA", "A crime is suspected.")
		mine, err := h.Intake.Obligations(ctx, h.DB, sample(), r.Ref.ID)
		h.must(err)
		if len(mine[r.Ref.ID]) != 1 || mine[r.Ref.ID][0].Organisation != 0 {
			h.t.Fatalf("before a person looked: %+v", mine)
		}

		form := ana.page(at + "/stages/file?like=1")
		told := h.one(`name="told"[^>]* value="([^"]+)"`, form)
		has(form, "North town", "South town")
		if a := ana.send(at+"/stages/file", values("set", "eu-nis2", "stage", "early_warning", "like", "1", "told", told)); a.Status != http.StatusUnprocessableEntity {
			h.t.Errorf("for nobody: %d", a.Status)
		}
		if a := ana.get(at + "/stages/file?like=9"); a.Status != http.StatusNotFound {
			h.t.Errorf("like a submission that is none: %d", a.Status)
		}
		ana.post(at+"/stages/file", "set", "eu-nis2", "stage", "early_warning", "like", "1", "told", told, "class", "essential", "affected", "North town\nSouth town")
		handed, err := h.Intake.Submissions(ctx, h.DB, sample(), r.UID)
		h.must(err)
		if len(handed) != 2 || len(handed[1].For) != 2 || handed[1].Answers["summary"] != "All machines are off." || handed[0].ToldAt.Sub(handed[1].ToldAt).Abs().Minutes() > 1 {
			h.t.Fatalf("filed for the towns: %+v", handed)
		}
		mine, err = h.Intake.Obligations(ctx, h.DB, sample(), r.Ref.ID)
		h.must(err)
		if len(mine[r.Ref.ID]) != 3 || mine[r.Ref.ID][1].Organisation != north.Ref.ID {
			h.t.Errorf("%d obligations", len(mine[r.Ref.ID]))
		}
		look, err := intake.Look(ctx, h.DB, h.Clock, code)
		h.must(err)
		if look.Stages[0].For != 3 {
			h.t.Errorf("the provider's page counts %d", look.Stages[0].For)
		}
		ana.post(at+"/confirm", "how", "The clerk of North town, by her known number")
		has(ana.page(at), "Reports for somebody else", "Confirmed")
		if strings.Contains(ana.page(at+"/stages"), "Does this person speak") {
			h.t.Error("it still asks")
		}
	})
}
