package page

import (
	"strconv"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
)

// GuideView is a guided "is it significant?" as it was answered so far: the desk and the report form ask the same.
type GuideView struct {
	About     string
	Types     []SelectOption // of service; none when the guide does not tell them apart
	Questions []QuestionView
	Verdict   string
	Because   []Reason
	Missing   []Problem // questions on which it still hangs
	Wrong     []Problem
	Law       string
	Doubts    []string
}

// Reason is why an incident is significant.
type Reason struct {
	Text, Article string
}

// NewGuide reads what was typed, by the names of the controls "type" and "q-" with the code of a question, and judges it.
func NewGuide(p *text.Printer, t law.Threshold, typed func(name string) string) GuideView {
	say := func(x law.Text) string { return x.In(string(p.Lang())) }
	view := GuideView{About: say(t.About), Law: say(t.LawIn)}
	for _, x := range t.Doubts {
		view.Doubts = append(view.Doubts, say(x))
	}
	kind := typed("type")
	if len(t.Types) > 0 {
		view.Types = []SelectOption{{Text: p.T("desk.significance.no_type")}}
		for _, x := range t.Types {
			view.Types = append(view.Types, SelectOption{Value: x.Code, Text: say(x.Name), Chosen: x.Code == kind})
		}
	}
	in := law.Replies{Numbers: map[string]float64{}, YesNo: map[string]bool{}}
	for _, x := range t.Asked(kind) {
		q := QuestionView{Code: x.Code, ID: "q-" + x.Code, Label: say(x.Text), Kind: x.Kind, Value: strings.TrimSpace(typed("q-" + x.Code))}
		switch {
		case x.Kind == law.Number:
			plain := strings.NewReplacer(" ", "", "\u00a0", "", "\u202f", "").Replace(q.Value)
			if n, err := strconv.ParseFloat(plain, 64); err == nil && n >= 0 && n < 1e15 {
				in.Numbers[x.Code] = n
			} else if q.Value != "" && q.Value != law.Unknown {
				q.Error = p.T("error.number")
				view.Wrong = append(view.Wrong, Problem{Field: q.ID, Text: q.Label + ": " + q.Error})
			}
		case q.Value == "yes" || q.Value == "no":
			in.YesNo[x.Code] = q.Value == "yes"
		default:
			q.Value = law.Unknown
		}
		view.Questions = append(view.Questions, q)
	}
	j := t.Judge(kind, in)
	view.Verdict = p.T("desk.significance.verdict." + string(j.Verdict))
	for _, x := range j.Met {
		r := Reason{say(x.Text), x.Article}
		if !x.Confirmed {
			r.Article = strings.TrimSpace(x.Article + " · " + p.T("desk.rules.unconfirmed"))
		}
		view.Because = append(view.Because, r)
	}
	if j.Verdict == law.NotDetermined {
		for _, x := range j.Missing {
			at := "q-" + x.Code
			if x.Kind == law.YesNo {
				at += "-yes"
			}
			view.Missing = append(view.Missing, Problem{Field: at, Text: say(x.Text)})
		}
	}
	return view
}
