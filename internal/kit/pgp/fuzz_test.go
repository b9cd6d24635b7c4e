package pgp_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
)

func FuzzParseKeys(f *testing.F) {
	us := newTeam(f)
	f.Add(us.key.Binary())
	f.Add(us.key.Armored())
	f.Add([]byte("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n=aaaa\n-----END PGP PUBLIC KEY BLOCK-----\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		keys, _ := pgp.ParseKeys(b)
		for _, k := range keys {
			if len(k.Binary()) > pgp.MaxKeyBytes || len(k.UserIDs()) > pgp.MaxUserIDs {
				t.Fatal("P9: over the limits")
			}
			again, probs := pgp.ParseKeys(k.Binary())
			if len(again) != 1 || len(probs) != 0 || again[0].Fingerprint() != k.Fingerprint() || !bytes.Equal(again[0].Binary(), k.Binary()) {
				t.Fatal("the minimal form is not stable")
			}
			k.CanSign(time.Now())    //nolint:errcheck // must not panic
			k.CanEncrypt(time.Now()) //nolint:errcheck // must not panic
			k.EncryptUntil()
			k.Addresses()
		}
	})
}

func FuzzOpen(f *testing.F) {
	us := newTeam(f)
	plain := []byte("Content-Type: text/plain; hp=cipher\r\nSubject: a\r\n\r\nwords\r\n")
	signed, err := pgp.SignMIME(f.Context(), plain, us.agent, pgp.Mail)
	if err != nil {
		f.Fatal(err)
	}
	sealed, err := pgp.SignAndEncryptMIME(f.Context(), plain, us.agent, pgp.Mail, pgp.Readers{Reader: us.key, At: time.Now()})
	if err != nil {
		f.Fatal(err)
	}
	clear, err := pgp.ClearSign(f.Context(), []byte("a\n- b"), us.agent, pgp.Mail)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signed)
	f.Add(sealed)
	f.Add(textMail(string(clear)))
	if dir := os.Getenv("TOCSIN_SHARED"); dir != "" {
		all, _ := filepath.Glob(filepath.Join(dir, "data", "samples", "pgp-mime", "*", "*.eml"))
		for _, name := range all {
			if b, err := os.ReadFile(name); err == nil {
				f.Add(b)
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := pgp.Open(t.Context(), pgp.Input{Entity: b, Keys: []pgp.Key{us.key}, Agent: us.agent, Now: time.Now()})
		if err != nil {
			t.Skip() // the rate limit of the agent
		}
		switch r.State {
		case pgp.None, pgp.Signed, pgp.Encrypted, pgp.SignedEncrypted:
		default:
			t.Fatalf("P1: state %q", r.State)
		}
		if r.State == pgp.None && len(r.Plain) > 0 && len(r.After) == 0 && len(r.Signatures) > 0 {
			t.Fatal("P1: signatures over the whole without a state")
		}
	})
}

// FuzzSealed lets the fuzzer write what is inside the encryption, where a stranger's bytes meet the packet reader.
func FuzzSealed(f *testing.F) {
	us := newTeam(f)
	f.Add(lit("x"))
	f.Add(comp(lit("x")))
	f.Add(append(signaturePacket(f, us, "x"), lit("x")...))
	f.Add(append(pkt(4, []byte{3, 0, 8, 22, 1, 2, 3, 4, 5, 6, 7, 8, 1}), lit("a")...))
	f.Fuzz(func(t *testing.T, b []byte) {
		esk, data := forge(t, b, false, us.key)
		r, err := pgp.Open(t.Context(), pgp.Input{Entity: binaryMail(esk[0], data), Keys: []pgp.Key{us.key}, Agent: us.agent, Now: time.Now()})
		if err != nil {
			t.Skip() // the rate limit of the agent
		}
		if r.State == pgp.SignedEncrypted && len(r.Signatures) == 0 && r.Reason == pgp.Fine {
			t.Fatal("P1: signed without a signature")
		}
	})
}
