package abuse

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/format/taxonomy"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// samples gives the folder of samples; they have other licences and are read where they lie.
func samples(t testing.TB, kind string) string {
	t.Helper()
	root := os.Getenv("TOCSIN_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "..", "shared")
	}
	dir := filepath.Join(root, "data", "samples", kind)
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("TOCSIN_REQUIRE_ALL") == "1" {
			t.Fatalf("the samples are missing: %v", err)
		}
		t.Skipf("NOT RUN: the samples are missing; set TOCSIN_SHARED to their folder: %v", err)
	}
	return dir
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// differsXARF is where our reading of a sample is not that of the facts, on purpose, and why.
var differsXARF = map[string]string{
	"spec/v3/botnet_v3_sample.json source": "the sample has its source as an object; the address in it is taken",
	"spec/v3/spam_v3_sample.json source":   "the same",
}

// lenient are negative samples in which we find nothing wrong, and why.
var lenient = map[string]string{
	"v0-v3/negative/2/invalid_internal_processing_wrong_data_type.json":           "InternalProcessing is a note of its owner to himself; it is not read",
	"v0-v3/negative/3/invalid_internal_processing_wrong_data_type.json":           "the same",
	"v0-v3/negative/development/invalid_internal_processing_wrong_data_type.json": "the same",
}

// wrong are samples of the specification in which we find something, and what.
var wrong = map[string]string{
	"spec/v4/content-brand-infringement.json": "the hash is not that of the evidence",
	"spec/v4/content-remote-compromise.json":  "the same",
	"spec/v4/connection-sql-injection.json":   "the same",
}

// Every sample of XARF gives version, category, type and source as the facts say; the good ones have no problem, the bad ones have one.
func TestXARFSamples(t *testing.T) {
	t.Parallel()
	dir := samples(t, "xarf")
	rsit, err := taxonomy.New()
	if err != nil {
		t.Fatal(err)
	}
	var facts map[string]map[string]any
	if err := json.Unmarshal(read(t, filepath.Join(dir, "facts.json")), &facts); err != nil {
		t.Fatal(err)
	}
	word := func(v any) string {
		if v == nil {
			return ""
		}
		return fmt.Sprint(v)
	}
	for name, want := range facts {
		f := In(mail.Parse(append([]byte("Content-Type: application/json\n\n"), read(t, filepath.Join(dir, filepath.FromSlash(name)))...)))
		if strings.HasSuffix(name, "/invalid_empty.json") { // a version and nothing else: no report
			if len(f.Reports) > 0 {
				t.Errorf("%s is read", name)
			}
			continue
		}
		if len(f.Reports) != 1 {
			t.Errorf("%s: %d reports", name, len(f.Reports))
			continue
		}
		r := f.Reports[0]
		source := ""
		if len(r.Sources) > 0 {
			source = r.Sources[0].Text
		}
		for field, pair := range map[string][2]string{
			"version": {r.Version, word(want["version"])}, "category": {r.Category, word(want["category"])}, "type": {r.Type, word(want["type"])}, "source": {source, word(want["source"])},
		} {
			if (pair[0] != pair[1]) != (differsXARF[name+" "+field] != "") {
				t.Errorf("%s: %s %q, the facts say %q", name, field, pair[0], pair[1])
			}
		}
		if r.Class != "" && !rsit.Known(r.Class) {
			t.Errorf("%s: class %s does not exist", name, r.Class)
		}
		good := !strings.Contains(name, "/negative/")
		switch {
		case good && (len(r.Problems) > 0) != (wrong[name] != ""):
			t.Errorf("%s: %v", name, r.Problems)
		case good && r.Class == "":
			t.Errorf("%s: no class for %s, %s", name, r.Category, r.Type)
		case !good && (len(r.Problems) == 0) != (lenient[name] != ""):
			t.Errorf("%s: nothing is wrong with it (or something, and the table says otherwise: %v)", name, r.Problems)
		}
	}
	for _, words := range classes {
		if !rsit.Known(words) {
			t.Errorf("class %s does not exist", words)
		}
	}
}

// The reports among the sample mails are found, and nothing is found in mails of people.
func TestMailSamples(t *testing.T) {
	t.Parallel()
	formats := map[string]Format{
		"abuse-mail/notifiers/feedback-loop/": ARF, "abuse-mail/notifiers/spamexperts/": ARF, "dmarc/failure/": ARF,
		"abuse-mail/notifiers/netcraft/": XARF0, "abuse-mail/notifiers/cleanmx/": XARF0,
	}
	tables := 0
	for _, kind := range []string{"abuse-mail", "dmarc", "mime"} {
		dir := samples(t, kind)
		var facts map[string]struct {
			Type string `json:"content_type"`
		}
		if err := json.Unmarshal(read(t, filepath.Join(dir, "facts.json")), &facts); err != nil {
			t.Fatal(err)
		}
		for name, fact := range facts {
			if fact.Type == "" {
				continue
			}
			var want Format
			for prefix, f := range formats {
				if strings.HasPrefix(kind+"/"+name, prefix) {
					want = f
				}
			}
			got := In(mail.Parse(read(t, filepath.Join(dir, filepath.FromSlash(name)))))
			tables += len(got.Tables)
			switch {
			case want == "" && len(got.Reports) > 0:
				t.Errorf("%s/%s: %+v", kind, name, got.Reports[0])
			case want != "" && (len(got.Reports) != 1 || got.Reports[0].Format != want):
				t.Errorf("%s/%s: %d reports", kind, name, len(got.Reports))
			case want != "":
				r := got.Reports[0]
				if len(r.Problems) > 0 || r.Class == "" || r.Reporter.Email == "" || len(r.Sources) != 1 || r.At.IsZero() || r.Original == nil && want == ARF {
					t.Errorf("%s/%s: %+v", kind, name, r)
				}
			}
		}
	}
	if tables < 12 {
		t.Errorf("%d tables", tables)
	}
}
