package mail

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func crlf(lines ...string) []byte { return []byte(strings.Join(lines, "\r\n")) }

// TestAmbiguousMailIsFoundByOneReading is rule M3: whatever two programs may read differently is told, and each part is in one of the readings.
func TestAmbiguousMailIsFoundByOneReading(t *testing.T) {
	for name, c := range map[string]struct {
		raw  []byte
		kind Kind
		find []string // texts that some reading must show
	}{
		"two From": {crlf("From: a@x.example", "From: b@y.example", "Subject: s", "", "alpha"), RepeatedField, []string{"alpha"}},
		"two Content-Type": {crlf("Content-Type: multipart/mixed; boundary=a", "Content-Type: multipart/mixed; boundary=b", "",
			"--a", "", "alpha", "--a--", "--b", "", "beta", "--b--", ""), RepeatedField, []string{"alpha", "beta"}},
		"two boundary": {crlf("Content-Type: multipart/mixed; boundary=a; boundary=b", "",
			"--a", "", "alpha", "--a--", "--b", "", "beta", "--b--", ""), RepeatedParameter, []string{"alpha", "beta"}},
		"two encodings": {crlf("Content-Transfer-Encoding: 7bit", "Content-Transfer-Encoding: base64", "",
			base64.StdEncoding.EncodeToString([]byte("alpha"))), RepeatedField, []string{"alpha", "YWxwaGE="}},
		"two file names": {crlf("Content-Type: multipart/mixed; boundary=a", "", "--a", "Content-Type: application/zip; name=beta.zip",
			"Content-Disposition: attachment; filename=alpha.txt", "", "x", "--a--"), RepeatedParameter, []string{"alpha.txt", "beta.zip"}},
		"junk in base64":      {crlf("Content-Transfer-Encoding: base64", "", "YWx!!wa", "GE="), JunkInBase64, []string{"alpha"}},
		"data behind padding": {crlf("Content-Transfer-Encoding: base64", "", "YWxwaGE=", "YmV0YQ=="), JunkInBase64, []string{"alphabeta"}},
		"parts after the close": {crlf("Content-Type: multipart/mixed; boundary=a", "", "--a", "", "alpha", "--a--", "--a", "", "beta",
			"--a--"), AfterClose, []string{"alpha", "beta"}},
		"unknown charset":    {crlf("Content-Type: text/plain; charset=x-klingon", "", "alpha \xff"), UnknownCharset, []string{"alpha"}},
		"wrong charset":      {crlf("Content-Type: text/plain; charset=utf-8", "", "alpha \xff"), WrongCharset, []string{"alpha"}},
		"unknown encoding":   {crlf("Content-Transfer-Encoding: x-rot13", "", "nycun"), UnknownEncoding, []string{"nycun"}},
		"bare line feed":     {[]byte("From: a@x.example\n\nalpha\n"), OddLineEnds, []string{"alpha"}},
		"bare CR":            {crlf("From: a@x.example", "", "al\rpha"), OddLineEnds, []string{"al␍pha"}},
		"NUL":                {crlf("From: a@x.example", "", "al\x00pha"), NUL, []string{"al␀pha"}},
		"no boundary":        {crlf("Content-Type: multipart/mixed", "", "--a", "", "alpha", "--a--"), NoBoundary, []string{"alpha"}},
		"no close":           {crlf("Content-Type: multipart/mixed; boundary=a", "", "--a", "", "alpha"), NoClose, []string{"alpha"}},
		"blank before colon": {crlf("Subject : s", "", "alpha"), SpaceInName, []string{"alpha"}},
		"no empty line":      {crlf("From: a@x.example", "alpha and more"), BrokenHeader, []string{"alpha and more"}},
		"no heads":           {crlf("", "alpha"), MissingField, []string{"alpha"}},
		"text behind":        {crlf("Content-Type: multipart/mixed; boundary=a", "", "--a", "", "alpha", "--a--", "beta"), TextAround, []string{"alpha", "beta"}},
	} {
		m := Parse(c.raw)
		if !m.Odd(c.kind) {
			t.Errorf("%s: no %s among %v", name, c.kind, m.Oddities)
		}
		var all strings.Builder
		for _, r := range m.Readings() {
			nothingLost(t, name, r)
			for _, p := range r.Parts {
				s, _ := p.Text()
				all.WriteString(s + "\n" + p.Filename + "\n" + string(p.Epilogue) + "\n")
			}
		}
		for _, want := range c.find {
			if !strings.Contains(all.String(), want) {
				t.Errorf("%s: no reading shows %q", name, want)
			}
		}
	}
}

// TestSenderIsOneStrictFromOrNobody is rule M4.
func TestSenderIsOneStrictFromOrNobody(t *testing.T) {
	for head, want := range map[string]string{
		"From: Ana <ana@bank.example>":                               "ana@bank.example",
		"From: \"ceo@bank.example\" <eve@evil.example>":              "eve@evil.example",
		"From: ana@bank.example, eve@evil.example":                   "",
		"From: ana@bank.example\r\nFrom: eve@evil.example":           "",
		"From: ana@bank.example\r\nfrom : eve@evil.example":          "",
		"From: ana@bank.example <eve@evil.example>":                  "",
		"From: <ana@bank.example> <eve@evil.example>":                "",
		"From: undisclosed:;":                                        "",
		"From:":                                                      "",
		"Sender: ana@bank.example\r\nReply-To: ana@bank.example":     "",
		"From: =?utf-8?q?ana=40bank.example=2C?= <eve@evil.example>": "eve@evil.example",
		"From: =?utf-8?q?ana=40bank.example?=":                       "",
		"From: ana@bank.example\x00@evil.example":                    "",
		"From: (ana@bank.example) eve@evil.example (comment":         "",
		"From: Ana\r\n <ana@bank.example>":                           "ana@bank.example",
		"From: group: ana@bank.example, eve@evil.example;":           "",
		"X: 1\r\nFrom: ana@bank.example\r\nFROM: ana@bank.example":   "",
	} {
		got, ok := Parse([]byte(head + "\r\n\r\nx")).Sender()
		if ok != (want != "") || got.Addr != want {
			t.Errorf("%q gave %q, %v", head, got.Addr, ok)
		}
	}
}

// TestHeaderTextIsDecodedOnceAndSafe is rule M11.
func TestHeaderTextIsDecodedOnceAndSafe(t *testing.T) {
	for raw, want := range map[string]string{
		"=?utf-8?q?caf=C3=A9?=":                 "café",
		"=?utf-8?b?w6k=?= =?utf-8?b?w6k=?=":     "éé",
		"=?utf-8?q?a=C3?= =?utf-8?q?=A9b?=":     "aéb",
		"=?iso-2022-jp?b?GyRCJUYlOSVIGyhC?=":    "テスト",
		"=?utf-8?q?=3D=3Futf-8=3Fq=3Fx=3F=3D?=": "=?utf-8?q?x?=",
		"a =?utf-8?q?b?= c":                     "a b c",
		"=?utf-8?q?one=0D=0ABcc:_x@y?=":         "one␍␊Bcc: x@y",
		"safe \u202egpj.exe":                    "safe [U+202E]gpj.exe",
		"=?utf-8?q?zero=E2=80=8Bwidth?=":        "zero[U+200B]width",
		"na\xefve":                              "naïve",
		"=?x-none?q?abc?=":                      "abc",
		"=?utf-8?q?broken":                      "=?utf-8?q?broken",
		"folded\r\n\tsubject":                   "folded subject",
		"\x1b[31mred":                           "␛[31mred",
	} {
		m := Parse([]byte("Subject: " + raw + "\r\n\r\n"))
		if got := m.Subject(); got != want {
			t.Errorf("%q gave %q, not %q", raw, got, want)
		}
	}
	m := Parse(crlf("Content-Disposition: attachment; filename*0*=utf-8''%e2%82%ac; filename*1=\" rates\"; filename*2=.txt", "", "x"))
	if m.Root.Filename != "€ rates.txt" {
		t.Errorf("file name %q", m.Root.Filename)
	}
}

// TestSignedSpanIsExact shows that the bytes under a signature come out unchanged, with the line end before the boundary left out (RFC 2046, 3156).
func TestSignedSpanIsExact(t *testing.T) {
	signed := "Content-Type: text/plain\r\n\r\ntrailing blanks  \r\n\r\n"
	raw := []byte("From: a@x.example\r\nContent-Type: multipart/signed; boundary=\"=_s\"; protocol=\"application/pgp-signature\"\r\n\r\npreamble\r\n--=_s\r\n" +
		signed + "\r\n--=_s\r\nContent-Type: application/pgp-signature\r\n\r\nsig\r\n--=_s--\r\n")
	m := Parse(raw)
	p := m.Root.Parts[0]
	if got := string(p.RawEntity()); got != signed {
		t.Fatalf("the signed bytes are %q", got)
	}
	if !bytes.Equal(raw[p.Start:p.End], p.RawEntity()) || p.Within != nil {
		t.Fatal("offsets do not count in the raw message")
	}
	if b := m.Body(); strings.TrimSpace(b.Text) != "trailing blanks" || b.HTML {
		t.Fatalf("body %+v", b)
	}
	if a := m.Attachments(); len(a) != 1 || a[0].Type != "application/pgp-signature" {
		t.Fatalf("attachments %v", a)
	}
	inner := base64.StdEncoding.EncodeToString(raw)
	m = Parse([]byte("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n" + inner))
	if p := m.Parts[2]; p.Within != m.Root || string(p.Within.Bytes[p.Start:p.End]) != signed {
		t.Fatal("the span inside an encoded message is lost")
	}
}

func TestLimitsLeaveAMarkedLeaf(t *testing.T) {
	var deep, wide strings.Builder
	for i := range 200 {
		fmt.Fprintf(&deep, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	deep.WriteString("\r\nbottom")
	m := Parse([]byte(deep.String()))
	nothingLost(t, "deep", m)
	if !m.Odd(TooDeep) || len(m.Parts) != MaxDepth+1 || !bytes.Contains(m.Parts[MaxDepth].RawBody(), []byte("bottom")) {
		t.Fatalf("%d parts, %v", len(m.Parts), m.Oddities)
	}
	wide.WriteString("Content-Type: multipart/mixed; boundary=b\r\n\r\n")
	for range 5000 {
		wide.WriteString("--b\r\n\r\nx\r\n")
	}
	wide.WriteString("last\r\n--b--")
	m = Parse([]byte(wide.String()))
	nothingLost(t, "wide", m)
	if !m.Odd(TooMany) || len(m.Parts) != MaxParts || !bytes.Contains(m.Root.Epilogue, []byte("last")) {
		t.Fatalf("%d parts, %v", len(m.Parts), m.Oddities)
	}
	start := time.Now()
	for _, raw := range []string{
		"Subject: " + strings.Repeat("=?utf-8?q?", 100_000),
		"From: " + strings.Repeat("<", 200_000),
		"From: " + strings.Repeat("a@x.example,", 5_000),
		"Content-Type: text/plain" + strings.Repeat(";a=b", 100_000),
		"Content-Type: text/html\r\n\r\n" + strings.Repeat("<div><a href=x>", 100_000),
		"Content-Type: text/plain; a=" + strings.Repeat("(", 200_000),
		strings.Repeat("A: b\r\n", 50_000),
	} {
		nothingLost(t, "long", Parse([]byte(raw)))
	}
	if d := time.Since(start); d > 20*time.Second {
		t.Fatalf("long heads took %v", d)
	}
}

// TestHTMLBecomesText is the first half of rule M10: text first, nothing fetched, nothing run.
func TestHTMLBecomesText(t *testing.T) {
	got := TextOf(`<html><head><title>T</title><style>p{x}</style></head><body><h1>Alert</h1><p>Sign in at <a href="https://evil.example/x">your
		bank</a> now.</p><script>steal()</script><ul><li>one<li>two</ul><img src="https://t.example/p.gif" alt="logo"><pre>a  b
c</pre><a href="https://same.example">https://same.example</a> &lt;b&gt;</body></html>`)
	want := "Alert\n\nSign in at your bank <https://evil.example/x> now.\n\n- one\n- two\n\n[logo]\n\na  b\nc\n\nhttps://same.example <b>\n"
	if got != want {
		t.Fatalf("got %q\nwant %q", got, want)
	}
}

func TestFlowedLinesAreJoined(t *testing.T) {
	m := Parse(crlf("Content-Type: text/plain; format=flowed", "", "This goes ", "on.", "> quoted ", "> more", ">> deeper", " From here", "-- ", "Ana", ""))
	want := "This goes on.\n> quoted more\n>> deeper\nFrom here\n-- \nAna\n"
	if got := m.Body().Text; got != want {
		t.Fatalf("got %q", got)
	}
}

// TestAutomaticMailIsKnown is the reading half of rule M9.
func TestAutomaticMailIsKnown(t *testing.T) {
	for head, want := range map[string][]string{
		"Auto-Submitted: auto-replied":                         {AutoSubmitted},
		"Auto-Submitted: no":                                   nil,
		"Auto-Submitted: no (really); x=1":                     nil,
		"Auto-Submitted: No\r\nAuto-Submitted: auto-generated": {AutoSubmitted},
		"Precedence: bulk":                                     {BulkMail},
		"List-Id: <a.b.example>":                               {ListMail},
		"Return-Path: <>":                                      {NullSender},
		"From: MAILER-DAEMON@x.example":                        {DaemonSender},
		"From: no-reply@x.example":                             {DaemonSender},
		"X-Auto-Response-Suppress: All":                        {NoReplyWanted},
		"Content-Type: multipart/report; report-type=delivery-status; boundary=x": {ReportMail},
		"From: ana@bank.example": nil,
	} {
		if got := Parse([]byte(head + "\r\n\r\n")).Automatic(); !slices.Equal(got, want) {
			t.Errorf("%q gave %v", head, got)
		}
	}
	m := Parse(crlf("Content-Type: multipart/report; boundary=b", "", "--b", "", "sorry", "--b", "Content-Type: message/delivery-status", "",
		"Reporting-MTA: dns; x", "", "Final-Recipient: rfc822; a@x.example", "Status: 5.1.1", "", "--b", "Content-Type: message/rfc822", "",
		"Message-ID: <1@x>", "", "body", "--b--"))
	r, ok := m.Report()
	if !ok || r.Kind != Delivery || len(r.Groups) != 2 || r.Groups[1].Get("Status") != "5.1.1" || r.Original.Parts[0].Header.Get("Message-ID") != "<1@x>" {
		t.Fatalf("report %+v", r)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(crlf("From: a@x.example", "Content-Type: multipart/mixed; boundary=a", "", "--a", "Content-Transfer-Encoding: base64", "", "YQ==", "--a",
		"Content-Type: message/rfc822", "", "Subject: =?utf-8?q?x?=", "Content-Type: text/html", "", "<a href=x>y</a>", "--a--"))
	f.Add(crlf("Content-Type: multipart/report; boundary=\"b\"", "", "--b", "Content-Type: message/delivery-status", "", "A: b", "", "C: d", "--b--"))
	f.Add(crlf("Content-Type: text/plain; format=flowed; delsp=yes; charset=utf-16", "Content-Transfer-Encoding: quoted-printable", "", "a =\r\n=00"))
	f.Add(crlf("Content-Disposition: attachment; filename*0*=utf-8''%e2; filename*1=x", "", ""))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := Parse(raw)
		nothingLost(t, "fuzz", m)
		for _, p := range m.Parts {
			s, _ := p.Text()
			if strings.ContainsAny(s+p.Filename, "\x00\r") {
				t.Fatal("control characters in text")
			}
			for _, f := range p.Header {
				if strings.ContainsAny(f.Value, "\r\n\x00") {
					t.Fatalf("control characters in the value of a field")
				}
			}
		}
		m.From()
		m.Date()
		m.References()
		m.Report()
	})
}

// What is typed into a form is shown without a character that hides or turns, once and for good.
func FuzzFormText(f *testing.F) {
	for _, s := range []string{"a\r\nb", "\u202egnp.exe", "a\x00\r\rb\xff", "\u2066x\u2069\u200e", "[U+202E]", "e\u0301 \u0627\u200d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text, line := FormText(s), Visible(s)
		if strings.ContainsAny(text, "\x00\r\u202e\u2066\u2028") || strings.ContainsAny(line, "\x00\r\n\t\u202e\u2066\u200e") || !utf8.ValidString(text) || !utf8.ValidString(line) {
			t.Fatalf("%q is shown as %q and %q", s, text, line)
		}
		if FormText(text) != text || Visible(line) != line {
			t.Fatalf("%q changes when it is shown again", s)
		}
	})
}

// No address in a stranger's words becomes a link, in whatever case it is written.
func TestAddressesAreNoLinks(t *testing.T) {
	for in, want := range map[string]string{
		"see http://a.example": "see hxxp://a.example", "HtTpS://a.example": "HxxpS://a.example", "(HTTP://a)": "(HxxP://a)", "FTP://a sftp://b": "FxP://a sfxp://b",
		"Www.a.example, awww. x": "Www[.]a.example, awww. x", "words": "words",
	} {
		if got := NoLinks(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}
