package deadline

import (
	"context"
	"fmt"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// The sides of a clock.
const (
	Us   = "us"
	Them = "them"
)

// StartTx starts a clock about an object that the caller has checked. Without Under it stands on the strip of About, without StartedAt it
// starts now. The verb that starts it records it in its own entry.
func (s *Service) StartTx(ctx context.Context, tx *db.Tx, _ access.Actor, c Clock) (Clock, error) {
	c, err := s.begun(c)
	if err != nil {
		return c, err
	}
	err = tx.QueryRow(ctx, `INSERT INTO deadline_clock (uid, about, about_kind, strip, strip_kind, compartment, kind, owed_by, law, started_at,
		target_at, due_at, remind_at, rule_set, whole, limit_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) RETURNING id`,
		c.UID, c.About.ID, int64(c.About.Kind), c.Under.ID, int64(c.Under.Kind), c.Compartment, c.Kind, c.OwedBy, c.Law, c.StartedAt,
		c.TargetAt, c.DueAt, c.RemindAt, c.RuleSet, c.Whole, c.LimitAt).Scan(&c.ID)
	if err != nil {
		return c, fmt.Errorf("start clock %s: %w", c.Kind, err)
	}
	return c, nil
}

// begun checks a clock that is to be started, and fills in what was left out.
func (s *Service) begun(c Clock) (Clock, error) {
	if c.StartedAt.IsZero() {
		c.StartedAt = s.Clock.Now()
	}
	if c.Under.IsZero() {
		c.Under = c.About
	}
	if c.About.IsZero() || c.Kind == "" || (c.OwedBy != Us && c.OwedBy != Them) || c.DueAt.IsZero() {
		return c, fmt.Errorf("start clock %q: about, kind, side and due time are required", c.Kind)
	}
	if c.DueAt.Before(c.StartedAt) {
		var p errs.Problems
		p.Add("due_at", "error.before_start")
		return c, p.Err()
	}
	c.UID = id.New()
	return c, nil
}

// MeetTx marks the open clocks of a kind about an object as met. Without an open one nothing happens.
func (s *Service) MeetTx(ctx context.Context, tx *db.Tx, by access.Actor, about ref.Ref, kind string, at time.Time) error {
	return s.end(ctx, tx, by, about, kind, "deadline.meet", "", `UPDATE deadline_clock SET met_at = $3
		WHERE about = $1 AND kind = $2 AND met_at IS NULL AND stopped_at IS NULL RETURNING strip, strip_kind, compartment, due_at`, at)
}

// StopTx stops the open clocks of a kind about an object with a reason.
func (s *Service) StopTx(ctx context.Context, tx *db.Tx, by access.Actor, about ref.Ref, kind, reason string) error {
	return s.end(ctx, tx, by, about, kind, "deadline.stop", reason, `UPDATE deadline_clock SET stopped_at = $3
		WHERE about = $1 AND kind = $2 AND met_at IS NULL AND stopped_at IS NULL RETURNING strip, strip_kind, compartment, due_at`, s.Clock.Now())
}

// ReopenTx lets the last clock of a kind about an object run again: what met or stopped it was undone. Its due time stays, so it may be late
// at once; what was reminded or escalated is not so again.
func (s *Service) ReopenTx(ctx context.Context, tx *db.Tx, by access.Actor, about ref.Ref, kind string) (Clock, error) {
	c, err := db.One(ctx, tx, scan, `UPDATE deadline_clock SET met_at = NULL, stopped_at = NULL WHERE id = (SELECT MAX(id) FROM deadline_clock
		WHERE about = $1 AND kind = $2) AND (met_at IS NOT NULL OR stopped_at IS NOT NULL) RETURNING `+columns("deadline_clock"), about.ID, kind)
	if err != nil {
		return c, err
	}
	err = s.Audit.Write(ctx, tx, audit.Entry{
		At: s.Clock.Now(), By: by, Verb: "deadline.reopen", On: about, About: c.Under, Compartment: c.Compartment,
		Changes: []audit.Change{{Field: "clock", To: kind}},
	})
	return c, err
}

// ResumeTx lets the clocks of a kind about an object that were stopped run again; those that were met stay so. Without a stopped one nothing happens.
func (s *Service) ResumeTx(ctx context.Context, tx *db.Tx, by access.Actor, about ref.Ref, kind string) error {
	return s.end(ctx, tx, by, about, kind, "deadline.reopen", "", `UPDATE deadline_clock SET stopped_at = NULL
		WHERE about = $1 AND kind = $2 AND met_at IS NULL AND stopped_at <= $3 RETURNING strip, strip_kind, compartment, due_at`, s.Clock.Now())
}

func (s *Service) end(ctx context.Context, tx *db.Tx, by access.Actor, about ref.Ref, kind, verb, reason, query string, at time.Time) error {
	type ended struct {
		strip       ref.Ref
		compartment int64
		due         time.Time
	}
	all, err := db.All(ctx, tx, func(r *db.Rows) (ended, error) {
		var e ended
		return e, r.Scan(&e.strip.ID, &e.strip.Kind, &e.compartment, &e.due)
	}, query, about.ID, kind, at)
	if err != nil {
		return fmt.Errorf("%s %s: %w", verb, kind, err)
	}
	for _, e := range all {
		changes := []audit.Change{{Field: "clock", To: kind}}
		if at.After(e.due) {
			changes = append(changes, audit.Change{Field: "late", To: true})
		}
		if err := s.Audit.Write(ctx, tx, audit.Entry{
			At: s.Clock.Now(), By: by, Verb: verb, On: about, About: e.strip, Compartment: e.compartment, Changes: changes, Note: reason,
		}); err != nil {
			return err
		}
	}
	return nil
}

// MoveTx lets the clocks about an object and its parts stand on another strip (a report was linked to an incident).
func (s *Service) MoveTx(ctx context.Context, tx *db.Tx, about, under ref.Ref) error {
	_, err := tx.Exec(ctx, `UPDATE deadline_clock SET strip = $2, strip_kind = $3 WHERE about = $1 OR (whole = $1 AND whole <> 0)`, about.ID, under.ID, int64(under.Kind))
	if err != nil {
		return fmt.Errorf("move clocks: %w", err)
	}
	return nil
}
