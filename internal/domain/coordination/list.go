package coordination

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// team tells whether the reader is one of us; all others read what is for the party.
func team(by access.Actor) bool { return access.Sees(by).Wide() }

// teamsIncident finds the incident whose calls and situations a reader of the team asks for.
func (s *Service) teamsIncident(ctx context.Context, by access.Actor, subject string) (access.Object, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return access.Object{}, err
	}
	if !team(by) {
		return access.Object{}, errs.ErrNotFound
	}
	return access.Find(ctx, s.DB, by, ref.Incident, subject)
}

// PartyOf gives one party by uid under the reader's scope.
func (s *Service) PartyOf(ctx context.Context, h db.Handle, by access.Actor, uid string) (Party, error) {
	q := new(db.Query).Add(`SELECT ` + partyColumns + ` FROM `)
	s.from(q, by, ref.Party, partyTables, "p").Add(` AND o.uid = ?`, uid)
	p, err := db.One(ctx, h, s.scanParty, q.Text(), q.Args()...)
	if err == nil && !team(by) {
		p = p.ForParty()
	}
	return p, err
}

// PartiesByID gives those of the parties that the reader may see, by their ids.
func (s *Service) PartiesByID(ctx context.Context, h db.Handle, by access.Actor, ids ...int64) (map[int64]Party, error) {
	out := map[int64]Party{}
	if len(ids) == 0 {
		return out, nil
	}
	q := new(db.Query).Add(`SELECT ` + partyColumns + ` FROM `)
	s.from(q, by, ref.Party, partyTables, "p").Add(` AND p.id IN `)
	all, err := db.List(ctx, h, db.In(q, ids), s.scanParty)
	for _, p := range all {
		if !team(by) {
			p = p.ForParty()
		}
		out[p.Ref.ID] = p
	}
	return out, err
}

// PartyOfThread gives the party whose thread it is, for the mailroom.
func (s *Service) PartyOfThread(ctx context.Context, h db.Handle, thread int64) (Party, error) {
	return db.One(ctx, h, s.scanParty, `SELECT `+partyColumns+` FROM object o`+partyTables+` WHERE p.thread = $1`, thread)
}

// Parties gives the parties that the reader may see, newest first: for a constituent, what it takes part in.
func (s *Service) Parties(ctx context.Context, by access.Actor, f RequestFilter) (constituency.Page[Party], error) {
	var page constituency.Page[Party]
	limit, after, err := bounds(f)
	if err != nil {
		return page, err
	}
	q := s.first(by, ref.Party, partyColumns, partyTable, ownKey, "p", `o.id DESC`, limit+1, func(q *db.Query) {
		if f.Open {
			q.Add(` AND p.withdrawn_at IS NULL`)
		}
		if f.After != "" {
			q.Add(` AND o.id < ?`, after.id)
		}
	})
	page.Items, err = db.List(ctx, s.DB, q, s.scanParty)
	if err != nil {
		return page, err
	}
	if len(page.Items) > limit {
		page.Items = page.Items[:limit]
		page.Next = cursor{id: page.Items[limit-1].Ref.ID}.String()
	}
	if !team(by) {
		for i := range page.Items {
			page.Items[i] = page.Items[i].ForParty()
		}
	}
	return page, nil
}

// RequestFilter narrows requests and measures in the portal.
type RequestFilter struct {
	Open  bool  // what the party still owes
	Party int64 // of this party alone, 0 for all
	Limit int   // 50 when 0, 500 at most
	After string
}

// cursor names the last line of a page. It is made of what the reader has seen itself.
type cursor struct{ due, id int64 }

func (c cursor) String() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d.%d", c.due, c.id))
}

func bounds(f RequestFilter) (limit int, after cursor, err error) {
	limit = f.Limit
	if limit <= 0 || limit > 500 {
		limit = 50
	}
	if f.After == "" {
		return limit, after, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(f.After)
	if err == nil {
		_, err = fmt.Sscanf(string(b), "%d.%d", &after.due, &after.id)
	}
	if err != nil {
		return limit, after, errs.New(errs.Invalid, "this page mark is not one of ours: start from the first page")
	}
	return limit, after, nil
}

// due lists requests or measures by due time.
func (s *Service) due(by access.Actor, f RequestFilter, kind ref.Kind, columns, table string) (q *db.Query, limit int, err error) {
	limit, after, err := bounds(f)
	if err != nil {
		return nil, 0, err
	}
	order := `r.due_at, r.id`
	if !team(by) {
		order = `r.due_at + 0, r.id` // an expression keeps PostgreSQL from walking all requests in the order of their index
	}
	return s.first(by, kind, columns, table, keyOfParty, "r", order, limit+1, func(q *db.Query) {
		if f.Open {
			q.Add(` AND r.open = TRUE`)
		}
		if f.Party != 0 {
			q.Add(` AND r.party = ?`, f.Party)
		}
		if f.After != "" {
			q.Add(` AND (r.due_at, r.id) > (?, ?)`, after.due, after.id)
		}
	}), limit, nil
}

// first reads the first rows of a list. Who sees little sorts that by the few columns which the order needs, and reads what is shown.
func (s *Service) first(by access.Actor, kind ref.Kind, columns, table, key, alias, order string, limit int, narrow func(*db.Query)) *db.Query {
	q := new(db.Query).Add(`SELECT ` + columns + ` FROM `)
	if team(by) {
		narrow(s.from(q, by, kind, table+key, alias))
		return q.Add(` ORDER BY `+order+` LIMIT ?`, limit)
	}
	narrow(s.from(q.Add(`(SELECT o.id FROM `), by, kind, table, alias))
	return q.Add(` ORDER BY `+order+` LIMIT ?) shown JOIN object o ON o.id = shown.id`, limit).Add(table + key + ` ORDER BY ` + order)
}

// Requests lists the requests that the reader may see, by due time: the portal's list.
func (s *Service) Requests(ctx context.Context, by access.Actor, f RequestFilter) (constituency.Page[Request], error) {
	var page constituency.Page[Request]
	q, limit, err := s.due(by, f, ref.Request, requestColumns, requestTable)
	if err != nil {
		return page, err
	}
	page.Items, err = db.List(ctx, s.DB, q, s.scanRequest)
	if err != nil {
		return page, err
	}
	if len(page.Items) > limit {
		page.Items = page.Items[:limit]
		last := page.Items[limit-1]
		page.Next = cursor{last.DueAt.UnixMicro(), last.Ref.ID}.String()
	}
	if !team(by) {
		for i := range page.Items {
			page.Items[i] = page.Items[i].ForParty()
		}
	}
	return page, nil
}

// Measures lists the measures that the reader may see, by due time.
func (s *Service) Measures(ctx context.Context, by access.Actor, f RequestFilter) (constituency.Page[Measure], error) {
	var page constituency.Page[Measure]
	q, limit, err := s.due(by, f, ref.Measure, measureColumns, measureTable)
	if err != nil {
		return page, err
	}
	page.Items, err = db.List(ctx, s.DB, q, s.scanMeasure)
	if err != nil {
		return page, err
	}
	if len(page.Items) > limit {
		page.Items = page.Items[:limit]
		last := page.Items[limit-1]
		page.Next = cursor{last.DueAt.UnixMicro(), last.Ref.ID}.String()
	}
	if !team(by) {
		for i := range page.Items {
			page.Items[i] = page.Items[i].ForParty()
		}
	}
	return page, nil
}

// RequestOf gives one request by uid under the reader's scope, with its answers.
func (s *Service) RequestOf(ctx context.Context, by access.Actor, uid string) (Request, error) {
	r, err := s.request(ctx, s.DB, by, uid)
	if err != nil {
		return r, err
	}
	p, err := s.loadParty(ctx, s.DB, r.Party)
	if err != nil {
		return r, err
	}
	told, err := s.Correspondence.Told(ctx, s.DB, by, p.Thread)
	if err != nil {
		return r, err
	}
	r.Answers = slices.DeleteFunc(told, func(m correspondence.Message) bool { return m.Refers != r.Ref.ID })
	if r.QuestionSet != "" {
		set, err := s.questionSet(ctx, s.DB, r.QuestionSet, r.QuestionVersion)
		if err != nil {
			return r, err
		}
		r.Questions = &set
		if r.Replies, err = s.replies(ctx, s.DB, r.Ref.ID); err != nil {
			return r, err
		}
	}
	if !team(by) {
		r = r.ForParty()
	}
	return r, nil
}

// MeasureOf gives one measure by uid under the reader's scope.
func (s *Service) MeasureOf(ctx context.Context, by access.Actor, uid string) (Measure, error) {
	m, err := s.measure(ctx, s.DB, by, uid)
	if err == nil && !team(by) {
		m = m.ForParty()
	}
	return m, err
}

func (s *Service) request(ctx context.Context, h db.Handle, by access.Actor, uid string) (Request, error) {
	q := new(db.Query).Add(`SELECT ` + requestColumns + ` FROM `)
	s.from(q, by, ref.Request, requestTables, "r").Add(` AND o.uid = ?`, uid)
	return db.One(ctx, h, s.scanRequest, q.Text(), q.Args()...)
}

func (s *Service) measure(ctx context.Context, h db.Handle, by access.Actor, uid string) (Measure, error) {
	q := new(db.Query).Add(`SELECT ` + measureColumns + ` FROM `)
	s.from(q, by, ref.Measure, measureTables, "r").Add(` AND o.uid = ?`, uid)
	return db.One(ctx, h, s.scanMeasure, q.Text(), q.Args()...)
}

// CountParties says how many organisations are parties of an incident that the actor may see. The actor needs access.ReadCases.
func (s *Service) CountParties(ctx context.Context, by access.Actor, subject string) (n int, err error) {
	if err := by.Need(access.ReadCases); err != nil {
		return 0, err
	}
	o, err := access.Find(ctx, s.DB, by, ref.Incident, subject)
	if err != nil {
		return 0, err
	}
	return n, s.DB.QueryRow(ctx, `SELECT COUNT(*) FROM coordination_party WHERE subject = $1 AND organisation <> 0 AND withdrawn_at IS NULL`, o.Ref.ID).Scan(&n)
}
