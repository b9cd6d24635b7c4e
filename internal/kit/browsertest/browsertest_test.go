package browsertest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

const good = `<!doctype html><html lang="en"><head><title>Bell</title><link rel="icon" href="data:,">
<style>body{background:#fff;color:#000}@media(prefers-color-scheme:dark){body{background:#000;color:#fff}}</style></head>
<body><main><h1>The bell</h1><form action="/rung"><label for="w">What</label> <input id="w" name="w"><button>Ring</button></form>
<noscript><p id="plain">no script</p></noscript></main></body></html>`

const bad = `<!doctype html><html><head><title>Bell</title><link rel="icon" href="data:,"></head>
<body><main><h1>The bell</h1><input id="w"><script>console.log("inline")</script></main></body></html>`

// dim can be read in the light alone.
const dim = `<!doctype html><html lang="en"><head><title>Bell</title><link rel="icon" href="data:,">
<style>body{background:#fff;color:#222}@media(prefers-color-scheme:dark){body{background:#000}}</style></head>
<body><main><h1>The bell</h1></main><script>console.log("dim")</script></body></html>`

func serve(t *testing.T) string {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /good", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, good) })
	mux.HandleFunc("GET /rung", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `<!doctype html><title>Rung</title><link rel="icon" href="data:,"><p id="heard">%d</p>`, len(r.FormValue("w")))
	})
	mux.HandleFunc("GET /bad", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'; img-src data:")
		fmt.Fprint(w, bad)
	})
	mux.HandleFunc("GET /dim", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, dim) })
	mux.HandleFunc("GET /talks", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<!doctype html><link rel="icon" href="data:,"><script>console.warn("low", 7); setTimeout(() => nothing(), 0)</script><p id="x">x</p>`)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

func TestBrowserFollowsAPerson(t *testing.T) {
	url := serve(t)
	p := New(t)
	if status := p.Open(url + "/good"); status != 200 {
		t.Fatalf("status %d", status)
	}
	p.Accessible()
	p.Type("#w", "twice")
	p.Press(kb.Enter)
	p.Wait("#heard")
	if got := p.Text("#heard"); got != "5" {
		t.Errorf("the server heard %q letters", got)
	}
	p.Quiet()
	if p.Open(url+"/absent") != 404 {
		t.Error("a missing page has another status")
	}
}

func TestBrowserShowsWhatIsWrong(t *testing.T) {
	url := serve(t)
	p := New(t)
	p.Open(url + "/bad")
	if v := p.Violations(); len(v) == 0 {
		t.Errorf("the policy refused an inline script and nobody said so: %v", p.Console())
	}
	rules := map[string]bool{}
	for _, f := range p.Axe() {
		rules[f.Rule] = true
		if f.String() == "" || len(f.Where) == 0 {
			t.Errorf("finding without place: %+v", f)
		}
	}
	for _, want := range []string{"label", "html-has-lang"} {
		if !rules[want] {
			t.Errorf("axe did not find %q in %v", want, rules)
		}
	}

	p = New(t)
	p.Open(url + "/talks")
	p.Wait("#x")
	Get(p, chromedp.Evaluate[bool](`new Promise(r => setTimeout(() => r(true), 0))`, chromedp.EvalAwaitPromise))
	said := fmt.Sprint(p.Console())
	if !strings.Contains(said, "low 7") || !strings.Contains(said, "nothing is not defined") {
		t.Errorf("the console is %s", said)
	}
}

// The light changes under a page that is open, and axe judges what is to be seen then.
func TestBrowserTheLightChanges(t *testing.T) {
	url := serve(t)
	p, back := Lend(t)
	defer back()
	p.Open(url + "/dim")
	for _, l := range []struct {
		scheme string
		want   int
	}{{"light", 0}, {"dark", 1}, {"light", 0}} {
		p.Scheme(l.scheme)
		found := p.Axe()
		if len(found) != l.want || l.want == 1 && found[0].Rule != "color-contrast" {
			t.Errorf("%s: %v", l.scheme, found)
		}
	}
}

// Who borrows the tab finds it empty and silent, in light mode and wide, whatever it was lent for before.
func TestBrowserALentTabIsEmpty(t *testing.T) {
	url := serve(t)
	for i := range 3 {
		p, back := Lend(t)
		p.Quiet()
		if got := Get(p, chromedp.Evaluate[string](`location.href + innerWidth + matchMedia("(prefers-color-scheme: dark)").matches`)); got != "about:blank1440false" {
			t.Errorf("loan %d begins at %s", i, got)
		}
		p.Scheme("dark")
		p.Viewport(320, 640)
		p.Open(url + "/dim")
		if said := fmt.Sprint(p.Console()); strings.Count(said, "dim") != 1 {
			t.Errorf("loan %d: the console is %s", i, said)
		}
		p.Do(chromedp.Evaluate[chromedp.Void](`addEventListener("pagehide", () => console.log("bye")); undefined`))
		back()
	}
}

func TestBrowserDarkSmallAndWithoutScript(t *testing.T) {
	url := serve(t)
	p := New(t)
	p.Scheme("dark")
	p.Viewport(320, 640)
	p.Open(url + "/good")
	if c := Get(p, chromedp.Evaluate[string](`getComputedStyle(document.body).backgroundColor`)); c != "rgb(0, 0, 0)" {
		t.Errorf("background is %s", c)
	}
	file := filepath.Join(t.TempDir(), "shots", "dark.png")
	p.Screenshot(file)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if im, err := png.DecodeConfig(bytes.NewReader(b)); err != nil || im.Width != 320 {
		t.Errorf("screenshot is %d wide, %v", im.Width, err)
	}
	p.WithoutScript()
	p.Open(url + "/good")
	p.Wait("#plain")
	if got := p.Text("#plain"); got != "no script" {
		t.Errorf("got %q", got)
	}
}

func TestBrowserContextsAreApart(t *testing.T) {
	url := serve(t)
	one, two := New(t), New(t)
	one.Open(url + "/good")
	two.Open(url + "/good")
	Get(one, chromedp.Evaluate[string](`document.cookie = "a=1"`))
	if c := Get(two, chromedp.Evaluate[string](`document.cookie`)); c != "" {
		t.Errorf("the other test's cookie is here: %q", c)
	}
}

func TestAxeIsTheFileOfTheNotice(t *testing.T) {
	notice, err := os.ReadFile("testdata/VENDOR.md")
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(axe))
	if !bytes.Contains(notice, []byte(hex.EncodeToString(sum[:]))) {
		t.Error("axe.min.js is not the file that VENDOR.md names")
	}
}
