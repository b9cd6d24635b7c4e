package app

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
)

// Acts of triage are taken back from the line that says what was done; a refused one keeps what was typed and leads back.
func TestTriageIsTakenBack(t *testing.T) {
	onEach(t, func(h *house) {
		ctx := h.t.Context()
		handler, _ := h.routes()
		h.open(handler)
		ana := h.person(access.Duty, "ana@back.example", "")
		var uids []string
		for _, words := range []string{"Cheap watches", "More cheap watches"} {
			got, err := h.Intake.Receive(ctx, sample(), intake.ReceiveInput{Channel: correspondence.ByPhone, Lang: "en", TLP: "AMBER", Body: intake.Body{Summary: words}})
			h.must(err)
			uids = append(uids, got.Report.UID)
		}
		stand := func(want intake.State, reason string) {
			h.t.Helper()
			for _, uid := range uids {
				r, err := h.Intake.Get(ctx, h.DB, sample(), uid)
				h.must(err)
				if r.State != want || r.Reason != reason {
					h.t.Errorf("%s stands at %s %q, want %s %q", r.Reference, r.State, r.Reason, want, reason)
				}
			}
		}
		// undo presses the button of the toast on the page that an act led to.
		undo := func(to string) {
			h.t.Helper()
			body := ana.page(to)
			toast := body[strings.Index(body, `class="toast"`):]
			at, fields := h.one(`action="([^"]+)"`, toast), []string{}
			for _, name := range []string{"incident", "reports"} {
				if i := strings.Index(toast, `name="`+name+`" value="`); i > 0 {
					fields = append(fields, name, h.one(`name="`+name+`" value="([^"]*)"`, toast))
				}
			}
			ana.page(ana.post(at, fields...))
		}
		to := ana.post("/desk/triage/bulk", "action", "reject", "reason", "spam", "id", uids[0], "id", uids[1])
		stand(intake.Rejected, "spam")
		undo(to)
		stand(intake.New, "")
		to = ana.post("/desk/reports/" + uids[0] + "/accept")
		if r, err := h.Intake.Get(ctx, h.DB, sample(), uids[0]); err != nil || r.State != intake.Linked {
			h.t.Fatalf("%v %v", r.State, err)
		}
		undo(to)
		stand(intake.New, "")
		to = ana.post("/desk/triage/bulk", "action", "accept", "id", uids[0], "id", uids[1])
		stand(intake.Linked, "")
		undo(to)
		stand(intake.New, "")

		// Later, without the toast: the report's own page says why it was set aside and takes it back.
		ana.post("/desk/reports/"+uids[0]+"/reject", "reason", "out_of_scope", "note", "A matter of the police.")
		own := ana.page("/desk/reports/" + uids[0])
		for _, words := range []string{"Why rejectedNot for this team", "NoteA matter of the police."} {
			if !strings.Contains(whole(own), words) {
				h.t.Errorf("the page of a rejected report lacks %q: %s", words, whole(own))
			}
		}
		if strings.Contains(own, "Nothing is waiting") || strings.Contains(own, `action=""`) || strings.Count(own, "<h1") != 1 {
			h.t.Error("the page of one report shows a queue beside it")
		}
		if text := whole(ana.page("/desk/triage?state=rejected")); strings.Contains(text, "waiting · oldest") || !strings.Contains(text, "Why rejectedNot for this team") {
			h.t.Errorf("the list of rejected reports: %s", text)
		}
		ana.page(ana.post(h.one(`action="([^"]+/restore)"`, own)))
		stand(intake.New, "")
		ana.post("/desk/reports/"+uids[0]+"/pass-on", "to", "police")
		if text := whole(ana.page("/desk/reports/" + uids[0])); !strings.Contains(text, "Passed on toPolice") {
			h.t.Errorf("the page of a report that was passed on: %s", text)
		}
		ana.post("/desk/reports/" + uids[0] + "/restore")
		stand(intake.New, "")

		const note = "He called twice & wants an answer today."
		a := ana.send("/desk/reports/"+uids[0]+"/reject", values("note", note))
		body := a.Body
		for _, words := range []string{"He called twice &amp; wants an answer today.", `href="/desk/reports/` + uids[0] + `"`, `href="/desk/triage"`} {
			if !strings.Contains(body, words) {
				h.t.Errorf("the refusal lacks %q", words)
			}
		}
		if !strings.Contains(body, "Choose why the report is rejected.") {
			h.t.Error("the refusal does not say what to choose")
		}
		if a := ana.send("/desk/reports/"+uids[0]+"/reject", values("reason", "other")); !strings.Contains(a.Body, "Say in the note what the other reason is.") {
			h.t.Errorf("another reason without a note: %s", plain(a.Body))
		}
		if a.Status != http.StatusUnprocessableEntity && a.Status != http.StatusBadRequest {
			h.t.Errorf("refused with %d", a.Status)
		}
		if strings.Contains(body, "Some answers need attention") || strings.Contains(body, `href="/login"`) || strings.Contains(body, "⟦") {
			h.t.Errorf("the refusal says too little: %s", plain(body))
		}
		stand(intake.New, "")
	})
}

// A letter to the address of a party that nothing proves does not stand under the party's name, until a person says that it is theirs; an answer
// that came back is read in triage and taken off the queue.
func TestWhatNobodyProvedStandsUnderNoName(t *testing.T) {
	onEach(t, func(h *house) {
		ctx := h.t.Context()
		h.organisation("Santa Clara Hospital", "en", "Rui Tavares", "rui@hospital.example", nil)
		h.serve()
		ana := h.person(access.Duty, "ana@name.example", "")
		h.mail("rui@hospital.example", teamAddress, "From: rui@hospital.example\r\nTo: "+teamAddress+"\r\nSubject: Odd logins\r\nMessage-ID: <1@hospital.example>\r\n\r\nSince nine.\r\n")
		var r intake.Report
		waiting := func() int {
			list, err := h.Intake.Queue(ctx, sample(), intake.QueueFilter{Limit: 50})
			h.must(err)
			if len(list.Items) > 0 {
				r = list.Items[0].Report
			}
			return len(list.Items)
		}
		h.eventually("the report", func() bool { return waiting() == 1 })
		at, _, _ := strings.Cut(ana.post("/desk/reports/"+r.UID+"/accept"), "?")
		threads, err := h.Correspondence.Threads(ctx, h.DB, r.Thread)
		h.must(err)
		tag := h.Correspondence.Team.ReplyTo(threads[r.Thread].Tag)

		h.mail("m@away.example", tag, "From: m@away.example\r\nTo: "+tag+"\r\nSubject: Re: all is well\r\nMessage-ID: <2@away.example>\r\n\r\nNothing to see here.\r\n")
		var page string
		h.eventually("the letter", func() bool { page = ana.page(at); return strings.Contains(page, "Nothing to see here.") })
		if text := whole(page); !strings.Contains(text, "m@away.example wrote to the address of Santa Clara Hospital") || strings.Count(text, "Santa Clara Hospital wrote to us") != 1 {
			h.t.Errorf("who wrote: %s", text)
		}
		if page = ana.page(ana.post(h.one(`formaction="([^"]+/release)"`, page), "back", at)); strings.Contains(page, "/release") || strings.Count(whole(page), "Santa Clara Hospital wrote to us") != 2 {
			h.t.Errorf("released: %s", whole(page))
		}

		h.mail("rui@hospital.example", tag, "From: rui@hospital.example\r\nTo: "+tag+"\r\nSubject: Re: Odd logins\r\nMessage-ID: <3@hospital.example>\r\n\r\nIt was the night nurse.\r\n")
		h.eventually("the answer in the queue", func() bool {
			return waiting() == 1 && strings.Contains(ana.page("/desk/triage?report="+r.UID), "It was the night nurse.")
		})
		ana.page(ana.post("/desk/reports/" + r.UID + "/settle"))
		if n := waiting(); n != 0 {
			h.t.Errorf("%d wait after the answer was read", n)
		}
	})
}

// The analyst reads what a party did, with its title in the analyst's language, and may say that the check failed.
func TestAMeasureIsCheckedOnItsPage(t *testing.T) {
	onEach(t, func(h *house) {
		ctx := h.t.Context()
		handler, _ := h.routes()
		h.open(handler)
		ana := h.person(access.Analyst, "ana@check.example", "")
		org, _ := h.organisation("Klinik", "fr", "Jean", "jean@klinik.example", nil)
		in, err := h.Incidents.Open(ctx, sample(), incident.NewIncident{Title: "Checked", TLP: tlp.Green})
		h.must(err)
		_, err = h.Coordination.Add(ctx, sample(), in.UID, []string{org.UID}, coordination.Affected, "")
		h.must(err)
		at := "/desk/incidents/" + in.Number
		parties, err := h.Coordination.Matrix(ctx, sample(), in.UID)
		h.must(err)
		ask := values("party", parties[0].Party.UID, "recommendation", "rec-preserve-logs", "due", time.Now().UTC().AddDate(0, 0, 2).Format("2006-01-02T15:04"), "tlp", "TLP:GREEN")
		if a := ana.send(at+"/ask", values("preview", "1", "due", ask.Get("due"))); !strings.Contains(a.Body, "Choose at least one party.") || !strings.Contains(a.Body, "Choose a recommendation above") || strings.Contains(a.Body, "Fill this in.") {
			h.t.Errorf("nothing was chosen: %s", plain(a.Body))
		}
		ask.Set("preview", "1")
		ana.send(at+"/ask", ask)
		ask.Del("preview")
		ask.Set("send", "1")
		if a := ana.send(at+"/ask", ask); a.Status != http.StatusSeeOther {
			h.t.Fatalf("%d %s", a.Status, plain(a.Body))
		}
		for lang, title := range map[string]string{"en": "Preserve logs before they are overwritten", "de": "Protokolle sichern, bevor sie überschrieben werden"} {
			if page := ana.page(at + "/measures?lang=" + lang); !strings.Contains(page, title) {
				h.t.Errorf("%s: %s", lang, plain(page))
			}
		}
		page := ana.page(at + "/measures?lang=en")
		move := h.one(`formaction="(/desk/measures/[^"]+/move)"`, page)
		ana.post(move, "to", "done", "note", "Jean says that all copies are safe.")
		if page = ana.page(at + "/measures"); !strings.Contains(page, "all copies are safe.") || !strings.Contains(page, `value="verified"`) {
			h.t.Errorf("what was done: %s", plain(page))
		}
		if a := ana.send(move, values("to", "planned", "note", "The copies do not open.")); a.Status != http.StatusSeeOther {
			h.t.Fatalf("the check failed: %d %s", a.Status, plain(a.Body))
		}
		if page = ana.page(at + "/measures"); !strings.Contains(page, "The copies do not open.") || strings.Contains(page, "all copies are safe.") {
			h.t.Errorf("after the check: %s", plain(page))
		}
	})
}

// Two people change one property: the slower reads who was quicker, both values by name, and saves the own one with one press.
func TestTheSlowerOfTwoLosesNothing(t *testing.T) {
	onEach(t, func(h *house) {
		ctx := h.t.Context()
		handler, _ := h.routes()
		h.open(handler)
		ana, bea := h.person(access.Duty, "ana@two.example", ""), h.person(access.Analyst, "bea@two.example", "")
		in, err := h.Incidents.Open(ctx, sample(), incident.NewIncident{Title: "Edited by two", TLP: tlp.Green})
		h.must(err)
		at := "/desk/incidents/" + in.Number
		read := strconv.FormatInt(in.Version, 10)
		ana.post(at+"/edit", "field", "severity", "value", "critical", "version", read)
		a := bea.send(at+"/edit", values("field", "severity", "value", "low", "reason", "One laptop only", "version", read))
		if a.Status != http.StatusConflict {
			h.t.Fatalf("the slower is answered %d", a.Status)
		}
		_, box, _ := strings.Cut(a.Body, `class="conflict"`)
		if said := whole(a.Body); !strings.Contains(said, "Person duty changed this at") || !strings.Contains(whole(box), "Critical") || !strings.Contains(whole(box), "Low") {
			h.t.Errorf("what happened: %s", said)
		}
		var fields []string
		for _, name := range []string{"version", "field", "value", "reason"} {
			fields = append(fields, name, h.one(`name="`+name+`" value="([^"]*)"`, box))
		}
		bea.post(at+"/edit", fields...)
		if in, err = h.Incidents.Get(ctx, h.DB, sample(), in.Number); err != nil || in.Severity != "low" || len(in.Reasons) != 1 || in.Reasons[0] != "One laptop only" {
			h.t.Errorf("saved: %s %q %v", in.Severity, in.Reasons, err)
		}
	})
}

// whole is a page as text, all of it.
func whole(html string) string {
	return strings.Join(strings.Fields(markup.ReplaceAllString(html, "")), " ")
}
