package portal

import (
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// What the team knows of an organisation decides where sensitive mail goes. So an organisation proposes a change, and a person of the team makes
// it after asking a contact whom we know already: who holds one account of an organisation cannot turn its mail to himself.

// ChangeView asks for a proposal.
type ChangeView struct {
	page.PortalView
	Kind, Text string
	Problems   []page.Problem
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
	return v.Show(Change(v, view))
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
	what := ""
	for _, k := range changeKinds(v) {
		if k.Value == f.get("kind") {
			what = k.Text
		}
	}
	if what == "" {
		p.Add("kind", "portal.error.choose")
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
		got, err = d.Intake.Receive(v.Ctx(), v.By, in)
	}
	if err == nil {
		return v.See("/portal/reports/" + got.Report.UID + "?done=proposed")
	}
	if !typedWrong(err) {
		return err
	}
	view := d.changeView(v)
	view.Kind, view.Text = f.get("kind"), f.get("text")
	view.Problems, view.Wrong = problems(v, err, map[string]string{"kind": "kind-other"}), true
	return v.ShowStatus(errs.Invalid.HTTP(), Change(v, view))
}
