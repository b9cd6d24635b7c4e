package app

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
)

// A law firm reports for a town. The desk asks the town by its known contact, who reads who claims it and nothing else; the town denies the first and confirms
// the second; what it writes by mail never reaches who reported.
func TestATownSaysWhoSpeaksForIt(t *testing.T) {
	onEach(t, func(h *house) {
		ctx := h.t.Context()
		h.serve()
		town, _ := h.organisation("North town", "en", "Clerk", "clerk@hospital.example", nil)
		south, _ := h.organisation("South town", "en", "Clerk", "clerk@water.example", nil)
		report := func(who string) intake.Received {
			got, err := h.Intake.Receive(ctx, sample(), intake.ReceiveInput{
				Channel: correspondence.ByPhone, Lang: "en", TLP: "AMBER", Body: intake.Body{Summary: "SECRETWORD of the case", Description: "SECRETWORD", Name: who, Email: "firm@elsewhere.example", OrgText: "Northtown", Behalf: "law_firm"},
			})
			h.must(err)
			return got
		}
		first, second := report("Firm & Sons"), report("Firm & Daughters")
		ana, clerk := h.person(access.Analyst, "ana@vouch.example", ""), h.person(access.Constituent, "portal@hospital.example", town.UID)
		at := "/desk/reports/" + first.Report.UID
		page := ana.page(at + "/stages")
		for _, action := range []string{at + "/confirm", at + "/vouch"} {
			if !strings.Contains(page, `method="post" action="`+action+`"`) {
				h.t.Errorf("no form posts to %s", action)
			}
		}
		if a := ana.send(at+"/vouch", values("organisation", "Nowhere")); a.Status != http.StatusUnprocessableEntity || !strings.Contains(a.Body, "Nowhere") {
			h.t.Errorf("a town that is none: %d", a.Status)
		}
		ana.post(at+"/vouch", "organisation", "north town")
		ana.post("/desk/reports/"+second.Report.UID+"/vouch", "organisation", "North town")
		if page := clerk.page("/portal/"); strings.Contains(page, "/portal/vouches/") {
			h.t.Error("it stands in the portal before the letter has left")
		}
		for _, got := range []intake.Received{first, second} { // without second thoughts
			asked, err := h.Intake.Vouches(ctx, h.DB, sample(), got.Report.UID)
			h.must(err)
			h.must(h.Correspondence.SendNow(ctx, sample(), asked[0].Message))
		}
		h.eventually("both letters", func() bool { return strings.Count(clerk.page("/portal/"), "/portal/vouches/") == 2 })
		letters := h.sent("clerk@hospital.example")
		for _, l := range letters {
			if strings.Contains(l, "SECRETWORD") {
				h.t.Errorf("the letter tells what was reported: %s", l)
			}
		}
		all, err := h.Intake.Vouches(ctx, h.DB, sample(), first.Report.UID)
		h.must(err)
		no := "/portal/vouches/" + all[0].UID
		page = clerk.page(no)
		if !strings.Contains(page, "Firm &amp; Sons") || !strings.Contains(page, "Northtown") || strings.Contains(page, "SECRETWORD") {
			h.t.Errorf("the page: %s", plain(page))
		}
		if r, _ := h.Intake.Get(ctx, h.DB, sample(), first.Report.UID); r.Behalf != intake.Unconfirmed {
			h.t.Error("opening the page answered it")
		}
		other := h.person(access.Constituent, "portal@water.example", south.UID)
		if a := other.get(no); a.Status != http.StatusNotFound {
			h.t.Errorf("another town: %d", a.Status)
		}
		if a := other.send(no, values("said", "yes")); a.Status != http.StatusNotFound {
			h.t.Errorf("another town answers: %d", a.Status)
		}
		if a := clerk.get("/portal/reports/" + first.Report.UID); a.Status != http.StatusNotFound {
			h.t.Errorf("the town opens the report: %d", a.Status)
		}
		clerk.post(no, "said", "no")
		if a := clerk.send(no, values("said", "yes")); a.Status != http.StatusConflict {
			h.t.Errorf("said otherwise: %d", a.Status)
		}
		if r, _ := h.Intake.Get(ctx, h.DB, sample(), first.Report.UID); r.Behalf != intake.Unconfirmed {
			h.t.Error("a denial confirms")
		}
		if page := ana.page(at + "/stages"); !strings.Contains(page, "North town denied on") {
			h.t.Errorf("the desk does not see it: %s", plain(page))
		}
		all, err = h.Intake.Vouches(ctx, h.DB, sample(), second.Report.UID)
		h.must(err)
		clerk.post("/portal/vouches/"+all[0].UID, "said", "yes")
		if r, _ := h.Intake.Get(ctx, h.DB, sample(), second.Report.UID); r.Behalf != intake.Confirmed {
			h.t.Error("a confirmation leaves the mark")
		}
		if page := clerk.page("/portal/"); strings.Contains(page, "/portal/vouches/") {
			h.t.Error("what was answered still waits")
		}
		said := 0
		h.must(h.DB.QueryRow(ctx, `SELECT COUNT(*) FROM audit_entry WHERE verb = 'intake.vouch'`).Scan(&said))
		if said != 2 {
			h.t.Errorf("the record has %d answers", said)
		}

		tag := h.one(replyTo.String(), letters[0])
		h.mail("clerk@hospital.example", tag, crlf("From: Clerk <clerk@hospital.example>\nTo: <"+tag+">\nSubject: Re\nMessage-ID: <"+unique()+"@hospital.example>\nDate: "+rfc5322Now()+"\nContent-Type: text/plain\n\nNOT OURS\n"))
		h.eventually("the mail at the desk", func() bool {
			return strings.Contains(ana.page(at+"/stages"), "NOT OURS") || strings.Contains(ana.page("/desk/reports/"+second.Report.UID+"/stages"), "NOT OURS")
		})
		for _, got := range []intake.Received{first, second} {
			reader := h.browser()
			reader.cookies["status"] = got.Code.Reveal()
			if page := reader.page("/r/report"); strings.Contains(page, "NOT OURS") {
				h.t.Error("who reported reads what the town wrote")
			}
		}
	})
}
