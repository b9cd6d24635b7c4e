package registration_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/registration"
	"github.com/tocsin-csirt/tocsin/internal/format/scope"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// A registered organisation looks through its entry every two years, tells changes within two weeks, and who is late is late and not refused. What Art. 27 names
// is exported.
func TestEntriesAreReviewedAndChangesOwed(t *testing.T) {
	engines(t, func(ctx context.Context, h *house) {
		r, _ := h.sent(typed("sector", "digital_infrastructure", "kind", "dns", "representative", "=cmd|' /C calc'!A0", "staff", "4"))
		h.must(h.s.SetSecond(ctx, h.Person(7, "Lea", access.Lead), true, false))
		h.ticked(r)
		r, err := h.s.Approve(ctx, h.ana, r.UID, registration.Approval{Class: scope.Essential, Kind: "dns"})
		h.must(err)
		if r.State != registration.Approved {
			t.Fatal(r.State)
		}
		own, other := h.Constituent(20, "Ines", r.Organisation), h.Constituent(21, "Eve", 0)
		other.Organisation = 4711

		now := h.Clock.Now()
		for name, in := range map[string]registration.NewChange{"no day": {Kind: "other"}, "tomorrow": {Kind: "other", Since: now.Add(48 * time.Hour)}, "no kind": {Since: now}} {
			_, err := h.tell(ctx, own, in)
			h.refused(err, errs.Invalid, name)
		}
		_, err = h.tell(ctx, h.ana, registration.NewChange{Kind: "other", Since: now})
		h.refused(err, errs.Forbidden, "told by us")
		late, err := h.tell(ctx, own, registration.NewChange{Kind: "contact_gone", Since: now.Add(-30 * 24 * time.Hour)})
		h.must(err)
		if !late.Late(now) || late.ToldAt.IsZero() {
			t.Errorf("told after a month: %+v", late)
		}
		second, err := h.tell(ctx, own, registration.NewChange{Kind: "asset_new", Since: now.Add(-24 * time.Hour), Follows: true})
		h.must(err)
		first, err := h.tell(ctx, own, registration.NewChange{Kind: "other", Since: now.Add(-48 * time.Hour), Follows: true})
		h.must(err)
		due := func() time.Time {
			t.Helper()
			run, err := h.s.Deadlines.Running(ctx, h.DB, registration.ChangeClock, r.Organisation)
			h.must(err)
			return run[r.Organisation].DueAt
		}
		if !due().Equal(first.Due) {
			t.Errorf("the clock runs to %s, the first is due %s", due(), first.Due)
		}
		_, err = h.tell(ctx, other, registration.NewChange{Settles: first.UID})
		if err == nil {
			t.Error("told by another organisation")
		}
		_, err = h.tell(ctx, own, registration.NewChange{Settles: first.UID})
		h.must(err)
		if !due().Equal(second.Due) {
			t.Errorf("the clock runs to %s, the next is due %s", due(), second.Due)
		}
		h.Clock.Advance(20 * 24 * time.Hour)
		over, err := h.s.Overdue(ctx, h.DB, h.ana)
		h.must(err)
		if len(over) != 1 || over[0].What != registration.ChangeClock || over[0].Organisation.Ref.ID != r.Organisation {
			t.Errorf("overdue: %+v", over)
		}
		_, err = h.tell(ctx, own, registration.NewChange{Settles: second.UID})
		h.must(err)

		letters := func() int { return h.count(`SELECT COUNT(*) FROM correspondence_message`) }
		before := letters()
		h.Clock.Set(now.Add(registration.ReviewEvery - 10*24*time.Hour))
		tick := func() {
			t.Helper()
			_, err := h.s.Deadlines.Tick(ctx, h.s.Handlers())
			h.must(err)
		}
		tick()
		tick()
		if n := letters() - before; n != 1 {
			t.Errorf("%d letters before the review", n)
		}
		h.Clock.Advance(11 * 24 * time.Hour)
		if over, err = h.s.Overdue(ctx, h.DB, h.ana); err != nil || len(over) != 1 || over[0].What != registration.ReviewClock {
			t.Errorf("overdue: %+v %v", over, err)
		}
		own.ProvedAt, h.ana.ProvedAt = h.Clock.Now(), h.Clock.Now()
		review, err := h.s.Submit(ctx, own, h.said(typed("sector", "digital_infrastructure", "kind", "dns", "staff", "40", "representative", "=1+1")), nil)
		h.must(err)
		if !review.Review {
			t.Error("it is no review")
		}
		_, err = h.s.Submit(ctx, own, h.said(typed()), nil)
		h.refused(err, errs.Conflict, "two reviews at once")
		_, err = h.s.Ask(ctx, h.ana, review.UID, 0, "Forty people, where there were four?")
		h.must(err)
		if err := h.s.AnswerOwn(ctx, other, review.UID, "ours"); !errs.Is(err, errs.NotFound) {
			t.Errorf("answered by another: %v", err)
		}
		h.must(h.s.AnswerOwn(ctx, own, review.UID, "We grew."))
		h.ticked(review)
		_, err = h.s.Approve(ctx, h.ana, review.UID, registration.Approval{Class: scope.Essential, Kind: "dns"})
		h.refused(err, errs.Invalid, "a review made another organisation")
		o, err := h.country.ByID(ctx, h.DB, r.Organisation)
		h.must(err)
		_, err = h.s.Approve(ctx, h.ana, review.UID, registration.Approval{Organisation: o[r.Organisation].UID, Class: scope.Essential, Kind: "dns"})
		h.must(err)
		entity, newest, err := h.s.Own(ctx, h.DB, own)
		h.must(err)
		if !entity.ReviewDue.After(h.Clock.Now().Add(700*24*time.Hour)) || newest.State != registration.Approved {
			t.Errorf("reviewed: %+v %+v", entity, newest)
		}
		if over, err = h.s.Overdue(ctx, h.DB, h.ana); err != nil || len(over) != 0 {
			t.Errorf("still overdue: %+v %v", over, err)
		}
		x, err := h.s.Export(ctx, h.ana)
		h.must(err)
		if rows := x.EntityRows(); len(x.Entities) != 1 || x.Entities[0].Kind != "dns" || len(rows) != 2 || len(rows[1]) != len(rows[0]) || !slices.Contains(rows[1], "=1+1") {
			t.Errorf("exported %q", rows)
		}
	})
}
