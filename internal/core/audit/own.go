package audit

import (
	"context"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// OwnFilter says what of the record an organisation reads of its own people.
type OwnFilter struct {
	People []int64  // accounts of the organisation, as package account knows them
	Verbs  []string // that are shown of what they did
	Toward []string // that are shown of what others did to their accounts
	Before int64    // row id: older entries than it
	Limit  int      // 100 when 0, 5,000 at most
}

// Deed is an entry as an organisation reads it. Details are there for what was done to accounts of its own, and for nothing else.
type Deed struct {
	Row
	UID string // of what it is about, when the reader may see that; "" otherwise
}

// OfPeople reads what the people of the actor's organisation did, and what others did to their accounts, newest first. The caller gives the accounts; the
// actor needs access.OwnPeople and an organisation.
func (l *Log) OfPeople(ctx context.Context, h db.Handle, by access.Actor, f OwnFilter) ([]Deed, error) {
	if err := by.Need(access.OwnPeople); err != nil {
		return nil, err
	}
	if by.Organisation == 0 {
		return nil, errs.ErrNotFound
	}
	if len(f.People) == 0 {
		return nil, nil
	}
	if f.Limit <= 0 {
		f.Limit = 100
	}
	limit := int64(min(f.Limit, 5000))
	q := new(db.Query).Add(`SELECT ` + rowColumns + ` FROM (SELECT * FROM (SELECT a.id FROM audit_entry a WHERE a.actor IN `)
	within := func(verbs []string) {
		db.In(q.Add(` AND a.verb IN `), verbs)
		if f.Before != 0 {
			q.Add(` AND a.id < ?`, f.Before)
		}
		q.Add(` ORDER BY a.id DESC LIMIT ?`, limit)
	}
	db.In(q, f.People)
	within(f.Verbs)
	db.In(q.Add(`) theirs UNION SELECT * FROM (SELECT a.id FROM audit_entry a WHERE a.kind = ? AND a.object IN `, int64(ref.Account)), f.People)
	within(f.Toward)
	q.Add(`) toward) x JOIN audit_entry e ON e.id = x.id LEFT JOIN audit_number n ON n.entry = e.id ORDER BY e.id DESC LIMIT ?`, limit)
	rows, err := db.List(ctx, h, q, func(r *db.Rows) (Row, error) {
		var x Row
		return x, r.Scan(x.dst()...)
	})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return l.deeds(ctx, h, by, rows)
}

// deeds opens the details of what was done to accounts, and names what the reader may see.
func (l *Log) deeds(ctx context.Context, h db.Handle, by access.Actor, rows []Row) ([]Deed, error) {
	out := make([]Deed, len(rows))
	kinds := map[ref.Kind][]int64{}
	var open []*Row
	for i, r := range rows {
		out[i].Row = r
		if r.On.Kind == ref.Account {
			open = append(open, &out[i].Row)
		} else if r.On.ID != 0 {
			kinds[r.On.Kind] = append(kinds[r.On.Kind], r.On.ID)
		}
	}
	names := map[int64]string{}
	for kind, ids := range kinds {
		q := access.Sees(by).From(new(db.Query).Add(`SELECT o.id, o.uid FROM `), kind).Add(` WHERE o.id IN `)
		found, err := db.In(q, ids).Query(ctx, h)
		err = db.Each(found, err, func(r *db.Rows) error {
			var id int64
			var uid string
			err := r.Scan(&id, &uid)
			names[id] = uid
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	for i := range out {
		out[i].UID = names[out[i].On.ID]
	}
	return out, l.fill(ctx, h, open)
}
