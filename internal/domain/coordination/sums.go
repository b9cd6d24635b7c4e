package coordination

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
)

// SmallCount is the least number of parties that a sum by sector shows (rule L4).
const SmallCount = 5

// OtherSectors is the group of the sectors that are too small to stand alone, and of parties without one.
const OtherSectors = "-other"

// Sums is the matrix summed by sector without naming anybody: every number in it is zero or at least SmallCount, and so is every difference between
// the whole and what is shown of it.
type Sums struct {
	Hidden    bool // there are fewer than SmallCount parties: nothing is shown
	Parties   int
	Sectors   []string       // groups, the largest first
	Of        map[string]int // parties of each group
	Questions []Sum
}

// Sum is one question, or how far the parties came (Set and Question are empty then), counted by answer.
type Sum struct {
	Set, Question string
	Whole         map[string]int            // by the key of the answer; AnswerFew holds what is too few together
	By            map[string]map[string]int // by group; a group that would tell too much is missing
	Of            map[string]int            // parties of each group that were asked
	Rest          map[string]int            // those groups together
	Total         int                       // of a number: the sum over those who gave one; 0 when they are too few
}

// AnswerFew is the answer under which those are counted together that are too few each.
const AnswerFew = "-few"

// SumsOf gives the matrix of a subject summed by sector. Refused: as Matrix.
func (s *Service) SumsOf(ctx context.Context, by access.Actor, subject string) (Sums, Table, error) {
	t, err := s.Table(ctx, by, subject, TableFilter{})
	if err != nil {
		return Sums{}, t, err
	}
	return t.Sums(), t, nil
}

// Sums counts.
func (t Table) Sums() Sums {
	var rows []TableRow
	for _, r := range t.All {
		if r.Party.WithdrawnAt.IsZero() {
			rows = append(rows, r)
		}
	}
	x := Sums{Parties: len(rows), Of: map[string]int{}}
	if len(rows) < SmallCount {
		return Sums{Hidden: true}
	}
	group := groups(rows)
	for _, r := range rows {
		x.Of[group[r.Sector]]++
	}
	x.Sectors = slices.SortedFunc(maps.Keys(x.Of), func(a, b string) int {
		return cmp.Or(cmp.Compare(x.Of[b], x.Of[a]), cmp.Compare(a, b))
	})
	x.Questions = append(x.Questions, count(rows, group, x.Sectors, func(r TableRow) string { return string(r.State()) }))
	for _, set := range t.Sets {
		for _, q := range set.Questions {
			if q.Kind == FreeText || q.Kind == Moment { // words and moments are each of one party
				continue
			}
			sum := count(rows, group, x.Sectors, func(r TableRow) string { return answerClass(q, r.Answer(set.Code, q.Code)) })
			sum.Set, sum.Question = set.Code, q.Code
			if q.Kind == Number {
				sum.Total = total(rows, set.Code, q.Code)
			}
			x.Questions = append(x.Questions, sum)
		}
	}
	return x
}

// answerClass is the answer under which one is counted: a number is none, some or many, a day is a day.
func answerClass(q Question, a Said) string {
	key := a.Key()
	if q.Kind == Number && a.Value != "" && key == a.Value && key[0] != '-' {
		if key == "0" {
			return "0"
		}
		return "1+"
	}
	if q.Kind == Day && key != "" && key[0] != '-' {
		return "told"
	}
	return key
}

// total sums a number over those who gave one, when they are enough.
func total(rows []TableRow, set, question string) (sum int) {
	n := 0
	for _, r := range rows {
		if v, err := strconv.Atoi(r.Answer(set, question).Value); err == nil {
			sum, n = sum+v, n+1
		}
	}
	if n < SmallCount {
		return 0
	}
	return sum
}

// groups gives each sector the group in which it is counted, so that each group is large enough.
func groups(rows []TableRow) map[string]string {
	size := map[string]int{}
	for _, r := range rows {
		size[r.Sector]++
	}
	sectors := slices.SortedFunc(maps.Keys(size), func(a, b string) int { return cmp.Or(cmp.Compare(size[a], size[b]), cmp.Compare(a, b)) })
	out, other := map[string]string{}, 0
	for _, s := range sectors {
		out[s] = s
		if s == "" || size[s] < SmallCount {
			out[s], other = OtherSectors, other+size[s]
		}
	}
	for _, s := range sectors { // the smallest join until those together are enough
		if other == 0 || other >= SmallCount {
			break
		}
		if out[s] != OtherSectors {
			out[s], other = OtherSectors, other+size[s]
		}
	}
	return out
}

// count sums one question by group, and hides what would tell too much: what is left when the shown groups are taken from the whole is never few.
func count(rows []TableRow, group map[string]string, sectors []string, of func(TableRow) string) Sum {
	all := map[string]int{}
	for _, r := range rows {
		if key := of(r); key != "" {
			all[key]++
		}
	}
	out := Sum{Whole: mergedSectors(all), By: map[string]map[string]int{}, Of: map[string]int{}}
	for _, r := range rows {
		key := of(r)
		if key == "" { // it was not asked
			continue
		}
		if out.Whole[key] == 0 {
			key = AnswerFew
		}
		g := group[r.Sector]
		if out.By[g] == nil {
			out.By[g] = map[string]int{}
		}
		out.By[g][key]++
		out.Of[g]++
	}
	for g, counts := range out.By {
		if !enough(counts) {
			delete(out.By, g)
		}
	}
	for _, g := range slices.Backward(sectors) { // the smallest shown group hides with them
		if enough(out.rest()) {
			break
		}
		delete(out.By, g)
	}
	out.Rest = out.rest()
	return out
}

// rest is what is left of the whole when the shown groups are taken from it.
func (s Sum) rest() map[string]int {
	rest := maps.Clone(s.Whole)
	for _, counts := range s.By {
		for key, n := range counts {
			rest[key] -= n
		}
	}
	return rest
}

// enough tells whether every count is zero or large enough.
func enough(counts map[string]int) bool {
	for _, n := range counts {
		if n > 0 && n < SmallCount {
			return false
		}
	}
	return true
}

// mergedSectors counts together what is too few each, with as many more, the smallest first, as it takes.
func mergedSectors(counts map[string]int) map[string]int {
	keys := slices.SortedFunc(maps.Keys(counts), func(a, b string) int { return cmp.Or(cmp.Compare(counts[a], counts[b]), cmp.Compare(a, b)) })
	out, few := map[string]int{}, 0
	for _, key := range keys {
		n := counts[key]
		switch {
		case n == 0:
		case n < SmallCount, few > 0 && few < SmallCount:
			few += n
		default:
			out[key] = n
		}
	}
	if few >= SmallCount {
		out[AnswerFew] = few
	}
	return out
}
