package mail

import (
	"encoding/base64"
	"strings"
	"testing"
)

// Mails that programs and roads have damaged, each small: what a person wrote, and who, is read all the same, and the damage is told.
func TestDamagedMailIsRead(t *testing.T) {
	t.Parallel()
	const head = "From: Eva <eva@water.example>\nSubject: Attack\nDate: Mon, 02 Nov 2026 10:00:00 +0000\nMessage-ID: <1@water.example>\n"
	for name, c := range map[string]struct {
		raw  string
		text string
		odd  Kind
	}{
		"a line that is no field":       {"Received: from a by b;\nbroken Delivered-To here\n" + head + "\nwords\n", "words\n", BrokenHeader},
		"lines lost their blank":        {"Received: from a\nby b (Mail)\nfor <report@cert.example>; now\n" + head + "Content-Transfer-Encoding: base64\n\nd29yZHM=\n", "words", BrokenHeader},
		"a blank before the first":      {" " + head + "\nwords\n", "words\n", BrokenHeader},
		"line ends of an old Macintosh": {strings.ReplaceAll(head+"\nwords\n", "\n", "\r"), "words\n", OddLineEnds},
		"no empty line before the body": {head + "words of a person\nTo: whom: it concerns\n", "words of a person\nTo: whom: it concerns\n", BrokenHeader},
		"a forwarded head follows":      {head + "Look at this.\nFrom: other@else.example\nSubject: x\n\ny\n", "Look at this.\nFrom: other@else.example\nSubject: x\n\ny\n", BrokenHeader},
		"no boundary anywhere":          {head + "Content-Type: multipart/mixed; boundary=x\n\nwords\n", "words\n", NoBoundary},
		"a blank alternative":           {head + "Content-Type: multipart/alternative; boundary=x\n\n--x\n\n\n--x\nContent-Type: text/html\n\n<p>words\n--x--\n", "words\n", ""},
		"a picture before its text":     {head + "Content-Type: multipart/related; boundary=x\n\n--x\nContent-Type: image/png\n\nx\n--x\nContent-Type: text/html\n\n<p>words\n--x--\n", "words\n", ""},
		"a report that begins late":     {head + "Content-Type: multipart/report; boundary=x\n\n--x\nContent-Type: message/delivery-status\n\nAction: failed\n--x\n\nwords\n--x--\n", "words", ""},
		"another Japanese set":          {head + "Content-Type: text/plain; charset=ISO-2022-JP\n\n\xc6\xfc\xcb\xdc\n", "日本\n", WrongCharset},
		"and Shift JIS":                 {head + "Content-Type: text/plain; charset=ISO-2022-JP\n\n\x93\xfa\x96\x7b\n", "日本\n", WrongCharset},
	} {
		m := Parse([]byte(c.raw))
		nothingLost(t, name, m)
		from, ok := m.Sender()
		if !ok || from.Addr != "eva@water.example" || m.Subject() != "Attack" || m.MessageID() != "1@water.example" {
			t.Errorf("%s: %v, %q, %q", name, m.From(), m.Subject(), m.MessageID())
		}
		if got := m.Body().Text; got != c.text {
			t.Errorf("%s: %q, want %q", name, got, c.text)
		}
		if c.odd != "" && !m.Odd(c.odd) {
			t.Errorf("%s: %v", name, m.Oddities)
		}
	}
	// A winmail.dat under no name that says so; and fields between which lines stand that are none.
	w := newTNEF()
	w.attr(1, 0x0002800c, []byte("words\x00"))
	m := Parse([]byte(head + "Content-Type: application/octet-stream; name=ATT00001.dat\nContent-Transfer-Encoding: base64\n\n" + base64.StdEncoding.EncodeToString(w.Bytes()) + "\n"))
	if got := strings.TrimSpace(m.Body().Text); got != "words" {
		t.Errorf("a winmail.dat under another name: %q", got)
	}
	for raw, want := range map[string]int{"A: 1\n550 x\nB: 2\n\nC: 3\n": 2, "--\n\n--\nA: 1\n\n\n": 1, "\n\nx\n": 0, "x": 0, "A: 1\r\n\r\nx\r\nB: 2": 2} {
		if got := Fields([]byte(raw)); len(got) != want {
			t.Errorf("%q: %d blocks", raw, len(got))
		}
	}
	if got := Parse([]byte("From: MAILER-DAEMON (Mail)\nSubject: x\n\nx\n")).Automatic(); len(got) != 1 || got[0] != DaemonSender {
		t.Errorf("a daemon without a domain: %q", got)
	}
	// Junk costs what its bytes cost.
	m = Parse([]byte(head + strings.Repeat("x\n", 1<<20)))
	if len(m.Parts) != 1 || !m.Odd(BrokenHeader) {
		t.Errorf("%d parts", len(m.Parts))
	}
	Fields([]byte("A: b\n" + strings.Repeat("x\n", 1<<20)))
	Parse([]byte("A: b\n" + strings.Repeat(strings.Repeat("x\n", 1000)+"X-To: y\n", 300) + "From: a@b.example\n\nx"))
}
