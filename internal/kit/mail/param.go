package mail

import (
	"slices"
	"strconv"
	"strings"
)

// param is one parameter as written, its quotes taken off.
type param struct{ name, value string }

// cutParams splits "text/plain; charset=x" leniently: comments dropped, quoted strings read, unquoted values run to the next semicolon.
func cutParams(raw string) (value string, params []param) {
	s := dropComments(raw)
	value, s, _ = strings.Cut(s, ";")
	value = strings.ToLower(strings.TrimSpace(value))
	for s != "" && len(params) < 100 {
		s = strings.TrimLeft(s, " \t;")
		eq := strings.IndexAny(s, "=;")
		if eq < 0 {
			break
		}
		if s[eq] == ';' {
			s = s[eq+1:]
			continue
		}
		name := strings.ToLower(strings.TrimSpace(s[:eq]))
		s = strings.TrimLeft(s[eq+1:], " \t")
		var v string
		if strings.HasPrefix(s, `"`) {
			v, s = cutQuoted(s)
			_, s, _ = strings.Cut(s, ";")
		} else {
			v, s, _ = strings.Cut(s, ";")
			v = strings.TrimSpace(v)
		}
		params = append(params, param{name, v})
	}
	return value, params
}

func cutQuoted(s string) (value, rest string) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:]
		case '\\':
			// A lone backslash is a path of a careless sender more often than an escape.
			if i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\') {
				i++
			}
			b.WriteByte(s[i])
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), ""
}

// dropComments takes out RFC 5322 comments that stand outside of quotes.
func dropComments(s string) string {
	if !strings.Contains(s, "(") {
		return s
	}
	var b strings.Builder
	depth, quoted := 0, false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && i+1 < len(s) && (quoted || depth > 0):
			if depth == 0 {
				b.WriteString(s[i : i+2])
			}
			i++
			continue
		case c == '"' && depth == 0:
			quoted = !quoted
		case c == '(' && !quoted:
			depth++
			continue
		case c == ')' && !quoted && depth > 0:
			depth--
			continue
		}
		if depth == 0 {
			b.WriteByte(c)
		}
	}
	if depth > 0 {
		return s // an unclosed bracket is text
	}
	return b.String()
}

// joinParams puts RFC 2231 continuations together and decodes them; repeated names are told.
func joinParams(params []param, pick choice) (values map[string]string, repeated []string) {
	values = map[string]string{}
	type piece struct {
		n       int
		value   string
		encoded bool
	}
	pieces := map[string][]piece{}
	set := func(name, v string) {
		old, was := values[name]
		if was && old != v {
			repeated = append(repeated, name)
		}
		if !was || pick == lastCounts {
			values[name] = v
		}
	}
	for _, p := range params {
		name, rest, starred := strings.Cut(p.name, "*")
		if !starred {
			set(name, p.value)
			continue
		}
		encoded := rest == "" || strings.HasSuffix(rest, "*")
		n, err := strconv.Atoi(strings.TrimSuffix(rest, "*"))
		if rest != "" && err != nil {
			continue
		}
		pieces[name] = append(pieces[name], piece{n, p.value, encoded})
	}
	for name, ps := range pieces {
		slices.SortStableFunc(ps, func(a, b piece) int { return a.n - b.n })
		charset, bytes := "", []byte{}
		for i, p := range ps {
			v := p.value
			if i > 0 && ps[i-1].n == p.n {
				repeated = append(repeated, name)
				continue
			}
			if p.encoded {
				if i == 0 {
					if parts := strings.SplitN(v, "'", 3); len(parts) == 3 {
						charset, v = parts[0], parts[2]
					}
				}
				bytes = append(bytes, unpercent(v)...)
			} else {
				bytes = append(bytes, v...)
			}
		}
		text, _ := decodeCharset(charset, bytes)
		// The extended form is the one meant when both are there (RFC 6266, 5987); that they differ is no oddity.
		if _, was := values[name]; !was || pick == firstCounts {
			values[name] = text
		}
	}
	return values, repeated
}

func unpercent(s string) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && unhex(s[i+1]) >= 0 && unhex(s[i+2]) >= 0 {
			out = append(out, byte(unhex(s[i+1])<<4|unhex(s[i+2])))
			i += 2
			continue
		}
		out = append(out, s[i])
	}
	return out
}
