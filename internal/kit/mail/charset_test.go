package mail

import (
	"strings"
	"testing"
)

// Texts in the charsets of the world, under the names that programs give them, and under wrong ones.
func TestCharsetsOfTheWorld(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		charset, bytes, want string
		odd                  Kind // "" for none
	}{
		{"windows-1250", "\x9e\xe1dost", "žádost", ""},
		{"cp-1251", "\xcf\xf0\xe8\xe2\xe5\xf2", "Привет", ""},
		{"WIN1253", "\xc3\xe5\xe9\xdc", "Γειά", ""},
		{"windows_1254", "\xdd\xfe", "İş", ""},
		{"windows-1255", "\xf9\xec\xe5\xed", "שלום", ""},
		{"x-cp1256", "\xe3\xd1\xcd\xc8\xc7", "مرحبا", ""},
		{"windows-1257", "\xd0\xfe", "Šž", ""},
		{"windows-1258", "\xd0\xe0", "Đà", ""},
		{"koi8-r", "\xf0\xd2\xc9\xd7\xc5\xd4", "Привет", ""},
		{"KOI8-U", "\xe7\xa4", "Гє", ""},
		{"iso-2022-jp", "\x1b$B$3$s$K$A$O\x1b(B", "こんにちは", ""},
		{"us-ascii", "\x1b$B$3$s$K$A$O\x1b(B", "こんにちは", WrongCharset},
		{"gb18030", "\xc4\xe3\xba\xc3\x81\x30\x89\x38", "你好ß", ""},
		{"GB2312", "\xc4\xe3\xba\xc3", "你好", ""},
		{"big5", "\xa7\x41\xa6\x6e", "你好", ""},
		{"ks_c_5601-1987", "\xbe\xc8\xb3\xe7", "안녕", ""},
		{"cp932", "\x82\xb1", "こ", ""},
		{"utf-7", "Hi Mom +Jjo-! A+ImIDkQ. 1 +- 1", "Hi Mom ☺! A≢Α. 1 + 1", ""},
		{"unicode-1-1-utf-7", "+2D3eAA-", "😀", ""},
		{"utf-7", "+A", "\ufffd", WrongCharset},
		{"utf-16", "\xfe\xff\x00h\x00i", "hi", ""},
		{"utf-16le", "h\x00i\x00", "hi", ""},
		{"utf-32", "\x00\x00\xfe\xff\x00\x00\x00h", "h", ""},
		{"Latin-1", "caf\xe9", "café", ""},
		{"iso8859_15", "\xa4", "€", ""},
		{"cp850", "\x82", "é", ""},
		{"3Dutf-8", "caf\xc3\xa9", "café", ""},
		{"x-unknown", "caf\xe9", "café", UnknownCharset},
		{"x-unknown", "caf\xc3\xa9", "café", UnknownCharset},
		{"", "caf\xe9", "café", WrongCharset},
		{"utf-8", "\xcf\xf0\xe8\xe2\xe5\xf2, \xea\xe0\xea \xe4\xe5\xeb\xe0 \xf1\xe5\xe3\xee\xe4\xed\xff", "Привет, как дела сегодня", WrongCharset},
		{"", "\xf0\xd2\xc9\xd7\xc5\xd4, \xcb\xc1\xcb \xc4\xc5\xcc\xc1 \xd3\xc5\xc7\xcf\xc4\xce\xd1", "Привет, как дела сегодня", WrongCharset},
		{"us-ascii", "\xce\xd2\xc3\xc7\xb5\xc4\xb7\xfe\xce\xf1\xc6\xf7\xb1\xbb\xb9\xa5\xbb\xf7", "我们的服务器被攻击", WrongCharset},
		{"iso-8859-1", "Ol\xc3\xa1, n\xc3\xa3o \xc3\xa9", "Olá, não é", WrongCharset},
		{"windows-1251", "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82", "Привет", WrongCharset},
		{"shift_jis", "\x81", "\ufffd", WrongCharset},
		{"shift_jis", "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", "日本語", WrongCharset},
	} {
		m := Parse([]byte("From: a@b.example\nDate: x\nMessage-ID: <1@x>\nContent-Type: text/plain; charset=" + c.charset + "\n\n" + c.bytes))
		if got, _ := m.Root.Text(); strings.TrimSpace(got) != strings.TrimSpace(VisibleText(c.want)) {
			t.Errorf("%s %q: %q, want %q", c.charset, c.bytes, got, c.want)
		}
		var odd Kind
		for _, o := range m.Oddities {
			if o.Kind == WrongCharset || o.Kind == UnknownCharset {
				odd = o.Kind
			}
		}
		if odd != c.odd {
			t.Errorf("%s %q: %q, want %q", c.charset, c.bytes, odd, c.odd)
		}
	}
	if got := Parse([]byte("Subject: =?utf-7?Q?caf+AOk-?= =?iso-2022-jp?B?GyRCJDMbKEI=?=\n\n")).Subject(); got != "caféこ" {
		t.Errorf("a subject reads %q", got)
	}
}

// Every UTF-7 text ends, and what is cut into pieces reads like the whole.
func FuzzCharset(f *testing.F) {
	f.Add("utf-7", []byte("a+AOk-b+"))
	f.Add("gb18030", []byte("\x81\x30\x89\x38"))
	f.Fuzz(func(t *testing.T, name string, b []byte) {
		s, _ := decodeCharset(name, b)
		if len(s) > 8*len(b)+8 {
			t.Errorf("%d bytes of %d", len(s), len(b))
		}
	})
}

// A multipart without its boundary is cut where its parts plainly begin.
func TestABoundaryThatIsNotTold(t *testing.T) {
	t.Parallel()
	for _, head := range []string{"multipart/mixed", "multipart/mixed; boundary=wrong"} {
		m := Parse([]byte("From: a@b.example\nContent-Type: " + head + "\n\n--real\nContent-Type: text/plain\n\nHello\n--real\nContent-Type: text/csv; name=a.csv\n\n1,2\n--real--\n"))
		if m.Body().Text != "Hello" || len(m.Attachments()) != 1 || !m.Odd(NoBoundary) || !m.Ambiguous() {
			t.Errorf("%s: %q, %d files, %v", head, m.Body().Text, len(m.Attachments()), m.Oddities)
		}
	}
	if m := Parse([]byte("From: a@b.example\nContent-Type: multipart/mixed\n\nHello\n--\nContent-Length and other words\n")); len(m.Parts) != 1 {
		t.Errorf("a signature cuts: %d parts", len(m.Parts))
	}
}
