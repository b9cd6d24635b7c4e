package app

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
)

// TestAResetLinkLeadsToUsAndOnlyTheLastLives holds rule I7 at the page that makes the link: its host is ours whatever the request says of hosts, a
// forged Host is not served, and of a hundred links the last one alone opens; none was sent by mail, by which somebody could be flooded.
func TestAResetLinkLeadsToUsAndOnlyTheLastLives(t *testing.T) {
	onEach(t, func(h *house) {
		handler, _ := h.routes()
		h.open(handler)
		admin := h.person(access.Admin, "admin@link.example", "")
		who := h.account(access.Reporter, "who@link.example", "")
		ask := func(host string) answer {
			r, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost, admin.base+"/desk/admin/people/"+who.UID+"/password", strings.NewReader(""))
			h.must(err)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			for _, name := range []string{"X-Forwarded-Host", "X-Host", "X-Original-Host", "X-Forwarded-Server"} {
				r.Header.Set(name, "evil.example")
			}
			r.Header.Set("Forwarded", "host=evil.example;proto=https")
			r.Header.Set("X-Forwarded-Proto", "https")
			if host != "" {
				r.Host = host
			}
			return admin.do(r)
		}
		if a := ask("evil.example"); a.Status != http.StatusMisdirectedRequest {
			h.t.Errorf("a forged host is served: %d", a.Status)
		}
		var links []string
		for range 100 {
			a := ask("")
			if a.Status != http.StatusOK || strings.Contains(a.Body, "evil.example") {
				h.t.Fatalf("%d %s", a.Status, plain(a.Body))
			}
			links = append(links, h.one(`(https?://[^\s"<]+/welcome/[^\s"<]+)`, a.Body))
		}
		for i, l := range links {
			path, ours := strings.CutPrefix(l, h.publicURL())
			if !ours {
				h.t.Fatalf("the link leads to %s", l)
			}
			want := http.StatusNotFound
			if i == len(links)-1 {
				want = http.StatusOK
			}
			if a := h.browser().get(path); a.Status != want && (want == http.StatusOK || a.Status != http.StatusGone) {
				h.t.Errorf("link %d of %d: %d", i+1, len(links), a.Status)
			}
		}
		var letters int64
		h.must(h.DB.QueryRow(h.t.Context(), `SELECT COUNT(*) FROM correspondence_message`).Scan(&letters))
		if letters != 0 {
			h.t.Errorf("%d letters", letters)
		}
	})
}
