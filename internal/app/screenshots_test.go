//go:build screenshots

package app_test

import (
	"encoding/json"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/tocsin-csirt/tocsin/internal/app"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/kit/browsertest"
)

// TestScreenshots makes docs/screenshots anew from a running demonstration, as a reader of README sees it:
//
//	go run ./cmd/tocsin demo --fresh
//	TOCSIN_DEMO=$PWD/tocsin-demo/demo.json go test -tags screenshots -run TestScreenshots ./internal/app
func TestScreenshots(t *testing.T) {
	var d app.Demonstration
	b, err := os.ReadFile(os.Getenv("TOCSIN_DEMO"))
	if err != nil {
		t.Fatal("TOCSIN_DEMO names no demo.json: ", err)
	}
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	p := browsertest.New(t)
	shoot := func(name string) {
		for _, x := range []struct {
			name, scheme  string
			width, height int64
		}{{"light", "light", 1440, 900}, {"dark", "dark", 1440, 900}, {"phone", "light", 390, 844}} {
			p.Viewport(x.width, x.height)
			p.Scheme(x.scheme)
			p.Screen("../../docs/screenshots/" + name + "-" + x.name + ".png")
		}
		p.Viewport(1440, 900)
	}
	open := func(path, name string) {
		if code := p.Open(d.HTTP + path); code != http.StatusOK {
			t.Fatalf("%s: %d", path, code)
		}
		if strings.HasPrefix(path, "/desk/") {
			p.Wait("#live.live-on") // the picture is of a page that hears what happens
		}
		shoot(name)
	}
	signIn := func(role string) {
		for _, x := range d.People {
			if x.Role == role {
				p.Open(d.HTTP + "/login")
				p.Type("input[name=email]", x.Email)
				p.Type("input[name=password]", x.Password)
				p.Click("main button[type=submit]")
				p.Wait("body.desk, .portal-main") // the page that follows, not the form that was sent
				return
			}
		}
		t.Fatal("nobody is " + role)
	}

	open("/", "home")
	for _, l := range text.Langs() {
		p.Viewport(390, 844)
		p.Scheme("light")
		walkTheForm(p, d, l, func(name string) {
			at := "../../docs/screenshots/form-" + string(l) + "-" + name + ".png"
			p.Screen(at)
			lighten(t, at)
			if l != text.EN {
				return
			}
			switch name {
			case "part2":
				shoot("form")
			case "receipt":
				shoot("receipt")
			}
			p.Viewport(390, 844)
			p.Scheme("light")
		})
	}
	p.Viewport(1440, 900)

	p.Open(d.HTTP + "/?lang=en") // the form was last walked in another language
	signIn("constituent")
	open("/portal", "portal")
	signIn("duty")
	open("/desk/triage", "triage")
	open("/desk/outbox", "outbox")
	number := numberOf(t, d, "Ransomware")
	open("/desk/incidents/"+number, "incident")
	open("/desk/incidents/"+number+"/parties", "parties")
	many := numberOf(t, d, "Blackgull: who fetched")
	open("/desk/incidents/"+many+"/parties", "matrix")
	p.Open(d.HTTP + "/desk/incidents/" + many + "/sendings")
	sending := hrefOf(p, "main a[href^='/desk/sendings/']")
	open(sending, "sending")
	p.Open(d.HTTP + sending + "/parties")
	open(hrefOf(p, "main a[href*='/letters/']"), "preview")
}

// walkTheForm fills the form in as a new user does on a telephone, and stops at the pages that are shown.
func walkTheForm(p *browsertest.Page, d app.Demonstration, l text.Lang, stop func(name string)) {
	next := func(wait string) {
		p.Click("#report .btn-primary")
		p.Wait(wait)
	}
	p.Open(d.HTTP + "/report?lang=" + string(l))
	stop("start")
	p.Click(".column > .acts .btn-primary")
	p.Wait("#what-duty")
	p.Click("label[for=what-duty]")
	stop("what")
	next("[id^=stage-]")
	p.Click("label[for^=stage-][for$=early_warning]")
	stop("stage")
	next("#behalf")
	p.Type("#q-entity", "Águas do Vale, E.M.")
	p.Type("#q-contact_name", "Rui Tavares")
	p.Type("#q-contact_email", "rui@outside.example")
	stop("part1")
	next("#q-summary")
	p.Type("#q-summary", "Billing and two SCADA historian servers encrypted overnight. Water supply is not affected.")
	p.Click("label[for=ongoing-yes]")
	stop("part2")
	next("#q-malicious-yes")
	p.Click("label[for=q-malicious-yes]")
	stop("part4")
	next("#personal")
	stop("part5")
	next(".summary")
	stop("check")
	next(".receipt")
	stop("receipt")
	p.Open(d.HTTP + "/r/report")
	stop("status")
}

// lighten writes a picture anew with its 255 most frequent colours: pages have few, and it has a third of the weight.
func lighten(t *testing.T, path string) {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	in, err := png.Decode(f)
	f.Close()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[color.Color]int{}
	b := in.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			seen[in.At(x, y)]++
		}
	}
	all := slices.Collect(maps.Keys(seen))
	slices.SortFunc(all, func(x, y color.Color) int { return seen[y] - seen[x] })
	out := image.NewPaletted(b, all[:min(255, len(all))])
	draw.Draw(out, b, in, b.Min, draw.Src)
	w, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(w, out); err != nil {
		t.Fatal(err)
	}
}

// numberOf is the number of the incident whose title begins so.
func numberOf(t *testing.T, d app.Demonstration, title string) string {
	r, err := http.NewRequestWithContext(t.Context(), "GET", d.HTTP+"/api/v1/incidents?limit=50", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+d.Tokens["analyst"])
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	var list struct {
		Items []struct{ Number, Title string }
	}
	if err := json.NewDecoder(a.Body).Decode(&list); err != nil {
		t.Fatal(err)
	}
	for _, in := range list.Items {
		if strings.HasPrefix(in.Title, title) {
			return in.Number
		}
	}
	t.Fatal("no such incident")
	return ""
}

// hrefOf is where the first such link leads.
func hrefOf(p *browsertest.Page, selector string) string {
	return browsertest.Get(p, chromedp.Evaluate[string](`document.querySelector(`+strconv.Quote(selector)+`).getAttribute('href')`))
}
