package portal_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/tocsin-csirt/tocsin/internal/kit/browsertest"
)

// eye looks at whole pages in every form and keeps pictures in the folder TOCSIN_SHOTS.
type eye struct {
	*testing.T
	p   *browsertest.Page
	url string
}

func (e eye) look(name, path string) {
	e.Helper()
	if os.Getenv("TOCSIN_SHOTS") == "" && strings.Contains(" requests-all password requests-pt login-de measures-de organisation-de measure measures ", " "+name+" ") {
		return // pictures for people; their markup is judged on another page
	}
	whole := strings.Contains(" overview request measure-plan report new ", " "+name+" ") || os.Getenv("TOCSIN_SHOTS") != ""
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{1440, 320} {
			if !whole && (scheme == "light") != (width == 1440) {
				continue // wide in light and narrow in dark meet every rule once
			}
			e.p.Scheme(scheme)
			e.p.Viewport(width, 900)
			if path != "" {
				if status := e.p.Open(e.url + path); status != 200 {
					e.Fatalf("%s: status %d", path, status)
				}
			}
			e.p.Do(chromedp.Evaluate[chromedp.Void](`document.fonts.ready.then(() => new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => r()))))`, chromedp.EvalAwaitPromise))
			e.judge(fmt.Sprintf("%s-%s-%d", name, scheme, width))
		}
	}
	e.p.Scheme("light")
	e.p.Viewport(1440, 900)
}

func (e eye) judge(name string) {
	e.Helper()
	for _, f := range e.p.Axe() {
		e.Errorf("%s: axe: %v", name, f)
	}
	if over := browsertest.Get(e.p, chromedp.Evaluate[int](`document.documentElement.scrollWidth - document.documentElement.clientWidth`)); over > 0 {
		e.Errorf("%s scrolls sideways by %d px", name, over)
	}
	if dir := os.Getenv("TOCSIN_SHOTS"); dir != "" {
		e.p.Screenshot(filepath.Join(dir, name+".png"))
	}
}

// Rui answers what he was asked and plans a measure, and every page on the way is fit to be seen.
func TestBrowserAConstituentsMorning(t *testing.T) {
	h := open(t)
	h.asked(h.aguas, h.porto)
	b := h.browser()
	b.signIn("rui.tavares@aguasdovale.example")
	b.upload("/portal/reports/new", "files", "note.txt", "pay", "summary", "Ransomware on billing servers", "description", "Billing and two historian servers encrypted overnight.\n\nBackups are on another site.", "ongoing", "yes",
		"aware-day", "21", "aware-month", "11", "aware-year", "2026", "aware-time", "07:40", "tlp", "AMBER", "name", "Rui Tavares", "email", "rui.tavares@aguasdovale.example")
	h.Clock.Advance(time.Minute)

	p := browsertest.New(t)
	e := eye{t, p, h.url}
	p.Open(h.url + "/door?email=rui.tavares@aguasdovale.example")
	p.Open(h.url + "/portal/messages")
	p.Click(".item-main a")
	p.Wait("#to-none")
	e.look("thread-asked", "")
	e.look("requests", "/portal/requests")
	e.look("overview", "/portal/")
	p.Open(h.url + "/portal/requests")
	p.Click(".item-main a")
	p.Wait(".asked")
	p.Type("#text", "It was the account svc-backup. We closed it at 09:40 and keep the log.")
	p.Click("main form .btn-primary")
	p.Wait(".toast")
	e.look("request", "")
	p.Open(h.url + "/portal/measures")
	p.Click(".item-main a")
	p.Wait(".track")
	e.look("measure", "")
	p.Click("label[for=to-planned]")
	p.Type("#planned-day", "24")
	p.Type("#planned-month", "11")
	p.Type("#planned-year", "2026")
	e.look("measure-plan", "")
	p.Click("main form .btn-primary")
	p.Wait(".toast")
	e.look("measure-planned", "")
	for name, path := range map[string]string{
		"measures": "/portal/measures", "reports": "/portal/reports", "new": "/portal/reports/new", "messages": "/portal/messages",
		"organisation": "/portal/organisation", "key": "/portal/organisation/key", "change": "/portal/organisation/change", "requests-all": "/portal/requests?all=1",
	} {
		e.look(name, path)
	}
	p.Open(h.url + "/portal/reports")
	p.Click(".item-main a")
	p.Wait(".stages")
	e.look("report", "")
	p.Open(h.url + "/portal/messages")
	p.Click(".item-main a")
	p.Wait(".thread")
	e.look("thread", "")
	for name, path := range map[string]string{
		"overview-de": "/portal/?lang=de", "new-de": "/portal/reports/new?lang=de", "measures-de": "/portal/measures?lang=de", "organisation-de": "/portal/organisation?lang=de", "requests-pt": "/portal/requests?lang=pt",
	} {
		e.look(name, path)
	}
	p.Quiet()
	// What follows makes the browser speak of an answer of 422.
	p.Open(h.url + "/portal/requests?all=1&lang=en")
	p.Click(".item-main a")
	p.Wait(".asked")
	p.Click("main form .btn-primary")
	p.Wait(".problems")
	e.look("request-wrong", "")
	p.Open(h.url + "/portal/organisation/change")
	p.Click("main form .btn-primary")
	p.Wait(".problems")
	e.look("change-wrong", "")
}

// Without a script a person answers and moves a measure.
func TestBrowserWithoutScript(t *testing.T) {
	h := open(t)
	h.asked(h.aguas)
	p := browsertest.New(t)
	p.WithoutScript()
	p.Open(h.url + "/door?email=rui.tavares@aguasdovale.example")
	p.Wait(".portal-menu")
	p.Open(h.url + "/portal/requests")
	p.Click(".item-main a")
	p.Wait("#text")
	p.Type("#text", "Closed at 09:40.")
	p.Click("main form .btn-primary")
	p.Wait(".said-mine")
	p.Open(h.url + "/portal/measures")
	p.Click(".item-main a")
	p.Wait("#to-acknowledged")
	p.Click("label[for=to-acknowledged]")
	p.Click("main form .btn-primary")
	p.Wait(".toast")
	if got := p.Text(".track .here"); got != "Acknowledged" {
		t.Errorf("the measure stands at %q", got)
	}
}
