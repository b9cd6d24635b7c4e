package api_test

import (
	"context"
	"testing"

	"github.com/tocsin-csirt/tocsin/client"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
)

// A lead sets a legal hold by a token; nobody else does, and no token ends one.
func TestALeadHoldsByTheAPI(t *testing.T) {
	t.Parallel()
	coretest.Engines(t, func(t *testing.T, core *coretest.House) {
		h := open(t, core)
		s, ctx := h.asked(), context.Background()
		lead := h.as("lead")
		got, err := lead.HoldReport(ctx, s.report.Reference, "the court of Valmora asked")
		h.must(err)
		if got.Ref != s.report.Reference || got.Reason != "the court of Valmora asked" || !got.At.Equal(h.Clock.Now()) {
			t.Errorf("held %+v", got)
		}
		if _, err := lead.HoldReport(ctx, s.report.ID, "the court of Valmora asked"); !client.Is(err, 409) {
			t.Errorf("held twice: %v", err)
		}
		if _, err := lead.HoldIncident(ctx, s.incident.Number, "court"); !client.Is(err, 422) {
			t.Errorf("held for a word: %v", err)
		}
		_, err = lead.HoldIncident(ctx, s.incident.Number, "the court of Valmora asked")
		h.must(err)
		for _, role := range []string{"analyst", "duty", "admin", "auditor", "constituent"} {
			if _, err := h.as(role).HoldIncident(ctx, s.incident.Number, "the court of Valmora asked"); !client.Is(err, 403) {
				t.Errorf("held by %s: %v", role, err)
			}
		}
	})
}
