package entry_test

import (
	"context"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/kit/browsertest"
	"github.com/tocsin-csirt/tocsin/internal/kit/openid"
	"github.com/tocsin-csirt/tocsin/internal/kit/openid/openidtest"
)

// ministry gives the house a provider on this machine.
func (h *house) ministry() (*openidtest.Issuer, account.Provider) {
	h.Helper()
	i := openidtest.New(h.T, h.Clock.Now)
	h.accounts.Elsewhere = openid.New(openidtest.Reach(), h.Clock.Now)
	p, err := h.accounts.AddProvider(context.Background(), h.Person(1, "Root", access.Admin), account.NewProvider{
		Name: "Ministry", Issuer: i.URL, ClientID: openidtest.Client, Secret: openidtest.Secret, Desk: true, Portal: true, Active: true, AMR: []string{"mfa"},
	})
	h.must(err)
	return i, p
}

var onward = regexp.MustCompile(`<a class="btn btn-primary" rel="noreferrer" href="([^"]+)"`)

// Without a script: out by a form, back by a page whose button posts what came, to the session. Nothing that was said is in an address afterwards.
func TestSigningInElsewhereWithoutAScript(t *testing.T) {
	h := open(t, both...)
	i, p := h.ministry()
	b := h.browser()
	leave := func(path string, pairs ...string) url.Values {
		t.Helper()
		a := b.do("POST", path, pairs...)
		m := onward.FindStringSubmatch(a.body)
		if m == nil || a.header.Get("Refresh") != "0; url="+html.UnescapeString(m[1]) || !strings.Contains(a.body, "127.0.0.1") {
			t.Fatalf("%d %v %s", a.status, a.header, a.body)
		}
		return i.Visit(html.UnescapeString(m[1]))
	}
	at := "/login/with/" + p.UID
	if a := b.do("GET", "/login"); !strings.Contains(a.body, `action="`+at+`"`) || !strings.Contains(a.body, "Sign in with Ministry") {
		t.Errorf("%s", a.body)
	}
	b.do("POST", "/login", "email", "rui@aguas.example", "password", password)
	back := leave("/portal/account/identities", "provider", p.UID)
	if a := b.do("GET", at+"/answer?"+back.Encode()); a.status != 200 || !strings.Contains(a.body, "data-onward") || !strings.Contains(a.body, `value="`+html.EscapeString(back.Get("code"))) || strings.Count(a.body, back.Get("code")) != 1 {
		t.Errorf("%d %s", a.status, a.body)
	}
	post := func(v url.Values) answer {
		t.Helper()
		return b.do("POST", at+"/answer", "state", v.Get("state"), "code", v.Get("code"), "iss", v.Get("iss"))
	}
	if a := post(back); a.location != "/portal/account/factor?done=linked" {
		t.Fatalf("%d %s %s", a.status, a.location, a.body)
	}
	if a := b.do("GET", "/portal/account/factor?done=linked"); !strings.Contains(a.body, "The link is made") || !strings.Contains(a.body, "Remove link") {
		t.Errorf("%s", a.body)
	}
	stranger := h.browser()
	back = leave(at, "next", "requests")
	if a := b.do("POST", at+"/answer", "state", "st_x", "code", "x"); a.status != http.StatusUnauthorized || b.cookies["__Host-away"] == "" {
		t.Errorf("another page ends a sign-in that is under way: %d", a.status)
	}
	if a := stranger.do("POST", at+"/answer", "state", back.Get("state"), "code", back.Get("code"), "iss", i.URL); a.status != http.StatusUnauthorized || !strings.Contains(a.body, "did not begin in this browser") {
		t.Errorf("%d %s", a.status, a.body)
	}
	b.do("POST", "/logout")
	back = leave(at, "next", "requests")
	if a := post(back); a.location != "/portal/requests" || b.cookies["__Host-portal"] == "" || b.cookies["__Host-desk"] != "" {
		t.Errorf("%d %s %v", a.status, a.location, b.cookies)
	}
	// A fresh proof, in a tab beside an act that waits.
	h.Clock.Advance(11 * time.Minute)
	if a := b.do("GET", "/portal/account/prove?next=password"); !strings.Contains(a.body, "Prove it with Ministry") {
		t.Errorf("%s", a.body)
	}
	if a := post(leave("/portal/account/prove/elsewhere", "provider", p.UID, "next", "tab")); a.location != "/portal/account/prove?done=tab" {
		t.Errorf("%d %s", a.status, a.location)
	}
	if a := b.do("GET", "/portal/account/prove?done=tab"); !strings.Contains(a.body, "Go back to the other tab") || strings.Contains(a.body, "current-password") {
		t.Errorf("%s", a.body)
	}
	if a := b.do("GET", "/portal/account/password"); a.status != 200 {
		t.Errorf("not proved: %d", a.status)
	}
	// What the provider says in words is not shown, and what it sends must be whole.
	for _, q := range []string{"error=access_denied&error_description=%3Cb%3ECall+us%3C%2Fb%3E", "code=x", "state=x", ""} {
		if a := b.do("GET", at+"/answer?"+q); a.status != 200 || strings.Contains(a.body, "Call us") || !strings.Contains(a.body, "signed nobody in") {
			t.Errorf("%s: %d %s", q, a.status, a.body)
		}
	}
	for _, path := range []string{"/login/with/" + strings.Repeat("0", 26), "/login/with/x"} {
		if a := b.do("POST", path); a.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	i.Close()
	h.Clock.Advance(2 * time.Hour)
	if a := b.do("POST", at); a.status != http.StatusServiceUnavailable || !strings.Contains(a.body, "does not answer now") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// In a browser the way there and back goes by itself, and the policy of our pages stands.
func TestBrowserSigningInElsewhere(t *testing.T) {
	h := open(t, both...)
	i, _ := h.ministry()
	p := browsertest.New(t)
	e := eye{t, p, strings.Replace(h.url, "127.0.0.1", "localhost", 1)}
	p.Open(e.url + "/login?next=factor&lang=en")
	e.look("elsewhere-login", "")
	p.Type("#email", "rui@aguas.example")
	p.Type("#password", password)
	p.Click("main form .btn-primary")
	p.Wait("form[action$=identities] .btn")
	p.Click("form[action$=identities] .btn")
	p.Wait(".callout-ok[role=status]")
	e.look("elsewhere-linked", "")
	p.Open(e.url + "/login?next=factor&lang=de")
	p.Click(".elsewhere .btn")
	p.Wait(".session")
	e.look("elsewhere-linked-de", "/portal/account/factor?lang=de")
	p.Quiet()
	i.Subject = "somebody else"
	p.Open(e.url + "/login?next=factor&lang=en")
	p.Click(".elsewhere .btn")
	p.Wait(".callout-crit")
	e.look("elsewhere-unlinked", "")
}
