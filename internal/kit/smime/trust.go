package smime

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"sync"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Trust is the authorities that the house trusts, and the lists of what they revoked. Nothing else is ever trusted: the zero value trusts nobody,
// and the roots of the system are not asked.
type Trust struct {
	roots   *x509.CertPool
	issuers []*x509.Certificate // roots and those between
	between *x509.CertPool
	revoked []*x509.RevocationList
}

// ParseTrust reads a PEM file of CERTIFICATE and X509 CRL blocks. A certificate that signed itself is a root, another one stands between. A file
// without a root, or with a block that cannot be read, is Invalid.
func ParseTrust(b []byte) (*Trust, error) {
	t := &Trust{roots: x509.NewCertPool(), between: x509.NewCertPool()}
	roots := 0
	for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "CERTIFICATE":
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, errs.New(errs.Invalid, "a certificate of the trusted authorities cannot be read")
			}
			if c.CheckSignatureFrom(c) == nil {
				roots++
				t.roots.AddCert(c)
			} else {
				t.between.AddCert(c)
			}
			t.issuers = append(t.issuers, c)
		case "X509 CRL":
			l, err := x509.ParseRevocationList(block.Bytes)
			if err != nil {
				return nil, errs.New(errs.Invalid, "a list of revoked certificates cannot be read")
			}
			t.revoked = append(t.revoked, l)
		}
	}
	if roots == 0 {
		return nil, errs.New(errs.Invalid, "the file of trusted authorities holds no root certificate")
	}
	return t, nil
}

// chained tells whether the certificate comes from a trusted authority, through those that the message brought. Its life is looked at apart.
func (t *Trust) chained(c Certificate, with []Certificate, at time.Time) (chain []*x509.Certificate, ok bool) {
	if t == nil {
		return nil, false
	}
	between := t.between.Clone()
	for _, w := range with {
		between.AddCert(w.x)
	}
	chains, err := c.x.Verify(x509.VerifyOptions{Roots: t.roots, Intermediates: between, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection}})
	if err != nil || len(chains) == 0 {
		return nil, false
	}
	return chains[0], true
}

// Reasons of RFC 5280 section 5.3.1 for which what was signed earlier is trusted no more either.
const (
	unspecified   = 0
	keyCompromise = 1
	caCompromise  = 2
)

// withdrawn tells whether one of the lists names the certificate at that time. A list counts when the certificate's own issuer signed it.
func (t *Trust) withdrawn(c Certificate, with []Certificate, at time.Time) bool {
	if t == nil {
		return false
	}
	for _, l := range t.revoked {
		if string(l.RawIssuer) != string(c.x.RawIssuer) || !t.signedList(l, c, with) {
			continue
		}
		for _, e := range l.RevokedCertificateEntries {
			if e.SerialNumber.Cmp(c.x.SerialNumber) != 0 {
				continue
			}
			switch e.ReasonCode {
			case unspecified, keyCompromise, caCompromise:
				return true
			}
			return !e.RevocationTime.After(at)
		}
	}
	return false
}

func (t *Trust) signedList(l *x509.RevocationList, c Certificate, with []Certificate) bool {
	issuers := t.issuers
	for _, w := range with {
		issuers = append(issuers[:len(issuers):len(issuers)], w.x)
	}
	for _, i := range issuers {
		if string(i.RawSubject) == string(c.x.RawIssuer) && c.x.CheckSignatureFrom(i) == nil && l.CheckSignatureFrom(i) == nil {
			return true
		}
	}
	return false
}

// TrustFile gives what is in a file, read again when it changes. A file that cannot be read any more leaves what was read before.
type TrustFile struct {
	path string

	mu   sync.Mutex
	seen os.FileInfo
	now  *Trust
}

// OpenTrust reads the file for the first time. Without a path nobody is trusted.
func OpenTrust(path string) (*TrustFile, error) {
	f := &TrustFile{path: path}
	if path == "" {
		return f, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, errs.Wrap(errs.Invalid, "the file of trusted authorities cannot be read", err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, errs.Wrap(errs.Invalid, "the file of trusted authorities cannot be read", err)
	}
	f.seen = info
	f.now, err = ParseTrust(b)
	return f, err
}

// Now gives whom we trust now; nil is nobody.
func (f *TrustFile) Now() *Trust {
	if f == nil || f.path == "" {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	info, err := os.Stat(f.path)
	if err != nil || os.SameFile(info, f.seen) && info.ModTime().Equal(f.seen.ModTime()) && info.Size() == f.seen.Size() {
		return f.now
	}
	if b, err := os.ReadFile(f.path); err == nil {
		if t, err := ParseTrust(b); err == nil {
			f.now = t
		}
	}
	f.seen = info
	return f.now
}
