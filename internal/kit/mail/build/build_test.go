package build

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	read "github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

func line(t testing.TB, s string) Line {
	t.Helper()
	l, err := NewLine(s)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func address(t testing.TB, name, addr string) Address {
	t.Helper()
	a, err := NewAddress(name, addr)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func letter(t testing.TB) Letter {
	t.Helper()
	id, err := NewID("cert.example")
	if err != nil {
		t.Fatal(err)
	}
	return Letter{
		From: address(t, "CERT Exemplária", "cert@cert.example"), To: address(t, "", "ana@bank.example"), Subject: line(t, "Réponse à votre signalement"),
		Date: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), ID: id, Text: "Olá Ana,\n\nFrom now on.\n.\n-- \nCERT\n",
	}
}

// TestHeaderValuesRefuseLineEnds is rule M11: what could end a line or deceive an eye cannot become a value.
func TestHeaderValuesRefuseLineEnds(t *testing.T) {
	for _, s := range []string{"a\nBcc: x@y.example", "a\rb", "a\r\nb", "a\x00b", "a\u2028b", "a\u202eb", "a\x1bb", "\xff", strings.Repeat("x", 70_000)} {
		if _, err := NewLine(s); !errs.Is(err, errs.Invalid) {
			t.Errorf("line %.20q was taken", s)
		}
		if _, err := NewAddress(s, "a@b.example"); !errs.Is(err, errs.Invalid) {
			t.Errorf("name %.20q was taken", s)
		}
	}
	for _, s := range []string{
		"", "a", "a@", "@b", "a@b@c.example", "a b@c.example", "a@b.example\r\nBcc: x", "a@b.example>", "<a@b.example>", "a@[127.0.0.1]",
		"a@b.example,c@d.example", "a@b_c.example", "ä@b.example", "a@" + strings.Repeat("x", 300) + ".example", "a;b@c.example",
	} {
		if _, err := NewAddress("", s); !errs.Is(err, errs.Invalid) {
			t.Errorf("address %.30q was taken", s)
		}
	}
	for _, s := range []string{"", "a b", "a>\r\nX: y", "a\"b", "é@x"} {
		if _, err := ParseID(s); !errs.Is(err, errs.Invalid) {
			t.Errorf("id %q was taken", s)
		}
	}
	if a := address(t, "", "ana@bänk.example"); a.Addr() != "ana@xn--bnk-qla.example" {
		t.Errorf("international domain written %q", a.Addr())
	}
	l := letter(t)
	l.Attachments = []Attachment{{Type: "text/html; x=\"\r\nBcc: y\""}}
	l.Calendar = &Calendar{Method: "REQUEST\r\nX: y"}
	l.Language = "en\r\nX: y"
	if _, err := l.Bytes(); len(errs.Fields(err)) != 3 {
		t.Errorf("refusal %v", err)
	}
}

func TestLetterIsReadAsItWasWritten(t *testing.T) {
	l := letter(t)
	l.AutoSubmitted, l.Language = true, "pt"
	l.InReplyTo, _ = ParseID("1@x.example")
	for range 60 {
		l.References = append(l.References, l.ID)
	}
	l.Attachments = []Attachment{
		{Name: line(t, "relatório com um nome muito comprido que não cabe numa só linha – versão final (2).pdf"), Type: "application/pdf", Bytes: []byte{0, 1, 2, 255}},
		{Name: line(t, "a;b\"c\\d.txt"), Type: "text/plain", Bytes: []byte("x")},
		{Bytes: nil},
	}
	l.Calendar = &Calendar{Method: "REQUEST", Bytes: []byte("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n")}
	raw, err := l.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	sevenBit(t, raw)
	m := read.Parse(raw)
	if m.Odd() {
		t.Errorf("our own mail is odd: %v", m.Oddities)
	}
	same(t, l, m)
	if got := len(m.References()); got != 60 {
		t.Errorf("%d references", got)
	}
	if len(m.Automatic()) != 1 {
		t.Errorf("automatic: %v", m.Automatic())
	}
	att := m.Attachments()
	if len(att) != 4 || att[0].Type != "text/calendar" || att[0].Params["method"] != "REQUEST" {
		t.Fatalf("attachments %v", att)
	}
	for i, a := range l.Attachments {
		if att[i+1].Filename != a.Name.String() || !bytes.Equal(att[i+1].Bytes, a.Bytes) {
			t.Errorf("attachment %d is %q", i, att[i+1].Filename)
		}
	}
}

func same(t testing.TB, l Letter, m *read.Message) {
	t.Helper()
	from, ok := m.Sender()
	if !ok || from.Addr != l.From.Addr() || from.Name != l.From.Name() {
		t.Fatalf("from %+v, not %+v", from, l.From)
	}
	to, strict := m.Header().Addresses("To")
	if !strict || len(to) != 1 || to[0].Addr != l.To.Addr() || to[0].Name != l.To.Name() {
		t.Fatalf("to %+v", to)
	}
	if m.Subject() != l.Subject.String() {
		t.Fatalf("subject %q, not %q", m.Subject(), l.Subject)
	}
	if d, ok := m.Date(); !ok || !d.Equal(l.Date.Truncate(time.Second)) {
		t.Fatalf("date %v", d)
	}
	if m.MessageID() != l.ID.String() || m.InReplyTo() != l.InReplyTo.String() {
		t.Fatalf("ids %q %q", m.MessageID(), m.InReplyTo())
	}
	want := strings.ReplaceAll(strings.ReplaceAll(l.Text, "\r\n", "\n"), "\r", "\n")
	if !strings.HasSuffix(want, "\n") {
		want += "\n"
	}
	if got := m.Body().Text; got != read.VisibleText(strings.ReplaceAll(want, "\f", "\n")) {
		t.Fatalf("text %q, not %q", got, want)
	}
}

// sevenBit checks the bytes that go out: ASCII, CRLF alone, no line above 998 octets, header lines of a sensible length.
func sevenBit(t testing.TB, raw []byte) {
	t.Helper()
	for l := range bytes.SplitSeq(raw, []byte("\r\n")) {
		if len(l) > 998 {
			t.Fatalf("a line of %d octets", len(l))
		}
		for _, c := range l {
			if c >= 0x7f || c < 0x20 && c != '\t' {
				t.Fatalf("byte %#x in %q", c, l)
			}
		}
		if bytes.HasPrefix(l, []byte("From ")) || bytes.HasSuffix(l, []byte(" ")) {
			t.Fatalf("a relay may change %q", l)
		}
	}
}

// TestProtectedHeaderGoesInside is the framing half of rule P4: the entity holds the true header, the outside a neutral subject.
func TestProtectedHeaderGoesInside(t *testing.T) {
	l := letter(t)
	inner, err := l.Entity(Cipher, line(t, "..."))
	if err != nil {
		t.Fatal(err)
	}
	m := read.Parse(inner)
	if m.Subject() != l.Subject.String() || m.Root.Params["hp"] != "cipher" || m.Header().Has("MIME-Version") {
		t.Fatalf("inside: %q, %v", m.Subject(), m.Root.Params)
	}
	outer := m.Header().All("HP-Outer")
	found := false
	for _, f := range outer {
		found = found || f.Value == "Subject: ..."
	}
	if len(outer) != 5 || !found {
		t.Fatalf("HP-Outer: %v", outer)
	}
	raw, err := l.Around([]byte("Content-Type: multipart/encrypted; boundary=x\r\n\r\n--x--\r\n"), line(t, "..."))
	if err != nil {
		t.Fatal(err)
	}
	if m := read.Parse(raw); m.Subject() != "..." || m.Root.Type != "multipart/encrypted" || bytes.Contains(raw, []byte("signalement")) {
		t.Fatalf("outside: %s", raw)
	}
	clear, _ := l.Entity(Clear, Line{})
	if m := read.Parse(clear); m.Root.Params["hp"] != "clear" || m.Header().Has("HP-Outer") || m.Subject() != l.Subject.String() {
		t.Fatalf("signed: %s", clear)
	}
}

// TestTwoLettersShareNothing is rule A7 for what this package draws at random.
func TestTwoLettersShareNothing(t *testing.T) {
	l := letter(t)
	l.Attachments = []Attachment{{}}
	a, _ := l.Bytes()
	b, _ := l.Bytes()
	x, y := read.Parse(a).Root.Params["boundary"], read.Parse(b).Root.Params["boundary"]
	if first, second := letter(t).ID, letter(t).ID; x == y || first == second {
		t.Fatal("a boundary or an id came twice")
	}
}

// FuzzBuild is rule M11: parse(build(x)) = x.
func FuzzBuild(f *testing.F) {
	f.Add("Ana", "Subject: é =?utf-8?q?x?=", "From x\n.\n..\nlong \t\n=41", "a;b.txt", []byte{0, 255})
	f.Add("\"Ana\" <x>", strings.Repeat("é", 300), strings.Repeat("From ", 100), "ü\"\\", []byte(nil))
	f.Add("A,B", "a  b", "\r\r\n\n", "", []byte("\r\n--\r\n"))
	f.Fuzz(func(t *testing.T, name, subject, body, file string, data []byte) {
		l := letter(t)
		var err error
		if l.To, err = NewAddress(name, "ana@bank.example"); err != nil {
			return
		}
		if l.Subject, err = NewLine(subject); err != nil {
			return
		}
		n, err := NewLine(file)
		if err != nil || !utf8.ValidString(body) || strings.ContainsRune(body, 0) || strings.HasPrefix(body, "\ufeff") || len(file) > 500 {
			return
		}
		l.Text = body
		l.Attachments = []Attachment{{Name: n, Bytes: data}}
		raw, err := l.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		sevenBit(t, raw)
		m := read.Parse(raw)
		same(t, l, m)
		if a := m.Attachments(); len(a) != 1 || a[0].Filename != n.String() || !bytes.Equal(a[0].Bytes, data) {
			t.Fatalf("attachment %+v", a)
		}
	})
}
