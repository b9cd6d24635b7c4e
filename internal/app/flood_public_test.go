package app

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
)

// standstill is a job that keeps the worker of the public lane until it is let go.
type standstill struct{}

func (standstill) Kind() string { return "test.standstill" }

// TestAFloodOfSuspiciousMessages lets the public hand on hundreds of messages by mail and by the page while nobody sorts them: mail, portal and form of known
// constituents come through, no report waits behind a suspicious message, and none of them enters the queue. Nothing that was accepted is lost.
func TestAFloodOfSuspiciousMessages(t *testing.T) {
	onEach(t, func(h *house) {
		const mails, forms = 120, 40
		const lane = "suspicious@cert.valmora.example"
		ctx := t.Context()
		h.must(h.Suspicion.SetAddress(ctx, sample(), lane))
		letGo := make(chan struct{})
		job.Handle(h.Registry, job.Public, func(ctx context.Context, _ standstill) error {
			select {
			case <-letGo:
			case <-ctx.Done():
			}
			return nil
		})
		hospital, _ := h.organisation("Hospital", "en", "Rui", "rui@hospital.example", nil)
		_, err := h.Intake.DropKey(ctx)
		h.must(err)
		h.must(h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			return h.Jobs.Insert(ctx, tx, standstill{}, job.Options{Lane: job.Public})
		}))
		h.serve()
		rui := h.person(access.Constituent, "rui.two@hospital.example", hospital.UID)
		ana := h.person(access.Analyst, "ana@team.example", "")

		var all sync.WaitGroup
		taken := 0
		failed := make(chan string, mails+forms)
		for sender := range 6 {
			all.Go(func() {
				for i := range mails / 6 {
					from := fmt.Sprintf("p%d-%d@away.example", sender, i)
					if err := deliver(h.Config.SMTP, from, lane, head(from, lane, "Fwd: Your parcel")+"\r\nPay at https://parcel.example/pay\r\n"); err != nil {
						failed <- err.Error()
					}
				}
			})
		}
		all.Go(func() {
			b := h.browser()
			for i := range forms {
				switch a := b.send("/suspicious", values("description", fmt.Sprintf("Message %d: https://parcel.example/pay", i))); a.Status {
				case http.StatusSeeOther:
					taken++
				case http.StatusTooManyRequests: // it is told so, with what it typed
				default:
					failed <- fmt.Sprintf("the page: %d", a.Status)
				}
			}
		})

		// Meanwhile.
		h.mail("rui@hospital.example", teamAddress, head("rui@hospital.example", teamAddress, "Servers are encrypted")+"\r\nSince nine.\r\n")
		rui.post("/portal/reports/new", "summary", "Pumps stopped", "description", "All of them.", "ongoing", "yes", "tlp", "AMBER")
		reporter := h.browser()
		reporter.post("/report/what", "what", "incident")
		if a := reporter.get("/report/part/1"); a.Status >= 400 && a.Status != http.StatusNotFound {
			t.Errorf("the form answers %d", a.Status)
		}
		h.eventually("the reports of a known constituent", func() bool {
			page := ana.page("/desk/triage")
			return strings.Contains(page, "Servers are encrypted") && strings.Contains(page, "Pumps stopped")
		})
		all.Wait()
		close(failed)
		for f := range failed {
			t.Error(f)
		}
		count := func(query string) (n int) {
			h.must(h.DB.QueryRow(ctx, query).Scan(&n))
			return n
		}
		if n := count(`SELECT COUNT(*) FROM correspondence_arrival WHERE public = TRUE`); n < mails {
			t.Errorf("%d of %d mails were kept", n, mails)
		}
		if n := count(`SELECT COUNT(*) FROM intake_report`); n != 2 {
			t.Errorf("%d reports: the public stands in the queue, or somebody does not", n)
		}
		if n := count(`SELECT COUNT(*) FROM suspicion_message`); n != 0 {
			t.Errorf("%d were sorted though nobody sorts", n)
		}
		close(letGo)
		h.eventually("what the public handed on", func() bool { return count(`SELECT COUNT(*) FROM suspicion_message`) == mails+taken })
		if taken == 0 {
			t.Error("the page took nothing")
		}
	})
}
