package keyd_test

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"path/filepath"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp/keyd"
)

// K1: the key for documents is made with the team's, kept in its file, used over the socket, and ends.
func TestK1ADocumentIsSigned(t *testing.T) {
	t.Parallel()
	now := clock.NewFake(start)
	s := generate(t, start)
	cert, err := x509.ParseCertificate(s.Document())
	if err != nil || cert.Subject.CommonName != "National CSIRT" || cert.IsCA || cert.KeyUsage&x509.KeyUsageCertSign != 0 || len(cert.EmailAddresses) != 1 {
		t.Fatalf("K1: %+v, %v", cert, err)
	}
	root, path := bytes.Repeat([]byte{1}, 32), filepath.Join(t.TempDir(), "team.keys")
	if err := ringOf(t, s.WithoutPrimary()).Save(path, root); err != nil {
		t.Fatal(err)
	}
	ring, err := keyd.Load(path, root)
	if err != nil || !bytes.Equal(ring.Current().Document(), s.Document()) || len(ring.Documents()) != 1 {
		t.Fatalf("K2: another certificate came back: %v", err)
	}
	agent := keyd.NewInProcess(ring, keyd.Options{Clock: now})
	at := socket(t)
	serve(t, at, keyd.NewServer(ring, keyd.Options{Clock: now}))
	client := keyd.Dial(at)
	defer client.Close()
	sum := sha256.Sum256([]byte("a document"))
	one, err := agent.SignDocument(t.Context(), sum)
	if err != nil {
		t.Fatal(err)
	}
	two, err := client.SignDocument(t.Context(), sum)
	if err != nil || !bytes.Equal(one, two) || !bytes.Contains(one, s.Document()) {
		t.Errorf("K1: over the socket: %v", err)
	}
	if n := agent.Count("sign document", keyd.Done); n != 1 {
		t.Errorf("K1: counted %d", n)
	}

	if did, err := s.RenewDocument(start.Add(4 * 365 * 24 * time.Hour)); err != nil || did {
		t.Errorf("K3: another key with a year left: %v", err)
	}
	now.Advance(keyd.DocumentLife + time.Hour)
	if _, err := agent.SignDocument(t.Context(), sum); !errs.Is(err, errs.Unavailable) {
		t.Errorf("K3: an ended key signs: %v", err)
	}
	if _, err := client.SignDocument(t.Context(), sum); !errs.Is(err, errs.Unavailable) {
		t.Errorf("K3: an ended key signs over the socket: %v", err)
	}
	old := s.Document()
	if did, err := s.RenewDocument(now.Now()); err != nil || !did || bytes.Equal(old, s.Document()) {
		t.Errorf("K3: no new key: %v", err)
	}
	limited := keyd.NewInProcess(ringOf(t, s), keyd.Options{Clock: now, Signs: keyd.Rate{PerSecond: 1, Burst: 1}})
	if _, err := limited.SignDocument(t.Context(), sum); err != nil {
		t.Error(err)
	}
	if _, err := limited.SignDocument(t.Context(), sum); !errs.Is(err, errs.Limit) {
		t.Errorf("D2: no limit: %v", err)
	}
}
