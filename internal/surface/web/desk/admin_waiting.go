package desk

import (
	"slices"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

func mayWait(by access.Actor) bool {
	return by.Can(access.Approve) || by.Can(access.ReadAudit) || by.Can(access.ManageAccounts)
}

// waiting lists the roles and tokens that a lead must confirm. Everybody who may look sees them; who may confirm has the buttons.
func (d *Desk) waiting(v *page.Visit) error {
	view, err := d.waitingView(v)
	if err != nil {
		return err
	}
	return v.Show(Admin(view))
}

func (d *Desk) waitingView(v *page.Visit) (AdminView, error) {
	all, err := d.Accounts.Waiting(v.Ctx(), v.By)
	if err != nil {
		return AdminView{}, err
	}
	var givers []int64
	for _, w := range all {
		givers = append(givers, w.By)
	}
	names, err := d.Names(v.Ctx(), givers...)
	if err != nil {
		return AdminView{}, err
	}
	p := v.P
	t := page.TableView{Caption: p.T("desk.admin.waiting"), Columns: []page.Column{
		{Text: p.T("desk.admin.person")}, {Text: p.T("desk.col.what")}, {Text: p.T("desk.admin.given")}, {Text: p.T("desk.col.act")},
	}}
	for _, w := range all {
		what := p.T("desk.admin.waits.role", "role", accountRole(p, w.Role))
		if w.Token != "" {
			what = p.T("desk.admin.waits.token", "name", w.Name, "role", accountRole(p, w.Role))
		}
		hidden := []page.Hid{{Name: "person", Value: w.Account.UID}, {Name: "role", Value: string(w.Role)}, {Name: "token", Value: w.Token}}
		var act templ.Component = second(p.T("desk.admin.waits.lead"))
		switch {
		case v.By.Can(access.Approve) && slices.Contains([]int64{w.By, w.Account.ID}, v.By.Account):
			act = second(p.T("error.second_person"))
		case v.By.Can(access.Approve):
			act = several([]templ.Component{
				post("/desk/admin/waiting/confirm", hidden, page.ButtonView{Text: p.T("desk.admin.confirm"), Kind: "primary"}),
				post("/desk/admin/waiting/refuse", hidden, page.ButtonView{Text: p.T("desk.admin.refuse")}),
			})
		}
		who := names[w.By]
		if w.By == 0 {
			who = "tocsin"
		}
		t.Rows = append(t.Rows, []templ.Component{
			several([]templ.Component{page.Text(w.Account.Name), second(w.Account.Email)}), page.Text(what), page.Text(p.T("desk.admin.changed", "when", p.DateTime(w.At), "who", who)), act,
		})
	}
	var body templ.Component = page.Table(t)
	if len(all) == 0 {
		body = page.Empty(page.EmptyView{Icon: "circle-check", Title: p.T("desk.admin.waiting.none"), Note: p.T("desk.admin.waiting.none.note")})
	}
	return d.adminView(v, p.T("desk.admin.waiting"), p.T("desk.admin.waiting.lead"), section("waiting", p.T("desk.admin.waiting.list"), body)), nil
}

func (d *Desk) confirm(v *page.Visit) error {
	if asked, err := fresh(v, "waiting"); asked {
		return err
	}
	var err error
	if token := v.R.PostFormValue("token"); token != "" {
		err = d.Accounts.ConfirmToken(v.Ctx(), v.By, token)
	} else {
		_, err = d.Accounts.ConfirmRole(v.Ctx(), v.By, v.R.PostFormValue("person"), access.Role(v.R.PostFormValue("role")))
	}
	return d.decided(v, err, "confirmed")
}

func (d *Desk) refuse(v *page.Visit) error {
	if asked, err := fresh(v, "waiting"); asked {
		return err
	}
	var err error
	if token := v.R.PostFormValue("token"); token != "" {
		err = d.Accounts.RevokeToken(v.Ctx(), v.By, token)
	} else {
		_, err = d.Accounts.RevokeRole(v.Ctx(), v.By, v.R.PostFormValue("person"), access.Role(v.R.PostFormValue("role")))
	}
	return d.decided(v, err, "refused")
}

func (d *Desk) decided(v *page.Visit, err error, done string) error {
	if err == nil {
		return back(v, "/desk/admin/waiting", done)
	}
	said, ok := plainRefusal(v, err)
	if !ok {
		return err
	}
	view, e := d.waitingView(v)
	if e != nil {
		return e
	}
	return wrongAdmin(v, view, errs.Of(err).HTTP(), page.Problem{Field: "waiting", Text: said})
}
