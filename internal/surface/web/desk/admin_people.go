package desk

import (
	"net/url"
	"slices"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// givable are the roles that a person can be given here.
var givable = []access.Role{
	access.Duty, access.Analyst, access.Lead, access.Admin, access.Auditor, access.Liaison, access.Constituent, access.ConstituentAdmin, access.Peer,
}

func roleChips(p *text.Printer, a account.Account) []page.ChipView {
	var out []page.ChipView
	for _, g := range a.Roles {
		c := page.ChipView{Text: accountRole(p, g.Role), Kind: "outline"}
		if g.State == account.Pending {
			c = page.ChipView{Text: p.T("desk.admin.role_waits", "role", accountRole(p, g.Role)), Kind: "warn", Icon: "hourglass"}
		}
		out = append(out, c)
	}
	return out
}

func accountChip(p *text.Printer, a account.Account) page.ChipView {
	switch {
	case !a.Active:
		return page.ChipView{Text: p.T("desk.admin.disabled"), Icon: "ban"}
	case a.Machine:
		return page.ChipView{Text: p.T("desk.admin.machine"), Icon: "server"}
	case a.TwoFactor:
		return page.ChipView{Text: p.T("desk.admin.two_factors"), Kind: "ok", Icon: "shield-check"}
	}
	return page.ChipView{Text: p.T("desk.admin.one_factor"), Kind: "warn", Icon: "shield-alert"}
}

// linkChips name the services with which an account is linked.
func linkChips(p *text.Printer, list []account.Identity) []page.ChipView {
	var out []page.ChipView
	for _, i := range list {
		c := page.ChipView{Text: i.Provider, Kind: "outline", Icon: "link"}
		if i.Off {
			c = page.ChipView{Text: p.T("desk.elsewhere.linked_off", "name", i.Provider), Icon: "ban"}
		}
		out = append(out, c)
	}
	return out
}

// people lists who may sign in.
func (d *Desk) people(v *page.Visit) error {
	list, mark, err := d.Accounts.List(v.Ctx(), v.By, account.Filter{Limit: 100, After: v.R.URL.Query().Get("after")})
	if err != nil {
		return err
	}
	p := v.P
	t := page.TableView{Caption: p.T("desk.admin.people"), Columns: []page.Column{
		{Text: p.T("desk.admin.person")}, {Text: p.T("desk.admin.roles")}, {Text: p.T("desk.admin.sign_in")}, {Text: p.T("desk.admin.seen")},
	}}
	for _, a := range list {
		t.Rows = append(t.Rows, []templ.Component{
			link("/desk/admin/people/"+a.UID, a.Name, a.Email), chips(roleChips(p, a)), page.Chip(accountChip(p, a)), page.Text(moment(p, a.SeenAt, p.T("desk.admin.not_seen"))),
		})
	}
	view := d.adminView(v, p.T("desk.admin.people"), p.T("desk.admin.people.lead"), page.Table(t))
	view.Acts = []page.ButtonView{{Text: p.T("desk.admin.add_person"), Kind: "primary", Icon: "user-plus", Href: "/desk/admin/people/new"}}
	if pages := next(v, mark, len(list)); pages != nil {
		view.Body = append(view.Body, page.Pages(p, *pages))
	}
	return v.Show(Admin(view))
}

func (d *Desk) newPerson(v *page.Visit) error {
	if asked, err := fresh(v, "people_new"); asked {
		return err
	}
	view, err := d.personForm(v, account.NewAccount{Lang: string(v.P.Lang())}, nil)
	if err != nil {
		return err
	}
	return v.Show(Admin(view))
}

func (d *Desk) personForm(v *page.Visit, in account.NewAccount, wrong error) (AdminView, error) {
	p := v.P
	list, by := problems(p, wrong, map[string]string{"role": "roles"})
	var roles []page.OptionView
	for _, r := range givable {
		roles = append(roles, page.OptionView{
			ID: "role-" + string(r), Name: "role", Value: string(r), Label: accountRole(p, r), Hint: p.T("desk.admin.role_for." + string(r)), Many: true, Checked: slices.Contains(in.Roles, r),
		})
	}
	organisation, err := d.organisationField(v, in.Organisation, by["organisation"])
	view := d.adminView(v, p.T("desk.admin.add_person"), p.T("desk.admin.add_person.lead"), adminForm("/desk/admin/people", nil, []templ.Component{
		page.Field(p, page.FieldView{ID: "name", Name: "name", Label: p.T("desk.admin.name"), Value: in.Name, Error: by["name"], Autocomplete: "off"}),
		page.Field(p, page.FieldView{ID: "email", Name: "email", Type: "email", Label: p.T("desk.admin.email"), Hint: p.T("desk.admin.email.hint"), Value: in.Email, Error: by["email"], Autocomplete: "off"}),
		page.Select(p, page.FieldView{ID: "lang", Name: "lang", Label: p.T("desk.col.language"), Error: by["lang"]}, langOptions(in.Lang)),
		optionCards(p, page.GroupView{ID: "roles", Legend: p.T("desk.admin.roles"), Hint: p.T("desk.admin.roles.hint"), Error: by["role"]}, roles),
		organisation,
	}, page.ButtonView{Text: p.T("desk.admin.add_person.do"), Kind: "primary"}, page.ButtonView{Text: p.T("desk.cancel"), Href: "/desk/admin/people"}))
	view.Problems, view.Wrong = list, wrong != nil
	return view, err
}

// organisationField asks for the organisation of a constituent's people. Who may not read the registry names it by its identifier.
func (d *Desk) organisationField(v *page.Visit, chosen, wrong string) (templ.Component, error) {
	p := v.P
	f := page.FieldView{ID: "organisation", Name: "organisation", Label: p.T("desk.col.organisation"), Hint: p.T("desk.admin.organisation.hint"), Value: chosen, Error: wrong}
	if !v.By.Can(access.ReadRegistry) {
		return page.Field(p, f), nil
	}
	list, err := d.Constituency.Find(v.Ctx(), v.By, constituency.Filter{Limit: 500})
	options := []page.SelectOption{{Value: "", Text: p.T("desk.admin.no_organisation")}}
	for _, o := range list.Items {
		options = append(options, page.SelectOption{Value: o.UID, Text: o.Name, Chosen: o.UID == chosen})
	}
	return page.Select(p, f, options), err
}

// addPerson enters a person and shows the link once: it is kept nowhere.
func (d *Desk) addPerson(v *page.Visit) error {
	if asked, err := fresh(v, "people_new"); asked {
		return err
	}
	in := account.NewAccount{
		Name: v.R.PostFormValue("name"), Email: v.R.PostFormValue("email"), Lang: v.R.PostFormValue("lang"), Organisation: v.R.PostFormValue("organisation"),
	}
	for _, r := range v.R.PostForm["role"] {
		in.Roles = append(in.Roles, access.Role(r))
	}
	var a account.Account
	var err error
	if len(in.Roles) == 0 {
		var p errs.Problems
		p.Add("role", "error.choose")
		err = p.Err()
	} else {
		var secret id.Secret
		a, secret, err = d.Accounts.Create(v.Ctx(), v.By, in)
		if err == nil {
			return d.showLink(v, a, secret, v.P.T("desk.admin.link.invited", "name", a.Name, "lasts", v.P.Duration(account.Invited)))
		}
	}
	if errs.Is(err, errs.NotFound) { // the organisation
		var p errs.Problems
		p.Add("organisation", "error.choice")
		err = p.Err()
	}
	if len(errs.Fields(err)) == 0 {
		return err
	}
	view, e := d.personForm(v, in, err)
	if e != nil {
		return e
	}
	return v.ShowStatus(errs.Of(err).HTTP(), Admin(view))
}

// showLink shows a one-time link. It answers the POST itself: after a redirect nobody knows the secret.
func (d *Desk) showLink(v *page.Visit, a account.Account, secret id.Secret, note string) error {
	p := v.P
	return v.Show(Admin(d.adminView(v, a.Name, "", once(onceView{
		label: p.T("desk.admin.link"), secret: d.Welcome(a, secret), note: note, on: "/desk/admin/people/" + url.PathEscape(a.UID), onText: p.T("desk.admin.link.kept"),
	}))))
}

// person shows one account: what is known of it, its roles, and what may be done.
func (d *Desk) person(v *page.Visit) error {
	view, err := d.personView(v)
	if err != nil {
		return err
	}
	return v.Show(Admin(view))
}

func (d *Desk) personView(v *page.Visit) (AdminView, error) {
	a, err := d.Accounts.Get(v.Ctx(), d.DB, v.By, v.R.PathValue("person"))
	if err != nil {
		return AdminView{}, err
	}
	p, at := v.P, "/desk/admin/people/"+a.UID
	var who []int64
	for _, g := range a.Roles {
		who = append(who, g.By, g.ConfirmedBy)
	}
	names, err := d.Names(v.Ctx(), who...)
	if err != nil {
		return AdminView{}, err
	}
	linked, err := d.Accounts.IdentitiesOf(v.Ctx(), d.DB, v.By, a)
	if err != nil {
		return AdminView{}, err
	}
	known := []page.Property{
		{Label: p.T("desk.admin.email"), Value: page.Text(a.Email)},
		{Label: p.T("desk.col.language"), Value: page.Text(text.Name(text.Lang(a.Lang)))},
		{Label: p.T("desk.admin.sign_in"), Value: page.Chip(accountChip(p, a))},
		{Label: p.T("desk.admin.seen"), Value: page.Text(moment(p, a.SeenAt, p.T("desk.admin.not_seen")))},
	}
	if len(linked) > 0 {
		known = append(known, page.Property{Label: p.T("desk.elsewhere.title"), Value: chips(linkChips(p, linked))})
	}
	facts := page.Properties(p, known)
	t := page.TableView{Caption: p.T("desk.admin.roles"), Columns: []page.Column{
		{Text: p.T("desk.admin.role")}, {Text: p.T("desk.col.state")}, {Text: p.T("desk.admin.given")}, {Text: p.T("desk.admin.confirmed")}, {Text: p.T("desk.col.act")},
	}}
	for _, g := range a.Roles {
		state, confirmed := page.ChipView{Text: p.T("desk.admin.state.active"), Kind: "ok", Icon: "check"}, p.T("desk.admin.not_needed")
		if g.State == account.Pending {
			state, confirmed = page.ChipView{Text: p.T("desk.admin.state.pending"), Kind: "warn", Icon: "hourglass"}, ""
		}
		if g.ConfirmedBy != 0 {
			confirmed = p.T("desk.admin.changed", "when", p.DateTime(g.ConfirmedAt), "who", names[g.ConfirmedBy])
		}
		t.Rows = append(t.Rows, []templ.Component{
			page.Text(accountRole(p, g.Role)), page.Chip(state), page.Text(givenBy(p, g, names)), page.Text(confirmed),
			post(at+"/revoke", []page.Hid{{Name: "role", Value: string(g.Role)}}, page.ButtonView{Text: p.T("desk.admin.revoke")}),
		})
	}
	var roles templ.Component = second(p.T("desk.admin.no_roles"))
	if len(t.Rows) > 0 {
		roles = page.Table(t)
	}
	view := d.adminView(v, a.Name, "", facts, section("roles", p.T("desk.admin.roles"), roles))
	switch {
	case !a.Active:
		view.Body = append(view.Body, adminForm(at+"/enable", nil, []templ.Component{words("", "info", p.T("desk.admin.enable.note"))}, page.ButtonView{Text: p.T("desk.admin.enable")}))
	case !a.Machine:
		options := []page.SelectOption{{Value: "", Text: p.T("desk.choose")}}
		for _, r := range givable {
			if !slices.ContainsFunc(a.Roles, func(g account.Given) bool { return g.Role == r }) {
				options = append(options, page.SelectOption{Value: string(r), Text: accountRole(p, r)})
			}
		}
		view.Body = append(view.Body, adminForm(at+"/grant", nil, []templ.Component{
			page.Select(p, page.FieldView{ID: "role", Name: "role", Label: p.T("desk.admin.grant"), Hint: p.T("desk.admin.roles.hint")}, options),
		}, page.ButtonView{Text: p.T("desk.admin.grant.do"), Kind: "primary"}))
		fallthrough
	default:
		list := []room{{"lock", at + "/lost", p.T("desk.admin.lost"), p.T("desk.admin.lost.note"), 0}, {"log-out", at + "/disable", p.T("desk.admin.leave"), p.T("desk.admin.leave.note"), 0}}
		if a.Machine {
			list = list[1:]
		}
		view.Body = append(view.Body, section("danger", p.T("desk.admin.danger"), rooms(p, list)))
	}
	return view, nil
}

func givenBy(p *text.Printer, g account.Given, names map[int64]string) string {
	who := names[g.By]
	if g.By == 0 {
		who = "tocsin"
	}
	return p.T("desk.admin.changed", "when", p.DateTime(g.At), "who", who)
}

// acted finishes an act on a person: back to it with a line, or the page again with the refusal beside the field.
func (d *Desk) acted(v *page.Visit, err error, field, done string) error {
	if err == nil {
		return back(v, "/desk/admin/people/"+v.R.PathValue("person"), done)
	}
	said, ok := plainRefusal(v, err)
	if !ok {
		return err
	}
	view, e := d.personView(v)
	if e != nil {
		return e
	}
	return wrongAdmin(v, view, errs.Of(err).HTTP(), page.Problem{Field: field, Text: said})
}

func (d *Desk) grant(v *page.Visit) error {
	if asked, err := fresh(v, "person."+v.R.PathValue("person")); asked {
		return err
	}
	_, err := d.Accounts.GrantRole(v.Ctx(), v.By, v.R.PathValue("person"), access.Role(v.R.PostFormValue("role")))
	return d.acted(v, err, "role", "granted")
}

func (d *Desk) revoke(v *page.Visit) error {
	if asked, err := fresh(v, "person."+v.R.PathValue("person")); asked {
		return err
	}
	_, err := d.Accounts.RevokeRole(v.Ctx(), v.By, v.R.PathValue("person"), access.Role(v.R.PostFormValue("role")))
	return d.acted(v, err, "roles", "revoked")
}

func (d *Desk) enable(v *page.Visit) error {
	if asked, err := fresh(v, "person."+v.R.PathValue("person")); asked {
		return err
	}
	_, err := d.Accounts.Enable(v.Ctx(), v.By, v.R.PathValue("person"))
	return d.acted(v, err, "roles", "enabled")
}

// lost is for who lost password or second factor.
func (d *Desk) lost(v *page.Visit) error {
	a, err := d.Accounts.Get(v.Ctx(), d.DB, v.By, v.R.PathValue("person"))
	if err != nil {
		return err
	}
	if asked, err := fresh(v, "person."+a.UID); asked {
		return err
	}
	p, at := v.P, "/desk/admin/people/"+a.UID
	return v.Show(Admin(d.adminView(v, p.T("desk.admin.lost.title", "name", a.Name), p.T("desk.admin.lost.lead"),
		section("password", p.T("desk.admin.lost.password"), adminForm(at+"/password", nil, []templ.Component{paragraph(p.T("desk.admin.lost.password.note", "lasts", p.Duration(account.ResetFor)))},
			page.ButtonView{Text: p.T("desk.admin.lost.password.do"), Kind: "danger"})),
		section("factor", p.T("desk.admin.lost.factor"), adminForm(at+"/factor", nil, []templ.Component{paragraph(p.T("desk.admin.lost.factor.note"))},
			page.ButtonView{Text: p.T("desk.admin.lost.factor.do"), Kind: "danger"})))))
}

func (d *Desk) resetPassword(v *page.Visit) error {
	if asked, err := fresh(v, "person."+v.R.PathValue("person")); asked {
		return err
	}
	secret, err := d.Accounts.ResetPassword(v.Ctx(), v.By, v.R.PathValue("person"))
	if err != nil {
		return d.acted(v, err, "danger", "")
	}
	a, err := d.Accounts.Get(v.Ctx(), d.DB, v.By, v.R.PathValue("person"))
	if err != nil {
		return err
	}
	return d.showLink(v, a, secret, v.P.T("desk.admin.link.reset", "name", a.Name, "lasts", v.P.Duration(account.ResetFor)))
}

func (d *Desk) resetFactors(v *page.Visit) error {
	if asked, err := fresh(v, "person."+v.R.PathValue("person")); asked {
		return err
	}
	_, err := d.Accounts.ResetFactors(v.Ctx(), v.By, v.R.PathValue("person"))
	return d.acted(v, err, "danger", "factors_reset")
}

// leaving asks before everything of a leaver ends.
func (d *Desk) leaving(v *page.Visit) error {
	a, err := d.Accounts.Get(v.Ctx(), d.DB, v.By, v.R.PathValue("person"))
	if err != nil {
		return err
	}
	if asked, err := fresh(v, "person."+a.UID); asked {
		return err
	}
	p, at := v.P, "/desk/admin/people/"+a.UID
	return v.Show(Admin(d.adminView(v, p.T("desk.admin.leave.title", "name", a.Name), "", adminForm(at+"/disable", nil, []templ.Component{
		chips(roleChips(p, a)), words("crit", "triangle-alert", p.T("desk.admin.leave.lead")),
	}, page.ButtonView{Text: p.T("desk.admin.leave.do"), Kind: "danger"}, page.ButtonView{Text: p.T("desk.cancel"), Href: at}))))
}

func (d *Desk) disable(v *page.Visit) error {
	if asked, err := fresh(v, "person."+v.R.PathValue("person")); asked {
		return err
	}
	_, err := d.Accounts.Disable(v.Ctx(), v.By, v.R.PathValue("person"))
	return d.acted(v, err, "danger", "disabled")
}
