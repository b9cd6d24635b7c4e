package correspondence

import (
	"context"
	"fmt"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// againBatch is how many signed messages SignedBy opens at a time.
const againBatch = 200

// SignedBy gives the arrivals of the next signed messages that say they are from an address and whose signature proved nothing so far, and the
// last message that it looked at, 0 after the end. It is for the mailroom, which knows how to check signatures.
func (s *Service) SignedBy(ctx context.Context, h db.Handle, from string, after int64) (mails map[int64]int64, last int64, err error) {
	list, err := db.All(ctx, h, s.scanMessage, `SELECT `+messageColumns+` FROM correspondence_message m LEFT JOIN keyring_key k ON k.owner = m.thread
		WHERE m.id > $1 AND m.direction = 1 AND m.seal IN ('signed', 'signed_encrypted') ORDER BY m.id LIMIT $2`, after, againBatch)
	if err != nil {
		return nil, 0, fmt.Errorf("read signed messages: %w", err)
	}
	mails = map[int64]int64{}
	for _, m := range list {
		if m.Arrival != 0 && m.Proof != SignedByKey && !m.Erased && strings.EqualFold(m.Body.From, from) {
			mails[m.ID] = m.Arrival
		}
	}
	if len(list) == againBatch {
		last = list[len(list)-1].ID
	}
	return mails, last, nil
}

// AgainTx notes a later verdict on a message. What was filed, shown or answered by the earlier one stays as it is: a person may release it now.
// The record holds both. The same verdict by the same key is noted once.
func (s *Service) AgainTx(ctx context.Context, tx *db.Tx, by access.Actor, message int64, v Again) error {
	find := `SELECT ` + messageColumns + ` FROM correspondence_message m LEFT JOIN keyring_key k ON k.owner = m.thread WHERE m.id = $1`
	m, err := db.One(ctx, tx, s.scanMessage, find, message)
	if err != nil {
		return fmt.Errorf("check again: %w", err)
	}
	t, err := s.lockThread(ctx, tx, m.Thread)
	if err != nil {
		return fmt.Errorf("check again: %w", err)
	}
	if m, err = db.One(ctx, tx, s.scanMessage, find, message); err != nil || m.Erased {
		return err
	}
	if old := m.content.Again; old != nil && (old.Proof == SignedByKey || old.Key == v.Key) {
		return nil
	}
	key, err := s.Ring.Get(ctx, tx, m.Thread)
	if err != nil {
		return fmt.Errorf("check again: %w", err)
	}
	v.At = s.Clock.Now()
	m.content.Again = &v
	body, err := sealContent(key, m.UID, m.content)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE correspondence_message SET body = $1 WHERE id = $2`, body, m.ID); err != nil {
		return fmt.Errorf("check again: %w", err)
	}
	return s.Audit.Write(ctx, tx, audit.Entry{
		At: v.At, By: by, Verb: "correspondence.verify", On: t.Ref, About: t.About, Owner: t.Ref.ID,
		Changes: []audit.Change{{Field: "proof", From: int(m.Proof), To: int(v.Proof)}, {Field: "key", To: v.Key}},
		Data:    noted{Message: m.UID, Kind: m.Kind, Channel: m.Channel, State: m.State, TLP: m.TLP},
	})
}
