package pdf

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Unsigned is a document with an empty place for its signature.
type Unsigned struct {
	raw      []byte
	from, to int // of the hexadecimal digits, brackets not counted
}

const emptyRange = "[0 0000000000 0000000000 0000000000]"

// signatureObject is a signature that waits (12.8.1), of the form that ETSI EN 319 142-1 asks: a CMS structure beside the bytes that it covers.
func signatureObject(signer string, made time.Time, room int) string {
	return fmt.Sprintf("<</Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached /Name %s /M %s /ByteRange %s /Contents <%s>>>",
		text(signer), date(made), emptyRange, strings.Repeat("0", 2*room))
}

// place finds the room for the signature and writes which bytes it covers: all but that room.
func place(raw []byte, object int) Unsigned {
	const before = "/Contents <"
	from := object + bytes.Index(raw[object:], []byte(before)) + len(before)
	to := from + bytes.IndexByte(raw[from:], '>')
	at := object + bytes.Index(raw[object:], []byte(emptyRange))
	copy(raw[at:], fmt.Sprintf("[0 %010d %010d %010d]", from-1, to+1, len(raw)-to-1))
	return Unsigned{raw, from, to}
}

// Sum is the SHA-256 of the bytes that are signed.
func (u Unsigned) Sum() [32]byte {
	h := sha256.New()
	h.Write(u.raw[:u.from-1])
	h.Write(u.raw[u.to+1:])
	return [32]byte(h.Sum(nil))
}

// ErrRoom says that a signature does not fit where it belongs.
var ErrRoom = errors.New("the signature is larger than the room for it")

// Signed puts the signature (CMS, DER) in its place.
func (u Unsigned) Signed(signature []byte) ([]byte, error) {
	if 2*len(signature) > u.to-u.from {
		return nil, ErrRoom
	}
	out := bytes.Clone(u.raw)
	hex.Encode(out[u.from:], signature)
	return out, nil
}
