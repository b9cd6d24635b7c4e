package pgp_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/packet"
	openpgp "github.com/ProtonMail/go-crypto/openpgp/v2"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp/keyd"
)

func problem(t testing.TB, name string, b []byte, flaw pgp.Flaw) {
	t.Helper()
	keys, probs := pgp.ParseKeys(b)
	if len(keys) != 0 || len(probs) == 0 || probs[len(probs)-1].Flaw != flaw {
		t.Errorf("%s: %d keys, problems %v, want %s", name, len(keys), probs, flaw)
	}
}

// P9: what is kept of a certificate is what its owner signed.
func TestP9MinimalCertificate(t *testing.T) {
	t.Parallel()
	us, crowd := newTeam(t), newTeam(t)
	want := us.key.Binary()

	// A flooded certificate: thousands of foreign signatures, and forged ones that name the owner.
	e := entityOf(t, us.key)
	_, sec := secretEntity(t)
	for range 300 {
		for name := range e.Identities {
			if err := e.SignIdentity(name, sec, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	var flooded bytes.Buffer
	if err := e.Serialize(&flooded); err != nil {
		t.Fatal(err)
	}
	if flooded.Len() < pgp.MaxKeyBytes {
		t.Fatalf("not flooded: %d bytes", flooded.Len())
	}
	got := oneKey(t, flooded.Bytes())
	if len(got.Binary()) != len(want) || got.Fingerprint() != us.key.Fingerprint() || len(got.UserIDs()) != 2 {
		t.Errorf("P9: %d bytes are left of a flooded certificate, want %d", len(got.Binary()), len(want))
	}
	if again := oneKey(t, got.Armored()); !bytes.Equal(again.Binary(), got.Binary()) {
		t.Error("P9: the minimal form is not stable")
	}

	// Somebody glues his user id and his subkey to our key.
	foreign := entityOf(t, crowd.key)
	glued := append(us.key.Binary(), packetsOf(t, foreign)...)
	k := oneKey(t, glued)
	if k.Has("evil@example.net") || len(k.Subkeys()) != 3 || !bytes.Equal(k.Binary(), want) {
		t.Errorf("P9: foreign parts were taken: %v, %d subkeys", k.UserIDs(), len(k.Subkeys()))
	}
	// Same user id on another key: two keys, nothing merged.
	twin := newTeam(t)
	keys, probs := pgp.ParseKeys(append(us.key.Armored(), twin.key.Armored()...))
	if len(keys) != 2 || len(probs) != 0 || keys[0].Fingerprint() == keys[1].Fingerprint() {
		t.Errorf("P9: twins: %d keys, %v", len(keys), probs)
	}

	var many []string
	for i := range 33 {
		many = append(many, fmt.Sprintf("a%d@example.org", i))
	}
	if s, err := keyd.Generate("Many", many[:32], time.Now()); err != nil || len(s.Public().Addresses()) != 32 {
		t.Errorf("P9: 32 user ids: %v", err)
	}
	if _, err := keyd.Generate("Many", many, time.Now()); err == nil {
		t.Error("P9: 33 user ids were taken")
	}
	exported, err := us.secret.Export([]byte("correct horse battery"))
	if err != nil {
		t.Fatal(err)
	}
	problem(t, "a private key", exported, pgp.SecretKey)
	problem(t, "a private key, binary", dearmor(t, exported), pgp.SecretKey)
	problem(t, "words", []byte("Dear team, my key is attached."), pgp.NotAKey)
	problem(t, "nothing", nil, pgp.NotAKey)
	problem(t, "half a key", want[:len(want)/2+3], pgp.NotAKey)
	problem(t, "no user id", want[:int(want[1])+2], pgp.NoIdentity)
	problem(t, "too much", make([]byte, pgp.MaxKeyInput+1), pgp.TooLarge)
	problem(t, "version 3", pkt(6, []byte{3, 0, 0, 0, 0, 0, 0, 1, 0, 8, 255, 0, 8, 3}), pgp.Unsupported)
}

func entityOf(t testing.TB, k pgp.Key) *openpgp.Entity {
	t.Helper()
	e, err := openpgp.ReadEntity(packet.NewReader(bytes.NewReader(k.Binary())))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func secretEntity(t testing.TB) (pgp.Key, *openpgp.Entity) {
	t.Helper()
	e, err := openpgp.NewEntity("Evil", "", "evil@example.net", &packet.Config{Algorithm: packet.PubKeyAlgoEdDSA})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := e.Serialize(&b); err != nil {
		t.Fatal(err)
	}
	return oneKey(t, b.Bytes()), e
}

// packetsOf gives user ids and subkeys of another key without its primary.
func packetsOf(t testing.TB, e *openpgp.Entity) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, id := range e.Identities {
		evil := *id
		evil.UserId = packet.NewUserId("Evil", "", "evil@example.net")
		if err := evil.Serialize(&b); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range e.Subkeys {
		if err := s.Serialize(&b, false); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// The vector of the web key directory draft, and what is refused.
func TestWKD(t *testing.T) {
	t.Parallel()
	h, err := pgp.WKDHash("Joe.Doe@Example.ORG")
	if err != nil || h != "iy9q119eutrkn8s1mk4r39qejnbu3n5q" {
		t.Errorf("got %q, %v", h, err)
	}
	adv, direct, err := pgp.WKDPaths("Joe.Doe@Example.ORG")
	if err != nil || adv != "/.well-known/openpgpkey/example.org/hu/iy9q119eutrkn8s1mk4r39qejnbu3n5q?l=Joe.Doe" ||
		direct != "/.well-known/openpgpkey/hu/iy9q119eutrkn8s1mk4r39qejnbu3n5q?l=Joe.Doe" {
		t.Errorf("got %q, %q, %v", adv, direct, err)
	}
	for _, bad := range []string{"", "a", "@b", "a@"} {
		if _, err := pgp.WKDHash(bad); !errs.Is(err, errs.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestAddressesAreTakenFromUserIDs(t *testing.T) {
	t.Parallel()
	us := newTeam(t)
	if got := strings.Join(us.key.Addresses(), " "); got != "csirt@example.org cert@example.org" {
		t.Errorf("addresses %q", got)
	}
	if !us.key.Has("CERT@Example.org") || us.key.Has("evil@example.org") {
		t.Error("Has is wrong")
	}
	if until := time.Until(us.key.EncryptUntil()); until < 729*24*time.Hour || until > 731*24*time.Hour || !us.key.Expires().IsZero() {
		t.Errorf("ends in %v", until)
	}
}

// An owner prolongs his key, and the new copy has only the newer self-signature: what he signed before stays good.
func TestProlongedKeyKeepsOldSignatures(t *testing.T) {
	t.Parallel()
	g := newGnuPG(t)
	then := []string{"--faked-system-time", "20240101T000000!"}
	g.run(nil, append(then, "--quick-gen-key", "Long <long@example.net>", "ed25519", "sign,cert", "1y")...)
	fp := g.fingerprint("long@example.net")
	sig := g.run([]byte(report), append(then, "--armor", "--detach-sign", "-u", fp)...)
	g.run(nil, "--faked-system-time", "20240601T000000!", "--quick-set-expire", fp, "20350101T000000")
	k := oneKey(t, g.run(nil, "--export-options", "export-minimal", "--export", fp))
	at := time.Date(2024, 1, 1, 1, 0, 0, 0, time.UTC)
	r, err := pgp.Open(t.Context(), pgp.Input{Entity: signedMail(report, sig), Keys: []pgp.Key{k}, Now: time.Now(), Date: at})
	if err != nil || statuses(r) != "good" {
		t.Errorf("got %s, %v", statuses(r), err)
	}
}

// K8: secrets print as dots wherever they go.
func TestK8SecretsPrintAsDots(t *testing.T) {
	t.Parallel()
	us := newTeam(t)
	key := pgp.SessionKey{Cipher: 9, Key: []byte("0123456789abcdef0123456789abcdef"), Fingerprint: "F"}
	for _, v := range []any{key, &key, us.secret} {
		j, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []string{fmt.Sprint(v), fmt.Sprintf("%v %+v %#v %s", v, v, v, v), string(j)} {
			if strings.Contains(s, "0123") || strings.Contains(s, "48, 49") || strings.Contains(s, "48 49") || !strings.Contains(s, "•••") || strings.Contains(s, "entity") {
				t.Errorf("K8: %T prints as %q", v, s)
			}
		}
	}
}

// P8: no handle of the library is built outside this package, where its limits are set.
func TestP8LibraryIsUsedHereOnly(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..", "..")
	seen := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && d.Name() != ".." || d.Name() == "node_modules") && path != root {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") {
			return nil
		}
		seen++
		if strings.HasPrefix(path, filepath.Join(root, "internal", "kit", "pgp")+string(filepath.Separator)) {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, imp := range f.Imports {
			for _, lib := range []string{"ProtonMail/gopenpgp", "ProtonMail/go-crypto", "x/crypto/openpgp"} {
				if strings.Contains(imp.Path.Value, lib) {
					t.Errorf("P8: %s imports %s; use kit/pgp", path, lib)
				}
			}
		}
		return nil
	})
	if err != nil || seen < 10 {
		t.Fatalf("looked at %d files: %v", seen, err)
	}
}
