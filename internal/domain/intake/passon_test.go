package intake_test

import (
	"context"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// A report that belongs to another is passed on with a letter in its reader's language, whose links lead nowhere and which names nobody unless asked; while
// it is held it is taken back, in triage or in the outbox; once it left, its reader reads and confirms it, and the reporter learns of none of this.
func TestAReportIsPassedOnWithALetter(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		d.s.Correspondence.Follow = followed{d.s}
		police, at := d.authority(ctx, "Police fédérale", "crime@police.example")
		in := phish("ana@house.example", "Extorted", "They want money. See https://evil.example/pay\r\nHelp. "+strings.Repeat("word ", 60)+strings.Repeat("y", 200)+" OURS: pay this team")
		in.TLP, in.Proof, in.Body.Name = "AMBER+STRICT", correspondence.Aligned, "Ana Lima"
		r := d.receive(ctx, access.System("intake"), in).Report
		pass := intake.PassOnInput{To: "police", Note: "spoke with them", Letter: intake.PassLetter{Organisation: police.UID, Note: "As agreed on the phone."}}

		_, err := d.s.PreviewPassOn(ctx, d.ana, []string{r.UID}, pass)
		d.refused("beyond its label without a word", err, errs.Invalid)
		pass.Letter.Basis = intake.BasisConsent
		seen, err := d.s.PreviewPassOn(ctx, d.ana, []string{r.UID}, pass)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"Nous vous transmettons", "As agreed on the phone.", r.Reference, "> They want money. See hxxps://evil.example/pay", "> Help. word", "vous lie aussi : TLP:AMBER+STRICT"} {
			if !strings.Contains(seen.Inside, want) {
				t.Errorf("the preview lacks %q:\n%s", want, seen.Inside)
			}
		}
		for _, not := range []string{"Ana Lima", "ana@house", "https://evil", "spoke with them"} {
			if strings.Contains(seen.Text+seen.Inside, not) {
				t.Errorf("the letter says %q:\n%s", not, seen.Inside)
			}
		}
		for line := range strings.Lines(seen.Inside) {
			if (strings.Contains(line, "word") || strings.Contains(line, "OURS") || strings.Contains(line, "yyy")) && !strings.HasPrefix(line, "> ") {
				t.Errorf("a stranger's words stand as ours: %q", line)
			}
		}
		if d.count(ctx, `SELECT COUNT(*) FROM intake_forward`) != 0 || d.count(ctx, `SELECT COUNT(*) FROM correspondence_message WHERE kind = 'letter'`) != 0 {
			t.Error("looking sent something")
		}
		if seen.Road.Road != egress.Notice || strings.Contains(seen.Text, "money") {
			t.Errorf("beyond AMBER, without a key, in clear: %v\n%s", seen.Road, seen.Text)
		}

		send := func() intake.Forward {
			t.Helper()
			f, err := d.s.PassOnByLetter(ctx, d.ana, r.UID, pass)
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
		is := func(want intake.State) {
			t.Helper()
			if got, err := d.s.Get(ctx, d.DB, d.ana, r.UID); err != nil || got.State != want {
				t.Errorf("%s, want %s, %v", got.State, want, err)
			}
		}
		f := send()
		is(intake.PassedOn)
		_, err = d.s.PassOnByLetter(ctx, d.ana, r.UID, pass)
		d.refused("twice", err, errs.Conflict)
		if _, err := d.s.Restore(ctx, d.ana, r.UID); err != nil {
			t.Fatal(err)
		}
		is(intake.New)
		if n := d.count(ctx, `SELECT COUNT(*) FROM correspondence_message WHERE uid = $1 AND state = 'stopped'`, f.Message); n != 1 {
			t.Error("taken back, and the letter leaves")
		}
		f = send()
		if err := d.s.Correspondence.Stop(ctx, d.ana, f.Message); err != nil {
			t.Fatal(err)
		}
		is(intake.New)
		if all, err := d.s.PassedToUs(ctx, at, "", 0); err != nil || len(all.Items) != 0 {
			t.Errorf("stopped, and seen: %v %v", all.Items, err)
		}

		pass.Letter.Reporter = true
		f = send()
		d.leave(ctx, f)
		if _, err := d.s.ReadPassed(ctx, at, f.UID); err != nil {
			t.Error(err)
		}
		if err := d.s.ConfirmPassed(ctx, at, f.UID); err != nil {
			t.Error(err)
		}
		all, err := d.s.Handed(ctx, d.DB, d.ana, r.UID)
		if err != nil || len(all) != 3 || all[2].ConfirmedBy != string(correspondence.ByPortal) || all[2].ReadAt.IsZero() || all[0].StoppedAt.IsZero() || all[1].StoppedAt.IsZero() || all[2].ThreadUID == "" {
			t.Errorf("the record: %+v, %v", all, err)
		}
		if text := all[2].Messages()[0].Body.Text; !strings.Contains(text, "Ana Lima") {
			t.Errorf("the reporter was to be named:\n%s", text)
		}
		threads, err := d.s.Correspondence.Threads(ctx, d.DB, all[2].Thread)
		if err != nil {
			t.Fatal(err)
		}
		// What they write stays on their thread, and the report comes back to the queue.
		d.write(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := d.s.VouchAnswerTx(ctx, tx, access.System("intake"), threads[all[2].Thread], correspondence.Incoming{
				Channel: correspondence.ByMail, State: correspondence.Filed, Body: correspondence.Body{Text: "We have opened a case."}, At: d.Clock.Now(),
			})
			return err
		})
		if q := d.queue(ctx, intake.QueueFilter{}); len(q) != 1 || !q[0].AnswerCame {
			t.Errorf("nobody hears of the answer: %+v", q)
		}
		for _, m := range d.messages(ctx, r) {
			if strings.Contains(m.Body.Text, "opened a case") || strings.Contains(m.Body.Text, "transmettons") {
				t.Error("it stands on the reporter's thread")
			}
		}
		if _, other := d.authority(ctx, "Autorité", "a@autre.example"); true {
			_, err := d.s.ReadPassed(ctx, other, f.UID)
			d.refused("another organisation", err, errs.NotFound)
		}
	})
}

// A group is passed on with one letter that names all of it; to a mail address that nobody knows a label that asks for a key refuses it.
func TestAGroupIsPassedOnWithOneLetter(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		d.s.Correspondence.Follow = followed{d.s}
		uids := d.wave(ctx, 45)
		in := intake.RunInput{Action: intake.RunPassOn, Reports: uids, To: "provider", Pass: &intake.PassLetter{Email: "abuse@hoster.example", Lang: "de"}}
		for what, change := range map[string]func(*intake.PassLetter){
			"nobody": func(l *intake.PassLetter) { l.Email = "" }, "no address": func(l *intake.PassLetter) { l.Email = "hoster" },
			"of the register": func(l *intake.PassLetter) { l.Email = "RUI@hospital.example" }, "no such language": func(l *intake.PassLetter) { l.Lang = "xx" },
			"two lines": func(l *intake.PassLetter) { l.Name = "a\r\nBcc: x@y.example" }, "what no table holds": func(l *intake.PassLetter) { l.Name = "a\x00b" },
			"an odd reason": func(l *intake.PassLetter) { l.Basis = "because" }, "a novel": func(l *intake.PassLetter) { l.Note = strings.Repeat("a", 5000) },
		} {
			wrong, letter := in, *in.Pass
			change(&letter)
			wrong.Pass = &letter
			_, err := d.s.StartRun(ctx, d.ana, wrong)
			d.refused(what, err, errs.Invalid)
		}
		_, err := d.s.StartRun(ctx, d.Constituent(9, "Rui", d.hospital.Ref.ID), in)
		d.refused("a constituent", err, errs.Forbidden)

		run, err := d.s.StartRun(ctx, d.ana, in)
		if err != nil {
			t.Fatal(err)
		}
		_, err = d.s.StartRun(ctx, d.ana, in)
		d.refused("pressed twice", err, errs.Conflict)
		if err := d.s.WorkRun(ctx, run.ID); err != nil {
			t.Fatal(err)
		}
		_, err = d.s.StartRun(ctx, d.ana, in)
		d.refused("pressed once more when it is done", err, errs.Conflict)
		got, err := d.s.GetRun(ctx, d.ana, run.UID)
		if err != nil || got.Done != 45 || got.State != intake.RunDone {
			t.Fatalf("%+v, %v", got, err)
		}
		for _, uid := range []string{uids[0], uids[44]} {
			all, err := d.s.Handed(ctx, d.DB, d.ana, uid)
			if err != nil || len(all) != 1 || all[0].Name != "abuse@hoster.example" {
				t.Fatalf("%+v, %v", all, err)
			}
			text := all[0].Messages()[0].Body.Text
			last, err := d.s.Get(ctx, d.DB, d.ana, uids[44])
			if err != nil || !strings.Contains(text, "45 Meldungen") || !strings.Contains(text, last.Reference) || strings.Contains(text, "person44@") {
				t.Errorf("%v\n%s", err, text)
			}
		}
		if n := d.count(ctx, `SELECT COUNT(*) FROM correspondence_message WHERE kind = 'letter'`); n != 1 {
			t.Errorf("%d letters", n)
		}
		// One report alone taken back does not stop the letter of all; the run taken back does.
		if _, err := d.s.Restore(ctx, d.ana, uids[7]); err != nil {
			t.Fatal(err)
		}
		if n := d.count(ctx, `SELECT COUNT(*) FROM correspondence_message WHERE kind = 'letter' AND state = 'held'`); n != 1 {
			t.Error("one report taken back stopped the letter of all")
		}
		if err := d.s.UndoRun(ctx, d.ana, run.UID); err != nil {
			t.Fatal(err)
		}
		if err := d.s.WorkRun(ctx, run.ID); err != nil {
			t.Fatal(err)
		}
		if n := d.count(ctx, `SELECT COUNT(*) FROM intake_report WHERE state = 'new'`); n != 45 {
			t.Errorf("%d wait again", n)
		}
		if n := d.count(ctx, `SELECT COUNT(*) FROM correspondence_message WHERE kind = 'letter' AND state = 'stopped'`); n != 1 {
			t.Error("the run was taken back, and its letter leaves")
		}
		// Stopped in the outbox, it takes its run back.
		run, err = d.s.StartRun(ctx, d.ana, in)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.s.WorkRun(ctx, run.ID); err != nil {
			t.Fatal(err)
		}
		all, err := d.s.Handed(ctx, d.DB, d.ana, uids[3])
		if err != nil || len(all) != 2 {
			t.Fatal(all, err)
		}
		if err := d.s.Correspondence.Stop(ctx, d.ana, all[1].Message); err != nil {
			t.Fatal(err)
		}
		if err := d.s.WorkRun(ctx, run.ID); err != nil {
			t.Fatal(err)
		}
		if n := d.count(ctx, `SELECT COUNT(*) FROM intake_report WHERE state = 'new'`); n != 45 {
			t.Errorf("%d wait again after the letter was stopped", n)
		}

		if _, err := d.DB.Exec(ctx, `UPDATE object SET tlp = 4 WHERE uid = $1`, uids[0]); err != nil {
			t.Fatal(err)
		}
		_, err = d.s.StartRun(ctx, d.ana, in)
		d.refused("a label without a reason", err, errs.Invalid)
		in.Pass.Basis = intake.BasisLaw
		_, err = d.s.StartRun(ctx, d.ana, in)
		d.refused("in clear to an address without a key", err, errs.Forbidden)
		seen, err := d.s.PreviewPassOn(ctx, d.ana, uids, intake.PassOnInput{To: "provider", Letter: *in.Pass})
		if err != nil || seen.Road.Road != egress.Refused {
			t.Errorf("the preview promises what is refused: %+v, %v", seen.Road, err)
		}
		if _, err := d.DB.Exec(ctx, `UPDATE object SET exercise = TRUE, tlp = 2 WHERE uid = $1`, uids[1]); err != nil {
			t.Fatal(err)
		}
		_, err = d.s.StartRun(ctx, d.ana, in)
		d.refused("an exercise", err, errs.Forbidden)
	})
}
