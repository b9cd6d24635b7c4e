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

// Kept is what the clocks about an object are to be.
type Kept struct {
	About ref.Ref
	Want  []Clock
}

// KeepTx brings the clocks about objects to what the caller has reckoned, kind by kind (a kind is there once): what is missing is started, what
// has moved gets its new times, what was met or stopped is so, what was not after all runs again, and what is no longer there is stopped. Each
// change is recorded, sealed under the key of owner. What was reminded or escalated is so again only when its due time moved into the future.
// Objects may be many: what is missing is written at once.
func (s *Service) KeepTx(ctx context.Context, tx *db.Tx, by access.Actor, owner int64, all ...Kept) error {
	ids := make([]int64, len(all))
	for i, k := range all {
		ids[i] = k.About.ID
	}
	stand, err := s.About(ctx, tx, ids...)
	if err != nil {
		return err
	}
	now := s.Clock.Now()
	var fresh []Clock
	for _, k := range all {
		have := map[string]Clock{}
		for _, c := range stand[k.About.ID] {
			have[c.Kind] = c
		}
		for _, w := range k.Want {
			c, ok := have[w.Kind]
			delete(have, w.Kind)
			w.About = k.About
			if !ok {
				fresh = append(fresh, w)
				continue
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
	}
	return s.startAll(ctx, tx, by, fresh, owner)
}

// startAll starts clocks as they are to stand: one that was met before it is known of is met at once.
func (s *Service) startAll(ctx context.Context, tx *db.Tx, by access.Actor, all []Clock, owner int64) error {
	rows := make([][]any, len(all))
	for i := range all {
		c, err := s.begun(all[i])
		if err != nil {
			return err
		}
		if err := s.kept(ctx, tx, by, c, owner, "deadline.start", audit.Change{Field: "due_at", To: c.DueAt}); err != nil {
			return err
		}
		open := c
		open.MetAt, open.StoppedAt = time.Time{}, time.Time{}
		if err := s.turned(ctx, tx, by, open, c, owner); err != nil {
			return err
		}
		rows[i] = []any{
			c.UID, c.About.ID, int64(c.About.Kind), c.Under.ID, int64(c.Under.Kind), c.Compartment, c.Kind, c.OwedBy, c.Law, c.StartedAt, c.TargetAt, c.DueAt, c.MetAt,
			c.StoppedAt, c.RemindAt, c.RuleSet, c.Whole, c.LimitAt,
		}
	}
	if err := db.Copy(ctx, tx, "deadline_clock", []string{
		"uid", "about", "about_kind", "strip", "strip_kind", "compartment", "kind", "owed_by", "law", "started_at", "target_at", "due_at", "met_at", "stopped_at", "remind_at",
		"rule_set", "whole", "limit_at",
	}, rows); err != nil {
		return fmt.Errorf("start %d clocks: %w", len(all), err)
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
	err := tx.Later(ctx, `UPDATE deadline_clock SET started_at = $2, due_at = $3, limit_at = $4, met_at = $5, stopped_at = $6, remind_at = $7, reminded_at = $8,
		escalated_at = $9, law = $10 WHERE id = $1`, c.ID, w.StartedAt, w.DueAt, w.LimitAt, w.MetAt, w.StoppedAt, remind, reminded, escalated, w.Law)
	if err != nil {
		return fmt.Errorf("keep clock %s: %w", w.Kind, err)
	}
	w.ID, w.Under = c.ID, c.Under
	return s.turned(ctx, tx, by, c, w, owner)
}

// turned records what became of a clock.
func (s *Service) turned(ctx context.Context, tx *db.Tx, by access.Actor, c, w Clock, owner int64) error {
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
	case !w.StoppedAt.IsZero() && c.StoppedAt.IsZero():
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
