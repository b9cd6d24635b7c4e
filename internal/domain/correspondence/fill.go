package correspondence

import (
	"context"
	"fmt"

	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// Filled is a thread with its messages as FillTx writes them. Object stands already (access.FillTx) and has its key.
type Filled struct {
	Thread
	Key      keyring.Key
	Messages []Message // ID and UID are given; Sent and Filed ones
}

// FillTx writes threads and messages: for who fills an empty house. What is said to have been sent has no pass and no mail.
func (s *Service) FillTx(ctx context.Context, tx *db.Tx, threads []Filled) error {
	count := 0
	for _, t := range threads {
		count += len(t.Messages)
	}
	next, err := db.Reserve(ctx, tx, "correspondence_message", count)
	if err != nil {
		return err
	}
	rows, messages := make([][]any, len(threads)), make([][]any, 0, count)
	for i := range threads {
		t := &threads[i]
		if t.Ref.Kind != ref.Thread || t.Ref.ID == 0 || t.Reference == "" {
			return fmt.Errorf("fill threads: one has no object or no reference")
		}
		t.Tag = id.New()
		body, err := s.sealThread(t.Key, t.Thread)
		if err != nil {
			return err
		}
		rows[i] = []any{t.Ref.ID, t.About.ID, int64(t.About.Kind), t.Reference, tagHash(t.Tag), t.Encrypted, body}
		for j := range t.Messages {
			m := &t.Messages[j]
			m.ID, m.UID, m.Thread = next, id.New(), t.Ref.ID
			next++
			body, err := sealContent(t.Key, m.UID, content{Body: m.Body, AuthorName: m.AuthorName, Lang: t.Correspondent.Lang})
			if err != nil {
				return err
			}
			at := int64(0)
			if m.Direction == Out {
				at = line(m.State, m.SentAt)
			}
			messages = append(messages, []any{
				m.ID, m.UID, m.Thread, int64(m.Direction), string(m.Channel), string(m.Kind), string(m.State), m.At, m.SentAt, m.SeenAt, m.Author,
				int64(m.TLP), int64(m.Proof), string(m.Seal), int64(m.Road), m.Refers, at, body,
			})
		}
	}
	if err := db.Copy(ctx, tx, "correspondence_thread", []string{"object", "about", "about_kind", "reference", "tag", "encrypted", "body"}, rows); err != nil {
		return err
	}
	return db.Copy(ctx, tx, "correspondence_message", []string{
		"id", "uid", "thread", "direction", "channel", "kind", "state", "at", "sent_at", "seen_at", "author", "tlp", "proof", "seal", "road", "refers", "line", "body",
	}, messages)
}
