package api_test

import (
	"testing"

	"github.com/tocsin-csirt/tocsin/client"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
)

// A program corrects what is known of a target and takes a provider out of the directory; who read it before somebody else changed it is told so.
func TestTargetsAndProvidersOverTheWire(t *testing.T) {
	t.Parallel()
	coretest.Engines(t, func(t *testing.T, core *coretest.House) {
		h := open(t, core)
		ctx := t.Context()
		lead, ana, auditor := h.as("lead"), h.as("analyst"), h.as("auditor")
		in, err := ana.CreateIncident(ctx, client.NewIncident{Title: "A false bank"})
		if err != nil {
			t.Fatal(err)
		}
		x, err := ana.AddTarget(ctx, in.Number, client.NewTarget{What: "hxxps://bank[.]example/login", Kind: "phishing", Words: "A page that asks for a PIN."})
		if err != nil {
			t.Fatal(err)
		}
		y, err := ana.AmendTarget(ctx, x.ID, client.AmendTarget{Version: x.Version, Kind: "impersonation", Words: "A page that asks for PIN and card.", Addresses: "198.51.100.7"})
		if err != nil || y.Version == x.Version || y.Kind != "impersonation" || y.Words != "A page that asks for PIN and card." || len(y.Addresses) != 1 || !y.SeenAt.Equal(x.SeenAt) {
			t.Fatalf("amended %+v, %v", y, err)
		}
		if _, err := ana.AmendTarget(ctx, x.ID, client.AmendTarget{Version: x.Version, Kind: "other", Words: "Late."}); !client.Is(err, 409) {
			t.Errorf("amended by who read it before: %v", err)
		}
		if _, err := ana.AmendTarget(ctx, x.ID, client.AmendTarget{Version: y.Version, Kind: "nonsense", Words: ""}); !client.Is(err, 422) {
			t.Errorf("amended to nothing: %v", err)
		}
		if _, err := auditor.AmendTarget(ctx, x.ID, client.AmendTarget{Version: y.Version, Kind: "other", Words: "By an auditor."}); !client.Is(err, 403) {
			t.Errorf("amended by an auditor: %v", err)
		}
		p, err := lead.AddProvider(ctx, client.NewProvider{Name: "Blocks", Email: "abuse@blocks.example", Role: "block_list", Form: "letter"})
		if err != nil || p.Retired {
			t.Fatalf("entered %+v, %v", p, err)
		}
		if _, err := lead.RetireProvider(ctx, p.ID, p.Version+1); !client.Is(err, 409) {
			t.Errorf("retired as it was not read: %v", err)
		}
		gone, err := lead.RetireProvider(ctx, p.ID, p.Version)
		if err != nil || !gone.Retired || gone.Version == p.Version {
			t.Fatalf("retired %+v, %v", gone, err)
		}
		all, err := lead.Providers(ctx)
		if err != nil || len(all.Items) != 0 {
			t.Errorf("the directory has %+v, %v", all.Items, err)
		}
	})
}
