package correspondence

import (
	"context"
	"fmt"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// line places a message in the outbox: by state, then the newest first.
func line(state State, at time.Time) int64 {
	rank := map[State]int64{Held: 1, Sending: 1, Waiting: 2, Failed: 3, Sent: 4, Stopped: 4}[state]
	if rank == 0 {
		return 0
	}
	return rank*10_000_000_000_000_000 - at.UnixMicro()
}

// move changes the state of an outgoing message in the caller's transaction, where its row is locked.
func (s *Service) move(ctx context.Context, tx *db.Tx, m *stored, to State, reason string) error {
	m.State, m.Reason = to, reason
	return s.moved(ctx, tx, m)
}

// moveColumns are what changes with the state of a message.
var moveColumns = []db.Column{
	{Name: "id", Type: "BIGINT"},
	{Name: "state", Type: "TEXT"},
	{Name: "reason", Type: "TEXT"},
	{Name: "line", Type: "BIGINT"},
	{Name: "send_after", Type: "BIGINT"},
	{Name: "pass", Type: "BIGINT"},
	{Name: "road", Type: "BIGINT"},
	{Name: "handed_at", Type: "BIGINT"},
	{Name: "tries", Type: "BIGINT"},
	{Name: "sent_at", Type: "BIGINT"},
	{Name: "message_id", Type: "TEXT"},
	{Name: "seal", Type: "TEXT"},
	{Name: "taken_at", Type: "BIGINT"},
}

// moved writes down where outgoing messages stand, in the caller's transaction, where their rows are locked.
func (s *Service) moved(ctx context.Context, tx *db.Tx, all ...*stored) error {
	now := s.Clock.Now()
	rows := make([][]any, len(all))
	for i, m := range all {
		rows[i] = []any{
			m.ID, string(m.State), m.Reason, line(m.State, now), m.SendAfter, m.pass, int64(m.Road), m.handedAt, m.tries, m.SentAt, m.MessageID, string(m.Seal), m.takenAt,
		}
	}
	_, err := db.UpdateMany(ctx, tx, "correspondence_message", moveColumns, rows)
	return err
}

func stateChange(from, to State) []audit.Change {
	return []audit.Change{{Field: "state", From: from, To: to}}
}

var errTooLate = &errs.Error{Kind: errs.Conflict, Key: "error.outbox.too_late", Text: "too late: the message is on its way or already settled"}

// Stop stops a held or waiting message; it stays in the record. Too late is a Conflict.
func (s *Service) Stop(ctx context.Context, by access.Actor, message string) error {
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return s.StopTx(ctx, tx, by, message) })
}

// stopTx stops a message that was found to be held or waiting.
func (s *Service) stopTx(ctx context.Context, tx *db.Tx, by access.Actor, m *stored, t Thread) error {
	from := m.State
	if err := s.move(ctx, tx, m, Stopped, ""); err != nil {
		return fmt.Errorf("stop message: %w", err)
	}
	if s.Follow != nil {
		if err := s.Follow.MessageStoppedTx(ctx, tx, by, m.Message); err != nil {
			return fmt.Errorf("stop message: %w", err)
		}
	}
	return s.record(ctx, tx, by, "correspondence.stop", t, m.Message, ref.Ref{}, stateChange(from, Stopped))
}

// SendNow sends a held or waiting message at once, and tries a failed one again. What may leave is decided anew: a refusal is Forbidden with
// the reason as its key. The actor needs access.SendOutside.
func (s *Service) SendNow(ctx context.Context, by access.Actor, message string) error {
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return s.SendNowTx(ctx, tx, by, message) })
}

// SendNowTx is SendNow in the caller's transaction.
func (s *Service) SendNowTx(ctx context.Context, tx *db.Tx, by access.Actor, message string) error {
	if err := by.Need(access.SendOutside); err != nil {
		return err
	}
	m, t, err := s.forChange(ctx, tx, by, message)
	if err != nil {
		return fmt.Errorf("send now: %w", err)
	}
	if m.Direction != Out || (m.State != Held && m.State != Waiting && m.State != Failed) {
		return errTooLate
	}
	if !m.WithdrawnAt.IsZero() {
		return errWithdrawn
	}
	if held, err := s.braked(ctx, tx, m.ID); err != nil || held {
		if err == nil {
			err = &errs.Error{Kind: errs.Forbidden, Key: "error.mass.second_person", Text: "a second person releases it, with all that waits beside it"}
		}
		return err
	}
	now := s.Clock.Now()
	from := m.State
	if from != Held {
		ask, _, err := s.ask(ctx, tx, m, &t, now)
		if err != nil {
			return fmt.Errorf("send now: %w", err)
		}
		p, err := s.Egress.PassTx(ctx, tx, ask, m.rendition())
		if err != nil {
			return err
		}
		if m.Road == egress.Locked && p.Road() != egress.Locked {
			if err := tx.Later(ctx, `DELETE FROM correspondence_code WHERE message = $1`, m.ID); err != nil {
				return err
			}
		}
		m.pass, m.Road, m.takenAt, m.handedAt, m.tries = p.ID(), p.Road(), time.Time{}, time.Time{}, 0
	}
	m.SendAfter = now
	if err := s.move(ctx, tx, &m, Held, ""); err != nil {
		return fmt.Errorf("send now: %w", err)
	}
	if err := s.schedule(ctx, tx, now, now, []int64{m.ID}); err != nil {
		return err
	}
	return s.record(ctx, tx, by, "correspondence.send_now", t, m.Message, ref.Ref{}, stateChange(from, Held))
}

// Release lets a correspondent see a message that was filed as unverified, or text that came encrypted without the proof that it is the
// correspondent's own (rule P6). A message that is neither is a Conflict.
func (s *Service) Release(ctx context.Context, by access.Actor, message string) error {
	if err := by.Need(access.WorkCases); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return s.ReleaseTx(ctx, tx, by, message) })
}

// ReleaseTx is Release in the caller's transaction, which has asked for the right.
func (s *Service) ReleaseTx(ctx context.Context, tx *db.Tx, by access.Actor, message string) error {
	m, t, err := s.forChange(ctx, tx, by, message)
	if err != nil {
		return fmt.Errorf("release message: %w", err)
	}
	if m.Direction != In || m.Released || (m.State == Filed && m.Seal != Encrypted && m.Seal != SignedEncrypted) {
		return &errs.Error{Kind: errs.Conflict, Key: "error.outbox.released", Text: "the correspondent sees this message already"}
	}
	from := m.State
	m.State, m.Released = Filed, true
	if _, err := tx.Exec(ctx, `UPDATE correspondence_message SET state = 'filed', released = TRUE WHERE id = $1`, m.ID); err != nil {
		return fmt.Errorf("release message: %w", err)
	}
	if err := s.markThread(ctx, tx, &t, m.Message, 0, s.Clock.Now()); err != nil {
		return err
	}
	if s.Follow != nil && from == Unverified {
		if err := s.Follow.ReleasedTx(ctx, tx, by, m.Message); err != nil {
			return fmt.Errorf("release message: %w", err)
		}
	}
	return s.record(ctx, tx, by, "correspondence.release", t, m.Message, ref.Ref{}, stateChange(from, Filed))
}
