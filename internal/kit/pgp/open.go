package pgp

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// State is what the whole body of a mail is, by its outermost layers only (P1).
type State string

// The states. They say what was found, not that it is in order: see Result.Good.
const (
	None            State = "none"
	Signed          State = "signed"
	Encrypted       State = "encrypted"
	SignedEncrypted State = "signed_encrypted" // signed inside the encryption
)

// Form is how the content that Plain holds is to be read.
type Form string

// The forms.
const (
	Entity Form = "entity" // a MIME entity with its own header
	Text   Form = "text"   // the text of an inline block; its character set is not known for sure
)

// Reason says why a layer could not be taken off. It holds no text of the message. It is for the team, never for the sender (P7).
type Reason string

// The reasons.
const (
	Fine            Reason = ""
	Malformed       Reason = "malformed"
	Ambiguous       Reason = "ambiguous"      // two header fields that contradict each other
	NotForUs        Reason = "not_for_us"     // the key process has no key for it, or the recipient packets are wrong
	NoAgent         Reason = "not_tried"      // no key process was given
	NoIntegrity     Reason = "unprotected"    // no integrity protection: see Unprotected
	Tampered        Reason = "tampered"       // integrity check failed, or cut short
	PasswordOnly    Reason = "password"       // encrypted with a password
	OverLimit       Reason = "limit"          // P8
	NestedLayers    Reason = "nested"         // encryption in encryption, compression in compression
	UnknownCipher   Reason = "cipher"         // not supported
	TextBefore      Reason = "text_before"    // an inline block with text before it does not count (P11)
	TextAfter       Reason = "text_after"     // an inline block with text after it: the block is in Plain, the whole has no mark
	SealedInsideSig Reason = "sealed_in_sign" // encrypted inside a signature: the signer need not have read it
)

// Input is a mail or a part of one, and what to check it against.
type Input struct {
	Entity []byte    // exactly as received: header, empty line, body
	Keys   []Key     // candidates for the signer; whom one trusts is the caller's matter
	Agent  Agent     // nil: encrypted mail stays closed
	Date   time.Time // of the mail; zero: not compared with the signature's
	Now    time.Time // must be set
	Limits Limits
}

// Result is what the outermost layers are and what is under them.
type Result struct {
	State      State
	Inline     bool // an inline block rather than PGP/MIME
	Form       Form
	Plain      []byte // inside the layers; the integrity of all of it was checked first (P5). nil when closed or State is None without a block
	Signatures []Signature
	Reason     Reason

	// CameEncrypted says that Plain was ciphertext on the way, even when the whole has no mark: nobody but the team may be shown it (P6).
	CameEncrypted bool
	Recipient     string   // fingerprint of our key that opened it
	EncryptedTo   []string // key ids that the ciphertext names, 16 hex digits each: a claim of who wrote it
	After         []byte   // text that stands after an inline block: not signed, not encrypted

	// Unprotected are decrypted packets that nothing protects against change. They are never parsed here; a person may ask for ReadUnprotected.
	Unprotected []byte

	HeaderScheme string // "hp-clear", "hp-cipher" (RFC 9788), "v1" (drafts) or empty
	Headers      map[string][]string
}

// Good gives the first signature in order, or nil.
func (r Result) Good() *Signature {
	for i := range r.Signatures {
		if r.Signatures[i].Status == Good {
			return &r.Signatures[i]
		}
	}
	return nil
}

// Open takes off the outermost OpenPGP layers of an entity. What is wrong with the message is in the Result; an error means that the key process
// could not be asked or refused for its load (kind Unavailable or Limit), and the caller should try again later.
func Open(ctx context.Context, in Input) (Result, error) {
	o := opener{Input: in, ctx: ctx, lim: in.Limits.filled()}
	r, err := o.open()
	if err != nil {
		return Result{}, err
	}
	if r.Form == Entity && r.Plain != nil {
		p := readPart(r.Plain)
		r.HeaderScheme, r.Headers = p.protected()
	}
	return r, nil
}

// ReadUnprotected gives the text of Result.Unprotected for a person who asked to see it: plain text, no HTML, with a mark.
func ReadUnprotected(packets []byte) ([]byte, error) {
	c, err := readMessage(packets, false, Limits{}.filled())
	if err != nil {
		return nil, errs.New(errs.Invalid, "the decrypted packets hold no readable text")
	}
	return c.literal, nil
}

type opener struct {
	Input
	ctx context.Context //nolint:containedctx // lives for one call of Open
	lim Limits
}

func (o *opener) open() (Result, error) {
	if len(o.Entity) > o.lim.Input {
		return Result{State: None, Reason: OverLimit}, nil
	}
	p := readPart(o.Entity)
	if !p.sane {
		if len(p.get("Content-Type")) > 1 || len(p.get("Content-Transfer-Encoding")) > 1 {
			return Result{State: None, Reason: Ambiguous}, nil
		}
		return Result{State: None}, nil
	}
	switch {
	case isProtocol(p, "multipart/encrypted", "application/pgp-encrypted"):
		return o.encrypted(p)
	case isProtocol(p, "multipart/signed", "application/pgp-signature"):
		return o.signed(p), nil
	case p.kind == "text/plain":
		return o.inline(p)
	case p.kind == "multipart/mixed":
		if version, data, is := rewrapped(p); is {
			return o.sealed(version, data)
		}
	}
	return Result{State: None}, nil
}

// rewrapped finds what Exchange and Outlook make of multipart/encrypted on its way: the same two parts in a multipart/mixed, behind a blank text. With
// a word or a file beside them it is something else.
func rewrapped(p part) (version, data part, is bool) {
	parts, whole := p.split(3)
	if !whole || len(parts) < 2 || len(parts) > 3 {
		return part{}, part{}, false
	}
	if len(parts) == 3 {
		blank := readPart(parts[0])
		text, err := blank.decoded()
		if !blank.sane || blank.kind != "text/plain" || err != nil || len(bytes.TrimSpace(text)) > 0 {
			return part{}, part{}, false
		}
		parts = parts[1:]
	}
	version, data = readPart(parts[0]), readPart(parts[1])
	return version, data, version.sane && version.kind == "application/pgp-encrypted"
}

func isProtocol(p part, kind, protocol string) bool {
	return p.kind == kind && strings.EqualFold(p.params["protocol"], protocol)
}

// encrypted opens multipart/encrypted (RFC 3156 section 4): exactly a version part and the data.
func (o *opener) encrypted(p part) (Result, error) {
	parts, whole := p.split(2)
	if !whole || len(parts) != 2 {
		return Result{State: None, Reason: Malformed}, nil
	}
	return o.sealed(readPart(parts[0]), readPart(parts[1]))
}

// sealed opens the data behind a version part.
func (o *opener) sealed(version, data part) (Result, error) {
	r := Result{State: Encrypted, Form: Entity}
	if !version.sane || version.kind != "application/pgp-encrypted" || !data.sane || data.kind != "application/octet-stream" {
		return Result{State: None, Reason: Malformed}, nil
	}
	text, err := data.decoded()
	if err != nil {
		r.Reason = Malformed
		return r, nil
	}
	raw, after, err := message(text)
	if err != nil || len(bytes.TrimSpace(after)) > 0 {
		r.Reason = Malformed
		return r, nil
	}
	s, is, err := cutSealed(raw)
	if err != nil || !is {
		r.Reason = reason(err)
		return r, nil
	}
	c, err := o.unseal(s, &r)
	if err != nil || r.Reason != Fine {
		return r, err
	}
	r.Plain = c.literal
	if len(c.sigs) > 0 {
		r.State, r.Signatures = SignedEncrypted, o.verify(c.sigs, c.literal, r.Recipient, false)
		return r, nil
	}
	// A signature that is the whole of what was encrypted is the second of the outermost layers.
	if inner := readPart(c.literal); inner.sane && isProtocol(inner, "multipart/signed", "application/pgp-signature") {
		if got := o.signedBy(inner, r.Recipient); got.State == Signed {
			r.State, r.Plain, r.Signatures, r.Reason = SignedEncrypted, got.Plain, got.Signatures, got.Reason
		}
	}
	return r, nil
}

// unseal fills the reason into r, or gives the content.
func (o *opener) unseal(s sealed, r *Result) (content, error) {
	r.CameEncrypted, r.EncryptedTo = true, s.ids
	if o.Agent == nil {
		r.Reason = NoAgent
		return content{}, nil
	}
	plain, key, err := s.decrypt(o.ctx, o.Agent)
	switch {
	case err == nil:
	case errors.Is(err, ErrNotUnwrapped):
		r.Reason = NotForUs
		return content{}, nil
	case errors.Is(err, errUnprotected):
		r.Reason, r.Unprotected, r.Recipient = NoIntegrity, plain, key.Fingerprint
		return content{}, nil
	case errors.Is(err, errIntegrity), errors.Is(err, errCipher):
		r.Reason = reason(err)
		return content{}, nil
	default:
		if errs.Is(err, errs.Internal) {
			err = errs.Wrap(errs.Unavailable, "ask the key process", err)
		}
		return content{}, err
	}
	r.Recipient = key.Fingerprint
	c, err := readMessage(plain, true, o.lim)
	if err != nil {
		r.Reason = reason(err)
	}
	return c, nil
}

func (o *opener) signed(p part) Result { return o.signedBy(p, "") }

// signedBy checks multipart/signed (RFC 3156 section 5): exactly the signed part and the signature.
func (o *opener) signedBy(p part, ours string) Result {
	parts, whole := p.split(2)
	if !whole || len(parts) != 2 {
		return Result{State: None, Reason: Malformed}
	}
	sigPart := readPart(parts[1])
	if !sigPart.sane || sigPart.kind != "application/pgp-signature" {
		return Result{State: None, Reason: Malformed}
	}
	r := Result{State: Signed, Form: Entity, Plain: parts[0]}
	text, err := sigPart.decoded()
	if err != nil {
		r.Reason = Malformed
		return r
	}
	raw, err := signatureBytes(text)
	if err == nil {
		var sigs []rawPacket
		if sigs, err = signatures(raw, o.lim); err == nil {
			r.Signatures = o.verify(sigs, canonical(parts[0]), ours, false)
		}
	}
	if err != nil {
		r.Reason = reason(err)
	}
	if inner := readPart(parts[0]); ours == "" && inner.sane && inner.kind == "multipart/encrypted" {
		r.Reason = SealedInsideSig
	}
	return r
}

// inline opens a text body that begins with a block.
func (o *opener) inline(p part) (Result, error) {
	text, err := p.decoded()
	if err != nil {
		return Result{State: None, Reason: Malformed}, nil
	}
	kind, block, ok := inlineStart(text)
	if !ok {
		r := Result{State: None}
		if inlineSomewhere(text) {
			r.Reason = TextBefore
		}
		return r, nil
	}
	r := Result{Inline: true, Form: Text}
	if kind == "PGP SIGNED MESSAGE" {
		o.clear(block, &r)
	} else if err := o.block(block, &r); err != nil {
		return Result{}, err
	}
	if len(bytes.TrimSpace(r.After)) > 0 {
		r.State, r.Reason = None, TextAfter
	} else {
		r.After = nil
	}
	return r, nil
}

func (o *opener) clear(block []byte, r *Result) {
	signed, sig, after, ok := clearSigned(block)
	if !ok {
		r.State, r.Reason = None, Malformed
		return
	}
	r.State, r.After = Signed, after
	r.Plain = bytes.ReplaceAll(signed, []byte("\r\n"), []byte("\n"))
	sigs, err := signatures(sig, o.lim)
	if err != nil {
		r.Reason = reason(err)
		return
	}
	r.Signatures = o.verify(sigs, signed, "", true)
}

func (o *opener) block(block []byte, r *Result) error {
	raw, after, err := message(block)
	if err != nil {
		r.State, r.Reason = None, Malformed
		return nil
	}
	r.After = after
	s, is, err := cutSealed(raw)
	var c content
	switch {
	case is && err != nil:
		r.State, r.Reason, r.CameEncrypted = Encrypted, reason(err), true
		return nil
	case is:
		r.State = Encrypted
		if c, err = o.unseal(s, r); err != nil || r.Reason != Fine {
			return err
		}
	default:
		r.State = None
		if c, err = readMessage(raw, false, o.lim); err != nil {
			r.Reason = reason(err)
			return nil
		}
	}
	r.Plain = c.literal
	if len(c.sigs) > 0 {
		r.Signatures = o.verify(c.sigs, c.literal, r.Recipient, false)
		if r.State = Signed; is {
			r.State = SignedEncrypted
		}
	}
	return nil
}

func (o *opener) verify(sigs []rawPacket, data []byte, ours string, wasText bool) []Signature {
	c := check{keys: o.Keys, date: o.Date, now: o.Now, ours: ours, data: data, wasText: wasText}
	out := make([]Signature, 0, len(sigs))
	for _, s := range sigs {
		out = append(out, c.signature(s.all))
	}
	return out
}

// message takes the packets out of an armoured message at the start of b, or b itself when it is binary.
func message(b []byte) (raw, after []byte, err error) {
	if len(b) > 0 && b[0]&0x80 != 0 {
		return b, nil, nil
	}
	b = bytes.TrimLeft(b, " \t\r\n")
	kind, block, after, ok := cutBlock(b)
	if !ok || kind != "PGP MESSAGE" {
		return nil, nil, errPacket
	}
	raw, err = dearmor(block)
	return raw, after, err
}

func signatureBytes(b []byte) ([]byte, error) {
	if len(b) > 0 && b[0]&0x80 != 0 {
		return b, nil
	}
	kind, block, after, ok := cutBlock(bytes.TrimLeft(b, " \t\r\n"))
	if !ok || kind != "PGP SIGNATURE" || len(bytes.TrimSpace(after)) > 0 {
		return nil, errPacket
	}
	return dearmor(block)
}

func signatures(raw []byte, lim Limits) (sigs []rawPacket, err error) {
	for len(raw) > 0 {
		var p rawPacket
		if p, raw, err = nextPacket(raw); err != nil {
			return nil, err
		}
		if p.tag != tagSignature {
			return nil, errPacket
		}
		if sigs = append(sigs, p); len(sigs) > lim.Signatures {
			return nil, errLimit
		}
	}
	if len(sigs) == 0 {
		return nil, errPacket
	}
	return sigs, nil
}

func reason(err error) Reason {
	switch {
	case errors.Is(err, errLimit):
		return OverLimit
	case errors.Is(err, errIntegrity):
		return Tampered
	case errors.Is(err, errNested):
		return NestedLayers
	case errors.Is(err, errPassword):
		return PasswordOnly
	case errors.Is(err, errCipher):
		return UnknownCipher
	}
	return Malformed
}
