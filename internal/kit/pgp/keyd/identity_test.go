package keyd

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/mailtest"
	"github.com/tocsin-csirt/tocsin/internal/kit/smime"
)

// TestAnIdentityFromAnAuthority makes a key, asks OpenSSL's authority for a certificate, takes it, and reads what others keep in PKCS #12 and PEM.
func TestAnIdentityFromAnAuthority(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	read := func(name string) []byte {
		b, err := os.ReadFile(path(name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	openssl := func(args ...string) string {
		t.Helper()
		cmd := exec.Command(mailtest.Need(t, "openssl"), args...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("openssl %v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "9", "-subj", "/CN=Authority")
	for _, kind := range []string{P256, RSA3072} {
		i, err := GenerateIdentity(kind, "CERT.EX", []string{"report@cert.example", "soc@cert.example"})
		if err != nil {
			t.Fatal(err)
		}
		csr, err := i.Request()
		if err != nil || os.WriteFile(path("csr.pem"), csr, 0o600) != nil {
			t.Fatal(err)
		}
		if said := openssl("req", "-in", "csr.pem", "-noout", "-text", "-verify"); !strings.Contains(said, "email:report@cert.example, email:soc@cert.example") || !strings.Contains(said, "Digital Signature, Key "+map[string]string{P256: "Agreement", RSA3072: "Encipherment"}[kind]) {
			t.Errorf("%s: the request says\n%s", kind, said)
		}
		openssl("x509", "-req", "-in", "csr.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-copy_extensions", "copyall", "-days", "8", "-out", kind+".pem")
		done, err := i.Certify(append(read("ca.pem"), read(kind+".pem")...))
		if err != nil || !done.Certificate().Has("soc@cert.example") || !done.Certificate().Signer(time.Now()) || !done.Certificate().CanEncrypt(time.Now()) || len(done.chain) != 1 {
			t.Fatalf("%s: %v, %v", kind, done, err)
		}
		if _, err := i.Certify(read("ca.pem")); !errs.Is(err, errs.Invalid) {
			t.Errorf("%s: a certificate of another key: %v", kind, err)
		}
		secret, err := Generate("Team", []string{"report@cert.example"}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		ring, err := NewRing(secret)
		if err != nil {
			t.Fatal(err)
		}
		root := bytes.Repeat([]byte{3}, RootSize)
		if ring, err = ring.WithIdentities(done, i); err != nil {
			t.Fatal(err)
		}
		sealed, err := ring.Seal(root)
		if err != nil || bytes.Contains(sealed, done.chain[0].Raw()[:64]) {
			t.Fatalf("%s: sealed: %v", kind, err)
		}
		back, err := Unseal(sealed, root)
		if err != nil || len(back.Identities()) != 2 || back.Identities()[0].Certificate().Fingerprint() != done.Certificate().Fingerprint() || !back.Identities()[1].Certificate().IsZero() {
			t.Fatalf("%s: unsealed: %v", kind, err)
		}
		if again, err := back.Identities()[1].Request(); err != nil || len(again) == 0 {
			t.Errorf("%s: a key that waits can be asked for again: %v", kind, err)
		}
	}
	openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "team.key", "-out", "csr.pem", "-subj", "/CN=Team/emailAddress=report@cert.example")
	openssl("x509", "-req", "-in", "csr.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "8", "-out", "team.pem")
	openssl("pkcs12", "-export", "-inkey", "team.key", "-in", "team.pem", "-certfile", "ca.pem", "-out", "new.p12", "-passout", "pass:horse")
	openssl("pkcs12", "-export", "-legacy", "-inkey", "team.key", "-in", "team.pem", "-out", "old.p12", "-passout", "pass:horse")
	for name, c := range map[string]struct {
		file     []byte
		password string
		ok       bool
	}{
		"PKCS #12": {read("new.p12"), "horse", true}, "PKCS #12 of old programs": {read("old.p12"), "horse", true}, "wrong passphrase": {read("new.p12"), "cow", false},
		"PEM": {append(read("team.key"), read("team.pem")...), "", true}, "without a key": {read("team.pem"), "", false}, "another's certificate": {append(read("team.key"), read("ca.pem")...), "", false},
		"nothing": {[]byte("nothing"), "", false}, "a bent one": {append(read("new.p12")[:200], 1, 2, 3), "horse", false},
	} {
		i, err := ImportIdentity(c.file, []byte(c.password))
		if c.ok != (err == nil) || c.ok && !i.Certificate().Has("report@cert.example") || !c.ok && !errs.Is(err, errs.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, a := range []string{"", "no address", "Name <a@b.example>"} {
		if _, err := GenerateIdentity(P256, "x", []string{a}); !errs.Is(err, errs.Invalid) {
			t.Errorf("%q: %v", a, err)
		}
	}
	var _ smime.Agent = (*Client)(nil)
}
