package mail

import (
	"encoding/json"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// fact is what another reader found in a sample.
type fact struct {
	Type      string   `json:"content_type"`
	Filenames []string `json:"filenames"`
	MessageID *string  `json:"message_id"`
	Parts     []string `json:"parts"`
	Sender    *string  `json:"sender"`
	To        *string  `json:"to"`
	Subject   *string  `json:"subject"`
	Date      *string  `json:"date"`
}

// samples gives the folder of sample mails; they have other licences and are never copied into the repository.
func samples(t testing.TB, kind string) string {
	t.Helper()
	root := os.Getenv("TOCSIN_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "..", "shared")
	}
	dir := filepath.Join(root, "data", "samples", kind)
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("TOCSIN_REQUIRE_ALL") == "1" {
			t.Fatalf("the sample mails are missing: %v", err)
		}
		t.Skipf("NOT RUN: the sample mails are missing; set TOCSIN_SHARED to their folder: %v", err)
	}
	return dir
}

// walk lists the media types as the facts do: the fields of a report count as text parts there.
func walk(p *Part) []string {
	list := []string{p.Type}
	if p.Type == "message/delivery-status" {
		for range groups(p) {
			list = append(list, "text/plain")
		}
	}
	if p.Type == "message/feedback-report" {
		list = append(list, "text/plain")
	}
	for _, c := range p.Parts {
		list = append(list, walk(c)...)
	}
	return list
}

func names(m *Message) []string {
	list := []string{}
	for _, p := range m.Parts {
		if p.Filename != "" {
			list = append(list, p.Filename)
		}
	}
	return list
}

func squeeze(s *string) string {
	if s == nil {
		return ""
	}
	return strings.Join(strings.Fields(*s), " ")
}

// TestSamplesAreReadWhole reads every sample (M3): no panic, no byte lost, and the parts, names and heads that the facts name.
// Where we differ on purpose, the table says why.
func TestSamplesAreReadWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, kind := range []string{"mime", "abuse-mail", "pgp-mime", "dmarc"} {
		dir := samples(t, kind)
		raw, err := os.ReadFile(filepath.Join(dir, "facts.json"))
		if err != nil {
			t.Fatal(err)
		}
		var facts map[string]fact
		if err := json.Unmarshal(raw, &facts); err != nil {
			t.Fatal(err)
		}
		for name, want := range facts {
			if want.Type == "" { // a report without a mail around it
				continue
			}
			raw, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			m := Parse(raw)
			nothingLost(t, name, m)
			compare := func(field string, got, want any) {
				key := name + " " + field
				if differs[key] != "" {
					seen[key] = true
				}
				if j1, j2 := text(got), text(want); (j1 != j2) != (differs[key] != "") {
					t.Errorf("%q:\n got %s\nwant %s", key, j1, j2)
				}
			}
			compare("type", m.Root.Type, want.Type)
			compare("parts", walk(m.Root), want.Parts)
			compare("filenames", names(m), want.Filenames)
			compare("subject", squeeze(ptr(m.Subject())), squeeze(want.Subject))
			compare("sender", written(m.From()), strings.ReplaceAll(squeeze(want.Sender), `"`, ""))
			to, _ := m.Header().Addresses("To")
			compare("to", written(to), strings.ReplaceAll(squeeze(want.To), `"`, ""))
			compare("date", dated(m), wantDate(want.Date))
			compare("id", m.MessageID(), strings.Trim(squeeze(want.MessageID), "<>"))
		}
	}
	for key := range differs {
		if !seen[key] {
			t.Errorf("the table of differences names %q, which is not there", key)
		}
	}
}

// written are addresses as the facts write them.
func written(all []Address) string {
	var list []string
	for _, a := range all {
		if a.Name == "" {
			list = append(list, a.Addr)
		} else {
			list = append(list, squeeze(&a.Name)+" <"+a.Addr+">")
		}
	}
	return strings.Join(list, ", ")
}

// dated is when the sender wrote, in UTC, and nothing where nobody can tell.
func dated(m *Message) string {
	if t, ok := m.Date(); ok {
		return t.Format(time.RFC3339)
	}
	return ""
}

// wantDate is the same of a fact.
func wantDate(s *string) string {
	t, err := mail.ParseDate(squeeze(s))
	if err != nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func ptr(s string) *string { return &s }

func text(v any) string {
	j, _ := json.Marshal(v)
	return string(j)
}

// nothingLost checks that spans nest and that every byte belongs to the root and, within a multipart, to a part, a boundary line or the text around.
func nothingLost(t testing.TB, name string, m *Message) {
	t.Helper()
	if m.Root.Start != 0 || m.Root.End != len(m.Raw) {
		t.Fatalf("%s: the root spans %d to %d of %d", name, m.Root.Start, m.Root.End, len(m.Raw))
	}
	if len(m.Parts) > MaxParts {
		t.Fatalf("%s: %d parts", name, len(m.Parts))
	}
	for i, p := range m.Parts {
		if p.Index != i || p.Start > p.BodyStart || p.BodyStart > p.End || p.End > len(p.source) {
			t.Fatalf("%s: part %d spans %d %d %d", name, i, p.Start, p.BodyStart, p.End)
		}
		at := p.BodyStart
		for _, c := range p.Parts {
			if c.Parent != p || c.Depth != p.Depth+1 {
				t.Fatalf("%s: part %d has a strange child", name, i)
			}
			if c.Within == p.Within && (c.Start < at || c.End > p.End) {
				t.Fatalf("%s: part %d overlaps its neighbour", name, c.Index)
			}
			if c.Within == p.Within {
				at = c.End
			}
		}
	}
	m.Body()
	m.Automatic()
	m.Readings()
	if !slices.IsSortedFunc(m.Attachments(), func(a, b *Part) int { return a.Index - b.Index }) {
		t.Fatalf("%s: attachments out of order", name)
	}
}
