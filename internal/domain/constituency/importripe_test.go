package constituency_test

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

const ripeFiles = `organisation:   ORG-AV1-RIPE
org-name:       AGUAS do Vale
country:        VM
abuse-c:        AC1-RIPE

organisation:   ORG-PV1-RIPE
org-name:       Provider Valmora
country:        VM
abuse-c:        AC2-RIPE

organisation:   ORG-PV2-RIPE
org-name:       Provider Valmora
country:        VM
abuse-c:        AC2-RIPE

organisation:   ORG-XX1-RIPE
org-name:       Elsewhere
country:        ZZ

inetnum:        192.0.2.0 - 192.0.2.127
country:        VM
org:            ORG-AV1-RIPE

inetnum:        198.51.100.0 - 198.51.100.191
country:        VM
org:            ORG-PV1-RIPE

inetnum:        203.0.113.0 - 203.0.113.255
country:        VM
org:            ORG-XX1-RIPE

inet6num:       2001:db8::/32
country:        VM
org:            ORG-PV2-RIPE

aut-num:        AS64500
org:            ORG-PV1-RIPE

role:           Abuse desk
nic-hdl:        AC2-RIPE
abuse-mailbox:  abuse@provider.example <abuse@provider.example>

role:           Abuse
nic-hdl:        AC1-RIPE
abuse-mailbox:  CERT@agua.example, other@agua.example
`

// The files of a registry bring the networks and the mailboxes of a country's organisations, told beforehand, once; what the register knows stays as it is, and
// what one has proved no file gives to another.
func TestImportingARegistry(t *testing.T) {
	proving(t, func(ctx context.Context, c *country, _ *outside) {
		water := c.organisation(ctx, "Águas do Vale")
		cert := c.contact(ctx, water, "management", "cert@agua.example")
		other := c.organisation(ctx, "Other")
		if _, err := c.s.ProveAsset(ctx, c.analyst, c.asset(ctx, other, "AS64500").UID, "asked"); err != nil {
			t.Fatal(err)
		}
		load := func(by access.Actor, country string, dry bool) (constituency.Difference, error) {
			parts := strings.SplitAfterN(ripeFiles, "\n\n", 5)
			return c.s.ImportRIPE(ctx, by, country, []io.Reader{strings.NewReader(parts[4]), strings.NewReader(strings.Join(parts[:4], ""))}, dry)
		}
		d, err := load(c.analyst, "VM", true)
		if err != nil || d.Organisations.Added != 1 || d.Organisations.Same != 1 || d.Assets.Added != 4 || d.Assets.Kept != 1 || d.Contacts.Added != 1 || d.Contacts.Same != 1 {
			t.Fatalf("%+v, %v", d, err)
		}
		if c.owner(ctx, "192.0.2.1") != "" {
			t.Error("a dry run wrote")
		}
		if _, err := load(c.analyst, "VM", false); err != nil {
			t.Fatal(err)
		}
		if got, want := []string{c.owner(ctx, "192.0.2.1"), c.owner(ctx, "198.51.100.5"), c.owner(ctx, "198.51.100.190"), c.owner(ctx, "198.51.100.192"), c.owner(ctx, "2001:db8::1"), c.owner(ctx, "AS64500"), c.owner(ctx, "203.0.113.1")}, []string{"Águas do Vale", "Provider Valmora", "Provider Valmora", "", "Provider Valmora", "Other", ""}; !slices.Equal(got, want) {
			t.Errorf("who answers: %q, want %q", got, want)
		}
		k, err := c.s.ContactByEmail(ctx, c.DB, "cert@agua.example")
		if err != nil || k.Role != "management" || k.UID != cert.UID {
			t.Errorf("%+v, %v", k, err)
		}
		if d, err = load(c.analyst, "VM", false); err != nil || d.Organisations.Added+d.Assets.Added+d.Contacts.Added+d.Organisations.Changed+d.Contacts.Changed != 0 {
			t.Errorf("again: %+v, %v", d, err)
		}
		for what, err := range map[string]error{"a country of three letters": second(load(c.analyst, "VMR", true)), "no objects": second(c.s.ImportRIPE(ctx, c.analyst, "VM", []io.Reader{strings.NewReader("hello")}, true))} {
			if !errs.Is(err, errs.Invalid) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if _, err := load(c.Constituent(10, "Eva", water.Ref.ID), "VM", true); !errs.Is(err, errs.Forbidden) {
			t.Errorf("a constituent: %v", err)
		}
	})
}
