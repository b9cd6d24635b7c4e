package law

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Unknown is "not known yet", an answer to every question.
const Unknown = "unknown"

// MaxAnswer bounds one answer, in characters.
const MaxAnswer = 20_000

// Answers are answers by the code of their field; instants as RFC 3339 in UTC.
type Answers map[string]string

// Handover is a submission as far as what it says matters; Corrects is the place of the one that it corrects in the same list, or -1.
type Handover struct {
	Answers  Answers
	Corrects int
}

// Known gives what is known after submissions in the order in which they came. A correction takes the place of what it corrects, so that it may
// also take an answer back; elsewhere "not known yet" never hides an answer.
func Known(all []Handover) Answers {
	last := make([]Answers, len(all))
	root := make([]int, len(all))
	for i, h := range all {
		root[i] = i
		if h.Corrects >= 0 && h.Corrects < i {
			root[i] = root[h.Corrects]
		}
		last[root[i]] = h.Answers
	}
	out := Answers{}
	for i := range all {
		for code, v := range last[i] {
			if v != "" && (v != Unknown || out[code] == "") {
				out[code] = v
			}
		}
	}
	return out
}

// Rest lists the questions of a stage that are still to be asked: what is not known, and what the stage asks anew.
func (l *Library) Rest(stage Stage, known Answers) []Field {
	return slices.DeleteFunc(l.Asked(stage), func(f Field) bool {
		v := known[f.Code]
		return v != "" && v != Unknown && !slices.Contains(stage.Again, f.Code)
	})
}

// Missing lists the questions of a stage to which no answer is known yet.
func (l *Library) Missing(stage Stage, known Answers) []Field {
	return slices.DeleteFunc(l.Asked(stage), func(f Field) bool { return known[f.Code] != "" && known[f.Code] != Unknown })
}

// Complete gives answers of a stage with those added that tell something; false when they tell nothing that was not there.
func (l *Library) Complete(stage Stage, before, told Answers) (Answers, bool) {
	out := Answers{}
	for code, v := range before {
		out[code] = v
	}
	more := false
	for _, code := range stage.Asks {
		if v := told[code]; v != "" && v != Unknown && v != out[code] {
			out[code], more = v, true
		}
	}
	return out, more
}

// Difference is one answer that changed; empty where there was none.
type Difference struct{ Field, From, To string }

// Differ lists what changed between two submissions, in the order of the questions.
func (l *Library) Differ(before, after Answers) []Difference {
	var out []Difference
	for code := range l.fields {
		if before[code] != after[code] {
			out = append(out, Difference{code, before[code], after[code]})
		}
	}
	slices.SortFunc(out, func(a, b Difference) int { return l.order[a.Field] - l.order[b.Field] })
	return out
}

// Check notes each answer that its question does not take, under "answers." and the field's code. What is missing is no problem: early and
// incomplete beats late and complete.
func (l *Library) Check(p *errs.Problems, a Answers, now time.Time) {
	for _, code := range sorted(a) {
		v, name := a[code], "answers."+code
		f, ok := l.fields[code]
		switch {
		case !ok:
			p.Add("answers", "error.choice")
		case v == "" || v == Unknown:
		case !utf8.ValidString(v) || strings.ContainsRune(v, 0):
			p.Add(name, "error.characters")
		case utf8.RuneCountInString(v) > MaxAnswer:
			p.Add(name, "error.too_long", "most", MaxAnswer)
		case f.Kind == YesNo && v != "yes" && v != "no",
			f.Kind == Choice && !slices.ContainsFunc(f.Options, func(o Option) bool { return o.Code == v }):
			p.Add(name, "error.choice")
		case f.Kind == Number:
			if n, err := strconv.ParseFloat(v, 64); err != nil || !(n >= 0 && n < 1e12) {
				p.Add(name, "error.number")
			}
		case f.Kind == Instant:
			if t, err := time.Parse(time.RFC3339, v); err != nil {
				p.Add(name, "error.date")
			} else if f.Moment != "" && t.After(now.Add(5*time.Minute)) {
				p.Add(name, "error.past")
			}
		}
	}
}

// Facts gives the moments that answers tell.
func (l *Library) Facts(a Answers) []Fact {
	var out []Fact
	for _, code := range sorted(a) {
		if f := l.fields[code]; f.Moment != "" {
			if t, err := time.Parse(time.RFC3339, a[code]); err == nil {
				out = append(out, Fact{Moment: f.Moment, At: t.UTC()})
			}
		}
	}
	return out
}

func sorted(a Answers) []string {
	out := make([]string, 0, len(a))
	for code := range a {
		out = append(out, code)
	}
	slices.Sort(out)
	return out
}
