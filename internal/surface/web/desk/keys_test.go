package desk

import (
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/kit/browsertest"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page/pagetest"
)

func here(p *browsertest.Page) string {
	return browsertest.Get(p, chromedp.Evaluate[string](`document.querySelector('.row[data-here] .row-link')?.textContent ?? ''`))
}

func TestBrowserKeysOfTriage(t *testing.T) {
	site := pagetest.Serve(t, Triage(triage(t, text.EN)))
	site.Answer("/desk/triage", `<main><section id="preview"><p id="second">the second</p></section></main>`)
	p := browsertest.New(t)
	p.Open(site.URL)
	p.Wait(".row-link[data-htmx-powered]")
	p.Press("j")
	site.Heard(t, "GET /desk/triage?sel=R-2026-3VD8MN")
	p.Wait("#second")
	if got := here(p); got != "Mailbox of finance director taken over, invoices altered" {
		t.Errorf("J went to %q", got)
	}
	p.Press("x")
	p.Wait("#bulk")
	p.Press("K")
	site.Heard(t, "GET /desk/triage?sel=R-2026-7K2PQX")

	p.Press("?")
	p.Wait("#keys")
	if n := browsertest.Get(p, chromedp.Evaluate[int](`document.querySelectorAll('#key-list [data-found]').length`)); n < 8 {
		t.Errorf("the list shows %d keys of the page", n)
	}
	p.Press("?")
	p.Press("/")
	p.Do(chromedp.Evaluate[chromedp.Void](`document.activeElement.value = ''; undefined`)) // the driver types the "/" that the page refused
	p.Press("a")                                                                           // inside a field a letter is a letter
	if got := browsertest.Get(p, chromedp.Evaluate[string](`document.activeElement.id + ' ' + document.activeElement.value`)); got != "search a" {
		t.Errorf("typed into %q", got)
	}
	p.Quiet()
}

func TestBrowserAcceptByKey(t *testing.T) {
	site := pagetest.Serve(t, Triage(triage(t, text.EN)))
	p := browsertest.New(t)
	p.Open(site.URL)
	p.Press("d")
	p.Wait("#reject")
	p.Press("d")
	p.Press("a")
	site.Heard(t, "POST /a")
	p.Quiet()
}

func TestBrowserASignalRenewsItsRegion(t *testing.T) {
	site := pagetest.Serve(t, Triage(triage(t, text.EN)))
	site.Answer("/desk/triage/news", `<a id="fresh" href="/desk/triage">2 new reports: show them</a>`)
	p := browsertest.New(t)
	p.Open(site.URL)
	p.Wait(".live-on")
	p.Type("#search", "half a wo")
	site.Signal(t, "triage")
	site.Heard(t, "GET /desk/triage/news by itself")
	p.Wait("#fresh")
	if got := browsertest.Get(p, chromedp.Evaluate[string](`document.activeElement.id + ' ' + document.activeElement.value`)); got != "search half a wo" {
		t.Errorf("focus and half-typed text are %q", got)
	}
	p.Quiet()
}

func TestBrowserADraftIsKeptAndSaidOnlyThen(t *testing.T) {
	v := timeline(t, text.EN)
	v.Composer.DraftState = ""
	site := pagetest.Serve(t, IncidentTimeline(v))
	site.Answer("/draft", "Draft saved 14:12")
	p := browsertest.New(t)
	p.Open(site.URL)
	p.Type("#composer-text", "Keep them powered")
	if got := p.Text("#composer-draft"); got != "" {
		t.Errorf("said %q before the server did", got)
	}
	site.Heard(t, "POST /draft text=Keep them powered")
	p.Do(chromedp.Poll[chromedp.Void](`document.getElementById('composer-draft').textContent === 'Draft saved 14:12'`))
	p.Quiet()
}

// A property is quiet until it is opened; choosing sends it, Esc puts it away, and without a script its button shows.
func TestBrowserEditProperty(t *testing.T) {
	v := timeline(t, text.EN)
	v.Properties = []page.Property{{Label: "State", Value: page.Text("Open"), Edit: propertySelect(v.P, "/desk/incidents/1/edit", page.Hid{Name: "version", Value: "7"}, "state", "State", []page.SelectOption{
		{Value: "open", Text: "Open", Chosen: true}, {Value: "analysing", Text: "Analysing"},
	})}}
	site := pagetest.Serve(t, IncidentTimeline(v))
	const focused, button = `document.activeElement.tagName`, `document.querySelector('.property-edit .btn').getBoundingClientRect().width > 20`
	p := browsertest.New(t)
	p.Open(site.URL)
	p.Click(".edit summary")
	p.Wait(".property-edit select:focus")
	if browsertest.Get(p, chromedp.Evaluate[bool](button)) {
		t.Error("a button stands beside the menu although choosing sends it")
	}
	p.Press("\u001b")
	if got := browsertest.Get(p, chromedp.Evaluate[string](focused)); got != "SUMMARY" {
		t.Errorf("after Esc the focus is on %s", got)
	}
	p.Click(".edit summary")
	p.Wait(".property-edit select:focus")
	p.Do(chromedp.Evaluate[chromedp.Void](`(s => { s.value = 'analysing'; s.dispatchEvent(new Event('change', {bubbles: true})) })(document.activeElement); undefined`))
	site.Heard(t, "POST /desk/incidents/1/edit")
	p.Quiet()

	p = browsertest.New(t)
	p.WithoutScript()
	p.Open(site.URL)
	p.Click(".edit summary")
	p.Wait(".property-edit .btn")
	if !browsertest.Get(p, chromedp.Evaluate[bool](button)) {
		t.Error("without a script there is no button")
	}
}
