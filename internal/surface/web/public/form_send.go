package public

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// check shows every answer before it is sent.
func (x *Public) check(v *page.Visit) error {
	w, ok, err := x.begun(v, nil)
	if err != nil {
		return err
	}
	if !ok {
		return x.lost(v, w.code)
	}
	if len(w.asked) == 0 && w.draft.Kind == "" {
		return x.to(v, x.order(w)[0])
	}
	return x.showCheck(v, w, nil, "", http.StatusOK)
}

// summary lists the answers of a form, part by part; change says whether they can still be changed.
func (x *Public) summary(v *page.Visit, w *writing, known law.Answers, change bool) ([]page.SummaryView, error) {
	var out []page.SummaryView
	typed := w.draft.Boxes
	for _, n := range x.parts(w) {
		at := x.at(pagePart(n)) + "?to=check"
		if !change {
			at = ""
		}
		title := v.P.T("public.part." + strconv.Itoa(n))
		if w.draft.Kind == vulnerability {
			title = v.P.T("public.vulnerability.part." + strconv.Itoa(n))
		}
		card := page.SummaryView{Title: title}
		add := func(a page.Answer) {
			if at != "" {
				a.Change = at
			}
			card.Rows = append(card.Rows, a)
		}
		if n == 1 && w.own != nil {
			for _, f := range x.ownFields(w) {
				card.Rows = append(card.Rows, page.Answer{Question: labelOf(v.P, f), Value: w.own.Known[f.Code]})
			}
		}
		for _, f := range x.questions(w, n) {
			add(page.Answer{Question: labelOf(v.P, f), Value: intake.AnswerWords(v.P, f, known[f.Code])})
		}
		for _, e := range extras(w, n) {
			a := page.Answer{Question: v.P.T("public.ask." + e)}
			switch e {
			case askBehalf:
				if a.Value = v.P.T("public.behalf.self"); slices.Contains(intake.Behalves, typed[e]) {
					a.Value = v.P.T("public.behalf." + typed[e])
				}
			case askAffected:
				names := affectedOf(typed[e])
				if a.Value = v.P.T("public.affected.none"); len(names) > 0 {
					a.Value = strings.Join(names, "\n")
				}
			case askOngoing:
				if slices.Contains(ongoings, typed[e]) {
					a.Value = v.P.T("public.report.ongoing." + typed[e])
				}
			case askPersonal:
				a.Value = intake.AnswerWords(v.P, law.Field{Kind: law.YesNo}, yesNo(typed[e]))
			case askLabel:
				a.TLP = labelled(typed)
				a.Value = tlpSentence(v.P, a.TLP)
			case askFiles:
				files, err := x.heldFiles(v, w.code)
				if err != nil {
					return nil, err
				}
				var names []string
				for _, f := range files {
					said := f.Name + " (" + v.P.Bytes(f.Size) + ")"
					if f.State != "" {
						if !change {
							continue // what is not whole is not sent
						}
						said += " – " + f.State
					}
					names = append(names, said)
				}
				if a.Value = v.P.T("public.files.none"); len(names) > 0 {
					a.Value = strings.Join(names, "\n")
				}
			}
			add(a)
		}
		out = append(out, card)
	}
	return out, nil
}

func yesNo(s string) string {
	if s == "yes" || s == "no" {
		return s
	}
	return law.Unknown
}

func labelled(typed map[string]string) string {
	if slices.Contains(tlpLevels(), typed[askLabel]) {
		return typed[askLabel]
	}
	return "AMBER"
}

func (x *Public) showCheck(v *page.Visit, w *writing, wrong []page.Problem, refused string, status int) error {
	known, _ := x.answers(v, w, 0) // what is wrong is told when it is sent: it may be looked at with holes
	cards, err := x.summary(v, w, known, true)
	if err != nil {
		return err
	}
	view := CheckView{FormPage: x.formPage(v, w, v.P.T("public.check.title", "what", w.heading(v.P)), x.ahead(w, pageCheck), pageCheck), What: w.heading(v.P), Cards: cards}
	view.Problems, view.Refused = wrong, refused
	view.Due = x.due(v, w)
	view.Recipients = x.recipients(v.P, w, known)
	view.Mandatory = w.mandatory()
	if view.Pointer = x.pointer(v.P, w.draft.Boxes[askPersonal]); w.draft.Next {
		view.Pointer = ""
	}
	if before, ok := w.before(); ok {
		view.Changed = x.changed(v.P, before, known)
		view.Correction = true
	}
	return v.ShowStatus(status, Check(view))
}

// recipients names who receives it by law beside us.
func (x *Public) recipients(p *text.Printer, w *writing, known law.Answers) []string {
	all := law.Answers{}
	if w.draft.Next {
		all = w.look.Known()
	}
	for code, a := range known {
		if a != law.Unknown {
			all[code] = a
		}
	}
	var out []string
	for _, a := range w.asked {
		for _, r := range a.set.Recipients {
			if len(r.Classes) > 0 && a.class != "" && !slices.Contains(r.Classes, a.class) || r.IfYes != "" && all[r.IfYes] != "yes" {
				continue
			}
			name := r.Name.In(string(p.Lang())) + " (" + a.set.Cites(r.Article) + ")"
			if len(r.Classes) > 0 && a.class == "" {
				name = p.T("public.recipient.if_class", "name", name, "class", className(p, a.set, r.Classes))
			}
			if !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out
}

func className(p *text.Printer, s law.Set, codes []string) string {
	var out []string
	for _, c := range s.Classes {
		if slices.Contains(codes, c.Code) {
			out = append(out, c.Name.In(string(p.Lang())))
		}
	}
	return strings.Join(out, ", ")
}

// pointer says to whom else personal data are told, when they may be affected.
func (x *Public) pointer(p *text.Printer, personal string) string {
	if personal != "yes" && personal != law.Unknown {
		return ""
	}
	for _, s := range x.Laws.Sets() {
		if s.Nature == law.Pointer {
			return s.About.In(string(p.Lang())) + " (" + s.Cites(s.Stages[0].Article) + ", " + x.when(p, s, s.Stages[0]) + ")"
		}
	}
	return ""
}

// submit sends the form: from then on it is frozen.
func (x *Public) submit(v *page.Visit) error {
	w, ok, err := x.posted(v, false)
	if err != nil || !ok {
		return err
	}
	defer w.form.close()
	switch {
	case len(w.asked) == 0 && w.draft.Kind == "":
		return x.to(v, x.order(w)[0])
	case x.language(v, w.form):
		return x.showCheck(v, w, nil, "", http.StatusOK)
	case w.form.get("act") == "later":
		return x.to(v, pageSaved)
	}
	known, wrong := x.answers(v, w, 0)
	if len(wrong) > 0 { // they lead to the page of the question
		for i := range wrong {
			wrong[i].At = x.pageOf(w, wrong[i].Field)
			if q := x.questionOf(v.P, w, wrong[i].Field); q != "" {
				wrong[i] = page.Problem{At: wrong[i].At, Text: v.P.T("public.check.problem", "question", q, "said", wrong[i].Text)}
			}
		}
		return x.showCheck(v, w, wrong, "", http.StatusUnprocessableEntity)
	}
	drop, err := x.dropOf(v, w, known)
	if err != nil {
		return err
	}
	if w.draft.Next && w.look.State == intake.StatusConcluded {
		return x.showCheck(v, w, nil, v.P.T("public.status.concluded"), http.StatusConflict)
	}
	if x.In != nil {
		return x.sendOwn(v, w, drop)
	}
	key, err := intake.PublicDropKey(v.Ctx(), x.DB)
	if err != nil {
		return err
	}
	_, err = intake.Store(v.Ctx(), x.DB, x.Clock, key, drop)
	if said := notNow(v, err); said != "" {
		return x.showCheck(v, w, nil, said, errs.Unavailable.HTTP())
	}
	if fields := errs.Fields(err); len(fields) > 0 {
		var all []page.Problem
		for _, f := range fields {
			all = append(all, page.ProblemOf(v.P, "check", f))
		}
		return x.showCheck(v, w, all, "", http.StatusUnprocessableEntity)
	}
	if err != nil {
		return err
	}
	if x.Wake != nil {
		x.Wake()
	}
	x.dropDraft(v)
	setCode(v, w.code)
	if w.draft.Next && w.draft.Completes != 0 && !w.look.Full {
		return v.See("/r/report?done=offered")
	}
	if w.draft.Next {
		return v.See("/r/report?done=stage")
	}
	to := url.Values{}
	if drop.Input.Body.Email != "" {
		to.Set("mail", "1")
	}
	if len(to) == 0 {
		return v.See("/r/received")
	}
	return v.See("/r/received?" + to.Encode())
}

// pageOf is the page that asks a control.
func (x *Public) pageOf(w *writing, control string) string {
	for _, n := range x.parts(w) {
		for _, name := range append(x.controls(w, n), extras(w, n)...) {
			if control == name || strings.HasPrefix(control, name+"-") || strings.HasPrefix(name, control+"-") {
				return x.at(pagePart(n)) + "?to=check#" + control
			}
		}
	}
	return ""
}

// questionOf is the question that a control answers.
func (x *Public) questionOf(p *text.Printer, w *writing, control string) string {
	for _, n := range x.parts(w) {
		for _, f := range x.questions(w, n) {
			if id := "q-" + f.Code; control == id || strings.HasPrefix(control, id+"-") {
				return labelOf(p, f)
			}
		}
		for _, e := range extras(w, n) {
			if strings.HasPrefix(control, e) {
				return p.T("public.ask." + e)
			}
		}
	}
	return ""
}

// dropOf is what the house gets.
func (x *Public) dropOf(v *page.Visit, w *writing, known law.Answers) (intake.Drop, error) {
	files, err := intake.KeptFiles(v.Ctx(), x.DB, v.Now, w.code)
	if err != nil {
		return intake.Drop{}, err
	}
	cards, err := x.summary(v, w, known, false)
	if err != nil {
		return intake.Drop{}, err
	}
	said := asWords(v.P, w.heading(v.P), cards)
	drop := intake.Drop{Code: w.code, Files: files, Text: said}
	if w.draft.Next {
		drop.Add, drop.Once = true, w.draft.Once
		drop.Later = &intake.Later{Filings: w.draft.Filings, Corrects: w.draft.Corrects, Completes: w.draft.Completes, Answers: known}
		if w.draft.Corrects != 0 {
			drop.Text = v.P.T("public.correction", "number", w.draft.Corrects) + "\n\n" + said
		}
		if w.draft.Completes != 0 {
			drop.Text = v.P.T("public.completion", "number", w.draft.Completes) + "\n\n" + said
		}
		return drop, nil
	}
	typed := w.draft.Boxes
	body := intake.Body{
		OrgText: told(known, "entity"), Name: told(known, "contact_name"), Email: told(known, "contact_email"), Phone: told(known, "contact_phone"),
		Ongoing: typed[askOngoing], Affected: affectedOf(typed[askAffected]), Fields: map[string]string{},
	}
	if slices.Contains(intake.Behalves, typed[askBehalf]) {
		body.Behalf = typed[askBehalf]
	}
	if slices.Contains(extras(w, lastPart), askPersonal) {
		body.Fields["personal_data"] = yesNo(typed[askPersonal])
	}
	words := told(known, w.essential())
	body.Description = words
	switch {
	case w.draft.Kind == vulnerability:
		body.Kind, body.Description = vulnerability, said
		body.Name, body.Email = told(known, "v_name"), told(known, "v_email")
	case w.voluntary("threat"):
		body.Kind = "threat"
	case w.voluntary("near_miss"):
		body.Kind = "near_miss"
	}
	body.Summary = firstLine(words)
	drop.Input = intake.ReceiveInput{Channel: correspondence.ByForm, Lang: string(v.P.Lang()), TLP: labelled(typed), Body: body, Filings: w.draft.Filings}
	if len(w.draft.Filings) > 0 {
		drop.Input.Answers = known
	}
	for code, into := range map[string]*time.Time{"aware_at": &drop.Input.AwareAt, "detected_at": &drop.Input.DetectedAt, "started_at": &drop.Input.OccurredAt} {
		if t, err := time.Parse(time.RFC3339, known[code]); err == nil {
			*into = t
		}
	}
	return drop, nil
}

func told(a law.Answers, code string) string {
	if a[code] == law.Unknown {
		return ""
	}
	return a[code]
}

// firstLine is what a list shows of a text.
func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	if line = strings.TrimSpace(line); utf8.RuneCountInString(line) > 120 {
		line = strings.TrimSpace(string([]rune(line)[:119])) + "…"
	}
	return line
}

// asWords is a form as text, for the thread of the report.
func asWords(p *text.Printer, heading string, cards []page.SummaryView) string {
	var b strings.Builder
	b.WriteString(heading)
	for _, c := range cards {
		b.WriteString("\n\n" + c.Title)
		for _, a := range c.Rows {
			value := a.Value
			if a.TLP != "" {
				value = "TLP:" + a.TLP
			}
			if value == "" {
				value = p.T("common.not_known_yet")
			}
			b.WriteString("\n\n" + a.Question + "\n" + value)
		}
	}
	return b.String()
}

// known tells whether a form is taken now from who holds the code of a draft or a report: the forms of the world never close the door to them.
func (x *Public) known(r *http.Request, code id.Secret) (wait time.Duration, ok bool) {
	if _, own := network(r); own || x.In != nil { // who is signed in is known
		return 0, true
	}
	return x.lanes().codes.Take(string(code.Hash()))
}
