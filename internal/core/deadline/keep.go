package deadline

import (
	"context"
	"fmt"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// KeepTx brings the clocks about an object to what the caller has reckoned, kind by kind (a kind is there once): what is missing is started, what
// has moved gets its new times, what was met or stopped is so, what was not after all runs again, and what is no longer there is stopped. Each
// change is recorded, sealed under the key of owner. What was reminded or escalated is so again only when its due time moved into the future.
func (s *Service) KeepTx(ctx context.Context, tx *db.Tx, by access.Actor, about ref.Ref, owner int64, want []Clock) error {
	stand, err := s.About(ctx, tx, about.ID)
	if err != nil {
		return err
	}
	have := map[string]Clock{}
	for _, c := range stand[about.ID] {
		have[c.Kind] = c
	}
	now := s.Clock.Now()
	for _, w := range want {
		c, ok := have[w.Kind]
		delete(have, w.Kind)
		w.About = about
		if !ok {
			if c, err = s.StartTx(ctx, tx, by, w); err != nil {
				return err
			}
			c.MetAt, c.StoppedAt = time.Time{}, time.Time{}
			if err := s.kept(ctx, tx, by, c, owner, "deadline.start", audit.Change{Field: "due_at", To: c.DueAt}); err != nil {
				return err
			}
		}
		if err := s.adjust(ctx, tx, by, c, w, owner, now); err != nil {
			return err
		}
	}
	for _, c := range have {
		if c.Open() {
			gone := c
			gone.StoppedAt = now
			if err := s.adjust(ctx, tx, by, c, gone, owner, now); err != nil {
				return err
			}
		}
	}
	return nil
}

// adjust writes what differs between a clock as it stands and as it should.
func (s *Service) adjust(ctx context.Context, tx *db.Tx, by access.Actor, c, w Clock, owner int64, now time.Time) error {
	moved := !c.DueAt.Equal(w.DueAt) || !c.StartedAt.Equal(w.StartedAt) || !c.LimitAt.Equal(w.LimitAt)
	stops := c.StoppedAt.IsZero() != w.StoppedAt.IsZero()
	if !moved && !stops && c.MetAt.Equal(w.MetAt) && c.Law == w.Law {
		return nil
	}
	if w.DueAt.Before(w.StartedAt) {
		return fmt.Errorf("clock %s ends before it starts", w.Kind)
	}
	remind, reminded, escalated := c.RemindAt, c.RemindedAt, c.EscalatedAt
	if !c.DueAt.Equal(w.DueAt) {
		remind = w.RemindAt
		if w.DueAt.After(now) {
			reminded, escalated = time.Time{}, time.Time{}
		}
	}
	if remind.IsZero() {
		remind = w.RemindAt
	}
	_, err := tx.Exec(ctx, `UPDATE deadline_clock SET started_at = $2, due_at = $3, limit_at = $4, met_at = $5, stopped_at = $6, remind_at = $7, reminded_at = $8,
		escalated_at = $9, law = $10 WHERE id = $1`, c.ID, w.StartedAt, w.DueAt, w.LimitAt, w.MetAt, w.StoppedAt, remind, reminded, escalated, w.Law)
	if err != nil {
		return fmt.Errorf("keep clock %s: %w", w.Kind, err)
	}
	w.ID, w.Under = c.ID, c.Under
	say := func(verb string, changes ...audit.Change) error {
		return s.kept(ctx, tx, by, w, owner, verb, changes...)
	}
	if !c.DueAt.Equal(w.DueAt) {
		if err := say("deadline.move", audit.Change{Field: "due_at", From: c.DueAt, To: w.DueAt}); err != nil {
			return err
		}
	}
	switch {
	case !w.MetAt.IsZero() && !c.MetAt.Equal(w.MetAt):
		var late []audit.Change
		if w.MetAt.After(w.Limit()) {
			late = append(late, audit.Change{Field: "late", To: true})
		}
		return say("deadline.meet", late...)
	case !w.StoppedAt.IsZero() && stops:
		return say("deadline.stop")
	case w.Open() && !c.Open():
		return say("deadline.reopen")
	}
	return nil
}

func (s *Service) kept(ctx context.Context, tx *db.Tx, by access.Actor, c Clock, owner int64, verb string, changes ...audit.Change) error {
	return s.Audit.Write(ctx, tx, audit.Entry{
		At: s.Clock.Now(), By: by, Verb: verb, On: c.About, About: c.Under, Compartment: c.Compartment, Owner: owner,
		Changes: append([]audit.Change{{Field: "clock", To: c.Kind}, {Field: "law", To: c.Law}}, changes...),
	})
}
