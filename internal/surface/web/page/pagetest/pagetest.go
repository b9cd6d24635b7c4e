// Package pagetest looks at whole pages the way readers meet them: in Chromium, light and dark, on a phone and on a wide
// screen, under the real policy. Only tests import it.
//
//	pagetest.Look(t, "triage", pagetest.Desk, desk.Triage(view))
//
// With TOCSIN_SHOTS set to a folder, each look is kept there as a picture.
package pagetest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"github.com/chromedp/chromedp"

	"github.com/tocsin-csirt/tocsin/internal/kit/browsertest"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// The weights of a page, compressed, without fonts.
const (
	Public = 45 << 10
	Desk   = 90 << 10
	fonts  = 80 << 10
)

// Serve gives the page at "/", and the assets; every other address answers with nothing.
func Serve(t testing.TB, c templ.Component) *httptest.Server {
	t.Helper()
	assets, err := page.Assets()
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET "+page.Prefix, assets)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		if err := page.Write(w, r, http.StatusOK, c); err != nil {
			t.Error(err)
		}
	})
	mux.HandleFunc("GET /live", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "retry: 600000\n\n")
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
		<-r.Context().Done()
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	s := httptest.NewServer(page.Secure(mux))
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s
}

// Look fails on any finding of axe, any word in the console, sideways scrolling, or a page above its budget.
func Look(t *testing.T, name string, budget int, c templ.Component) {
	t.Helper()
	url := Serve(t, c).URL
	weigh(t, url, budget)
	p := browsertest.New(t)
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{1440, 320} {
			p.Scheme(scheme)
			p.Viewport(width, 900)
			if status := p.Open(url); status != http.StatusOK {
				t.Fatalf("%s: status %d", name, status)
			}
			settle(p)
			t.Run(fmt.Sprintf("%s-%s-%d", name, scheme, width), func(t *testing.T) {
				for _, f := range p.Axe() {
					t.Errorf("axe: %v", f)
				}
				over := browsertest.Get(p, chromedp.Evaluate[int](`document.documentElement.scrollWidth - document.documentElement.clientWidth`))
				if over > 0 {
					t.Errorf("scrolls sideways by %d px", over)
				}
			})
			if dir := os.Getenv("TOCSIN_SHOTS"); dir != "" {
				p.Screenshot(filepath.Join(dir, fmt.Sprintf("%s-%s-%d.png", name, scheme, width)))
			}
		}
	}
	p.Quiet()
}

// settle waits for fonts and two frames, so that what is judged is what a reader sees.
func settle(p *browsertest.Page) {
	browsertest.Get(p, chromedp.Evaluate[bool](
		`document.fonts.ready.then(() => new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => r(true)))))`, chromedp.EvalAwaitPromise))
}

var assetAddress = regexp.MustCompile(`/static/[A-Za-z0-9._-]+`)

// weigh adds up the page and what it names, as sent with gzip; fonts are what its Latin text needs.
func weigh(t *testing.T, url string, budget int) {
	t.Helper()
	html := read(t, url)
	total, letters := zipped(t, html), 0
	seen := map[string]bool{}
	for _, a := range assetAddress.FindAllString(html, -1) {
		if seen[a] {
			continue
		}
		seen[a] = true
		if strings.HasSuffix(a, ".woff2") {
			continue
		}
		total += zipped(t, read(t, url+a))
	}
	for _, f := range []string{"inter-latin-wght-normal.woff2", "ibm-plex-mono-latin-400-normal.woff2", "ibm-plex-mono-latin-500-normal.woff2"} {
		letters += len(read(t, url+page.Asset(f)))
	}
	t.Logf("%d bytes compressed, %d of fonts", total, letters)
	if total > budget || letters > fonts {
		t.Errorf("page weighs %d bytes (%d allowed), fonts %d (%d allowed)", total, budget, letters, fonts)
	}
}

func read(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d, %v", url, res.StatusCode, err)
	}
	return string(b)
}

func zipped(t *testing.T, s string) int {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, s); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Len()
}
