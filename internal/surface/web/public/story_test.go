package public

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/suspicion"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// The short form from the door to the report, with a file, and to the receipt.
func TestTheShortDoor(t *testing.T) {
	engines(t, func(h *house) {
		for _, c := range []struct {
			path, kind string
			label      tlp.Level
			values     []string
		}{
			{"/report/short", "", tlp.Red, []string{"summary", "Ransomware", "description", "Two wards.", "ongoing", "yes", "aware-day", "1", "aware-month", "2", "aware-year", "2026", "aware-time", "7.40", "name", "A. Walker", "organisation", "São Brás", "phone", "+999 1", "tlp", "RED"}},
		} {
			h.Clock.Advance(time.Minute)
			v := h.visitor()
			code := v.begin(c.path)
			a := v.post(c.path, []upload{{"../../note.txt", "pay us"}}, append([]string{"code", code}, c.values...)...)
			if a.status != http.StatusSeeOther || !strings.HasPrefix(a.to, "/r/received") {
				t.Fatalf("%s: %d to %q\n%s", c.path, a.status, a.to, a.body)
			}
			before := v.get(a.to) // the house has not opened it yet
			all := h.opened()
			r := all[len(all)-1]
			if r.Body.Kind != c.kind || r.TLP != c.label || r.Channel != correspondence.ByForm || r.Proof != correspondence.Claimed {
				t.Errorf("%s: received as %+v", c.path, r)
			}
			if c.path == "/report/short" && (r.AwareAt.IsZero() || r.Body.Name != "A. Walker" || r.Body.OrgText != "São Brás" || r.Body.Ongoing != "yes") {
				t.Errorf("lost on the way: %+v", r)
			}
			if files := h.messages(r)[0].Body.Files; len(files) != 1 || files[0].Name == "" || files[0].Size != 6 {
				t.Errorf("%s: files %+v", c.path, files)
			}
			for _, got := range []answer{before, v.get(a.to)} {
				if got.status != http.StatusOK || !got.says(r.Reference) || !got.says("https://cert.example/r/"+code) || !got.says("With 1 file.") {
					t.Errorf("%s: the receipt (%d) does not say %s and its link:\n%s", c.path, got.status, r.Reference, got.body)
				}
				if waits := got.says(h.p().T("public.receipt.mail_waits")); waits {
					t.Errorf("%s: speaks of mail: %v", c.path, waits)
				}
			}
		}
		if a := h.visitor().get("/report?kind=suspicious"); a.to != "/suspicious" {
			t.Errorf("an old address leads to %q", a.to)
		}
	})
}

// What is handed on as suspicious goes to the public lane: one mail of it for each time that something else was put in, no report, a receipt that names nothing.
func TestTheSuspiciousDoor(t *testing.T) {
	engines(t, func(h *house) {
		v := h.visitor()
		code := v.begin("/suspicious")
		if a := v.get("/suspicious"); !a.says("suspicious@cert.example") {
			t.Error("the page does not name the address")
		}
		file := []upload{{"../../mail.eml", "From: Bank <x@bank-login.example>\nSubject: Locked\n\nPress https://bank-login.example/confirm\n"}}
		for range 2 { // the button pressed twice
			a := v.post("/suspicious", file, "code", code, "description", "", "email", "ann@x.example")
			if a.status != http.StatusSeeOther || a.to != "/suspicious/received" {
				t.Fatalf("%d to %q\n%s", a.status, a.to, a.body)
			}
		}
		for _, lang := range text.Langs() {
			a := v.get("/suspicious/received?lang=" + string(lang))
			if a.status != http.StatusOK || !strings.Contains(a.body, `href="/report"`) || strings.Contains(a.body, "R-20") || strings.Contains(a.body, "⟦") {
				t.Errorf("the receipt: %d\n%s", a.status, a.body)
			}
		}
		if a := v.post("/suspicious", nil, "code", code, "description", "Another strange letter from https://bank-login.example/confirm"); a.status != http.StatusSeeOther {
			t.Errorf("other words: %d", a.status)
		}
		if a := h.visitor().post("/suspicious", nil, "description", ""); a.status != http.StatusUnprocessableEntity || !a.says(h.p().T("public.wrong.suspicious")) {
			t.Errorf("nothing at all: %d", a.status)
		}
		if reports := h.opened(); len(reports) != 0 || h.count("correspondence_arrival") != 2 || h.count("intake_drop") != 0 || h.count("intake_report") != 0 {
			t.Errorf("%d reports, %d mails, %d drops", len(reports), h.count("correspondence_arrival"), h.count("intake_drop"))
		}
		var id int64
		h.must(h.DB.QueryRow(h.Context(), `SELECT MIN(object) FROM correspondence_arrival WHERE public = TRUE`).Scan(&id))
		kept, err := h.letters.OpenArrival(h.Context(), h.DB, id)
		h.must(err)
		r := suspicion.Read(mail.Parse(kept.Raw))
		if !r.Inner || r.Subject != "Locked" || r.Domain != "bank-login.example" || len(r.Links) != 1 || !kept.Public || mail.Parse(kept.Raw).Header().Get("Reply-To") != "ann@x.example" {
			t.Errorf("%+v", r)
		}
	})
}

// The button pressed twice, the page loaded anew and the way back make one report and one receipt; other words are filed on it.
func TestSentTwice(t *testing.T) {
	engines(t, func(h *house) {
		v := h.visitor()
		code := v.begin("/report/short")
		values := []string{"code", code, "summary", "Ransomware", "description", "Two wards.", "ongoing", "yes", "tlp", "AMBER"}
		file := []upload{{"a.log", "log"}}
		first := v.post("/report/short", file, values...)
		h.opened()
		for range 2 {
			if again := v.post("/report/short", file, values...); again.status != http.StatusSeeOther || again.to != first.to {
				t.Errorf("sent again: %d to %q", again.status, again.to)
			}
		}
		values[5] = "Three wards."
		if again := v.post("/report/short", file, values...); again.to != first.to {
			t.Errorf("with other words: %d to %q", again.status, again.to)
		}
		all := h.opened()
		if len(all) != 1 || all[0].Body.Description != "Two wards." {
			t.Fatalf("%d reports", len(all))
		}
		m := h.messages(all[0])
		if len(m) != 2 || !strings.Contains(m[1].Body.Text, "Three wards.") || !strings.Contains(m[1].Body.Text, h.p().T("public.again")) || len(m[1].Body.Files) != 1 {
			t.Errorf("on its thread: %+v", m)
		}
		if n := h.count("intake_drop"); n != 0 {
			t.Errorf("%d drops are left", n)
		}
	})
}

// What is wrong is said once, in the order of the form, and nothing that was typed or chosen is lost.
func TestAWrongFormLosesNothing(t *testing.T) {
	engines(t, func(h *house) {
		p := h.p()
		v := h.visitor()
		code := v.begin("/report/short")
		a := v.post("/report/short", nil, "code", code)
		if a.status != http.StatusUnprocessableEntity || !a.says(p.N("common.problems", 2)) || !strings.Contains(a.body, "<title>"+p.T("common.error_title", "title", p.T("public.report.title"))) {
			t.Errorf("an empty form: %d\n%.600s", a.status, a.body)
		}
		at := -1
		for _, link := range []string{`<a href="#summary">`, `<a href="#ongoing-yes">`} {
			next := strings.Index(a.body, link)
			if next >= 0 && next < at {
				t.Errorf("%s is out of order", link)
			}
			at = max(at, next)
		}
		if strings.Count(a.body, `<a href="#description">`) != 0 {
			t.Error("one missing thing is told twice")
		}
		typed := []string{"code", code, "summary", `A "quoted" <b>line</b>`, "description", "Words\r\nand words", "aware-day", "31", "aware-month", "2", "aware-year", "2026", "aware-time", "25:00", "ongoing", "contained", "name", "N", "email", "no address", "phone", "P", "organisation", "O", "tlp", "GREEN"}
		a = v.post("/report/short", []upload{{"evidence.log", "a secret log"}}, typed...)
		for _, kept := range []string{`A "quoted" <b>line</b>`, "and words", `value="31"`, `value="25:00"`, `value="no address"`, "evidence.log", p.T("public.report.files.kept")} {
			if !a.says(kept) {
				t.Errorf("%q is lost (%d)", kept, a.status)
			}
		}
		for _, chosen := range []string{"ongoing-contained", "tlp-GREEN"} {
			if !strings.Contains(strings.Join(strings.Fields(a.body), " "), `id="`+chosen+`"`) {
				t.Errorf("%s is not there", chosen)
			}
		}
		if strings.Contains(a.body, "a secret log") || strings.Contains(a.body, "<b>line</b>") {
			t.Error("the page shows what it should not")
		}
		// Another language keeps it all the same; so does the next wrong try.
		if a = v.post("/report/short", []upload{{"two.log", "more"}}, append(typed, "lang", "de")...); a.status != http.StatusOK || !a.says("two.log") || !a.says("evidence.log") || !strings.Contains(a.body, `lang="de"`) {
			t.Errorf("in German: %d", a.status)
		}
		typed[7], typed[13], typed[19] = "28", "07:40", "a@away.example"
		if a = v.post("/report/short", nil, typed...); a.status != http.StatusSeeOther {
			t.Fatalf("mended: %d\n%s", a.status, a.body)
		}
		all := h.opened()
		files := h.messages(all[0])[0].Body.Files
		if len(files) != 2 || files[0].Name != "evidence.log" || files[1].Size != 4 || all[0].Lang != "de" {
			t.Errorf("sent with %+v", files)
		}
		// Files that were chosen by mistake are left out.
		code = v.begin("/report/short")
		v.post("/report/short", []upload{{"wrong.pdf", "private"}}, "code", code, "tlp", "RED")
		if a = v.post("/report/short", nil, "code", code, "tlp", "RED", "summary", "NetPort", "ongoing", "no", "forget", "1"); a.status != http.StatusSeeOther {
			t.Fatalf("%d", a.status)
		}
		all = h.opened()
		if files := h.messages(all[len(all)-1])[0].Body.Files; len(files) != 0 {
			t.Errorf("left out, and sent: %+v", files)
		}
		if n := h.count("intake_kept"); n != 0 {
			t.Errorf("%d files are kept after all was sent", n)
		}
	})
}

func request(h *house, kind, body string) *http.Request {
	r, err := http.NewRequestWithContext(h.Context(), http.MethodPost, h.url+"/report/short", strings.NewReader(body))
	h.must(err)
	r.Header.Set("Content-Type", kind)
	return r
}

// Who sends without end is told so, with the telephone number, and gets the answers back. Another network, and this machine, go on.
func TestForms429(t *testing.T) {
	engines(t, func(h *house) {
		v := h.visitor()
		send := func() answer {
			return v.plain("/suspicious", "code", id.NewCode().Reveal(), "description", "A strange letter")
		}
		h.peer = netip.MustParseAddr("192.0.2.7")
		for n := range 30 {
			if a := send(); a.status != http.StatusSeeOther {
				t.Fatalf("form %d: %d", n, a.status)
			}
		}
		h.peer = netip.MustParseAddr("192.0.2.99") // the same network
		a := send()
		if a.status != http.StatusTooManyRequests || a.head.Get("Retry-After") != "20" || !a.says("+999 210 497 400") || !a.says("A strange letter") {
			t.Errorf("the next: %d, wait %s\n%s", a.status, a.head.Get("Retry-After"), a.body)
		}
		h.peer = netip.MustParseAddr("198.51.100.1")
		if a := send(); a.status != http.StatusSeeOther {
			t.Errorf("another network: %d", a.status)
		}
		h.peer = netip.MustParseAddr("127.0.0.1")
		for range 40 {
			if a := send(); a.status != http.StatusSeeOther {
				t.Fatalf("this machine: %d", a.status)
			}
		}
		h.peer = netip.MustParseAddr("192.0.2.7")
		h.Clock.Advance(21 * time.Second)
		if a := send(); a.status != http.StatusSeeOther {
			t.Errorf("after the wait: %d", a.status)
		}
		for n := range 2000 { // the world
			if _, ok := h.x.lanes().all.Take(""); !ok {
				if n < 500 {
					t.Errorf("the world is stopped after %d", n)
				}
				break
			}
		}
		h.peer = netip.MustParseAddr("203.0.113.1")
		if a := send(); a.status != http.StatusTooManyRequests {
			t.Errorf("a flood of many networks: %d", a.status)
		}
	})
}

// Anonymous is anonymous (L4): no address of who sends in any table, blob or log, and no cookie that outlives the browser.
func TestAnonymousMeansAnonymous(t *testing.T) {
	engines(t, func(h *house) {
		h.peer = netip.MustParseAddr("203.0.113.77")
		v := h.visitor()
		code := v.begin("/report/short")
		a := v.post("/report/short", nil, "code", code, "summary", "Nobody", "ongoing", "no", "tlp", "RED")
		if a.status != http.StatusSeeOther {
			t.Fatal(a.status)
		}
		if c := a.head.Values("Set-Cookie"); len(c) != 1 || strings.Contains(strings.ToLower(c[0]), "max-age") || strings.Contains(strings.ToLower(c[0]), "expires") || !strings.Contains(c[0], "HttpOnly") || !strings.Contains(c[0], "Path=/r;") {
			t.Errorf("cookies %q", c)
		}
		r := h.opened()[0]
		v.post("/r/report", nil, "text", "More", "once", id.New())
		h.opened()
		if r.Body.Email+r.Body.Name+r.Body.Phone != "" {
			t.Errorf("%+v", r.Body)
		}
		raw, err := json.Marshal([]any{r, h.messages(r)})
		h.must(err)
		for _, m := range h.messages(r) {
			threads, err := h.letters.Threads(h.Context(), h.DB, r.Thread)
			h.must(err)
			if rd, _, _, err := h.letters.Original(h.Context(), h.ana, threads[r.Thread].UID, m.UID); err == nil {
				b := make([]byte, 4096)
				n, _ := rd.Read(b)
				raw = append(raw, b[:n]...)
				_ = rd.Close()
			}
		}
		for _, table := range []string{"intake_report", "intake_drop", "intake_taken", "intake_kept", "correspondence_message", "audit_entry", "setting_value"} {
			raw = append(raw, h.dump(table)...)
		}
		for _, trace := range []string{"203.0.113.77", "203.0.113.0", "Go-http-client"} {
			if strings.Contains(string(raw), trace) {
				t.Errorf("%s is kept", trace)
			}
		}
		if !strings.Contains(string(raw), r.Reference) {
			t.Error("the dump does not hold what it should: this test sees nothing")
		}
	})
}

func (h *house) dump(table string) []byte {
	h.Helper()
	q := `SELECT CAST(x AS TEXT) FROM (SELECT * FROM ` + table + `) x`
	if h.DB.Engine() == db.SQLite {
		return h.rows(table)
	}
	all, err := db.All(h.Context(), h.DB, func(r *db.Rows) (s string, err error) { return s, r.Scan(&s) }, q)
	h.must(err)
	return []byte(strings.Join(all, "\n"))
}

func (h *house) rows(table string) []byte {
	h.Helper()
	names, err := db.All(h.Context(), h.DB, func(r *db.Rows) (s string, err error) { return s, r.Scan(&s) }, `SELECT name FROM pragma_table_info('`+table+`')`)
	h.must(err)
	var cells []string
	for _, n := range names {
		cells = append(cells, fmt.Sprintf(`COALESCE(CAST("%s" AS TEXT), '')`, n))
	}
	all, err := db.All(h.Context(), h.DB, func(r *db.Rows) (b []byte, err error) { return b, r.Scan(&b) }, `SELECT `+strings.Join(cells, ` || ' ' || `)+` FROM `+table)
	h.must(err)
	var out []byte
	for _, b := range all {
		out = append(append(out, b...), '\n')
	}
	return out
}

// The status link: opened by anybody who has it, changed by nobody who only looks, closed when the report is concluded, and silent to who
// guesses.
func TestTheStatusLink(t *testing.T) {
	engines(t, func(h *house) {
		p := h.p()
		v := h.visitor()
		code := v.begin("/report/short")
		v.post("/report/short", []upload{{"private.log", "x"}}, "code", code, "summary", "Private words", "description", "More private words", "ongoing", "yes", "tlp", "AMBER")
		r := h.opened()[0]
		reader := h.visitor()
		opened := reader.get("/r/" + strings.ToUpper(code))
		if opened.to != "/r/report" {
			t.Fatalf("the link leads to %q", opened.to)
		}
		status := reader.get("/r/report")
		if status.status != http.StatusOK || !status.says(r.Reference) {
			t.Fatalf("%d", status.status)
		}
		for _, secret := range []string{"Private words", "More private", "private.log", code} {
			if strings.Contains(status.body, secret) {
				t.Errorf("the page of a link shows %q", secret)
			}
		}
		for _, a := range []answer{opened, status, v.get("/r/received")} {
			if a.head.Get("Referrer-Policy") != "no-referrer" || a.head.Get("Cache-Control") != "no-store" || !strings.Contains(a.head.Get("X-Robots-Tag"), "noindex") {
				t.Errorf("headers %v", a.head)
			}
		}
		if robots := reader.get("/robots.txt"); !strings.Contains(robots.body, "Disallow: /r/\n") || strings.Contains(robots.body, "Disallow: /report") {
			t.Errorf("robots.txt:\n%s", robots.body)
		}
		// A look changes nothing (W2).
		before := h.state()
		for range 3 {
			reader.get("/r/" + code)
			reader.get("/r/report")
			reader.get("/r/received")
		}
		if h.state() != before {
			t.Error("a look wrote something")
		}
		// Wrong, mistyped and ended are one answer.
		wrong := h.visitor()
		wrong.get("/r/" + id.NewCode().Reveal())
		unknown := wrong.get("/r/report")
		if unknown.status != http.StatusNotFound {
			t.Errorf("a wrong code: %d", unknown.status)
		}
		// An answer, once, with a file.
		once := id.New()
		for range 2 {
			if a := reader.post("/r/report", []upload{{"b.log", "y"}}, "text", "It spreads.", "once", once); a.to != "/r/report?done=added" {
				t.Errorf("added: %d to %q", a.status, a.to)
			}
		}
		if a := reader.post("/r/report", nil, "text", "  ", "once", id.New()); a.status != http.StatusUnprocessableEntity {
			t.Errorf("nothing: %d", a.status)
		}
		h.opened()
		if m := h.messages(r); len(m) != 2 || m[1].Body.Text != "It spreads." || len(m[1].Body.Files) != 1 || m[1].Channel != correspondence.ByLink {
			t.Errorf("on the thread: %+v", m)
		}
		// Concluded: it says so, takes nothing more, and gives back what was typed.
		if _, err := h.reports.Reject(h.Context(), h.ana, r.UID, "no_incident", "", 0); err != nil {
			t.Fatal(err)
		}
		late := reader.post("/r/report", nil, "text", "One more thing.", "once", id.New())
		if late.status != http.StatusConflict || !late.says("One more thing.") || !late.says(p.T("public.status.concluded")) || !late.says(p.T("public.status.late")) {
			t.Errorf("after the end: %d\n%s", late.status, late.body)
		}
		if strings.Contains(reader.get("/r/report").body, "<textarea") || h.count("intake_drop") != 0 {
			t.Error("a concluded report takes more")
		}
		h.Clock.Advance(91 * 24 * time.Hour)
		ended := reader.get("/r/report")
		if strip(ended.body) != strip(unknown.body) || ended.status != unknown.status {
			t.Errorf("ended and unknown differ: %d, %d", ended.status, unknown.status)
		}
		h.peer = netip.MustParseAddr("192.0.2.8")
		for range 20 {
			wrong.plain("/r", "code", id.NewCode().Reveal())
		}
		a := wrong.plain("/r", "code", id.NewCode().Reveal())
		if a.status != http.StatusTooManyRequests || a.head.Get("Retry-After") == "" || !a.says("+999 210 497 400") {
			t.Errorf("a guesser: %d\n%s", a.status, a.body)
		}
		if a := wrong.get("/r/report"); a.status != http.StatusTooManyRequests {
			t.Errorf("a guesser by link: %d", a.status)
		}
		neighbour := h.visitor()
		other := neighbour.begin("/report/short")
		neighbour.plain("/report/short", "code", other, "summary", "Mine", "ongoing", "no", "tlp", "AMBER")
		h.opened()
		if a := neighbour.get("/r/report"); a.status != http.StatusOK {
			t.Errorf("a reporter is kept out by a neighbour who guesses: %d", a.status)
		}
		h.peer = netip.MustParseAddr("198.51.100.8")
		if a := h.visitor().plain("/r", "code", id.NewCode().Reveal()); a.status != http.StatusUnprocessableEntity {
			t.Errorf("another network: %d", a.status)
		}
	})
}

// strip takes out what differs between any two answers: the nonce.
func strip(body string) string { return nonce.ReplaceAllString(body, "") }

// state is everything that the site could write, as one text.
func (h *house) state() string {
	h.Helper()
	var b strings.Builder
	for _, table := range []string{"intake_report", "intake_code", "intake_shown", "intake_drop", "intake_taken", "intake_kept", "correspondence_message", "audit_entry", "object"} {
		b.Write(h.dump(table))
	}
	return b.String()
}
