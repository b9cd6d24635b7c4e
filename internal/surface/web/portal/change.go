package portal

import (
	"cmp"

	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/domain/registration"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// What the team knows of an organisation decides where sensitive mail goes. So an organisation proposes a change, and a person of the team makes
// it after asking a contact whom we know already: who holds one account of an organisation cannot turn its mail to himself.

// ChangeView asks for a proposal.
type ChangeView struct {
	page.PortalView
	Kind, Text       string
	Day, Month, Year string // since when
	Follows          bool
	Settles          string // uid of a change that was announced
	Problems         []page.Problem
}

func changeKinds(v *page.Visit) []page.SelectOption {
	return []page.SelectOption{
		{Value: "contact_new", Text: v.P.T("portal.change.contact_new")},
		{Value: "contact_changed", Text: v.P.T("portal.change.contact_changed")},
		{Value: "contact_gone", Text: v.P.T("portal.change.contact_gone")},
		{Value: "asset_new", Text: v.P.T("portal.change.asset_new")},
		{Value: "asset_gone", Text: v.P.T("portal.change.asset_gone")},
		{Value: "other", Text: v.P.T("portal.change.other")},
	}
}

func (d Deps) changeView(v *page.Visit) ChangeView {
	return ChangeView{PortalView: d.frame(v, "organisation", v.P.T("portal.change.title"))}
}

func (d Deps) change(v *page.Visit) error {
	o, err := d.mine(v)
	if err != nil {
		return err
	}
	view := d.changeView(v)
	if uid := v.R.URL.Query().Get("asset"); uid != "" { // from the page of an asset that is theirs no longer
		a, err := d.Constituency.Asset(v.Ctx(), d.DB, v.By, uid)
		if err != nil {
			return err
		}
		if a.Organisation == o.Ref.ID {
			view.Kind, view.Text = "asset_gone", a.Value+"\n\n"
		}
	}
	if uid := v.R.URL.Query().Get("settles"); uid != "" { // announced before: its details
		c, err := d.announced(v, uid)
		if err != nil {
			return err
		}
		view.Settles, view.Kind = c.UID, c.Kind
	}
	return v.Show(Change(v, view))
}

// announced gives a change of the organisation whose details are owed.
func (d Deps) announced(v *page.Visit, uid string) (registration.Change, error) {
	list, err := d.Registration.Changes(v.Ctx(), d.DB, v.By.Organisation)
	for _, c := range list {
		if c.UID == uid && c.ToldAt.IsZero() {
			return c, err
		}
	}
	return registration.Change{}, cmp.Or(err, error(errs.ErrNotFound))
}

// propose files a proposal as a report of the organisation: it waits in the queue until a person has checked it, and is followed like any other.
func (d Deps) propose(v *page.Visit) error {
	f, err := read(v)
	if err != nil {
		return err
	}
	defer f.close()
	o, err := d.mine(v)
	if err != nil {
		return err
	}
	var p errs.Problems
	change := registration.NewChange{Kind: f.get("kind"), Follows: f.get("follows") != "", Settles: f.get("settles")}
	if change.Settles == "" {
		change.Since = f.moment("since", false, &p)
	} else if c, err := d.announced(v, change.Settles); err != nil {
		return err
	} else {
		change.Kind = c.Kind
	}
	what := ""
	for _, k := range changeKinds(v) {
		if k.Value == change.Kind {
			what = k.Text
		}
	}
	if what == "" {
		p.Add("kind", "portal.error.choose")
	}
	known := map[string]bool{}
	for _, x := range p {
		known[x.Name] = true
	}
	for _, x := range errs.Fields(d.Registration.CheckChange(change)) {
		if !known[x.Name] {
			p = append(p, x)
		}
	}
	p = append(p, errs.Fields(intake.ValidateAddition(f.get("text"), 0))...)
	err = p.Err()
	var got intake.Received
	if err == nil {
		in := intake.ReceiveInput{
			Channel: correspondence.ByPortal, Lang: string(v.P.Lang()), TLP: "AMBER+STRICT", Proof: correspondence.SignedIn, Organisation: v.By.Organisation,
			Body: intake.Body{Summary: v.P.T("portal.change.subject", "what", what), Description: f.get("text"), Name: v.By.Name, OrgText: o.Name, Kind: "registry"},
		}
		if c, err := d.me(v); err != nil {
			return err
		} else if c.ID != 0 {
			in.Contact, in.Body.Email = c.ID, c.Email
		}
		in.Original = intake.Canonical(in)
		_, got, err = d.Registration.TellChange(v.Ctx(), v.By, change, in)
	}
	if err == nil {
		return v.See("/portal/reports/" + got.Report.UID + "?done=proposed")
	}
	if !typedWrong(err) {
		return err
	}
	view := d.changeView(v)
	view.Kind, view.Text, view.Follows, view.Settles = change.Kind, f.get("text"), change.Follows, change.Settles
	view.Day, view.Month, view.Year = f.get("since-day"), f.get("since-month"), f.get("since-year")
	view.Problems, view.Wrong = problems(v, err, map[string]string{"kind": "kind-other", "since": "since-day"}), true
	return v.ShowStatus(errs.Invalid.HTTP(), Change(v, view))
}
