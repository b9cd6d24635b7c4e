package app

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
)

// A wave of one phishing mail is one line of the queue, one decision, and a letter to each reporter in its language; a second wave is rejected at once,
// and taken back.
func TestAWaveIsOneDecision(t *testing.T) {
	onEach(t, func(h *house) {
		ctx := h.t.Context()
		h.serve()
		ana := h.person(access.Analyst, "ana@team.example", "")
		wave := func(what string, n int) []string {
			var out []string
			for i := range n {
				got, err := h.Intake.Receive(ctx, access.System("intake"), intake.ReceiveInput{
					Channel: correspondence.ByMail, Proof: correspondence.Aligned, Lang: []string{"en", "pt"}[i%2], TLP: "GREEN", NoReceipt: true, MessageID: fmt.Sprintf("%s%d@away.example", what, i),
					Body: intake.Body{
						Summary: "A strange " + what, Name: fmt.Sprintf("R%d", i), Email: fmt.Sprintf("%s%d@away.example", what, i),
						Description: "Dear customer, your parcel of " + what + " waits at our office. Pay the customs fee within two days at https://parcel-" + what + ".example/pay or it goes back to the sender.",
					},
				})
				h.must(err)
				out = append(out, got.Report.UID)
			}
			return out
		}
		reports := wave("parcel", 6)
		h.eventually("one line for the wave", func() bool { return strings.Contains(ana.page("/desk/triage"), "/desk/triage?like=") })
		like := "/desk/triage?like=" + reports[0]
		if page := ana.page(like); !strings.Contains(page, "/desk/triage/group?like="+reports[0]) {
			h.t.Fatalf("the group does not lead on: %s", page)
		}
		group := "/desk/triage/group?like=" + reports[0]
		page := ana.page(group)
		for _, want := range []string{"Subject in English (3 readers)", "Português (3 readers)", "Reject 6 reports"} {
			if !strings.Contains(page, want) {
				h.t.Errorf("the group lacks %q", want)
			}
		}
		if strings.Contains(page, "text-de") {
			h.t.Error("a letter is asked for in a language that nobody speaks")
		}
		all := []string{"action", "answer", "like", reports[0]}
		for _, r := range reports {
			all = append(all, "report", r)
		}
		refused := ana.send("/desk/triage/group", values(append(all, "text-pt", "Só português")...))
		if refused.Status != http.StatusUnprocessableEntity || !strings.Contains(refused.Body, "Só português") {
			h.t.Errorf("without English: %d", refused.Status)
		}
		if a := ana.send("/desk/triage/group", values(append(all, "report", "none", "subject-en", "x", "text-en", "y")...)); a.Status != http.StatusNotFound {
			h.t.Errorf("with a report that is none: %d", a.Status)
		}
		at := ana.post("/desk/triage/group", append(all, "subject-en", "Your parcel", "text-en", "Dear {name}, it is a fraud ({reference}).", "subject-pt", "A sua encomenda", "text-pt", "Caro(a) {name}, é uma fraude ({reference}).")...)
		h.eventually("the run", func() bool { return strings.Contains(ana.page(at), "6 of 6") })
		for _, r := range reports {
			got, err := h.Intake.Get(ctx, h.DB, sample(), r)
			h.must(err)
			letters, err := h.Correspondence.Letters(ctx, h.DB, sample(), 5, got.Thread)
			h.must(err)
			want := map[string]string{"en": "Dear " + got.Body.Name + ", it is a fraud (" + got.Reference + ").", "pt": "Caro(a) " + got.Body.Name + ", é uma fraude (" + got.Reference + ")."}[got.Lang]
			if got.State != intake.Answered || len(letters) != 1 || letters[0].Body.Text != want {
				h.t.Errorf("%s: %s %+v", got.Lang, got.State, letters)
			}
		}
		// Senders who are not proved get nothing unasked.
		stranger, err := h.Intake.Receive(ctx, access.System("intake"), intake.ReceiveInput{
			Channel: correspondence.ByMail, Proof: correspondence.Claimed, Lang: "en", NoReceipt: true, Body: intake.Body{Summary: "Parcel", Email: "x@away.example"},
		})
		h.must(err)
		refused = ana.send("/desk/triage/group", values("action", "answer", "like", stranger.Report.UID, "report", stranger.Report.UID, "subject-en", "x", "text-en", "Kept words"))
		if refused.Status != http.StatusUnprocessableEntity || !strings.Contains(refused.Body, "Nobody would get a letter") || !strings.Contains(refused.Body, "Kept words") {
			h.t.Errorf("nobody to answer: %d", refused.Status)
		}
		// Another wave is rejected, and taken back.
		second := wave("prize", 4)
		all = []string{"action", "reject", "reason", "spam", "like", second[0]}
		for _, r := range second {
			all = append(all, "report", r)
		}
		at = ana.post("/desk/triage/group", all...)
		h.eventually("the second run", func() bool { return strings.Contains(ana.page(at), "4 of 4") })
		ana.post(at + "/undo")
		h.eventually("the run taken back", func() bool { return strings.Contains(ana.page(at), ">Taken back<") })
		for _, r := range second {
			if got, err := h.Intake.Get(ctx, h.DB, sample(), r); err != nil || got.State != intake.New {
				h.t.Errorf("taken back: %s %v", got.State, err)
			}
		}
		ana.post(at + "/cancel") // it is over: nothing happens
		// A third wave becomes one incident, and a fourth is attached to it, taken back and passed on.
		third, fourth := wave("invoice", 5), wave("voucher", 4)
		names := func(all []string, pairs ...string) []string {
			for _, r := range all {
				pairs = append(pairs, "report", r)
			}
			return append(pairs, "like", all[0])
		}
		states := func(what string, all []string, want intake.State) {
			h.t.Helper()
			for _, r := range all {
				if got, err := h.Intake.Get(ctx, h.DB, sample(), r); err != nil || got.State != want {
					h.t.Errorf("%s: %s %v", what, got.State, err)
				}
			}
		}
		at = ana.post("/desk/triage/group", names(third, "action", "accept")...)
		h.eventually("all accepted", func() bool { return strings.Contains(ana.page(at), "4 of 4") })
		states("accepted", third, intake.Linked)
		lead, err := h.Intake.Get(ctx, h.DB, sample(), third[0])
		h.must(err)
		incidents, err := h.Incidents.ByID(ctx, h.DB, sample(), lead.Incidents[0].ID)
		h.must(err)
		refused = ana.send("/desk/triage/group", values(names(fourth, "action", "attach", "incident", "INC-1999-000001")...))
		if refused.Status != http.StatusUnprocessableEntity {
			h.t.Errorf("attached to an incident that is none: %d", refused.Status)
		}
		at = ana.post("/desk/triage/group", names(fourth, "action", "attach", "incident", incidents[lead.Incidents[0].ID].Number)...)
		h.eventually("all attached", func() bool { return strings.Contains(ana.page(at), "4 of 4") })
		states("attached", fourth, intake.Linked)
		ana.post(at + "/undo")
		h.eventually("taken back from the incident", func() bool { return strings.Contains(ana.page(at), ">Taken back<") })
		states("taken back from the incident", fourth, intake.New)
		at = ana.post("/desk/triage/group", names(fourth, "action", "pass_on", "to", "police")...)
		h.eventually("all passed on", func() bool { return strings.Contains(ana.page(at), "4 of 4") })
		states("passed on", fourth, intake.PassedOn)
		if a := ana.get("/desk/triage/runs/none"); a.Status != http.StatusNotFound {
			h.t.Errorf("a run that is none: %d", a.Status)
		}
	})
}
