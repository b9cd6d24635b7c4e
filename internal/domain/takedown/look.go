package takedown

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/fetch"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
)

// LookJob looks at the targets that are due.
type LookJob struct{}

// Kind names the job.
func (LookJob) Kind() string { return "takedown.look" }

const (
	looksAtOnce = 30
	looksFor    = time.Minute
	// soonest is how soon after a look a person asks for the next one.
	soonest = time.Minute
)

// Work registers the jobs of this duty.
func (s *Service) Work(r *job.Registry) {
	job.Handle(r, job.House, func(ctx context.Context, _ LookJob) error { return s.Look(ctx) })
	r.Every("takedown.look", time.Minute, job.House, LookJob{})
}

// watcher is who looks by the clock.
func watcher() access.Actor { return access.System("clocks") }

// Look looks at the targets that are due, the longest due first, within a minute: one that keeps us waiting delays the others by that at most, and one that cannot be
// looked at does not keep the others. What may not be looked at any more is left.
func (s *Service) Look(ctx context.Context) error {
	if s.Eyes == nil {
		return nil
	}
	due, err := db.All(ctx, s.DB, func(r *db.Rows) (uid string, err error) { return uid, r.Scan(&uid) },
		`SELECT uid FROM takedown_target WHERE look_at IS NOT NULL AND look_at <= $1 ORDER BY look_at, id LIMIT $2`, s.Clock.Now(), looksAtOnce)
	if err != nil {
		return err
	}
	var failed error
	for began := time.Now(); len(due) > 0 && time.Since(began) < looksFor && ctx.Err() == nil; due = due[1:] {
		failed = errors.Join(failed, s.look(ctx, due[0]))
	}
	return failed
}

// look looks at one target by the clock. Whether it may be looked at is asked of the case as it is now.
func (s *Service) look(ctx context.Context, uid string) error {
	t, err := s.target(ctx, s.DB, watcher(), uid)
	if errs.Is(err, errs.NotFound) { // sealed since, or destroyed
		return s.rest(ctx, uid)
	}
	if err != nil {
		return err
	}
	if !t.EndedAt.IsZero() { // since it was listed: nothing is due any more
		return nil
	}
	if s.BarredLook(t.Incident, t.Thing) != "" {
		return s.rest(ctx, uid)
	}
	x := s.see(ctx, t)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	_, err = s.noteSight(ctx, watcher(), uid, x)
	return err
}

// rest takes a target off the schedule for a day: its case may change.
func (s *Service) rest(ctx context.Context, uid string) error {
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE takedown_target SET look_at = $1 WHERE uid = $2`, s.Clock.Now().Add(daily), uid)
		return err
	})
}

// LookNow looks at a target because a person asks, as often as once a minute. The actor needs access.WorkCases. Refused: NotFound, Conflict with the reason why it is not
// looked at, or for one that is ended.
func (s *Service) LookNow(ctx context.Context, by access.Actor, uid string) (Target, error) {
	if err := by.Need(access.WorkCases); err != nil {
		return Target{}, err
	}
	var t Target
	// Noted before anybody is asked: pressed twice it is one look.
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var err error
		if t, err = s.forChange(ctx, tx, by, uid); err != nil {
			return err
		}
		now := s.Clock.Now()
		switch b := s.BarredLook(t.Incident, t.Thing); {
		case !t.EndedAt.IsZero():
			return errEnded
		case b != "":
			return &errs.Error{Kind: errs.Conflict, Key: string(b), Text: "the target may not be looked at"}
		case now.Sub(t.LookedAt) < soonest:
			return &errs.Error{Kind: errs.Conflict, Key: "error.takedown.soon", Text: "it was looked at within the last minute"}
		}
		t.LookedAt = now
		if err := s.save(ctx, tx, &t, false); err != nil {
			return err
		}
		return s.record(ctx, tx, by, "takedown.look", t, "")
	})
	if err != nil {
		return t, err
	}
	x := s.see(ctx, t)
	if ctx.Err() != nil {
		return t, ctx.Err()
	}
	return s.noteSight(ctx, by, uid, x)
}

// see asks outside, holding nothing.
func (s *Service) see(ctx context.Context, t Target) fetch.Sight {
	switch t.Thing.Form {
	case "url":
		return s.Eyes.Page(ctx, t.Thing.Text)
	case "domain": // a domain is down when it leads nowhere: its hosts are not asked
		return s.Eyes.Name(ctx, t.Thing.Host)
	}
	a, _ := t.Thing.Addr()
	if t.Thing.Port != 0 {
		return s.Eyes.Port(ctx, netip.AddrPortFrom(a, t.Thing.Port))
	}
	x := s.Eyes.Port(ctx, netip.AddrPortFrom(a, 443))
	if x.Outcome == fetch.Silent {
		x = s.Eyes.Port(ctx, netip.AddrPortFrom(a, 80))
	}
	return x
}

// noteSight keeps what was seen. The case may have been closed to looks meanwhile: what was seen is kept all the same.
func (s *Service) noteSight(ctx context.Context, by access.Actor, uid string, x fetch.Sight) (Target, error) {
	var t Target
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var err error
		if t, err = s.forChange(ctx, tx, by, uid); err != nil || !t.EndedAt.IsZero() {
			return err
		}
		now := s.Clock.Now()
		t.LookedAt = now
		to, where := t.judge(x)
		t.looks++
		switch {
		case to == "", to == t.State && to != Moved, to == Up && t.State == Back:
			t.LookAt = s.nextLook(t, now)
		default:
			if err := s.moveTx(ctx, tx, watcher(), &t, Change{State: to, Saw: x.Outcome, To: where}); err != nil {
				return err
			}
		}
		return s.save(ctx, tx, &t, to != "" && t.StateAt.Equal(now))
	})
	return t, err
}
