package incident

import (
	"context"
	"encoding/base64"
	"fmt"
	"sync"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

func find(ctx context.Context, h db.Handle, by access.Actor, name string) (access.Object, error) {
	return access.Find(ctx, h, by, ref.Incident, name)
}

// Get gives one incident by uid or number.
func (s *Service) Get(ctx context.Context, h db.Handle, by access.Actor, name string) (Incident, error) {
	return s.load(ctx, h, by, name)
}

// ByID gives incidents by object id under the reader's scope; those it may not see are missing in the map.
func (s *Service) ByID(ctx context.Context, h db.Handle, by access.Actor, ids ...int64) (map[int64]Incident, error) {
	out := map[int64]Incident{}
	if len(ids) == 0 {
		return out, nil
	}
	q := new(db.Query).Add(`SELECT ` + columns + ` FROM `)
	access.Sees(by).From(q, ref.Incident).Add(` JOIN incident_incident i ON i.id = o.id LEFT JOIN keyring_key k ON k.owner = o.id WHERE o.id IN `)
	all, err := db.List(ctx, h, db.In(q, ids), s.scan)
	for _, in := range all {
		out[in.Ref.ID] = in
	}
	return out, err
}

type cursor struct{ at, id int64 }

func (c cursor) String() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d.%d", c.at, c.id))
}

func parseCursor(s string) (c cursor, err error) {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		_, err = fmt.Sscanf(string(b), "%d.%d", &c.at, &c.id)
	}
	if err != nil {
		return c, errs.New(errs.Invalid, "this page mark is not one of ours: start from the first page")
	}
	return c, nil
}

// notClosed says that an incident is open without naming the one state that the index incident_open leaves out.
const notClosed = `i.state IN ('open', 'analysing', 'coordinating', 'monitoring')`

// few is how many open incidents are sorted rather than walked.
const few = 1000

// List lists incidents, newest change first. The text is found by package search, so its pages are ordered by creation.
func (s *Service) List(ctx context.Context, by access.Actor, f Filter) (constituency.Page[Incident], error) {
	var page constituency.Page[Incident]
	if f.Limit <= 0 || f.Limit > 500 {
		f.Limit = 50
	}
	if f.Text != "" {
		return s.search(ctx, by, f)
	}
	q := new(db.Query).Add(`SELECT ` + columns + ` FROM `)
	access.Sees(by).FromNewest(q, ref.Incident).Add(` JOIN incident_incident i ON i.id = o.id LEFT JOIN keyring_key k ON k.owner = o.id WHERE 1 = 1`)
	switch f.State {
	case "all":
	case "":
		many, err := s.manyOpen(ctx)
		if err != nil {
			return page, err
		}
		if !many {
			q.Add(` AND o.id IN (SELECT id FROM incident_incident WHERE state <> 'closed') AND i.state <> 'closed'`)
		} else {
			// Asked of each incident on the walk through the newest: as a condition of the join, SQLite reads all open ones first and sorts them.
			q.Add(` AND EXISTS (SELECT 1 FROM incident_incident x WHERE x.id = o.id AND x.state <> 'closed')`)
		}
	default:
		q.Add(` AND i.state = ?`, string(f.State))
	}
	if f.Severity != "" {
		n, ok := severityNumber(f.Severity)
		if !ok {
			return page, errs.New(errs.Invalid, "severity is low, medium, high or critical")
		}
		q.Add(` AND i.severity = ?`, n)
	}
	if f.Type != "" {
		q.Add(` AND i.type = ?`, f.Type)
	}
	if f.Mine {
		q.Add(` AND o.handler = ?`, by.Account)
	}
	if !f.ChangedSince.IsZero() {
		q.Add(` AND o.updated_at > ?`, f.ChangedSince)
	}
	if f.After != "" {
		c, err := parseCursor(f.After)
		if err != nil {
			return page, err
		}
		q.Add(` AND (o.updated_at, o.id) < (?, ?)`, c.at, c.id)
	}
	q.Add(` ORDER BY o.updated_at DESC, o.id DESC LIMIT ?`, f.Limit+1)
	items, err := db.List(ctx, s.DB, q, s.scan)
	if err != nil {
		return page, err
	}
	if len(items) > f.Limit {
		items = items[:f.Limit]
		last := items[f.Limit-1]
		page.Next = cursor{last.UpdatedAt.UnixMicro(), last.Ref.ID}.String()
	}
	page.Items = items
	return page, nil
}

func (s *Service) search(ctx context.Context, by access.Actor, f Filter) (constituency.Page[Incident], error) {
	var page constituency.Page[Incident]
	var c cursor
	if f.After != "" {
		var err error
		if c, err = parseCursor(f.After); err != nil {
			return page, err
		}
	}
	objects, err := s.Search.Find(ctx, s.DB, by, ref.Incident, f.Text, c.id, f.Limit+1)
	if err != nil {
		return page, err
	}
	if len(objects) > f.Limit {
		objects = objects[:f.Limit]
		page.Next = cursor{0, objects[f.Limit-1].Ref.ID}.String()
	}
	ids := make([]int64, len(objects))
	for i, o := range objects {
		ids[i] = o.Ref.ID
	}
	found, err := s.ByID(ctx, s.DB, by, ids...)
	for _, o := range objects {
		if in, ok := found[o.Ref.ID]; ok {
			page.Items = append(page.Items, in)
		}
	}
	return page, err
}

// countCap is where counting ends: a page says "more" from there on.
const countCap = 100

// Counts tells how many incidents are open and how many of them are the actor's, each at most 100: so many or more.
func (s *Service) Counts(ctx context.Context, by access.Actor) (open, mine int64, err error) {
	// CROSS JOIN holds SQLite to the side it is to walk: it gathers no statistics, and would read all objects for each incident.
	count := func(q *db.Query) (n int64, err error) {
		q.Add(` LIMIT ?) t`, countCap)
		return n, s.DB.QueryRow(ctx, q.Text(), q.Args()...).Scan(&n)
	}
	walk := func() *db.Query {
		q := new(db.Query).Add(`SELECT COUNT(*) FROM (SELECT 1 FROM incident_incident i CROSS JOIN `)
		return access.Sees(by).From(q, ref.Incident).Add(` WHERE o.id = i.id AND i.state <> 'closed'`)
	}
	if open, err = count(walk()); err != nil {
		return 0, 0, err
	}
	many, err := s.manyOpen(ctx)
	if err != nil {
		return 0, 0, err
	}
	own := walk().Add(` AND o.handler = ?`, by.Account)
	if many { // the actor's are sooner found among all of its own
		own = access.Sees(by).From(new(db.Query).Add(`SELECT COUNT(*) FROM (SELECT 1 FROM `), ref.Incident)
		own.Add(` CROSS JOIN incident_incident i WHERE i.id = o.id AND `+notClosed+` AND o.handler = ? AND o.handler <> 0`, by.Account)
	}
	mine, err = count(own)
	return open, mine, err
}

// crowd remembers for some seconds whether many incidents are open.
type crowd struct {
	mu    sync.Mutex
	many  bool
	until time.Time
}

// manyOpen tells whether so many incidents are open that they are not sorted or counted one by one. Either way gives the same: it may be some
// seconds old.
func (s *Service) manyOpen(ctx context.Context) (bool, error) {
	s.crowd.mu.Lock()
	many, known := s.crowd.many, time.Now().Before(s.crowd.until)
	s.crowd.mu.Unlock()
	if known {
		return many, nil
	}
	var open int64
	err := s.DB.QueryRow(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM incident_incident WHERE state <> 'closed' LIMIT $1) t`, few+1).Scan(&open)
	if err != nil {
		return false, err
	}
	s.crowd.mu.Lock()
	defer s.crowd.mu.Unlock()
	s.crowd.many, s.crowd.until = open > few, time.Now().Add(10*time.Second)
	return s.crowd.many, nil
}
