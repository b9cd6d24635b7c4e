package audit

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Filter narrows the record. Zero fields do not.
type Filter struct {
	Before   int64     // row id: older entries than it
	Actor    int64     // account
	Verb     string    // how the verb begins: "account.", "incident.close"
	From, To time.Time // from the one on, before the other
	Limit    int       // 100 when 0, 2,000 at most
}

// List reads the record newest first, before a row id (0 for the newest). The actor needs access.ReadAudit.
func (l *Log) List(ctx context.Context, h db.Handle, by access.Actor, before int64, limit int) ([]Row, error) {
	return l.Find(ctx, h, by, Filter{Before: before, Limit: limit})
}

// Find reads the record newest first. The actor needs access.ReadAudit. It tells that something was done, by whom and to what kind of thing;
// the details of an object that the reader may not see are withheld: to administer is not to read cases. Entries about sealed objects are
// shown only to those named in them (rule A12).
func (l *Log) Find(ctx context.Context, h db.Handle, by access.Actor, f Filter) ([]Row, error) {
	if err := by.Need(access.ReadAudit); err != nil {
		return nil, err
	}
	if f.Limit <= 0 {
		f.Limit = 100
	}
	q := new(db.Query).Add(`SELECT ` + rowColumns + ` FROM audit_entry e LEFT JOIN audit_number n ON n.entry = e.id
		LEFT JOIN object o ON o.id = CASE WHEN e.about <> 0 THEN e.about ELSE e.object END WHERE `)
	q.Add(`(o.id IS NULL OR o.sealed = FALSE OR EXISTS (SELECT 1 FROM access_grant g
		WHERE g.object IN (o.id, o.sealed_under) AND g.account = ? AND (g.until IS NULL OR g.until > ?)))`, by.Account, by.AskedAt)
	if f.Before != 0 {
		q.Add(` AND e.id < ?`, f.Before)
	}
	if f.Actor != 0 {
		q.Add(` AND e.actor = ?`, f.Actor)
	}
	if f.Verb != "" {
		q.Add(` AND SUBSTR(e.verb, 1, ?) = ?`, int64(len(f.Verb)), f.Verb)
	}
	if !f.From.IsZero() {
		q.Add(` AND e.at >= ?`, f.From)
	}
	if !f.To.IsZero() {
		q.Add(` AND e.at < ?`, f.To)
	}
	rows, err := db.List(ctx, h, q.Add(` ORDER BY e.id DESC LIMIT ?`, int64(min(f.Limit, 2000))), func(r *db.Rows) (Row, error) {
		var x Row
		return x, r.Scan(x.dst()...)
	})
	if err != nil {
		return nil, err
	}
	may, err := readable(ctx, h, by, rows)
	if err != nil {
		return nil, err
	}
	var open []*Row
	for i := range rows {
		if rows[i].Withheld = !may[rows[i].ID]; !rows[i].Withheld {
			open = append(open, &rows[i])
		}
	}
	return rows, l.fill(ctx, h, open)
}

// Last gives who did something to no object in particular, and when: the last change of a setting. The zero Row is never. The caller has
// checked that the reader may know the setting.
func (l *Log) Last(ctx context.Context, h db.Handle, verb string) (Row, error) {
	r, err := db.One(ctx, h, func(r *db.Rows) (Row, error) {
		var x Row
		return x, r.Scan(x.dst()...)
	}, `SELECT `+rowColumns+` FROM audit_entry e LEFT JOIN audit_number n ON n.entry = e.id WHERE e.object = 0 AND e.verb = $1 ORDER BY e.id DESC LIMIT 1`, verb)
	if errs.Is(err, errs.NotFound) {
		return Row{}, nil
	}
	return r, err
}

// readable tells of which entries the reader may see the details: those of the house itself, of accounts for who manages them, of mail that
// is filed nowhere for who reads cases, and of every object within the reader's scope, which is asked once for each kind.
func readable(ctx context.Context, h db.Handle, by access.Actor, rows []Row) (map[int64]bool, error) {
	may := make(map[int64]bool, len(rows))
	about := map[int64][]int64{} // entries by the object that they are shown under
	for _, r := range rows {
		subject := r.About
		if subject == 0 {
			subject = r.On.ID
		}
		switch {
		case subject == 0:
			may[r.ID] = true
		case r.About == 0 && r.On.Kind == ref.Account && by.Can(access.ManageAccounts):
			may[r.ID] = true
		case r.About == 0 && r.On.Kind == ref.Arrival:
			may[r.ID] = by.Can(access.ReadCases)
		default:
			about[subject] = append(about[subject], r.ID)
		}
	}
	if len(about) == 0 {
		return may, nil
	}
	var all []int64
	for id := range about {
		all = append(all, id)
	}
	kinds := map[ref.Kind][]int64{}
	found, err := db.In(new(db.Query).Add(`SELECT id, kind FROM object WHERE id IN `), all).Query(ctx, h)
	err = db.Each(found, err, func(r *db.Rows) error {
		var id int64
		var k ref.Kind
		err := r.Scan(&id, &k)
		kinds[k] = append(kinds[k], id)
		return err
	})
	if err != nil {
		return nil, err
	}
	for kind, ids := range kinds {
		q := access.Sees(by).From(new(db.Query).Add(`SELECT o.id FROM `), kind).Add(` WHERE o.id IN `)
		seen, err := db.List(ctx, h, db.In(q, ids), func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) })
		if err != nil {
			return nil, err
		}
		for _, id := range seen {
			for _, entry := range about[id] {
				may[entry] = true
			}
		}
	}
	return may, nil
}
