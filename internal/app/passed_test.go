package app

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/auth"
)

// What a law says an authority receives goes there as a letter; the authority's answer by mail is its receipt, and comes back to the desk. Its other
// letter it opens and confirms in the portal. The reporter hears nothing of it.
func TestAnAuthorityReceivesWhatTheLawSaysAndConfirms(t *testing.T) {
	onEach(t, func(h *house) {
		ctx := h.t.Context()
		h.DNS = auth.Zone{Texts: map[string][]string{"health.example": {"v=spf1 ip4:127.0.0.0/8 -all"}, "_dmarc.health.example": {"v=DMARC1; p=none"}}}
		ministry, _ := h.organisation("Ministry of health", "fr", "Guichet", "desk@health.example", nil)
		hospital, _ := h.organisation("Hospital", "en", "Rui", "rui@hospital.example", nil)
		h.serve()
		ana := h.person(access.Analyst, "ana@team.example", "")
		got, err := h.Intake.Receive(ctx, sample(), intake.ReceiveInput{
			Channel: correspondence.ByPhone, Lang: "en", TLP: "GREEN", Organisation: hospital.Ref.ID,
			Body: intake.Body{Summary: "The wards have no records", Fields: map[string]string{"law": "be-nis2", "stage": "early_warning"}},
		})
		h.must(err)
		owed, err := h.Intake.Obligations(ctx, h.DB, sample(), got.Report.Ref.ID)
		h.must(err)
		at := "/desk/reports/" + got.Report.UID + "/obligations/" + owed[got.Report.Ref.ID][0].UID
		page := ana.page(at + "/forward")
		if !strings.Contains(page, "Organisation in the register") || strings.Contains(page, "Send this letter") {
			h.t.Errorf("before it is known to whom: %s", page)
		}
		if strings.Contains(ana.page(at+"/forward?note=Typed+words&organisation=Nowhere"), "Typed words") {
			h.t.Error("the form reads an address")
		}
		if a := ana.send(at+"/forward", values("act", "preview", "organisation", "Nowhere")); a.Status != http.StatusUnprocessableEntity || !strings.Contains(a.Body, "Not in the register: Nowhere") {
			h.t.Errorf("to nobody: %d", a.Status)
		}
		if a := ana.send(at+"/forward", values("recipient", "sector_authority", "organisation", "Nowhere")); a.Status != http.StatusUnprocessableEntity || !strings.Contains(a.Body, "Not in the register: Nowhere") {
			h.t.Errorf("sent to nobody: %d", a.Status)
		}
		if page = ana.send(at+"/forward", values("act", "preview", "recipient", "sector_authority", "organisation", "ministry of health", "note", "Not yet.")).Body; !strings.Contains(page, "Not yet.") || !strings.Contains(page, "The wards have no records") || !strings.Contains(page, "Send this letter") {
			h.t.Errorf("the letter is not shown: %s", page)
		}
		if all, err := h.Intake.Forwards(ctx, h.DB, sample(), owed[got.Report.Ref.ID][0].UID); err != nil || len(all) != 0 {
			h.t.Errorf("looking sent something: %v, %v", all, err)
		}
		ana.post(at+"/forward", "recipient", "sector_authority", "organisation", "Ministry of health", "note", "Call us.")
		leave := func() { // without second thoughts
			all, err := h.Intake.Forwards(ctx, h.DB, sample(), owed[got.Report.Ref.ID][0].UID)
			h.must(err)
			h.must(h.Correspondence.SendNow(ctx, sample(), all[len(all)-1].Message))
		}
		leave()
		letter := h.letter("desk@health.example")
		for _, want := range []string{"The wards have no records", "Call us.", "TLP:GREEN"} {
			if !strings.Contains(letter, want) {
				h.t.Errorf("the letter lacks %q:\n%s", want, letter)
			}
		}
		page = ana.page(at)
		if !strings.Contains(page, "Passed on by letter") || !strings.Contains(page, "Note that Ministry of health told us") {
			h.t.Errorf("the obligation does not show it: %s", page)
		}
		tag := h.one(replyTo.String(), letter)
		h.mail("desk@health.example", tag, crlf("From: Guichet <desk@health.example>\nTo: <"+tag+">\nSubject: Re\nMessage-ID: <"+unique()+"@health.example>\nDate: "+rfc5322Now()+"\nContent-Type: text/plain\n\nBien recu\n"))
		h.eventually("the receipt", func() bool { return strings.Contains(ana.page(at), "Bien recu") })
		if page = ana.page(at); !strings.Contains(page, "by mail") || strings.Contains(page, "told us") {
			h.t.Errorf("the answer does not confirm: %s", page)
		}
		// Once more, by the portal.
		ana.post(at+"/forward", "recipient", "sector_authority", "organisation", "Ministry of health")
		leave()
		guichet := h.person(access.Constituent, "portal@health.example", ministry.UID)
		one := `href="(/portal/passed/[^"]+)"[^>]*>`
		h.eventually("the second letter", func() bool { return strings.Count(guichet.page("/portal/passed"), `href="/portal/passed/`) == 2 })
		opened := h.one(one, guichet.page("/portal/passed"))
		if page = guichet.page(opened); !strings.Contains(page, "We have received this") || !strings.Contains(page, "The wards have no records") {
			h.t.Errorf("in the portal: %s", page)
		}
		if !strings.Contains(guichet.page("/portal/reports"), `href="/portal/passed"`) {
			h.t.Error("the list of reports does not lead there")
		}
		guichet.post(opened)
		if page = guichet.page(opened); strings.Contains(page, "We have received this") || !strings.Contains(page, "Receipt confirmed") {
			h.t.Errorf("confirmed: %s", page)
		}
		if page = ana.page(at); !strings.Contains(page, "in the portal") {
			h.t.Errorf("the desk does not see it: %s", page)
		}
		rui := h.person(access.Constituent, "rui.portal@hospital.example", hospital.UID)
		if page = rui.page("/portal/reports/" + got.Report.UID); strings.Contains(page, "Ministry") || strings.Contains(page, "Bien recu") {
			h.t.Error("the reporter reads what the authority wrote")
		}
		for _, p := range []string{opened, "/portal/passed/none"} {
			if a := rui.get(p); a.Status != http.StatusNotFound {
				h.t.Errorf("another organisation opens %s: %d", p, a.Status)
			}
		}
	})
}
