// Package egress is the one place that decides whether something may leave the house, and the only maker of a Pass, without which no
// transport sends.
//
//	decide.go   the rule, pure: label, seal, compartment, exercise mark, state of the reader's keys
//	policy.go   the table per TLP of what may leave when we hold no key: a setting
//	pass.go     a pass is made in the verb's transaction, checked again when sending, and used once
//
// A Pass is for one rendition (its hash), one reader and one channel. The decision knows nothing of who may act: that is package access.
// PAP has no say here: it binds look-ups, and those leave through kit/fetch. Table: egress_pass.
package egress

import (
	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Channel is a way out.
type Channel uint8

// The channels.
const (
	Mail   Channel = iota + 1
	Portal         // a page behind a sign-in
	Link           // the status page behind a code
	Export
	Pager // a page to one of us by webhook or text message: a number and words of the catalogue
)

// Road is how a text reaches its reader.
type Road uint8

// The roads. Encrypted, Signed, Locked and Notice go by mail. Their numbers are kept in the database.
const (
	Refused   Road = iota // nothing may leave
	Encrypted             // signed and encrypted to the reader's key
	Signed                // signed, readable on the way
	Notice                // a signed notice without content; the text waits in the portal or behind the status link
	Direct                // no mail: the reader sees it on a page, or is handed it
	Locked                // a signed mail without content, and the text in a file that opens with a code told by telephone
)

var roadNames = [...]string{"refused", "encrypted", "signed", "notice", "direct", "locked"}

func (r Road) String() string { return roadNames[r] }

// Ask is what wants to leave.
type Ask struct {
	Object      access.Object // what it is about: its label, seal, compartment and exercise mark count
	TLP         tlp.Level     // the label of the rendition
	Lowered     bool          // two people approved a label below the object's (rule T5)
	Compartment int64         // the reader's; 0 only for an export inside the house
	Reader      string        // who reads: a mail address or an account, only its keyed hash is kept
	Channel     Channel
	HasKey      bool // an approved, usable encryption key of the reader is held
	HasPhone    bool // a verified telephone number of the reader is on record
	OnceSealed  bool // the thread was encrypted before (rule P10): no answer leaves in clear
	Automatic   bool // built from the catalogue alone, carries no case content: receipts, reminders
}

// Decision says how it may leave, or why not. Reason is a catalogue key.
type Decision struct {
	Road   Road
	Reason string
}

// Gate decides.
type Gate struct {
	DB    *db.DB
	Clock clock.Clock
	Ring  *keyring.Ring // keys the hash of a reader
}
