// Package egress is the one place that decides whether something may leave the house, and the only maker of a Pass, without which no
// transport sends.
//
// A Pass is for one rendition (its hash), one reader and one channel; it is made in the verb's transaction, checked again when sending, and
// used once. The decision looks at TLP, PAP, compartment, seal, exercise mark and the state of the reader's keys. The table per TLP of what
// may leave when we hold no key is a setting. Table: egress_pass.
package egress

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Channel is a way out.
type Channel uint8

// The channels.
const (
	Mail Channel = iota + 1
	Portal
	Link
	Export
)

// Road is how a text reaches its reader by mail.
type Road uint8

// The roads, best first.
const (
	Refused   Road = iota // nothing may leave
	Encrypted             // signed and encrypted to the reader's key
	Signed                // signed, readable on the way
	Notice                // a signed notice without content; the text waits in the portal or behind the status link
)

// NoKey says what may leave for each label when we hold no key of the reader. It is a setting; this is the default.
var NoKey = map[tlp.Level]Road{tlp.Clear: Signed, tlp.Green: Signed, tlp.Amber: Notice, tlp.AmberStrict: Notice, tlp.Red: Refused}

// Ask is what wants to leave.
type Ask struct {
	Object      access.Object // what it is about: its label, seal, compartment and exercise mark count
	TLP         tlp.Level     // the label of the rendition; stricter than or equal to the object's, or two people lowered it
	Compartment int64         // the reader's
	Reader      string        // who reads: a mail address or an account, only its hash is kept
	Channel     Channel
	HasKey      bool // an approved, usable encryption key of the reader is held
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
}

// Decide is the pure rule.
func Decide(policy map[tlp.Level]Road, a Ask) Decision { panic("not built yet") }

// Pass allows one rendition to leave once.
type Pass struct {
	id        int64
	rendition []byte
	reader    []byte
	channel   Channel
	road      Road
	at        time.Time
}

// Road gives the road the pass is for.
func (p Pass) Road() Road { return p.road }

// ID names the stored pass.
func (p Pass) ID() int64 { return p.id }

// PassTx decides and stores a pass in the verb's transaction. Rendition is the SHA-256 of what leaves, before signing and encrypting.
func (g *Gate) PassTx(ctx context.Context, tx *db.Tx, a Ask, rendition []byte) (Pass, error) {
	panic("not built yet")
}

// Use checks a stored pass again at the moment of sending (object still neither sealed nor marked, road still open) and marks it used. A
// second use is refused.
func (g *Gate) Use(ctx context.Context, tx *db.Tx, pass int64, a Ask, rendition []byte) (Pass, error) {
	panic("not built yet")
}
