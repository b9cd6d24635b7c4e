package constituency

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/format/rpsl"
)

// Compared is what a machine sees in the object of a registry, for the person who judges it. It decides nothing: text that was pasted is no answer of a
// registry.
type Compared struct {
	Read        bool     // it is an object of a registry: RPSL, or RDAP (RFC 9083)
	Covers      bool     // it is about the asset, or about what holds it
	About       []string // what it is about, as it says
	Names       []string // of organisations that it names
	Maintainers []string
	Same        bool // one of the names is that of the register, compared without case and accents
}

const mostNames = 10

// Compare looks at evidence for a proof of an organisation with that name.
func Compare(p Proof, evidence, name string) Compared {
	c := Compared{}
	if b := bytes.TrimSpace([]byte(evidence)); len(b) > 0 && b[0] == '{' {
		c.rdap(p, b)
	} else {
		c.rpsl(p, evidence)
	}
	for _, n := range c.Names {
		c.Same = c.Same || fold(n) == fold(name)
	}
	return c
}

func put(list *[]string, s string) {
	if s = strings.TrimSpace(s); s != "" && len(*list) < mostNames && !slices.Contains(*list, s) {
		*list = append(*list, cut200(s))
	}
}

func (c *Compared) rpsl(p Proof, evidence string) {
	err := rpsl.Read(strings.NewReader(evidence), func(o rpsl.Object) error {
		switch o.Class() {
		case "inetnum", "inet6num", "route", "route6":
			put(&c.About, o.Key())
			first, last, ok := strings.Cut(o.Key(), "-")
			c.Covers = c.Covers || ok && holds(p, first, last) || !ok && holdsPrefix(p, o.Key())
		case "aut-num":
			put(&c.About, o.Key())
			n, ok := asn(o.Key())
			c.Covers = c.Covers || ok && p.Kind == "asn" && n == p.Value
		case "domain":
			put(&c.About, o.Key())
			c.Covers = c.Covers || holdsDomain(p, o.Key())
		}
		for _, a := range []string{"org-name", "descr", "role", "person", "owner"} {
			for _, v := range o.All(a) {
				put(&c.Names, v)
			}
		}
		for _, m := range o.All("mnt-by") {
			put(&c.Maintainers, m)
		}
		return nil
	})
	c.Read = err == nil && len(c.About)+len(c.Names) > 0
}

// rdapObject is what of an answer by RDAP says whose something is (RFC 9083 section 5).
type rdapObject struct {
	Class  string       `json:"objectClassName"`
	Handle string       `json:"handle"`
	Name   string       `json:"name"`
	LDH    string       `json:"ldhName"`
	Start  string       `json:"startAddress"`
	End    string       `json:"endAddress"`
	First  uint32       `json:"startAutnum"`
	Last   uint32       `json:"endAutnum"`
	VCard  []any        `json:"vcardArray"`
	Within []rdapObject `json:"entities"`
}

func (c *Compared) rdap(p Proof, b []byte) {
	var o rdapObject
	if json.Unmarshal(b, &o) != nil {
		return
	}
	switch o.Class {
	case "ip network":
		put(&c.About, o.Start+" - "+o.End)
		c.Covers = holds(p, o.Start, o.End)
	case "autnum":
		put(&c.About, "AS"+strconv.FormatUint(uint64(o.First), 10))
		n, ok := asn(p.Value)
		c.Covers = ok && p.Kind == "asn" && o.First == o.Last && n == "AS"+strconv.FormatUint(uint64(o.First), 10)
	case "domain":
		put(&c.About, o.LDH)
		c.Covers = holdsDomain(p, o.LDH)
	}
	c.Read = len(c.About) > 0
	c.entities(o, 0)
}

func (c *Compared) entities(o rdapObject, deep int) {
	for _, e := range o.Within {
		if len(e.VCard) == 2 {
			fields, _ := e.VCard[1].([]any)
			for _, f := range fields {
				if x, ok := f.([]any); ok && len(x) >= 4 && (x[0] == "fn" || x[0] == "org") {
					if s, ok := x[3].(string); ok {
						put(&c.Names, s)
					}
				}
			}
		}
		put(&c.Maintainers, e.Handle)
		if deep < 2 {
			c.entities(e, deep+1)
		}
	}
}

// holds tells whether the network of a proof lies between two addresses.
func holds(p Proof, first, last string) bool {
	q, err := netip.ParsePrefix(p.Value)
	from, err1 := netip.ParseAddr(strings.TrimSpace(first))
	to, err2 := netip.ParseAddr(strings.TrimSpace(last))
	if err != nil || err1 != nil || err2 != nil || p.Kind != "prefix" || from.BitLen() != q.Addr().BitLen() || to.BitLen() != from.BitLen() {
		return false
	}
	a, b := span(q)
	x, y := from.As16(), to.As16()
	return bytes.Compare(x[:], a) <= 0 && bytes.Compare(b, y[:]) <= 0
}

func holdsPrefix(p Proof, s string) bool {
	q, ok := network(s)
	if !ok || !strings.Contains(s, "/") {
		return false
	}
	a, b := span(q)
	first, last := netip.AddrFrom16([16]byte(a)), netip.AddrFrom16([16]byte(b))
	if q.Addr().Is4() {
		first, last = first.Unmap(), last.Unmap()
	}
	return holds(p, first.String(), last.String())
}

func holdsDomain(p Proof, s string) bool {
	d, ok := domain(s)
	return ok && p.Kind == "domain" && (p.Value == d || strings.HasSuffix(p.Value, "."+d))
}
