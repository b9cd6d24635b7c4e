package keyd

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"log/slog"
	"net/mail"
	"time"

	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/smime"
)

// Algorithms of a new S/MIME key.
const (
	RSA3072 = "rsa"
	P256    = "ec"
)

const (
	rsaBits       = 3072
	maxChain      = 8
	maxIdentities = 16
)

// Identity is one S/MIME key of the team with its certificate and those between it and the root, or a key that waits for its certificate. It prints as dots.
type Identity struct {
	key   crypto.Signer
	chain []smime.Certificate
	names []string // what a certificate is asked for: the name, then addresses
}

// String hides the key.
func (*Identity) String() string { return hidden }

// GoString hides the key.
func (*Identity) GoString() string { return hidden }

// MarshalText hides the key, in JSON too.
func (*Identity) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue hides the key.
func (*Identity) LogValue() slog.Value { return slog.StringValue(hidden) }

// Certificate is its certificate; the zero one while it waits.
func (i *Identity) Certificate() smime.Certificate {
	if len(i.chain) == 0 {
		return smime.Certificate{}
	}
	return i.chain[0]
}

// Chain is the certificate and those between it and the root, in DER.
func (i *Identity) Chain() [][]byte {
	var out [][]byte
	for _, c := range i.chain {
		out = append(out, c.Raw())
	}
	return out
}

// GenerateIdentity makes an S/MIME key that waits for a certificate in that name and for these addresses.
func GenerateIdentity(algorithm, name string, addresses []string) (*Identity, error) {
	if len(addresses) == 0 {
		return nil, errs.New(errs.Invalid, "an S/MIME key needs an address")
	}
	for _, a := range addresses {
		if p, err := mail.ParseAddress(a); err != nil || p.Address != a {
			return nil, errs.Newf(errs.Invalid, "%s is no mail address", a)
		}
	}
	i := &Identity{names: append([]string{name}, addresses...)}
	var err error
	switch algorithm {
	case RSA3072:
		i.key, err = rsa.GenerateKey(rand.Reader, rsaBits)
	case P256:
		i.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		return nil, errs.New(errs.Invalid, "an S/MIME key is of the kind rsa or ec")
	}
	return i, err
}

// Request gives the request for a certificate (PKCS #10), as PEM.
func (i *Identity) Request() ([]byte, error) {
	if len(i.names) < 2 {
		return nil, errs.New(errs.Conflict, "this S/MIME key was not made here: it has its certificate")
	}
	usage := x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
	if _, ok := i.key.(*ecdsa.PrivateKey); ok {
		usage = x509.KeyUsageDigitalSignature | x509.KeyUsageKeyAgreement
	}
	bits, err := asn1.Marshal(asn1.BitString{Bytes: []byte{reversed(byte(usage))}, BitLength: 8})
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{
		Subject: pkix.Name{CommonName: i.names[0]}, EmailAddresses: i.names[1:],
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 15}, Critical: true, Value: bits}},
	}, i.key)
	if err != nil {
		return nil, errs.Wrap(errs.Internal, "write the request", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}), nil
}

// reversed turns a byte's bits around: the first bit of a usage stands first.
func reversed(b byte) (out byte) {
	for range 8 {
		out, b = out<<1|b&1, b>>1
	}
	return out
}

// ImportIdentity reads a private key with its certificate: a PKCS #12 file, or PEM with both. Refused (Invalid): a wrong passphrase, a key that is not that of
// a certificate in the file, kinds other than RSA from 2048 bits and the NIST curves.
func ImportIdentity(data, passphrase []byte) (*Identity, error) {
	if len(data) > maxImport {
		return nil, errs.New(errs.Invalid, "the key file is too large")
	}
	if bytes.Contains(data, []byte("-----BEGIN ")) {
		return importPEM(data)
	}
	key, leaf, between, err := pkcs12.DecodeChain(data, string(passphrase))
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		return nil, errs.New(errs.Invalid, "the passphrase does not open the private key")
	case err != nil:
		return nil, errs.New(errs.Invalid, "the file is no PKCS #12 file with one key and its certificate")
	}
	all := []*x509.Certificate{leaf}
	return identityOf(key, append(all, between...))
}

func importPEM(data []byte) (*Identity, error) {
	var key any
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		var err error
		switch block.Type {
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		case "ENCRYPTED PRIVATE KEY":
			err = errs.New(errs.Invalid, "locked")
		}
		if err != nil {
			return nil, errs.New(errs.Invalid, "the private key cannot be read: give it open, or as PKCS #12 with a passphrase")
		}
	}
	if key == nil {
		return nil, errs.New(errs.Invalid, "the file holds no private key")
	}
	var all []*x509.Certificate
	for _, c := range smime.ParseCertificates(data) {
		all = append(all, c.X509())
	}
	return identityOf(key, all)
}

// identityOf puts a key and certificates together: first the key's own, then the issuers of the ones before.
func identityOf(key any, all []*x509.Certificate) (*Identity, error) {
	i := &Identity{}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		i.key = k
	case *ecdsa.PrivateKey:
		i.key = k
	default:
		return nil, errs.New(errs.Invalid, "an S/MIME key is RSA, or on a NIST curve")
	}
	return i.with(all)
}

func (i *Identity) with(all []*x509.Certificate) (*Identity, error) {
	pub, ok := i.key.Public().(interface{ Equal(crypto.PublicKey) bool })
	next := &Identity{key: i.key, names: i.names}
	for _, c := range all {
		if !ok || !pub.Equal(c.PublicKey) {
			continue
		}
		if own, err := smime.ParseCertificate(c.Raw); err == nil {
			next.chain = []smime.Certificate{own}
		}
	}
	if len(next.chain) == 0 {
		return nil, errs.New(errs.Invalid, "none of the certificates belongs to the key")
	}
	for last := next.chain[0].X509(); len(next.chain) < maxChain; {
		var issuer *x509.Certificate
		for _, c := range all {
			if !bytes.Equal(c.Raw, last.Raw) && last.CheckSignatureFrom(c) == nil {
				issuer = c
			}
		}
		if issuer == nil || bytes.Equal(issuer.RawSubject, issuer.RawIssuer) { // who trusts the root has it
			break
		}
		c, err := smime.ParseCertificate(issuer.Raw)
		if err != nil {
			break
		}
		next.chain, last = append(next.chain, c), issuer
	}
	return next, nil
}

// Certify gives the identity with its certificate, out of a file that an authority sent. A certificate of another key is Invalid.
func (i *Identity) Certify(file []byte) (*Identity, error) {
	var all []*x509.Certificate
	for _, c := range smime.ParseCertificates(file) {
		all = append(all, c.X509())
	}
	if len(all) == 0 {
		return nil, errs.New(errs.Invalid, "the file holds no certificate that can be read")
	}
	return i.with(all)
}

// Identities are the S/MIME keys of the team, the newest first.
func (r *Ring) Identities() []*Identity { return append([]*Identity(nil), r.identities...) }

// WithIdentities gives the ring with these S/MIME keys, the newest first; at most 16, the oldest go.
func (r *Ring) WithIdentities(list ...*Identity) (*Ring, error) {
	next, err := NewRing(r.secrets[0], r.secrets[1:]...)
	if err == nil {
		next.identities = list[:min(len(list), maxIdentities)]
	}
	return next, err
}

// signSMIME signs with the newest identity whose certificate is good now.
func (r *Ring) signSMIME(q smime.SignRequest, now time.Time) (smime.SignedBy, error) {
	for _, i := range r.identities {
		if !i.Certificate().Signer(now) {
			continue
		}
		info, err := smime.Finish(q, i.chain[0], i.key, now)
		if err != nil {
			return smime.SignedBy{}, err
		}
		return smime.SignedBy{Info: info, Chain: i.Chain()}, nil
	}
	return smime.SignedBy{}, errs.New(errs.Unavailable, "the team has no S/MIME certificate that is valid now")
}

// unwrapSMIME tries the recipients that name a certificate of ours, expired ones too. It gives pgp.ErrNotUnwrapped for every cause, and the number of
// private-key operations it did.
func (r *Ring) unwrapSMIME(q smime.UnwrapRequest) (smime.ContentKey, int, error) {
	ops := 0
	if len(q.Recipients) == 0 || len(q.Recipients) > smime.MaxRecipients || q.Size != 16 && q.Size != 24 && q.Size != 32 {
		return smime.ContentKey{}, ops, pgp.ErrNotUnwrapped
	}
	for _, raw := range q.Recipients {
		list, err := smime.ParseRecipient(raw)
		if err != nil {
			continue
		}
		for _, x := range list {
			for _, i := range r.identities {
				if len(i.chain) == 0 || !x.For(i.chain[0]) {
					continue
				}
				if ops++; ops > smime.MaxRecipients {
					return smime.ContentKey{}, ops, pgp.ErrNotUnwrapped
				}
				if key, err := x.Open(i.key, q.Size); err == nil {
					return smime.ContentKey{Key: key, Fingerprint: i.chain[0].Fingerprint()}, ops, nil
				}
			}
		}
	}
	return smime.ContentKey{}, ops, pgp.ErrNotUnwrapped
}
