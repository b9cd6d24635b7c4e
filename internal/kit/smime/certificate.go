package smime

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Limits of certificates.
const (
	MaxCertificate  = 32 << 10
	maxCertificates = 32 // of one message or file
	maxFile         = 4 << 20
	weakRSA         = 2048
)

// Certificate is one X.509 certificate for mail. It does not change.
type Certificate struct{ x *x509.Certificate }

// ParseCertificate reads one certificate in DER.
func ParseCertificate(der []byte) (Certificate, error) {
	if len(der) > MaxCertificate {
		return Certificate{}, ErrDamaged
	}
	x, err := x509.ParseCertificate(der)
	if err != nil {
		return Certificate{}, ErrDamaged
	}
	return Certificate{x}, nil
}

// ParseCertificates reads what people and programs attach: PEM, one certificate in DER, or a bundle without a signature (.p7b, .p7c). It gives what can
// be read, at most 32; nil when there is nothing. Private keys among it are not looked at.
func ParseCertificates(b []byte) []Certificate {
	var out []Certificate
	take := func(der []byte) {
		if c, err := ParseCertificate(der); err == nil && len(out) < maxCertificates && !slices.ContainsFunc(out, c.equal) {
			out = append(out, c)
		}
	}
	if len(b) > maxFile {
		return nil
	}
	bundle := func(der []byte) {
		if s, err := readSigned(der); err == nil {
			for _, c := range s.certificates {
				take(c.x.Raw)
			}
		}
	}
	if !bytes.Contains(b, []byte("-----BEGIN ")) {
		if take(b); len(out) == 0 {
			bundle(b)
		}
		return out
	}
	for block, rest := pem.Decode(b); block != nil && len(out) < maxCertificates; block, rest = pem.Decode(rest) {
		switch block.Type {
		case "CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE":
			take(block.Bytes)
		case "PKCS7", "CMS":
			bundle(block.Bytes)
		}
	}
	return out
}

// Private tells whether what somebody hands in is a private key, or a file with one in it: PEM, PKCS #8, PKCS #12. A certificate and a bundle of them
// begin otherwise.
func Private(b []byte) bool {
	for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
		if strings.HasSuffix(block.Type, "PRIVATE KEY") || Private(block.Bytes) {
			return true
		}
	}
	if bytes.Contains(b, []byte("PRIVATE KEY-----")) {
		return true
	}
	c := cursor{b: b}
	inside, err := c.into(0x30)
	if err != nil || len(b) == 0 || b[0] != 0x30 {
		return false
	}
	tag, _, err := inside.head()
	return err == nil && tag == 0x02 // the version, with which all of these begin
}

func (c Certificate) equal(d Certificate) bool { return bytes.Equal(c.x.Raw, d.x.Raw) }

// IsZero tells whether c is no certificate.
func (c Certificate) IsZero() bool { return c.x == nil }

// Raw is the certificate in DER.
func (c Certificate) Raw() []byte { return c.x.Raw }

// PEM is the certificate as text.
func (c Certificate) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.x.Raw})
}

// X509 is the certificate for package x509.
func (c Certificate) X509() *x509.Certificate { return c.x }

// Fingerprint is SHA-256 of the certificate, 64 digits of upper-case hex.
func (c Certificate) Fingerprint() string {
	sum := sha256.Sum256(c.x.Raw)
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

var oidEmail = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}

// Addresses are the mail addresses that it names, in lower case, each once: those of its alternative names, else those of its subject.
func (c Certificate) Addresses() []string {
	all := slices.Clone(c.x.EmailAddresses)
	if len(all) == 0 {
		for _, n := range c.x.Subject.Names {
			if s, ok := n.Value.(string); ok && n.Type.Equal(oidEmail) {
				all = append(all, s)
			}
		}
	}
	var out []string
	for _, a := range all {
		if a = strings.ToLower(strings.TrimSpace(a)); a != "" && len(a) <= 320 && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

// Has tells whether it names the address.
func (c Certificate) Has(address string) bool {
	return slices.Contains(c.Addresses(), strings.ToLower(address))
}

// Subject is whom it names, foreign text.
func (c Certificate) Subject() string { return name(c.x.Subject.CommonName, c.x.Subject.String()) }

// Issuer is who issued it by its own word, foreign text.
func (c Certificate) Issuer() string { return name(c.x.Issuer.CommonName, c.x.Issuer.String()) }

func name(common, whole string) string {
	if common == "" {
		common = whole
	}
	r := []rune(strings.ToValidUTF8(common, "\uFFFD"))
	return string(r[:min(len(r), 200)])
}

// Begins and Ends are its first and last moment.
func (c Certificate) Begins() time.Time { return c.x.NotBefore }

// Ends is its last moment.
func (c Certificate) Ends() time.Time { return c.x.NotAfter }

// Algorithm names its key, for example "RSA 3072".
func (c Certificate) Algorithm() string {
	switch k := c.x.PublicKey.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", k.N.BitLen())
	case *ecdsa.PublicKey:
		return k.Params().Name
	}
	return c.x.PublicKeyAlgorithm.String()
}

// valid tells whether t lies in its life.
func (c Certificate) valid(t time.Time) bool {
	return !t.Before(c.x.NotBefore) && !t.After(c.x.NotAfter)
}

// forMail tells whether it may be used for mail at all: it is no authority's, and what it says of its use does not leave mail out.
func (c Certificate) forMail() bool {
	if c.x.BasicConstraintsValid && c.x.IsCA && len(c.x.ExtKeyUsage) == 0 && len(c.Addresses()) == 0 {
		return false
	}
	return len(c.x.ExtKeyUsage)+len(c.x.UnknownExtKeyUsage) == 0 || slices.Contains(c.x.ExtKeyUsage, x509.ExtKeyUsageEmailProtection) || slices.Contains(c.x.ExtKeyUsage, x509.ExtKeyUsageAny)
}

func (c Certificate) weak() bool {
	k, ok := c.x.PublicKey.(*rsa.PublicKey)
	return ok && k.N.BitLen() < weakRSA
}

// signs tells whether its key is one for signatures.
func (c Certificate) signs() bool {
	return c.forMail() && (c.x.KeyUsage == 0 || c.x.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) != 0)
}

// CanEncrypt tells whether one may encrypt to it at t: it lives, is strong, for mail, and of a kind that we can encrypt to.
func (c Certificate) CanEncrypt(t time.Time) bool {
	if c.x == nil || !c.valid(t) || c.weak() || !c.forMail() {
		return false
	}
	switch k := c.x.PublicKey.(type) {
	case *rsa.PublicKey:
		return c.x.KeyUsage == 0 || c.x.KeyUsage&(x509.KeyUsageKeyEncipherment|x509.KeyUsageDataEncipherment) != 0
	case *ecdsa.PublicKey:
		return (k.Curve == elliptic.P256() || k.Curve == elliptic.P384() || k.Curve == elliptic.P521()) && (c.x.KeyUsage == 0 || c.x.KeyUsage&x509.KeyUsageKeyAgreement != 0)
	}
	return false
}

// Fit tells whether it is worth a person's look: it lives and can sign or be encrypted to.
func (c Certificate) Fit(t time.Time) bool {
	return c.valid(t) && !c.weak() && (c.signs() || c.CanEncrypt(t))
}
