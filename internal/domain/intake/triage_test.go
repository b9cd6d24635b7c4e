package intake_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Every pair of states: what the table allows is done, what it does not is refused.
func TestMovesAreTheTable(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		inc := d.incident(ctx, "INC-2026-000001")
		to := map[intake.State]func(r intake.Report) error{
			intake.Rejected: func(r intake.Report) error { _, err := d.s.Reject(ctx, d.ana, r.UID, "spam", "", 0); return err },
			intake.PassedOn: func(r intake.Report) error { _, err := d.s.PassOn(ctx, d.ana, r.UID, "CERT-ZZ", "", 0); return err },
			intake.Linked: func(r intake.Report) error {
				return d.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
					_, err := d.s.AttachTx(ctx, tx, d.ana, r.UID, inc)
					return err
				})
			},
			intake.Answered: func(r intake.Report) error {
				_, err := d.s.Reply(ctx, d.ana, r.UID, correspondence.Outgoing{Subject: "Your report", Text: "We look into it."})
				return err
			},
			intake.New: func(r intake.Report) error {
				if r.State == intake.Linked {
					return d.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
						_, err := d.s.DetachTx(ctx, tx, d.ana, r.UID, inc)
						return err
					})
				}
				_, err := d.s.Restore(ctx, d.ana, r.UID)
				return err
			},
		}
		for from := range intake.Moves {
			for target, move := range to {
				in := form("Report", "")
				in.TLP = "GREEN"
				in.Channel = correspondence.ByPortal
				by := d.Constituent(20, "Rui", d.hospital.Ref.ID)
				if from == intake.Spam { // only filing puts a report there
					by, in.Channel, in.Placed.Spam, in.Body.Mail, in.Body.Email = access.System("intake"), correspondence.ByMail, true, &intake.Mail{}, "x@y.example"
				}
				r := d.receive(ctx, by, in).Report
				if from != intake.New && from != intake.Spam {
					if err := to[from](r); err != nil {
						t.Fatalf("new → %s: %v", from, err)
					}
				}
				r, _ = d.s.Get(ctx, d.DB, d.ana, r.UID)
				err := move(r)
				after, _ := d.s.Get(ctx, d.DB, d.ana, r.UID)
				allowed := slices.Contains(intake.Moves[from], target)
				if target == intake.Answered || (target == intake.Linked && from == intake.Linked) {
					if err != nil { // a reply may always be written, a link be repeated
						t.Errorf("%s, then %s: %v", from, target, err)
					}
					continue
				}
				if allowed && (err != nil || after.State != target) {
					t.Errorf("%s → %s: %v, is %s", from, target, err, after.State)
				}
				if !allowed && (!errs.Is(err, errs.Conflict) || after.State != from || after.Version != r.Version) {
					t.Errorf("%s → %s: %v, is %s", from, target, err, after.State)
				}
			}
		}
	})
}

// Rejected with a reason, taken back: queue, clock and link are as before.
func TestARejectionIsTakenBack(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		in := form("Ransomware", "")
		in.Channel = correspondence.ByPortal
		got := d.receive(ctx, d.Constituent(20, "Rui", d.hospital.Ref.ID), in)
		r, err := d.s.Reject(ctx, d.ana, got.Reference, "duplicate", "see the other one", got.Report.Version)
		if err != nil {
			t.Fatal(err)
		}
		if r.State != intake.Rejected || r.Reason != "duplicate" || r.Decision.Note != "see the other one" || len(d.queue(ctx, intake.QueueFilter{})) != 0 {
			t.Errorf("rejected: %+v", r)
		}
		if list := d.queue(ctx, intake.QueueFilter{State: intake.Rejected}); len(list) != 1 || list[0].Decision.Note == "" {
			t.Errorf("the list of rejected ones: %+v", list)
		}
		if _, err := d.s.Status(ctx, got.Code); err != nil {
			t.Errorf("the link ends at once: %v", err)
		}
		d.Clock.Advance(90*24*time.Hour + time.Second)
		_, err = d.s.Status(ctx, got.Code)
		d.refused("a link 90 days after (I9)", err, errs.NotFound)
		_, err = intake.Look(ctx, d.DB, d.Clock, got.Code)
		d.refused("the same without keys", err, errs.NotFound)
		r, err = d.s.Restore(ctx, d.ana, r.UID)
		if err != nil || r.State != intake.New || r.Reason != "" || r.Decision != (intake.Decision{}) {
			t.Fatalf("restored: %+v, %v", r, err)
		}
		if _, err := d.s.Status(ctx, got.Code); err != nil {
			t.Errorf("the link lives again: %v", err)
		}
		if lines := d.queue(ctx, intake.QueueFilter{}); len(lines) != 1 || lines[0].Group != "clock" || !lines[0].DueAt.Before(d.Clock.Now()) {
			t.Errorf("in the queue as %+v, want late on its clock", lines)
		}
		if n, err := d.s.Counts(ctx, d.ana); err != nil || n["clock"] != 1 || n["new"] != 0 {
			t.Errorf("counted %v, want one on its clock: %v", n, err)
		}
		var verbs []string
		rows, err := d.Audit.About(ctx, d.DB, r.Ref.ID, 0, 50)
		for _, e := range rows {
			if e.Verb[:7] == "intake." {
				verbs = append(verbs, e.Verb)
			}
		}
		if err != nil || !slices.Equal(verbs, []string{"intake.receive", "intake.reject", "intake.restore"}) {
			t.Errorf("recorded %v, %v", verbs, err)
		}
	})
}

// Several at once: all or none. Who may not, what is not there, a stale version: refused, and nothing changed.
func TestRefusalsOfTriage(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		var names []string
		for _, s := range []string{"one", "two", "three"} {
			names = append(names, d.receive(ctx, stranger, form(s, "")).Report.UID)
		}
		err := d.s.RejectMany(ctx, d.ana, append(slices.Clone(names), "0123456789abcdefghjkmnpqrs"), "spam", "")
		d.refused("one of them is not there", err, errs.NotFound)
		if n := len(d.queue(ctx, intake.QueueFilter{})); n != 3 {
			t.Errorf("%d wait, want all three", n)
		}
		for _, by := range []access.Actor{d.Person(2, "Aud", access.Auditor), d.Person(3, "Root", access.Admin), d.Constituent(4, "Rui", d.hospital.Ref.ID), d.Person(5, "Lia", access.Liaison)} {
			_, err := d.s.Reject(ctx, by, names[0], "spam", "", 0)
			d.refused(by.Name+" rejects", err, errs.Forbidden)
			_, err = d.s.PassOn(ctx, by, names[0], "x", "", 0)
			d.refused(by.Name+" passes on", err, errs.Forbidden)
			_, err = d.s.Assign(ctx, by, names[0], 2)
			d.refused(by.Name+" assigns", err, errs.Forbidden)
			_, err = d.s.Restore(ctx, by, names[0])
			d.refused(by.Name+" restores", err, errs.Forbidden)
			_, err = d.s.Reply(ctx, by, names[0], correspondence.Outgoing{Subject: "s", Text: "t"})
			d.refused(by.Name+" replies", err, errs.Forbidden)
			_, err = d.s.Settle(ctx, by, names[0])
			d.refused(by.Name+" settles", err, errs.Forbidden)
			err = d.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := d.s.AttachTx(ctx, tx, by, names[0], ref.Ref{Kind: ref.Incident, ID: 1})
				return err
			})
			d.refused(by.Name+" attaches", err, errs.Forbidden)
		}
		_, err = d.s.Queue(ctx, stranger, intake.QueueFilter{})
		d.refused("a stranger reads the queue", err, errs.Unauthenticated)
		_, err = d.s.Get(ctx, d.DB, stranger, names[0])
		d.refused("a stranger reads a report", err, errs.NotFound)
		r, _ := d.s.Get(ctx, d.DB, d.ana, names[0])
		if _, err := d.s.Assign(ctx, d.ana, names[0], 1); err != nil {
			t.Fatal(err)
		}
		_, err = d.s.Reject(ctx, d.ana, names[0], "spam", "", r.Version)
		d.refused("a version of before", err, errs.Conflict)
		for _, c := range [][2]string{{"", ""}, {"because", ""}, {"other", " "}} {
			_, err = d.s.Reject(ctx, d.ana, names[0], c[0], c[1], 0)
			d.refused("no reason", err, errs.Invalid)
		}
		_, err = d.s.PassOn(ctx, d.ana, names[0], " ", "", 0)
		d.refused("to nobody", err, errs.Invalid)
		err = d.s.RejectMany(ctx, d.ana, nil, "spam", "")
		d.refused("none", err, errs.Invalid)
		if err = d.s.RejectMany(ctx, d.ana, names, "spam", ""); err != nil || len(d.queue(ctx, intake.QueueFilter{})) != 0 {
			t.Errorf("all three: %v", err)
		}
		if err := d.s.RestoreMany(ctx, d.ana, names); err != nil || len(d.queue(ctx, intake.QueueFilter{})) != 3 {
			t.Errorf("all back: %v", err)
		}
	})
}

// A report is linked to two incidents; its clock goes along and comes back. Taking one link away leaves the other (A3: both are checked).
func TestAReportIsLinkedAndUnlinked(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		in := form("Ransomware", "")
		in.Channel = correspondence.ByPortal
		r := d.receive(ctx, d.Constituent(20, "Rui", d.hospital.Ref.ID), in).Report
		one, two := d.incident(ctx, "INC-2026-000001"), d.incident(ctx, "INC-2026-000002")
		attach := func(i ref.Ref) error {
			return d.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := d.s.AttachTx(ctx, tx, d.ana, r.UID, i)
				return err
			})
		}
		detach := func(i ref.Ref) error {
			return d.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := d.s.DetachTx(ctx, tx, d.ana, r.UID, i)
				return err
			})
		}
		for _, i := range []ref.Ref{one, two, one} {
			if err := attach(i); err != nil {
				t.Fatal(err)
			}
		}
		d.refused("an incident that is none", attach(ref.Ref{Kind: ref.Incident, ID: 1 << 40}), errs.NotFound)
		d.refused("a thing of another kind", attach(d.hospital.Ref), errs.NotFound)
		got, _ := d.s.Get(ctx, d.DB, d.ana, r.UID)
		if got.State != intake.Linked || !slices.Equal(got.Incidents, []ref.Ref{one, two}) {
			t.Errorf("linked: %+v", got)
		}
		of, err := d.s.ReportsOf(ctx, d.DB, two.ID)
		if err != nil || len(of) != 1 || of[0].UID != r.UID || of[0].Body.Summary != "Ransomware" {
			t.Errorf("reports of the incident: %+v, %v", of, err)
		}
		under, _ := d.s.Deadlines.Under(ctx, d.DB, one.ID)
		if len(under[one.ID]) != 1 || !under[one.ID][0].Open() {
			t.Errorf("the clock went along: %+v; a link never meets it", under)
		}
		_, err = d.s.Restore(ctx, d.ana, r.UID)
		d.refused("restore of a linked one", err, errs.Conflict)
		if err := detach(one); err != nil {
			t.Fatal(err)
		}
		d.refused("twice", detach(one), errs.NotFound)
		if got, _ = d.s.Get(ctx, d.DB, d.ana, r.UID); got.State != intake.Linked {
			t.Errorf("is %s with a link left", got.State)
		}
		if err := detach(two); err != nil {
			t.Fatal(err)
		}
		if lines := d.queue(ctx, intake.QueueFilter{}); len(lines) != 1 || lines[0].Group != "clock" || lines[0].State != intake.New {
			t.Errorf("back in the queue: %+v", lines)
		}
	})
}

// A closed incident concludes its report, unless another one is open; reopening takes that back.
func TestClosingConcludes(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		got := d.receive(ctx, stranger, form("Phishing", ""))
		one, two := d.incident(ctx, "INC-2026-000001"), d.incident(ctx, "INC-2026-000002")
		d.write(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := d.s.AttachTx(ctx, tx, d.ana, got.Report.UID, one)
			if err == nil {
				_, err = d.s.AttachTx(ctx, tx, d.ana, got.Report.UID, two)
			}
			return err
		})
		state := func() string {
			v, err := d.s.Status(ctx, got.Code)
			if err != nil {
				t.Fatal(err)
			}
			return v.State
		}
		conclude := func(i ref.Ref, open bool) {
			d.write(ctx, func(ctx context.Context, tx *db.Tx) error {
				return d.s.ConcludeTx(ctx, tx, d.ana, i.ID, func(int64) bool { return open })
			})
		}
		conclude(one, true)
		if s := state(); s != intake.StatusHandling {
			t.Errorf("%s while the other one is open", s)
		}
		conclude(two, false)
		if s := state(); s != intake.StatusConcluded {
			t.Errorf("%s after both", s)
		}
		d.write(ctx, func(ctx context.Context, tx *db.Tx) error { return d.s.ResumeTx(ctx, tx, d.ana, two.ID) })
		if s := state(); s != intake.StatusHandling {
			t.Errorf("%s after reopening", s)
		}
	})
}

// An answer comes back to a report that was dealt with: it returns to the queue, last group, until somebody settles it.
func TestAnAnswerComesBack(t *testing.T) {
	engines(t, func(ctx context.Context, d *desk) {
		r := d.receive(ctx, stranger, form("Phishing", "a@b.example")).Report
		if _, err := d.s.PassOn(ctx, d.ana, r.UID, "CERT-ZZ", "", 0); err != nil {
			t.Fatal(err)
		}
		d.write(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := d.s.AddTx(ctx, tx, access.System("intake"), r.Ref.ID, correspondence.Incoming{
				Channel: correspondence.ByMail, Kind: correspondence.Told, State: correspondence.Filed, At: d.Clock.Now(), Body: correspondence.Body{Text: "It goes on."},
			})
			return err
		})
		lines := d.queue(ctx, intake.QueueFilter{})
		if len(lines) != 1 || lines[0].Group != "answer" || !lines[0].AnswerCame || lines[0].State != intake.PassedOn {
			t.Fatalf("in the queue: %+v", lines)
		}
		if _, err := d.s.Settle(ctx, d.ana, r.UID); err != nil || len(d.queue(ctx, intake.QueueFilter{})) != 0 {
			t.Errorf("settled: %v", err)
		}
	})
}
