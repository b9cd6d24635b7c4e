package coordination_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// A measure that was done for a time runs out: the party is asked once, says that it holds again, and what we verified comes up to be checked.
func TestAMeasureRunsOutAndIsAskedAgain(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		tasks := map[coordination.PartyTask]int{}
		h.s.ForHandler = func(_ context.Context, _ *db.Tx, _ coordination.Party, what coordination.PartyTask) error {
			tasks[what]++
			return nil
		}
		in := h.incident(ctx, tlp.Green)
		o := h.organisation(ctx, "Water", "nl", "soc@water.example")
		p := h.add(ctx, in, o)[0]
		water := h.person(o)
		give := coordination.Give{Parties: uids(p), Recommendations: []string{"isolate"}, DueAt: h.due(), ValidDays: 30, CheckDays: 10}
		for what, days := range map[string]int{"before it began": -1, "for a lifetime": 99999} {
			bad := give
			bad.ValidDays = days
			_, err := h.s.Send(ctx, h.ana, in.UID, bad)
			h.refused(err, errs.Invalid, what)
		}
		sent, err := h.s.Send(ctx, h.ana, in.UID, give)
		h.must(err)
		h.leave(ctx, sent...)
		uid := h.measures(ctx, water)[0].UID
		move := func(by string, to coordination.MeasureState, note string) coordination.Measure {
			t.Helper()
			who := h.ana
			if by == "party" {
				who = water
			}
			m, err := h.s.Move(ctx, who, uid, coordination.MoveInput{To: to, Note: note})
			h.must(err)
			return m
		}
		if m := move("party", coordination.Done, "pulled"); m.ValidUntil.IsZero() || !m.CheckAt.IsZero() {
			t.Fatalf("%+v", m)
		}
		if m := move("ana", coordination.Verified, "seen"); m.CheckAt.IsZero() {
			t.Fatalf("%+v", m)
		}
		if m, err := h.s.MeasureOf(ctx, water, uid); err != nil || !m.CheckAt.IsZero() || m.ValidUntil.IsZero() {
			t.Errorf("the party reads when we check: %+v %v", m, err)
		}
		h.Clock.Advance(11 * 24 * time.Hour)
		h.tick(ctx)
		if tasks[coordination.TaskCheck] != 1 {
			t.Errorf("%v", tasks)
		}
		_, err = h.s.Move(ctx, water, uid, coordination.MoveInput{To: coordination.Verified, Note: "x"})
		h.refused(err, errs.Forbidden, "the party verifies again")
		move("ana", coordination.Verified, "seen once more")
		h.Clock.Advance(20 * 24 * time.Hour)
		h.tick(ctx)
		h.tick(ctx)
		m, err := h.s.MeasureOf(ctx, water, uid)
		h.must(err)
		if !m.Lapsed() || tasks[coordination.TaskExpired] != 1 || m.Moves[len(m.Moves)-1].By != "" {
			t.Fatalf("%v %+v", tasks, m)
		}
		_, all := h.chases(ctx, p)
		messages, err := h.letters.Messages(ctx, h.DB, h.ana, p.Thread)
		h.must(err)
		if len(all) != 0 || len(messages) != 2 || !strings.Contains(messages[1].Body.Text, "Geldt het nog?") || !messages[1].Automatic {
			t.Fatalf("%d letters", len(messages))
		}
		if m := move("party", coordination.Done, "still off"); m.State != coordination.Done || !m.ValidUntil.After(h.Clock.Now()) {
			t.Errorf("%+v", m)
		}
		table, err := h.s.Table(ctx, h.ana, in.UID, coordination.TableFilter{})
		h.must(err)
		if table.Rows[0].Until["isolate"].IsZero() {
			t.Error("the matrix does not say until when")
		}
		move("ana", coordination.Planned, "it was on again") // our check failed: it runs out no more
		h.Clock.Advance(40 * 24 * time.Hour)
		h.tick(ctx)
		if m, err := h.s.MeasureOf(ctx, water, uid); err != nil || m.State != coordination.Planned {
			t.Errorf("%+v %v", m, err)
		}
		// One that we let expire before it was done comes back to nobody.
		sent, err = h.s.Send(ctx, h.ana, in.UID, coordination.Give{Parties: uids(p), Recommendations: []string{"reset"}, DueAt: h.due()})
		h.must(err)
		h.leave(ctx, sent...)
		list := h.measures(ctx, water)
		uid = list[len(list)-1].UID
		move("ana", coordination.Expired, "no need")
		_, err = h.s.Move(ctx, water, uid, coordination.MoveInput{To: coordination.Done, Note: "x"})
		h.refused(err, errs.Conflict, "one that was never done")
	})
}
