package keyd

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/cms"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// DocumentLife is how long a key signs documents.
const DocumentLife = 5 * 365 * 24 * time.Hour

// document is a key for signatures inside documents: programs that show PDF know X.509 and no OpenPGP. It signs nothing else.
type document struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

// oidDocumentSigning is id-kp-documentSigning (RFC 9336).
var oidDocumentSigning = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 36}

// newDocument makes a key with a certificate that it signs itself: who trusts it took its fingerprint from us.
func newDocument(name, address string, now time.Time) (*document, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 126))
	if err != nil {
		return nil, err
	}
	like := &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)), Subject: pkix.Name{CommonName: name}, NotBefore: now.UTC().Truncate(time.Second), NotAfter: now.UTC().Add(DocumentLife).Truncate(time.Second),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment, UnknownExtKeyUsage: []asn1.ObjectIdentifier{oidDocumentSigning}, EmailAddresses: []string{address},
		BasicConstraintsValid: true,
	}
	raw, err := x509.CreateCertificate(rand.Reader, like, like, key.Public(), key)
	if err != nil {
		return nil, errs.Wrap(errs.Invalid, "the name or address of the team does not fit into a certificate", err)
	}
	cert, err := x509.ParseCertificate(raw)
	return &document{key, cert}, err
}

// RenewDocument makes the key that signs documents when there is none, or when it ends within the overlap of 90 days. It tells whether it did. It needs
// no primary key.
func (s *Secret) RenewDocument(now time.Time) (bool, error) {
	if s.document != nil && s.document.cert.NotAfter.After(now.Add(Overlap)) {
		return false, nil
	}
	name := ""
	if ids := s.public.UserIDs(); len(ids) > 0 {
		name = userName(ids[0])
	}
	address := ""
	if all := s.public.Addresses(); len(all) > 0 {
		address = all[0]
	}
	d, err := newDocument(name, address, now)
	if err == nil {
		s.document = d
	}
	return err == nil, err
}

// userName is what stands before the address of a user id.
func userName(id string) string {
	for i := range id {
		if i > 0 && id[i] == '<' && id[i-1] == ' ' {
			return id[:i-1]
		}
	}
	return id
}

// Document is the certificate of the key that signs documents (DER); nil without one.
func (s *Secret) Document() []byte {
	if s.document == nil {
		return nil
	}
	return s.document.cert.Raw
}

// Documents are the certificates whose keys are here, the current one first.
func (r *Ring) Documents() [][]byte {
	var out [][]byte
	for _, s := range r.secrets {
		if d := s.Document(); d != nil {
			out = append(out, d)
		}
	}
	return out
}

// SignDocument gives a CMS signature (DER) beside a document with this SHA-256, by the current key. The attributes are written here, so that nothing else
// comes out: neither a certificate nor a signature of a text of the caller. Unavailable without a key that is valid now.
func (a *InProcess) SignDocument(ctx context.Context, sum [sha256.Size]byte) ([]byte, error) {
	const call = "sign document"
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	now := a.clock.Now()
	if !a.take(&a.signs, now) {
		a.note(call, Limited, 0)
		return nil, errLimit
	}
	d := a.current().Current().document
	if d == nil || now.Before(d.cert.NotBefore) || now.After(d.cert.NotAfter) {
		a.note(call, Failed, 0)
		return nil, errs.New(errs.Unavailable, "the team has no key for documents that is valid now")
	}
	out, err := cms.Detached(d.key, d.cert, sum)
	if err != nil {
		a.note(call, Failed, 0)
		return nil, errs.Wrap(errs.Internal, "sign a document", err)
	}
	a.note(call, Done, 1)
	return out, nil
}

// SignDocument asks the key process, with the errors of InProcess.SignDocument.
func (c *Client) SignDocument(ctx context.Context, sum [sha256.Size]byte) ([]byte, error) {
	answer, err := c.call(ctx, append([]byte{callDocument}, sum[:]...))
	if err != nil {
		return nil, err
	}
	if answer[0] == answerSignature && len(answer) > 1 {
		return answer[1:], nil
	}
	return nil, refused(answer[0])
}

// sealed gives a document key as it is stored.
func (d *document) sealed() (key, cert []byte, err error) {
	if d == nil {
		return nil, nil, nil
	}
	key, err = x509.MarshalPKCS8PrivateKey(d.key)
	return key, d.cert.Raw, err
}

func restoreDocument(key, cert []byte) (*document, error) {
	if len(key) == 0 && len(cert) == 0 {
		return nil, nil
	}
	broken := errs.New(errs.Invalid, "the key for documents in the key file cannot be read")
	any, err := x509.ParsePKCS8PrivateKey(key)
	if err != nil {
		return nil, broken
	}
	c, err := x509.ParseCertificate(cert)
	k, ok := any.(*ecdsa.PrivateKey)
	if err != nil || !ok || !k.PublicKey.Equal(c.PublicKey) {
		return nil, broken
	}
	return &document{k, c}, nil
}
