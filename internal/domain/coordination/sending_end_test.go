package coordination_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// A sending that is stopped in the middle keeps what was written, and writes nothing more.
func TestARecalledSendingWritesNothingMore(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		h.acts()
		in := h.incident(ctx, tlp.Green)
		var names []string
		for i := range 25 {
			names = append(names, h.organisation(ctx, fmt.Sprintf("House %02d", i), "en", fmt.Sprintf("desk@house%d.example", i)).UID)
		}
		x, err := h.s.NewSending(ctx, h.ana, in.UID)
		h.must(err)
		_, err = h.s.Choose(ctx, h.ana, x.UID, coordination.Choose{Organisations: names})
		h.must(err)
		_, err = h.s.SetLetter(ctx, h.ana, x.UID, 0, coordination.Give{Text: "Look.", TLP: tlp.Green})
		h.must(err)
		x, err = h.s.Submit(ctx, h.ana, x.UID, 0, false)
		h.must(err)
		_, err = h.s.Recall(ctx, h.ana, x.UID, 0, "")
		h.refused(err, errs.Invalid, "without a reason")
		x, err = h.s.Recall(ctx, h.ana, x.UID, 0, "It was all a mistake.")
		h.must(err)
		x = h.sent(ctx, x)
		rows, err := h.s.Matrix(ctx, h.ana, in.UID)
		h.must(err)
		if x.State != coordination.SendingWithdrawn || len(rows) != 0 || !slices.Contains(x.Editors, h.ana.Account) {
			h.Errorf("%s with %d parties", x.State, len(rows))
		}
		_, err = h.s.Submit(ctx, h.ana, x.UID, 0, false)
		h.refused(err, errs.Conflict, "sent once more")
	})
}

// going is a sending to one reader that was let go.
func (h *house) going(ctx context.Context) coordination.Sending {
	h.Helper()
	x, err := h.s.NewSending(ctx, h.ana, h.incident(ctx, tlp.Green).UID)
	h.must(err)
	reader := h.organisation(ctx, "House of Ford", "en", "desk@ford.example")
	_, err = h.s.Choose(ctx, h.ana, x.UID, coordination.Choose{Organisations: []string{reader.UID}})
	h.must(err)
	_, err = h.s.SetLetter(ctx, h.ana, x.UID, 0, coordination.Give{Text: "Look.", TLP: tlp.Green})
	h.must(err)
	x, err = h.s.Submit(ctx, h.ana, x.UID, 0, false)
	h.must(err)
	return x
}

// The job of a sending that failed until it was given up is put into the queue again, once; while it waits there nothing is added.
func TestASendingThatWasGivenUpIsStartedAgain(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		h.acts()
		h.s.Work(h.Registry)
		x := h.going(ctx)
		h.Clock.Advance(21 * time.Second)
		again := func(looked, waiting int) {
			h.Helper()
			n, err := h.s.StartAgain(ctx)
			h.must(err)
			var jobs int
			h.must(h.DB.QueryRow(ctx, `SELECT COUNT(*) FROM river_job WHERE kind = 'coordination.sending' AND state <> 'discarded'`).Scan(&jobs))
			if n != looked || jobs != waiting {
				h.Fatalf("%d looked at, %d jobs", n, jobs)
			}
		}
		again(1, 1)
		h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE river_job SET state = 'discarded', finalized_at = CURRENT_TIMESTAMP WHERE kind = 'coordination.sending'`)
			return err
		}))
		again(1, 1)
		again(1, 1)
		h.Work(h.TB)
		for until := time.Now().Add(time.Minute); x.State == coordination.SendingGoing && time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
			var err error
			x, _, err = h.s.SendingOf(ctx, h.ana, x.UID)
			h.must(err)
		}
		if x.State != coordination.SendingSent || x.Written != 1 {
			h.Fatalf("%s, %d written", x.State, x.Written)
		}
		if n, err := h.s.StartAgain(ctx); n != 0 || err != nil {
			h.Errorf("%d of what is sent, %v", n, err)
		}
	})
}

// What somebody let go whose account is closed since is a draft again, that another takes over.
func TestASendingOfWhoLeftIsADraftAgain(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		h.s.Who = func(context.Context, db.Handle, int64) (access.Actor, error) {
			return access.Actor{}, errs.New(errs.Forbidden, "the account is closed")
		}
		if x := h.sent(ctx, h.going(ctx)); x.State != coordination.SendingDraft || x.Why != "desk.sending.back.rights" {
			h.Errorf("it is %s, %q", x.State, x.Why)
		}
	})
}
