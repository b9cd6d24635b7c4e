package app

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/browsertest"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Three letters leave as locked files. A duty officer tells their codes one after the other with the keyboard alone; who may not write outside sees no code.
func TestBrowserCodesAreToldWithTheKeyboard(t *testing.T) {
	h := newHouse(t, "sqlite")
	ctx := t.Context()
	h.serve()
	table := egress.NoKey()
	table[tlp.Amber], table[tlp.AmberStrict], table[tlp.Red] = egress.Locked, egress.Locked, egress.Locked
	h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		return h.Egress.SetPolicyTx(ctx, tx, 1, h.Clock.Now(), table)
	}))
	var orgs []string
	towns := []string{"Águas do Vale, E.M.", "Clinique du Lac", "Stadtwerke Bergen"}
	for i, lang := range []string{"pt", "fr", "de"} {
		o, c := h.organisation(towns[i], lang, []string{"Rui Tavares", "Mathilde Garnier", "Jürgen Groß"}[i], lang+"@town.example", nil)
		n, err := h.Constituency.AddNumber(ctx, sample(), c.UID, constituency.NewNumber{Number: "+999 252 000 00" + string(rune('1'+i)), Note: "switchboard", Outside: true})
		h.must(err)
		_, err = h.Constituency.VerifyNumber(ctx, sample(), n.UID, "asked the municipality")
		h.must(err)
		orgs = append(orgs, o.UID)
	}
	in, err := h.Incidents.Open(ctx, sample(), incident.NewIncident{Title: "Blackgull", TLP: tlp.Amber})
	h.must(err)
	parties, err := h.Coordination.Add(ctx, sample(), in.UID, orgs, coordination.Affected, "")
	h.must(err)
	var uids []string
	for _, p := range parties {
		uids = append(uids, p.UID)
	}
	messages, err := h.Coordination.Send(ctx, sample(), in.UID, coordination.Give{Parties: uids, Request: "Do you see this address in your logs: 203.0.113.7?", DueAt: h.Clock.Now().AddDate(0, 0, 2)})
	h.must(err)
	for _, m := range messages {
		h.must(h.Correspondence.SendNow(ctx, sample(), m.UID))
	}
	for _, lang := range []string{"pt", "fr", "de"} {
		if mail := h.letter(lang + "@town.example"); strings.Contains(mail, "Blackgull") || strings.Contains(mail, "203.0.113.7") || !strings.Contains(mail, "application/pdf") {
			t.Errorf("the mail: %.3000s", mail)
		}
	}
	ana := h.person(access.Duty, "ana@codes.example", "")
	at := "/desk/incidents/" + in.Number
	h.eventually("three codes", func() bool { return strings.Contains(ana.page("/desk/outbox"), "3 codes to tell") })
	h.reads(ana.page(at+"/parties"), "Code not told yet", "3 codes to tell")
	first := "/desk/codes/" + between(ana.page("/desk/codes?incident="+in.Number), `href="/desk/codes/`, `?`)
	digits := regexp.MustCompile(`<span>(\d{5})</span>`)
	if n := len(digits.FindAllString(ana.page(first), -1)); n != 5 {
		t.Errorf("%d groups", n)
	}
	h.reads(ana.page("/desk/parties/"+uids[0]), "its code is still to be told", "Sent as a locked file")
	for name, other := range map[string]*browser{"auditor": h.person(access.Auditor, "aud@codes.example", ""), "the party": h.person(access.Constituent, "rui@codes.example", orgs[0]), "another party": h.person(access.Constituent, "mat@codes.example", orgs[1])} {
		for _, path := range []string{first, "/desk/codes", "/desk/parties/" + uids[0], "/portal/", "/portal/requests"} {
			if a := other.get(path); digits.MatchString(a.Body) || strings.Contains(path, "codes") && a.Status < 300 {
				t.Errorf("%s at %s: %d", name, path, a.Status)
			}
		}
	}

	p := browsertest.New(t)
	h.signIn(p, "ana@codes.example")
	for _, path := range []string{"/desk/codes", first} {
		for _, scheme := range []string{"light", "dark"} {
			for _, width := range []int64{320, 1440} {
				p.Viewport(width, 900)
				p.Scheme(scheme)
				p.Open("http://" + h.Config.HTTP + path)
				p.Accessible()
			}
		}
	}
	order := all(`href="/desk/codes/([a-z0-9]+)`, ana.page("/desk/codes"))
	p.Open("http://" + h.Config.HTTP + first)
	for i := range order {
		p.Wait("#to:focus")
		p.Press("\r")
		if i+1 < len(order) {
			p.Wait("form[action^='/desk/codes/" + order[i+1] + "/told']")
		}
	}
	p.Wait(".empty")
	h.reads(ana.page("/desk/codes"), "No code waits")
	h.reads(ana.page(first), "told it", "+999 252 000 00")
	if body := ana.page(at + "/parties"); strings.Contains(body, "Code not told yet") {
		t.Error("the matrix says that a code waits")
	}
	if a := ana.send(first+"/told", values("number", "none", "times", "1")); a.Status != http.StatusUnprocessableEntity {
		t.Errorf("a number that is none: %d", a.Status)
	}
	if a := ana.send(first+"/told", values("number", between(ana.page(first), `<option value="`, `"`), "times", "0")); a.Status != http.StatusConflict {
		t.Errorf("a press repeated: %d", a.Status)
	}
	p.Quiet()
}
