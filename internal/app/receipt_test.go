package app

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp/keyd"
)

// poppler asks a program of another house about a document.
func (h *house) poppler(raw, name string, args ...string) string {
	h.t.Helper()
	path := filepath.Join(h.t.TempDir(), "receipt.pdf")
	h.must(os.WriteFile(path, []byte(raw), 0o600))
	out, err := exec.Command(name, append(append(args, path), map[string][]string{"pdftotext": {"-"}}[name]...)...).CombinedOutput()
	if err != nil {
		h.t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return strings.Join(strings.Fields(string(out)), " ")
}

// A report is handed in by the form in each language. Its signed receipt says what was handed in with its accents, a program that we did not write takes
// the signature, and the certificate is the one that we publish; nobody else's code opens it.
func TestAReceiptIsSigned(t *testing.T) {
	onEach(t, func(h *house) {
		ctx := h.t.Context()
		_, err := h.Intake.DropKey(ctx)
		h.must(err)
		handler, _ := h.routes()
		h.open(handler)
		ring, err := LoadTeamSecrets(h.Config)
		h.must(err)
		agent := keyd.NewInProcess(ring, keyd.Options{Clock: h.Clock})
		h.must(h.signDocumentList(ctx, agent))
		how := intake.Sheets{Sign: agent.SignDocument, Text: h.Text, Zone: h.Config.Location(), Team: h.Profile.Name, URL: h.publicURL()}
		says := map[text.Lang][]string{
			text.EN: {"Receipt: Early warning", "Page 1 of"}, text.PT: {"Recibo: Alerta precoce", "Como se verifica este documento", "Outras organizações afetadas"},
			text.FR: {"Accusé de réception : Alerte précoce", "Étapes et délais", "Directive (UE) 2022/2555"}, text.NL: {"Ontvangstbewijs: Vroegtijdige waarschuwing", "Wie het volgens de wet ontvangt"},
			text.DE: {"Empfangsbestätigung: Frühwarnung", "Wie dieses Dokument geprüft wird"},
		}
		var last *browser
		for _, l := range text.Langs() {
			b := h.browser()
			b.cookies["lang"] = string(l)
			b.post("/report/what", "what", "duty")
			b.post("/report/stage", "stage-eu-nis2", "early_warning", "class-eu-nis2", "essential")
			b.post("/report/part/1", "q-entity", "Águas & Œuvres Größe", "q-contact_email", "ops@away.example", "affected", "Nordstadt\nSüdstadt")
			b.post("/report/part/2", "q-summary", "Tudo está em baixo: à ç é ñ ü ß œ.", "ongoing", "yes")
			b.post("/report/part/4", "q-malicious", "yes", "q-cross_border", "yes")
			b.post("/report/part/5", "personal", "no", "tlp", "GREEN")
			b.post("/report/check")
			if n, err := h.Intake.OpenDrops(ctx); err != nil || n != 1 {
				h.t.Fatal(n, err)
			}
			if n, err := h.Intake.MakeSheets(ctx, how); err != nil || n != 1 {
				h.t.Fatalf("%s: %d receipts, %v", l, n, err)
			}
			at := strings.ReplaceAll(h.one(`href="(/r/receipt.pdf[^"]*)"`, b.page("/r/received")), "&amp;", "&")
			got := b.get(at)
			if got.Status != http.StatusOK || got.Header.Get("Content-Type") != "application/pdf" || got.Header.Get("X-Robots-Tag") == "" {
				h.t.Fatalf("%s: %d %v", l, got.Status, got.Header)
			}
			words := h.poppler(got.Body, "pdftotext")
			for _, w := range append(says[l], "Tudo está em baixo: à ç é ñ ü ß œ.", "Águas & Œuvres Größe", "Nordstadt Südstadt", "TLP:GREEN", "/document-keys.txt") {
				if !strings.Contains(words, w) {
					h.t.Errorf("%s: %q is not in %s", l, w, words)
				}
			}
			if strings.Contains(words, "⟦") || strings.Contains(words, "{") {
				h.t.Errorf("%s: a text has a hole: %s", l, words)
			}
			if said := h.poppler(got.Body, "pdfsig", "-nocert"); !strings.Contains(said, "Signature is Valid") || !strings.Contains(said, "Total document signed") || !strings.Contains(said, "CERT.VM") {
				h.t.Errorf("%s: %s", l, said)
			}
			last = b
		}
		list := last.page("/document-keys.txt")
		if _, err := exec.LookPath("gpg"); err == nil {
			home := h.t.TempDir()
			h.must(os.WriteFile(filepath.Join(home, "team"), h.team.Armored(), 0o600))
			h.must(os.WriteFile(filepath.Join(home, "list"), []byte(list), 0o600))
			for _, args := range [][]string{{"--import", filepath.Join(home, "team")}, {"--verify", filepath.Join(home, "list")}} {
				if out, err := exec.Command("gpg", append([]string{"--homedir", home, "--batch", "--no-autostart"}, args...)...).CombinedOutput(); err != nil {
					h.t.Errorf("gpg %v: %v\n%s", args[0], err, out)
				}
			}
		}
		block, _ := pem.Decode([]byte(strings.ReplaceAll(list, "- -----", "-----")))
		sum := sha256.Sum256(ring.Current().Document())
		if block == nil || string(block.Bytes) != string(ring.Current().Document()) || !strings.Contains(list, strings.ToUpper(hex.EncodeToString(sum[:]))) {
			h.t.Errorf("the list of certificates: %s", list)
		}

		first := last.get("/r/receipt.pdf?number=1").Body
		for _, n := range []string{"0", "2", "-1", "x", "99999999999999999999", ""} {
			if a := last.get("/r/receipt.pdf?number=" + n); a.Status != http.StatusNotFound {
				h.t.Errorf("number %q: %d", n, a.Status)
			}
		}
		other := h.browser()
		other.cookies["status"] = id.NewCode().Reveal()
		if a := other.get("/r/receipt.pdf?number=1"); a.Status != http.StatusNotFound {
			h.t.Errorf("another code: %d", a.Status)
		}
		code := id.SecretOf(last.cookies["status"])
		look, err := intake.Look(ctx, h.DB, h.Clock, code)
		h.must(err)

		// It is what it was after a correction, which has a receipt of its own that says what changed.
		last.post("/r/next", "corrects", "1")
		last.post("/report/part/1", "q-entity", "Águas & Œuvres Größe")
		last.post("/report/part/2", "q-summary", "Nur ein Teil steht.")
		last.post("/report/part/4", "q-malicious", "no", "q-cross_border", "yes")
		last.post("/report/part/5")
		last.post("/report/check")
		if _, err := h.Intake.OpenDrops(ctx); err != nil {
			h.t.Fatal(err)
		}
		away := how
		away.Sign = keyd.NewInProcess(ring, keyd.Options{Clock: h.Clock, Signs: keyd.Rate{PerSecond: 0, Burst: 0.5}}).SignDocument
		if n, err := h.Intake.MakeSheets(ctx, away); n != 0 || !errs.Is(err, errs.Limit) {
			h.t.Errorf("the key process is away: %d, %v", n, err)
		}
		if a := last.get("/r/receipt.pdf?number=2"); a.Status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
			h.t.Errorf("before it is made: %d", a.Status)
		}
		if n, err := h.Intake.MakeSheets(ctx, how); err != nil || n != 1 {
			h.t.Fatal(n, err)
		}
		second := last.get("/r/receipt.pdf?number=2").Body
		if words := h.poppler(second, "pdftotext"); !strings.Contains(words, "Sie berichtigt Einreichung 1") || !strings.Contains(words, "Vorher: Ja Jetzt: Nein") {
			h.t.Errorf("the correction: %s", words)
		}
		if last.get("/r/receipt.pdf?number=1").Body != first {
			h.t.Error("the first receipt is another now")
		}
		if n := strings.Count(last.page("/r/report"), "/r/receipt.pdf?number="); n != 3 {
			h.t.Errorf("%d links to receipts", n)
		}
		if n, err := h.Intake.MakeSheets(ctx, how); err != nil || n != 0 {
			h.t.Errorf("made again: %d, %v", n, err)
		}
		desk, err := h.Intake.Sheet(ctx, sample(), look.Reference, 1)
		if err != nil || string(desk.PDF) != first || desk.Name != look.Reference+"-1.pdf" {
			h.t.Errorf("the house has another: %v", err)
		}
	})
}

// An organisation takes its receipt from the portal; another one does not know of it, and a link that travelled in clear mail does not open it.
func TestAReceiptInThePortal(t *testing.T) {
	onEach(t, func(h *house) {
		ctx := h.t.Context()
		handler, _ := h.routes()
		h.open(handler)
		ring, err := LoadTeamSecrets(h.Config)
		h.must(err)
		agent := keyd.NewInProcess(ring, keyd.Options{Clock: h.Clock})
		how := intake.Sheets{Sign: agent.SignDocument, Text: h.Text, Zone: time.UTC, Team: h.Profile.Name, URL: h.publicURL()}
		north, _ := h.organisation("North town", "fr", "Clerk", "clerk@north.example", nil)
		south, _ := h.organisation("South town", "en", "Clerk", "clerk@south.example", nil)
		mine, theirs := h.person(access.Constituent, "it@north.example", north.UID), h.person(access.Constituent, "it@south.example", south.UID)
		mine.post("/portal/reports/new", "summary", "Une panne générale", "description", "Tout est arrêté.", "ongoing", "yes", "tlp", "AMBER", "name", "Léa", "email", "lea@away.example")
		all, err := h.Intake.List(ctx, sample(), intake.QueueFilter{})
		h.must(err)
		r := all.Items[0]
		at := "/portal/reports/" + r.UID
		if a := mine.get(at + "/receipts/0"); a.Status != http.StatusServiceUnavailable {
			h.t.Errorf("before it is made: %d", a.Status)
		}
		if n, err := h.Intake.MakeSheets(ctx, how); err != nil || n != 1 {
			h.t.Fatal(n, err)
		}
		if !strings.Contains(mine.page(at), at+"/receipts/0") {
			h.t.Error("the page does not offer it")
		}
		got := mine.page(at + "/receipts/0")
		if words := h.poppler(got, "pdftotext"); !strings.Contains(words, "Une panne générale") || !strings.Contains(words, "Léa lea@away.example") {
			h.t.Errorf("it says %s", words)
		}
		if a := theirs.get(at + "/receipts/0"); a.Status != http.StatusNotFound {
			h.t.Errorf("another organisation: %d", a.Status)
		}
		// In another language, on request, under a signature of its own; the first stays as it was, and is the only one that codes open.
		if a := theirs.send(at+"/receipts", values("number", "0", "lang", "de")); a.Status != http.StatusNotFound {
			h.t.Errorf("another organisation asks: %d", a.Status)
		}
		if a := mine.send(at+"/receipts", values("number", "0", "lang", "xx")); a.Status != http.StatusUnprocessableEntity {
			h.t.Errorf("in no language: %d", a.Status)
		}
		if a := mine.send(at+"/receipts", values("number", "7", "lang", "de")); a.Status != http.StatusNotFound {
			h.t.Errorf("of a submission that is none: %d", a.Status)
		}
		for range 2 {
			mine.post(at+"/receipts", "number", "0", "lang", "de")
		}
		if n, err := h.Intake.MakeSheets(ctx, how); err != nil || n != 1 {
			h.t.Fatal(n, err)
		}
		german := mine.page(at + "/receipts/0?in=de")
		if words := h.poppler(german, "pdftotext"); !strings.Contains(words, "Une panne générale") || !strings.Contains(words, "Empfang") || strings.Contains(words, "Reçu") {
			h.t.Errorf("in German it says %s", words)
		}
		if mine.page(at+"/receipts/0") != got {
			h.t.Error("the first changed")
		}
		if a := mine.get(at + "/receipts/0?in=nl"); a.Status != http.StatusNotFound {
			h.t.Errorf("nobody asked for it: %d", a.Status)
		}
		if a := mine.get(at + "/receipts/1"); a.Status != http.StatusNotFound {
			h.t.Errorf("of a submission that is none: %d", a.Status)
		}

		// What came by mail and a person filed as a stage: the receipt's link went in clear, so it opens no answers.
		mailed, err := h.Intake.Receive(ctx, sample(), intake.ReceiveInput{Channel: correspondence.ByPhone, Lang: "de", Body: intake.Body{Summary: "Anruf", OrgText: "Werk"}})
		h.must(err)
		_, err = h.DB.Exec(ctx, `UPDATE intake_code SET entire = FALSE WHERE hash = $1`, mailed.Code.Hash())
		h.must(err)
		_, err = h.Intake.Submit(ctx, sample(), mailed.Report.UID, intake.SubmitInput{Set: "eu-nis2", Stage: "early_warning", Channel: correspondence.ByPhone, Answers: map[string]string{"summary": "Anruf"}})
		h.must(err)
		if n, err := h.Intake.MakeSheets(ctx, how); err != nil || n != 1 {
			h.t.Fatal(n, err)
		}
		if _, err := intake.LookSheet(ctx, h.DB, mailed.Code, mailed.Reference, 1); !errs.Is(err, errs.NotFound) {
			h.t.Errorf("a code that travelled in clear mail: %v", err)
		}
		reader := h.browser()
		reader.cookies["status"] = mailed.Code.Reveal()
		if page := reader.page("/r/report"); strings.Contains(page, "receipt.pdf") {
			h.t.Error("its page offers it")
		}
		h.formInThePortal(mine, theirs, north)
	})
}
