package law

import (
	"slices"
	"time"
)

// Question is one thing that a test of significance asks.
type Question struct {
	Code string
	Kind Kind // YesNo or Number
	Text Text
}

// Condition is one comparison. With Is it is yes or no. Else the answer must be over Over, or, where that is less, over Share of the answer to Of;
// AtLeast lets it be just as much.
type Condition struct {
	Ask     string
	Is      string
	Over    float64
	AtLeast bool
	Share   float64 // up to 1
	Of      string
}

// Test is one reason for which an incident is significant: all its conditions hold.
type Test struct {
	Code      string
	Article   string
	Types     []string // types of entity; none for all
	Confirmed bool
	Text      Text
	All       []Condition
}

// Threshold is a guided "is it significant?". Exclusion is a question whose yes ends it.
type Threshold struct {
	Code      string
	Law       string // in English; LawIn is for readers
	LawIn     Text
	Country   string
	Confirmed bool
	Doubts    []Text
	Sources   []string
	Checked   time.Time
	Name      Text
	About     Text
	Types     []Class
	Questions []Question
	Exclusion string
	Tests     []Test
	File      string
}

// Verdict is the answer to "is it significant?".
type Verdict string

// The verdicts.
const (
	Significant    Verdict = "yes"
	Insignificant  Verdict = "no"
	NotDetermined  Verdict = "open" // an answer that is missing could change it
	PlannedOutside Verdict = "excluded"
)

// Judgement is a verdict with its reasons: the tests that are met, those that could still be, and the questions that they wait for.
type Judgement struct {
	Verdict Verdict
	Met     []Test
	Open    []Test
	Missing []Question
}

// Replies are answers to questions; a missing one is not known.
type Replies struct {
	Numbers map[string]float64
	YesNo   map[string]bool
}

type truth int

const (
	no truth = iota
	unsure
	yes
)

// Judge answers for a type of entity ("" for one of none of the types), with the reasons.
func (t Threshold) Judge(kind string, in Replies) Judgement {
	var out Judgement
	if is, told := in.YesNo[t.Exclusion]; told && is {
		return Judgement{Verdict: PlannedOutside}
	}
	missing := map[string]bool{}
	for _, x := range t.Tests {
		if len(x.Types) > 0 && !slices.Contains(x.Types, kind) {
			continue
		}
		result := yes
		wanted := map[string]bool{}
		for _, c := range x.All {
			result = min(result, c.holds(in, wanted))
		}
		switch result {
		case yes:
			out.Met = append(out.Met, x)
		case unsure:
			out.Open = append(out.Open, x)
			for q := range wanted {
				missing[q] = true
			}
		}
	}
	switch {
	case len(out.Met) > 0:
		out.Verdict = Significant
	case len(out.Open) > 0:
		out.Verdict = NotDetermined
	default:
		out.Verdict = Insignificant
	}
	for _, q := range t.Questions {
		if missing[q.Code] && out.Verdict == NotDetermined {
			out.Missing = append(out.Missing, q)
		}
	}
	return out
}

// holds compares. Of a limit that is the lower of two, an answer over the fixed one is over both; the share needs the whole.
func (c Condition) holds(in Replies, missing map[string]bool) truth {
	if c.Is != "" {
		is, told := in.YesNo[c.Ask]
		if !told {
			missing[c.Ask] = true
			return unsure
		}
		if is == (c.Is == "yes") {
			return yes
		}
		return no
	}
	v, told := in.Numbers[c.Ask]
	if !told {
		missing[c.Ask] = true
		return unsure
	}
	over := func(limit float64) truth {
		if v > limit || c.AtLeast && v == limit {
			return yes
		}
		return no
	}
	if c.Of == "" {
		return over(c.Over)
	}
	whole, told := in.Numbers[c.Of]
	switch {
	case c.Over > 0 && over(c.Over) == yes:
		return yes
	case v == 0:
		return no
	case !told:
		missing[c.Of] = true
		return unsure
	}
	return over(whole * c.Share)
}

// Asked lists the questions that matter for a type of entity, in their order.
func (t Threshold) Asked(kind string) []Question {
	used := map[string]bool{t.Exclusion: true}
	for _, x := range t.Tests {
		if len(x.Types) == 0 || slices.Contains(x.Types, kind) {
			for _, c := range x.All {
				used[c.Ask], used[c.Of] = true, true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(t.Questions), func(q Question) bool { return !used[q.Code] })
}

func readThreshold(n node, file string) Threshold {
	n.only("code", "law", "law_in", "country", "confirmed", "doubts", "sources", "checked", "name", "about", "types", "questions", "exclusion", "tests")
	t := Threshold{
		Code: n.must("code").code(), Law: n.must("law").str(), Country: n.must("country").str(), Confirmed: n.must("confirmed").flag(false),
		Doubts: n.get("doubts").texts(), Sources: n.must("sources").strs(), Checked: n.must("checked").day(), Name: n.must("name").text(),
		About: n.must("about").text(), Exclusion: n.must("exclusion").code(), LawIn: n.must("law_in").text(), File: n.s.file,
	}
	if t.Code != file {
		n.get("code").bad("the code is %s and the file is %s.yaml", t.Code, file)
	}
	if !t.Confirmed && len(t.Doubts) == 0 {
		n.get("confirmed").bad("what is not confirmed says in doubts why")
	}
	kinds := map[string]bool{}
	n.get("types").pairs(func(name, v node) {
		t.Types = append(t.Types, Class{name.code(), v.text()})
		kinds[name.n.Value] = true
	})
	questions := map[string]Kind{}
	lines := map[string]int{}
	n.must("questions").pairs(func(name, v node) {
		v.only("kind", "text")
		q := Question{name.code(), choose(v.must("kind"), YesNo, Number), v.must("text").text()}
		t.Questions = append(t.Questions, q)
		questions[q.Code], lines[q.Code] = q.Kind, name.line()
	})
	if questions[t.Exclusion] != YesNo {
		n.get("exclusion").bad("the exclusion is a question of yes or no")
	}
	used := map[string]bool{t.Exclusion: true}
	seen := map[string]bool{}
	for _, x := range n.must("tests").items() {
		x.only("code", "article", "types", "confirmed", "text", "all")
		test := Test{Code: x.must("code").code(), Article: x.must("article").str(), Types: x.get("types").strs(), Confirmed: x.get("confirmed").flag(true), Text: x.must("text").text()}
		if seen[test.Code] {
			x.bad("test %s is there twice", test.Code)
		}
		seen[test.Code] = true
		known(x.get("types"), kinds, test.Types...)
		for _, c := range x.must("all").items() {
			c.only("ask", "is", "over", "at_least", "share", "at_least_share", "of")
			cond := Condition{Ask: c.must("ask").code(), Is: choose(c.get("is"), "yes", "no"), Over: c.get("over").number(), Share: c.get("share").number(), Of: c.get("of").str()}
			if c.get("at_least").there() {
				cond.AtLeast, cond.Over = true, c.get("at_least").number()
			}
			if c.get("at_least_share").there() {
				cond.AtLeast, cond.Share = true, c.get("at_least_share").number()
			}
			kind, ok := questions[cond.Ask]
			switch {
			case !ok:
				c.bad("there is no question %s", cond.Ask)
			case (cond.Is != "") != (kind == YesNo):
				c.bad("%s asks for %s", cond.Ask, kind)
			case cond.Is == "" && !c.get("over").there() && !c.get("at_least").there() && cond.Of == "":
				c.bad("a number is over something, or at least it")
			case (cond.Of != "") != (cond.Share > 0) || cond.Share > 1 || cond.Of != "" && questions[cond.Of] != Number:
				c.bad("a share, up to 1, is of the answer to a question for a number")
			}
			used[cond.Ask], used[cond.Of] = true, true
			test.All = append(test.All, cond)
		}
		if len(test.All) == 0 {
			x.bad("a test has a condition")
		}
		t.Tests = append(t.Tests, test)
	}
	for _, q := range t.Questions {
		if !used[q.Code] {
			n.s.add(lines[q.Code], "no test asks %s", q.Code)
		}
	}
	return t
}
