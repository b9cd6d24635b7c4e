package deadline

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

func columns(alias string) string {
	names := []string{
		"id", "uid", "about", "about_kind", "strip", "strip_kind", "compartment", "kind", "owed_by", "law", "started_at", "target_at", "due_at",
		"met_at", "stopped_at", "remind_at", "reminded_at", "escalated_at", "rule_set", "whole", "limit_at",
	}
	for i := range names {
		names[i] = alias + "." + names[i]
	}
	return strings.Join(names, ", ")
}

func scan(r *db.Rows) (Clock, error) {
	var c Clock
	err := r.Scan(&c.ID, &c.UID, &c.About.ID, &c.About.Kind, &c.Under.ID, &c.Under.Kind, &c.Compartment, &c.Kind, &c.OwedBy, &c.Law, &c.StartedAt,
		&c.TargetAt, &c.DueAt, &c.MetAt, &c.StoppedAt, &c.RemindAt, &c.RemindedAt, &c.EscalatedAt, &c.RuleSet, &c.Whole, &c.LimitAt)
	if !c.RemindedAt.IsZero() {
		c.RemindAt = time.Time{}
	}
	return c, err
}

// Under gives the clocks that stand on the strips of incidents or reports that the caller has checked, by due time.
func (s *Service) Under(ctx context.Context, h db.Handle, under ...int64) (map[int64][]Clock, error) {
	return s.sets(ctx, h, `c.strip`, under, func(c Clock) int64 { return c.Under.ID })
}

// About gives the clocks about objects that the caller has checked, by due time.
func (s *Service) About(ctx context.Context, h db.Handle, about ...int64) (map[int64][]Clock, error) {
	return s.sets(ctx, h, `c.about`, about, func(c Clock) int64 { return c.About.ID })
}

// Of gives the clocks about objects that the caller has checked and those about their parts that lie in the same compartment, by due time: what who
// sees the whole may know.
func (s *Service) Of(ctx context.Context, h db.Handle, whole ...int64) (map[int64][]Clock, error) {
	out, err := s.About(ctx, h, whole...)
	if err != nil || len(whole) == 0 {
		return out, err
	}
	q := new(db.Query).Add(`SELECT ` + columns("c") + ` FROM deadline_clock c JOIN object o ON o.id = c.whole AND o.compartment = c.compartment
		WHERE c.whole <> 0 AND c.whole IN `)
	parts, err := db.List(ctx, h, db.In(q, whole), scan)
	for _, c := range parts {
		out[c.Whole] = append(out[c.Whole], c)
	}
	for _, all := range out {
		slices.SortStableFunc(all, byDue)
	}
	return out, err
}

func byDue(a, b Clock) int { return cmp.Or(a.DueAt.Compare(b.DueAt), cmp.Compare(a.ID, b.ID)) }

// Running gives when the open clocks of one kind about objects that the caller has checked began and are due, the first due of each; nothing
// else of them is read.
func (s *Service) Running(ctx context.Context, h db.Handle, kind string, about ...int64) (map[int64]Clock, error) {
	out := map[int64]Clock{}
	if len(about) == 0 {
		return out, nil
	}
	q := new(db.Query).Add(`SELECT about, started_at, due_at FROM deadline_clock WHERE about IN `)
	db.In(q, about).Add(` AND kind = ? AND met_at IS NULL AND stopped_at IS NULL`, kind)
	_, err := db.List(ctx, h, q, func(rows *db.Rows) (c Clock, err error) {
		if err = rows.Scan(&c.About.ID, &c.StartedAt, &c.DueAt); err != nil {
			return c, err
		}
		if x, ok := out[c.About.ID]; !ok || c.DueAt.Before(x.DueAt) {
			out[c.About.ID] = c
		}
		return c, nil
	})
	return out, err
}

func (s *Service) sets(ctx context.Context, h db.Handle, column string, ids []int64, of func(Clock) int64) (map[int64][]Clock, error) {
	out := map[int64][]Clock{}
	if len(ids) == 0 {
		return out, nil
	}
	q := new(db.Query).Add(`SELECT ` + columns("c") + ` FROM deadline_clock c WHERE ` + column + ` IN `)
	all, err := db.List(ctx, h, db.In(q, ids).Add(` ORDER BY c.due_at, c.id`), scan)
	for _, c := range all {
		out[of(c)] = append(out[of(c)], c)
	}
	return out, err
}

// Filter narrows the list of deadlines.
type Filter struct {
	OwedBy string // "us", "them", "" for both
	Late   bool
	Limit  int
	After  string
}

// kinds are the objects that clocks are about. A list walks each kind in the order of its index and merges: no reader's scope spans kinds.
var kinds = []ref.Kind{ref.Report, ref.Request, ref.Measure, ref.Party, ref.Incident, ref.Obligation}

// List gives open clocks about objects that the actor may see, by due time.
func (s *Service) List(ctx context.Context, by access.Actor, f Filter) (clocks []Clock, next string, err error) {
	if f.Limit <= 0 {
		f.Limit = 50
	}
	f.Limit = min(f.Limit, 500)
	due, last, err := cursor(f.After)
	if err != nil {
		return nil, "", err
	}
	scope := access.Sees(by)
	for _, kind := range kinds {
		q := new(db.Query).Add(`SELECT ` + columns("c") + ` FROM `)
		scope.From(q, kind).Add(` JOIN deadline_clock c ON c.about = o.id WHERE c.about_kind = ? AND c.met_at IS NULL AND c.stopped_at IS NULL`, int64(kind))
		if !scope.Wide() && len(by.Compartments) > 0 {
			q.Add(` AND c.compartment <> 0 AND c.compartment IN `)
			db.In(q, by.Compartments)
		}
		if f.OwedBy != "" {
			q.Add(` AND c.owed_by = ?`, f.OwedBy)
		}
		if f.Late {
			q.Add(` AND c.due_at < ?`, s.Clock.Now())
		}
		if f.After != "" {
			q.Add(` AND (c.due_at > ? OR (c.due_at = ? AND c.id > ?))`, due, due, last)
		}
		part, err := db.List(ctx, s.DB, q.Add(` ORDER BY c.due_at, c.id LIMIT ?`, f.Limit+1), scan)
		if err != nil {
			return nil, "", fmt.Errorf("list deadlines: %w", err)
		}
		clocks = append(clocks, part...)
	}
	slices.SortFunc(clocks, byDue)
	if len(clocks) > f.Limit {
		clocks = clocks[:f.Limit]
		c := clocks[f.Limit-1]
		next = base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d.%d", c.DueAt.UnixMicro(), c.ID))
	}
	return clocks, next, nil
}

func cursor(s string) (due time.Time, id int64, err error) {
	if s == "" {
		return due, 0, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(s)
	var micro int64
	if err == nil {
		_, err = fmt.Sscanf(string(raw), "%d.%d", &micro, &id)
	}
	if err != nil {
		return due, 0, errs.New(errs.Invalid, "this page of the list does not exist")
	}
	return time.UnixMicro(micro).UTC(), id, nil
}

// Ending gives the running clocks of one side that are due in a time, past any scope: for the house, which tells people that one ends. At most 500.
func (s *Service) Ending(ctx context.Context, owedBy string, from, till time.Time) (clocks []Clock, err error) {
	for _, kind := range kinds {
		q := new(db.Query).Add(`SELECT `+columns("c")+` FROM deadline_clock c WHERE c.about_kind = ? AND c.met_at IS NULL AND c.stopped_at IS NULL
			AND c.due_at >= ? AND c.due_at < ? AND c.owed_by = ? ORDER BY c.due_at, c.id LIMIT 500`, int64(kind), from, till, owedBy)
		part, err := db.List(ctx, s.DB, q, scan)
		if err != nil {
			return nil, fmt.Errorf("list deadlines that end: %w", err)
		}
		clocks = append(clocks, part...)
	}
	slices.SortFunc(clocks, byDue)
	return clocks[:min(len(clocks), 500)], nil
}
