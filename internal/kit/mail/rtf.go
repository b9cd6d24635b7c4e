package mail

import (
	"encoding/binary"
	"strconv"
	"strings"
)

// maxRTF bounds the RTF of a winmail.dat, that of all messages in it together.
const maxRTF = 8 << 20

// rtfStart is what the dictionary of compressed RTF holds before the first byte (MS-OXRTFCP section 2.1.3.1).
const rtfStart = `{\rtf1\ansi\mac\deff0\deftab720{\fonttbl;}{\f0\fnil \froman \fswiss \fmodern \fscript \fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\colortbl\red0\green0\blue0` +
	"\r\n" + `\par \pard\plain\f0\fs20\b\i\u\tab\tx`

// unpackRTF opens compressed RTF (MS-OXRTFCP). It is false when the bytes are not that, or give more than most.
func unpackRTF(b []byte, most int) ([]byte, bool) {
	if len(b) < 16 {
		return nil, false
	}
	size, kind := int(binary.LittleEndian.Uint32(b[4:])), binary.LittleEndian.Uint32(b[8:])
	in := b[16:]
	switch kind {
	case 0x414c454d: // "MELA": not compressed
		return in[:min(size, len(in), most)], size <= min(len(in), most)
	case 0x75465a4c: // "LZFu"
	default:
		return nil, false
	}
	if size > most {
		return nil, false
	}
	var ring [4096]byte
	at := copy(ring[:], rtfStart)
	out := make([]byte, 0, min(size, 17*len(in)))
	for i := 0; i < len(in); {
		control := in[i]
		i++
		for bit := range 8 {
			if control>>bit&1 == 0 {
				if i >= len(in) {
					return out, len(out) >= size
				}
				out = append(out, in[i])
				ring[at] = in[i]
				at = (at + 1) % len(ring)
				i++
				continue
			}
			if i+1 >= len(in) {
				return out, len(out) >= size
			}
			from, n := int(in[i])<<4|int(in[i+1])>>4, int(in[i+1]&15)+2
			i += 2
			if from == at {
				return out[:min(size, len(out))], true
			}
			for range n {
				c := ring[from]
				from = (from + 1) % len(ring)
				out = append(out, c)
				ring[at] = c
				at = (at + 1) % len(ring)
			}
			if len(out) > most {
				return nil, false
			}
		}
	}
	return out[:min(size, len(out))], len(out) >= size
}

// quietRTF are groups without text of the writer.
var quietRTF = map[string]bool{
	"fonttbl": true, "colortbl": true, "stylesheet": true, "info": true, "pict": true, "object": true, "header": true, "footer": true,
	"generator": true, "listtable": true, "listoverridetable": true, "themedata": true, "datastore": true, "fldinst": true, "htmltag": true, "mhtmltag": true,
}

// textOfRTF gives the words of an RTF document: letters, line ends and tabs.
func textOfRTF(rtf []byte) (string, bool) {
	if !strings.HasPrefix(strings.TrimLeft(string(rtf[:min(len(rtf), 64)]), " \r\n"), `{\rtf`) {
		return "", false
	}
	type state struct {
		quiet bool
		uc    int // characters that stand for a \u in old programs
	}
	charset, skip := "windows-1252", 0
	now := state{uc: 1}
	var stack []state
	var out strings.Builder
	var bytes8 []byte
	flush := func() {
		if len(bytes8) > 0 {
			s, _ := decodeCharset(charset, bytes8)
			out.WriteString(s)
			bytes8 = bytes8[:0]
		}
	}
	put := func(s string) {
		if skip > 0 {
			skip--
			return
		}
		if !now.quiet {
			flush()
			out.WriteString(s)
		}
	}
	for i := 0; i < len(rtf); {
		c := rtf[i]
		i++
		switch c {
		case '{':
			if len(stack) < 1000 {
				stack = append(stack, now)
			}
		case '}':
			if n := len(stack); n > 0 {
				now, stack = stack[n-1], stack[:n-1]
			}
			skip = 0
		case '\r', '\n', 0:
		case '\\':
			if i >= len(rtf) {
				break
			}
			switch d := rtf[i]; {
			case d == '\'' && i+2 < len(rtf) && unhex(rtf[i+1]) >= 0 && unhex(rtf[i+2]) >= 0:
				if skip > 0 {
					skip--
				} else if !now.quiet {
					bytes8 = append(bytes8, byte(unhex(rtf[i+1])<<4|unhex(rtf[i+2])))
				}
				i += 3
			case d == '*':
				now.quiet = true // nobody needs to know the group
				i++
			case d == '\\' || d == '{' || d == '}':
				put(string(rune(d)))
				i++
			case d == '~':
				put("\u00a0")
				i++
			case d >= 'a' && d <= 'z' || d >= 'A' && d <= 'Z':
				start := i
				for i < len(rtf) && i-start < 40 && (rtf[i] >= 'a' && rtf[i] <= 'z' || rtf[i] >= 'A' && rtf[i] <= 'Z') {
					i++
				}
				word := string(rtf[start:i])
				start = i
				for i < len(rtf) && i-start < 11 && (rtf[i] >= '0' && rtf[i] <= '9' || i == start && rtf[i] == '-') {
					i++
				}
				n, err := strconv.Atoi(string(rtf[start:i]))
				if i < len(rtf) && rtf[i] == ' ' {
					i++
				}
				switch {
				case quietRTF[word]:
					now.quiet = true
				case word == "par" || word == "line" || word == "row":
					put("\n")
				case word == "tab" || word == "cell":
					put("\t")
				case word == "ansicpg" && err == nil:
					flush()
					charset = charsetOfPage(n)
				case word == "uc" && err == nil && n >= 0 && n < 16:
					now.uc = n
				case word == "u" && err == nil:
					put(string(rune(uint16(n))))
					skip = now.uc
				case word == "bin" && err == nil && n > 0:
					i += min(n, len(rtf)-i)
				}
			default:
				i++
			}
		default:
			if c >= 0x80 {
				if !now.quiet && skip == 0 {
					bytes8 = append(bytes8, c)
				}
				break
			}
			switch { // it may be the second half of a character whose first was an escape
			case skip > 0:
				skip--
			case !now.quiet:
				bytes8 = append(bytes8, c)
			}
		}
	}
	flush()
	return strings.TrimSpace(out.String()), true
}
