package mailroom

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// sample is one file of the collections, as a mail.
type sample struct {
	name    string
	raw     []byte
	subject *string // what the facts say; nil when they say nothing
}

// samplesRoot gives the folder of samples; they have other licences and are read where they lie.
func samplesRoot(t testing.TB) string {
	t.Helper()
	root := os.Getenv("TOCSIN_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "..", "shared")
	}
	dir := filepath.Join(root, "data", "samples")
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("TOCSIN_REQUIRE_ALL") == "1" {
			t.Fatalf("the samples are missing: %v", err)
		}
		t.Skipf("NOT RUN: the samples are missing; set TOCSIN_SHARED to their folder: %v", err)
	}
	return dir
}

// samples gives every file of the five collections: a mail as it is, anything else attached to one.
func samples(t testing.TB) []sample {
	t.Helper()
	root := samplesRoot(t)
	var out []sample
	for _, kind := range []string{"mime", "pgp-mime", "abuse-mail", "xarf", "dmarc"} {
		var facts map[string]struct {
			Subject *string `json:"subject"`
			Type    string  `json:"content_type"`
		}
		raw, err := os.ReadFile(filepath.Join(root, kind, "facts.json"))
		must(asT(t), err)
		must(asT(t), json.Unmarshal(raw, &facts))
		err = filepath.WalkDir(filepath.Join(root, kind), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Dir(path) == filepath.Join(root, kind) {
				return err
			}
			raw, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			rel, _ := filepath.Rel(filepath.Join(root, kind), path)
			s := sample{name: kind + "/" + filepath.ToSlash(rel), raw: raw}
			if f, ok := facts[filepath.ToSlash(rel)]; ok && f.Type != "" {
				s.subject = f.Subject
			} else {
				s.raw = attached(filepath.Base(path), raw)
			}
			out = append(out, s)
			return nil
		})
		must(asT(t), err)
	}
	return out
}

func asT(t testing.TB) *testing.T { return t.(*testing.T) }

// attached makes a mail with one file.
func attached(name string, content []byte) []byte {
	kind := map[string]string{".json": "application/json", ".xml": "text/xml", ".zip": "application/zip", ".gz": "application/gzip"}[filepath.Ext(name)]
	if kind == "" {
		kind = "application/octet-stream"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "From: reporter@other.example\r\nTo: report@cert.example\r\nSubject: file %s\r\nDate: Mon, 02 Nov 2026 10:00:00 +0000\r\nMessage-ID: <%x@other.example>\r\nMIME-Version: 1.0\r\n", name, name)
	fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nAttached.\r\n--b\r\nContent-Type: %s; name=%q\r\nContent-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\n", kind, name)
	enc := base64.StdEncoding.EncodeToString(content)
	for len(enc) > 76 {
		b.WriteString(enc[:76] + "\r\n")
		enc = enc[76:]
	}
	return []byte(b.String() + enc + "\r\n--b--\r\n")
}

// Every file of the collections is taken into a house: nothing is set aside, no byte is lost, each is a report that can be read, with its
// subject as another reader found it and its attachments as files.
func TestSamplesAreTakenIn(t *testing.T) {
	all := samples(t)
	if len(all) < 500 {
		t.Fatalf("%d samples", len(all))
	}
	coretest.Engines(t, func(t *testing.T, c *coretest.House) {
		h := open(t, c, "cert.example")
		arrivals := make([]correspondence.Arrival, len(all))
		var ids []int64
		for i, s := range all {
			arrivals[i] = correspondence.Arrival{From: "x@nowhere.example", To: []string{"report@cert.example"}, PeerIP: "127.0.0.1", Raw: s.raw}
		}
		for i := 0; i < len(all); i += correspondence.MaxBatch {
			must(t, h.room.Correspondence.Arrive(h.ctx, arrivals[i:min(i+correspondence.MaxBatch, len(all))]))
		}
		for i := range arrivals {
			ids = append(ids, arrivals[i].ID)
		}
		must(t, h.room.Sort(h.ctx, correspondence.SortJob{Arrivals: ids}))
		under := map[int64]int{}
		for i, a := range arrivals {
			name := all[i].name
			got, err := h.room.Correspondence.OpenArrival(h.ctx, h.DB, a.ID)
			must(t, err)
			if got.State != correspondence.ArrivalSorted || got.Under == 0 {
				t.Errorf("%s: %s, %q", name, got.State, got.Reason)
				continue
			}
			if !bytes.Equal(got.Raw, all[i].raw) {
				t.Errorf("%s: other bytes", name)
			}
			if first, twice := under[got.Under]; twice && !sameWords(all[first].raw, all[i].raw) {
				t.Errorf("%s is filed as %s", name, all[first].name)
			}
			under[got.Under] = i
		}
		var reports []int64
		for n := range under {
			reports = append(reports, n)
		}
		byID := map[int64]intake.Report{}
		for len(reports) > 0 {
			n := min(len(reports), 200)
			some, err := h.room.Intake.ByID(h.ctx, h.DB, h.ana, reports[:n]...)
			must(t, err)
			for id, r := range some {
				byID[id] = r
			}
			reports = reports[n:]
		}
		for i, a := range arrivals {
			got, err := h.room.Correspondence.OpenArrival(h.ctx, h.DB, a.ID)
			must(t, err)
			r, ok := byID[got.Under]
			if !ok {
				t.Errorf("%s: no report", all[i].name)
				continue
			}
			if why := taken(h, r, a.ID, all[i]); why != "" {
				t.Errorf("%s: %s", all[i].name, why)
			}
		}
	})
}

// taken says what is wrong with a report that a sample became.
func taken(h *house, r intake.Report, arrival int64, s sample) string {
	messages, err := h.room.Correspondence.Messages(h.ctx, h.DB, h.ana, r.Thread)
	must(h.T, err)
	var m correspondence.Message
	for _, x := range messages {
		if x.Arrival == arrival {
			m = x
		}
	}
	if m.UID == "" {
		return "" // a copy of a mail that came before
	}
	if r.Unreadable != (m.Body.Unreadable != "") || strings.Contains(m.Body.Unreadable, "reader") || strings.Contains(m.Body.Unreadable, "aside") {
		return "it could not be read: " + m.Body.Unreadable
	}
	if key := "subject " + s.name; s.subject != nil && m.Body.Unreadable == "" {
		if differs := strings.Join(strings.Fields(m.Body.Subject), " ") != strings.Join(strings.Fields(*s.subject), " "); differs != (differsTaken[key] != "") {
			return fmt.Sprintf("subject %q, the facts say %q", m.Body.Subject, *s.subject)
		}
	}
	read := mail.Parse(s.raw)
	if m.Body.Unreadable == "" && m.Seal == correspondence.Plain {
		if want := len(read.Attachments()); len(m.Body.Files) < want {
			return fmt.Sprintf("%d files, want %d", len(m.Body.Files), want)
		}
	}
	if h.DB.Engine() == db.Postgres {
		return "" // blobs lie outside of the database: they were read on the other
	}
	for _, f := range m.Body.Files {
		_, content, err := h.room.Correspondence.OpenFile(h.ctx, h.ana, h.thread(r.Thread).UID, m.UID, f.UID)
		if err != nil {
			return err.Error()
		}
		n, err := io.Copy(io.Discard, content)
		_ = content.Close()
		if err != nil || n != f.Size {
			return fmt.Sprintf("%s has %d bytes, want %d: %v", f.Name, n, f.Size, err)
		}
	}
	return ""
}

// differsTaken is where a subject is not that of the facts, on purpose, and why.
var differsTaken = map[string]string{
	"subject mime/mail/error_emails/content_transfer_encoding_empty.eml": "soft hyphens are made visible",
	"subject mime/mail/error_emails/invalid_subject_characters.eml":      "bytes outside UTF-8 are read as windows-1252",
	"subject mime/mail-parser/mail_test_9":                               "gb2312 is read as its superset GBK",
}

func sameWords(a, b []byte) bool {
	topA, bodyA := written(a)
	topB, bodyB := written(b)
	return bytes.Equal(topA, topB) && bytes.Equal(bodyA, bodyB)
}
