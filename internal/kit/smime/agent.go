package smime

import (
	"context"
	"crypto"
	"log/slog"
)

// Agent is the key process as this package sees it: two calls, and no way to take a key out.
type Agent interface {
	// SignSMIME signs a content of which it gets the digest alone. It writes the signed attributes itself, so that only a signature over a mail can come
	// out, never a certificate or a proof to a server.
	SignSMIME(ctx context.Context, r SignRequest) (SignedBy, error)
	// UnwrapSMIME gives the key of an encrypted content, or pgp.ErrNotUnwrapped whatever the cause.
	UnwrapSMIME(ctx context.Context, r UnwrapRequest) (ContentKey, error)
}

// SignRequest asks for a signature over a content.
type SignRequest struct {
	Hash   crypto.Hash // SHA-256, SHA-384 or SHA-512
	Digest []byte      // of the content
}

// SignedBy is what comes of it: a SignerInfo (RFC 5652 section 5.3) and the certificates that a reader needs, the signer's first; all DER.
type SignedBy struct {
	Info  []byte
	Chain [][]byte
}

// UnwrapRequest carries the recipients of one message, each a RecipientInfo in DER, and how long its key must be.
type UnwrapRequest struct {
	Recipients [][]byte
	Size       int // bytes: 16, 24 or 32
}

// Limits of a request for unwrapping.
const (
	MaxRecipients     = 32
	MaxRecipientBytes = 4 << 10
)

// ContentKey opens one message. It prints as dots.
type ContentKey struct {
	Key         []byte // secret
	Fingerprint string // of the certificate that it was encrypted to
}

const hidden = "•••"

// String hides the key.
func (ContentKey) String() string { return hidden }

// GoString hides the key.
func (ContentKey) GoString() string { return hidden }

// MarshalText hides the key, in JSON too.
func (ContentKey) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// LogValue hides the key.
func (ContentKey) LogValue() slog.Value { return slog.StringValue(hidden) }
