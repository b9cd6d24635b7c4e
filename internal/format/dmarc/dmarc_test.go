package dmarc

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

func samples(t testing.TB) string {
	t.Helper()
	root := os.Getenv("TOCSIN_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "..", "..", "shared")
	}
	dir := filepath.Join(root, "data", "samples", "dmarc")
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("TOCSIN_REQUIRE_ALL") == "1" {
			t.Fatalf("the samples are missing: %v", err)
		}
		t.Skipf("NOT RUN: the samples are missing; set TOCSIN_SHARED to their folder: %v", err)
	}
	return dir
}

// Each sample gives the sums that the facts give; what is not well formed is no report, and a person looks.
func TestSamples(t *testing.T) {
	t.Parallel()
	dir := samples(t)
	raw, err := os.ReadFile(filepath.Join(dir, "facts.json"))
	if err != nil {
		t.Fatal(err)
	}
	var facts map[string]struct {
		Domain       string  `json:"domain"`
		Messages     int64   `json:"messages"`
		Org          string  `json:"org"`
		Organization string  `json:"organization"`
		Records      int     `json:"records"`
		Policies     int     `json:"policies"`
		ID           string  `json:"report_id"`
		Broken       *string `json:"not_well_formed"`
		Type         string  `json:"content_type"`
	}
	if err := json.Unmarshal(raw, &facts); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for name, want := range facts {
		raw, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		if want.Type != "" { // a mail: one of its parts is the report, or none
			if !strings.HasPrefix(name, "aggregate/") && !strings.HasPrefix(name, "smtp_tls/") {
				continue
			}
			found := 0
			for _, p := range mail.Parse(raw).Parts {
				if s, err := Read(p.Bytes); err == nil && s.Domain != "" {
					found++
				}
			}
			if found != 1 {
				t.Errorf("%s: %d reports", name, found)
			}
			seen++
			continue
		}
		got, err := Read(raw)
		if want.Broken != nil {
			if err == nil {
				t.Errorf("%s: read, and the facts say %s", name, *want.Broken)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		seen++
		if want.Organization != "" {
			want.Org, want.Records = want.Organization, want.Policies
		}
		if want.Domain != "" && got.Domain != want.Domain || got.Org != want.Org || got.Records != want.Records || want.ID != "" && (got.ID != want.ID || got.Messages != want.Messages) {
			t.Errorf("%s: %+v\nwant %+v", name, got, want)
		}
	}
	if seen < 10 {
		t.Errorf("%d samples were read", seen)
	}
}

const small = `<?xml version="1.0"?><feedback><report_metadata><org_name>o</org_name><report_id>1</report_id><date_range><begin>1536853302</begin><end>1536939702.5</end></date_range></report_metadata>
<policy_published><domain>Bank.Example</domain><p>reject</p></policy_published>
<record><row><source_ip>192.0.2.1</source_ip><count>7</count><policy_evaluated><dkim>fail</dkim><spf>fail</spf></policy_evaluated></row></record>
<record><row><source_ip>::ffff:192.0.2.1</source_ip><count>2</count><policy_evaluated><dkim>fail</dkim><spf>fail</spf></policy_evaluated></row></record>
<record><row><source_ip>192.0.2.9</source_ip><count>5</count><policy_evaluated><dkim>pass</dkim><spf>fail</spf></policy_evaluated></row></record></feedback>`

// What failed is counted by the address that sent it.
func TestWhatFailed(t *testing.T) {
	t.Parallel()
	s, err := Read([]byte(small))
	if err != nil || s.Messages != 14 || s.Failed != 9 || len(s.Sources) != 1 || s.Sources[0].Count != 9 || s.Domain != "bank.example" || s.Policy != "reject" || s.To.Unix() != 1536939702 {
		t.Errorf("%+v, %v", s, err)
	}
}

// Archives that grow, hold more than one file, or hold themselves are no reports; entities are not expanded.
func TestHostile(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	g := gzip.NewWriter(&bomb)
	chunk := bytes.Repeat([]byte(" "), 1<<20)
	for range 64 {
		_, _ = g.Write(chunk)
	}
	_ = g.Close()
	var two bytes.Buffer
	z := zip.NewWriter(&two)
	for _, n := range []string{"a.xml", "b.xml"} {
		w, _ := z.Create(n)
		_, _ = w.Write([]byte(small))
	}
	_ = z.Close()
	for name, raw := range map[string][]byte{
		"a bomb": bomb.Bytes(), "two files": two.Bytes(), "nothing": nil, "words": []byte("hello"), "another XML": []byte("<html><body/></html>"),
		"entities": []byte(`<!DOCTYPE f [<!ENTITY a "aaaa">]><feedback><policy_published><domain>&a;</domain></policy_published></feedback>`),
		"cut":      []byte(small[:len(small)-30]), "no record": []byte(`<feedback><policy_published><domain>a.example</domain></policy_published></feedback>`),
		"less than none": []byte(`{"organization-name":"o","policies":[{"policy":{"policy-domain":"a.example"},"summary":{"total-failure-session-count":-1}}]}`),
		"more than all":  []byte(`{"organization-name":"o","policies":[{"policy":{"policy-domain":"a.example"},"summary":{"total-successful-session-count":9223372036854775807}}]}`),
		"other JSON":     []byte(`{"policies":[]}`), "deep": []byte(strings.Repeat("<feedback>", 100_000)),
	} {
		if s, err := Read(raw); err == nil {
			t.Errorf("%s is read as %+v", name, s)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte(`{"organization-name":"o","policies":[{"policy":{"policy-domain":"a.example"}}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Read(b)
		if err == nil && (s.Domain == "" || len(s.Sources) > maxSources) {
			t.Errorf("%+v", s)
		}
	})
}
