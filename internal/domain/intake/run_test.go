package intake_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// wave is n mails of the same text, in five languages by turns; every tenth sender is not proved.
func (d *desk) wave(ctx context.Context, n int) (uids []string) {
	d.Helper()
	langs := []string{"en", "pt", "fr", "nl", "de"}
	for i := range n {
		in := phish(fmt.Sprintf("person%d@house%d.example", i, i), "Parcel", parcel)
		in.Lang, in.TLP, in.Proof, in.Body.Name = langs[i%5], "GREEN", correspondence.Aligned, fmt.Sprintf("Person %d", i)
		if i%10 == 9 {
			in.Proof = correspondence.Claimed
		}
		uids = append(uids, d.receive(ctx, access.System("intake"), in).Report.UID)
	}
	d.s.Who = func(_ context.Context, _ db.Handle, account int64) (access.Actor, error) {
		a := d.Person(account, "Ana", access.Analyst)
		a.ProvedAt = time.Time{} // long ago
		return a, nil
	}
	return uids
}

func letters() map[string]intake.Words {
	out := map[string]intake.Words{}
	for _, l := range []string{"en", "pt", "fr", "de"} { // Dutch readers get English
		out[l] = intake.Words{Subject: "About " + l, Text: "To {name} on {reference} in " + l}
	}
	return out
}

func (d *desk) count(ctx context.Context, query string, args ...any) (n int) {
	d.Helper()
	if err := d.DB.QueryRow(ctx, query, args...).Scan(&n); err != nil {
		d.Fatal(err)
	}
	return n
}

// A wave is answered in one decision: each proved reporter once, in its language, however often the job was killed; then it is taken back while the
// letters are held.
func TestAWaveIsAnsweredInOneDecision(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		uids := d.wave(ctx, 70)
		readers, err := d.s.Readers(ctx, d.ana, uids, false)
		left := 0
		for _, r := range readers {
			if r.Why == "desk.run.left.unproved" {
				left++
			}
		}
		if err != nil || len(readers) != 70 || left != 7 {
			t.Fatalf("%d readers, %d left out, %v", len(readers), left, err)
		}
		in := intake.RunInput{Action: intake.RunAnswer, Reports: uids, Letters: letters()}
		stale := d.ana
		stale.ProvedAt = d.Clock.Now().Add(-time.Hour)
		_, err = d.s.StartRun(ctx, stale, in)
		if err == nil {
			t.Error("63 readers on the word of somebody who proved nothing afresh")
		}
		run, err := d.s.StartRun(ctx, d.ana, in)
		if err != nil {
			t.Fatal(err)
		}
		if more, err := d.s.RunSome(ctx, run.ID); err != nil || !more {
			t.Fatal(more, err)
		}
		half, err := d.s.GetRun(ctx, d.ana, run.UID)
		if err != nil || half.Done != 20 || half.Left != 7 || half.All != 70 || half.State != intake.Running || half.Why["desk.run.left.unproved"] != 7 {
			t.Errorf("half way: %+v, %v", half, err)
		}
		if masses, err := d.s.Correspondence.Masses(ctx, d.ana); err != nil || len(masses) != 0 {
			t.Errorf("released before it was all written: %+v, %v", masses, err)
		}
		var both sync.WaitGroup // the queue may run a job twice
		for range 2 {
			both.Go(func() {
				if err := d.s.WorkRun(ctx, run.ID); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		done, err := d.s.GetRun(ctx, d.ana, run.UID)
		if err != nil || done.Done != 63 || done.Left != 7 || done.State != intake.RunDone || done.EndedAt.IsZero() {
			t.Errorf("done: %+v, %v", done, err)
		}
		masses, err := d.s.Correspondence.Masses(ctx, d.ana)
		if err != nil || len(masses) != 1 || masses[0].Readers != 63 {
			t.Fatalf("%+v, %v", masses, err)
		}
		passed, seen := map[string]bool{}, 0
		for i, uid := range uids {
			r, err := d.s.Get(ctx, d.DB, d.ana, uid)
			if err != nil {
				t.Fatal(err)
			}
			var out []correspondence.Message
			for _, m := range d.messages(ctx, r) {
				if m.Direction == correspondence.Out && m.Kind == correspondence.Letter {
					out = append(out, m)
				}
			}
			if i%10 == 9 {
				if len(out) != 0 || r.State != intake.New {
					t.Errorf("an unproved sender: %d letters, %s", len(out), r.State)
				}
				continue
			}
			lang := []string{"en", "pt", "fr", "en", "de"}[i%5]
			if len(out) != 1 || r.State != intake.Answered {
				t.Fatalf("%d letters, %s", len(out), r.State)
			}
			if want := fmt.Sprintf("To Person %d on %s in %s", i, r.Reference, lang); out[0].Body.Text != want || out[0].Body.Subject != "About "+lang {
				t.Errorf("%q, want %q", out[0].Body.Text, want)
			}
			seen++
			passed[out[0].UID] = true
		}
		if seen != 63 || len(passed) != 63 {
			t.Errorf("%d letters, %d of their own", seen, len(passed))
		}
		if err := d.s.UndoRun(ctx, d.ana, run.UID); err != nil {
			t.Fatal(err)
		}
		if err := d.s.WorkRun(ctx, run.ID); err != nil {
			t.Fatal(err)
		}
		back, err := d.s.GetRun(ctx, d.ana, run.UID)
		if err != nil || back.Undone != 63 || back.State != intake.Undone {
			t.Errorf("taken back: %+v, %v", back, err)
		}
		if n := d.count(ctx, `SELECT COUNT(*) FROM intake_report WHERE state = 'new'`); n != 70 {
			t.Errorf("%d wait again", n)
		}
		if n := d.count(ctx, `SELECT COUNT(*) FROM correspondence_message WHERE kind = 'letter' AND state = 'stopped'`); n != 63 {
			t.Errorf("%d letters were stopped", n)
		}
		d.refused("undo twice", d.s.UndoRun(ctx, d.ana, run.UID), errs.Conflict)
		d.refused("cancel what is over", d.s.CancelRun(ctx, d.ana, run.UID), errs.Conflict)
	})
}

// A rejection of many is cancelled half way; one that somebody settled meanwhile is left and stops no other; a right that was lost stops the rest.
func TestARunGoesAroundWhatChanged(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		uids := d.wave(ctx, 50)
		run, err := d.s.StartRun(ctx, d.ana, intake.RunInput{Action: intake.RunReject, Reports: uids, Reason: "spam"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.s.Reject(ctx, d.ana, uids[3], "test", "", 0); err != nil {
			t.Fatal(err)
		}
		for range 5 { // the batch cannot be, so each has its own
			if _, err := d.s.RunSome(ctx, run.ID); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.s.CancelRun(ctx, d.ana, run.UID); err != nil {
			t.Fatal(err)
		}
		if err := d.s.WorkRun(ctx, run.ID); err != nil {
			t.Fatal(err)
		}
		got, err := d.s.GetRun(ctx, d.ana, run.UID)
		if err != nil || got.Left != 1 || got.Why["desk.run.left.conflict"] != 1 || got.Done == 0 || got.Done+got.Left == got.All || got.State != intake.Cancelled {
			t.Errorf("cancelled: %+v, %v", got, err)
		}
		if n := d.count(ctx, `SELECT COUNT(*) FROM intake_report WHERE state = 'rejected' AND reason = 'spam'`); n != got.Done {
			t.Errorf("%d rejected, %d noted", n, got.Done)
		}
		second, err := d.s.StartRun(ctx, d.ana, intake.RunInput{Action: intake.RunReject, Reports: uids[45:], Reason: "spam"})
		if err != nil {
			t.Fatal(err)
		}
		d.s.Who = func(context.Context, db.Handle, int64) (access.Actor, error) { return access.Actor{}, errs.ErrNotFound }
		if err := d.s.WorkRun(ctx, second.ID); err == nil {
			t.Error("done for an account that is gone")
		}
		if n := d.count(ctx, `SELECT COUNT(*) FROM intake_report WHERE state = 'rejected' AND reason = 'spam'`); n != got.Done {
			t.Error("rejected for an account that is gone")
		}
	})
}

func TestRunsAreRefused(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		uids := d.wave(ctx, 2)
		good := intake.RunInput{Action: intake.RunReject, Reports: uids, Reason: "spam"}
		_, err := d.s.StartRun(ctx, d.Constituent(9, "Rui", d.hospital.Ref.ID), good)
		d.refused("a constituent", err, errs.Forbidden)
		for what, change := range map[string]func(*intake.RunInput){
			"no reason": func(in *intake.RunInput) { in.Reason = "because" }, "no act": func(in *intake.RunInput) { in.Action = "burn" },
			"no reports": func(in *intake.RunInput) { in.Reports = nil }, "no letter": func(in *intake.RunInput) { in.Action = intake.RunAnswer },
			"a novel": func(in *intake.RunInput) { in.Note = strings.Repeat("a", 5000) },
		} {
			in := good
			change(&in)
			_, err := d.s.StartRun(ctx, d.ana, in)
			d.refused(what, err, errs.Invalid)
		}
		if _, err := d.DB.Exec(ctx, `UPDATE object SET sealed = TRUE WHERE uid = $1`, uids[1]); err != nil {
			t.Fatal(err)
		}
		_, err = d.s.StartRun(ctx, d.ana, good)
		d.refused("one that is sealed", err, errs.NotFound)
		run, err := d.s.StartRun(ctx, d.ana, intake.RunInput{Action: intake.RunReject, Reports: uids[:1], Reason: "spam"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.DB.Exec(ctx, `UPDATE object SET sealed = TRUE WHERE uid = $1`, uids[0]); err != nil {
			t.Fatal(err)
		}
		_, err = d.s.GetRun(ctx, d.ana, run.UID)
		d.refused("a run over what is sealed", err, errs.NotFound)
	})
}

// The job of a run was given up: it is asked again, once, until the run is over.
func TestARunWhoseJobWasGivenUpGoesOn(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		run, err := d.s.StartRun(ctx, d.ana, intake.RunInput{Action: intake.RunReject, Reports: d.wave(ctx, 3), Reason: "spam"})
		must(err)
		_, err = d.DB.Exec(ctx, `UPDATE river_job SET state = 'discarded', finalized_at = created_at WHERE kind = 'intake.run'`)
		must(err)
		waiting := func() int {
			return d.count(ctx, `SELECT COUNT(*) FROM river_job WHERE kind = 'intake.run' AND state = 'available'`)
		}
		for range 2 {
			must(d.s.ResumeRuns(ctx))
			if n := waiting(); n != 1 {
				t.Fatalf("%d jobs", n)
			}
		}
		must(d.s.WorkRun(ctx, run.ID))
		_, err = d.DB.Exec(ctx, `DELETE FROM river_job WHERE kind = 'intake.run'`)
		must(err)
		must(d.s.ResumeRuns(ctx))
		if n := waiting(); n != 0 {
			t.Errorf("a run that is over has %d jobs", n)
		}
	})
}
