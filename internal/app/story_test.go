package app

import (
	"crypto/rand"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
)

func rfc5322Now() string { return time.Now().Format(time.RFC1123Z) }
func unique() string     { return strings.ToLower(rand.Text()) }

// TestOneReportEndToEnd is the table of the architecture as a story, over real SMTP and HTTP, with GnuPG outside: a hospital mails, a stranger
// fills the form, somebody phones; one incident, two parties asked, one answers by mail and one in the portal; verified, closed, proved.
func TestOneReportEndToEnd(t *testing.T) { onEach(t, oneReport) }

func oneReport(h *house) {
	t, ctx := h.t, h.t.Context()
	outside := newGnuPG(t)
	outside.run(string(h.team.Armored()), "--import")
	const rui, petra = "rui@hospital.example", "petra@hoster.example"
	hospital, _ := h.organisation("Santa Clara Hospital", "en", "Rui Tavares", rui, outside.key(rui))
	hoster, _ := h.organisation("Hoster Meridian", "en", "Petra Lang", petra, outside.key(petra))
	h.serve()
	ana := h.person(access.Duty, "ana@cert.valmora.example", "")
	lines := func() []intake.Report {
		list, err := h.Intake.List(ctx, sample(), intake.QueueFilter{Limit: 50})
		h.must(err)
		return list.Items
	}
	report := func(summary string) (found intake.Report) {
		h.eventually("the report "+summary, func() bool {
			for _, l := range lines() {
				if l.Body.Summary == summary {
					found = l
				}
			}
			return found.UID != ""
		})
		return found
	}

	// A mail, signed and encrypted by GnuPG.
	const secret = "the pump controller answers to 192.0.2.77"
	h.mail(rui, teamAddress, outside.sealed(rui, teamAddress, "Ransomware on ward systems", secret))
	first := report("Ransomware on ward systems")
	if first.Proof != correspondence.SignedByKey || first.Organisation != hospital.Ref.ID {
		t.Errorf("the sender is known by proof %d, organisation %d", first.Proof, first.Organisation)
	}
	if !strings.Contains(first.Body.Description, secret) {
		t.Error("the text was not decrypted")
	}
	receipt := h.letter(rui)
	text := outside.open(receipt)
	if !strings.Contains(text, first.Reference) {
		t.Errorf("the receipt does not name its reference %s:\n%s", first.Reference, text)
	}
	for _, quoted := range []string{secret, "pump controller", "Ransomware on ward"} {
		if strings.Contains(text, quoted) || strings.Contains(receipt, quoted) {
			t.Errorf("the receipt quotes %q", quoted)
		}
	}

	// A form by a stranger: the receipt is held, the private link shows the state.
	stranger := h.browser()
	code := h.one(`name="code" value="([^"]+)"`, stranger.page("/report/short"))
	to := stranger.post("/report/short", "code", code, "summary", "Strange letters from the hospital", "description", "I was asked to pay.", "ongoing", "yes", "name", "A. Walker", "email", "walker@away.example", "tlp", "AMBER")
	if to != "/r/received?mail=1" {
		t.Fatalf("the form leads to %s", to)
	}
	stranger.page(to)
	second := report("Strange letters from the hospital")
	if second.Receipt != intake.ReceiptHeld {
		t.Errorf("the receipt of a stranger is %s", second.Receipt)
	}
	link := h.browser()
	if to := link.get("/r/" + code).to(); to != "/r/report" {
		t.Errorf("the private link leads to %q", to)
	}
	if body := link.page("/r/report"); !strings.Contains(body, second.Reference) || !strings.Contains(body, h.state("received")) {
		t.Errorf("the private page: %s", plain(body))
	}

	// A call.
	ana.post("/desk/phone", "name", "Night operator", "org", "Water works", "phone", "+999 2", "summary", "Pumps stopped", "description", "Said that pumps stopped.", "tlp", "TLP:AMBER")
	if call := report("Pumps stopped"); call.Channel != correspondence.ByPhone {
		t.Errorf("the call came by %v", call.Channel)
	}

	// Triage: all three wait; the first becomes an incident, the stranger's is attached.
	queue := ana.page("/desk/triage")
	for _, words := range []string{"Ransomware on ward systems", "Strange letters", "Pumps stopped"} {
		if !strings.Contains(queue, words) {
			t.Errorf("%q does not wait in triage", words)
		}
	}
	at, _, _ := strings.Cut(ana.post("/desk/reports/"+first.UID+"/accept"), "?")
	number := strings.TrimPrefix(at, "/desk/incidents/")
	ana.post("/desk/reports/"+second.UID+"/attach", "ref", number)
	if body := ana.page(at); !strings.Contains(body, "Ransomware on ward systems") {
		t.Errorf("the incident: %s", plain(body))
	}

	// Parties: the hospital is one since its report was linked, the hoster is added.
	ana.post(at+"/parties/add", "organisation", hoster.UID, "role", "provider", "why", "hosts the gateway")
	uid := map[string]string{}
	in, err := h.Incidents.Get(ctx, h.DB, sample(), number)
	h.must(err)
	matrix, err := h.Coordination.Matrix(ctx, sample(), in.UID)
	h.must(err)
	for _, r := range matrix {
		uid[r.Party.Name] = r.Party.UID
	}
	if uid[hoster.Name] == "" || uid[hospital.Name] == "" {
		t.Fatalf("the parties are %v", uid)
	}

	// Ask: exactly what each will receive, then held; one is stopped, asked again, and all leave.
	advice := h.one(`name="recommendation"[^>]* value="([^"]*preserve-logs)"`, ana.page(at+"/ask"))
	form := values("party", uid[hospital.Name], "party", uid[hoster.Name], "recommendation", advice, "request", "Which gateways run version 4?",
		"due", time.Now().UTC().AddDate(0, 0, 2).Format("2006-01-02T15:04"), "looked", "1")
	form.Set("preview", "1")
	shown := ana.send(at+"/ask", form)
	if shown.Status != http.StatusOK || strings.Count(shown.Body, "Which gateways run version 4?") < 3 {
		t.Fatalf("the preview: %d %s", shown.Status, plain(shown.Body))
	}
	// A label below that of the case leaves nothing: the form stands again with the reason.
	form.Del("preview")
	form.Set("send", "1")
	form.Set("tlp", "TLP:CLEAR")
	if a := ana.send(at+"/ask", form); a.Status != http.StatusConflict || !strings.Contains(a.Body, "Which gateways run version 4?") || strings.Contains(a.Body, "⟦") {
		t.Errorf("asked below the label of the case: %d %s", a.Status, plain(a.Body))
	}
	form.Del("tlp")
	before := len(h.sent(""))
	form.Set("party", uid[hoster.Name])
	if a := ana.send(at+"/ask", form); a.Status != http.StatusSeeOther {
		t.Fatalf("ask: %d %s", a.Status, plain(a.Body))
	}
	held := all(`/desk/outbox/([a-z0-9-]+)/stop`, ana.page("/desk/outbox"))
	if len(held) != 1 {
		t.Fatalf("%d letters are held", len(held))
	}
	ana.post("/desk/outbox/" + held[0] + "/stop")
	if a := ana.send("/desk/outbox/"+held[0]+"/stop", nil); a.Status < 400 {
		t.Errorf("stopped twice: %d", a.Status)
	}
	form["party"] = []string{uid[hospital.Name], uid[hoster.Name]}
	if a := ana.send(at+"/ask", form); a.Status != http.StatusSeeOther {
		t.Fatalf("ask: %d %s", a.Status, plain(a.Body))
	}
	held = all(`/desk/outbox/([a-z0-9-]+)/stop`, ana.page("/desk/outbox"))
	for _, m := range held {
		ana.post("/desk/outbox/" + m + "/send")
	}
	asked := map[string]string{}
	h.eventually("two letters", func() bool { return len(h.sent("")) >= before+2 })
	if n := len(h.sent("")) - before; n != 2 {
		t.Errorf("%d letters left; the stopped one must not", n)
	}
	for _, who := range []string{rui, petra} {
		for _, eml := range h.sent(who) {
			if eml != receipt {
				asked[who] = eml
			}
		}
	}
	nothingInCommon(t, outside, asked[rui], asked[petra], receipt, number, h.Config.HTTP)

	// The hoster answers by mail to the tagged address.
	tagged := h.one(`(?mi)^Reply-To:[^@]*?([a-z0-9+._-]+@[a-z0-9.-]+)`, asked[petra])
	h.mail(petra, tagged, outside.sealed(petra, tagged, "Re: your question", "Two gateways, both in the north."))
	party := func(org string) coordination.Row {
		m, err := h.Coordination.Matrix(ctx, sample(), in.UID)
		h.must(err)
		for _, r := range m {
			if r.Party.UID == uid[org] {
				return r
			}
		}
		t.Fatal("the party is gone")
		return coordination.Row{}
	}
	h.eventually("the hoster's answer on its request", func() bool {
		for _, q := range party(hoster.Name).Requests {
			if q.State == coordination.Replied {
				return true
			}
		}
		return false
	})
	if body := ana.page("/desk/parties/" + uid[hoster.Name]); !strings.Contains(body, "Two gateways, both in the north.") {
		t.Errorf("the answer is not on the party's page: %s", plain(body))
	}
	// A wrong tag files nothing: a new report, not on the party's thread.
	wrong := strings.Replace(tagged, "+", "+0", 1)
	h.mail(petra, wrong, outside.sealed(petra, wrong, "Re: with a wrong tag", "Three gateways."))
	if r := report("Re: with a wrong tag"); len(r.Incidents) != 0 {
		t.Error("a wrong tag was filed on the incident")
	}
	if strings.Contains(ana.page("/desk/parties/"+uid[hoster.Name]), "Three gateways.") {
		t.Error("a wrong tag is on the party's page")
	}

	// The hospital answers in the portal and does what was recommended.
	portal := h.person(access.Constituent, rui, hospital.UID)
	requests := all(`/portal/requests/([a-z0-9-]+)`, portal.page("/portal/requests"))
	if len(requests) != 1 {
		t.Fatalf("the hospital sees %d requests", len(requests))
	}
	portal.post("/portal/requests/"+requests[0], "text", "None of ours.")
	measures := all(`/portal/measures/([a-z0-9-]+)`, portal.page("/portal/measures"))
	if len(measures) != 1 {
		t.Fatalf("the hospital sees %d measures", len(measures))
	}
	portal.post("/portal/measures/"+measures[0], "to", "acknowledged")
	portal.post("/portal/measures/"+measures[0], "to", "done", "evidence", "Copied to write-once media.")
	for _, path := range []string{"/portal/", "/portal/requests", "/portal/measures", "/portal/messages", "/portal/reports"} {
		if body := portal.page(path); strings.Contains(body, hoster.Name) || strings.Contains(body, number) || strings.Contains(body, "gateways, both") {
			t.Errorf("%s shows the hospital another's: %s", path, plain(body))
		}
	}

	// Verified by us, closed with its statistics.
	ana.post("/desk/measures/"+measures[0]+"/move", "to", "verified", "note", "Seen by screen share.")
	if m := party(hospital.Name).Measures; len(m) != 1 || m[0].State != coordination.Verified {
		t.Errorf("the measures of the hospital: %+v", m)
	}
	told := len(h.sent(rui))
	if a := ana.send(at+"/close", values("tell", "1")); a.Status != http.StatusUnprocessableEntity && a.Status != http.StatusBadRequest {
		t.Errorf("closed without statistics: %d", a.Status)
	}
	if a := ana.send(at+"/close", values("type", "no-such-type", "severity", "high", "outcome", "resolved", "report", "What was typed stays.")); a.Status != http.StatusUnprocessableEntity || !strings.Contains(a.Body, "What was typed stays.") {
		t.Errorf("closed with an unknown type: %d %s", a.Status, plain(a.Body))
	}
	version := h.one(`name="version" value="([0-9]+)"`, ana.page(at+"/close"))
	kind := h.one(`<option value="([a-z0-9:-]+)"`, after(ana.page(at+"/close"), `name="type"`))
	ana.post(at+"/close", "version", version, "type", kind, "severity", "high", "outcome", "resolved", "root_cause", "malicious_action", "impact", "significant",
		"cross_border", "no", "affected", "2", "report", "Restored from backups.", "tell", "1", "note", "The hoster's measure is followed outside.")
	for _, m := range all(`/desk/outbox/([a-z0-9-]+)/send`, ana.page("/desk/outbox")) {
		ana.post("/desk/outbox/" + m + "/send")
	}
	h.eventually("the closing letter to the reporter", func() bool { return len(h.sent(rui)) > told })

	// The private link says so, and the record proves the history.
	h.eventually("the private page says concluded", func() bool {
		return strings.Contains(link.page("/r/report"), h.state("concluded"))
	})
	h.eventually("the record is numbered and whole", func() bool {
		p, err := audit.Verify(ctx, h.DB, h.Ring, h.Verifier)
		h.must(err)
		if len(p.Problems) > 0 {
			t.Fatalf("the record does not verify: %v", p.Problems)
		}
		return p.Waiting == 0 && p.Size > 20
	})
	if strings.Contains(h.log.String(), secret) {
		t.Error("the process log quotes a report")
	}
}

// state is how a public page names a state.
func (h *house) state(s string) string {
	return html.EscapeString(h.Text.For("en").T("public.state." + s))
}

func after(text, mark string) string {
	_, rest, _ := strings.Cut(text, mark)
	return rest
}

var longWord = regexp.MustCompile(`[A-Za-z0-9][A-Za-z0-9+/=_-]{9,}`)

var armour = regexp.MustCompile(`(?s)-----BEGIN PGP.*?-----END PGP`)

// nothingInCommon compares two letters of one incident, outside and inside, byte by word (rule A7): what both hold is in an unrelated letter
// of ours too, or is a word of the question that both were asked. Neither names the incident.
func nothingInCommon(t *testing.T, outside gnupg, a, b, unrelated, number, site string) {
	t.Helper()
	if a == "" || b == "" {
		t.Fatal("a letter is missing")
	}
	ours := unrelated + outside.open(unrelated)
	read := func(eml string) string { // armour is ours: a packet begins with the team's key and the second in which it was made
		return armour.ReplaceAllString(strings.ReplaceAll(eml+outside.open(eml), site, ""), "")
	}
	x, y := read(a), read(b)
	for _, w := range longWord.FindAllString(x, -1) {
		named := strings.ContainsAny(w, "0123456789") // words of a language have none; ids, times and references do
		if named && strings.Contains(y, w) && !strings.Contains(ours, w) && !isDate(w) {
			t.Errorf("two parties both hold %q", w)
		}
	}
	for _, s := range []string{x, y} {
		if strings.Contains(s, number) {
			t.Errorf("a letter names the incident %s", number)
		}
	}
	for _, name := range []string{"Hoster Meridian", "Petra", "hoster.example"} {
		if strings.Contains(x, name) {
			t.Errorf("the hospital's letter names %s", name)
		}
	}
	for _, name := range []string{"Santa Clara", "Rui", "hospital.example"} {
		if strings.Contains(y, name) {
			t.Errorf("the hoster's letter names %s", name)
		}
	}
}

// isDate tells of the deadline that both were given.
func isDate(w string) bool {
	_, err := time.Parse(time.DateOnly, w)
	return err == nil
}
