package keyd

import (
	"bytes"
	"crypto"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
)

// FuzzCall: what decodes is what encodes, and no other bytes mean the same.
func FuzzCall(f *testing.F) {
	sign, _ := encodeSign(pgp.SignRequest{Purpose: pgp.Mail, Hash: crypto.SHA512, State: []byte("state")})
	unwrap, _ := encodeUnwrap(pgp.UnwrapRequest{Packets: [][]byte{[]byte("a"), []byte("bc")}})
	f.Add(sign)
	f.Add(unwrap)
	f.Fuzz(func(t *testing.T, b []byte) {
		s, u, err := decodeCall(b)
		if err != nil {
			return
		}
		var again []byte
		if s != nil {
			again, err = encodeSign(*s)
		} else {
			again, err = encodeUnwrap(*u)
		}
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%x becomes %x, %v", b, again, err)
		}
	})
}

func FuzzAnswer(f *testing.F) {
	f.Add(encodeSession(pgp.SessionKey{Cipher: 9, Key: []byte("k"), Fingerprint: "F"}))
	f.Fuzz(func(t *testing.T, b []byte) {
		k, err := decodeSession(b)
		if err == nil && !bytes.Equal(encodeSession(k), b) {
			t.Fatal("two encodings of one answer")
		}
	})
}
