package intake

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// The kinds of clocks that a report starts.
const (
	FirstAnswer = "first_answer" // we owe the reporter the answer of a person
)

// start starts the clocks that law, entitlement and custom give, and puts the report into its group of the queue.
func (s *Service) start(ctx context.Context, tx *db.Tx, by access.Actor, r *row, who reporter, in ReceiveInput) ([]Clock, error) {
	wanted, err := s.clocks(ctx, tx, r, who, in)
	if err != nil {
		return nil, err
	}
	out := []Clock{}
	for _, c := range wanted {
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

func (s *Service) clocks(ctx context.Context, h db.Handle, r *row, who reporter, in ReceiveInput) ([]deadline.Clock, error) {
	now := r.ReceivedAt
	ours := func(due time.Time, law string) deadline.Clock {
		span := due.Sub(now)
		return deadline.Clock{Kind: FirstAnswer, OwedBy: deadline.Us, StartedAt: now, DueAt: due, RemindAt: now.Add(span * 3 / 4), Law: law}
	}
	filings, _ := s.filingsOf(in)
	if due, cites := s.firstDuty(filings, now); !due.IsZero() {
		return []deadline.Clock{ours(due, cites)}, nil
	}
	if who.organisation.Ref.ID == 0 {
		return nil, nil
	}
	e, err := s.Constituency.Entitlement(ctx, h, who.organisation.Communities, "incident_response")
	if err != nil {
		return nil, err
	}
	switch {
	case e.FirstAnswer > 0:
		return []deadline.Clock{ours(now.Add(e.FirstAnswer), "agreement")}, nil
	case e.Level == "full" || e.Level == "advice":
		return []deadline.Clock{ours(s.bestEffort(now), "")}, nil
	}
	return nil, nil
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
	return nil
}
