package pgp

import (
	"context"
	"crypto"
	"encoding"
	"hash"
	"log/slog"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Purpose says what a signature is for; each has a signing subkey of its own.
type Purpose string

// The purposes that the key process signs for.
const (
	Mail        Purpose = "mail"
	Publication Purpose = "publication"
)

// Agent is the key process as its callers see it: two calls, and no way to take a key out.
type Agent interface {
	// Sign finishes a signature over content that the caller hashed, and gives the binary signature packet.
	Sign(ctx context.Context, r SignRequest) ([]byte, error)
	// Unwrap gives the session key of a message, or ErrNotUnwrapped whatever the cause.
	Unwrap(ctx context.Context, r UnwrapRequest) (SessionKey, error)
}

// SignRequest carries the state of a hash over the content, not the content. (At most the last unfilled block of it, below 128 bytes,
// is part of such a state.) The key process writes the trailer, so only a document signature can come out, never a certification.
type SignRequest struct {
	Purpose Purpose
	Hash    crypto.Hash // SHA-256, SHA-384 or SHA-512
	State   []byte      // encoding.BinaryMarshaler of the hash
	Text    bool        // signature over canonical text (clear-signed) instead of over bytes
}

// UnwrapRequest carries the serialised recipient packets (PKESK) of one message, at most MaxRecipients.
type UnwrapRequest struct {
	Packets [][]byte
}

// Limits of a request for unwrapping.
const (
	MaxRecipients     = 32
	MaxHiddenTrials   = 3
	MaxRecipientBytes = 4 << 10
)

// ErrNotUnwrapped is the key process's only "no" to Unwrap: it does not say whether a key is missing or a packet is wrong.
var ErrNotUnwrapped = errs.New(errs.Invalid, "the message cannot be decrypted with the keys here")

// SessionKey opens one message. It prints as dots.
type SessionKey struct {
	Cipher      uint8  // OpenPGP number of the cipher; 0 when the message itself names it
	Key         []byte // secret
	Fingerprint string // of the certificate that it was encrypted to, upper-case hex
}

const hidden = "•••"

// String hides the key.
func (SessionKey) String() string { return hidden }

// GoString hides the key.
func (SessionKey) GoString() string { return hidden }

// MarshalText hides the key, in JSON too.
func (SessionKey) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue hides the key.
func (SessionKey) LogValue() slog.Value { return slog.StringValue(hidden) }

// signingHash is used for everything we sign: every algorithm may sign it, and it is strong enough for the largest curve.
const (
	signingHash   = crypto.SHA512
	signingMicalg = "pgp-sha512"
	signingName   = "SHA512"
)

func signState(ctx context.Context, a Agent, p Purpose, h hash.Hash, text bool) ([]byte, error) {
	state, err := h.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		return nil, err
	}
	return a.Sign(ctx, SignRequest{Purpose: p, Hash: signingHash, State: state, Text: text})
}
