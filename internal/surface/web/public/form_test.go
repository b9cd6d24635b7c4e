package public

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// goes posts a page of the form and says where it led.
func (v *visitor) goes(path string, to string, values ...string) answer {
	v.Helper()
	a := v.post(path, nil, values...)
	if a.status != http.StatusSeeOther || a.to != to {
		v.Fatalf("%s: status %d to %q, want %q\n%s", path, a.status, a.to, to, clipped(a.body))
	}
	return a
}

func clipped(s string) string {
	if i := strings.Index(s, `role="alert"`); i >= 0 {
		return s[i:min(len(s), i+600)]
	}
	return ""
}

// earlyWarning fills in a form up to its last page, and gives its code.
func (v *visitor) earlyWarning() id.Secret {
	v.Helper()
	v.get("/report/what")
	v.goes("/report/what", "/report/stage", "what", "duty")
	v.goes("/report/stage", "/report/part/1", "stage-be-nis2", "early_warning", "class-be-nis2", "essential")
	v.goes("/report/part/1", "/report/part/2", "behalf", "self", "q-entity", "Águas do Vale", "q-contact_name", "Rui Tavares", "q-contact_email", "rui@outside.example", "q-contact_phone", "+999 912")
	v.goes("/report/part/2", "/report/part/4", "q-aware_at-day", "30", "q-aware_at-month", "6", "q-aware_at-year", "2026", "q-aware_at-time", "08:10", "q-summary", "Billing is encrypted.", "ongoing", "yes")
	v.goes("/report/part/4", "/report/part/5", "q-malicious", "yes", "q-cross_border", "unknown")
	v.goes("/report/part/5", "/report/check", "personal", "yes", "tlp", "AMBER+STRICT")
	m := codeField.FindStringSubmatch(v.get("/report/check").body)
	if m == nil {
		v.Fatal("no code on the last page")
	}
	return id.SecretOf(m[1])
}

// A night operator sends an early warning: only what the law asks for within a day, recipients named before, frozen, with its clocks.
func TestAnEarlyWarningByTheForm(t *testing.T) {
	engines(t, func(h *house) {
		h.Clock.Set(time.Date(2026, 7, 1, 7, 0, 0, 0, time.UTC))
		v := h.visitor()
		code := v.earlyWarning()
		check := v.get("/report/check")
		for _, s := range []string{"Águas do Vale", "TLP:AMBER+STRICT", "Not known yet", "National Crisis Centre", "GDPR Art. 33(1)", "Early warning"} {
			if !check.says(s) {
				t.Errorf("the last page does not say %q", s)
			}
		}
		if part := v.get("/report/part/4"); part.says("Cause") && strings.Contains(part.body, `name="q-cause"`) {
			t.Error("it asks for more than the law does within a day")
		}
		v.goes("/report/check", "/r/received?mail=1")
		v.goes("/report/check", "/r/received", "code", code.Reveal()) // the button pressed twice
		all := h.opened()
		if len(all) != 1 {
			t.Fatalf("%d reports", len(all))
		}
		r := all[0]
		if r.Body.OrgText != "Águas do Vale" || r.Body.Email != "rui@outside.example" || r.Body.Ongoing != "yes" || r.AwareAt.UTC().Format("15:04") != "07:10" {
			t.Errorf("the report is %+v", r.Body)
		}
		handed, err := h.reports.Submissions(t.Context(), h.DB, h.ana, r.UID)
		h.must(err)
		if len(handed) != 1 || handed[0].Stage != "early_warning" || handed[0].Answers["malicious"] != "yes" || handed[0].Answers["cross_border"] != law.Unknown {
			t.Fatalf("handed in: %+v", handed)
		}
		look, err := intake.Look(t.Context(), h.DB, h.Clock, code)
		h.must(err)
		if len(look.Stages) == 0 || look.Stages[0].State != law.Met || look.Stages[1].Due.IsZero() || look.Known()["entity"] != "Águas do Vale" {
			t.Errorf("the link shows %+v", look.Stages)
		}
		if h.count("intake_draft") != 0 {
			t.Error("the draft outlived what was sent")
		}
	})
}

// Nothing typed is lost: by a problem, by another language, by a day's pause, on another device; and nobody reads it without the code.
func TestAFormIsGoneOnWith(t *testing.T) {
	engines(t, func(h *house) {
		v := h.visitor()
		v.get("/report/what")
		if a := v.post("/report/what", nil); a.status != http.StatusUnprocessableEntity || !a.says("There is 1 problem") {
			t.Errorf("nothing chosen: %d", a.status)
		}
		v.goes("/report/what", "/report/part/1", "what", "incident")
		a := v.post("/report/part/1", nil, "q-contact_email", "no address", "q-entity", "Secret Works", "behalf", "self")
		if a.status != http.StatusUnprocessableEntity || !a.says("no address") || !a.says("Secret Works") || !a.says("Error:") {
			t.Fatalf("a wrong address: %d", a.status)
		}
		if a = v.post("/report/part/1", nil, "q-contact_email", "no address", "q-entity", "Secret Works", "behalf", "self", "lang", "de"); a.status != http.StatusOK || !a.says("Sie und Ihre Organisation") || !a.says("Secret Works") {
			t.Errorf("another language: %d", a.status)
		}
		v.goes("/report/part/1", "/report/saved", "q-contact_email", "no address", "q-entity", "Secret Works", "behalf", "self", "act", "later", "lang", "xx")
		m := codeField.FindStringSubmatch(v.get("/report/part/1").body)
		code := m[1]
		if saved := v.get("/report/saved"); !saved.says(code) || saved.head.Get("X-Robots-Tag") == "" {
			t.Error("the page does not show the code, or search engines keep it")
		}
		var sealed []byte
		h.must(h.DB.QueryRow(t.Context(), `SELECT sealed FROM intake_draft`).Scan(&sealed))
		if strings.Contains(string(sealed), "Secret") {
			t.Error("a draft can be read")
		}
		h.Clock.Advance(26 * time.Hour)
		other := h.visitor()
		if a := other.post("/r", nil, "code", strings.ToUpper(code[:5]+"-"+code[5:])); a.to != "/report/part/1" {
			t.Fatalf("on another device the code leads to %q (%d)", a.to, a.status)
		}
		if a := other.get("/report/part/1"); !a.says("Secret Works") || !a.says("no address") {
			t.Error("what was typed is not there")
		}
		if a := h.visitor().get("/report/part/1"); a.to != "/report?gone=1" {
			t.Errorf("without a code: %d to %q", a.status, a.to)
		}
		// Sending it with holes leads to the pages of the questions.
		a = other.post("/report/check", nil)
		if a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, `href="/report/part/1?to=check#q-contact_email"`) || !strings.Contains(a.body, `/report/part/2?to=check#q-summary`) {
			t.Errorf("sent with holes: %d\n%s", a.status, clipped(a.body))
		}
		other.post("/report/part/1", nil, "q-entity", "Secret Works", "act", "later")
		h.Clock.Advance(7*24*time.Hour - time.Minute)
		if a := other.get("/report/part/1"); a.status != http.StatusOK {
			t.Errorf("within a week: %d", a.status)
		}
		h.Clock.Advance(2 * 24 * time.Hour)
		if a := other.get("/report/part/1"); a.to != "/report?gone=1" {
			t.Errorf("after its time: %d to %q", a.status, a.to)
		}
		_, err := h.reports.End(t.Context())
		h.must(err)
		if h.count("intake_draft") != 0 {
			t.Error("an unsent draft outlived its time")
		}
	})
}

// The next stage asks only the rest; a correction is a submission of its own that shows what it changes.
func TestTheNextStageAndACorrection(t *testing.T) {
	engines(t, func(h *house) {
		h.Clock.Set(time.Date(2026, 7, 1, 7, 0, 0, 0, time.UTC))
		v := h.visitor()
		code := v.earlyWarning()
		v.post("/report/check", nil)
		r := h.opened()[0]
		status := v.get("/r/report")
		for _, s := range []string{"Sent 1 July 2026, 08:00", "Due 3 July 2026, 08:10", "Start it now", "1 month after: Incident notification", "A crime is suspected.", "Federal Computer Crime Unit", "GDPR Art. 33(1)", "Águas do Vale", "Add deadlines to calendar", "National Crisis Centre"} {
			if !status.says(s) {
				t.Errorf("the status page does not say %q", s)
			}
		}
		next := v.get("/r/next?set=be-nis2&stage=notification")
		if !next.says("Águas do Vale") || !next.says("How it stands now") {
			t.Error("the next stage does not show what is known and asked")
		}
		v.goes("/r/next", "/report/part/1", "set", "be-nis2", "stage", "notification", "corrects", "0")
		if a := v.get("/report/part/1"); a.says("Name of the organisation concerned") {
			t.Error("it asks again who is affected")
		}
		v.goes("/report/part/1", "/report/part/2", "q-entity_id", "500 100 200", "q-sector", "Water")
		v.goes("/report/part/2", "/report/part/3", "q-status", "Contained.", "q-detected_at-day", "", "q-detected_at-month", "")
		v.goes("/report/part/3", "/report/part/4", "q-users_affected", "12 000")
		v.goes("/report/part/4", "/report/part/5", "q-cause", "malicious_attack", "q-cross_border", "no")
		v.goes("/report/part/5", "/report/check")
		h.Clock.Advance(time.Hour)
		v.goes("/report/check", "/r/report?done=stage")
		v.goes("/report/check", "/r/received", "code", code.Reveal()) // pressed twice
		h.opened()
		handed := func() []intake.Submission {
			t.Helper()
			all, err := h.reports.Submissions(t.Context(), h.DB, h.ana, r.UID)
			h.must(err)
			return all
		}
		all := handed()
		if len(all) != 2 || all[1].Stage != "notification" || all[1].Answers["users_affected"] != "12000" || all[1].Answers["entity"] != "" || !all[1].ToldAt.Equal(h.Clock.Now()) {
			t.Fatalf("handed in: %+v", all)
		}
		v.goes("/r/next", "/report/part/1", "corrects", "1")
		if a := v.get("/report/part/1"); !a.says("Rui Tavares") {
			t.Error("a correction does not begin with what was handed in")
		}
		v.goes("/report/part/1", "/report/part/2", "q-entity", "Águas do Norte", "q-contact_name", "", "q-contact_email", "rui@outside.example", "q-contact_phone", "+999 912")
		v.goes("/report/part/2?to=check", "/report/check", "q-aware_at-day", "30", "q-aware_at-month", "6", "q-aware_at-year", "2026", "q-aware_at-time", "06:10", "q-summary", "Billing is encrypted.")
		check := v.get("/report/check")
		for _, s := range []string{"What your correction changes", "Águas do Vale", "Águas do Norte", "30 June 2026, 06:10"} {
			if !check.says(s) {
				t.Errorf("the difference does not say %q", s)
			}
		}
		v.goes("/report/check", "/r/report?done=stage")
		h.opened()
		if all = handed(); len(all) != 3 || all[2].Corrects != 1 || all[2].Answers["entity"] != "Águas do Norte" || all[0].Answers["entity"] != "Águas do Vale" || all[2].Answers["contact_name"] != law.Unknown {
			t.Fatalf("after the correction: %+v", all)
		}
		if a := v.get("/r/report"); !a.says("correction of 1") || !a.says("Sent 1 July 2026, 08:00 (Lisbon), after 1 July 2026, 07:00") {
			t.Error("the status page does not show the correction, or that the corrected moment made it late")
		}
		if a := h.visitor().get("/r/next?set=be-nis2&stage=notification"); a.to != "/r" {
			t.Errorf("without a code: %d to %q", a.status, a.to)
		}
		for _, bad := range []string{"set=pt-dl-125-2025&stage=initial", "set=be-nis2&stage=nothing", "corrects=9"} {
			if a := v.get("/r/next?" + bad); a.status != http.StatusNotFound {
				t.Errorf("%s: %d", bad, a.status)
			}
		}
	})
}

// The calendar file has each running stage once, in UTC, under a name that stays and says nothing.
func TestDeadlinesGoIntoACalendar(t *testing.T) {
	engines(t, func(h *house) {
		h.Clock.Set(time.Date(2026, 7, 1, 7, 0, 0, 0, time.UTC))
		v := h.visitor()
		v.earlyWarning()
		v.post("/report/check", nil)
		r := h.opened()[0]
		a := v.get("/r/deadlines.ics")
		if a.status != http.StatusOK || !strings.HasPrefix(a.head.Get("Content-Type"), "text/calendar") {
			t.Fatalf("%d %q", a.status, a.head.Get("Content-Type"))
		}
		if n := strings.Count(a.body, "BEGIN:VEVENT\r\n"); n != 1 || !strings.Contains(a.body, "DTSTART:20260703T071000Z\r\n") || !strings.Contains(a.body, r.Reference) {
			t.Errorf("%d events:\n%s", n, a.body)
		}
		uid := func(s string) string { _, s, _ = strings.Cut(s, "UID:"); s, _, _ = strings.Cut(s, "\r\n"); return s }
		h.Clock.Advance(time.Hour)
		if again := v.get("/r/deadlines.ics"); uid(again.body) != uid(a.body) || strings.Contains(uid(a.body), r.Reference) || len(uid(a.body)) != 32 {
			t.Errorf("the name of the event is %q, then %q", uid(a.body), uid(again.body))
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(a.body, "\r\n"), "\r\n") {
			if len(line) > 75 || strings.Contains(line, "\n") {
				t.Errorf("a line of %d octets: %q", len(line), line)
			}
		}
		if a := h.visitor().get("/r/deadlines.ics"); a.to != "/r" {
			t.Errorf("without a code: %d", a.status)
		}
	})
}

// Who finds a vulnerability may stay without a name, and still answer by the code.
func TestAVulnerabilityWithoutAName(t *testing.T) {
	engines(t, func(h *house) {
		v := h.visitor()
		if a := v.get("/vulnerability"); a.status != http.StatusOK || !a.says("What we promise") {
			t.Fatalf("%d", a.status)
		}
		v.goes("/vulnerability", "/report/part/1")
		v.goes("/report/part/1", "/report/part/2", "q-v_product", "NetPort 7", "q-v_vendor", "Portmakers")
		if a := v.post("/report/part/2", nil, "q-v_steps", "Any password works."); a.status != http.StatusUnprocessableEntity || !a.says("Any password works.") {
			t.Errorf("nothing said: %d", a.status)
		}
		v.goes("/report/part/2", "/report/part/3", "q-v_problem", "Any password works.\nAlways.")
		v.goes("/report/part/3", "/report/part/4", "q-v_exploited", "unknown")
		v.goes("/report/part/4", "/report/part/5", "q-v_told", "no")
		if a := v.post("/report/part/5", []upload{{"proof.txt", "it works"}}, "tlp", "RED"); a.to != "/report/check" {
			t.Fatalf("%d to %q", a.status, a.to)
		}
		if a := v.get("/report/check"); !a.says("proof.txt") || !a.says("NetPort 7") || a.says("GDPR") {
			t.Error("the last page does not say what is sent, or speaks of what does not belong there")
		}
		v.goes("/report/check", "/r/received")
		r := h.opened()[0]
		if r.Body.Kind != vulnerability || r.Body.Summary != "Any password works." || r.Body.Email != "" || !strings.Contains(r.Body.Description, "NetPort 7") || r.TLP != tlp.Red {
			t.Errorf("%+v", r.Body)
		}
		if files := h.messages(r)[0].Body.Files; len(files) != 1 {
			t.Errorf("%d files", len(files))
		}
		for _, c := range v.Jar.Cookies(&url.URL{Scheme: "http", Host: strings.TrimPrefix(h.url, "http://"), Path: "/report"}) {
			if c.Name == draftCookie {
				t.Error("the form's code stays in the browser after it was sent")
			}
		}
	})
}

// A flood from one network, or from the whole world, closes the door to nobody who holds a code; a program that fills in everything is told so, and
// a person whose browser did loses nothing.
func TestAFloodClosesTheDoorToNobodyWithACode(t *testing.T) {
	engines(t, func(h *house) {
		h.peer = netip.MustParseAddr("192.0.2.7")
		known := h.visitor()
		known.earlyWarning()
		other := h.visitor()
		refused := false
		for range 200 {
			if a := other.plain("/report/what", "what", "incident"); a.status == http.StatusTooManyRequests && a.says("+999 210 497 400") {
				refused = true
				break
			}
			other = h.visitor() // a program keeps no cookies
		}
		if !refused {
			t.Fatal("a flood is never refused")
		}
		for range 2000 { // of the world
			if _, ok := h.x.lanes().all.Take(""); !ok {
				break
			}
		}
		if a := known.post("/report/part/4", nil, "q-malicious", "no"); a.to != "/report/part/5" {
			t.Errorf("who holds a code: %d to %q", a.status, a.to)
		}
		if a := known.post("/report/check", nil); !strings.HasPrefix(a.to, "/r/received") {
			t.Errorf("and sends: %d to %q", a.status, a.to)
		}
		h.opened()
		if a := known.post("/r/report", nil, "text", "It spreads.", "once", id.New()); a.to != "/r/report?done=added" {
			t.Errorf("and adds: %d to %q", a.status, a.to)
		}
		if a := known.plain("/r/next", "set", "be-nis2", "stage", "notification"); !strings.HasPrefix(a.to, "/report/part/") {
			t.Errorf("and goes on: %d to %q", a.status, a.to)
		}
		for range 100 {
			if a := known.post("/report/part/1", nil, "q-entity_id", "1"); a.status == http.StatusTooManyRequests {
				refused = false
				break
			}
		}
		if refused {
			t.Error("one code may flood")
		}
		h.peer = netip.MustParseAddr("127.0.0.1")
		v := h.visitor()
		if a := v.post("/report/what", nil, "what", "threat", "website", "http://spam.example"); a.status != http.StatusUnprocessableEntity || !a.says(h.p().T("public.wrong.trap")) || strings.Contains(a.body, "spam.example") {
			t.Errorf("a filled trap: %d", a.status)
		}
		if a := v.post("/suspicious", nil, "description", "Kept words", "website", "x"); a.status != http.StatusUnprocessableEntity || !a.says("Kept words") {
			t.Errorf("a filled trap on a short form: %d", a.status)
		}
		v.goes("/report/what", "/report/part/1", "what", "threat")
		if a := v.post("/report/part/1", nil, "q-entity", "Kept", "website", "x"); a.status != http.StatusUnprocessableEntity || !a.says("Kept") {
			t.Errorf("what was typed beside the trap is lost: %d", a.status)
		}
		if a := v.post("/report/part/1", nil, "q-entity", strings.Repeat("y", 2<<20)); a.status != http.StatusUnprocessableEntity {
			t.Errorf("two megabytes: %d", a.status)
		}
		for _, path := range []string{"/report/part/0", "/report/part/6", "/report/part/x", "/report/part/-1"} {
			if a := v.get(path); a.status != http.StatusNotFound {
				t.Errorf("%s: %d", path, a.status)
			}
		}
	})
}
