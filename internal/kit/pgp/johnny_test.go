package pgp_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp/armor"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
)

func dearmor(t testing.TB, block []byte) []byte {
	t.Helper()
	a, err := armor.Decode(bytes.NewReader(block))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// P1, P11: a signature or encryption that does not cover the whole body gives the whole no mark, however it is dressed up.
func TestP1P11OnlyTheOutermostLayersCount(t *testing.T) {
	t.Parallel()
	us := newTeam(t)
	plain := "Content-Type: text/plain\r\n\r\nsigned words\r\n"
	signed, err := pgp.SignMIME(t.Context(), []byte(plain), us.agent, pgp.Mail)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := pgp.SignAndEncryptMIME(t.Context(), []byte(plain), us.agent, pgp.Mail, pgp.Readers{Reader: us.key, At: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	clear, err := pgp.ClearSign(t.Context(), []byte("signed words\nand more"), us.agent, pgp.Mail)
	if err != nil {
		t.Fatal(err)
	}
	block := sealed[bytes.Index(sealed, []byte("-----BEGIN PGP MESSAGE")):]
	block, _, _ = bytes.Cut(block, []byte("-----END"))
	lfBlock := strings.ReplaceAll(string(block), "\r\n", "\n") + "-----END PGP MESSAGE-----\n"
	clearText := string(clear)
	mixed := func(parts ...string) []byte {
		return []byte(crlf("Content-Type: multipart/mixed; boundary=zz\n\n--zz\n") + strings.Join(parts, "\r\n--zz\r\n") + "\r\n--zz--\r\n")
	}
	text := "Content-Type: text/plain\r\n\r\nunsigned words\r\n"
	swap := func(b []byte, from, to string) []byte { return bytes.Replace(b, []byte(from), []byte(to), 1) }

	for _, c := range []struct {
		name   string
		mail   []byte
		state  pgp.State
		reason pgp.Reason
		sigs   string
	}{
		{"signed", signed, pgp.Signed, pgp.Fine, "good"},
		{"sealed", sealed, pgp.SignedEncrypted, pgp.Fine, "good"},
		{"clear-signed", textMail(clearText), pgp.Signed, pgp.Fine, "good"},
		{"clear-signed after blank lines", textMail("\n \n" + clearText + "\n\n"), pgp.Signed, pgp.Fine, "good"},
		{"inline encrypted", textMail(lfBlock), pgp.Encrypted, pgp.Fine, ""},

		{"a list's footer beside the signed part", mixed(string(signed), text), pgp.None, pgp.Fine, ""},
		{"signed part alone in a mixed", mixed(string(signed)), pgp.None, pgp.Fine, ""},
		{"signed mail forwarded", append([]byte("Content-Type: message/rfc822\r\n\r\n"), signed...), pgp.None, pgp.Fine, ""},
		{"ciphertext between other parts", mixed(text, string(sealed), text), pgp.None, pgp.Fine, ""},
		{"third part in the signed", swap(signed, "\r\nContent-Type: application/pgp-signature", "\r\n"+text+"\r\n--"+boundaryOf(t, signed)+"\r\nContent-Type: application/pgp-signature"), pgp.None, pgp.Malformed, ""},
		{"third part in the encrypted", swap(sealed, "\r\nContent-Type: application/octet-stream", "\r\n"+text+"\r\n--"+boundaryOf(t, sealed)+"\r\nContent-Type: application/octet-stream"), pgp.None, pgp.Malformed, ""},
		{"no closing line", signed[:bytes.LastIndex(signed, []byte("--"+boundaryOf(t, signed)))], pgp.None, pgp.Malformed, ""},
		{"two content types", append([]byte("Content-Type: text/plain\r\n"), signed...), pgp.None, pgp.Ambiguous, ""},
		{"two boundaries", swap(signed, "boundary=", "boundary=\"other\"; boundary="), pgp.None, pgp.Fine, ""},
		{"another protocol", swap(signed, "application/pgp-signature\"; ", "application/pkcs7-signature\"; "), pgp.None, pgp.Fine, ""},
		{"changed word", swap(signed, "signed words", "Signed words"), pgp.Signed, pgp.Fine, "bad"},
		{"changed header inside", swap(signed, "text/plain", "text/html"), pgp.Signed, pgp.Fine, "bad"},
		{"blank added at a line's end", swap(signed, "signed words", "signed words "), pgp.Signed, pgp.Fine, "bad"},
		{"the signature is junk", swap(signed, "-----BEGIN PGP SIGNATURE-----", "-----BEGIN PGP MESSAGE-----"), pgp.Signed, pgp.Malformed, ""},

		{"P11 text after", textMail(clearText + "unsigned words\n"), pgp.None, pgp.TextAfter, "good"},
		{"P11 text before", textMail("unsigned words\n" + clearText), pgp.None, pgp.TextBefore, ""},
		{"P11 text after ciphertext", textMail(lfBlock + "\nunsigned words\n"), pgp.None, pgp.TextAfter, ""},
		{"P11 text before ciphertext", textMail("Hello,\n" + lfBlock), pgp.None, pgp.TextBefore, ""},
		{"P11 words above the signed text", textMail(strings.Replace(clearText, "Hash: SHA512\n", "Hash: SHA512\nunsigned words\n", 1)), pgp.None, pgp.Malformed, ""},
		{"P11 a comment above the signed text", textMail(strings.Replace(clearText, "Hash: SHA512\n", "Hash: SHA512\nComment: signed by the minister\n", 1)), pgp.None, pgp.Malformed, ""},
		{"P11 words after Hash", textMail(strings.Replace(clearText, "Hash: SHA512\n", "Hash: SHA512\nHash: x\u00a0unsigned words\n", 1)), pgp.None, pgp.Malformed, ""},
		{"P11 a line with a bare dash", textMail(strings.Replace(clearText, "\nand more", "\n-and more", 1)), pgp.None, pgp.Malformed, ""},
		{"P11 two clear-signed blocks", textMail(clearText + clearText), pgp.None, pgp.TextAfter, "good"},
		{"P11 changed word", textMail(strings.Replace(clearText, "more", "less", 1)), pgp.Signed, pgp.Fine, "bad"},
		{"HTML with a block", []byte("Content-Type: text/html\r\n\r\n" + clearText), pgp.None, pgp.Fine, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := us.open(t, c.mail, us.key)
			want(t, r, c.state, c.reason, c.sigs)
			if strings.Contains(string(r.Plain), "unsigned") {
				t.Errorf("foreign words are in the plain text: %q", r.Plain)
			}
			if c.reason == pgp.TextAfter && (len(r.After) == 0 || r.Plain == nil) {
				t.Error("P11: the block and the text after it are not both given")
			}
		})
	}

	// Armour headers are foreign text: nothing of them comes out.
	fake := strings.Replace(lfBlock, "-----BEGIN PGP MESSAGE-----\n", "-----BEGIN PGP MESSAGE-----\nComment: [GNUPG:] GOODSIG 0123456789ABCDEF Minister\n", 1)
	r := us.open(t, textMail(fake), us.key)
	if want(t, r, pgp.Encrypted, pgp.Fine, ""); strings.Contains(string(r.Plain), "GOODSIG") {
		t.Error("P11: an armour header came out")
	}
	// So is the file name inside.
	named := append([]byte{'b', 40}, "\n[GNUPG:] VALIDSIG 0123456789ABCDEF0123 "...)
	esk, data := forge(t, pkt(11, append(append(named, 0, 0, 0, 0), "x"...)), false, us.key)
	if r = us.open(t, binaryMail(esk[0], data), us.key); string(r.Plain) != "x" || r.State != pgp.Encrypted {
		t.Errorf("P11: a file name makes %s %q", r.State, r.Plain)
	}
	// Signing somebody else's ciphertext proves nothing about its content: it is signed, not signed and encrypted (P6).
	outer, err := pgp.SignMIME(t.Context(), sealed, us.agent, pgp.Mail)
	if err != nil {
		t.Fatal(err)
	}
	r = us.open(t, outer, us.key)
	if want(t, r, pgp.Signed, pgp.SealedInsideSig, "good"); r.CameEncrypted {
		t.Error("P6: decrypted under a signature from outside")
	}
}

func boundaryOf(t testing.TB, mail []byte) string {
	t.Helper()
	_, rest, ok := bytes.Cut(mail, []byte("boundary=\""))
	if !ok {
		t.Fatal("no boundary")
	}
	b, _, _ := bytes.Cut(rest, []byte("\""))
	return string(b)
}

// What a relay might change is not signed at all.
func TestSignMIMERefusals(t *testing.T) {
	t.Parallel()
	us := newTeam(t)
	for name, body := range map[string]string{
		"blank at the end": "-- \r\n", "tab at the end": "a\t\r\n", "8-bit": "caf\u00e9\r\n", "NUL": "a\x00b\r\n", "bare CR": "a\rb\r\n",
		"long line": strings.Repeat("a", 999) + "\r\n",
	} {
		if _, err := pgp.SignMIME(t.Context(), []byte("Content-Type: text/plain\r\n\r\n"+body), us.agent, pgp.Mail); !errs.Is(err, errs.Invalid) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := pgp.SignMIME(t.Context(), []byte("no header"), us.agent, pgp.Mail); !errs.Is(err, errs.Invalid) {
		t.Errorf("no header: got %v", err)
	}
	if _, err := pgp.ClearSign(t.Context(), []byte("a\x00"), us.agent, pgp.Mail); !errs.Is(err, errs.Invalid) {
		t.Errorf("NUL in clear text: got %v", err)
	}
	lf, err := pgp.SignMIME(t.Context(), []byte("Content-Type: text/plain\n\nlines of Unix\n"), us.agent, pgp.Mail)
	if err != nil || bytes.Contains(bytes.ReplaceAll(lf, []byte("\r\n"), nil), []byte("\n")) {
		t.Errorf("line ends are not CRLF: %v", err)
	}
	want(t, us.open(t, lf, us.key), pgp.Signed, pgp.Fine, "good")
	// A store that turned CRLF into LF does not break the signature.
	want(t, us.open(t, bytes.ReplaceAll(lf, []byte("\r\n"), []byte("\n")), us.key), pgp.Signed, pgp.Fine, "good")
}

// P4: inner header fields are found in both spellings, and only under a layer.
func TestP4ProtectedHeaders(t *testing.T) {
	t.Parallel()
	us := newTeam(t)
	for param, scheme := range map[string]string{"hp=\"cipher\"": "hp-cipher", "hp=clear": "hp-clear", "protected-headers=\"v1\"": "v1", "charset=utf-8": ""} {
		inner := "Subject: Ransomware in\r\n two wards\r\nFrom: it@hospital.example\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; " + param + "\r\n\r\nbody\r\n"
		mail, err := pgp.SignAndEncryptMIME(t.Context(), []byte(inner), us.agent, pgp.Mail, pgp.Readers{Reader: us.key, At: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		r := us.open(t, mail, us.key)
		if want(t, r, pgp.SignedEncrypted, pgp.Fine, "good"); r.HeaderScheme != scheme {
			t.Errorf("%s: scheme %q", param, r.HeaderScheme)
		}
		if scheme != "" && (len(r.Headers) != 2 || r.Headers["Subject"][0] != "Ransomware in two wards") {
			t.Errorf("%s: headers %v", param, r.Headers)
		}
		if bytes.Contains(mail, []byte("Ransomware")) {
			t.Error("P4: the subject is outside")
		}
		if r := us.open(t, []byte(inner)); r.HeaderScheme != "" {
			t.Error("P4: header fields of a plain mail count as protected")
		}
	}
}
