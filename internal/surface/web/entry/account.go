package entry

import (
	"slices"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// mine are the pages of one's own account behind a door.
type mine struct {
	Deps
	door account.Door
}

func (a mine) view(v *page.Visit, here string, wrong bool) (page.PublicView, []page.Tab) {
	p := a.frame(v, v.P.T("portal.account.title"), wrong)
	p.Back = Home(a.door)
	p.Nav = slices.DeleteFunc(p.Nav, func(n page.NavItem) bool { return n.Href == "/login" }) // whoever is here has signed in
	at := base(a.door)
	return p, []page.Tab{
		{Text: v.P.T("portal.account.sessions"), Href: at, Count: -1, Here: here == ""},
		{Text: v.P.T("portal.account.password"), Href: at + "/password", Count: -1, Here: here == "password"},
		{Text: v.P.T("portal.factor.title"), Href: at + "/factor", Count: -1, Here: here == "factor"},
		{Text: v.P.T("portal.settings.title"), Href: at + "/settings", Count: -1, Here: here == "settings"},
	}
}

func (a mine) sessions(v *page.Visit) error {
	me, err := a.Accounts.Me(v.Ctx(), a.DB, v.By)
	if err != nil {
		return err
	}
	list, err := a.Accounts.Sessions(v.Ctx(), v.By, me.UID)
	if err != nil {
		return err
	}
	view := AccountView{Name: me.Name, Email: me.Email}
	view.PublicView, view.Tabs = a.view(v, "", false)
	for _, s := range list {
		view.Sessions = append(view.Sessions, SessionView{
			Device: s.Device, Network: s.Network, Since: s.CreatedAt, Seen: s.SeenAt, Here: s.UID == v.Session, Strong: s.Strength >= access.TwoFactor,
			End: base(a.door) + "/sessions/" + s.UID + "/end",
		})
	}
	if len(list) > 1 {
		view.EndOthers = base(a.door) + "/sessions/end-others"
	}
	switch v.R.URL.Query().Get("done") {
	case "ended":
		view.Done = v.P.T("portal.account.ended")
	case "password":
		view.Done = v.P.T("portal.account.password.done")
	}
	return v.Show(AccountPage(view))
}

// end ends one session of one's own; that of somebody else is not found, whoever asks: these are the pages of one's own account.
func (a mine) end(v *page.Visit) error {
	me, err := a.Accounts.Me(v.Ctx(), a.DB, v.By)
	if err != nil {
		return err
	}
	list, err := a.Accounts.Sessions(v.Ctx(), v.By, me.UID)
	if err != nil {
		return err
	}
	for _, s := range list {
		if s.UID == v.R.PathValue("session") {
			if err := a.Accounts.Revoke(v.Ctx(), v.By, s.UID); err != nil {
				return err
			}
			return v.See(base(a.door) + "?done=ended")
		}
	}
	return errs.ErrNotFound
}

func (a mine) endOthers(v *page.Visit) error {
	me, err := a.Accounts.Me(v.Ctx(), a.DB, v.By)
	if err != nil {
		return err
	}
	if err := a.Accounts.RevokeAll(v.Ctx(), v.By, me.UID, v.Session); err != nil {
		return err
	}
	return v.See(base(a.door) + "?done=ended")
}

// fresh asks for a fresh proof before a form is filled in; the verb asks again (rule I5).
func (a mine) fresh(v *page.Visit, name string) (asked bool, err error) {
	if v.By.NeedFresh(v.Now) == nil {
		return false, nil
	}
	return true, v.See(Prove(a.door, name))
}

func (a mine) password(v *page.Visit) error {
	if asked, err := a.fresh(v, "password"); asked {
		return err
	}
	return a.passwordForm(v, nil)
}

func (a mine) passwordForm(v *page.Visit, problems []page.Problem) error {
	me, err := a.Accounts.Me(v.Ctx(), a.DB, v.By)
	if err != nil {
		return err
	}
	view := PasswordView{Action: base(a.door) + "/password", Email: me.Email, Problems: problems}
	view.PublicView, view.Tabs = a.view(v, "password", len(problems) > 0)
	if len(problems) > 0 {
		return v.ShowStatus(errs.Invalid.HTTP(), PasswordPage(view))
	}
	return v.Show(PasswordPage(view))
}

func (a mine) setPassword(v *page.Visit) error {
	if err := v.R.ParseForm(); err != nil {
		return page.Unread(err)
	}
	err := a.Accounts.SetPassword(v.Ctx(), v.By, v.R.PostForm.Get("password"), v.Session)
	switch {
	case err == nil:
		return v.See(base(a.door) + "?done=password")
	case errs.Is(err, errs.Unauthenticated):
		return v.See(Prove(a.door, "password"))
	case len(errs.Fields(err)) == 0:
		return err
	}
	var problems []page.Problem
	for _, f := range errs.Fields(err) {
		problems = append(problems, page.ProblemOf(v.P, f.Name, f))
	}
	return a.passwordForm(v, problems)
}

func (a mine) factorView(v *page.Visit, wrong bool) (FactorView, error) {
	me, err := a.Accounts.Me(v.Ctx(), a.DB, v.By)
	at := base(a.door)
	if err != nil {
		return FactorView{}, err
	}
	keys, err := a.passkeyList(v)
	if err != nil {
		return FactorView{}, err
	}
	links, err := a.identities(v)
	view := FactorView{Enrolled: me.App, Strong: me.TwoFactor, Passkeys: keys, Elsewhere: links, Add: at + "/passkeys", Owes: v.By.Owes, Begin: at + "/factor", Codes: at + "/codes", Action: at + "/factor/confirm"}
	view.PublicView, view.Tabs = a.view(v, "factor", wrong)
	return view, err
}

func (a mine) factor(v *page.Visit) error {
	view, err := a.factorView(v, false)
	if err != nil {
		return err
	}
	switch v.R.URL.Query().Get("done") {
	case "passkey":
		view.Done = v.P.T("portal.passkey.added")
	case "passkey_ended":
		view.Done = v.P.T("portal.passkey.ended")
	case "linked":
		view.Done = v.P.T("portal.elsewhere.linked")
	case "unlinked":
		view.Done = v.P.T("portal.elsewhere.unlinked")
	}
	return v.Show(FactorPage(view))
}

// enrol draws a secret and shows it, once.
func (a mine) enrol(v *page.Visit) error {
	if asked, err := a.fresh(v, "factor"); asked {
		return err
	}
	return a.showSecret(v, "", nil)
}

func (a mine) showSecret(v *page.Visit, words string, problems []page.Problem) error {
	drawn, err := a.Accounts.EnrolTOTP(v.Ctx(), v.By)
	if err != nil {
		return err
	}
	view, err := a.factorView(v, words != "" || len(problems) > 0)
	if err != nil {
		return err
	}
	view.Said, view.Problems, view.Secret = words, problems, spaced(drawn.Secret.Reveal())
	if view.QR, err = qrCode(drawn.URL.Reveal(), v.P.T("portal.factor.qr")); err != nil {
		return err
	}
	return v.Show(FactorPage(view))
}

// spaced writes a secret in groups of four.
func spaced(s string) string {
	var b []byte
	for i := range len(s) {
		if i > 0 && i%4 == 0 {
			b = append(b, ' ')
		}
		b = append(b, s[i])
	}
	return string(b)
}

// confirm puts the drawn secret in force. After a wrong code a new secret is drawn: the first was shown once.
func (a mine) confirm(v *page.Visit) error {
	if err := v.R.ParseForm(); err != nil {
		return page.Unread(err)
	}
	if asked, err := a.fresh(v, "factor"); asked {
		return err
	}
	codes, err := a.Accounts.ConfirmTOTP(v.Ctx(), v.By, v.R.PostForm.Get("code"))
	if err != nil {
		if k := errs.Of(err); k != errs.Unauthenticated && k != errs.Invalid {
			return err
		}
		return a.showSecret(v, v.P.T("portal.factor.refused"), nil)
	}
	return a.showCodes(v, codes)
}

func (a mine) codes(v *page.Visit) error {
	if asked, err := a.fresh(v, "factor"); asked {
		return err
	}
	codes, err := a.Accounts.NewRecoveryCodes(v.Ctx(), v.By)
	if err != nil {
		return err
	}
	return a.showCodes(v, codes)
}

func (a mine) showCodes(v *page.Visit, codes []id.Secret) error {
	view := CodesView{PublicView: a.frame(v, v.P.T("portal.codes.title"), false), On: base(a.door) + "/factor"}
	for _, c := range codes {
		view.Codes = append(view.Codes, c.Reveal())
	}
	return v.Show(CodesPage(view))
}

func (a mine) prove(v *page.Visit) error {
	return a.proveForm(v, v.R.URL.Query().Get("next"), "", 0)
}

func (a mine) proveForm(v *page.Visit, to, words string, status int) error {
	me, err := a.Accounts.Me(v.Ctx(), a.DB, v.By)
	if err != nil {
		return err
	}
	view := ProveView{PublicView: a.frame(v, v.P.T("portal.prove.title"), status != 0), Action: base(a.door) + "/prove", Next: to, Email: me.Email, Factor: me.TwoFactor, Said: words, Password: "password", Code: "code"}
	view.Passkey, view.Passkeys = a.passkeyProof(v, a.door, me, view.Action, "passkey", []page.Hid{{Name: "next", Value: to}}), true
	view.Elsewhere = a.proofElsewhere(v, a.door, to)
	if v.R.URL.Query().Get("done") == goesOn && v.By.NeedFresh(v.Now) == nil {
		view.Done = v.P.T("portal.elsewhere.back_to_tab")
	}
	if status != 0 {
		return v.ShowStatus(status, ProvePage(view))
	}
	return v.Show(ProvePage(view))
}

func (a mine) proved(v *page.Visit) error {
	if err := v.R.ParseForm(); err != nil {
		return page.Unread(err)
	}
	to := v.R.PostForm.Get("next")
	got, err := proofOf(a.Deps, a.door, v, page.Proof{Password: v.R.PostForm.Get("password"), Code: v.R.PostForm.Get("code"), Passkey: v.R.PostForm.Get("passkey")})
	if err == nil {
		set(v.W, Cookie(a.door), got.Secret, 0)
		return v.See(next(a.door, to))
	}
	words, ok := said(v, err)
	if !ok {
		return err
	}
	if errs.Is(err, errs.Unauthenticated) {
		words = v.P.T("portal.prove.refused")
	}
	return a.proveForm(v, to, words, errs.Of(err).HTTP())
}
