package pgp

import (
	"encoding/binary"
	"errors"
)

// Packet tags of RFC 9580 section 5 that this package knows.
const (
	tagPKESK      = 1
	tagSignature  = 2
	tagSKESK      = 3
	tagOnePass    = 4
	tagSecretKey  = 5
	tagPublicKey  = 6
	tagSecretSub  = 7
	tagCompressed = 8
	tagUnsafeData = 9
	tagLiteral    = 11
	tagUserID     = 13
	tagPublicSub  = 14
	tagSafeData   = 18
	tagOCBData    = 20
	tagPadding    = 21
)

var errPacket = errors.New("malformed packet")

// rawPacket is one packet as it stands in the message. Body is without length octets; it is a copy only when the packet
// came in pieces, and then empty for ciphertext.
type rawPacket struct {
	tag  uint8
	all  []byte
	body []byte
}

// nextPacket cuts the first packet off b (RFC 9580 section 4.2). Lengths in pieces and "until the end" are for data packets only.
func nextPacket(b []byte) (p rawPacket, rest []byte, err error) {
	if len(b) < 2 || b[0]&0x80 == 0 {
		return p, nil, errPacket
	}
	if b[0]&0x40 == 0 {
		return oldPacket(b)
	}
	p.tag = b[0] & 0x3f
	at := 1
	for piece := 0; ; piece++ {
		n, used, partial, ok := newLength(b[at:])
		if !ok || partial && !isData(p.tag) {
			return p, nil, errPacket
		}
		at += used
		if n > len(b)-at {
			return p, nil, errPacket
		}
		if !partial && piece == 0 {
			p.body = b[at : at+n : at+n]
		} else if !isSealed(p.tag) { // ciphertext is read from all, and need not be held twice
			p.body = append(p.body, b[at:at+n]...)
		}
		at += n
		if !partial {
			p.all = b[:at:at]
			return p, b[at:], nil
		}
	}
}

func newLength(b []byte) (n, used int, partial, ok bool) {
	if len(b) == 0 {
		return 0, 0, false, false
	}
	switch c := b[0]; {
	case c < 192:
		return int(c), 1, false, true
	case c < 224:
		if len(b) < 2 {
			return 0, 0, false, false
		}
		return (int(c)-192)<<8 + int(b[1]) + 192, 2, false, true
	case c < 255:
		return 1 << (c & 0x1f), 1, true, true
	}
	if len(b) < 5 {
		return 0, 0, false, false
	}
	return int(binary.BigEndian.Uint32(b[1:])), 5, false, true
}

func oldPacket(b []byte) (p rawPacket, rest []byte, err error) {
	p.tag = b[0] >> 2 & 0x0f
	kind := b[0] & 3
	if kind == 3 {
		if !isData(p.tag) {
			return p, nil, errPacket
		}
		p.all, p.body = b, b[1:]
		return p, nil, nil
	}
	w := 1 << kind
	if len(b) < 1+w {
		return p, nil, errPacket
	}
	n := 0
	for _, c := range b[1 : 1+w] {
		n = n<<8 | int(c)
	}
	if n > len(b)-1-w {
		return p, nil, errPacket
	}
	end := 1 + w + n
	p.all, p.body = b[:end:end], b[1+w:end:end]
	return p, b[end:], nil
}

func isData(tag uint8) bool { return tag == tagCompressed || tag == tagLiteral || isSealed(tag) }

func isSealed(tag uint8) bool { return tag == tagUnsafeData || tag == tagSafeData || tag == tagOCBData }
