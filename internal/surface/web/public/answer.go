package public

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// A letter that asks is answered here by who holds its link. Opening it looks and nothing more (rule I8): what is answered is posted, goes sealed into
// the box, and the house does it.

// answerCookie carries the code of a letter's link after it was exchanged for a clean address; it ends with the browser's session.
const answerCookie = "answer"

const answerAt = "/a/letter"

func answerCode(r *http.Request) (id.Secret, bool) {
	c, err := r.Cookie(answerCookie)
	if err != nil || !id.Valid(c.Value) {
		return id.Secret{}, false
	}
	return id.SecretOf(c.Value), true
}

// openLetter takes the code out of the address at once (rule I9). It looks nothing up, so it tells nothing.
func (x *Public) openLetter(v *page.Visit) error {
	unlisted(v)
	code := strings.ToLower(v.R.PathValue("code"))
	if !id.Valid(code) {
		return errs.ErrNotFound
	}
	http.SetCookie(v.W, &http.Cookie{Name: answerCookie, Value: code, Path: "/a", HttpOnly: true, Secure: secure(v.R), SameSite: http.SameSiteLaxMode})
	return v.See(answerAt)
}

// lookLetter opens the letter whose code the visitor holds. What it does not open is gone, or never was: the page says what to do.
func (x *Public) lookLetter(v *page.Visit) (id.Secret, coordination.LinkView, error) {
	code, ok := answerCode(v.R)
	if !ok {
		return code, coordination.LinkView{}, errs.ErrNotFound
	}
	look, err := coordination.LookLink(v.Ctx(), x.DB, code)
	if errs.Is(err, errs.NotFound) {
		if err := x.guessed(v); err != nil {
			return code, look, err
		}
	}
	return code, look, err
}

func (x *Public) letter(v *page.Visit) error {
	_, look, err := x.lookLetter(v)
	if errs.Is(err, errs.NotFound) {
		return x.letterEnded(v)
	}
	if err != nil {
		return err
	}
	return x.showLetter(v, look, answered{}, http.StatusOK)
}

func (x *Public) letterEnded(v *page.Visit) error {
	unlisted(v)
	return v.ShowStatus(http.StatusNotFound, LetterEnded(LetterEndedView{PublicView: x.frame(v, "", v.P.T("public.letter.ended"))}))
}

// answered is what was chosen and typed, and what is wrong with it.
type answered struct {
	act              coordination.LinkAct
	measures         []string
	day, month, year string
	note             string
	typed            *page.TypedForm
	problems         []page.Problem
}

func (x *Public) showLetter(v *page.Visit, look coordination.LinkView, in answered, status int) error {
	unlisted(v)
	p := v.P
	view := LetterView{
		PublicView: x.frame(v, "", p.T("public.letter.title")), Reference: look.Reference, TLP: look.TLP, Asked: look.AskedAt, Due: look.DueAt, Text: look.Text,
		Action: answerAt, Hidden: []page.Hid{{Name: "once", Value: id.New()}}, Problems: in.problems, Act: string(in.act), Day: in.day, Month: in.month, Year: in.year, Note: in.note,
	}
	if !look.DueAt.IsZero() && !look.Answered && look.Asks || slices.ContainsFunc(look.Measures, func(m coordination.LinkMeasure) bool { return m.State.Owed() }) {
		view.Clock = &page.ClockView{Start: look.AskedAt, Due: look.DueAt, Now: v.Now}
	}
	if v.R.URL.Query().Get("done") == "said" {
		view.Done = p.T("public.letter.received")
	}
	for _, m := range look.Measures {
		y := LetterMeasure{UID: m.UID, Title: m.Title, Text: m.Text, State: page.ChipView{Text: p.T("common.measure." + string(m.State)), Kind: measureKind(m.State)}}
		if m.State == coordination.Planned && !m.PlannedFor.IsZero() {
			y.Planned = p.T("public.letter.planned", "when", p.Date(m.PlannedFor))
		}
		y.Can = m.State.Owed() || m.State == coordination.Declined
		y.Checked = slices.Contains(in.measures, m.UID)
		view.Measures = append(view.Measures, y)
	}
	for _, a := range look.Acts() {
		if a != coordination.ActWords { // words are typed
			view.Acts = append(view.Acts, string(a))
		}
	}
	if look.Set != nil {
		set := coordination.QuestionSet{Title: look.Set.Title, Questions: look.Set.Questions}
		if view.Typed = in.typed; view.Typed == nil {
			form := page.NewTyped(p, "q-", set, nil, false)
			form.Quiet = true
			view.Typed = &form
		}
		for i, a := range look.Replies {
			y := LetterReply{When: p.DateTime(a.At)}
			if a.Reply != nil && i == 0 {
				y.Said = page.TypedAnswers(p, set, a.Reply.Answers, !a.Reply.NotConcerned)
			}
			view.Replies = append(view.Replies, y)
		}
	} else if look.Asks && look.Answered {
		view.Answered = true
	}
	return v.ShowStatus(status, Letter(view))
}

func measureKind(s coordination.MeasureState) string {
	switch s {
	case coordination.Done, coordination.Verified:
		return "ok"
	case coordination.Declined:
		return "high"
	case coordination.Planned, coordination.Acknowledged:
		return "info"
	}
	return ""
}

// answerLetter takes what was chosen about the letter, or what was answered to its questions.
func (x *Public) answerLetter(v *page.Visit) error {
	code, look, err := x.lookLetter(v)
	if errs.Is(err, errs.NotFound) {
		return x.letterEnded(v)
	}
	if err != nil {
		return err
	}
	wait, ok := x.known(v.R, code)
	f, err := x.read(v, nil)
	if err != nil {
		return err
	}
	defer f.close()
	typed, in := x.linkInput(v, f, look)
	if l := text.Lang(f.get("lang")); x.Text.Has(l) { // the language was changed: nothing typed is lost
		x.speak(v, l)
		typed, _ = x.linkInput(v, f, look)
		return x.showLetter(v, look, typed, http.StatusOK)
	}
	if !ok {
		typed.problems = []page.Problem{{Field: "note", Text: x.tooMany(v, "public.limit.form", wait).Text}}
		return x.showLetter(v, look, typed, http.StatusTooManyRequests)
	}
	if err := look.Check(in, v.Now); err != nil {
		if len(errs.Fields(err)) == 0 {
			return err
		}
		typed.problems = x.linkProblems(v, &typed, look, err)
		return x.showLetter(v, look, typed, http.StatusUnprocessableEntity)
	}
	key, err := intake.PublicDropKey(v.Ctx(), x.DB)
	if err != nil {
		return err
	}
	once := f.get("once")
	if !id.Valid(once) {
		once = id.New()
	}
	if err := intake.StoreReply(v.Ctx(), x.DB, x.Clock, key, code, once, in); err != nil {
		if said := notNow(v, err); said != "" {
			typed.problems = []page.Problem{{Field: "note", Text: said}}
			return x.showLetter(v, look, typed, errs.Unavailable.HTTP())
		}
		return err
	}
	if x.Wake != nil {
		x.Wake()
	}
	return v.See(answerAt + "?done=said")
}

// linkInput reads the form: answers to the questions, an act, or both; words alone are a message.
func (x *Public) linkInput(v *page.Visit, f *form, look coordination.LinkView) (answered, coordination.LinkInput) {
	get := func(name string) string { return strings.ReplaceAll(f.values.Get(name), "\r\n", "\n") }
	a := answered{
		act: coordination.LinkAct(f.get("act")), measures: f.values["measure"], day: f.get("planned-day"), month: f.get("planned-month"), year: f.get("planned-year"), note: get("note"),
	}
	in := coordination.LinkInput{Act: a.act, Note: a.note}
	if look.Set != nil {
		form := page.NewTyped(v.P, "q-", coordination.QuestionSet{Title: look.Set.Title, Questions: look.Set.Questions}, nil, false)
		reply := form.Read(get, x.Zone)
		if form.Quiet = true; reply.NotConcerned || len(reply.Answers) > 0 {
			in.Reply = &reply
		}
		a.typed = &form
	}
	switch {
	case in.Act == coordination.ActFixed, in.Act == coordination.ActWorking:
		in.Measures = a.measures
		if in.Act == coordination.ActWorking {
			in.PlannedFor = x.dayOf(a.day, a.month, a.year)
		}
	case in.Act == "" && in.Reply != nil:
		in.Reply.Note, in.Note = a.note, ""
	case in.Act == "" && strings.TrimSpace(a.note) != "":
		in.Act = coordination.ActWords
	}
	return a, in
}

// dayOf gives the end of a day, the zero time for what is none.
func (x *Public) dayOf(day, month, year string) time.Time {
	d, err1 := strconv.Atoi(day)
	m, err2 := strconv.Atoi(month)
	y, err3 := strconv.Atoi(year)
	if err1 != nil || err2 != nil || err3 != nil || y < 2000 || y > 2200 {
		return time.Time{}
	}
	t := time.Date(y, time.Month(m), d, 0, 0, 0, 0, x.Zone)
	if t.Day() != d || int(t.Month()) != m {
		return time.Time{}
	}
	return t.AddDate(0, 0, 1).Add(-time.Second).UTC()
}

func (x *Public) linkProblems(v *page.Visit, a *answered, look coordination.LinkView, err error) []page.Problem {
	var out []page.Problem
	if a.typed != nil {
		out = a.typed.Wrong(v.P, err)
	}
	for _, f := range errs.Fields(err) {
		at, said := f.Name, page.SayField(v.P, f)
		if strings.HasPrefix(at, "answers") {
			continue
		}
		switch f.Name {
		case "act":
			at = "act-" + string(look.Acts()[0])
		case "planned_for":
			at = "planned-day"
			if f.Key == "error.required" {
				said = v.P.T("public.letter.day")
			}
		case "measures":
			if len(look.Measures) > 0 {
				at = "measure-0"
			}
		case "note":
			if f.Key == "error.required" {
				said = v.P.T("public.letter.words")
			}
		}
		out = append(out, page.Problem{Field: at, Text: said})
	}
	return out
}
