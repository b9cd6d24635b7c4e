package account_test

import (
	"context"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Work that somebody asked for is done with the roles that person has when it is done, and not at all once the account is closed.
func TestLaterWorkHasTheRightsOfNow(t *testing.T) {
	engines(t, func(ctx context.Context, c *team) {
		a := c.create(ctx, c.setup, "ana@cert.example", "", access.Analyst)
		by, err := c.s.Acting(ctx, c.DB, a.ID)
		if err != nil || by.Account != a.ID || !by.Can(access.Triage) {
			t.Fatalf("%+v, %v", by, err)
		}
		if by.NeedFresh(c.Clock.Now()) == nil {
			t.Error("a job has proved who it is")
		}
		if _, err := c.s.Disable(ctx, c.root, a.UID); err != nil {
			t.Fatal(err)
		}
		if _, err := c.s.Acting(ctx, c.DB, a.ID); !errs.Is(err, errs.Forbidden) {
			t.Errorf("a closed account: %v", err)
		}
		if _, err := c.s.Acting(ctx, c.DB, 99999); err == nil {
			t.Error("nobody")
		}
	})
}
