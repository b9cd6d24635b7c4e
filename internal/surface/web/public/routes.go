package public

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/domain/registration"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/format/scope"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/smime"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// Public is the site. It holds no key of the house: what it takes is sealed to the drop key, and what it shows of a report was sealed to the
// code in the reporter's hand.
type Public struct {
	DB    *db.DB
	Clock clock.Clock
	Zone  *time.Location
	Text  *text.Catalogue
	Site  page.Site
	URL   string // public address, without a final slash
	// Keys gives the team's published certificates, newest first.
	Keys func(ctx context.Context) ([]pgp.Key, error)
	// Certificates gives the team's S/MIME certificate and those between it and the root; none when it has none. May be nil.
	Certificates func(ctx context.Context) ([]smime.Certificate, error)
	// SecurityTxt gives the signed security.txt (RFC 9116), "" when the key process has not signed one yet.
	SecurityTxt func(ctx context.Context) (string, error)
	// DocumentKeys gives the list of certificates that sign documents, signed by the team's OpenPGP key; "" before there is one.
	DocumentKeys func(ctx context.Context) (string, error)
	// Wake tells the house of a new drop when it runs in this process; may be nil.
	Wake    func()
	Address string // the intake address
	// Suspicious gives the address for suspicious messages; "" for none. May be nil.
	Suspicious func() string
	// Patience is how long a receipt waits for the house to have taken what was sent; without it the receipt shows no stages yet.
	Patience time.Duration
	Laws     *law.Library
	Country  string                         // two letters of the team's country: which laws are offered
	Count    func(country string) law.Count // nil says no due time before it is sent
	Annexes  scope.Annexes                  // which entities register

	// In is set where the question pages stand in the portal, for who has signed in; nil is the site that everybody sees.
	In *Inside

	once  sync.Once
	rates *lanes
}

// Routes is the map of the site.
func (x *Public) Routes() []page.Route {
	return append([]page.Route{
		{Pattern: "GET /{$}", Need: page.Open, Serve: x.home},
		{Pattern: "GET /report", Need: page.Open, Serve: x.start},
		{Pattern: "GET /report/what", Need: page.Open, Serve: x.what},
		{Pattern: "POST /report/what", Need: page.Open, Serve: x.chooseWhat},
		{Pattern: "GET /report/stage", Need: page.Open, Serve: x.stage},
		{Pattern: "POST /report/stage", Need: page.Open, Serve: x.chooseStage},
		{Pattern: "GET /report/part/{part}", Need: page.Open, Serve: x.part},
		{Pattern: "POST /report/part/{part}", Need: page.Open, MaxBody: page.MaxForm, Serve: x.answerPart},
		{Pattern: "GET /report/check", Need: page.Open, Serve: x.check},
		{Pattern: "POST /report/check", Need: page.Open, Serve: x.submit},
		{Pattern: "GET /report/saved", Need: page.Open, Serve: x.saved},
		{Pattern: "GET /report/significance", Need: page.Open, Serve: x.guides},
		{Pattern: "GET /report/significance/{guide}", Need: page.Open, Serve: x.guide},
		{Pattern: "POST /report/significance/{guide}", Need: page.Open, Serve: x.judge},
		{Pattern: "GET /report/short", Need: page.Open, Serve: x.form("")},
		{Pattern: "POST /report/short", Need: page.Open, MaxBody: page.MaxForm, Serve: x.send("")},
		{Pattern: "GET /suspicious", Need: page.Open, Serve: x.form(suspicious)},
		{Pattern: "POST /suspicious", Need: page.Open, MaxBody: page.MaxForm, Serve: x.send(suspicious)},
		{Pattern: "GET /suspicious/received", Need: page.Open, Serve: x.suspiciousReceived},
		{Pattern: "GET /vulnerability", Need: page.Open, Serve: x.vulnerabilityStart},
		{Pattern: "POST /vulnerability", Need: page.Open, Serve: x.beginVulnerability},
		{Pattern: "GET /r", Need: page.Open, Serve: x.track},
		{Pattern: "POST /r", Need: page.Open, Serve: x.enter},
		{Pattern: "GET /r/received", Need: page.Open, Serve: x.received},
		{Pattern: "GET /r/report", Need: page.Open, Serve: x.status},
		{Pattern: "POST /r/report", Need: page.Open, MaxBody: page.MaxForm, Serve: x.add},
		{Pattern: "POST /r/report/address", Need: page.Open, Serve: x.proveAddress},
		{Pattern: "GET /r/next", Need: page.Open, Serve: x.next},
		{Pattern: "POST /r/next", Need: page.Open, Serve: x.begin},
		{Pattern: "GET /r/deadlines.ics", Need: page.Open, Serve: x.calendar},
		{Pattern: "GET /r/receipt.pdf", Need: page.Open, Serve: x.sheet},
		{Pattern: "GET /report/uploads", Need: page.Open, Serve: x.uploads(x.ofDraft)},
		{Pattern: "POST /report/uploads", Need: page.Open, Serve: x.beginUpload(x.ofDraft)},
		{Pattern: "GET /report/uploads/{upload}", Need: page.Open, Serve: x.upload(x.ofDraft)},
		{Pattern: "POST /report/uploads/{upload}", Need: page.Open, MaxBody: intake.MaxPartBytes + 1<<10, Serve: x.putPart(x.ofDraft)},
		{Pattern: "POST /report/uploads/{upload}/remove", Need: page.Open, Serve: x.removeUpload(x.ofDraft)},
		{Pattern: "GET /r/uploads", Need: page.Open, Serve: x.uploads(x.ofReport)},
		{Pattern: "POST /r/uploads", Need: page.Open, Serve: x.beginUpload(x.ofReport)},
		{Pattern: "GET /r/uploads/{upload}", Need: page.Open, Serve: x.upload(x.ofReport)},
		{Pattern: "POST /r/uploads/{upload}", Need: page.Open, MaxBody: intake.MaxPartBytes + 1<<10, Serve: x.putPart(x.ofReport)},
		{Pattern: "POST /r/uploads/{upload}/remove", Need: page.Open, Serve: x.removeUpload(x.ofReport)},
		{Pattern: "GET /r/{code}", Need: page.Open, Serve: x.exchange},
		{Pattern: "GET /a/letter", Need: page.Open, Serve: x.letter},
		{Pattern: "POST /a/letter", Need: page.Open, MaxBody: page.MaxForm, Serve: x.answerLetter},
		{Pattern: "GET /a/{code}", Need: page.Open, Serve: x.openLetter},
		{Pattern: "GET /about", Need: page.Open, Serve: x.about},
		{Pattern: "GET /contact", Need: page.Open, Serve: x.contact},
		{Pattern: "GET /privacy", Need: page.Open, Serve: x.privacy},
		{Pattern: "GET /accessibility", Need: page.Open, Serve: x.accessibility},
		{Pattern: "GET /rfc2350", Need: page.Open, Serve: x.rfc},
		{Pattern: "GET /rfc2350.txt", Need: page.Open, Serve: x.rfcText},
		{Pattern: "GET /robots.txt", Need: page.Open, Serve: robots},
		{Pattern: "GET /pgp-key.asc", Need: page.Open, Serve: x.key},
		{Pattern: "GET /smime-certificate.pem", Need: page.Open, Serve: x.certificate},
		{Pattern: "GET /document-keys.txt", Need: page.Open, Serve: x.documentKeys},
		{Pattern: "GET /.well-known/openpgpkey/{rest...}", Need: page.Open, Serve: x.wkd},
		{Pattern: "GET /.well-known/security.txt", Need: page.Open, Serve: x.securityTxt},
	}, x.registerRoutes()...)
}

// Frame is what stands around a public page.
func (x *Public) frame(v *page.Visit, here, title string) page.PublicView {
	return page.PublicView{
		Frame: page.Frame{P: v.P, Site: x.Site, Title: title, Now: v.Now, Path: v.R.URL.RequestURI(), Footer: Footer(v.P), Theme: theme(v)},
		Nav:   Nav(v.P, here),
	}
}

func theme(v *page.Visit) string {
	if c, err := v.R.Cookie("theme"); err == nil {
		return c.Value
	}
	return ""
}

// Fail shows a refusal on a public page.
func (x *Public) Fail(v *page.Visit, kind errs.Kind, said, reference string) error {
	f := x.frame(v, "", "")
	f.PhoneBar = kind == errs.Limit || kind == errs.Unavailable || kind == errs.Internal // who is in trouble can still call
	return v.ShowStatus(kind.HTTP(), page.Error(page.NewError(f, kind, said, reference)))
}

func (x *Public) home(v *page.Visit) error {
	return v.Show(Home(HomeView{PublicView: x.frame(v, "", v.P.T("public.home.title")), Doors: Doors(v.P)}))
}

// robots keeps search engines to what is for everybody. Whoever has an address of these may open it; it is no lock.
func robots(v *page.Visit) error {
	v.W.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(v.W, "User-agent: *\nDisallow: /r/\nDisallow: /a/\nDisallow: /portal\nDisallow: /desk\nDisallow: /login\nDisallow: /api/\n")
	return nil
}

// codeCookie carries the code of a status link after it was exchanged for a clean address; it is bound to the pages of that report and ends
// with the browser's session (rule L4).
const codeCookie = "status"

func setCode(v *page.Visit, code id.Secret) {
	http.SetCookie(v.W, &http.Cookie{
		Name: codeCookie, Value: code.Reveal(), Path: "/r", HttpOnly: true, Secure: secure(v.R), SameSite: http.SameSiteLaxMode,
	})
}

// secure tells whether the reader came by TLS, or on this machine, where browsers keep Secure cookies too.
func secure(r *http.Request) bool {
	return r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

func codeOf(r *http.Request) (id.Secret, bool) {
	c, err := r.Cookie(codeCookie)
	if err != nil || !id.Valid(c.Value) {
		return id.Secret{}, false
	}
	return id.SecretOf(c.Value), true
}

// exchange takes the code out of the address at once (rule I9). It looks nothing up, so it tells nothing.
func (x *Public) exchange(v *page.Visit) error {
	unlisted(v)
	code := strings.ToLower(v.R.PathValue("code"))
	if !id.Valid(code) {
		return errs.ErrNotFound
	}
	setCode(v, id.SecretOf(code))
	return v.See("/r/report")
}

func (x *Public) track(v *page.Visit) error {
	return v.Show(Track(TrackView{PublicView: x.frame(v, "track", v.P.T("public.track.title")), Action: "/r"}))
}

// enter takes a typed code.
func (x *Public) enter(v *page.Visit) error {
	typed := v.R.PostFormValue("code")
	code := strings.ToLower(strings.NewReplacer(" ", "", "-", "").Replace(typed))
	if i := strings.LastIndexByte(code, '/'); i >= 0 {
		code = code[i+1:]
	}
	if draft, err := intake.OpenDraft(v.Ctx(), x.DB, v.Now, id.SecretOf(code)); err == nil {
		if draft.Kind == intake.RegistrationDraft {
			w := &enrolling{code: id.SecretOf(code), draft: draft}
			setEnrol(v, w.code)
			return v.See(x.enrolResume(w))
		}
		w := &writing{code: id.SecretOf(code), draft: draft}
		if err := x.settle(v, w); err != nil {
			return err
		}
		x.setDraft(v, w.code)
		return v.See(x.resume(w))
	}
	if _, err := registration.Look(v.Ctx(), x.DB, id.SecretOf(code)); err == nil {
		setCode(v, id.SecretOf(code))
		return v.See(registeredAt)
	}
	if _, err := intake.Look(v.Ctx(), x.DB, x.Clock, id.SecretOf(code)); err != nil {
		if !errs.Is(err, errs.NotFound) {
			return err
		}
		if err := x.guessed(v); err != nil {
			return err
		}
		view := TrackView{PublicView: x.frame(v, "track", v.P.T("public.track.title")), Action: "/r", Code: typed}
		view.Problems = []page.Problem{{Field: "code", Text: v.P.T("public.track.unknown")}}
		return v.ShowStatus(http.StatusUnprocessableEntity, Track(view))
	}
	setCode(v, id.SecretOf(code))
	return v.See("/r/report")
}

func (x *Public) key(v *page.Visit) error {
	keys, err := x.Keys(v.Ctx())
	if err != nil {
		return err
	}
	v.W.Header().Set("Content-Type", "application/pgp-keys")
	v.W.Header().Set("Content-Disposition", `attachment; filename="team-public-key.asc"`)
	for _, k := range keys {
		if _, err := v.W.Write(k.Armored()); err != nil {
			return nil //nolint:nilerr // the reader went away
		}
	}
	return nil
}

// certificates are the team's S/MIME certificate, while it is good, and those up to the root.
func (x *Public) certificates(v *page.Visit) ([]smime.Certificate, error) {
	if x.Certificates == nil {
		return nil, nil
	}
	chain, err := x.Certificates(v.Ctx())
	if err != nil || len(chain) == 0 || !chain[0].Signer(v.Now) {
		return nil, err
	}
	return chain, nil
}

// certificate gives them as a file that mail programs take: the team's first.
func (x *Public) certificate(v *page.Visit) error {
	chain, err := x.certificates(v)
	if err != nil {
		return err
	}
	if len(chain) == 0 {
		return errs.ErrNotFound
	}
	v.W.Header().Set("Content-Type", "application/x-pem-file")
	v.W.Header().Set("Content-Disposition", `attachment; filename="team-certificate.pem"`)
	for _, c := range chain {
		if _, err := v.W.Write(c.PEM()); err != nil {
			return nil //nolint:nilerr // the reader went away
		}
	}
	return nil
}

// wkd serves the Web Key Directory, advanced and direct method (draft-koch-openpgp-webkey-service).
func (x *Public) wkd(v *page.Visit) error {
	keys, err := x.Keys(v.Ctx())
	if err != nil {
		return err
	}
	parts := strings.Split(v.R.PathValue("rest"), "/")
	domain := ""
	if len(parts) == 3 || (len(parts) == 2 && parts[1] == "policy") {
		domain, parts = parts[0], parts[1:]
	}
	if len(parts) == 1 && parts[0] == "policy" {
		v.W.Header().Set("Content-Type", "text/plain; charset=utf-8")
		return nil
	}
	if len(parts) != 2 || parts[0] != "hu" {
		return errs.ErrNotFound
	}
	for _, k := range keys {
		for _, a := range k.Addresses() {
			_, host, _ := strings.Cut(a, "@")
			if domain != "" && !strings.EqualFold(host, domain) {
				continue
			}
			if hash, err := pgp.WKDHash(a); err == nil && hash == parts[1] {
				v.W.Header().Set("Content-Type", "application/octet-stream")
				v.W.Header().Set("Access-Control-Allow-Origin", "*")
				_, _ = v.W.Write(k.Binary())
				return nil
			}
		}
	}
	return errs.ErrNotFound
}

func (x *Public) documentKeys(v *page.Visit) error { return signedText(v, x.DocumentKeys) }

func (x *Public) securityTxt(v *page.Visit) error { return signedText(v, x.SecurityTxt) }

// signedText gives a text that the key process signed.
func signedText(v *page.Visit, of func(ctx context.Context) (string, error)) error {
	if of == nil {
		return errs.ErrNotFound
	}
	s, err := of(v.Ctx())
	if err != nil {
		return err
	}
	if s == "" {
		return errs.ErrNotFound
	}
	v.W.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = v.W.Write([]byte(s))
	return nil
}
