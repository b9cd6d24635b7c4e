package mail

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

// tnefOf writes a TNEF stream, as a mail program does.
type tnefOf struct{ bytes.Buffer }

func newTNEF() *tnefOf {
	w := &tnefOf{}
	w.Write([]byte{0x78, 0x9f, 0x3e, 0x22, 1, 0})
	return w
}

func (w *tnefOf) attr(level byte, id uint32, data []byte) {
	w.WriteByte(level)
	_ = binary.Write(w, binary.LittleEndian, id)
	_ = binary.Write(w, binary.LittleEndian, uint32(len(data)))
	w.Write(data)
	sum := uint16(0)
	for _, c := range data {
		sum += uint16(c)
	}
	_ = binary.Write(w, binary.LittleEndian, sum)
}

type prop struct {
	kind, id uint16
	data     []byte
}

func wide(s string) []byte {
	var b bytes.Buffer
	_ = binary.Write(&b, binary.LittleEndian, utf16.Encode([]rune(s+"\x00")))
	return b.Bytes()
}

func props(list ...prop) []byte {
	var b bytes.Buffer
	le := func(v any) { _ = binary.Write(&b, binary.LittleEndian, v) }
	le(uint32(len(list)))
	for _, p := range list {
		le(p.kind)
		le(p.id)
		if p.id >= 0x8000 {
			b.Write(make([]byte, 16))
			le(uint32(1))
			name := wide("x-name")
			le(uint32(len(name)))
			b.Write(name)
			b.Write(make([]byte, -len(name)&3))
		}
		switch p.kind {
		case 0x1e, 0x1f, 0x0d, 0x102:
			le(uint32(1))
			le(uint32(len(p.data)))
			b.Write(p.data)
			b.Write(make([]byte, -len(p.data)&3))
		default:
			b.Write(p.data)
		}
	}
	return b.Bytes()
}

// packRTF writes RTF in the compressed form, with what repeats written as references.
func packRTF(text string) []byte {
	var body []byte
	for i := 0; i < len(text); i += 8 {
		chunk := text[i:min(i+8, len(text))]
		body = append(body, 0)
		body = append(body, chunk...)
	}
	body = append(body, 1)
	end := (len(rtfStart) + len(text)) % 4096
	body = append(body, byte(end>>4), byte(end<<4))
	b := make([]byte, 16)
	binary.LittleEndian.PutUint32(b, uint32(len(body)+12))
	binary.LittleEndian.PutUint32(b[4:], uint32(len(text)))
	binary.LittleEndian.PutUint32(b[8:], 0x75465a4c)
	return append(b, body...)
}

func winmail(content []byte, text string) []byte {
	return []byte("From: a@b.example\r\nDate: Mon, 02 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@b.example>\r\nSubject: s\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n" + text + "\r\n--b\r\n" +
		"Content-Type: application/ms-tnef; name=winmail.dat\r\nContent-Disposition: attachment; filename=winmail.dat\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
		base64.StdEncoding.EncodeToString(content) + "\r\n--b--\r\n")
}

// A winmail.dat gives its body when the mail has no other, its attachments by their names, and a message within as a mail of its own.
func TestWhatIsInAWinmail(t *testing.T) {
	t.Parallel()
	inner := newTNEF()
	inner.attr(1, 0x00069003, props(
		prop{0x1f, 0x0037, wide("Zahlung fällig")}, prop{0x1f, 0x0c1a, wide("Bank")}, prop{0x1f, 0x5d01, wide("bank@evil.example")}, prop{0x1f, 0x1000, wide("Pay at once")},
		prop{0x40, 0x0039, binary.LittleEndian.AppendUint64(nil, 116444736000000000+1793613600*10_000_000)},
	))
	w := newTNEF()
	w.attr(1, 0x00069007, []byte{0xe3, 0x04, 0, 0, 0, 0, 0, 0}) // windows-1251
	w.attr(1, 0x00018004, []byte("\xd2\xe5\xec\xe0\x00"))
	w.attr(1, 0x00069003, props(prop{3, 0x0017, []byte{1, 0, 0, 0}}, prop{0x1f, 0x8001, wide("named")}, prop{0x102, 0x1009, packRTF(`{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}{\*\generator x;}Caf\'e9 \u8364? open\par Second line\par}`)}))
	w.attr(2, 0x00069002, make([]byte, 14))
	w.attr(2, 0x00018010, []byte("LOG~1.TXT\x00"))
	w.attr(2, 0x0006800f, []byte("GET /index\r\n--=_tnef_1_\r\n"))
	w.attr(2, 0x00069005, props(prop{0x1f, 0x3707, wide("żurnal wejść.txt")}, prop{0x1e, 0x370e, []byte("text/plain\x00")}))
	w.attr(2, 0x00069002, make([]byte, 14))
	w.attr(2, 0x00069005, props(prop{0x1f, 0x3001, wide("Forwarded")}, prop{0x0d, 0x3701, append(make([]byte, 16), inner.Bytes()...)}))

	m := Parse(winmail(w.Bytes(), "  "))
	nothingLost(t, "winmail", m)
	if got := m.Body().Text; !strings.Contains(got, "Café € open\nSecond line") || strings.Contains(got, "Arial") {
		t.Errorf("the body is %q", got)
	}
	var files []string
	for _, p := range m.Attachments() {
		files = append(files, p.Type+" "+p.Filename)
	}
	want := []string{"application/ms-tnef winmail.dat", "text/plain żurnal wejść.txt", "message/rfc822 Forwarded"}
	if !slices.Equal(files, want) {
		t.Errorf("files %q, want %q", files, want)
	}
	all := m.Attachments()
	if got := string(all[1].Bytes); got != "GET /index\r\n--=_tnef_1_\r\n" {
		t.Errorf("the file holds %q", got)
	}
	if mails := m.Inner(); len(mails) != 1 || mails[0].Subject() != "Zahlung fällig" || mails[0].Body().Text != "Pay at once\n" && mails[0].Body().Text != "Pay at once" {
		t.Errorf("the inner message is %+v", mails)
	} else if from, ok := mails[0].Sender(); !ok || from.Addr != "bank@evil.example" || from.Name != "Bank" {
		t.Errorf("it is from %+v", from)
	} else if at, ok := mails[0].Date(); !ok || at.Unix() != 1793613600 {
		t.Errorf("it was sent at %v", at)
	}
	if m.Odd(BrokenTNEF) {
		t.Error("it is said to be broken")
	}
	if got := Parse(winmail(w.Bytes(), "Hello")).Body().Text; strings.TrimSpace(got) != "Hello" {
		t.Errorf("a mail with a text of its own reads %q", got)
	}
	// Wherever it ends, what came before stays and the rest is said to be missing.
	for n := 7; n < w.Len(); n++ {
		m := Parse(winmail(w.Bytes()[:n], "x"))
		nothingLost(t, fmt.Sprint("cut at ", n), m)
		if len(m.Attachments()) == 0 {
			t.Fatalf("cut at %d: the file itself is lost", n)
		}
	}
	if !Parse(winmail(w.Bytes()[:w.Len()-3], "x")).Odd(BrokenTNEF) {
		t.Error("a cut is not told")
	}
}

// What references say comes out of the dictionary; one that grows without end is not read.
func TestPackedRTF(t *testing.T) {
	t.Parallel()
	// The two examples of MS-OXRTFCP sections 4.1 and 4.2.
	for _, c := range []struct{ hex, want string }{
		{"2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0", "{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"},
		{"1a0000001c0000004c5a4675e2d44b51410004205758595a0d6e7d010eb0", "{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}"},
	} {
		var raw []byte
		_, err := fmt.Sscanf(c.hex, "%x", &raw)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := unpackRTF(raw, maxRTF)
		if !ok || string(got) != c.want {
			t.Errorf("%q, %v, want %q", got, ok, c.want)
		}
	}
	bomb := make([]byte, 16)
	binary.LittleEndian.PutUint32(bomb[4:], 0xffffffff)
	binary.LittleEndian.PutUint32(bomb[8:], 0x75465a4c)
	if _, ok := unpackRTF(append(bomb, bytes.Repeat([]byte{0xff, 0, 15}, 1000)...), maxRTF); ok {
		t.Error("it reads four gigabytes")
	}
}

// TNEF within TNEF ends: a stream that names itself, attachments by the thousand, a size that is not there.
func TestHostileTNEF(t *testing.T) {
	t.Parallel()
	w := newTNEF()
	for range 600 {
		w.attr(2, 0x00069002, nil)
	}
	if m := Parse(winmail(w.Bytes(), "x")); !m.Odd(BrokenTNEF) || len(m.Parts) > MaxParts {
		t.Errorf("%d parts of 600 attachments", len(m.Parts))
	}
	deep := newTNEF().Bytes()
	for range 60 {
		outer := newTNEF()
		outer.attr(2, 0x00069002, nil)
		outer.attr(2, 0x00069005, props(prop{0x0d, 0x3701, append(make([]byte, 16), deep...)}))
		deep = outer.Bytes()
	}
	if m := Parse(winmail(deep, "x")); len(m.Parts) > 3*tnefDepth+8 {
		t.Errorf("%d parts", len(m.Parts))
	}
}

func FuzzTNEF(f *testing.F) {
	w := newTNEF()
	w.attr(1, 0x00069003, props(prop{0x102, 0x1009, packRTF(`{\rtf1 a\par}`)}, prop{0x1f, 0x8001, wide("n")}))
	w.attr(2, 0x00069002, nil)
	w.attr(2, 0x00069005, props(prop{0x0d, 0x3701, append(make([]byte, 16), newTNEF().Bytes()...)}))
	f.Add(w.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		m := Parse(winmail(b, ""))
		nothingLost(t, "fuzz", m)
		if rtf, ok := unpackRTF(b, maxRTF); ok {
			textOfRTF(rtf)
		}
		textOfRTF(append([]byte(`{\rtf1 `), b...))
	})
}
