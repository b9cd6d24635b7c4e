// Package deadline holds clocks as data: what starts one, how long, in which calendar, who owes what to whom, what stops or waives it. Both
// directions: what others owe us and what we owe them. Reminders before and escalation after are found by one periodic job.
//
// A receipt never meets our own answer clock: only what a person sent does. Table: deadline_clock.
package deadline

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Clock is one deadline.
type Clock struct {
	ID          int64
	UID         string
	About       ref.Ref // report, request, measure
	Under       ref.Ref // the incident or report on whose strip it stands
	Compartment int64
	Kind        string // "first_answer", "request", "measure", "early_warning", …
	OwedBy      string // "us" or "them"
	StartedAt   time.Time
	TargetAt    time.Time // internal target before the limit; zero for none
	DueAt       time.Time
	MetAt       time.Time
	StoppedAt   time.Time // withdrawn or waived, with a reason in the audit record
	RemindAt    time.Time // zero when reminded or not wished
	RemindedAt  time.Time
	EscalatedAt time.Time
	Law         string // "NIS2 Art. 23(5)", "agreement", ""
}

// Open tells whether the clock still runs.
func (c Clock) Open() bool { return c.MetAt.IsZero() && c.StoppedAt.IsZero() }

// Due is called for clocks whose reminder or escalation is due, once each, with the clock already marked in the same transaction.
type Due func(ctx context.Context, tx *db.Tx, c Clock, escalate bool) error

// Service owns clocks.
type Service struct {
	DB    *db.DB
	Clock clock.Clock
	Audit *audit.Log
}

// StartTx starts a clock.
func (s *Service) StartTx(ctx context.Context, tx *db.Tx, by access.Actor, c Clock) (Clock, error) {
	panic("not built yet")
}

// MeetTx marks the open clocks of a kind about an object as met.
func (s *Service) MeetTx(ctx context.Context, tx *db.Tx, by access.Actor, about ref.Ref, kind string, at time.Time) error {
	panic("not built yet")
}

// StopTx stops the open clocks of a kind about an object with a reason.
func (s *Service) StopTx(ctx context.Context, tx *db.Tx, by access.Actor, about ref.Ref, kind, reason string) error {
	panic("not built yet")
}

// MoveTx lets the clocks about an object stand on another strip (a report was linked to an incident).
func (s *Service) MoveTx(ctx context.Context, tx *db.Tx, about, under ref.Ref) error {
	panic("not built yet")
}

// Under gives the clocks of an incident or report that the caller has checked, by due time.
func (s *Service) Under(ctx context.Context, h db.Handle, under ...int64) (map[int64][]Clock, error) {
	panic("not built yet")
}

// Filter narrows the list of deadlines.
type Filter struct {
	OwedBy string // "us", "them", "" for both
	Late   bool
	Limit  int
	After  string
}

// List gives open clocks about objects that the actor may see, by due time.
func (s *Service) List(ctx context.Context, by access.Actor, f Filter) (clocks []Clock, next string, err error) {
	panic("not built yet")
}

// Tick marks and hands over what is due now; a periodic job calls it. The handler of a kind is given at wiring.
func (s *Service) Tick(ctx context.Context, handlers map[string]Due) (int, error) {
	panic("not built yet")
}
