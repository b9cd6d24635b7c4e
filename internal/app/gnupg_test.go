package app

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// gnupg is somebody outside with GnuPG, in a folder of its own.
type gnupg struct {
	t    testing.TB
	home string
}

func newGnuPG(t testing.TB) gnupg {
	t.Helper()
	if _, err := exec.LookPath("gpg"); err != nil {
		if os.Getenv("TOCSIN_REQUIRE_ALL") == "1" {
			t.Fatal("NOT RUN: gpg is missing and TOCSIN_REQUIRE_ALL=1")
		}
		t.Skip("NOT RUN: gpg is missing")
	}
	home, err := os.MkdirTemp("", "gpg") // short: a socket is made in it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run() // none may run
		_ = os.RemoveAll(home)
	})
	return gnupg{t, home}
}

// run gives what gpg wrote, and what it said with its status lines.
func (g gnupg) run(in string, args ...string) (out, said string) {
	g.t.Helper()
	cmd := exec.Command("gpg", append([]string{"--homedir", g.home, "--batch", "--yes", "--no-tty", "--trust-model", "always", "--pinentry-mode", "loopback", "--passphrase", "", "--status-fd", "2"}, args...)...)
	cmd.Stdin = strings.NewReader(in)
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	if err := cmd.Run(); err != nil {
		g.t.Fatalf("gpg %s: %v\n%s", strings.Join(args, " "), err, e.String())
	}
	return o.String(), e.String()
}

// key makes a key and gives its certificate.
func (g gnupg) key(address string) []byte {
	g.t.Helper()
	g.run("", "--quick-gen-key", address, "ed25519", "sign,cert", "2y")
	list, _ := g.run("", "--with-colons", "--list-keys", address)
	for line := range strings.Lines(list) {
		if f := strings.Split(line, ":"); f[0] == "fpr" {
			g.run("", "--quick-add-key", f[9], "cv25519", "encr", "2y")
			cert, _ := g.run("", "--export", f[9])
			return []byte(cert)
		}
	}
	g.t.Fatal("no fingerprint")
	return nil
}

func crlf(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n")
}

// sealed is a mail as a mail program with GnuPG writes it: signed by from, encrypted to the team (RFC 3156).
func (g gnupg) sealed(from, to, subject, text string) string {
	g.t.Helper()
	inner := crlf("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n" + text + "\n")
	armoured, _ := g.run(inner, "--armor", "--sign", "--local-user", from, "--encrypt", "--recipient", teamAddress, "--recipient", from)
	return head(from, to, subject) + crlf("MIME-Version: 1.0\nContent-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=\"xx\"\n\n"+
		"--xx\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n\n--xx\nContent-Type: application/octet-stream\n\n"+armoured+"\n--xx--\n")
}

func head(from, to, subject string) string {
	return crlf("From: <" + from + ">\nTo: <" + to + ">\nSubject: " + subject + "\nDate: " + rfc5322Now() + "\nMessage-ID: <" + unique() + "@mail.example>\n")
}

// open decrypts a letter of ours and gives what was inside; inside, the team signed the whole (RFC 3156, section 6.1).
func (g gnupg) open(eml string) string {
	g.t.Helper()
	begin, end := strings.Index(eml, "-----BEGIN PGP MESSAGE-----"), strings.Index(eml, "-----END PGP MESSAGE-----")
	if begin < 0 || end < begin {
		g.t.Fatalf("no encrypted part in:\n%s", eml)
	}
	text, said := g.run(eml[begin:end]+"-----END PGP MESSAGE-----\r\n", "--decrypt")
	if !strings.Contains(said, "[GNUPG:] DECRYPTION_OKAY") {
		g.t.Fatalf("not encrypted to us:\n%s", said)
	}
	g.verify(text)
	return text
}

// verify checks the team's signature over a multipart/signed.
func (g gnupg) verify(eml string) {
	g.t.Helper()
	_, after, ok := strings.Cut(eml, "boundary=")
	if !ok {
		g.t.Fatalf("no parts in:\n%s", eml)
	}
	mark := strings.FieldsFunc(after, func(r rune) bool { return strings.ContainsRune("\"; \r\n", r) })[0]
	parts := strings.Split(eml, "--"+mark)
	if len(parts) < 4 {
		g.t.Fatalf("%d parts in:\n%s", len(parts), eml)
	}
	content, signature := strings.TrimSuffix(strings.TrimPrefix(parts[1], "\r\n"), "\r\n"), parts[2]
	signature = signature[strings.Index(signature, "-----BEGIN"):]
	file := filepath.Join(g.home, "signature.asc")
	if err := os.WriteFile(file, []byte(signature), 0o600); err != nil {
		g.t.Fatal(err)
	}
	if _, said := g.run(content, "--verify", file, "-"); !strings.Contains(said, "[GNUPG:] GOODSIG") {
		g.t.Fatalf("not signed by the team:\n%s", said)
	}
}
