package mail

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// words decodes the encoded words of RFC 2047 once and makes the result safe to show.
func (b *builder) words(p *Part, raw string) string {
	s, ok := decodeWords(raw)
	if !ok {
		b.odd(p, BrokenWord, "")
	}
	if !utf8.ValidString(s) {
		b.odd(p, EightBitHeader, "")
		s = strings.ToValidUTF8(latin(s), "\ufffd")
	}
	shown := Visible(strings.ReplaceAll(s, "\t", " "))
	if len(shown) != len(s) {
		b.odd(p, Invisible, "")
	}
	return shown
}

// decodeWords decodes all encoded words of s. Neighbours of one charset are joined before decoding, since senders cut characters apart.
// Blanks between two encoded words disappear.
func decodeWords(s string) (text string, ok bool) {
	ok = true
	if !strings.Contains(s, "=?") {
		return s, ok
	}
	var out strings.Builder
	var pending []byte
	charset, total := "", len(s)
	flush := func() {
		if pending == nil {
			return
		}
		t, good := decodeCharset(charset, pending)
		ok = ok && good
		out.WriteString(t)
		pending = nil
	}
	for last := strings.LastIndex(s, "?="); s != ""; {
		i := strings.Index(s, "=?")
		if i < 0 {
			break
		}
		if end := last - (total - len(s)); end < i { // no word ends any more: what seems to begin one is not looked through to the end each time
			flush()
			ok = false
			break
		}
		cs, body, rest, good := cutWord(s[i:])
		if !good {
			flush()
			out.WriteString(s[:i+2])
			s = s[i+2:]
			ok = false
			continue
		}
		if gap := s[:i]; strings.Trim(gap, " \t") != "" || pending == nil {
			flush()
			out.WriteString(gap)
		}
		if pending != nil && !strings.EqualFold(cs, charset) {
			flush()
		}
		charset = cs
		if pending == nil {
			pending = []byte{}
		}
		pending = append(pending, body...)
		s = rest
	}
	flush()
	out.WriteString(s)
	return out.String(), ok
}

// cutWord takes one encoded word from the start of s.
func cutWord(s string) (charset string, body []byte, rest string, ok bool) {
	parts := strings.SplitN(s[2:], "?", 3)
	if len(parts) != 3 || len(parts[0]) == 0 || len(parts[0]) > 60 || len(parts[1]) != 1 || strings.ContainsAny(parts[0], " \t=<>\"") {
		return "", nil, s, false
	}
	if !strings.ContainsAny(parts[1], "BbQq") {
		return "", nil, s, false
	}
	text, rest, found := strings.Cut(parts[2], "?=")
	if !found {
		return "", nil, s, false
	}
	charset, _, _ = strings.Cut(parts[0], "*") // RFC 2231 language
	switch parts[1] {
	case "B", "b":
		body, _ = decodeBase64([]byte(text))
		if len(body) == 0 && len(text) > 0 {
			return "", nil, s, false
		}
		return charset, body, rest, true
	case "Q", "q":
		// A question mark inside is wrong but common: "=?utf-8?q?what??=".
		for strings.HasPrefix(rest, "=") && !strings.HasPrefix(rest, "=?") && text == "" {
			more, r, f := strings.Cut(rest, "?=")
			if !f {
				break
			}
			text, rest = text+"?="+more, r
		}
		return charset, decodeQ(text), rest, true
	}
	return "", nil, s, false
}

func decodeQ(s string) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '_':
			out = append(out, ' ')
		case c == '=' && i+2 < len(s) && unhex(s[i+1]) >= 0 && unhex(s[i+2]) >= 0:
			out = append(out, byte(unhex(s[i+1])<<4|unhex(s[i+2])))
			i += 2
		default:
			out = append(out, c)
		}
	}
	return out
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}

// decodeBase64 decodes what is in the alphabet, passes over the rest, and tells whether there was nothing but the alphabet and line ends.
// Data behind padding is decoded too: some programs read it.
func decodeBase64(s []byte) (out []byte, clean bool) {
	clean = true
	var some [2 << 10]byte // a multiple of four: what is in it decodes whole, and a large file is not held twice
	keep := some[:0]
	out = make([]byte, 0, len(s)/4*3+3)
	padded := false
	flush := func() {
		n := len(keep) / 4 * 4
		switch len(keep) - n {
		case 1:
			clean = false
			keep = keep[:n]
		case 2, 3:
			clean = clean && padded
		}
		out, _ = base64.RawStdEncoding.AppendDecode(out, keep)
		keep = keep[:0]
	}
	for _, c := range s {
		switch {
		case c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/':
			if padded {
				flush()
				clean, padded = false, false
			}
			if len(keep) == len(some) {
				out, _ = base64.RawStdEncoding.AppendDecode(out, keep)
				keep = some[:0]
			}
			keep = append(keep, c)
		case c == '=':
			padded = true
		case c == '\r' || c == '\n' || c == ' ' || c == '\t':
		default:
			clean = false
		}
	}
	flush()
	return out, clean
}

// decodeQuoted decodes quoted-printable; what is not an escape stays as it is.
func decodeQuoted(s []byte) (out []byte, clean bool) {
	clean = true
	out = make([]byte, 0, len(s))
	for len(s) > 0 {
		end := lineEnd(s, 0, len(s))
		line := trimEOL(s[:end])
		eol := s[len(line):end]
		s = s[end:]
		for n := len(line); n > 0 && (line[n-1] == ' ' || line[n-1] == '\t'); n-- {
			line = line[:n-1]
		}
		soft := false
		for i := 0; i < len(line); i++ {
			c := line[i]
			if c != '=' {
				out = append(out, c)
				continue
			}
			if i == len(line)-1 {
				soft = true
				break
			}
			if i+2 < len(line) && unhex(line[i+1]) >= 0 && unhex(line[i+2]) >= 0 {
				out = append(out, byte(unhex(line[i+1])<<4|unhex(line[i+2])))
				i += 2
				continue
			}
			clean = false
			out = append(out, c)
		}
		if !soft {
			out = append(out, eol...)
		}
	}
	return out, clean
}
