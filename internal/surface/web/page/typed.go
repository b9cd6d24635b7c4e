package page

import (
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// TypedView is one typed question of a request, as a party answers it or one of us takes it down. "Not looked yet" is an answer to each.
type TypedView struct {
	coordination.Question
	ID    string
	Lang  string
	Value string
	Later bool
	Boxes [4]string // of a day or a moment, as typed: day, month, year, time
	Zone  string    // in which a moment is told
	Error string
}

func (q TypedView) label() string { return q.Text.In(q.Lang) }

// choices are the answers to choose from, beside "not looked yet".
func (q TypedView) choices(p *text.Printer) []SelectOption {
	if q.Kind == coordination.YesNo {
		return []SelectOption{{Value: "yes", Text: p.T("common.answer.yes")}, {Value: "no", Text: p.T("common.answer.no")}, {Value: "unknown", Text: p.T("common.answer.unknown")}}
	}
	var out []SelectOption
	for _, o := range q.Options {
		out = append(out, SelectOption{Value: o.Code, Text: o.Text.In(q.Lang)})
	}
	return out
}

func (q TypedView) hint(p *text.Printer) string {
	if q.Kind == coordination.Moment {
		return p.T("common.typed.moment.hint", "zone", q.Zone)
	}
	return p.T("common.typed.day.hint")
}

// day are the boxes of a day or a moment; a refusal is of all of them.
func (q TypedView) day() DateTimeView {
	v := DateTimeView{ID: q.ID, Name: q.ID, Day: q.Boxes[0], Month: q.Boxes[1], Year: q.Boxes[2], Time: q.Boxes[3]}
	if q.Error != "" {
		v.Wrong = boxNames[:]
	}
	return v
}

func (q TypedView) field() FieldView {
	v := FieldView{ID: q.ID, Name: q.ID, Label: q.label(), Value: q.Value, Error: q.Error}
	if q.Kind == coordination.Number {
		v.InputMode, v.Width = "numeric", "short"
	}
	return v
}

var boxNames = [4]string{"day", "month", "year", "time"}

// TypedForm is a set of typed questions on a page.
type TypedForm struct {
	Title     string
	Questions []TypedView
	None      bool   // it does not concern us
	Error     string // of the whole
	Quiet     bool   // the page has a field for words of its own
	Note      string
	NoteError string
	prefix    string
}

// NewTyped gives the questions as a form; what holds already is filled in. Prefix parts the controls of two forms on one page.
func NewTyped(p *text.Printer, prefix string, set coordination.QuestionSet, holds coordination.Answers, none bool) TypedForm {
	f := TypedForm{Title: set.Title.In(string(p.Lang())), None: none, prefix: prefix}
	for _, q := range set.Questions {
		x := TypedView{Question: q, ID: prefix + q.Code, Lang: string(p.Lang()), Zone: p.ZoneName()}
		a := holds[q.Code]
		x.Value, x.Later = a.Value, a.NotLooked
		if q.Kind == coordination.Day {
			if t, err := time.Parse(time.DateOnly, a.Value); err == nil {
				x.Boxes = [4]string{t.Format("2"), t.Format("1"), t.Format("2006")}
			}
		}
		if q.Kind == coordination.Moment {
			if t, err := time.Parse(time.RFC3339, a.Value); err == nil {
				t = t.In(p.Zone())
				x.Boxes = [4]string{t.Format("2"), t.Format("1"), t.Format("2006"), t.Format("15:04")}
			}
		}
		f.Questions = append(f.Questions, x)
	}
	return f
}

// Read takes what was typed into the form, and gives it as an answer. What is no day or no moment stays as it was typed: the verb refuses it.
func (f *TypedForm) Read(get func(name string) string, zone *time.Location) coordination.ReplyInput {
	in := coordination.ReplyInput{NotConcerned: get(f.prefix+"none") != "", Note: get(f.prefix + "note"), Answers: coordination.Answers{}}
	f.None, f.Note = in.NotConcerned, in.Note
	for i := range f.Questions {
		q := &f.Questions[i]
		q.Value, q.Later, q.Boxes = "", get(q.ID+"-later") != "", [4]string{}
		switch q.Kind {
		case coordination.Day, coordination.Moment:
			for n, box := range boxNames {
				q.Boxes[n] = strings.TrimSpace(get(q.ID + "-" + box))
			}
			q.Value = momentOf(q.Kind, q.Boxes, zone)
		default:
			if q.Value = strings.TrimSpace(get(q.ID)); q.Value == laterValue {
				q.Value, q.Later = "", true
			}
		}
		if q.Later {
			in.Answers[q.Code] = coordination.Said{NotLooked: true}
		} else if q.Value != "" {
			in.Answers[q.Code] = coordination.Said{Value: q.Value}
		}
	}
	return in
}

// laterValue is what a radio button of "not looked yet" sends: no code of an answer begins with a sign.
const laterValue = "-later"

func momentOf(kind coordination.QuestionKind, boxes [4]string, zone *time.Location) string {
	layout, typed := "2 1 2006", strings.Join(boxes[:3], " ")
	if kind == coordination.Moment {
		layout, typed = "2 1 2006 15:04", typed+" "+strings.ReplaceAll(boxes[3], ".", ":")
	}
	if strings.TrimSpace(typed) == "" {
		return ""
	}
	t, err := time.ParseInLocation(layout, typed, zone)
	switch {
	case err != nil:
		return typed
	case kind == coordination.Moment:
		return t.Format(time.RFC3339)
	}
	return t.Format(time.DateOnly)
}

// Wrong puts the problems of a refusal beside the questions, and gives them as lines of the summary.
func (f *TypedForm) Wrong(p *text.Printer, err error) []Problem {
	var out []Problem
	for _, x := range errs.Fields(err) {
		code, ok := strings.CutPrefix(x.Name, "answers.")
		switch {
		case x.Name == "note" && !f.Quiet:
			f.NoteError = SayField(p, x)
			out = append(out, Problem{Field: f.prefix + "note", Text: f.NoteError})
		case x.Name == "answers":
			f.Error = SayField(p, x)
			out = append(out, Problem{Field: f.prefix + "none", Text: f.Error})
		}
		for i := range f.Questions {
			q := &f.Questions[i]
			if !ok || q.Code != code {
				continue
			}
			q.Error = SayField(p, x)
			at := q.ID // the control at fault
			switch q.Kind {
			case coordination.YesNo:
				at += "-yes"
			case coordination.Choice:
				at += "-" + q.Options[0].Code
			case coordination.Day, coordination.Moment:
				at += "-day"
			}
			out = append(out, Problem{Field: at, Text: q.label() + ": " + q.Error})
		}
	}
	return out
}
