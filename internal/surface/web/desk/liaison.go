package desk

import (
	"net/url"
	"strings"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// liaisonRoutes are the authorities, other teams and suppliers that we work with.
func (d *Desk) liaisonRoutes() []page.Route {
	return []page.Route{
		{Pattern: "GET /desk/constituency/liaisons", Need: page.Needs(access.ReadRegistry), Serve: d.liaisons},
		{Pattern: "POST /desk/constituency/{organisation}/liaison", Need: page.Needs(access.WriteRegistry), Serve: d.setLiaison},
	}
}

func liaisonName(p *text.Printer, k constituency.LiaisonKind) string {
	return named(p, "desk.liaison.kind.", string(k))
}

// liaisonKind reads a kind from an address; "" for what is none.
func liaisonKind(s string) constituency.LiaisonKind {
	for _, k := range constituency.LiaisonKinds() {
		if string(k) == s {
			return k
		}
	}
	return ""
}

// kindChips are filters by kind, on a page whose address they extend.
func kindChips(p *text.Printer, at string, chosen constituency.LiaisonKind) []page.ChipView {
	var out []page.ChipView
	for _, k := range constituency.LiaisonKinds() {
		x := page.ChipView{Text: liaisonName(p, k), Kind: "outline", Href: at + "?" + url.Values{"kind": {string(k)}}.Encode()}
		if k == chosen {
			x.Kind, x.Href = "on", at
		}
		out = append(out, x)
	}
	return out
}

// liaisons lists authorities, teams and suppliers, with the ground on which we exchange with each.
func (d *Desk) liaisons(v *page.Visit) error {
	kind := liaisonKind(v.R.URL.Query().Get("kind"))
	list, err := d.Constituency.ListLiaisons(v.Ctx(), d.DB, v.By, kind, "")
	if err != nil {
		return err
	}
	p := v.P
	view := ListView{
		DeskView: d.frame(v, "constituency", p.T("desk.liaison.title")), Heading: p.T("desk.liaison.title"), Note: p.T("desk.liaison.note"),
		Filters: kindChips(p, "/desk/constituency/liaisons", kind),
		Empty:   page.EmptyView{Icon: "building-2", Title: p.T("desk.liaison.none"), Note: p.T("desk.liaison.none.note")},
		Table: page.TableView{Caption: p.T("desk.liaison.title"), Columns: []page.Column{
			{Text: p.T("desk.col.organisation")}, {Text: p.T("desk.liaison.kind")}, {Text: p.T("desk.liaison.country")}, {Text: p.T("desk.liaison.basis")},
		}},
	}
	for _, x := range list {
		basis := page.Text(x.Basis)
		if x.Basis == "" {
			basis = page.Chip(page.ChipView{Text: p.T("desk.liaison.no_basis"), Kind: "warn"})
		}
		view.Table.Rows = append(view.Table.Rows, []templ.Component{
			link("/desk/constituency/"+x.UID, x.Name, sectorName(p, x.Sector)), page.Text(liaisonName(p, x.Kind)), page.Text(x.Country), basis,
		})
	}
	return v.Show(List(view))
}

// liaisonOf puts on the page of an organisation what it is to us.
func (d *Desk) liaisonOf(v *page.Visit, o constituency.Organisation, view *OrganisationView) error {
	all, err := d.Constituency.Liaisons(v.Ctx(), d.DB, o.Ref.ID)
	if err != nil {
		return err
	}
	p, l := v.P, all[o.Ref.ID]
	if l.Kind != "" {
		view.Facts = append(view.Facts, page.Property{Label: p.T("desk.liaison.kind"), Value: page.Text(strings.TrimSpace(liaisonName(p, l.Kind) + " " + l.Country))})
		basis := page.Text(l.Basis)
		if l.Basis == "" {
			basis = page.Chip(page.ChipView{Text: p.T("desk.liaison.no_basis"), Kind: "warn"})
		}
		view.Facts = append(view.Facts, page.Property{Label: p.T("desk.liaison.basis"), Value: basis})
	}
	if !v.By.Can(access.WriteRegistry) {
		return nil
	}
	kinds := []page.SelectOption{{Value: "", Text: p.T("desk.liaison.kind.none")}}
	for _, k := range constituency.LiaisonKinds() {
		kinds = append(kinds, page.SelectOption{Value: string(k), Text: liaisonName(p, k), Chosen: k == l.Kind})
	}
	view.Liaison = adminForm("/desk/constituency/"+o.UID+"/liaison", nil, []templ.Component{
		page.Select(p, page.FieldView{ID: "liaison-kind", Name: "kind", Label: p.T("desk.liaison.kind"), Hint: p.T("desk.liaison.kind.hint")}, kinds),
		page.Field(p, page.FieldView{ID: "liaison-country", Name: "country", Label: p.T("desk.liaison.country"), Hint: p.T("desk.liaison.country.hint"), Value: l.Country, Width: "short", Autocomplete: "off"}),
		page.Field(p, page.FieldView{ID: "liaison-basis", Name: "basis", Label: p.T("desk.liaison.basis"), Hint: p.T("desk.liaison.basis.hint"), Value: l.Basis, Autocomplete: "off"}),
	}, page.ButtonView{Text: p.T("desk.liaison.do")})
	return nil
}

func (d *Desk) setLiaison(v *page.Visit) error {
	if err := v.R.ParseForm(); err != nil || !v.R.PostForm.Has("kind") {
		return errFormNotRead
	}
	get, org := v.R.PostForm.Get, v.R.PathValue("organisation")
	if err := d.Constituency.SetLiaison(v.Ctx(), v.By, org, constituency.Liaison{Kind: constituency.LiaisonKind(get("kind")), Country: get("country"), Basis: get("basis")}); err != nil {
		return err
	}
	return back(v, "/desk/constituency/"+url.PathEscape(org), "saved")
}

// found gives the organisations to choose parties from: those of a kind, or those that a search finds, with what each is to us.
func (d *Desk) found(v *page.Visit, q string, kind constituency.LiaisonKind) ([]constituency.Listed, error) {
	if kind != "" {
		return d.Constituency.ListLiaisons(v.Ctx(), d.DB, v.By, kind, "")
	}
	list, err := d.Constituency.Find(v.Ctx(), v.By, constituency.Filter{Text: q, Community: v.R.URL.Query().Get("community"), Limit: 100})
	if err != nil {
		return nil, err
	}
	var ids []int64
	for _, o := range list.Items {
		ids = append(ids, o.Ref.ID)
	}
	known, err := d.Constituency.Liaisons(v.Ctx(), d.DB, ids...)
	out := make([]constituency.Listed, len(list.Items))
	for i, o := range list.Items {
		out[i] = constituency.Listed{Organisation: o, Liaison: known[o.Ref.ID]}
	}
	return out, err
}

// ground says in a preview on what ground we write to an authority, a team or a supplier.
func ground(p *text.Printer, l constituency.Liaison) (words string, missing bool) {
	switch {
	case l.Kind == "":
		return "", false
	case l.Basis == "":
		return p.T("desk.ask.no_basis", "kind", liaisonName(p, l.Kind)), true
	}
	return p.T("desk.ask.basis", "kind", liaisonName(p, l.Kind), "basis", l.Basis), false
}
