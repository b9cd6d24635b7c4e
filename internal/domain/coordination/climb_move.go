package coordination

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// begin puts a party at the foot of a ladder when it owes something; false when it owes nothing or climbs already. Without a time the first rung counts from when
// its answer is due, or from now when that is over. The caller holds its lock.
func (s *Service) begin(ctx context.Context, tx *db.Tx, by access.Actor, p Party, l Ladder, from time.Time) (bool, error) {
	if !p.WithdrawnAt.IsZero() || len(l.Rungs) == 0 {
		return false, nil
	}
	c, err := s.climb(ctx, tx, p.Ref.ID)
	if err == nil && c.State != ClimbEnded {
		return false, nil
	}
	if err != nil && !errs.Is(err, errs.NotFound) {
		return false, err
	}
	now := s.Clock.Now()
	if from.IsZero() {
		o, err := s.standing(ctx, tx, p, now.Add(time.Hour)) // what is held in the outbox is asked too
		if err != nil || o.owed == 0 {
			return false, err
		}
		from = o.due
	}
	c = Climb{Party: p.Ref.ID, Subject: p.Subject.ID, Ladder: l, ladder: l.ID, BeganAt: now}
	if err := s.step(ctx, tx, by, p, c, Step{What: StepBegun}); err != nil {
		return false, err
	}
	return true, s.runUntil(ctx, tx, by, p, &c, s.after(later(from, now), l.Rungs[0]))
}

// after is when a rung is taken that counts from a moment.
func (s *Service) after(from time.Time, r Rung) time.Time {
	wait := time.Duration(r.Hours) * time.Hour
	if r.Working && s.Working != nil {
		return s.Working(from, wait)
	}
	return from.Add(wait)
}

// onward waits for the next rung, or ends where there is none.
func (s *Service) onward(ctx context.Context, tx *db.Tx, by access.Actor, p Party, c *Climb) error {
	if c.Rung >= len(c.Ladder.Rungs) {
		return s.endClimb(ctx, tx, by, p, c, EndedTop, "")
	}
	return s.runUntil(ctx, tx, by, p, c, s.after(s.Clock.Now(), c.Ladder.Rungs[c.Rung]))
}

// runUntil waits for the next rung until a moment.
func (s *Service) runUntil(ctx context.Context, tx *db.Tx, by access.Actor, p Party, c *Climb, at time.Time) error {
	now := s.Clock.Now()
	c.State, c.Why, c.NextAt, c.LeftFor = Climbing, "", later(at, now), 0
	if err := s.rest(ctx, tx, by, p, c, "next"); err != nil {
		return err
	}
	_, err := s.Deadlines.StartTx(ctx, tx, by, deadline.Clock{About: p.Ref, Under: p.Subject, Kind: LadderClock, OwedBy: deadline.Them, StartedAt: now, DueAt: c.NextAt})
	return err
}

// rest stores a climb and stops its clocks.
func (s *Service) rest(ctx context.Context, tx *db.Tx, by access.Actor, p Party, c *Climb, why string) error {
	if err := s.saveClimb(ctx, tx, c); err != nil {
		return err
	}
	for _, kind := range []string{LadderClock, ConfirmClock} {
		if err := s.Deadlines.StopTx(ctx, tx, by, p.Ref, kind, why); err != nil {
			return err
		}
	}
	return access.Touch(ctx, tx, p.Ref.ID, s.Clock.Now())
}

func (s *Service) endClimb(ctx context.Context, tx *db.Tx, by access.Actor, p Party, c *Climb, why, words string) error {
	if err := s.step(ctx, tx, by, p, *c, Step{What: StepEnded, Words: words}); err != nil {
		return err
	}
	c.State, c.Why, c.NextAt, c.LeftFor = ClimbEnded, why, time.Time{}, 0
	return s.rest(ctx, tx, by, p, c, why)
}

// leaveLadder ends the climb of a party, if it has one, for a reason of the program's own.
func (s *Service) leaveLadder(ctx context.Context, tx *db.Tx, by access.Actor, p Party, why string) error {
	c, err := s.climb(ctx, tx, p.Ref.ID)
	if errs.Is(err, errs.NotFound) || err == nil && c.State == ClimbEnded {
		return nil
	}
	if err != nil {
		return err
	}
	return s.endClimb(ctx, tx, by, p, &c, why, "")
}

// leaveAll ends the climbs of a subject that was closed.
func (s *Service) leaveAll(ctx context.Context, tx *db.Tx, subject ref.Ref) error {
	list, err := db.All(ctx, tx, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) },
		`SELECT party FROM coordination_climb WHERE subject = $1 AND state <> $2 ORDER BY party`, subject.ID, string(ClimbEnded))
	if err != nil {
		return err
	}
	for _, n := range list {
		if _, err := access.Locked(ctx, tx, n); err != nil {
			return err
		}
		p, err := s.loadParty(ctx, tx, n)
		if err != nil {
			return err
		}
		if err := s.leaveLadder(ctx, tx, access.System("clocks"), p, EndedClosed); err != nil {
			return err
		}
	}
	return nil
}

// beginWith puts the parties of letters that ask at the foot of the ladder that begins by itself in their subject.
func (s *Service) beginWith(ctx context.Context, tx *db.Tx, by access.Actor, due time.Time, parties []Party) error {
	if len(parties) == 0 {
		return nil
	}
	code, err := s.chosenLadder(ctx, tx, parties[0].Subject)
	if err != nil {
		return err
	}
	l, err := s.ladderAt(ctx, tx, parties[0].Subject, code)
	if err != nil || len(l.Rungs) == 0 {
		return err
	}
	if l, err = s.usable(ctx, tx, l.Code); err != nil {
		return err
	}
	for _, p := range parties {
		if p.Role == Reporter || p.Role == Authority {
			continue
		}
		if _, err := s.begin(ctx, tx, by, p, l, due); err != nil {
			return err
		}
	}
	return nil
}
