package mail

import (
	"bytes"
	"strings"
)

// Field is one header field.
type Field struct {
	Name  string // as written
	Value string // decoded once, on one line, safe to show
	Raw   string // unfolded, not decoded
	// Start and End are the span of the whole field with its line end, counted like the spans of its part.
	Start, End int
}

// Header is the fields of a part in their order.
type Header []Field

// Get gives the text of the first field of the name, or "".
func (h Header) Get(name string) string {
	for i := range h {
		if strings.EqualFold(h[i].Name, name) {
			return h[i].Value
		}
	}
	return ""
}

// Has tells whether there is a field of the name.
func (h Header) Has(name string) bool { return h.find(name, false) != nil }

// All gives all fields of the name.
func (h Header) All(name string) []Field {
	var all []Field
	for _, f := range h {
		if strings.EqualFold(f.Name, name) {
			all = append(all, f)
		}
	}
	return all
}

// raw gives the unfolded, undecoded first field of the name, or "".
func (h Header) raw(name string) string {
	if f := h.find(name, false); f != nil {
		return f.Raw
	}
	return ""
}

func (h Header) find(name string, last bool) *Field {
	var found *Field
	for i := range h {
		if strings.EqualFold(h[i].Name, name) {
			if !last {
				return &h[i]
			}
			found = &h[i]
		}
	}
	return found
}

// header reads the fields at p.Start and sets p.BodyStart.
func (b *builder) header(p *Part) {
	buf, at := p.source, p.Start
	skipping := false
	again := 0 // up to here lines that are no fields stand within the header
	for at < p.End {
		end := lineEnd(buf, at, p.End)
		line := trimEOL(buf[at:end])
		if len(line) == 0 {
			at = end
			break
		}
		switch {
		case line[0] == ' ' || line[0] == '\t':
			if n := len(p.Header); n > 0 && !skipping {
				p.Header[n-1].End = end
			} else if !skipping {
				b.odd(p, BrokenHeader, "")
				if name, _ := fieldName(bytes.TrimLeft(line, " \t")); usual(name) {
					p.Header = append(p.Header, Field{Name: name, Start: at, End: end})
				}
			}
		case at == p.Start && bytes.HasPrefix(line, []byte("From ")):
			b.odd(p, BrokenHeader, "mbox")
			skipping = true
		default:
			name, odd := fieldName(line)
			if name == "" {
				if bytes.HasPrefix(line, []byte("From ")) || bytes.HasPrefix(line, []byte(">From ")) || line[0] == ':' {
					b.odd(p, BrokenHeader, "")
					skipping = true
					break
				}
				b.odd(p, BrokenHeader, "")
				if at >= again && !b.blocks && !bytes.HasPrefix(line, []byte("--")) {
					again = p.goesOn(end)
				}
				if at < again {
					skipping = true
					break
				}
				b.fields(p)
				p.BodyStart = at
				return
			}
			if odd {
				b.odd(p, SpaceInName, "")
			}
			if skipping = len(p.Header) >= maxFields; skipping {
				b.odd(p, TooMany, "fields")
				break
			}
			p.Header = append(p.Header, Field{Name: name, Start: at, End: end})
		}
		at = end
	}
	b.fields(p)
	p.BodyStart = at
}

// usual tells whether a name is that of a field which says what a mail is and whose.
func usual(name string) bool {
	for _, s := range single {
		if strings.EqualFold(name, s) {
			return true
		}
	}
	return false
}

// ahead is how much of a header is looked at behind a line that is none of its fields.
const ahead = 16 << 10

// goesOn tells how far a header goes on behind a line that is no field of it: to the last usual field that it lacks and that stands before the
// first empty line. Where there is none, the body begins with that line: 0.
func (p *Part) goesOn(at int) (to int) {
	if message := p.Parent == nil || strings.HasPrefix(p.Parent.Type, "message/"); !message && len(p.Header) == 0 {
		return 0
	}
	stop := min(p.End, at+ahead)
	for at < stop {
		end := lineEnd(p.source, at, p.End)
		line := trimEOL(p.source[at:end])
		if len(line) == 0 || bytes.HasPrefix(line, []byte("--")) { // a boundary is of the body
			return to
		}
		if name, _ := fieldName(line); usual(name) && !p.Header.Has(name) {
			to = end
		}
		at = end
	}
	if at < p.End {
		return to // a long header
	}
	return 0
}

// fields unfolds and decodes the values, when their ends are known.
func (b *builder) fields(p *Part) {
	for i := range p.Header {
		f := &p.Header[i]
		raw := p.source[f.Start:f.End]
		_, raw, _ = bytes.Cut(raw, []byte(":"))
		f.Raw = unfold(raw)
		f.Value = b.words(p, f.Raw)
	}
}

// fieldName gives the name in front of the colon, and whether blanks stand between them.
func fieldName(line []byte) (string, bool) {
	i := bytes.IndexByte(line, ':')
	if i <= 0 {
		return "", false
	}
	name := bytes.TrimRight(line[:i], " \t")
	for _, c := range name {
		if c <= ' ' || c > '~' {
			return "", false
		}
	}
	return string(name), len(name) != i
}

// unfold takes line ends out; the blank after them stays. Bare CR and NUL stay and are shown.
func unfold(raw []byte) string {
	raw = trimEOL(raw)
	if bytes.IndexByte(raw, '\n') >= 0 {
		raw = bytes.ReplaceAll(raw, []byte("\r\n"), nil)
		raw = bytes.ReplaceAll(raw, []byte("\n"), nil)
	}
	return strings.Trim(string(raw), " \t")
}

// lineEnd gives the offset behind the next line feed.
func lineEnd(buf []byte, at, end int) int {
	if i := bytes.IndexByte(buf[at:end], '\n'); i >= 0 {
		return at + i + 1
	}
	return end
}

func trimEOL(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
		if n > 1 && line[n-2] == '\r' {
			line = line[:n-2]
		}
	}
	return line
}
