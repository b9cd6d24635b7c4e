package app

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/png"
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/kit/browsertest"
)

// signIn signs a person in, in a real browser.
func (h *house) signIn(p *browsertest.Page, email string) {
	h.t.Helper()
	p.Open("http://" + h.Config.HTTP + "/login")
	p.Type("input[name=email]", email)
	p.Type("input[name=password]", password)
	p.Click("main button[type=submit]")
	p.Wait("body:not(:has(input[name=password]))")
}

// fit holds that a page is for everybody: on a wide screen in the light, and on a small phone in the dark.
func (h *house) fit(p *browsertest.Page, name string) {
	h.t.Helper()
	for scheme, width := range map[string]int64{"light": 1440, "dark": 320} {
		p.Scheme(scheme)
		p.Viewport(width, 900)
		for _, f := range p.Axe() {
			h.t.Errorf("%s, %s, %d: axe: %v", name, scheme, width, f)
		}
		if over := browsertest.Get(p, chromedp.Evaluate[int](`document.documentElement.scrollWidth - document.documentElement.clientWidth`)); over > 0 {
			h.t.Errorf("%s, %s, %d scrolls sideways by %d px", name, scheme, width, over)
		}
	}
	p.Scheme("light")
	p.Viewport(1440, 900)
}

// TestBrowserALegalStageInThePortal is a constituent who begins a legal stage in the portal, in a real browser: every page of it is fit for everybody, and its
// answers are there on the last one.
func TestBrowserALegalStageInThePortal(t *testing.T) {
	h := newHouse(t, "sqlite")
	h.serve()
	org, _ := h.organisation("Northern Power", "en", "IT", "it@north.example", nil)
	h.person(access.Constituent, "it@north.example", org.UID)
	p := browsertest.New(t)
	h.signIn(p, "it@north.example")
	next := func(wait string) {
		t.Helper()
		p.Click("#report .btn-primary")
		p.Wait(wait)
	}
	p.Open("http://" + h.Config.HTTP + "/portal/report")
	h.fit(p, "start")
	p.Click(".acts .btn-primary")
	p.Wait("#what-duty")
	h.fit(p, "what")
	p.Click("label[for=what-duty]")
	next("[id^=stage-]")
	p.Click("label[for$=early_warning]")
	p.Click("label[for$=-essential]")
	h.fit(p, "stage")
	next("#q-contact_name")
	h.fit(p, "part 1")
	p.Type("#q-contact_name", "Léa")
	next("#q-summary")
	p.Type("#q-summary", "Pumps encrypted overnight")
	p.Click("label[for=ongoing-yes]")
	h.fit(p, "part 2")
	next("#q-malicious-yes")
	p.Click("label[for=q-malicious-yes]")
	h.fit(p, "part 4")
	next("#personal")
	p.Click("label[for=personal-unknown]")
	h.fit(p, "part 5")
	next(".summary")
	h.fit(p, "check")
	p.Click("#report .btn-primary")
	p.Wait(".portal-main a[href$='/deadlines.ics']")
	h.fit(p, "report")
	p.Quiet()
}

// TestBrowserAPictureOfTheLane is an analyst who unfolds a picture that the public handed on: it is drawn under the policy of the desk.
func TestBrowserAPictureOfTheLane(t *testing.T) {
	h := newHouse(t, "sqlite")
	h.serve()
	h.must(h.Suspicion.SetAddress(t.Context(), sample(), laneAddress))
	h.person(access.Analyst, "ana@team.example", "")
	var drawn bytes.Buffer
	h.must(png.Encode(&drawn, image.NewNRGBA(image.Rect(0, 0, 900, 600))))
	h.mail("somebody@public.example", laneAddress, crlf("From: somebody@public.example\nTo: "+laneAddress+"\nSubject: Your parcel\nDate: "+rfc5322Now()+"\nMessage-ID: <"+unique()+"@public.example>\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nPay for your parcel.\n--b\nContent-Type: image/png\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment; filename=screen.png\n\n"+base64.StdEncoding.EncodeToString(drawn.Bytes())+"\n--b--\n"))
	var at string
	h.eventually("the message in the lane", func() bool {
		list, err := h.Suspicion.Singles(t.Context(), sample(), "", 9)
		h.must(err)
		if len(list.Items) > 0 {
			at = list.Items[0].UID
		}
		return at != ""
	})
	p := browsertest.New(t)
	h.signIn(p, "ana@team.example")
	if status := p.Open("http://" + h.Config.HTTP + "/desk/suspicious-single/" + at); status != http.StatusOK {
		t.Fatal(status)
	}
	p.Click(".handed-files summary")
	p.Wait(".handed-files img")
	p.Do(chromedp.Poll[chromedp.Void](`document.querySelector(".handed-files img").naturalWidth === 480`))
	h.fit(p, "a message of the lane")
	p.Quiet()
}
