package constituency_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

const register = `key,name,sector,class,lang,parent,communities,contact_role,contact_email,contact_on_call,assets
W-1,Águas do Norte,drinking_water,essential,pt,M-1,critical_infrastructure,security,cert@agua.example,yes,192.0.2.7/24 agua.example
W-1,,,,,,,technical,noc@agua.example,,as64500
M-1,Ministry of Water,,,,,public_administration,,,,
,Small shop,,,,,,,,,
`

func (c *country) load(ctx context.Context, format, file string, dry bool) (constituency.Difference, error) {
	c.Helper()
	return c.s.Import(ctx, c.analyst, format, strings.NewReader(file), dry)
}

// A dry run tells, the run does just that, and the same file again does nothing.
func TestImportingARegister(t *testing.T) {
	engines(t, func(ctx context.Context, c *country) {
		want := constituency.Difference{Organisations: constituency.Count{Added: 3}, Contacts: constituency.Count{Added: 2}, Assets: constituency.Count{Added: 3}}
		for _, dry := range []bool{true, false} {
			d, err := c.load(ctx, "csv", "\ufeff"+register, dry)
			if err != nil || d.Organisations != want.Organisations || d.Contacts != want.Contacts || d.Assets != want.Assets || len(d.Lines) != 8 {
				c.Fatalf("dry %v: %+v %v", dry, d, err)
			}
			if got := c.find(ctx, c.analyst, "aguas"); (got == "") != dry {
				c.Errorf("dry %v: %q", dry, got)
			}
		}
		m, err := c.s.Owners(ctx, c.DB, c.analyst, "192.0.2.200", time.Time{})
		if err != nil || len(m) != 1 || m[0].Organisation.Lang != "pt" || m[0].Organisation.Class != "essential" || m[0].Organisation.Parent == 0 {
			c.Fatalf("%+v %v", m, err)
		}
		d, err := c.load(ctx, "csv", strings.ReplaceAll(register, ",", ";"), false)
		if err != nil || len(d.Lines) != 0 || d.Organisations.Same != 3 || d.Contacts.Same != 2 || d.Assets.Same != 3 {
			c.Fatalf("again: %+v %v", d, err)
		}
		// The analyst verifies one contact and proves an asset; a later file does not touch them.
		k, err := c.s.ContactByEmail(ctx, c.DB, "cert@agua.example")
		if err != nil {
			c.Fatal(err)
		}
		if _, err := c.s.VerifyContact(ctx, c.analyst, k.UID, "called"); err != nil {
			c.Fatal(err)
		}
		d, err = c.load(ctx, "json", `{"organisations": [
			{"key": "W-1", "name": "Águas do Norte, S.A.", "contacts": [{"role": "management", "email": "CERT@agua.example"}, {"role": "duty", "email": "noc@agua.example"}], "assets": ["agua.example"]},
			{"key": "S-1", "name": "SMALL SHOP", "size": 3}]}`, false)
		if err != nil || d.Organisations.Changed != 2 || d.Contacts.Changed != 1 || d.Contacts.Kept != 1 || d.Assets.Same != 1 {
			c.Fatalf("%+v %v", d, err)
		}
		if k, _ = c.s.ContactByEmail(ctx, c.DB, "cert@agua.example"); k.Role != "security" || k.VerifiedAt.IsZero() {
			c.Errorf("a verified contact was overwritten: %+v", k)
		}
		o, err := c.s.Find(ctx, c.analyst, constituency.Filter{Text: "aguas norte s.a."})
		if err != nil || len(o.Items) != 1 || o.Items[0].Class != "essential" || o.Items[0].Parent == 0 || len(o.Items[0].Communities) != 1 {
			c.Errorf("%+v %v", o, err)
		}
	})
}

// All problems of all rows at once, and nothing is written.
func TestAnImportTellsAllProblems(t *testing.T) {
	engines(t, func(ctx context.Context, c *country) {
		c.contact(ctx, c.organisation(ctx, "Bank"), "security", "cert@bank.example")
		c.organisation(ctx, "Twin")
		c.organisation(ctx, "Twin")
		_, err := c.load(ctx, "csv", `key,name,class,size,parent,communities,contact_email,contact_on_call,assets
A,Good,,,,,,,
B,,huge,many,,,,,
C,Third,,,nowhere,moon,nobody,maybe,com 1.2.3.4/99
D,Fourth,,,E,,cert@bank.example,,
E,Fifth,,,D,,x@y.example,,
F,Sixth,,,,,X@y.example,,
,Twin,,,,,,,
A,Other name,,,,,,,
short
`, false)
		got := map[string]string{}
		for _, f := range errs.Fields(err) {
			got[f.Name] = f.Key
		}
		for _, want := range []string{
			"3.name error.required", "3.class error.choice", "3.size error.number", "4.parent error.choice", "4.communities error.choice", "4.contact_email error.email",
			"4.assets error.asset", "5.contact_email error.taken", "5.parent error.circle", "6.parent error.circle", "7.contact_email error.twice", "8.name error.ambiguous",
			"9.name error.differs", "10.columns error.columns",
		} {
			name, key, _ := strings.Cut(want, " ")
			if got[name] != key {
				c.Errorf("%s is %q, want %q", name, got[name], key)
			}
			delete(got, name)
		}
		delete(got, "4.contact_on_call")
		if len(got) > 0 {
			c.Errorf("more: %v", got)
		}
		if found := c.find(ctx, c.analyst, "good"); found != "" {
			c.Error("written in spite of problems")
		}
		if err == nil || strings.Contains(err.Error(), "nobody") || strings.Contains(err.Error(), "bank") {
			c.Error("the error repeats what was typed")
		}
		for what, file := range map[string]string{
			"json twice":   `{"organisations":[],"organisations":[]}`,
			"json unknown": `{"organisations":[{"name":"x","Uid":"1"}]}`,
			"json case":    `{"organisations":[{"Name":"x"}]}`,
			"json tail":    `{"organisations":[]} {}`,
			"json deep":    strings.Repeat("[", 20000),
			"csv nothing":  "",
			"csv columns":  "a,b\n1,2\n",
			"csv quote":    "name\n\"x\n",
			"csv bytes":    "name\n\xff\xfe\n",
			"pdf":          "name\nx\n",
		} {
			format, _, _ := strings.Cut(what, " ")
			_, err := c.load(ctx, format, file, false)
			c.refused(err, errs.Invalid, what)
		}
		// Bombs: small files that would be large in memory (rule F6).
		for what, file := range map[string]string{
			"json objects": `{"organisations":[{"name":"x"}` + strings.Repeat(",{}", 1_100_000) + `]}`,
			"json values":  `{"organisations":[{"name":"x","assets":[""` + strings.Repeat(`,""`, 8_100_000) + `]}]}`,
			"csv columns":  "name" + strings.Repeat(",", 8_100_000) + "\nx\n",
			"csv cells":    "name;key\nx" + strings.Repeat(";", 8_100_000) + "\n",
			"csv rows":     "name\n" + strings.Repeat("x\n", 200_001),
			"csv size":     "name\n" + strings.Repeat("x", 65<<20),
		} {
			format, _, _ := strings.Cut(what, " ")
			_, err := c.load(ctx, format, file, false)
			var e *errs.Error
			if !errors.As(err, &e) || e.Key != "error.import_rows" && e.Key != "error.import_size" {
				c.Errorf("%s: %v", what, err)
			}
		}
		_, err = c.s.Import(ctx, c.Person(3, "Olga", access.Auditor), "csv", strings.NewReader(register), true)
		c.refused(err, errs.Forbidden, "an auditor imports")
		_, err = c.s.Import(ctx, c.Constituent(4, "Rui", 1), "csv", strings.NewReader(register), true)
		c.refused(err, errs.Forbidden, "a constituent imports")
	})
}

// Every stored query of look-ups and lists uses an index, as the register grows.
func TestNoListScans(t *testing.T) {
	engines(t, func(ctx context.Context, c *country) {
		var b strings.Builder
		b.WriteString("key,name,communities,contact_email,assets\n")
		for i := range 150 {
			fmt.Fprintf(&b, "K%d,Municipality number %d of region %d,public_administration,it@m%d.example,10.%d.%d.0/24 m%d.example\n", i, i, i%40, i, i/256, i%256, i)
		}
		if _, err := c.s.Import(ctx, access.System("sample"), "csv", strings.NewReader(b.String()), false); err != nil {
			c.Fatal(err)
		}
		if got := c.find(ctx, c.analyst, "149 munic"); !strings.HasPrefix(got, "Municipality number 149") {
			c.Errorf("%q", got)
		}
		plans, err := c.s.Plans(ctx, c.analyst, c.Constituent(7, "Rui", 5), "munic 17", "10.3.4.5", "m7.example", "it@m7.example", "AS64500", "")
		if err != nil {
			c.Fatal(err)
		}
		for what, plan := range plans {
			for _, line := range strings.Split(plan, "\n") {
				scan := strings.Contains(line, "Seq Scan") || strings.HasPrefix(line, "SCAN") && !strings.Contains(line, "INDEX") && !strings.Contains(line, "SUBQUERY") && !strings.Contains(line, "CONSTANT") && line != "SCAN x"
				if scan {
					c.Errorf("%s: %s\n%s", what, line, plan)
				}
			}
		}
	})
}
