package severity

import (
	"cmp"
	"slices"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// most reasons that a proposal names.
const most = 5

// Proposal is what the answers come to.
type Proposal struct {
	Level   Level
	Score   int      // 0 to 100
	Reasons []string // keys for Scheme.Text, weightiest first: a floor that decided, then answers
	Missing []string // codes of questions without an answer; they weigh nothing
}

// Propose rates answers, option code by question code. The same answers always give the same proposal. Without any answer the level is not
// rated. Refused: Invalid for a question or an option that does not exist, all at once.
func (s *Scheme) Propose(answers map[string]string) (Proposal, error) {
	type weighed struct {
		key    string
		weight int
	}
	var p Proposal
	var problems errs.Problems
	var found []weighed
	known := map[string]bool{}
	for _, q := range s.questions {
		known[q.Code] = true
		answer := answers[q.Code]
		if answer == "" {
			p.Missing = append(p.Missing, q.Code)
			continue
		}
		i := slices.IndexFunc(q.Options, func(o Option) bool { return o.Code == answer })
		if i < 0 {
			problems.Add(q.Code, "error.choose")
			continue
		}
		p.Score += q.Options[i].Weight
		if w := q.Options[i].Weight; w > 0 {
			found = append(found, weighed{optionKey(q.Code, answer), w})
		}
	}
	var strange []string
	for code := range answers {
		if !known[code] {
			strange = append(strange, code)
		}
	}
	slices.Sort(strange)
	for _, code := range strange {
		problems.Add(code, "error.choose")
	}
	if err := problems.Err(); err != nil {
		return Proposal{}, err
	}
	if len(p.Missing) == len(s.questions) {
		return p, nil
	}
	p.Level = s.band(p.Score)
	if f, ok := s.floor(answers); ok && f.Level >= p.Level {
		p.Level = f.Level
		p.Reasons = append(p.Reasons, floorKey(f.Code))
	}
	slices.SortStableFunc(found, func(a, b weighed) int { return cmp.Compare(b.weight, a.weight) })
	for _, w := range found {
		if len(p.Reasons) < most {
			p.Reasons = append(p.Reasons, w.key)
		}
	}
	return p, nil
}

func (s *Scheme) band(score int) Level {
	for _, l := range []Level{Critical, High, Medium} {
		if score >= s.bands[l] {
			return l
		}
	}
	return Low
}

// floor gives the highest floor that the answers reach, the first of those.
func (s *Scheme) floor(answers map[string]string) (best floor, ok bool) {
	for _, f := range s.floors {
		holds := true
		for q, o := range f.When {
			holds = holds && answers[q] == o
		}
		if holds && f.Level > best.Level {
			best, ok = f, true
		}
	}
	return best, ok
}
