package intake_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// obligations gives those of a report as one reads them.
func (d *desk) obligations(ctx context.Context, by access.Actor, r intake.Report) []intake.Obligation {
	d.Helper()
	all, err := d.s.Obligations(ctx, d.DB, by, r.Ref.ID)
	if err != nil {
		d.Fatal(err)
	}
	return all[r.Ref.ID]
}

// standing writes how the clocks of an obligation stand: kind, what became of it, hours from an instant.
func (d *desk) standing(ctx context.Context, o intake.Obligation, from time.Time) string {
	d.Helper()
	all, err := d.s.Deadlines.About(ctx, d.DB, o.Ref.ID)
	if err != nil {
		d.Fatal(err)
	}
	var out []string
	for _, c := range all[o.Ref.ID] {
		state := "runs"
		switch {
		case !c.MetAt.IsZero():
			state = "met"
			if c.MetAt.After(c.Limit()) {
				state = "late"
			}
		case !c.StoppedAt.IsZero():
			state = "stopped"
		}
		out = append(out, fmt.Sprintf("%s %s %.0f", c.Kind, state, c.DueAt.Sub(from).Hours()))
	}
	return strings.Join(out, "; ")
}

// under is a report that comes under a law, from somebody of the hospital.
func (d *desk) under(ctx context.Context, set, stage string, aware time.Time) intake.Report {
	d.Helper()
	in := form("Encrypted servers", "")
	in.Channel, in.AwareAt = correspondence.ByPortal, aware
	in.Body.Fields = map[string]string{"law": set, "stage": stage, "cross_border": "unknown"}
	return d.receive(ctx, d.Constituent(2, "Rui", d.hospital.Ref.ID), in).Report
}

func (d *desk) submit(ctx context.Context, by access.Actor, r intake.Report, in intake.SubmitInput) intake.Submission {
	d.Helper()
	if in.Channel == "" {
		in.Channel = correspondence.ByPhone
	}
	x, err := d.s.Submit(ctx, by, r.UID, in)
	if err != nil {
		d.Fatalf("submit %s: %v", in.Stage, err)
	}
	return x
}

// A report goes through its stages: each one is frozen, asks only the rest, and starts the next clock; what comes late is filed as late.
func TestAReportGoesThroughItsStages(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		aware := d.Clock.Now().Add(-26 * time.Hour).UTC()
		r := d.under(ctx, "eu-nis2", "early_warning", aware)
		got := d.obligations(ctx, d.ana, r)
		if len(got) != 1 || got[0].Set.Code != "eu-nis2" || got[0].Compartment != d.hospital.Ref.ID || got[0].TLP != r.TLP {
			t.Fatalf("obligations: %+v", got)
		}
		if s := d.standing(ctx, got[0], aware); s != "early_warning late 24; notification runs 72" {
			t.Errorf("told after 26 hours: %s", s)
		}
		first, err := d.s.Submissions(ctx, d.DB, d.ana, r.UID)
		if err != nil || len(first) != 1 || first[0].Answers["cross_border"] != "unknown" || first[0].Message == "" || first[0].Answers["aware_at"] != aware.Format(time.RFC3339) {
			t.Fatalf("submissions: %+v, %v", first, err)
		}
		stage, _ := got[0].Set.Stage("notification")
		rest := map[string]bool{}
		for _, f := range d.s.Laws.Rest(stage, intake.Known(first, got[0].Ref.ID)) {
			rest[f.Code] = true
		}
		if rest["summary"] || rest["aware_at"] || !rest["cross_border"] || !rest["status"] {
			t.Errorf("the notification asks %v", rest)
		}
		d.Clock.Advance(10 * time.Hour)
		second := d.submit(ctx, d.ana, r, intake.SubmitInput{Set: "eu-nis2", Stage: "notification", Answers: law.Answers{"status": "Contained", "cross_border": "no"}})
		if second.Number != 2 || len(second.For) != 1 {
			t.Errorf("second: %+v", second)
		}
		if s := d.standing(ctx, got[0], aware); !strings.HasPrefix(s, "early_warning late 24; notification met 72; final_report runs ") {
			t.Errorf("after the notification: %s", s)
		}
		// the first stays as it was
		again, err := d.s.Submissions(ctx, d.DB, d.ana, r.UID)
		if err != nil || len(again) != 2 || string(again[0].Sum) != string(first[0].Sum) || again[0].Answers["cross_border"] != "unknown" {
			t.Errorf("after the second the first reads %+v, %v", again, err)
		}
		if plain, err := json.Marshal(again[1].Answers); err != nil || sha256.Sum256(plain) == [32]byte(again[1].Sum) {
			t.Error("the hash that stays after the answers are destroyed tells them to who guesses", err)
		}
		if known := intake.Known(again, 0); known["cross_border"] != "no" || known["summary"] == "" {
			t.Errorf("known: %v", known)
		}
		// a correction is a submission; its difference shows, and it meets nothing
		third := d.submit(ctx, d.ana, r, intake.SubmitInput{Set: "eu-nis2", Stage: "notification", Corrects: 2, Answers: law.Answers{"status": "Contained", "cross_border": "yes"}})
		if third.Corrects != 2 || third.For[0] != second.For[0] {
			t.Errorf("correction: %+v", third)
		}
		if diff := d.s.Laws.Differ(second.Answers, third.Answers); len(diff) != 1 || diff[0] != (law.Difference{Field: "cross_border", From: "no", To: "yes"}) {
			t.Errorf("differs: %v", diff)
		}
		if s := d.standing(ctx, got[0], aware); strings.Count(s, "notification") != 1 || !strings.Contains(s, "other_states runs") {
			t.Errorf("after the correction other states are to be told: %s", s)
		}
		_, err = d.s.PassedOnTo(ctx, d.ana, got[0].UID, "other_states", time.Time{}, "By the network of CSIRTs")
		if err != nil {
			t.Fatal(err)
		}
		if s := d.standing(ctx, got[0], aware); !strings.Contains(s, "other_states met") {
			t.Errorf("passed on: %s", s)
		}
		rows, err := d.Audit.About(ctx, d.DB, r.Ref.ID, 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		verbs := map[string]int{}
		for _, e := range rows {
			verbs[e.Verb]++
		}
		for verb, n := range map[string]int{"intake.oblige": 1, "intake.submit": 2, "intake.correct": 1, "intake.moment": 0, "intake.passed_on": 1, "deadline.start": 4, "deadline.meet": 3} {
			if verbs[verb] != n {
				t.Errorf("%s is recorded %d times, want %d: %v", verb, verbs[verb], n, verbs)
			}
		}
	})
}

// A provider reports for many: each affected organisation has clocks of its own, and sees its own alone.
func TestOneSubmissionNamesMany(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		r := d.receive(ctx, d.ana, form("Our data centre is down", "ops@provider.example")).Report
		var uids []string
		var towns []int64
		for i := range 60 {
			o, err := d.s.Constituency.Create(ctx, d.ana, constituency.NewOrganisation{Name: fmt.Sprintf("Town %d", i), Communities: []string{"public_administration"}, Lang: "pt"})
			if err != nil {
				t.Fatal(err)
			}
			uids, towns = append(uids, o.UID), append(towns, o.Ref.ID)
		}
		told := d.Clock.Now().Add(-3 * time.Hour).UTC()
		x := d.submit(ctx, d.ana, r, intake.SubmitInput{Set: "be-nis2", Stage: "early_warning", ToldAt: told, Affected: append(uids, uids[0]), Answers: law.Answers{"malicious": "no"}})
		if len(x.For) != 60 {
			t.Fatalf("for %d", len(x.For))
		}
		all := d.obligations(ctx, d.ana, r)
		if len(all) != 60 {
			t.Fatalf("%d obligations", len(all))
		}
		if s := d.standing(ctx, all[7], told); s != "sector_authority runs 1; early_warning met 24; notification runs 72" {
			t.Errorf("the eighth: %s", s)
		}
		// one of them goes on; the others wait
		d.submit(ctx, d.ana, r, intake.SubmitInput{Set: "be-nis2", Stage: "notification", Affected: uids[7:8]})
		if s := d.standing(ctx, all[7], told); !strings.Contains(s, "notification met") {
			t.Errorf("the eighth: %s", s)
		}
		if s := d.standing(ctx, all[8], told); !strings.Contains(s, "notification runs") {
			t.Errorf("the ninth: %s", s)
		}
		clerk := d.Constituent(9, "Clerk", towns[7])
		own := d.obligations(ctx, clerk, r)
		if len(own) != 1 || own[0].Organisation != towns[7] {
			t.Errorf("a town sees %d obligations", len(own))
		}
		list, _, err := d.s.Deadlines.List(ctx, clerk, deadline.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range list {
			if c.Compartment != towns[7] {
				t.Errorf("a town sees a clock of %d", c.Compartment)
			}
		}
		if len(list) == 0 {
			t.Error("a town sees no clock of its own")
		}
		if _, err := d.s.Submissions(ctx, d.DB, clerk, r.UID); !errs.Is(err, errs.NotFound) {
			t.Errorf("a town reads what its provider wrote for sixty: %v", err)
		}
		if n := len(d.obligations(ctx, d.Constituent(10, "Other", d.port.Ref.ID), r)); n != 0 {
			t.Errorf("a stranger sees %d obligations", n)
		}
		// who reads the report's own clocks reads our answer, and none of the sixty
		if of, err := d.s.Deadlines.Of(ctx, d.DB, r.Ref.ID); err != nil || len(of[r.Ref.ID]) != 1 || of[r.Ref.ID][0].Kind != intake.FirstAnswer {
			t.Errorf("of the report: %+v, %v", of, err)
		}
	})
}

// Several laws ask at once; a moment is corrected with a reason, a stage waived by a lead, both on the record, and the clocks follow.
func TestAMomentIsCorrectedAndAStageWaived(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		aware := d.Clock.Now().Add(-2 * time.Hour).UTC()
		lead := d.Person(5, "Lea", access.Lead)
		r := d.under(ctx, "eu-nis2", "early_warning", aware)
		d.submit(ctx, d.ana, r, intake.SubmitInput{Set: "pt-dl-125-2025", Stage: "initial", Class: "essential", Answers: law.Answers{"determined_at": aware.Add(time.Hour).Format(time.RFC3339)}})
		two := d.obligations(ctx, d.ana, r)
		if len(two) != 2 || two[1].Class != "essential" {
			t.Fatalf("obligations: %+v", two)
		}
		eu, pt := two[0], two[1]
		if s := d.standing(ctx, pt, aware); s != "initial met 25" {
			t.Errorf("Portugal: %s", s)
		}

		earlier := aware.Add(-30 * time.Hour)
		_, err := d.s.NoteMoment(ctx, d.ana, eu.UID, law.Aware, earlier, "")
		d.refused("corrected without a reason", err, errs.Invalid)
		changed, err := d.s.NoteMoment(ctx, d.ana, eu.UID, law.Aware, earlier, "They found the first alarm in their logs")
		if err != nil {
			t.Fatal(err)
		}
		if s := d.standing(ctx, eu, earlier); s != "early_warning late 24; notification runs 72" {
			t.Errorf("counted from the earlier moment: %s", s)
		}
		var said []string
		for _, f := range changed.Facts {
			said = append(said, fmt.Sprint(f.Code, f.At.Sub(aware).Hours(), f.EndedAt.IsZero(), f.Note != "", f.Submission))
		}
		if got := strings.Join(said, " "); got != "awareness0 false false 1 awareness-30 true true 0" {
			t.Errorf("facts: %v", said)
		}

		_, err = d.s.Waive(ctx, d.ana, eu.UID, "notification", "No significant incident")
		d.refused("an analyst waives", err, errs.Forbidden)
		_, err = d.s.Waive(ctx, lead, eu.UID, "notification", " ")
		d.refused("waived without a reason", err, errs.Invalid)
		_, err = d.s.Waive(ctx, lead, eu.UID, "early_warning", "Because")
		d.refused("what was met is waived", err, errs.Conflict)
		_, err = d.s.Waive(ctx, lead, eu.UID, "breakfast", "Because")
		d.refused("what no law asks is waived", err, errs.NotFound)
		if _, err = d.s.Waive(ctx, lead, eu.UID, "notification", "Reported to the neighbour state"); err != nil {
			t.Fatal(err)
		}
		if s := d.standing(ctx, eu, earlier); s != "early_warning late 24; notification stopped 72" {
			t.Errorf("waived: %s", s)
		}
		if _, err = d.s.TakeBack(ctx, lead, eu.UID, "notification", "It was not"); err != nil {
			t.Fatal(err)
		}
		if s := d.standing(ctx, eu, earlier); s != "early_warning late 24; notification runs 72" {
			t.Errorf("taken back: %s", s)
		}
		_, err = d.s.TakeBack(ctx, lead, eu.UID, "notification", "Again")
		d.refused("no waiver to take back", err, errs.NotFound)

		// each week, since we asked
		_, err = d.s.RequestStage(ctx, d.ana, pt.UID, "final", time.Time{}, "")
		d.refused("a stage that is not on request", err, errs.Invalid)
		_, err = d.s.RequestStage(ctx, d.ana, eu.UID, "intermediate", time.Time{}, "")
		d.refused("a request without a time where the law has none", err, errs.Invalid)
		_, err = d.s.RequestStage(ctx, d.ana, eu.UID, "intermediate", d.Clock.Now().Add(-time.Hour), "")
		d.refused("by a time that is over", err, errs.Invalid)
		if _, err = d.s.RequestStage(ctx, d.ana, pt.UID, "interim", time.Time{}, "It goes on"); err != nil {
			t.Fatal(err)
		}
		if s := d.standing(ctx, pt, aware); !strings.Contains(s, "interim runs") {
			t.Errorf("asked for a weekly report: %s", s)
		}
		d.Clock.Advance(24 * time.Hour)
		d.submit(ctx, d.ana, r, intake.SubmitInput{Set: "pt-dl-125-2025", Stage: "interim", Answers: law.Answers{"status": "The same"}})
		if s := d.standing(ctx, pt, aware); !strings.Contains(s, "interim met") || !strings.Contains(s, "interim.2 runs") {
			t.Errorf("the next week: %s", s)
		}

		// who belongs to the organisation sees its clocks, neither reasons nor names of ours
		for _, o := range d.obligations(ctx, d.Constituent(2, "Rui", d.hospital.Ref.ID), r) {
			for _, f := range o.Facts {
				if f.Note != "" || f.SaidBy != 0 {
					t.Errorf("a constituent reads %+v", f)
				}
			}
		}
		rui := d.Constituent(2, "Rui", d.hospital.Ref.ID)
		_, err = d.s.NoteMoment(ctx, rui, eu.UID, law.Handled, d.Clock.Now(), "")
		d.refused("a constituent notes a moment", err, errs.Forbidden)
		other := d.Person(7, "Otto", access.Admin)
		_, err = d.s.NoteMoment(ctx, other, eu.UID, law.Handled, d.Clock.Now(), "")
		d.refused("an administrator notes a moment", err, errs.Forbidden)
		_, err = d.s.NoteMoment(ctx, d.ana, eu.UID, "lunch", d.Clock.Now().Add(time.Hour), "")
		if f := errs.Fields(err); len(f) != 2 {
			t.Errorf("two problems are told as %v", err)
		}
		_, err = d.s.NoteMoment(ctx, d.ana, eu.UID, law.Suspended, d.Clock.Now(), "a weekend")
		d.refused("a moment that changes nothing under this law", err, errs.Invalid)
		_, err = d.s.PassedOnTo(ctx, d.ana, eu.UID, "the_press", time.Time{}, "")
		d.refused("passed on to nobody by law", err, errs.NotFound)
	})
}

// What is filed is checked, all problems at once, and nobody files for another.
func TestASubmissionIsRefused(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		r := d.under(ctx, "eu-nis2", "early_warning", time.Time{})
		_, err := d.s.Submit(ctx, d.ana, r.UID, intake.SubmitInput{
			Set: "eu-nis2", Stage: "initial", Class: "huge", ToldAt: d.Clock.Now().Add(time.Hour), Answers: law.Answers{"malicious": "perhaps"},
		})
		if f := errs.Fields(err); len(f) != 5 {
			t.Errorf("five problems are told as %v", err)
		}
		for _, set := range []string{"eu-gdpr-33", "atlantis"} {
			_, err = d.s.Submit(ctx, d.ana, r.UID, intake.SubmitInput{Set: set, Stage: "authority", Channel: correspondence.ByPhone})
			d.refused(set, err, errs.Invalid)
		}
		phone := intake.SubmitInput{Set: "eu-nis2", Stage: "notification", Channel: correspondence.ByPhone}
		_, err = d.s.Submit(ctx, d.Constituent(9, "Eve", d.port.Ref.ID), r.UID, phone)
		d.refused("of another organisation", err, errs.NotFound)
		_, err = d.s.Submit(ctx, d.Person(8, "Aud", access.Auditor), r.UID, phone)
		d.refused("an auditor files", err, errs.Forbidden)
		wrong := phone
		wrong.Message = "nonsense"
		_, err = d.s.Submit(ctx, d.ana, r.UID, wrong)
		d.refused("a message that is not there", err, errs.NotFound)
		wrong = phone
		wrong.Corrects = 9
		_, err = d.s.Submit(ctx, d.ana, r.UID, wrong)
		d.refused("a correction of nothing", err, errs.NotFound)
		wrong.Corrects = 1
		_, err = d.s.Submit(ctx, d.ana, r.UID, wrong)
		d.refused("a correction of another stage", err, errs.NotFound)
		wrong = phone
		wrong.Affected = []string{"nobody"}
		_, err = d.s.Submit(ctx, d.ana, r.UID, wrong)
		d.refused("an organisation that is not there", err, errs.NotFound)
		if all, _ := d.s.Submissions(ctx, d.DB, d.ana, r.UID); len(all) != 1 {
			t.Errorf("%d submissions after refusals", len(all))
		}
		// who is of the organisation files for it, as of now, and names nobody else
		rui := d.Constituent(2, "Rui", d.hospital.Ref.ID)
		x, err := d.s.Submit(ctx, rui, r.UID, intake.SubmitInput{Set: "eu-nis2", Stage: "notification", ToldAt: d.Clock.Now().Add(-time.Hour), Affected: []string{d.port.UID}})
		if err != nil || !x.ToldAt.Equal(d.Clock.Now()) || len(d.obligations(ctx, d.ana, r)) != 1 {
			t.Errorf("filed by the reporter: %+v, %v", x, err)
		}
	})
}

// A mail that lay unread is filed as a stage when somebody finds it: when it came counts.
func TestAForgottenMessageIsFiledAsAStage(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		came := d.Clock.Now().UTC()
		r := d.receive(ctx, access.System("intake"), mailed("Something is wrong", "x@elsewhere.example", correspondence.Claimed)).Report
		if n := len(d.obligations(ctx, d.ana, r)); n != 0 {
			t.Fatalf("%d obligations of a plain mail", n)
		}
		m := d.messages(ctx, r)[0]
		d.Clock.Advance(80 * time.Hour)
		x := d.submit(ctx, d.ana, r, intake.SubmitInput{Set: "eu-nis2", Stage: "early_warning", Message: m.UID, Answers: law.Answers{"aware_at": came.Add(-time.Hour).Format(time.RFC3339)}})
		if !x.ToldAt.Equal(m.At) || x.Channel != correspondence.ByMail || !x.FiledAt.Equal(d.Clock.Now()) {
			t.Errorf("filed as %+v", x)
		}
		o := d.obligations(ctx, d.ana, r)[0]
		if s := d.standing(ctx, o, came.Add(-time.Hour)); s != "early_warning met 24; notification runs 72" {
			t.Errorf("clocks: %s", s)
		}
		if o.Compartment != r.Compartment || o.Compartment == 0 {
			t.Errorf("the obligation of a lone reporter lies in %d", o.Compartment)
		}
		if !o.Late(d.Clock.Now()) {
			t.Error("the notification is late")
		}
	})
}

// What the reporter adds in the portal or by API as a stage meets that stage's clock.
func TestWhatIsAddedAsAStageIsFiled(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		aware := d.Clock.Now().UTC()
		r := d.under(ctx, "eu-nis2", "early_warning", aware)
		rui := d.Constituent(2, "Rui", d.hospital.Ref.ID)
		for _, stage := range []string{"", "breakfast", "notification"} {
			if _, err := d.s.Add(ctx, rui, r.UID, intake.Addition{Channel: correspondence.ByPortal, Text: "Contained since noon", Stage: stage}); err != nil {
				t.Fatalf("%q: %v", stage, err)
			}
		}
		all, err := d.s.Submissions(ctx, d.DB, d.ana, r.UID)
		if err != nil || len(all) != 2 || all[1].Stage != "notification" || all[1].Answers["status"] != "Contained since noon" || all[1].Message == "" {
			t.Fatalf("submissions: %+v, %v", all, err)
		}
		if s := d.standing(ctx, d.obligations(ctx, d.ana, r)[0], aware); !strings.Contains(s, "notification met") {
			t.Errorf("clocks: %s", s)
		}
	})
}

// The clocks go with the report to the strip of its incident, stop when it is concluded, and go on when it is reopened.
func TestTheClocksFollowTheReport(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		aware := d.Clock.Now().UTC()
		r := d.under(ctx, "eu-nis2", "early_warning", aware)
		o := d.obligations(ctx, d.ana, r)[0]
		incident := d.incident(ctx, "INC-2026-000001")
		d.write(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := d.s.AttachTx(ctx, tx, d.ana, r.UID, incident)
			return err
		})
		under := func(on ref.Ref) string {
			t.Helper()
			all, err := d.s.Deadlines.Under(ctx, d.DB, on.ID)
			if err != nil {
				t.Fatal(err)
			}
			var out []string
			for _, c := range all[on.ID] {
				if c.RuleSet != "" && c.Open() {
					out = append(out, c.Kind)
				}
			}
			return strings.Join(out, " ")
		}
		if under(incident) != "notification" || under(r.Ref) != "" {
			t.Errorf("on the strips: %q and %q", under(incident), under(r.Ref))
		}
		// one that starts later stands there too
		d.submit(ctx, d.ana, r, intake.SubmitInput{Set: "eu-nis2", Stage: "notification"})
		if under(incident) != "final_report" {
			t.Errorf("on the strip: %q", under(incident))
		}
		d.write(ctx, func(ctx context.Context, tx *db.Tx) error {
			return d.s.ConcludeTx(ctx, tx, d.ana, incident.ID, nil)
		})
		if under(incident) != "" {
			t.Errorf("concluded: %q", under(incident))
		}
		for _, x := range d.obligations(ctx, d.ana, r)[0].Owed {
			if x.State == law.Running || x.Code == "final_report" && x.Why != intake.Concluded {
				t.Errorf("concluded, and %s is %s: %q", x.Code, x.State, x.Why)
			}
		}
		d.write(ctx, func(ctx context.Context, tx *db.Tx) error { return d.s.ResumeTx(ctx, tx, d.ana, incident.ID) })
		if under(incident) != "final_report" || !strings.Contains(d.standing(ctx, o, aware), "final_report runs") {
			t.Errorf("reopened: %q", under(incident))
		}
		d.write(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := d.s.DetachTx(ctx, tx, d.ana, r.UID, incident)
			return err
		})
		if under(r.Ref) != "final_report" {
			t.Errorf("detached: %q", under(r.Ref))
		}
	})
}

// No statement of an obligation reads a whole table.
func TestObligationsAreFoundByIndex(t *testing.T) {
	h := coretest.Open(t, "sqlite")
	for _, q := range []string{
		`SELECT b.id FROM intake_obligation b WHERE b.report = 1 AND b.rule_set = 'x' AND b.organisation = 2`,
		`SELECT f.id FROM intake_fact f WHERE f.obligation IN (1, 2) ORDER BY f.id`,
		`SELECT s.id FROM intake_submission s WHERE s.report = 1 ORDER BY s.report, s.number`,
		`SELECT x.submission FROM intake_submitted x WHERE x.submission IN (1, 2)`,
		`SELECT c.id FROM deadline_clock c JOIN object o ON o.id = c.whole AND o.compartment = c.compartment WHERE c.whole <> 0 AND c.whole IN (1, 2)`,
	} {
		rows, err := db.All(t.Context(), h.DB, func(r *db.Rows) (line string, err error) {
			var a, b, c int64
			return line, r.Scan(&a, &b, &c, &line)
		}, "EXPLAIN QUERY PLAN "+q)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range rows {
			if strings.HasPrefix(l, "SCAN") {
				t.Errorf("%s\nin %s", l, q)
			}
		}
	}
}
