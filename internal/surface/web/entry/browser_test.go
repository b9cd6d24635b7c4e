package entry_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/pquerna/otp/totp"

	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/kit/browsertest"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/entry"
)

// eye looks at whole pages in every form and keeps pictures in the folder TOCSIN_SHOTS.
type eye struct {
	*testing.T
	p   *browsertest.Page
	url string
}

func (e eye) look(name, path string) {
	e.Helper()
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{1440, 320} {
			if os.Getenv("TOCSIN_SHOTS") == "" && (scheme == "light") != (width == 1440) {
				continue // wide in light and narrow in dark meet every rule once
			}
			e.p.Scheme(scheme)
			e.p.Viewport(width, 900)
			if path != "" {
				if status := e.p.Open(e.url + path); status != 200 {
					e.Fatalf("%s: status %d", path, status)
				}
			}
			e.p.Do(chromedp.Evaluate[chromedp.Void](`document.fonts.ready.then(() => new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => r()))))`, chromedp.EvalAwaitPromise))
			e.judge(fmt.Sprintf("%s-%s-%d", name, scheme, width))
		}
	}
	e.p.Scheme("light")
	e.p.Viewport(1440, 900)
}

func (e eye) judge(name string) {
	e.Helper()
	for _, f := range e.p.Axe() {
		e.Errorf("%s: axe: %v", name, f)
	}
	if over := browsertest.Get(e.p, chromedp.Evaluate[int](`document.documentElement.scrollWidth - document.documentElement.clientWidth`)); over > 0 {
		e.Errorf("%s scrolls sideways by %d px", name, over)
	}
	if dir := os.Getenv("TOCSIN_SHOTS"); dir != "" {
		e.p.Screenshot(filepath.Join(dir, name+".png"))
	}
}

// enrol gives Rui a second factor.
func (h *house) enrol() (secret string) {
	h.Helper()
	b := h.browser()
	b.signIn("rui@aguas.example")
	by, _, err := h.accounts.BySession(h.Context(), account.Portal, b.cookies[entry.Cookie(account.Portal)])
	h.must(err)
	drawn, err := h.accounts.EnrolTOTP(h.Context(), by)
	h.must(err)
	secret = drawn.Secret.Reveal()
	_, err = h.accounts.ConfirmTOTP(h.Context(), by, h.code(secret))
	h.must(err)
	h.Clock.Advance(time.Minute) // the next code
	return secret
}

func (h *house) code(secret string) string {
	h.Helper()
	c, err := totp.GenerateCode(secret, h.Clock.Now())
	h.must(err)
	return c
}

// Rui signs in with password and code and looks after his account; every page is fit to be seen, and nothing needs a script.
func TestBrowserSigningIn(t *testing.T) {
	h := open(t, both...)
	secret := h.enrol()
	p := browsertest.New(t)
	e := eye{t, p, h.url}
	e.look("login", "/login")
	e.look("login-de", "/login?lang=de")
	p.Open(h.url + "/login?next=account&lang=en")
	p.Type("#email", "rui@aguas.example")
	p.Type("#password", password)
	p.Click("main form .btn-primary")
	p.Wait("#code")
	e.look("code", "")
	p.Type("#code", h.code(secret))
	p.Click("main form .btn-primary")
	p.Wait(".session")
	e.look("account", "")
	for name, path := range map[string]string{"password": "/password", "factor": "/factor", "settings": "/settings", "settings-de": "/settings?lang=de", "prove": "/prove?next=factor&lang=en"} {
		e.look(name, "/portal/account"+path)
	}
	p.Open(h.url + "/portal/account/factor")
	p.Click("main form .btn")
	p.Wait(".qr")
	e.look("enrol", "")
	p.Open(h.url + "/portal/account/factor")
	p.Click("main form .btn + .btn")
	p.Wait(".codes")
	e.look("codes", "")
	p.Quiet()
	// What follows makes the browser speak of an answer of 401.
	p.Open(h.url + "/login")
	p.Type("#email", "rui@aguas.example")
	p.Type("#password", "wrong-but-long-enough")
	p.Click("main form .btn-primary")
	p.Wait(".callout-crit")
	e.look("login-refused", "")
}

func TestBrowserSigningInWithoutScript(t *testing.T) {
	h := open(t, both...)
	secret := h.enrol()
	p := browsertest.New(t)
	p.WithoutScript()
	if status := p.Open(h.url + "/login?next=account"); status != http.StatusOK {
		t.Fatal(status)
	}
	p.Type("#email", "rui@aguas.example")
	p.Type("#password", password)
	p.Click("main form .btn-primary")
	p.Wait("#code")
	p.Type("#code", h.code(secret))
	p.Click("main form .btn-primary")
	p.Wait(".session")
}
