package entry

import (
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// passkeySignIn gives the form with which somebody signs in by a passkey; without options where there are none.
func (d Deps) passkeySignIn(v *page.Visit, to string) PasskeyForm {
	f := PasskeyForm{Action: "/login/passkey", Field: "passkey", Keep: []page.Hid{{Name: "next", Value: to}}, Words: v.P.T("portal.passkey.sign_in")}
	if len(d.Doors) > 0 {
		var err error
		if f.Options, err = d.Accounts.PasskeyRequest(d.Doors[0]); err != nil {
			v.Without(err)
		}
	}
	return f
}

// signInByPasskey opens the door of the account's roles; it refuses like any sign-in.
func (d Deps) signInByPasskey(v *page.Visit) error {
	if err := v.R.ParseForm(); err != nil {
		return page.Unread(err)
	}
	to := v.R.PostForm.Get("next")
	at := from(v.R, "")
	at.Doors = d.Doors
	got, err := d.Accounts.SignInByPasskey(v.Ctx(), at, v.R.PostForm.Get("passkey"))
	if err == nil {
		return d.enter(v, got.Door, got, to)
	}
	words, ok := said(v, err)
	if !ok {
		return err
	}
	if errs.Is(err, errs.Unauthenticated) {
		words = v.P.T("error.passkey")
	}
	view := d.loginView(v, to, true)
	view.Said = words
	return v.ShowStatus(errs.Of(err).HTTP(), LoginPage(view))
}

func (a mine) passkeyList(v *page.Visit) ([]PasskeyView, error) {
	list, err := a.Accounts.Passkeys(v.Ctx(), a.DB, v.By)
	var out []PasskeyView
	for _, k := range list {
		used := v.P.T("portal.passkey.unused")
		if !k.UsedAt.IsZero() {
			used = v.P.T("portal.passkey.used", "when", v.P.Brief(k.UsedAt, v.Now))
		}
		known := v.P.T("portal.passkey.known", "when", v.P.Date(k.CreatedAt), "used", used)
		if k.BackedUp {
			known += " · " + v.P.T("portal.passkey.backed_up")
		}
		out = append(out, PasskeyView{Name: k.Name, Known: known, End: base(a.door) + "/passkeys/" + k.UID + "/end"})
	}
	return out, err
}

func (a mine) passkey(v *page.Visit) error {
	if asked, err := a.fresh(v, "passkeys"); asked {
		return err
	}
	return a.passkeyForm(v, "", nil, "")
}

func (a mine) passkeyForm(v *page.Visit, name string, problems []page.Problem, words string) error {
	options, err := a.Accounts.PasskeyOptions(v.Ctx(), v.By, a.door)
	if err != nil {
		return err
	}
	wrong := len(problems) > 0 || words != ""
	view := AddPasskeyView{Problems: problems, Said: words, Form: PasskeyForm{
		Action: base(a.door) + "/passkeys", Options: options, Create: true, Field: "passkey", Words: v.P.T("portal.passkey.make"), Name: name, Problem: problem(problems, "name"),
	}}
	view.PublicView, view.Tabs = a.view(v, "factor", wrong)
	view.Passkeys = true
	if wrong {
		return v.ShowStatus(errs.Invalid.HTTP(), AddPasskeyPage(view))
	}
	return v.Show(AddPasskeyPage(view))
}

func (a mine) addPasskey(v *page.Visit) error {
	if err := v.R.ParseForm(); err != nil {
		return page.Unread(err)
	}
	if asked, err := a.fresh(v, "passkeys"); asked {
		return err
	}
	name := v.R.PostForm.Get("name")
	codes, err := a.Accounts.AddPasskey(v.Ctx(), v.By, a.door, name, v.R.PostForm.Get("passkey"))
	switch {
	case err == nil && len(codes) > 0:
		return a.showCodes(v, codes)
	case err == nil:
		return v.See(base(a.door) + "/factor?done=passkey")
	case errs.Is(err, errs.Limit):
		return err
	case errs.Is(err, errs.Unauthenticated):
		return a.passkeyForm(v, name, nil, v.P.T("error.passkey"))
	case len(errs.Fields(err)) == 0:
		return err
	}
	var problems []page.Problem
	words := ""
	for _, f := range errs.Fields(err) {
		if f.Name == "passkey" {
			words = v.P.T("error.passkey")
			continue
		}
		problems = append(problems, page.ProblemOf(v.P, f.Name, f))
	}
	return a.passkeyForm(v, name, problems, words)
}

func (a mine) endPasskey(v *page.Visit) error {
	if asked, err := a.fresh(v, "factor"); asked {
		return err
	}
	if err := a.Accounts.EndPasskey(v.Ctx(), v.By, v.R.PathValue("passkey")); err != nil {
		return err
	}
	return v.See(base(a.door) + "/factor?done=passkey_ended")
}

// passkeyProof gives the form with which a person proves again who it is by a passkey, when it has one.
func (d Deps) passkeyProof(v *page.Visit, door account.Door, me account.Account, action, field string, keep []page.Hid) PasskeyForm {
	f := PasskeyForm{Action: action, Field: field, Keep: keep, Words: v.P.T("portal.passkey.prove")}
	if !me.TwoFactor {
		return f
	}
	list, err := d.Accounts.Passkeys(v.Ctx(), d.DB, v.By)
	if err == nil && len(list) > 0 {
		f.Options, err = d.Accounts.PasskeyProof(v.Ctx(), v.By, door, v.Session)
	}
	if err != nil {
		v.Without(err)
	}
	return f
}
