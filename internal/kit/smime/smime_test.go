package smime

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail/mailtest"
)

const entity = "Content-Type: text/plain; charset=utf-8\r\n\r\nThe gateway at 192.0.2.77.\r\n"

// openssl is somebody outside with a certificate.
func openssl(t *testing.T, dir, in string, args ...string) string {
	t.Helper()
	cmd := exec.Command(mailtest.Need(t, "openssl"), args...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(in)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("openssl %v: %v\n%s", args, err, said.String())
	}
	return string(out)
}

func mailOf(kind, der string) *mail.Message {
	return mail.Parse([]byte("From: a@bank.example\r\nMIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime; smime-type=" + kind + "; name=smime.p7m\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
		base64.StdEncoding.EncodeToString([]byte(der)) + "\r\n"))
}

// TestFormsOfOthers is what OpenSSL and GnuPG's gpgsm write, with RSA and elliptic curves, whole and in pieces.
func TestFormsOfOthers(t *testing.T) {
	dir := t.TempDir()
	for _, algorithm := range []string{"rsa:2048", "ec"} {
		args := []string{"req", "-x509", "-newkey", algorithm, "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "2", "-subj", "/CN=Rui/emailAddress=rui@hospital.example"}
		if algorithm == "ec" {
			args = append(args, "-pkeyopt", "ec_paramgen_curve:P-256")
		}
		openssl(t, dir, "", args...)
		for name, c := range map[string]struct {
			form Form
			der  string
			kind string
		}{
			"signed":            {Opaque, openssl(t, dir, entity, "cms", "-sign", "-nodetach", "-binary", "-signer", "cert.pem", "-inkey", "key.pem", "-outform", "DER"), "signed-data"},
			"signed, in pieces": {Opaque, openssl(t, dir, entity, "cms", "-sign", "-nodetach", "-binary", "-stream", "-signer", "cert.pem", "-inkey", "key.pem", "-outform", "DER"), "signed-data"},
			"signed, called so": {Opaque, openssl(t, dir, entity, "cms", "-sign", "-nodetach", "-binary", "-signer", "cert.pem", "-inkey", "key.pem", "-outform", "DER"), "enveloped-data"},
			"CBC":               {Encrypted, openssl(t, dir, entity, "cms", "-encrypt", "-aes256", "-binary", "-outform", "DER", "cert.pem"), "enveloped-data"},
			"GCM":               {Encrypted, openssl(t, dir, entity, "cms", "-encrypt", "-aes-256-gcm", "-binary", "-outform", "DER", "cert.pem"), "authEnveloped-data"},
			"CBC, called other": {Encrypted, openssl(t, dir, entity, "cms", "-encrypt", "-aes256", "-stream", "-binary", "-outform", "DER", "cert.pem"), "signed-data"},
		} {
			form, content, err := Look(mailOf(c.kind, c.der))
			if form != c.form || err != nil || c.form == Opaque && string(content) != entity {
				t.Errorf("%s, %s: %q, %q, %v", algorithm, name, form, content, err)
			}
		}
		clear := openssl(t, dir, entity, "cms", "-sign", "-signer", "cert.pem", "-inkey", "key.pem")
		if form, _, err := Look(mail.Parse([]byte(clear))); form != Signed || err != nil {
			t.Errorf("%s, detached: %q, %v", algorithm, form, err)
		}
	}
	home := mailtest.Folder(t, "gpgsm")
	mailtest.Need(t, "gpgsm")
	if err := os.Chmod(home, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run() })
	gpgsm := func(in string, args ...string) string {
		t.Helper()
		cmd := exec.Command("gpgsm", append([]string{"--homedir", home, "--batch", "--disable-crl-checks", "--pinentry-mode", "loopback", "--passphrase-fd", "3"}, args...)...)
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		_, _ = w.WriteString("x\n")
		_ = w.Close()
		defer r.Close()
		cmd.ExtraFiles, cmd.Stdin = []*os.File{r}, strings.NewReader(in)
		var said bytes.Buffer
		cmd.Stderr = &said
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("gpgsm %v: %v\n%s", args, err, said.String())
		}
		return string(out)
	}
	openssl(t, dir, "", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "2", "-subj", "/CN=Rui", "-addext", "keyUsage=digitalSignature,keyEncipherment,keyCertSign")
	pem, err := os.ReadFile(filepath.Join(dir, "cert.pem"))
	if err != nil {
		t.Fatal(err)
	}
	_, fingerprint, _ := strings.Cut(strings.TrimSpace(openssl(t, dir, "", "x509", "-in", "cert.pem", "-noout", "-fingerprint", "-sha1")), "=")
	if err := os.WriteFile(filepath.Join(home, "trustlist.txt"), []byte(fingerprint+" S relax\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	gpgsm(string(pem), "--import")
	sealed := gpgsm(entity, "--encrypt", "--recipient", "Rui")
	if form, _, err := Look(mailOf("enveloped-data", sealed)); form != Encrypted || err != nil {
		t.Errorf("gpgsm: %q, %v", form, err)
	}
}

// TestDamagedAndHostile ends with an error, whatever is cut or claimed.
func TestDamagedAndHostile(t *testing.T) {
	head := "\x30\x80\x06\x09" + oidSigned + "\xa0\x80\x30\x80\x02\x01\x01\x31\x00\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\xa0\x80"
	for name, c := range map[string]struct {
		tail, want string
		ok         bool
	}{
		"whole":               {"\x04\x02ab", "ab", true},
		"pieces of pieces":    {"\x24\x80\x04\x01a\x24\x03\x04\x01b\x00\x00", "ab", true},
		"nothing":             {"\x04\x00", "", true},
		"longer than it is":   {"\x04\x7fab", "", false},
		"a length of 4 GiB":   {"\x04\x84\xff\xff\xff\xffab", "", false},
		"a length of 9 bytes": {"\x04\x89\x01\x01\x01\x01\x01\x01\x01\x01\x01ab", "", false},
		"a deep one":          {strings.Repeat("\x24\x80", 1_000_000), "", false},
		"empty pieces":        {"\x24\x80" + strings.Repeat("\x04\x00", 200_000), "", false},
		"beyond its piece":    {"\x24\x03\x04\x05abcde", "", false},
		"no string":           {"\x30\x02ab", "", false},
		"cut off":             {"", "", false},
		"no end":              {"\x24\x80\x04\x01a", "", false},
	} {
		form, content, err := Look(mailOf("signed-data", head+c.tail))
		if form != Opaque || (err == nil) != c.ok || string(content) != c.want || err != nil && !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %q, %q, %v", name, form, content, err)
		}
	}
	if form, _, _ := Look(mailOf("signed-data", "no ASN.1")); form != Opaque {
		t.Errorf("what is nothing: %q", form)
	}
	if form, _, _ := Look(mailOf("compressed-data", "no ASN.1")); form != None {
		t.Errorf("what we do not know: %q", form)
	}
}

// FuzzOpen ends, whatever a sender writes, and proves nothing of what no approved key signed.
func FuzzOpen(f *testing.F) {
	dir := f.TempDir()
	run := func(in string, args ...string) []byte {
		cmd := exec.Command(mailtest.Need(f, "openssl"), args...)
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(in)
		out, err := cmd.Output()
		if err != nil {
			f.Fatal(err)
		}
		return out
	}
	run("", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "2", "-subj", "/CN=Rui/emailAddress=rui@hospital.example")
	pem, err := os.ReadFile(filepath.Join(dir, "cert.pem"))
	if err != nil {
		f.Fatal(err)
	}
	certs := ParseCertificates(pem)
	for _, args := range [][]string{
		{"-sign", "-nodetach", "-binary", "-signer", "cert.pem", "-inkey", "key.pem"},
		{"-sign", "-nodetach", "-binary", "-stream", "-signer", "cert.pem", "-inkey", "key.pem"},
		{"-encrypt", "-aes256", "-binary", "cert.pem"},
		{"-encrypt", "-aes-256-gcm", "-stream", "-binary", "cert.pem"},
		{"-sign", "-binary", "-signer", "cert.pem", "-inkey", "key.pem"},
	} {
		args = append([]string{"cms", args[0], "-outform", "DER"}, args[1:]...)
		f.Add(run(entity, args...))
	}
	detached := "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=b\r\n\r\n--b\r\n" + entity + "\r\n--b\r\nContent-Type: application/pkcs7-signature\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	f.Fuzz(func(t *testing.T, der []byte) {
		for _, m := range []*mail.Message{mailOf("signed-data", string(der)), mail.Parse([]byte(detached + base64.StdEncoding.EncodeToString(der) + "\r\n--b--\r\n"))} {
			r, err := Open(context.Background(), Input{Message: m, Approved: certs, From: "rui@hospital.example", Agent: wrongKey{}, Now: time.Now()})
			if err != nil {
				t.Fatal(err)
			}
			if r.Good() != nil && string(r.Plain) != strings.TrimSuffix(entity, "\r\n") && string(r.Plain) != entity {
				t.Fatalf("a signature over %q", r.Plain)
			}
		}
		if again, err := normal(der); err == nil {
			if twice, err := normal(again); err != nil || !bytes.Equal(twice, again) {
				t.Fatal("DER is not its own DER")
			}
		}
		ParseCertificates(der)
	})
}

// wrongKey is a key process that always gives a key.
type wrongKey struct{}

func (wrongKey) SignSMIME(context.Context, SignRequest) (SignedBy, error) { return SignedBy{}, nil }

func (wrongKey) UnwrapSMIME(_ context.Context, q UnwrapRequest) (ContentKey, error) {
	for _, r := range q.Recipients {
		_, _ = ParseRecipient(r)
	}
	return ContentKey{Key: make([]byte, q.Size)}, nil
}

// FuzzLook ends, and gives no more than it was given.
func FuzzLook(f *testing.F) {
	f.Add([]byte("\x30\x80\x06\x09" + oidSigned + "\xa0\x80\x30\x80\x02\x01\x01\x31\x00\x30\x80\x06\x01\x2a\xa0\x80\x24\x80\x04\x01a\x00\x00"))
	f.Fuzz(func(t *testing.T, der []byte) {
		if _, content, _ := Look(mailOf("signed-data", string(der))); len(content) > len(der) {
			t.Fatal("more than there was")
		}
	})
}
