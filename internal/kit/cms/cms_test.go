package cms_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/cms"
)

func signer(t *testing.T, curve elliptic.Curve) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	like := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "Équipe d'essai"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, like, like, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return key, cert
}

// OpenSSL, which shares nothing with us, takes the signature for the document and for no other.
func TestOpenSSLVerifies(t *testing.T) {
	t.Parallel()
	key, cert := signer(t, elliptic.P256())
	document := []byte("the document\n")
	raw, err := cms.Detached(key, cert, sha256.Sum256(document))
	if err != nil {
		t.Fatal(err)
	}
	again, err := cms.Detached(key, cert, sha256.Sum256(document))
	if err != nil || !bytes.Equal(raw, again) {
		t.Errorf("the same document has two signatures: %v", err)
	}
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	sig := write("sig", raw)
	ca := write("cert.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}))
	verify := func(document string) (string, error) {
		out, err := exec.Command("openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", sig, "-content", document, "-CAfile", ca, "-purpose", "any", "-cades").CombinedOutput()
		return string(out), err
	}
	if out, err := verify(write("right", document)); err != nil {
		t.Errorf("openssl: %v\n%s", err, out)
	}
	if out, err := verify(write("wrong", []byte("the Document\n"))); err == nil {
		t.Errorf("openssl takes it for another document\n%s", out)
	}
}

func TestOnlyItsOwnKey(t *testing.T) {
	t.Parallel()
	key, cert := signer(t, elliptic.P256())
	other, _ := signer(t, elliptic.P256())
	large, largeCert := signer(t, elliptic.P384())
	for name, f := range map[string]func() ([]byte, error){
		"the key of another certificate": func() ([]byte, error) { return cms.Detached(other, cert, [32]byte{}) },
		"another curve":                  func() ([]byte, error) { return cms.Detached(large, largeCert, [32]byte{}) },
	} {
		if _, err := f(); !errors.Is(err, cms.ErrKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := cms.Detached(key, cert, [32]byte{}); err != nil {
		t.Error(err)
	}
}
