package desk

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// tokens lists one's own tokens; for managers those of everybody.
func (d *Desk) tokens(v *page.Visit) error {
	var list []account.Owned
	var err error
	if v.By.Can(access.ManageAccounts) {
		list, err = d.Accounts.AllTokens(v.Ctx(), v.By)
	} else {
		list, err = d.myTokens(v)
	}
	if err != nil {
		return err
	}
	p := v.P
	t := page.TableView{Caption: p.T("desk.admin.tokens"), Columns: []page.Column{
		{Text: p.T("desk.admin.token")}, {Text: p.T("desk.admin.role")}, {Text: p.T("desk.col.state")}, {Text: p.T("desk.admin.ends")}, {Text: p.T("desk.admin.used")}, {Text: p.T("desk.col.act")},
	}}
	for _, x := range list {
		owner := x.Owner
		if x.Machine {
			owner = p.T("desk.admin.machine")
		}
		role := accountRole(p, x.Role)
		if x.Scopes != nil {
			role = p.T("desk.admin.token.some", "role", role, "rights", scopes(x.Scopes))
		}
		var from []string
		for _, n := range x.Networks {
			from = append(from, n.String())
		}
		ends := p.Date(x.ExpiresAt)
		t.Rows = append(t.Rows, []templ.Component{
			several([]templ.Component{page.Text(x.Name), second(owner)}), several([]templ.Component{page.Text(role), second(strings.Join(from, " "))}), page.Chip(tokenChip(p, x.Token, v.Now)), page.Text(ends),
			page.Text(moment(p, x.UsedAt, p.T("desk.admin.not_used"))), post("/desk/admin/tokens/"+x.UID+"/revoke", nil, page.ButtonView{Text: p.T("desk.admin.token.revoke")}),
		})
	}
	var body templ.Component = page.Table(t)
	if len(list) == 0 {
		body = page.Empty(page.EmptyView{Icon: "key", Title: p.T("desk.admin.tokens.none"), Note: p.T("desk.admin.tokens.none.note")})
	}
	view := d.adminView(v, p.T("desk.admin.tokens"), p.T("desk.admin.tokens.lead"), body)
	view.Acts = []page.ButtonView{{Text: p.T("desk.admin.token.new"), Kind: "primary", Icon: "plus", Href: "/desk/admin/tokens/new"}}
	return v.Show(Admin(view))
}

func scopes(list []access.Right) string {
	names := make([]string, len(list))
	for i, r := range list {
		names[i] = r.String()
	}
	return strings.Join(names, " ")
}

func tokenChip(p *text.Printer, t account.Token, now time.Time) page.ChipView {
	switch {
	case !t.ExpiresAt.After(now):
		return page.ChipView{Text: p.T("desk.admin.state.expired")}
	case t.State == account.Pending:
		return page.ChipView{Text: p.T("desk.admin.state.pending"), Kind: "warn", Icon: "hourglass"}
	case t.ExpiresAt.Sub(now) < 14*24*time.Hour:
		return page.ChipView{Text: p.T("desk.admin.state.ends_soon"), Kind: "warn", Icon: "clock"}
	}
	return page.ChipView{Text: p.T("desk.admin.state.active"), Kind: "ok", Icon: "check"}
}

func (d *Desk) myTokens(v *page.Visit) ([]account.Owned, error) {
	me, err := d.Accounts.Me(v.Ctx(), d.DB, v.By)
	if err != nil {
		return nil, err
	}
	list, err := d.Accounts.Tokens(v.Ctx(), v.By, me.UID)
	var out []account.Owned
	for _, t := range list {
		if t.State != account.Ended {
			out = append(out, account.Owned{Token: t, Owner: me.Name})
		}
	}
	return out, err
}

// tokenInput is what the form of a token holds.
type tokenInput struct {
	name, owner, role, scopes, networks, days string
}

func (d *Desk) newToken(v *page.Visit) error {
	if asked, err := fresh(v, "tokens_new"); asked {
		return err
	}
	return v.Show(Admin(d.tokenForm(v, tokenInput{owner: "me", days: "90"}, nil)))
}

func (d *Desk) tokenForm(v *page.Visit, in tokenInput, wrong error) AdminView {
	p := v.P
	list, by := problems(p, wrong, nil)
	roles := []page.SelectOption{{Value: "", Text: p.T("desk.choose")}}
	var owners templ.Component = paragraph(p.T("desk.admin.token.mine"))
	offered := v.By.Roles
	if v.By.Can(access.ManageAccounts) {
		offered = nil
		for _, r := range access.AllRoles {
			if r != access.Constituent && r != access.ConstituentAdmin { // those are made where the organisation is known
				offered = append(offered, r)
			}
		}
		owners = optionCards(p, page.GroupView{ID: "owner", Legend: p.T("desk.admin.token.owner"), Error: by["owner"]}, []page.OptionView{
			{ID: "owner-me", Name: "owner", Value: "me", Label: p.T("desk.admin.token.me"), Hint: p.T("desk.admin.token.me.note"), Checked: in.owner == "me"},
			{ID: "owner-machine", Name: "owner", Value: "machine", Label: p.T("desk.admin.machine"), Hint: p.T("desk.admin.token.machine.note"), Checked: in.owner == "machine"},
		})
	}
	for _, r := range offered {
		roles = append(roles, page.SelectOption{Value: string(r), Text: accountRole(p, r), Chosen: string(r) == in.role})
	}
	var lives []page.SelectOption
	for _, n := range []int{7, 30, 90, 180, 365} {
		s := strconv.Itoa(n)
		lives = append(lives, page.SelectOption{Value: s, Text: p.N("desk.admin.days", n), Chosen: s == in.days})
	}
	view := d.adminView(v, p.T("desk.admin.token.new"), p.T("desk.admin.token.lead"), adminForm("/desk/admin/tokens", nil, []templ.Component{
		page.Field(p, page.FieldView{ID: "name", Name: "name", Label: p.T("desk.admin.token.name"), Hint: p.T("desk.admin.token.name.hint"), Value: in.name, Error: by["name"], Autocomplete: "off"}),
		owners,
		page.Select(p, page.FieldView{ID: "role", Name: "role", Label: p.T("desk.admin.role"), Hint: p.T("desk.admin.token.role.hint"), Error: by["role"]}, roles),
		page.Field(p, page.FieldView{ID: "scopes", Name: "scopes", Label: p.T("desk.admin.token.rights"), Hint: p.T("desk.admin.token.rights.hint"), Value: in.scopes, Error: by["scopes"], Autocomplete: "off"}),
		page.Field(p, page.FieldView{ID: "networks", Name: "networks", Label: p.T("desk.admin.token.networks"), Hint: p.T("desk.admin.token.networks.hint"), Value: in.networks, Error: by["networks"], Autocomplete: "off"}),
		page.Select(p, page.FieldView{ID: "expires", Name: "days", Label: p.T("desk.admin.token.days"), Error: by["expires"]}, lives),
	}, page.ButtonView{Text: p.T("desk.admin.token.do"), Kind: "primary"}, page.ButtonView{Text: p.T("desk.cancel"), Href: "/desk/admin/tokens"}))
	view.Problems, view.Wrong = list, wrong != nil
	return view
}

// addToken mints a token and shows its secret once.
func (d *Desk) addToken(v *page.Visit) error {
	if asked, err := fresh(v, "tokens_new"); asked {
		return err
	}
	in := tokenInput{
		name: v.R.PostFormValue("name"), owner: v.R.PostFormValue("owner"), role: v.R.PostFormValue("role"), scopes: v.R.PostFormValue("scopes"),
		networks: v.R.PostFormValue("networks"), days: v.R.PostFormValue("days"),
	}
	days, _ := strconv.Atoi(in.days)
	n := account.NewToken{Name: in.name, Role: access.Role(in.role), Networks: strings.Fields(in.networks), Life: time.Duration(min(days, 400)) * 24 * time.Hour}
	var wrong errs.Problems
	for _, s := range strings.Fields(in.scopes) {
		r, ok := access.ParseRight(s)
		if !ok {
			wrong.Add("scopes", "error.choice")
			break
		}
		if !slices.Contains(n.Scopes, r) {
			n.Scopes = append(n.Scopes, r)
		}
	}
	if in.owner != "machine" || !v.By.Can(access.ManageAccounts) {
		me, err := d.Accounts.Me(v.Ctx(), d.DB, v.By)
		if err != nil {
			return err
		}
		n.Owner = me.UID
	}
	err := wrong.Err()
	if err == nil {
		t, secret, e := d.Accounts.CreateToken(v.Ctx(), v.By, n)
		if e == nil {
			note := v.P.T("desk.admin.token.once")
			if t.State == account.Pending {
				note += " " + v.P.T("desk.admin.token.once_waits")
			}
			return v.Show(Admin(d.adminView(v, t.Name, "", once(onceView{
				label: v.P.T("desk.admin.token"), secret: secret.Reveal(), note: note, on: "/desk/admin/tokens", onText: v.P.T("desk.admin.token.kept"),
			}))))
		}
		err = e
	}
	if len(errs.Fields(err)) == 0 {
		return err
	}
	return v.ShowStatus(errs.Of(err).HTTP(), Admin(d.tokenForm(v, in, err)))
}

func (d *Desk) revokeToken(v *page.Visit) error {
	if err := d.Accounts.RevokeToken(v.Ctx(), v.By, v.R.PathValue("token")); err != nil {
		return err
	}
	return back(v, "/desk/admin/tokens", "ended")
}
