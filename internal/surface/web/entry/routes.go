package entry

import (
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// Deps is what the pages lean on.
type Deps struct {
	DB       *db.DB
	Accounts *account.Service
	// Doors are those that this listener serves: an account of another one is refused here as if it did not exist.
	Doors []account.Door
	// Around gives what stands around every page of this deployment.
	Around func(v *page.Visit) page.PublicView
}

// Routes gives signing in and out, and the link with which a person chooses a password. They belong to a surface without a cookie of its own.
func Routes(d Deps) []page.Route {
	return []page.Route{
		{Pattern: "GET /login", Need: page.Open, Serve: d.login},
		{Pattern: "POST /login", Need: page.Open, MaxBody: small, Serve: d.signIn},
		{Pattern: "POST /login/passkey", Need: page.Open, MaxBody: small, Serve: d.signInByPasskey},
		{Pattern: "POST /login/with/{issuer}", Need: page.Open, MaxBody: small, Serve: d.signInElsewhere},
		{Pattern: "GET /login/with/{issuer}/answer", Need: page.Open, Serve: d.returned},
		{Pattern: "POST /login/with/{issuer}/answer", Need: page.Open, MaxBody: small, Serve: d.takeReturn},
		{Pattern: "GET /login/code", Need: page.Open, Serve: d.code},
		{Pattern: "POST /login/code", Need: page.Open, MaxBody: small, Serve: d.giveCode},
		{Pattern: "GET /welcome/{secret}", Need: page.Open, Serve: d.welcome},
		{Pattern: "POST /welcome/{secret}", Need: page.Open, MaxBody: small, Serve: d.choose},
		{Pattern: "POST /welcome/{secret}/with/{issuer}", Need: page.Open, MaxBody: small, Serve: d.acceptElsewhere},
		{Pattern: "POST /logout", Need: page.Open, MaxBody: small, Serve: d.logout},
	}
}

// AccountRoutes gives a person's own pages behind a door. They belong to the surface of that door, so that its cookie says who it is.
func AccountRoutes(d Deps, door account.Door) []page.Route {
	a := mine{Deps: d, door: door}
	get := func(path string, serve func(*page.Visit) error) page.Route {
		return page.Route{Pattern: "GET " + base(door) + path, Need: page.SignedIn, Serve: serve}
	}
	post := func(path string, serve func(*page.Visit) error) page.Route {
		return page.Route{Pattern: "POST " + base(door) + path, Need: page.SignedIn, MaxBody: small, Serve: serve}
	}
	return []page.Route{
		get("", a.sessions),
		post("/sessions/{session}/end", a.end),
		post("/sessions/end-others", a.endOthers),
		get("/password", a.password),
		post("/password", a.setPassword),
		get("/factor", a.factor),
		post("/factor", a.enrol),
		get("/factor/confirm", a.factor),
		post("/factor/confirm", a.confirm),
		get("/codes", a.factor),
		post("/codes", a.codes),
		get("/passkeys", a.passkey),
		post("/passkeys", a.addPasskey),
		post("/passkeys/{passkey}/end", a.endPasskey),
		post("/identities", a.linkElsewhere),
		post("/identities/{identity}/end", a.unlinkElsewhere),
		get("/settings", a.settings),
		post("/settings", a.saveSettings),
		get("/prove", a.prove),
		post("/prove", a.proved),
		post("/prove/elsewhere", a.proveElsewhere),
	}
}

// slow is how long the counters of failed tries last: at the latest then the next try counts.
const slow = 16 * time.Minute

// small is enough for every form here: a password of ten megabytes is not read (rule I2).
const small = 16 << 10

func (d Deps) frame(v *page.Visit, title string, wrong bool) page.PublicView {
	p := d.Around(v)
	p.Frame.P, p.Title, p.Now, p.Path, p.Wrong = v.P, title, v.Now, v.R.URL.Path, wrong
	return p
}

// said gives the sentence of a refusal that is shown on the page itself: wrong, too often, too busy.
func said(v *page.Visit, err error) (string, bool) {
	switch errs.Of(err) {
	case errs.Unauthenticated:
		return v.P.T("portal.login.refused"), true
	case errs.Limit:
		return v.P.T("portal.login.slow", "until", v.P.Clock(v.Now.Add(slow))), true
	case errs.Unavailable:
		return v.P.T("portal.login.busy"), true
	}
	return "", false
}

// Fail shows a refusal.
func (d Deps) Fail(v *page.Visit, kind errs.Kind, words, reference string) error {
	p := d.Around(v)
	p.Frame.P, p.Now, p.Path = v.P, v.Now, "/login"
	return v.ShowStatus(kind.HTTP(), page.Error(page.NewError(p, kind, words, reference)))
}
