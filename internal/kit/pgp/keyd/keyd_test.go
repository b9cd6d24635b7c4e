package keyd_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha512"
	"encoding"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp/keyd"
)

var start = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func generate(t testing.TB, now time.Time) *keyd.Secret {
	t.Helper()
	s, err := keyd.Generate("National CSIRT", []string{"csirt@example.org"}, now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func ringOf(t testing.TB, s *keyd.Secret, old ...*keyd.Secret) *keyd.Ring {
	t.Helper()
	r, err := keyd.NewRing(s, old...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func state(text string) []byte {
	h := sha512.New()
	h.Write([]byte(text))
	b, _ := h.(encoding.BinaryMarshaler).MarshalBinary()
	return b
}

func signRequest(p pgp.Purpose) pgp.SignRequest {
	return pgp.SignRequest{Purpose: p, Hash: crypto.SHA512, State: state("text")}
}

// who tells which subkey signs a mail or publication at the clock's time.
func who(t testing.TB, a pgp.Agent, key pgp.Key, p pgp.Purpose, now time.Time) string {
	t.Helper()
	text, err := pgp.ClearSign(t.Context(), []byte("text"), a, p)
	if err != nil {
		t.Fatal(err)
	}
	r, err := pgp.Open(t.Context(), pgp.Input{Entity: append([]byte("\n"), text...), Keys: []pgp.Key{key}, Now: now, Date: now})
	if err != nil || r.Good() == nil {
		t.Fatalf("not a good signature: %+v, %v", r, err)
	}
	return r.Good().Fingerprint
}

// K3: each purpose has a subkey; they are renewed with overlap, and old mail still opens.
func TestK3Rotation(t *testing.T) {
	t.Parallel()
	now := clock.NewFake(start)
	s := generate(t, start)
	agent := func() *keyd.InProcess { return keyd.NewInProcess(ringOf(t, s), keyd.Options{Clock: now}) }
	mail, pub := who(t, agent(), s.Public(), pgp.Mail, start), who(t, agent(), s.Public(), pgp.Publication, start)
	if mail == pub || mail == s.Public().Fingerprint() || pub == s.Public().Fingerprint() {
		t.Fatal("K3: purposes share a key, or the primary signs")
	}
	oldMail, err := pgp.EncryptMIME([]byte("Content-Type: text/plain\r\n\r\nold\r\n"), pgp.Readers{Reader: s.Public(), At: start})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := s.ExtendOrRotate(start.Add(200 * 24 * time.Hour)); err != nil || r.Changed() {
		t.Errorf("K3: rotated with 165 days left: %+v, %v", r, err)
	}

	// 80 days before the end both signing subkeys get a successor; the old ones go on until a month before their end.
	now.Advance(285 * 24 * time.Hour)
	r, err := s.ExtendOrRotate(now.Now())
	if err != nil || len(r.Signing) != 2 || r.Decryption {
		t.Fatalf("K3: %+v, %v", r, err)
	}
	if again, err := s.ExtendOrRotate(now.Now()); err != nil || again.Changed() {
		t.Errorf("K3: rotated twice: %+v", again)
	}
	if got := who(t, agent(), s.Public(), pgp.Mail, now.Now()); got != mail {
		t.Error("K3: the new subkey signs before readers could fetch it")
	}
	now.Advance(60 * 24 * time.Hour)
	next := who(t, agent(), s.Public(), pgp.Mail, now.Now())
	if next == mail || next == who(t, agent(), s.Public(), pgp.Publication, now.Now()) {
		t.Error("K3: the new mail subkey does not sign")
	}

	now.Advance(300 * 24 * time.Hour)
	if r, err = s.ExtendOrRotate(now.Now()); err != nil || !r.Decryption {
		t.Fatalf("K3: %+v, %v", r, err)
	}
	now.Advance(2 * 365 * 24 * time.Hour)
	open, err := pgp.Open(t.Context(), pgp.Input{Entity: oldMail, Agent: agent(), Now: now.Now()})
	if err != nil || open.Reason != pgp.Fine || !bytes.Contains(open.Plain, []byte("old")) {
		t.Errorf("K3: old mail does not open: %+v, %v", open, err)
	}
	if _, err := agent().Sign(t.Context(), signRequest(pgp.Mail)); !errs.Is(err, errs.Unavailable) {
		t.Errorf("K3: all subkeys expired: %v", err)
	}

	served := s.WithoutPrimary()
	if served.HasPrimary() || !s.HasPrimary() {
		t.Error("K3: the primary is still there, or lost")
	}
	if _, err := served.ExtendOrRotate(now.Now()); !errs.Is(err, errs.Conflict) {
		t.Errorf("K3: rotated without the primary: %v", err)
	}
	if _, err := served.Export([]byte("correct horse battery")); !errs.Is(err, errs.Conflict) {
		t.Errorf("K1: exported without the primary: %v", err)
	}
	if _, err := served.Revocation(now.Now()); !errs.Is(err, errs.Conflict) {
		t.Errorf("K3: revoked without the primary: %v", err)
	}
	if _, err := s.Export([]byte("short")); !errs.Is(err, errs.Invalid) {
		t.Errorf("K3: exported with a short passphrase: %v", err)
	}
}

// K2: the file opens with its root secret only, and any change is noticed.
func TestK2SealedFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "team.keys")
	root, other := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	s, old := generate(t, start), generate(t, start.Add(-time.Hour))
	if err := ringOf(t, s.WithoutPrimary(), old).Save(path, root); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("K8: mode %v", info.Mode())
	}
	r, err := keyd.Load(path, root)
	if err != nil {
		t.Fatal(err)
	}
	if keys := r.Public(); len(keys) != 2 || keys[0].Fingerprint() != s.Public().Fingerprint() || r.Current().HasPrimary() {
		t.Error("K2: another ring came back")
	}
	a, b := keyd.NewInProcess(ringOf(t, s), keyd.Options{Clock: clock.NewFake(start)}), keyd.NewInProcess(r, keyd.Options{Clock: clock.NewFake(start)})
	for _, p := range []pgp.Purpose{pgp.Mail, pgp.Publication} {
		if who(t, a, s.Public(), p, start) != who(t, b, s.Public(), p, start) {
			t.Error("K3: purposes were lost in the file")
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []int{0, 13, 20, len(data) / 2, len(data) - 1} {
		bad := bytes.Clone(data)
		bad[at] ^= 1
		if _, err := keyd.Unseal(bad, root); !errs.Is(err, errs.Invalid) {
			t.Errorf("K2: changed at %d: %v", at, err)
		}
	}
	for name, try := range map[string]func() error{
		"another secret": func() error { _, err := keyd.Unseal(data, other); return err },
		"short secret":   func() error { _, err := keyd.Unseal(data, root[:16]); return err },
		"cut":            func() error { _, err := keyd.Unseal(data[:20], root); return err },
		"nothing":        func() error { _, err := keyd.Unseal(nil, root); return err },
		"twice":          func() error { _, err := keyd.NewRing(s, s); return err },
	} {
		if err := try(); !errs.Is(err, errs.Invalid) {
			t.Errorf("K2 %s: %v", name, err)
		}
	}
	if bytes.Contains(data, []byte("csirt@example.org")) {
		t.Error("K2: the file is readable")
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := keyd.Load(path, root); !errs.Is(err, errs.Conflict) {
		t.Errorf("K8: a file that others may read: %v", err)
	}
}

// K1: the process signs documents for the two purposes with a strong hash, and nothing else.
func TestK1OnlyTwoCalls(t *testing.T) {
	t.Parallel()
	s := generate(t, start)
	a := keyd.NewInProcess(ringOf(t, s), keyd.Options{Clock: clock.NewFake(start)})
	good := signRequest(pgp.Mail)
	for name, change := range map[string]func(*pgp.SignRequest){
		"purpose":      func(q *pgp.SignRequest) { q.Purpose = "certify" },
		"no purpose":   func(q *pgp.SignRequest) { q.Purpose = "" },
		"SHA-1":        func(q *pgp.SignRequest) { q.Hash = crypto.SHA1 },
		"other hash":   func(q *pgp.SignRequest) { q.Hash = crypto.SHA256 },
		"no state":     func(q *pgp.SignRequest) { q.State = nil },
		"short state":  func(q *pgp.SignRequest) { q.State = q.State[:50] },
		"long state":   func(q *pgp.SignRequest) { q.State = append(bytes.Clone(q.State), 0) },
		"broken state": func(q *pgp.SignRequest) { q.State = append([]byte("x"), q.State[1:]...) },
	} {
		q := good
		change(&q)
		if _, err := a.Sign(t.Context(), q); !errs.Is(err, errs.Invalid) {
			t.Errorf("K1 %s: %v", name, err)
		}
	}
	for _, packets := range [][][]byte{nil, {nil}, {[]byte("junk")}, make([][]byte, 33), {make([]byte, pgp.MaxRecipientBytes+1)}, {s.Public().Binary()}} {
		if _, err := a.Unwrap(t.Context(), pgp.UnwrapRequest{Packets: packets}); !errors.Is(err, pgp.ErrNotUnwrapped) {
			t.Errorf("P7: %d packets: %v", len(packets), err)
		}
	}
}

// serve starts a key process in a folder of its own and gives the way to its socket, and how to stop it.
func serve(t testing.TB, path string, srv *keyd.Server) (stop func()) {
	t.Helper()
	l, err := keyd.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ctx, l) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("serve: %v", err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

func socket(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "keyd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "run", "keys.sock")
}

// K1: the story over the socket: sign, unwrap, restart, refusals.
func TestK1Socket(t *testing.T) {
	t.Parallel()
	s := generate(t, time.Now().Add(-time.Minute))
	ring := ringOf(t, s)
	path := socket(t)
	var mu sync.Mutex
	var uses []keyd.Use
	srv := keyd.NewServer(ring, keyd.Options{Record: func(u keyd.Use) { mu.Lock(); uses = append(uses, u); mu.Unlock() }})
	stop := serve(t, path, srv)
	for p, mode := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		if info, err := os.Stat(p); err != nil || info.Mode().Perm() != mode {
			t.Errorf("K1: %s is %v", filepath.Base(p), info.Mode())
		}
	}
	c := keyd.Dial(path)
	defer c.Close()

	plain := []byte("Content-Type: text/plain\r\n\r\nwords\r\n")
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			mail, err := pgp.SignAndEncryptMIME(context.Background(), plain, c, pgp.Mail, pgp.Readers{Reader: s.Public(), At: time.Now()})
			if err != nil {
				t.Error(err)
				return
			}
			r, err := pgp.Open(context.Background(), pgp.Input{Entity: mail, Keys: ring.Public(), Agent: c, Now: time.Now(), Date: time.Now()})
			if err != nil || r.State != pgp.SignedEncrypted || r.Good() == nil || !bytes.Equal(r.Plain, plain) {
				t.Errorf("over the socket: %+v, %v", r, err)
			}
		})
	}
	wg.Wait()
	if srv.Count("sign mail", keyd.Done) != 12 || srv.Count("unwrap", keyd.Done) != 12 || len(uses) != 24 {
		t.Errorf("K1: counted %d, %d, %d", srv.Count("sign mail", keyd.Done), srv.Count("unwrap", keyd.Done), len(uses))
	}
	if _, err := c.Unwrap(t.Context(), pgp.UnwrapRequest{Packets: [][]byte{[]byte("junk")}}); !errors.Is(err, pgp.ErrNotUnwrapped) {
		t.Errorf("P7: %v", err)
	}
	if _, err := c.Sign(t.Context(), pgp.SignRequest{Purpose: pgp.Mail, Hash: crypto.SHA512, State: []byte("x")}); !errs.Is(err, errs.Invalid) {
		t.Errorf("K1: a broken state: %v", err)
	}
	if _, err := c.Sign(t.Context(), pgp.SignRequest{Purpose: "certify", Hash: crypto.SHA512, State: state("")}); !errs.Is(err, errs.Invalid) {
		t.Errorf("K1: another purpose: %v", err)
	}
	if _, err := keyd.Listen(path); !errs.Is(err, errs.Conflict) {
		t.Errorf("K1: two key processes: %v", err)
	}

	stop()
	if _, err := c.Sign(t.Context(), signRequest(pgp.Mail)); !errs.Is(err, errs.Unavailable) {
		t.Errorf("K1: key process down: %v", err)
	}
	serve(t, path, keyd.NewServer(ring, keyd.Options{}))
	if _, err := c.Sign(t.Context(), signRequest(pgp.Mail)); err != nil {
		t.Errorf("K1: after a restart: %v", err)
	}
	c.Close()
	if _, err := c.Sign(t.Context(), signRequest(pgp.Mail)); !errs.Is(err, errs.Unavailable) {
		t.Errorf("a closed client: %v", err)
	}
}

// K1: another user's process is refused by the kernel's word, whatever the file modes.
func TestK1AnotherUserIsRefused(t *testing.T) {
	t.Parallel()
	path := socket(t)
	srv := keyd.NewServer(ringOf(t, generate(t, time.Now().Add(-time.Minute))), keyd.Options{}, uint32(os.Getuid())+1)
	serve(t, path, srv)
	c := keyd.Dial(path)
	defer c.Close()
	if _, err := c.Sign(t.Context(), signRequest(pgp.Mail)); !errs.Is(err, errs.Unavailable) {
		t.Errorf("K1: got %v", err)
	}
	if srv.Count("connect", keyd.Refused) != 1 || srv.Count("sign mail", keyd.Done) != 0 {
		t.Error("K1: the refusal was not counted, or something was signed")
	}
}

func TestK1OpenFolderIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := keyd.Listen(filepath.Join(dir, "s")); !errs.Is(err, errs.Conflict) {
		t.Errorf("K1: got %v", err)
	}
}

// K1: more calls than the rate allows are refused, and allowed again later.
func TestK1RateLimit(t *testing.T) {
	t.Parallel()
	now := clock.NewFake(start)
	path := socket(t)
	srv := keyd.NewServer(ringOf(t, generate(t, start)), keyd.Options{Clock: now, Signs: keyd.Rate{PerSecond: 1, Burst: 3}, Opens: keyd.Rate{PerSecond: 1, Burst: 1}})
	serve(t, path, srv)
	c := keyd.Dial(path)
	defer c.Close()
	for i := range 5 {
		_, err := c.Sign(t.Context(), signRequest(pgp.Mail))
		if i < 3 && err != nil || i >= 3 && !errs.Is(err, errs.Limit) {
			t.Errorf("K1: call %d: %v", i, err)
		}
	}
	junk := pgp.UnwrapRequest{Packets: [][]byte{[]byte("junk")}}
	if _, err := c.Unwrap(t.Context(), junk); !errors.Is(err, pgp.ErrNotUnwrapped) {
		t.Errorf("K1: %v", err)
	}
	if _, err := c.Unwrap(t.Context(), junk); !errs.Is(err, errs.Limit) {
		t.Errorf("K1: %v", err)
	}
	now.Advance(time.Second)
	if _, err := c.Sign(t.Context(), signRequest(pgp.Mail)); err != nil {
		t.Errorf("K1: a second later: %v", err)
	}
	if srv.Count("sign mail", keyd.Limited) != 2 {
		t.Error("K1: limited calls were not counted")
	}
}

// Anything but the one right encoding ends the connection.
func TestSocketRefusesMalformedMessages(t *testing.T) {
	t.Parallel()
	path := socket(t)
	srv := keyd.NewServer(ringOf(t, generate(t, time.Now())), keyd.Options{})
	serve(t, path, srv)
	frames := []string{
		"\x00\x00\x00\x00", "\xff\xff\xff\xff", "\x00\x00\x00\x01\x01", "\x00\x00\x00\x02\x09\x01", "\x00\x00\x00\x02\x02\x00",
		"\x00\x00\x00\x02\x02\x01", "\x00\x00\x00\x05\x02\x01\x00\x00x", "\x00\x00\x00\x06\x02\x01\x00\x01xy", "\x00\x00\x00\x05\x01\x03\x0a\x00x",
		"\x00\x00\x00\x05\x01\x01\x02\x00x", "\x00\x00\x00\x05\x01\x01\x0a\x02x", "\x00\x00\x00\x04\x01\x01\x0a\x00", "GET / HTTP/1.1\r\n\r\n",
	}
	for _, f := range frames {
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(5 * time.Second))
		if _, err := c.Write([]byte(f)); err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if _, err := got.ReadFrom(c); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%q: the connection stays open: %v", f, err)
		}
		if got.Len() != 0 && got.String() != "\x00\x00\x00\x01\x04" {
			t.Errorf("%q: answer %q", f, got.String())
		}
		c.Close()
	}
	if n := srv.Count("message", keyd.Refused); n != len(frames) {
		t.Errorf("counted %d refusals of %d", n, len(frames))
	}
}

func TestGenerateRefusals(t *testing.T) {
	t.Parallel()
	for name, addresses := range map[string][]string{"none": nil, "no mail address": {"csirt"}, "line end": {"a@b\n"}, "twice": {"a@b.example", "a@b.example"}} {
		if _, err := keyd.Generate("Team", addresses, start); !errs.Is(err, errs.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := keyd.Generate("Team <x>", []string{"a@b.example"}, start); !errs.Is(err, errs.Invalid) {
		t.Errorf("brackets: %v", err)
	}
	for name, data := range map[string]string{"nothing": "", "words": "my key", "empty armour": "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n=aaaa\n-----END PGP PRIVATE KEY BLOCK-----\n"} {
		if _, err := keyd.ImportSecret([]byte(data), nil); !errs.Is(err, errs.Invalid) {
			t.Errorf("import of %s: %v", name, err)
		}
	}
}
