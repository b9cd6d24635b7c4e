package pgp

import (
	"crypto"
	"crypto/rsa"
	"fmt"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

const (
	minRSABits = 2048
	oldRSABits = 1024 // below it nothing is even looked at
	maxRSABits = 8192 // larger ones only cost time
)

// strict is what a key needs for new trust (P9): no SHA-1 or MD5 in its own signatures, RSA of 2,048 bits or more, no DSA or ElGamal.
func strict(now time.Time) *packet.Config {
	c := loose(now)
	c.MinRSABits = minRSABits
	c.RejectHashAlgorithms = map[crypto.Hash]bool{crypto.MD5: true, crypto.SHA1: true, crypto.RIPEMD160: true}
	c.RejectMessageHashAlgorithms = c.RejectHashAlgorithms
	return c
}

// loose tells apart "weak" from "not valid at all".
func loose(now time.Time) *packet.Config {
	return &packet.Config{
		Time:                        func() time.Time { return now },
		MinRSABits:                  1,
		RejectPublicKeyAlgorithms:   map[packet.PublicKeyAlgorithm]bool{packet.PubKeyAlgoDSA: true, packet.PubKeyAlgoElGamal: true},
		RejectHashAlgorithms:        map[crypto.Hash]bool{crypto.MD5: true},
		RejectMessageHashAlgorithms: map[crypto.Hash]bool{crypto.MD5: true},
	}
}

func weakHash(h crypto.Hash) bool {
	return h == crypto.MD5 || h == crypto.SHA1 || h == crypto.RIPEMD160
}

func weakKey(pk *packet.PublicKey) bool {
	switch pk.PubKeyAlgo {
	case packet.PubKeyAlgoDSA, packet.PubKeyAlgoElGamal:
		return true
	case packet.PubKeyAlgoRSA, packet.PubKeyAlgoRSAEncryptOnly, packet.PubKeyAlgoRSASignOnly:
		n, err := pk.BitLength()
		return err != nil || n < minRSABits
	case packet.PubKeyAlgoECDSA, packet.PubKeyAlgoECDH:
		c, err := pk.Curve()
		return err != nil || c == packet.CurveSecP256k1
	}
	return false
}

func absurd(pk *packet.PublicKey) bool {
	k, ok := pk.PublicKey.(*rsa.PublicKey)
	return ok && (k.N.BitLen() > maxRSABits || k.N.BitLen() < oldRSABits)
}

func algorithmName(pk *packet.PublicKey) string {
	switch pk.PubKeyAlgo {
	case packet.PubKeyAlgoRSA, packet.PubKeyAlgoRSAEncryptOnly, packet.PubKeyAlgoRSASignOnly:
		n, _ := pk.BitLength()
		return fmt.Sprintf("RSA %d", n)
	case packet.PubKeyAlgoDSA:
		return "DSA"
	case packet.PubKeyAlgoElGamal:
		return "ElGamal"
	case packet.PubKeyAlgoEdDSA, packet.PubKeyAlgoEd25519:
		return "Ed25519"
	case packet.PubKeyAlgoX25519:
		return "X25519"
	case packet.PubKeyAlgoEd448:
		return "Ed448"
	case packet.PubKeyAlgoX448:
		return "X448"
	case packet.PubKeyAlgoECDSA, packet.PubKeyAlgoECDH:
		c, _ := pk.Curve()
		if c == packet.Curve25519 {
			return "X25519"
		}
		return string(c)
	}
	return fmt.Sprintf("algorithm %d", pk.PubKeyAlgo)
}

// Fault says why a key cannot be used.
type Fault string

// The faults of a key.
const (
	Expired Fault = "expired"
	Revoked Fault = "revoked"
	Weak    Fault = "weak"
	NotYet  Fault = "not_yet" // made after the time asked about
	Unfit   Fault = "unfit"   // no part of it is for this use
	NoKey   Fault = "no_key"
)

// KeyError refuses the use of a key. Its kind is Conflict: another key or a renewed one helps.
type KeyError struct {
	Fault       Fault
	Fingerprint string
}

func (e *KeyError) Error() string { return e.Unwrap().Error() }

// Unwrap gives the refusal with its kind.
func (e *KeyError) Unwrap() error {
	texts := map[Fault]string{
		Expired: "the key has expired", Revoked: "the key is revoked", Weak: "the key is too weak to be trusted",
		NotYet: "the key is not valid yet", Unfit: "the key is not made for this use", NoKey: "there is no key",
	}
	return &errs.Error{Kind: errs.Conflict, Key: "error.key." + string(e.Fault), Text: texts[e.Fault]}
}
