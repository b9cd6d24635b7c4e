package mail

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// charsetOf finds an encoding by the name a mail gives it; nil means UTF-8 or ASCII.
func charsetOf(name string) (enc encoding.Encoding, known bool) {
	name = strings.ToLower(strings.Trim(name, " \t\"'"))
	switch name {
	case "", "utf-8", "utf8", "us-ascii", "ascii", "ansi_x3.4-1968":
		return nil, true
	case "hz-gb-2312", "hz":
		return simplifiedchinese.HZGB2312, true
	}
	if e, err := htmlindex.Get(name); err == nil && e != encoding.Replacement {
		return e, true
	}
	if e, err := ianaindex.MIME.Encoding(name); err == nil && e != nil {
		return e, true
	}
	return nil, false
}

// decodeCharset gives the text of b. It is false when the charset is unknown or b is not in it; the text is then the best guess.
func decodeCharset(name string, b []byte) (string, bool) {
	enc, known := charsetOf(name)
	if enc == nil {
		if utf8.Valid(b) {
			return string(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))), known
		}
		return latin(string(b)), false
	}
	out, err := enc.NewDecoder().Bytes(b)
	if err != nil {
		return latin(string(b)), false
	}
	return string(out), true
}

// latin reads bytes that are not UTF-8 as windows-1252, which has a character for nearly every byte.
func latin(s string) string {
	out, err := charmap.Windows1252.NewDecoder().String(s)
	if err != nil {
		return strings.ToValidUTF8(s, "\ufffd")
	}
	return out
}
