// Package duty knows who of the team is on duty and reaches them: the roster, what one shift leaves to the next, pages and their answers, what to do
// when we are down, and which of our own channels has been silent too long.
//
//	roster.go     who is on duty when: pure, in the team's zone
//	plan.go       the rotation, times taken over, absences
//	handover.go   what a shift leaves behind, signed by both
//
// It stands on no other duty: what happened in a shift, and the ways by which a page leaves, are given to it by who builds the house.
// Tables: duty_rotation, duty_change, duty_handover.
package duty

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Service owns roster, hand-overs and pages.
type Service struct {
	DB    *db.DB
	Clock clock.Clock
	Ring  *keyring.Ring
	Audit *audit.Log
	Zone  *time.Location

	// Staff gives the accounts that can be on duty now.
	Staff func(ctx context.Context, h db.Handle) ([]int64, error)
	// Events gives what happened in a time, as far as the actor may see it, and the clocks that end between its end and till.
	Events func(ctx context.Context, by access.Actor, from, to, till time.Time) (Events, error)
}
