package smtpd

import (
	"strings"
	"unicode/utf8"
)

// parsePath reads "<address> PARAM=x PARAM" as it stands behind FROM: or TO:. A source route is taken off.
func parsePath(s string) (addr string, params map[string]string, ok bool) {
	s = strings.TrimLeft(s, " ")
	if !strings.HasPrefix(s, "<") {
		return "", nil, false
	}
	end, quoted := -1, false
	for i := 1; i < len(s) && end < 0; i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == '>' && !quoted:
			end = i
		}
	}
	if end < 0 {
		return "", nil, false
	}
	addr = s[1:end]
	if strings.HasPrefix(addr, "@") {
		_, addr, ok = strings.Cut(addr, ":")
		if !ok {
			return "", nil, false
		}
	}
	rest := s[end+1:]
	if rest != "" && rest[0] != ' ' {
		return "", nil, false
	}
	params = map[string]string{}
	for _, f := range strings.Fields(rest) {
		k, v, _ := strings.Cut(f, "=")
		k = strings.ToUpper(k)
		if _, twice := params[k]; twice {
			return "", nil, false
		}
		params[k] = v
	}
	return addr, params, true
}

// goodAddress tells whether an address can be one: local part, @, domain, no control characters. Bytes above 127 need SMTPUTF8.
func goodAddress(a string, utf bool) bool {
	at := strings.LastIndexByte(a, '@')
	if at <= 0 || at == len(a)-1 || len(a) > 320 || !utf8.ValidString(a) {
		return false
	}
	for _, r := range a {
		if r < ' ' || r == 0x7f || r > 0x7f && (!utf || r < 0xa0) {
			return false
		}
	}
	return !strings.ContainsAny(a[at:], " <>\"(),;\\") && (strings.HasPrefix(a, `"`) || !strings.ContainsAny(a[:at], " <>(),;@\""))
}
