package portal_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/kit/browsertest"
)

// Rui says that a domain is his organisation's, types the code that was mailed to its postmaster, and sees it among the assets; a colleague of another
// organisation finds none of it.
func TestAssetsAreProvedInThePortal(t *testing.T) {
	h := open(t)
	b, other := h.browser(), h.browser()
	b.signIn("rui.tavares@aguasdovale.example")
	other.signIn("ines.faria@porto.example")
	if a := b.post("/portal/assets/new", "value", "vale.example", "way", "file"); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, "cannot be proved in this way") {
		t.Errorf("a file for a domain: %d", a.status)
	}
	if a := b.post("/portal/assets/new", "value", "<script>", "way", "dns"); a.status != http.StatusUnprocessableEntity || strings.Contains(a.body, "<script>\"") || !strings.Contains(a.body, "&lt;script&gt;") {
		t.Errorf("no asset: %d", a.status)
	}
	at := strings.TrimSuffix(b.post("/portal/assets/new", "value", "vale.example", "way", "mail", "role", "postmaster").location, "?done=claimed")
	if !strings.HasPrefix(at, "/portal/proofs/") || h.code == "" {
		t.Fatalf("%q, %q", at, h.code)
	}
	page := b.get(at)
	if page.status != http.StatusOK || !strings.Contains(page.body, "postmaster@vale.example") || strings.Contains(page.body, h.code) {
		t.Errorf("the page of the proof: %d", page.status)
	}
	for what, status := range map[string]int{"read": other.get(at).status, "typed": other.post(at+"/code", "code", h.code).status, "ended": other.post(at+"/withdraw", "pressed", "1").status} {
		if status != http.StatusNotFound {
			t.Errorf("%s by another organisation: %d", what, status)
		}
	}
	if a := b.post(at+"/code", "code", "00000-00000"); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, "not the code of the letter") {
		t.Errorf("a wrong code: %d", a.status)
	}
	if a := b.post(at+"/code", "code", h.code); !strings.HasSuffix(a.location, "done=proved") {
		t.Errorf("the code: %d to %q", a.status, a.location)
	}
	if list := b.get("/portal/assets"); !strings.Contains(list.body, "vale.example") || !strings.Contains(list.body, "Proved until") {
		t.Error("it is not among the assets")
	}
	if list := other.get("/portal/assets"); strings.Contains(list.body, "vale.example") {
		t.Error("another organisation sees it")
	}
}

// The pages on the way of a proof are fit to be seen.
func TestBrowserAssets(t *testing.T) {
	h := open(t)
	b := h.browser()
	b.signIn("rui.tavares@aguasdovale.example")
	path := func(pairs ...string) string {
		return strings.TrimSuffix(b.post("/portal/assets/new", pairs...).location, "?done=claimed")
	}
	dns := path("value", "aguas-do-vale-e-do-mar-e-dos-montes.example", "way", "dns")
	file := path("value", "www.aguasdovale.example", "host", "1", "way", "file")
	mail := path("value", "vale.example", "way", "mail", "role", "hostmaster")
	registry := path("value", "192.0.0.0/22", "way", "registry", "evidence", "inetnum:        192.0.0.0 - 192.0.3.255\nnetname:        VALE\norg:            ORG-VALE1-RIPE\nmnt-by:         VALE-MNT\nsource:         RIPE\n")
	p := browsertest.New(t)
	e := eye{t, p, h.url}
	p.Open(h.url + "/door?email=rui.tavares@aguasdovale.example")
	for _, x := range [][2]string{{"assets", "/portal/assets"}, {"asset-new", "/portal/assets/new"}, {"proof-dns", dns}, {"proof-file", file}, {"proof-mail", mail}, {"proof-registry", registry}, {"asset-new-de", "/portal/assets/new?lang=de"}, {"proof-dns-de", dns + "?lang=de"}} {
		e.look(x[0], x[1])
	}
	p.Quiet()
}
