package intake

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// QueueFilter narrows the queue.
type QueueFilter struct {
	Mine  bool   // unassigned or mine
	Group string // "clock", "new", "answer"; "" for all
	Text  string // a reference, or words that must all be in the report (search.Texts says how they are found)
	State State  // "" means what waits: new, and answers that came back
	Fold  bool   // what is alike stands under one line; for what waits, without Text
	Like  string // the group of this report alone, by uid
	Limit int    // 50 when 0, 200 at most
	After string

	like int64 // founder of the group of Like
}

// Line is one line of the queue.
type Line struct {
	Report
	Group       string // "clock", "new", "answer"
	DueAt       time.Time
	StartedAt   time.Time // of the clock
	OrgName     string
	Sector      string
	Unfinished  bool  // a call note that somebody has yet to finish
	SameCount   int   // other reports that the reader may see: with the same text, sameCap at most; in a folded list those under this line, foldCap at most
	Why         []Why // what those under this line have in common with its founder
	HandlerName string
}

const (
	sameCap  = 20
	countCap = 100
)

func (f *QueueFilter) limit() int {
	if f.Limit <= 0 {
		return 50
	}
	return min(f.Limit, 200)
}

// folds tells whether the list is one in which reports are folded.
func (f *QueueFilter) folds() bool { return f.Fold && f.State == "" && f.Text == "" && f.Like == "" }

// Queue lists what waits for triage, by group, then by deadline, then oldest first. With a State it lists the reports in that state, newest
// first. The actor needs access.ReadCases. HandlerName is left to the page, which knows the accounts.
func (s *Service) Queue(ctx context.Context, by access.Actor, f QueueFilter) (constituency.Page[Line], error) {
	var page constituency.Page[Line]
	if err := by.Need(access.ReadCases); err != nil {
		return page, err
	}
	rows, next, err := s.lines(ctx, by, f, true)
	if err != nil {
		return page, err
	}
	page.Next = next
	page.Items = make([]Line, len(rows))
	var reports, orgs, calls []int64
	for i := range rows {
		page.Items[i] = Line{Report: rows[i].Report, Group: groups[rows[i].queue], SameCount: rows[i].same}
		if f.folds() {
			page.Items[i].SameCount, page.Items[i].Why = folded(&rows[i])
		}
		if rows[i].queue == clockRuns { // its place in the queue is when the first answer is due
			page.Items[i].StartedAt, page.Items[i].DueAt = rows[i].ReceivedAt, rows[i].queueAt
		} else {
			reports = append(reports, rows[i].Ref.ID)
		}
		if rows[i].Channel == correspondence.ByPhone && rows[i].State == New {
			calls = append(calls, rows[i].Ref.ID)
		}
		if rows[i].Organisation != 0 {
			orgs = append(orgs, rows[i].Organisation)
		}
	}
	clocks, err := s.Deadlines.Running(ctx, s.DB, FirstAnswer, reports...)
	if err != nil {
		return page, err
	}
	notes, err := s.Calls(ctx, s.DB, calls...)
	if err != nil {
		return page, err
	}
	names, err := s.Constituency.Labels(ctx, s.DB, orgs...)
	if err != nil {
		return page, err
	}
	for i := range page.Items {
		l := &page.Items[i]
		l.OrgName, l.Sector = names[l.Organisation].Name, names[l.Organisation].Sector
		if c, ok := notes[l.Ref.ID]; ok {
			l.Unfinished = c.FinishedAt.IsZero()
		}
		if c, ok := clocks[l.Ref.ID]; ok {
			l.StartedAt, l.DueAt = c.StartedAt, c.DueAt
		}
	}
	return page, nil
}

// List lists reports of the actor, newest first (staff: all; constituents: their organisation's).
func (s *Service) List(ctx context.Context, by access.Actor, f QueueFilter) (constituency.Page[Report], error) {
	var page constituency.Page[Report]
	if !by.Can(access.ReadCases) && !by.Can(access.ReadGranted) {
		if err := by.Need(access.OwnCases); err != nil {
			return page, err
		}
	}
	rows, next, err := s.lines(ctx, by, f, false)
	page.Next = next
	for i := range rows {
		page.Items = append(page.Items, rows[i].Report)
	}
	return page, err
}

type line struct {
	row
	same int
}

func (s *Service) lines(ctx context.Context, by access.Actor, f QueueFilter, queue bool) ([]line, string, error) {
	f.Text = strings.TrimSpace(f.Text)
	if reference, ok := id.ParseReference(f.Text); ok {
		r, err := s.load(ctx, s.DB, by, reference)
		if errs.Is(err, errs.NotFound) {
			return nil, "", nil
		}
		return []line{{row: r}}, "", err
	}
	waiting := queue && f.State == ""
	at, err := readCursor(f.After)
	if err != nil {
		return nil, "", err
	}
	if f.Text != "" {
		return s.found(ctx, by, f, waiting, queue, at)
	}
	want := f.limit()
	if f.Like != "" {
		if f.like, err = s.groupOf(ctx, by, f.Like); err != nil {
			return nil, "", err
		}
	}
	out, err := db.List(ctx, s.DB, s.listQuery(by, f, waiting, queue, at, want+1), func(rows *db.Rows) (line, error) {
		return scanLine(rows, queue)
	})
	if err != nil {
		return nil, "", fmt.Errorf("list reports: %w", err)
	}
	next := ""
	if len(out) > want {
		out = out[:want]
		l := &out[want-1]
		next = cursor{l.queue, l.queueAt, l.Ref.ID}.text()
	}
	for i := range out {
		if err := s.open(&out[i].row); err != nil {
			return nil, "", err
		}
		withhold(by, &out[i].Report)
	}
	return out, next, s.linksOf(ctx, out)
}

func (s *Service) linksOf(ctx context.Context, lines []line) error {
	reports := make([]*Report, len(lines))
	for i := range lines {
		reports[i] = &lines[i].Report
	}
	return s.links(ctx, s.DB, reports)
}

// listQuery is a list of reports: what waits by the index of the queue, everything else newest first.
func (s *Service) listQuery(by access.Actor, f QueueFilter, waiting, same bool, at cursor, limit int) *db.Query {
	scope := access.Sees(by)
	if !same || !waiting || !f.folds() {
		q, made := s.lineQuery(scope, same)
		return s.narrowed(q, by, f, waiting, at, limit, made)
	}
	q := foldCount(new(db.Query).Add(`SELECT `+reportColumns), scope, by, f.Mine)
	made := driven(q, scope)
	foldedAway(q.Add(` AND NOT `), scope, by, f.Mine)
	return s.narrowed(q, by, f, waiting, at, limit, made)
}

// lineQuery reads lines, and gives the column in whose order they were made.
func (s *Service) lineQuery(scope access.Scope, same bool) (q *db.Query, made string) {
	q = new(db.Query).Add(`SELECT ` + reportColumns)
	if same { // counted inside the reader's scope (rule A10), capped
		q.Add(`, CASE WHEN r.words IS NULL THEN 0 ELSE (SELECT COUNT(*) FROM (SELECT d.id FROM intake_report d WHERE d.words = r.words AND d.id <> r.id
			AND EXISTS (SELECT 1 FROM `)
		scope.From(q, ref.Report).Add(` WHERE o.id = d.id) LIMIT ?) counted) END`, sameCap)
	}
	return q, driven(q, scope)
}

// narrowed is the one place that says what a list holds and in which order; limit 0 leaves the order to who asks. made is from driven.
func (s *Service) narrowed(q *db.Query, by access.Actor, f QueueFilter, waiting bool, at cursor, limit int, made string) *db.Query {
	if f.State != "" {
		q.Add(` AND r.state = ?`, string(f.State))
	}
	if f.Mine {
		q.Add(` AND o.handler IN (0, ?)`, by.Account)
	}
	if f.Like != "" {
		q.Add(` AND (r.id = ? OR (r.fold = ? AND r.fold <> 0))`, f.like, f.like)
	}
	if !waiting {
		if at.id != 0 {
			q.Add(` AND `+made+` < ?`, at.id)
		}
		if limit == 0 {
			return q
		}
		return q.Add(` ORDER BY `+made+` DESC LIMIT ?`, limit)
	}
	q.Add(` AND r.queue <> 0`)
	for i, g := range groups {
		if f.Group != "" && g == f.Group {
			q.Add(` AND r.queue = ?`, i)
		}
	}
	if at.id != 0 {
		q.Add(` AND (r.queue, r.queue_at, r.id) > (?, ?, ?)`, at.queue, at.at, at.id)
	}
	if limit == 0 {
		return q
	}
	return q.Add(` ORDER BY r.queue, r.queue_at, r.id LIMIT ?`, limit)
}

// driven joins reports to the objects that the reader may see. Who sees most walks the reports in the order of their own index, and CROSS JOIN
// holds SQLite, which gathers no statistics, to that; who sees little starts from what it sees. It gives the column in whose order they were made.
func driven(q *db.Query, scope access.Scope) (made string) {
	if scope.Wide() {
		q.Add(` FROM intake_report r CROSS JOIN `)
		scope.From(q, ref.Report).Add(` LEFT JOIN keyring_key k ON k.owner = r.id WHERE o.id = r.id`)
		return "r.id"
	}
	made = scope.FromMade(q.Add(` FROM `), ref.Report)
	q.Add(joins).Add(` WHERE r.id > 0`)
	return made
}

func scanLine(rows *db.Rows, same bool) (line, error) {
	var l line
	dst := l.dst()
	if same {
		dst = append(dst, &l.same)
	}
	return l, rows.Scan(dst...)
}

// Counts says how many reports wait in each group for the reader, at most 100 each: a page then says "more".
func (s *Service) Counts(ctx context.Context, by access.Actor) (map[string]int, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return nil, err
	}
	q := new(db.Query)
	for i := range groups {
		if i == notWaiting {
			continue
		}
		if i > 1 {
			q.Add(` UNION ALL `)
		}
		q.Add(`SELECT ` + strconv.Itoa(i) + `, COUNT(*) FROM (SELECT r.id`)
		driven(q, access.Sees(by))
		q.Add(` AND r.queue <> 0 AND r.queue = ? LIMIT ?) counted`, i, countCap)
	}
	out := map[string]int{}
	_, err := db.List(ctx, s.DB, q, func(rows *db.Rows) (n int, err error) {
		var group int
		err = rows.Scan(&group, &n)
		if err == nil {
			out[groups[group]] = n
		}
		return n, err
	})
	return out, err
}

// ByID gives reports by object id under the reader's scope; what it may not see is missing.
func (s *Service) ByID(ctx context.Context, h db.Handle, by access.Actor, ids ...int64) (map[int64]Report, error) {
	out := map[int64]Report{}
	if len(ids) == 0 {
		return out, nil
	}
	q := new(db.Query).Add(`SELECT ` + reportColumns + ` FROM `)
	access.Sees(by).From(q, ref.Report).Add(joins).Add(` WHERE o.id IN `)
	rows, err := db.List(ctx, h, db.In(q, ids), scanRow)
	if err != nil {
		return nil, err
	}
	at := make([]*Report, len(rows))
	for i := range rows {
		if err := s.open(&rows[i]); err != nil {
			return nil, err
		}
		withhold(by, &rows[i].Report)
		at[i] = &rows[i].Report
	}
	if err := s.links(ctx, h, at); err != nil {
		return nil, err
	}
	for _, r := range at {
		out[r.Ref.ID] = *r
	}
	return out, nil
}

// Get gives one report by uid or reference.
func (s *Service) Get(ctx context.Context, h db.Handle, by access.Actor, name string) (Report, error) {
	r, err := s.load(ctx, h, by, name)
	return r.Report, err
}

// cursor is where a page ended.
type cursor struct {
	queue int
	at    time.Time
	id    int64
}

func (c cursor) text() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d.%d.%d", c.queue, c.at.UnixMicro(), c.id))
}

func readCursor(s string) (c cursor, err error) {
	if s == "" {
		return c, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(s)
	var micro int64
	if err == nil {
		_, err = fmt.Sscanf(string(raw), "%d.%d.%d", &c.queue, &micro, &c.id)
	}
	if err != nil {
		return c, errs.New(errs.Invalid, "this page of the list does not exist")
	}
	c.at = time.UnixMicro(micro).UTC()
	return c, nil
}
