package public

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/kit/browsertest"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
)

// A person with a browser, with a script and without, at each door: a wrong form, the mended one with its file, the receipt, the
// status page. What is met on the way is fit for everybody, in both lights, on a phone and a wide screen.
func TestBrowserAFrightenedPerson(t *testing.T) {
	for _, path := range []string{"/report/short", "/suspicious"} {
		for _, script := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s script %v", path, script), func(t *testing.T) { frightened(t, path, script) })
		}
	}
}

func frightened(t *testing.T, path string, script bool) {
	h := settle(t, coretest.Open(t, pgtest.Engine(t)))
	h.x.URL = h.url
	p := browsertest.New(t)
	if !script {
		p.WithoutScript()
	}
	judge := func(name string) {
		t.Helper()
		if !script {
			return // the same markup; axe itself is a script
		}
		for scheme, width := range map[string]int64{"light": 1440, "dark": 320} {
			p.Scheme(scheme)
			p.Viewport(width, 900)
			for _, f := range p.Axe() {
				t.Errorf("%s, %s, %d: axe: %v", name, scheme, width, f)
			}
			if over := browsertest.Get(p, chromedp.Evaluate[int](`document.documentElement.scrollWidth - document.documentElement.clientWidth`)); over > 0 {
				t.Errorf("%s, %s, %d scrolls sideways by %d px", name, scheme, width, over)
			}
		}
		p.Scheme("light")
		p.Viewport(1440, 900)
	}
	evidence := filepath.Join(t.TempDir(), "evidence.log")
	h.must(os.WriteFile(evidence, []byte("a secret log"), 0o600))
	if status := p.Open(h.url + path); status != 200 {
		t.Fatalf("%s: %d", path, status)
	}
	p.Quiet()
	if path != "/suspicious" {
		p.Do(chromedp.SetUploadFiles("#files", []string{evidence}))
	}
	switch path {
	case "/report/short":
		p.Type("#description", "Two wards cannot work.")
		p.Click("#report .btn-primary")
		p.Wait(".problems")
		if !strings.Contains(p.Text("main"), "evidence.log") {
			t.Error("the file of the wrong form is gone")
		}
		judge("problems")
		p.Click("label[for=ongoing-yes]")
	case "/suspicious":
		p.Click("#report .btn-primary")
		p.Wait(".problems")
		judge("problems")
		p.Type("#description", "A strange letter.")
	}
	p.Click("#report .btn-primary")
	if path == "/suspicious" {
		p.Wait(`main a[href="/suspicious"]`)
		judge("receipt")
		if h.opened(); h.count("correspondence_arrival") != 1 {
			t.Errorf("%d mails of the public lane", h.count("correspondence_arrival"))
		}
		return
	}
	p.Wait(".private")
	judge("receipt")
	h.opened()
	p.Click(".private a")
	p.Wait("#answer")
	judge("status")
	p.Type("#text", "It spreads.")
	p.Click("#answer .btn-primary")
	p.Wait(".callout-ok")
	all := h.opened()
	if len(all) != 1 {
		t.Fatalf("%d reports, want one", len(all))
	}
	said := h.messages(all[0])
	if files := len(said[0].Body.Files); files != 1 {
		t.Errorf("%d files", files)
	}
	if last := said[len(said)-1]; last.Body.Text != "It spreads." {
		t.Errorf("it ends with %q", last.Body.Text)
	}
}
