package pgp_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp/keyd"
)

// samples is the folder of PGP/MIME samples of other programs, outside the repository.
func samples(t testing.TB) string {
	t.Helper()
	shared := os.Getenv("TOCSIN_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "..", "shared")
		if _, err := os.Stat(shared); err != nil {
			shared = filepath.Join("..", "..", "..", "..", "..", "shared")
		}
	}
	dir := filepath.Join(shared, "data", "samples", "pgp-mime")
	if _, err := os.Stat(dir); err != nil {
		missing(t, "the folder of PGP/MIME samples (TOCSIN_SHARED)")
	}
	return dir
}

func sample(t testing.TB, dir, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func importSample(t testing.TB, dir, name, passphrase string) *keyd.Secret {
	t.Helper()
	s, err := keyd.ImportSecret(sample(t, dir, name), []byte(passphrase))
	if err != nil || len(s) != 1 {
		t.Fatalf("%s: %v", name, err)
	}
	return s[0]
}

// Messages of other programs, with the keys that belong to them.
func TestSamples(t *testing.T) {
	t.Parallel()
	dir := samples(t)
	bob := importSample(t, dir, "protected-headers/bob@openpgp.example.sec.asc", "")
	proton := importSample(t, dir, "gopenpgp/crypto/testdata/keyring_privateKey", "apple")
	user := importSample(t, dir, "gopenpgp/crypto/testdata/keyring_userKey", "apple")
	mime := importSample(t, dir, "gopenpgp/mime/testdata/mime_privateKey", "test")
	us := teamOf(t, bob, proton, user, mime)
	alice := oneKey(t, sample(t, dir, "protected-headers/alice@openpgp.example.pub.asc"))
	keys := []pgp.Key{alice, bob.Public(), proton.Public(), user.Public(), mime.Public()}

	for _, c := range []struct {
		file   string
		state  pgp.State
		reason pgp.Reason
		sigs   string
	}{
		{"protected-headers/unfortunately-complex.eml", pgp.SignedEncrypted, pgp.Fine, "good"},
		{"protected-headers/unfortunately-complex.inner", pgp.Signed, pgp.Fine, "good"},
		{"gopenpgp/mime/testdata/mime_testMessage", pgp.Signed, pgp.Fine, "unknown_key"},
		{"gopenpgp/crypto/testdata/message_badmdc", pgp.Encrypted, pgp.Tampered, ""},
		{"gopenpgp/crypto/testdata/message_sha1_signed", pgp.SignedEncrypted, pgp.Fine, "weak"},
		{"gopenpgp/crypto/testdata/message_sha256_signed", pgp.SignedEncrypted, pgp.Fine, "good"},
		{"gopenpgp/crypto/testdata/message_signed", pgp.SignedEncrypted, pgp.Fine, "unknown_key"},
		{"gopenpgp/crypto/testdata/message_multipleKeyID", pgp.Encrypted, pgp.NotForUs, ""},
		{"gopenpgp/crypto/testdata/message_mixedPasswordPublic", pgp.Encrypted, pgp.NotForUs, ""},
		{"gopenpgp/crypto/testdata/message_plainSignature", pgp.Encrypted, pgp.Malformed, ""},
		{"gopenpgp/crypto/testdata/message_expired", pgp.Signed, pgp.Fine, "unknown_key"},
		{"gopenpgp/mime/testdata/mime_pgpMessage", pgp.Encrypted, pgp.Fine, ""},
		{"gopenpgp/mime/testdata/mime/scenario_01.asc", pgp.Encrypted, pgp.NotForUs, ""},
	} {
		mail := sample(t, dir, c.file)
		if bytes.HasPrefix(mail, []byte("-----")) {
			mail = textMail(string(mail))
		}
		r, err := pgp.Open(t.Context(), pgp.Input{Entity: mail, Keys: keys, Agent: us.agent, Now: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.Base(c.file), func(t *testing.T) { want(t, r, c.state, c.reason, c.sigs) })
		switch filepath.Base(c.file) {
		case "unfortunately-complex.eml":
			inner := sample(t, dir, "protected-headers/unfortunately-complex.inner")
			if !bytes.Contains(canon(inner), canon(r.Plain)) || r.HeaderScheme != "v1" || r.Headers["Subject"][0] != "BarCorp contract signed, let's go!" {
				t.Errorf("plain or protected subject differ: %s %v", r.HeaderScheme, r.Headers)
			}
			if s := r.Good(); s.Key != alice.Fingerprint() {
				t.Error("not Alice's signature")
			}
		case "message_sha256_signed":
			if plain := sample(t, dir, "gopenpgp/crypto/testdata/message_plaintext"); !bytes.Equal(bytes.TrimSpace(r.Plain), bytes.TrimSpace(plain)) {
				t.Errorf("plain is %q", r.Plain)
			}
		}
	}

	revoked := oneKey(t, sample(t, dir, "gopenpgp/crypto/testdata/key_revoked"))
	if !revoked.Revoked() || revoked.CanEncrypt(time.Now()) == nil {
		t.Error("key_revoked is not revoked")
	}
	ended := oneKey(t, sample(t, dir, "gopenpgp/mime/testdata/mime_publicKey"))
	if k, ok := ended.CanEncrypt(time.Now()).(*pgp.KeyError); !ok || k.Fault != pgp.Expired {
		t.Error("mime_publicKey has not expired")
	}
}

// Every sample is opened without a panic, and what its facts call multipart is what we see outermost.
func TestSampleFacts(t *testing.T) {
	t.Parallel()
	dir := samples(t)
	var facts map[string]struct {
		Type string `json:"content_type"`
	}
	if err := json.Unmarshal(sample(t, dir, "facts.json"), &facts); err != nil {
		t.Fatal(err)
	}
	for name, f := range facts {
		body := sample(t, dir, name)
		pgp.ParseKeys(body)
		r, err := pgp.Open(t.Context(), pgp.Input{Entity: body, Now: time.Now()})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		expect := map[string]pgp.State{"multipart/encrypted": pgp.Encrypted, "multipart/signed": pgp.Signed}[f.Type]
		if expect == "" && strings.HasSuffix(name, ".eml") {
			expect = pgp.None
		}
		if expect != "" && r.State != expect {
			t.Errorf("%s (%s): got %s, want %s", name, f.Type, r.State, expect)
		}
	}
}
