package abuse

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// sourceOf reads an address with or without a port, a name, a mail address or a URL.
func sourceOf(text string) Source {
	s := Source{Text: clean(text)}
	v := strings.Trim(s.Text, " <>[]\"'")
	if v == "" {
		return Source{}
	}
	if a, err := netip.ParseAddr(v); err == nil {
		s.Addr = a.Unmap().WithZone("")
		return s
	}
	if ap, err := netip.ParseAddrPort(s.Text); err == nil {
		s.Addr, s.Port = ap.Addr().Unmap().WithZone(""), int(ap.Port())
		return s
	}
	if scheme, rest, ok := strings.Cut(v, "://"); ok && rest != "" && len(scheme) <= 10 {
		s.URL = v
		if u, err := url.Parse(v); err == nil {
			s.host(u.Hostname())
			if n, err := strconv.Atoi(u.Port()); err == nil {
				s.Port = n
			}
		}
		return s
	}
	if at := strings.LastIndexByte(v, '@'); at > 0 {
		s.host(v[at+1:])
		return s
	}
	host, port, hasPort := strings.Cut(v, ":")
	if n, err := strconv.Atoi(port); hasPort && err == nil && n > 0 && n < 65536 {
		s.Port = n
		v = host
	}
	host, path, hasPath := strings.Cut(v, "/")
	s.host(host)
	if hasPath && path != "" && s.Domain != "" {
		s.URL = v
	}
	return s
}

func (s *Source) host(h string) {
	h = strings.ToLower(strings.TrimSuffix(strings.Trim(h, "[]"), "."))
	if a, err := netip.ParseAddr(h); err == nil {
		s.Addr = a.Unmap().WithZone("")
		return
	}
	if domain(h) {
		s.Domain = h
	}
}

// domain tells whether h is a name with at least two labels.
func domain(h string) bool {
	if len(h) > 253 || !strings.Contains(h, ".") {
		return false
	}
	for _, label := range strings.Split(h, ".") {
		if label == "" || len(label) > 63 || strings.HasPrefix(label, "-") {
			return false
		}
		for _, c := range label {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' && c < 0x80 {
				return false
			}
		}
	}
	return true
}

// source adds one, once.
func (r *Report) source(s Source) {
	if s.IsZero() {
		return
	}
	for i, x := range r.Sources {
		if x.Text == s.Text || x.Addr.IsValid() && x.Addr == s.Addr && s.URL == "" && s.Domain == "" {
			if x.Port == 0 {
				r.Sources[i].Port = s.Port
			}
			return
		}
	}
	if len(r.Sources) >= 100 {
		r.problem(TooMuch)
		return
	}
	r.Sources = append(r.Sources, s)
}

func (r *Report) target(s Source) {
	if !s.IsZero() && len(r.Targets) < 100 {
		r.Targets = append(r.Targets, s)
	}
}

// layouts are how reports write a time.
var layouts = []string{
	time.RFC3339, "2006-01-02T15:04:05.999999999Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05Z07", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 -0700",
	"2006-01-02 15:04:05 MST", "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02",
	"Mon, 2 Jan 2006 15:04:05 -0700", "2 Jan 2006 15:04:05 -0700", "Mon, 2 Jan 2006 15:04:05 MST", "Mon, 2 Jan 2006 15:04:05", "Mon Jan 2 15:04:05 2006", "02/Jan/2006:15:04:05 -0700",
}

// when reads a time, also seconds since 1970. A time without a zone counts as UTC.
func when(s string) time.Time {
	s = strings.TrimSpace(s)
	if i := strings.IndexByte(s, '('); i > 0 {
		s = strings.TrimSpace(s[:i])
	}
	for _, l := range layouts {
		if t, err := time.Parse(l, s); err == nil && t.Year() > 1980 && t.Year() < 2200 {
			return mail.Zoned(t).UTC()
		}
	}
	if n, err := strconv.ParseFloat(s, 64); err == nil && n > 315532800 && n < 7258118400 {
		return time.Unix(int64(n), 0).UTC()
	}
	return time.Time{}
}
