// Package deadline holds clocks as data: what starts one, how long, in which calendar, who owes what to whom, what stops or waives it. Both
// directions: what others owe us and what we owe them. Reminders before and escalation after are found by one periodic job.
//
// A receipt never meets our own answer clock: only what a person sent does. Table: deadline_clock.
package deadline

import (
	"context"
	"time"

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
	Whole       int64   // the object that About is a part of (a report), 0 for none
	Compartment int64
	Kind        string // "first_answer", "request", "measure", "early_warning", …
	OwedBy      string // "us" or "them"
	StartedAt   time.Time
	TargetAt    time.Time // internal target before the limit; zero for none
	DueAt       time.Time
	LimitAt     time.Time // the end by the law's rules of counting, where it lies after DueAt; else zero
	MetAt       time.Time
	StoppedAt   time.Time // withdrawn or waived, with a reason in the audit record
	RemindAt    time.Time // zero when reminded or not wished
	RemindedAt  time.Time
	EscalatedAt time.Time
	Law         string // "NIS2 Art. 23(5)", "agreement", ""
	RuleSet     string // code of the rule set whose stage Kind names; "" for none
}

// Limit gives after when the clock is late.
func (c Clock) Limit() time.Time {
	if c.LimitAt.After(c.DueAt) {
		return c.LimitAt
	}
	return c.DueAt
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
