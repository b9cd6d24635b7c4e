package smime

import (
	"bytes"
	"crypto"
	_ "crypto/sha256" // the hashes that are named below
	_ "crypto/sha512"
	"encoding/asn1"
	"time"

	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Object identifiers of RFC 5652, 5083, 5084, 5753, 5754, 8017 and 8551.
var (
	idData          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	idSigned        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	idEnveloped     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 3}
	idAuthEnveloped = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 23}
	idContentType   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	idMessageDigest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	idSigningTime   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 5}
	idCapabilities  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 15}
	idSHA1          = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}
	idMD5           = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 5}
	idSHA224        = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 4}
	idSHA256        = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	idSHA384        = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}
	idSHA512        = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}
	idRSA           = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	idOAEP          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 7}
	idMGF1          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 8}
	idPSS           = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
	idECKey         = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	idTripleDES     = asn1.ObjectIdentifier{1, 2, 840, 113549, 3, 7}
	idAES           = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1}
	hashesOf        = map[string]crypto.Hash{idSHA256.String(): crypto.SHA256, idSHA384.String(): crypto.SHA384, idSHA512.String(): crypto.SHA512}
	weakHashes      = []asn1.ObjectIdentifier{idSHA1, idMD5, idSHA224}
	tagContext0     = tags.Tag(0).ContextSpecific()
	tagConstructed0 = tagContext0.Constructed()
	tagConstructed1 = tags.Tag(1).ContextSpecific().Constructed()
)

// maxSigners is how many signatures of one message are looked at.
const maxSigners = 8

var errLimit = errs.New(errs.Invalid, "smime: the message holds more than is read")

// signedData is SignedData of RFC 5652 section 5.1.
type signedData struct {
	data         bool   // the content is data, not something of another type
	content      []byte // nil when it stands outside
	certificates []Certificate
	signers      []signer
}

type signer struct {
	issuer, serial []byte // DER of both; or
	keyID          []byte
	hash           asn1.ObjectIdentifier
	attributes     []byte // as SET in DER; nil for none
	kind           asn1.ObjectIdentifier
	signature      []byte
}

// contentOf takes ContentInfo apart.
func contentOf(b []byte) (kind asn1.ObjectIdentifier, inside cryptobyte.String, err error) {
	der, err := normal(b)
	if err != nil {
		return nil, nil, err
	}
	in := cryptobyte.String(der)
	var info cryptobyte.String
	if !in.ReadASN1(&info, tags.SEQUENCE) || !info.ReadASN1ObjectIdentifier(&kind) || !info.ReadASN1(&inside, tagConstructed0) || !info.Empty() {
		return nil, nil, ErrDamaged
	}
	return kind, inside, nil
}

func readSigned(b []byte) (s signedData, err error) {
	kind, in, err := contentOf(b)
	if err != nil || !kind.Equal(idSigned) {
		return s, ErrDamaged
	}
	var data, encapsulated, explicit, signers, one cryptobyte.String
	var version int
	var of asn1.ObjectIdentifier
	if !in.ReadASN1(&data, tags.SEQUENCE) || !data.ReadASN1Integer(&version) || !data.SkipASN1(tags.SET) || !data.ReadASN1(&encapsulated, tags.SEQUENCE) ||
		!encapsulated.ReadASN1ObjectIdentifier(&of) {
		return s, ErrDamaged
	}
	s.data = of.Equal(idData)
	if !encapsulated.Empty() {
		var content cryptobyte.String
		if !encapsulated.ReadASN1(&explicit, tagConstructed0) || !explicit.ReadASN1(&content, tags.OCTET_STRING) {
			return s, ErrDamaged
		}
		if s.content = content; s.content == nil {
			s.content = []byte{}
		}
	}
	var certificates cryptobyte.String
	var has bool
	if !data.ReadOptionalASN1(&certificates, &has, tagConstructed0) || !data.SkipOptionalASN1(tagConstructed1) {
		return s, ErrDamaged
	}
	for !certificates.Empty() {
		var raw cryptobyte.String
		var tag tags.Tag
		if !certificates.ReadAnyASN1Element(&raw, &tag) {
			return s, ErrDamaged
		}
		if tag != tags.SEQUENCE || len(s.certificates) == maxCertificates {
			continue // attribute certificates and the like prove nothing here
		}
		if c, err := ParseCertificate(raw); err == nil {
			s.certificates = append(s.certificates, c)
		}
	}
	if !data.ReadASN1(&signers, tags.SET) || !data.Empty() {
		return s, ErrDamaged
	}
	for !signers.Empty() {
		if !signers.ReadASN1(&one, tags.SEQUENCE) {
			return s, ErrDamaged
		}
		if len(s.signers) == maxSigners {
			return s, errLimit
		}
		x, err := readSigner(one)
		if err != nil {
			return s, err
		}
		s.signers = append(s.signers, x)
	}
	return s, nil
}

func readSigner(in cryptobyte.String) (s signer, err error) {
	var version int
	if !in.ReadASN1Integer(&version) {
		return s, ErrDamaged
	}
	if s.issuer, s.serial, s.keyID, err = readWho(&in, tagContext0); err != nil {
		return s, err
	}
	var algorithm, attributes, signature cryptobyte.String
	var has bool
	if !in.ReadASN1(&algorithm, tags.SEQUENCE) || !algorithm.ReadASN1ObjectIdentifier(&s.hash) || !in.ReadOptionalASN1(&attributes, &has, tagConstructed0) {
		return s, ErrDamaged
	}
	if has { // they are signed as a SET, whatever tag they stand under
		b := cryptobyte.NewBuilder(make([]byte, 0, len(attributes)+6))
		b.AddASN1(tags.SET, func(b *cryptobyte.Builder) { b.AddBytes(attributes) })
		if s.attributes, err = b.Bytes(); err != nil {
			return s, ErrDamaged
		}
	}
	if !in.ReadASN1(&algorithm, tags.SEQUENCE) || !algorithm.ReadASN1ObjectIdentifier(&s.kind) || !in.ReadASN1(&signature, tags.OCTET_STRING) || !in.SkipOptionalASN1(tagConstructed1) || !in.Empty() {
		return s, ErrDamaged
	}
	s.signature = signature
	return s, nil
}

// readWho reads a choice of issuer with serial number, or a key identifier under the tag.
func readWho(in *cryptobyte.String, key tags.Tag) (issuer, serial, keyID []byte, err error) {
	var who, a, b cryptobyte.String
	switch {
	case in.PeekASN1Tag(tags.SEQUENCE):
		if !in.ReadASN1(&who, tags.SEQUENCE) || !who.ReadASN1Element(&a, tags.SEQUENCE) || !who.ReadASN1Element(&b, tags.INTEGER) || !who.Empty() {
			return nil, nil, nil, ErrDamaged
		}
		return a, b, nil, nil
	case in.ReadASN1(&a, key):
		return nil, nil, a, nil
	}
	return nil, nil, nil, ErrDamaged
}

// names tells whether what a message says of a certificate is this one.
func names(c Certificate, issuer, serial, keyID []byte) bool {
	if keyID != nil {
		return len(keyID) > 0 && bytes.Equal(keyID, c.x.SubjectKeyId)
	}
	own, err := asn1.Marshal(c.x.SerialNumber)
	return err == nil && bytes.Equal(issuer, c.x.RawIssuer) && bytes.Equal(serial, own)
}

// attribute gives the one value of a signed attribute; absent is false without an error, twice or several values is ErrDamaged.
func (s signer) attribute(want asn1.ObjectIdentifier) (value cryptobyte.String, ok bool, err error) {
	in := cryptobyte.String(s.attributes)
	var set cryptobyte.String
	if !in.ReadASN1(&set, tags.SET) {
		return nil, false, ErrDamaged
	}
	for !set.Empty() {
		var one, values, element cryptobyte.String
		var of asn1.ObjectIdentifier
		var tag tags.Tag
		if !set.ReadASN1(&one, tags.SEQUENCE) || !one.ReadASN1ObjectIdentifier(&of) || !one.ReadASN1(&values, tags.SET) {
			return nil, false, ErrDamaged
		}
		if !of.Equal(want) {
			continue
		}
		if ok || !values.ReadAnyASN1Element(&element, &tag) || !values.Empty() {
			return nil, false, ErrDamaged
		}
		value, ok = element, true
	}
	return value, ok, nil
}

// signedAt is the time that the signer states.
func (s signer) signedAt() (time.Time, bool) {
	if s.attributes == nil {
		return time.Time{}, false
	}
	v, ok, err := s.attribute(idSigningTime)
	var t time.Time
	if err != nil || !ok {
		return t, false
	}
	if v.PeekASN1Tag(tags.UTCTime) {
		ok = v.ReadASN1UTCTime(&t)
	} else {
		ok = v.ReadASN1GeneralizedTime(&t)
	}
	return t.UTC(), ok
}

// envelope is EnvelopedData of RFC 5652 section 6.1, or AuthEnvelopedData of RFC 5083.
type envelope struct {
	recipients [][]byte
	cipher     asn1.ObjectIdentifier
	params     cryptobyte.String
	content    []byte
	bound      []byte // the authenticated attributes as SET
	mac        []byte // nil: not authenticated
}

func readEnvelope(b []byte) (e envelope, err error) {
	kind, in, err := contentOf(b)
	if err != nil {
		return e, err
	}
	authenticated := kind.Equal(idAuthEnveloped)
	if !authenticated && !kind.Equal(idEnveloped) {
		return e, ErrDamaged
	}
	var data, recipients, info, algorithm cryptobyte.String
	var version int
	var of asn1.ObjectIdentifier
	if !in.ReadASN1(&data, tags.SEQUENCE) || !data.ReadASN1Integer(&version) || !data.SkipOptionalASN1(tagConstructed0) || !data.ReadASN1(&recipients, tags.SET) ||
		!data.ReadASN1(&info, tags.SEQUENCE) || !info.ReadASN1ObjectIdentifier(&of) || !info.ReadASN1(&algorithm, tags.SEQUENCE) || !algorithm.ReadASN1ObjectIdentifier(&e.cipher) {
		return e, ErrDamaged
	}
	e.params = algorithm
	for !recipients.Empty() {
		var one cryptobyte.String
		var tag tags.Tag
		if !recipients.ReadAnyASN1Element(&one, &tag) {
			return e, ErrDamaged
		}
		if len(e.recipients) == MaxRecipients {
			return e, errLimit
		}
		if len(one) <= MaxRecipientBytes {
			e.recipients = append(e.recipients, one)
		}
	}
	if e.content, err = readContent(&info); err != nil {
		return e, err
	}
	if !authenticated {
		return e, nil
	}
	var bound, mac cryptobyte.String
	var has bool
	if !data.ReadOptionalASN1(&bound, &has, tagConstructed1) || !data.ReadASN1(&mac, tags.OCTET_STRING) {
		return e, ErrDamaged
	}
	if e.mac = mac; e.mac == nil {
		e.mac = []byte{}
	}
	if has {
		b := cryptobyte.NewBuilder(nil)
		b.AddASN1(tags.SET, func(b *cryptobyte.Builder) { b.AddBytes(bound) })
		e.bound, err = b.Bytes()
	}
	return e, err
}

// readContent reads [0] IMPLICIT OCTET STRING, in one piece or several.
func readContent(in *cryptobyte.String) ([]byte, error) {
	var whole, pieces, piece cryptobyte.String
	if in.PeekASN1Tag(tagContext0) {
		if !in.ReadASN1(&whole, tagContext0) {
			return nil, ErrDamaged
		}
		return whole, nil
	}
	if !in.ReadASN1(&pieces, tagConstructed0) {
		return nil, ErrDamaged
	}
	out := make([]byte, 0, len(pieces))
	for !pieces.Empty() {
		if !pieces.ReadASN1(&piece, tags.OCTET_STRING) {
			return nil, ErrDamaged
		}
		out = append(out, piece...)
	}
	return out, nil
}
