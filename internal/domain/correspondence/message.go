package correspondence

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// content is what is sealed of a message: its body and what else came from outside or is secret.
type content struct {
	Body
	AuthorName string     `json:"author_name,omitempty"`
	MessageID  string     `json:"message_id,omitempty"` // of mail that came; ours stands in its column
	InReplyTo  string     `json:"in_reply_to,omitempty"`
	AnswerTo   string     `json:"answer_to,omitempty"` // the tagged address of the same mailbox, where its own house finds the case
	DueAt      *time.Time `json:"due_at,omitempty"`
	Lang       string     `json:"lang,omitempty"`   // in which it was written
	Salt       []byte     `json:"salt,omitempty"`   // so that the hash of a rendition tells nothing
	Worded     bool       `json:"worded,omitempty"` // automatic, and yet it says something of the case
	Opens      bool       `json:"opens,omitempty"`  // the link of the account that the thread is about is put in when it leaves
}

// stored is a message with what the outbox needs beside it.
type stored struct {
	Message
	content  content
	pass     int64
	takenAt  time.Time // by the run that sends it now; zero between runs
	handedAt time.Time // to the transport; it may have left since
	tries    int
	mass     int64 // set when it is written
}

func messagePlace(column, uid string) string { return "correspondence_message." + column + ":" + uid }

func sealContent(key keyring.Key, uid string, c content) ([]byte, error) {
	b, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	return key.Seal(messagePlace("body", uid), b), nil
}

const messageColumns = `m.id, m.uid, m.thread, m.direction, m.channel, m.kind, m.state, m.at, m.send_after, m.sent_at, m.seen_at, m.author, m.tlp,
	m.proof, m.seal, m.road, m.refers, m.arrival, m.message_id, m.reason, m.automatic, m.released, m.pass, m.taken_at, m.handed_at, m.tries, m.withdrawn_at, m.original IS NOT NULL, m.body, k.wrapped`

func (s *Service) scanMessage(r *db.Rows) (stored, error) {
	m, _, err := s.scanWith(r)
	return m, err
}

// scanWith reads a row that begins with messageColumns and goes on with more; it gives the wrapped data key of the thread too.
func (s *Service) scanWith(r *db.Rows, more ...any) (stored, []byte, error) {
	var m stored
	var body, wrapped []byte
	dst := []any{
		&m.ID, &m.UID, &m.Thread, &m.Direction, &m.Channel, &m.Kind, &m.State, &m.At, &m.SendAfter, &m.SentAt, &m.SeenAt, &m.Author, &m.TLP,
		&m.Proof, &m.Seal, &m.Road, &m.Refers, &m.Arrival, &m.MessageID, &m.Reason, &m.Automatic, &m.Released, &m.pass, &m.takenAt, &m.handedAt, &m.tries, &m.WithdrawnAt, &m.HasOriginal, &body, &wrapped,
	}
	if err := r.Scan(append(dst, more...)...); err != nil {
		return m, wrapped, err
	}
	m.HasOriginal = m.HasOriginal || m.Arrival != 0
	if len(wrapped) == 0 {
		m.Erased = true
		return m, wrapped, nil
	}
	key, err := s.Ring.Unwrap(m.Thread, wrapped)
	if err != nil {
		return m, wrapped, err
	}
	plain, err := key.Open(messagePlace("body", m.UID), body)
	if err != nil {
		return m, wrapped, err
	}
	if err := json.Unmarshal(plain, &m.content); err != nil {
		return m, wrapped, err
	}
	m.Body, m.AuthorName = m.content.Body, m.content.AuthorName
	if m.Direction == In {
		m.MessageID = m.content.MessageID
	}
	return m, wrapped, nil
}

// Messages gives the messages of a thread that the reader may see, oldest first: the team all of them, the correspondent only what was
// filed or sent. Without threads it gives none.
func (s *Service) Messages(ctx context.Context, h db.Handle, by access.Actor, threads ...int64) ([]Message, error) {
	return s.messages(ctx, h, by, "", threads)
}

// Told is Messages that came in, ours left out: for who looks for what others said, it opens nothing else.
func (s *Service) Told(ctx context.Context, h db.Handle, by access.Actor, threads ...int64) ([]Message, error) {
	return s.messages(ctx, h, by, ` AND m.direction = ?`, threads, int64(In))
}

// messages opens what the condition leaves.
func (s *Service) messages(ctx context.Context, h db.Handle, by access.Actor, condition string, threads []int64, args ...any) ([]Message, error) {
	if len(threads) == 0 {
		return nil, nil
	}
	q := s.visible(by, messageColumns).Add(condition, args...)
	db.In(q.Add(` AND m.thread IN `), threads).Add(` ORDER BY m.at, m.id`)
	list, err := db.List(ctx, h, q, s.scanMessage)
	if err != nil {
		return nil, fmt.Errorf("read messages: %w", err)
	}
	out := make([]Message, len(list))
	for i := range list {
		out[i] = shown(list[i].Message, by)
	}
	return out, nil
}

// Letters gives the newest messages of threads that went out, receipts left out, newest first.
func (s *Service) Letters(ctx context.Context, h db.Handle, by access.Actor, limit int, threads ...int64) ([]Message, error) {
	if len(threads) == 0 {
		return nil, nil
	}
	q := s.visible(by, messageColumns)
	db.In(q.Add(` AND m.direction = ? AND m.kind <> ? AND m.thread IN `, int64(Out), string(Receipt)), threads).Add(` ORDER BY m.at DESC, m.id DESC LIMIT ?`, limit)
	list, err := db.List(ctx, h, q, s.scanMessage)
	if err != nil {
		return nil, fmt.Errorf("read letters: %w", err)
	}
	out := make([]Message, len(list))
	for i := range list {
		out[i] = shown(list[i].Message, by)
	}
	return out, nil
}

// Passed is Messages without anything sealed, for who asks only what came and went and when: it opens nothing. It is for the team.
func (s *Service) Passed(ctx context.Context, h db.Handle, by access.Actor, threads ...int64) ([]Message, error) {
	if len(threads) == 0 || !by.Team() {
		return nil, nil
	}
	q := s.visible(by, `m.id, m.thread, m.direction, m.kind, m.state, m.at, m.sent_at, m.seen_at, m.road`)
	return db.List(ctx, h, db.In(q.Add(` AND m.thread IN `), threads).Add(` ORDER BY m.at, m.id`), func(r *db.Rows) (m Message, err error) {
		return m, r.Scan(&m.ID, &m.Thread, &m.Direction, &m.Kind, &m.State, &m.At, &m.SentAt, &m.SeenAt, &m.Road)
	})
}

// visible begins a query for the messages that the reader may see, with m, o (thread) and k (its key).
func (s *Service) visible(by access.Actor, columns string) *db.Query {
	q := new(db.Query).Add(`SELECT ` + columns + ` FROM `)
	access.Sees(by).From(q, ref.Thread)
	q.Add(` JOIN correspondence_message m ON m.thread = o.id LEFT JOIN keyring_key k ON k.owner = o.id WHERE 1 = 1`)
	if !by.Team() {
		q.Add(` AND m.state IN ('filed', 'sent')`)
	}
	return q
}

// shown leaves out what this reader has not proved to be its own (rule P6, no decryption oracle): text that came encrypted is for the team,
// and for the correspondent only when it was signed inside the encryption by an approved key of that contact, or a person released it. A
// link proves less than a key: through it nothing is read that travelled encrypted, in either direction. What we took back is read by nobody outside.
func shown(m Message, by access.Actor) Message {
	if by.Team() {
		return m
	}
	m.Reason, m.Author = "", 0
	if m.Direction == Out || m.Channel == ByPhone {
		m.AuthorName = "" // who works on what is ours, also who of us wrote down a call
	}
	m.Body.Oddities, m.Body.Reasons, m.Body.Signature, m.Body.Again, m.Body.Meanings, m.Body.Within = nil, nil, nil, nil, nil, nil
	m.Body.Outer, m.Body.Answers, m.Body.Language, m.Body.Unprotected = "", "", "", ""
	if !m.WithdrawnAt.IsZero() {
		m.Body = Body{}
		return m
	}
	cipher := m.Seal == Encrypted || m.Seal == SignedEncrypted
	own := m.Seal == SignedEncrypted && m.Proof == SignedByKey && by.Strength != access.Link
	switch {
	case m.Direction == In && cipher && !own && !m.Released,
		m.Direction == Out && (cipher || m.Road == egress.Locked) && by.Strength == access.Link:
		m.Withheld = true
		m.Body = Body{}
	}
	return m
}

// find loads one message of one thread, both by uid and in one statement (rule A3), as the reader may see it.
func (s *Service) find(ctx context.Context, by access.Actor, thread, message string) (stored, error) {
	q := s.visible(by, messageColumns).Add(` AND o.uid = ? AND m.uid = ?`, thread, message)
	list, err := db.List(ctx, s.DB, q, s.scanMessage)
	if err != nil {
		return stored{}, err
	}
	if len(list) == 0 {
		return stored{}, errs.ErrNotFound
	}
	m := list[0]
	m.Message = shown(m.Message, by)
	return m, nil
}

// Get gives one message of a thread, both by uid, as the reader may see it.
func (s *Service) Get(ctx context.Context, by access.Actor, thread, message string) (Message, error) {
	m, err := s.find(ctx, by, thread, message)
	return m.Message, err
}

// forChange loads one message by uid under the actor's scope and locks its thread.
func (s *Service) forChange(ctx context.Context, tx *db.Tx, by access.Actor, message string) (stored, Thread, error) {
	q := s.visible(by, `m.thread`).Add(` AND m.uid = ?`, message)
	thread, err := db.One(ctx, tx, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) }, q.Text(), q.Args()...)
	if err != nil {
		return stored{}, Thread{}, err
	}
	t, err := s.lockThread(ctx, tx, thread)
	if err != nil {
		return stored{}, t, err
	}
	m, err := db.One(ctx, tx, s.scanMessage, `SELECT `+messageColumns+` FROM correspondence_message m LEFT JOIN keyring_key k ON k.owner = m.thread
		WHERE m.uid = $1`, message)
	return m, t, err
}

// SeenTx records that the correspondent saw what was sent to it (portal or link).
func (s *Service) SeenTx(ctx context.Context, tx *db.Tx, thread int64, at time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE correspondence_message SET seen_at = $1 WHERE thread = $2 AND direction = $3 AND state = 'sent' AND seen_at IS NULL`,
		at, thread, int64(Out))
	return err
}
