package coordination

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Wording is a text in the five languages, by language.
type Wording map[string]string

// In gives the words in a language, or in English where they are missing there.
func (w Wording) In(lang string) string {
	if s := w[lang]; s != "" {
		return s
	}
	return w["en"]
}

// QuestionKind says what may answer a question.
type QuestionKind string

// The kinds of questions.
const (
	YesNo    QuestionKind = "yes_no" // yes, no, unknown
	Choice   QuestionKind = "choice"
	Number   QuestionKind = "number" // a whole number from 0
	FreeText QuestionKind = "text"
	Day      QuestionKind = "date"   // 2026-11-23
	Moment   QuestionKind = "moment" // RFC 3339, with its zone
)

// QuestionKinds lists them.
func QuestionKinds() []QuestionKind {
	return []QuestionKind{YesNo, Choice, Number, FreeText, Day, Moment}
}

// QuestionOption is one answer of a choice.
type QuestionOption struct {
	Code string  `json:"code"`
	Text Wording `json:"text"`
}

// Question is one typed question.
type Question struct {
	Code     string           `json:"code"`
	Kind     QuestionKind     `json:"kind"`
	Text     Wording          `json:"text"`
	Required bool             `json:"required,omitempty"`
	Options  []QuestionOption `json:"options,omitempty"`
}

// QuestionSet is a version of questions that are asked together. One that was used never changes: an edit makes the next.
type QuestionSet struct {
	Code      string
	Version   int
	Title     Wording
	Questions []Question
	BuiltIn   bool // comes with the program and was not changed
	MadeBy    int64
	MadeAt    time.Time
	UsedAt    time.Time // when it was asked first; zero: it may still change
	RetiredAt time.Time
}

// Question finds one by its code.
func (x QuestionSet) Question(code string) (Question, bool) {
	i := slices.IndexFunc(x.Questions, func(q Question) bool { return q.Code == code })
	if i < 0 {
		return Question{}, false
	}
	return x.Questions[i], true
}

const (
	maxQuestions = 20
	maxOptions   = 20
	maxQuestion  = 300  // characters of a title, a question or an option
	maxReply     = 2000 // characters of an answer in words
	maxCount     = 1_000_000_000
)

var setCode = regexp.MustCompile(`^[a-z][a-z0-9_]{1,39}$`)

// check tells everything that is wrong with a set.
func (x QuestionSet) check() error {
	var p errs.Problems
	words := func(field string, w Wording) {
		for _, l := range text.Langs() {
			s := strings.TrimSpace(w[string(l)])
			switch {
			case s == "":
				p.Add(field+"."+string(l), "error.required")
			case !cleanLine(s):
				p.Add(field+"."+string(l), "error.characters")
			case utf8.RuneCountInString(s) > maxQuestion:
				p.Add(field+"."+string(l), "error.too_long", "most", maxQuestion)
			}
		}
	}
	if !setCode.MatchString(x.Code) {
		p.Add("code", "error.question.code")
	}
	words("title", x.Title)
	if len(x.Questions) == 0 {
		p.Add("questions", "error.required")
	}
	if len(x.Questions) > maxQuestions {
		p.Add("questions", "error.too_many", "most", maxQuestions)
		return p.Err()
	}
	seen := map[string]bool{}
	for i, q := range x.Questions {
		at := "questions." + strconv.Itoa(i)
		if !setCode.MatchString(q.Code) || seen[q.Code] {
			p.Add(at+".code", "error.question.code")
		}
		seen[q.Code] = true
		if !slices.Contains(QuestionKinds(), q.Kind) {
			p.Add(at+".kind", "error.choose")
		}
		words(at+".text", q.Text)
		switch {
		case q.Kind == Choice && len(q.Options) < 2:
			p.Add(at+".options", "error.question.options")
		case q.Kind != Choice && len(q.Options) > 0:
			p.Add(at+".options", "error.question.no_options")
		case len(q.Options) > maxOptions:
			p.Add(at+".options", "error.too_many", "most", maxOptions)
			continue
		}
		known := map[string]bool{}
		for j, o := range q.Options {
			if !setCode.MatchString(o.Code) || known[o.Code] {
				p.Add(at+".options."+strconv.Itoa(j)+".code", "error.question.code")
			}
			known[o.Code] = true
			words(at+".options."+strconv.Itoa(j)+".text", o.Text)
		}
	}
	return p.Err()
}

// cleanLine tells whether a text is one line of letters.
func cleanLine(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// Said is the answer to one question: a value, or that they have not looked yet. What was not answered at all has none.
type Said struct {
	Value     string `json:"value,omitempty"`
	NotLooked bool   `json:"not_looked,omitempty"`
}

// Answers are what was said, by the codes of the questions.
type Answers map[string]Said

// Reply is one time that a party answered typed questions.
type Reply struct {
	ID       int64
	Request  int64
	At       time.Time
	Road     string // correspondence.Channel
	By       string // name of who wrote, "" for a link
	Ours     bool   // one of us took it down
	Concerns bool   // false: they say that it does not concern them, and Whole is empty
	Given    Answers
	Whole    Answers // what holds after it: the newest word on each question
	Note     string
	Message  string // uid of the message of their thread in which it stands
}

// ReplyInput is what a party answers.
type ReplyInput struct {
	NotConcerned bool    `json:"not_concerned,omitempty"` // of the whole set; Answers then count for nothing
	Answers      Answers `json:"answers,omitempty"`
	Note         string  `json:"note,omitempty"`

	Reach correspondence.Reach `json:"-"` // how far it may go, of who signed in: nothing that is sealed to a link says it
}

// clean takes away what says nothing.
func (in ReplyInput) clean() ReplyInput {
	in.Note = strings.TrimSpace(in.Note)
	if in.NotConcerned {
		in.Answers = nil
		return in
	}
	kept := Answers{}
	for code, a := range in.Answers {
		a.Value = strings.TrimSpace(a.Value)
		if a.NotLooked {
			a.Value = ""
		}
		if a.NotLooked || a.Value != "" {
			kept[code] = a
		}
	}
	in.Answers = kept
	return in
}

// merge gives what holds after an answer.
func (in ReplyInput) merge(before Answers) Answers {
	if in.NotConcerned {
		return nil
	}
	out := maps.Clone(before)
	if out == nil {
		out = Answers{}
	}
	maps.Copy(out, in.Answers)
	return out
}

// Check tells what is wrong with an answer to the set, given what was answered before; fields are named after the questions.
func (x QuestionSet) Check(in ReplyInput, before Answers) error {
	in = in.clean()
	var p errs.Problems
	if !utf8.ValidString(in.Note) || strings.ContainsRune(in.Note, 0) {
		p.Add("note", "error.characters")
	} else if utf8.RuneCountInString(in.Note) > maxWords {
		p.Add("note", "error.too_long", "most", maxWords)
	}
	if in.NotConcerned {
		return p.Err()
	}
	if len(in.Answers) == 0 {
		p.Add("answers", "error.question.none")
	}
	whole := in.merge(before)
	for code := range in.Answers {
		if _, ok := x.Question(code); !ok {
			p.Add("answers", "error.choose")
		}
	}
	for _, q := range x.Questions {
		a, told := in.Answers[q.Code]
		if _, known := whole[q.Code]; !known && q.Required && len(in.Answers) > 0 {
			p.Add("answers."+q.Code, "error.question.required")
		}
		if told && !a.NotLooked {
			if key, args := q.wrong(a.Value); key != "" {
				p.Add("answers."+q.Code, key, args...)
			}
		}
	}
	return p.Err()
}

// wrong gives the catalogue key of what is wrong with a value, "" for nothing.
func (q Question) wrong(value string) (key string, args []any) {
	switch q.Kind {
	case YesNo:
		if value != "yes" && value != "no" && value != "unknown" {
			return "error.choose", nil
		}
	case Choice:
		if !slices.ContainsFunc(q.Options, func(o QuestionOption) bool { return o.Code == value }) {
			return "error.choose", nil
		}
	case Number:
		if n, err := strconv.Atoi(value); err != nil || n < 0 || n > maxCount || value != strconv.Itoa(n) {
			return "error.question.number", nil
		}
	case FreeText:
		if !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
			return "error.characters", nil
		}
		if utf8.RuneCountInString(value) > maxReply {
			return "error.too_long", []any{"most", maxReply}
		}
	case Day:
		if t, err := time.Parse(time.DateOnly, value); err != nil || t.Year() < 1970 || t.Year() > 2200 {
			return "error.question.date", nil
		}
	case Moment:
		if t, err := time.Parse(time.RFC3339, value); err != nil || t.Year() < 1970 || t.Year() > 2200 {
			return "error.question.moment", nil
		}
	}
	return "", nil
}

// SaidIn gives an answer as a person reads it.
func (q Question) SaidIn(p *text.Printer, a Said) string {
	if a.NotLooked {
		return p.T("common.answer.not_looked")
	}
	switch q.Kind {
	case YesNo:
		switch a.Value {
		case "yes":
			return p.T("common.answer.yes")
		case "no":
			return p.T("common.answer.no")
		}
		return p.T("common.answer.unknown")
	case Choice:
		for _, o := range q.Options {
			if o.Code == a.Value {
				return o.Text.In(string(p.Lang()))
			}
		}
	case Day:
		if t, err := time.ParseInLocation(time.DateOnly, a.Value, p.Zone()); err == nil {
			return p.Date(t)
		}
	case Moment:
		if t, err := time.Parse(time.RFC3339, a.Value); err == nil {
			return p.DateTime(t)
		}
	}
	return a.Value
}

// says tells whether anything but "not looked yet" was said.
func (a Answers) says() bool {
	for _, x := range a {
		if !x.NotLooked {
			return true
		}
	}
	return false
}
