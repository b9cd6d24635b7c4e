package abuse

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

func mixed(parts ...string) *mail.Message {
	var b strings.Builder
	b.WriteString("From: Reporter <r@other.example>\nDate: Mon, 02 Nov 2026 10:00:00 +0000\nMessage-ID: <1@other.example>\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n")
	for _, p := range parts {
		b.WriteString("--b\n" + p + "\n")
	}
	return mail.Parse([]byte(b.String() + "--b--\n"))
}

// What a report says of its source, in the ways in which programs write one.
func TestSources(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"192.0.2.1": "192.0.2.1||0|", "[2001:db8::1]": "2001:db8::1||0|", "192.0.2.1:443": "192.0.2.1||443|", "::ffff:192.0.2.1": "192.0.2.1||0|",
		"Bad.Example.": "|bad.example|0|", "bad.example/login": "|bad.example|0|bad.example/login", "https://Bad.Example:8443/x?y": "|bad.example|8443|https://Bad.Example:8443/x?y",
		"http://192.0.2.7/a": "192.0.2.7||0|http://192.0.2.7/a", "spammer@bad.example": "|bad.example|0|", "fe80::1%eth0": "fe80::1||0|",
		"not a source": "||0|", "": "||0|", "-.example": "||0|",
	} {
		s := sourceOf(text)
		addr := ""
		if s.Addr.IsValid() {
			addr = s.Addr.String()
		}
		if got := fmt.Sprintf("%s|%s|%d|%s", addr, s.Domain, s.Port, s.URL); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// A list of reports in one file, several files, and one report a line are many events; a bomb of them is cut.
func TestManyEvents(t *testing.T) {
	t.Parallel()
	one := func(n int) string {
		return fmt.Sprintf(`{"xarf_version":"4.2.0","report_id":"1a5ec293-0849-40a4-9eba-d5926262ff05","timestamp":"2026-11-01T10:00:00Z","reporter":{"org":"o","contact":"c@o.example","domain":"o.example"},"sender":{"org":"o","contact":"c@o.example","domain":"o.example"},"source_identifier":"192.0.2.%d","source_port":22,"category":"connection","type":"login_attack","protocol":"tcp"}`, n)
	}
	const kind = "Content-Type: application/json; name=xarf.json\n\n"
	for name, m := range map[string]*mail.Message{
		"a list": mixed(kind + "[" + one(1) + "," + one(2) + "]"), "two files": mixed(kind+one(1), kind+one(2)), "lines": mixed(kind + one(1) + "\n" + one(2)),
		"under a name": mixed(kind + `{"reports":[` + one(1) + "," + one(2) + "]}"), "as text": mixed("Content-Type: text/plain\n\nHello", "Content-Type: text/plain\n\n"+one(1), "Content-Type: application/xarf+json\n\n"+one(2)),
	} {
		f := In(m)
		if len(f.Reports) != 2 || f.Reports[1].Sources[0].Text != "192.0.2.2" || f.Reports[0].Class != "intrusion-attempts:brute-force" || f.Reports[0].Sources[0].Port != 22 || len(f.Reports[0].Problems) != 0 {
			t.Errorf("%s: %+v", name, f.Reports)
		}
	}
	if f := In(mixed(kind + "[" + strings.Repeat(one(1)+",", 999) + one(2) + "]")); len(f.Reports) != MaxReports || !f.Cut {
		t.Errorf("%d reports, cut %v", len(f.Reports), f.Cut)
	}
	if f := In(mixed("Content-Type: text/plain\n\nour config has xarf_version in it: {", kind+`{"name":"x"}`)); len(f.Reports) != 0 {
		t.Errorf("%+v", f.Reports)
	}
	// A report within a mail that is only forwarded is not this mail's word.
	if f := In(mixed("Content-Type: text/plain\n\nlook", "Content-Type: message/rfc822\n\nContent-Type: application/json\n\n"+one(1))); len(f.Reports) != 0 {
		t.Errorf("%+v", f.Reports)
	}
}

// ARF as the standard has it: one source, a port, how many, the first of what may stand once; what breaks it is told.
func TestFeedback(t *testing.T) {
	t.Parallel()
	arf := func(fields string) *mail.Message {
		return mail.Parse([]byte("From: fbl@isp.example\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\n\nwords\n--b\nContent-Type: message/feedback-report\n\n" + fields +
			"\n\n--b\nContent-Type: text/rfc822-headers\n\nFrom: x@y.example\nSubject: Buy\n\n--b--\n"))
	}
	r := In(arf("Feedback-Type: fraud\nVersion: 1\nUser-Agent: x\nSource-IP: 2001:db8::9\nSource-Port: 4711\nIncidents: 12\nArrival-Date: Thu, 8 Mar 2005 14:00:00 EDT\nReported-Domain: isp.example\nReported-URI: http://bad.example/x")).Reports[0]
	if r.Class != "fraud:phishing" || len(r.Sources) != 2 || r.Sources[0].Port != 4711 || r.Sources[1].Domain != "bad.example" || r.Count != 12 || !r.At.Equal(time.Date(2005, 3, 8, 18, 0, 0, 0, time.UTC)) || !strings.Contains(string(r.Original), "Subject: Buy") || len(r.Problems) != 0 {
		t.Errorf("%+v", r)
	}
	for fields, want := range map[string]Problem{
		"Feedback-Type: abuse\nVersion: 1\nSource-IP: 999.1.1.1\nArrival-Date: 2026-01-01": BadSource, "Version: 1\nSource-IP: 192.0.2.1\nArrival-Date: 2026-01-01": NoType,
		"Feedback-Type: abuse\nVersion: 1\nArrival-Date: 2026-01-01": NoSource, "Feedback-Type: abuse\nVersion: 7\nSource-IP: 192.0.2.1\nArrival-Date: 2026-01-01": BadVersion,
		"Feedback-Type: abuse\nVersion: 1\nSource-IP: 192.0.2.1\nSource-IP: 192.0.2.2\nArrival-Date: 2026-01-01": RepeatedName,
		"Feedback-Type: abuse\nVersion: 1\nSource-IP: 192.0.2.1":                                                 NoTime, "Feedback-Type: sing\nVersion: 1\nSource-IP: 192.0.2.1\nArrival-Date: 2026-01-01": UnknownType,
	} {
		if r := In(arf(fields)).Reports; len(r) != 1 || !slices.Contains(r[0].Problems, want) || len(r[0].Sources) > 1 {
			t.Errorf("%q: %+v, want %s", fields, r, want)
		}
	}
}

// A table is told by its columns, its rows and the addresses that it names, also from inside a zip; a bomb ends.
func TestTables(t *testing.T) {
	t.Parallel()
	const rows = "\xef\xbb\xbf\"timestamp\",\"ip\",\"port\"\r\n\"2026-11-01 10:00:00\",\"192.0.2.1\",\"53\"\r\n\"2026-11-02 11:00:00\",\"192.0.2.2\",\"53\"\r\n\"2026-10-31 11:00:00\",\"192.0.2.1\",\"53\"\r\n"
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, _ := z.Create("../list.csv")
	_, _ = w.Write([]byte(rows))
	w, _ = z.Create("huge.csv")
	_, _ = w.Write(bytes.Repeat([]byte("a,b\n"), 1<<20))
	_ = z.Close()
	f := In(mixed("Content-Type: text/csv; name=\"a.csv\"\n\n"+strings.ReplaceAll(rows, ",", ";"), "Content-Type: application/zip; name=list.zip\nContent-Transfer-Encoding: base64\n\n"+base64.StdEncoding.EncodeToString(b.Bytes())))
	if len(f.Tables) != 3 {
		t.Fatalf("%d tables", len(f.Tables))
	}
	for _, x := range f.Tables[:2] {
		if x.Rows != 3 || len(x.Columns) != 3 || len(x.Sources) != 2 || x.SourceCol != "ip" || x.From.Day() != 31 || x.To.Day() != 2 {
			t.Errorf("%+v", x)
		}
	}
	if f.Tables[1].Name != "list.zip/../list.csv" || f.Tables[2].Rows != 1<<20-1 && !f.Tables[2].Cut {
		t.Errorf("%q, %d rows", f.Tables[1].Name, f.Tables[2].Rows)
	}
}

func FuzzIn(f *testing.F) {
	f.Add([]byte("X-XARF: PLAIN\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nwords\n--b\nContent-Type: text/plain\n\nReported-From: a@b\nCategory: fraud\nReport-Type: phishing\nSource: http://a.example\n--b--\n"))
	f.Add([]byte("Content-Type: application/json\n\n{\"xarf_version\":\"4.2.0\",\"evidence\":[{\"payload\":\"AA\"}]}"))
	f.Add([]byte("Content-Type: application/json\n\n{\"ReporterInfo\":{},\"Report\":{\"Samples\":[{}],\"Custom\":{\"a\":[]}}}"))
	f.Add([]byte("Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nSource-IP: 192.0.2.1\n"))
	f.Add([]byte("Content-Type: text/csv\n\nip,time\n192.0.2.1,2026-01-01\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got := In(mail.Parse(b))
		if len(got.Reports) > MaxReports || len(got.Tables) > MaxTables {
			t.Errorf("%d reports, %d tables", len(got.Reports), len(got.Tables))
		}
		for _, r := range got.Reports {
			if len(r.Evidence) > MaxEvidence || len(r.Sources) > 100 {
				t.Errorf("%+v", r)
			}
		}
	})
}

// Many archives in one mail give no more than one may.
func TestManyArchives(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, _ := z.Create("huge.bin")
	_, _ = w.Write(make([]byte, maxTable/4))
	_ = z.Close()
	one := "Content-Type: application/zip; name=list.zip\nContent-Transfer-Encoding: base64\n\n" + base64.StdEncoding.EncodeToString(b.Bytes())
	f := In(mixed(slices.Repeat([]string{one}, 300)...))
	if !f.Cut || f.unpacked > maxTable {
		t.Errorf("%d bytes came out, cut %v", f.unpacked, f.Cut)
	}
	b.Reset()
	z = zip.NewWriter(&b)
	w, _ = z.Create("list.csv")
	_, _ = w.Write([]byte("ip,time\n203.0.113.7,2026-01-02T03:04:05Z\n"))
	_ = z.Close()
	one = "Content-Type: application/zip; name=list.zip\nContent-Transfer-Encoding: base64\n\n" + base64.StdEncoding.EncodeToString(b.Bytes())
	f = In(mixed(slices.Repeat([]string{one}, 300)...))
	if !f.Cut || len(f.Tables) != MaxTables || f.archives != 300 || f.unpacked > 20*int64(b.Len()) {
		t.Errorf("%d tables of %d archives, %d bytes, cut %v", len(f.Tables), f.archives, f.unpacked, f.Cut)
	}
}
