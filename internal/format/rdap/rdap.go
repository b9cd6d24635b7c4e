// Package rdap reads answers of the Registration Data Access Protocol (RFC 9083, contacts as jCard, RFC 7095) and the registries of who answers for what
// (RFC 9224). Of an answer it takes names, addresses for abuse and who plays which part, and never where it leads: links are not read.
//
// It is pure and reaches nothing.
package rdap

import (
	"cmp"
	"encoding/json"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// Limits of what is read of an answer.
const (
	MostAnswer = 512 << 10 // bytes
	mostEntity = 100
	deepest    = 4
	longest    = 200 // characters of a value
)

// Answer is what a registry says about a domain or a network.
type Answer struct {
	Kind    string // "domain" or "ip network"
	Name    string // of the domain in lower case, or of the network
	Country string
	First   netip.Addr
	Last    netip.Addr
	Parties []Party
}

// Party is somebody who plays a part.
type Party struct {
	Roles  []string // as the registry calls them: "registrar", "abuse", "registrant"
	Name   string
	Email  string
	Number string // of a registrar, as IANA numbers them
	Under  int    // place of the one that named it, -1 for none
}

type object struct {
	Class   string   `json:"objectClassName"`
	Name    string   `json:"name"`
	LDH     string   `json:"ldhName"`
	Country string   `json:"country"`
	Start   string   `json:"startAddress"`
	End     string   `json:"endAddress"`
	Entity  []entity `json:"entities"`
}

type entity struct {
	Roles  []string          `json:"roles"`
	VCard  []json.RawMessage `json:"vcardArray"`
	Public []struct {
		Type       string `json:"type"`
		Identifier string `json:"identifier"`
	} `json:"publicIds"`
	Entity []entity `json:"entities"`
}

// ErrAnswer refuses what is no answer.
var ErrAnswer = errs.New(errs.Invalid, "this is no answer of a registry")

// Parse reads an answer. What is too long, too deep or of another kind is Invalid or left out.
func Parse(b []byte) (Answer, error) {
	var o object
	if len(b) > MostAnswer || json.Unmarshal(b, &o) != nil || o.Class != "domain" && o.Class != "ip network" {
		return Answer{}, ErrAnswer
	}
	a := Answer{Kind: o.Class, Name: clean(o.Name), Country: clean(o.Country)}
	if o.Class == "domain" {
		a.Name = strings.ToLower(strings.TrimSuffix(clean(o.LDH), "."))
	} else {
		a.First, _ = netip.ParseAddr(o.Start)
		a.Last, _ = netip.ParseAddr(o.End)
	}
	a.add(o.Entity, -1, 0)
	return a, nil
}

func (a *Answer) add(list []entity, under, depth int) {
	if depth >= deepest {
		return
	}
	for _, e := range list {
		if len(a.Parties) >= mostEntity {
			return
		}
		p := Party{Under: under}
		for _, r := range e.Roles[:min(len(e.Roles), 10)] {
			p.Roles = append(p.Roles, strings.ToLower(clean(r)))
		}
		if len(e.VCard) > 1 {
			p.card(e.VCard[1])
		}
		for _, id := range e.Public {
			if strings.EqualFold(id.Type, "IANA Registrar ID") {
				p.Number = clean(id.Identifier)
			}
		}
		a.Parties = append(a.Parties, p)
		a.add(e.Entity, len(a.Parties)-1, depth+1)
	}
}

// card reads name and mail address of a jCard.
func (p *Party) card(raw json.RawMessage) {
	var lines [][]json.RawMessage
	if json.Unmarshal(raw, &lines) != nil {
		return
	}
	var org string
	for _, l := range lines[:min(len(lines), 100)] {
		var name, value string
		if len(l) < 4 || json.Unmarshal(l[0], &name) != nil || json.Unmarshal(l[3], &value) != nil {
			continue
		}
		switch strings.ToLower(name) {
		case "fn":
			p.Name = cmp.Or(p.Name, clean(value))
		case "org":
			org = cmp.Or(org, clean(value))
		case "email":
			if v := strings.TrimPrefix(clean(value), "mailto:"); p.Email == "" && strings.Count(v, "@") == 1 && !strings.ContainsAny(v, " <>\",;") {
				p.Email = v
			}
		}
	}
	p.Name = cmp.Or(org, p.Name)
}

func clean(s string) string {
	s = mail.Visible(strings.Join(strings.Fields(strings.ToValidUTF8(s, "\ufffd")), " "))
	if r := []rune(s); len(r) > longest {
		return string(r[:longest])
	}
	return s
}

// With gives who plays a part.
func (a Answer) With(role string) (Party, bool) {
	for _, p := range a.Parties {
		if slices.Contains(p.Roles, role) {
			return p, true
		}
	}
	return Party{}, false
}

// Abuse gives the address for abuse: that of the party that names one for the part ("registrar"), else of whoever answers for abuse of the whole.
func (a Answer) Abuse(role string) string {
	for i, p := range a.Parties {
		if role == "" || !slices.Contains(p.Roles, role) {
			continue
		}
		for _, x := range a.Parties {
			if x.Under == i && slices.Contains(x.Roles, "abuse") && x.Email != "" {
				return x.Email
			}
		}
	}
	for _, p := range a.Parties {
		if slices.Contains(p.Roles, "abuse") && p.Email != "" && (role == "" || p.Under < 0) {
			return p.Email
		}
	}
	return ""
}

// Bootstrap knows which server answers for what.
type Bootstrap struct {
	domains  map[string]string
	networks []network
	hosts    map[string]bool
}

type network struct {
	prefix netip.Prefix
	base   string
}

// Read adds one registry of IANA: that of domains, of IPv4 or of IPv6 networks.
func (b *Bootstrap) Read(text []byte) error {
	var f struct {
		Services [][][]string `json:"services"`
	}
	if len(text) > 8<<20 || json.Unmarshal(text, &f) != nil || len(f.Services) == 0 {
		return errs.New(errs.Invalid, "this is no registry of RDAP services (RFC 9224)")
	}
	if b.domains == nil {
		b.domains, b.hosts = map[string]string{}, map[string]bool{}
	}
	for _, s := range f.Services {
		if len(s) < 2 {
			continue
		}
		base := ""
		for _, u := range s[1] {
			if x, err := url.Parse(u); err == nil && x.Scheme == "https" && x.Host != "" && x.User == nil {
				base = strings.TrimSuffix(u, "/") + "/"
				b.hosts[strings.ToLower(x.Host)] = true
				break
			}
		}
		if base == "" {
			continue
		}
		for _, what := range s[0] {
			if p, err := netip.ParsePrefix(what); err == nil {
				b.networks = append(b.networks, network{p.Masked(), base})
			} else {
				b.domains[strings.ToLower(strings.TrimSuffix(what, "."))] = base
			}
		}
	}
	return nil
}

// Knows tells whether a URL leads to a server of the registries.
func (b *Bootstrap) Knows(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "https" && u.User == nil && b.hosts[strings.ToLower(u.Host)]
}

// Domain gives where to ask for a domain, "" when nobody answers for it. What is asked for is the domain as it was registered.
func (b *Bootstrap) Domain(domain string) string {
	d := Registered(domain)
	for top := d; top != ""; {
		_, rest, ok := strings.Cut(top, ".")
		if !ok {
			break
		}
		if base := b.domains[rest]; base != "" {
			return base + "domain/" + url.PathEscape(d)
		}
		top = rest
	}
	return ""
}

// Address gives where to ask for an address: the smallest network that is known.
func (b *Bootstrap) Address(a netip.Addr) string {
	best := network{}
	for _, n := range b.networks {
		if n.prefix.Contains(a.Unmap()) && (best.base == "" || n.prefix.Bits() > best.prefix.Bits()) {
			best = n
		}
	}
	if best.base == "" {
		return ""
	}
	return best.base + "ip/" + a.Unmap().String()
}

// Registered gives the domain that somebody registered with a registry: example.co.uk of www.example.co.uk, github.io of somebody.github.io.
func Registered(domain string) string {
	d := strings.ToLower(strings.TrimSuffix(domain, "."))
	labels := strings.Split(d, ".")
	at := len(labels) - 1
	for i := at - 1; i >= 0; i-- {
		name := strings.Join(labels[i:], ".")
		if suffix, public := publicsuffix.PublicSuffix(name); public && suffix == name {
			at = i
		}
	}
	return strings.Join(labels[max(at-1, 0):], ".")
}
