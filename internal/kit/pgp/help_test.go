package pgp_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp/keyd"
)

// missing ends a test that lacks a tool or a sample, loudly, and fails where everything is required.
func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("TOCSIN_REQUIRE_ALL") == "1" {
		t.Fatalf("NOT RUN: %s is missing and TOCSIN_REQUIRE_ALL=1", what)
	}
	t.Skipf("NOT RUN: %s is missing", what)
}

// gnupg is a GnuPG of its own, in a temporary folder.
type gnupg struct {
	t    testing.TB
	home string
}

func newGnuPG(t testing.TB) gnupg {
	t.Helper()
	if _, err := exec.LookPath("gpg"); err != nil {
		missing(t, "gpg")
	}
	home, err := os.MkdirTemp("", "gpg") // short: a socket is made in it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run() //nolint:errcheck // none may run
		os.RemoveAll(home)
	})
	return gnupg{t, home}
}

func (g gnupg) try(in []byte, args ...string) (out []byte, log string, err error) {
	cmd := exec.Command("gpg", append([]string{
		"--homedir", g.home, "--batch", "--yes", "--no-tty", "--trust-model", "always",
		"--pinentry-mode", "loopback", "--passphrase", "",
	}, args...)...)
	cmd.Stdin = bytes.NewReader(in)
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	err = cmd.Run()
	return o.Bytes(), e.String(), err
}

func (g gnupg) run(in []byte, args ...string) []byte {
	g.t.Helper()
	out, log, err := g.try(in, args...)
	if err != nil {
		g.t.Fatalf("gpg %s: %v\n%s", strings.Join(args, " "), err, log)
	}
	return out
}

// key makes a key with a signing primary and an encryption subkey.
func (g gnupg) key(addr, algo, sub string) pgp.Key {
	g.t.Helper()
	g.run(nil, "--quick-gen-key", addr, algo, "sign,cert", "2y")
	fp := g.fingerprint(addr)
	g.run(nil, "--quick-add-key", fp, sub, "encr", "2y")
	return oneKey(g.t, g.run(nil, "--export", fp))
}

func (g gnupg) fingerprint(addr string) string {
	g.t.Helper()
	for line := range strings.Lines(string(g.run(nil, "--with-colons", "--list-keys", addr))) {
		if f := strings.Split(line, ":"); f[0] == "fpr" {
			return f[9]
		}
	}
	g.t.Fatal("no fingerprint")
	return ""
}

func (g gnupg) file(name string, b []byte) string {
	g.t.Helper()
	path := filepath.Join(g.home, name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		g.t.Fatal(err)
	}
	return path
}

func oneKey(t testing.TB, b []byte) pgp.Key {
	t.Helper()
	keys, probs := pgp.ParseKeys(b)
	if len(keys) != 1 || len(probs) != 0 {
		t.Fatalf("got %d keys, problems %v", len(keys), probs)
	}
	return keys[0]
}

// team is a CSIRT with a key of its own.
type team struct {
	secret *keyd.Secret
	agent  *keyd.InProcess
	key    pgp.Key
}

func newTeam(t testing.TB, old ...*keyd.Secret) team {
	t.Helper()
	s, err := keyd.Generate("National CSIRT", []string{"csirt@example.org", "cert@example.org"}, time.Now().Add(-time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	return teamOf(t, s, old...)
}

func teamOf(t testing.TB, s *keyd.Secret, old ...*keyd.Secret) team {
	t.Helper()
	ring, err := keyd.NewRing(s, old...)
	if err != nil {
		t.Fatal(err)
	}
	return team{s, keyd.NewInProcess(ring, keyd.Options{}), s.Public()}
}

func (m team) open(t testing.TB, mail []byte, keys ...pgp.Key) pgp.Result {
	t.Helper()
	r, err := pgp.Open(t.Context(), pgp.Input{Entity: mail, Keys: keys, Agent: m.agent, Now: time.Now(), Date: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const report = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
	"A host of ours was encrypted last night.\r\nFrom what we see, the VPN was the way in.=20\r\n-- \r\n=2E\r\n"

// crlf writes a text with the line ends of mail.
func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

// encryptedMail frames ciphertext as another program would.
func encryptedMail(armoured []byte) []byte {
	return []byte(crlf("From: a@example.net\nMIME-Version: 1.0\nContent-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=xx\n\n" +
		"This is an OpenPGP/MIME encrypted message\n--xx\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n\n--xx\n" +
		"Content-Type: application/octet-stream; name=encrypted.asc\n\n" + string(armoured) + "\n--xx--\n"))
}

func signedMail(entity string, sig []byte) []byte {
	return []byte(crlf("From: a@example.net\nMIME-Version: 1.0\nContent-Type: multipart/signed; protocol=\"application/pgp-signature\"; micalg=pgp-sha256; boundary=yy\n\n--yy\n") +
		entity + crlf("\n--yy\nContent-Type: application/pgp-signature\n\n"+string(sig)+"\n--yy--\n"))
}

func textMail(body string) []byte {
	return []byte("From: a@example.net\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + crlf(body))
}

func statuses(r pgp.Result) string {
	var out []string
	for _, s := range r.Signatures {
		out = append(out, string(s.Status))
	}
	return strings.Join(out, ",")
}

func want(t testing.TB, r pgp.Result, state pgp.State, reason pgp.Reason, sigs string) {
	t.Helper()
	if got := fmt.Sprint(r.State, " ", r.Reason, " ", statuses(r)); got != fmt.Sprint(state, " ", reason, " ", sigs) {
		t.Errorf("got %q, want %q", got, fmt.Sprint(state, " ", reason, " ", sigs))
	}
}

func readFile(path string) ([]byte, error) { return os.ReadFile(path) }
