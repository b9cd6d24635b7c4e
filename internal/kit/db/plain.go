package db

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// plain is a statement as SQLite takes it. Its limits are written out: SQLite reads the bound value of a limit when it plans, and compiles the
// statement anew each time one is bound, also when it is the same as before.
type plain struct {
	text  string   // with ?1 for $1, which SQLite would number by appearance
	parts []string // text around its limits; nil for none
	args  []int    // which argument each limit is

	mu   sync.Mutex
	seen []string // the first few texts that came out; others keep their placeholders, so that few are compiled
}

const mostLimits = 4

var limit = regexp.MustCompile(`LIMIT \?([0-9]+)`)

// lite gives the text of a query for SQLite.
func (d *DB) lite(query string, args []any) string {
	if v, ok := d.plain.Load(query); ok {
		return v.(*plain).with(args)
	}
	p := &plain{text: numbered(query)}
	if len(query) > keptLongest {
		return p.text
	}
	from := 0
	for _, at := range limit.FindAllStringSubmatchIndex(p.text, -1) {
		if strings.Count(p.text[:at[0]], "'")%2 != 0 {
			continue // in a text
		}
		n, _ := strconv.Atoi(p.text[at[2]:at[3]])
		p.parts = append(p.parts, p.text[from:at[2]-1])
		p.args = append(p.args, n-1)
		from = at[1]
	}
	if p.parts != nil {
		p.parts = append(p.parts, p.text[from:])
	}
	v, _ := d.plain.LoadOrStore(query, p)
	return v.(*plain).with(args)
}

// with writes the limits out, as far as they are whole numbers of Go's.
func (p *plain) with(args []any) string {
	if p.parts == nil {
		return p.text
	}
	var b strings.Builder
	for i, at := range p.args {
		b.WriteString(p.parts[i])
		n, ok := 0, false
		if at >= 0 && at < len(args) {
			n, ok = args[at].(int)
		}
		if !ok {
			return p.text
		}
		b.WriteString(strconv.Itoa(n))
	}
	b.WriteString(p.parts[len(p.args)])
	text := b.String()
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case slices.Contains(p.seen, text):
	case len(p.seen) < mostLimits:
		p.seen = append(p.seen, text)
	default:
		return p.text
	}
	return text
}

func numbered(query string) string {
	if !strings.Contains(query, "$") {
		return query
	}
	b := []byte(query)
	quoted := false
	for i := range b {
		switch {
		case b[i] == '\'':
			quoted = !quoted
		case b[i] == '$' && !quoted && i+1 < len(b) && b[i+1] >= '0' && b[i+1] <= '9':
			b[i] = '?'
		}
	}
	return string(b)
}
