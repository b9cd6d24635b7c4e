package app

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/browsertest"
)

// TestBrowserOneKeySendsAHeldReceipt is an officer who goes down the queue with J and lets the receipt of an unproved sender go with E: it leaves to that
// sender, once however often the key is pressed, and the others stay held.
func TestBrowserOneKeySendsAHeldReceipt(t *testing.T) {
	h := newHouse(t, "sqlite")
	h.serve()
	for _, who := range []string{"ann", "bob", "cid"} {
		h.mail(who+"@away.example", teamAddress, head(who+"@away.example", teamAddress, "Told by "+who)+"\r\nThe pumps stopped at "+who+"'s.\r\n")
	}
	held := func() (names []string) {
		list, err := h.Intake.Queue(t.Context(), sample(), intake.QueueFilter{Limit: 9})
		h.must(err)
		for _, l := range list.Items {
			if l.Receipt == intake.ReceiptHeld {
				names = append(names, strings.TrimPrefix(l.Body.Summary, "Told by "))
			}
		}
		return names
	}
	h.eventually("three reports whose receipts are held", func() bool { return len(held()) == 3 })
	h.person(access.Duty, "dora@team.example", "")
	p := browsertest.New(t)
	h.signIn(p, "dora@team.example")
	p.Open("http://" + h.Config.HTTP + "/desk/triage")
	p.Wait(".row-link[data-htmx-powered]")
	const preview = `document.querySelector('#preview h2, #preview h1')?.textContent ?? ''`
	first := browsertest.Get(p, chromedp.Evaluate[string](preview))
	p.Press("j")
	p.Do(chromedp.Poll[chromedp.Void](`(` + preview + `) !== ` + "`" + first + "`"))
	second := strings.TrimPrefix(browsertest.Get(p, chromedp.Evaluate[string](preview)), "Told by ")
	p.Press("e")
	p.Press("e")
	p.Wait(".notice, [role=status]")
	h.letter(second + "@away.example")
	h.eventually("two that are held", func() bool { return len(held()) == 2 })
	for _, name := range held() {
		if name == second || len(h.sent(name+"@away.example")) != 0 {
			t.Errorf("the receipt of %s: held %v", name, held())
		}
	}
	if n := len(h.sent(second + "@away.example")); n != 1 {
		t.Errorf("%d receipts went to %s", n, second)
	}
	p.Quiet()
}
