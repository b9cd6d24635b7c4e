package intake

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// The kinds of clocks that a report starts.
const (
	FirstAnswer = "first_answer" // we owe the reporter the answer of a person
)

// start starts the clocks that law, entitlement and custom give, and puts the report into its group of the queue.
func (s *Service) start(ctx context.Context, tx *db.Tx, by access.Actor, r *row, who reporter, in ReceiveInput) ([]Clock, error) {
	var e constituency.Entitlement
	known := who.organisation.Ref.ID != 0
	if known {
		var err error
		if e, err = s.Constituency.Entitlement(ctx, tx, who.organisation.Communities, ServiceOf(in.Body.Kind)); err != nil {
			return nil, err
		}
		r.queueAt = waitsFrom(r.ReceivedAt, e.Priority)
	}
	out := []Clock{}
	for _, c := range s.clocks(r.ReceivedAt, e, known, in) {
		c.About, c.Under, c.Compartment = r.Ref, r.Ref, r.Compartment
		if _, err := s.Deadlines.StartTx(ctx, tx, by, c); err != nil {
			return nil, err
		}
		owes := "reporter"
		if c.OwedBy == deadline.Us {
			owes = "us"
			r.queue, r.queueAt = clockRuns, c.DueAt
		}
		out = append(out, Clock{Kind: c.Kind, Owes: owes, DueAt: c.DueAt})
	}
	return out, nil
}

// ServiceOf gives which of our services a report of a kind asks for.
func ServiceOf(kind string) string {
	if kind == "vulnerability" {
		return "vulnerability"
	}
	return "incident_response"
}

// stranger is how much of a priority a report of nobody in the register has: that of the general public in the table of the program, so that mail of
// strangers costs no look at the table.
const stranger = 7

// clocks gives the clocks that law and entitlement start: for our first answer the one that ends first.
func (s *Service) clocks(now time.Time, e constituency.Entitlement, known bool, in ReceiveInput) []deadline.Clock {
	filings, _ := s.filingsOf(in)
	due, cites := s.firstDuty(filings, now)
	if agreed := now.Add(e.FirstAnswer); known && e.FirstAnswer > 0 && (due.IsZero() || agreed.Before(due)) {
		due, cites = agreed, "agreement"
	}
	if due.IsZero() && known && !e.Refused() {
		due = s.bestEffort(now)
	}
	if due.IsZero() {
		return nil
	}
	return []deadline.Clock{{Kind: FirstAnswer, OwedBy: deadline.Us, StartedAt: now, DueAt: due, RemindAt: now.Add(due.Sub(now) * 3 / 4), Law: cites}}
}

// waitsFrom gives since when a report without a clock counts as waiting: a step of priority weighs as an hour, so that who comes first is served earlier and
// nobody waits for ever.
func waitsFrom(received time.Time, priority int) time.Time {
	return received.Add(time.Duration(priority-stranger) * time.Hour)
}

// firstDuty gives by when the laws of stages ask us for a first answer, the shortest of them, and what is cited for it; zero when none does.
func (s *Service) firstDuty(filings []Filing, from time.Time) (due time.Time, cites string) {
	for _, f := range filings {
		set, err := s.Laws.Set(f.Set)
		if err != nil || len(set.Duties) == 0 {
			continue
		}
		d := set.Duties[0]
		if at, _ := s.count(set.Country)(d.Within, set.Counting, from); due.IsZero() || at.Before(due) {
			due, cites = at, set.Cites(d.Article)
		}
	}
	return due, cites
}

// oweAnswer starts our answer clock where a law asks for it that a person filed the report under: from when the report came. A letter that a person sent
// before meets it.
func (s *Service) oweAnswer(ctx context.Context, tx *db.Tx, by access.Actor, r *row, set string) error {
	all, err := s.Deadlines.About(ctx, tx, r.Ref.ID)
	if err != nil || r.State == Answered || r.status() == StatusConcluded {
		return err
	}
	for _, c := range all[r.Ref.ID] {
		if c.Kind == FirstAnswer {
			return nil
		}
	}
	due, cites := s.firstDuty([]Filing{{Set: set}}, r.ReceivedAt)
	if due.IsZero() {
		return nil
	}
	strip := r.Ref
	if len(r.Incidents) > 0 {
		strip = r.Incidents[0]
	}
	span := due.Sub(r.ReceivedAt)
	_, err = s.Deadlines.StartTx(ctx, tx, by, deadline.Clock{
		About: r.Ref, Under: strip, Compartment: r.Compartment, Kind: FirstAnswer, OwedBy: deadline.Us, StartedAt: r.ReceivedAt, DueAt: due, RemindAt: r.ReceivedAt.Add(span * 3 / 4), Law: cites,
	})
	if err != nil {
		return err
	}
	return s.answered(ctx, tx, access.System("intake"), r)
}

// firstAnswer gives by when we answer, zero when we promised nothing.
func firstAnswer(clocks []Clock) time.Time {
	for _, c := range clocks {
		if c.Kind == FirstAnswer {
			return c.DueAt
		}
	}
	return time.Time{}
}

// bestEffort is two business days.
func (s *Service) bestEffort(from time.Time) time.Time {
	if s.Calendar == nil {
		return from.Add(48 * time.Hour)
	}
	return s.Calendar.AddBusiness(from, 2*s.Calendar.Day())
}

// requeue puts a report where it waits now: by its running clock, as new, or nowhere. It is asked after every move.
func (s *Service) requeue(ctx context.Context, tx *db.Tx, r *row) error {
	switch {
	case r.AnswerCame:
		if r.queue != answerCame {
			r.queue, r.queueAt = answerCame, s.Clock.Now()
		}
		return nil
	case r.State != New:
		r.queue = notWaiting
		return nil
	}
	r.queue, r.queueAt = isNew, r.ReceivedAt
	all, err := s.Deadlines.About(ctx, tx, r.Ref.ID)
	if err != nil {
		return err
	}
	for _, c := range all[r.Ref.ID] {
		if c.Kind == FirstAnswer && c.Open() {
			r.queue, r.queueAt = clockRuns, c.DueAt
			return nil
		}
	}
	if r.Organisation == 0 {
		return nil
	}
	e, err := s.Entitled(ctx, tx, r.Report)
	r.queueAt = waitsFrom(r.ReceivedAt, e.Priority)
	return err
}

// Entitled gives what the organisation of a report is entitled to for what it asks of us; for nobody in the register it is what everybody is.
func (s *Service) Entitled(ctx context.Context, h db.Handle, r Report) (constituency.Entitlement, error) {
	var communities []string
	if r.Organisation != 0 {
		all, err := s.Constituency.ByID(ctx, h, r.Organisation)
		if err != nil {
			return constituency.Entitlement{}, err
		}
		communities = all[r.Organisation].Communities
	}
	return s.Constituency.Entitlement(ctx, h, communities, ServiceOf(r.Body.Kind))
}
