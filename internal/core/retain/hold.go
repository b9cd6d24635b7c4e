package retain

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/alarm"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Service keeps legal holds.
type Service struct {
	DB    *db.DB
	Clock clock.Clock
	Ring  *keyring.Ring
	Audit *audit.Log
}

// Hold is the mark on a report or an incident that stops its end.
type Hold struct {
	On     ref.Ref
	UID    string
	Number string
	By     int64
	At     time.Time
	Reason string
}

// Free is the SQL condition that nothing holds the object in a column, which is named with its table.
func Free(column string) string {
	return `NOT EXISTS (SELECT 1 FROM retain_hold h WHERE h.object = ` + column + `)`
}

func place(object int64) string { return fmt.Sprintf("retain_hold.reason:%d", object) }

// The refusals.
var (
	errHeld    = &errs.Error{Kind: errs.Conflict, Key: "error.held", Text: "a legal hold is set already"}
	errNotHeld = &errs.Error{Kind: errs.Conflict, Key: "error.not_held", Text: "no legal hold is set"}
)

// Set marks a report or an incident, by uid or number: nothing of it ends until the mark is taken away. The actor needs access.Hold. Refused:
// Invalid without a reason of ten characters, NotFound, keyring.ErrDestroyed for what ended already, Conflict for what is held.
func (s *Service) Set(ctx context.Context, by access.Actor, kind ref.Kind, name, reason string) (Hold, error) {
	var out Hold
	err := s.mark(ctx, by, kind, name, reason, func(ctx context.Context, tx *db.Tx, o access.Object, now time.Time) error {
		k, err := s.Ring.Get(ctx, tx, o.Ref.ID)
		if err != nil {
			return err
		}
		n, err := tx.Exec(ctx, `INSERT INTO retain_hold (object, kind, set_by, set_at, reason) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (object) DO NOTHING`,
			o.Ref.ID, int64(o.Ref.Kind), by.Account, now, k.Seal(place(o.Ref.ID), []byte(strings.TrimSpace(reason))))
		if err == nil && n == 0 {
			err = errHeld
		}
		out = Hold{o.Ref, o.UID, o.Number, by.Account, now, strings.TrimSpace(reason)}
		return err
	}, "retain.hold")
	return out, err
}

// Release takes the mark away: what is over its period ends with the next run of the daily work. The actor needs access.Hold and a fresh proof.
// Refused: as Set; Conflict for what is not held.
func (s *Service) Release(ctx context.Context, by access.Actor, kind ref.Kind, name, reason string) error {
	if err := by.Need(access.Hold); err != nil {
		return err
	}
	if err := by.NeedFresh(s.Clock.Now()); err != nil {
		return err
	}
	return s.mark(ctx, by, kind, name, reason, func(ctx context.Context, tx *db.Tx, o access.Object, _ time.Time) error {
		n, err := tx.Exec(ctx, `DELETE FROM retain_hold WHERE object = $1`, o.Ref.ID)
		if err == nil && n == 0 {
			err = errNotHeld
		}
		return err
	}, "retain.release")
}

func (s *Service) mark(ctx context.Context, by access.Actor, kind ref.Kind, name, reason string,
	do func(ctx context.Context, tx *db.Tx, o access.Object, now time.Time) error, verb string,
) error {
	if err := by.Need(access.Hold); err != nil {
		return err
	}
	if kind != ref.Report && kind != ref.Incident {
		return errs.ErrNotFound
	}
	var p errs.Problems
	alarm.Reason(&p, "reason", reason)
	if err := p.Err(); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		o, err := access.LoadForChange(ctx, tx, by, kind, name)
		if err != nil {
			return err
		}
		now := s.Clock.Now()
		if err := do(ctx, tx, o, now); err != nil {
			return err
		}
		if err := access.Touch(ctx, tx, o.Ref.ID, now); err != nil {
			return err
		}
		return s.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: verb, On: o.Ref, Compartment: 0, Note: strings.TrimSpace(reason)})
	})
}

// Held gives the hold on an object that the caller has checked; false when there is none.
func (s *Service) Held(ctx context.Context, h db.Handle, object int64) (Hold, bool, error) {
	var out Hold
	var sealed []byte
	err := h.QueryRow(ctx, `SELECT o.id, o.kind, o.uid, o.ref, h.set_by, h.set_at, h.reason FROM retain_hold h JOIN object o ON o.id = h.object WHERE h.object = $1`, object).
		Scan(&out.On.ID, &out.On.Kind, &out.UID, &out.Number, &out.By, &out.At, &sealed)
	if errs.Is(err, errs.NotFound) {
		return out, false, nil
	}
	if err != nil {
		return out, false, err
	}
	k, err := s.Ring.Get(ctx, h, object)
	if err != nil {
		return out, true, err
	}
	plain, err := k.Open(place(object), sealed)
	out.Reason = string(plain)
	return out, true, err
}

// List gives the holds on what the reader sees, newest first, without their reasons; at most 200.
func (s *Service) List(ctx context.Context, by access.Actor) ([]Hold, error) {
	var all []Hold
	for _, kind := range []ref.Kind{ref.Report, ref.Incident} {
		q := new(db.Query).Add(`SELECT o.id, o.kind, o.uid, o.ref, h.set_by, h.set_at FROM retain_hold h JOIN `)
		access.Sees(by).From(q, kind).Add(` ON o.id = h.object WHERE h.kind = ? ORDER BY h.set_at DESC, h.object DESC LIMIT 200`, int64(kind))
		list, err := db.List(ctx, s.DB, q, func(r *db.Rows) (x Hold, err error) {
			return x, r.Scan(&x.On.ID, &x.On.Kind, &x.UID, &x.Number, &x.By, &x.At)
		})
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, nil
}
