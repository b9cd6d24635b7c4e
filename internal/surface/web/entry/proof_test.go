package entry_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/entry"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// An act asks for a fresh proof in its middle: the page asks for the password again, keeps everything typed, and the act goes on. A wrong proof
// changes nothing, tries are counted, and the proof's own fields never reach the act (rule I5).
func TestAnActGoesOnAfterTheProof(t *testing.T) {
	h := open(t, both...)
	b := h.browser()
	b.signIn("marta@cert.example")
	texts, err := text.Load()
	h.must(err)
	deps := entry.Deps{DB: h.DB, Accounts: h.accounts, Around: func(*page.Visit) page.PublicView { return page.PublicView{} }}
	var done []map[string][]string
	s := page.Surface{Name: "desk", Clock: h.Clock, Text: texts, Zone: time.UTC, Log: h.House.Log, Login: "/login", Who: entry.Who(account.Desk, h.accounts)}
	s.Fail = func(v *page.Visit, kind errs.Kind, said, _ string) error {
		v.W.WriteHeader(kind.HTTP())
		_, err := io.WriteString(v.W, said)
		return err
	}
	s.Routes = []page.Route{{Pattern: "POST /desk/act", Need: page.SignedIn, MaxBody: 4096, Serve: func(v *page.Visit) error {
		if err := v.By.NeedFresh(v.Now); err != nil {
			return err
		}
		done = append(done, v.R.PostForm)
		return v.See("/desk/done")
	}}}
	s.Prove, s.AskProof = entry.ProofOf(deps, account.Desk)
	mux, err := s.Mux()
	h.must(err)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	h.url = server.URL

	const words = `the reason "typed" <b>before</b>`
	if a := b.post("/desk/act", "reason", words); a.status != http.StatusSeeOther || len(done) != 1 {
		t.Fatalf("fresh: %d", a.status)
	}
	h.Clock.Advance(11 * time.Minute)
	a := b.post("/desk/act", "reason", words, "party", "a", "party", "b")
	if a.status != http.StatusUnauthorized || len(done) != 1 || !strings.Contains(a.body, `name="proof-password"`) || strings.Contains(a.body, "<b>before") {
		t.Fatalf("stale: %d\n%s", a.status, a.body)
	}
	for _, kept := range []string{`name="reason" value="the reason &#34;typed&#34; &lt;b&gt;before&lt;/b&gt;"`, `name="party" value="a"`, `name="party" value="b"`, `action="/desk/act"`} {
		if !strings.Contains(a.body, kept) {
			t.Errorf("not kept: %s in\n%s", kept, a.body)
		}
	}
	was := b.cookies["__Host-desk"]
	a = b.post("/desk/act", "reason", words, "proof-password", "wrong wrong wrong")
	if a.status != http.StatusUnauthorized || len(done) != 1 || b.cookies["__Host-desk"] != was || strings.Contains(a.body, "wrong wrong") || !strings.Contains(a.body, `name="reason"`) {
		t.Errorf("a wrong proof: %d, %d acts\n%s", a.status, len(done), a.body)
	}
	if a := b.post("/desk/act", "reason", strings.Repeat("x", 5000), "proof-password", password); a.status != errs.Limit.HTTP() || len(done) != 1 {
		t.Errorf("a body over the limit: %d", a.status)
	}
	if a := b.post("/desk/act", "reason", words, "party", "a", "party", "b", "proof-password", password); a.status != http.StatusSeeOther || len(done) != 2 {
		t.Fatalf("proved: %d\n%s", a.status, a.body)
	}
	got := done[1]
	if len(got["party"]) != 2 || got["reason"][0] != words || got["proof-password"] != nil || got["proof-code"] != nil {
		t.Errorf("the act got %v", got)
	}
	if b.cookies["__Host-desk"] == was {
		t.Error("the session's secret is not new after the proof (I4)")
	}
	old := h.browser()
	old.cookies["__Host-desk"] = was
	if a := old.post("/desk/act", "reason", words); a.status != http.StatusSeeOther || a.location != "/login" || len(done) != 2 {
		t.Errorf("the secret from before the proof: %d to %s", a.status, a.location)
	}
	nobody := h.browser()
	if a := nobody.post("/desk/act", "proof-password", password); a.location != "/login" || len(done) != 2 {
		t.Errorf("nobody with a password: %d to %q", a.status, a.location)
	}
	h.Clock.Advance(11 * time.Minute)
	for range 40 {
		a = b.post("/desk/act", "reason", words, "proof-password", "wrong wrong wrong")
	}
	if a.status != errs.Limit.HTTP() || len(done) != 2 {
		t.Errorf("forty wrong proofs: %d", a.status)
	}
}
