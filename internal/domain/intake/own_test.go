package intake_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// towns are organisations that a provider reports for, with somebody of each at the portal.
func (d *desk) towns(ctx context.Context, n int) (uids []string, clerks []access.Actor) {
	d.Helper()
	for i := range n {
		o, err := d.s.Constituency.Create(ctx, d.ana, constituency.NewOrganisation{Name: fmt.Sprintf("Town %d", i), Communities: []string{"public_administration"}, Lang: "pt"})
		if err != nil {
			d.Fatal(err)
		}
		uids, clerks = append(uids, o.UID), append(clerks, d.Constituent(100+int64(i), "Clerk", o.Ref.ID))
	}
	return uids, clerks
}

// A provider reported for three towns. One of them reads what was said of it and nothing of the others, files its own next stage and corrects it; neither
// the provider nor another town learns of that.
func TestAnAffectedOrganisationFilesForItself(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		d.Clock.Set(time.Date(2026, 7, 1, 7, 0, 0, 0, time.UTC))
		d.box(ctx)
		code := id.NewCode()
		in := filed()
		in.Filings = in.Filings[:1]
		if _, err := d.drop(ctx, intake.Drop{Input: in, Code: code}); err != nil {
			t.Fatal(err)
		}
		if _, err := d.s.OpenDrops(ctx); err != nil {
			t.Fatal(err)
		}
		r := d.queue(ctx, intake.QueueFilter{})[0].Report
		uids, clerks := d.towns(ctx, 3)
		d.submit(ctx, d.ana, r, intake.SubmitInput{Set: "be-nis2", Stage: "early_warning", Affected: uids, Answers: law.Answers{"summary": "Town 1 and Town 2 are down too", "malicious": "yes", "contact_name": "Secret name"}})
		list, err := d.s.CasesOfUs(ctx, clerks[0], "", 0)
		if err != nil || len(list.Items) != 1 || len(list.Items[0].Submissions)+len(list.Items[0].Known) != 0 {
			t.Fatalf("%+v, %v", list, err)
		}
		one, err := d.s.CaseOfUs(ctx, d.DB, clerks[0], list.Items[0].UID)
		if err != nil {
			t.Fatal(err)
		}
		if !one.Foreign || one.Report != "" || one.As != "provider" || one.Who == "" || len(one.Submissions) != 1 || one.Submissions[0].FiledBy != 0 {
			t.Errorf("%+v", one)
		}
		if a := one.Submissions[0].Answers; a["malicious"] != "yes" || len(a) != 1 {
			t.Errorf("reads the words: %v", a)
		}
		d.lacks("what it reads", fmt.Sprintf("%+v %+v", one, list), "Town 1", "Town 2", "Town of Abel", "Secret", uids[1])
		// the team shares the words, and takes that back
		d.refused("shared by a clerk", d.s.ShareWords(ctx, clerks[0], r.UID, 2, true), errs.Forbidden)
		d.refused("of no submission", d.s.ShareWords(ctx, d.ana, r.UID, 77, true), errs.NotFound)
		if err := d.s.ShareWords(ctx, d.ana, r.UID, 2, true); err != nil {
			t.Fatal(err)
		}
		if one, err = d.s.CaseOfUs(ctx, d.DB, clerks[0], one.UID); err != nil || one.Known["summary"] == "" {
			t.Errorf("shared: %+v, %v", one.Known, err)
		}
		if err := d.s.ShareWords(ctx, d.ana, r.UID, 2, false); err != nil {
			t.Fatal(err)
		}
		// it files its own
		d.Clock.Advance(time.Hour)
		x, err := d.s.SubmitOwn(ctx, clerks[0], one.UID, intake.SubmitInput{Stage: "notification", Answers: law.Answers{"status": "Own words", "cross_border": "no"}, Affected: uids, Message: "x"})
		if err != nil || x.Organisation == 0 || len(x.For) != 1 || x.Shared {
			t.Fatalf("%+v, %v", x, err)
		}
		if _, err = d.s.SubmitOwn(ctx, clerks[0], one.UID, intake.SubmitInput{Stage: "notification", Corrects: x.Number, Answers: law.Answers{"status": "Own words, better"}}); err != nil {
			t.Fatal(err)
		}
		d.refused("corrects the provider's", second(d.s.SubmitOwn(ctx, clerks[0], one.UID, intake.SubmitInput{Stage: "early_warning", Corrects: 2})), errs.NotFound)
		d.refused("another town's", second(d.s.SubmitOwn(ctx, clerks[1], one.UID, intake.SubmitInput{Stage: "notification"})), errs.NotFound)
		d.refused("another town reads", second(d.s.CaseOfUs(ctx, d.DB, clerks[1], one.UID)), errs.NotFound)
		d.refused("a stranger", second(d.s.SubmitOwn(ctx, access.Stranger(access.ByPage, "en"), one.UID, intake.SubmitInput{Stage: "notification"})), errs.Unauthenticated)
		d.refused("no such stage", second(d.s.SubmitOwn(ctx, clerks[0], one.UID, intake.SubmitInput{Stage: "breakfast"})), errs.Invalid)
		if one, err = d.s.CaseOfUs(ctx, d.DB, clerks[0], one.UID); err != nil || len(one.Submissions) != 3 || one.Known["status"] != "Own words, better" {
			t.Errorf("own: %+v, %v", one, err)
		}
		if o, _ := one.Find("notification"); o.State != law.Met {
			t.Errorf("its clock: %+v", o)
		}
		other, err := d.s.CasesOfUs(ctx, clerks[1], "", 0)
		if err != nil || len(other.Items) != 1 {
			t.Fatal(err)
		}
		two, err := d.s.CaseOfUs(ctx, d.DB, clerks[1], other.Items[0].UID)
		if err != nil || len(two.Submissions) != 1 || two.Known["status"] != "" {
			t.Errorf("another town: %+v, %v", two, err)
		}
		if o, _ := two.Find("notification"); o.State != law.Running {
			t.Errorf("another town's clock: %+v", o)
		}
		// the provider's link
		look, err := intake.Look(ctx, d.DB, d.Clock, code)
		if err != nil || len(look.Handed) != 2 || look.Known()["status"] != "" {
			t.Errorf("the provider reads %+v, %v", look.Handed, err)
		}
		for _, n := range look.Sheets {
			if n > 2 {
				t.Errorf("the provider has the receipt of %d", n)
			}
		}
		// the team reads all, and says who handed it in
		all := d.handed(ctx, r)
		if len(all) != 4 || all[2].Organisation == 0 || all[1].Organisation != 0 {
			t.Errorf("the team: %+v", all)
		}
		if gaps, err := d.s.Gaps(ctx, d.DB, d.ana, r.UID); err != nil || len(gaps) != 2 {
			t.Errorf("gaps: %+v, %v", gaps, err)
		}
		if _, err := d.s.Reject(ctx, d.ana, r.UID, "other", "Not ours", 0); err != nil {
			t.Fatal(err)
		}
		// concluded for us, it takes what a town still owes, and nothing more
		if _, err := d.s.SubmitOwn(ctx, clerks[0], one.UID, intake.SubmitInput{Stage: "final_report", Answers: law.Answers{"root_cause": "A stolen password"}}); err != nil {
			t.Errorf("owed, and refused: %v", err)
		}
		d.refused("concluded", second(d.s.SubmitOwn(ctx, clerks[0], one.UID, intake.SubmitInput{Stage: "final_report"})), errs.Conflict)
		d.refused("a name that no table holds", second(d.s.CaseOfUs(ctx, d.DB, clerks[0], "a\x00b\xff")), errs.NotFound)
	})
}
