package mailroom

import (
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/suspicion"
	"github.com/tocsin-csirt/tocsin/internal/sample/wave"
)

// A wave of the public lane leaves the queue as it was, but for one line of each campaign that grew: each message is kept and counted once.
func TestAWaveLeavesTheQueueAlone(t *testing.T) {
	engines(t, func(h *house) {
		const most = 600
		must(h.T, h.room.Suspicion.SetRules(h.ctx, h.Person(7, "Lea", access.Lead), suspicion.Rules{Grows: 25}))
		h.mail("ann@other.example", "report@cert.example", h.letterOf("ann@other.example", "A report", "One that was there before."))
		h.sort()
		w := wave.Wave{Seed: 7, To: lane, At: h.Clock.Now().Add(-2 * time.Hour), Attacks: 40}
		again := map[string]bool{}
		for n := 0; n < most; n += correspondence.MaxBatch {
			var mails []correspondence.Arrival
			for i := n; i < min(n+correspondence.MaxBatch, most); i++ {
				from, raw := w.Mail(i)
				again[string(raw)] = true
				mails = append(mails, correspondence.Arrival{From: from, To: []string{lane}, PeerIP: "192.0.2.1", Raw: raw})
			}
			must(h.T, h.room.Correspondence.Arrive(h.ctx, mails))
		}
		h.sort()
		h.lines()
		if n := h.count(`SELECT COUNT(*) FROM suspicion_message`); n != most {
			h.Errorf("%d of %d are kept", n, most)
		}
		if n := h.count(`SELECT SUM(messages) FROM suspicion_hour WHERE campaign = 0`); n != len(again) {
			h.Errorf("%d of %d different ones are counted", n, len(again))
		}
		if a, b := h.count(`SELECT SUM(messages) FROM suspicion_campaign`), h.count(`SELECT COUNT(*) FROM suspicion_message WHERE campaign <> 0`); a != b || a < most/2 {
			h.Errorf("%d counted into campaigns, %d placed", a, b)
		}
		if a, b := h.count(`SELECT SUM(senders) FROM suspicion_campaign`), h.count(`SELECT COUNT(*) FROM (SELECT DISTINCT campaign, sender FROM suspicion_message WHERE campaign <> 0) x`); a != b {
			h.Errorf("%d senders are counted, %d are there", a, b)
		}
		grown := h.count(`SELECT COUNT(*) FROM suspicion_campaign WHERE senders >= 25`)
		if lines := len(h.reports()) - 1; lines != grown || grown < 2 || grown > 20 {
			h.Errorf("%d lines for %d campaigns that grew", lines, grown)
		}
		if n := h.count(`SELECT COUNT(*) FROM suspicion_campaign`); n > 100 {
			h.Errorf("40 attacks are %d campaigns", n)
		}
		if n := h.count(`SELECT COUNT(*) FROM correspondence_message WHERE direction = 2`); n > 1 { // nobody of them is proved
			h.Errorf("%d letters", n)
		}
	})
}
