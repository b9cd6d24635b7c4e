package coordination

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// A sending is one question to many parties of a subject: chosen, written, looked at, approved and sent as one act. It is kept from its first line, so that
// two people and a restart find it as it was. Nobody becomes a party and no letter is written before it is sent: then a job does both, a few at a time, and
// notes each, so that killed anywhere it goes on where it was. What is sent is what was asked for: its hash covers who, to which address, by which road, with
// which words and which evidence.
//
//	sending.go          the states, reading      sending_choose.go  Choose; sending_find.go: who, and why
//	sending_letter.go   SetLetter, Letter        sending_dry.go     Lines: whom it reaches, by which road
//	sending_decide.go   Submit, Approve, …       sending_work.go    the job
//	sending_rule.go     from where a second person is asked

// SendingState is where a sending stands.
type SendingState string

// The states of a sending.
const (
	SendingDraft     SendingState = "draft"   // prepared
	SendingWaiting   SendingState = "waiting" // for a second person
	SendingGoing     SendingState = "sending" // held for a moment, then its letters are written
	SendingSent      SendingState = "sent"
	SendingWithdrawn SendingState = "withdrawn" // what had left stays
)

// SendingMoves are the allowed moves.
var SendingMoves = map[SendingState][]SendingState{
	SendingDraft:   {SendingWaiting, SendingGoing, SendingWithdrawn},
	SendingWaiting: {SendingDraft, SendingGoing, SendingWithdrawn},
	SendingGoing:   {SendingDraft, SendingSent, SendingWithdrawn}, // draft while it is held, or when what was approved is no more
}

// Sending is one question to many parties.
type Sending struct {
	ID        int64
	UID       string
	Subject   ref.Ref
	State     SendingState
	Version   int64
	Account   int64 // who began it; then who asked to send it
	CreatedAt time.Time
	ChangedAt time.Time
	AskedAt   time.Time
	DecidedAt time.Time
	DecidedBy int64
	LeavesAt  time.Time // when its letters begin to be written
	EndedAt   time.Time
	Readers   int // that it was sent to, or waits to be
	TLP       tlp.Level
	Hash      string // of what was asked for: who approves names it
	Give      Give   // without Parties
	Editors   []int64
	Unread    int    // lines of lists that could not be read, or that nobody answers for
	Repeated  int    // lines that stood there before
	Why       string // why it was withdrawn, or went back
	Alone     bool   // released by one person, alarmed

	Chosen, Excluded, Written, Left int
	Reasons                         map[string]int // how many were left for which reason, a catalogue key

	wrapped, sealed []byte
}

// Edited tells whether somebody had a hand in what would be sent: such a one is no second person.
func (x Sending) Edited(account int64) bool {
	return x.Account == account || slices.Contains(x.Editors, account)
}

// Held tells whether it is sent but nothing is written yet.
func (x Sending) Held(now time.Time) bool { return x.State == SendingGoing && x.LeavesAt.After(now) }

type sendingBody struct {
	Give     Give    `json:"give"`
	Editors  []int64 `json:"editors,omitempty"`
	Unread   int     `json:"unread,omitempty"`
	Repeated int     `json:"repeated,omitempty"`
	Why      string  `json:"why,omitempty"`
	Alone    bool    `json:"alone,omitempty"`
}

func sendingPlace(uid string) string { return "coordination_sending.body:" + uid }

const sendingColumns = `x.id, x.uid, x.subject_kind, x.subject, x.state, x.version, x.account, x.created_at, x.changed_at, x.asked_at, x.decided_at, x.decided_by, x.leaves_at,
	x.ended_at, x.readers, x.tlp, x.hash, x.body, k.wrapped`

const sendingTables = ` FROM coordination_sending x LEFT JOIN keyring_key k ON k.owner = x.subject `

func (s *Service) scanSending(r *db.Rows) (Sending, error) {
	var x Sending
	var hash []byte
	err := r.Scan(&x.ID, &x.UID, &x.Subject.Kind, &x.Subject.ID, (*string)(&x.State), &x.Version, &x.Account, &x.CreatedAt, &x.ChangedAt, &x.AskedAt, &x.DecidedAt, &x.DecidedBy,
		&x.LeavesAt, &x.EndedAt, &x.Readers, &x.TLP, &hash, &x.sealed, &x.wrapped)
	if err != nil || x.wrapped == nil {
		return x, err
	}
	x.Hash = hex.EncodeToString(hash)
	k, err := s.Ring.Unwrap(x.Subject.ID, x.wrapped)
	if err != nil {
		return x, err
	}
	plain, err := k.Open(sendingPlace(x.UID), x.sealed)
	if err != nil {
		return x, err
	}
	var b sendingBody
	err = json.Unmarshal(plain, &b)
	x.Give, x.Editors, x.Unread, x.Repeated, x.Why, x.Alone = b.Give, b.Editors, b.Unread, b.Repeated, b.Why, b.Alone
	return x, err
}

// sendingKey gives the key of the subject, under which all of a sending is sealed. What was destroyed is Conflict.
func (s *Service) sendingKey(x Sending) (keyring.Key, error) {
	if x.wrapped == nil {
		return keyring.Key{}, errs.New(errs.Conflict, "the content of this case was destroyed")
	}
	return s.Ring.Unwrap(x.Subject.ID, x.wrapped)
}

var (
	errSendingState   = &errs.Error{Kind: errs.Conflict, Key: "error.sending.state", Text: "the sending is not at a point where this can be done"}
	errSendingChanged = &errs.Error{Kind: errs.Conflict, Key: "error.sending.changed", Text: "what would be sent has changed: look at it again"}
)

// needPrepare says who prepares sendings.
func needPrepare(by access.Actor) error {
	if err := by.Need(access.WorkCases); err != nil {
		return err
	}
	return by.Need(access.SendOutside)
}

// NewSending begins a sending of an incident, by uid or number. The actor needs access.WorkCases and access.SendOutside. Refused: NotFound, Conflict for a closed
// incident.
func (s *Service) NewSending(ctx context.Context, by access.Actor, subject string) (Sending, error) {
	if err := needPrepare(by); err != nil {
		return Sending{}, err
	}
	var x Sending
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		o, err := access.LoadForChange(ctx, tx, by, ref.Incident, subject)
		if err != nil {
			return err
		}
		x, err = s.beginSendingTx(ctx, tx, by, o)
		return err
	})
	return x, err
}

func (s *Service) beginSendingTx(ctx context.Context, tx *db.Tx, by access.Actor, o access.Object) (Sending, error) {
	if err := s.GoesOn(ctx, tx, o.Ref); err != nil {
		return Sending{}, err
	}
	k, err := s.Ring.Get(ctx, tx, o.Ref.ID)
	if err != nil {
		return Sending{}, err
	}
	now := s.Clock.Now()
	x := Sending{UID: id.New(), Subject: o.Ref, State: SendingDraft, Version: 1, Account: by.Account, CreatedAt: now, ChangedAt: now, TLP: o.TLP, Editors: []int64{by.Account}}
	x.Give.TLP = o.TLP
	sealed, err := sealSending(k, x)
	if err != nil {
		return Sending{}, err
	}
	if x.wrapped, err = wrappedOf(ctx, tx, o.Ref.ID); err != nil {
		return Sending{}, err
	}
	if err := tx.QueryRow(ctx, `INSERT INTO coordination_sending (uid, subject, subject_kind, state, version, account, created_at, changed_at, tlp, body)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id`,
		x.UID, x.Subject.ID, int64(x.Subject.Kind), string(x.State), x.Version, x.Account, now, now, int64(x.TLP), sealed).Scan(&x.ID); err != nil {
		return Sending{}, err
	}
	return x, s.sendingEntry(ctx, tx, by, x, "coordination.sending", "")
}

// wrappedOf reads the key of a subject as it is kept.
func wrappedOf(ctx context.Context, tx *db.Tx, subject int64) (wrapped []byte, err error) {
	return wrapped, tx.QueryRow(ctx, `SELECT wrapped FROM keyring_key WHERE owner = $1`, subject).Scan(&wrapped)
}

// GoesOn refuses what is closed, with Conflict.
func (s *Service) GoesOn(ctx context.Context, tx *db.Tx, subject ref.Ref) error {
	rests, err := s.rests(ctx, tx, subject)
	if err == nil && rests {
		err = &errs.Error{Kind: errs.Conflict, Key: "error.sending.closed", Text: "the incident is closed"}
	}
	return err
}

// rests tells whether the subject is closed.
func (s *Service) rests(ctx context.Context, tx *db.Tx, subject ref.Ref) (bool, error) {
	if s.Rests == nil {
		return false, nil
	}
	return s.Rests(ctx, tx, subject)
}

func sealSending(k keyring.Key, x Sending) ([]byte, error) {
	x.Give.Parties = nil
	b, err := json.Marshal(sendingBody{x.Give, x.Editors, x.Unread, x.Repeated, x.Why, x.Alone})
	return k.Seal(sendingPlace(x.UID), b), err
}

func (s *Service) sendingEntry(ctx context.Context, tx *db.Tx, by access.Actor, x Sending, verb, note string, changes ...audit.Change) error {
	return s.Audit.Write(ctx, tx, audit.Entry{At: s.Clock.Now(), By: by, Verb: verb, On: x.Subject, Note: note, Changes: changes, Data: map[string]any{"sending": x.UID}})
}

// Sendings lists the sendings of an incident, newest first, at most 100. The actor needs access.ReadCases.
func (s *Service) Sendings(ctx context.Context, by access.Actor, subject string) ([]Sending, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return nil, err
	}
	o, err := access.Find(ctx, s.DB, by, ref.Incident, subject)
	if err != nil {
		return nil, err
	}
	list, err := db.All(ctx, s.DB, s.scanSending, `SELECT `+sendingColumns+sendingTables+`WHERE x.subject = $1 ORDER BY x.id DESC LIMIT 100`, o.Ref.ID)
	if err != nil {
		return nil, fmt.Errorf("list sendings: %w", err)
	}
	return list, s.count(ctx, s.DB, list)
}

// WaitingSendings lists what waits for a second person, of all incidents that the actor may see, oldest first, at most 100.
func (s *Service) WaitingSendings(ctx context.Context, by access.Actor) ([]Sending, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return nil, err
	}
	q := access.Sees(by).From(new(db.Query).Add(`SELECT `+sendingColumns+sendingTables+` JOIN `), ref.Incident)
	list, err := db.List(ctx, s.DB, q.Add(` ON o.id = x.subject WHERE x.state = 'waiting' ORDER BY x.id LIMIT 100`), s.scanSending)
	if err != nil {
		return nil, fmt.Errorf("list sendings: %w", err)
	}
	return list, s.count(ctx, s.DB, list)
}

// SendingOf gives one sending by uid, with its subject. Who may not see the incident does not find it.
func (s *Service) SendingOf(ctx context.Context, by access.Actor, uid string) (Sending, access.Object, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return Sending{}, access.Object{}, err
	}
	x, o, err := s.sending(ctx, s.DB, by, uid, "")
	if err != nil {
		return x, o, err
	}
	list := []Sending{x}
	err = s.count(ctx, s.DB, list)
	return list[0], o, err
}

func (s *Service) sending(ctx context.Context, h db.Handle, by access.Actor, uid, lock string) (Sending, access.Object, error) {
	x, err := db.One(ctx, h, s.scanSending, `SELECT `+sendingColumns+sendingTables+`WHERE x.uid = $1`+lock, uid)
	if err != nil {
		return x, access.Object{}, err
	}
	o, err := access.Load(ctx, h, by, x.Subject)
	if err != nil {
		return Sending{}, o, err
	}
	return x, o, nil
}

// count fills in how many were chosen, taken out, written to and left.
func (s *Service) count(ctx context.Context, h db.Handle, list []Sending) error {
	if len(list) == 0 {
		return nil
	}
	at, ids := map[int64]*Sending{}, []int64{}
	for i := range list {
		list[i].Reasons = map[string]int{}
		at[list[i].ID] = &list[i]
		ids = append(ids, list[i].ID)
	}
	q := db.In(new(db.Query).Add(`SELECT sending, state, reason, COUNT(*) FROM coordination_sending_party WHERE sending IN `), ids)
	rows, err := q.Add(` GROUP BY sending, state, reason`).Query(ctx, h)
	return db.Each(rows, err, func(r *db.Rows) error {
		var of int64
		var state, n int
		var reason string
		if err := r.Scan(&of, &state, &reason, &n); err != nil {
			return err
		}
		x := at[of]
		switch state {
		case lineOut:
			x.Excluded += n
			return nil
		case lineWritten:
			x.Written += n
		case lineLeft:
			x.Left += n
			x.Reasons[reason] += n
		}
		x.Chosen += n
		return nil
	})
}

// changeSending loads a sending under its lock, checks state and version, does something to it and keeps it with one more version. A version of 0 takes any.
func (s *Service) changeSending(ctx context.Context, by access.Actor, uid string, version int64, from []SendingState, do func(ctx context.Context, tx *db.Tx, x *Sending, o access.Object) error) (Sending, error) {
	var out Sending
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		x, o, err := s.sending(ctx, tx, by, uid, tx.ForUpdate("x"))
		if err != nil {
			return err
		}
		if o, err = access.LoadForChange(ctx, tx, by, ref.Incident, o.UID); err != nil {
			return err
		}
		switch {
		case version != 0 && version != x.Version:
			return access.ErrChanged
		case !slices.Contains(from, x.State):
			return errSendingState
		}
		was := x.State
		if err := do(ctx, tx, &x, o); err != nil {
			return err
		}
		if x.State != was && !slices.Contains(SendingMoves[was], x.State) {
			return errSendingState
		}
		out = x
		return s.saveSending(ctx, tx, &out)
	})
	if err != nil {
		return Sending{}, err
	}
	list := []Sending{out}
	err = s.count(ctx, s.DB, list)
	return list[0], err
}

func (s *Service) saveSending(ctx context.Context, tx *db.Tx, x *Sending) error {
	k, err := s.sendingKey(*x)
	if err != nil {
		return err
	}
	sealed, err := sealSending(k, *x)
	if err != nil {
		return err
	}
	hash, err := hex.DecodeString(x.Hash)
	if err != nil {
		return err
	}
	x.Version++
	x.ChangedAt = s.Clock.Now()
	_, err = tx.Exec(ctx, `UPDATE coordination_sending SET state = $1, version = $2, account = $3, changed_at = $4, asked_at = $5, decided_at = $6, decided_by = $7, leaves_at = $8,
		ended_at = $9, readers = $10, tlp = $11, hash = $12, body = $13 WHERE id = $14`,
		string(x.State), x.Version, x.Account, x.ChangedAt, x.AskedAt, x.DecidedAt, x.DecidedBy, x.LeavesAt, x.EndedAt, x.Readers, int64(x.TLP), hash, sealed, x.ID)
	return err
}

// edit notes who had a hand in it.
func (x *Sending) edit(by access.Actor) {
	if !slices.Contains(x.Editors, by.Account) {
		x.Editors = append(x.Editors, by.Account)
	}
}

func sum(parts ...[]byte) []byte {
	h := sha256.New()
	for _, p := range parts {
		n := sha256.Sum256(p)
		h.Write(n[:])
	}
	return h.Sum(nil)
}
