package api_test

import (
	"context"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/client"
	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
)

// A call and a shared situation over HTTP: two hospitals meet once it is confirmed, one takes part alone afterwards, and a hospital is no authority.
func TestCallsAndSituations(t *testing.T) {
	t.Parallel()
	coretest.Engines(t, func(t *testing.T, core *coretest.House) {
		h := open(t, core)
		ctx := context.Background()
		ana, lead := h.as("analyst"), h.as("lead")
		s := h.asked()
		c, err := ana.PlanCall(ctx, s.incident.Number, client.NewCoordinationCall{Subject: "How it stands", How: "by telephone", StartsAt: h.Clock.Now().Add(24 * time.Hour), Minutes: 30})
		h.must(err)
		both := []string{s.one.ID, s.two.ID}
		seen, err := ana.Invite(ctx, c.ID, client.Invitation{Parties: both, Preview: true})
		h.must(err)
		if len(seen.Letters) != 2 || len(seen.Together) != 2 || len(seen.Invited) != 0 {
			t.Errorf("the preview: %+v", seen)
		}
		if _, err := ana.Invite(ctx, c.ID, client.Invitation{Parties: both}); !client.Is(err, 409) {
			t.Errorf("without the confirmation: %v", err)
		}
		c, err = ana.Invite(ctx, c.ID, client.Invitation{Parties: both, Together: seen.Together})
		h.must(err)
		if err := ana.SetAlone(ctx, s.one.ID, true, "it asked for it"); !client.Is(err, 409) {
			t.Errorf("kept apart while it meets another: %v", err)
		}
		c, err = ana.MoveCall(ctx, c.ID, client.CallMoved{How: c.How, StartsAt: c.StartsAt.Add(time.Hour), Minutes: 30, Reason: "the room is taken"})
		h.must(err)
		c, err = ana.NoteComing(ctx, c.ID, s.one.ID, true, "The CISO", "")
		h.must(err)
		c, err = ana.CallOff(ctx, c.ID, []string{s.two.ID}, "it asked for it")
		h.must(err)
		h.must(ana.SetAlone(ctx, s.one.ID, true, "it asked for it"))
		c, err = ana.WriteMinutes(ctx, c.ID, client.Minutes{Present: []client.CallPresent{{Party: s.one.ID, Name: "Rui"}}, Text: "They pulled the cable.", Finish: true, Version: c.Version})
		h.must(err)
		c, err = ana.AddToMinutes(ctx, c.ID, "At ten.")
		h.must(err)
		c, err = ana.CallAction(ctx, c.ID, client.NewCallAction{Title: "Keep it off", Party: s.one.ID, DueAt: h.Clock.Now().Add(time.Hour)})
		h.must(err)
		if c.State != "held" || c.Said == "" || len(c.Additions) != 1 || len(c.Actions) != 1 || c.Actions[0].Measure == "" || c.Invited[0].Coming != "yes" || !c.Invited[1].Gone || len(c.Changes) != 2 {
			t.Errorf("the call: %+v", c)
		}
		if list, err := ana.CoordinationCalls(ctx, s.incident.Number); err != nil || len(list.Items) != 1 {
			t.Errorf("%d calls, %v", len(list.Items), err)
		}
		if _, err := lead.OpenSituation(ctx, s.incident.Number, client.NewSituation{Ground: "need", Reasons: "It spreads.", Members: []string{s.one.ID}}); !client.Is(err, 422) {
			t.Errorf("a hospital as an authority: %v", err)
		}
		h.must(h.deps.Coordination.Constituency.SetLiaison(ctx, access.System("sample"), h.two.UID, constituency.Liaison{Kind: constituency.Regulator}))
		x, err := lead.OpenSituation(ctx, s.incident.Number, client.NewSituation{Ground: "need", Reasons: "It spreads.", Members: []string{s.two.ID}})
		h.must(err)
		_, err = ana.SetTelling(ctx, x.ID, client.NewTelling{Circle: "the public", Done: true})
		h.must(err)
		_, err = lead.Decide(ctx, x.ID, client.NewDecision{Text: "We wait.", Joint: true, DueAt: h.Clock.Now().Add(time.Hour)})
		h.must(err)
		x, err = ana.NoteAgreement(ctx, x.ID, 1, s.two.ID, true, "The director", "")
		h.must(err)
		if len(x.Decisions) != 1 || x.Decisions[0].JointSince.IsZero() || len(x.Tellings) != 1 || x.Tellings[0].DoneAt.IsZero() {
			t.Errorf("the situation: %+v", x)
		}
		seenState, err := ana.TellSituation(ctx, x.ID, false, true)
		if err != nil || len(seenState.Letters) != 1 {
			t.Errorf("the state: %+v, %v", seenState.Letters, err)
		}
		_, err = lead.EndSituation(ctx, x.ID, "over")
		h.must(err)
	})
}
