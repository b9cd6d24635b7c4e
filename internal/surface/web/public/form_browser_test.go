package public

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/kit/browsertest"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
)

// fill fills in the form as a person does, and stops at each page.
func (h *house) fill(p *browsertest.Page, stop func(name string)) {
	h.Helper()
	next := func() { p.Click("#report .btn-primary") }
	p.Open(h.url + "/report")
	stop("start")
	p.Click(".column > .acts .btn-primary")
	p.Wait("#what-duty")
	next()
	p.Wait(".problems")
	stop("what")
	p.Click("label[for=what-duty]")
	next()
	p.Wait("#stage-be-nis2")
	stop("stage")
	p.Click("label[for=class-be-nis2-essential]")
	p.Click("#report button.link") // what was chosen is there again afterwards
	p.Wait(".guides")
	stop("guides")
	p.Click(".guides li:last-child a")
	p.Wait("#type")
	stop("guide")
	p.Click("#report .btn-primary")
	p.Wait("#answer")
	stop("guide open")
	p.Click("label[for=q-planned-yes]")
	p.Click("#report .btn-primary")
	p.Wait("#report:has(#q-planned-yes[checked])") // as it was sent, not as it was pressed
	p.Click("#answer .btn-primary")
	p.Wait("#stage-be-nis2")
	if !browsertest.Get(p, chromedp.Evaluate[bool](`document.querySelector("#class-be-nis2-essential").checked`)) {
		h.Error("the way through the guide lost what was chosen")
	}
	next()
	p.Wait("#behalf")
	p.Type("#q-entity", "Águas do Vale, E.M.")
	p.Type("#q-sector", "Drinking water")
	p.Type("#q-contact_name", "Rui Tavares")
	p.Type("#q-contact_email", "rui")
	next()
	p.Wait(".problems")
	stop("part1")
	p.Do(chromedp.SetValue("#q-contact_email", "rui@outside.example"))
	p.Type("#q-contact_phone", "+999 912 555 018")
	next()
	p.Wait("#q-aware_at-day")
	for box, s := range map[string]string{"day": "1", "month": "2", "year": "2026", "time": "07:40"} {
		p.Type("#q-aware_at-"+box, s)
	}
	p.Type("#q-summary", "Billing and two SCADA historian servers encrypted overnight. Water supply is not affected. VPN account of a supplier was used.")
	p.Click("label[for=ongoing-yes]")
	stop("part2")
	next()
	p.Wait("#q-malicious-yes")
	p.Click("label[for=q-malicious-yes]")
	stop("part4")
	next()
	p.Wait("#personal")
	p.Click("label[for=personal-unknown]")
	log := filepath.Join(h.TempDir(), "server log.txt")
	if err := os.WriteFile(log, bytes.Repeat([]byte("a line of a log\n"), 300<<10), 0o600); err != nil {
		h.Fatal(err)
	}
	p.Do(chromedp.SetUploadFiles("#files", []string{log})) // three parts, sent before the form is
	p.Wait(".upload[data-whole]")
	stop("part5")
	p.Click("#report .btn-ghost")
	p.Wait(".private")
	stop("saved")
	p.Click(".column .acts .btn-primary")
	p.Wait("#report")
	p.Click("#report .btn-primary")
	p.Wait(".summary")
	stop("check")
	p.Click("#report .btn-primary")
	p.Wait(".receipt")
	h.opened()
	p.Open(h.url + "/r/received")
	stop("receipt")
	p.Open(h.url + "/r/report")
	stop("status")
}

// inLanguages judges pages in the other languages on a small phone, where words are longer, and comes back to the last one in English.
func (h *house) inLanguages(p *browsertest.Page, paths ...string) {
	h.Helper()
	p.Viewport(320, 900)
	for _, lang := range []string{"de", "pt", "fr", "nl"} {
		for _, path := range paths {
			p.Open(h.url + path + "?lang=" + lang)
			if got := browsertest.Get(p, chromedp.Evaluate[string](`document.documentElement.lang`)); got != lang {
				h.Errorf("%s is in %q, not %q", path, got, lang)
			}
			for _, f := range p.Axe() {
				h.Errorf("%s in %s: axe: %v", path, lang, f)
			}
			if over := browsertest.Get(p, chromedp.Evaluate[int](`document.documentElement.scrollWidth - document.documentElement.clientWidth`)); over > 0 {
				h.Errorf("%s in %s scrolls sideways by %d px", path, lang, over)
			}
		}
	}
	p.Open(h.url + paths[len(paths)-1] + "?lang=en")
}

// Each page of the form is fit for everybody, in both lights, on a phone and a wide screen.
func TestBrowserAFormFilledIn(t *testing.T) {
	h := settle(t, coretest.Open(t, pgtest.Engine(t)))
	h.x.URL = h.url
	p := browsertest.New(t)
	h.fill(p, func(name string) {
		t.Helper()
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
		switch name { // what was filled in is there again in each language
		case "check":
			h.inLanguages(p, "/report/part/1", "/report/part/5", "/report", "/report/check")
		case "status":
			h.inLanguages(p, "/r/received", "/r/report")
		}
		p.Scheme("light")
		p.Viewport(1440, 900)
	})
}
