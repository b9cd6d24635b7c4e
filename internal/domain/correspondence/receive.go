package correspondence

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// Incoming is a message from outside.
type Incoming struct {
	Channel   Channel
	Kind      Kind  // Told when empty
	State     State // Filed or Unverified
	At        time.Time
	TLP       tlp.Level // 0: the sender gave none, and it counts as tlp.Unlabelled
	Proof     Proof
	Seal      Seal   // Plain when empty
	Arrival   int64  // the mail it came as, 0 for none
	Original  []byte // for form, API and phone: the submission as canonical JSON, kept sealed; at most 1 MiB
	MessageID string
	Same      string // by what a copy of the mail is found: see SameMail; "" for what is no mail
	Author    int64  // account for portal and phone notes
	Refers    int64  // the request it answers
	Apart     bool   // its writer says that it answers none
	Reach     Reach  // how far it may go, as its writer says with it
	// Acknowledges is the answer to a hand-over (format/handover) that lies beside it, of who proved to be the correspondent; nil for none.
	Acknowledges []byte
	Under        ref.Ref // the incident or report on whose timeline it is shown; zero: what the thread is about
	Body         Body
	Files        []FileIn // for callers that store them before the transaction (StoreFiles); ReceiveTx wants them in Body.Files
}

const maxOriginal = 1 << 20

// ReceiveTx files a message in a thread. Its files were stored before by StoreFiles, outside the transaction, and stand in Body.Files. The
// caller has found the thread by its tag, its sign-in or its link, and says by State how far the sender is proved. A message that came
// encrypted makes the thread an encrypted one (rule P10); a stricter label of a filed message becomes the thread's.
func (s *Service) ReceiveTx(ctx context.Context, tx *db.Tx, by access.Actor, thread int64, in Incoming) (Message, error) {
	t, err := s.lockThread(ctx, tx, thread)
	if err != nil {
		return Message{}, fmt.Errorf("receive message: %w", err)
	}
	return s.ReceiveFirstTx(ctx, tx, by, &t, in)
}

// ReceiveFirstTx is ReceiveTx for a thread that the transaction has opened or locked.
func (s *Service) ReceiveFirstTx(ctx context.Context, tx *db.Tx, by access.Actor, t *Thread, in Incoming) (Message, error) {
	if in.State != Filed && in.State != Unverified {
		return Message{}, fmt.Errorf("receive message in state %q", in.State)
	}
	if len(in.Files) > 0 {
		return Message{}, fmt.Errorf("receive message: its files were not stored before")
	}
	if len(in.Original) > maxOriginal {
		return Message{}, errs.New(errs.Limit, "the submission is larger than 1 MiB")
	}
	now := s.Clock.Now()
	in.Body.Subject, in.Body.Text = mail.Visible(in.Body.Subject), mail.FormText(in.Body.Text) // rule M11, by whichever way it came
	m := s.incoming(*t, by, in, now)
	key, err := s.Ring.Get(ctx, tx, t.Ref.ID)
	if err != nil {
		return m, fmt.Errorf("receive message: %w", err)
	}
	body, err := sealContent(key, m.UID, content{Body: in.Body, AuthorName: m.AuthorName, MessageID: in.MessageID})
	if err != nil {
		return m, err
	}
	var original []byte
	if in.Original != nil {
		original = key.Seal(messagePlace("original", m.UID), bytes.Clone(in.Original))
	}
	m.ID, err = insertMessage(ctx, tx, `uid, thread, direction, channel, kind, state, at, author, tlp, proof, seal, refers, arrival, body, original, same`,
		`$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16`,
		m.UID, m.Thread, int64(m.Direction), string(m.Channel), string(m.Kind), string(m.State), m.At, m.Author, int64(m.TLP), int64(m.Proof), string(m.Seal),
		m.Refers, m.Arrival, body, original, s.sameHash(in.Same))
	if err != nil {
		return m, fmt.Errorf("receive message: %w", err)
	}
	if err := s.bindFiles(ctx, tx, *t, m.ID, in.Arrival, in.Body.Files); err != nil {
		return m, err
	}
	if err := s.markThread(ctx, tx, t, m, in.TLP, now); err != nil {
		return m, fmt.Errorf("receive message: %w", err)
	}
	if in.Reach != Unsaid && in.State == Filed {
		w := saying{on: t.Ref, under: in.Under, compartment: t.Compartment, thread: t.Ref.ID, message: m.UID, reach: in.Reach, account: by.Account, channel: in.Channel}
		if err := s.sayTx(ctx, tx, by, w); err != nil {
			return m, err
		}
	}
	return m, s.record(ctx, tx, by, "correspondence.receive", *t, m, in.Under, nil)
}

func (s *Service) incoming(t Thread, by access.Actor, in Incoming, now time.Time) Message {
	m := Message{
		UID: id.New(), Thread: t.Ref.ID, Direction: In, Channel: in.Channel, Kind: in.Kind, State: in.State, At: in.At, Author: in.Author,
		AuthorName: by.Name, TLP: in.TLP, Proof: in.Proof, Seal: in.Seal, Refers: in.Refers, Arrival: in.Arrival, MessageID: in.MessageID, Body: in.Body,
	}
	if by.System != "" {
		m.AuthorName = ""
	}
	if m.Kind == "" {
		m.Kind = Told
	}
	if m.Seal == "" {
		m.Seal = Plain
	}
	if m.TLP == 0 {
		m.TLP = tlp.Unlabelled
	}
	if m.At.IsZero() {
		m.At = now
	}
	return m
}

// markThread lets the thread know what was filed. What waits unverified changes nothing: not what the correspondent could notice (rule A6),
// and not how we answer, which a stranger who has the tag could turn.
func (s *Service) markThread(ctx context.Context, tx *db.Tx, t *Thread, m Message, label tlp.Level, now time.Time) error {
	if m.State != Filed {
		return nil
	}
	if !t.Encrypted && (m.Seal == Encrypted || m.Seal == SignedEncrypted) {
		if err := tx.Later(ctx, `UPDATE correspondence_thread SET encrypted = TRUE WHERE object = $1`, t.Ref.ID); err != nil {
			return err
		}
		t.Encrypted = true
	}
	stricter := label > t.TLP
	if stricter {
		t.TLP = label
	}
	if t.fresh == tx && !stricter {
		return nil
	}
	return access.Update(ctx, tx, &t.Object, now)
}

// record writes the audit entry of a message: codes and ids, no text.
func (s *Service) record(ctx context.Context, tx *db.Tx, by access.Actor, verb string, t Thread, m Message, under ref.Ref, changes []audit.Change) error {
	if under.IsZero() {
		under = t.About
	}
	compartment := t.Compartment
	if m.State != Filed && m.State != Sent {
		compartment = 0 // not the correspondent's yet
	}
	err := s.Audit.Write(ctx, tx, audit.Entry{
		At: s.Clock.Now(), By: by, Verb: verb, On: t.Ref, About: under, Compartment: compartment, Owner: t.Ref.ID,
		Changes: changes, Data: noted{Message: m.UID, Kind: m.Kind, Channel: m.Channel, State: m.State, TLP: m.TLP, Automatic: m.Automatic},
	})
	return err
}

// noted is what the timeline knows of a message without opening it.
type noted struct {
	Message   string    `json:"message"`
	Kind      Kind      `json:"kind"`
	Channel   Channel   `json:"channel"`
	State     State     `json:"state"`
	TLP       tlp.Level `json:"tlp"`
	Automatic bool      `json:"automatic,omitempty"`
}
