package public

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// part shows the questions of one subject.
func (x *Public) part(v *page.Visit) error {
	w, n, err := x.partOf(v, nil)
	if err != nil || w == nil {
		return err
	}
	return x.showPart(v, w, n, nil, http.StatusOK)
}

// partOf gives the form and the part that the address names; nil when the visitor was sent elsewhere.
func (x *Public) partOf(v *page.Visit, w *writing) (*writing, int, error) {
	n, err := strconv.Atoi(v.R.PathValue("part"))
	if err != nil || n < 1 || n > lastPart {
		return nil, 0, errs.ErrNotFound
	}
	if w == nil {
		var ok bool
		if w, ok, err = x.begun(v, nil); err != nil || !ok {
			if err == nil {
				err = x.lost(v, w.code)
			}
			return nil, n, err
		}
	}
	if len(w.asked) == 0 && w.draft.Kind == "" { // what it is was not said yet
		return nil, n, x.to(v, x.order(w)[0])
	}
	if !slices.Contains(x.parts(w), n) {
		return nil, n, x.to(v, pageCheck)
	}
	return w, n, nil
}

// boxesOf are answers as they would be typed: a correction begins with what was handed in.
func (x *Public) boxesOf(known law.Answers) map[string]string {
	out := map[string]string{}
	for code, a := range known {
		f, ok := x.Laws.Field(code)
		if ok && f.Kind == law.Instant {
			if t, err := time.Parse(time.RFC3339, a); err == nil {
				t = t.In(x.Zone)
				out["q-"+code+"-day"], out["q-"+code+"-month"], out["q-"+code+"-year"], out["q-"+code+"-time"] = strconv.Itoa(t.Day()), strconv.Itoa(int(t.Month())), strconv.Itoa(t.Year()), t.Format("15:04")
			}
			continue
		}
		out["q-"+code] = a
	}
	return out
}

// controls are the names of what a part asks.
func (x *Public) controls(w *writing, part int) []string {
	var out []string
	for _, f := range x.questions(w, part) {
		if f.Kind == law.Instant {
			for _, box := range []string{"day", "month", "year", "time"} {
				out = append(out, "q-"+f.Code+"-"+box)
			}
			continue
		}
		out = append(out, "q-"+f.Code)
	}
	for _, e := range extras(w, part) {
		if e != askFiles {
			out = append(out, e)
		}
	}
	return out
}

// answers reads what was typed, of one part or, with 0, of all; what is wrong with it comes in the order of the form. An empty box is "not known yet".
func (x *Public) answers(v *page.Visit, w *writing, only int) (law.Answers, []page.Problem) {
	out := law.Answers{}
	var wrong []page.Problem
	typed := w.draft.Boxes
	for _, n := range x.parts(w) {
		if only != 0 && n != only {
			continue
		}
		for _, f := range x.questions(w, n) {
			a, said := x.answer(v, f, typed)
			if out[f.Code] = a; a == "" {
				out[f.Code] = law.Unknown
			}
			wrong = append(wrong, said...)
			if len(said) == 0 && f.Code == w.essential() && (a == "" || a == law.Unknown) {
				wrong = append(wrong, page.Problem{Field: "q-" + f.Code, Text: v.P.T("public.wrong.essential")})
			}
		}
		wrong = append(wrong, x.wrongExtras(v, w, n, typed)...)
	}
	if w.own != nil && only == 0 {
		maps.Copy(out, w.own.Known)
	}
	return out, wrong
}

// essential is the one question that a first report must answer: without it there is nothing to read.
func (w *writing) essential() string {
	switch {
	case w.draft.Next:
		return ""
	case w.draft.Kind == vulnerability:
		return "v_problem"
	case w.voluntary("threat") && len(w.asked) == 1:
		return "threat"
	}
	return "summary"
}

// answer reads one question.
func (x *Public) answer(v *page.Visit, f law.Field, typed map[string]string) (string, []page.Problem) {
	id := "q-" + f.Code
	if f.Kind == law.Instant {
		t, said := x.moment(v.P, id, [4]string{typed[id+"-day"], typed[id+"-month"], typed[id+"-year"], typed[id+"-time"]}, v.Now, f.Moment != "")
		if t.IsZero() || len(said) > 0 {
			return "", said
		}
		return t.UTC().Format(time.RFC3339), nil
	}
	a := typed[id]
	if f.Kind == law.Number {
		a = strings.NewReplacer(" ", "", "\u00a0", "", "\u202f", "").Replace(a)
	}
	if _, ok := x.Laws.Field(f.Code); !ok { // ours
		if len([]rune(a)) > law.MaxAnswer {
			return "", []page.Problem{{Field: id, Text: v.P.T("error.too_long", "most", law.MaxAnswer), Bare: true}}
		}
		return a, nil
	}
	var p errs.Problems
	x.Laws.Check(&p, law.Answers{f.Code: a}, v.Now)
	var said []page.Problem
	for _, problem := range p {
		said = append(said, page.ProblemOf(v.P, firstControl(f, id), problem))
	}
	if f.Code == "contact_email" && a != "" && len(said) == 0 {
		check := intake.ReceiveInput{Channel: correspondence.ByForm, Body: intake.Body{Summary: "x", Email: a}}
		for _, problem := range errs.Fields(intake.Validate(check, v.Now)) {
			said = append(said, page.ProblemOf(v.P, id, problem))
		}
	}
	if f.Kind == law.Line && len([]rune(a)) > intake.MaxShort {
		said = append(said, page.Problem{Field: id, Text: v.P.T("error.too_long", "most", intake.MaxShort), Bare: true})
	}
	return a, said
}

// firstControl is the id of the control that a problem leads to.
func firstControl(f law.Field, id string) string {
	switch f.Kind {
	case law.YesNo:
		return id + "-yes"
	case law.Choice:
		return id + "-" + f.Options[0].Code
	}
	return id
}

// moment reads four boxes; all empty is not known yet, and zero.
func (x *Public) moment(p *text.Printer, id string, boxes [4]string, now time.Time, past bool) (time.Time, []page.Problem) {
	if strings.Join(boxes[:], "") == "" {
		return time.Time{}, nil
	}
	var wrong []page.Problem
	number := func(box, s string, least, most int) int {
		n, err := strconv.Atoi(s)
		if err != nil || n < least || n > most {
			wrong = append(wrong, page.Problem{Field: id + "-" + box, Text: p.T("public.wrong." + box)})
		}
		return n
	}
	day, month, year := number("day", boxes[0], 1, 31), number("month", boxes[1], 1, 12), number("year", boxes[2], 2000, 2100)
	clock, err := time.Parse("15:04", strings.ReplaceAll(boxes[3], ".", ":"))
	if err != nil {
		wrong = append(wrong, page.Problem{Field: id + "-time", Text: p.T("public.wrong.time")})
	}
	if len(wrong) > 0 {
		return time.Time{}, wrong
	}
	t := time.Date(year, time.Month(month), day, clock.Hour(), clock.Minute(), 0, 0, x.Zone)
	if t.Day() != day {
		return t, []page.Problem{{Field: id + "-day", Text: p.T("public.wrong.day")}}
	}
	if past && t.After(now.Add(5*time.Minute)) {
		return t, []page.Problem{{Field: id + "-day", Text: p.T("public.wrong.future")}}
	}
	return t.UTC(), nil
}

// wrongExtras tells what is wrong with the questions that no law asks.
func (x *Public) wrongExtras(v *page.Visit, w *writing, part int, typed map[string]string) []page.Problem {
	var wrong []page.Problem
	for _, e := range extras(w, part) {
		switch e {
		case askOngoing:
			if !slices.Contains(ongoings, typed[e]) {
				wrong = append(wrong, page.Problem{Field: "ongoing-yes", Text: v.P.T("public.wrong.ongoing")})
			}
		case askBehalf:
			if b := typed[e]; b != "" && b != "self" && !slices.Contains(intake.Behalves, b) {
				wrong = append(wrong, page.Problem{Field: "behalf-self", Text: v.P.T("error.choice"), Bare: true})
			}
		case askAffected:
			check := intake.ReceiveInput{Channel: correspondence.ByForm, Body: intake.Body{Summary: "x", Affected: affectedOf(typed[e])}}
			for _, problem := range errs.Fields(intake.Validate(check, v.Now)) {
				wrong = append(wrong, page.ProblemOf(v.P, "affected", problem))
			}
		}
	}
	return wrong
}

var ongoings = []string{"yes", "contained", "no", "unknown"}

// affectedOf are names, one a line, each once.
func affectedOf(s string) []string {
	var out []string
	for line := range strings.Lines(s) {
		if name := strings.TrimSpace(line); name != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
		if len(out) > intake.MaxAffected {
			break
		}
	}
	return out
}

// answerPart keeps what was typed, and goes on when it can be taken.
func (x *Public) answerPart(v *page.Visit) error {
	w, ok, err := x.posted(v, true)
	if err != nil || !ok {
		return err
	}
	defer w.form.close()
	w, n, err := x.partOf(v, w)
	if err != nil || w == nil {
		return err
	}
	if w.form.get("website") != "" { // not kept, but shown again: a browser may have filled it in for a person
		for _, name := range x.controls(w, n) {
			w.draft.Boxes[name] = w.form.get(name)
		}
		return x.showPart(v, w, n, []page.Problem{{Field: "website", Text: v.P.T("public.wrong.trap")}}, http.StatusUnprocessableEntity)
	}
	err = x.keep(v, w, x.controls(w, n), func(d *intake.Draft) {
		d.Done = slices.DeleteFunc(d.Done, func(m int) bool { return m == n })
		w.draft = *d
		if _, said := x.answers(v, w, n); len(said) == 0 && w.form.get("act") != "later" {
			d.Done = append(d.Done, n)
		}
	})
	if errs.Is(err, errs.Limit) {
		for _, name := range x.controls(w, n) {
			w.draft.Boxes[name] = w.form.get(name)
		}
		return x.showPart(v, w, n, []page.Problem{{Field: "code", Text: page.SayField(v.P, errs.Field{Key: "error.draft_large"})}}, http.StatusUnprocessableEntity)
	}
	if err != nil {
		return err
	}
	wrong, err := x.keepPart(v, w, n)
	if err != nil {
		return err
	}
	switch {
	case x.language(v, w.form):
		return x.showPart(v, w, n, nil, http.StatusOK)
	case w.form.get("act") == "later":
		return x.to(v, pageSaved)
	}
	_, said := x.answers(v, w, n)
	if wrong = append(said, wrong...); len(wrong) > 0 {
		return x.showPart(v, w, n, wrong, http.StatusUnprocessableEntity)
	}
	if v.R.URL.Query().Get("to") == "check" {
		return x.to(v, pageCheck)
	}
	return x.to(v, x.after(w, pagePart(n)))
}

// keepPart sees to the files of a page: they were kept while they came, sealed with the form's code.
func (x *Public) keepPart(v *page.Visit, w *writing, part int) ([]page.Problem, error) {
	if !slices.Contains(extras(w, part), askFiles) {
		return nil, nil
	}
	if w.form.get("forget") != "" {
		if err := x.forgetFiles(v, w.code); err != nil {
			return nil, err
		}
	}
	if said := x.wrongFiles(v, w.form, ""); said != "" {
		return []page.Problem{{Field: "files", Text: said}}, nil
	}
	return nil, nil
}

// showPart shows the questions of a part with what was typed.
func (x *Public) showPart(v *page.Visit, w *writing, n int, wrong []page.Problem, status int) error {
	parts := x.parts(w)
	title := v.P.T("public.part." + strconv.Itoa(n))
	if w.draft.Kind == vulnerability {
		title = v.P.T("public.vulnerability.part." + strconv.Itoa(n))
	}
	action := pagePart(n)
	if v.R.URL.Query().Get("to") == "check" {
		action += "?to=check"
	}
	view := PartView{FormPage: x.formPage(v, w, title, x.ahead(w, pagePart(n)), action), PartOf: PartOf{w.heading(v.P), slices.Index(parts, n) + 1, len(parts)}}
	view.Problems = wrong
	typed := w.draft.Boxes
	for _, f := range x.questions(w, n) {
		q := page.QuestionView{Code: f.Code, ID: "q-" + f.Code, Kind: f.Kind, Label: labelOf(v.P, f), Hint: hintOf(v.P, f), Value: typed["q-"+f.Code], Auto: autocompletes[f.Code]}
		for i, box := range []string{"day", "month", "year", "time"} {
			q.Boxes[i] = typed[q.ID+"-"+box]
		}
		for _, o := range f.Options {
			q.Options = append(q.Options, page.OptionView{ID: q.ID + "-" + o.Code, Name: q.ID, Value: o.Code, Label: o.Name.In(string(v.P.Lang())), Checked: q.Value == o.Code})
		}
		q.Zone, q.Error, q.Wrong = v.P.ZoneName(), view.problem(q.ID), page.WrongBoxes(view.Problems, q.ID)
		view.Questions = append(view.Questions, q)
	}
	view.Extras = extras(w, n)
	view.Behalf, view.Affected, view.Ongoing, view.Personal, view.TLP = typed[askBehalf], typed[askAffected], typed[askOngoing], typed[askPersonal], typed[askLabel]
	if view.TLP == "" {
		view.TLP = "AMBER"
	}
	if slices.Contains(view.Extras, askFiles) {
		var err error
		if view.Kept, err = x.heldFiles(v, w.code); err != nil {
			return err
		}
		view.Uploads, view.PublicView.Uploads = x.at("/report/uploads"), true
		if view.In != nil {
			view.In.Uploads = true
		}
	}
	view.Due = x.due(v, w)
	return v.ShowStatus(status, Part(view))
}

var autocompletes = map[string]string{"entity": "organization", "contact_name": "name", "contact_email": "email", "contact_phone": "tel", "v_name": "name", "v_email": "email"}

func labelOf(p *text.Printer, f law.Field) string {
	if f.Label == nil {
		return p.T("public.vulnerability.q." + f.Code)
	}
	return f.Label.In(string(p.Lang()))
}

func hintOf(p *text.Printer, f law.Field) string {
	if f.Hint == nil {
		if key := "public.vulnerability.hint." + f.Code; f.Label == nil && p.Has(key) {
			return p.T(key)
		}
		return ""
	}
	return f.Hint.In(string(p.Lang()))
}

// due says when what is being handed in is due, as far as the answers so far tell.
func (x *Public) due(v *page.Visit, w *writing) []DueView {
	if w.draft.Next || x.Count == nil {
		return nil
	}
	known, _ := x.answers(v, w, 0)
	var out []DueView
	for _, a := range w.asked {
		owed := a.set.Owed(law.Case{Class: a.class, Facts: x.Laws.Facts(known), Known: known}, x.Count(a.set.Country))
		for _, o := range owed {
			if o.Code == a.stage.Code && o.State == law.Running && !o.Due.IsZero() {
				out = append(out, DueView{Stage: a.stage.Name.In(string(v.P.Lang())), At: o.Due, Late: v.Now.After(o.Limit), Left: o.Due.Sub(v.Now)})
			}
		}
	}
	return out
}

// vulnerabilityFields are what a report of a vulnerability asks; nothing in it has to be told by name.
func vulnerabilityFields(part int) []law.Field {
	f := func(code string, kind law.Kind) law.Field { return law.Field{Code: code, Part: part, Kind: kind} }
	switch part {
	case 1:
		return []law.Field{f("v_product", law.Line), f("v_version", law.Line), f("v_vendor", law.Line)}
	case 2:
		return []law.Field{f("v_problem", law.Lines), f("v_steps", law.Lines)}
	case 3:
		return []law.Field{f("v_effect", law.Lines), f("v_exploited", law.YesNo)}
	case 4:
		return []law.Field{f("v_told", law.YesNo), f("v_plans", law.Lines)}
	}
	return []law.Field{f("v_name", law.Line), f("v_email", law.Line)}
}
