package desk

import (
	"slices"
	"strings"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

const elsewhereAt = "/desk/admin/sign-in"

// signInWith lists the providers by which people may sign in.
func (d *Desk) signInWith(v *page.Visit) error {
	list, err := d.Accounts.Providers(v.Ctx(), d.DB, v.By)
	if err != nil {
		return err
	}
	last, err := d.lastChange(v, account.VerbProvider)
	if err != nil {
		return err
	}
	p := v.P
	var body templ.Component = page.Empty(page.EmptyView{Icon: "link", Title: p.T("desk.elsewhere.none"), Note: p.T("desk.elsewhere.none.note")})
	if len(list) > 0 {
		t := page.TableView{Caption: p.T("desk.elsewhere.title"), Columns: []page.Column{{Text: p.T("desk.elsewhere.name")}, {Text: p.T("desk.elsewhere.doors")}, {Text: p.T("desk.elsewhere.factor")}, {Text: p.T("desk.elsewhere.people"), Number: true}, {Text: p.T("desk.col.state")}}}
		for _, x := range list {
			state := page.ChipView{Text: p.T("desk.reasons.on"), Kind: "ok"}
			if !x.Active {
				state = page.ChipView{Text: p.T("desk.reasons.off"), Kind: "outline"}
			}
			t.Rows = append(t.Rows, []templ.Component{
				link(elsewhereAt+"/"+x.UID, x.Name, x.Issuer), page.Text(providerDoors(p, x)), page.Text(providerFactor(p, x)), page.Text(p.Number(x.People)), page.Chip(state),
			})
		}
		body = page.Table(t)
	}
	view := d.adminView(v, p.T("desk.elsewhere.title"), "", aboutSetting(p, settingNote{p.T("desk.elsewhere.effect"), p.T("desk.elsewhere.usual"), last}), body)
	view.Acts = []page.ButtonView{{Text: p.T("desk.elsewhere.new"), Kind: "primary", Icon: "plus", Href: elsewhereAt + "/new"}}
	return v.Show(Admin(view))
}

func providerDoors(p *text.Printer, x account.Provider) string {
	var out []string
	if x.Desk {
		out = append(out, p.T("desk.elsewhere.desk"))
	}
	if x.Portal {
		out = append(out, p.T("desk.elsewhere.portal"))
	}
	return strings.Join(out, ", ")
}

func providerFactor(p *text.Printer, x account.Provider) string {
	if all := slices.Concat(x.ACR, x.AMR); len(all) > 0 {
		return strings.Join(all, ", ")
	}
	return p.T("desk.elsewhere.factor.none")
}

func (d *Desk) newProviderElsewhere(v *page.Visit) error {
	if asked, err := fresh(v, "elsewhere"); asked {
		return err
	}
	return v.Show(Admin(d.elsewhereForm(v, account.Provider{}, account.NewProvider{Portal: true, Active: true}, nil)))
}

func (d *Desk) oneElsewhere(v *page.Visit) error {
	x, err := d.Accounts.Provider(v.Ctx(), d.DB, v.By, v.R.PathValue("issuer"))
	if err != nil {
		return err
	}
	in := account.NewProvider{Name: x.Name, ClientID: x.ClientID, NoSecret: !x.HasSecret, Desk: x.Desk, Portal: x.Portal, Active: x.Active, ACR: x.ACR, AMR: x.AMR}
	return v.Show(Admin(d.elsewhereForm(v, x, in, nil)))
}

// elsewhereForm is the form of a provider; x is the one that is changed, zero for a new one. The secret that is kept is never shown.
func (d *Desk) elsewhereForm(v *page.Visit, x account.Provider, in account.NewProvider, wrong error) AdminView {
	p := v.P
	list, bad := problems(p, wrong, nil)
	fields := []templ.Component{page.Field(p, page.FieldView{ID: "name", Name: "name", Label: p.T("desk.elsewhere.name"), Hint: p.T("desk.elsewhere.name.hint"), Value: in.Name, Width: "half", Error: bad["name"], Autocomplete: "off"})}
	at, heading, secretHint := elsewhereAt+"/new", p.T("desk.elsewhere.new"), p.T("desk.elsewhere.secret.hint")
	if x.UID == "" {
		fields = append(fields, page.Field(p, page.FieldView{ID: "issuer", Name: "issuer", Type: "url", Label: p.T("desk.elsewhere.issuer"), Hint: p.T("desk.elsewhere.issuer.hint"), Value: in.Issuer, Error: bad["issuer"], Autocomplete: "off"}))
	} else {
		at, heading = elsewhereAt+"/"+x.UID, x.Name
		if x.HasSecret {
			secretHint = p.T("desk.elsewhere.secret.kept")
		}
	}
	fields = append(fields,
		page.Field(p, page.FieldView{ID: "client", Name: "client", Label: p.T("desk.elsewhere.client"), Value: in.ClientID, Width: "half", Error: bad["client"], Autocomplete: "off"}),
		page.Field(p, page.FieldView{ID: "secret", Name: "secret", Type: "password", Label: p.T("desk.elsewhere.secret"), Hint: secretHint, Width: "half", Error: bad["secret"], Autocomplete: "off"}),
		page.Option(page.OptionView{ID: "no_secret", Name: "no_secret", Value: "1", Label: p.T("desk.elsewhere.no_secret"), Hint: p.T("desk.elsewhere.no_secret.hint"), Checked: in.NoSecret, Many: true}),
		optionCards(p, page.GroupView{ID: "doors", Legend: p.T("desk.elsewhere.doors"), Error: bad["doors"]}, []page.OptionView{
			{ID: "doors-portal", Name: "portal", Value: "1", Label: p.T("desk.elsewhere.portal"), Hint: p.T("desk.elsewhere.portal.hint"), Checked: in.Portal, Many: true},
			{ID: "doors-desk", Name: "desk", Value: "1", Label: p.T("desk.elsewhere.desk"), Hint: p.T("desk.elsewhere.desk.hint"), Checked: in.Desk, Many: true},
		}),
		page.Field(p, page.FieldView{ID: "acr", Name: "acr", Label: p.T("desk.elsewhere.acr"), Hint: p.T("desk.elsewhere.acr.hint"), Value: strings.Join(in.ACR, " "), Error: bad["acr"], Autocomplete: "off"}),
		page.Field(p, page.FieldView{ID: "amr", Name: "amr", Label: p.T("desk.elsewhere.amr"), Hint: p.T("desk.elsewhere.amr.hint"), Value: strings.Join(in.AMR, " "), Error: bad["amr"], Autocomplete: "off"}),
		page.Option(page.OptionView{ID: "active", Name: "active", Value: "1", Label: p.T("desk.elsewhere.active"), Hint: p.T("desk.elsewhere.active.hint"), Checked: in.Active, Many: true}))
	view := d.adminView(v, heading, p.T("desk.elsewhere.lead"), adminForm(at, nil, fields, page.ButtonView{Text: p.T("desk.elsewhere.save"), Kind: "primary"}, page.ButtonView{Text: p.T("desk.cancel"), Href: elsewhereAt}))
	if x.UID != "" {
		view.Lead = x.Issuer
		view.Body = append([]templ.Component{stack(d.elsewhereState(v, x))}, view.Body...)
		view.Body = append(view.Body, section("end", p.T("desk.elsewhere.end"), stack([]templ.Component{
			paragraph(p.N("desk.elsewhere.end.note", int(x.People))), post(at+"/end", nil, page.ButtonView{Text: p.T("desk.elsewhere.end"), Kind: "danger"}),
		})))
	}
	view.Up, view.Problems, view.Wrong = page.NavItem{Text: p.T("desk.elsewhere.title"), Href: elsewhereAt}, list, wrong != nil
	return view
}

// elsewhereState is what the provider must be told of us, and how a look at it went.
func (d *Desk) elsewhereState(v *page.Visit, x account.Provider) []templ.Component {
	p := v.P
	out := []templ.Component{paragraph(p.T("desk.elsewhere.answers"))}
	for _, at := range d.Accounts.Answers(x) {
		out = append(out, codeLine(at))
	}
	switch reason := v.R.URL.Query().Get("looked"); reason {
	case "ok":
		out = append(out, callout("ok", "circle-check", p.T("desk.elsewhere.looked.ok")))
	case "metadata", "unreachable":
		out = append(out, callout("crit", "circle-alert", p.T("desk.elsewhere.looked."+reason)))
	}
	return append(out, post(elsewhereAt+"/"+x.UID+"/look", nil, page.ButtonView{Text: p.T("desk.elsewhere.look"), Icon: "refresh-cw"}))
}

func typedElsewhere(v *page.Visit) account.NewProvider {
	get := v.R.PostFormValue
	return account.NewProvider{
		Name: get("name"), Issuer: get("issuer"), ClientID: get("client"), Secret: get("secret"), NoSecret: get("no_secret") != "", Desk: get("desk") != "", Portal: get("portal") != "", Active: get("active") != "",
		ACR: strings.Fields(get("acr")), AMR: strings.Fields(get("amr")),
	}
}

func (d *Desk) addElsewhere(v *page.Visit) error {
	if asked, err := fresh(v, "elsewhere"); asked {
		return err
	}
	in := typedElsewhere(v)
	x, err := d.Accounts.AddProvider(v.Ctx(), v.By, in)
	if err == nil {
		return d.lookedElsewhere(v, x.UID)
	}
	if len(errs.Fields(err)) == 0 {
		return err
	}
	return v.ShowStatus(errs.Of(err).HTTP(), Admin(d.elsewhereForm(v, account.Provider{}, in, err)))
}

func (d *Desk) saveElsewhere(v *page.Visit) error {
	if asked, err := fresh(v, "elsewhere"); asked {
		return err
	}
	in := typedElsewhere(v)
	x, err := d.Accounts.EditProvider(v.Ctx(), v.By, v.R.PathValue("issuer"), in)
	if err == nil {
		return back(v, elsewhereAt+"/"+x.UID, "saved")
	}
	if len(errs.Fields(err)) == 0 {
		return err
	}
	x, e := d.Accounts.Provider(v.Ctx(), d.DB, v.By, v.R.PathValue("issuer"))
	if e != nil {
		return e
	}
	return v.ShowStatus(errs.Of(err).HTTP(), Admin(d.elsewhereForm(v, x, in, err)))
}

func (d *Desk) lookElsewhere(v *page.Visit) error {
	return d.lookedElsewhere(v, v.R.PathValue("issuer"))
}

func (d *Desk) lookedElsewhere(v *page.Visit, uid string) error {
	reason, err := d.Accounts.LookAtProvider(v.Ctx(), v.By, uid)
	if err != nil {
		return err
	}
	said := "ok"
	if reason != "" {
		said = string(reason)
	}
	return v.See(elsewhereAt + "/" + uid + "?looked=" + said)
}

func (d *Desk) endElsewhere(v *page.Visit) error {
	if asked, err := fresh(v, "elsewhere"); asked {
		return err
	}
	if err := d.Accounts.EndProvider(v.Ctx(), v.By, v.R.PathValue("issuer")); err != nil {
		return err
	}
	return back(v, elsewhereAt, "saved")
}
