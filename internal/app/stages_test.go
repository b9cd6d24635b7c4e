package app

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
)

// An analyst files a call as a stage for two towns, corrects it, notes moments; a lead waives; each page says what is owed by when.
func TestALegalStageIsFiledAtTheDesk(t *testing.T) {
	onEach(t, func(h *house) {
		ctx := h.t.Context()
		handler, _ := h.routes()
		h.open(handler)
		north, _ := h.organisation("North town", "en", "Clerk", "clerk@north.example", nil)
		h.organisation("South town", "en", "Clerk", "clerk@south.example", nil)
		got, err := h.Intake.Receive(ctx, sample(), intake.ReceiveInput{
			Channel: correspondence.ByPhone, Lang: "en", TLP: "GREEN", Body: intake.Body{Summary: "The provider is down", Name: "Ops", OrgText: "Provider"},
		})
		h.must(err)
		ana, lead := h.person(access.Analyst, "ana@stages.example", ""), h.person(access.Lead, "lea@stages.example", "")
		at := "/desk/reports/" + got.Report.UID
		has := func(page string, words ...string) {
			h.t.Helper()
			text := strings.Join(strings.Fields(markup.ReplaceAllString(page, " ")), " ")
			for _, w := range words {
				if !strings.Contains(text, w) {
					h.t.Errorf("%q is not in %s", w, text)
				}
			}
		}
		has(ana.page(at), "Legal stages", "Stages and clocks")
		has(ana.page(at+"/stages"), "No law asks anything yet", "Significant incident (Belgium) · Early warning")
		form := ana.page(at + "/stages/file?as=be-nis2:early_warning")
		has(form, "Could other countries be affected?", "Sector authority, National Crisis Centre (NCCN)", "Early and incomplete is better than late and complete")

		told := h.Clock.Now().Add(-25 * time.Hour).In(h.Config.Location()).Format("2006-01-02T15:04")
		refused := ana.send(at+"/stages/file", values("set", "be-nis2", "stage", "early_warning", "told", told, "affected", "North town\nNowhere", "q-summary", "Kept text", "q-aware_at", "soon"))
		if refused.Status != http.StatusUnprocessableEntity {
			h.t.Fatalf("a town that is none: %d", refused.Status)
		}
		if many := ana.send(at+"/stages/file", values("set", "be-nis2", "stage", "early_warning", "affected", strings.Repeat("x\n", 501))); many.Status != http.StatusUnprocessableEntity || !strings.Contains(many.Body, "500") {
			h.t.Errorf("501 organisations: %d", many.Status)
		}
		has(refused.Body, "There are 2 problems", "Kept text", "Not in the register: Nowhere")
		ana.post(at+"/stages/file", "set", "be-nis2", "stage", "early_warning", "told", told, "affected", "north town\nSouth town", "class", "essential", "q-summary", "Nothing works", "q-malicious", "no")
		page := ana.page(at + "/stages")
		has(page, "North town", "South town", "1. Early warning", "2 organisations", "Nothing works", "Pass on to: Sector authority")

		ana.post(at+"/stages/file", "set", "be-nis2", "stage", "early_warning", "corrects", "1", "q-summary", "Nothing works", "q-malicious", "yes")
		has(ana.page(at+"/stages"), "Corrects number 1", "No → Yes")
		has(ana.page(at+"/stages/file?as=be-nis2:notification"), "Known already", "Nothing works")
		if a := ana.get(at + "/stages/file?as=eu-gdpr-33:nothing"); a.Status != http.StatusNotFound {
			h.t.Errorf("a stage that is none: %d", a.Status)
		}

		all, err := h.Intake.Obligations(ctx, h.DB, sample(), got.Report.Ref.ID)
		h.must(err)
		var one intake.Obligation
		for _, o := range all[got.Report.Ref.ID] {
			if o.Organisation == north.Ref.ID {
				one = o
			}
		}
		owed := at + "/obligations/" + one.UID
		has(ana.page(owed), "North town", "Essential entity", "not told since when, so counted from our receipt", "BE NIS2 Art. 35", "Partly unconfirmed")
		aware := h.Clock.Now().Add(-60 * time.Hour).In(h.Config.Location()).Format("2006-01-02T15:04")
		ana.post(owed+"/moment", "moment", "awareness", "at", aware)
		has(ana.page(owed), "Early warning Late", "Awareness")
		wrong := ana.send(owed+"/moment", values("moment", "awareness", "at", told))
		if wrong.Status != http.StatusUnprocessableEntity {
			h.t.Errorf("corrected without a reason: %d", wrong.Status)
		}
		has(wrong.Body, "There is 1 problem")
		ana.post(owed+"/passed-on", "recipient", "sector_authority", "reason", "By telephone, confirmed by the desk")
		has(ana.page(owed), "Pass on to: Sector authority", "By telephone, confirmed by the desk")
		if strings.Contains(ana.page(owed), "Waive a stage") {
			h.t.Error("an analyst is offered to waive")
		}
		if a := ana.send(owed+"/waive", values("key", "notification", "reason", "x")); a.Status != http.StatusForbidden {
			h.t.Errorf("an analyst waives: %d", a.Status)
		}
		lead.post(owed+"/waive", "key", "notification", "reason", "The neighbour has it")
		has(lead.page(owed), "Incident notification Waived", "The neighbour has it", "Take a waiver back")
		lead.post(owed+"/take-back", "key", "notification", "reason", "A mistake")
		ana.post(owed+"/request", "stage", "intermediate", "due", h.Clock.Now().Add(48*time.Hour).In(h.Config.Location()).Format("2006-01-02T15:04"))
		has(ana.page(owed), "We asked for: Intermediate report")
		has(ana.page("/desk/deadlines"), "Intermediate report · BE NIS2 Art. 35", "Incident notification")

		has(lead.page("/desk/admin/rules"), "Significant incident (Portugal)", "Partly unconfirmed", "Decree-Law 125/2025", "no problem", "Is it significant? (Belgium, other sectors)", "Unconfirmed")
		has(lead.page("/desk/admin/rules/pt-dl-125-2025"), "30 working days from: submission of “End of significant impact”", "Resolved within two hours", "As a form: Initial notification", "Every 7 days from: our request", "taken from the bill")
		has(ana.page("/desk/significance/eu-2024-2690?type=cloud&q-unavailable_minutes=31"), "Completely unavailable for more than 30 minutes", "Art. 7(a)", "Because")
		has(ana.page("/desk/significance/eu-2024-2690?type=cloud"), "Not known yet: it hangs on the questions below", "Still to be answered")
		if a := ana.get("/desk/significance/atlantis"); a.Status != http.StatusNotFound {
			h.t.Errorf("a test that is none: %d", a.Status)
		}
		if a := ana.get("/desk/admin/rules"); a.Status != http.StatusForbidden {
			h.t.Errorf("an analyst reads the rules' room: %d", a.Status)
		}
	})
}
