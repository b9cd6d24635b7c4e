// Package registration takes entities into the register by their own word (NIS2 Art. 3(3) and (4), Art. 27): what one says of itself is checked by a
// person beside what is known already, asked back, approved or refused with reasons.
//
//	form.go      what is asked, and what is wrong with an answer
//	receive.go   a form that came by the box, or from the portal
//	list.go      the queue, one registration, what the register knows of the same name, identifier, address or domain
//	work.go      checks, asking back, refusing; what the applicant answers
//	approve.go   the word of one person, or of two; what it does to the register
//	entity.go    the entry of a registered entity, its review every two years
//	change.go    changes owed within two weeks
//	shown.go     what the holder of a code sees
//	export.go    numbers and entries for the single point of contact
//
// What somebody says of itself proves nothing: contacts come unverified, networks and domains as claims to prove, and what the register knows stays as it
// is where it differs. Tables: registration_….
//
//	new ── asked ── new ── approved | refused
//	  └── second ── approved | new | refused
package registration

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/scope"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Service owns registrations and the entries of registered entities.
type Service struct {
	DB             *db.DB
	Clock          clock.Clock
	Ring           *keyring.Ring
	Audit          *audit.Log
	Annexes        scope.Annexes
	Constituency   *constituency.Service
	Correspondence *correspondence.Service
	Intake         *intake.Service
	Deadlines      *deadline.Service
	Accounts       *account.Service
}

// State is where a registration stands.
type State string

// The states.
const (
	New      State = "new"    // waits for a person of ours
	Asked    State = "asked"  // we asked something back
	Second   State = "second" // one has approved, another has to
	Approved State = "approved"
	Refused  State = "refused"
)

// States lists them in the order of the queue.
var States = []State{New, Asked, Second, Approved, Refused}

// Open tells whether it can still be decided.
func (s State) Open() bool { return s == New || s == Asked || s == Second }

// The checks that a person ticks before it approves.
const (
	CheckIdentity  = "identity"
	CheckAuthority = "authority"
	CheckScope     = "scope"
)

// Checks lists them.
var Checks = []string{CheckIdentity, CheckAuthority, CheckScope}

// ReviewEvery is how often a registered entity looks through its entry (Art. 3(3)).
const ReviewEvery = 2 * 365 * 24 * time.Hour

// ChangeWithin is how soon a change is told after it happened (Art. 3(4)).
const ChangeWithin = 14 * 24 * time.Hour

// The kinds of clocks of this duty.
const (
	ReviewClock = "registration_review"
	ChangeClock = "registration_change"
)

const remindBefore = 30 * 24 * time.Hour

// Registration is one, as we read it.
type Registration struct {
	access.Object
	Reference    string
	State        State
	Channel      string // "form" or "portal"
	Review       bool   // of an entity that is registered: it looked through its entry
	Organisation int64  // object id of the one it became or concerns, 0 for none yet
	Account      int64  // who sent it from the portal
	Class        scope.Class
	Reasons      []scope.Reason
	Lang         string
	Said         Said
	Decision     Decision
	Checks       []string
	ReceivedAt   time.Time
	FirstBy      int64
	DecidedBy    int64
	DecidedAt    time.Time
	Destroyed    bool // its period is over

	code, public []byte
	thread       int64
}

// Decision is what was decided, and why.
type Decision struct {
	Organisation string      `json:"organisation,omitempty"` // uid of one that is known; "" for a new one
	Class        scope.Class `json:"class,omitempty"`
	Kind         string      `json:"kind,omitempty"`
	Communities  []string    `json:"communities,omitempty"`
	Note         string      `json:"note,omitempty"` // ours
	Reason       string      `json:"reason,omitempty"`
	Pointer      string      `json:"pointer,omitempty"`
	Left         []string    `json:"left,omitempty"` // what was said and not taken over
}

// Word is something that we asked back, or that was answered.
type Word struct {
	UID  string
	Ours bool
	By   int64 // account, 0 for who holds the code
	At   time.Time
	Text string
}

// File is a proof of authority as it was sent.
type File struct {
	UID, Name, Type string
	Size            int64
}

// Box runs what a drop needs in the transaction that takes it.
type Box = func(ctx context.Context, tx *db.Tx) error
