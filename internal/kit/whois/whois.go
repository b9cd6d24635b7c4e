// Package whois asks by RFC 3912 whose an address or a domain is, where no registry answers by RDAP: some country codes and old registries. It asks
// whois.iana.org who answers, that host and nobody else, and reads of its free text who takes complaints, by the few ways in which regional registries and
// registries of names say it. Question and answer travel in clear, and there is no form to hold an answer against: what is read says so (rdap.Answer.Whois).
package whois

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/publicsuffix"

	"github.com/tocsin-csirt/tocsin/internal/kit/rdap"
)

// Root is who knows which host answers for what.
const Root = "whois.iana.org"

// The limits.
const (
	mostAnswer = 64 << 10
	mostLines  = 2000
	mostMails  = 4
)

// Liner asks one line of a host (kit/fetch).
type Liner interface {
	Line(ctx context.Context, host, question string, most int) ([]byte, error)
}

// Looker answers by RDAP.
type Looker interface {
	Look(ctx context.Context, q rdap.Question) (rdap.Answer, error)
}

// Client asks First, and by whois what no registry answers there.
type Client struct {
	First Looker
	Lines Liner
}

// Look gives the answer of the registry, or what whois says when none is known to speak RDAP. The errors are those of package rdap.
func (c *Client) Look(ctx context.Context, q rdap.Question) (rdap.Answer, error) {
	a, err := c.First.Look(ctx, q)
	if !errors.Is(err, rdap.ErrNobody) || q.Kind == rdap.Number {
		return a, err
	}
	return c.ask(ctx, q)
}

func (c *Client) ask(ctx context.Context, q rdap.Question) (rdap.Answer, error) {
	name := q.Value
	if q.Kind == rdap.Domain {
		if org, err := publicsuffix.EffectiveTLDPlusOne(name); err == nil {
			name = org
		}
		q.Value = name
		name = name[strings.LastIndexByte(name, '.')+1:]
	}
	raw, err := c.Lines.Line(ctx, Root, name, mostAnswer)
	if err != nil {
		return rdap.Answer{}, rdap.ErrSilent
	}
	host := ""
	for _, l := range read(raw) {
		if (l.key == "refer" || l.key == "whois") && host == "" {
			host = strings.ToLower(l.value)
		}
	}
	if !hostname(host) || host == Root {
		return rdap.Answer{}, rdap.ErrNobody
	}
	if raw, err = c.Lines.Line(ctx, host, q.Value, mostAnswer); err != nil {
		return rdap.Answer{}, rdap.ErrSilent
	}
	a, err := understand(q, read(raw))
	a.Registry = host
	return a, err
}

// line is one line of an answer; note tells that it stands in a comment, or is no field.
type line struct {
	key, value string
	note       bool
}

// read takes an answer apart. It is a stranger's text: cut, and without what is not seen.
func read(raw []byte) (out []line) {
	s := bufio.NewScanner(bytes.NewReader(bytes.ToValidUTF8(raw, nil)))
	s.Buffer(make([]byte, 4096), mostAnswer)
	for s.Scan() && len(out) < mostLines {
		text := strings.TrimSpace(strings.Map(func(r rune) rune {
			if r == '\t' {
				return ' '
			}
			if !unicode.IsPrint(r) {
				return -1
			}
			return r
		}, s.Text()))
		if note := strings.TrimLeft(text, "%# "); note != text {
			out = append(out, line{"", clip(note), true})
			continue
		}
		if key, value, ok := strings.Cut(text, ":"); ok {
			out = append(out, line{strings.ToLower(strings.TrimSpace(key)), clip(strings.TrimSpace(value)), false})
		} else if text != "" {
			out = append(out, line{"", clip(text), true})
		}
	}
	return out
}

func clip(s string) string {
	if utf8.RuneCountInString(s) > 200 {
		return string([]rune(s)[:200])
	}
	return s
}

// abuseNote is how RIPE, APNIC and AFRINIC name who takes complaints: before the objects, in a comment.
var abuseNote = regexp.MustCompile(`^Abuse contact for '([^']+)' is '([^']+)'`)

// abuseKeys are the attributes that hold an address for complaints: of ARIN, of RPSL, and of registries of names (the contract of ICANN and those like it).
var abuseKeys = []string{"orgabuseemail", "abuse-mailbox", "abuse email", "abuse contact email", "registrar abuse contact email"}

// understand reads what was asked about, and refuses an answer about something else.
func understand(q rdap.Question, lines []line) (rdap.Answer, error) {
	a := rdap.Answer{Kind: q.Kind, Whois: true}
	var mails, others []string // others stand beside an asker's own object
	about := false
	for _, l := range lines {
		if l.note {
			if m := abuseNote.FindStringSubmatch(l.value); m != nil && q.Kind == rdap.Address && spans(&a, m[1], q.Value) {
				about, mails = true, add(mails, m[2])
			}
			continue
		}
		switch {
		case q.Kind == rdap.Address && slices.Contains([]string{"inetnum", "inet6num", "netrange", "cidr"}, l.key):
			about = spans(&a, l.value, q.Value) || about
		case q.Kind == rdap.Address && (l.key == "netname" || l.key == "net-name") && a.Name == "":
			a.Name = l.value
		case q.Kind == rdap.Domain && (l.key == "domain" || l.key == "domain name"):
			name := strings.TrimSuffix(strings.ToLower(l.value), ".")
			about = about || name == q.Value
		case l.key == "country" && len(l.value) == 2 && a.Country == "":
			a.Country = strings.ToUpper(l.value)
		case slices.Contains(abuseKeys, l.key):
			if l.key == "registrar abuse contact email" {
				others = add(others, l.value)
			} else {
				mails = add(mails, l.value)
			}
		}
	}
	if !about {
		if len(lines) > 0 && slices.ContainsFunc(lines, func(l line) bool {
			s := strings.ToLower(l.key + " " + l.value)
			return strings.Contains(s, "no match") || strings.Contains(s, "not found") || strings.Contains(s, "no entries")
		}) {
			return a, rdap.ErrUnknown
		}
		return a, rdap.ErrUnread
	}
	if q.Kind == rdap.Domain {
		a.Name = q.Value
	}
	if len(mails) > 0 {
		a.Entities = append(a.Entities, rdap.Entity{Roles: []string{"abuse"}, Mails: mails})
	}
	if len(others) > 0 {
		a.Entities = append(a.Entities, rdap.Entity{Roles: []string{"abuse"}, Within: []string{"registrar"}, Mails: others})
	}
	return a, nil
}

// spans reads a network and tells whether the address that was asked for lies in it; the smallest one is kept.
func spans(a *rdap.Answer, text, asked string) bool {
	ip, err := netip.ParseAddr(asked)
	if err != nil {
		return false
	}
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		var first, last netip.Addr
		if p, err := netip.ParsePrefix(part); err == nil && p.Contains(ip) {
			first, last = p.Masked().Addr(), lastOf(p)
		} else if from, to, ok := strings.Cut(part, "-"); ok {
			first, _ = netip.ParseAddr(strings.TrimSpace(from))
			last, _ = netip.ParseAddr(strings.TrimSpace(to))
		}
		if !first.IsValid() || !last.IsValid() || first.BitLen() != ip.BitLen() || ip.Less(first) || last.Less(ip) {
			continue
		}
		if !a.First.IsValid() || a.First.Less(first) || last.Less(a.Last) {
			a.First, a.Last = first, last
		}
		return true
	}
	return false
}

func lastOf(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	last, _ := netip.AddrFromSlice(b)
	return last
}

var mailAddress = regexp.MustCompile(`^[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?$`)

func add(list []string, address string) []string {
	if address = strings.TrimPrefix(address, "mailto:"); len(list) == mostMails || slices.Contains(list, address) || !mailAddress.MatchString(address) || !strings.Contains(address[strings.IndexByte(address, '@'):], ".") {
		return list
	}
	return append(list, address)
}

// hostname tells whether a referral is a name of the network, and no address: whoever answers is asked by name.
func hostname(s string) bool {
	last := s[strings.LastIndexByte(s, '.')+1:]
	return len(s) <= 253 && strings.Contains(s, ".") && strings.Trim(last, "abcdefghijklmnopqrstuvwxyz-0123456789") == "" && strings.Trim(last, "0123456789") != "" &&
		strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789.-") == "" && !strings.Contains("."+s, "..") && !strings.HasPrefix(s, "-")
}
