package api_test

import (
	"testing"

	"github.com/tocsin-csirt/tocsin/client"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
)

// A program makes, tries, turns and drops rules as its owner may, and reads the reasons of rejections.
func TestRulesOverTheWire(t *testing.T) {
	t.Parallel()
	coretest.Engines(t, func(t *testing.T, core *coretest.House) {
		h := open(t, core)
		ctx := t.Context()
		lead, ana := h.as("lead"), h.as("analyst")
		in := client.NewRule{Name: "News", When: client.RuleWhen{Senders: []string{"news.example"}}, Do: client.RuleDo{Place: "reject", Reason: "spam"}}
		if _, err := ana.MakeRule(ctx, in); !client.Is(err, 403) {
			t.Errorf("an analyst makes one: %v", err)
		}
		if _, err := lead.MakeRule(ctx, client.NewRule{Name: "News"}); !client.Is(err, 422) {
			t.Errorf("one for nothing: %v", err)
		}
		trial, err := lead.TryRule(ctx, in)
		if err != nil || trial.Fits != 0 {
			t.Errorf("the trial: %+v, %v", trial, err)
		}
		x, err := lead.MakeRule(ctx, in)
		if err != nil || !x.On || x.Do.Reason != "spam" {
			t.Fatalf("made %+v, %v", x, err)
		}
		in.Name, in.Off = "Old news", true
		if y, err := lead.WriteRule(ctx, x.ID, in); err != nil || y.ID != x.ID || y.On || y.Name != "Old news" {
			t.Errorf("written anew %+v, %v", y, err)
		}
		if all, err := ana.Rules(ctx); err != nil || len(all.Items) != 1 {
			t.Errorf("listed %+v, %v", all, err)
		}
		if all, err := lead.TurnRule(ctx, x.ID, "drop"); err != nil || len(all.Items) != 0 {
			t.Errorf("dropped, there are %+v, %v", all, err)
		}
		if _, err := lead.TurnRule(ctx, x.ID, "on"); !client.Is(err, 404) {
			t.Errorf("turned one that is none: %v", err)
		}
		if all, err := ana.Reasons(ctx); err != nil || len(all.Items) != 7 || !all.Items[0].Spam || all.Items[1].Letters["pt"].Text == "" {
			t.Errorf("reasons %+v, %v", all, err)
		}
	})
}
