package smime

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/asn1"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
)

// Verdicts beside those of package pgp.
const (
	// Chained says that the bytes agree, and that an authority whom the house trusts gave the certificate to the sender's address. Nobody approved it.
	Chained pgp.Status = "chained"
	// OtherAddress says that the bytes agree, with a certificate in the name of another address.
	OtherAddress pgp.Status = "other_address"
)

// check is what signatures are held against.
type check struct {
	approved []Certificate
	trust    *Trust
	from     string
	date     time.Time
	now      time.Time
}

// signatures checks each signature over the content. Intact tells whether one of them agrees with the bytes, whoever made it.
func (k check) signatures(s signedData, content []byte) (out []pgp.Signature, intact bool) {
	for _, x := range s.signers {
		sig, ok := k.signature(s, x, content)
		out = append(out, sig)
		intact = intact || ok
	}
	return out, intact
}

func (k check) signature(s signedData, x signer, content []byte) (sig pgp.Signature, intact bool) {
	sig.Time, _ = x.signedAt()
	hash, known := hashesOf[x.hash.String()]
	if slices.ContainsFunc(weakHashes, x.hash.Equal) {
		sig.Status = pgp.WeakKey
		return sig, false
	}
	if !known || !s.data {
		sig.Status = pgp.NotSupported
		return sig, false
	}
	signed, ok := x.covers(content, hash)
	var by Certificate
	named := false
	for i, c := range slices.Concat(k.approved, s.certificates) {
		if i > len(k.approved)+maxCertificates || !names(c, x.issuer, x.serial, x.keyID) {
			continue
		}
		if named = true; by.IsZero() {
			by = c
		}
		if ok && x.agrees(c, signed, hash) {
			by, intact = c, true
			break
		}
	}
	if named {
		sig.Fingerprint = by.Fingerprint()
		sig.KeyID = sig.Fingerprint[len(sig.Fingerprint)-16:]
		if slices.ContainsFunc(k.approved, by.equal) {
			sig.Key = sig.Fingerprint
		}
	}
	switch {
	case !named && !ok, named && !intact:
		sig.Status = pgp.Bad
	case !named:
		sig.Status = pgp.UnknownKey
	default:
		sig.Status = k.judge(by, sig, s.certificates)
	}
	return sig, intact
}

// judge says what a signature is worth whose bytes agree.
func (k check) judge(c Certificate, sig pgp.Signature, with []Certificate) pgp.Status {
	switch t := sig.Time; {
	case c.weak():
		return pgp.WeakKey
	case t.IsZero(), t.After(k.now.Add(pgp.TimeSlack)), !k.date.IsZero() && (t.Sub(k.date) > pgp.TimeSlack || k.date.Sub(t) > pgp.TimeSlack):
		return pgp.TimeOff // one without a time could be any mail of the past
	case !c.valid(t):
		return pgp.ExpiredKey
	case !c.signs():
		return pgp.UnfitKey
	case k.trust.withdrawn(c, with, t):
		return pgp.RevokedKey
	case sig.Key != "":
		return pgp.Good
	case !c.Has(k.from):
		return OtherAddress
	}
	if _, ok := k.trust.chained(c, with, sig.Time); ok {
		return Chained
	}
	return pgp.UnknownKey
}

// covers gives the bytes that were signed, and whether they speak of this content. Without signed attributes they are the content itself; one that
// could be read as such attributes is refused, because the signature of another message would fit it.
func (s signer) covers(content []byte, hash crypto.Hash) ([]byte, bool) {
	if s.attributes == nil {
		return content, len(content) == 0 || content[0] != byte(tags.SET)
	}
	kind, ok, err := s.attribute(idContentType)
	if err != nil || !ok {
		return nil, false
	}
	var of asn1.ObjectIdentifier
	if !kind.ReadASN1ObjectIdentifier(&of) || !of.Equal(idData) {
		return nil, false
	}
	digest, ok, err := s.attribute(idMessageDigest)
	var sum cryptobyte.String
	if err != nil || !ok || !digest.ReadASN1(&sum, tags.OCTET_STRING) {
		return nil, false
	}
	h := hash.New()
	h.Write(content)
	return s.attributes, bytes.Equal(sum, h.Sum(nil))
}

func (s signer) agrees(c Certificate, signed []byte, hash crypto.Hash) bool {
	h := hash.New()
	h.Write(signed)
	sum := h.Sum(nil)
	switch key := c.x.PublicKey.(type) {
	case *rsa.PublicKey:
		if s.kind.Equal(idPSS) {
			return rsa.VerifyPSS(key, hash, sum, s.signature, nil) == nil
		}
		return rsa.VerifyPKCS1v15(key, hash, sum, s.signature) == nil
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(key, sum, s.signature)
	case ed25519.PublicKey:
		return ed25519.Verify(key, signed, s.signature)
	}
	return false
}
