package api_test

import (
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/client"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
)

// A program reads who is on duty, notes that its owner takes over, takes a page, and hands in the calls of a telephone system.
func TestDutyOverTheWire(t *testing.T) {
	t.Parallel()
	coretest.Engines(t, func(t *testing.T, core *coretest.House) {
		h := open(t, core)
		ctx, now := t.Context(), h.Clock.Now().UTC().Truncate(time.Second)
		lead, ana := h.as("lead"), h.as("analyst")
		all, err := ana.Shifts(ctx, time.Time{}, time.Time{})
		if err != nil || len(all.Items) != 1 || all.Items[0].Person != nil {
			t.Fatalf("without a roster %+v, %v", all, err)
		}
		if _, err := ana.Shifts(ctx, now, now.Add(-time.Hour)); !client.Is(err, 422) {
			t.Errorf("a time that ends before it begins: %v", err)
		}
		mine, err := ana.ChangeDuty(ctx, client.NewDutyChange{From: now.Add(-time.Hour), Till: now.Add(time.Hour)})
		if err != nil || mine.Person == nil || mine.Person.ID == "" || mine.Away {
			t.Fatalf("taken over %+v, %v", mine, err)
		}
		if all, err = lead.Shifts(ctx, now, now.Add(2*time.Hour)); err != nil || len(all.Items) != 2 || all.Items[0].Person == nil || *all.Items[0].Person != *mine.Person || !all.Items[0].Till.Equal(mine.Till) {
			t.Errorf("the shifts are %+v, %v", all, err)
		}
		if _, err := ana.ChangeDuty(ctx, client.NewDutyChange{Person: "nobody", From: now, Till: now.Add(time.Hour)}); !client.Is(err, 422) {
			t.Errorf("a stranger takes over: %v", err)
		}
		if _, err := h.as("duty").ChangeDuty(ctx, client.NewDutyChange{Person: mine.Person.ID, Away: true, From: now, Till: now.Add(time.Hour)}); !client.Is(err, 403) {
			t.Errorf("somebody sends another one away: %v", err)
		}
		if left, err := ana.TakeBackDuty(ctx, mine.ID); err != nil || len(left.Items) != 0 {
			t.Errorf("taken back, %+v, %v", left, err)
		}

		page, err := ana.TestPage(ctx)
		if err != nil || page.Reason != "test" || page.State != "open" {
			t.Fatalf("paged %+v, %v", page, err)
		}
		if _, err := lead.DutyPageOf(ctx, page.ID); !client.Is(err, 404) {
			t.Errorf("another one reads a test: %v", err)
		}
		if took, err := ana.AcknowledgePage(ctx, page.ID); err != nil || took.State != "answered" || took.AnsweredBy == nil || took.AnsweredBy.ID != mine.Person.ID {
			t.Errorf("taken %+v, %v", took, err)
		}
		if _, err := ana.AcknowledgePage(ctx, page.ID); !client.Is(err, 409) {
			t.Errorf("taken twice: %v", err)
		}
		if pages, err := ana.DutyPages(ctx); err != nil || len(pages.Items) != 1 {
			t.Errorf("pages %+v, %v", pages, err)
		}

		if _, err := ana.WatchChannel(ctx, "smtp", "hand", 24); !client.Is(err, 403) {
			t.Errorf("an analyst says how a channel is watched: %v", err)
		}
		if _, err := lead.WatchChannel(ctx, "fax", "hand", 24); !client.Is(err, 404) {
			t.Errorf("a channel that is none: %v", err)
		}
		channels, err := lead.WatchChannel(ctx, "smtp", "hand", 24)
		if err != nil || len(channels.Items) != 2 || channels.Items[0].Silent || channels.Items[0].Hours != 24 {
			t.Fatalf("channels %+v, %v", channels, err)
		}
		h.Clock.Advance(25 * time.Hour)
		if channels, err = ana.Channels(ctx); err != nil || !channels.Items[0].Silent || channels.Items[1].Silent {
			t.Errorf("a day later %+v, %v", channels, err)
		}

		at := h.Clock.Now().UTC().Add(-2 * time.Hour).Truncate(time.Second)
		call := client.NewCall{Summary: "Screens are black", Caller: client.Reporter{Name: "Night porter", Phone: "+351 555 0100"}, CalledAt: at, Note: "pbx-17"}
		got, err := ana.NoteCall(ctx, call)
		if err != nil || got.Reference == "" {
			t.Fatalf("noted %+v, %v", got, err)
		}
		if r, err := ana.Report(ctx, got.ID); err != nil || r.Channel != "phone" || !r.ReceivedAt.Equal(at) {
			t.Errorf("the report is %+v, %v", r, err)
		}
		if _, err := ana.NoteCall(ctx, call); !client.Is(err, 409) {
			t.Errorf("the same note twice: %v", err)
		}
		if _, err := ana.CallBack(ctx, got.ID, client.NewCallBack{Number: "none", Outcome: "theirs"}); !client.Is(err, 404) {
			t.Errorf("called a number that is none: %v", err)
		}
		if _, err := h.as("constituent").Shifts(ctx, time.Time{}, time.Time{}); !client.Is(err, 403) {
			t.Errorf("a constituent reads the roster: %v", err)
		}
	})
}
