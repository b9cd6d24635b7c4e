package app

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// TestTheLastTenthOfTheDisk lets the disk fill up: first strangers are refused, with a sentence and their answers; then portal and API; the desk and
// what was accepted go on to the end. /readyz and the metrics say so. With room again the same form is taken once (rule D3).
func TestTheLastTenthOfTheDisk(t *testing.T) { onEach(t, lastTenth) }

func lastTenth(h *house) {
	t := h.t
	const mib = uint64(1 << 20)
	var percent atomic.Uint64
	percent.Store(50)
	h.diskFree = func(string) (free, total uint64, ok bool) { return percent.Load() * mib, 100 * mib, true }
	hospital, _ := h.organisation("Hospital", "en", "Rui", "rui@hospital.example", nil)
	ana := h.account(access.Analyst, "ana@cert.valmora.example", "")
	_, token, err := h.Accounts.CreateToken(t.Context(), sample(), account.NewToken{Name: "script", Role: access.Analyst, Owner: ana.UID})
	h.must(err)
	h.serve()
	desk, portal, stranger := h.browser(), h.person(access.Constituent, "rui@hospital.example", hospital.UID), h.browser()
	desk.signIn("ana@cert.valmora.example")
	code := id.New()
	report := func(summary string) answer {
		return stranger.send("/report/short", values("code", code, "summary", summary, "description", "Text", "ongoing", "no", "email", "eva@away.example", "tlp", "GREEN"))
	}
	mail := func() error {
		return deliver(h.Config.SMTP, "a@away.example", teamAddress, head("a@away.example", teamAddress, "Lost")+"\r\nText\r\n")
	}
	api := func() answer {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, stranger.base+"/api/v1/reports", strings.NewReader(`{"summary":"By API","tlp":"GREEN","reporter":{"name":"Eva","email":"eva@away.example"}}`))
		h.must(err)
		r.Header.Set("Authorization", "Bearer "+token.Reveal())
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", unique())
		return h.browser().do(r)
	}
	own := func() answer {
		return portal.send("/portal/reports/new", values("summary", "By portal", "description", "Text", "ongoing", "no", "tlp", "AMBER"))
	}
	writes := func(when string) {
		t.Helper()
		if to := desk.post("/desk/incidents", "title", when, "summary", "Text", "tlp", "TLP:AMBER", "pap", ""); !strings.HasPrefix(to, "/desk/incidents/") {
			t.Errorf("%s: the desk was led to %s", when, to)
		}
	}
	sees := func(when string, a answer, status int, parts ...string) {
		t.Helper()
		if a.Status != status {
			t.Errorf("%s: %d to %q, want %d\n%s", when, a.Status, a.to(), status, plain(a.Body))
		}
		for _, p := range parts {
			if !strings.Contains(a.Body, p) {
				t.Errorf("%s: no %q in\n%s", when, p, plain(a.Body))
			}
		}
	}
	filed := func(n int) {
		t.Helper()
		h.eventually("the reports that were taken", func() bool { return len(h.dump(t.Context(), "intake_report")) == n })
	}
	const sentence = "Our disk has little room left"

	sees("with room", report("First"), http.StatusSeeOther)
	h.must(deliver(h.Config.SMTP, "rui@hospital.example", teamAddress, head("rui@hospital.example", teamAddress, "Lost")+"\r\nText\r\n"))
	percent.Store(9)
	filed(2) // what was accepted is filed and answered
	h.letter("rui@hospital.example")
	code = id.New()
	sees("a form", report("Second, which waits"), http.StatusServiceUnavailable, sentence, "Nothing of this was kept", "Second, which waits", "eva@away.example", "+999 1")
	if err := mail(); err == nil || !strings.HasPrefix(err.Error(), "452 ") || !strings.Contains(err.Error(), "4.3.1 our disk") || !strings.Contains(err.Error(), "little room left") {
		t.Errorf("a mail: %v", err)
	}
	writes("at nine percent")
	sees("portal", own(), http.StatusSeeOther)
	sees("API", api(), http.StatusCreated)
	filed(4)
	h.eventually("/readyz says it", func() bool {
		a := stranger.get("/readyz")
		return a.Status == http.StatusServiceUnavailable && strings.Contains(a.Body, "mail from outside are refused")
	})
	res, err := http.Get("http://" + h.Config.Metrics + "/metrics") //nolint:noctx // a test
	h.must(err)
	defer res.Body.Close()
	metrics, err := io.ReadAll(res.Body)
	h.must(err)
	for _, line := range []string{`tocsin_lane_room{lane="public"} 0`, `tocsin_lane_room{lane="api"} 1`, `tocsin_lane_room{lane="desk"} 1`, `tocsin_lane_waiting{lane="public"} 0`} {
		if !strings.Contains(string(metrics), line+"\n") {
			t.Errorf("the metrics have no line %s", line)
		}
	}

	percent.Store(4)
	sees("portal", own(), http.StatusServiceUnavailable, sentence)
	sees("API", api(), http.StatusServiceUnavailable, sentence)
	writes("at four percent")
	h.person(access.Lead, "lea@cert.valmora.example", "") // who comes to help can sign in
	sees("the health of the house", h.person(access.Admin, "adm@cert.valmora.example", "").get("/desk/admin"), http.StatusOK, "only the desk and letters that go out still write")

	percent.Store(50)
	for range 2 {
		sees("the same form", report("Second, which waits"), http.StatusSeeOther)
	}
	h.must(mail())
	filed(6)
	if a := stranger.get("/readyz"); strings.Contains(a.Body, "of the disk is free") {
		h.eventually("/readyz is well", func() bool { return !strings.Contains(stranger.get("/readyz").Body, "of the disk is free") })
	}
}
