package desk_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/openid"
	"github.com/tocsin-csirt/tocsin/internal/kit/openid/openidtest"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page/pagetest"
)

// An administrator enters a provider: the secret is typed once and never shown, the address for the provider's own side stands there, and whether it answers.
func TestBrowserAdminSignIn(t *testing.T) {
	h := openOffice(t)
	i := openidtest.New(t, h.Clock.Now)
	h.accounts.Elsewhere = openid.New(openidtest.Reach(), h.Clock.Now)
	h.accounts.Sites = map[account.Door]string{account.Desk: "https://desk.example", account.Portal: "https://cert.example"}
	root, ana := h.as("Root"), h.as("Ana")
	root.sees(root.get("/desk/admin/sign-in"), 200, "No other service signs anybody in")
	if a := ana.get("/desk/admin/sign-in"); a.status != http.StatusForbidden {
		t.Errorf("the analyst: %d", a.status)
	}
	root.sees(root.do("POST", "/desk/admin/sign-in/new", "name", "Ministry", "issuer", "http://x.example", "client", "a", "secret", "sesame-open", "desk", "1"), 422, `href="#issuer"`, `href="#acr"`, `value="Ministry"`, "!sesame-open")
	typed := []string{"name", "Ministry <b>", "issuer", i.URL, "client", "tocsin", "secret", "sesame-open", "desk", "1", "portal", "1", "active", "1", "amr", "mfa  hwk"}
	made := root.do("POST", "/desk/admin/sign-in/new", typed...)
	if made.status != http.StatusSeeOther || !strings.HasSuffix(made.location, "?looked=ok") {
		t.Fatalf("%d %s %s", made.status, made.location, made.body)
	}
	at := strings.TrimSuffix(made.location, "?looked=ok")
	root.sees(root.get(made.location), 200, "answers and is the one", "https://desk.example/login/with/", "https://cert.example/login/with/", "Ministry &lt;b&gt;", `value="mfa hwk"`, "One is kept", "!sesame-open")
	root.sees(root.get("/desk/admin/sign-in"), 200, "mfa, hwk", i.URL)
	i.Says = func(m map[string]any) { m["issuer"] = "https://other.example" }
	if a := root.do("POST", at+"/look"); !strings.HasSuffix(a.location, "?looked=metadata") {
		t.Errorf("%d %s", a.status, a.location)
	}
	pagetest.Look(t, "admin-sign-in", pagetest.Desk, root.shown("GET", at+"?looked=metadata"))
	pagetest.Glance(t, "admin-sign-in-list-de", pagetest.Desk, root.shown("GET", "/desk/admin/sign-in?lang=de"))
	pagetest.Glance(t, "admin-sign-in-de", pagetest.Desk, root.shown("GET", at+"?lang=de"))
	if _, err := h.DB.Exec(t.Context(), `INSERT INTO account_identity (uid, account, provider, issuer, subject, linked_at) SELECT $1, o.id, p.id, p.issuer, 'x', $2 FROM account_provider p, object o WHERE o.uid = $3`,
		id.New(), h.Clock.Now(), h.uid("Ana")); err != nil {
		t.Fatal(err)
	}
	root.sees(root.get("/desk/admin/people/"+h.uid("Ana")), 200, "Sign-in by other services", "Ministry &lt;b&gt;", "!switched off")
	pagetest.Glance(t, "admin-person-linked-de", pagetest.Desk, root.shown("GET", "/desk/admin/people/"+h.uid("Ana")+"?lang=de"))
	if a := root.do("POST", at, "name", "Ministry", "client", "tocsin", "portal", "1"); a.status != http.StatusSeeOther {
		t.Errorf("%d %s", a.status, a.body)
	}
	if p, err := h.accounts.Provider(t.Context(), h.DB, root.actor(), strings.TrimPrefix(at, "/desk/admin/sign-in/")); err != nil || !p.HasSecret || p.Active || p.Desk {
		t.Errorf("%+v %v", p, err)
	}
	root.sees(root.get("/desk/admin/people/"+h.uid("Ana")), 200, "Ministry: switched off")
	if a := root.do("POST", at+"/end"); a.status != http.StatusSeeOther {
		t.Errorf("%d", a.status)
	}
	if a := root.get(at); a.status != http.StatusNotFound {
		t.Errorf("%d", a.status)
	}
}
