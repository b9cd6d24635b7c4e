//go:build screenshots

package app_test

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/app"
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
	open("/report/short", "form")
	p.Type("#summary", "Billing servers encrypted overnight")
	p.Click("label[for=ongoing-yes]")
	p.Click("main button[type=submit]")
	p.Wait(".private")
	shoot("receipt")

	signIn("constituent")
	open("/portal", "portal")
	signIn("duty")
	open("/desk/triage", "triage")
	open("/desk/outbox", "outbox")
	number := ransomware(t, d)
	open("/desk/incidents/"+number, "incident")
	open("/desk/incidents/"+number+"/parties", "parties")
}

// ransomware is the number of the incident with nine parties.
func ransomware(t *testing.T, d app.Demonstration) string {
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
		if strings.HasPrefix(in.Title, "Ransomware") {
			return in.Number
		}
	}
	t.Fatal("no such incident")
	return ""
}
