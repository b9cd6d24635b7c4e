package smime

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// signingHash is what we sign with: every program that reads S/MIME knows it.
const signingHash = crypto.SHA256

// Signer tells whether the certificate signs mail at t: it lives, is strong, and for signatures with a key of a kind that we sign with.
func (c Certificate) Signer(t time.Time) bool {
	if c.x == nil || !c.valid(t) || c.weak() || !c.signs() {
		return false
	}
	switch c.x.PublicKey.(type) {
	case *rsa.PublicKey, *ecdsa.PublicKey:
		return true
	}
	return false
}

var signatureKinds = map[crypto.Hash][2]asn1.ObjectIdentifier{
	crypto.SHA256: {{1, 2, 840, 113549, 1, 1, 11}, {1, 2, 840, 10045, 4, 3, 2}},
	crypto.SHA384: {{1, 2, 840, 113549, 1, 1, 12}, {1, 2, 840, 10045, 4, 3, 3}},
	crypto.SHA512: {{1, 2, 840, 113549, 1, 1, 13}, {1, 2, 840, 10045, 4, 3, 4}},
}

// Finish makes a SignerInfo over the digest of a content. It is for the key process: the attributes are written here, as those of a mail and with the time
// of now, so that nothing else can be signed.
func Finish(q SignRequest, c Certificate, private crypto.Signer, now time.Time) ([]byte, error) {
	kinds, ok := signatureKinds[q.Hash]
	if !ok || len(q.Digest) != q.Hash.Size() {
		return nil, errs.New(errs.Invalid, "the key process does not sign with this hash")
	}
	kind, null := kinds[1], false
	if _, ok := c.x.PublicKey.(*rsa.PublicKey); ok {
		kind, null = kinds[0], true
	}
	attributes, err := attributesOf(q.Digest, now)
	if err != nil {
		return nil, err
	}
	set := cryptobyte.NewBuilder(nil)
	set.AddASN1(tags.SET, func(b *cryptobyte.Builder) { b.AddBytes(attributes) })
	signed, err := set.Bytes()
	if err != nil {
		return nil, err
	}
	h := q.Hash.New()
	h.Write(signed)
	signature, err := private.Sign(rand.Reader, h.Sum(nil), q.Hash)
	if err != nil {
		return nil, errs.Wrap(errs.Internal, "sign", err)
	}
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		addWho(b, c)
		addAlgorithm(b, hashOID(q.Hash), false)
		b.AddASN1(tagConstructed0, func(b *cryptobyte.Builder) { b.AddBytes(attributes) })
		addAlgorithm(b, kind, null)
		b.AddASN1OctetString(signature)
	})
	return b.Bytes()
}

func hashOID(h crypto.Hash) asn1.ObjectIdentifier {
	return map[crypto.Hash]asn1.ObjectIdentifier{crypto.SHA256: idSHA256, crypto.SHA384: idSHA384, crypto.SHA512: idSHA512}[h]
}

func addAlgorithm(b *cryptobyte.Builder, of asn1.ObjectIdentifier, null bool) {
	b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(of)
		if null {
			b.AddASN1NULL()
		}
	})
}

func addWho(b *cryptobyte.Builder, c Certificate) {
	b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(c.x.RawIssuer)
		b.AddASN1BigInt(c.x.SerialNumber)
	})
}

// capabilities are the ciphers that we read, best first.
var capabilities = []int{46, 6, 42, 2}

// attributesOf gives the signed attributes in the order of DER, without the SET around them.
func attributesOf(digest []byte, now time.Time) ([]byte, error) {
	add := func(of asn1.ObjectIdentifier, value func(*cryptobyte.Builder)) ([]byte, error) {
		b := cryptobyte.NewBuilder(nil)
		b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(of)
			b.AddASN1(tags.SET, value)
		})
		return b.Bytes()
	}
	var all [][]byte
	for _, a := range []struct {
		of    asn1.ObjectIdentifier
		value func(*cryptobyte.Builder)
	}{
		{idContentType, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(idData) }},
		{idMessageDigest, func(b *cryptobyte.Builder) { b.AddASN1OctetString(digest) }},
		{idSigningTime, func(b *cryptobyte.Builder) {
			if y := now.UTC().Year(); y >= 1950 && y < 2050 {
				b.AddASN1UTCTime(now.UTC())
			} else {
				b.AddASN1GeneralizedTime(now.UTC())
			}
		}},
		{idCapabilities, func(b *cryptobyte.Builder) {
			b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) {
				for _, n := range capabilities {
					addAlgorithm(b, append(slices.Clone(idAES), n), false)
				}
			})
		}},
	} {
		one, err := add(a.of, a.value)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	slices.SortFunc(all, bytes.Compare)
	return bytes.Join(all, nil), nil
}

// SignMIME wraps a whole MIME entity into multipart/signed (RFC 8551 section 3.5.3). It gives our certificate too, to which a copy can be encrypted. What a
// relay may change on the way is for the caller to encode.
func SignMIME(ctx context.Context, entity []byte, a Agent) (out []byte, ours Certificate, err error) {
	entity = canonical(entity)
	h := signingHash.New()
	h.Write(entity)
	by, err := a.SignSMIME(ctx, SignRequest{Hash: signingHash, Digest: h.Sum(nil)})
	if err != nil {
		return nil, ours, err
	}
	if len(by.Chain) == 0 {
		return nil, ours, errs.New(errs.Unavailable, "the key process gave no certificate")
	}
	if ours, err = ParseCertificate(by.Chain[0]); err != nil {
		return nil, ours, err
	}
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(idSigned)
		b.AddASN1(tagConstructed0, func(b *cryptobyte.Builder) {
			b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(1)
				b.AddASN1(tags.SET, func(b *cryptobyte.Builder) { addAlgorithm(b, hashOID(signingHash), false) })
				b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(idData) })
				b.AddASN1(tagConstructed0, func(b *cryptobyte.Builder) {
					for _, c := range by.Chain {
						b.AddBytes(c)
					}
				})
				b.AddASN1(tags.SET, func(b *cryptobyte.Builder) { b.AddBytes(by.Info) })
			})
		})
	})
	signature, err := b.Bytes()
	if err != nil {
		return nil, ours, err
	}
	mark := "=_" + rand.Text()
	var w bytes.Buffer
	w.WriteString("Content-Type: multipart/signed; micalg=sha-256;\r\n protocol=\"application/pkcs7-signature\"; boundary=\"" + mark + "\"\r\n\r\n--" + mark + "\r\n")
	w.Write(entity)
	w.WriteString("\r\n--" + mark + "\r\nContent-Type: application/pkcs7-signature; name=\"smime.p7s\"\r\nContent-Transfer-Encoding: base64\r\n" +
		"Content-Disposition: attachment; filename=\"smime.p7s\"\r\n\r\n" + lines(signature) + "--" + mark + "--\r\n")
	return w.Bytes(), ours, nil
}

// lines is base64 in lines of 64.
func lines(b []byte) string {
	text := base64.StdEncoding.EncodeToString(b)
	var w strings.Builder
	for len(text) > 0 {
		n := min(len(text), 64)
		w.WriteString(text[:n] + "\r\n")
		text = text[n:]
	}
	return w.String()
}
