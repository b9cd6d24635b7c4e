package entry

import (
	"errors"
	"net/url"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// welcome shows the form behind a link. Opening it acts on nothing: mail scanners open links too.
func (d Deps) welcome(v *page.Visit) error {
	works, err := d.Accounts.LinkWorks(v.Ctx(), v.R.PathValue("secret"))
	if err != nil {
		return err
	}
	if !works {
		return d.gone(v)
	}
	return d.welcomeForm(v, nil)
}

func (d Deps) welcomeForm(v *page.Visit, problems []page.Problem) error {
	view := WelcomeView{PublicView: d.frame(v, v.P.T("portal.welcome.title"), len(problems) > 0), Action: "/welcome/" + url.PathEscape(v.R.PathValue("secret")), Problems: problems}
	view.Path = "/login" // the address holds a secret: nothing on the page repeats it but its forms
	list, err := d.Accounts.AcceptedBy(v.Ctx(), v.R.PathValue("secret"), d.Doors...)
	if err != nil {
		return err
	}
	for _, p := range list {
		view.Elsewhere = append(view.Elsewhere, ElsewhereForm{Action: view.Action + "/with/" + p.UID, Words: v.P.T("portal.elsewhere.accept", "name", p.Name)})
	}
	if len(problems) > 0 {
		return v.ShowStatus(errs.Invalid.HTTP(), WelcomePage(view))
	}
	return v.Show(WelcomePage(view))
}

// gone is the one answer to a link that was used, is old or never was.
func (d Deps) gone(v *page.Visit) error {
	view := WelcomeView{PublicView: d.frame(v, v.P.T("portal.welcome.gone.title"), false)}
	view.Path = "/login"
	return v.ShowStatus(errs.NotFound.HTTP(), GonePage(view))
}

// choose sets the password and burns the link; who it was goes on to sign in.
func (d Deps) choose(v *page.Visit) error {
	if err := v.R.ParseForm(); err != nil {
		return page.Unread(err)
	}
	err := d.Accounts.SetByLink(v.Ctx(), v.R.PathValue("secret"), v.R.PostForm.Get("password"))
	switch {
	case err == nil:
		return v.See("/login?done=password")
	case errs.Is(err, errs.NotFound):
		return d.gone(v)
	case errs.Is(err, errs.Conflict):
		return d.inUse(v, err)
	case len(errs.Fields(err)) == 0:
		return err
	}
	var problems []page.Problem
	for _, f := range errs.Fields(err) {
		problems = append(problems, page.ProblemOf(v.P, f.Name, f))
	}
	return d.welcomeForm(v, problems)
}

// inUse tells who holds an invitation that its address belongs to another account.
func (d Deps) inUse(v *page.Visit, err error) error {
	var e *errs.Error
	if !errors.As(err, &e) {
		return err
	}
	view := WelcomeView{PublicView: d.frame(v, v.P.T("portal.welcome.title"), true), Said: page.Say(v.P, e)}
	view.Path = "/login"
	return v.ShowStatus(errs.Conflict.HTTP(), InUsePage(view))
}
