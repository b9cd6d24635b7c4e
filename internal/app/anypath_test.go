package app

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/surface/api"
)

// pieces are what path values are made of, beside bytes drawn at random.
var pieces = []string{
	"..", "/", "\\", "%2e%2e%2f", "\x00", "\r\n", "\xff\xfe", "\u202e", "\ufeff", "é", "'", "\"", "<b>", "${x}", "{{1}}", "-1", "9223372036854775808", "1e309", "INC-2026-000001", "R-2026-7K2PQX", "~", ";", "?", "#", " ", "*", "%", "policy",
}

func anyValue(r *rand.Rand) string {
	var b strings.Builder
	for range r.IntN(5) {
		switch r.IntN(6) {
		case 0:
			b.WriteString(id.New())
		case 1:
			b.WriteString(strings.Repeat(pieces[r.IntN(len(pieces))], r.IntN(300)))
		case 2:
			for range r.IntN(12) {
				b.WriteByte(byte(r.IntN(256)))
			}
		default:
			b.WriteString(pieces[r.IntN(len(pieces))])
		}
	}
	return b.String()
}

// TestEveryRouteTakesAnyPath draws values for the wildcards and parameters of every page and operation (rule W4), other ones in each run: whoever asks
// for whatever is answered, and not by an error of ours. TOCSIN_LONG=1 draws a hundred times as many. A failure tells the seed.
func TestEveryRouteTakesAnyPath(t *testing.T) {
	onEach(t, func(h *house) {
		rounds := 2
		if os.Getenv("TOCSIN_LONG") == "1" {
			rounds = 200
		}
		seed := rand.Uint64()
		r := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a test
		org, _ := h.organisation("ours", "en", "A", "a@ours.example", nil)
		handler, lines := h.routes()
		h.open(handler)
		people := map[string]*browser{"desk": h.person(access.Lead, "lead@any.example", ""), "portal": h.person(access.ConstituentAdmin, "admin@any.example", org.UID), "admin": h.person(access.Admin, "root@any.example", "")}
		token := h.script(h.account(access.Lead, "script@any.example", ""), access.Lead, "")
		asked := 0
		ask := func(pattern string, b *browser) {
			method, path, _ := strings.Cut(pattern, " ")
			path = wildcard.ReplaceAllStringFunc(strings.TrimSuffix(path, "{$}"), func(string) string { return url.PathEscape(anyValue(r)) })
			query := url.Values{}
			for _, name := range []string{"after", "q", "lang", "next", "kind", "queue", "limit", "since", "updated_after"} {
				if r.IntN(4) == 0 {
					query.Add(name, anyValue(r))
				}
			}
			req, err := http.NewRequestWithContext(h.t.Context(), method, "http://"+h.Config.HTTP+path+"?"+query.Encode(), strings.NewReader(""))
			if err != nil {
				return // no request line can carry it
			}
			req.RequestURI, req.RemoteAddr = req.URL.RequestURI(), "127.0.0.1:1"
			req.Header.Set("Sec-Fetch-Site", "same-origin")
			if b == nil {
				req.Header.Set("Authorization", "Bearer "+token)
			} else {
				for name, value := range b.cookies {
					req.AddCookie(&http.Cookie{Name: name, Value: value})
				}
			}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, req)
			asked++
			if w.Code >= 500 {
				h.t.Errorf("seed %d: %s %q: %d\n%s", seed, method, req.RequestURI, w.Code, lastFailure(h.log))
			}
			for name, values := range w.Header() {
				if strings.ContainsAny(fmt.Sprint(values), "\r\n\x00") {
					h.t.Errorf("seed %d: %s %q: header %s is %q", seed, method, req.RequestURI, name, values)
				}
			}
		}
		for range rounds {
			for _, l := range lines {
				if ends(l.Pattern) || l.Pattern == "GET /desk/live" || !strings.Contains(l.Pattern, "{") && strings.HasPrefix(l.Pattern, "POST") {
					continue
				}
				b := people["desk"]
				if l.surface == "portal" {
					b = people["portal"]
				} else if right, ok := l.Need.Right(); ok && !(access.Actor{Account: 1, Roles: []access.Role{access.Lead}}).Can(right) {
					b = people["admin"]
				}
				ask(l.Pattern, b)
			}
			for _, o := range api.Operations() {
				if o.Method == http.MethodGet || strings.Contains(o.Path, "{") {
					ask(o.Method+" /api/v1"+o.Path, nil)
				}
			}
		}
		if asked < 150*rounds {
			h.t.Errorf("only %d requests", asked)
		}
	})
}
