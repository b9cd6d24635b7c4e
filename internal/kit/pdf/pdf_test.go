package pdf_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/cms"
	"github.com/tocsin-csirt/tocsin/internal/kit/pdf"
)

var made = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)

func sheet() *pdf.Document {
	d := pdf.New(pdf.Head{Title: "Aviso prévio recebido", Author: "CERT.EX", Lang: "pt", Made: made, Label: "TLP:AMBER", Foot: "R-2026-7K2PQX", Page: "Página {page} de {pages}"})
	d.Title("Aviso prévio recebido")
	d.Mono("R-2026-7K2PQX")
	d.Heading("Organização")
	d.Pair("Qual é a organização?", "Águas de São João, Übergröße, Cœur d’Alène, Zażółć, Ελλάδα, Київ", "Ainda não se sabe")
	d.Pair("Quando começou?", "", "Ainda não se sabe")
	d.Pair("Fim", "水道局 — "+strings.Repeat("a", 300)+"\nzweite Zeile\x00\u202e", "-")
	for range 40 {
		d.Paragraph("Il a été constaté que plusieurs serveurs étaient chiffrés. Die Größe der Störung ist noch unbekannt, de dienst is gestoord.")
	}
	return d
}

func sign(t *testing.T, u pdf.Unsigned) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	like := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "Test team"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature}
	raw, err := x509.CreateCertificate(rand.Reader, like, like, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := cms.Detached(key, cert, u.Sum())
	if err != nil {
		t.Fatal(err)
	}
	out, err := u.Signed(sig)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// run asks a program of another house about a file.
func run(t *testing.T, raw []byte, name string, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.pdf")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(name, append(args, path)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

// What is written is read by Poppler: the text with all its accents, the structure, and the signature, which one changed byte breaks.
func TestPopplerReadsIt(t *testing.T) {
	t.Parallel()
	u, undrawn, err := sheet().Unsigned("CERT.EX", 4096)
	if err != nil {
		t.Fatal(err)
	}
	if !undrawn {
		t.Error("nothing says that some characters are not in the font")
	}
	raw := sign(t, u)
	if at := os.Getenv("PDF_OUT"); at != "" {
		_ = os.WriteFile(at, raw, 0o600)
	}
	words := strings.Join(strings.Fields(run(t, raw, "sh", "-c", `pdftotext -layout "$0" -`)), " ")
	for _, w := range []string{"Aviso prévio recebido", "Águas de São João, Übergröße, Cœur d’Alène, Zażółć, Ελλάδα, Київ", "Ainda não se sabe", "水道局", "zweite Zeile", "Página 3 de 3", "TLP:AMBER"} {
		if !strings.Contains(words, w) {
			t.Errorf("%q is not in the text: %s", w, words)
		}
	}
	if strings.Contains(words, "\u202e") {
		t.Error("a direction character came through")
	}
	info := run(t, raw, "pdfinfo")
	for _, w := range []string{"Tagged:          yes", "Pages:           3", "A4"} {
		if !strings.Contains(info, w) {
			t.Errorf("%q is not told by pdfinfo:\n%s", w, info)
		}
	}
	structure := run(t, raw, "pdfinfo", "-struct-text")
	for _, w := range []string{"Document", "H1 (block)", "H2 (block)", "LBody (block)", "Qual é a organização?"} {
		if !strings.Contains(structure, w) {
			t.Errorf("%q is not in the structure:\n%s", w, structure)
		}
	}
	if said := run(t, raw, "pdfsig", "-nocert"); !strings.Contains(said, "Signature is Valid") || !strings.Contains(said, "Total document signed") || !strings.Contains(said, "ETSI.CAdES.detached") {
		t.Errorf("the signature: %s", said)
	}
	changed := bytes.Replace(raw, []byte("/Author <FEFF0043"), []byte("/Author <FEFF0044"), 1)
	if said := run(t, changed, "pdfsig", "-nocert"); !strings.Contains(said, "Digest Mismatch") {
		t.Errorf("a changed document: %s", said)
	}
}

func TestTheSameContentIsTheSameFile(t *testing.T) {
	t.Parallel()
	one, _, err := sheet().Unsigned("CERT.EX", 4096)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		two, _, err := sheet().Unsigned("CERT.EX", 4096)
		if err != nil || one.Sum() != two.Sum() {
			t.Fatalf("another file: %v", err)
		}
	}
	if _, err := one.Signed(make([]byte, 4097)); err == nil {
		t.Error("a signature that is too large")
	}
}

// Somebody may write anything: a document that nobody would read is refused, and no text breaks the file.
func TestHostileText(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", " ", "\n\n\n", ") Tj ET endstream endobj", "\xff\xfe", "\U0010ffff\U0001f600", strings.Repeat(" ", 5000), strings.Repeat("\u0301", 2000)} {
		d := pdf.New(pdf.Head{Title: s, Author: s, Lang: "en", Made: made, Label: s, Foot: s, Page: s})
		d.Title("x")
		d.Pair(s+"?", s, s)
		d.Paragraph(s)
		u, _, err := d.Unsigned(s, 4096)
		if err != nil {
			t.Errorf("%.20q: %v", s, err)
			continue
		}
		if info := run(t, sign(t, u), "pdfinfo"); strings.Contains(info, "Syntax") {
			t.Errorf("%.20q: %s", s, info)
		}
	}
	d := pdf.New(pdf.Head{Lang: "en", Made: made})
	d.Paragraph(strings.Repeat("x\n", 100000))
	if _, _, err := d.Unsigned("x", 4096); err != pdf.ErrLarge {
		t.Errorf("a hundred thousand lines: %v", err)
	}
}
