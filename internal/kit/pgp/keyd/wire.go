package keyd

import (
	"crypto"
	"encoding/binary"
	"errors"
	"io"

	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
)

// A frame is four octets of length and a body; the first octet of the body is the call or the answer. There is one right encoding of each
// message, and anything else ends the connection.
const (
	callSign     = 1
	callUnwrap   = 2
	callDocument = 3

	answerSignature = 1
	answerSession   = 2
	answerNo        = 3 // not unwrapped, whatever the cause
	answerRefused   = 4 // a malformed or forbidden request
	answerLimit     = 5
	answerNoKey     = 6 // no signing key that is valid now

	maxFrame  = 1 + 1 + pgp.MaxRecipients*(2+pgp.MaxRecipientBytes)
	maxAnswer = 16 << 10
	maxState  = 512
)

var errWire = errors.New("malformed message on the key socket")

func writeFrame(w io.Writer, body []byte) error {
	out := make([]byte, 4, 4+len(body))
	binary.BigEndian.PutUint32(out, uint32(len(body)))
	_, err := w.Write(append(out, body...))
	return err
}

func readFrame(r io.Reader, most int) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n == 0 || n > uint32(most) {
		return nil, errWire
	}
	body := make([]byte, n)
	_, err := io.ReadFull(r, body)
	return body, err
}

func encodeSign(q pgp.SignRequest) ([]byte, error) {
	purpose, ok := map[pgp.Purpose]byte{pgp.Mail: 1, pgp.Publication: 2}[q.Purpose]
	sum, known := map[crypto.Hash]byte{crypto.SHA256: 8, crypto.SHA384: 9, crypto.SHA512: 10}[q.Hash]
	if !ok || !known || len(q.State) == 0 || len(q.State) > maxState {
		return nil, errWire
	}
	text := byte(0)
	if q.Text {
		text = 1
	}
	return append([]byte{callSign, purpose, sum, text}, q.State...), nil
}

func encodeUnwrap(q pgp.UnwrapRequest) ([]byte, error) {
	if len(q.Packets) == 0 || len(q.Packets) > pgp.MaxRecipients {
		return nil, errWire
	}
	out := []byte{callUnwrap, byte(len(q.Packets))}
	for _, p := range q.Packets {
		if len(p) == 0 || len(p) > pgp.MaxRecipientBytes {
			return nil, errWire
		}
		out = append(binary.BigEndian.AppendUint16(out, uint16(len(p))), p...)
	}
	return out, nil
}

// decodeCall reads a request; one of the two results is set.
func decodeCall(b []byte) (*pgp.SignRequest, *pgp.UnwrapRequest, error) {
	if len(b) < 2 {
		return nil, nil, errWire
	}
	switch b[0] {
	case callSign:
		q, err := decodeSign(b[1:])
		return q, nil, err
	case callUnwrap:
		q, err := decodeUnwrap(b[1:])
		return nil, q, err
	}
	return nil, nil, errWire
}

func decodeSign(b []byte) (*pgp.SignRequest, error) {
	if len(b) < 4 || len(b)-3 > maxState || b[2] > 1 {
		return nil, errWire
	}
	q := &pgp.SignRequest{Text: b[2] == 1, State: b[3:]}
	switch b[0] {
	case 1:
		q.Purpose = pgp.Mail
	case 2:
		q.Purpose = pgp.Publication
	default:
		return nil, errWire
	}
	switch b[1] {
	case 8:
		q.Hash = crypto.SHA256
	case 9:
		q.Hash = crypto.SHA384
	case 10:
		q.Hash = crypto.SHA512
	default:
		return nil, errWire
	}
	return q, nil
}

func decodeUnwrap(b []byte) (*pgp.UnwrapRequest, error) {
	n := int(b[0])
	if n == 0 || n > pgp.MaxRecipients {
		return nil, errWire
	}
	q := &pgp.UnwrapRequest{}
	b = b[1:]
	for range n {
		if len(b) < 2 {
			return nil, errWire
		}
		size := int(binary.BigEndian.Uint16(b))
		if b = b[2:]; size == 0 || size > pgp.MaxRecipientBytes || size > len(b) {
			return nil, errWire
		}
		q.Packets, b = append(q.Packets, b[:size:size]), b[size:]
	}
	if len(b) > 0 {
		return nil, errWire
	}
	return q, nil
}

func encodeSession(k pgp.SessionKey) []byte {
	out := []byte{answerSession, k.Cipher, byte(len(k.Fingerprint)), byte(len(k.Key))}
	return append(append(out, k.Fingerprint...), k.Key...)
}

func decodeSession(b []byte) (pgp.SessionKey, error) {
	if len(b) < 4 || b[0] != answerSession {
		return pgp.SessionKey{}, errWire
	}
	fp, key := int(b[2]), int(b[3])
	if key == 0 || len(b) != 4+fp+key {
		return pgp.SessionKey{}, errWire
	}
	return pgp.SessionKey{Cipher: b[1], Fingerprint: string(b[4 : 4+fp]), Key: b[4+fp:]}, nil
}
