package entry_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
)

func TestALinkChoosesAPasswordOnce(t *testing.T) {
	t.Parallel()
	h := open(t, both...)
	_, link, err := h.accounts.Create(t.Context(), access.System("setup"), account.NewAccount{Email: "ada@cert.example", Name: "Ada Reis", Roles: []access.Role{access.Admin}})
	h.must(err)
	at := "/welcome/" + link.Reveal()
	b := h.browser()

	// Looking at it, as a mail scanner does, uses nothing up and tells nothing of whom it is for.
	for range 2 {
		if a := b.get(at); a.status != http.StatusOK || strings.Contains(a.body, "ada@cert.example") || strings.Contains(a.body, "Ada Reis") {
			t.Fatalf("the page behind the link: %d", a.status)
		}
	}
	if a := b.post(at, "password", "short"); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, `id="password"`) {
		t.Fatalf("a short password: %d", a.status)
	}
	if a := b.post(at, "password", password); a.status != http.StatusSeeOther || a.location != "/login?done=password" {
		t.Fatalf("choosing a password: %d %s", a.status, a.location)
	}
	if a := b.signIn("ada@cert.example"); a.status != http.StatusSeeOther {
		t.Fatalf("signing in with it: %d", a.status)
	}
	for _, a := range []answer{b.get(at), b.post(at, "password", "another-lantern-42-quay")} {
		if a.status != http.StatusNotFound || !strings.Contains(a.body, "no longer works") {
			t.Errorf("a used link: %d", a.status)
		}
	}
}

func TestAnOldOrUnknownLinkIsGone(t *testing.T) {
	t.Parallel()
	h := open(t, both...)
	_, link, err := h.accounts.Create(t.Context(), access.System("setup"), account.NewAccount{Email: "ada@cert.example", Name: "Ada Reis", Roles: []access.Role{access.Admin}})
	h.must(err)
	h.Clock.Advance(account.Invited + time.Minute)
	b := h.browser()
	for _, secret := range []string{link.Reveal(), "set_nothing", "x"} {
		for _, a := range []answer{b.get("/welcome/" + secret), b.post("/welcome/"+secret, "password", password)} {
			if a.status != http.StatusNotFound || !strings.Contains(a.body, "no longer works") {
				t.Errorf("link %.5s…: %d", secret, a.status)
			}
		}
	}
	if a := b.get("/welcome/" + link.Reveal() + "?lang=pt"); !strings.Contains(a.body, "já não funciona") {
		t.Error("the page does not speak Portuguese")
	}
}
