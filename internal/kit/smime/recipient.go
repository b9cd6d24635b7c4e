package smime

import (
	"crypto"
	"crypto/aes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1" //nolint:gosec // what others derive keys with
	"crypto/subtle"
	"encoding/asn1"
	"encoding/binary"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
)

// Ways to agree on a key (RFC 5753): the same with and without cofactor on the curves that we know.
var agreements = map[string]crypto.Hash{
	"1.3.133.16.840.63.0.2": crypto.SHA1, "1.3.133.16.840.63.0.3": crypto.SHA1,
	"1.3.132.1.11.1": crypto.SHA256, "1.3.132.1.11.2": crypto.SHA384, "1.3.132.1.11.3": crypto.SHA512,
	"1.3.132.1.14.1": crypto.SHA256, "1.3.132.1.14.2": crypto.SHA384, "1.3.132.1.14.3": crypto.SHA512,
}

// wraps are the AES key wraps of RFC 3565 and the bytes of their keys.
var wraps = map[string]int{"2.16.840.1.101.3.4.1.5": 16, "2.16.840.1.101.3.4.1.25": 24, "2.16.840.1.101.3.4.1.45": 32}

// Recipient is one reader of a message, by certificate.
type Recipient struct {
	issuer, serial, keyID []byte
	kind                  asn1.ObjectIdentifier
	params                cryptobyte.String
	point                 []byte // the sender's, when a key is agreed on
	material              []byte // of the user
	wrapped               []byte
}

// ParseRecipient reads a RecipientInfo: key transport gives one, key agreement as many as it names; other kinds give none.
func ParseRecipient(der []byte) ([]Recipient, error) {
	in := cryptobyte.String(der)
	var body, algorithm, wrapped cryptobyte.String
	var version int
	var r Recipient
	var err error
	switch {
	case len(der) > MaxRecipientBytes:
		return nil, ErrDamaged
	case in.PeekASN1Tag(tags.SEQUENCE):
		if !in.ReadASN1(&body, tags.SEQUENCE) || !body.ReadASN1Integer(&version) {
			return nil, ErrDamaged
		}
		if r.issuer, r.serial, r.keyID, err = readWho(&body, tagContext0); err != nil {
			return nil, err
		}
		if !body.ReadASN1(&algorithm, tags.SEQUENCE) || !algorithm.ReadASN1ObjectIdentifier(&r.kind) || !body.ReadASN1(&wrapped, tags.OCTET_STRING) {
			return nil, ErrDamaged
		}
		r.params, r.wrapped = algorithm, wrapped
		return []Recipient{r}, nil
	case in.ReadASN1(&body, tagConstructed1):
		return readAgreement(body)
	}
	return nil, nil
}

func readAgreement(body cryptobyte.String) (out []Recipient, err error) {
	var origin, key, algorithm, list cryptobyte.String
	var version int
	var r Recipient
	if !body.ReadASN1Integer(&version) || !body.ReadASN1(&origin, tagConstructed0) || !origin.ReadASN1(&key, tagConstructed1) ||
		!key.SkipASN1(tags.SEQUENCE) || !key.ReadASN1BitStringAsBytes(&r.point) {
		return nil, ErrDamaged
	}
	var has bool
	var explicit, material cryptobyte.String
	if !body.ReadOptionalASN1(&explicit, &has, tagConstructed1) || has && !explicit.ReadASN1(&material, tags.OCTET_STRING) {
		return nil, ErrDamaged
	}
	r.material = material
	if !body.ReadASN1(&algorithm, tags.SEQUENCE) || !algorithm.ReadASN1ObjectIdentifier(&r.kind) || !body.ReadASN1(&list, tags.SEQUENCE) {
		return nil, ErrDamaged
	}
	r.params = algorithm
	for !list.Empty() && len(out) < MaxRecipients {
		var one, wrapped, ident, id cryptobyte.String
		x := r
		if !list.ReadASN1(&one, tags.SEQUENCE) {
			return nil, ErrDamaged
		}
		if one.PeekASN1Tag(tagConstructed0) {
			if !one.ReadASN1(&ident, tagConstructed0) || !ident.ReadASN1(&id, tags.OCTET_STRING) {
				return nil, ErrDamaged
			}
			x.keyID = id
		} else if x.issuer, x.serial, x.keyID, err = readWho(&one, tagContext0); err != nil {
			return nil, err
		}
		if !one.ReadASN1(&wrapped, tags.OCTET_STRING) {
			return nil, ErrDamaged
		}
		x.wrapped = wrapped
		out = append(out, x)
	}
	return out, nil
}

// For tells whether the certificate is the one that is named.
func (r Recipient) For(c Certificate) bool { return names(c, r.issuer, r.serial, r.keyID) }

// Open gives the key of the content, of size bytes, or pgp.ErrNotUnwrapped. It is for the key process: nobody else has a private key. What stands behind
// PKCS #1 v1.5 is not told from a wrong padding: a random key comes out then, and the content does not open.
func (r Recipient) Open(private crypto.PrivateKey, size int) ([]byte, error) {
	var key []byte
	var err error
	switch k := private.(type) {
	case *rsa.PrivateKey:
		key, err = r.transported(k, size)
	case *ecdsa.PrivateKey:
		var d *ecdh.PrivateKey
		if d, err = k.ECDH(); err == nil {
			key, err = r.agreed(d)
		}
	default:
		return nil, pgp.ErrNotUnwrapped
	}
	if err != nil || len(key) != size {
		return nil, pgp.ErrNotUnwrapped
	}
	return key, nil
}

func (r Recipient) transported(k *rsa.PrivateKey, size int) ([]byte, error) {
	switch {
	case r.kind.Equal(idRSA):
		key := make([]byte, size)
		if _, err := rand.Read(key); err != nil {
			return nil, err
		}
		//lint:ignore SA1019 most programs still write it, and this function keeps it from answering guesses
		err := rsa.DecryptPKCS1v15SessionKey(nil, k, r.wrapped, key) //nolint:staticcheck // as above
		return key, err
	case r.kind.Equal(idOAEP):
		o, err := readOAEP(r.params)
		if err != nil {
			return nil, err
		}
		return k.Decrypt(nil, r.wrapped, o)
	}
	return nil, ErrDamaged
}

var oaepHashes = map[string]crypto.Hash{idSHA1.String(): crypto.SHA1, idSHA256.String(): crypto.SHA256, idSHA384.String(): crypto.SHA384, idSHA512.String(): crypto.SHA512}

// readOAEP reads RSAES-OAEP-params of RFC 8017 section A.2.1; a label is not read.
func readOAEP(in cryptobyte.String) (*rsa.OAEPOptions, error) {
	o := &rsa.OAEPOptions{Hash: crypto.SHA1, MGFHash: crypto.SHA1}
	if in.Empty() {
		return o, nil
	}
	var params, part, algorithm cryptobyte.String
	var has bool
	var of asn1.ObjectIdentifier
	if !in.ReadASN1(&params, tags.SEQUENCE) || !params.ReadOptionalASN1(&part, &has, tagConstructed0) {
		return nil, ErrDamaged
	}
	if has {
		if !part.ReadASN1(&algorithm, tags.SEQUENCE) || !algorithm.ReadASN1ObjectIdentifier(&of) {
			return nil, ErrDamaged
		}
		if o.Hash = oaepHashes[of.String()]; o.Hash == 0 {
			return nil, ErrDamaged
		}
	}
	if !params.ReadOptionalASN1(&part, &has, tagConstructed1) {
		return nil, ErrDamaged
	}
	if has {
		var mask cryptobyte.String
		if !part.ReadASN1(&algorithm, tags.SEQUENCE) || !algorithm.ReadASN1ObjectIdentifier(&of) || !of.Equal(idMGF1) || !algorithm.ReadASN1(&mask, tags.SEQUENCE) || !mask.ReadASN1ObjectIdentifier(&of) {
			return nil, ErrDamaged
		}
		if o.MGFHash = oaepHashes[of.String()]; o.MGFHash == 0 {
			return nil, ErrDamaged
		}
	}
	if !params.Empty() {
		return nil, ErrDamaged
	}
	return o, nil
}

func (r Recipient) agreed(d *ecdh.PrivateKey) ([]byte, error) {
	hash, ok := agreements[r.kind.String()]
	wrap := slices.Clone(r.params)
	var inner cryptobyte.String
	var of asn1.ObjectIdentifier
	if in := wrap; !ok || !in.ReadASN1(&inner, tags.SEQUENCE) || !in.Empty() || !inner.ReadASN1ObjectIdentifier(&of) || wraps[of.String()] == 0 {
		return nil, ErrDamaged
	}
	theirs, err := d.Curve().NewPublicKey(r.point)
	if err != nil {
		return nil, ErrDamaged
	}
	shared, err := d.ECDH(theirs)
	if err != nil {
		return nil, ErrDamaged
	}
	kek, err := derive(hash, shared, wrap, r.material, wraps[of.String()])
	if err != nil {
		return nil, err
	}
	return unwrapKey(kek, r.wrapped)
}

// derive is the key derivation of ANSI X9.63 with ECC-CMS-SharedInfo (RFC 5753 section 7.2); wrap is the AlgorithmIdentifier of the key wrap.
func derive(hash crypto.Hash, shared, wrap, material []byte, size int) ([]byte, error) {
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(tags.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(wrap)
		if material != nil {
			b.AddASN1(tagConstructed0, func(b *cryptobyte.Builder) { b.AddASN1OctetString(material) })
		}
		b.AddASN1(tags.Tag(2).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) {
			b.AddASN1OctetString(binary.BigEndian.AppendUint32(nil, uint32(size)*8))
		})
	})
	info, err := b.Bytes()
	if err != nil {
		return nil, err
	}
	var out []byte
	for i := uint32(1); len(out) < size; i++ {
		h := hash.New()
		h.Write(shared)
		h.Write(binary.BigEndian.AppendUint32(nil, i))
		h.Write(info)
		out = h.Sum(out)
	}
	return out[:size], nil
}

var wrapStart = []byte{0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6}

// unwrapKey is RFC 3394 section 2.2.2.
func unwrapKey(kek, b []byte) ([]byte, error) {
	n := len(b)/8 - 1
	if len(b)%8 != 0 || n < 2 || n > 8 {
		return nil, ErrDamaged
	}
	block, err := aes.NewCipher(kek)
	if err != nil {
		return nil, err
	}
	r := slices.Clone(b)
	var x [16]byte
	copy(x[:8], r[:8])
	for j := 5; j >= 0; j-- {
		for i := n; i >= 1; i-- {
			t := binary.BigEndian.Uint64(x[:8]) ^ uint64(n*j+i)
			binary.BigEndian.PutUint64(x[:8], t)
			copy(x[8:], r[8*i:8*i+8])
			block.Decrypt(x[:], x[:])
			copy(r[8*i:], x[8:])
		}
	}
	if subtle.ConstantTimeCompare(x[:8], wrapStart) != 1 {
		return nil, ErrDamaged
	}
	return r[8:], nil
}

// wrapKey is RFC 3394 section 2.2.1.
func wrapKey(kek, key []byte) ([]byte, error) {
	block, err := aes.NewCipher(kek)
	if err != nil || len(key)%8 != 0 {
		return nil, ErrDamaged
	}
	n := len(key) / 8
	r := append(slices.Clone(wrapStart), key...)
	var x [16]byte
	copy(x[:8], wrapStart)
	for j := range 6 {
		for i := 1; i <= n; i++ {
			copy(x[8:], r[8*i:8*i+8])
			block.Encrypt(x[:], x[:])
			t := binary.BigEndian.Uint64(x[:8]) ^ uint64(n*j+i)
			binary.BigEndian.PutUint64(x[:8], t)
			copy(r[8*i:], x[8:])
		}
	}
	copy(r[:8], x[:8])
	return r, nil
}
