package desk

import (
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// askRule shows how many days before its year is over an organisation is asked whether its entry is still right.
func (d *Desk) askRule(v *page.Visit) error {
	r, err := d.Constituency.AskRuleNow(v.Ctx(), d.DB)
	if err != nil {
		return err
	}
	return d.showAskRule(v, r, strconv.Itoa(r.Days), nil)
}

func (d *Desk) showAskRule(v *page.Visit, was constituency.AskRule, typed string, wrong error) error {
	last, err := d.lastChange(v, constituency.VerbAskRule)
	if err != nil {
		return err
	}
	p := v.P
	list, bad := problems(p, wrong, nil)
	view := d.adminView(v, p.T("desk.confirm.title"), "", aboutSetting(p, settingNote{p.T("desk.confirm.effect"), p.T("desk.confirm.usual"), last}),
		adminForm("/desk/admin/confirmations", []page.Hid{{Name: "was", Value: strconv.Itoa(was.Days)}}, []templ.Component{
			page.Field(p, page.FieldView{ID: "days", Name: "days", Label: p.T("desk.confirm.days"), Hint: p.T("desk.confirm.days.hint"), Width: "short", InputMode: "numeric", Value: typed, Error: bad["days"]}),
		}, page.ButtonView{Text: p.T("desk.second.do"), Kind: "primary"}))
	view.Problems, view.Wrong = list, wrong != nil
	if wrong != nil {
		return v.ShowStatus(errs.Of(wrong).HTTP(), Admin(view))
	}
	return v.Show(Admin(view))
}

func (d *Desk) saveAskRule(v *page.Visit) error {
	if asked, err := fresh(v, "confirmations"); asked {
		return err
	}
	was, err := strconv.Atoi(v.R.PostFormValue("was"))
	if err != nil {
		return errFormNotRead
	}
	typed := strings.TrimSpace(v.R.PostFormValue("days"))
	want, err := strconv.Atoi(typed)
	if err != nil {
		want = -1
	}
	err = d.Constituency.SetAskRule(v.Ctx(), v.By, constituency.AskRule{Days: was}, constituency.AskRule{Days: want})
	if len(errs.Fields(err)) > 0 {
		return d.showAskRule(v, constituency.AskRule{Days: was}, typed, err)
	}
	if err != nil {
		return err
	}
	return back(v, "/desk/admin/confirmations", "saved")
}

// askedWords says how an organisation was asked this year; "" when it was not.
func askedWords(p *text.Printer, a constituency.YearAsked) string {
	switch {
	case a.At.IsZero():
		return ""
	case a.Letters == 0:
		return p.T("desk.confirm.nobody", "at", p.Date(a.At))
	case a.RemindedAt.IsZero():
		return p.N("desk.confirm.letters", int(a.Letters), "at", p.Date(a.At), "due", p.Date(a.DueAt))
	}
	return p.T("desk.confirm.reminded", "at", p.Date(a.At), "again", p.Date(a.RemindedAt))
}
