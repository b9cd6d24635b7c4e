// Package pgptest makes OpenPGP keys and signatures as people outside may have them: revoked, past their end, not meant for signing, and dated as
// their maker likes. It takes keys apart for tests that look for their secrets where they must not be.
package pgptest

import (
	"bytes"
	"crypto"
	"fmt"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"

	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
)

// Plan says what a key is like. Times are to the second.
type Plan struct {
	Address     string
	Made        time.Time
	Ends        time.Time // zero: never
	Revoked     time.Time // zero: not
	Compromised bool      // it was revoked because somebody else has it: what it signed before counts no more
	NotToSign   bool      // by its own word; whoever holds it signs with it all the same
}

// Key is a key with its private half.
type Key struct {
	Public pgp.Key
	entity *openpgp.Entity
}

// New makes a key.
func New(t testing.TB, p Plan) Key {
	t.Helper()
	at := func(x time.Time) *packet.Config {
		return &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA, DefaultHash: crypto.SHA512, Time: func() time.Time { return x }}
	}
	e, err := openpgp.NewEntity("", "", p.Address, at(p.Made))
	check(t, err)
	e.Subkeys = nil
	for _, id := range e.Identities {
		sig := id.SelfCertifications[0].Packet
		sig.FlagSign = !p.NotToSign
		if !p.Ends.IsZero() {
			life := uint32(p.Ends.Sub(p.Made) / time.Second)
			sig.KeyLifetimeSecs = &life
		}
		check(t, sig.SignUserId(id.Name, e.PrimaryKey, e.PrivateKey, at(p.Made)))
	}
	if !p.Revoked.IsZero() {
		reason := packet.KeySuperseded
		if p.Compromised {
			reason = packet.KeyCompromised
		}
		check(t, e.Revoke(reason, "", at(p.Revoked)))
	}
	var b bytes.Buffer
	check(t, e.Serialize(&b))
	keys, problems := pgp.ParseKeys(b.Bytes())
	if len(keys) != 1 {
		t.Fatalf("%d keys, %v", len(keys), problems)
	}
	return Key{keys[0], e}
}

// Sign frames an entity with CRLF as multipart/signed (RFC 3156), header lines and all. The signature says that it was made at the time, whatever
// the key is good for.
func (k Key) Sign(t testing.TB, entity []byte, at time.Time) []byte {
	t.Helper()
	pk := k.entity.PrimaryKey
	sig := &packet.Signature{
		Version: pk.Version, SigType: packet.SigTypeBinary, PubKeyAlgo: pk.PubKeyAlgo, Hash: crypto.SHA512, CreationTime: at,
		IssuerKeyId: &pk.KeyId, IssuerFingerprint: pk.Fingerprint,
	}
	h, err := sig.PrepareSign(nil)
	check(t, err)
	_, _ = h.Write(entity)
	check(t, sig.Sign(h, k.entity.PrivateKey, nil))
	var armoured bytes.Buffer
	w, err := armor.Encode(&armoured, "PGP SIGNATURE", nil)
	check(t, err)
	check(t, sig.Serialize(w))
	check(t, w.Close())
	return fmt.Appendf(nil, "Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; micalg=pgp-sha512; boundary=sig\r\n\r\n--sig\r\n%s\r\n"+
		"--sig\r\nContent-Type: application/pgp-signature\r\n\r\n%s\r\n--sig--\r\n", entity, bytes.ReplaceAll(armoured.Bytes(), []byte("\n"), []byte("\r\n")))
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
