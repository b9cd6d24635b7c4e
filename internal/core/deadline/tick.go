package deadline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// TickJob asks for a Tick; app registers it as a periodic job with its handlers.
type TickJob struct{}

// Kind names the job.
func (TickJob) Kind() string { return "deadline.tick" }

// batch is how many due clocks are read at once.
const batch = 200

// Tick marks and hands over what is due now; a periodic job calls it. The handler of a kind is given at wiring; a kind without one is
// marked and recorded all the same, and the record prompts our people. Each clock has a transaction of its own: one that fails stays due
// and hinders no other. It gives how many were handed over.
func (s *Service) Tick(ctx context.Context, handlers map[string]Due) (int, error) {
	done := 0
	var failed []error
	for _, escalate := range []bool{false, true} {
		column, query := "remind_at", `SELECT c.id, c.remind_at FROM deadline_clock c WHERE c.remind_at IS NOT NULL AND c.reminded_at IS NULL
			AND c.met_at IS NULL AND c.stopped_at IS NULL AND c.remind_at <= $1 AND (c.remind_at > $2 OR (c.remind_at = $2 AND c.id > $3))
			ORDER BY c.remind_at, c.id LIMIT $4`
		if escalate {
			column, query = "due_at", `SELECT c.id, c.due_at FROM deadline_clock c WHERE c.escalated_at IS NULL
			AND c.met_at IS NULL AND c.stopped_at IS NULL AND c.due_at <= $1 AND (c.due_at > $2 OR (c.due_at = $2 AND c.id > $3))
			ORDER BY c.due_at, c.id LIMIT $4`
		}
		type due struct {
			id int64
			at time.Time
		}
		last := due{at: time.UnixMicro(1)}
		for {
			some, err := db.All(ctx, s.DB, func(r *db.Rows) (due, error) {
				var d due
				return d, r.Scan(&d.id, &d.at)
			}, query, s.Clock.Now(), last.at, last.id, batch)
			if err != nil {
				return done, fmt.Errorf("find clocks by %s: %w", column, err)
			}
			for _, d := range some {
				last = d
				ok, err := s.hand(ctx, d.id, escalate, handlers)
				if err != nil {
					failed = append(failed, err)
				}
				if ok {
					done++
				}
			}
			if len(some) < batch {
				break
			}
		}
	}
	return done, errors.Join(failed...)
}

// hand marks one clock and calls its handler. Who marks first hands over; a second process finds it marked.
func (s *Service) hand(ctx context.Context, id int64, escalate bool, handlers map[string]Due) (ok bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			ok, err = false, fmt.Errorf("the handler of clock %d: %w", id, errs.Panic(p))
		}
	}()
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		ok = false
		column, verb := "reminded_at", "deadline.remind"
		if escalate {
			column, verb = "escalated_at", "deadline.escalate"
		}
		now := s.Clock.Now()
		c, err := db.One(ctx, tx, scan, `UPDATE deadline_clock SET `+column+` = $2 WHERE id = $1 AND `+column+` IS NULL
			AND met_at IS NULL AND stopped_at IS NULL RETURNING `+columns("deadline_clock"), id, now)
		if errs.Is(err, errs.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.Audit.Write(ctx, tx, audit.Entry{
			At: now, By: access.System("clocks"), Verb: verb, On: c.About, About: c.Under, Compartment: c.Compartment,
			Changes: []audit.Change{{Field: "clock", To: c.Kind}, {Field: "owed_by", To: c.OwedBy}, {Field: "due_at", To: c.DueAt}},
		}); err != nil {
			return err
		}
		if handle := handlers[c.Kind]; handle != nil {
			if err := handle(ctx, tx, c, escalate); err != nil {
				return fmt.Errorf("clock %d %s: %w", id, c.Kind, err)
			}
		}
		ok = true
		return nil
	})
	return ok && err == nil, err
}
