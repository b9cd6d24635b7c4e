package mail

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
	"golang.org/x/text/transform"
)

// charsetOf finds an encoding by the name a mail gives it; nil means UTF-8 or ASCII.
func charsetOf(name string) (enc encoding.Encoding, known bool) {
	name = strings.ToLower(strings.Trim(name, " \t\"';"))
	name = strings.TrimPrefix(name, "3d") // half of an escape that was decoded twice
	switch name {
	case "", "utf-8", "utf8", "utf_8", "utf8mb4", "unicode-1-1-utf-8", "us-ascii", "ascii", "us_ascii", "usascii", "ansi_x3.4-1968", "646", "iso646-us":
		return nil, true
	case "hz-gb-2312", "hz":
		return simplifiedchinese.HZGB2312, true
	case "utf-7", "utf7", "unicode-1-1-utf-7", "x-utf-7":
		return utf7{}, true
	case "utf-16", "utf16":
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM), true
	case "utf-32", "utf32":
		return utf32.UTF32(utf32.BigEndian, utf32.UseBOM), true
	case "utf-32le":
		return utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM), true
	case "utf-32be":
		return utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM), true
	case "cp932", "ms932", "windows-932", "x-ms-cp932":
		return japanese.ShiftJIS, true
	case "iso-2022-jp-2", "iso-2022-jp-ms", "cp50220", "cp50221":
		return japanese.ISO2022JP, true
	case "cp936", "windows-936", "x-gbk":
		return simplifiedchinese.GB18030, true
	case "x-user-defined":
		return nil, false
	}
	for _, name := range []string{name, plainName(name)} {
		if e, err := htmlindex.Get(name); err == nil && e != encoding.Replacement {
			return e, true
		}
		if e, err := ianaindex.MIME.Encoding(name); err == nil && e != nil {
			return e, true
		}
	}
	return nil, false
}

// plainName gives the usual name for the ways in which programs write it: "cp-1252", "latin-1", "iso8859_15", "win1251", "ibm-850".
func plainName(name string) string {
	s := strings.NewReplacer("_", "-", " ", "-").Replace(strings.TrimPrefix(name, "x-"))
	digits := strings.TrimLeft(s, "abcdefghijklmnopqrstuvwxyz-")
	word := strings.Trim(s[:len(s)-len(digits)], "-")
	switch {
	case digits == "":
		return s
	case word == "iso" || word == "":
		if n, ok := strings.CutPrefix(digits, "8859-"); ok {
			return "iso-8859-" + n
		}
		if n, ok := strings.CutPrefix(digits, "8859"); ok {
			return "iso-8859-" + strings.TrimLeft(n, "-")
		}
	case word == "cp" || word == "ms" || word == "win" || word == "windows" || word == "ibm" || word == "ansi" || word == "cp-ibm":
		if len(digits) == 4 && strings.HasPrefix(digits, "125") {
			return "windows-" + digits
		}
		return "ibm" + digits
	case word == "latin":
		return "latin" + digits
	}
	return s
}

// decodeCharset gives the text of b. It is false when the charset is unknown or b is not in it; the text is then the best guess.
func decodeCharset(name string, b []byte) (string, bool) {
	enc, known := charsetOf(name)
	if enc == nil {
		if utf8.Valid(b) && !escaped(b) {
			return string(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))), known
		}
		return guessed(b), false
	}
	if oneByte(enc) && meansUTF8(b) {
		return string(b), false
	}
	if enc == japanese.ISO2022JP && !ascii(b) { // it has none: some programs write another Japanese set under its name
		return otherJapanese(b), false
	}
	out, err := enc.NewDecoder().Bytes(b)
	if err != nil {
		return guessed(b), false
	}
	if !inside(enc, b, out) {
		if utf8.Valid(b) && !ascii(b) {
			return string(b), false
		}
		return string(out), false
	}
	return string(out), true
}

// otherJapanese reads bytes beyond ASCII that say to be ISO-2022-JP.
func otherJapanese(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	for _, enc := range []encoding.Encoding{japanese.EUCJP, japanese.ShiftJIS} {
		if out, err := enc.NewDecoder().Bytes(b); err == nil && !bytes.Contains(out, []byte("\ufffd")) {
			return string(out)
		}
	}
	return guessed(b)
}

// inside tells whether b was in the charset: what is not there is read as U+FFFD.
func inside(enc encoding.Encoding, b, out []byte) bool {
	if !bytes.Contains(out, []byte("\ufffd")) {
		return true
	}
	back, err := enc.NewEncoder().Bytes(out)
	return err == nil && bytes.Equal(back, b)
}

// oneByte tells whether each byte is a character of its own.
func oneByte(enc encoding.Encoding) bool {
	_, ok := enc.(*charmap.Charmap)
	return ok
}

// meansUTF8 tells whether bytes that say to be of an 8-bit charset are UTF-8: three characters or more beyond ASCII, all well formed. That does not
// happen by chance in words.
func meansUTF8(b []byte) bool {
	n := 0
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		switch {
		case r == utf8.RuneError && size == 1:
			return len(b) < utf8.UTFMax && !utf8.FullRune(b) && n >= 3 // the text was cut off within a character
		case r >= 0x80 && r < 0xa0:
			return false // controls, which nobody writes: the bytes were meant as something else
		case r >= 0x80:
			n++
		}
		b = b[size:]
	}
	return n >= 3
}

func ascii(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// escaped tells whether the bytes switch to Japanese letters, as ISO-2022-JP does, under the name of ASCII.
func escaped(b []byte) bool {
	return bytes.Contains(b, []byte("\x1b$B")) || bytes.Contains(b, []byte("\x1b$@"))
}

// guessed reads bytes whose charset nobody says: by a byte order mark, by escapes, as Cyrillic when most of its letters are beyond ASCII, else as
// windows-1252.
func guessed(b []byte) string {
	var enc encoding.Encoding
	switch {
	case bytes.HasPrefix(b, []byte("\xff\xfe")) || bytes.HasPrefix(b, []byte("\xfe\xff")):
		enc = unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	case escaped(b):
		enc = japanese.ISO2022JP
	default:
		enc = script(b)
	}
	if enc != nil {
		if out, err := enc.NewDecoder().Bytes(b); err == nil {
			return string(out)
		}
	}
	return latin(string(b))
}

// script looks at the bytes beyond ASCII: Russian is written nearly without others, and its small letters lie in one half of each table.
func script(b []byte) encoding.Encoding {
	var high, letters, small1251, smallKOI int
	pairs, level1 := 0, 0
	for i := 0; i < len(b) && i < 4096; i++ {
		c := b[i]
		switch {
		case c >= 0x80:
			high++
			if c >= 0xe0 {
				small1251++
			} else if c >= 0xc0 {
				smallKOI++
			}
			if i+1 < len(b) && c >= 0xa1 && b[i+1] >= 0xa1 {
				pairs++
				if c >= 0xb0 && c <= 0xd7 {
					level1++
				}
				i++
				high++
			}
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			letters++
		}
	}
	switch {
	case high < 8 || high < letters:
		return nil
	case level1*10 > pairs*9 && pairs*2 == high: // all in pairs, in the common half of GB 2312
		return simplifiedchinese.GB18030
	case small1251+smallKOI < high/3:
		return nil
	case small1251 > 2*smallKOI:
		return charmap.Windows1251
	case smallKOI > 2*small1251:
		return charmap.KOI8R
	}
	return nil
}

// latin reads bytes that are not UTF-8 as windows-1252, which has a character for nearly every byte.
func latin(s string) string {
	out, err := charmap.Windows1252.NewDecoder().String(s)
	if err != nil {
		return strings.ToValidUTF8(s, "\ufffd")
	}
	return out
}

// utf7 is the encoding of RFC 2152.
type utf7 struct{}

func (utf7) NewDecoder() *encoding.Decoder {
	return &encoding.Decoder{Transformer: &utf7Decoder{}}
}

func (utf7) NewEncoder() *encoding.Encoder {
	return &encoding.Encoder{Transformer: encoding.Replacement.NewEncoder()}
}

type utf7Decoder struct{ transform.NopResetter }

// Transform reads a whole text: a run of base64 is decoded when all of it is there.
func (utf7Decoder) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	put := func(s string) bool {
		if nDst+len(s) > len(dst) {
			return false
		}
		nDst += copy(dst[nDst:], s)
		return true
	}
	for nSrc < len(src) {
		c := src[nSrc]
		if c != '+' {
			s := string(rune(c))
			if c >= 0x80 {
				s = "\ufffd"
			}
			if !put(s) {
				return nDst, nSrc, transform.ErrShortDst
			}
			nSrc++
			continue
		}
		end := nSrc + 1
		for end < len(src) && inBase64(src[end]) {
			end++
		}
		if end == len(src) && !atEOF {
			return nDst, nSrc, transform.ErrShortSrc
		}
		run := src[nSrc+1 : end]
		next := end
		if end < len(src) && src[end] == '-' {
			next++
		}
		s := "+"
		if len(run) > 0 {
			s = utf7Run(run)
		} else if next == end {
			s = "\ufffd"
		}
		if !put(s) {
			return nDst, nSrc, transform.ErrShortDst
		}
		nSrc = next
	}
	return nDst, nSrc, nil
}

func inBase64(c byte) bool {
	return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/'
}

func utf7Run(run []byte) string {
	n := len(run)
	if n%4 == 1 {
		n--
	}
	raw, err := base64.RawStdEncoding.DecodeString(string(run[:n]))
	u := make([]uint16, len(raw)/2)
	for i := range u {
		u[i] = uint16(raw[2*i])<<8 | uint16(raw[2*i+1])
	}
	s := string(utf16.Decode(u))
	if err != nil || n != len(run) {
		s += "\ufffd"
	}
	return s
}
