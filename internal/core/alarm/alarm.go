// Package alarm tells the lead and the auditor what somebody must look at afterwards: a seal that was broken, many cases read in an hour, an act
// that asks for two people and was done by one. Who caused an alarm can neither prevent it nor look at it as done.
//
//	alarm.go   RaiseTx, List, Review
//	read.go    Watch: who reads what
//
// Table: alarm_alarm. The words that a person gave are sealed by the house.
package alarm

import (
	"context"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// Kind says what happened.
type Kind string

// The kinds.
const (
	BrokenGlass Kind = "broken_glass" // a sealed case was opened by somebody not named in it
	BulkReading Kind = "bulk_reading" // Many cases outside the own work within an hour
	Alone       Kind = "alone"        // letters to Many readers left on the word of one person
	KeyEnds     Kind = "key_ends"     // a contact's OpenPGP key, named, ends in Many days
	TargetBack  Kind = "target_back"  // what was taken down is back
)

// Alarm is one of them.
type Alarm struct {
	ID         int64
	UID        string
	Kind       Kind
	At         time.Time
	Account    int64 // who caused it
	Name       string
	On         ref.Ref
	Named      string // number or reference of On: to be told is not to be shown
	Owner      int64  // whose case it is; told too
	Many       int
	Why        string // as the person gave it
	ReviewedBy int64
	ReviewedAt time.Time
	Note       string // of who looked at it
}

// Service keeps alarms.
type Service struct {
	DB    *db.DB
	Clock clock.Clock
	Ring  *keyring.Ring
	Audit *audit.Log
	// Tell tells people of an alarm in the transaction that raises it; nil tells nobody.
	Tell func(ctx context.Context, tx *db.Tx, a Alarm) error
}

type body struct {
	Name string `json:"name,omitempty"`
	Why  string `json:"why,omitempty"`
	Note string `json:"note,omitempty"`
}

func place(uid string) string { return "alarm_alarm.body:" + uid }

// RaiseTx raises an alarm in the transaction of what caused it.
func (s *Service) RaiseTx(ctx context.Context, tx *db.Tx, by access.Actor, a Alarm) error {
	a.UID, a.At, a.Account, a.Name = id.New(), s.Clock.Now(), by.Account, by.Name
	sealed, err := s.seal(ctx, tx, a)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO alarm_alarm (uid, kind, at, account, object, object_kind, named, owner, many, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		a.UID, string(a.Kind), a.At, a.Account, a.On.ID, int64(a.On.Kind), a.Named, a.Owner, a.Many, sealed)
	if err != nil {
		return err
	}
	err = s.Audit.Write(ctx, tx, audit.Entry{At: a.At, By: by, Verb: "alarm.raise", Changes: []audit.Change{{Field: "kind", To: string(a.Kind)}, {Field: "many", To: a.Many}}})
	if err != nil || s.Tell == nil {
		return err
	}
	return s.Tell(ctx, tx, a)
}

func (s *Service) seal(ctx context.Context, tx *db.Tx, a Alarm) ([]byte, error) {
	k, err := s.Ring.House(ctx, tx, a.At)
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(body{a.Name, a.Why, a.Note})
	return k.Seal(place(a.UID), b), err
}

// told tells whether the actor hears of every alarm: the lead and the auditor.
func told(by access.Actor) bool { return by.Can(access.ReadAudit) && by.Can(access.ReadCases) }

// Told tells whether the actor may look at alarms at all: those of all, or those about its own cases.
func Told(by access.Actor) bool { return by.Can(access.ReadCases) }

const columns = `id, uid, kind, at, account, object, object_kind, named, owner, many, reviewed_by, reviewed_at, body`

// List gives the newest alarms, those that nobody looked at first: all of them to the lead and the auditor, to others those about cases that
// they handle. At most 200.
func (s *Service) List(ctx context.Context, by access.Actor) ([]Alarm, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return nil, err
	}
	q := s.scope(new(db.Query).Add(`SELECT `+columns+` FROM alarm_alarm WHERE `), by)
	k, err := s.Ring.Get(ctx, s.DB, keyring.House)
	if errs.Is(err, errs.NotFound) {
		return nil, nil // nothing was ever sealed here
	}
	if err != nil {
		return nil, err
	}
	return db.List(ctx, s.DB, q.Add(` ORDER BY CASE WHEN reviewed_at IS NULL THEN 0 ELSE 1 END, id DESC LIMIT 200`), func(r *db.Rows) (Alarm, error) {
		var a Alarm
		var sealed []byte
		if err := r.Scan(&a.ID, &a.UID, (*string)(&a.Kind), &a.At, &a.Account, &a.On.ID, &a.On.Kind, &a.Named, &a.Owner, &a.Many, &a.ReviewedBy, &a.ReviewedAt, &sealed); err != nil {
			return a, err
		}
		return a, open(k, &a, sealed)
	})
}

func (s *Service) scope(q *db.Query, by access.Actor) *db.Query {
	if told(by) {
		return q.Add(`1 = 1`)
	}
	return q.Add(`owner <> 0 AND owner = ?`, by.Account)
}

// Open tells how many alarms nobody looked at yet, for who hears of them, at most 100.
func (s *Service) Open(ctx context.Context, by access.Actor) (n int, err error) {
	if !Told(by) {
		return 0, nil
	}
	q := s.scope(new(db.Query).Add(`SELECT COUNT(*) FROM (SELECT 1 FROM alarm_alarm WHERE reviewed_at IS NULL AND `), by).Add(` LIMIT 100) t`)
	return n, s.DB.QueryRow(ctx, q.Text(), q.Args()...).Scan(&n)
}

func open(k keyring.Key, a *Alarm, sealed []byte) error {
	plain, err := k.Open(place(a.UID), sealed)
	if err != nil {
		return err
	}
	var b body
	if err := json.Unmarshal(plain, &b); err != nil {
		return err
	}
	a.Name, a.Why, a.Note = b.Name, b.Why, b.Note
	return nil
}

const maxNote = 2000

// Reason checks the words that an alarmed act asks for: at least ten characters, so that they say something.
func Reason(p *errs.Problems, field, words string) {
	switch n := utf8.RuneCountInString(strings.TrimSpace(words)); {
	case n == 0:
		p.Add(field, "error.say_why")
	case n < 10:
		p.Add(field, "error.reason_short", "least", 10)
	case n > maxNote || !utf8.ValidString(words) || strings.ContainsRune(words, 0):
		p.Add(field, "error.too_long", "most", maxNote)
	}
}

// Review says that the lead or the auditor looked at an alarm, with what they found. Nobody looks at an alarm of their own (Forbidden); one that
// was looked at is a Conflict.
func (s *Service) Review(ctx context.Context, by access.Actor, uid, note string) error {
	for _, r := range []access.Right{access.ReadAudit, access.ReadCases} { // the lead and the auditor; an administrator is neither
		if err := by.Need(r); err != nil {
			return err
		}
	}
	var p errs.Problems
	Reason(&p, "note", note)
	if err := p.Err(); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var a Alarm
		var sealed []byte
		err := tx.QueryRow(ctx, `SELECT id, uid, kind, at, account, reviewed_at, body FROM alarm_alarm WHERE uid = $1`+tx.ForUpdate(), uid).
			Scan(&a.ID, &a.UID, (*string)(&a.Kind), &a.At, &a.Account, &a.ReviewedAt, &sealed)
		if err != nil {
			return err
		}
		if a.Account == by.Account {
			return &errs.Error{Kind: errs.Forbidden, Key: "error.own_alarm", Text: "somebody else looks at an alarm of your own"}
		}
		if !a.ReviewedAt.IsZero() {
			return access.ErrChanged
		}
		k, err := s.Ring.House(ctx, tx, a.At)
		if err != nil {
			return err
		}
		if err := open(k, &a, sealed); err != nil {
			return err
		}
		a.Note = note
		if sealed, err = s.seal(ctx, tx, a); err != nil {
			return err
		}
		now := s.Clock.Now()
		if _, err := tx.Exec(ctx, `UPDATE alarm_alarm SET reviewed_by = $1, reviewed_at = $2, body = $3 WHERE id = $4`, by.Account, now, sealed, a.ID); err != nil {
			return err
		}
		err = s.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: "alarm.review", Note: note, Changes: []audit.Change{{Field: "kind", To: string(a.Kind)}}})
		return err
	})
}
