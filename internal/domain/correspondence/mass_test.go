package correspondence

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/alarm"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// wave puts letters to n new correspondents into the outbox in one act.
func (o *office) wave(by access.Actor, n int, label tlp.Level) ([]Message, error) {
	o.Helper()
	list := make([]Addressed, n)
	for i := range list {
		t := o.open(label, Correspondent{Name: fmt.Sprintf("Reader %d", i), Email: fmt.Sprintf("reader%d@example.org", i), Lang: "en"})
		list[i] = Addressed{Thread: t.Ref.ID, Outgoing: Outgoing{Subject: "A warning", Text: "Patch it today.", TLP: label}}
	}
	var out []Message
	err := o.tx(func(ctx context.Context, tx *db.Tx) (err error) {
		out, err = o.SendManyTx(ctx, tx, by, list)
		return err
	})
	return out, err
}

func (o *office) states(list []Message) map[State]int {
	o.Helper()
	n := map[State]int{}
	for _, m := range list {
		var s State
		o.must(o.DB.QueryRow(o.ctx, `SELECT state FROM correspondence_message WHERE id = $1`, m.ID).Scan((*string)(&s)))
		n[s]++
	}
	return n
}

func guarded(t *testing.T, story func(o *office)) {
	engines(t, func(o *office) {
		o.Alarms = &alarm.Service{DB: o.DB, Clock: o.Clock, Ring: o.Ring, Audit: o.Audit}
		story(o)
	})
}

// Rules O5, T5: what goes to many waits for a second person, who sees exactly what leaves; anything that changes meanwhile asks anew.
func TestAMassNeedsASecondPerson(t *testing.T) {
	guarded(t, func(o *office) {
		lead, duty := o.h.Person(2, "Helena", access.Lead), o.h.Person(7, "Duarte", access.Duty)
		for _, x := range []struct {
			n     int
			label tlp.Level
			state State
		}{{MassLabelled, tlp.Amber, Held}, {MassLabelled + 1, tlp.Green, Held}, {MassLabelled + 1, tlp.Amber, Waiting}} {
			o.h.Clock.Advance(2 * time.Hour)
			o.analyst.ProvedAt = o.Clock.Now()
			sent, err := o.wave(o.analyst, x.n, x.label)
			o.must(err)
			if got := o.states(sent); got[x.state] != x.n {
				t.Errorf("%d letters under %s: %v", x.n, x.label, got)
			}
		}
		list, err := o.Masses(o.ctx, lead)
		o.must(err)
		if len(list) != 1 || list[0].Readers != MassLabelled+1 || list[0].TLP != tlp.Amber {
			t.Fatalf("waiting: %+v", list)
		}
		lead.ProvedAt, duty.ProvedAt = o.Clock.Now(), o.Clock.Now()
		m, letters, err := o.Mass(o.ctx, lead, list[0].UID)
		o.must(err)
		if len(letters) != MassLabelled+1 || letters[0].Body.Text != "Patch it today." || letters[0].Body.To == "" {
			t.Fatalf("shown %d letters: %+v", len(letters), letters[0])
		}

		// One letter of it cannot be pushed past the second person.
		o.refused(o.SendNow(o.ctx, o.analyst, letters[0].UID), errs.Forbidden, "error.mass.second_person")
		o.refused(o.SendNow(o.ctx, lead, letters[0].UID), errs.Forbidden, "error.mass.second_person")
		stale, self := lead, o.h.Person(1, "Ana", access.Analyst, access.Lead)
		stale.ProvedAt = o.Clock.Now().Add(-time.Hour)
		for _, x := range []struct {
			by   access.Actor
			kind errs.Kind
		}{{o.analyst, errs.Forbidden}, {duty, errs.Forbidden}, {o.h.Person(3, "Root", access.Admin), errs.Forbidden}, {stale, errs.Unauthenticated}, {self, errs.Forbidden}, {access.Actor{}, errs.Unauthenticated}} {
			_, err := o.ReleaseMass(o.ctx, x.by, m.UID, m.Hash)
			o.refused(err, x.kind)
		}
		_, err = o.ReleaseMass(o.ctx, lead, m.UID, strings.Repeat("0", 64))
		o.refused(err, errs.Conflict, "error.mass.changed")
		o.must(o.Stop(o.ctx, o.analyst, letters[3].UID)) // the approved bytes are no longer those that wait
		_, err = o.ReleaseMass(o.ctx, lead, m.UID, m.Hash)
		o.refused(err, errs.Conflict, "error.mass.changed")
		m, letters, err = o.Mass(o.ctx, lead, m.UID)
		o.must(err)
		_, err = o.ReleaseMass(o.ctx, lead, m.UID, m.Hash)
		o.must(err)
		all := make([]Message, len(letters))
		for i := range letters {
			all[i] = letters[i].Message
		}
		if got := o.states(all); len(letters) != MassLabelled || got[Held] != MassLabelled {
			t.Errorf("released: %v", got)
		}
		_, err = o.ReleaseMass(o.ctx, lead, m.UID, m.Hash)
		o.refused(err, errs.Conflict, "error.mass.decided")
		o.must(o.Stop(o.ctx, o.analyst, letters[0].UID)) // and still held for second thoughts
	})
}

// Nobody answers: the duty officer goes on alone, late enough, with a reason; the lead and the auditor are told (rule O5).
func TestTheDutyOfficerGoesOnAlone(t *testing.T) {
	guarded(t, func(o *office) {
		duty := o.h.Person(7, "Duarte", access.Duty)
		sent, err := o.wave(duty, MassLabelled+1, tlp.Amber)
		o.must(err)
		list, err := o.Masses(o.ctx, duty)
		o.must(err)
		m := list[0]
		const why = "the exploit runs now, no lead answers the page"
		_, err = o.GoAlone(o.ctx, duty, m.UID, m.Hash, why)
		o.refused(err, errs.Conflict, "error.mass.early")
		o.h.Clock.Advance(AloneAfter)
		_, err = o.GoAlone(o.ctx, duty, m.UID, m.Hash, why)
		o.refused(err, errs.Unauthenticated)
		duty.ProvedAt = o.Clock.Now()
		_, err = o.GoAlone(o.ctx, duty, m.UID, m.Hash, "  ")
		o.refused(err, errs.Invalid)
		_, err = o.GoAlone(o.ctx, o.analyst, m.UID, m.Hash, why)
		o.refused(err, errs.Forbidden)
		_, err = o.GoAlone(o.ctx, duty, m.UID, m.Hash, why)
		o.must(err)
		if got := o.states(sent); got[Held] != len(sent) {
			t.Errorf("gone on: %v", got)
		}
		alarms, err := o.Alarms.List(o.ctx, o.h.Person(4, "Claire", access.Auditor))
		o.must(err)
		if len(alarms) != 1 || alarms[0].Kind != alarm.Alone || alarms[0].Many != len(sent) || alarms[0].Why != why {
			t.Errorf("alarms: %+v", alarms)
		}
	})
}

// A second person refuses: everything stops. Who neither asked nor approves cannot. A mass of a thread that one may not see does not exist.
func TestAMassIsRefused(t *testing.T) {
	guarded(t, func(o *office) {
		sent, err := o.wave(o.analyst, MassLabelled+1, tlp.Amber)
		o.must(err)
		list, err := o.Masses(o.ctx, o.analyst)
		o.must(err)
		const why = "the text names the victim"
		_, err = o.RefuseMass(o.ctx, o.h.Person(9, "Ines", access.Analyst), list[0].UID, why)
		o.refused(err, errs.Forbidden)
		_, err = o.RefuseMass(o.ctx, o.h.Person(2, "Helena", access.Lead), list[0].UID, "no")
		o.refused(err, errs.Invalid)
		o.must(o.tx(func(ctx context.Context, tx *db.Tx) error {
			return access.SealTx(ctx, tx, ref.Ref{Kind: ref.Thread, ID: sent[0].Thread}, o.Clock.Now(), sent[0].Thread)
		}))
		if l, err := o.Masses(o.ctx, o.analyst); err != nil || len(l) != 0 {
			t.Errorf("a sealed one is listed: %v", err)
		}
		_, _, err = o.Mass(o.ctx, o.h.Person(2, "Helena", access.Lead), list[0].UID)
		o.refused(err, errs.NotFound)
		o.must(o.tx(func(ctx context.Context, tx *db.Tx) error {
			return access.UnsealTx(ctx, tx, ref.Ref{Kind: ref.Thread, ID: sent[0].Thread}, o.Clock.Now())
		}))
		_, err = o.RefuseMass(o.ctx, o.h.Person(2, "Helena", access.Lead), list[0].UID, why)
		o.must(err)
		if got := o.states(sent); got[Stopped] != len(sent) {
			t.Errorf("refused: %v", got)
		}
	})
}

// Letters one by one do not go round the brake: what is written in an hour counts together, unless the house always writes that much.
func TestTheBrakeCountsAnHour(t *testing.T) {
	guarded(t, func(o *office) {
		sent, err := o.wave(o.analyst, MassReaders, tlp.Green)
		o.must(err)
		if got := o.states(sent); got[Held] != MassReaders {
			t.Fatalf("the first fifty: %v", got)
		}
		one, err := o.wave(o.analyst, 1, tlp.Green)
		o.must(err)
		if got := o.states(one); got[Waiting] != 1 {
			t.Errorf("one more: %v", got)
		}
		token := o.analyst
		token.Origin, token.ProvedAt = access.ByAPI, time.Time{}
		_, err = o.wave(token, 1, tlp.Green)
		o.refused(err, errs.Unauthenticated, "error.fresh_proof") // a token proves nothing afresh
		o.h.Clock.Advance(61 * time.Minute)
		one, err = o.wave(o.analyst, 1, tlp.Green)
		o.must(err)
		if got := o.states(one); got[Held] != 1 {
			t.Errorf("an hour later: %v", got)
		}
		// A house that writes forty letters every hour of the month writes sixty without anybody wondering.
		_, err = o.DB.Exec(o.ctx, `UPDATE correspondence_message SET at = $1`, o.Clock.Now().Add(-48*time.Hour))
		o.must(err)
		for n := range 10 {
			_, err = o.DB.Exec(o.ctx, `INSERT INTO correspondence_message (uid, thread, direction, channel, kind, state, at, author, tlp, seal, body)
				SELECT uid || $1, thread, direction, channel, kind, 'sent', at, author, tlp, seal, body FROM correspondence_message`, fmt.Sprint("-", n))
			o.must(err)
		}
		sent, err = o.wave(o.analyst, 45, tlp.Green)
		o.must(err)
		again, err := o.wave(o.analyst, 15, tlp.Green)
		o.must(err)
		if got := o.states(append(sent, again...)); got[Held] != 60 {
			t.Errorf("the usual: %v", got)
		}
	})
}
