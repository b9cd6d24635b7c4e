package mail

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
)

// Mails that are small and were made to be read for hours. Each of these found a reader that looked at the same bytes again and again: it ends, or the
// test never does.
func TestMailsThatWouldNeverBeRead(t *testing.T) {
	t.Parallel()
	alternatives := "From: a@b.example\r\n"
	for i := range MaxDepth - 2 {
		alternatives += fmt.Sprintf("Content-Type: multipart/alternative; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	if got := Parse([]byte(alternatives + "Content-Type: text/html\r\n\r\n<p>deep\r\n")).Body(); strings.TrimSpace(got.Text) != "deep" {
		t.Errorf("alternatives in alternatives read %q", got.Text)
	}
	// What seems to begin an encoded word, and never ends; and what ends far behind, under a letter that is none.
	for _, s := range []string{strings.Repeat("=?x?q? ", 1<<20), strings.Repeat("=?x?z? ", 1<<20) + "?="} {
		if got := Parse([]byte("From: a@b.example\r\nSubject: " + s + "\r\n\r\nx")); !got.Odd(BrokenWord) || len(got.Subject()) != len(strings.TrimSpace(s)) {
			t.Errorf("a broken word gives %d letters of %d", len(got.Subject()), len(s))
		}
	}
	if got := Parse([]byte("Subject: =?utf-8?q?caf=C3=A9?= =?utf-8?q?open\r\n\r\n")).Subject(); got != "café =?utf-8?q?open" {
		t.Errorf("a word that ends before one that does not: %q", got)
	}
	// Addresses by the hundred thousand, each of which would be looked up in its field.
	field := "From: " + strings.Repeat(`"=?" <a@b.example>,`, 3300) + "a@b.example\r\n"
	m := Parse([]byte(strings.Repeat(field, 400) + "\r\nx"))
	if _, ok := m.Sender(); ok || len(m.From()) > 60_000 {
		t.Errorf("%d senders", len(m.From()))
	}
}

// A winmail.dat in which each of many messages unpacks to megabytes, and one that has every boundary that could be drawn in it.
func TestWinmailThatGrows(t *testing.T) {
	t.Parallel()
	packed := make([]byte, 16)
	binary.LittleEndian.PutUint32(packed[4:], 500_000)
	binary.LittleEndian.PutUint32(packed[8:], 0x75465a4c)
	packed = append(packed, 0)
	packed = append(packed, `{\rtf1 a`...)
	for at := len(rtfStart) + 8; len(packed) < 70_000; { // each reference takes seventeen letters from before
		packed = append(packed, 0xff)
		for range 8 {
			from := (at - 17) & 4095
			packed = append(packed, byte(from>>4), byte(from<<4)|15)
			at += 17
		}
	}
	if rtf, _ := unpackRTF(packed, maxRTF); len(rtf) < 500_000 {
		t.Fatalf("it unpacks to %d", len(rtf))
	}
	inner := newTNEF()
	inner.attr(1, 0x00069003, props(prop{0x102, 0x1009, packed}))
	w := newTNEF()
	for range 90 {
		w.attr(2, 0x00069002, nil)
		w.attr(2, 0x00069005, props(prop{0x0d, 0x3701, append(make([]byte, 16), inner.Bytes()...)}))
	}
	r := &tnefReader{rtf: maxRTF, nested: tnefNested}
	got, ok := r.message(w.Bytes(), tnefDepth)
	if !ok || !got.cut || len(got.files) != 90 {
		t.Errorf("it is not said that something is missing")
	}
	held := 0
	for _, f := range got.files {
		if f.inner != nil {
			held += len(f.inner.rtf)
		}
	}
	if held == 0 || held > maxRTF {
		t.Errorf("%d bytes are held", held)
	}
	var drawn strings.Builder
	for i := range 200_000 {
		fmt.Fprintf(&drawn, "--=_tnef_%d_", i)
	}
	w = newTNEF()
	w.attr(2, 0x00069002, nil)
	w.attr(2, 0x0006800f, []byte(drawn.String()))
	m := Parse(winmail(w.Bytes(), "x"))
	if all := m.Attachments(); len(all) != 2 || string(all[1].Bytes) != drawn.String() {
		t.Errorf("%d files", len(all))
	}
}

// A letter of two bytes may have its second as it is, as Word writes it.
func TestRTFOfTwoBytes(t *testing.T) {
	t.Parallel()
	got, ok := textOfRTF([]byte(`{\rtf1\ansi\ansicpg932 \'83A\'83\'8b\par Caf}`))
	if !ok || got != "アル\nCaf" {
		t.Errorf("%q", got)
	}
}
