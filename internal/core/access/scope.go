package access

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Scope is what an actor may see of objects, as SQL. Only this package makes one.
type Scope struct {
	form        form
	account     int64
	at          time.Time
	compartment []int64
	realms      []Realm
	red         bool
}

type form uint8

const (
	nothing form = iota
	wide         // staff: the realm, without sealed objects they are not named in
	narrow       // a constituent: its compartments, and what it was granted
	granted      // liaison, peer: what it was granted
)

// Sees gives the scope of an actor.
func Sees(by Actor) Scope {
	s := Scope{account: by.Account, at: by.AskedAt, red: by.Can(ReadRed)}
	switch {
	case by.Can(ReadCases):
		s.form, s.realms = wide, []Realm{Team}
		if by.Can(ReadRegistry) {
			s.realms = append(s.realms, Registry)
		}
	case by.Can(ReadRegistry):
		s.form, s.realms = wide, []Realm{Registry}
	case by.Can(OwnCases) || (by.Strength == Link && len(by.Compartments) > 0):
		s.form, s.compartment = narrow, by.Compartments
	case by.Can(ReadGranted):
		s.form = granted
	}
	return s
}

// Wide tells whether the reader sees most of what there is, so that a list walks the newest first.
func (s Scope) Wide() bool { return s.form == wide }

// partyKinds are the kinds whose objects a compartment's own people may see. An incident is never among them.
var partyKinds = map[ref.Kind]bool{ref.Report: true, ref.Party: true, ref.Thread: true, ref.Request: true, ref.Measure: true, ref.Organisation: true}

// From appends the objects of a kind that the reader may see, as a table named o with all columns of object. It is the only source of
// objects for a list, count, search or export; what it leaves out does not exist for the reader.
func (s Scope) From(q *db.Query, kind ref.Kind) *db.Query { return s.from(q, kind, "") }

// FromNewest is From for a list of what changed last, that ends after some rows: its order is part of the table, so that PostgreSQL walks it instead of
// reading all rows of the join and sorting them. The statement orders by o.updated_at DESC, o.id DESC itself.
func (s Scope) FromNewest(q *db.Query, kind ref.Kind) *db.Query {
	return s.from(q, kind, " ORDER BY s.updated_at DESC, s.id DESC")
}

// FromMade is From for a list of what was made last, that ends after some rows. It gives the column to order by: what was granted is walked in
// that order, and what a compartment holds is sorted, where PostgreSQL would walk all there is.
func (s Scope) FromMade(q *db.Query, kind ref.Kind) (order string) {
	switch s.form {
	case wide:
		s.From(q, kind)
		return "o.id"
	case granted:
		q.Add(`(SELECT s.*, g.object AS made FROM access_grant g JOIN object s ON s.id = g.object WHERE g.account = ? AND g.kind = ?
			AND (g.until IS NULL OR g.until > ?)) o`, s.account, int64(kind), s.at)
		return "o.made"
	}
	s.From(q, kind)
	return "o.id + 0"
}

func (s Scope) from(q *db.Query, kind ref.Kind, order string) *db.Query {
	switch s.form {
	case wide:
		q.Add(`(SELECT * FROM object s WHERE s.kind = ? AND s.realm IN `, int64(kind))
		realms := make([]int64, len(s.realms))
		for i, r := range s.realms {
			realms[i] = int64(r)
		}
		db.In(q, realms)
		if !s.red {
			q.Add(` AND s.tlp < ?`, int64(tlp.Red))
		}
		q.Add(` AND (s.sealed = FALSE OR EXISTS (SELECT 1 FROM access_grant g
			WHERE g.object IN (s.id, s.sealed_under) AND g.account = ? AND (g.until IS NULL OR g.until > ?)))`+order+`) o`, s.account, s.at)
	case narrow:
		if !partyKinds[kind] || len(s.compartment) == 0 {
			return q.Add(`(SELECT * FROM object WHERE 1 = 0) o`)
		}
		q.Add(`(SELECT * FROM object s WHERE s.kind = ? AND s.compartment <> 0 AND s.compartment IN `, int64(kind))
		db.In(q, s.compartment)
		q.Add(` AND s.sealed = FALSE) o`)
	case granted:
		q.Add(`(SELECT s.* FROM access_grant g JOIN object s ON s.id = g.object WHERE g.account = ? AND g.kind = ?
			AND (g.until IS NULL OR g.until > ?)) o`, s.account, int64(kind), s.at)
	default:
		q.Add(`(SELECT * FROM object WHERE 1 = 0) o`)
	}
	return q
}

// Find loads one object of a kind by uid, or by inner number where the reader is staff. What the reader may not see is errs.ErrNotFound.
func Find(ctx context.Context, h db.Handle, by Actor, kind ref.Kind, name string) (Object, error) {
	if !utf8.ValidString(name) || strings.ContainsRune(name, 0) {
		return Object{}, errs.ErrNotFound // no name has these, and one of the engines takes no such text
	}
	q := new(db.Query).Add(`SELECT ` + Columns + ` FROM `)
	s := Sees(by)
	s.From(q, kind)
	if s.form == wide {
		q.Add(` WHERE (o.uid = ? OR (o.ref = ? AND o.ref <> ''))`, name, name)
	} else {
		q.Add(` WHERE o.uid = ?`, name)
	}
	return one(ctx, h, q)
}

// Load loads one object by its inner id under the reader's scope.
func Load(ctx context.Context, h db.Handle, by Actor, r ref.Ref) (Object, error) {
	q := new(db.Query).Add(`SELECT ` + Columns + ` FROM `)
	Sees(by).From(q, r.Kind).Add(` WHERE o.id = ?`, r.ID)
	return one(ctx, h, q)
}

// LoadForChange is Load inside a verb with the row locked until commit.
func LoadForChange(ctx context.Context, tx *db.Tx, by Actor, kind ref.Kind, name string) (Object, error) {
	o, err := Find(ctx, tx, by, kind, name)
	if err != nil {
		return o, err
	}
	return Locked(ctx, tx, o.Ref.ID)
}

func one(ctx context.Context, h db.Handle, q *db.Query) (Object, error) {
	return db.One(ctx, h, func(r *db.Rows) (Object, error) {
		var o Object
		return o, r.Scan(o.Dst()...)
	}, q.Text(), q.Args()...)
}
