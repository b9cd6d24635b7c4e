package coordination

import (
	"encoding/csv"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// Line is one line of evidence: an address, a prefix, a domain or a URL, when it was seen, and what was said of it.
type Line struct {
	What string    `json:"w"`
	At   time.Time `json:"t,omitzero"` // zero: no time was given
	Note string    `json:"n,omitempty"`
}

// Aside is a line of a list that reaches nobody, and why, as a catalogue key.
type Aside struct {
	Line
	Why string `json:"y"`
}

// Why a line reaches nobody.
const (
	asideNobody = "desk.sending.aside.nobody" // nobody answers for it
	asideRead   = "desk.sending.aside.read"   // it is neither an address, a prefix, a domain nor a URL
	asideTime   = "desk.sending.aside.time"   // its time could not be read
	asideZone   = "desk.sending.aside.zone"   // its time has no zone
)

// Limits of a list.
const (
	MostLines = 100_000
	MostList  = 16 << 20 // bytes
	mostWhat  = 1000     // bytes of a line's first cell
	mostNote  = 500      // characters
)

// columnNames are the headings that lists have, as feeds and people write them.
var columnNames = map[string]string{
	"address": "what", "ip": "what", "ip_address": "what", "ipaddress": "what", "src_ip": "what", "source_ip": "what", "source.ip": "what", "asset": "what", "host": "what", "hostname": "what",
	"domain": "what", "fqdn": "what", "url": "what", "prefix": "what", "network": "what", "cidr": "what", "indicator": "what", "observable": "what", "value": "what",
	"time": "time", "timestamp": "time", "date": "time", "datetime": "time", "seen": "time", "first_seen": "time", "last_seen": "time", "observed": "time", "source.time": "time", "time.source": "time",
	"note": "note", "comment": "note", "description": "note", "details": "note",
}

// readList reads a list: one thing a line, or CSV with a comma, a semicolon or a tab, with or without headings. Without them the cells are what, when and a
// note. Cells of further headings go into the note under their own names. A time without a zone is UTC when utc says so, else the line stands aside. It gives false for too many lines.
func readList(list string, utc bool) (lines []Line, aside []Aside, fits bool) {
	list = strings.TrimPrefix(mail.FormText(list), "\ufeff")
	r := csv.NewReader(strings.NewReader(list))
	r.Comma, r.Comment, r.LazyQuotes, r.FieldsPerRecord, r.ReuseRecord = commaOf(list), '#', true, -1, true
	h := heads{what: 0, at: 1, note: 2}
	for n := 0; ; n++ {
		cells, err := r.Read()
		if err == io.EOF {
			return lines, aside, true
		}
		if len(lines)+len(aside) >= MostLines {
			return nil, nil, false
		}
		if err != nil {
			aside = append(aside, Aside{Line{What: "…"}, asideRead})
			continue
		}
		if n == 0 {
			if named, ok := headings(cells); ok {
				h = named
				continue
			}
		}
		l, why := h.line(cells, utc)
		switch {
		case why != "":
			aside = append(aside, Aside{l, why})
		case l.What != "":
			lines = append(lines, l)
		}
	}
}

// heads says which cell of a line is what; -1 is none.
type heads struct {
	what, at, note int
	names          []string // of the cells that go into the note
}

func commaOf(list string) rune {
	for first := range strings.Lines(list) {
		if strings.HasPrefix(first, "#") || strings.TrimSpace(first) == "" {
			continue
		}
		best, most := ',', 0
		for _, c := range []rune{',', ';', '\t'} {
			if n := strings.Count(first, string(c)); n > most {
				best, most = c, n
			}
		}
		return best
	}
	return ','
}

func headings(cells []string) (heads, bool) {
	h := heads{-1, -1, -1, make([]string, len(cells))}
	for i, c := range cells {
		name := strings.ToLower(strings.TrimSpace(c))
		switch kind := columnNames[name]; {
		case kind == "what" && h.what < 0:
			h.what = i
		case kind == "time" && h.at < 0:
			h.at = i
		case kind == "note" && h.note < 0:
			h.note = i
		default:
			h.names[i] = mail.Visible(name)
		}
	}
	return h, h.what >= 0
}

func (h heads) line(cells []string, utc bool) (l Line, why string) {
	cell := func(i int) string {
		if i < 0 || i >= len(cells) {
			return ""
		}
		return strings.TrimSpace(mail.Visible(cells[i]))
	}
	l.What = cell(h.what)
	if len(l.What) > mostWhat {
		l.What, why = strings.ToValidUTF8(l.What[:mostWhat], ""), asideRead
	}
	notes := []string{cell(h.note)}
	if h.names == nil {
		for i := 3; i < len(cells); i++ {
			notes = append(notes, cell(i))
		}
	}
	for i, name := range h.names {
		if c := cell(i); name != "" && c != "" {
			notes = append(notes, name+": "+c)
		}
	}
	l.Note = strings.Join(slices.DeleteFunc(notes, func(s string) bool { return s == "" }), "; ")
	if utf8.RuneCountInString(l.Note) > mostNote {
		l.Note = string([]rune(l.Note)[:mostNote]) + "…"
	}
	if at := cell(h.at); at != "" && why == "" {
		l.At, why = readTime(at, utc)
		if why != "" {
			l.Note = strings.Trim(at+"; "+l.Note, "; ")
		}
	}
	return l, why
}

var (
	zoned   = []string{time.RFC3339Nano, "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05 -07:00", "2006-01-02 15:04Z07:00", "2006-01-02T15:04Z07:00", "2006-01-02 15:04:05 UTC", "2006-01-02 15:04 UTC"}
	zonless = []string{"2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02"}
)

// readTime reads a time as lists have it, or seconds since 1970.
func readTime(s string, utc bool) (time.Time, string) {
	for _, layout := range zoned {
		if t, err := time.Parse(layout, s); err == nil {
			return plausible(t)
		}
	}
	for _, layout := range zonless {
		if t, err := time.Parse(layout, s); err == nil {
			if !utc {
				return time.Time{}, asideZone
			}
			return plausible(t)
		}
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n > 1e8 && n < 1e11 {
		return plausible(time.Unix(n, 0))
	}
	return time.Time{}, asideTime
}

func plausible(t time.Time) (time.Time, string) {
	if t.Year() < 1990 || t.Year() > 2200 {
		return time.Time{}, asideTime
	}
	return t.UTC().Truncate(time.Microsecond), ""
}
