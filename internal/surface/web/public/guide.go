package public

import (
	"net/http"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

const pageGuides = "/report/significance"

// guidesHere are the guided tests of significance that count in the team's country.
func (x *Public) guidesHere() []law.Threshold {
	var out []law.Threshold
	for _, t := range x.Laws.Thresholds() {
		if t.Country == "EU" || strings.EqualFold(t.Country, x.Country) {
			out = append(out, t)
		}
	}
	return out
}

// guides lets choose among the guides, or leads to the only one.
func (x *Public) guides(v *page.Visit) error {
	all := x.guidesHere()
	switch len(all) {
	case 0:
		return errs.ErrNotFound
	case 1:
		return x.to(v, pageGuides+"/"+all[0].Code)
	}
	w, ok, err := x.begun(v, nil)
	if err != nil {
		return err
	}
	view := GuidesView{FormPage: x.guidePage(v, w, ok, v.P.T("public.guide.title"), pageGuides)}
	for _, t := range all {
		view.Guides = append(view.Guides, GuideLink{t.Name.In(string(v.P.Lang())), t.About.In(string(v.P.Lang())), x.at(pageGuides + "/" + t.Code)})
	}
	return v.Show(Guides(view))
}

// guidePage is what stands around a guide. Its way back leads into the form that was begun, where what was typed is kept.
func (x *Public) guidePage(v *page.Visit, w *writing, begun bool, title, action string) FormPage {
	f := x.formPage(v, w, title, "", action)
	f.Hidden, f.Later, f.Code, f.Unread = nil, false, "", true
	f.Back = x.at("/report")
	switch {
	case begun && w.draft.Boxes["what"] == whatDuty:
		f.Back = x.at(pageStage)
	case begun:
		f.Back = x.at(pageWhat)
	}
	return f
}

// guide asks what decides whether an incident is significant.
func (x *Public) guide(v *page.Visit) error {
	return x.showGuide(v, func(string) string { return "" }, false)
}

// judge answers, with its reasons. Nothing is kept, and what was typed stands in no address.
func (x *Public) judge(v *page.Visit) error {
	f, err := x.read(v, nil)
	if err != nil {
		return err
	}
	defer f.close()
	x.language(v, f)
	return x.showGuide(v, f.get, true)
}

func (x *Public) showGuide(v *page.Visit, typed func(string) string, answer bool) error {
	for _, t := range x.guidesHere() {
		if t.Code != v.R.PathValue("guide") {
			continue
		}
		w, ok, err := x.begun(v, nil)
		if err != nil {
			return err
		}
		view := GuidePageView{FormPage: x.guidePage(v, w, ok, t.Name.In(string(v.P.Lang())), pageGuides+"/"+t.Code), Guide: page.NewGuide(v.P, t, typed), Answered: answer, Begun: ok}
		view.Voluntary = x.at(pageWhat)
		status := http.StatusOK
		if view.Problems = view.Guide.Wrong; len(view.Problems) > 0 {
			view.Answered, status = false, http.StatusUnprocessableEntity
		}
		return v.ShowStatus(status, GuidePage(view))
	}
	return errs.ErrNotFound
}
