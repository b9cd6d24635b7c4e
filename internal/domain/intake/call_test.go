package intake_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

func callNote(summary string) intake.ReceiveInput {
	return intake.ReceiveInput{Channel: correspondence.ByPhone, Lang: "pt", TLP: "TLP:AMBER", Body: intake.Body{Summary: summary, Name: "Rui", Phone: "00 999 234 559 111"}}
}

// A call is noted an hour after it was: it counts from when it was. It waits as a note to be finished; finishing it leaves the first note as it is,
// and what was added is found.
func TestACallIsNotedAndFinished(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		note := callNote("Ransom note on two servers")
		note.CalledAt, note.Contact = d.Clock.Now().Add(-time.Hour), d.rui.ID
		r := d.receive(ctx, d.ana, note).Report
		if !r.ReceivedAt.Equal(note.CalledAt) || !r.CreatedAt.Equal(d.Clock.Now()) || r.Proof != correspondence.ByHand {
			t.Errorf("received %v, noted %v, proof %d", r.ReceivedAt, r.CreatedAt, r.Proof)
		}
		lines := d.queue(ctx, intake.QueueFilter{})
		if len(lines) != 1 || !lines[0].Unfinished || !lines[0].StartedAt.Equal(note.CalledAt) {
			t.Fatalf("the queue shows %+v", lines)
		}
		done := intake.FinishInput{Body: r.Body, AwareAt: note.CalledAt, Version: r.Version}
		done.Body.Description, done.Body.Email = "The note is named README-quokka.", "rui@hospital.example"
		finished, err := d.s.Finish(ctx, d.ana, r.UID, done)
		if err != nil {
			t.Fatal(err)
		}
		if finished.Version == r.Version || finished.Body.Description != done.Body.Description {
			t.Errorf("finished as %+v", finished)
		}
		if lines = d.queue(ctx, intake.QueueFilter{}); len(lines) != 1 || lines[0].Unfinished {
			t.Errorf("the queue still says that the note is to be finished")
		}
		for _, word := range []string{"quokka", "ransom"} {
			if found := d.queue(ctx, intake.QueueFilter{Text: word}); len(found) != 1 {
				t.Errorf("%q finds %d reports", word, len(found))
			}
		}
		var told []correspondence.Message
		for _, m := range d.messages(ctx, r) {
			if m.Direction == correspondence.In {
				told = append(told, m)
			}
		}
		if len(told) != 2 || strings.Contains(told[0].Body.Text, "quokka") || !strings.Contains(told[1].Body.Text, "quokka") {
			t.Errorf("the thread holds %+v", told)
		}
		threads, err := d.s.Correspondence.Threads(ctx, d.DB, r.Thread)
		if err != nil || threads[r.Thread].Correspondent.Email != "rui@hospital.example" {
			t.Errorf("an answer would go to %+v, %v", threads[r.Thread].Correspondent, err)
		}
		d.refusedAll(ctx, r, done)
	})
}

func (d *desk) refusedAll(ctx context.Context, r intake.Report, done intake.FinishInput) {
	d.Helper()
	finish := func(by access.Actor, report string, in intake.FinishInput) error {
		_, err := d.s.Finish(ctx, by, report, in)
		return err
	}
	d.refused("an old version", finish(d.ana, r.UID, done), errs.Conflict)
	d.refused("the auditor", finish(d.Person(9, "Aud", access.Auditor), r.UID, done), errs.Forbidden)
	d.refused("a report that is not there", finish(d.ana, "nothing", done), errs.NotFound)
	d.refused("no text", finish(d.ana, r.UID, intake.FinishInput{}), errs.Invalid)
	form := d.receive(ctx, stranger, form("By form", "")).Report
	done.Version = 0
	d.refused("what was not told on the telephone", finish(d.ana, form.UID, done), errs.Conflict)
	late := callNote("Tomorrow")
	late.CalledAt = d.Clock.Now().Add(time.Hour)
	_, err := d.s.Receive(ctx, d.ana, late)
	d.refused("a call that is still to come", err, errs.Invalid)
	claim := callNote("I called yesterday")
	claim.CalledAt = d.Clock.Now().Add(-24 * time.Hour)
	if got := d.receive(ctx, stranger, claim).Report; !got.ReceivedAt.Equal(d.Clock.Now()) {
		d.Error("a stranger sets when we were told")
	}
}

// What was noted while Tocsin was down is taken once, whoever brings it and however often.
func TestANoteFromOutsideIsTakenOnce(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		note := callNote("Noted on paper")
		note.CalledAt, note.Offline = d.Clock.Now().Add(-3*time.Hour), "note-1"
		d.receive(ctx, d.ana, note)
		_, err := d.s.Receive(ctx, d.ana, note)
		d.refused("the same note again", err, errs.Conflict)
		if n := len(d.queue(ctx, intake.QueueFilter{})); n != 1 {
			t.Errorf("%d reports", n)
		}
	})
}

// Calling back proves the caller only on a number that somebody checked before.
func TestCallingBackProvesTheCaller(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		c := d.s.Constituency
		n, err := c.AddNumber(ctx, d.ana, d.rui.UID, constituency.NewNumber{Number: "+999 (234) 559-111", Note: "mobile", Outside: true})
		if err != nil {
			t.Fatal(err)
		}
		found, err := c.Callers(ctx, d.DB, d.ana, "00999 234 559 111")
		if err != nil || len(found) != 1 || found[0].ID != d.rui.ID {
			t.Errorf("who has the number: %+v, %v", found, err)
		}
		note := callNote("Somebody says he is Rui")
		r := d.receive(ctx, d.ana, note).Report
		if r.Organisation != 0 || r.Proof != correspondence.ByHand {
			t.Errorf("a number that a caller names proves something: %+v", r)
		}
		back := func(o intake.Outcome) intake.Report {
			t.Helper()
			r, err := d.s.CalledBack(ctx, d.ana, r.UID, intake.CallBackInput{Number: n.UID, Outcome: o, Note: "Rui himself"})
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		if r := back(intake.Theirs); r.Proof != correspondence.ByHand {
			t.Error("a number that nobody checked proves the caller")
		}
		if _, err := c.VerifyNumber(ctx, d.ana, n.UID, "asked the switchboard of the city"); err != nil {
			t.Fatal(err)
		}
		for _, x := range []struct {
			o    intake.Outcome
			want correspondence.Proof
		}{{intake.NotReached, correspondence.ByHand}, {intake.NotTheirs, correspondence.Forged}, {intake.Theirs, correspondence.CalledBack}, {intake.NotReached, correspondence.CalledBack}} {
			if r := back(x.o); r.Proof != x.want {
				t.Errorf("%s: proof %d, want %d", x.o, r.Proof, x.want)
			}
		}
		all, err := d.s.CallBacks(ctx, d.DB, r.Ref.ID)
		if err != nil || len(all) != 5 || all[4].Verified || !all[0].Verified || all[0].Note != "Rui himself" {
			t.Errorf("kept %+v, %v", all, err)
		}
		for what, in := range map[string]intake.CallBackInput{
			"no number": {Outcome: intake.Theirs}, "no outcome": {Number: n.UID}, "later than now": {Number: n.UID, Outcome: intake.Theirs, At: d.Clock.Now().Add(time.Hour)},
		} {
			_, err := d.s.CalledBack(ctx, d.ana, r.UID, in)
			d.refused(what, err, errs.Invalid)
		}
		_, err = d.s.CalledBack(ctx, d.ana, r.UID, intake.CallBackInput{Number: "nothing", Outcome: intake.Theirs})
		d.refused("a number that is not there", err, errs.NotFound)
		_, err = d.s.CalledBack(ctx, d.Person(9, "Aud", access.Auditor), r.UID, intake.CallBackInput{Number: n.UID, Outcome: intake.Theirs})
		d.refused("the auditor", err, errs.Forbidden)
		if err := c.RetireNumber(ctx, d.ana, n.UID); err != nil {
			t.Fatal(err)
		}
		_, err = d.s.CalledBack(ctx, d.ana, r.UID, intake.CallBackInput{Number: n.UID, Outcome: intake.Theirs})
		d.refused("a number out of use", err, errs.NotFound)
	})
}

// The number of a contact's entry is one of its numbers; another one is not checked.
func TestNumbersFollowTheContact(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		c := d.s.Constituency
		numbers := func() []constituency.Number {
			t.Helper()
			all, err := c.Numbers(ctx, d.DB, d.rui.ID)
			if err != nil {
				t.Fatal(err)
			}
			return all[d.rui.ID]
		}
		in := constituency.NewContact{Name: "Rui Tavares", Role: "security", Email: "rui@hospital.example", Phone: "+999 1 234 567"}
		edit := func() {
			t.Helper()
			if _, err := c.EditContact(ctx, d.ana, d.rui.UID, in); err != nil {
				t.Fatal(err)
			}
		}
		edit()
		had := numbers()
		if len(had) != 1 || !had[0].VerifiedAt.IsZero() {
			t.Fatalf("numbers %+v", had)
		}
		if _, err := c.VerifyNumber(ctx, d.ana, had[0].UID, "met in person"); err != nil {
			t.Fatal(err)
		}
		in.Name = "Rui T."
		edit()
		in.Phone = "00999 1234567" // the same, written otherwise
		edit()
		if now := numbers(); len(now) != 1 || now[0].VerifiedHow != "met in person" || now[0].VerifiedBy != d.ana.Account {
			t.Errorf("after the name changed: %+v", now)
		}
		in.Phone = "+999 7 654 321"
		edit()
		if now := numbers(); len(now) != 1 || now[0].Number != in.Phone || !now[0].VerifiedAt.IsZero() {
			t.Errorf("after the number changed: %+v", now)
		}
		_, err := c.AddNumber(ctx, d.ana, d.rui.UID, constituency.NewNumber{Number: "999 7654321"})
		d.refused("a number twice", err, errs.Invalid)
		_, err = c.AddNumber(ctx, d.ana, d.rui.UID, constituency.NewNumber{Number: "ring us"})
		d.refused("no number", err, errs.Invalid)
		aud := d.Person(9, "Aud", access.Auditor)
		_, err = c.AddNumber(ctx, aud, d.rui.UID, constituency.NewNumber{Number: "+999 111 222"})
		d.refused("the auditor adds", err, errs.Forbidden)
		_, err = c.VerifyNumber(ctx, aud, numbers()[0].UID, "x")
		d.refused("the auditor verifies", err, errs.Forbidden)
		_, err = c.VerifyNumber(ctx, d.ana, numbers()[0].UID, " ")
		d.refused("without saying how", err, errs.Invalid)
		d.refused("the auditor retires", c.RetireNumber(ctx, aud, numbers()[0].UID), errs.Forbidden)
	})
}
