package smime_test

import (
	"bytes"
	"context"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/smime"
)

// TestSignaturesOfOthers is what OpenSSL signs, in every form that it has, against a certificate that a person approved.
func TestSignaturesOfOthers(t *testing.T) {
	w := newWorld(t)
	people := map[string]party{
		"RSA": w.person("rsa", 0, nil), "P-256": w.person("p256", elliptic.P256(), nil), "P-384": w.person("p384", elliptic.P384(), nil),
	}
	for algorithm, p := range people {
		for name, c := range map[string]struct {
			args []string
			want pgp.Status
		}{
			"detached":                 {nil, pgp.Good},
			"in one piece":             {[]string{"-nodetach"}, pgp.Good},
			"in pieces":                {[]string{"-nodetach", "-stream"}, pgp.Good},
			"SHA-512":                  {[]string{"-md", "sha512"}, pgp.Good},
			"by key identifier":        {[]string{"-keyid"}, pgp.Good},
			"without its certificate":  {[]string{"-nocerts"}, pgp.Good},
			"SHA-1":                    {[]string{"-md", "sha1"}, pgp.WeakKey},
			"nothing signed beside":    {[]string{"-noattr"}, pgp.TimeOff},
			"in one piece, and beside": {[]string{"-nodetach", "-noattr"}, pgp.TimeOff},
		} {
			if algorithm == "P-384" && name != "detached" && name != "SHA-512" {
				continue
			}
			r := w.open(w.signed(p, c.args...), func(in *smime.Input) { in.Approved = []smime.Certificate{p.cert} })
			if r.State != pgp.Signed || len(r.Signatures) != 1 || r.Signatures[0].Status != c.want || !strings.Contains(string(r.Plain), "192.0.2.77") {
				t.Errorf("%s, %s: %s, %+v, %q", algorithm, name, r.State, r.Signatures, r.Plain)
				continue
			}
			if s := r.Signatures[0]; c.want == pgp.Good && (s.Key != p.cert.Fingerprint() || s.Fingerprint != s.Key || time.Since(s.Time) > time.Hour) {
				t.Errorf("%s, %s: %+v", algorithm, name, s)
			}
		}
	}
	r := w.open(w.signed(people["RSA"], "-keyopt", "rsa_padding_mode:pss"), func(in *smime.Input) { in.Approved = []smime.Certificate{people["RSA"].cert} })
	if r.Good() == nil {
		t.Errorf("PSS: %+v", r.Signatures)
	}
	old := w.openssl(entity, "smime", "-sign", "-binary", "-signer", "rsa.pem", "-inkey", "rsa.pem")
	if r := w.open(old, func(in *smime.Input) { in.Approved = []smime.Certificate{people["RSA"].cert} }); r.Good() == nil {
		t.Errorf("PKCS #7: %+v", r.Signatures)
	}
	two := w.openssl(entity, "cms", "-sign", "-binary", "-signer", "rsa.pem", "-inkey", "rsa.pem", "-signer", "p256.pem", "-inkey", "p256.pem")
	if r := w.open(two, func(in *smime.Input) { in.Approved = []smime.Certificate{people["P-256"].cert} }); len(r.Signatures) != 2 || r.Good() == nil || r.Good().Key != people["P-256"].cert.Fingerprint() {
		t.Errorf("two signers: %+v", r.Signatures)
	}
}

// TestWhatASignatureIsWorth tells in one word why one does not prove: approval by a person counts, an authority that the house named is told, the roots of the
// system are nobody's.
func TestWhatASignatureIsWorth(t *testing.T) {
	w := newWorld(t)
	whole := w.person("whole", 0, nil)
	curve := elliptic.P256()
	expired := w.person("expired", curve, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) })
	other := w.person("other", curve, func(c *x509.Certificate) { c.EmailAddresses = []string{"eve@hospital.example"} })
	server := w.person("server", curve, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} })
	sealing := w.person("sealing", curve, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyAgreement })
	stranger := newWorld(t).person("stranger", curve, nil)
	must(t, os.WriteFile(filepath.Join(w.dir, "stranger.pem"), stranger.pem(t), 0o600))
	approve := func(p party) func(*smime.Input) {
		return func(in *smime.Input) { in.Approved = append(in.Approved, p.cert) }
	}
	house := func(in *smime.Input) { in.Trust = w.trust() }
	revoke := func(p party, reason int, at time.Time) func(*smime.Input) {
		return func(in *smime.Input) {
			in.Trust = w.trust(x509.RevocationListEntry{SerialNumber: p.cert.X509().SerialNumber, RevocationTime: at, ReasonCode: reason})
		}
	}
	none := func(*smime.Input) {}
	now := time.Now()
	for _, c := range []struct {
		name string
		p    party
		in   func(*smime.Input)
		and  func(*smime.Input)
		want pgp.Status
	}{
		{"approved", whole, approve(whole), none, pgp.Good},
		{"approved, in another's name", other, approve(other), none, pgp.Good},
		{"another one approved", whole, approve(other), none, pgp.UnknownKey},
		{"nobody said anything", whole, none, none, pgp.UnknownKey},
		{"of an authority of ours", whole, house, none, smime.Chained},
		{"of an authority of ours, another's name", other, house, none, smime.OtherAddress},
		{"of a stranger's authority", stranger, house, none, pgp.UnknownKey},
		{"expired", expired, approve(expired), house, pgp.ExpiredKey},
		{"of a server", server, approve(server), house, pgp.UnfitKey},
		{"not for signing", sealing, approve(sealing), house, pgp.UnfitKey},
		{"revoked", whole, approve(whole), revoke(whole, 1, now.Add(time.Hour)), pgp.RevokedKey},
		{"superseded before", whole, approve(whole), revoke(whole, 4, now.Add(-time.Hour)), pgp.RevokedKey},
		{"superseded after", whole, approve(whole), revoke(whole, 4, now.Add(time.Hour)), pgp.Good},
		{"another one revoked", whole, approve(whole), revoke(other, 1, now), pgp.Good},
		{"sent again later", whole, approve(whole), func(in *smime.Input) { in.Date = now.Add(48 * time.Hour); in.Now = in.Date }, pgp.TimeOff},
	} {
		r := w.open(w.signed(c.p), c.in, c.and)
		if len(r.Signatures) != 1 || r.Signatures[0].Status != c.want {
			t.Errorf("%s: %+v, want %s", c.name, r.Signatures, c.want)
		}
	}
	changed := strings.Replace(w.signed(whole), "192.0.2.77", "192.0.2.78", 1)
	if r := w.open(changed, approve(whole)); len(r.Signatures) != 1 || r.Signatures[0].Status != pgp.Bad {
		t.Errorf("changed: %+v", r.Signatures)
	}
	if r := w.open(w.signed(whole), approve(whole)); len(r.Certificates) != 1 || r.Certificates[0].Fingerprint() != whole.cert.Fingerprint() {
		t.Errorf("the certificate that came: %v", r.Certificates)
	}
	if r := w.open(w.signed(other)); len(r.Certificates) != 0 {
		t.Error("a certificate in another's name is offered")
	}
}

// TestAttributesAreNoContent: the signed attributes of one message, given as the content of another, carry its signature. That is no mail.
func TestAttributesAreNoContent(t *testing.T) {
	w := newWorld(t)
	p := w.person("rsa", 0, nil)
	set := append([]byte{0x31, 0x03}, "abc"...)
	must(t, os.WriteFile(filepath.Join(w.dir, "set"), set, 0o600))
	der := w.openssl("", "cms", "-sign", "-binary", "-noattr", "-nodetach", "-in", "set", "-signer", "rsa.pem", "-inkey", "rsa.pem", "-outform", "DER")
	r := w.open(opaque(der), func(in *smime.Input) { in.Approved = []smime.Certificate{p.cert} })
	if len(r.Signatures) != 1 || r.Signatures[0].Status != pgp.Bad {
		t.Errorf("%+v", r.Signatures)
	}
}

func opaque(der string) string {
	return "MIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime; smime-type=signed-data\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64.StdEncoding.EncodeToString([]byte(der)) + "\r\n"
}

// TestMailForUs is what OpenSSL encrypts to us: what nothing protects against change is kept apart, with and without the signature that would.
func TestMailForUs(t *testing.T) {
	w := newWorld(t)
	person := w.person("rui", elliptic.P256(), nil)
	const signature = "signed inside"
	for name, c := range map[string]struct {
		kind any
		args []string
	}{
		"RSA": {1, nil}, "RSA, OAEP": {1, []string{"-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha256"}}, "RSA, OAEP with SHA-1": {1, []string{"-keyopt", "rsa_padding_mode:oaep"}},
		"RSA, by key identifier": {1, []string{"-keyid"}}, "P-256": {elliptic.P256(), nil}, "P-521": {elliptic.P521(), nil},
		"P-256, SHA-256": {elliptic.P256(), []string{"-keyopt", "ecdh_kdf_md:sha256"}}, "P-256, by key identifier": {elliptic.P256(), []string{"-keyid"}},
		"P-384, cofactor": {elliptic.P384(), []string{"-keyopt", "ecdh_cofactor_mode:1", "-keyopt", "ecdh_kdf_md:sha384"}},
	} {
		us := w.person("us", c.kind, nil)
		agent := func(in *smime.Input) { in.Agent, in.Approved = w.agent(us), []smime.Certificate{person.cert} }
		ciphers := []string{"-aes256", "-aes-256-gcm"}
		switch name {
		case "RSA":
			ciphers = []string{"-aes128", "-aes256", "-aes192", "-des3", "-aes-256-gcm", "-aes-128-gcm", signature}
		case "P-256":
			ciphers = []string{"-aes128", "-aes-256-gcm", signature}
		}
		for _, cipher := range ciphers {
			text := entity
			args := []string{"cms", "-encrypt", "-binary", cipher}
			if cipher == signature {
				args[3], text = "-aes128", w.signed(person)
			}
			raw := w.openssl(text, append(append(args, "-recip", "us.pem"), c.args...)...)
			r := w.open(raw, agent)
			gcm := strings.HasSuffix(cipher, "gcm")
			switch {
			case cipher == signature:
				if r.State != pgp.SignedEncrypted || r.Good() == nil || !strings.Contains(string(r.Plain), "192.0.2.77") || r.Recipient != us.cert.Fingerprint() {
					t.Errorf("%s, %s: %s %s %+v", name, cipher, r.State, r.Reason, r.Signatures)
				}
			case gcm && (r.State != pgp.Encrypted || string(r.Plain) != entity || r.Unprotected != nil):
				t.Errorf("%s, %s: %s %s %q", name, cipher, r.State, r.Reason, r.Plain)
			case !gcm && (r.State != pgp.Encrypted || r.Plain != nil || r.Reason != pgp.NoIntegrity || string(r.Unprotected) != entity):
				t.Errorf("%s, %s: %s %s %q", name, cipher, r.State, r.Reason, r.Plain)
			}
		}
		closed := w.openssl(entity, "cms", "-encrypt", "-aes256", "-recip", "rui.pem")
		if r := w.open(closed, agent); r.Reason != pgp.NotForUs || r.Plain != nil || r.Unprotected != nil || !r.CameEncrypted {
			t.Errorf("%s, for somebody else: %s", name, r.Reason)
		}
		if r := w.open(closed); r.Reason != pgp.NoAgent {
			t.Errorf("no key process: %s", r.Reason)
		}
	}
}

// TestChangedOnItsWay flips a bit of every byte of what was encrypted: nothing of it comes out as protected.
func TestChangedOnItsWay(t *testing.T) {
	w := newWorld(t)
	us, person := w.person("us", 1, nil), w.person("rui", elliptic.P256(), nil)
	agent := w.agent(us)
	for _, cipher := range []string{"-aes-256-gcm", "-aes128"} {
		text := entity
		if cipher == "-aes128" {
			text = w.signed(person)
		}
		der := []byte(w.openssl(text, "cms", "-encrypt", "-binary", cipher, "-recip", "us.pem", "-outform", "DER"))
		from := len(der) - 60
		if cipher == "-aes128" {
			from = len(der) - len(text)
		}
		for at := from; at < len(der); at += 7 {
			bent := bytes.Clone(der)
			bent[at] ^= 1
			r := w.open(opaque(string(bent)), func(in *smime.Input) { in.Agent, in.Approved = agent, []smime.Certificate{person.cert} })
			if r.Plain != nil && !bytes.Equal(r.Plain, []byte(entity)) || r.State == pgp.SignedEncrypted && r.Good() == nil {
				t.Fatalf("%s, byte %d: %s %q", cipher, at, r.State, r.Plain)
			}
		}
	}
}

// TestOursInOtherPrograms writes what OpenSSL verifies and opens.
func TestOursInOtherPrograms(t *testing.T) {
	w := newWorld(t)
	must(t, os.WriteFile(filepath.Join(w.dir, "root.pem"), pemOf(w.root.Raw), 0o600))
	capable := func(c *x509.Certificate) {
		c.ExtraExtensions = append(c.ExtraExtensions, pkixCapabilities())
	}
	for name, c := range map[string]struct {
		us, reader any
		gcm        bool
	}{"RSA to RSA": {0, 1, false}, "curve to curve": {elliptic.P256(), elliptic.P384(), false}, "RSA to a curve, GCM": {0, elliptic.P256(), true}, "curve to RSA, GCM": {elliptic.P384(), 1, true}} {
		us := w.person("us", c.us, nil)
		change := func(*x509.Certificate) {}
		if c.gcm {
			change = capable
		}
		reader := w.person("reader", c.reader, change)
		agent := w.agent(us)
		signed, ours, err := smime.SignMIME(context.Background(), []byte(entity), agent)
		must(t, err)
		if ours.Fingerprint() != us.cert.Fingerprint() {
			t.Errorf("%s: another certificate", name)
		}
		if got := w.openssl("MIME-Version: 1.0\r\n"+string(signed), "cms", "-verify", "-CAfile", "root.pem"); got != entity {
			t.Errorf("%s: OpenSSL reads %q", name, got)
		}
		sealed, err := smime.SignAndEncryptMIME(context.Background(), []byte(entity), agent, reader.cert, time.Now())
		must(t, err)
		if strings.Contains(string(sealed), "authEnveloped") != c.gcm {
			t.Errorf("%s: the cipher is another one", name)
		}
		for _, who := range []string{"reader.pem", "us.pem"} {
			inner := w.openssl("MIME-Version: 1.0\r\n"+string(sealed), "cms", "-decrypt", "-recip", who)
			if got := w.openssl("MIME-Version: 1.0\r\n"+inner, "cms", "-verify", "-CAfile", "root.pem"); got != entity {
				t.Errorf("%s: %s reads %q", name, who, got)
			}
		}
		if r := w.open(string(sealed), func(in *smime.Input) { in.Agent, in.Approved = w.agent(reader), []smime.Certificate{us.cert} }); r.State != pgp.SignedEncrypted || r.Good() == nil {
			t.Errorf("%s: we read %s %s", name, r.State, r.Reason)
		}
	}
	expired := w.person("gone", 1, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) })
	if _, err := smime.SignAndEncryptMIME(context.Background(), []byte(entity), w.agent(w.person("us", 0, nil)), expired.cert, time.Now()); !errs.Is(err, errs.Conflict) {
		t.Errorf("to an expired one: %v", err)
	}
	if _, _, err := smime.SignMIME(context.Background(), []byte(entity), w.agent()); !errs.Is(err, errs.Unavailable) {
		t.Errorf("without a certificate: %v", err)
	}
}
