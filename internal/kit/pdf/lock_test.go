package pdf_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/kit/pdf"
)

const (
	code   = "0123456789012345678901234"
	spaced = "01234 56789 01234 56789 01234"
)

func closed(t *testing.T, d *pdf.Document, seed byte) []byte {
	t.Helper()
	raw, _, err := d.Locked(pdf.Lock{Code: code, Other: spaced, Seed: bytes.Repeat([]byte{seed}, 32)})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func withFiles() *pdf.Document {
	d := sheet()
	d.Attach(pdf.Attached{Name: "evidence-secreta.csv", Type: "text/csv", Made: made, Content: []byte("address,seen\n203.0.113.7,2026-03-01\n")})
	d.Attach(pdf.Attached{Name: ") Tj \x00\u202efdp.\nçx.bin", Type: "text/html) >> endobj", Made: made, Content: bytes.Repeat([]byte("endstream endobj "), 3)})
	return d
}

// A locked document opens in Poppler with its code, typed with or without the gaps, and with nothing else; nothing of it can be read without.
func TestALockedDocumentOpensWithItsCodeAlone(t *testing.T) {
	t.Parallel()
	raw := closed(t, withFiles(), 1)
	if at := os.Getenv("PDF_OUT"); at != "" {
		_ = os.WriteFile(at, raw, 0o600)
	}
	for _, typed := range []string{code, spaced} {
		out := open(t, raw, "pdftotext", typed, "-layout", "{}", "-")
		if said := strings.Join(strings.Fields(out), " "); !strings.Contains(said, "Águas de São João") || !strings.Contains(said, "TLP:AMBER") {
			t.Errorf("with %q: %s", typed, said)
		}
	}
	info := open(t, raw, "pdfinfo", code, "{}")
	for _, w := range []string{"Aviso prévio recebido", "Tagged:          yes", "print:yes copy:yes change:yes addNotes:yes algorithm:AES-256", "Pages:           3"} {
		if !strings.Contains(info, w) {
			t.Errorf("%q is not told by pdfinfo:\n%s", w, info)
		}
	}
	listed := open(t, raw, "pdfdetach", code, "-list", "{}")
	if !strings.Contains(listed, "2 embedded files") || !strings.Contains(listed, "evidence-secreta.csv") || strings.Contains(listed, "Syntax") {
		t.Error(listed)
	}
	if got := open(t, raw, "pdfdetach", code, "-save", "1", "-o", "/dev/stdout", "{}"); !strings.Contains(got, "203.0.113.7,2026-03-01") {
		t.Errorf("the attached file: %q", got)
	}
	for _, wrong := range []string{"", "0123456789012345678901235", " " + code} {
		if out, err := tryOpen(t, raw, "pdftotext", wrong, "{}", "-"); err == nil || strings.Contains(out, "Aviso") {
			t.Errorf("it opened with %q: %s", wrong, out)
		}
	}
	for _, secret := range []string{"Aviso", "secreta", "203.0.113.7", "R-2026", "AMBER", "CERT.EX", "Tocsin", "20260301", "FEFF", "(pt)", code, "01234 5"} {
		if bytes.Contains(raw, []byte(secret)) {
			t.Errorf("%q stands in the file in clear", secret)
		}
	}
}

func tryOpen(t *testing.T, raw []byte, name, code string, args ...string) (string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.pdf")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	all := []string{"-upw", code, "-opw", code}
	if name == "pdfdetach" {
		all = []string{"-upw", code}
	}
	for _, a := range args {
		all = append(all, strings.ReplaceAll(a, "{}", path))
	}
	out, err := exec.Command(name, all...).CombinedOutput()
	return string(out), err
}

func open(t *testing.T, raw []byte, name, code string, args ...string) string {
	t.Helper()
	out, err := tryOpen(t, raw, name, code, args...)
	if err != nil || strings.Contains(out, "Syntax Error") {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return out
}

// The same document under the same lock is the same file, so that a letter sent again after a crash is the letter that was sent. Another document, or another
// seed, shares no block with it.
func TestTheSameLockIsTheSameFile(t *testing.T) {
	t.Parallel()
	one := closed(t, withFiles(), 1)
	if !bytes.Equal(one, closed(t, withFiles(), 1)) {
		t.Error("another file")
	}
	other := withFiles()
	other.Paragraph("one more")
	for name, x := range map[string][]byte{"another seed": closed(t, withFiles(), 2), "another document": closed(t, other, 1)} {
		if name == "another seed" && bytes.Contains(x, streamOf(one)) {
			t.Errorf("%s: the same bytes", name)
		}
	}
	for _, bad := range []pdf.Lock{{}, {Code: code}, {Code: "é", Seed: make([]byte, 32)}, {Code: strings.Repeat("1", 128), Seed: make([]byte, 32)}, {Code: code, Other: "\n", Seed: make([]byte, 32)}} {
		if _, _, err := sheet().Locked(bad); err != pdf.ErrLock {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// streamOf gives bytes of the first stream.
func streamOf(raw []byte) []byte {
	at := bytes.Index(raw, []byte("stream\n")) + 7
	return raw[at+16 : at+64]
}

// No text of a letter breaks the file.
func TestHostileTextLocked(t *testing.T) {
	t.Parallel()
	for _, s := range []string{") Tj ET endstream endobj", "<</Encrypt 9 0 R>> stream\n", "\xff\xfe\\)(", "a\x00b\u202ec", "\U0010ffff"} {
		d := pdf.New(pdf.Head{Title: s, Author: s, Lang: "en", Made: made, Label: s, Foot: s, Page: s})
		d.Title("x")
		d.Paragraph(s)
		d.Mono(s)
		d.Attach(pdf.Attached{Name: s, Type: s, Made: made, Content: []byte(s)})
		if info := open(t, closed(t, d, 3), "pdfinfo", code, "{}"); strings.Contains(info, "Syntax") {
			t.Errorf("%q: %s", s, info)
		}
	}
}
