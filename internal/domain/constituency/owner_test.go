package constituency_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

func (c *country) owned(ctx context.Context, o constituency.Organisation, in constituency.NewAsset) constituency.Asset {
	c.Helper()
	a, err := c.s.AddAsset(ctx, c.analyst, o.UID, in)
	if err != nil {
		c.Fatalf("%+v: %v", in, err)
	}
	return a
}

func (c *country) owners(ctx context.Context, what string, at time.Time) string {
	c.Helper()
	list, err := c.s.Owners(ctx, c.DB, c.analyst, what, at)
	if err != nil {
		c.Error(err)
	}
	var out []string
	for _, m := range list {
		out = append(out, m.Organisation.Name+" "+m.Why)
	}
	return strings.Join(out, ", ")
}

// A network goes from one organisation to another on the first of the month: each moment has its owner, and the past stays to be asked for.
func TestWhoAnsweredThen(t *testing.T) {
	engines(t, func(ctx context.Context, c *country) {
		old, next := c.organisation(ctx, "Old host"), c.organisation(ctx, "New host")
		now := c.Clock.Now()
		first := c.owned(ctx, old, constituency.NewAsset{Value: "192.0.2.0/24"})
		month := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
		if err := c.s.EndAsset(ctx, c.analyst, first.UID, month, "sold"); err != nil {
			c.Fatal(err)
		}
		c.owned(ctx, next, constituency.NewAsset{Value: "192.0.2.0/24", Since: month})
		for at, want := range map[time.Time]string{
			{}: "Old host prefix", now.AddDate(-3, 0, 0): "Old host prefix", month.Add(-time.Microsecond): "Old host prefix",
			month: "New host prefix", month.AddDate(5, 0, 0): "New host prefix",
		} {
			if got := c.owners(ctx, "192.0.2.7", at); got != want {
				c.Errorf("at %v: %s, want %s", at, got, want)
			}
		}
		if list, err := c.s.Overlaps(ctx, c.DB, c.analyst, old.Ref.ID); err != nil || len(list) != 0 {
			c.Errorf("one after the other is no overlap: %+v %v", list, err)
		}
		c.Clock.Advance(month.Sub(now) + time.Hour)
		if list, err := c.s.Assets(ctx, c.DB, old.Ref.ID); err != nil || len(list) != 0 {
			c.Errorf("still has %+v %v", list, err)
		}
		ended, err := c.s.EndedAssets(ctx, c.DB, old.Ref.ID)
		if err != nil || len(ended) != 1 || ended[0].EndedWhy != "sold" || !ended[0].Until.Equal(month) {
			c.Errorf("%+v %v", ended, err)
		}
		if got := c.owners(ctx, "192.0.2.7", time.Time{}); got != "New host prefix" {
			c.Error(got)
		}
		c.refused(c.s.EndAsset(ctx, c.analyst, first.UID, time.Time{}, ""), errs.Conflict, "ended twice")
		again := c.owned(ctx, old, constituency.NewAsset{Value: "192.0.2.0/24", Since: month.AddDate(1, 0, 0)})
		_, err = c.s.AddAsset(ctx, c.analyst, old.UID, constituency.NewAsset{Value: "192.0.2.0/24", Since: month.AddDate(2, 0, 0)})
		c.refused(err, errs.Invalid, "twice at the same time")
		_, err = c.s.AddAsset(ctx, c.analyst, old.UID, constituency.NewAsset{Value: "198.51.100.0/24", Since: month, Until: month})
		c.refused(err, errs.Invalid, "an end before its beginning")
		c.refused(c.s.EndAsset(ctx, c.analyst, again.UID, month, ""), errs.Invalid, "ended before it begins")
		c.refused(c.s.EndAsset(ctx, c.Person(5, "Rita", access.Auditor), again.UID, time.Time{}, ""), errs.Forbidden, "a reader")
	})
}

// A shared host and a path on it are somebody's own, and come before the domain they are in.
func TestAHostAndAPathComeBeforeTheirDomain(t *testing.T) {
	engines(t, func(ctx context.Context, c *country) {
		uni, lab, shop := c.organisation(ctx, "University"), c.organisation(ctx, "Lab"), c.organisation(ctx, "Shop")
		c.owned(ctx, uni, constituency.NewAsset{Value: "uni.example"})
		c.owned(ctx, lab, constituency.NewAsset{Kind: "host", Value: "Lab.uni.example."})
		c.owned(ctx, shop, constituency.NewAsset{Value: "https://www.uni.example/shop/?from=x#top"})
		for what, want := range map[string]string{
			"lab.uni.example": "Lab host, University parent domain", "a.lab.uni.example": "University parent domain", "uni.example": "University domain",
			"http://www.uni.example/shop": "Shop url, University parent domain", "hxxps://www[.]uni[.]example/shop/cart?id=7": "Shop url, University parent domain",
			"https://www.uni.example/shopping": "University parent domain", "https://www.uni.example/": "University parent domain", "it@lab.uni.example": "Lab host, University parent domain",
			"https://user:pw@www.uni.example/shop": "University parent domain",
		} {
			if got := c.owners(ctx, what, time.Time{}); got != want {
				c.Errorf("%s: %s, want %s", what, got, want)
			}
		}
		for _, bad := range []constituency.NewAsset{{Kind: "url", Value: "uni.example"}, {Kind: "url", Value: "ftp://uni.example/x"}, {Kind: "host", Value: "localhost"}, {Kind: "path", Value: "uni.example"}, {Kind: "url", Value: "https://192.0.2.1/x"}} {
			_, err := c.s.AddAsset(ctx, c.analyst, uni.UID, bad)
			c.refused(err, errs.Invalid, bad.Value)
		}
	})
}

// What two say is theirs is a conflict; what lies within another's is told as that; what a parent shares with its child is neither.
func TestOverlapsAreTold(t *testing.T) {
	engines(t, func(ctx context.Context, c *country) {
		isp, customer, rival := c.organisation(ctx, "Provider"), c.organisation(ctx, "Customer"), c.organisation(ctx, "Rival")
		child, err := c.s.Create(ctx, c.analyst, constituency.NewOrganisation{Name: "Child", Lang: "en", Parent: isp.UID})
		if err != nil {
			c.Fatal(err)
		}
		for o, values := range map[*constituency.Organisation][]string{&isp: {"10.0.0.0/8", "isp.example", "2001:db8::/32"}, &customer: {"10.1.0.0/16", "customer.example"}, &rival: {"10.1.0.0/16", "2001:db8::/32"}, &child: {"isp.example"}} {
			for _, v := range values {
				c.owned(ctx, *o, constituency.NewAsset{Value: v})
			}
		}
		for o, want := range map[*constituency.Organisation]string{
			&isp:      "around 10.1.0.0/16 Customer, around 10.1.0.0/16 Rival, same 2001:db8::/32 Rival, shared isp.example Child",
			&customer: "inside 10.0.0.0/8 Provider, same 10.1.0.0/16 Rival",
			&child:    "shared isp.example Provider",
		} {
			list, err := c.s.Overlaps(ctx, c.DB, c.analyst, o.Ref.ID)
			if err != nil {
				c.Error(err)
			}
			var got []string
			for _, x := range list {
				got = append(got, x.How+" "+x.Other.Value+" "+x.Organisation.Name)
			}
			slices.Sort(got)
			if s := strings.Join(got, ", "); s != want {
				c.Errorf("%s: %s, want %s", o.Name, s, want)
			}
		}
		_, err = c.s.Overlaps(ctx, c.DB, c.Constituent(9, "Rui", isp.Ref.ID), isp.Ref.ID)
		c.refused(err, errs.Forbidden, "a constituent learns of others")
	})
}

// The register in memory says what the database says, at every moment, and never what was before a change of this process.
func TestTheRegisterInMemoryIsTheDatabase(t *testing.T) {
	engines(t, func(ctx context.Context, c *country) {
		r := rand.New(rand.NewPCG(7, 11))
		var orgs []constituency.Organisation
		for i := range 6 {
			orgs = append(orgs, c.organisation(ctx, fmt.Sprint("Organisation ", i)))
		}
		name := func() string {
			labels := []string{"a", "b", "c"}
			n := labels[r.IntN(3)] + ".example"
			for range r.IntN(3) {
				n = labels[r.IntN(3)] + "." + n
			}
			return n
		}
		address := func() netip.Addr {
			return netip.AddrFrom4([4]byte{10, byte(r.IntN(2)), byte(r.IntN(3)), byte(r.IntN(4))})
		}
		moment := func() time.Time { return c.Clock.Now().Add(time.Duration(r.IntN(40)-10) * time.Hour) }
		var made []constituency.Asset
		compare := func() {
			var hosts []string
			for range 20 {
				hosts = append(hosts, name(), address().String(), "x."+name(), "2001:db8::"+fmt.Sprint(r.IntN(9)))
			}
			inMemory, err := c.s.Answering(ctx, c.DB, hosts)
			if err != nil {
				c.Fatal(err)
			}
			fresh := &constituency.Service{DB: c.s.DB, Clock: c.s.Clock, Ring: c.s.Ring, Audit: c.s.Audit} // holds nothing in memory
			asked, err := fresh.Answering(ctx, c.DB, hosts)
			if err != nil {
				c.Fatal(err)
			}
			for _, h := range hosts {
				if inMemory[h] != asked[h] {
					c.Errorf("%s: %d in memory, %d in the database", h, inMemory[h], asked[h])
				}
				list, err := c.s.Owners(ctx, c.DB, c.analyst, h, time.Time{})
				told := int64(0)
				if len(list) > 0 {
					told = list[0].Organisation.Ref.ID
				}
				if err != nil || told != asked[h] {
					c.Errorf("%s: a person is told %d first, a program %d, %v", h, told, asked[h], err)
				}
			}
		}
		for i := range 120 {
			in := constituency.NewAsset{Value: name()}
			switch r.IntN(4) {
			case 0:
				in.Kind = "host"
			case 1, 2:
				p, _ := address().Prefix(16 + r.IntN(17))
				in.Value = p.String()
			}
			if r.IntN(3) == 0 {
				in.Since = moment()
			}
			if r.IntN(3) == 0 {
				in.Until = in.Since.Add(time.Hour)
				if in.Since.IsZero() {
					in.Until = moment()
				}
			}
			a, err := c.s.AddAsset(ctx, c.analyst, orgs[r.IntN(len(orgs))].UID, in)
			if err != nil && !errs.Is(err, errs.Invalid) {
				c.Fatal(err)
			}
			if err == nil {
				made = append(made, a)
			}
			if i%5 == 0 && len(made) > 0 {
				if _, err := c.s.ProveAsset(ctx, c.analyst, made[r.IntN(len(made))].UID, "by hand"); err != nil {
					c.Fatal(err)
				}
			}
			if i%3 == 0 {
				if err := c.s.ReadAssets(ctx); err != nil {
					c.Fatal(err)
				}
				if !c.s.HoldsAll() {
					c.Error("what was read does not count")
				}
			} else if err == nil && c.s.HoldsAll() {
				c.Error("what was read before a change counts")
			}
			compare()
			c.Clock.Advance(10 * time.Minute)
		}
	})
}
