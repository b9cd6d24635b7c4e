package keyd

import (
	"bytes"
	"crypto"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"

	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/smime"
)

// FuzzCall: what decodes is what encodes, and no other bytes mean the same.
func FuzzCall(f *testing.F) {
	sign, _ := encodeSign(pgp.SignRequest{Purpose: pgp.Mail, Hash: crypto.SHA512, State: []byte("state")})
	unwrap, _ := encodeUnwrap(pgp.UnwrapRequest{Packets: [][]byte{[]byte("a"), []byte("bc")}})
	f.Add(sign)
	f.Add(unwrap)
	digest, _ := encodeSignSMIME(smime.SignRequest{Hash: crypto.SHA256, Digest: make([]byte, 32)})
	recipients, _ := encodeUnwrapSMIME(smime.UnwrapRequest{Recipients: [][]byte{[]byte("a"), []byte("bc")}, Size: 32})
	f.Add(digest)
	f.Add(recipients)
	f.Fuzz(func(t *testing.T, b []byte) {
		call, err := decodeCall(b)
		if err != nil {
			return
		}
		var again []byte
		switch q := call.(type) {
		case *pgp.SignRequest:
			again, err = encodeSign(*q)
		case *pgp.UnwrapRequest:
			again, err = encodeUnwrap(*q)
		case *smime.SignRequest:
			again, err = encodeSignSMIME(*q)
		case *smime.UnwrapRequest:
			again, err = encodeUnwrapSMIME(*q)
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

// FuzzUnwrap lets a stranger write the recipient packet, where private keys meet foreign bytes.
func FuzzUnwrap(f *testing.F) {
	rsa, err := openpgp.NewEntity("Old", "", "old@example.org", &packet.Config{Algorithm: packet.PubKeyAlgoRSA, RSABits: 2048})
	if err != nil {
		f.Fatal(err)
	}
	var raw bytes.Buffer
	if err := rsa.SerializePrivateWithoutSigning(&raw, nil); err != nil {
		f.Fatal(err)
	}
	old, err := ImportSecret(raw.Bytes(), nil)
	if err != nil {
		f.Fatal(err)
	}
	cur, err := Generate("Team", []string{"a@example.org"}, time.Now())
	if err != nil {
		f.Fatal(err)
	}
	ring, err := NewRing(cur, old[0])
	if err != nil {
		f.Fatal(err)
	}
	session := bytes.Repeat([]byte{7}, 32)
	for _, o := range ring.openers {
		for _, newer := range []bool{false, true} {
			for _, hide := range []bool{false, true} {
				var b bytes.Buffer
				if err := packet.SerializeEncryptedKeyAEADwithHiddenOption(&b, &o.key.PublicKey, packet.CipherAES256, newer, session, hide, nil); err != nil {
					f.Fatal(err)
				}
				if k, _, err := ring.unwrap(pgp.UnwrapRequest{Packets: [][]byte{b.Bytes()}}); err != nil || !bytes.Equal(k.Key, session) {
					f.Fatalf("a whole packet is not unwrapped: %v", err)
				}
				f.Add(b.Bytes())
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		k, ops, err := ring.unwrap(pgp.UnwrapRequest{Packets: [][]byte{b, b}})
		if ops > 2*len(ring.openers) || (err == nil) == (len(k.Key) == 0) {
			t.Fatalf("%d operations, %v", ops, err)
		}
	})
}
