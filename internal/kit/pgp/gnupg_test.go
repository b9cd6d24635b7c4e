package pgp_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp/keyd"
)

// A hospital with GnuPG and the team write to each other, whatever algorithm the hospital's key has.
func TestGnuPGBothWays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, algo, sub string }{
		{"curve25519", "ed25519", "cv25519"}, {"rsa", "rsa2048", "rsa2048"}, {"nist", "nistp384", "nistp256"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := newGnuPG(t)
			hospital := g.key("Hospital <it@hospital.example>", c.algo, c.sub)
			us := newTeam(t)
			g.run(us.key.Armored(), "--import")
			if log, err := hospital.CanEncrypt(time.Now()), hospital.CanSign(time.Now()); log != nil || err != nil {
				t.Fatalf("P9: a good key is refused: %v, %v", log, err)
			}

			t.Run("gpg encrypts and signs, we open", func(t *testing.T) {
				for _, extra := range [][]string{{"-z", "0"}, {"--compress-algo", "zip"}, {"--compress-algo", "zlib"}, {"--compress-algo", "bzip2"}, {"--throw-keyids"}, {"--textmode"}} {
					args := append([]string{"--armor", "--sign", "--encrypt", "-u", hospital.Fingerprint(), "-r", "csirt@example.org", "-r", hospital.Fingerprint()}, extra...)
					msg := g.run([]byte(report), args...)
					r := us.open(t, encryptedMail(msg), hospital)
					want(t, r, pgp.SignedEncrypted, pgp.Fine, "good")
					if !bytes.Equal(canon(r.Plain), []byte(report)) || r.Form != pgp.Entity || r.Recipient != us.key.Fingerprint() || !r.CameEncrypted {
						t.Errorf("%v: plain or recipient differ: %q", extra, r.Plain)
					}
					if s := r.Good(); s == nil || s.Key != hospital.Fingerprint() {
						t.Error("the signature is not attributed to the hospital's key")
					}
				}
			})
			t.Run("gpg signs a multipart/signed, then encrypts it", func(t *testing.T) {
				sig := g.run([]byte(report), "--armor", "--detach-sign", "-u", hospital.Fingerprint())
				inner := signedMail(report, sig)
				r := us.open(t, encryptedMail(g.run(inner, "--armor", "--encrypt", "-r", "cert@example.org")), hospital)
				want(t, r, pgp.SignedEncrypted, pgp.Fine, "good")
				if string(r.Plain) != report {
					t.Errorf("plain is %q", r.Plain)
				}
				r = us.open(t, inner, hospital)
				want(t, r, pgp.Signed, pgp.Fine, "good")
				r = us.open(t, bytes.ReplaceAll(inner, []byte("VPN"), []byte("fax")), hospital)
				want(t, r, pgp.Signed, pgp.Fine, "bad")
				r = us.open(t, inner)
				want(t, r, pgp.Signed, pgp.Fine, "unknown_key")
			})
			t.Run("inline", func(t *testing.T) {
				text := "Bonjour\n- point\n-----\n\nfin  \n"
				r := us.open(t, textMail(string(g.run([]byte(text), "--armor", "--clear-sign", "-u", hospital.Fingerprint()))), hospital)
				want(t, r, pgp.Signed, pgp.Fine, "good")
				if string(r.Plain) != "Bonjour\n- point\n-----\n\nfin" {
					t.Errorf("plain is %q", r.Plain)
				}
				r = us.open(t, textMail(string(g.run([]byte(text), "--armor", "--sign", "--encrypt", "-u", hospital.Fingerprint(), "-r", "csirt@example.org"))), hospital)
				want(t, r, pgp.SignedEncrypted, pgp.Fine, "good")
				r = us.open(t, textMail(string(g.run([]byte(text), "--armor", "--sign", "-u", hospital.Fingerprint()))), hospital)
				want(t, r, pgp.Signed, pgp.Fine, "good")
				if string(r.Plain) != text || !r.Inline {
					t.Errorf("plain is %q", r.Plain)
				}
			})
			t.Run("we sign, gpg verifies", func(t *testing.T) {
				mail, err := pgp.SignMIME(t.Context(), []byte(strings.Replace(report, "-- \r\n", "--\r\n", 1)), us.agent, pgp.Mail)
				if err != nil {
					t.Fatal(err)
				}
				entity, sig := halves(t, mail)
				g.run(nil, "--verify", g.file("s.asc", sig), g.file("s.txt", entity))
				want(t, us.open(t, mail, us.key), pgp.Signed, pgp.Fine, "good")

				clear, err := pgp.ClearSign(t.Context(), []byte("Contact: mailto:csirt@example.org\r\n- dash\nFrom here \n\n"), us.agent, pgp.Publication)
				if err != nil {
					t.Fatal(err)
				}
				if bytes.Contains(clear, []byte("Comment:")) || bytes.Contains(clear, []byte("Version:")) {
					t.Error("armour has header lines")
				}
				g.run(clear, "--verify")
				want(t, us.open(t, textMail(string(clear)), us.key), pgp.Signed, pgp.Fine, "good")

				det, err := pgp.SignDetached(t.Context(), strings.NewReader("{\n}"), us.agent, pgp.Publication)
				if err != nil {
					t.Fatal(err)
				}
				g.run(nil, "--verify", g.file("d.asc", det), g.file("d.json", []byte("{\n}")))
			})
			t.Run("we encrypt, gpg decrypts", func(t *testing.T) {
				body := strings.Replace(report, "-- \r\n", "--\r\n", 1)
				mail, err := pgp.SignAndEncryptMIME(t.Context(), []byte(body), us.agent, pgp.Mail, pgp.Readers{Reader: hospital, Archive: us.key, At: time.Now()})
				if err != nil {
					t.Fatal(err)
				}
				block := mail[bytes.Index(mail, []byte("-----BEGIN PGP MESSAGE")):]
				out := g.run(block, "--decrypt")
				entity, sig := halves(t, out)
				if string(entity) != body {
					t.Errorf("gpg read %q", entity)
				}
				g.run(nil, "--verify", g.file("e.asc", sig), g.file("e.txt", entity))
				r := us.open(t, mail, us.key)
				want(t, r, pgp.SignedEncrypted, pgp.Fine, "good")
				packets := string(g.run(block, "--list-packets"))
				if strings.Count(packets, ":pubkey enc packet:") != 2 || strings.Contains(packets, ":compressed packet:") {
					t.Errorf("P10: not one reader and the archive, uncompressed:\n%s", packets)
				}
			})
		})
	}
}

// halves cuts a multipart/signed of ours as RFC 3156 says, without the code under test.
func halves(t testing.TB, mail []byte) (entity, sig []byte) {
	t.Helper()
	_, rest, _ := bytes.Cut(mail, []byte("boundary=\""))
	b, rest, _ := bytes.Cut(rest, []byte("\""))
	parts := bytes.Split(rest, append([]byte("\r\n--"), b...))
	if len(parts) != 4 || !bytes.HasPrefix(parts[1], []byte("\r\n")) {
		t.Fatalf("not two parts: %q", mail)
	}
	_, sig, _ = bytes.Cut(parts[2], []byte("\r\n\r\n"))
	return parts[1][2:], sig
}

func canon(b []byte) []byte {
	return bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
}

// The team brings its GnuPG key, an old one too: mail to either opens, and what we send is signed by the current one (K3).
func TestTeamKeyFromGnuPG(t *testing.T) {
	t.Parallel()
	g := newGnuPG(t)
	cur := g.key("Team <csirt@example.org>", "rsa3072", "rsa3072")
	old := g.key("Team 2015 <old@example.org>", "rsa2048", "rsa2048")
	for _, k := range []pgp.Key{cur, old} {
		g.run(nil, "--pinentry-mode", "loopback", "--passphrase", "", "--quick-set-expire", k.Fingerprint(), "1y")
	}
	secret := g.run(nil, "--armor", "--export-secret-keys", cur.Fingerprint(), old.Fingerprint())
	keys, err := keyd.ImportSecret(secret, nil)
	if err != nil || len(keys) != 2 {
		t.Fatalf("import: %v", err)
	}
	us := teamOf(t, keys[0], keys[1])
	for _, to := range []pgp.Key{cur, old} {
		r := us.open(t, encryptedMail(g.run([]byte(report), "--armor", "--encrypt", "-r", to.Fingerprint())))
		want(t, r, pgp.Encrypted, pgp.Fine, "")
		if r.Recipient != to.Fingerprint() {
			t.Error("opened by the wrong key")
		}
	}
	clear, err := pgp.ClearSign(t.Context(), []byte("x"), us.agent, pgp.Mail)
	if err != nil {
		t.Fatal(err)
	}
	g.run(clear, "--verify")
	want(t, us.open(t, textMail(string(clear)), keys[0].Public()), pgp.Signed, pgp.Fine, "good")

	// Only subkeys: the primary stayed at home.
	subs := g.run(nil, "--export-secret-subkeys", cur.Fingerprint())
	part, err := keyd.ImportSecret(subs, nil)
	if err != nil || part[0].HasPrimary() {
		t.Fatalf("subkeys only: %v", err)
	}
	if _, err := keyd.ImportSecret(secret[:len(secret)/2], nil); !errs.Is(err, errs.Invalid) {
		t.Errorf("half a key: %v", err)
	}
	if _, err := keyd.ImportSecret(cur.Armored(), nil); !errs.Is(err, errs.Invalid) {
		t.Errorf("a public key: %v", err)
	}
}

// Keys that cannot be used stop the mail with a typed error (P9, P10), and their signatures are not good (P3).
func TestUnfitKeys(t *testing.T) {
	t.Parallel()
	g := newGnuPG(t)
	us := newTeam(t)
	past := []string{"--faked-system-time", "20200601T000000!"}

	g.run(nil, append(past, "--quick-gen-key", "Expired <expired@example.net>", "ed25519", "sign,cert", "1y")...)
	expFP := g.fingerprint("expired@example.net")
	g.run(nil, append(past, "--quick-add-key", expFP, "cv25519", "encr", "1y")...)
	expired := oneKey(t, g.run(nil, "--export", expFP))

	revoked := g.key("Revoked <revoked@example.net>", "ed25519", "cv25519")
	revSig := g.run([]byte(report), "--armor", "--detach-sign", "-u", revoked.Fingerprint())
	revoke(t, g, revoked.Fingerprint())
	revoked = oneKey(t, g.run(nil, "--export", revoked.Fingerprint()))

	weak := g.keyOld("Weak <weak@example.net>", "rsa1024")
	sha1 := g.keySHA1("Old hash <sha1@example.net>")
	signOnly := func() pgp.Key {
		g.run(nil, "--quick-gen-key", "Signer <signer@example.net>", "ed25519", "sign,cert", "1y")
		return oneKey(t, g.run(nil, "--export", "signer@example.net"))
	}()

	now := time.Now()
	for _, c := range []struct {
		name  string
		key   pgp.Key
		fault pgp.Fault
	}{{"expired", expired, pgp.Expired}, {"revoked", revoked, pgp.Revoked}, {"weak", weak, pgp.Weak}, {"sha-1", sha1, pgp.Weak}, {"sign only", signOnly, pgp.Unfit}, {"none", pgp.Key{}, pgp.NoKey}} {
		var k *pgp.KeyError
		for _, to := range []pgp.Readers{{Reader: c.key, At: now}, {Reader: us.key, Archive: c.key, At: now}} {
			if c.key.IsZero() && !to.Reader.IsZero() {
				continue // no archive key is allowed
			}
			mail, err := pgp.EncryptMIME([]byte(report), to)
			if !errors.As(err, &k) || k.Fault != c.fault || mail != nil || !errs.Is(err, errs.Conflict) {
				t.Errorf("P10 %s: got %v, want fault %s", c.name, err, c.fault)
			}
		}
	}
	if !revoked.Revoked() || expired.Revoked() {
		t.Error("Revoked is wrong")
	}
	if err := expired.CanEncrypt(time.Date(2020, 9, 1, 0, 0, 0, 0, time.UTC)); err != nil {
		t.Errorf("in its time the expired key was good: %v", err)
	}

	// Signatures. The expired key signs in 2020 and is then good at that date; a signature of today by it is not made by GnuPG, so the
	// date of the mail is moved instead.
	sig := g.run([]byte(report), append(past, "--armor", "--detach-sign", "-u", expFP)...)
	in := pgp.Input{Entity: signedMail(report, sig), Keys: []pgp.Key{expired}, Now: now, Date: time.Date(2020, 6, 1, 6, 0, 0, 0, time.UTC)}
	check := func(name, status string) {
		t.Helper()
		r, err := pgp.Open(t.Context(), in)
		if err != nil || statuses(r) != status {
			t.Errorf("P3 %s: got %s, %v, want %s", name, statuses(r), err, status)
		}
	}
	check("signed while valid", "good")
	in.Date = in.Date.Add(48 * time.Hour)
	check("two days off", "time_off")
	in = pgp.Input{Entity: signedMail(report, revSig), Keys: []pgp.Key{revoked}, Now: now, Date: now}
	check("revoked", "revoked_key")
	in.Entity, in.Keys = signedMail(report, g.run([]byte(report), "--armor", "--detach-sign", "-u", weak.Fingerprint())), []pgp.Key{weak}
	check("weak key", "weak")
	in.Entity, in.Keys = signedMail(report, g.run([]byte(report), "--armor", "--detach-sign", "-u", sha1.Fingerprint())), []pgp.Key{sha1}
	check("key bound by SHA-1", "weak")
	in.Entity, in.Keys = signedMail(report, g.run([]byte(report), "--armor", "--detach-sign", "--digest-algo", "SHA1", "-u", signOnly.Fingerprint())), []pgp.Key{signOnly}
	check("SHA-1 signature", "weak")
}

func revoke(t testing.TB, g gnupg, fp string) {
	t.Helper()
	b, err := readFile(g.home + "/openpgp-revocs.d/" + fp + ".rev")
	if err != nil {
		t.Fatal(err)
	}
	g.run(bytes.Replace(b, []byte(":-----BEGIN"), []byte("-----BEGIN"), 1), "--import")
}

func (g gnupg) keyOld(uid, algo string) pgp.Key {
	g.t.Helper()
	g.run(nil, "--quick-gen-key", uid, algo, "sign,cert,encr", "2y")
	return oneKey(g.t, g.run(nil, "--export", address(uid)))
}

func (g gnupg) keySHA1(uid string) pgp.Key {
	g.t.Helper()
	g.run(nil, "--cert-digest-algo", "SHA1", "--quick-gen-key", uid, "rsa2048", "sign,cert,encr", "2y")
	return oneKey(g.t, g.run(nil, "--export", address(uid)))
}

func address(uid string) string {
	_, a, _ := strings.Cut(uid, "<")
	return strings.TrimSuffix(a, ">")
}

// The generated key is what GnuPG expects: a primary that only certifies, two signing subkeys of a year, one for decryption of two (K3).
func TestGeneratedKeyInGnuPG(t *testing.T) {
	t.Parallel()
	g := newGnuPG(t)
	us := newTeam(t)
	g.run(us.key.Binary(), "--import")
	list := string(g.run(nil, "--with-colons", "--list-keys"))
	var uses []string
	for line := range strings.Lines(list) {
		if f := strings.Split(line, ":"); f[0] == "pub" || f[0] == "sub" {
			uses = append(uses, f[0]+" "+strings.TrimRight(f[11], "SCEA"))
		}
	}
	if got := strings.Join(uses, ", "); got != "pub c, sub s, sub s, sub e" {
		t.Errorf("uses are %s\n%s", got, list)
	}

	exported, err := us.secret.Export([]byte("correct horse battery"))
	if err != nil {
		t.Fatal(err)
	}
	h := newGnuPG(t)
	h.run(exported, "--passphrase", "correct horse battery", "--import")
	back, err := keyd.ImportSecret(exported, []byte("correct horse battery"))
	if err != nil || back[0].Public().Fingerprint() != us.key.Fingerprint() || !back[0].HasPrimary() {
		t.Fatalf("export and import: %v", err)
	}
	if _, err := keyd.ImportSecret(exported, []byte("wrong")); !errs.Is(err, errs.Invalid) {
		t.Errorf("wrong passphrase: %v", err)
	}
	rev, err := us.secret.Revocation(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	g.run(rev, "--import")
	if _, _, err := g.try([]byte("x"), "--armor", "--encrypt", "-r", "csirt@example.org"); err == nil {
		t.Error("GnuPG encrypts to a revoked key")
	}
	if us.key.Revoked() {
		t.Error("making the revocation revoked the key itself")
	}
}
