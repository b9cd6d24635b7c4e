package coordination_test

import (
	"context"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// What a party writes to a closed incident is work of ours with a due time, whoever is proved to have written it; a letter or a reason ends it.
func TestWordsToAClosedIncidentComeUpAsWork(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		v := h.two(ctx)
		closed := false
		h.s.Rests = func(_ context.Context, _ *db.Tx, subject ref.Ref) (bool, error) {
			return closed && subject == v.in.Ref, nil
		}
		writes := func(p coordination.Party, proof correspondence.Proof) {
			h.Helper()
			h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := h.s.AnswerTx(ctx, tx, access.System("clocks"), p, correspondence.Incoming{
					Channel: correspondence.ByMail, Kind: correspondence.Told, State: correspondence.Filed, At: h.Clock.Now(), Proof: proof, Apart: true,
					Body: correspondence.Body{Text: "It is back."},
				})
				return err
			}))
		}
		waiting := func() (list []deadline.Clock) {
			h.Helper()
			all, _, err := h.clocks.List(ctx, h.ana, deadline.Filter{OwedBy: deadline.Us, Limit: 50})
			h.must(err)
			for _, c := range all {
				if c.Kind == coordination.LateWord {
					list = append(list, c)
				}
			}
			return list
		}
		writes(v.parties[0], correspondence.SignedIn)
		if got := waiting(); len(got) != 0 {
			h.Fatalf("an open incident has its handler: %+v", got)
		}
		closed = true
		reporter := v.parties[0]
		reporter.Role = coordination.Reporter
		writes(reporter, correspondence.SignedIn)
		if got := waiting(); len(got) != 0 {
			h.Fatalf("what a reporter writes comes up in triage: %+v", got)
		}
		writes(v.parties[0], correspondence.SignedIn)
		writes(v.parties[0], correspondence.SignedIn)
		writes(v.parties[1], correspondence.Claimed)
		got := waiting()
		if len(got) != 2 || got[0].Under != v.in.Ref || got[0].DueAt.Sub(got[0].StartedAt) != 24*time.Hour {
			h.Fatalf("one clock for each party that wrote: %+v", got)
		}
		h.refused(h.s.Rest(ctx, h.ana, v.parties[0].UID, " "), errs.Invalid, "no reason")
		h.refused(h.s.Rest(ctx, v.rui, v.parties[0].UID, "I say so"), errs.Forbidden, "the party itself")
		h.must(h.s.Rest(ctx, h.ana, v.parties[0].UID, "A word of thanks."))
		h.refused(h.s.Rest(ctx, h.ana, v.parties[0].UID, "Again."), errs.Conflict, "nothing waits")
		if waits, err := h.s.Waits(ctx, h.ana, v.parties[1]); err != nil || !waits {
			h.Fatalf("the other one does not wait: %v", err)
		}
		_, err := h.s.Write(ctx, h.ana, v.parties[1].UID, correspondence.Outgoing{Subject: "Thank you", Text: "We look at it."}, false)
		h.must(err)
		if got := waiting(); len(got) != 0 {
			h.Fatalf("answered and still waiting: %+v", got)
		}
	})
}
