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
	"sync"
	"testing"
	"time"

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

	patience = 15 * time.Second
)

// Site serves one page, and remembers what the page asked for besides.
type Site struct {
	URL string

	mu      sync.Mutex
	answers map[string]string
	signals chan string
	heard   chan string
}

// Serve gives the page at "/", the assets, and a live stream at "/live"; every other address answers with nothing, unless
// Answer said otherwise.
func Serve(t testing.TB, c templ.Component) *Site {
	t.Helper()
	assets, err := page.Assets()
	if err != nil {
		t.Fatal(err)
	}
	s := &Site{answers: map[string]string{}, signals: make(chan string), heard: make(chan string, 100)}
	mux := http.NewServeMux()
	mux.Handle("GET "+page.Prefix, assets)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		if err := page.Write(w, r, http.StatusOK, c); err != nil {
			t.Error(err)
		}
	})
	mux.HandleFunc("GET /live", s.live)
	mux.HandleFunc("/", s.other)
	server := httptest.NewServer(page.Secure(mux))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	s.URL = server.URL
	return s
}

func (s *Site) live(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	rc := http.NewResponseController(w)
	fmt.Fprint(w, "retry: 600000\n\n")
	for rc.Flush() == nil {
		select {
		case name := <-s.signals:
			fmt.Fprintf(w, "event: %s\nid: 7\ndata: 7\n\n", name)
		case <-r.Context().Done():
			return
		}
	}
}

func (s *Site) other(w http.ResponseWriter, r *http.Request) {
	what := r.Method + " " + r.URL.RequestURI()
	if r.Method == http.MethodPost {
		_ = r.ParseMultipartForm(1 << 20) // a form without files is no multipart form
		if v := r.PostForm.Get("text"); v != "" {
			what += " text=" + v
		}
	}
	if page.Unattended(r) {
		what += " by itself"
	}
	s.mu.Lock()
	body, ok := s.answers[r.URL.Path]
	s.mu.Unlock()
	if !ok {
		w.WriteHeader(http.StatusNoContent)
	} else if strings.HasPrefix(body, "<") {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, body)
	} else {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, body)
	}
	s.heard <- what
}

// Answer sets what an address answers: HTML when it begins with "<", else plain text.
func (s *Site) Answer(path, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[path] = body
}

// Signal sends a signal to the page that listens.
func (s *Site) Signal(t testing.TB, name string) {
	t.Helper()
	select {
	case s.signals <- name:
	case <-time.After(patience):
		t.Fatalf("nobody listens for %s", name)
	}
}

// Heard waits until the page has asked for what begins so: "POST /report text=…".
func (s *Site) Heard(t testing.TB, what string) {
	t.Helper()
	deadline := time.After(patience)
	var others []string
	for {
		select {
		case got := <-s.heard:
			if strings.HasPrefix(got, what) {
				return
			}
			others = append(others, got)
		case <-deadline:
			t.Fatalf("the page did not ask for %q, but for %q", what, others)
		}
	}
}

// Look fails on any finding of axe, any word in the console, sideways scrolling, or a page above its budget.
func Look(t *testing.T, name string, budget int, c templ.Component) {
	t.Helper()
	look(t, name, budget, c, []light{{"light", wide}, {"dark", wide}, {"dark", phone}, {"light", phone}})
}

// Glance is Look in two lights, for the further states of a page: light on a phone, dark on a wide screen.
func Glance(t *testing.T, name string, budget int, c templ.Component) {
	t.Helper()
	look(t, name, budget, c, []light{{"light", phone}, {"dark", wide}})
}

const (
	wide  = 1440
	phone = 320
)

// outOfSight names what a reader has to look for: the tab that is open, or a page of panes that scrolls beside them.
const outOfSight = `(() => {
	const tab = document.querySelector('.tabs [aria-current]')
	if (tab) {
		const a = tab.getBoundingClientRect(), b = tab.closest('.tabs').getBoundingClientRect()
		if (a.left < b.left - 1 || a.right > b.right + 1) return 'the open tab is out of sight: ' + tab.textContent.trim()
	}
	const over = document.documentElement.scrollHeight - innerHeight
	if (document.body.classList.contains('desk') && innerWidth > 1100 && over > 0) return 'the page scrolls beside its panes by ' + over + ' px'
	return ''
})()`

type light struct {
	scheme string
	width  int64
}

func look(t *testing.T, name string, budget int, c templ.Component, lights []light) {
	t.Helper()
	url := Serve(t, c).URL
	weigh(t, url, budget)
	p, back := browsertest.Lend(t)
	defer back()
	var width int64
	for _, l := range lights {
		p.Scheme(l.scheme)
		if l.width != width { // the page's script asks for the width once, when it is opened; the light is the style sheet's alone
			p.Viewport(l.width, 900)
			if status := p.Open(url); status != http.StatusOK {
				t.Fatalf("%s: status %d", name, status)
			}
			width = l.width
		}
		settle(p)
		as := fmt.Sprintf("%s-%s-%d", name, l.scheme, l.width)
		for _, f := range p.Axe() {
			t.Errorf("%s: axe: %v", as, f)
		}
		over := browsertest.Get(p, chromedp.Evaluate[int](`document.documentElement.scrollWidth - document.documentElement.clientWidth`))
		if over > 0 {
			t.Errorf("%s scrolls sideways by %d px", as, over)
		}
		if lost := browsertest.Get(p, chromedp.Evaluate[string](outOfSight)); lost != "" {
			t.Errorf("%s: %s", as, lost)
		}
		if dir := os.Getenv("TOCSIN_SHOTS"); dir != "" {
			p.Screenshot(filepath.Join(dir, as+".png"))
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
