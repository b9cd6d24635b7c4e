package portal_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp/keyd"
)

// Given a question and two measures, when Rui signs in, then he sees what waits, answers with a file and moves a measure to its end.
func TestAConstituentAnswersAndMovesAMeasure(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.asked(h.aguas, h.porto)
	b := h.browser()
	if a := b.get("/portal/"); a.status != http.StatusSeeOther || a.location != "/login" {
		t.Fatalf("a stranger reads the portal: %d to %s", a.status, a.location)
	}
	b.signIn("rui.tavares@aguasdovale.example")
	over := b.get("/portal/")
	h.has(over, "Which account opened the VPN session", "Águas do Vale", "CERT.EX", "/portal/messages/")
	if strings.Contains(over.body, "Porto de Santa Clara") {
		t.Error("another organisation is named (A6)")
	}

	// The answer.
	request := first(t, over.body, "/portal/requests/")
	h.has(b.get(request), "Which account opened", "TLP:AMBER", "Waiting for your answer")
	empty := b.post(request, "text", " ")
	if empty.status != http.StatusUnprocessableEntity || !strings.Contains(empty.body, `href="#text"`) || !strings.Contains(empty.body, "Write something, or attach a file") {
		t.Errorf("an empty answer: %d", empty.status)
	}
	a := b.upload(request, "files", `..\gateway.log`, "02:13 opened", "text", "It was svc-backup. Closed at 09:40.")
	if a.status != http.StatusSeeOther || a.location != request+"?done=answered" {
		t.Fatalf("answer: %d to %s\n%s", a.status, a.location, a.body)
	}
	read := b.get(a.location)
	h.has(read, "It was svc-backup", "Rui Tavares", "Your answer was received", "Answered")
	file := b.get(first(t, read.body, "/portal/files/"))
	if file.body != "02:13 opened" || file.header.Get("Content-Type") != "application/octet-stream" || file.header.Get("Content-Disposition") != "attachment; filename=gateway.log" ||
		!strings.Contains(file.header.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("file: %q %v", file.body, file.header)
	}

	// The measure.
	measure := first(t, b.get("/portal/measures").body, "/portal/measures/")
	h.has(b.get(measure), "What will you do?", "Proposed")
	if a := b.post(measure); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, "Choose what you will do") {
		t.Errorf("no choice: %d", a.status)
	}
	if a := b.post(measure, "to", "declined"); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, `href="#reason"`) || !strings.Contains(a.body, "Say why you decline") {
		t.Errorf("declined without reason: %d", a.status)
	}
	if a := b.post(measure, "to", "planned", "planned-day", "31", "planned-month", "11", "planned-year", "2026"); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, `value="31"`) {
		t.Errorf("planned for a day that is none: %d", a.status)
	}
	for _, step := range [][]string{{"to", "acknowledged"}, {"to", "planned", "planned-day", "24", "planned-month", "11", "planned-year", "2026"}, {"to", "done", "evidence", "Version 7.4.2 on both gateways"}} {
		if a := b.post(measure, step...); a.location != measure+"?done=moved" {
			t.Fatalf("%v: %d\n%s", step, a.status, a.body)
		}
	}
	done := b.get(measure)
	h.has(done, "Version 7.4.2 on both gateways", "Rui Tavares: Done", "Planned")
	if strings.Contains(done.body, "What will you do?") {
		t.Error("a measure that is done can be moved by the party")
	}
	if a := b.post(measure, "to", "verified"); a.status != http.StatusUnprocessableEntity {
		t.Errorf("a party verifies: %d", a.status)
	}
	// An old page does not overwrite what happened since.
	other := h.measure("proposed")
	if a := b.post("/portal/measures/"+other.UID, "to", "acknowledged", "version", "99"); a.status != http.StatusConflict {
		t.Errorf("an old version: %d", a.status)
	}
}

// measure gives a measure of Águas do Vale in a state.
func (h *house) measure(state string) coordination.Measure {
	h.Helper()
	list, err := h.parties.Measures(h.Context(), h.Constituent(9, "x", h.aguas.Ref.ID), coordination.RequestFilter{})
	h.must(err)
	for _, m := range list.Items {
		if string(m.State) == state {
			return m
		}
	}
	h.Fatalf("no measure is %s", state)
	return coordination.Measure{}
}

// What belongs to another and what does not exist give the same bytes and headers (A3, A5).
func TestAnothersThingsDoNotExist(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.asked(h.aguas, h.porto)
	rui, ines := h.browser(), h.browser()
	rui.signIn("rui.tavares@aguasdovale.example")
	ines.signIn("ines.faria@porto.example")
	request := first(t, rui.get("/portal/requests").body, "/portal/requests/")
	measure := first(t, rui.get("/portal/measures").body, "/portal/measures/")
	thread := first(t, rui.get("/portal/messages").body, "/portal/messages/")
	rui.upload(request, "files", "a.log", "x", "text", "Answer")
	file := first(t, rui.get(request).body, "/portal/files/")
	sent := rui.post("/portal/reports/new", "summary", "Strange mail", "tlp", "AMBER")
	report, _, _ := strings.Cut(sent.location, "?")
	absent := "0123456789abcdefghjkmnpqrs"
	for _, path := range []string{request, measure, thread, file, report} {
		if a := rui.get(path); a.status != http.StatusOK {
			t.Errorf("the owner reads %s: %d", path, a.status)
		}
		i := strings.LastIndexByte(path, '/')
		for _, method := range []string{"GET", "POST"} {
			if method == "POST" && path == file {
				continue
			}
			ask := func(path string) answer {
				if method == "POST" {
					return ines.post(path, "text", "mine now", "to", "acknowledged")
				}
				return ines.get(path)
			}
			theirs, none := ask(path), ask(path[:i+1]+absent)
			if theirs.status != http.StatusNotFound || none.status != http.StatusNotFound {
				t.Errorf("%s %s: %d, absent: %d", method, path, theirs.status, none.status)
			}
			if without(theirs) != without(none) {
				t.Errorf("%s %s differs from what does not exist", method, path)
			}
		}
	}
	h.has(rui.get(measure), "Proposed")
}

// without drops what is different at each answer: the nonce and the date.
func without(a answer) string {
	nonce := a.header.Get("Content-Security-Policy")
	if i := strings.Index(nonce, "nonce-"); i >= 0 {
		nonce = nonce[i+6:]
		nonce = nonce[:strings.IndexByte(nonce, '\'')]
		a.body = strings.ReplaceAll(a.body, nonce, "")
	}
	var head []string
	for _, k := range []string{"Content-Type", "Content-Length", "Cache-Control", "Set-Cookie", "Location", "Etag", "Last-Modified"} {
		head = append(head, k+"="+a.header.Get(k))
	}
	return strings.Join(head, "\n") + a.body
}

// A report keeps what was typed when something is wrong, is filed as signed in, and grows.
func TestAReportIsFiledAndGrows(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.browser()
	b.signIn("rui.tavares@aguasdovale.example")
	h.has(b.get("/portal/reports/new"), "rui.tavares@aguasdovale.example", "+999 912 000 111", "Águas do Vale")
	wrong := b.post("/portal/reports/new", "summary", "", "description", "", "email", "no address", "aware-day", "31", "aware-month", "2", "aware-year", "2026", "aware-time", "7 in the morning", "tlp", "AMBER")
	if wrong.status != http.StatusUnprocessableEntity {
		t.Fatalf("a wrong report: %d", wrong.status)
	}
	for _, w := range []string{"Error:", `href="#summary"`, `href="#email"`, `href="#aware-time"`, `value="no address"`, `value="7 in the morning"`} {
		if !strings.Contains(wrong.body, w) {
			t.Errorf("the form does not show %q", w)
		}
	}
	// A file that cannot be taken refuses itself: the form is there with its words, and nothing was filed.
	stuffed := func(got int64) {
		h.must(h.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			if _, err := tx.Exec(ctx, `DELETE FROM intake_upload`); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, `INSERT INTO intake_upload (uid, key, sealed, size, got, touched_at) VALUES ('full', $1, $1, $2, $2, 0)`, []byte{0}, got)
			return err
		}))
	}
	stuffed(6 << 30)
	if a := b.upload("/portal/reports/new", "files", "disk.img", "x", "summary", "Typed and kept", "description", "Two servers."); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, `href="#files"`) || !strings.Contains(a.body, "Typed and kept") {
		t.Errorf("no room for files: %d\n%s", a.status, a.body)
	}
	stuffed(4 << 30) // by strangers: who has signed in is not kept out
	large := strings.Repeat("x", intake.MaxFileBytes+1)
	a := b.upload("/portal/reports/new", "files", "note.txt", large, "summary", "Ransomware on billing servers", "description", "Two servers.", "ongoing", "yes",
		"aware-day", "21", "aware-month", "11", "aware-year", "2026", "aware-time", "07:40", "tlp", "AMBER", "name", "Rui Tavares", "email", "rui.tavares@aguasdovale.example")
	if a.status != http.StatusSeeOther {
		t.Fatalf("report: %d\n%s", a.status, a.body)
	}
	h.has(b.get(a.location), "Ransomware on billing servers", "R-2026-", "TLP:AMBER", "We answer you", "21 November 2026, 07:40", "note.txt")
	file := b.get(first(t, b.get(a.location).body, "/portal/files/"))
	if file.body != large {
		t.Errorf("the file has %d bytes", len(file.body))
	}
	var left int
	h.must(h.DB.QueryRow(t.Context(), `SELECT COUNT(*) FROM intake_upload WHERE uid <> 'full'`).Scan(&left))
	if left != 0 {
		t.Errorf("%d files wait on their way", left)
	}
	path, _, _ := strings.Cut(a.location, "?")
	if a := b.post(path, "text", "The backup is intact."); a.location != path+"?done=added" {
		t.Fatalf("add: %d\n%s", a.status, a.body)
	}
	h.has(b.get(path), "The backup is intact.")
	h.has(b.get("/portal/reports"), "Ransomware on billing servers", "Received")
	uid := path[strings.LastIndexByte(path, '/')+1:]
	r, err := h.reports.Get(t.Context(), h.DB, h.ana, uid)
	h.must(err)
	if r.Channel != correspondence.ByPortal || r.Proof != correspondence.SignedIn || r.Organisation != h.aguas.Ref.ID {
		t.Errorf("filed as %s, proof %d, of %d", r.Channel, r.Proof, r.Organisation)
	}
}

// A GET writes nothing but when something was last seen (W2).
func TestAGetChangesNothing(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.asked(h.aguas)
	b := h.browser()
	b.signIn("rui.tavares@aguasdovale.example")
	before := h.counted()
	for _, path := range []string{"/portal/", "/portal/requests", "/portal/requests?all=1", "/portal/measures", "/portal/messages", "/portal/reports", "/portal/reports/new", "/portal/organisation", "/portal/organisation/key"} {
		h.has(b.get(path))
	}
	request := first(t, b.get("/portal/requests").body, "/portal/requests/")
	h.has(b.get(request))
	if after := h.counted(); after != before {
		t.Errorf("%d audit entries became %d", before, after)
	}
	var seen int64
	h.must(h.DB.QueryRow(t.Context(), `SELECT COUNT(*) FROM correspondence_message WHERE seen_at IS NOT NULL`).Scan(&seen))
	if seen != 1 {
		t.Errorf("%d messages were seen, want the one that asked", seen)
	}
}

func (h *house) counted() int64 {
	h.Helper()
	n, err := db.One(h.Context(), h.DB, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) }, `SELECT COUNT(*) FROM audit_entry`)
	h.must(err)
	return n
}

// A public key is offered and waits; a private one is refused by name, and so is one for somebody else (P9).
func TestAKeyIsOfferedAndWaits(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.browser()
	b.signIn("rui.tavares@aguasdovale.example")
	contacts, err := h.country.Contacts(t.Context(), h.DB, h.aguas.Ref.ID)
	h.must(err)
	others, err := h.country.Contacts(t.Context(), h.DB, h.porto.Ref.ID)
	h.must(err)
	mine, err := keyd.Generate("Rui Tavares", []string{"rui.tavares@aguasdovale.example"}, h.Clock.Now())
	h.must(err)
	foreign, err := keyd.Generate("Somebody", []string{"somebody@elsewhere.example"}, h.Clock.Now())
	h.must(err)
	offer := func(contact, armour string) answer {
		return b.post("/portal/organisation/key", "contact", contact, "armour", armour)
	}
	key := string(mine.Public().Armored())
	for name, a := range map[string]answer{
		"whose key is it":    offer("", key),
		"choose whose":       offer(others[0].UID, key), // another organisation's contact is none (A3)
		"there is no public": offer(contacts[0].UID, "hello"),
		"no public key here": offer(contacts[0].UID, " "),
		"does not stand in":  offer(contacts[0].UID, string(foreign.Public().Armored())),
		"there are several":  offer(contacts[0].UID, key+string(foreign.Public().Armored())),
	} {
		if a.status != http.StatusUnprocessableEntity || !strings.Contains(strings.ToLower(a.body), name) {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	if a := b.upload("/portal/organisation/key", "file", "rui.asc", key, "contact", contacts[0].UID); a.location != "/portal/organisation?done=offered" {
		t.Fatalf("offer: %d\n%s", a.status, a.body)
	}
	h.has(b.get("/portal/organisation"), "Waits for approval", "192.0.2.0/24", "Checked on 21 November 2026", "Not checked yet")
	keys, err := h.country.AllKeys(t.Context(), h.DB, contacts[0].ID)
	h.must(err)
	if len(keys) != 1 || keys[0].State != constituency.Offered || keys[0].Source != "portal" {
		t.Errorf("stored %+v", keys)
	}
}

// A certificate for S/MIME is offered as a key is, with those of its issuers or without; a private key in any wrapping is refused by name, and nothing of it kept.
func TestACertificateIsOfferedAndWaits(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.browser()
	const rui = "rui.tavares@aguasdovale.example"
	b.signIn(rui)
	contacts, err := h.country.Contacts(t.Context(), h.DB, h.aguas.Ref.ID)
	h.must(err)
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	h.must(err)
	certificate := func(address string, ends time.Time) string {
		like := x509.Certificate{SerialNumber: big.NewInt(ends.Unix()), Subject: pkix.Name{CommonName: "Rui <b>"}, NotBefore: h.Clock.Now().Add(-time.Hour), NotAfter: ends, EmailAddresses: []string{address}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}}
		der, err := x509.CreateCertificate(rand.Reader, &like, &like, &secret.PublicKey, secret)
		h.must(err)
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	later := h.Clock.Now().AddDate(1, 0, 0)
	mine, foreign := certificate(rui, later), certificate("ca@elsewhere.example", later)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(secret)
	h.must(err)
	block, _ := pem.Decode([]byte(mine))
	cert, err := x509.ParseCertificate(block.Bytes)
	h.must(err)
	p12, err := asn1.Marshal(struct { // as a PKCS #12 file begins
		Version int
		Inside  []byte
	}{3, pkcs8})
	h.must(err)
	pgpKey, err := keyd.Generate("Rui Tavares", []string{rui}, h.Clock.Now())
	h.must(err)
	for _, c := range []struct{ name, says, content string }{
		{"another's", "does not stand in", foreign},
		{"an old one", "expired", certificate(rui, h.Clock.Now().Add(-time.Minute))},
		{"two of his", "there are several", mine + certificate(rui, later.AddDate(1, 0, 0))},
		{"with an OpenPGP key", "there are several", mine + string(pgpKey.Public().Armored())},
		{"with its private key", "private key", mine + string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))},
		{"the private key in DER", "private key", string(pkcs8)},
		{"a .p12", "private key", string(p12)},
		{"a .p12 as text", "private key", "-----BEGIN PKCS12-----\n" + base64.StdEncoding.EncodeToString(p12) + "\n-----END PKCS12-----\n"},
	} {
		a := b.upload("/portal/organisation/key", "file", "rui.cer", c.content, "contact", contacts[0].UID)
		if a.status != http.StatusUnprocessableEntity || !strings.Contains(strings.ToLower(a.body), c.says) {
			t.Errorf("%s: %d", c.name, a.status)
		}
	}
	if keys, err := h.country.AllKeys(t.Context(), h.DB, contacts[0].ID); err != nil || len(keys) != 0 {
		t.Fatalf("%d keys are kept, %v", len(keys), err)
	}
	if a := b.post("/portal/organisation/key", "contact", contacts[0].UID, "armour", foreign+mine); a.location != "/portal/organisation?done=offered" {
		t.Fatalf("offer: %d\n%s", a.status, a.body)
	}
	if a := b.upload("/portal/organisation/key", "file", "rui.cer", string(block.Bytes), "contact", contacts[0].UID); a.location != "/portal/organisation?done=offered" { // once more, in DER
		t.Fatalf("offer: %d\n%s", a.status, a.body)
	}
	keys, err := h.country.AllKeys(t.Context(), h.DB, contacts[0].ID)
	h.must(err)
	if len(keys) != 1 || !keys[0].SMIME() || keys[0].State != constituency.Offered || !keys[0].ExpiresAt.Equal(cert.NotAfter) {
		t.Errorf("stored %+v", keys)
	}
	h.has(b.get("/portal/organisation"), "Waits for approval", "S/MIME certificate")
}

// A report reads concluded only when its reporter owes nothing more (ui.md 6.2).
func TestNeverConcludedWhileAStageIsOwed(t *testing.T) {
	t.Parallel()
	h := open(t)
	rui := h.Constituent(77, "Rui Tavares", h.aguas.Ref.ID)
	got, err := h.reports.Receive(t.Context(), rui, intake.ReceiveInput{
		Channel: correspondence.ByPortal, TLP: "AMBER", AwareAt: h.Clock.Now(), Proof: correspondence.SignedIn,
		Body: intake.Body{Summary: "Early warning", Fields: map[string]string{"law": "NIS2", "stage": "early_warning"}},
	})
	h.must(err)
	_, err = h.reports.Reject(t.Context(), h.ana, got.Report.UID, "no_incident", "", 0)
	h.must(err)
	b := h.browser()
	b.signIn("rui.tavares@aguasdovale.example")
	a := b.get("/portal/reports/" + got.Report.UID)
	h.has(a, "You owe: Incident notification")
	if strings.Contains(a.body, `<span>Concluded</span>`) {
		t.Error("a report whose notification is owed reads concluded")
	}
	h.has(b.get("/portal/"), "You owe: Incident notification")
	owed, err := h.reports.Obligations(t.Context(), h.DB, h.ana, got.Report.Ref.ID)
	h.must(err)
	for _, o := range owed[got.Report.Ref.ID] { // and what is owed is taken
		at := "/portal/stages/" + o.UID
		h.has(b.get(at), at+"/file?stage=notification")
		if a := b.post(at+"/file", "stage", "notification", "act", "send", "q-status", "It spreads"); a.location != at+"?done=reported" {
			t.Errorf("owed, and refused: %d\n%s", a.status, a.body)
		}
	}
	if len(owed[got.Report.Ref.ID]) == 0 {
		t.Error("nothing is owed")
	}
}
