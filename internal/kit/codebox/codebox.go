// Package codebox seals texts to a code that somebody holds: the code makes a key pair (X25519, by HKDF-SHA-256), the public half seals with HPKE
// (RFC 9180: DHKEM X25519, HKDF-SHA-256, AES-256-GCM), and only who has the code opens. Who keeps the public half and the hash of the code can
// neither open what was sealed nor name the code.
package codebox

import (
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/hpke"
	"crypto/sha256"
	"fmt"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// Key makes the private key of a code for one purpose; codes of another purpose have others.
func Key(code id.Secret, purpose string) (hpke.PrivateKey, error) {
	raw, err := hkdf.Key(sha256.New, []byte(code.Reveal()), nil, purpose, 32)
	if err != nil {
		return nil, err
	}
	k, err := ecdh.X25519().NewPrivateKey(raw)
	if err != nil {
		return nil, err
	}
	return hpke.NewDHKEMPrivateKey(k)
}

// Halves gives what is kept of a code: its hash and the public key.
func Halves(code id.Secret, purpose string) (hash, public []byte) {
	k, err := Key(code, purpose)
	if err != nil {
		panic(err) // 32 bytes of HKDF are an X25519 key
	}
	return code.Hash(), k.PublicKey().Bytes()
}

// Suite is the key derivation and the cipher that all boxes use.
func Suite() (hpke.KDF, hpke.AEAD) { return hpke.HKDFSHA256(), hpke.AES256GCM() }

// Seal seals a text to a public key; info says what it is and is bound to it.
func Seal(public []byte, info string, plain []byte) ([]byte, error) {
	k, err := ecdh.X25519().NewPublicKey(public)
	if err != nil {
		return nil, errs.Wrap(errs.Invalid, "this is no key", err)
	}
	p, err := hpke.NewDHKEMPublicKey(k)
	if err != nil {
		return nil, errs.Wrap(errs.Invalid, "this is no key", err)
	}
	kdf, aead := Suite()
	return hpke.Seal(p, kdf, aead, []byte(info), plain)
}

// Open opens with the code what was sealed to its public key under the same info.
func Open(code id.Secret, purpose, info string, sealed []byte) ([]byte, error) {
	k, err := Key(code, purpose)
	if err != nil {
		return nil, err
	}
	kdf, aead := Suite()
	plain, err := hpke.Open(k, kdf, aead, []byte(info), sealed)
	if err != nil {
		return nil, fmt.Errorf("open what was sealed to a code: %w", err)
	}
	return plain, nil
}
