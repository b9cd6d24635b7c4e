package app

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/browsertest"
)

// TestBrowserACallNoteWithTheKeyboardAlone is an officer at the desk's front page whose telephone rings: P opens the note, its first field has the focus, what
// is asked first comes in the order in which a caller says it, and Ctrl and Enter keep it. Beside the words it is six keys, and no mouse.
func TestBrowserACallNoteWithTheKeyboardAlone(t *testing.T) {
	h := newHouse(t, "sqlite")
	h.serve()
	h.person(access.Duty, "dora@team.example", "")
	p := browsertest.New(t)
	h.signIn(p, "dora@team.example")
	p.Open("http://" + h.Config.HTTP + "/desk")
	p.Wait("[data-key=P]")
	keys := 0
	press := func(key string, with ...chromedp.Modifier) {
		keys++
		p.Press(key, with...)
	}
	press("p")
	for _, field := range []struct{ id, words string }{
		{"name", "Rui Tavares"}, {"phone", "+999 1"}, {"summary", "Pumps stopped"}, {"description", "All of them, since six."}, {"org", "Waterworks"},
	} {
		p.Wait("#" + field.id + ":focus")
		if field.words != "" {
			p.Press(field.words)
		}
		if field.id == "org" {
			break // what is left can wait until the report is finished
		}
		press(kb.Tab)
	}
	press(kb.Enter, chromedp.ModifierCtrl)
	p.Wait("#preview")
	if keys != 6 {
		t.Errorf("%d keys beside the words", keys)
	}
	list, err := h.Intake.List(t.Context(), sample(), intake.QueueFilter{Limit: 9})
	h.must(err)
	if len(list.Items) != 1 {
		t.Fatalf("%d reports", len(list.Items))
	}
	got := list.Items[0]
	if b := got.Body; got.Channel != correspondence.ByPhone || b.Name != "Rui Tavares" || b.Phone != "+999 1" || b.Summary != "Pumps stopped" || b.Description != "All of them, since six." || b.OrgText != "Waterworks" || got.Crime {
		t.Errorf("kept is %+v", got)
	}
	if said := p.Text("#preview"); !strings.Contains(said, "Pumps stopped") || !strings.Contains(said, "All of them, since six.") {
		t.Errorf("it shows %q", said)
	}
	p.Quiet()
}
