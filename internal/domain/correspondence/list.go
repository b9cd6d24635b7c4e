package correspondence

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// OutboxFilter narrows the outbox.
type OutboxFilter struct {
	State State
	Limit int // 50 when 0, 500 at most
	After string
}

// Outgoings is one line of the outbox.
type Outgoings struct {
	Message
	Thread Thread
	Name   string // who reads it: the correspondent's name, else its address
}

// Outbox lists what leaves, held first, then waiting, failed and the newest sent. It is for who reads cases, and shows only threads that the
// actor may see (rule A12).
func (s *Service) Outbox(ctx context.Context, by access.Actor, f OutboxFilter) (constituency.Page[Outgoings], error) {
	var page constituency.Page[Outgoings]
	if err := by.Need(access.ReadCases); err != nil {
		return page, err
	}
	limit := min(max(f.Limit, 0), 500)
	if limit == 0 {
		limit = 50
	}
	q, err := outboxQuery(by, f, limit)
	if err != nil {
		return page, err
	}
	var lines []int64
	list, err := db.List(ctx, s.DB, q, func(r *db.Rows) (Outgoings, error) {
		o, at, err := s.scanOutgoing(r)
		lines = append(lines, at)
		return o, err
	})
	if err != nil {
		return page, fmt.Errorf("list outbox: %w", err)
	}
	if len(list) > limit {
		list = list[:limit]
		page.Next = cursor(lines[limit-1], list[limit-1].ID)
	}
	page.Items = list
	return page, nil
}

func outboxQuery(by access.Actor, f OutboxFilter, limit int) (*db.Query, error) {
	q := new(db.Query).Add(`SELECT ` + messageColumns + `, m.line, ` + access.Columns + `, t.about, t.about_kind, t.reference, t.encrypted, t.body
		FROM correspondence_message m JOIN `)
	access.Sees(by).From(q, ref.Thread).Add(` ON o.id = m.thread JOIN correspondence_thread t ON t.object = m.thread
		LEFT JOIN keyring_key k ON k.owner = m.thread WHERE m.line > 0`)
	if f.State != "" {
		q.Add(` AND m.state = ?`, string(f.State))
	}
	if f.After != "" {
		at, n, err := readCursor(f.After)
		if err != nil {
			return nil, err
		}
		q.Add(` AND (m.line, m.id) > (?, ?)`, at, n)
	}
	q.Add(` ORDER BY m.line, m.id LIMIT ?`, limit+1)
	return q, nil
}

func (s *Service) scanOutgoing(r *db.Rows) (Outgoings, int64, error) {
	var t Thread
	var at int64
	var body []byte
	m, wrapped, err := s.scanWith(r, append(append([]any{&at}, t.Dst()...), &t.About.ID, &t.About.Kind, &t.Reference, &t.Encrypted, &body)...)
	if err == nil {
		err = s.openThread(&t, body, wrapped)
	}
	o := Outgoings{m.Message, t, t.Correspondent.Name}
	if o.Name == "" {
		o.Name = t.Correspondent.Email
	}
	return o, at, err
}

func cursor(at, n int64) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(at))
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64(b, uint64(n)))
}

func readCursor(s string) (at, n int64, err error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) != 16 {
		return 0, 0, &errs.Error{Kind: errs.Invalid, Key: "error.cursor", Text: "this page does not exist any more; start again"}
	}
	return int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:])), nil
}
