package app

import (
	"mime"
	"net/http"
	"regexp"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/surface/api"
)

// bytesOnly fetches every file of the incident's and the reports' pages: bytes to keep, never a page (rule F3).
func (h *house) bytesOnly(b *browser, at string) {
	t, found := h.t, 0
	for page, body := range b.crawl(3, "/desk/triage", at) {
		_, links := formsOf(page, body)
		for _, l := range links {
			if !strings.Contains(l, "/files/") && !strings.HasSuffix(l, "/original") {
				continue
			}
			a := b.get(l)
			found++
			media, params, err := mime.ParseMediaType(a.Header.Get("Content-Disposition"))
			if a.Status != http.StatusOK || a.Header.Get("Content-Type") != "application/octet-stream" || media != "attachment" || err != nil || !strings.Contains(a.Header.Get("Content-Security-Policy"), "sandbox") || a.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s: %d %v %v", l, a.Status, a.Header, err)
			}
			if name := params["filename"]; strings.ContainsAny(name, "/\\\r\n\x00\u202e\u2066") {
				t.Errorf("%s is named %q", l, name)
			}
		}
	}
	if found < 5 {
		t.Errorf("only %d files were found", found)
	}
}

// apiIsData reads every list of the API and every object named in it: JSON, and headers without a stranger's words.
func (h *house) apiIsData() {
	t := h.t
	duty, err := h.Accounts.ByEmail(t.Context(), h.DB, sample(), "duty@canary.example")
	h.must(err)
	_, token, err := h.Accounts.CreateToken(t.Context(), sample(), account.NewToken{Name: "read", Role: access.Duty, Owner: duty.UID})
	h.must(err)
	names := map[string]string{}
	found := 0
	for _, op := range api.Operations() {
		if op.Method != http.MethodGet {
			continue
		}
		path := op.Path
		noun := strings.Split(path, "/")[1]
		if strings.Contains(path, "{") {
			if strings.Contains(path, "{message}") || names[noun] == "" {
				continue
			}
			path = strings.NewReplacer("{ref}", names[noun], "{id}", names[noun]).Replace(path)
		}
		switch path {
		case "/search":
			path += "?q=canary"
		case "/contacts", "/assets", "/proofs":
			path += "?organisation=" + names["organisations"]
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+h.Config.HTTP+"/api/v1"+path, nil)
		h.must(err)
		r.Header.Set("Authorization", "Bearer "+token.Reveal())
		a := h.browser().do(r)
		if m := regexp.MustCompile(`"id":"([^"]+)"`).FindStringSubmatch(a.Body); m != nil && names[noun] == "" {
			names[noun] = m[1]
		}
		if a.Status >= 500 {
			t.Errorf("%s: %d", path, a.Status)
		}
		if kind := a.Header.Get("Content-Type"); a.Status == http.StatusOK && kind != "application/json" && kind != "application/octet-stream" && !strings.HasSuffix(path, "/original") {
			t.Errorf("%s is %s", path, kind)
		}
		if strings.Contains(a.Body, "Canary") {
			found++
		}
		for name, list := range a.Header {
			if v := strings.Join(list, " "); strings.Contains(v, "Canary") && name != "Content-Disposition" {
				t.Errorf("%s: header %s is %q", path, name, v)
			}
		}
	}
	if found < 5 {
		t.Errorf("only %d answers of the API hold a stranger's text", found)
	}
}
