package mailroom

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// mixed writes a mail of several parts.
func (h *house) mixed(from, subject string, fields string, parts ...string) string {
	return fields + h.head(from, subject) + "Content-Type: multipart/mixed; boundary=b\n\n--b\n" + strings.Join(parts, "\n--b\n") + "\n--b--\n"
}

const xarfPhishing = `{"xarf_version":"4.2.0","report_id":"1a5ec293-0849-40a4-9eba-d5926262ff05","timestamp":"2026-01-01T10:00:00Z",
"reporter":{"org":"Brand Watch","contact":"takedown@watch.example","domain":"watch.example"},"sender":{"org":"Brand Watch","contact":"takedown@watch.example","domain":"watch.example"},
"source_identifier":"192.0.2.45","category":"content","type":"phishing","url":"http://login.bad.example/x","target_brand":"Bank\u202e",
"evidence":[{"content_type":"text/html","description":"the page","payload":"PGgxPkxvZ2luPC9oMT4="}]}`

// A XARF report fills the fields: what it is about, when, its class as a proposal; its evidence is a file. The summary, the sender and the
// organisation stay what the mail proves.
func TestAReportInFields(t *testing.T) {
	engines(t, func(h *house) {
		h.mail("m@other.example", "report@cert.example", h.mixed("m@other.example", "abuse", "", "Content-Type: text/plain\n\nSee the attached report.", "Content-Type: application/json; name=xarf.json\n\n"+xarfPhishing))
		h.sort()
		r := h.one()
		said := r.Body.Reported
		if said == nil || len(said.Events) != 1 {
			t.Fatalf("in fields: %+v", said)
		}
		e := said.Events[0]
		if e.Class != "fraud:phishing" || e.Sources[0].Addr.String() != "192.0.2.45" || e.Reporter.Org != "Brand Watch" || len(e.Problems) != 0 || len(e.Evidence) != 1 {
			t.Errorf("%+v", e)
		}
		if !r.OccurredAt.Equal(time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC)) || r.Body.Summary != "abuse" || r.Organisation != 0 || r.Body.Type != "" || r.Body.Email != "m@other.example" {
			t.Errorf("the report itself: %v %+v", r.OccurredAt, r.Body)
		}
		if len(r.Body.Observables) != 3 || r.Body.Observables[2].Value != "http://login.bad.example/x" {
			t.Errorf("values %+v", r.Body.Observables)
		}
		m := h.messages(r.Thread, h.ana)[0]
		if len(m.Body.Files) != 2 || m.Body.Files[1].Name != "evidence-1-1.html.txt" || m.Body.Files[1].Size != 14 {
			t.Errorf("files %+v", m.Body.Files)
		}
		for _, d := range e.Details {
			if strings.ContainsRune(d.Value, '\u202e') {
				t.Errorf("%q turns the line", d.Value)
			}
		}
		// A time to come, or before there was mail, is the sender's word alone.
		h.Clock.Advance(time.Minute)
		h.mail("m@other.example", "report@cert.example", h.mixed("m@other.example", "later", "", "Content-Type: text/plain\n\nx", "Content-Type: application/json\n\n"+strings.Replace(xarfPhishing, "2026-01-01", "2199-01-01", 1)))
		h.sort()
		if r := h.last(); !r.OccurredAt.IsZero() || r.Body.Reported == nil {
			t.Errorf("it happens at %v", r.OccurredAt)
		}
		// Nobody but the mailroom says what was found in a mail.
		stranger := h.Constituent(77, "Rui", h.hospital.Ref.ID)
		got, err := h.room.Intake.Receive(h.ctx, stranger, intake.ReceiveInput{Channel: correspondence.ByPortal, Aside: intake.Routine, Body: intake.Body{Summary: "x", Reported: said}})
		must(t, err)
		if got.Report.Body.Reported != nil || got.Report.State != intake.New {
			t.Errorf("%+v", got.Report)
		}
	})
}

const aggregate = `<?xml version="1.0"?><feedback><report_metadata><org_name>big.example</org_name><report_id>1</report_id></report_metadata><policy_published><domain>cert.example</domain></policy_published>
<record><row><source_ip>192.0.2.1</source_ip><count>7</count><policy_evaluated><dkim>fail</dkim><spf>fail</spf></policy_evaluated></row></record></feedback>`

// A DMARC report is kept out of the queue, is not answered, and can be taken back; one that comes with words of a person, a second file, or from a
// contact of ours waits like any mail, and so does one that cannot be read.
func TestRoutineReports(t *testing.T) {
	engines(t, func(h *house) {
		var z bytes.Buffer
		g := gzip.NewWriter(&z)
		_, _ = g.Write([]byte(aggregate))
		_ = g.Close()
		report := "Content-Type: application/gzip; name=\"big.example!cert.example!1!2.xml.gz\"\nContent-Transfer-Encoding: base64\n\n" + base64.StdEncoding.EncodeToString(z.Bytes())
		const subject = "Report domain: cert.example Submitter: big.example Report-ID: 1"
		h.mail("noreply@other.example", "report@cert.example", h.mixed("noreply@other.example", subject, "", "Content-Type: text/plain\n\nThis is a DMARC aggregate report.", report))
		h.sort()
		if n := len(h.reports()); n != 0 {
			t.Fatalf("%d wait", n)
		}
		page, err := h.room.Intake.Queue(h.ctx, h.ana, intake.QueueFilter{State: intake.Rejected})
		must(t, err)
		if len(page.Items) != 1 {
			t.Fatalf("%d are kept", len(page.Items))
		}
		r := page.Items[0].Report
		if r.Reason != intake.Routine || r.Receipt != intake.NoReceipt || r.Body.Reported.Routine.Failed != 7 || len(h.left()) != 0 {
			t.Errorf("%+v", r)
		}
		if clocks, err := h.room.Intake.Deadlines.Under(h.ctx, h.DB, r.Ref.ID); err != nil || len(clocks[r.Ref.ID]) != 0 {
			t.Errorf("clocks %v, %v", clocks, err)
		}
		_, err = h.room.Intake.Restore(h.ctx, h.ana, r.UID)
		must(t, err)
		want := 1
		for name, raw := range map[string]string{
			"words":       h.mixed("a@other.example", subject, "", "Content-Type: text/plain\n\n"+strings.Repeat("We are under attack, call us. ", 100), report),
			"forwarded":   h.mixed("a@other.example", "Fwd: "+subject, "", "Content-Type: text/plain\n\nWhat does this mean?", report),
			"two files":   h.mixed("a@other.example", subject, "", "Content-Type: text/plain\n\nx", report, "Content-Type: image/png; name=ransom.png\n\nx"),
			"two lists":   h.mixed("a@other.example", subject, "", "Content-Type: text/plain\n\nx", report, report),
			"a contact":   h.mixed("rui@hospital.example", subject, "", "Content-Type: text/plain\n\nx", report),
			"broken":      h.mixed("a@other.example", subject, "", "Content-Type: text/plain\n\nx", "Content-Type: text/xml; name=a.xml\n\n"+aggregate[:len(aggregate)-20]),
			"with a mail": h.mixed("a@other.example", subject, "", "Content-Type: text/plain\n\nx", report, "Content-Type: message/rfc822\n\nFrom: x@y.example\nSubject: ransom\n\nPay.\n"),
		} {
			h.Clock.Advance(time.Minute)
			h.mail("x@other.example", "report@cert.example", strings.Replace(raw, "<x.", "<"+strings.ReplaceAll(name, " ", "")+".", 1))
			h.sort()
			if want++; len(h.reports()) != want {
				t.Errorf("%s: %d wait, want %d", name, len(h.reports()), want)
			}
		}
	})
}

// A mail within a mail is shown as one of its own, also one within that and one that came as a file; it says nothing for the mail around it.
func TestMailsWithin(t *testing.T) {
	engines(t, func(h *house) {
		deep := "From: deep@bad.example\nSubject: deepest\n\nThree.\n"
		inner := "From: \"CEO\" <ceo@bank.example>\nTo: a@b.example\nDate: Mon, 02 Nov 2026 10:00:00 +0000\nSubject: =?utf-8?q?=C3=9Cberweisung?=\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\nTwo.\n--c\nContent-Type: message/rfc822\n\n" + deep +
			"--c\nContent-Type: application/pdf; name=bill.pdf\n\nx\n--c--\n"
		h.mail("m@other.example", "report@cert.example", h.mixed("m@other.example", "Fwd", "", "Content-Type: text/plain\n\nOne.", "Content-Type: message/rfc822\n\n"+inner,
			"Content-Type: application/octet-stream; name=\"strange.EML\"\nContent-Transfer-Encoding: base64\n\n"+base64.StdEncoding.EncodeToString([]byte("From: file@bad.example\nSubject: as a file\n\nFour.\n"))))
		h.sort()
		m := h.messages(h.one().Thread, h.ana)[0]
		w := m.Body.Within
		if len(w) != 3 || w[0].Subject != "Überweisung" || w[0].From != "CEO <ceo@bank.example>" || strings.TrimSpace(w[0].Text) != "Two." || len(w[0].Files) != 2 ||
			w[1].Depth != 2 || w[1].Subject != "deepest" || w[2].Subject != "as a file" || w[2].Depth != 1 {
			t.Errorf("%+v", w)
		}
	})
}

// Languages are told by what the mail itself says, not by what it quotes; Spanish is not taken for Portuguese, neither by us nor in the answer.
func TestWrittenIn(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Hola, desde esta mañana hemos recibido un correo electrónico sospechoso que pide las contraseñas para todos los empleados de este hospital.":        "es",
		"Desde esta manhã os nossos servidores estão a ser atacados, não sabemos o que fazer e pedimos ajuda à vossa equipa.":                                "pt",
		"Since this morning our servers are under attack and we have no idea what to do with this.":                                                          "en",
		"Nasz serwer został zaatakowany dzisiaj rano, prosimy o pomoc, bo nie wiemy co robić.\n> We have received this and are looking at it with our team.": "pl",
		"203.0.113.7": "",
	} {
		if got := writtenIn(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// The language is named; a translation stands beside the original with its author and in the record, and the correspondent does not see it.
func TestATranslation(t *testing.T) {
	engines(t, func(h *house) {
		const words = "Dzień dobry, od rana nasz serwer wysyła niechciane wiadomości i nie wiemy, co robić. Prosimy o pomoc."
		h.mail("m@other.example", "report@cert.example", h.letterOf("m@other.example", "Prosba", words))
		h.sort()
		r := h.one()
		m := h.messages(r.Thread, h.ana)[0]
		if m.Body.Language != "pl" || r.Lang != "en" {
			t.Errorf("written in %q, answered in %q", m.Body.Language, r.Lang)
		}
		cor := h.room.Correspondence
		_, err := cor.Translate(h.ctx, h.ana, m.UID, "en", "Since this morning our server \u202esends mail.")
		must(t, err)
		_, err = cor.Translate(h.ctx, h.ana, m.UID, "nl", "Sinds vanochtend verstuurt onze server mail.")
		must(t, err)
		m = h.messages(r.Thread, h.ana)[0]
		if len(m.Body.Meanings) != 2 || m.Body.Meanings[0].Name != "Ana" || strings.ContainsRune(m.Body.Meanings[0].Text, '\u202e') || !strings.Contains(m.Body.Text, "Dzień dobry") {
			t.Errorf("%+v", m.Body)
		}
		for why, c := range map[string]struct {
			by            access.Actor
			lang, text    string
			message, kind any
		}{
			"nobody":      {access.Actor{}, "en", "x", m.UID, errs.Forbidden},
			"a viewer":    {h.Person(2, "Eva", access.Auditor), "en", "x", m.UID, errs.Forbidden},
			"no text":     {h.ana, "en", " \n", m.UID, errs.Invalid},
			"too long":    {h.ana, "en", strings.Repeat("x", correspondence.MaxTranslation+1), m.UID, errs.Invalid},
			"no language": {h.ana, "english please", "x", m.UID, errs.Invalid},
			"another":     {h.ana, "en", "x", "01jjjjjjjjjjjjjjjjjjjjjjjj", errs.NotFound},
		} {
			if _, err := cor.Translate(h.ctx, c.by, c.message.(string), c.lang, c.text); !errs.Is(err, c.kind.(errs.Kind)) && !(c.kind == errs.Forbidden && err != nil) {
				t.Errorf("%s: %v", why, err)
			}
		}
		for range 18 {
			_, err = cor.Translate(h.ctx, h.ana, m.UID, "fr", "x")
			must(t, err)
		}
		if _, err := cor.Translate(h.ctx, h.ana, m.UID, "fr", "x"); !errs.Is(err, errs.Limit) {
			t.Errorf("the twenty-first: %v", err)
		}
		var recorded int
		must(t, h.DB.QueryRow(h.ctx, `SELECT COUNT(*) FROM audit_entry WHERE verb = 'correspondence.translate' AND about = $1`, r.Ref.ID).Scan(&recorded))
		if recorded != 20 {
			t.Errorf("the record has %d", recorded)
		}
		// Who wrote one takes it back; nobody else does, and not one that is not there. The record has both.
		at := m.Body.Meanings[0].At
		lea := h.Person(3, "Lea", access.Lead)
		for why, err := range map[string]error{"another's": cor.TakeBack(h.ctx, lea, m.UID, at), "no such": cor.TakeBack(h.ctx, h.ana, m.UID, at.Add(time.Second)), "another message": cor.TakeBack(h.ctx, h.ana, "01jjjjjjjjjjjjjjjjjjjjjjjj", at)} {
			if !errs.Is(err, errs.NotFound) {
				t.Errorf("%s is taken back: %v", why, err)
			}
		}
		must(t, cor.TakeBack(h.ctx, h.ana, m.UID, at))
		if m = h.messages(r.Thread, h.ana)[0]; len(m.Body.Meanings) != 19 || m.Body.Meanings[0].Lang != "nl" || !strings.Contains(m.Body.Text, "Dzień dobry") {
			t.Errorf("%d translations are left, the first in %s", len(m.Body.Meanings), m.Body.Meanings[0].Lang)
		}
		must(t, h.DB.QueryRow(h.ctx, `SELECT COUNT(*) FROM audit_entry WHERE verb = 'correspondence.untranslate' AND about = $1`, r.Ref.ID).Scan(&recorded))
		if recorded != 1 {
			t.Errorf("the record of what was taken back: %d", recorded)
		}
	})
}
