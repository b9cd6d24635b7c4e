package entry_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/account"
)

// Rui chooses language, zone and mail; the pages follow at once; what nobody offers is refused beside its field; the team has no news to choose.
func TestSettingsAreOnesOwn(t *testing.T) {
	h := open(t, account.Desk, account.Portal)
	b := h.browser()
	b.do("POST", "/login", "email", "rui@aguas.example", "password", password)
	b.do("GET", "/portal/account/settings?lang=fr") // a link of the page chose French
	if a := b.do("GET", "/portal/account/settings"); a.status != http.StatusOK || !strings.Contains(a.body, "Paramètres") || !strings.Contains(a.body, `name="asked"`) {
		t.Fatalf("%d %s", a.status, a.body)
	}
	for _, bad := range [][]string{
		{"lang", "xx", "zone", "Europe/Lisbon", "asked", "1", "written", "0", "stands", "0"},
		{"lang", "en", "zone", "/etc/passwd", "asked", "1", "written", "0", "stands", "0"},
		{"lang", "en", "zone", "", "asked", "9", "written", "0", "stands", "0"},
		{"lang", "en", "zone", ""},
	} {
		if a := b.do("POST", "/portal/account/settings", bad...); a.status != http.StatusUnprocessableEntity && a.status != http.StatusBadRequest || !strings.Contains(a.body, `class="error"`) {
			t.Errorf("%v: %d", bad, a.status)
		}
	}
	if a := b.do("POST", "/portal/account/settings", "lang", "de", "zone", "Europe/Lisbon", "asked", "2", "written", "0", "stands", "1"); a.location != "/portal/account/settings?done=saved" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	a := b.do("GET", "/portal/account/settings?done=saved")
	for _, want := range []string{"Ihre Einstellungen sind gespeichert", `value="Europe/Lisbon" selected`, `value="2" selected`, `lang="de"`} {
		if !strings.Contains(a.body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	m := h.browser()
	m.do("POST", "/login", "email", "marta@cert.example", "password", password)
	if a := m.do("GET", "/desk/account/settings"); a.status != http.StatusOK || strings.Contains(a.body, `name="asked"`) {
		t.Errorf("%d", a.status)
	}
	if a := m.do("POST", "/desk/account/settings", "lang", "pt", "zone", "UTC", "asked", "2"); a.location != "/desk/account/settings?done=saved" {
		t.Errorf("%d", a.status)
	}
}
