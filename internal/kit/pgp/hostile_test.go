package pgp_test

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"context"
	"crypto"
	"crypto/aes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp/keyd"
)

// pkt writes one packet in the new format with a whole length.
func pkt(tag byte, body []byte) []byte {
	n := len(body)
	return append([]byte{0xC0 | tag, 0xFF, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, body...)
}

func lit(text string) []byte { return pkt(11, append([]byte{'b', 0, 0, 0, 0, 0}, text...)) }

func comp(packets []byte) []byte {
	var b bytes.Buffer
	b.WriteByte(2)
	w := zlib.NewWriter(&b)
	w.Write(packets)
	w.Close()
	return pkt(8, b.Bytes())
}

var testCipher = packet.CipherAES256

// forge encrypts any packets to a key, as an attacker can; a wrap packet for each key given, hidden when asked.
func forge(t testing.TB, packets []byte, hide bool, to ...pgp.Key) (esk [][]byte, data []byte) {
	t.Helper()
	session := make([]byte, testCipher.KeySize())
	rand.Read(session)
	for _, k := range to {
		var b bytes.Buffer
		if err := packet.SerializeEncryptedKeyAEADwithHiddenOption(&b, encKey(t, k), testCipher, false, session, hide, nil); err != nil {
			t.Fatal(err)
		}
		esk = append(esk, b.Bytes())
	}
	var b bytes.Buffer
	w, err := packet.SerializeSymmetricallyEncrypted(&b, testCipher, false, packet.CipherSuite{}, session, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(packets)
	w.Close()
	return esk, b.Bytes()
}

func encKey(t testing.TB, k pgp.Key) *packet.PublicKey {
	t.Helper()
	e, err := openpgp.ReadEntity(packet.NewReader(bytes.NewReader(k.Binary())))
	if err != nil {
		t.Fatal(err)
	}
	got, ok := e.EncryptionKey(time.Now(), nil)
	if !ok {
		t.Fatal("no encryption key")
	}
	return got.PublicKey
}

func binaryMail(parts ...[]byte) []byte {
	head := crlf("Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=xx\n\n--xx\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n\n--xx\nContent-Type: application/octet-stream\n\n")
	return append(append([]byte(head), bytes.Join(parts, nil)...), "\r\n--xx--\r\n"...)
}

// P5: whatever is wrong at the end, not one byte of plaintext comes out.
func TestP5NothingBeforeTheIntegrityCheck(t *testing.T) {
	t.Parallel()
	us := newTeam(t)
	esk, data := forge(t, lit(strings.Repeat("secret ", 300_000)), false, us.key)
	r := us.open(t, binaryMail(esk[0], data))
	want(t, r, pgp.Encrypted, pgp.Fine, "")
	for _, at := range []int{1, 2, 22, 23, 40, 1000} {
		bad := bytes.Clone(data)
		bad[len(bad)-at] ^= 1
		r := us.open(t, binaryMail(esk[0], bad))
		want(t, r, pgp.Encrypted, pgp.Tampered, "")
		if r.Plain != nil || r.Unprotected != nil {
			t.Errorf("P5: plaintext of a message changed at %d from the end came out", at)
		}
	}
	// Cut, with the length mended so that only the cryptography can tell.
	whole := flatten(t, data)
	for _, keep := range []int{len(whole) - 1, len(whole) - 22, len(whole) / 2, 30, 19, 5, 1, 0} {
		r := us.open(t, binaryMail(esk[0], pkt(18, whole[:keep])))
		if r.State != pgp.Encrypted || r.Reason == pgp.Fine || r.Plain != nil {
			t.Errorf("P5: cut to %d: %s %s, %d bytes", keep, r.State, r.Reason, len(r.Plain))
		}
	}
	r = us.open(t, binaryMail(esk[0], data[:len(data)-3]))
	want(t, r, pgp.Encrypted, pgp.Malformed, "")
}

// flatten joins the pieces of the only packet in b.
func flatten(t testing.TB, b []byte) []byte {
	t.Helper()
	p, err := packet.Read(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(p.(*packet.SymmetricallyEncrypted).Contents)
	if err != nil {
		t.Fatal(err)
	}
	return append([]byte{1}, rest...)
}

// P5: data that nothing protects is kept apart, and read only when a person asks.
func TestP5UnprotectedDataIsKeptApart(t *testing.T) {
	t.Parallel()
	us := newTeam(t)
	session := make([]byte, 32)
	rand.Read(session)
	var esk bytes.Buffer
	if err := packet.SerializeEncryptedKeyAEAD(&esk, encKey(t, us.key), testCipher, false, session, nil); err != nil {
		t.Fatal(err)
	}
	block, _ := aes.NewCipher(session)
	iv := make([]byte, 16)
	rand.Read(iv)
	s, prefix := packet.NewOCFBEncrypter(block, iv, packet.OCFBResync)
	body := lit("old style")
	s.XORKeyStream(body, body)
	r := us.open(t, binaryMail(esk.Bytes(), pkt(9, append(prefix, body...))))
	want(t, r, pgp.Encrypted, pgp.NoIntegrity, "")
	if r.Plain != nil || len(r.Unprotected) == 0 {
		t.Fatal("unprotected text was not kept apart")
	}
	if text, err := pgp.ReadUnprotected(r.Unprotected); err != nil || string(text) != "old style" {
		t.Errorf("a person reads %q, %v", text, err)
	}
	if _, err := pgp.ReadUnprotected([]byte("junk")); !errs.Is(err, errs.Invalid) {
		t.Errorf("junk: %v", err)
	}
}

// P8: limits on what is inside.
func TestP8Limits(t *testing.T) {
	t.Parallel()
	us := newTeam(t)
	sig := signaturePacket(t, us, report)
	for _, c := range []struct {
		name    string
		packets []byte
		reason  pgp.Reason
	}{
		{"plain", lit("x"), pgp.Fine},
		{"compressed", comp(lit("x")), pgp.Fine},
		{"compressed, 2 MiB of nothing", comp(lit(strings.Repeat("\x00", 2<<20))), pgp.OverLimit},
		{"compressed twice", comp(comp(lit("x"))), pgp.NestedLayers},
		{"uncompressed counts as a layer", pkt(8, append([]byte{0}, comp(lit("x"))...)), pgp.NestedLayers},
		{"two literals", append(lit("a"), lit("b")...), pgp.Malformed},
		{"literal and compressed", append(lit("a"), comp(lit("b"))...), pgp.Malformed},
		{"compressed and literal", append(comp(lit("a")), lit("b")...), pgp.Malformed},
		{"two literals compressed", comp(append(lit("a"), lit("b")...)), pgp.Malformed},
		{"marker", append(pkt(10, []byte("PGP")), lit("a")...), pgp.Malformed},
		{"trailing data", append(lit("a"), "tail"...), pgp.Malformed},
		{"trailing data in the compression", compTail(1, []byte("tail")), pgp.Malformed},
		{"key packet", append(lit("a"), us.key.Binary()...), pgp.Malformed},
		{"encryption inside", append(pkt(18, []byte("\x01xxxx")), lit("a")...), pgp.NestedLayers},
		{"empty", nil, pgp.Malformed},
		{"nothing in the compression", comp(nil), pgp.Malformed},
		{"signature without a text", sig, pgp.Malformed},
		{"one-pass without its signature", append(pkt(4, []byte{3, 0, 8, 22, 1, 2, 3, 4, 5, 6, 7, 8, 1}), lit("a")...), pgp.Malformed},
		{"signature without its one-pass", append(lit("a"), sig...), pgp.Malformed},
		{"nine signatures", append(bytes.Repeat(sig, 9), lit("a")...), pgp.OverLimit},
		{"literal of an unknown kind", pkt(11, []byte{'x', 0, 0, 0, 0, 0, 'a'}), pgp.Malformed},
		{"literal with a name past its end", pkt(11, []byte{'b', 200, 0, 0, 0, 0, 'a'}), pgp.Malformed},
		{"length in pieces for a signature", append([]byte{0xC2, 0xE1, 1, 2, 0}, lit("a")...), pgp.Malformed},
	} {
		esk, data := forge(t, c.packets, false, us.key)
		r := us.open(t, binaryMail(esk[0], data))
		want(t, r, pgp.Encrypted, c.reason, "")
		if (r.Plain == nil) != (c.reason != pgp.Fine) {
			t.Errorf("P8 %s: %d bytes came out", c.name, len(r.Plain))
		}
		if t.Failed() {
			t.Fatalf("P8: at %s", c.name)
		}
	}
	esk, data := forge(t, append(bytes.Repeat(sig, 8), lit(report)...), false, us.key)
	want(t, us.open(t, binaryMail(esk[0], data), us.key), pgp.SignedEncrypted, pgp.Fine, strings.TrimSuffix(strings.Repeat("good,", 8), ","))

	small := pgp.Input{Entity: binaryMail(esk[0], data), Agent: us.agent, Now: time.Now(), Limits: pgp.Limits{Input: 100}}
	if r, err := pgp.Open(t.Context(), small); err != nil || r.Reason != pgp.OverLimit {
		t.Errorf("P8: a mail over the size limit: %s, %v", r.Reason, err)
	}
	esk, data = forge(t, comp(lit("x")), false, us.key)
	deep := pgp.Input{Entity: binaryMail(esk[0], data), Agent: us.agent, Now: time.Now(), Limits: pgp.Limits{Depth: 2}}
	if r, err := pgp.Open(t.Context(), deep); err != nil || r.Reason != pgp.OverLimit {
		t.Errorf("P8: a message over the depth limit: %s, %v", r.Reason, err)
	}
	want(t, us.open(t, binaryMail(esk[0], data, []byte("tail"))), pgp.Encrypted, pgp.Malformed, "")
	want(t, us.open(t, binaryMail(pkt(10, []byte("PGP")), esk[0], data)), pgp.Encrypted, pgp.Malformed, "")
	want(t, us.open(t, binaryMail(pkt(3, []byte{4, 9, 0, 8}), data)), pgp.Encrypted, pgp.PasswordOnly, "")
}

// P8: what Sequoia puts behind a text to hide its length is passed over, and nothing else that stands there; never outside encryption.
func TestP8Padding(t *testing.T) {
	t.Parallel()
	us := newTeam(t)
	sig := signaturePacket(t, us, report)
	const length, room = 40527, 410 // as sq 0.27 pads 40,550 octets to 40,960
	random := func(n int) []byte {
		b := make([]byte, n)
		rand.Read(b)
		return b
	}
	words := func(n int) string { return strings.Repeat("Pay now! ", n)[:n] }
	filled := func(b []byte) []byte { return append(b, lit(string(random(room-len(b)-12)))...) }
	armoured := "-----BEGIN PGP MESSAGE-----\n\n" + strings.Repeat(strings.Repeat("A", 64)+"\n", 5) + "-----END PGP MESSAGE-----\n"
	for name, c := range map[string]struct {
		packets []byte
		reason  pgp.Reason
	}{
		"random":                      {compTail(length, random(room)), pgp.Fine},
		"zeros":                       {compTail(length, make([]byte, room)), pgp.Fine},
		"padding packet":              {append(pkt(21, random(99)), lit("a")...), pgp.Fine},
		"one more":                    {compTail(length, random(room+1)), pgp.Malformed},
		"one less":                    {compTail(length, random(room-1)), pgp.Malformed},
		"text":                        {compTail(length, []byte(words(room))), pgp.Malformed},
		"text behind random":          {compTail(length, append(random(room-24), words(24)...)), pgp.Malformed},
		"armour":                      {compTail(length, append([]byte(armoured), random(room-len(armoured))...)), pgp.Malformed},
		"literal":                     {compTail(length, lit(words(room-12))), pgp.Malformed},
		"literal of random":           {compTail(length, lit(string(random(room-12)))), pgp.Malformed},
		"signature":                   {compTail(length, filled(sig)), pgp.Malformed},
		"signature alone":             {compTail(length, sig), pgp.Malformed},
		"compressed":                  {compTail(length, pkt(8, append([]byte{1}, random(room-7)...))), pgp.Malformed},
		"behind another compression":  {recompressed(), pgp.Malformed},
		"between packets":             {append(compTail(length, random(room)), random(8)...), pgp.Malformed},
		"as much trailing as text":    {compTail(300, random(300)), pgp.Malformed},
		"text behind a padded packet": {append(compTail(length, random(room)), lit(words(9))...), pgp.Malformed},
	} {
		esk, data := forge(t, c.packets, false, us.key)
		r := us.open(t, binaryMail(esk[0], data))
		if r.Reason != c.reason || len(r.Signatures) > 0 || (r.Plain == nil) != (c.reason != pgp.Fine) || c.reason == pgp.Fine && len(strings.Trim(string(r.Plain), "a")) > 0 {
			t.Errorf("P8 %s, encrypted: %q, %d bytes came out", name, r.Reason, len(r.Plain))
		}
		r = us.open(t, plainBlock(t, c.packets))
		if r.State != pgp.None || r.Reason != pgp.Malformed || r.Plain != nil {
			t.Errorf("P8 %s, not encrypted: %s %q, %d bytes came out", name, r.State, r.Reason, len(r.Plain))
		}
		if _, err := pgp.ReadUnprotected(c.packets); err == nil {
			t.Errorf("P8 %s is read where nothing protects it", name)
		}
	}
	if r := us.open(t, plainBlock(t, compTail(300, nil))); r.Reason != pgp.Fine || len(r.Plain) != 300 {
		t.Errorf("P8: without a tail: %q", r.Reason)
	}
}

// plainBlock is a mail with packets in armour, not encrypted.
func plainBlock(t testing.TB, packets []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := armor.Encode(&b, "PGP MESSAGE", nil)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(packets)
	w.Close()
	return []byte(crlf("Content-Type: text/plain\n\n" + b.String() + "\n"))
}

// compTail is a text of some length, not made shorter, and a tail behind its end.
func compTail(length int, tail []byte) []byte {
	return deflated(lit(strings.Repeat("a", length)), tail, 0)
}

// recompressed has a tail behind a text that was made shorter, as long as padding would be.
func recompressed() []byte {
	raw := make([]byte, 40_000)
	rand.Read(raw)
	packets := lit(base64.StdEncoding.EncodeToString(raw))
	const header, multiple = 6, 2048 // Padmé's from 32 to 64 KiB
	n := len(deflated(packets, nil, flate.HuffmanOnly)) - header
	return deflated(packets, make([]byte, multiple-n%multiple), flate.HuffmanOnly)
}

func deflated(packets, tail []byte, level int) []byte {
	var b bytes.Buffer
	b.WriteByte(1)
	w, _ := flate.NewWriter(&b, level)
	w.Write(packets)
	w.Close()
	b.Write(tail)
	return pkt(8, b.Bytes())
}

// signaturePacket is a binary signature by the team over a text.
func signaturePacket(t testing.TB, us team, text string) []byte {
	t.Helper()
	block, err := pgp.SignDetached(t.Context(), strings.NewReader(text), us.agent, pgp.Mail)
	if err != nil {
		t.Fatal(err)
	}
	return dearmor(t, block)
}

// Bombs made by GnuPG with each of its compressions.
func TestP8Bombs(t *testing.T) {
	t.Parallel()
	g := newGnuPG(t)
	us := newTeam(t)
	g.run(us.key.Armored(), "--import")
	zeros := make([]byte, 64<<20)
	for _, algo := range []string{"zip", "zlib", "bzip2"} {
		r := us.open(t, encryptedMail(g.run(zeros, "--armor", "--encrypt", "--compress-algo", algo, "-r", "csirt@example.org")))
		want(t, r, pgp.Encrypted, pgp.OverLimit, "")
		if r.Plain != nil {
			t.Errorf("P8: a %s bomb came out", algo)
		}
	}
}

// P7: recipient packets and trials are counted, and hidden recipients work.
func TestP7Recipients(t *testing.T) {
	t.Parallel()
	us, other := newTeam(t), newTeam(t)
	ops := 0
	ring, err := keyd.NewRing(us.secret)
	if err != nil {
		t.Fatal(err)
	}
	us.agent = keyd.NewInProcess(ring, keyd.Options{Record: func(u keyd.Use) { ops += u.Private }})
	for _, c := range []struct {
		name   string
		before int // packets for somebody else first
		hide   bool
		reason pgp.Reason
		ops    int
	}{
		{"alone", 0, false, pgp.Fine, 1},
		{"one of 32", 31, false, pgp.Fine, 1},
		{"one of 33", 32, false, pgp.OverLimit, 0},
		{"hidden, alone", 0, true, pgp.Fine, 1},
		{"hidden, third", 2, true, pgp.Fine, 3},
		{"hidden, fourth", 3, true, pgp.NotForUs, 3},
		{"hidden, last of 32", 31, true, pgp.NotForUs, 3},
	} {
		to := make([]pgp.Key, 0, 40)
		for range c.before {
			to = append(to, other.key)
		}
		esk, data := forge(t, lit("x"), c.hide, append(to, us.key)...)
		ops = 0
		r := us.open(t, binaryMail(append(esk, data)...))
		if r.Reason != c.reason || ops != c.ops {
			t.Errorf("P7 %s: reason %q after %d operations, want %q after %d", c.name, r.Reason, ops, c.reason, c.ops)
		}
	}
	// 32 packets that name our key and hold junk: each is one operation, and the answer is the same "no".
	esk, data := forge(t, lit("x"), false, us.key)
	bad := bytes.Clone(esk[0])
	bad[len(bad)-1] ^= 1
	ops = 0
	r := us.open(t, binaryMail(append([][]byte{bytes.Repeat(bad, 32)}, data)...))
	if r.Reason != pgp.NotForUs || ops != 32 {
		t.Errorf("P7: 32 broken packets: %s after %d operations", r.Reason, ops)
	}
}

type deadAgent struct{ pgp.Agent }

func (deadAgent) Unwrap(context.Context, pgp.UnwrapRequest) (pgp.SessionKey, error) {
	return pgp.SessionKey{}, errors.New("connection refused")
}

// A key process that is down is not a message that cannot be decrypted: the caller tries again later.
func TestKeyProcessDown(t *testing.T) {
	t.Parallel()
	us := newTeam(t)
	esk, data := forge(t, lit("x"), false, us.key)
	if _, err := pgp.Open(t.Context(), pgp.Input{Entity: binaryMail(esk[0], data), Agent: deadAgent{}}); !errs.Is(err, errs.Unavailable) {
		t.Errorf("got %v", err)
	}
	r, err := pgp.Open(t.Context(), pgp.Input{Entity: binaryMail(esk[0], data)})
	if err != nil || r.State != pgp.Encrypted || r.Reason != pgp.NoAgent || !r.CameEncrypted {
		t.Errorf("without an agent: %+v, %v", r, err)
	}
}

// The newer container (SEIPD version 2) opens too, and a changed byte in it is noticed.
func TestNewContainer(t *testing.T) {
	t.Parallel()
	us := newTeam(t)
	session := make([]byte, 32)
	rand.Read(session)
	var esk, data bytes.Buffer
	if err := packet.SerializeEncryptedKeyAEAD(&esk, encKey(t, us.key), testCipher, true, session, nil); err != nil {
		t.Fatal(err)
	}
	cfg := &packet.Config{AEADConfig: &packet.AEADConfig{}}
	w, err := packet.SerializeSymmetricallyEncrypted(&data, testCipher, true, packet.CipherSuite{Cipher: testCipher, Mode: packet.AEADModeOCB}, session, cfg)
	if err != nil {
		t.Fatal(err)
	}
	w.Write(append(lit("new"), pkt(21, []byte("padding"))...))
	w.Close()
	r := us.open(t, binaryMail(esk.Bytes(), data.Bytes()))
	want(t, r, pgp.Encrypted, pgp.Fine, "")
	if string(r.Plain) != "new" {
		t.Errorf("plain is %q", r.Plain)
	}
	data.Bytes()[data.Len()-1] ^= 1
	r = us.open(t, binaryMail(esk.Bytes(), data.Bytes()))
	want(t, r, pgp.Encrypted, pgp.Tampered, "")
	if r.Plain != nil {
		t.Error("P5: plaintext came out")
	}
}

// A message signed for another reader and encrypted again to us is not good: the signer did not write to us.
func TestSignedForAnotherReader(t *testing.T) {
	t.Parallel()
	us, other := newTeam(t), newTeam(t)
	_, signer := secretEntity(t)
	key := oneKey(t, func() []byte { var b bytes.Buffer; signer.Serialize(&b); return b.Bytes() }())
	for reader, status := range map[*team]string{&us: "good", &other: "other_reader"} {
		h := testHash.New()
		h.Write([]byte("words"))
		sig := &packet.Signature{
			Version: 4, SigType: packet.SigTypeBinary, PubKeyAlgo: signer.PrivateKey.PubKeyAlgo, Hash: testHash, CreationTime: time.Now(),
			IssuerKeyId: &signer.PrivateKey.KeyId, IntendedRecipients: []*packet.Recipient{{KeyVersion: 4, Fingerprint: entityOf(t, reader.key).PrimaryKey.Fingerprint}},
		}
		if err := sig.Sign(h, signer.PrivateKey, nil); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := sig.Serialize(&b); err != nil {
			t.Fatal(err)
		}
		esk, data := forge(t, append(b.Bytes(), lit("words")...), false, us.key)
		want(t, us.open(t, binaryMail(esk[0], data), key), pgp.SignedEncrypted, pgp.Fine, status)
	}
}

const testHash = crypto.SHA256
