package page

import (
	"strings"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/registration"
	"github.com/tocsin-csirt/tocsin/internal/format/scope"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// EnrolQuestion is one question with which an entity registers itself, as the public form and the portal ask it.
type EnrolQuestion struct {
	registration.Question
	Label, Hint, Value, Error string
	Choices                   []OptionView
}

// NewEnrol gives the questions of a part with what was typed and what is wrong with it.
func NewEnrol(p *text.Printer, a scope.Annexes, typed registration.Boxes, part int, wrong error) []EnrolQuestion {
	said := map[string]string{}
	for _, f := range errs.Fields(wrong) {
		said[f.Name] = SayField(p, f)
	}
	var out []EnrolQuestion
	for _, q := range registration.Ask(a, typed, part) {
		x := EnrolQuestion{Question: q, Label: p.T("common.enrol.q." + q.Code), Value: typed[q.Code], Error: said[q.Code]}
		if key := "common.enrol.hint." + q.Code; p.Has(key) {
			x.Hint = p.T(key)
		}
		chosen := strings.Split(typed[q.Code], "\n")
		for _, o := range q.Options {
			c := OptionView{ID: q.Code + "-" + o, Name: q.Code, Value: o, Label: EnrolOption(p, a, q.Code, o), Many: q.Control == registration.Many}
			for _, v := range chosen {
				c.Checked = c.Checked || v == o
			}
			x.Choices = append(x.Choices, c)
		}
		out = append(out, x)
	}
	return out
}

// EnrolProblems leads each problem to its control.
func EnrolProblems(p *text.Printer, a scope.Annexes, typed registration.Boxes, wrong error, at func(part int) string) []Problem {
	var out []Problem
	for _, f := range errs.Fields(wrong) {
		x := ProblemOf(p, f.Name, f)
		for part := 1; part <= registration.Parts; part++ {
			for _, q := range registration.Ask(a, typed, part) {
				if q.Code != f.Name {
					continue
				}
				if len(q.Options) > 0 {
					x.Field = q.Code + "-" + q.Options[0]
				}
				if at != nil {
					x.At = at(part) + "#" + x.Field
				}
				if x.Bare {
					x.Bare, x.Text = false, p.T("public.check.problem", "question", p.T("common.enrol.q."+q.Code), "said", x.Text)
				}
			}
		}
		out = append(out, x)
	}
	return out
}

// EnrolOption is an option in words.
func EnrolOption(p *text.Printer, a scope.Annexes, question, option string) string {
	lang := string(p.Lang())
	if option == registration.None && (question == "sector" || question == "kind") {
		return p.T("common.enrol.none." + question)
	}
	switch question {
	case "sector":
		if s, ok := a.Sector(option); ok {
			return s.Name.In(lang)
		}
	case "kind":
		if k, ok := a.Kind(option); ok {
			return k.Name.In(lang)
		}
	case "specials":
		return p.T("common.enrol.specials." + option)
	case "basis":
		return p.T("common.enrol.basis." + option)
	case "states":
		if r, err := language.ParseRegion(option); err == nil {
			if name := display.Regions(language.Make(lang)).Name(r); name != "" {
				return name
			}
		}
	}
	return option
}

// EnrolSummary is a part of the answers as a card.
func EnrolSummary(p *text.Printer, a scope.Annexes, typed registration.Boxes, part int, change string) SummaryView {
	card := SummaryView{Title: p.T("common.enrol.part." + string(rune('0'+part)))}
	for _, q := range registration.Ask(a, typed, part) {
		x := Answer{Question: p.T("common.enrol.q." + q.Code), Value: typed[q.Code], Change: change}
		if len(q.Options) > 0 && x.Value != "" {
			var words []string
			for _, v := range strings.Split(x.Value, "\n") {
				words = append(words, EnrolOption(p, a, q.Code, v))
			}
			x.Value = strings.Join(words, "\n")
			if q.Code == "states" {
				x.Value = strings.Join(words, ", ")
			}
		}
		card.Rows = append(card.Rows, x)
	}
	return card
}

// EnrolReasons says why a class came out, with the articles.
func EnrolReasons(p *text.Printer, reasons []scope.Reason) []string {
	var out []string
	for _, r := range reasons {
		key := "common.enrol.article"
		if strings.HasPrefix(r.Article, "Annex") {
			key = "common.enrol.annex"
		}
		article := r.Article
		if key == "common.enrol.annex" {
			article = strings.Replace(article, "Annex", p.T("common.enrol.annex_word"), 1)
		}
		out = append(out, p.T(key, "reason", p.T("common.enrol.reason."+r.Code), "article", article))
	}
	return out
}

// EnrolChip is where a registration stands.
func EnrolChip(p *text.Printer, s registration.State) ChipView {
	c := ChipView{Text: p.T("common.enrol.state." + string(s)), Kind: "info", Icon: "hourglass"}
	switch s {
	case registration.Asked:
		c.Kind, c.Icon = "warn", "mail"
	case registration.Second:
		c.Icon = "users"
	case registration.Approved:
		c.Kind, c.Icon = "ok", "circle-check"
	case registration.Refused:
		c.Kind, c.Icon = "high", "x"
	}
	return c
}

// EnrolVerdict is what a self-assessment came to.
type EnrolVerdict struct {
	Class   scope.Class
	Reasons []string
}

// NewVerdict assesses what was typed so far.
func NewVerdict(p *text.Printer, a scope.Annexes, said registration.Said) EnrolVerdict {
	class, why := a.Assess(said.Scope())
	return EnrolVerdict{class, EnrolReasons(p, why)}
}

func (v EnrolVerdict) callout() (kind, icon string) {
	if v.Class == scope.Out {
		return "warn", "info"
	}
	return "info", "shield-check"
}
