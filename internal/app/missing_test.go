package app

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// What is missing in a stage that came by telephone and by mail is asked through a link, answered on the form of the site and filed; an organisation
// that was reported for files its own stage in the portal, without a word of anybody else.
func TestWhatIsMissingIsAskedThroughALink(t *testing.T) {
	onEach(t, func(h *house) {
		ctx := h.t.Context()
		handler, _ := h.routes()
		h.open(handler)
		north, _ := h.organisation("North town", "en", "Clerk", "clerk@north.example", nil)
		south, _ := h.organisation("South town", "en", "Clerk", "clerk@south.example", nil)
		ana := h.person(access.Analyst, "ana@missing.example", "")
		clerk, neighbour := h.person(access.Constituent, "cleo@missing.example", north.UID), h.person(access.Constituent, "nina@missing.example", south.UID)
		_, err := h.Intake.DropKey(ctx)
		h.must(err)

		// A call: the code is shown once, the caller answers on the site, and it is filed.
		call, err := h.Intake.Receive(ctx, sample(), intake.ReceiveInput{Channel: correspondence.ByPhone, Lang: "en", TLP: "AMBER", Body: intake.Body{Summary: "The provider is down", Name: "Ops", OrgText: "Provider"}})
		h.must(err)
		at := "/desk/reports/" + call.Report.UID + "/stages"
		ana.post(at+"/file", "set", "be-nis2", "stage", "early_warning", "affected", "North town\nSouth town", "q-summary", "North town and South town are unlit", "q-malicious", "yes")
		h.reads(ana.page(at), "Still open", "Could other countries be affected?", "Ask for what is missing", "but not the words")
		h.reads(ana.page(at+"/1/missing"), "A code to read out")
		shown := ana.send(at+"/1/missing/code", values("x", "y"))
		code := strings.ReplaceAll(between(shown.Body, `read out</span><code>`, "<"), " ", "")
		if !id.Valid(code) {
			h.t.Fatalf("no code: %s", plain(shown.Body))
		}
		caller := h.browser()
		caller.post("/r", "code", code)
		h.reads(caller.page("/r/report"), "questions are open", "We asked for this on", "Could other countries be affected?")
		h.reads(caller.page("/r/next?completes=1"), "still open", "What you told us", "North town and South town are unlit")
		caller.post("/r/next", "completes", "1")
		caller.post("/report/part/4", "q-cross_border", "no")
		caller.post("/report/check")
		opened := func() {
			if n, err := h.Intake.OpenDrops(ctx); n != 1 || err != nil {
				h.t.Fatalf("%d drops, %v", n, err)
			}
		}
		opened()
		h.reads(ana.page(at), "Corrects number 1", "Not known yet → No")
		if a := h.browser().get("/r/next?completes=1"); a.Status != http.StatusSeeOther {
			h.t.Errorf("without a code: %d", a.Status)
		}

		// A mail in clear: the link shows nothing that was told, and a person files what came.
		mail, err := h.Intake.Receive(ctx, access.System("intake"), intake.ReceiveInput{Channel: correspondence.ByMail, Lang: "en", TLP: "AMBER", Proof: correspondence.Aligned, Body: intake.Body{Summary: "Secret servers", Description: "Secret words", Email: "eva@away.example"}})
		h.must(err)
		of := "/desk/reports/" + mail.Report.UID + "/stages"
		_, err = h.Intake.Submit(ctx, sample(), mail.Report.UID, intake.SubmitInput{Set: "eu-nis2", Stage: "early_warning", Channel: correspondence.ByMail, Answers: law.Answers{"summary": "Secret words"}})
		h.must(err)
		h.reads(ana.page(of+"/1/missing"), "eva@away.example", "questions are still open", "plain mail")
		if strings.Contains(ana.page(of+"/1/missing"), "Secret") {
			h.t.Error("the letter quotes")
		}
		ana.post(of + "/1/missing")
		letters, err := h.Correspondence.Messages(ctx, h.DB, sample(), mail.Report.Thread)
		h.must(err)
		link := between(letters[len(letters)-1].Body.Text, "/r/", "\n")
		eva := h.browser()
		eva.get("/r/" + link)
		page := eva.page("/r/next?completes=1")
		h.reads(page, "came by plain mail", "Sector and kind of organisation")
		if strings.Contains(page+eva.page("/r/report"), "Secret") {
			h.t.Error("a link of clear mail shows what was told")
		}
		eva.post("/r/next", "completes", "1")
		eva.post("/report/part/1", "q-sector", "Health")
		eva.post("/report/check")
		h.reads(eva.page("/r/report?done=offered"), "looks at them before they count")
		opened()
		h.reads(ana.page(of), "File these answers")
		offered, err := h.Intake.OfferedAnswers(ctx, h.DB, sample(), mail.Report.UID)
		h.must(err)
		ana.post("/desk/reports/"+mail.Report.UID+"/offered/"+offered[0].Message, "act", "take")
		h.reads(ana.page(of), "2. Early warning", "Not known yet → Health")

		// The portal of one town.
		list := clerk.page("/portal/stages")
		h.reads(list, "Reported for you", "Reported by Provider", call.Reference)
		mine := "/portal/stages/" + between(list, `href="/portal/stages/`, `"`)
		one := clerk.page(mine)
		h.reads(one, "Incident notification", "Hand in this stage", "From: Provider")
		for _, word := range []string{"South", "unlit"} {
			if strings.Contains(one+list+clerk.page("/portal/"), word) {
				h.t.Errorf("North town reads %q", word)
			}
		}
		if a := neighbour.get(mine); a.Status != http.StatusNotFound {
			h.t.Errorf("South town opens North town's: %d", a.Status)
		}
		h.reads(clerk.page(mine+"/file?stage=notification"), "How it stands now", "What is known already")
		bad := clerk.send(mine+"/file", values("stage", "notification", "q-users_affected", "many", "q-status", "Kept text"))
		if bad.Status != http.StatusUnprocessableEntity || !strings.Contains(bad.Body, "Kept text") {
			h.t.Errorf("a number that is none: %d", bad.Status)
		}
		check := clerk.send(mine+"/file", values("stage", "notification", "q-status", "On paper", "q-users_affected", "1 200", "act", "check"))
		if check.Status != http.StatusOK {
			h.t.Fatalf("the check: %d", check.Status)
		}
		h.reads(check.Body, "On paper", "Who made the report does not")
		look := func() string {
			list := neighbour.page("/portal/stages")
			return plain(list + neighbour.page("/portal/stages/"+between(list, `href="/portal/stages/`, `"`)))
		}
		before := look()
		clerk.post(mine+"/file", "stage", "notification", "q-status", "On paper", "q-users_affected", "1 200", "act", "send")
		h.reads(clerk.page(mine), "On paper", "1200")
		if after := look(); after != before {
			h.t.Log(before, after)
			h.t.Error("South town sees that North town filed")
		}
		if strings.Contains(caller.page("/r/report"), "On paper") {
			h.t.Error("the provider reads what North town filed")
		}
		h.reads(ana.page(at), "Handed in by", "North town", "On paper")
	})
}

// reads asks for words in a page, whatever stands between them.
func (h *house) reads(page string, words ...string) {
	h.t.Helper()
	text := strings.Join(strings.Fields(markup.ReplaceAllString(page, " ")), " ")
	for _, w := range words {
		if !strings.Contains(text, w) {
			h.t.Errorf("%q is not in %s", w, text)
		}
	}
}

// between gives what stands between two marks.
func between(s, from, to string) string {
	_, rest, _ := strings.Cut(s, from)
	out, _, _ := strings.Cut(rest, to)
	return out
}
