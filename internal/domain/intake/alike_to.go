package intake

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Alike is a report that tells of the same as one of some that were asked about.
type Alike struct {
	Report Report
	Why    Why    // the strongest thing that both have
	Of     string // the reference of the one that it is like
}

// MostAlike is how many AlikeTo gives, and of how many reports it reads the traits on either side.
const MostAlike = 100

// AlikeTo gives reports that share a trait with one of those given: the strongest reason first, then the oldest; at most MostAlike. What is folded under the same
// founder, or founded what one of them has, is only where it looks: a report is given when it has the trait itself, so a founder that the reader may not
// see takes nothing away and lends nothing (rule A10). The actor needs access.ReadCases.
func (s *Service) AlikeTo(ctx context.Context, by access.Actor, reports []Report) ([]Alike, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return nil, err
	}
	ids := make([]int64, 0, MostAlike)
	for _, r := range reports[:min(len(reports), MostAlike)] {
		if !r.Destroyed && !r.Withheld {
			ids = append(ids, r.Ref.ID)
		}
	}
	own, err := s.rowsWhere(ctx, by, `o.id`, ids, len(ids))
	if err != nil || len(own) == 0 {
		return nil, err
	}
	has, err := s.traitsOfRows(ctx, by, own)
	if err != nil {
		return nil, err
	}
	founders, err := s.founders(ctx, own, has)
	if err != nil {
		return nil, err
	}
	near, err := s.nearTo(ctx, by, own, founders)
	if err != nil {
		return nil, err
	}
	theirs, err := s.traitsOfRows(ctx, by, near)
	if err != nil {
		return nil, err
	}
	out := alikeOf(own, has, near, theirs)
	linked := make([]*Report, len(out))
	for i := range out {
		linked[i] = &out[i].Report
	}
	return out, s.links(ctx, s.DB, linked)
}

// nearTo opens the founders that the reader sees and what is folded under them, without those that were asked about.
func (s *Service) nearTo(ctx context.Context, by access.Actor, own []row, founders []int64) ([]row, error) {
	seen := map[int64]bool{}
	for _, r := range own {
		seen[r.Ref.ID] = true
	}
	var near []row
	for _, condition := range []string{`o.id`, `r.fold <> 0 AND r.fold`} {
		more, err := s.rowsWhere(ctx, by, condition, founders, MostAlike)
		if err != nil {
			return nil, err
		}
		for _, r := range more {
			if !seen[r.Ref.ID] {
				seen[r.Ref.ID] = true
				near = append(near, r)
			}
		}
	}
	return near, nil
}

// alikeOf leaves those that have a trait of ours, the strongest reason first, at most MostAlike.
func alikeOf(own []row, has map[int64][]trait, near []row, theirs map[int64][]trait) []Alike {
	holds := map[int64]string{} // the reference of who of ours has a trait
	for _, r := range own {
		for _, t := range has[r.Ref.ID] {
			if holds[t.token] == "" {
				holds[t.token] = r.Reference
			}
		}
	}
	var out []Alike
	for _, r := range near {
		a := Alike{Report: r.Report}
		for _, t := range theirs[r.Ref.ID] {
			if of := holds[t.token]; of != "" && (a.Why == 0 || t.why < a.Why) {
				a.Why, a.Of = t.why, of
			}
		}
		if a.Why != 0 {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(a, b Alike) int {
		return cmp.Or(cmp.Compare(a.Why, b.Why), cmp.Compare(a.Report.Ref.ID, b.Report.Ref.ID))
	})
	return out[:min(len(out), MostAlike)]
}

// rowsWhere opens reports that the reader sees and for which a condition that ends in a column finds it among some, newest first. Those without content are left out.
func (s *Service) rowsWhere(ctx context.Context, by access.Actor, condition string, among []int64, most int) ([]row, error) {
	if len(among) == 0 || most == 0 {
		return nil, nil
	}
	q := new(db.Query).Add(`SELECT ` + reportColumns + ` FROM `)
	access.Sees(by).From(q, ref.Report).Add(joins).Add(` WHERE ` + condition + ` IN `)
	rows, err := db.List(ctx, s.DB, db.In(q, among).Add(` ORDER BY o.id DESC LIMIT ?`, most), scanRow)
	if err != nil {
		return nil, err
	}
	out := rows[:0]
	for _, r := range rows {
		if err := s.open(&r); err != nil {
			return nil, err
		}
		withhold(by, &r.Report)
		if !r.Destroyed && !r.Withheld {
			out = append(out, r)
		}
	}
	return out, nil
}

// traitsOfRows reads what reports are compared by, with the files of what first came on their threads.
func (s *Service) traitsOfRows(ctx context.Context, by access.Actor, rows []row) (map[int64][]trait, error) {
	threads := make([]int64, len(rows))
	for i, r := range rows {
		threads[i] = r.Thread
	}
	messages, err := s.Correspondence.Messages(ctx, s.DB, by, threads...)
	if err != nil {
		return nil, err
	}
	files, done := map[int64][]correspondence.File{}, map[int64]bool{}
	for _, m := range messages {
		if m.Direction == correspondence.In && !done[m.Thread] {
			files[m.Thread], done[m.Thread] = m.Body.Files, true
		}
	}
	out := make(map[int64][]trait, len(rows))
	for _, r := range rows {
		out[r.Ref.ID] = s.traitsOf(r.Body, r.words, files[r.Thread])
	}
	return out, nil
}

// founders gives the reports under which what is like some others is folded, or that had one of their traits first, whoever may see them.
func (s *Service) founders(ctx context.Context, rows []row, has map[int64][]trait) ([]int64, error) {
	found := map[int64]bool{}
	var tokens []int64
	for _, r := range rows {
		found[r.Ref.ID] = true
		if r.fold != 0 {
			found[r.fold] = true
		}
		at := periodOf(r.ReceivedAt)
		for _, t := range has[r.Ref.ID] {
			tokens = t.around(tokens, at)
		}
	}
	slices.Sort(tokens)
	for some := range slices.Chunk(slices.Compact(tokens), 500) {
		got, err := db.List(ctx, s.DB, db.In(new(db.Query).Add(`SELECT report FROM intake_trait WHERE token IN `), some), func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) })
		if err != nil {
			return nil, err
		}
		for _, n := range got {
			found[n] = true
		}
	}
	return slices.Sorted(maps.Keys(found)), nil
}
