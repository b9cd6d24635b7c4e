package mailroom

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
)

// Copies that came by other ways are one report: with what machines on the way wrote, without a Message-ID, and sorted at the same moment by two
// workers. The same words a day later are said again.
func TestCopiesByOtherWays(t *testing.T) {
	engines(t, func(h *house) {
		const from = "m@nowhere.example"
		raw := h.letterOf(from, "Way", "x")
		h.mail(from, "report@cert.example", raw)
		h.mail(from, "postmaster@cert.example", "ARC-Seal: i=1; a=x\nX-Spam-Score: 3\nX-Forwarded-To: x\nDKIM-Signature: v=1; d=list.example;\n\tb=x\nX-MS-Exchange-Organization-SCL: 1\n"+raw)
		h.sort()
		if n := len(h.reports()); n != 1 {
			t.Fatalf("%d reports", n)
		}
		nameless := "From: " + from + "\nSubject: no name\n\nHelp.\n"
		h.mail(from, "report@cert.example", nameless)
		h.Clock.Advance(10 * time.Minute)
		h.mail(from, "report@cert.example", "Received: from x by y\n"+nameless)
		h.sort()
		if n := len(h.reports()); n != 2 {
			t.Errorf("one without a name is %d reports", n-1)
		}
		h.Clock.Advance(26 * time.Hour)
		h.mail(from, "report@cert.example", nameless)
		h.mail(from, "report@cert.example", strings.Replace(nameless, "Help.", "Help!", 1))
		h.sort()
		if n := len(h.reports()); n != 4 {
			t.Errorf("said again: %d reports", n)
		}
		for round := range 5 {
			one := h.letterOf(from, fmt.Sprint("at once ", round), "x")
			arrivals := []correspondence.Arrival{{From: from, To: []string{"report@cert.example"}, Raw: []byte(crlf(one))}, {From: from, To: []string{"postmaster@cert.example"}, Raw: []byte(crlf(one))}}
			must(t, h.room.Correspondence.Arrive(h.ctx, arrivals))
			var all sync.WaitGroup
			for _, a := range arrivals {
				all.Go(func() {
					if err := h.room.Sort(h.ctx, correspondence.SortJob{Arrivals: []int64{a.ID}}); err != nil && !waits(err) {
						t.Error(err)
					}
				})
			}
			all.Wait()
		}
		if n := len(h.reports()); n != 9 {
			t.Errorf("sorted at once: %d reports, want 9", n)
		}
	})
}

// An answer that goes to its case and to the team's address is on its case and no report. A stranger who holds somebody's mail and sends it to a case
// first hides nothing.
func TestACopyToACase(t *testing.T) {
	engines(t, func(h *house) {
		const rui = "rui@hospital.example"
		h.mail(rui, "report@cert.example", h.letterOf(rui, "First", "x"))
		h.sort()
		r := h.one()
		tag := h.room.Correspondence.Team.ReplyTo(h.thread(r.Thread).Tag)
		answer := h.letterOf(rui, "Re: First", "more")
		h.mail(rui, tag, answer)
		h.mail(rui, "report@cert.example", answer)
		h.sort()
		if n := len(h.reports()); n != 1 {
			t.Errorf("an answer with a copy to the team is %d reports", n-1)
		}
		const other = "m@nowhere.example"
		victim := h.letterOf(other, "We are attacked", "help")
		h.mail(other, tag, victim)
		h.mail(other, "report@cert.example", victim)
		h.sort()
		if n := len(h.reports()); n != 2 {
			t.Errorf("a mail that somebody sent to a case first: %d reports, want 2", n)
		}
	})
}
