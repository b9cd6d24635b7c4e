// Package takedown is about ending what stands on the network: a URL, a domain, an address of an incident. Who can end it is proposed with the reason why, a
// person confirms, and they are written to by the gesture by which everybody is (coordination.Sending), each with the evidence in the form that it wants. Then
// the target is looked at on a schedule, as PAP allows and through an exit that an operator configured, and nowhere else.
//
//	thing.go     what a person or a program calls a target
//	target.go    Add, Amend, End, Targets       state.go    SetState, and how one state follows another
//	look.go      the job that looks, LookNow    judge.go    what was seen, as a state
//	propose.go   Propose, Decide                ask.go      registries, by RDAP
//	provider.go  the directory of who can end   letter.go   Prepare, Told, what a form on a page is filled in with
//	times.go     time to down by provider
//
// Tables: takedown_target, takedown_state, takedown_provider, takedown_proposal.
package takedown

import (
	"net/netip"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/kit/fetch"
)

// Kind says what a target does.
type Kind string

// The kinds.
const (
	Phishing      Kind = "phishing"
	Malware       Kind = "malware"
	CommandServer Kind = "command_server"
	ScamShop      Kind = "scam_shop"
	Impersonation Kind = "impersonation"
	Other         Kind = "other"
)

// Kinds lists them.
func Kinds() []Kind { return []Kind{Phishing, Malware, CommandServer, ScamShop, Impersonation, Other} }

// Type gives the code of the taxonomy (RSIT), "" for none that fits.
func (k Kind) Type() string {
	return map[Kind]string{
		Phishing: "fraud:phishing", Malware: "malicious-code:malware-distribution", CommandServer: "malicious-code:c2-server", Impersonation: "fraud:masquerade",
	}[k]
}

// State is where a target stands.
type State string

// The states.
const (
	Unknown State = "unknown"
	Up      State = "up"
	Down    State = "down"
	Back    State = "back"  // it was down
	Moved   State = "moved" // it answers at another address, or leads elsewhere
)

// States lists them.
func States() []State { return []State{Unknown, Up, Down, Back, Moved} }

// Target is something that is to be ended.
type Target struct {
	ID        int64
	UID       string
	Incident  access.Object
	Kind      Kind
	State     State
	Version   int64
	CreatedAt time.Time
	StateAt   time.Time
	ToldAt    time.Time // when the first who can end it was told
	DownAt    time.Time // since when it is down; zero while it is not
	EndedAt   time.Time // we ask for it no longer
	LookAt    time.Time // when it is looked at next; zero for never
	LookedAt  time.Time

	Thing     Thing
	Words     string // what was seen
	SeenAt    time.Time
	Addresses []netip.Addr  // that a person knows
	Seen      []netip.Addr  // at which it was seen to answer
	Last      fetch.Outcome // of the last look
	Title     string        // of the page, as it was seen last
	Hash      string
	Changed   bool // the page is another one than at first
	Elsewhere string
	Ended     string // why

	looks, misses  int
	first          string // hash
	wrapped, plain []byte
}

// Change is one state that a target was in.
type Change struct {
	State State
	At    time.Time
	By    int64  // 0 for a look
	Why   string // a person's words
	Saw   fetch.Outcome
	To    string // where it leads, or answers now
}

// Form is how a provider wants to be told.
type Form string

// The forms.
const (
	ByLetter Form = "letter" // the evidence as a table in the letter and as CSV beside it
	ByXARF   Form = "xarf"   // and as XARF v4, a file for each target
	ByPage   Form = "page"   // a form on a page of its own, which a person fills in
)

// Forms lists them.
func Forms() []Form { return []Form{ByLetter, ByXARF, ByPage} }

// Parts are the parts that can end something, in the order in which they are asked.
func Parts() []coordination.Role {
	return []coordination.Role{coordination.Host, coordination.ContentNetwork, coordination.Network, coordination.Registrar, coordination.Registry, coordination.BlockList}
}

// Provider says how an organisation wants to be told in one part.
type Provider struct {
	ID           int64
	UID          string
	Organisation int64
	OrgUID       string
	Name         string
	Email        string // of the contact to whom letters go
	Lang         string
	Role         coordination.Role
	Form         Form
	Page         string   // address of its form
	Wants        string   // the evidence it asks for, in its words
	Matches      []string // prefixes, suffixes of names (.example), numbers of registrars (iana:292): what it is proposed for
	Version      int64
	RetiredAt    time.Time
}

// ProposalState is where a proposal stands.
type ProposalState string

// The states of a proposal.
const (
	Proposed  ProposalState = "proposed"
	Confirmed ProposalState = "confirmed"
	Dismissed ProposalState = "dismissed"
)

// Proposal is somebody who may be able to end a target, and why.
type Proposal struct {
	ID           int64
	UID          string
	Target       int64
	Role         coordination.Role
	Organisation int64 // 0 while it is not in the directory
	Provider     int64
	State        ProposalState
	At           time.Time
	Account      int64
	Sending      int64
	ToldAt       time.Time
	Name         string
	Email        string
	Lang         string // that it reads; "" while it is not in the register
	Why          Why
	Form         Form
	Page         string
	Wants        string
}

// Why says why somebody was proposed: a catalogue key and what it names.
type Why struct {
	Key  string `json:"k"`
	What string `json:"w,omitempty"`
}
