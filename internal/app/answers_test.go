package app

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// A letter that asks typed questions and recommends something is answered by its link, in the portal and on the telephone; opening the link changes
// nothing, and the matrix, its file and its sums show what was said.
func TestALetterIsAnsweredByLinkPortalAndTelephone(t *testing.T) {
	onEach(t, func(h *house) {
		ctx := h.t.Context()
		handler, _ := h.routes()
		h.open(handler)
		_, err := h.Intake.DropKey(ctx)
		h.must(err)
		north, _ := h.organisation("North town", "en", "Clerk", "clerk@north.example", nil)
		south, _ := h.organisation("South town", "de", "Clerk", "clerk@south.example", nil)
		ana := h.person(access.Analyst, "ana@answers.example", "")
		clerk := h.person(access.Constituent, "cleo@answers.example", north.UID)
		in, err := h.Incidents.Open(ctx, sample(), incident.NewIncident{Title: "Blackgull", TLP: tlp.Green})
		h.must(err)
		parties, err := h.Coordination.Add(ctx, sample(), in.UID, []string{north.UID, south.UID}, coordination.Affected, "")
		h.must(err)
		at := "/desk/incidents/" + in.Number
		recommendation := between(ana.page(at+"/ask"), `name="recommendation" value="`, `"`)
		due := time.Now().Add(48 * time.Hour).Format("2006-01-02T15:04")
		fields := values("party", parties[0].UID, "party", parties[1].UID, "recommendation", recommendation, "questions", "exposure", "due", due, "tlp", "GREEN", "looked", "1")
		preview := ana.send(at+"/ask", fields)
		h.reads(preview.Body, "Do you run the product?", "Setzen Sie das Produkt ein?", "/a/00000000000000000000000000")
		fields.Set("send", "1")
		if a := ana.send(at+"/ask", fields); a.Status != http.StatusSeeOther {
			t.Fatalf("send: %d %s", a.Status, plain(a.Body))
		}
		_, err = h.DB.Exec(ctx, `UPDATE correspondence_message SET state = 'sent', sent_at = at WHERE state = 'held'`)
		h.must(err)
		_, err = h.DB.Exec(ctx, `UPDATE coordination_request SET shown_at = 1`)
		h.must(err)
		_, err = h.DB.Exec(ctx, `UPDATE coordination_measure SET shown_at = 1`)
		h.must(err)
		var codes []string
		for _, p := range parties {
			letters, err := h.Correspondence.Messages(ctx, h.DB, sample(), p.Thread)
			h.must(err)
			codes = append(codes, between(letters[0].Body.Text, "/a/", "\n"))
		}

		// A scanner opens the link, follows it, and sends its form as it stands: nothing happens.
		scanner := h.browser()
		before := h.tables()
		if a := scanner.get("/a/" + codes[0]); a.Status != http.StatusSeeOther || strings.Contains(a.Header.Get("Location"), codes[0]) {
			t.Errorf("the link leads to %q", a.Header.Get("Location"))
		}
		page := scanner.page("/a/letter")
		h.reads(page, "Do you run the product?", "It is fixed", "This is not ours", "We need help", "Nothing is chosen yet")
		forms, _ := formsOf("/a/letter", page)
		pressed := 0
		for _, s := range forms {
			if strings.HasPrefix(s.Action, "/a/letter") {
				pressed++
				if a := scanner.submit(s, nil, ""); a.Status != http.StatusUnprocessableEntity {
					t.Errorf("the form as it stands: %d", a.Status)
				}
			}
		}
		if pressed == 0 {
			t.Error("no form was pressed")
		}
		for table, is := range h.tables() {
			if was := before[table]; is != was {
				t.Errorf("opening and pressing changed %s", table)
			}
		}
		if a := h.browser().get("/a/letter"); a.Status != http.StatusNotFound {
			t.Errorf("without a code: %d", a.Status)
		}
		stranger := h.browser()
		stranger.get("/a/" + id.New())
		if a := stranger.get("/a/letter"); a.Status != http.StatusNotFound || strings.Contains(a.Body, "Blackgull") {
			t.Errorf("a code that is none: %d", a.Status)
		}

		opened := func(want int) {
			t.Helper()
			if n, err := h.Intake.OpenDrops(ctx); n != want || err != nil {
				t.Fatalf("%d drops, %v", n, err)
			}
		}
		// By link, twice from the same form, with what is wrong kept beside it.
		wrong := scanner.send("/a/letter", values("q-runs", "yes", "q-count", "many", "note", "Kept words <script>"))
		h.reads(wrong.Body, "Enter a whole number", "Kept words &lt;script&gt;")
		once := id.New()
		reply := values("once", once, "q-runs", "yes", "q-count", "31337", "q-version-later", "1", "act", "help", "note", "Call the plant")
		for range 2 {
			if a := scanner.send("/a/letter", reply); a.Status != http.StatusSeeOther {
				t.Fatalf("the answer: %d %s", a.Status, plain(a.Body))
			}
		}
		opened(1)
		h.reads(scanner.page("/a/letter?done=said"), "We have received your answer", "Answered on")
		if strings.Contains(scanner.page("/a/letter"), "31337") {
			t.Error("a link of clear mail shows what was answered")
		}
		tasks, err := h.Incidents.Tasks(ctx, h.DB, sample(), in.UID)
		h.must(err)
		if len(tasks) != 1 || !strings.Contains(tasks[0].Title, "North town asks for help") {
			t.Errorf("tasks: %+v", tasks)
		}
		h.reads(ana.page("/desk/parties/"+parties[0].UID), "By the link of the letter, without sign-in", "31337", "Not looked yet", "Call the plant")

		// In the portal, by the same organisation; the other sees nothing.
		list := clerk.page("/portal/requests?all=1")
		mine := "/portal/requests/" + between(list, `href="/portal/requests/`, `"`)
		h.reads(clerk.page(mine), "By the link in our letter", "31337")
		bad := clerk.send(mine+"/questions", values("q-patched-day", "31", "q-patched-month", "2", "q-patched-year", "2026", "q-note", "Kept too", "reach", "team"))
		h.reads(bad.Body, "Enter a day that exists", "Kept too")
		if !strings.Contains(bad.Body, `<option value="team" selected>`) {
			t.Error("how far it may go is not kept beside what is wrong")
		}
		clerk.post(mine+"/questions", "q-patched-day", "20", "q-patched-month", "11", "q-patched-year", "2026")
		h.reads(clerk.page(mine), "20 November 2026", "earlier answer")

		// On the telephone, taken down by us; and "not ours" by the link.
		rows, err := h.Coordination.Matrix(ctx, sample(), in.UID)
		h.must(err)
		q := rows[1].Requests[0].UID
		ana.post("/desk/requests/"+q+"/questions", "q-"+q+"-none", "1")
		h.reads(ana.page("/desk/parties/"+parties[1].UID), "Taken down by", "Does not concern us")
		other := h.browser()
		other.get("/a/" + codes[1])
		other.send("/a/letter", values("once", id.New(), "act", "not_ours", "note", "=1+1"))
		opened(1)
		doubts := ana.page("/desk/constituency/" + south.UID)
		h.reads(doubts, "In doubt", "Where they said it")
		ana.post("/desk/doubts/"+between(doubts, "/desk/doubts/", "/")+"/settle", "outcome", "corrected", "note", "The range was sold")
		h.reads(ana.page("/desk/constituency/"+south.UID), "The register was wrong", "The range was sold")
		if strings.Contains(clerk.page("/portal/organisation"), "The range was sold") {
			t.Error("another organisation reads a doubt")
		}

		matrix := ana.page(at + "/parties")
		h.reads(matrix, "Next chase", "31337", "Does not concern us", "Declined")
		h.reads(ana.page(at+"/parties?answer=exposure.runs.yes"), "1 of 2 parties", "North town")
		if strings.Contains(ana.page(at+"/parties?answer=exposure.runs.yes&sort=next&down=1"), "South town</a>") {
			t.Error("the filter takes all")
		}
		file := ana.get(at + "/parties.csv")
		if file.Header.Get("Content-Type") != "text/csv; charset=utf-8" || !strings.Contains(file.Body, "exposure count") || !strings.Contains(file.Body, ",31337,") || !strings.Contains(file.Body, "not_concerned") {
			t.Errorf("the file: %s", file.Body)
		}
		h.reads(ana.page(at+"/sectors"), "Too few parties")
		if a := clerk.get(at + "/parties.csv"); a.Status == http.StatusOK {
			t.Error("a constituent takes the matrix")
		}
		// The code is nowhere but in the letters: who of us reads it could answer for the party.
		for _, path := range []string{at, at + "?show=mail&all=1", "/desk/parties/" + parties[0].UID, "/desk/outbox"} {
			if page := ana.page(path); strings.Contains(page, codes[0]) || strings.Contains(page, codes[1]) {
				t.Errorf("%s shows the code of a link", path)
			}
		}
		h.reads(ana.page(at+"?show=mail&all=1"), "/a/•••")
		if strings.Contains(h.log.String(), codes[0]) {
			t.Error("the log holds the code of a link")
		}
	})
}
