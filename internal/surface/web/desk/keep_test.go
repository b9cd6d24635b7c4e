package desk_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/retain"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
)

// A lead holds an incident and a report on their pages, everybody who reads them sees it, the table of periods lists it, and ending it asks for a
// reason and a fresh proof. A report whose period is over says so and offers nothing.
func TestALeadHoldsOnThePage(t *testing.T) {
	h := openOffice(t)
	in := h.opened()
	ana, lea, root := h.as("Ana"), h.as("Lea"), h.as("Root")
	at := "/desk/incidents/" + in.Number
	ana.sees(ana.get(at+"/hold"), http.StatusForbidden)
	ana.sees(ana.get(at+"/files"), http.StatusOK, "!Legal hold")
	lea.sees(lea.get(at+"/files"), http.StatusOK, "Legal hold")
	lea.sees(lea.get(at+"/hold"), http.StatusOK, "Legal hold on "+in.Number, "Set the hold")
	lea.sees(lea.do("POST", at+"/hold", "reason", ""), http.StatusUnprocessableEntity, "Say why in a sentence")
	const why = "The court of Valmora asked for it"
	lea.goes(lea.do("POST", at+"/hold", "reason", why), at+"?done=hold_set")
	lea.sees(lea.do("POST", at+"/hold", "reason", why), http.StatusConflict, "A legal hold is set already.")
	ana.sees(ana.get(at+"/files"), http.StatusOK, "Held")
	lea.sees(lea.get(at+"/hold"), http.StatusOK, `<blockquote class="words"><p class="prose">`+why, "Lea", "End the hold")
	lea.sees(lea.get("/desk/admin/retention"), http.StatusOK, "Rejected reports", "1 year", "5 years", "7 days", "30 days", in.Number, "Lea")
	lea.sees(lea.get("/desk/admin"), http.StatusOK, "/desk/admin/retention")
	root.sees(root.get("/desk/admin/retention"), http.StatusOK, "Rejected reports", "!"+in.Number, "!Legal holds")
	ana.sees(ana.get("/desk/admin/retention"), http.StatusForbidden)

	got, err := h.cases.Intake.Receive(t.Context(), access.System("intake"), intake.ReceiveInput{
		Channel: correspondence.ByForm, Lang: "en", NoReceipt: true, Body: intake.Body{Summary: "Cheap watches", Description: "Buy two"},
	})
	h.must(err)
	report := "/desk/reports/" + got.Report.UID
	ana.sees(ana.get(report), http.StatusOK, "Cheap watches", "!Legal hold")
	lea.sees(lea.get(report), http.StatusOK, "Set a legal hold", report+"/hold")
	lea.goes(lea.do("POST", report+"/hold", "reason", why), report+"?done=hold_set")
	ana.sees(ana.get(report), http.StatusOK, "Held since", "!"+report+"/hold")
	if a := ana.do("POST", report+"/reject", "reason", "spam"); a.status != http.StatusSeeOther {
		t.Fatalf("not rejected: %d %s", a.status, a.body)
	}

	h.Clock.Advance(11 * time.Minute)
	if a := lea.do("POST", report+"/hold/release", "reason", "The court is done"); a.status == http.StatusSeeOther && a.location == report+"?done=hold_ended" {
		t.Error("ended on an old proof")
	}
	lea = h.as("Lea")
	lea.sees(lea.do("POST", report+"/hold/release", "reason", "done"), http.StatusUnprocessableEntity, why)
	lea.goes(lea.do("POST", report+"/hold/release", "reason", "The court is done"), report+"?done=hold_ended")

	h.Clock.Advance(retain.RejectedFor + time.Hour)
	if n, err := h.cases.Intake.End(t.Context()); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	ana, lea = h.as("Ana"), h.as("Lea")
	for _, p := range []person{ana, lea} {
		p.sees(p.get(report), http.StatusOK, "Content destroyed", "The content was destroyed when its period was over.", "!Cheap watches", "!Without a name", "!"+report+"/restore", "!"+report+"/hold")
	}
	if a := ana.do("POST", report+"/restore"); a.status != http.StatusNotFound {
		t.Errorf("taken back from the dead: %d", a.status)
	}
}
