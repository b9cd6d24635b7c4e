package account_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

const site = "https://cert.example"

// device is an authenticator in software: one key, ES256, no attestation (WebAuthn level 3, sections 6.1 and 6.5).
type device struct {
	t      *testing.T
	key    *ecdsa.PrivateKey
	id     []byte
	handle string
	rp     string
	origin string
	flags  byte // user present 1, verified 4, backup eligible 8, backed up 16
	count  uint32
}

func newDevice(t *testing.T) *device {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 32)
	_, _ = rand.Read(id)
	return &device{t: t, key: key, id: id, rp: "cert.example", origin: site, flags: 1 | 4}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (d *device) client(kind, challenge string) []byte {
	b, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": d.origin, "crossOrigin": false})
	if err != nil {
		d.t.Fatal(err)
	}
	return b
}

func (d *device) data(more byte) []byte {
	sum := sha256.Sum256([]byte(d.rp))
	out := append(sum[:], d.flags|more)
	return binary.BigEndian.AppendUint32(out, d.count)
}

func (d *device) answer(response map[string]string) string {
	b, err := json.Marshal(map[string]any{"id": b64(d.id), "rawId": b64(d.id), "type": "public-key", "clientExtensionResults": map[string]any{}, "response": response})
	if err != nil {
		d.t.Fatal(err)
	}
	return string(b)
}

// make answers options for a new passkey.
func (d *device) make(options string) string {
	d.t.Helper()
	var o struct {
		Challenge string
		User      struct{ ID string }
	}
	if err := json.Unmarshal([]byte(options), &o); err != nil {
		d.t.Fatal(err)
	}
	handle, err := base64.RawURLEncoding.DecodeString(o.User.ID)
	if err != nil {
		d.t.Fatal(err)
	}
	d.handle = string(handle)
	point, err := d.key.PublicKey.ECDH()
	if err != nil {
		d.t.Fatal(err)
	}
	xy := point.Bytes()
	cose, err := cbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: xy[1:33], -3: xy[33:]})
	if err != nil {
		d.t.Fatal(err)
	}
	data := append(d.data(0x40), make([]byte, 16)...)
	data = append(binary.BigEndian.AppendUint16(data, uint16(len(d.id))), d.id...)
	object, err := cbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": append(data, cose...)})
	if err != nil {
		d.t.Fatal(err)
	}
	return d.answer(map[string]string{"clientDataJSON": b64(d.client("webauthn.create", o.Challenge)), "attestationObject": b64(object)})
}

// use answers a request.
func (d *device) use(request string) string {
	d.t.Helper()
	var o struct{ Challenge string }
	if err := json.Unmarshal([]byte(request), &o); err != nil {
		d.t.Fatal(err)
	}
	return d.sign(o.Challenge)
}

func (d *device) sign(challenge string) string {
	client, data := d.client("webauthn.get", challenge), d.data(0)
	hash := sha256.Sum256(client)
	sum := sha256.Sum256(append(append([]byte{}, data...), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, d.key, sum[:])
	if err != nil {
		d.t.Fatal(err)
	}
	return d.answer(map[string]string{"clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(signature), "userHandle": b64([]byte(d.handle))})
}

func (c *team) sites() {
	c.s.Sites = map[account.Door]string{account.Desk: site, account.Portal: site}
}

// passkey gives somebody a passkey on a new device.
func (c *team) passkey(ctx context.Context, by access.Actor, door account.Door) *device {
	c.Helper()
	d := newDevice(c.T)
	options, err := c.s.PasskeyOptions(ctx, by, door)
	if err == nil {
		_, err = c.s.AddPasskey(ctx, by, door, "My telephone", d.make(options))
	}
	if err != nil {
		c.Fatal(err)
	}
	return d
}

// A passkey signs in alone, proves afresh, stands beside password and recovery codes, and goes with its owner's word (rule I1).
func TestAPasskeySignsIn(t *testing.T) {
	engines(t, func(ctx context.Context, c *team) {
		c.sites()
		ana := c.create(ctx, c.root, "ana@cert.example", "", access.Analyst)
		by, d := c.as(ana), newDevice(t)
		options, err := c.s.PasskeyOptions(ctx, by, account.Desk)
		if err != nil || !strings.Contains(options, `"id":"cert.example"`) || !strings.Contains(options, `"userVerification":"required"`) || !strings.Contains(options, `"residentKey":"required"`) {
			t.Fatalf("%s %v", options, err)
		}
		codes, err := c.s.AddPasskey(ctx, by, account.Desk, "My telephone", d.make(options))
		if err != nil || len(codes) != 10 {
			t.Fatalf("%d codes, %v", len(codes), err)
		}
		// The password alone is half a sign-in now; a recovery code completes it, as for any second factor.
		in := c.signIn(ctx, desk("192.0.2.1"), "ana@cert.example")
		if in.Step != account.NeedCode {
			t.Fatal("the password alone is enough")
		}
		_, err = c.s.GiveCode(ctx, desk("192.0.2.1"), in.Secret.Reveal(), "123456")
		c.refused(err, errs.Unauthenticated, "a code of no app")
		if in, err = c.s.GiveCode(ctx, desk("192.0.2.1"), in.Secret.Reveal(), codes[0].Reveal()); err != nil || in.Step != account.Done {
			t.Fatal(err)
		}
		request, err := c.s.PasskeyRequest(account.Desk)
		if err != nil || strings.Contains(request, "ana") || strings.Contains(request, "allowCredentials") {
			t.Fatalf("the request names somebody: %s %v", request, err)
		}
		d.count++
		answer := d.use(request)
		in, err = c.s.SignInByPasskey(ctx, account.From{Doors: []account.Door{account.Desk, account.Portal}}, answer)
		if err != nil || in.Step != account.Done || in.Door != account.Desk {
			t.Fatalf("%+v %v", in, err)
		}
		who, ses, err := c.s.BySession(ctx, account.Desk, in.Secret.Reveal())
		if err != nil || who.Account != ana.ID || who.Strength != access.Passkey {
			t.Errorf("%+v %v", who, err)
		}
		_, err = c.s.SignInByPasskey(ctx, account.From{Doors: []account.Door{account.Desk}}, answer)
		c.refused(err, errs.Unauthenticated, "the same answer twice")
		// A fresh proof by the passkey, for this session alone.
		c.Clock.Advance(time.Hour)
		proof, err := c.s.PasskeyProof(ctx, who, account.Desk, ses.UID)
		if err != nil {
			t.Fatal(err)
		}
		d.count++
		proved, err := c.s.ProveByPasskey(ctx, desk("192.0.2.1"), in.Secret.Reveal(), d.use(proof))
		if err != nil {
			t.Fatal(err)
		}
		if who, _, err = c.s.BySession(ctx, account.Desk, proved.Secret.Reveal()); err != nil || who.NeedFresh(c.Clock.Now()) != nil {
			t.Errorf("%+v %v", who, err)
		}
		list, err := c.s.Passkeys(ctx, c.DB, who)
		if err != nil || len(list) != 1 || list[0].Name != "My telephone" || list[0].UsedAt.IsZero() || list[0].BackedUp {
			t.Fatalf("%+v %v", list, err)
		}
		c.root.ProvedAt = c.Clock.Now()
		c.refused(c.s.EndPasskey(ctx, c.as(c.create(ctx, c.root, "bob@cert.example", "", access.Admin)), list[0].UID), errs.NotFound, "another's passkey")
		if err := c.s.EndPasskey(ctx, who, list[0].UID); err != nil {
			t.Fatal(err)
		}
		d.count++
		request, err = c.s.PasskeyRequest(account.Desk)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.s.SignInByPasskey(ctx, account.From{Doors: []account.Door{account.Desk}}, d.use(request))
		c.refused(err, errs.Unauthenticated, "an ended passkey")
	})
}

// Whatever is not exactly a fresh answer to our question by the owner's device, verified, for our site, is refused with one answer.
func TestPasskeysThatDoNotFit(t *testing.T) {
	engines(t, func(ctx context.Context, c *team) {
		c.sites()
		ana := c.create(ctx, c.root, "ana@cert.example", "", access.Analyst)
		eva := c.create(ctx, c.root, "eva@cert.example", "", access.Analyst)
		by := c.as(ana)
		at := account.From{Doors: []account.Door{account.Desk}}
		request := func() string {
			r, err := c.s.PasskeyRequest(account.Desk)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		options := func(by access.Actor) string {
			o, err := c.s.PasskeyOptions(ctx, by, account.Desk)
			if err != nil {
				t.Fatal(err)
			}
			return o
		}
		for name, spoil := range map[string]func(*device){
			"another site": func(d *device) { d.origin = "https://cert.example.evil.example" }, "plain http": func(d *device) { d.origin = "http://cert.example" },
			"another party": func(d *device) { d.rp = "evil.example" }, "nobody verified": func(d *device) { d.flags = 1 }, "nobody there": func(d *device) { d.flags = 0 },
			"backed up, not eligible": func(d *device) { d.flags = 1 | 4 | 16 },
		} {
			d := newDevice(t)
			spoil(d)
			_, err := c.s.AddPasskey(ctx, by, account.Desk, "x", d.make(options(by)))
			c.refused(err, errs.Invalid, "made: "+name)
			good := c.passkey(ctx, by, account.Desk)
			spoil(good)
			good.count++
			_, err = c.s.SignInByPasskey(ctx, at, good.use(request()))
			c.refused(err, errs.Unauthenticated, "used: "+name)
		}
		d := c.passkey(ctx, by, account.Desk)
		made := newDevice(t).make(options(by))
		if _, err := c.s.AddPasskey(ctx, by, account.Desk, "once", made); err != nil {
			t.Fatal(err)
		}
		_, err := c.s.AddPasskey(ctx, by, account.Desk, "twice", made)
		c.refused(err, errs.Unauthenticated, "one answer makes two passkeys")
		_, err = c.s.AddPasskey(ctx, c.as(eva), account.Desk, "x", newDevice(t).make(options(by)))
		c.refused(err, errs.Invalid, "another's question")
		_, err = c.s.AddPasskey(ctx, c.as(eva), account.Desk, "x", d.make(options(c.as(eva))))
		c.refused(err, errs.Unauthenticated, "a credential that another has")
		d.handle = ana.UID
		tired := by
		tired.ProvedAt = c.Clock.Now().Add(-time.Hour)
		_, err = c.s.PasskeyOptions(ctx, tired, account.Desk)
		c.refused(err, errs.Unauthenticated, "made without a fresh proof")
		_, err = c.s.AddPasskey(ctx, by, account.Desk, "", newDevice(t).make(options(by)))
		c.refused(err, errs.Invalid, "without a name")
		for name, answer := range map[string]string{
			"nothing": "", "no JSON": "{", "too long": strings.Repeat("x", 9000), "a made-up challenge": d.sign(b64(make([]byte, 40))), "a foreign challenge": d.sign("abc"), "a challenge for making": d.use(options(by)),
		} {
			_, err := c.s.SignInByPasskey(ctx, at, answer)
			c.refused(err, errs.Unauthenticated, name)
		}
		old := request()
		c.Clock.Advance(5*time.Minute + time.Second)
		d.count++
		_, err = c.s.SignInByPasskey(ctx, at, d.use(old))
		c.refused(err, errs.Unauthenticated, "too late")
		// Somebody else's handle, somebody else's key under one's own credential.
		d.handle = eva.UID
		_, err = c.s.SignInByPasskey(ctx, at, d.use(request()))
		c.refused(err, errs.Unauthenticated, "another's handle")
		d.handle = ana.UID
		thief := newDevice(t)
		thief.id, thief.handle, thief.count = d.id, ana.UID, 99
		_, err = c.s.SignInByPasskey(ctx, at, thief.use(request()))
		c.refused(err, errs.Unauthenticated, "another key")
		// A copy: the counter goes back.
		d.count = 10
		if _, err = c.s.SignInByPasskey(ctx, at, d.use(request())); err != nil {
			t.Fatal(err)
		}
		d.count = 10
		_, err = c.s.SignInByPasskey(ctx, at, d.use(request()))
		c.refused(err, errs.Unauthenticated, "a counter that stands")
		// The same answer twice at once opens one session.
		d.count = 20
		answer := d.use(request())
		results := make([]error, 2)
		var wg sync.WaitGroup
		for i := range results {
			wg.Go(func() { _, results[i] = c.s.SignInByPasskey(ctx, at, answer) })
		}
		wg.Wait()
		if (results[0] == nil) == (results[1] == nil) {
			t.Errorf("two at once: %v, %v", results[0], results[1])
		}
		// The wrong door, a session of somebody else's, a closed account.
		d.count++
		_, err = c.s.SignInByPasskey(ctx, account.From{Doors: []account.Door{account.Portal}}, d.use(request()))
		c.refused(err, errs.Unauthenticated, "a door of others")
		in := c.signIn(ctx, desk("192.0.2.1"), "eva@cert.example")
		who, ses, err := c.s.BySession(ctx, account.Desk, in.Secret.Reveal())
		if err != nil {
			t.Fatal(err)
		}
		proof, err := c.s.PasskeyProof(ctx, who, account.Desk, ses.UID)
		if err != nil {
			t.Fatal(err)
		}
		d.count++
		_, err = c.s.ProveByPasskey(ctx, desk("192.0.2.1"), in.Secret.Reveal(), d.use(proof))
		c.refused(err, errs.Unauthenticated, "another's passkey proves")
		c.root.ProvedAt = c.Clock.Now()
		if _, err := c.s.Disable(ctx, c.root, ana.UID); err != nil {
			t.Fatal(err)
		}
		d.count++
		_, err = c.s.SignInByPasskey(ctx, at, d.use(request()))
		c.refused(err, errs.Unauthenticated, "who left")
		// Without a name of ours over TLS there are none.
		for _, bad := range []string{"", "http://cert.example", "https://192.0.2.1", "https://[2001:db8::1]:8443", "ftp://cert.example", "::"} {
			c.s.Sites = map[account.Door]string{account.Desk: bad}
			if r, err := c.s.PasskeyRequest(account.Desk); r != "" || err != nil {
				t.Errorf("%q: %s %v", bad, r, err)
			}
			_, err = c.s.SignInByPasskey(ctx, at, d.use(`{"challenge":"`+b64(make([]byte, 40))+`"}`))
			c.refused(err, errs.Unauthenticated, bad)
		}
	})
}

// A reset of the factors takes the passkeys too, and an organisation that asks for a second factor is content with one.
func TestPasskeysGoWithTheFactors(t *testing.T) {
	engines(t, func(ctx context.Context, c *team) {
		c.sites()
		_, rui, _ := c.keeper(ctx, "rui@hospital.example")
		eva := c.create(ctx, rui, "eva@hospital.example", "", access.Constituent)
		c.passkey(ctx, rui, account.Portal)
		if err := c.s.RequireFactor(ctx, rui, true); err != nil {
			t.Fatal(err)
		}
		d := c.passkey(ctx, c.as(eva), account.Portal)
		at := account.From{Doors: []account.Door{account.Portal}}
		request, err := c.s.PasskeyRequest(account.Portal)
		if err != nil {
			t.Fatal(err)
		}
		in, err := c.s.SignInByPasskey(ctx, at, d.use(request))
		if err != nil {
			t.Fatal(err)
		}
		if by, _, err := c.s.BySession(ctx, account.Portal, in.Secret.Reveal()); err != nil || by.Owes || !by.Can(access.OwnCases) {
			t.Errorf("%+v %v", by, err)
		}
		if _, err := c.s.ResetFactors(ctx, rui, eva.UID); err != nil {
			t.Fatal(err)
		}
		if request, err = c.s.PasskeyRequest(account.Portal); err != nil {
			t.Fatal(err)
		}
		_, err = c.s.SignInByPasskey(ctx, at, d.use(request))
		c.refused(err, errs.Unauthenticated, "after the reset")
	})
}
