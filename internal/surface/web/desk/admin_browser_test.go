package desk_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page/pagetest"
)

// shown is a page of the office as a component: what its mux answers, under the nonce of the page that is looked at.
func (p person) shown(method, path string, pairs ...string) templ.Component {
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return templ.ComponentFunc(func(ctx context.Context, w io.Writer) error {
		r := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.AddCookie(&http.Cookie{Name: "desk", Value: p.secret})
		got := httptest.NewRecorder()
		p.mux.ServeHTTP(got, r)
		_, err := w.Write(got.Body.Bytes())
		return err
	})
}

// ready is an office where something happened.
func readyOffice(t *testing.T) (*office, person) {
	t.Helper()
	h := openOffice(t)
	root := h.as("Root")
	h.keys = teamKeys(t, h.Clock.Now())
	_, err := h.accounts.GrantRole(t.Context(), root.actor(), h.uid("Ana"), access.Lead)
	h.must(err)
	root.do("POST", "/desk/admin/tokens", "name", "Port sensors", "owner", "machine", "role", "machine", "networks", "192.0.2.0/24 2001:db8::/32", "days", "30")
	root.do("POST", "/desk/admin/tokens", "name", "Reader of the ministry", "owner", "machine", "role", "auditor", "scopes", "read_cases", "days", "7")
	return h, root
}

func TestBrowserAdminPeople(t *testing.T) {
	h, root := readyOffice(t)
	pagetest.Look(t, "admin-people", pagetest.Desk, root.shown("GET", "/desk/admin/people"))
	pagetest.Glance(t, "admin-person", pagetest.Desk, root.shown("GET", "/desk/admin/people/"+h.uid("Ana")))
	pagetest.Glance(t, "admin-person-wrong", pagetest.Desk, root.shown("POST", "/desk/admin/people", "name", "Nia", "email", "no address", "lang", "pt"))
	pagetest.Glance(t, "admin-waiting", pagetest.Desk, root.shown("GET", "/desk/admin/waiting"))
	pagetest.Glance(t, "admin-tokens-de", pagetest.Desk, root.shown("GET", "/desk/admin/tokens?lang=de"))
}

func TestBrowserAdminKeys(t *testing.T) {
	h, root := readyOffice(t)
	pagetest.Look(t, "admin-keys", pagetest.Desk, root.shown("GET", "/desk/admin/keys"))
	pagetest.Glance(t, "admin-index", pagetest.Desk, root.shown("GET", "/desk/admin"))
	pagetest.Glance(t, "admin-leave", pagetest.Desk, root.shown("GET", "/desk/admin/people/"+h.uid("Ana")+"/disable"))
	pagetest.Glance(t, "audit", pagetest.Desk, root.shown("GET", "/desk/audit"))
}

func TestBrowserAdminMail(t *testing.T) {
	_, root := readyOffice(t)
	pagetest.Look(t, "admin-mail", pagetest.Desk, root.shown("GET", "/desk/admin/mail"))
	was, strict := roadPairs("was", "signed", "signed", "notice", "notice", "refused"), roadPairs("want", "signed", "notice", "notice", "refused", "refused")
	pagetest.Glance(t, "admin-mail-compare", pagetest.Desk, root.shown("POST", "/desk/admin/mail/compare", append(was, strict...)...))
	pagetest.Glance(t, "admin-mail-change", pagetest.Desk, root.shown("GET", "/desk/admin/mail/change"))
	root.do("POST", "/desk/admin/stop-mail", "to", "stop", "why", "A wrong template went out")
	pagetest.Glance(t, "admin-stop", pagetest.Desk, root.shown("GET", "/desk/admin/stop-mail"))
	pagetest.Glance(t, "admin-entitlements", pagetest.Desk, root.shown("GET", "/desk/admin/entitlements"))
}
