package entry

import (
	"net/http"

	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// halfFor is how long the browser keeps what a password earned; the house forgets it after five minutes.
const halfFor = 300

func (d Deps) login(v *page.Visit) error {
	view := d.loginView(v, v.R.URL.Query().Get("next"), false)
	switch v.R.URL.Query().Get("done") {
	case "out":
		view.Done = v.P.T("portal.login.out")
	case "password":
		view.Done = v.P.T("portal.account.password.done")
	}
	return v.Show(LoginPage(view))
}

// loginView is the page with all ways in; to names the page after it.
func (d Deps) loginView(v *page.Visit, to string, wrong bool) LoginView {
	view := LoginView{PublicView: d.frame(v, v.P.T("portal.login.title"), wrong), Next: to, Passkey: d.passkeySignIn(v, to), Elsewhere: d.elsewhere(v, to)}
	view.Passkeys = true
	return view
}

// signIn opens the door of the account's roles, if it is served here; else it refuses like a wrong password.
func (d Deps) signIn(v *page.Visit) error {
	if err := v.R.ParseForm(); err != nil {
		return page.Unread(err)
	}
	in := account.Credentials{Email: v.R.PostForm.Get("email"), Password: v.R.PostForm.Get("password")}
	to := v.R.PostForm.Get("next")
	var missing []page.Problem
	if in.Email == "" {
		missing = append(missing, page.Problem{Field: "email", Text: v.P.T("portal.error.email")})
	}
	if in.Password == "" {
		missing = append(missing, page.Problem{Field: "password", Text: v.P.T("portal.error.password")})
	}
	if len(missing) > 0 {
		view := d.loginView(v, to, true)
		view.Email, view.Problems = in.Email, missing
		return v.ShowStatus(errs.Invalid.HTTP(), LoginPage(view))
	}
	at := from(v.R, "")
	at.Doors = d.Doors
	got, err := d.Accounts.SignIn(v.Ctx(), at, in)
	if err == nil {
		return d.enter(v, got.Door, got, to)
	}
	words, ok := said(v, err)
	if !ok {
		return err
	}
	view := d.loginView(v, to, true)
	view.Email, view.Said = in.Email, words
	return v.ShowStatus(errs.Of(err).HTTP(), LoginPage(view))
}

// enter hands out the cookies and leads on. The session's name is new at each sign-in (rule I4).
func (d Deps) enter(v *page.Visit, door account.Door, got account.SignedIn, to string) error {
	if got.Step == account.NeedCode {
		set(v.W, half, id.SecretOf(string(door)+"."+got.Secret.Reveal()), halfFor)
		if _, ok := ways[door][to]; ok {
			return v.See("/login/code?next=" + to)
		}
		return v.See("/login/code")
	}
	set(v.W, Cookie(door), got.Secret, 0)
	set(v.W, known, got.Known, knownFor)
	drop(v.W, half)
	return v.See(next(door, to))
}

// pending reads the half cookie: the door and the secret.
func (d Deps) pending(r *http.Request) (account.Door, string, bool) {
	value := cookie(r, half)
	for _, door := range d.Doors {
		if prefix := string(door) + "."; len(value) > len(prefix) && value[:len(prefix)] == prefix {
			return door, value[len(prefix):], true
		}
	}
	return "", "", false
}

func (d Deps) code(v *page.Visit) error {
	if _, _, ok := d.pending(v.R); !ok {
		return v.See("/login")
	}
	view := CodeView{PublicView: d.frame(v, v.P.T("portal.code.title"), false), Next: v.R.URL.Query().Get("next")}
	view.Passkey, view.Passkeys = d.passkeySignIn(v, view.Next), true
	return v.Show(CodePage(view))
}

func (d Deps) giveCode(v *page.Visit) error {
	if err := v.R.ParseForm(); err != nil {
		return page.Unread(err)
	}
	door, secret, ok := d.pending(v.R)
	if !ok {
		return v.See("/login")
	}
	to, code := v.R.PostForm.Get("next"), v.R.PostForm.Get("code")
	view := CodeView{Next: to}
	status := errs.Invalid.HTTP()
	if code == "" {
		view.Problems = []page.Problem{{Field: "code", Text: v.P.T("portal.error.code")}}
	} else {
		got, err := d.Accounts.GiveCode(v.Ctx(), from(v.R, door), secret, code)
		if err == nil {
			return d.enter(v, door, got, to)
		}
		if view.Said, ok = said(v, err); !ok {
			return err
		}
		if errs.Is(err, errs.Unauthenticated) {
			view.Said = v.P.T("portal.code.refused")
		}
		status = errs.Of(err).HTTP()
	}
	view.PublicView = d.frame(v, v.P.T("portal.code.title"), true)
	view.Passkey, view.Passkeys = d.passkeySignIn(v, to), true
	return v.ShowStatus(status, CodePage(view))
}

// logout ends the session of one door, or of all when none is named, and what the browser kept of the pages (rule W1). The mark of a known
// browser stays: it opens nothing, and spares its owner the counters that strangers fill.
func (d Deps) logout(v *page.Visit) error {
	only := account.Door(v.R.URL.Query().Get("door"))
	for _, door := range d.Doors {
		if only != "" && only != door {
			continue
		}
		by, session, err := Who(door, d.Accounts)(v.R)
		if err == nil {
			err = d.Accounts.SignOut(v.Ctx(), by, session)
		}
		if err != nil && !errs.Is(err, errs.Unauthenticated) {
			return err
		}
		drop(v.W, Cookie(door))
	}
	drop(v.W, half)
	v.W.Header().Set("Clear-Site-Data", `"cache", "storage"`)
	return v.See("/login?done=out")
}
