package mailroom

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/mailtest"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp/keyd"
	"github.com/tocsin-csirt/tocsin/internal/kit/smime"
)

// holder is somebody with a certificate of an authority.
type holder struct {
	agent *keyd.InProcess
	cert  smime.Certificate
	pem   []byte // certificate and key
}

// authority issues certificates for the time of the house.
type authority struct {
	h    *house
	root *x509.Certificate
	key  *ecdsa.PrivateKey
	n    int64
}

func newAuthority(h *house) *authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(h.T, err)
	a := &authority{h: h, key: key}
	a.root = a.issue("Authority", key, "")
	return a
}

func (a *authority) issue(name string, key *ecdsa.PrivateKey, address string) *x509.Certificate {
	a.n++
	now := a.h.Clock.Now()
	c := &x509.Certificate{SerialNumber: big.NewInt(a.n), Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(90 * 24 * time.Hour), BasicConstraintsValid: true}
	if issuer := a.root; issuer == nil {
		c.IsCA, c.KeyUsage, a.root = true, x509.KeyUsageCertSign, c
	} else {
		c.EmailAddresses, c.ExtKeyUsage = []string{address}, []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}
		c.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageKeyAgreement
	}
	der, err := x509.CreateCertificate(rand.Reader, c, a.root, &key.PublicKey, a.key)
	must(a.h.T, err)
	x, err := x509.ParseCertificate(der)
	must(a.h.T, err)
	return x
}

func (a *authority) holder(name, address string) holder {
	h := a.h
	h.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(h.T, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	must(h.T, err)
	p := holder{pem: append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.issue(name, key, address).Raw}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})...)}
	id, err := keyd.ImportIdentity(p.pem, nil)
	must(h.T, err)
	p.cert = id.Certificate()
	secret, err := keyd.Generate(name, []string{address}, h.Clock.Now())
	must(h.T, err)
	ring, err := keyd.NewRing(secret)
	must(h.T, err)
	ring, err = ring.WithIdentities(id)
	must(h.T, err)
	p.agent = keyd.NewInProcess(ring, keyd.Options{Clock: h.Clock})
	return p
}

// trust names the authority to the house.
func (a *authority) trust() {
	path := filepath.Join(a.h.TempDir(), "trust.pem")
	must(a.h.T, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.root.Raw}), 0o600))
	f, err := smime.OpenTrust(path)
	must(a.h.T, err)
	a.h.room.Authorities = f
}

func (h *house) certified(p holder, from, subject, body string) string {
	h.Helper()
	raw, _, err := smime.SignMIME(h.ctx, entity(body), p.agent)
	must(h.T, err)
	return h.head(from, subject) + string(raw)
}

func (h *house) bySubject(subject string) (intake.Report, correspondence.Message) {
	h.Helper()
	for _, l := range h.reports() {
		if l.Body.Summary == subject {
			return l.Report, h.messages(l.Thread, h.ana)[0]
		}
	}
	h.Fatalf("%s is lost", subject)
	return intake.Report{}, correspondence.Message{}
}

// A certificate proves nothing until a person approves it for its contact; one of an authority that the house named proves the address, no more. When it is approved, what
// it signed before is checked again.
func TestSMIMESignatures(t *testing.T) {
	engines(t, func(h *house) {
		h.room.Constituency.Jobs = h.Jobs
		const rui = "rui@hospital.example"
		a := newAuthority(h)
		own := a.holder("Rui Tavares", rui)
		eve := a.holder("Eve", "eve@other.example")
		h.mail("x@nowhere.example", "report@cert.example", h.certified(own, rui, "unknown", "The gateway at 192.0.2.77."))
		h.mail("x@nowhere.example", "report@cert.example", strings.Replace(h.certified(own, rui, "changed", "pay 10"), "pay 10", "pay 99", 1))
		h.mail("x@nowhere.example", "report@cert.example", h.certified(eve, rui, "of another", "ten"))
		h.sort()
		for subject, why := range map[string]string{"unknown": "unknown_key", "changed": "bad", "of another": "other_address"} {
			r, m := h.bySubject(subject)
			if m.Seal != correspondence.Signed || m.Body.Signature != nil || r.Proof.Proved() || r.Receipt != intake.ReceiptHeld || !slices.Contains(m.Body.Reasons, "desk.signature."+why) {
				t.Errorf("%s: %s, proof %d, %v", subject, m.Seal, r.Proof, m.Body.Reasons)
			}
			if len(m.Body.Files) > 0 || subject == "unknown" && !strings.Contains(m.Body.Text, "192.0.2.77") {
				t.Errorf("%s reads %q with %d files", subject, m.Body.Text, len(m.Body.Files))
			}
		}
		if all, _ := h.room.Constituency.AllKeys(h.ctx, h.DB, h.rui.ID); len(all) != 0 {
			t.Errorf("offered without proof: %d", len(all))
		}
		a.trust()
		h.mail("x@nowhere.example", "report@cert.example", h.certified(own, rui, "chained", "ten"))
		h.mail("x@nowhere.example", "report@cert.example", h.certified(eve, rui, "chained to another", "ten"))
		h.sort()
		r, m := h.bySubject("chained")
		if r.Proof != correspondence.Aligned || m.Body.Signature != nil || !slices.Contains(m.Body.Reasons, "desk.signature.chained") {
			t.Errorf("of a trusted authority: proof %d, %v", r.Proof, m.Body.Reasons)
		}
		if r, _ := h.bySubject("chained to another"); r.Proof.Proved() {
			t.Errorf("in another's name: proof %d", r.Proof)
		}
		all, err := h.room.Constituency.AllKeys(h.ctx, h.DB, h.rui.ID)
		if err != nil || len(all) != 1 || !all[0].SMIME() || all[0].Fingerprint != own.cert.Fingerprint() || !all[0].ApprovedAt.IsZero() || !all[0].ExpiresAt.Equal(own.cert.Ends()) {
			t.Fatalf("offered %+v, %v", all, err)
		}
		h.ana = h.Person(1, "Ana", access.Analyst)
		_, err = h.room.Constituency.ApproveKey(h.ctx, h.ana, all[0].UID, "fingerprint read on the telephone")
		must(h.T, err)
		h.verify()
		for subject, want := range map[string]correspondence.Proof{"unknown": correspondence.SignedByKey, "chained": correspondence.SignedByKey, "changed": correspondence.Forged} {
			if _, m := h.bySubject(subject); m.Body.Again == nil || m.Body.Again.Proof != want || m.Body.Again.Key != own.cert.Fingerprint() {
				t.Errorf("%s, again: %+v", subject, m.Body.Again)
			}
		}
		h.mail("x@nowhere.example", "report@cert.example", h.certified(own, rui, "known", "ten"))
		h.sort()
		if r, m := h.bySubject("known"); r.Proof != correspondence.SignedByKey || m.Body.Signature == nil || m.Body.Signature.Key != own.cert.Fingerprint() || r.Contact != h.rui.ID {
			t.Errorf("known: proof %d, %+v", r.Proof, m.Body.Signature)
		}
	})
}

// What is encrypted to the house's certificate is opened by the key process: signed inside it proves, without anything that protects it it is kept apart from everything
// that reads mail, and for another's certificate it stays closed.
func TestSMIMEForUs(t *testing.T) {
	engines(t, func(h *house) {
		const rui = "rui@hospital.example"
		a := newAuthority(h)
		us, own := a.holder("CERT", "report@cert.example"), a.holder("Rui Tavares", rui)
		h.room.SMIME = us.agent
		must(h.T, h.room.Constituency.OfferKey(h.ctx, h.ana, h.rui.UID, own.cert.Raw(), own.cert.Fingerprint(), own.cert.Ends(), "hand"))
		all, err := h.room.Constituency.AllKeys(h.ctx, h.DB, h.rui.ID)
		must(h.T, err)
		_, err = h.room.Constituency.ApproveKey(h.ctx, h.ana, all[0].UID, "fingerprint read on the telephone")
		must(h.T, err)
		send := func(subject string, raw []byte) {
			h.mail("x@nowhere.example", "report@cert.example", h.head(rui, subject)+string(raw))
		}
		whole, err := smime.SignAndEncryptMIME(h.ctx, entity("Two servers at 192.0.2.77."), own.agent, us.cert, h.Clock.Now())
		must(h.T, err)
		send("whole", whole)
		dir := h.TempDir()
		must(h.T, os.WriteFile(filepath.Join(dir, "us.pem"), us.pem, 0o600))
		must(h.T, os.WriteFile(filepath.Join(dir, "own.pem"), own.pem, 0o600))
		encrypt := func(text string, args ...string) []byte {
			cmd := exec.Command(mailtest.Need(h.T, "openssl"), append([]string{"cms", "-encrypt", "-binary"}, args...)...)
			cmd.Dir, cmd.Stdin = dir, strings.NewReader(text)
			out, err := cmd.Output()
			must(h.T, err)
			return bytes.TrimPrefix(out, []byte("MIME-Version: 1.0\n"))
		}
		const html = "Content-Type: text/html\r\n\r\n<p>loose words</p><img src=\"http://eve.example/\r\n\">"
		send("loose", encrypt(html, "-aes256", "-recip", "us.pem"))
		send("bound", encrypt("Content-Type: text/plain\r\n\r\nbound words\r\n", "-aes-256-gcm", "-recip", "us.pem"))
		send("for another", encrypt("Content-Type: text/plain\r\n\r\nwords\r\n", "-aes-256-gcm", "-recip", "own.pem"))
		h.sort()
		for subject, want := range map[string]struct {
			seal         correspondence.Seal
			text, closed string
			loose        bool
			proof        correspondence.Proof
		}{
			"whole":       {correspondence.SignedEncrypted, "Two servers at 192.0.2.77.", "", false, correspondence.SignedByKey},
			"loose":       {correspondence.Encrypted, "", "desk.unreadable.unprotected", true, 0},
			"bound":       {correspondence.Encrypted, "bound words", "", false, 0},
			"for another": {correspondence.Encrypted, "", "desk.unreadable.smime", false, 0},
		} {
			r, m := h.bySubject(subject)
			if m.Seal != want.seal || strings.TrimSpace(m.Body.Text) != want.text || m.Body.Unreadable != want.closed || strings.Contains(m.Body.Unprotected, "loose words") != want.loose || want.proof != 0 && m.Proof != want.proof {
				t.Errorf("%s: %s %q %q %q, proof %d, %v", subject, m.Seal, m.Body.Text, m.Body.Unreadable, m.Body.Unprotected, m.Proof, m.Body.Reasons)
			}
			if !h.thread(r.Thread).Encrypted || strings.Contains(r.Body.Description, "loose") || len(m.Body.Files) > 0 {
				t.Errorf("%s: not kept apart", subject)
			}
		}
	})
}

// Who is known by a certificate alone gets letters encrypted to it and signed by ours, as soon as the house has one; before that nothing but a notice.
func TestSMIMEAnswers(t *testing.T) {
	engines(t, func(h *house) {
		const rui = "rui@hospital.example"
		a := newAuthority(h)
		us, own := a.holder("CERT", "report@cert.example"), a.holder("Rui Tavares", rui)
		must(h.T, h.room.Constituency.OfferKey(h.ctx, h.ana, h.rui.UID, own.cert.Raw(), own.cert.Fingerprint(), own.cert.Ends(), "hand"))
		all, err := h.room.Constituency.AllKeys(h.ctx, h.DB, h.rui.ID)
		must(h.T, err)
		_, err = h.room.Constituency.ApproveKey(h.ctx, h.ana, all[0].UID, "fingerprint read on the telephone")
		must(h.T, err)
		cor := h.room.Correspondence
		h.mail("x@nowhere.example", "report@cert.example", h.certified(own, rui, "signed", "Two servers are encrypted."))
		h.sort()
		road := func() egress.Road {
			p, err := cor.Preview(h.ctx, h.DB, h.thread(h.one().Thread), correspondence.Outgoing{Text: "We look into it.", TLP: tlp.AmberStrict})
			must(h.T, err)
			return p.Road.Road
		}
		if got := road(); got != egress.Notice {
			t.Errorf("without a certificate of ours AMBER goes %s", got)
		}
		h.room.SMIME = us.agent
		cor.Postman.SMIME(us.agent)
		cor.Certified(us.cert.Ends())
		if got := road(); got != egress.Encrypted {
			t.Errorf("with a certificate of ours AMBER goes %s", got)
		}
		h.room.Work(h.Registry)
		cor.Work(h.Registry)
		h.Work(h.T)
		h.until("the receipt", func() bool { return len(h.left()) == 1 })
		raw := h.left()[0]
		if !strings.Contains(raw, "smime-type=enveloped-data") || strings.Contains(raw, "signed") {
			t.Errorf("it leaves as\n%.600s", raw)
		}
		m := mail.Parse([]byte(raw))
		got, err := smime.Open(h.ctx, smime.Input{Message: m, Approved: []smime.Certificate{us.cert}, From: "report@cert.example", Agent: own.agent, Now: h.Clock.Now()})
		must(h.T, err)
		if got.Good() == nil || got.State != pgp.SignedEncrypted || !strings.Contains(string(got.Plain), h.one().Reference) || len(got.Headers["Subject"]) != 1 {
			t.Errorf("its reader opens %s, %s, %+v\n%s", got.State, got.Reason, got.Signatures, got.Plain)
		}
		cor.Certified(h.Clock.Now().Add(-time.Hour))
		if got := road(); got != egress.Notice {
			t.Errorf("when our certificate has ended AMBER goes %s", got)
		}
	})
}

// A mail that claims to be S/MIME and is damaged is kept, said to be so, and proves nothing; text around a signed part is not mixed with it (P1).
func TestSMIMEDamaged(t *testing.T) {
	engines(t, func(h *house) {
		a := newAuthority(h)
		own := a.holder("Rui Tavares", "rui@hospital.example")
		raw := h.certified(own, "rui@hospital.example", "broken signature", "words")
		at := strings.LastIndex(raw, "base64")
		at += strings.Index(raw[at:], "\r\n\r\n") + 4
		h.mail("x@nowhere.example", "report@cert.example", raw[:at]+"AAAA"+raw[at+4:])
		der := base64.StdEncoding.EncodeToString([]byte("\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0"))
		h.mail("x@nowhere.example", "report@cert.example", h.head("rui@hospital.example", "cut off")+"Content-Type: application/pkcs7-mime; smime-type=signed-data\nContent-Transfer-Encoding: base64\n\n"+der+"\n")
		inner := strings.TrimPrefix(h.certified(own, "x@y.example", "z", "words"), h.head("x@y.example", "z"))
		h.mail("x@nowhere.example", "report@cert.example", h.head("rui@hospital.example", "words around")+"Content-Type: multipart/mixed; boundary=zz\n\n--zz\nContent-Type: text/html\n\n<img src=\"http://eve.example/\n--zz\n"+inner+"\n--zz\nContent-Type: text/html\n\n\">\n--zz--\n")
		h.sort()
		for subject, want := range map[string]struct {
			seal   correspondence.Seal
			closed string
			odd    bool
		}{
			"broken signature": {correspondence.Signed, "", true}, "cut off": {correspondence.Signed, "desk.unreadable.smime_damaged", false}, "words around": {correspondence.Plain, "", false},
		} {
			r, m := h.bySubject(subject)
			if r.Proof.Proved() || m.Body.Signature != nil || m.Seal != want.seal || m.Body.Unreadable != want.closed || slices.Contains(m.Body.Oddities, "desk.odd.smime_damaged") != want.odd {
				t.Errorf("%s: %s %q %v", subject, m.Seal, m.Body.Unreadable, m.Body.Oddities)
			}
		}
	})
}
