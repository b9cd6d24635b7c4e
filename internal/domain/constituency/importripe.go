package constituency

import (
	"context"
	"io"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/format/rpsl"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// ImportRIPE reads split files of the RIPE database (organisation, inetnum, inet6num, aut-num, role), one after the other in any order, and does with the
// organisations of a country (two letters, in capitals) what Import does: networks and AS numbers that name an organisation become its assets, the mailbox
// for abuse its security contact. An organisation is recognised by its name alone: the register's own keys stay. What the register has is not changed: a
// contact that is known stays as it is, an asset that another organisation proved stays the other's. It needs WriteRegistry.
func (s *Service) ImportRIPE(ctx context.Context, by access.Actor, country string, files []io.Reader, dryRun bool) (Difference, error) {
	if err := by.Need(access.WriteRegistry); err != nil {
		return Difference{}, err
	}
	if !regexp.MustCompile(`^[A-Z]{2}$`).MatchString(country) {
		return Difference{}, errs.New(errs.Invalid, "the country is two letters, such as PT")
	}
	r := ripe{country: country, names: map[string]string{}, abuse: map[string]string{}, boxes: map[string]string{}, has: map[string][]string{}}
	for _, f := range files {
		if err := rpsl.Read(f, r.take); err != nil {
			if errs.Of(err) == errs.Internal {
				err = errs.New(errs.Invalid, err.Error())
			}
			return Difference{}, err
		}
	}
	return s.importing(ctx, by, r.entries(), true, nil, dryRun)
}

// ripe holds what was read: by the handle of the organisation, or of the role.
type ripe struct {
	country string
	names   map[string]string   // of organisations of the country
	abuse   map[string]string   // organisation: role for abuse
	boxes   map[string]string   // role: mailbox for abuse
	has     map[string][]string // organisation: its networks and numbers
	kept    int
}

// take keeps what may be of use. Networks say their country themselves; AS numbers do not.
func (r *ripe) take(o rpsl.Object) error {
	org := strings.ToUpper(o.First("org"))
	switch o.Class() {
	case "organisation":
		if strings.EqualFold(o.First("country"), r.country) {
			key := strings.ToUpper(o.Key())
			r.names[key], r.abuse[key] = o.First("org-name"), strings.ToUpper(o.First("abuse-c"))
			r.kept++
		}
	case "inetnum", "inet6num":
		if org != "" && strings.EqualFold(o.First("country"), r.country) {
			list := networks(o.Key())
			r.has[org] = append(r.has[org], list...)
			r.kept += len(list)
		}
	case "aut-num":
		if org != "" {
			r.has[org] = append(r.has[org], o.Key())
			r.kept++
		}
	case "role":
		// Some write the address twice, in brackets, or more than one: the first counts.
		for word := range strings.FieldsFuncSeq(o.First("abuse-mailbox"), func(c rune) bool { return c == ' ' || c == ',' || c == '<' || c == '>' || c == '\t' }) {
			if a, ok := email(word); ok && len(a) <= 254 {
				r.boxes[strings.ToUpper(o.First("nic-hdl"))] = a
				r.kept++
				break
			}
		}
	}
	if r.kept > 5*maxRows {
		return invalid("error.import_rows")
	}
	return nil
}

// networks gives the prefixes of a range such as "192.0.2.0 - 192.0.2.255", or of a prefix.
func networks(key string) []string {
	first, last, ok := strings.Cut(key, "-")
	if !ok {
		return []string{strings.TrimSpace(key)}
	}
	a, err1 := netip.ParseAddr(strings.TrimSpace(first))
	b, err2 := netip.ParseAddr(strings.TrimSpace(last))
	if err1 != nil || err2 != nil || !a.Is4() || !b.Is4() || b.Less(a) {
		return nil
	}
	var out []string
	for len(out) < 64 { // a range of IPv4 has no more
		bits := 32
		for bits > 0 {
			wide, _ := a.Prefix(bits - 1)
			_, end := span(wide)
			if wide.Addr() != a || netip.AddrFrom16([16]byte(end)).Unmap().Compare(b) > 0 {
				break
			}
			bits--
		}
		p := netip.PrefixFrom(a, bits)
		out = append(out, p.String())
		_, end := span(p)
		if a = netip.AddrFrom16([16]byte(end)).Unmap(); a == b {
			break
		}
		a = a.Next()
	}
	return out
}

// entries gives the organisations of the country that have something, by name; those of one name are one.
func (r *ripe) entries() []entry {
	var keys []string
	for key, name := range r.names {
		if len(r.has[key]) > 0 && strings.TrimSpace(name) != "" {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	place, used := map[string]int{}, map[string]bool{}
	var list []entry
	for _, key := range keys {
		name := cut200(strings.Join(strings.FieldsFunc(r.names[key], func(c rune) bool { return c == ' ' || hidden(c) }), " "))
		at, ok := place[fold(name)]
		if !ok {
			at = len(list)
			place[fold(name)] = at
			list = append(list, entry{row: at + 1, NewOrganisation: NewOrganisation{Name: name}})
		}
		e := &list[at]
		for _, v := range r.has[key] {
			if _, _, _, _, ok := (NewAsset{Value: v}).normal(); ok {
				e.assets = append(e.assets, entryAsset{row: e.row, value: v})
			}
		}
		if box := r.boxes[r.abuse[key]]; box != "" && !used[box] { // an address belongs to one contact
			used[box] = true
			e.contacts = append(e.contacts, entryContact{row: e.row, NewContact: NewContact{Name: "Abuse", Email: box}})
		}
	}
	return list
}
