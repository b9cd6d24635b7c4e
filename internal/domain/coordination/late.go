package coordination

import (
	"context"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// lookWithin is how long we have to look at what a party writes to a closed incident.
const lookWithin = 24 * time.Hour

// lateWord starts a clock of ours when the subject is closed: the message comes up as work, and late when nobody takes it. A letter of ours or
// Rest ends it.
func (s *Service) lateWord(ctx context.Context, tx *db.Tx, p Party) error {
	if p.Role == Reporter { // what a reporter writes comes up in triage
		return nil
	}
	rests, err := s.rests(ctx, tx, p.Subject)
	if err != nil || !rests {
		return err
	}
	open, err := s.waits(ctx, tx, p)
	if err != nil || open {
		return err
	}
	now := s.Clock.Now()
	_, err = s.Deadlines.StartTx(ctx, tx, access.System("clocks"), deadline.Clock{
		About: p.Ref, Under: p.Subject, Kind: LateWord, OwedBy: deadline.Us, StartedAt: now, DueAt: now.Add(lookWithin), RemindAt: remindAt(now, now.Add(lookWithin)),
	})
	return err
}

func (s *Service) waits(ctx context.Context, h db.Handle, p Party) (bool, error) {
	clocks, err := s.Deadlines.About(ctx, h, p.Ref.ID)
	for _, c := range clocks[p.Ref.ID] {
		if c.Kind == LateWord && c.Open() {
			return true, nil
		}
	}
	return false, err
}

// Waits tells whether what a party wrote to a closed incident waits for us.
func (s *Service) Waits(ctx context.Context, by access.Actor, p Party) (bool, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return false, err
	}
	return s.waits(ctx, s.DB, p)
}

// Rest says that what a party wrote to a closed incident needs nothing more, with a reason. The actor needs access.WorkCases. Refused: Invalid
// without reason, NotFound, Conflict when nothing waits.
func (s *Service) Rest(ctx context.Context, by access.Actor, party, reason string) error {
	if err := by.Need(access.WorkCases); err != nil {
		return err
	}
	if strings.TrimSpace(reason) == "" {
		return required("reason")
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		p, err := s.partyForChange(ctx, tx, by, party)
		if err != nil {
			return err
		}
		waits, err := s.waits(ctx, tx, p)
		if err != nil {
			return err
		}
		if !waits {
			return access.ErrChanged
		}
		if err := s.Deadlines.StopTx(ctx, tx, by, p.Ref, LateWord, reason); err != nil {
			return err
		}
		return access.Touch(ctx, tx, p.Ref.ID, s.Clock.Now())
	})
}

// wrote ends the clock of late words: a person's letter to the party goes out.
func (s *Service) wrote(ctx context.Context, tx *db.Tx, by access.Actor, p Party) error {
	return s.Deadlines.MeetTx(ctx, tx, by, p.Ref, LateWord, s.Clock.Now())
}
