// Package smime reads and writes mail in the forms of S/MIME (RFC 8551) on CMS (RFC 5652, 5083).
//
//	smime.go         the form of a mail, and the text of what is signed in one piece, from damaged mail too
//	der.go, cms.go   structures: made DER within limits first, then read strictly
//	open.go          what the outermost layers of a mail are: signatures checked, contents opened
//	verify.go        one signature, its certificate, its time
//	certificate.go, trust.go   certificates of people; authorities that the house named, and whom they revoked
//	agent.go         the two calls to the key process: sign and unwrap; recipient.go is its side of unwrapping
//	sign.go, encrypt.go   outgoing
//
// Results are in the words of package pgp, so that a mail has one verdict whatever its kind. Trust is not decided here, but that a certificate which nobody
// approved proves nothing by itself. No private key is kept here.
package smime

import (
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// Form is how a message came.
type Form string

// The forms.
const (
	None      Form = ""
	Signed    Form = "signed"    // multipart/signed: its text can be read as it is
	Opaque    Form = "opaque"    // signed in one piece: its text is inside
	Encrypted Form = "encrypted" // for a certificate
)

const (
	maxPieces = 100_000 // of a content that was written in pieces
	maxDepth  = 8       // of pieces within pieces
)

// ErrDamaged is what cannot be read as the form that it claims.
var ErrDamaged = errs.New(errs.Invalid, "smime: the signed message is damaged")

// Look tells the form of a message, and the entity inside when it is [Opaque]. A message that says it is signed in one piece and is damaged is Opaque
// with ErrDamaged.
func Look(m *mail.Message) (Form, []byte, error) {
	root := m.Root
	switch root.Type {
	case "multipart/signed":
		if p := strings.ToLower(root.Params["protocol"]); p == "application/pkcs7-signature" || p == "application/x-pkcs7-signature" {
			return Signed, nil, nil
		}
		return None, nil, nil
	case "application/pkcs7-mime", "application/x-pkcs7-mime":
	default:
		return None, nil, nil
	}
	c := cursor{b: root.Bytes}
	inside, kind, err := c.contentInfo()
	switch kind {
	case oidEnveloped, oidAuthEnveloped:
		return Encrypted, nil, nil
	case oidSigned:
	default:
		// What says nothing of itself is taken at its sender's word.
		switch strings.ToLower(root.Params["smime-type"]) {
		case "enveloped-data", "authenveloped-data":
			return Encrypted, nil, nil
		case "signed-data":
			return Opaque, nil, ErrDamaged
		}
		return None, nil, nil
	}
	if err != nil {
		return Opaque, nil, ErrDamaged
	}
	content, err := inside.signedContent()
	if err != nil {
		return Opaque, nil, ErrDamaged
	}
	return Opaque, content, nil
}

// Object identifiers of RFC 5652 and 5083, as their bytes.
const (
	oidSigned        = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
	oidEnveloped     = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03"
	oidAuthEnveloped = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17"
)

const (
	tagInteger  = 0x02
	tagOctets   = 0x04
	tagOID      = 0x06
	tagSequence = 0x30
	tagSet      = 0x31
	tagExplicit = 0xa0
	constructed = 0x20
)

// cursor walks values that stand beside each other.
type cursor struct{ b []byte }

// head reads tag and length of the next value and moves to its content. Length is -1 when its end is a mark.
func (c *cursor) head() (tag byte, length int, err error) {
	if len(c.b) < 2 || c.b[0]&0x1f == 0x1f {
		return 0, 0, ErrDamaged
	}
	tag = c.b[0]
	n := int(c.b[1])
	c.b = c.b[2:]
	switch {
	case n == 0x80:
		if tag&constructed == 0 {
			return 0, 0, ErrDamaged
		}
		return tag, -1, nil
	case n > 0x80:
		size := n & 0x7f
		if size > 4 || len(c.b) < size {
			return 0, 0, ErrDamaged
		}
		n = 0
		for _, x := range c.b[:size] {
			n = n<<8 | int(x)
		}
		c.b = c.b[size:]
	}
	if n > len(c.b) {
		return 0, 0, ErrDamaged
	}
	return tag, n, nil
}

// into moves into the next value, which must have the tag. What stands behind it is out of reach then: the way to the content needs nothing of it.
func (c *cursor) into(want byte) (cursor, error) {
	tag, n, err := c.head()
	if err != nil || tag != want {
		return cursor{}, ErrDamaged
	}
	if n < 0 {
		return *c, nil
	}
	inner := cursor{b: c.b[:n]}
	c.b = c.b[n:]
	return inner, nil
}

// skip passes the next value, which must have the tag and whatever it holds.
func (c *cursor) skip(want byte) error {
	tag, n, err := c.head()
	if err != nil || tag != want {
		return ErrDamaged
	}
	if n >= 0 {
		c.b = c.b[n:]
		return nil
	}
	for open := 1; open > 0; {
		if len(c.b) >= 2 && c.b[0] == 0 && c.b[1] == 0 {
			c.b = c.b[2:]
			open--
			continue
		}
		_, n, err := c.head()
		if err != nil {
			return err
		}
		if n < 0 {
			open++
		} else {
			c.b = c.b[n:]
		}
	}
	return nil
}

// contentInfo reads SEQUENCE { type, [0] content }.
func (c *cursor) contentInfo() (inside cursor, kind string, err error) {
	info, err := c.into(tagSequence)
	if err != nil {
		return cursor{}, "", err
	}
	if kind, err = info.oid(); err != nil {
		return cursor{}, "", err
	}
	inside, err = info.into(tagExplicit)
	return inside, kind, err
}

func (c *cursor) oid() (string, error) {
	tag, n, err := c.head()
	if err != nil || tag != tagOID {
		return "", ErrDamaged
	}
	id := string(c.b[:n])
	c.b = c.b[n:]
	return id, nil
}

// signedContent reads SEQUENCE { version, SET of digests, SEQUENCE { type, [0] OCTET STRING }, … }.
func (c *cursor) signedContent() ([]byte, error) {
	data, err := c.into(tagSequence)
	if err != nil {
		return nil, err
	}
	if err := data.skip(tagInteger); err != nil {
		return nil, err
	}
	if err := data.skip(tagSet); err != nil {
		return nil, err
	}
	inner, _, err := data.contentInfo()
	if err != nil {
		return nil, err
	}
	return inner.octets()
}

// octets reads an OCTET STRING, whole or in pieces.
func (c *cursor) octets() ([]byte, error) {
	var out []byte
	ends := make([]int, 0, maxDepth) // bytes left behind each open piece; -1 for one that ends with a mark
	for range maxPieces {
		for len(ends) > 0 && (ends[len(ends)-1] == len(c.b) || ends[len(ends)-1] < 0 && len(c.b) >= 2 && c.b[0] == 0 && c.b[1] == 0) {
			if ends[len(ends)-1] < 0 {
				c.b = c.b[2:]
			}
			if ends = ends[:len(ends)-1]; len(ends) == 0 {
				return out, nil
			}
		}
		tag, n, err := c.head()
		if err != nil || tag&^constructed != tagOctets {
			return nil, ErrDamaged
		}
		if len(ends) > 0 && ends[len(ends)-1] >= 0 && n > len(c.b)-ends[len(ends)-1] {
			return nil, ErrDamaged
		}
		switch {
		case tag&constructed != 0 && len(ends) == maxDepth:
			return nil, ErrDamaged
		case n < 0:
			ends = append(ends, -1)
		case tag&constructed != 0:
			ends = append(ends, len(c.b)-n)
		default:
			out = append(out, c.b[:n]...)
			c.b = c.b[n:]
			if len(ends) == 0 {
				return out, nil
			}
		}
	}
	return nil, ErrDamaged
}
