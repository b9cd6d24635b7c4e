package smime

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des" //nolint:gosec // mail of others: what it protects is never more than Unprotected
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
)

// Input is a mail, and what to check it against.
type Input struct {
	Message  *mail.Message
	Approved []Certificate // of the sender's contact: whom one trusts is the caller's matter
	Trust    *Trust        // nil: no authority
	From     string        // the address that the mail claims
	Agent    Agent         // nil: encrypted mail stays closed
	Date     time.Time     // of the mail; zero: not compared with the signature's
	Now      time.Time     // must be set
}

// Result is what the outermost layers are and what is under them, in the words of package pgp: Signature.Key is the fingerprint of an approved
// certificate, and Signature.Fingerprint that of any that was found.
type Result struct {
	pgp.Result
	Form         Form
	Certificates []Certificate // that came with the message and name the sender's address
}

// Open takes off the outermost S/MIME layers of a mail. What is wrong with the mail is in the Result, whose Form is None when it is no S/MIME; an error
// means that the key process could not be asked or refused for its load (kind Unavailable or Limit).
func Open(ctx context.Context, in Input) (Result, error) {
	k := check{approved: in.Approved, trust: in.Trust, from: in.From, date: in.Date, now: in.Now}
	form, content, err := Look(in.Message)
	r := Result{Form: form, Result: pgp.Result{State: pgp.None, Form: pgp.Entity}}
	switch form {
	case None:
		return r, nil
	case Signed, Opaque:
		r.State = pgp.Signed
		if err != nil {
			r.Reason = pgp.Malformed
			return r, nil
		}
		k.open(&r, in.Message, content)
		if sealedInside(r.Plain) {
			r.Reason = pgp.SealedInsideSig
		}
	case Encrypted:
		r.State, r.CameEncrypted = pgp.Encrypted, true
		if err := decrypt(ctx, in, &r, k); err != nil {
			return Result{}, err
		}
	}
	if r.Plain != nil {
		r.HeaderScheme, r.Headers = pgp.Protected(r.Plain)
	}
	return r, nil
}

// open checks what is signed in m, of which Look gave the content when it is in one piece. It tells whether a signature agrees with the bytes.
func (k check) open(r *Result, m *mail.Message, content []byte) (intact bool) {
	cms, detached := m.Root.Bytes, false
	if r.Plain = content; content == nil {
		if m.Root.Type == "multipart/signed" {
			if cms = nil; len(m.Root.Parts) == 2 && !m.Root.Parts[1].Undeclared && signatureType(m.Root.Parts[1].Type) && !m.Odd(mail.NoClose, mail.RepeatedParameter) {
				content, cms, detached = m.Root.Parts[0].RawEntity(), m.Root.Parts[1].Bytes, true
				r.Plain = content
			}
		}
		if cms == nil {
			r.State, r.Reason, r.Plain = pgp.None, pgp.Malformed, nil
			return false
		}
	}
	s, err := readSigned(cms)
	switch {
	case errors.Is(err, errLimit):
		r.Reason = pgp.OverLimit
		return false
	case err != nil, detached != (s.content == nil), !detached && !bytes.Equal(s.content, content), len(s.signers) == 0:
		r.Reason = pgp.Malformed
		return false
	}
	if detached {
		content = canonical(content)
	}
	for _, c := range s.certificates {
		if c.Has(k.from) {
			r.Certificates = append(r.Certificates, c)
		}
	}
	r.Signatures, intact = k.signatures(s, content)
	return intact
}

func signatureType(t string) bool {
	return t == "application/pkcs7-signature" || t == "application/x-pkcs7-signature"
}

// sealedInside tells whether an entity is itself encrypted.
func sealedInside(entity []byte) bool {
	form, _, _ := Look(mail.Parse(entity))
	return form == Encrypted
}

// canonical gives every line the end CRLF.
func canonical(b []byte) []byte {
	if bytes.Count(b, []byte("\n")) == bytes.Count(b, []byte("\r\n")) {
		return b
	}
	return bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
}

func decrypt(ctx context.Context, in Input, r *Result, k check) error {
	e, err := readEnvelope(in.Message.Root.Bytes)
	if err != nil {
		if r.Reason = pgp.Malformed; errors.Is(err, errLimit) {
			r.Reason = pgp.OverLimit
		}
		return nil
	}
	size, open := e.opener()
	switch {
	case open == nil:
		r.Reason = pgp.UnknownCipher
		return nil
	case in.Agent == nil:
		r.Reason = pgp.NoAgent
		return nil
	case len(e.recipients) == 0:
		r.Reason = pgp.NotForUs
		return nil
	}
	key, err := in.Agent.UnwrapSMIME(ctx, UnwrapRequest{Recipients: e.recipients, Size: size})
	switch {
	case errors.Is(err, pgp.ErrNotUnwrapped):
		r.Reason = pgp.NotForUs
		return nil
	case errs.Is(err, errs.Internal):
		return errs.Wrap(errs.Unavailable, "ask the key process", err)
	case err != nil:
		return err
	}
	defer clear(key.Key)
	r.Recipient = key.Fingerprint
	plain, err := open(key.Key)
	if err != nil {
		r.Reason = pgp.Tampered
		return nil
	}
	// A signature that is the whole of what was encrypted is the second of the outermost layers.
	inner := mail.Parse(plain)
	form, content, err := Look(inner)
	intact := false
	switch {
	case form == Encrypted:
		r.Reason = pgp.NestedLayers
		return nil
	case err == nil && (form == Signed || form == Opaque):
		if intact = k.open(r, inner, content); r.State != pgp.None {
			r.State = pgp.SignedEncrypted
		}
	}
	switch {
	case r.State == pgp.SignedEncrypted && (intact || e.mac != nil):
	case e.mac != nil:
		r.State, r.Plain, r.Signatures, r.Reason = pgp.Encrypted, plain, nil, pgp.Fine
	default: // nothing protects it against change: whoever changed it on the way must not have it read (rule P5)
		r.State, r.Plain, r.Signatures, r.Certificates = pgp.Encrypted, nil, nil, nil
		r.Unprotected, r.Reason = plain, pgp.NoIntegrity
	}
	return nil
}

// ReadUnprotected gives the text of Result.Unprotected for a person who asked to see it: words alone, with the targets of links written out.
func ReadUnprotected(entity []byte) string {
	m := mail.Parse(entity)
	if _, content, err := Look(m); err == nil && content != nil {
		m = mail.Parse(content)
	}
	return m.Body().Text
}

var errTampered = errs.New(errs.Invalid, "smime: the content was changed or cut")

// opener gives how long the key of the content must be, and the function that opens it; nil when we do not know the cipher.
func (e envelope) opener() (size int, open func(key []byte) ([]byte, error)) {
	if e.cipher.Equal(idTripleDES) && e.mac == nil {
		return 24, func(key []byte) ([]byte, error) {
			b, err := des.NewTripleDESCipher(key) //nolint:gosec // as above
			if err != nil {
				return nil, errTampered
			}
			return e.cbc(b)
		}
	}
	size = map[string]int{"2": 16, "22": 24, "42": 32, "6": 16, "26": 24, "46": 32}[strings.TrimPrefix(e.cipher.String(), idAES.String()+".")]
	if size == 0 {
		return 0, nil
	}
	gcm := e.cipher[len(e.cipher)-1]%20 == 6
	if gcm != (e.mac != nil) {
		return 0, nil
	}
	return size, func(key []byte) ([]byte, error) {
		b, err := aes.NewCipher(key)
		if err != nil {
			return nil, errTampered
		}
		if gcm {
			return e.gcm(b)
		}
		return e.cbc(b)
	}
}

func (e envelope) cbc(b cipher.Block) ([]byte, error) {
	var iv cryptobyte.String
	in := e.params
	if !in.ReadASN1(&iv, tags.OCTET_STRING) || len(iv) != b.BlockSize() || len(e.content) == 0 || len(e.content)%b.BlockSize() != 0 {
		return nil, errTampered
	}
	out := make([]byte, len(e.content))
	cipher.NewCBCDecrypter(b, iv).CryptBlocks(out, e.content)
	pad := int(out[len(out)-1])
	if pad == 0 || pad > b.BlockSize() || subtle.ConstantTimeCompare(out[len(out)-pad:], bytes.Repeat([]byte{byte(pad)}, pad)) != 1 {
		return nil, errTampered
	}
	return out[:len(out)-pad], nil
}

func (e envelope) gcm(b cipher.Block) ([]byte, error) {
	var params, nonce cryptobyte.String
	in, tag := e.params, 12
	if !in.ReadASN1(&params, tags.SEQUENCE) || !params.ReadASN1(&nonce, tags.OCTET_STRING) || !params.Empty() && !params.ReadASN1Integer(&tag) {
		return nil, errTampered
	}
	if len(e.mac) != tag || tag < 12 || tag > 16 || len(nonce) != 12 {
		return nil, errTampered
	}
	a, err := cipher.NewGCMWithTagSize(b, tag)
	if err != nil {
		return nil, fmt.Errorf("open: %w", errTampered)
	}
	sealed := append(bytes.Clone(e.content), e.mac...)
	out, err := a.Open(sealed[:0], nonce, sealed, e.bound)
	if err != nil {
		return nil, errTampered
	}
	if out == nil {
		out = []byte{}
	}
	return out, nil
}
