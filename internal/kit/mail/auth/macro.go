package auth

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// expand writes out the macros of RFC 7208 section 7 in a domain name.
func (s *spfRun) expand(spec, domain string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(spec); i++ {
		if spec[i] != '%' {
			b.WriteByte(spec[i])
			continue
		}
		if i++; i >= len(spec) {
			return "", false
		}
		switch spec[i] {
		case '%':
			b.WriteByte('%')
		case '_':
			b.WriteByte(' ')
		case '-':
			b.WriteString("%20")
		case '{':
			end := strings.IndexByte(spec[i:], '}')
			if end < 2 {
				return "", false
			}
			v, ok := s.macro(spec[i+1:i+end], domain)
			if !ok {
				return "", false
			}
			b.WriteString(v)
			i += end
		default:
			return "", false
		}
	}
	out := strings.TrimSuffix(b.String(), ".")
	for len(out) > 253 {
		_, rest, ok := strings.Cut(out, ".")
		if !ok {
			return "", false
		}
		out = rest
	}
	return out, true
}

func (s *spfRun) macro(m, domain string) (string, bool) {
	at := strings.LastIndexByte(s.sender, '@')
	var v string
	switch m[0] | 0x20 {
	case 's':
		v = s.sender
	case 'l':
		v = s.sender[:at]
	case 'o':
		v = s.sender[at+1:]
	case 'd':
		v = domain
	case 'i':
		v = s.dotted()
	case 'p':
		v = "unknown"
	case 'v':
		v = "ip6"
		if s.ip.Is4() {
			v = "in-addr"
		}
	case 'h':
		v = s.helo
	default:
		return "", false
	}
	rest := m[1:]
	keep, digits := 0, 0
	for digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9' {
		if keep = keep*10 + int(rest[digits]-'0'); keep > 1000 {
			return "", false
		}
		digits++
	}
	if digits > 0 && keep == 0 {
		return "", false
	}
	rest = rest[digits:]
	reverse := strings.HasPrefix(strings.ToLower(rest), "r")
	if reverse {
		rest = rest[1:]
	}
	if strings.Trim(rest, ".-+,/_=") != "" {
		return "", false
	}
	if rest == "" {
		rest = "."
	}
	parts := strings.FieldsFunc(v, func(r rune) bool { return strings.ContainsRune(rest, r) })
	if reverse {
		slices.Reverse(parts)
	}
	if keep > 0 && keep < len(parts) {
		parts = parts[len(parts)-keep:]
	}
	v = strings.Join(parts, ".")
	if m[0] >= 'A' && m[0] <= 'Z' {
		v = url.QueryEscape(v)
	}
	return v, true
}

// dotted gives the address with dots: for IPv6 one for each half byte.
func (s *spfRun) dotted() string {
	if s.ip.Is4() {
		return s.ip.String()
	}
	var parts []string
	for _, x := range s.ip.As16() {
		parts = append(parts, fmt.Sprintf("%x.%x", x>>4, x&15))
	}
	return strings.Join(parts, ".")
}
