package desk

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// registryRoutes are what organisations answer for, and who answers for what.
func (d *Desk) registryRoutes() []page.Route {
	return []page.Route{
		{Pattern: "GET /desk/constituency/owners", Need: page.Needs(access.ReadRegistry), Serve: d.owners},
		{Pattern: "POST /desk/constituency/owners", Need: page.Needs(access.Triage), Serve: d.askRegistry},
		{Pattern: "POST /desk/constituency/{organisation}/assets", Need: page.Needs(access.WriteRegistry), Serve: d.addAsset},
		{Pattern: "POST /desk/assets/{asset}/prove", Need: page.Needs(access.WriteRegistry), Serve: d.proveAsset},
		{Pattern: "POST /desk/assets/{asset}/end", Need: page.Needs(access.WriteRegistry), Serve: d.endAsset},
	}
}

// assets puts what an organisation answers for, and answered for, on its page.
func (d *Desk) assets(v *page.Visit, o constituency.Organisation, assets []constituency.Asset, view *OrganisationView) error {
	p, may := v.P, v.By.Can(access.WriteRegistry)
	overlaps, err := d.Constituency.Overlaps(v.Ctx(), d.DB, v.By, o.Ref.ID)
	if err != nil {
		return err
	}
	ended, err := d.Constituency.EndedAssets(v.Ctx(), d.DB, o.Ref.ID)
	if err != nil {
		return err
	}
	for _, a := range assets {
		y := d.assetView(p, a)
		if may {
			y.Prove, y.End = "/desk/assets/"+a.UID+"/prove", "/desk/assets/"+a.UID+"/end"
		}
		for _, x := range overlaps {
			if x.Asset.ID == a.ID {
				y.Overlaps = append(y.Overlaps, OverlapView{
					Text: p.T("desk.asset.overlap."+x.How, "value", x.Other.Value), Name: x.Organisation.Name, Href: "/desk/constituency/" + x.Organisation.UID, Conflict: x.How == "same",
				})
			}
		}
		view.Assets = append(view.Assets, y)
	}
	for _, a := range ended {
		view.Ended = append(view.Ended, d.assetView(p, a))
	}
	if err := d.proofsOf(v, o, view); err != nil {
		return err
	}
	if may {
		view.AddAsset = "/desk/constituency/" + o.UID + "/assets"
	}
	return nil
}

func (d *Desk) assetView(p *text.Printer, a constituency.Asset) AssetView {
	y := AssetView{UID: a.UID, Kind: named(p, "desk.asset.kind.", a.Kind), Value: a.Value, Term: term(p, a)}
	if !a.ProvedAt.IsZero() {
		y.Proved = p.T("desk.asset.proved", "when", p.Date(a.ProvedAt))
		if !a.ProvedUntil.IsZero() {
			y.Proved = p.T("desk.asset.proved_until", "when", p.Date(a.ProvedAt), "until", p.Date(a.ProvedUntil))
		}
	}
	return y
}

// term says since when and until when an organisation answers for an asset; "" when nothing is known of either.
func term(p *text.Printer, a constituency.Asset) string {
	var words []string
	if !a.Since.IsZero() {
		words = append(words, p.T("desk.asset.since", "when", p.Date(a.Since)))
	}
	if !a.Until.IsZero() {
		words = append(words, p.T("desk.asset.until", "when", p.Date(a.Until)))
	}
	if a.EndedWhy != "" {
		words = append(words, a.EndedWhy)
	}
	return strings.Join(words, " · ")
}

// owners answers who answers for an address, a domain, a URL or an AS number, now or at another moment, and whom else one may tell.
func (d *Desk) owners(v *page.Visit) error {
	q := v.R.URL.Query()
	return d.showOwners(v, constituency.LookUp{What: q.Get("what")}, q.Get("at"))
}

func (d *Desk) showOwners(v *page.Visit, in constituency.LookUp, moment string) error {
	p := v.P
	view := OwnersView{
		DeskView: d.frame(v, "constituency", p.T("desk.owners.title")), What: in.What, At: moment, Problems: map[string]string{},
		Empty: page.EmptyView{Icon: "search", Title: p.T("desk.owners.ask"), Note: p.T("desk.owners.ask.note")},
		Table: page.TableView{Caption: p.T("desk.owners.title"), Columns: []page.Column{
			{Text: p.T("desk.col.organisation")}, {Text: p.T("desk.owners.by")}, {Text: p.T("desk.owners.why")}, {Text: p.T("desk.owners.known")},
		}},
	}
	var at time.Time
	if view.At != "" {
		var err error
		if at, err = time.ParseInLocation(localMinute, view.At, d.Zone); err != nil {
			view.Problems["at"] = p.T("error.date")
		}
	}
	if strings.TrimSpace(view.What) == "" || len(view.Problems) > 0 {
		return v.Show(Owners(view))
	}
	list, err := d.Constituency.Owners(v.Ctx(), d.DB, v.By, view.What, at)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if v.By.Team() && moment == "" {
		var x constituency.LookedUp
		var wrong map[string]string
		if x, wrong, status, err = d.looked(v, in); err != nil {
			return err
		}
		if wrong["what"] == "" {
			view.Elsewhere = d.elsewhere(v, in, x, wrong)
		} else if v.R.Method == http.MethodGet { // what names nothing is shown as nobody's
			status = http.StatusOK
		}
	}
	view.Empty.Title, view.Empty.Note = p.T("desk.owners.nobody"), p.T("desk.owners.nobody.note")
	for _, m := range list {
		known := []string{p.T("desk.asset.unproved")}
		if !m.Asset.ProvedAt.IsZero() {
			known = []string{p.T("desk.asset.proved", "when", p.Date(m.Asset.ProvedAt)), m.Asset.ProvedHow}
		}
		if t := term(p, m.Asset); t != "" {
			known = append(known, t)
		}
		view.Table.Rows = append(view.Table.Rows, []templ.Component{
			link("/desk/constituency/"+m.Organisation.UID, m.Organisation.Name, sectorName(p, m.Organisation.Sector)), page.Text(m.Asset.Value),
			page.Text(p.T("desk.owners.why." + strings.ReplaceAll(m.Why, " ", "_"))), page.Text(strings.Join(known, " · ")),
		})
	}
	return v.ShowStatus(status, Owners(view))
}

// day reads a date of a form as the beginning of that day in the team's zone; zero for none.
func (d *Desk) day(v *page.Visit, name string, problems *errs.Problems) time.Time {
	s := strings.TrimSpace(v.R.PostFormValue(name))
	if s == "" {
		return time.Time{}
	}
	t, err := time.ParseInLocation(time.DateOnly, s, d.Zone)
	if err != nil {
		problems.Add(name, "error.date")
	}
	return t.UTC()
}

func (d *Desk) addAsset(v *page.Visit) error {
	var wrong errs.Problems
	in := constituency.NewAsset{Kind: v.R.PostFormValue("kind"), Value: v.R.PostFormValue("value"), Since: d.day(v, "since", &wrong), Until: d.day(v, "until", &wrong)}
	if err := wrong.Err(); err != nil {
		return err
	}
	org := v.R.PathValue("organisation")
	if _, err := d.Constituency.AddAsset(v.Ctx(), v.By, org, in); err != nil {
		return err
	}
	return back(v, "/desk/constituency/"+url.PathEscape(org), "saved")
}

func (d *Desk) proveAsset(v *page.Visit) error {
	_, err := d.Constituency.ProveAsset(v.Ctx(), v.By, v.R.PathValue("asset"), v.R.PostFormValue("how"))
	return d.numberDone(v, err)
}

func (d *Desk) endAsset(v *page.Visit) error {
	if v.R.PostFormValue("organisation") == "" { // not our form
		return errFormNotRead
	}
	var wrong errs.Problems
	at := d.day(v, "until", &wrong)
	if err := wrong.Err(); err != nil {
		return err
	}
	return d.numberDone(v, d.Constituency.EndAsset(v.Ctx(), v.By, v.R.PathValue("asset"), at, v.R.PostFormValue("why")))
}
