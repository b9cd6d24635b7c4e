package entry_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/browsertest"
)

// Rui makes a passkey with his device, signs in with it alone, proves himself by it, and removes it; the site's policy stands.
func TestBrowserAPasskey(t *testing.T) {
	h := open(t, both...)
	p := browsertest.New(t)
	e := eye{t, p, strings.Replace(h.url, "127.0.0.1", "localhost", 1)}
	p.Passkeys()
	p.Open(e.url + "/login?next=passkeys&lang=en")
	p.Type("#email", "rui@aguas.example")
	p.Type("#password", password)
	p.Click("main form .btn-primary")
	p.Wait("form[data-passkey=create]:not([hidden])")
	e.look("passkey-add", "")
	p.Type("#name", "My telephone")
	p.Click("form[data-passkey] .btn")
	p.Wait(".codes")
	p.Open(e.url + "/portal/account/factor")
	p.Wait(".session")
	e.look("passkey-list", "")
	e.look("passkey-list-de", "/portal/account/factor?lang=de")
	p.Open(e.url + "/portal/account?lang=en")
	h.endAll(t)
	p.Open(e.url + "/login?next=account&lang=en")
	p.Wait("form[data-passkey=get]:not([hidden])")
	e.look("passkey-login", "")
	p.Click("form[data-passkey] .btn")
	p.Wait(".session")
	h.Clock.Advance(11 * time.Minute)
	p.Open(e.url + "/portal/account/passkeys")
	p.Wait("form[data-passkey=get]:not([hidden])")
	e.look("passkey-prove", "")
	p.Click("form[data-passkey] .btn")
	p.Wait("form[data-passkey=create]:not([hidden])")
	p.Open(e.url + "/portal/account/factor")
	p.Click("main .session form .btn")
	p.Wait(".callout-ok[role=status]") // said of what was just done; the other one stands there always
	p.Quiet()
	// The device has one that we know no more.
	p.Open(e.url + "/login?next=account&lang=en")
	p.Wait("form[data-passkey=get]:not([hidden])")
	p.Click("form[data-passkey] .btn")
	p.Wait(".callout-crit")
	e.look("passkey-refused", "")
}

// endAll ends every session, as the night does.
func (h *house) endAll(t *testing.T) {
	t.Helper()
	h.Clock.Advance(13 * time.Hour)
}

// Without a script nothing asks for a passkey, and nothing that is posted by hand comes through.
func TestPasskeysByHand(t *testing.T) {
	h := open(t, both...)
	b := h.browser()
	if a := b.do("GET", "/login"); !strings.Contains(a.body, `data-passkey="get"`) || !strings.Contains(a.body, " hidden") || !strings.Contains(a.body, "passkey.") {
		t.Errorf("%s", a.body)
	}
	for _, answer := range []string{"", "{}", "[]", `{"id":"AA","rawId":"AA","type":"public-key","response":{}}`, strings.Repeat("x", 9000), "\x00\xff"} {
		if a := b.do("POST", "/login/passkey", "passkey", answer, "next", "//evil.example"); a.status != http.StatusUnauthorized && a.status != http.StatusTooManyRequests || a.location != "" {
			t.Errorf("%.40q: %d %s", answer, a.status, a.location)
		}
	}
	b.do("POST", "/login", "email", "rui@aguas.example", "password", password)
	for _, pairs := range [][]string{{"name", "x", "passkey", "{}"}, {"name", "", "passkey", ""}, {"name", strings.Repeat("x", 100), "passkey", "\xff"}} {
		if a := b.do("POST", "/portal/account/passkeys", pairs...); a.status != http.StatusUnprocessableEntity && a.status != http.StatusBadRequest {
			t.Errorf("%v: %d", pairs[1], a.status)
		}
	}
	if a := b.do("POST", "/portal/account/passkeys/"+strings.Repeat("0", 26)+"/end"); a.status != http.StatusNotFound {
		t.Errorf("%d", a.status)
	}
	h.Clock.Advance(11 * time.Minute)
	if a := b.do("POST", "/portal/account/prove", "passkey", "{}", "next", "factor"); a.status != http.StatusUnauthorized {
		t.Errorf("%d", a.status)
	}
	if a := b.do("GET", "/portal/account/passkeys"); a.location != "/portal/account/prove?next=passkeys" {
		t.Errorf("%d %s", a.status, a.location)
	}
}
