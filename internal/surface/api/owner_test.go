package api_test

import (
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/client"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
)

// A program of the house enters a network, proves it, asks who answers for an address in it now and a year ago, and ends it; an organisation's own program
// learns of its own alone.
func TestOwnersOverTheWire(t *testing.T) {
	t.Parallel()
	coretest.Engines(t, func(t *testing.T, core *coretest.House) {
		h := open(t, core)
		ctx, now := t.Context(), h.Clock.Now().UTC().Truncate(time.Second)
		lead, own := h.as("lead"), h.as("constituent")
		a, err := lead.AddAsset(ctx, h.two.UID, client.NewAsset{Value: "203.0.113.77/24", Since: now.AddDate(0, -1, 0)})
		if err != nil || a.Kind != "prefix" || a.Value != "203.0.113.0/24" {
			t.Fatalf("%+v, %v", a, err)
		}
		if _, err := lead.AddAsset(ctx, h.two.UID, client.NewAsset{Value: "no network"}); !client.Is(err, 422) {
			t.Errorf("no network: %v", err)
		}
		if a, err = lead.ProveAsset(ctx, a.ID, "seen in the register"); err != nil || a.ProvedHow != "seen in the register" {
			t.Errorf("%+v, %v", a, err)
		}
		owner := func(c *client.Client, what string, at time.Time, want string) {
			t.Helper()
			list, err := c.Owners(ctx, what, at)
			got := ""
			if err == nil && len(list.Items) > 0 {
				got = list.Items[0].Organisation + " " + list.Items[0].Why
			}
			if err != nil || got != want {
				t.Errorf("%s: %q, want %q, %v", what, got, want, err)
			}
		}
		owner(lead, "203.0.113.7", time.Time{}, h.two.UID+" prefix")
		owner(lead, "hxxp://203.0.113[.]7/login", now, h.two.UID+" prefix")
		owner(lead, "203.0.113.7", now.AddDate(-1, 0, 0), "")
		owner(own, "203.0.113.7", time.Time{}, "")
		if _, err := lead.Owners(ctx, "", time.Time{}); !client.Is(err, 422) {
			t.Errorf("nothing asked: %v", err)
		}
		if err := h.as("constituent").EndAsset(ctx, a.ID, time.Time{}, ""); !client.Is(err, 403) {
			t.Errorf("a constituent ends it: %v", err)
		}
		if err := lead.EndAsset(ctx, a.ID, now, "sold"); err != nil {
			t.Error(err)
		}
		owner(lead, "203.0.113.7", time.Time{}, "")
		owner(lead, "203.0.113.7", now.Add(-time.Hour), h.two.UID+" prefix")
		if err := lead.EndAsset(ctx, a.ID, now, "sold"); !client.Is(err, 409) {
			t.Errorf("ended twice: %v", err)
		}
	})
}
