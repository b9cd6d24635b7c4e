package correspondence

import (
	"context"
	"fmt"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

var errWithdrawn = &errs.Error{Kind: errs.Conflict, Key: "error.outbox.withdrawn", Text: "this was taken back: it does not leave any more"}

// WithdrawTx takes a message of ours back: one that is held or waits is stopped, one that left or may have left shows its correspondent nothing any more. It
// gives the message as it stands then; Sent or Sending means that copies of it are out. The actor needs access.SendOutside and must see the thread. What was
// taken back before, or is not ours, is a Conflict.
func (s *Service) WithdrawTx(ctx context.Context, tx *db.Tx, by access.Actor, message int64) (Message, error) {
	if err := by.Need(access.SendOutside); err != nil {
		return Message{}, err
	}
	var uid string
	if err := tx.QueryRow(ctx, `SELECT uid FROM correspondence_message WHERE id = $1`, message).Scan(&uid); err != nil {
		return Message{}, fmt.Errorf("take message back: %w", err)
	}
	m, t, err := s.forChange(ctx, tx, by, uid)
	if err != nil {
		return Message{}, fmt.Errorf("take message back: %w", err)
	}
	switch {
	case m.Direction != Out || !m.WithdrawnAt.IsZero() || m.State == Stopped:
		return m.Message, errWithdrawn
	case m.State == Held || m.State == Waiting:
		return m.Message, s.stopTx(ctx, tx, by, &m, t)
	}
	now := s.Clock.Now()
	if _, err := tx.Exec(ctx, `UPDATE correspondence_message SET withdrawn_at = $1 WHERE id = $2`, now, m.ID); err != nil {
		return m.Message, fmt.Errorf("take message back: %w", err)
	}
	m.WithdrawnAt = now
	if err := access.Touch(ctx, tx, t.Ref.ID, now); err != nil {
		return m.Message, err
	}
	if m.Road == egress.Locked && m.State == Sent { // a code that was not told is told no more
		if err := s.tellLeft(ctx, tx, by, t); err != nil {
			return m.Message, err
		}
	}
	return m.Message, s.record(ctx, tx, by, "correspondence.withdraw", t, m.Message, ref.Ref{}, nil)
}

// SharedWith gives what was shared with the reader, newest first, sent before a moment (zero: all).
func (s *Service) SharedWith(ctx context.Context, by access.Actor, before time.Time, limit int) ([]Message, error) {
	return s.handed(ctx, by, before, limit, s.visible(by, messageColumns).Add(` AND m.kind = ?`, string(Share)))
}

// HandedOver gives messages of ours that hand something over: what was shared, and letters with files, newest first, sent before a moment (zero: all). It is
// for the reader's own threads.
func (s *Service) HandedOver(ctx context.Context, by access.Actor, before time.Time, limit int) ([]Message, error) {
	return s.handed(ctx, by, before, limit, s.visible(by, messageColumns).Add(` AND (m.kind = ? OR EXISTS (SELECT 1 FROM correspondence_file f WHERE f.message = m.id))`, string(Share)))
}

func (s *Service) handed(ctx context.Context, by access.Actor, before time.Time, limit int, q *db.Query) ([]Message, error) {
	q.Add(` AND m.direction = ? AND m.state = 'sent'`, int64(Out))
	if !before.IsZero() {
		q.Add(` AND m.sent_at < ?`, before)
	}
	list, err := db.List(ctx, s.DB, q.Add(` ORDER BY m.sent_at DESC, m.id DESC LIMIT ?`, limit), s.scanMessage)
	if err != nil {
		return nil, fmt.Errorf("read what was handed over: %w", err)
	}
	out := make([]Message, len(list))
	for i := range list {
		out[i] = shown(list[i].Message, by)
	}
	return out, nil
}
