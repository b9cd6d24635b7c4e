// Package duty knows who of the team is on duty and reaches them: the roster, what one shift leaves to the next, pages and their answers, what to do
// when we are down, and which of our own channels has been silent too long.
//
//	roster.go     who is on duty when: pure, in the team's zone
//	plan.go       the rotation, times taken over, absences
//	handover.go   what a shift leaves behind, signed by both
//	page.go       pages: who is asked, one after the other; the rules; the ways of each person
//	send.go       how a page leaves: mail, signed webhook, gateway of text messages
//	channel.go    which of our own channels is silent: learnt from what usually comes, or set by hand
//	bundle.go     what the team needs when we are down: an encrypted page, written every hour
//
// It stands on no other duty: what happened in a shift, and the ways by which a page leaves, are given to it by who builds the house.
// Tables: duty_rotation, duty_change, duty_handover, duty_way, duty_page, duty_try, duty_bundle.
package duty

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
)

// Service owns roster, hand-overs and pages.
type Service struct {
	DB     *db.DB
	Clock  clock.Clock
	Ring   *keyring.Ring
	Audit  *audit.Log
	Jobs   *job.Queue
	Egress *egress.Gate
	Zone   *time.Location
	Sender Sender  // nil: no webhook and no text message leaves
	SMS    Gateway // the zero one: none

	Folders []string // in which the operator lets bundles be written

	// Channels are the roads into this house.
	Channels []string
	// Came gives the first arrival by a channel in each hour from since on, and its last.
	Came func(ctx context.Context, h db.Handle, channel string, since time.Time) (hours []time.Time, last time.Time, err error)
	// Holiday tells whether a day is a public holiday; nil knows none.
	Holiday func(t time.Time) bool
	// Gather gives what the bundle holds.
	Gather func(ctx context.Context) (Bundle, error)
	// Staff gives the accounts that can be on duty now.
	Staff func(ctx context.Context, h db.Handle) ([]int64, error)
	// Leads gives the accounts that are asked when nobody of the roster answers.
	Leads func(ctx context.Context, h db.Handle) ([]int64, error)
	// Mail writes a page to one account; false when it has no address.
	Mail func(ctx context.Context, tx *db.Tx, account int64, p Page) (bool, error)
	// Words gives a page in the language of an account: words of the catalogue, the number, and where to answer.
	Words func(ctx context.Context, account int64, p Page) (string, error)
	// Look finds what pages of itself: clocks about to be missed, channels that are silent. It is asked every twenty seconds; nil finds nothing.
	Look func(ctx context.Context) error
	// Events gives what happened in a time, as far as the actor may see it, and the clocks that end between its end and till.
	Events func(ctx context.Context, by access.Actor, from, to, till time.Time) (Events, error)
}
