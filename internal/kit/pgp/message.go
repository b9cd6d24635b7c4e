package pgp

import (
	"bytes"
	"compress/bzip2"
	"compress/flate"
	"compress/zlib"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
)

// Limits bound what one message may cost (P8). The zero value is the rule's figures.
type Limits struct {
	Input        int   // bytes of the mail, 64 MiB
	Decompressed int64 // bytes, 500 MiB; a message may not grow more than 20 times either, with 1 MiB always allowed
	Depth        int   // packets within packets, 5
	Signatures   int   // 8
}

const (
	growth    = 20
	smallGrow = 1 << 20
)

func (l Limits) filled() Limits {
	if l.Input == 0 {
		l.Input = 64 << 20
	}
	if l.Decompressed == 0 {
		l.Decompressed = 500 << 20
	}
	if l.Depth == 0 {
		l.Depth = 5
	}
	if l.Signatures == 0 {
		l.Signatures = 8
	}
	return l
}

// Causes inside the package; open.go gives each its Reason.
var (
	errLimit       = errors.New("over a limit")
	errIntegrity   = errors.New("integrity check failed")
	errUnprotected = errors.New("not integrity protected")
	errNested      = errors.New("nested encryption or compression")
	errPassword    = errors.New("encrypted with a password only")
	errCipher      = errors.New("cipher not supported")
)

// content is what a message holds in the end: one text, and the signatures over it.
type content struct {
	literal []byte
	sigs    []rawPacket
}

// reader walks the packets of one message.
type reader struct {
	lim        Limits
	sealed     bool // it was encrypted with its integrity checked: only there is padding
	compressed bool
	found      bool
	out        content
}

// readMessage reads decrypted (sealed) or never encrypted packets: at most one layer of compression, one literal, nothing after it but signatures, and
// padding when sealed.
func readMessage(b []byte, sealed bool, lim Limits) (content, error) {
	r := reader{lim: lim, sealed: sealed}
	if err := r.level(b, 2); err != nil { // the message itself is depth 1
		return content{}, err
	}
	if !r.found {
		return content{}, errPacket
	}
	return r.out, nil
}

func (r *reader) level(b []byte, depth int) error {
	if depth > r.lim.Depth {
		return errLimit
	}
	onePass, trailing, inner, last := 0, 0, false, false
	for len(b) > 0 {
		p, rest, err := nextPacket(b)
		if err != nil {
			return err
		}
		b = rest
		switch p.tag {
		case tagPadding:
			if !r.sealed {
				return errPacket
			}
		case tagSignature:
			if r.out.sigs = append(r.out.sigs, p); len(r.out.sigs) > r.lim.Signatures {
				return errLimit
			}
			if inner {
				trailing++
			}
		case tagOnePass:
			// After the one marked last, another would sign packets instead of the text.
			if inner || last || onePass >= r.lim.Signatures {
				return errPacket
			}
			onePass++
			last = len(p.body) > 0 && p.body[len(p.body)-1] != 0
		case tagCompressed:
			if inner {
				return errPacket
			}
			inner = true
			if err := r.compressedLevel(p.body, depth); err != nil {
				return err
			}
		case tagLiteral:
			if inner || r.found {
				return errPacket
			}
			inner, r.found = true, true
			if r.out.literal, err = literal(p.body); err != nil {
				return err
			}
		case tagPKESK, tagSKESK, tagUnsafeData, tagSafeData, tagOCBData:
			return errNested
		default:
			return errPacket
		}
	}
	if onePass != trailing || !inner {
		return errPacket
	}
	return nil
}

func (r *reader) compressedLevel(body []byte, depth int) error {
	if r.compressed {
		return errNested
	}
	r.compressed = true
	plain, tail, err := decompress(body, r.lim)
	if err != nil {
		return err
	}
	if len(tail) > 0 && !(r.sealed && isPadding(body, tail)) {
		return errPacket
	}
	return r.level(plain, depth+1)
}

// decompress gives the text, and the bytes that stand behind its end.
func decompress(body []byte, lim Limits) (plain, tail []byte, err error) {
	if len(body) == 0 {
		return nil, nil, errPacket
	}
	in := bytes.NewReader(body[1:])
	var src io.Reader
	switch body[0] {
	case 0:
		return body[1:], nil, nil
	case 1:
		src = flate.NewReader(in)
	case 2:
		z, err := zlib.NewReader(in)
		if err != nil {
			return nil, nil, errPacket
		}
		src = z
	case 3:
		src = bzip2.NewReader(in)
	default:
		return nil, nil, errPacket
	}
	limit := min(max(int64(len(body))*growth, smallGrow), lim.Decompressed)
	plain, err = io.ReadAll(io.LimitReader(src, limit+1))
	if int64(len(plain)) > limit {
		return nil, nil, errLimit
	}
	if err != nil {
		return nil, nil, errPacket
	}
	return plain, body[len(body)-in.Len():], nil
}

// literal gives the text of a literal packet. Its file name and date are not to be trusted, so they are not even given.
func literal(b []byte) ([]byte, error) {
	if len(b) < 6 || len(b) < 6+int(b[1]) {
		return nil, errPacket
	}
	switch b[0] {
	case 'b', 't', 'u', 'm':
		return b[6+int(b[1]):], nil
	}
	return nil, errPacket
}

// sealed is an encrypted message taken apart, not decrypted.
type sealed struct {
	recipients [][]byte
	ids        []string
	data       rawPacket
}

// cutSealed tells whether b is an encrypted message, and its parts.
func cutSealed(b []byte) (s sealed, is bool, err error) {
	passwords := 0
	for len(b) > 0 {
		p, rest, err := nextPacket(b)
		if err != nil {
			return s, is, err
		}
		b = rest
		switch p.tag {
		case tagPKESK:
			is = true
			if len(p.all) > MaxRecipientBytes || len(s.recipients) >= MaxRecipients {
				return s, true, errLimit
			}
			s.recipients = append(s.recipients, p.all)
			if id := recipientID(p.body); id != "" && !slices.Contains(s.ids, id) {
				s.ids = append(s.ids, id)
			}
		case tagSKESK:
			is = true
			if passwords++; passwords > MaxRecipients {
				return s, true, errLimit
			}
		case tagSafeData, tagUnsafeData, tagOCBData:
			s.data = p
			if len(b) > 0 {
				return s, true, errPacket
			}
			if len(s.recipients) == 0 {
				return s, true, errPassword
			}
			return s, true, nil
		default:
			if is {
				return s, true, errPacket
			}
			return s, false, nil
		}
	}
	return s, is, errPacket
}

// recipientID gives the key id that a session key packet names (RFC 9580 section 5.1), as people write it; "" for a hidden recipient.
func recipientID(body []byte) string {
	var id []byte
	switch {
	case len(body) >= 9 && (body[0] == 2 || body[0] == 3):
		id = body[1:9]
	case len(body) >= 3 && body[0] == 6 && body[1] >= 9 && len(body) >= 2+int(body[1]):
		if body[2] == 4 { // a fingerprint of version 4 ends with the id, later ones begin with it
			id = body[2+int(body[1])-8 : 2+int(body[1])]
		} else {
			id = body[3:11]
		}
	}
	if len(id) == 0 || bytes.Equal(id, make([]byte, 8)) {
		return ""
	}
	return strings.ToUpper(hex.EncodeToString(id))
}

// decrypt asks the key process for the session key and gives the packets inside, only after the last byte is checked (P5). Data without
// integrity protection comes with errUnprotected.
func (s sealed) decrypt(ctx context.Context, a Agent) (plain []byte, key SessionKey, err error) {
	if key, err = a.Unwrap(ctx, UnwrapRequest{Packets: s.recipients}); err != nil {
		return nil, key, err
	}
	defer clear(key.Key)
	got, err := packet.Read(bytes.NewReader(s.data.all))
	if err != nil {
		return nil, key, errCipher
	}
	data, ok := got.(packet.EncryptedDataPacket)
	if !ok {
		return nil, key, errCipher
	}
	cipher := packet.CipherFunction(key.Cipher)
	r, err := data.Decrypt(cipher, key.Key)
	if err != nil {
		return nil, key, errCipher
	}
	// The reader gives plaintext before it has seen the end: nothing of it leaves here until Close agrees.
	plain, err = io.ReadAll(r)
	if cerr := r.Close(); err != nil || cerr != nil {
		clear(plain)
		return nil, key, errIntegrity
	}
	if s.data.tag == tagUnsafeData {
		return plain, key, errUnprotected
	}
	return plain, key, nil
}
