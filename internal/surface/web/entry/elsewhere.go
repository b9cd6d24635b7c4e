package entry

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// away names the cookie that holds on to a sign-in while somebody is with a provider.
const away = "__Host-away"

// awayFor is how long the browser keeps it; the house forgets it by then too.
const awayFor = 600

// elsewhere gives the buttons with which somebody signs in by a provider.
func (d Deps) elsewhere(v *page.Visit, to string) []ElsewhereForm {
	list, err := d.Accounts.Offered(v.Ctx(), d.DB, d.Doors...)
	if err != nil {
		v.Without(err)
	}
	var out []ElsewhereForm
	for _, p := range list {
		out = append(out, ElsewhereForm{Action: "/login/with/" + p.UID, Keep: []page.Hid{{Name: "next", Value: to}}, Words: v.P.T("portal.elsewhere.sign_in", "name", p.Name)})
	}
	return out
}

// depart sends the browser to a provider. A redirect after a form would be stopped by the policy of our pages (form-action), so the answer is a page that goes
// on by itself, and by a link.
func (d Deps) depart(v *page.Visit, door account.Door, in account.Departure) error {
	at := from(v.R, door)
	at.Doors = d.Doors
	got, err := d.Accounts.Depart(v.Ctx(), at, in)
	if errs.Is(err, errs.Unavailable) {
		return d.notIn(v, err, in.For, door)
	}
	if err != nil {
		return err
	}
	set(v.W, away, got.Cookie, awayFor)
	v.W.Header().Set("Refresh", "0; url="+got.URL)
	return v.Show(AwayPage(AwayView{PublicView: d.entryFrame(v, v.P.T("portal.elsewhere.going.title"), false), Name: got.Name, Host: got.Host, URL: got.URL}))
}

// entryFrame is a frame whose address holds nothing of the sign-in.
func (d Deps) entryFrame(v *page.Visit, title string, wrong bool) page.PublicView {
	p := d.frame(v, title, wrong)
	p.Path = "/login"
	return p
}

// notIn tells why nothing came of it, and leads to the other ways.
func (d Deps) notIn(v *page.Visit, err error, what account.Purpose, door account.Door) error {
	var e *errs.Error
	if !errors.As(err, &e) || e.Key == "" {
		return err
	}
	view := NotInView{PublicView: d.entryFrame(v, v.P.T("portal.login.title"), true), Title: v.P.T("portal.elsewhere.not_in"), OnText: v.P.T("portal.login.title"), OnHref: "/login", Said: page.Say(v.P, e)}
	if what == account.ToLink || what == account.ToProve { // whoever is here is signed in
		view.Title, view.OnText, view.OnHref = v.P.T("portal.elsewhere.nothing"), v.P.T("portal.account.title"), base(door)+"/factor"
	}
	if errs.Is(err, errs.Limit) {
		view.Said, _ = said(v, err)
	}
	if v.R.Method == http.MethodGet { // it was a page that was asked for, and here it is
		return v.Show(NotInPage(view))
	}
	return v.ShowStatus(errs.Of(err).HTTP(), NotInPage(view))
}

func (d Deps) signInElsewhere(v *page.Visit) error {
	return d.depart(v, "", account.Departure{Provider: v.R.PathValue("issuer"), For: account.ToSignIn, Next: v.R.PostFormValue("next")})
}

func (d Deps) acceptElsewhere(v *page.Visit) error {
	err := d.depart(v, "", account.Departure{Provider: v.R.PathValue("issuer"), For: account.ToAccept, Link: v.R.PathValue("secret")})
	if errs.Is(err, errs.NotFound) {
		return d.gone(v)
	}
	return err
}

// returned is where a provider sends the browser. Opening it acts on nothing: the page posts what came, by itself or by its button.
func (d Deps) returned(v *page.Visit) error {
	list, err := d.Accounts.Offered(v.Ctx(), d.DB, d.Doors...)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(list, func(p account.Provider) bool { return p.UID == v.R.PathValue("issuer") }) {
		return errs.ErrNotFound
	}
	q := v.R.URL.Query()
	if q.Get("error") != "" || q.Get("code") == "" || q.Get("state") == "" {
		return d.notIn(v, &errs.Error{Kind: errs.Unauthenticated, Key: "error.elsewhere.refused", Text: "the provider signed nobody in"}, "", "")
	}
	keep := []page.Hid{{Name: "state", Value: q.Get("state")}, {Name: "code", Value: q.Get("code")}}
	for _, iss := range q["iss"] {
		keep = append(keep, page.Hid{Name: "iss", Value: iss})
	}
	view := BackView{PublicView: d.entryFrame(v, v.P.T("portal.elsewhere.back.title"), false), Action: "/login/with/" + url.PathEscape(v.R.PathValue("issuer")) + "/answer", Keep: keep}
	view.Onward = true
	return v.Show(BackPage(view))
}

// takeReturn does what the browser went to the provider for.
func (d Deps) takeReturn(v *page.Visit) error {
	if err := v.R.ParseForm(); err != nil {
		return page.Unread(err)
	}
	at := from(v.R, "")
	at.Doors = d.Doors
	form := v.R.PostForm
	got, err := d.Accounts.TakeReturn(v.Ctx(), at, account.Return{
		Provider: v.R.PathValue("issuer"), Cookie: cookie(v.R, away), State: form.Get("state"), Code: form.Get("code"), Issuer: form["iss"],
		Session: func(door account.Door) string { return cookie(v.R, Cookie(door)) },
	})
	switch {
	case errs.Is(err, errs.NotFound) && got.For == account.ToAccept:
		return d.gone(v)
	case err != nil:
		return d.notIn(v, err, got.For, got.Began) // what another page sends here must not end a sign-in that is under way
	}
	drop(v.W, away)
	switch got.For {
	case account.ToLink:
		return v.See(base(got.Door) + "/factor?done=linked")
	case account.ToProve:
		set(v.W, Cookie(got.Door), got.Secret, 0)
		if got.Next == goesOn {
			return v.See(base(got.Door) + "/prove?done=" + goesOn)
		}
		return v.See(next(got.Door, got.Next))
	}
	return d.enter(v, got.Door, got.SignedIn, got.Next)
}

// goesOn is the name of no page: an act waits in another tab of the browser.
const goesOn = "tab"

// proofElsewhere gives the buttons with which a person proves again who it is by a provider.
func (d Deps) proofElsewhere(v *page.Visit, door account.Door, to string) []ElsewhereForm {
	list, err := d.Accounts.Proving(v.Ctx(), d.DB, v.By, door)
	if err != nil {
		v.Without(err)
	}
	var out []ElsewhereForm
	for _, p := range list {
		out = append(out, ElsewhereForm{
			Action: base(door) + "/prove/elsewhere", Keep: []page.Hid{{Name: "provider", Value: p.UID}, {Name: "next", Value: to}}, Words: v.P.T("portal.elsewhere.prove", "name", p.Name), Tab: to == goesOn,
		})
	}
	return out
}

func (a mine) proveElsewhere(v *page.Visit) error {
	return a.depart(v, a.door, account.Departure{Provider: v.R.PostFormValue("provider"), For: account.ToProve, Next: v.R.PostFormValue("next"), Session: cookie(v.R, Cookie(a.door))})
}

// linkElsewhere begins to link one's account with a provider.
func (a mine) linkElsewhere(v *page.Visit) error {
	if asked, err := a.fresh(v, "factor"); asked {
		return err
	}
	return a.depart(v, a.door, account.Departure{Provider: v.R.PostFormValue("provider"), For: account.ToLink, Session: cookie(v.R, Cookie(a.door))})
}

func (a mine) unlinkElsewhere(v *page.Visit) error {
	if asked, err := a.fresh(v, "factor"); asked {
		return err
	}
	if err := a.Accounts.EndIdentity(v.Ctx(), v.By, v.R.PathValue("identity"), v.Session); err != nil {
		return err
	}
	return v.See(base(a.door) + "/factor?done=unlinked")
}

// identities are one's own links with providers, and what could be linked.
func (a mine) identities(v *page.Visit) (out IdentitiesView, err error) {
	list, more, err := a.Accounts.Identities(v.Ctx(), a.DB, v.By, a.door)
	for _, i := range list {
		used := v.P.T("portal.passkey.unused")
		if !i.UsedAt.IsZero() {
			used = v.P.T("portal.passkey.used", "when", v.P.Brief(i.UsedAt, v.Now))
		}
		known := v.P.T("portal.elsewhere.known", "when", v.P.Date(i.LinkedAt), "used", used)
		if i.Off {
			known += " · " + v.P.T("portal.elsewhere.off")
		}
		out.List = append(out.List, PasskeyView{Name: i.Provider, Known: known, End: base(a.door) + "/identities/" + i.UID + "/end"})
	}
	for _, p := range more {
		out.More = append(out.More, ElsewhereForm{Action: base(a.door) + "/identities", Keep: []page.Hid{{Name: "provider", Value: p.UID}}, Words: v.P.T("portal.elsewhere.link", "name", p.Name)})
	}
	return out, err
}
