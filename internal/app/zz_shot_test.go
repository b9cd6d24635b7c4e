package app

import (
	"os"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/takedown"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/browsertest"
)

func TestZZShot(t *testing.T) {
	h := newHouse(t, "sqlite")
	ctx := t.Context()
	in, err := h.Incidents.Open(ctx, sample(), incident.NewIncident{Title: "Copies of the page of Valmora Bank", Type: "fraud:phishing", Severity: "high", TLP: tlp.Green, PAP: tlp.PAPGreen})
	h.must(err)
	prov := func(n, e string, r coordination.Role, f takedown.Form, m, w string) takedown.Provider {
		x := takedown.NewProvider{Name: n, Email: e, Role: r, Form: f, Matches: m, Wants: w, Lang: "en"}
		if f == takedown.ByPage {
			x.Page = "https://safe.example/report"
		}
		p, err := h.Takedown.SaveProvider(ctx, sample(), "", 0, x)
		h.must(err)
		return p
	}
	prov("Happy Hosting", "abuse@happy.example", coordination.Host, takedown.ByXARF, "192.0.2.0/24", "whole URL, time with zone")
	list := prov("Browser Warning List", "", coordination.BlockList, takedown.ByPage, "", "whole URL, screenshot")
	prov("Registry of .example", "abuse@nic.example", coordination.Registry, takedown.ByLetter, ".example", "")
	tg, err := h.Takedown.Add(ctx, sample(), in.UID, takedown.NewTarget{What: "https://valmora-bank.secure-login.example/confirm?id=4711", Kind: takedown.Phishing, Words: "A copy of the bank's page. It asks for card number and PIN and sends them to /post.php.", Addresses: "192.0.2.44"})
	h.must(err)
	t2, err := h.Takedown.Add(ctx, sample(), in.UID, takedown.NewTarget{What: "192.0.2.99:8443", Kind: takedown.CommandServer, Words: "Beacons of 14 machines lead here."})
	h.must(err)
	_, err = h.Takedown.Propose(ctx, sample(), tg.UID)
	h.must(err)
	all, err := h.Takedown.Proposals(ctx, sample(), in.UID)
	h.must(err)
	for _, p := range all[tg.ID] {
		if p.Role != coordination.Registry {
			h.must(h.Takedown.Decide(ctx, sample(), p.UID, takedown.Confirmed))
		}
	}
	h.must(h.Takedown.Name(ctx, sample(), t2.UID, list.UID))
	all, err = h.Takedown.Proposals(ctx, sample(), in.UID)
	h.must(err)
	h.must(h.Takedown.Told(ctx, sample(), all[t2.ID][0].UID, time.Now().Add(-5*time.Hour)))
	_, err = h.Takedown.SetState(ctx, sample(), t2.UID, 0, takedown.Down, "The provider wrote that it is off.")
	h.must(err)
	x, err := h.Takedown.Prepare(ctx, sample(), in.UID, nil)
	h.must(err)
	_ = x
	all, err = h.Takedown.Proposals(ctx, sample(), in.UID)
	h.must(err)
	var page string
	for _, p := range all[tg.ID] {
		if p.Form == takedown.ByPage {
			page = p.UID
		}
	}
	h.serve()
	h.person(access.Lead, "lead@shot.example", "")
	for _, mode := range []string{"light", "dark", "phone", "de"} {
		p := browsertest.New(t)
		if mode == "phone" {
			p.Viewport(390, 844)
		} else {
			p.Viewport(1280, 900)
		}
		shoot := func(at, name string) {
			p.Open("http://" + h.Config.HTTP + at)
			p.Screenshot(os.Getenv("SHOTS") + "/" + name + "-" + mode + ".png")
		}
		if mode == "dark" {
			p.Scheme("dark")
		}
		p.Open("http://" + h.Config.HTTP + "/login" + map[string]string{"de": "?lang=de"}[mode])
		p.Type("input[name=email]", "lead@shot.example")
		p.Type("input[name=password]", password)
		p.Click("main button[type=submit]")
		p.Wait("body:not(:has(input[name=password]))")
		shoot("/desk/incidents/"+in.Number+"/targets", "tab")
		shoot("/desk/targets/"+tg.UID, "target")
		if mode == "light" || mode == "phone" {
			shoot("/desk/targets", "all")
			shoot("/desk/targets/times", "times")
			shoot("/desk/providers", "providers")
			shoot("/desk/providers/new", "new")
			shoot("/desk/proposals/"+page, "page")
			shoot("/desk/sendings/"+x.UID+"/letter", "letter")
		}
	}
}
