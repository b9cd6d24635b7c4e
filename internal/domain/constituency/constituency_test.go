package constituency_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// country is a small constituency with an analyst who keeps it.
type country struct {
	*coretest.House
	*testing.T
	s       *constituency.Service
	analyst access.Actor
}

func engines(t *testing.T, story func(ctx context.Context, c *country)) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		story(context.Background(), &country{
			House: h, T: t, analyst: h.Person(1, "Ana", access.Analyst),
			s: &constituency.Service{DB: h.DB, Clock: h.Clock, Ring: h.Ring, Audit: h.Audit},
		})
	})
}

func (c *country) organisation(ctx context.Context, name string, communities ...string) constituency.Organisation {
	c.Helper()
	o, err := c.s.Create(ctx, c.analyst, constituency.NewOrganisation{Name: name, Communities: communities, Lang: "pt"})
	if err != nil {
		c.Fatal(err)
	}
	return o
}

func (c *country) contact(ctx context.Context, o constituency.Organisation, role, email string) constituency.Contact {
	c.Helper()
	k, err := c.s.AddContact(ctx, c.analyst, o.UID, constituency.NewContact{Name: role, Role: role, Email: email})
	if err != nil {
		c.Fatal(err)
	}
	return k
}

func (c *country) asset(ctx context.Context, o constituency.Organisation, value string) constituency.Asset {
	c.Helper()
	a, err := c.s.AddAsset(ctx, c.analyst, o.UID, constituency.NewAsset{Value: value})
	if err != nil {
		c.Fatalf("%s: %v", value, err)
	}
	return a
}

func (c *country) find(ctx context.Context, by access.Actor, text string) string {
	c.Helper()
	p, err := c.s.Find(ctx, by, constituency.Filter{Text: text})
	if err != nil {
		c.Fatalf("find %q: %v", text, err)
	}
	var names []string
	for _, o := range p.Items {
		names = append(names, o.Name)
	}
	return strings.Join(names, ", ")
}

func (c *country) refused(err error, k errs.Kind, what string) {
	c.Helper()
	if !errs.Is(err, k) {
		c.Errorf("%s: %v, want %s", what, err, k)
	}
}

// The analyst enters a hospital; everybody finds it as they type it.
func TestAnOrganisationIsFoundAsPeopleTypeIt(t *testing.T) {
	engines(t, func(ctx context.Context, c *country) {
		h := c.organisation(ctx, "Hospital de São João", "essential_services")
		c.organisation(ctx, "Hôpital Saint-Jean", "essential_services")
		w := c.organisation(ctx, "Águas do Norte", "critical_infrastructure", "essential_services")
		c.asset(ctx, h, "hospital.example")
		c.asset(ctx, h, "192.0.2.0/24")
		c.asset(ctx, w, "as64500")
		c.asset(ctx, w, "2001:DB8::/32")
		c.contact(ctx, w, "security", "CERT@agua.example")
		for text, want := range map[string]string{
			"hosp":                 "Hospital de São João",
			"joao sao":             "Hospital de São João",
			"HÔPITAL":              "Hôpital Saint-Jean",
			"hopital jean":         "Hôpital Saint-Jean",
			"jean hospital":        "",
			"aguas":                "Águas do Norte",
			"hospital.example":     "Hospital de São João",
			"www.HOSPITAL.example": "Hospital de São João",
			"it@hospital.example":  "Hospital de São João",
			"192.0.2.77":           "Hospital de São João",
			"192.0.3.1":            "",
			"AS64500":              "Águas do Norte",
			"as 64500":             "Águas do Norte",
			"2001:db8:1::1":        "Águas do Norte",
			"cert@AGUA.example":    "Águas do Norte",
			"":                     "Águas do Norte, Hôpital Saint-Jean, Hospital de São João",
			"%":                    "",
			"':--":                 "",
			"\x00":                 "",
		} {
			if got := c.find(ctx, c.analyst, text); got != want {
				c.Errorf("%q finds %q, want %q", text, got, want)
			}
		}
		p, err := c.s.Find(ctx, c.analyst, constituency.Filter{Community: "critical_infrastructure"})
		if err != nil || len(p.Items) != 1 || p.Items[0].Name != w.Name || len(p.Items[0].Communities) != 2 {
			c.Errorf("by community: %+v %v", p.Items, err)
		}
		got, err := c.s.Get(ctx, c.DB, c.analyst, h.UID)
		if err != nil || got.Name != h.Name || got.Compartment != h.Ref.ID || got.Lang != "pt" {
			c.Errorf("get: %+v %v", got, err)
		}
	})
}

func TestPagesFollowEachOther(t *testing.T) {
	engines(t, func(ctx context.Context, c *country) {
		for i := range 7 {
			c.organisation(ctx, fmt.Sprintf("Same name %d", i/2))
		}
		var seen []string
		f := constituency.Filter{Limit: 3, Text: "same"}
		for range 10 {
			p, err := c.s.Find(ctx, c.analyst, f)
			if err != nil {
				c.Fatal(err)
			}
			for _, o := range p.Items {
				seen = append(seen, o.UID)
			}
			if f.After = p.Next; f.After == "" {
				break
			}
		}
		if len(seen) != 7 {
			c.Errorf("saw %d of 7", len(seen))
		}
		_, err := c.s.Find(ctx, c.analyst, constituency.Filter{After: "!!"})
		c.refused(err, errs.Invalid, "a forged cursor")
	})
}

// Rules A2, A5, A6, A10: an organisation's own people see theirs; another one does not exist for them, by any road.
func TestAnOrganisationSeesItselfOnly(t *testing.T) {
	engines(t, func(ctx context.Context, c *country) {
		mine := c.organisation(ctx, "Câmara de Aveiro", "public_administration")
		other := c.organisation(ctx, "Câmara de Braga", "public_administration")
		c.asset(ctx, mine, "198.51.100.0/25")
		c.asset(ctx, other, "198.51.100.0/24")
		k := c.contact(ctx, other, "security", "it@braga.example")
		me := c.Constituent(7, "Rui", mine.Ref.ID)
		if got := c.find(ctx, me, "camara"); got != mine.Name {
			c.Errorf("sees %q", got)
		}
		if got := c.find(ctx, me, "198.51.100.1"); got != mine.Name {
			c.Errorf("by address sees %q", got)
		}
		if got := c.find(ctx, me, "it@braga.example"); got != "" {
			c.Errorf("by mail address sees %q", got)
		}
		m, err := c.s.Owners(ctx, c.DB, me, "198.51.100.1", time.Time{})
		if err != nil || len(m) != 1 || m[0].Organisation.Ref.ID != mine.Ref.ID {
			c.Errorf("owners: %+v %v", m, err)
		}
		if _, err := c.s.Get(ctx, c.DB, me, mine.UID); err != nil {
			c.Error(err)
		}
		_, hidden := c.s.Get(ctx, c.DB, me, other.UID)
		_, absent := c.s.Get(ctx, c.DB, me, "nothing")
		if hidden == nil || absent == nil || hidden.Error() != absent.Error() || !errs.Is(hidden, errs.NotFound) {
			c.Errorf("hidden %v, absent %v", hidden, absent)
		}
		_, err = c.s.ContactByUID(ctx, c.DB, me, k.UID)
		c.refused(err, errs.NotFound, "another's contact")
		_, err = c.s.Create(ctx, me, constituency.NewOrganisation{Name: "X"})
		c.refused(err, errs.Forbidden, "constituent creates")
		_, err = c.s.Find(ctx, access.Stranger(access.ByPage, "en"), constituency.Filter{})
		c.refused(err, errs.Unauthenticated, "stranger finds")
		_, err = c.s.Find(ctx, c.Person(9, "Root", access.Admin), constituency.Filter{})
		c.refused(err, errs.Forbidden, "administrator finds")
		_, err = c.s.AddContact(ctx, c.Person(9, "Olga", access.Auditor), mine.UID, constituency.NewContact{Email: "a@b.example"})
		c.refused(err, errs.Forbidden, "auditor adds")
		// A liaison sees what it was given: nothing yet.
		if got := c.find(ctx, c.Person(10, "Lia", access.Liaison), ""); got != "" {
			c.Errorf("liaison sees %q", got)
		}
	})
}

// An edit is against the version that was read; what is wrong is told all at once.
func TestEditingAnOrganisation(t *testing.T) {
	engines(t, func(ctx context.Context, c *country) {
		up := c.organisation(ctx, "Ministry")
		o, err := c.s.Create(ctx, c.analyst, constituency.NewOrganisation{Name: "Agency", Parent: up.UID, External: "E-1"})
		if err != nil || o.Parent != up.Ref.ID || o.Lang != "en" {
			c.Fatalf("%+v %v", o, err)
		}
		e, err := c.s.Edit(ctx, c.analyst, o.UID, o.Version, constituency.NewOrganisation{Name: "Agência", Sector: "health", Class: "essential", Criticality: 3, Communities: []string{"businesses"}})
		if err != nil || e.Version != o.Version+1 || e.Parent != 0 {
			c.Fatalf("%+v %v", e, err)
		}
		if got := c.find(ctx, c.analyst, "agency"); got != "" {
			c.Errorf("old name finds %q", got)
		}
		_, err = c.s.Edit(ctx, c.analyst, o.UID, o.Version, constituency.NewOrganisation{Name: "Other"})
		c.refused(err, errs.Conflict, "a stale version")
		_, err = c.s.Create(ctx, c.analyst, constituency.NewOrganisation{Name: "\u202e", Class: "big", Criticality: 4, Size: -1, Lang: "xx", Sector: "A B", Communities: []string{"none"}})
		if n := len(errs.Fields(err)); n != 7 {
			c.Errorf("%d problems: %v", n, err)
		}
		_, err = c.s.Create(ctx, c.analyst, constituency.NewOrganisation{Name: "Child", Parent: "absent"})
		c.refused(err, errs.NotFound, "absent parent")
		if _, err = c.s.Edit(ctx, c.analyst, o.UID, e.Version, constituency.NewOrganisation{Name: "Agency", Parent: up.UID}); err != nil {
			c.Fatal(err)
		}
		_, err = c.s.Edit(ctx, c.analyst, up.UID, up.Version, constituency.NewOrganisation{Name: "Ministry", Parent: o.UID})
		c.refused(err, errs.Invalid, "a circle")
		_, err = c.s.Create(ctx, c.analyst, constituency.NewOrganisation{Name: "Twin", External: "E-2"})
		if err != nil {
			c.Fatal(err)
		}
		_, err = c.s.Create(ctx, c.analyst, constituency.NewOrganisation{Name: "Twin 2", External: "E-2"})
		c.refused(err, errs.Invalid, "a key taken")
		rows, err := c.Audit.About(ctx, c.DB, o.Ref.ID, 0, 10)
		if err != nil || len(rows) != 3 || rows[1].Verb != "constituency.edit" || len(rows[1].Changes) == 0 {
			c.Errorf("record: %+v %v", rows, err)
		}
	})
}

// An address names one contact; a new address is a new identity.
func TestContacts(t *testing.T) {
	engines(t, func(ctx context.Context, c *country) {
		o, p := c.organisation(ctx, "Bank"), c.organisation(ctx, "Provider")
		tech := c.contact(ctx, o, "technical", "noc@bank.example")
		boss := c.contact(ctx, o, "management", "boss@bank.example")
		sec := c.contact(ctx, o, "security", "Security@Bank.example")
		to := func() string {
			k, err := c.s.WriteTo(ctx, c.DB, o.Ref.ID)
			if err != nil {
				c.Fatal(err)
			}
			return k.Role
		}
		if to() != "security" {
			c.Error("security first")
		}
		if _, err := c.s.VerifyContact(ctx, c.analyst, tech.UID, "called the switchboard"); err != nil {
			c.Fatal(err)
		}
		if to() != "technical" {
			c.Error("verified before not verified")
		}
		if k, err := c.s.ContactByEmail(ctx, c.DB, " SECURITY@bank.EXAMPLE "); err != nil || k.ID != sec.ID {
			c.Errorf("by address: %v %v", k, err)
		}
		for _, nobody := range []string{"", "x", "nobody@bank.example", "a@b@bank.example", "Security@Bank.example\r\nBcc: x@y.example"} {
			_, err := c.s.ContactByEmail(ctx, c.DB, nobody)
			c.refused(err, errs.NotFound, nobody)
		}
		_, err := c.s.AddContact(ctx, c.analyst, p.UID, constituency.NewContact{Email: "security@BANK.example"})
		c.refused(err, errs.Invalid, "a taken address")
		_, err = c.s.AddContact(ctx, c.analyst, p.UID, constituency.NewContact{Role: "cook", Lang: "tlh", Email: "no address", Name: strings.Repeat("x", 300)})
		if n := len(errs.Fields(err)); n != 4 {
			c.Errorf("%d problems: %v", n, err)
		}
		if l, err := c.s.Lang(ctx, c.DB, sec.ID); err != nil || l != "pt" {
			c.Errorf("language %q %v", l, err)
		}
		e, err := c.s.EditContact(ctx, c.analyst, tech.UID, constituency.NewContact{Role: "technical", Email: "noc2@bank.example", Lang: "de", OnCall: true})
		if err != nil || !e.VerifiedAt.IsZero() || e.VerifiedHow != "" {
			c.Errorf("a new address stays verified: %+v %v", e, err)
		}
		if l, err := c.s.Lang(ctx, c.DB, tech.ID); err != nil || l != "de" {
			c.Errorf("language %q %v", l, err)
		}
		list, err := c.s.Contacts(ctx, c.DB, o.Ref.ID)
		if err != nil || len(list) != 3 || list[0].ID != tech.ID {
			c.Errorf("on call first: %+v %v", list, err)
		}
		if err := c.s.RetireContact(ctx, c.analyst, boss.UID); err != nil {
			c.Fatal(err)
		}
		c.contact(ctx, p, "management", "boss@bank.example")
		_, err = c.s.WriteTo(ctx, c.DB, 4711)
		c.refused(err, errs.NotFound, "nobody to write to")
		_, err = c.s.VerifyContact(ctx, c.analyst, boss.UID, "x")
		c.refused(err, errs.NotFound, "verify a retired contact")
		_, err = c.s.VerifyContact(ctx, c.analyst, tech.UID, " ")
		c.refused(err, errs.Invalid, "verified without saying how")
	})
}

// Nested prefixes: the longest comes first, on both engines, whatever lies between.
func TestTheLongestPrefixAnswers(t *testing.T) {
	engines(t, func(ctx context.Context, c *country) {
		isp, uni, lab := c.organisation(ctx, "ISP"), c.organisation(ctx, "University"), c.organisation(ctx, "Lab")
		c.asset(ctx, isp, "10.0.0.0/8")
		c.asset(ctx, uni, "10.20.0.0/16")
		c.asset(ctx, lab, "10.20.0.0/24")
		c.asset(ctx, lab, "10.20.30.40")
		c.asset(ctx, isp, "2001:db8::/32")
		c.asset(ctx, uni, "2001:db8:20::/48")
		c.asset(ctx, isp, "AS64500")
		c.asset(ctx, uni, "uni.example")
		c.asset(ctx, lab, "lab.uni.example")
		c.asset(ctx, lab, "bücher.example")
		for what, want := range map[string]string{
			"10.20.0.7":                      "Lab prefix, University prefix, ISP prefix",
			"10.20.30.40":                    "Lab prefix, University prefix, ISP prefix",
			"10.20.30.41":                    "University prefix, ISP prefix",
			"10.21.0.0":                      "ISP prefix",
			"10.255.255.255":                 "ISP prefix",
			"11.0.0.0":                       "",
			"9.255.255.255":                  "",
			"::ffff:10.20.30.40":             "Lab prefix, University prefix, ISP prefix",
			"10.20.0.0/20":                   "University prefix, ISP prefix",
			"2001:db8:20::5":                 "University prefix, ISP prefix",
			"2001:db8:ffff::":                "ISP prefix",
			"2001:db9::":                     "",
			"as64500":                        "ISP asn",
			"www.lab.uni.example":            "Lab parent domain, University parent domain",
			"uni.example.":                   "University domain",
			"https://LAB.uni.example:8443/x": "Lab domain, University parent domain",
			"hxxp://10[.]21[.]0[.]1/":        "ISP prefix",
			"10.21.0.1:443":                  "ISP prefix",
			"http://[2001:db8::1]:80/":       "ISP prefix",
			"BÜCHER.example":                 "Lab domain",
			"xn--bcher-kva.example":          "Lab domain",
			"notuni.example":                 "",
			"some words":                     "",
			"":                               "",
		} {
			m, err := c.s.Owners(ctx, c.DB, c.analyst, what, time.Time{})
			if err != nil {
				c.Errorf("%s: %v", what, err)
			}
			var got []string
			for _, x := range m {
				got = append(got, x.Organisation.Name+" "+x.Why)
			}
			if s := strings.Join(got, ", "); s != want {
				c.Errorf("%s: %s, want %s", what, s, want)
			}
		}
		for _, bad := range []string{"", "0.0.0.0/0", "::/0", "com", "AS0", "AS4294967296", "10.0.0.0/33", "fe80::1%eth0", "a b", "-", "1.2.3"} {
			_, err := c.s.AddAsset(ctx, c.analyst, isp.UID, constituency.NewAsset{Value: bad})
			c.refused(err, errs.Invalid, bad)
		}
		_, err := c.s.AddAsset(ctx, c.analyst, isp.UID, constituency.NewAsset{Value: "10.1.2.3/8"})
		c.refused(err, errs.Invalid, "the same prefix twice")
		a := c.asset(ctx, isp, "*.isp.example")
		if a, err = c.s.ProveAsset(ctx, c.analyst, a.UID, "TXT record"); err != nil || a.ProvedAt.IsZero() || a.Value != "isp.example" {
			c.Errorf("%+v %v", a, err)
		}
		if err := c.s.EndAsset(ctx, c.analyst, a.UID, time.Time{}, "moved"); err != nil {
			c.Error(err)
		}
		c.refused(c.s.EndAsset(ctx, c.analyst, a.UID, time.Time{}, ""), errs.Conflict, "ended twice")
		list, err := c.s.Assets(ctx, c.DB, lab.Ref.ID)
		if err != nil || len(list) != 4 {
			c.Errorf("%+v %v", list, err)
		}
	})
}

func TestTheBestEntitlementCounts(t *testing.T) {
	engines(t, func(ctx context.Context, c *country) {
		get := func(communities ...string) constituency.Entitlement {
			e, err := c.s.Entitlement(ctx, c.DB, communities, "incident_response")
			if err != nil {
				c.Fatal(err)
			}
			return e
		}
		if e := get("businesses", "essential_services"); e.Level != "full" || e.FirstAnswer != 2*time.Hour {
			c.Errorf("%+v", e)
		}
		if e := get(); e.Level != "pointer" || e.FirstAnswer != 0 {
			c.Errorf("%+v", e)
		}
		lead := c.Person(2, "Lea", access.Lead)
		rows := []constituency.Entitlement{{Service: "incident_response", Level: "full", FirstAnswer: time.Hour, Priority: 1}}
		c.refused(c.s.SetEntitlements(ctx, c.analyst, "businesses", rows), errs.Forbidden, "analyst changes rules")
		if err := c.s.SetEntitlements(ctx, lead, "businesses", rows); err != nil {
			c.Fatal(err)
		}
		if e := get("businesses"); e.Level != "full" || e.FirstAnswer != time.Hour {
			c.Errorf("%+v", e)
		}
		if err := c.s.SetEntitlements(ctx, lead, "islands", rows); err != nil {
			c.Fatal(err)
		}
		c.organisation(ctx, "Island", "islands")
		if err := c.s.SetEntitlements(ctx, lead, "businesses", nil); err != nil {
			c.Fatal(err)
		}
		if e := get("businesses"); e.Level != "advice" {
			c.Errorf("%+v", e)
		}
		rows[0].Level = "more"
		c.refused(c.s.SetEntitlements(ctx, lead, "businesses", rows), errs.Invalid, "unknown level")
	})
}
