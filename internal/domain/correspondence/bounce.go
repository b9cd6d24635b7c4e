package correspondence

import (
	"context"
	"fmt"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// ReasonBounced says that another mail program could not deliver a letter that it had taken from us.
const ReasonBounced = "mail.reason.bounced"

// ByMessageID gives the thread of a letter of ours. The id is random, so who names it has the letter or carried it.
func (s *Service) ByMessageID(ctx context.Context, h db.Handle, messageID string) (Thread, error) {
	if messageID == "" {
		return Thread{}, errs.ErrNotFound
	}
	return db.One(ctx, h, s.scanThread, `SELECT `+threadColumns+threadTables+`WHERE t.object = (
		SELECT m.thread FROM correspondence_message m WHERE m.message_id = $1 AND m.direction = $2 ORDER BY m.id LIMIT 1)`, messageID, int64(Out))
}

// Letter gives the uid of a letter of ours on a thread by its Message-ID, "" when it has none of that name.
func (s *Service) Letter(ctx context.Context, h db.Handle, thread int64, messageID string) (string, error) {
	if messageID == "" {
		return "", nil
	}
	uid, err := db.One(ctx, h, func(r *db.Rows) (uid string, err error) { return uid, r.Scan(&uid) },
		`SELECT m.uid FROM correspondence_message m WHERE m.message_id = $1 AND m.thread = $2 AND m.direction = $3 ORDER BY m.id LIMIT 1`, messageID, thread, int64(Out))
	if errs.Is(err, errs.NotFound) {
		return "", nil
	}
	return uid, err
}

// SeenSince tells whether the correspondent of a thread saw a letter of ours in the portal or by a link from a moment on. The caller has checked the thread.
func (s *Service) SeenSince(ctx context.Context, h db.Handle, thread int64, since time.Time) (seen bool, err error) {
	var n int64
	err = h.QueryRow(ctx, `SELECT COUNT(*) FROM correspondence_message WHERE thread = $1 AND direction = $2 AND seen_at >= $3`, thread, int64(Out), since).Scan(&n)
	return n > 0, err
}

// BounceTx notes that a letter of a thread came back: Sent becomes Failed, so the outbox and the thread show it and a person decides whether it
// goes again. Without a Message-ID it is the last letter that left. It tells false when there is none that could have come back.
func (s *Service) BounceTx(ctx context.Context, tx *db.Tx, by access.Actor, thread int64, messageID string) (bool, error) {
	t, err := s.lockThread(ctx, tx, thread)
	if err != nil {
		return false, fmt.Errorf("note a bounce: %w", err)
	}
	list, err := db.All(ctx, tx, s.scanMessage, `SELECT `+messageColumns+` FROM correspondence_message m LEFT JOIN keyring_key k ON k.owner = m.thread
		WHERE m.thread = $1 AND m.direction = $2 AND m.channel = $3 AND m.state = $4 ORDER BY m.at DESC, m.id DESC`,
		thread, int64(Out), string(ByMail), string(Sent))
	if err != nil {
		return false, fmt.Errorf("note a bounce: %w", err)
	}
	for _, m := range list {
		if messageID != "" && m.MessageID != messageID {
			continue
		}
		m.SentAt, m.takenAt = time.Time{}, time.Time{}
		if err := s.move(ctx, tx, &m, Failed, ReasonBounced); err != nil {
			return false, fmt.Errorf("note a bounce: %w", err)
		}
		if err := access.Touch(ctx, tx, thread, s.Clock.Now()); err != nil {
			return false, err
		}
		err := s.record(ctx, tx, by, "correspondence."+string(Failed), t, m.Message, ref.Ref{},
			[]audit.Change{{Field: "state", From: Sent, To: Failed}, {Field: "reason", To: ReasonBounced}})
		if err != nil || s.Follow == nil {
			return true, err
		}
		return true, s.Follow.ReturnedTx(ctx, tx, m.Message)
	}
	return false, nil
}
