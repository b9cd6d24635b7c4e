package smime_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/mailtest"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp/keyd"
	"github.com/tocsin-csirt/tocsin/internal/kit/smime"
)

const (
	rui    = "rui@hospital.example"
	entity = "Content-Type: text/plain; charset=utf-8\r\n\r\nThe gateway at 192.0.2.77.\r\n"
)

// world is an authority, people with certificates, and our key process.
type world struct {
	t    *testing.T
	dir  string
	root *x509.Certificate
	sign crypto.Signer
}

var (
	rsaKeys = sync.OnceValue(func() []*rsa.PrivateKey {
		var out []*rsa.PrivateKey
		for range 2 {
			k, err := rsa.GenerateKey(rand.Reader, 2048)
			if err != nil {
				panic(err)
			}
			out = append(out, k)
		}
		return out
	})
	serial int64 = 100
)

// party is a person with a key and a certificate, which lie in the folder as name.pem.
type party struct {
	name string
	key  crypto.Signer
	cert smime.Certificate
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, dir: t.TempDir()}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	w.sign = key
	w.root = w.issue("root", key.Public(), func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage, c.EmailAddresses, c.ExtKeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign, nil, nil
	})
	return w
}

func (w *world) issue(name string, pub crypto.PublicKey, change func(*x509.Certificate)) *x509.Certificate {
	w.t.Helper()
	serial++
	c := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-10 * 24 * time.Hour), NotAfter: time.Now().Add(100 * 24 * time.Hour),
		EmailAddresses: []string{rui}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment | x509.KeyUsageKeyAgreement, SubjectKeyId: big.NewInt(serial * 7919).Bytes(),
	}
	if change != nil {
		change(c)
	}
	issuer := w.root
	if issuer == nil {
		issuer = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, issuer, pub, w.sign)
	must(w.t, err)
	x, err := x509.ParseCertificate(der)
	must(w.t, err)
	return x
}

// person makes somebody with an RSA key (0 or 1) or a curve.
func (w *world) person(name string, kind any, change func(*x509.Certificate)) party {
	w.t.Helper()
	p := party{name: name}
	switch k := kind.(type) {
	case int:
		p.key = rsaKeys()[k]
	case elliptic.Curve:
		key, err := ecdsa.GenerateKey(k, rand.Reader)
		must(w.t, err)
		p.key = key
	}
	x := w.issue(name, p.key.Public(), change)
	c, err := smime.ParseCertificate(x.Raw)
	must(w.t, err)
	p.cert = c
	must(w.t, os.WriteFile(filepath.Join(w.dir, name+".pem"), p.pem(w.t), 0o600))
	return p
}

// pem is certificate and key.
func (p party) pem(t *testing.T) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(p.key)
	must(t, err)
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.cert.Raw()}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})...)
}

// agent is our key process with these identities.
func (w *world) agent(of ...party) *keyd.InProcess {
	w.t.Helper()
	secret, err := keyd.Generate("Team", []string{"report@cert.example"}, time.Now())
	must(w.t, err)
	ring, err := keyd.NewRing(secret)
	must(w.t, err)
	var ids []*keyd.Identity
	for _, p := range of {
		i, err := keyd.ImportIdentity(p.pem(w.t), nil)
		must(w.t, err)
		ids = append(ids, i)
	}
	ring, err = ring.WithIdentities(ids...)
	must(w.t, err)
	return keyd.NewInProcess(ring, keyd.Options{})
}

// trust is the file of the house: the authority, and the list of what it revoked.
func (w *world) trust(revoked ...x509.RevocationListEntry) *smime.Trust {
	w.t.Helper()
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.root.Raw})
	if len(revoked) > 0 {
		der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now(), NextUpdate: time.Now().Add(time.Hour), RevokedCertificateEntries: revoked}, w.root, w.sign)
		must(w.t, err)
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})...)
	}
	t, err := smime.ParseTrust(text)
	must(w.t, err)
	return t
}

func (w *world) openssl(in string, args ...string) string {
	w.t.Helper()
	cmd := exec.Command(mailtest.Need(w.t, "openssl"), args...)
	cmd.Dir, cmd.Stdin = w.dir, strings.NewReader(in)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		w.t.Fatalf("openssl %v: %v\n%s", args, err, said.String())
	}
	return string(out)
}

// signed is a mail of the person as OpenSSL signs it.
func (w *world) signed(p party, args ...string) string {
	return w.openssl(entity, append([]string{"cms", "-sign", "-binary", "-signer", p.name + ".pem", "-inkey", p.name + ".pem"}, args...)...)
}

// open reads an entity as a mail from Rui.
func (w *world) open(body string, change ...func(*smime.Input)) smime.Result {
	w.t.Helper()
	in := smime.Input{Message: mail.Parse([]byte("From: " + rui + "\r\n" + body)), From: rui, Date: time.Now(), Now: time.Now()}
	for _, c := range change {
		c(&in)
	}
	r, err := smime.Open(context.Background(), in)
	must(w.t, err)
	return r
}

func pemOf(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// pkixCapabilities says that its owner reads AES-256-GCM.
func pkixCapabilities() pkix.Extension {
	return pkix.Extension{
		Id:    []int{1, 2, 840, 113549, 1, 9, 15},
		Value: []byte{0x30, 0x0d, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2e},
	}
}
