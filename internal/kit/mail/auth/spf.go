package auth

import (
	"context"
	"net/netip"
	"strconv"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Outcome is a result of SPF (RFC 7208 section 2.6).
type Outcome string

// The outcomes.
const (
	NoSPF     Outcome = "none"
	Neutral   Outcome = "neutral"
	Pass      Outcome = "pass"
	Fail      Outcome = "fail"
	SoftFail  Outcome = "softfail"
	TempError Outcome = "temperror"
	PermError Outcome = "permerror"
)

// SPF is what the domain of the reverse path, or of HELO when that is null, says about the sending host.
type SPF struct {
	Outcome Outcome
	Domain  string
}

const (
	maxLookups = 10 // RFC 7208 section 4.6.4
	maxVoid    = 2
	maxMX      = 10
)

type spfRun struct {
	r       Resolver
	ip      netip.Addr
	sender  string // local@domain
	helo    string
	lookups int
	void    int
}

func (c *Checker) spf(ctx context.Context, e Envelope) SPF {
	if !e.Peer.IsValid() {
		return SPF{Outcome: NoSPF}
	}
	sender := e.From
	if sender == "" {
		sender = "postmaster@" + e.Helo
	}
	at := strings.LastIndexByte(sender, '@')
	domain := strings.ToLower(strings.TrimSuffix(sender[at+1:], "."))
	if at < 0 {
		return SPF{Outcome: NoSPF}
	}
	run := &spfRun{r: c.Resolver, ip: e.Peer.Unmap().WithZone(""), sender: sender, helo: e.Helo}
	return SPF{run.check(ctx, domain, 0), domain}
}

func validName(d string) bool {
	if len(d) > 253 || !strings.Contains(d, ".") {
		return false
	}
	for l := range strings.SplitSeq(d, ".") {
		if l == "" || len(l) > 63 {
			return false
		}
	}
	for i := range len(d) {
		if d[i] <= ' ' || d[i] > '~' {
			return false
		}
	}
	return true
}

// check is check_host of RFC 7208 section 4.
func (s *spfRun) check(ctx context.Context, domain string, depth int) Outcome {
	if !validName(domain) || depth > maxLookups {
		return NoSPF
	}
	txt, err := s.r.TXT(ctx, domain)
	if err != nil && !errs.Is(err, errs.NotFound) {
		return TempError
	}
	record, n := "", 0
	for _, t := range txt {
		if low := strings.ToLower(t); low == "v=spf1" || strings.HasPrefix(low, "v=spf1 ") {
			record, n = t[6:], n+1
		}
	}
	switch n {
	case 0:
		return NoSPF
	case 1:
	default:
		return PermError
	}
	terms := strings.Fields(record)
	redirect, redirects := "", 0
	for _, t := range terms { // the whole record must be well formed before any of it counts
		if name, value, ok := modifier(t); ok {
			if name == "redirect" {
				redirect, redirects = value, redirects+1
			}
		} else if _, ok := parseMechanism(t); !ok {
			return PermError
		}
	}
	if redirects > 1 {
		return PermError
	}
	for _, t := range terms {
		if _, _, ok := modifier(t); ok {
			continue
		}
		m, _ := parseMechanism(t)
		match, bad := s.match(ctx, m, domain, depth)
		if bad != "" {
			return bad
		}
		if match {
			return m.result
		}
	}
	if redirect == "" {
		return Neutral
	}
	if s.lookups++; s.lookups > maxLookups {
		return PermError
	}
	target, ok := s.expand(redirect, domain)
	if !ok {
		return PermError
	}
	if out := s.check(ctx, target, depth+1); out != NoSPF {
		return out
	}
	return PermError
}

func modifier(t string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(t, "=")
	if !ok || name == "" || strings.ContainsAny(name, ":/%") {
		return "", "", false
	}
	return strings.ToLower(name), value, true
}

type mechanism struct {
	result Outcome
	name   string
	arg    string
	v4, v6 int
	prefix netip.Prefix
}

func parseMechanism(t string) (mechanism, bool) {
	m := mechanism{result: Pass, v4: 32, v6: 128}
	switch t[0] {
	case '+', '-', '~', '?':
		m.result = map[byte]Outcome{'+': Pass, '-': Fail, '~': SoftFail, '?': Neutral}[t[0]]
		t = t[1:]
	}
	end := strings.IndexAny(t, ":/")
	if end < 0 {
		end = len(t)
	}
	m.name = strings.ToLower(t[:end])
	rest := t[end:]
	switch m.name {
	case "all":
		return m, rest == ""
	case "include", "exists":
		m.arg = strings.TrimPrefix(rest, ":")
		return m, m.arg != "" && rest != m.arg
	case "ip4", "ip6":
		arg := strings.TrimPrefix(rest, ":")
		p, err := netip.ParsePrefix(arg)
		if a, e := netip.ParseAddr(arg); e == nil {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		m.prefix = p
		return m, err == nil && p.Addr().Is4() == (m.name == "ip4") && arg != rest
	case "a", "mx", "ptr":
		arg, cidr, hasCIDR := cutCIDR(rest)
		if arg != "" {
			if m.arg = strings.TrimPrefix(arg, ":"); m.arg == "" || m.arg == arg {
				return m, false
			}
		}
		return m, !hasCIDR || m.name != "ptr" && m.lengths(cidr)
	}
	return m, false
}

// cutCIDR cuts "/24//64" off the end; a slash within a macro stays.
func cutCIDR(s string) (arg, cidr string, ok bool) {
	i := strings.LastIndexByte(s, '}') + 1
	j := strings.IndexByte(s[i:], '/')
	if j < 0 {
		return s, "", false
	}
	return s[:i+j], s[i+j:], true
}

func (m *mechanism) lengths(s string) bool {
	four, six, both := strings.Cut(s, "//")
	var err error
	if four != "" {
		if m.v4, err = strconv.Atoi(strings.TrimPrefix(four, "/")); err != nil || m.v4 < 0 || m.v4 > 32 {
			return false
		}
	}
	if both {
		if m.v6, err = strconv.Atoi(six); err != nil || m.v6 < 0 || m.v6 > 128 {
			return false
		}
	}
	return true
}

// match tells whether the sending host is meant; bad ends the whole check.
func (s *spfRun) match(ctx context.Context, m mechanism, domain string, depth int) (match bool, bad Outcome) {
	switch m.name {
	case "all":
		return true, ""
	case "ip4", "ip6":
		return m.prefix.Contains(s.ip), ""
	}
	if s.lookups++; s.lookups > maxLookups {
		return false, PermError
	}
	target := domain
	if m.arg != "" {
		var ok bool
		if target, ok = s.expand(m.arg, domain); !ok {
			return false, PermError
		}
	}
	switch m.name {
	case "include":
		switch s.check(ctx, target, depth+1) {
		case Pass:
			return true, ""
		case TempError:
			return false, TempError
		case PermError, NoSPF:
			return false, PermError
		}
		return false, ""
	case "a":
		return s.hosts(ctx, []string{target}, m)
	case "mx":
		hosts, err := s.r.MX(ctx, target)
		if bad := s.failed(err, len(hosts)); bad != "" {
			return false, bad
		}
		if len(hosts) > maxMX {
			return false, PermError
		}
		return s.hosts(ctx, hosts, m)
	case "exists":
		got, err := s.r.IP(ctx, target)
		if bad := s.failed(err, len(got)); bad != "" {
			return false, bad
		}
		for _, a := range got {
			if a.Is4() {
				return true, ""
			}
		}
	}
	return false, "" // ptr never matches here: RFC 7208 asks not to use it, and it would let strangers' zones cost us time
}

func (s *spfRun) hosts(ctx context.Context, names []string, m mechanism) (bool, Outcome) {
	bits := m.v6
	if s.ip.Is4() {
		bits = m.v4
	}
	want, err := s.ip.Prefix(bits)
	if err != nil {
		return false, PermError
	}
	for _, n := range names {
		got, err := s.r.IP(ctx, n)
		if bad := s.failed(err, len(got)); bad != "" {
			return false, bad
		}
		for _, a := range got {
			if want.Contains(a) {
				return true, ""
			}
		}
	}
	return false, ""
}

// failed counts answers without content; too many end the check.
func (s *spfRun) failed(err error, n int) Outcome {
	switch {
	case err != nil && !errs.Is(err, errs.NotFound):
		return TempError
	case err != nil || n == 0:
		if s.void++; s.void > maxVoid {
			return PermError
		}
	}
	return ""
}
