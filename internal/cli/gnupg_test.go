package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/app"
	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
)

const keyPassphrase = "lantern orchard quay"

// gnupg is GnuPG in a folder of its own.
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
	home := shortTemp(t)
	t.Cleanup(func() {
		_ = exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run() // none may run
	})
	return gnupg{t, home}
}

func (g gnupg) try(in string, args ...string) (out, said string, err error) {
	cmd := exec.Command("gpg", append([]string{
		"--homedir", g.home, "--batch", "--yes", "--no-tty", "--trust-model", "always", "--pinentry-mode", "loopback",
		"--passphrase", keyPassphrase, "--status-fd", "2",
	}, args...)...)
	cmd.Stdin = strings.NewReader(in)
	var o, e bytes.Buffer
	cmd.Stdout, cmd.Stderr = &o, &e
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	err = cmd.Run()
	return o.String(), e.String(), err
}

func (g gnupg) run(in string, args ...string) string {
	g.t.Helper()
	out, said, err := g.try(in, args...)
	if err != nil {
		g.t.Fatalf("gpg %s: %v\n%s", strings.Join(args, " "), err, said)
	}
	return out
}

// listed gives a field of all lines of a kind in what gpg lists.
func listed(out string, field int, kinds ...string) (list []string) {
	for line := range strings.Lines(out) {
		f := strings.Split(strings.TrimSpace(line), ":")
		for _, k := range kinds {
			if f[0] == k && len(f) > field {
				list = append(list, f[field])
			}
		}
	}
	return list
}

// newKey makes a key with an encryption subkey and gives its fingerprint.
func (g gnupg) newKey(uid, ends string) string {
	g.t.Helper()
	g.run("", "--quick-gen-key", uid, "ed25519", "sign,cert", "never")
	all := listed(g.run("", "--with-colons", "--list-keys"), 9, "fpr")
	for _, fpr := range all {
		if listed(g.run("", "--with-colons", "--list-keys", fpr), 0, "sub") == nil {
			g.run("", "--quick-add-key", fpr, "cv25519", "encr", ends)
			return fpr
		}
	}
	g.t.Fatal("no new key")
	return ""
}

// encrypted is a mail that is encrypted as RFC 3156 says.
func (g gnupg) encrypted(to, subject, text string) string {
	g.t.Helper()
	armoured := g.run("Content-Type: text/plain; charset=utf-8\r\n\r\n"+text+"\r\n", "--armor", "--encrypt", "--recipient", to)
	return "From: a@away.example\r\nTo: " + teamAddress + "\r\nSubject: " + subject + "\r\nDate: " + time.Now().Format(time.RFC1123Z) + "\r\nMessage-ID: <" + subject + "@away.example>\r\n" +
		"MIME-Version: 1.0\r\nContent-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=\"xx\"\r\n\r\n" +
		"--xx\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n\r\n--xx\r\nContent-Type: application/octet-stream\r\n\r\n" +
		strings.ReplaceAll(armoured, "\n", "\r\n") + "\r\n--xx--\r\n"
}

// A team comes with the key that it made with GnuPG years ago: several addresses, subkeys that end soon, an older key. It serves, renews and rolls
// over while it serves; what was encrypted to any of them is read.
func TestATeamBringsItsKeyRenewsItAndRollsOver(t *testing.T) {
	team := newGnuPG(t)
	old := team.newKey("CERT.VM <"+teamAddress+">", "0")
	current := team.newKey("CERT.VM <csirt@cert.valmora.example>", "40d")
	team.run("", "--quick-add-key", current, "rsa3072", "sign", "40d")
	team.run("", "--quick-add-uid", current, "CERT.VM reports <"+teamAddress+">")
	dir := t.TempDir()
	keys, pass := filepath.Join(dir, "keys.asc"), filepath.Join(dir, "pass")
	for file, text := range map[string]string{
		keys: team.run("", "--armor", "--export-secret-keys", current) + team.run("", "--armor", "--export-secret-keys", old), pass: keyPassphrase + "\n",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pgtest.OnEach(t, func(t *testing.T, engine string) {
		world := newGnuPG(t)
		i := &installation{t: t, tmp: shortTemp(t)}
		i.place(engine)
		if said, n := i.run("init", "--name", "CERT.VM", "--address", teamAddress, "--admin-email", "ada@cert.valmora.example", "--admin-name", "Ada", "--key", keys, "--passphrase-file", pass); n != 0 {
			t.Fatalf("init: %s", said)
		}
		i.person(access.Lead, "lea@cert.valmora.example", "")
		p := i.serve("all")
		b := i.browser(i.c.HTTP)

		published := func() string { return b.is(200, "/pgp-key.asc").body }
		subkeys := func() []string {
			return listed(world.run(published(), "--with-colons", "--show-keys"), 4, "sub")
		}
		seen := 0
		reads := func(to, subject string) {
			t.Helper()
			if code, text := sendMail(i.c.SMTP, "a@away.example", world.encrypted(to, subject, "The words of "+subject)); code != 250 {
				t.Fatalf("mail: %d %s", code, text)
			}
			seen++
			i.eventually("the words of "+subject, func() (read bool) {
				i.inside(func(h *app.House) {
					list, err := h.Intake.List(t.Context(), access.System("sample"), intake.QueueFilter{Limit: 100})
					i.must(err)
					for _, r := range list.Items {
						read = read || strings.Contains(r.Body.Description, "The words of "+subject)
					}
					if !read && len(list.Items) >= seen {
						t.Fatalf("%s cannot be read", subject)
					}
				})
				return read
			})
		}
		signed := func() bool {
			_, said, err := world.try(b.is(200, "/.well-known/security.txt").body, "--verify")
			return err == nil && strings.Contains(said, "VALIDSIG")
		}
		world.run(published(), "--import")
		world.run(team.run("", "--export", old), "--import")
		before := subkeys()
		if len(before) != 3 {
			t.Fatalf("%d subkeys are published", len(before))
		}
		reads(current, "current")
		reads(old, "old")
		if !signed() {
			t.Error("security.txt is not signed by the team's key")
		}

		if said, n := i.run("key", "renew"); n != 0 || !strings.Contains(said, "New subkeys were added") {
			t.Fatalf("renew: %s", said)
		}
		i.eventually("new subkeys", func() bool { return len(subkeys()) > len(before) })
		world.run(published(), "--import")
		reads(current, "renewed")
		p.hears("read anew")
		b.signIn("lea@cert.valmora.example")
		page := strings.ReplaceAll(b.is(200, "/desk/admin/keys").body, " ", "")
		for _, id := range subkeys() {
			if !strings.Contains(page, id) {
				t.Errorf("subkey %s is not on the page", id)
			}
		}
		if year := time.Now().AddDate(2, 0, 0).Format("2006"); !strings.Contains(page, year) {
			t.Errorf("the page does not say that the new subkey encrypts until %s", year)
		}

		if said, n := i.run("key", "replace"); n != 0 || !strings.Contains(said, "2 older ones") {
			t.Fatalf("replace: %s", said)
		}
		i.eventually("the new key", func() bool {
			return listed(world.run(published(), "--with-colons", "--show-keys"), 9, "fpr")[0] != current
		})
		reads(current, "to-the-last-key")
		world.run(published(), "--import")
		reads(listed(world.run(published(), "--with-colons", "--show-keys"), 9, "fpr")[0], "to-the-new-key")
		i.eventually("security.txt by the new key", func() bool {
			_, said, err := world.try(b.is(200, "/.well-known/security.txt").body, "--verify")
			return err == nil && strings.Contains(said, "VALIDSIG") && strings.Contains(said, listed(world.run(published(), "--with-colons", "--show-keys"), 9, "fpr")[0])
		})
		p.stop()
	})
}
