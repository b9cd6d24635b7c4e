package coordination

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// CodeClock is ours: a letter left as a locked file, and its reader waits for the code.
const CodeClock = "code_told"

// codeOwed starts the clock of a code when its letter leaves. One clock stands for all codes of a thread.
func (s *Service) codeOwed(ctx context.Context, tx *db.Tx, m correspondence.Message, at time.Time) error {
	if m.Road != egress.Locked || s.Deadlines == nil {
		return nil
	}
	threads, err := s.Correspondence.Threads(ctx, tx, m.Thread)
	if err != nil {
		return err
	}
	about := threads[m.Thread].About
	under := about
	switch about.Kind {
	case ref.Party:
		p, err := s.loadParty(ctx, tx, about.ID)
		if err != nil {
			return err
		}
		under = p.Subject
	case ref.Report, ref.Obligation, ref.Incident:
	default: // no strip that anybody reads: the list of codes names it
		return nil
	}
	clocks, err := s.Deadlines.About(ctx, tx, about.ID)
	if err != nil {
		return err
	}
	for _, c := range clocks[about.ID] {
		if c.Kind == CodeClock && c.Open() {
			return nil
		}
	}
	// For the team alone: no compartment.
	_, err = s.Deadlines.StartTx(ctx, tx, access.System("clocks"), deadline.Clock{
		About: about, Under: under, Kind: CodeClock, OwedBy: deadline.Us, StartedAt: at, DueAt: at.Add(correspondence.CodeWithin).Truncate(15 * time.Minute), // those of one sending fold to one
	})
	return err
}

// CodesLeftTx ends the clock when every code of a thread was told, or needs telling no more.
func (s *Service) CodesLeftTx(ctx context.Context, tx *db.Tx, by access.Actor, t correspondence.Thread, left int) error {
	if left > 0 {
		return nil
	}
	return s.Deadlines.MeetTx(ctx, tx, by, t.About, CodeClock, s.Clock.Now())
}

// codeDue prompts our people when a reader waits too long for a code.
func (s *Service) codeDue(ctx context.Context, tx *db.Tx, c deadline.Clock, escalate bool) error {
	if !escalate || s.Late == nil {
		return nil
	}
	if c.About.Kind == ref.Party {
		p, err := s.loadParty(ctx, tx, c.About.ID)
		if err != nil {
			return err
		}
		if left, err := s.Correspondence.CodesLeft(ctx, tx, p.Thread); err != nil || left == 0 || !p.WithdrawnAt.IsZero() {
			if err == nil {
				err = s.Deadlines.StopTx(ctx, tx, access.System("clocks"), c.About, CodeClock, "no code is to be told")
			}
			return err
		}
	}
	return s.Late(ctx, tx, c)
}
