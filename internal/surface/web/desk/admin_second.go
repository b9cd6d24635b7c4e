package desk

import (
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// secondRule shows from where one question to many waits for somebody else.
func (d *Desk) secondRule(v *page.Visit) error {
	now, err := d.Coordination.Second(v.Ctx(), d.DB)
	if err != nil {
		return err
	}
	view, err := d.secondView(v, now, now, nil)
	if err != nil {
		return err
	}
	return v.Show(Admin(view))
}

func (d *Desk) secondView(v *page.Visit, was, want coordination.SecondRule, wrong error) (AdminView, error) {
	last, err := d.lastChange(v, coordination.VerbSecond)
	if err != nil {
		return AdminView{}, err
	}
	p := v.P
	list, by := problems(p, wrong, nil)
	usual := coordination.UsualSecond()
	options := tlpOptions(want.From)
	view := d.adminView(v, p.T("desk.second.title"), "",
		aboutSetting(p, settingNote{p.T("desk.second.effect"), p.T("desk.second.usual", "parties", usual.Parties, "tlp", usual.From.String()), last}),
		adminForm("/desk/admin/second", []page.Hid{{Name: "was_parties", Value: strconv.Itoa(was.Parties)}, {Name: "was_from", Value: was.From.String()}}, []templ.Component{
			page.Field(p, page.FieldView{ID: "parties", Name: "parties", Label: p.T("desk.second.parties"), Hint: p.T("desk.second.parties.hint"), Width: "short", InputMode: "numeric", Value: strconv.Itoa(want.Parties), Error: by["parties"]}),
			page.Select(p, page.FieldView{ID: "from", Name: "from", Label: p.T("desk.second.from"), Hint: p.T("desk.second.from.hint"), Error: by["from"]}, options),
		}, page.ButtonView{Text: p.T("desk.second.do"), Kind: "primary"}))
	view.Problems, view.Wrong = list, wrong != nil
	return view, nil
}

func (d *Desk) saveSecond(v *page.Visit) error {
	rule := func(prefix string) (r coordination.SecondRule) {
		r.Parties, _ = strconv.Atoi(strings.TrimSpace(v.R.PostFormValue(prefix + "parties")))
		r.From, _ = tlp.Parse(v.R.PostFormValue(prefix + "from"))
		return r
	}
	was, want := rule("was_"), rule("")
	err := d.Coordination.SetSecond(v.Ctx(), v.By, was, want)
	switch {
	case err == nil:
		return back(v, "/desk/admin/second", "saved")
	case errs.Is(err, errs.Conflict): // somebody was faster: the rule as it is now, and what this person wanted
		now, e := d.Coordination.Second(v.Ctx(), d.DB)
		if e != nil {
			return e
		}
		view, e := d.secondView(v, now, want, nil)
		if e != nil {
			return e
		}
		return wrongAdmin(v, view, errs.Conflict.HTTP(), page.Problem{Field: "parties", Text: v.P.T("error.changed")})
	case len(errs.Fields(err)) > 0:
		view, e := d.secondView(v, was, want, err)
		if e != nil {
			return e
		}
		return v.ShowStatus(errs.Of(err).HTTP(), Admin(view))
	}
	return err
}
