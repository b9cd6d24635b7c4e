package app

import (
	"html"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/mailtest"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
)

// sequoia is somebody outside with Sequoia's sq.
type sequoia struct {
	t    testing.TB
	prog string
	home string
}

func newSequoia(t testing.TB) sequoia {
	t.Helper()
	return sequoia{t, mailtest.Need(t, "sq"), t.TempDir()}
}

func (s sequoia) run(in string, args ...string) string {
	s.t.Helper()
	cmd := exec.Command(s.prog, args...)
	cmd.Stdin, cmd.Dir = strings.NewReader(in), s.home
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("sq %s: %v\n%s", strings.Join(args, " "), err, said.String())
	}
	return string(out)
}

func (s sequoia) file(name, text string) string {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.home, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return name
}

// key makes a key in the file "key" and gives its certificate.
func (s sequoia) key(address string) []byte {
	s.t.Helper()
	s.run("", "key", "generate", "--userid", "<"+address+">", "--export", "key")
	return []byte(s.run("", "key", "extract-cert", "key"))
}

func pgpMIME(armoured string) string {
	return crlf("MIME-Version: 1.0\nContent-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=\"xx\"\n\n" +
		"--xx\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n\n--xx\nContent-Type: application/octet-stream\n\n" + armoured + "\n--xx--\n")
}

func pgpSigned(entity, signature string) string {
	return crlf("MIME-Version: 1.0\nContent-Type: multipart/signed; protocol=\"application/pgp-signature\"; micalg=pgp-sha512; boundary=\"yy\"\n\n--yy\n" +
		entity + "\n--yy\nContent-Type: application/pgp-signature; name=signature.asc\n\n" + signature + "\n--yy--\n")
}

func inline(text string) string {
	return crlf("MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n" + text)
}

// TestOpenPGPAsItComes names each form in which OpenPGP mail comes, made by GnuPG and by Sequoia, and what the house makes of it over SMTP: PGP/MIME and
// inline, signed, opaque, encrypted, both, to several keys, to hidden ones, to a key that is not ours, by an unknown, a revoked and a since expired key,
// with the key attached.
func TestOpenPGPAsItComes(t *testing.T) {
	h := newHouse(t, "sqlite")
	g, s := newGnuPG(t), newSequoia(t)
	const rui, lena, eve, old, gone, zoe = "rui@hospital.example", "lena@water.example", "eve@away.example", "old@hospital.example", "gone@hospital.example", "zoe@hospital.example"
	g.run(string(h.team.Armored()), "--import")
	s.file("team", string(h.team.Armored()))
	org, _ := h.organisation("Hospital", "en", "Rui Tavares", rui, g.key(rui))
	h.organisation("Water works", "en", "Lena Roth", lena, s.key(lena))
	g.key(eve)
	contactOf := func(address string, certificate []byte) {
		t.Helper()
		keys, _ := pgp.ParseKeys(certificate)
		c, err := h.Constituency.AddContact(t.Context(), sample(), org.UID, constituency.NewContact{Name: "Somebody", Email: address, Lang: "en"})
		h.must(err)
		if len(keys) != 1 {
			return
		}
		h.must(h.Constituency.OfferKey(t.Context(), sample(), c.UID, keys[0].Binary(), keys[0].Fingerprint(), time.Time{}, "hand"))
		all, err := h.Constituency.AllKeys(t.Context(), h.DB, c.ID)
		h.must(err)
		_, err = h.Constituency.ApproveKey(t.Context(), sample(), all[0].UID, "fingerprint read on the telephone")
		h.must(err)
	}
	ago := func(d time.Duration) []string {
		return []string{"--faked-system-time", time.Now().UTC().Add(-d).Format("20060102T150405") + "!"}
	}

	entity := crlf("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nThe gateway at 192.0.2.77 é.\n")
	const text = "The gateway at 192.0.2.77 é.\n"
	gpg := func(in string, args ...string) string { t.Helper(); out, _ := g.run(in, args...); return out }
	by := func(who string, args ...string) []string {
		return append([]string{"--armor", "--local-user", who}, args...)
	}
	s.file("entity", entity)
	s.file("text", text)
	detached := gpg(entity, by(rui, "--detach-sign")...)

	// A key that its owner revoked after it signed, and one that ended since.
	revokedKey := g.key(gone)
	revokedSignature := gpg(entity, by(gone, "--detach-sign")...)
	keys, _ := pgp.ParseKeys(revokedKey)
	rev, err := os.ReadFile(filepath.Join(g.home, "openpgp-revocs.d", keys[0].Fingerprint()+".rev"))
	h.must(err)
	g.run(strings.Replace(string(rev), ":-----BEGIN", "-----BEGIN", 1), "--import")
	contactOf(gone, []byte(gpg("", "--export", gone)))
	g.run("", append(ago(72*time.Hour), "--quick-gen-key", old, "ed25519", "sign,cert", "2d")...)
	contactOf(old, []byte(gpg("", "--export", old)))
	oldSignature := gpg(entity, append(ago(60*time.Hour), by(old, "--detach-sign")...)...)
	contactOf(zoe, nil)
	g.key(zoe)

	const (
		known   = correspondence.SignedByKey
		claimed = correspondence.Claimed
	)
	type form struct {
		name, from, body string
		proof            correspondence.Proof
		seal             correspondence.Seal
		closed           string
		dated            time.Duration // before now
	}
	type mail struct{ from, raw string }
	cases := map[string]form{}
	var sent []mail
	for _, c := range []form{
		{name: "gpg PGP/MIME signed", from: rui, body: pgpSigned(entity, detached), proof: known, seal: correspondence.Signed},
		{name: "gpg PGP/MIME encrypted", from: rui, body: pgpMIME(gpg(entity, by(rui, "--encrypt", "-r", teamAddress)...)), proof: correspondence.Aligned, seal: correspondence.Encrypted},
		{name: "gpg PGP/MIME both", from: rui, body: pgpMIME(gpg(entity, by(rui, "--sign", "--encrypt", "-r", teamAddress)...)), proof: known, seal: correspondence.SignedEncrypted},
		{name: "gpg several keys", from: rui, body: pgpMIME(gpg(entity, by(rui, "--sign", "--encrypt", "-r", eve, "-r", rui, "-r", teamAddress)...)), proof: known, seal: correspondence.SignedEncrypted},
		{name: "gpg hidden key ids", from: rui, body: pgpMIME(gpg(entity, by(rui, "--sign", "--encrypt", "--throw-keyids", "-r", rui, "-r", teamAddress)...)), proof: known, seal: correspondence.SignedEncrypted},
		{name: "gpg inline signed", from: rui, body: inline(gpg(text, by(rui, "--clear-sign")...)), proof: known, seal: correspondence.Signed},
		{name: "gpg inline both", from: rui, body: inline(gpg(text, by(rui, "--sign", "--encrypt", "-r", teamAddress)...)), proof: known, seal: correspondence.SignedEncrypted},
		{name: "gpg opaque", from: rui, body: inline(gpg(text, by(rui, "--sign")...)), proof: known, seal: correspondence.Signed},
		{name: "gpg not encrypted though it says so", from: rui, body: pgpMIME(gpg(entity, by(rui, "--sign")...)), proof: correspondence.Aligned, seal: correspondence.Encrypted, closed: "desk.unreadable.malformed"},
		{name: "gpg unknown key", from: eve, body: pgpSigned(entity, gpg(entity, by(eve, "--detach-sign")...)), proof: claimed, seal: correspondence.Signed},
		{name: "gpg not to us", from: rui, body: pgpMIME(gpg(entity, by(rui, "--encrypt", "-r", eve)...)), proof: correspondence.Aligned, seal: correspondence.Encrypted, closed: "desk.unreadable.not_for_us"},
		{name: "gpg hidden and not to us", from: rui, body: pgpMIME(gpg(entity, by(rui, "--encrypt", "--throw-keyids", "-r", eve)...)), proof: correspondence.Aligned, seal: correspondence.Encrypted, closed: "desk.unreadable.not_for_us"},
		{name: "gpg changed on its way", from: rui, body: strings.Replace(pgpSigned(entity, detached), "192.0.2.77", "192.0.2.99", 1), proof: correspondence.Forged, seal: correspondence.Signed},
		{name: "gpg revoked key", from: gone, body: pgpSigned(entity, revokedSignature), proof: correspondence.Aligned, seal: correspondence.Signed},
		{name: "gpg expired since", from: old, body: pgpSigned(entity, oldSignature), proof: known, seal: correspondence.Signed, dated: 60 * time.Hour},
		{name: "sq PGP/MIME signed", from: lena, body: pgpSigned(entity, s.run("", "sign", "--detached", "--signer-key", "key", "entity")), proof: known, seal: correspondence.Signed},
		{name: "sq PGP/MIME encrypted", from: lena, body: pgpMIME(s.run("", "encrypt", "--recipient-cert", "team", "entity")), proof: correspondence.Aligned, seal: correspondence.Encrypted},
		{name: "sq PGP/MIME both", from: lena, body: pgpMIME(s.run("", "encrypt", "--recipient-cert", "team", "--signer-key", "key", "entity")), proof: known, seal: correspondence.SignedEncrypted},
		{name: "sq inline signed", from: lena, body: inline(s.run("", "sign", "--cleartext-signature", "--signer-key", "key", "text")), proof: known, seal: correspondence.Signed},
		{name: "sq opaque", from: lena, body: inline(s.run("", "sign", "--signer-key", "key", "text")), proof: known, seal: correspondence.Signed},
		{name: "gpg key attached", from: zoe, proof: correspondence.Aligned, seal: correspondence.Plain, body: crlf("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"zz\"\n\n--zz\nContent-Type: text/plain; charset=utf-8\n\n" + text +
			"\n--zz\nContent-Type: application/pgp-keys\n\n" + gpg("", "--armor", "--export", zoe) + "\n--zz--\n")},
	} {
		raw := head(c.from, teamAddress, c.name) + c.body
		if c.dated != 0 {
			raw = strings.Replace(raw, "Date: "+rfc5322Now()[:11], "Date: "+time.Now().Add(-c.dated).Format(time.RFC1123Z)[:11], 1)
		}
		cases[c.name] = c
		sent = append(sent, mail{c.from, raw})
	}
	h.serve()
	for _, m := range sent {
		h.mail(m.from, teamAddress, m.raw)
	}
	got := map[string]intake.Report{}
	h.eventually("all mails", func() bool {
		list, err := h.Intake.List(t.Context(), sample(), intake.QueueFilter{Limit: 100})
		h.must(err)
		for _, r := range list.Items {
			got[r.Body.Summary] = r
		}
		return len(got) >= len(cases)
	})
	for name, c := range cases {
		r := got[name]
		all, err := h.Correspondence.Messages(t.Context(), h.DB, sample(), r.Thread)
		h.must(err)
		if len(all) == 0 {
			t.Errorf("%s is lost", name)
			continue
		}
		m := all[0]
		read := strings.Contains(m.Body.Text, "192.0.2.") && strings.Contains(r.Body.Description, "é.")
		if r.Proof != c.proof || m.Seal != c.seal || m.Body.Unreadable != c.closed || read != (c.closed == "") {
			t.Errorf("%s: proof %v, want %v; seal %s, want %s; %q, want %q; read: %v; %v", name, r.Proof, c.proof, m.Seal, c.seal, m.Body.Unreadable, c.closed, read, m.Body.Reasons)
		}
		if (m.Body.Signature != nil) != (c.proof == known) {
			t.Errorf("%s: the signature that proves is %+v", name, m.Body.Signature)
		}
	}
	// The attached key waits for a person; nothing trusts it meanwhile.
	c, err := h.Constituency.ContactByEmail(t.Context(), h.DB, zoe)
	h.must(err)
	offered, err := h.Constituency.AllKeys(t.Context(), h.DB, c.ID)
	h.must(err)
	trusted, _, err := keysOf(h, zoe)
	if err != nil || len(offered) != 1 || offered[0].Source != "attached" || trusted != 0 {
		t.Errorf("the attached key: %+v, %d trusted, %v", offered, trusted, err)
	}
}

func keysOf(h *house, address string) (int, constituency.Contact, error) {
	c, keys, err := h.Constituency.KeysForEmail(h.t.Context(), h.DB, address)
	return len(keys), c, err
}

// TestTheSubjectOutsideTheSeal sends mails whose sealed subject is another than the one outside (RFC 9788): people read the sealed one as the subject
// and are told of the other, and nothing of a placeholder. A translation that is refused is given back, with the way to where it was typed.
func TestTheSubjectOutsideTheSeal(t *testing.T) {
	h := newHouse(t, "sqlite")
	g := newGnuPG(t)
	const rui = "rui@hospital.example"
	g.run(string(h.team.Armored()), "--import")
	h.organisation("Hospital", "en", "Rui Tavares", rui, g.key(rui))
	h.serve()
	ana := h.person(access.Analyst, "ana@cert.example", "")
	const said = "Outside the seal the subject is"
	for outer, inner := range map[string]string{"Lunch <b>on us</b>": "The gateway was taken", "[...]": "The second gateway was taken"} {
		entity := crlf("Content-Type: text/plain; charset=utf-8; hp=\"cipher\"\nSubject: " + inner + "\n\nSince this morning our servers are under attack and we have no idea what to do with this.\n")
		sealed, _ := g.run(entity, "--armor", "--local-user", rui, "--sign", "--encrypt", "-r", teamAddress)
		h.mail(rui, teamAddress, head(rui, teamAddress, outer)+pgpMIME(sealed))
		var r intake.Report
		h.eventually("the mail", func() bool {
			list, err := h.Intake.List(t.Context(), sample(), intake.QueueFilter{Limit: 5})
			h.must(err)
			for _, x := range list.Items {
				if r = x; r.Body.Summary == inner {
					return true
				}
			}
			return false
		})
		at := "/desk/triage?report=" + r.UID
		page := ana.page(at)
		told := strings.Contains(page, said+" “"+html.EscapeString(outer)+"”") && strings.Contains(page, "The subject")
		if outer == "[...]" && strings.Contains(page, said) || outer != "[...]" && !told || !strings.Contains(page, inner) {
			t.Errorf("%q outside of %q: %s", outer, inner, page)
		}
		all, err := h.Correspondence.Messages(t.Context(), h.DB, sample(), r.Thread)
		h.must(err)
		a := ana.send("/desk/messages/"+all[0].UID+"/translate", values("lang", "xx", "back", at, "text", "Sinds vanochtend <i>werkt</i> niets."))
		if a.Status != http.StatusUnprocessableEntity || !strings.Contains(a.Body, "Sinds vanochtend &lt;i&gt;werkt&lt;/i&gt; niets.") || !strings.Contains(a.Body, `href="`+at+`"`) {
			t.Errorf("a translation without a language: %d %s", a.Status, plain(a.Body))
		}
		a = ana.send("/desk/messages/"+all[0].UID+"/translate", values("lang", "xx", "back", "//evil.example/desk/", "text", "Sinds vanochtend"))
		if a.Status != http.StatusUnprocessableEntity || strings.Contains(a.Body, "evil.example") {
			t.Errorf("led away: %d %s", a.Status, plain(a.Body))
		}
	}
}
