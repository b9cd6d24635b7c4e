package api

import (
	"context"
	"strconv"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/alarm"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Page is what every list takes.
type Page struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"500" doc:"Lines of a page, 50 when left out"`
	Cursor string `query:"after" doc:"The next of the page before"`
}

// Updated lets the team's tokens follow what changes.
type Updated struct {
	Since string `query:"updated_after" doc:"Give what changed after this number of the record, oldest change first; give updated_after of the answer at the next call. 0 is where the record begins. Used with limit alone."`
}

func (u *Updated) asked() (after int64, ok bool, err error) {
	if u.Since == "" {
		return 0, false, nil
	}
	after, err = strconv.ParseInt(u.Since, 10, 64)
	if err != nil || after < 0 {
		var p errs.Problems
		p.Add("updated_after", "error.parameter")
		return 0, true, p.Err()
	}
	return after, true, nil
}

// List is a page of a list.
type List[T any] struct {
	Items        []T    `json:"items"`
	Next         string `json:"next,omitempty" doc:"Give it as after for the next page"`
	UpdatedAfter *int64 `json:"updated_after,omitempty" doc:"Up to where the record was read; only when updated_after was asked for"`
}

func list[T any](items []T, next string) List[T] {
	if items == nil {
		items = []T{}
	}
	return List[T]{Items: items, Next: next}
}

func mapped[A, B any](in []A, f func(A) B) []B {
	out := make([]B, len(in))
	for i, a := range in {
		out[i] = f(a)
	}
	return out
}

// followed reads the record above a number until it named limit objects of a kind, and gives them and how far it came. Which of them the
// reader may see is for the reader of objects: the caller loads each under its scope. Numbers tell how busy the house is, so they are for
// the team alone (rule A6).
func (a *API) followed(ctx context.Context, by access.Actor, kind ref.Kind, after int64, limit int) (ids []int64, mark int64, err error) {
	if !by.Team() {
		return nil, 0, errStaffOnly
	}
	const most = 100 // objects of a page: each is loaded by itself
	if limit <= 0 || limit > most {
		limit = most
	}
	seen := map[int64]bool{}
	for mark = after; len(ids) < limit; {
		rows, err := a.Audit.Since(ctx, a.Intake.DB, mark, 500)
		if err != nil || len(rows) == 0 {
			return ids, mark, err
		}
		for _, r := range rows {
			if r.Verb == alarm.VerbRead || r.Verb == correspondence.VerbFetch { // to read is not to change
				mark = r.Seq
				continue
			}
			id := r.About // of whatever kind: one of another kind is not found below
			if r.On.Kind == kind {
				id = r.On.ID
			}
			if id != 0 && !seen[id] {
				if len(ids) == limit {
					return ids, mark, nil
				}
				seen[id] = true
				ids = append(ids, id)
			}
			mark = r.Seq
		}
	}
	return ids, mark, nil
}

// visible keeps those objects of a kind that the reader may see, in their order.
func (a *API) visible(ctx context.Context, by access.Actor, kind ref.Kind, ids []int64) ([]access.Object, error) {
	var out []access.Object
	for _, id := range ids {
		o, err := access.Load(ctx, a.Intake.DB, by, ref.Ref{Kind: kind, ID: id})
		if errs.Is(err, errs.NotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, nil
}

var errStaffOnly = &errs.Error{Kind: errs.Forbidden, Key: "error.staff_only", Text: "this is for the team's own tokens"}

func errAlone(field string) error {
	var p errs.Problems
	p.Add(field, "error.alone")
	return p.Err()
}
