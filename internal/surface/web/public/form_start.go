package public

import (
	"net/http"
	"slices"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/retain"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

const unsentFor = retain.UnsentFor

// whatDuty is the answer that a law obliges; the others are the stages of a voluntary report.
const whatDuty = "duty"

const voluntarySet = "eu-nis2-voluntary"

// start says for whom the form is, what is needed, the deadlines, and how to go on with a code.
func (x *Public) start(v *page.Visit) error {
	if other := reportKind(v.R.URL.Query().Get("kind")); other != "" {
		return v.See(reportPath(other))
	}
	view := StartView{PublicView: x.frame(v, "report", v.P.T("public.report.title")), Gone: v.R.URL.Query().Get("gone") == "1", Days: int(unsentFor.Hours() / 24)}
	w, ok, err := x.begun(v, nil)
	if err != nil {
		return err
	}
	if ok {
		view.Resume = x.at(x.resume(w))
	}
	view.Begin, view.Short, view.Guide = x.at(pageWhat), "/report/short", x.at(pageGuides)
	if x.In != nil {
		view.In, view.Short = x.In.frame(v, view.Title), x.In.Short
	}
	for _, set := range x.Laws.Offered(x.Country) {
		s := DeadlineList{Name: set.Name.In(string(v.P.Lang())), Law: set.LawIn(string(v.P.Lang())), Unconfirmed: !set.Sure()}
		for _, stage := range set.Stages {
			if stage.Need == law.Always && len(stage.After) == 0 && !stage.Within.Zero() {
				s.Rows = append(s.Rows, page.Answer{Question: stage.Name.In(string(v.P.Lang())), Value: x.when(v.P, set, stage)})
			}
		}
		view.Laws = append(view.Laws, s)
	}
	return v.Show(Start(view))
}

// when says in words when a stage is due.
func (x *Public) when(p *text.Printer, set law.Set, stage law.Stage) string {
	within := periodWords(p, stage.Within)
	if stage.Starts.Stage != "" {
		before, _ := set.Stage(stage.Starts.Stage)
		return p.T("public.start.after_stage", "period", within, "stage", before.Name.In(string(p.Lang())))
	}
	return p.T("public.start.from."+string(stage.Starts.Moment), "period", within)
}

func periodWords(p *text.Printer, x law.Period) string {
	switch {
	case x.Elapsed > 0:
		return p.N("desk.rules.period.hours", int(x.Elapsed.Hours()))
	case x.Months > 0:
		return p.N("desk.rules.period.months", x.Months)
	case x.WorkingDays > 0:
		return p.N("desk.rules.period.working_days", x.WorkingDays)
	}
	return p.N("desk.rules.period.days", x.Days)
}

// resume is the first page that was not answered.
func (x *Public) resume(w *writing) string {
	for _, path := range x.order(w) {
		if !x.answered(w, path) {
			return path
		}
	}
	return pageCheck
}

// answered tells whether a page was answered before.
func (x *Public) answered(w *writing, path string) bool {
	switch path {
	case pageWhat:
		return w.draft.Boxes["what"] != ""
	case pageStage:
		return len(w.draft.Filings) > 0
	case pageCheck:
		return false
	}
	return slices.ContainsFunc(w.draft.Done, func(n int) bool { return pagePart(n) == path })
}

// what asks which kind of report it is. A form that was begun goes on.
func (x *Public) what(v *page.Visit) error {
	w, ok, err := x.begun(v, nil)
	if err != nil {
		return err
	}
	if !ok || w.draft.Next || w.draft.Kind != "" {
		w = &writing{code: id.NewCode(), own: w.own}
	}
	return x.showWhat(v, w, nil, "", http.StatusOK)
}

func (x *Public) showWhat(v *page.Visit, w *writing, wrong []page.Problem, refused string, status int) error {
	view := WhatView{FormPage: x.formPage(v, w, v.P.T("public.what.title"), "/report", pageWhat)}
	view.Later, view.Problems, view.Refused = false, wrong, refused
	chosen := w.draft.Boxes["what"]
	lang := string(v.P.Lang())
	if sets := x.Laws.Offered(x.Country); len(sets) > 0 {
		var laws []string
		for _, s := range sets {
			laws = append(laws, s.LawIn(lang))
		}
		view.Options = append(view.Options, page.OptionView{ID: "what-duty", Name: "what", Value: whatDuty, Label: v.P.T("public.what.duty"), Hint: strings.Join(laws, ", "), Checked: chosen == whatDuty})
	}
	if set, err := x.Laws.Set(voluntarySet); err == nil {
		for _, s := range set.Stages {
			view.Options = append(view.Options, page.OptionView{
				ID: "what-" + s.Code, Name: "what", Value: s.Code, Label: v.P.T("public.what." + s.Code), Hint: s.Hint.In(lang), Checked: chosen == s.Code,
			})
		}
	}
	return v.ShowStatus(status, What(view))
}

// chooseWhat begins a form, or changes what it is.
func (x *Public) chooseWhat(v *page.Visit) error {
	f, err := x.read(v, nil)
	if err != nil {
		return err
	}
	defer f.close()
	w, ok, err := x.begun(v, f)
	if err != nil {
		return err
	}
	if !ok {
		if !id.Valid(w.code.Reveal()) {
			w.code = id.NewCode()
		}
		w.draft.Boxes = map[string]string{"what": f.get("what")}
	}
	if x.language(v, f) {
		return x.showWhat(v, w, nil, "", http.StatusOK)
	}
	if f.get("act") == "guide" && f.get("what") == "" {
		return x.to(v, pageGuides)
	}
	if f.get("website") != "" {
		return x.showWhat(v, w, []page.Problem{{Field: "website", Text: v.P.T("public.wrong.trap")}}, "", http.StatusUnprocessableEntity)
	}
	wait, may := x.may(v.R)
	if ok {
		wait, may = x.known(v.R, w.code)
	}
	if !may {
		return x.showWhat(v, w, nil, x.tooMany(v, "public.limit.form", wait).Text, http.StatusTooManyRequests)
	}
	chosen := f.get("what")
	var filings []intake.Filing
	if set, err := x.Laws.Set(voluntarySet); err == nil {
		if stage, ok := set.Stage(chosen); ok {
			filings = []intake.Filing{{Set: set.Code, Stage: stage.Code}}
		}
	}
	duty := chosen == whatDuty && len(x.Laws.Offered(x.Country)) > 0
	if !duty && filings == nil {
		return x.showWhat(v, w, []page.Problem{{Field: "what-" + whatDuty, Text: v.P.T("public.wrong.what")}}, "", http.StatusUnprocessableEntity)
	}
	err = x.keep(v, w, []string{"what"}, func(d *intake.Draft) {
		w.own.begin(d)
		if d.Next, d.Corrects, d.Kind = false, 0, ""; !duty || len(d.Filings) > 0 && d.Filings[0].Set == voluntarySet {
			d.Filings = filings
		}
	})
	if said := notNow(v, err); said != "" {
		return x.showWhat(v, w, nil, said, errs.Unavailable.HTTP())
	}
	if err != nil {
		return err
	}
	if f.get("act") == "guide" {
		return x.to(v, pageGuides)
	}
	return x.to(v, x.after(w, pageWhat))
}

// stage asks which stage is handed in under each law that is offered, and what kind of entity it is.
func (x *Public) stage(v *page.Visit) error {
	w, ok, err := x.begun(v, nil)
	if err != nil {
		return err
	}
	if !ok || w.draft.Boxes["what"] != whatDuty {
		return x.lost(v, w.code)
	}
	return x.showStage(v, w, nil, http.StatusOK)
}

// firstStages are those that a report may begin with.
func firstStages(s law.Set) []law.Stage {
	return slices.DeleteFunc(slices.Clone(s.Stages), func(x law.Stage) bool {
		return x.Need != law.Always && x.Need != law.WhenNeeded || len(x.After) > 0
	})
}

func (x *Public) showStage(v *page.Visit, w *writing, wrong []page.Problem, status int) error {
	view := StageChoice{FormPage: x.formPage(v, w, v.P.T("public.stage_choice.title"), pageWhat, pageStage)}
	view.Problems = wrong
	lang := string(v.P.Lang())
	sets := x.Laws.Offered(x.Country)
	for _, set := range sets {
		q := LawChoice{Set: set.Code, Title: set.LawIn(lang), About: set.About.In(lang)}
		chosen := w.draft.Boxes["stage-"+set.Code]
		for i, s := range firstStages(set) {
			hint := s.Hint.In(lang)
			if !s.Within.Zero() {
				hint = x.when(v.P, set, s) + ". " + hint
			}
			q.Stages = append(q.Stages, page.OptionView{
				ID: "stage-" + set.Code + "-" + s.Code, Name: "stage-" + set.Code, Value: s.Code, Label: s.Name.In(lang), Hint: hint, Checked: chosen == s.Code || chosen == "" && i == 0 && len(sets) == 1,
			})
		}
		if len(sets) > 1 {
			q.Stages = append(q.Stages, page.OptionView{ID: "stage-" + set.Code + "-none", Name: "stage-" + set.Code, Value: "none", Label: v.P.T("public.stage_choice.none"), Checked: chosen == "none" || chosen == ""})
		}
		class := w.draft.Boxes["class-"+set.Code]
		for _, c := range set.Classes {
			q.Classes = append(q.Classes, page.OptionView{ID: "class-" + set.Code + "-" + c.Code, Name: "class-" + set.Code, Value: c.Code, Label: c.Name.In(lang), Checked: class == c.Code})
		}
		if len(q.Classes) > 0 {
			q.Classes = append(q.Classes, page.OptionView{ID: "class-" + set.Code + "-unknown", Name: "class-" + set.Code, Value: law.Unknown, Label: v.P.T("public.unknown"), Checked: class == law.Unknown || class == ""})
		}
		view.Laws = append(view.Laws, q)
	}
	return v.ShowStatus(status, StagePage(view))
}

func (x *Public) chooseStage(v *page.Visit) error {
	w, ok, err := x.posted(v, false)
	if err != nil || !ok {
		return err
	}
	defer w.form.close()
	var controls []string
	var filings []intake.Filing
	sets := x.Laws.Offered(x.Country)
	for _, set := range sets {
		controls = append(controls, "stage-"+set.Code, "class-"+set.Code)
		stage, class := w.form.get("stage-"+set.Code), w.form.get("class-"+set.Code)
		if !slices.ContainsFunc(firstStages(set), func(s law.Stage) bool { return s.Code == stage }) {
			continue
		}
		if !slices.ContainsFunc(set.Classes, func(c law.Class) bool { return c.Code == class }) {
			class = ""
		}
		filings = append(filings, intake.Filing{Set: set.Code, Stage: stage, Class: class})
	}
	if err := x.keep(v, w, controls, func(d *intake.Draft) {
		if len(filings) > 0 {
			d.Filings = filings
		}
	}); err != nil {
		return err
	}
	switch {
	case x.language(v, w.form):
		return x.showStage(v, w, nil, http.StatusOK)
	case w.form.get("act") == "later":
		return x.to(v, pageSaved)
	case w.form.get("act") == "guide":
		return x.to(v, pageGuides)
	case len(filings) == 0:
		return x.showStage(v, w, []page.Problem{{Field: "stage-" + sets[0].Code, Text: v.P.T("public.wrong.stage")}}, http.StatusUnprocessableEntity)
	}
	return x.to(v, x.after(w, pageStage))
}

// saved shows the code with which the form can be gone on with.
func (x *Public) saved(v *page.Visit) error {
	w, ok, err := x.begun(v, nil)
	if err != nil {
		return err
	}
	if !ok {
		return x.lost(v, w.code)
	}
	unlisted(v)
	return v.Show(Saved(x.formPage(v, w, v.P.T("public.saved.title"), "", x.resume(w))))
}

// vulnerabilityStart says what we promise who reports a vulnerability.
func (x *Public) vulnerabilityStart(v *page.Visit) error {
	return x.showVulnerability(v, nil, "", http.StatusOK)
}

func (x *Public) showVulnerability(v *page.Visit, wrong []page.Problem, refused string, status int) error {
	w := &writing{code: id.NewCode(), draft: intake.Draft{Kind: vulnerability}}
	view := VulnerabilityView{FormPage: x.formPage(v, w, v.P.T("public.vulnerability.title"), "", "/vulnerability"), Days: int(unsentFor.Hours() / 24)}
	view.Later, view.Problems, view.Refused = false, wrong, refused
	return v.ShowStatus(status, VulnerabilityStart(view))
}

// beginVulnerability begins such a report. What was begun under the code of the page goes on.
func (x *Public) beginVulnerability(v *page.Visit) error {
	f, err := x.read(v, nil)
	if err != nil {
		return err
	}
	defer f.close()
	switch {
	case x.language(v, f):
		return x.showVulnerability(v, nil, "", http.StatusOK)
	case f.get("website") != "":
		return x.showVulnerability(v, []page.Problem{{Field: "website", Text: v.P.T("public.wrong.trap")}}, "", http.StatusUnprocessableEntity)
	}
	if wait, ok := x.may(v.R); !ok {
		return x.showVulnerability(v, nil, x.tooMany(v, "public.limit.form", wait).Text, http.StatusTooManyRequests)
	}
	w := &writing{code: id.SecretOf(f.get("code")), form: f}
	if !id.Valid(w.code.Reveal()) {
		w.code = id.NewCode()
	}
	err = x.keep(v, w, nil, func(d *intake.Draft) { d.Kind = vulnerability })
	if said := notNow(v, err); said != "" {
		return x.showVulnerability(v, nil, said, errs.Unavailable.HTTP())
	}
	if err != nil {
		return err
	}
	return v.See(pagePart(1))
}
