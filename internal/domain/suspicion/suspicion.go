// Package suspicion counts what the public hands on as suspicious: messages to an address of its own and of the page /suspicious. They are no reports
// and stand in no queue. What is alike is a campaign; one that grows or touches an organisation of ours makes one report, which is its line.
//
//	read.go   what a mail tells of the attack: the message inside, its links, sender, files
//	take.go   TakeTx: one message; fold.go: all of a transaction, folded and counted at once
//	line.go   the line of the queue, made by a job; rules.go: from how many on
//	judge.go  File, Judge: what a person decides of a campaign
//	list.go   List, Get, Sample, Curve
//	single.go Singles, Single, Begin: messages that nothing is like
//	file.go   OpenFile, Picture: what came with a message
//	form.go   what the page takes, as a mail; end.go what ends when
//
// Campaign states: open; harmless and known are counted and make no line. Any may follow any.
// Tables: suspicion_message, suspicion_trait, suspicion_campaign, suspicion_feature, suspicion_hour, suspicion_thanks.
package suspicion

import (
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
)

// Service owns campaigns.
type Service struct {
	DB             *db.DB
	Clock          clock.Clock
	Ring           *keyring.Ring
	Audit          *audit.Log
	Jobs           *job.Queue
	Text           *text.Catalogue
	Lang           string // in which the team writes
	Constituency   *constituency.Service
	Correspondence *correspondence.Service
	Intake         *intake.Service
}

// SettingAddress is where the address of the lane is kept once somebody changed it; before, the profile of the house names it.
const SettingAddress = "suspicion.address"

// Work registers the jobs of this duty.
func (s *Service) Work(r *job.Registry) { job.Handle(r, job.House, s.line) }

// State is what was decided of a campaign.
type State string

// The states of a campaign.
const (
	Open     State = "open"
	Harmless State = "harmless" // no attack: counted, no line
	Known    State = "known"    // an attack that needs nothing more: counted, no line
)

// States are all of them.
var States = []State{Open, Harmless, Known}

// Campaign is messages that are alike.
type Campaign struct {
	access.Object
	State    State
	Title    string // subject of the message inside, addresses masked; "" when it has none
	FirstAt  time.Time
	LastAt   time.Time
	Messages int
	Senders  int   // different people who handed it on; each form counts as one
	Names    int64 // organisation whose domain or address it touches; 0 for none
	Named    string
	Asked    time.Time // when it became a line; zero while it is none
	Report   int64     // the line's report; 0 while there is none
}

// Kind says what a feature is; stored.
type Kind int

// The kinds of features.
const (
	Link   Kind = iota + 1 // host and path
	Sender                 // the domain from which the attack says to come
	File                   // by its bytes
	Host                   // of a link: what stays the same when each has a link of its own
)

// Key gives the words for it in the catalogue, after "desk.suspicious.kind.".
func (k Kind) Key() string { return [...]string{"", "link", "sender", "file", "host"}[k] }

// Feature is what a campaign is known by.
type Feature struct {
	Kind    Kind
	Value   string // a link as host and path, a domain or host, or a file's SHA-256 in hexadecimal digits
	Name    string // of a file
	Seen    int    // in how many messages
	FirstAt time.Time
	LastAt  time.Time
}

// Limits.
const (
	maxFeatures = 400 // of a campaign
	maxOfOne    = 40  // features of one message
	maxTitle    = 200
)
