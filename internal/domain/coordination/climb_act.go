package coordination

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// ClimbAct is what a person does with the ladders of parties.
type ClimbAct string

// What may be done.
const (
	ClimbBegin  ClimbAct = "begin"
	ClimbPause  ClimbAct = "pause"
	ClimbResume ClimbAct = "resume"
	ClimbSkip   ClimbAct = "skip" // the next rung; the one after it has its own time from now
	ClimbStop   ClimbAct = "stop"
)

// ClimbActs lists them.
func ClimbActs() []ClimbAct {
	return []ClimbAct{ClimbBegin, ClimbPause, ClimbResume, ClimbSkip, ClimbStop}
}

// ClimbInput is one act on the ladders of some parties.
type ClimbInput struct {
	Act     ClimbAct
	Parties []string // uids
	Ladder  string   // of ClimbBegin: a code
	Reason  string   // of all but ClimbBegin and ClimbResume
}

// mostClimbs is how many parties one act takes.
const mostClimbs = 5000

func (in ClimbInput) check() error {
	var p errs.Problems
	if !slices.Contains(ClimbActs(), in.Act) {
		p.Add("act", "error.choose")
	}
	switch {
	case len(in.Parties) == 0:
		p.Add("parties", "error.required")
	case len(in.Parties) > mostClimbs:
		p.Add("parties", "error.too_many", "most", mostClimbs)
	}
	switch {
	case utf8.RuneCountInString(in.Reason) > 500:
		p.Add("reason", "error.too_long", "most", 500)
	case !utf8.ValidString(in.Reason) || strings.ContainsRune(in.Reason, 0):
		p.Add("reason", "error.characters")
	case in.Reason == "" && in.Act != ClimbBegin && in.Act != ClimbResume:
		p.Add("reason", "error.required")
	}
	if in.Act == ClimbBegin && in.Ladder == "" {
		p.Add("ladder", "error.required")
	}
	return p.Err()
}

// Climb begins, pauses, resumes, moves on or ends the ladders of parties of an incident, by uid or number, and says for how many: a party that owes
// nothing begins none, and one that stands otherwise is left as it is. Parties are taken some at a time; repeated, it does what is left. The actor needs
// access.WorkCases and access.SendOutside. Refused: Invalid, NotFound for a party that is not one of the incident.
func (s *Service) Climb(ctx context.Context, by access.Actor, subject string, in ClimbInput) (done int, err error) {
	if err := needPrepare(by); err != nil {
		return 0, err
	}
	in.Reason = strings.TrimSpace(in.Reason)
	if err := in.check(); err != nil {
		return 0, err
	}
	o, err := access.Find(ctx, s.DB, by, ref.Incident, subject)
	if err != nil {
		return 0, err
	}
	all, err := s.PartiesOf(ctx, s.DB, by, o.Ref)
	if err != nil {
		return 0, err
	}
	var chosen []Party
	for _, p := range all {
		if slices.Contains(in.Parties, p.UID) {
			chosen = append(chosen, p)
		}
	}
	uids := slices.Clone(in.Parties)
	slices.Sort(uids)
	if len(chosen) < len(slices.Compact(uids)) {
		return 0, errs.ErrNotFound
	}
	slices.SortFunc(chosen, func(a, b Party) int { return int(a.Ref.ID - b.Ref.ID) }) // one order of locks
	for some := range slices.Chunk(chosen, 50) {
		n := 0
		err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			n = 0
			o, err := access.Load(ctx, tx, by, o.Ref)
			if err != nil {
				return err
			}
			var l Ladder
			if in.Act == ClimbBegin {
				if l, err = s.usable(ctx, tx, in.Ladder); err != nil {
					return err
				}
				if err := s.GoesOn(ctx, tx, o.Ref); err != nil {
					return err
				}
			}
			for _, p := range some {
				ok, err := s.climbOne(ctx, tx, by, p.Ref.ID, l, in)
				if err != nil {
					return err
				}
				if ok {
					n++
				}
			}
			return nil
		})
		if err != nil {
			return done, err
		}
		done += n
	}
	return done, nil
}

// climbOne does one act with one party, under its lock; false when it changed nothing.
func (s *Service) climbOne(ctx context.Context, tx *db.Tx, by access.Actor, party int64, l Ladder, in ClimbInput) (bool, error) {
	if _, err := access.Locked(ctx, tx, party); err != nil {
		return false, err
	}
	p, err := s.loadParty(ctx, tx, party)
	if err != nil {
		return false, err
	}
	if in.Act == ClimbBegin {
		return s.begin(ctx, tx, by, p, l, time.Time{})
	}
	c, err := s.climb(ctx, tx, party)
	if errs.Is(err, errs.NotFound) || err == nil && c.State == ClimbEnded {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	now := s.Clock.Now()
	switch in.Act {
	case ClimbPause:
		if c.State == ClimbPaused {
			return false, nil
		}
		if err := s.step(ctx, tx, by, p, c, Step{What: StepPaused, Words: in.Reason}); err != nil {
			return false, err
		}
		c.State, c.LeftFor, c.NextAt = ClimbPaused, max(c.NextAt.Sub(now), 0), time.Time{}
		return true, s.rest(ctx, tx, by, p, &c, in.Reason)
	case ClimbResume:
		if c.State != ClimbPaused {
			return false, nil
		}
		if err := s.step(ctx, tx, by, p, c, Step{What: StepResumed, Words: in.Reason}); err != nil {
			return false, err
		}
		return true, s.runUntil(ctx, tx, by, p, &c, now.Add(c.LeftFor))
	case ClimbSkip:
		if err := s.step(ctx, tx, by, p, c, Step{What: StepSkipped, Words: in.Reason}); err != nil {
			return false, err
		}
		c.Rung++
		return true, s.onward(ctx, tx, by, p, &c)
	}
	return true, s.endClimb(ctx, tx, by, p, &c, EndedPerson, in.Reason)
}
