package portal

import (
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// reportTabs are the lists of reports: one's own, those that somebody else made for the organisation, and what was passed on to an authority by law. Most
// organisations have the first alone.
func (d Deps) reportTabs(v *page.Visit) ([]page.Tab, error) {
	here := v.R.URL.Path
	tabs := []page.Tab{{Text: v.P.T("portal.passed.own"), Href: "/portal/reports", Count: -1, Here: here == "/portal/reports"}}
	cases, err := d.Intake.CasesOfUs(v.Ctx(), v.By, "", 1)
	if err != nil {
		return nil, err
	}
	if len(cases.Items) > 0 || here == "/portal/stages" {
		tabs = append(tabs, page.Tab{Text: v.P.T("portal.case.list"), Href: "/portal/stages", Count: -1, Here: here == "/portal/stages"})
	}
	passed, err := d.Intake.PassedToUs(v.Ctx(), v.By, "", 1)
	if err != nil {
		return nil, err
	}
	if len(passed.Items) > 0 || here == "/portal/passed" {
		tabs = append(tabs, page.Tab{Text: v.P.T("portal.passed.title"), Href: "/portal/passed", Count: -1, Here: here == "/portal/passed"})
	}
	if len(tabs) == 1 {
		return nil, nil
	}
	return tabs, nil
}

func passedChip(v *page.Visit, f intake.Forward) page.ChipView {
	if f.ConfirmedAt.IsZero() {
		return page.ChipView{Text: v.P.T("portal.passed.unconfirmed"), Kind: "warn"}
	}
	return page.ChipView{Text: v.P.T("portal.passed.confirmed", "when", f.ConfirmedAt), Kind: "ok", Icon: "check"}
}

func passedTitle(v *page.Visit, f intake.Forward) string {
	for _, m := range f.Messages() {
		if m.UID == f.Message && m.Body.Subject != "" {
			return m.Body.Subject
		}
	}
	return v.P.T("portal.passed.untitled")
}

// passed lists what was passed on to the organisation because a law names it.
func (d Deps) passed(v *page.Visit) error {
	list, err := d.Intake.PassedToUs(v.Ctx(), v.By, v.R.URL.Query().Get("after"), 50)
	if err != nil {
		return err
	}
	view := ListView{PortalView: d.frame(v, "reports", v.P.T("portal.passed.title")), Lead: v.P.T("portal.passed.lead"), Next: nextPage(v, list.Next)}
	if view.Tabs, err = d.reportTabs(v); err != nil {
		return err
	}
	for _, f := range list.Items {
		view.Items = append(view.Items, Item{Icon: "send", Title: passedTitle(v, f), Href: "/portal/passed/" + f.UID, When: f.SentAt, Chips: []page.ChipView{passedChip(v, f)}})
	}
	view.Empty = page.EmptyView{Icon: "inbox", Title: v.P.T("portal.passed.none"), Note: v.P.T("portal.passed.none.note")}
	return v.Show(List(view))
}

// passedOne shows one of them; to open it is to have read it (rule W2).
func (d Deps) passedOne(v *page.Visit) error {
	f, err := d.Intake.ReadPassed(v.Ctx(), v.By, v.R.PathValue("forward"))
	if err != nil {
		return err
	}
	view := PassedView{PortalView: d.frame(v, "reports", passedTitle(v, f)), State: passedChip(v, f), Sent: f.SentAt}
	var letters []correspondence.Message
	for _, m := range f.Messages() {
		letters = append(letters, m)
		if m.UID == f.Message {
			view.TLP = m.TLP.Name()
		}
	}
	if view.Letters, err = d.saidOf(v, letters); err != nil {
		return err
	}
	if f.ConfirmedAt.IsZero() {
		view.Confirm = "/portal/passed/" + f.UID
	}
	return v.Show(Passed(view))
}

func (d Deps) confirmPassed(v *page.Visit) error {
	if err := d.Intake.ConfirmPassed(v.Ctx(), v.By, v.R.PathValue("forward")); err != nil {
		return err
	}
	return v.See("/portal/passed/" + v.R.PathValue("forward") + "?done=received")
}
