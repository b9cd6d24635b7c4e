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
	callDocument = 5

	callSignSMIME   = 3
	callUnwrapSMIME = 4

	answerSignature = 1
	answerSession   = 2
	answerNo        = 3 // not unwrapped, whatever the cause
	answerRefused   = 4 // a malformed or forbidden request
	answerLimit     = 5
	answerNoKey     = 6 // no signing key that is valid now
	answerSigned    = 7 // with S/MIME

	maxFrame  = 1 + 1 + pgp.MaxRecipients*(2+pgp.MaxRecipientBytes)
	maxAnswer = 1 << 20
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
	return encodeList([]byte{callUnwrap}, q.Packets, pgp.MaxRecipients, pgp.MaxRecipientBytes)
}

// decodeCall reads a request, and gives a pointer to one of the four.
func decodeCall(b []byte) (any, error) {
	if len(b) < 2 {
		return nil, errWire
	}
	switch b[0] {
	case callSign:
		return decodeSign(b[1:])
	case callUnwrap:
		return decodeUnwrap(b[1:])
	case callSignSMIME:
		return decodeSignSMIME(b[1:])
	case callUnwrapSMIME:
		return decodeUnwrapSMIME(b[1:])
	}
	return nil, errWire
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
	list, err := decodeList(b, pgp.MaxRecipients, pgp.MaxRecipientBytes)
	if err != nil {
		return nil, err
	}
	return &pgp.UnwrapRequest{Packets: list}, nil
}

// encodeList writes how many, then each with its length.
func encodeList(out []byte, list [][]byte, most, size int) ([]byte, error) {
	if len(list) == 0 || len(list) > most {
		return nil, errWire
	}
	out = append(out, byte(len(list)))
	for _, p := range list {
		if len(p) == 0 || len(p) > size {
			return nil, errWire
		}
		out = append(binary.BigEndian.AppendUint16(out, uint16(len(p))), p...)
	}
	return out, nil
}

func decodeList(b []byte, most, largest int) (list [][]byte, err error) {
	if len(b) == 0 || b[0] == 0 || int(b[0]) > most {
		return nil, errWire
	}
	n := int(b[0])
	b = b[1:]
	for range n {
		if len(b) < 2 {
			return nil, errWire
		}
		size := int(binary.BigEndian.Uint16(b))
		if b = b[2:]; size == 0 || size > largest || size > len(b) {
			return nil, errWire
		}
		list, b = append(list, b[:size:size]), b[size:]
	}
	if len(b) > 0 {
		return nil, errWire
	}
	return list, nil
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
