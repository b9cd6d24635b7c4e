// Package correspondence holds the threads with outside correspondents and their messages: what came and went, by whatever way, with
// signature, encryption, sender authentication, delivery and read state.
//
// A thread belongs to one compartment and has a data key, a random outward reference (R-… for a reporter, P-… for a party) and an
// unguessable reply tag. The tag says where an answer is filed; who may read is decided by who proved it. A message that leaves is held in
// the outbox first, where it can be stopped, then rendered, signed, encrypted and sent by a job with a pass of core/egress.
// Mail as it arrived is an arrival: its bytes are never changed.
//
//	arrive.go committer.go   mail to disk, many in one commit, before the sender hears "accepted"
//	thread.go                threads, their tags, Match
//	receive.go file.go       what came in, attachments
//	reach.go                 how far what came in may go, by the word of who told it
//	message.go original.go   what a reader may see of it
//	send.go auto.go limit.go what goes out: by a person, or from the catalogue alone and within limits
//	outbox.go list.go        stop, send now, release, the list
//	pause.go                 all outgoing mail stopped with one control; lost jobs found again
//	restored.go              after a restore nothing leaves by itself
//	bounce.go                a letter that came back, and what else programs answer
//	translate.go             what a message says in another language
//	withdraw.go              a message of ours is taken back
//	notice.go                to colleagues: something on the desk waits
//	opening.go               to a person: the link of its own account, which nobody else reads
//	end.go                   what was kept long enough is destroyed
//	letter.go                the text of a letter as its reader gets it
//	postman.go compose.go deliver.go  the mail made of a letter, signing, encrypting, handing over: the send job
//	locked.go locked_code.go  a letter as a file that opens with a code, and who told that code to whom
//
// An outgoing message is Held → Sending → Sent; Held → Stopped; Waiting → Held when a person decides; Sending → Failed → Held again.
// It does not decide what may leave (core/egress), who wrote a mail (mailroom) or what a message means (the duties above).
// Tables: correspondence_arrival, _thread, _message, _file, _code, _reach, _automatic, _limit.
package correspondence

import (
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Correspondent is the outside end of a thread.
type Correspondent struct {
	Name         string `json:"name,omitempty"`
	Email        string `json:"email,omitempty"`
	Phone        string `json:"phone,omitempty"`
	Lang         string `json:"lang,omitempty"`
	Organisation int64  `json:"organisation,omitempty"` // object id, 0 unknown
	Contact      int64  `json:"contact,omitempty"`      // constituency contact, 0 for none
}

// Thread is the correspondence with one outside correspondent about one thing.
type Thread struct {
	access.Object
	About         ref.Ref // the report or the party
	Reference     string  // R-2026-7K2PQX
	Tag           string  // the secret part of the reply address
	Correspondent Correspondent
	Encrypted     bool // it was encrypted once: no answer leaves in clear (rule P10)

	fresh *db.Tx // that opened it: nobody else knows it yet; nil for one that was read
	above *above // what it lends from what it is about; nil until asked
}

// above are the marks of what a thread is about.
type above struct{ sealed, exercise bool }

// Direction tells in from out.
type Direction uint8

// The directions.
const (
	In Direction = iota + 1
	Out
)

// Channel is the way a message came or goes.
type Channel string

// The channels.
const (
	ByMail   Channel = "mail"
	ByForm   Channel = "form"
	ByPortal Channel = "portal"
	ByPhone  Channel = "phone"
	ByAPI    Channel = "api"
	ByLink   Channel = "link"
)

// State is where a message stands.
type State string

// The states of a message.
const (
	Filed      State = "filed"      // in: of the thread, readable by its correspondent
	Unverified State = "unverified" // in: right tag, unproved sender; the team alone sees it until a person releases it
	Held       State = "held"       // out: in the outbox until SendAfter; "Stop" works
	Waiting    State = "waiting"    // out: a person must decide (receipt held, no road)
	Sending    State = "sending"
	Sent       State = "sent"
	Failed     State = "failed"
	Stopped    State = "stopped"
)

// Kind says what a message is for.
type Kind string

// The kinds of messages.
const (
	Letter   Kind = "letter"   // free text of a person
	Receipt  Kind = "receipt"  // automatic
	Ask      Kind = "ask"      // requests and measures given to a party
	Reminder Kind = "reminder" // automatic
	Closing  Kind = "closing"
	Told     Kind = "told"   // what a reporter or party told us
	Notice   Kind = "notice" // automatic: something on the desk waits for one of us
	Share    Kind = "share"  // what somebody else told us, or our own, shared by an act of its own
	Recall   Kind = "recall" // takes back what was shared
)

// Proof says how sure we are who wrote a message, best last.
type Proof uint8

// The proofs (security.md M4, P3).
const (
	Unknown     Proof = iota // nothing aligned, nothing signed
	Claimed                  // no failure, no proof
	Forged                   // failed authentication under a policy, or a bad signature
	Aligned                  // DMARC-aligned DKIM or SPF for the single From
	SignedByKey              // valid signature by an approved key of the contact with that address
	SignedIn                 // wrote in the portal or the API after sign-in
	ByHand                   // taken down by one of us
	CalledBack               // told on the telephone, and confirmed on a verified number that we called
)

// Proved tells whether the proof is good enough for automatic answers and for filing to the thread.
func (p Proof) Proved() bool { return p >= Aligned }

// Seal says how a message was protected on its way.
type Seal string

// The seals: exactly one for the whole message.
const (
	Plain           Seal = "none"
	Signed          Seal = "signed"
	Encrypted       Seal = "encrypted"
	SignedEncrypted Seal = "signed_encrypted"
)

// File is an attachment as it is kept.
type File struct {
	UID    string `json:"uid"`
	Name   string `json:"name"` // as the sender named it: never a path
	Type   string `json:"type"` // as the sender said
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
	Blob   string `json:"blob"`
}

// Signature is one that proves: whose, as we know him, and what it covers besides text and files.
type Signature struct {
	Key     string    `json:"key"` // fingerprint of the certificate
	At      time.Time `json:"at"`  // by the signer's word
	Name    string    `json:"name,omitempty"`
	Email   string    `json:"email,omitempty"`   // of the contact; the mail is from it
	Subject bool      `json:"subject,omitempty"` // the subject is signed too
}

// Again is a later verdict, after a key was approved. The earlier one stays beside it, and what was done by it.
type Again struct {
	At        time.Time  `json:"at"`
	Key       string     `json:"key"` // fingerprint of the certificate that was approved
	Proof     Proof      `json:"proof"`
	Reasons   []string   `json:"reasons,omitempty"`
	Signature *Signature `json:"signature,omitempty"`
}

// Body is the sealed content of a message.
type Body struct {
	Subject    string     `json:"subject,omitempty"`
	Text       string     `json:"text,omitempty"`
	From       string     `json:"from,omitempty"`
	To         string     `json:"to,omitempty"`
	Files      []File     `json:"files,omitempty"`
	Oddities   []string   `json:"oddities,omitempty"`   // what was strange in the mail, as catalogue keys
	Reasons    []string   `json:"reasons,omitempty"`    // why Proof is what it is, as catalogue keys
	Signers    []string   `json:"signers,omitempty"`    // fingerprints
	Signature  *Signature `json:"signature,omitempty"`  // the one that proved who wrote it
	Again      *Again     `json:"again,omitempty"`      // what came of checking it again
	Unreadable string     `json:"unreadable,omitempty"` // why it could not be decrypted or parsed, as a catalogue key
	// Unprotected is the text of what was encrypted without protection against change: shown to the team when a person asks, never searched, quoted or passed on.
	Unprotected string            `json:"unprotected,omitempty"`
	KeyIDs      []string          `json:"key_ids,omitempty"`  // of an unreadable mail: the keys that it names, 16 hex digits each
	Outer       string            `json:"outer,omitempty"`    // the subject outside the seal, where it says something else
	Answers     string            `json:"answers,omitempty"`  // uid of the letter of ours that a mail program answers
	Language    string            `json:"language,omitempty"` // in which it is written, as far as that is clear: ISO 639
	Within      []Within          `json:"within,omitempty"`   // mails that lie in it
	Meanings    []Translation     `json:"meanings,omitempty"` // what it says in other languages, newest last
	Wish        string            `json:"wish,omitempty"`     // the TLP label that its writer put on it, without "TLP:"
	Fields      map[string]string `json:"fields,omitempty"`   // answers of a form
}

// Within is a mail that lies in another: its writer is as its head says, and nobody has checked it.
type Within struct {
	From    string    `json:"from,omitempty"`
	To      string    `json:"to,omitempty"`
	Subject string    `json:"subject,omitempty"`
	Date    time.Time `json:"date,omitzero"`
	Text    string    `json:"text,omitempty"`
	Files   []string  `json:"files,omitempty"` // names of what is attached to it
	Depth   int       `json:"depth,omitempty"` // 1 for a mail within this one, 2 within that
}

// Translation is what a message says in another language, typed by a person. It stands beside the original, which stays.
type Translation struct {
	Lang string    `json:"lang"` // one that our people read
	Text string    `json:"text"`
	By   int64     `json:"by"`
	Name string    `json:"name"`
	At   time.Time `json:"at"`
}

// Message is one item of a thread.
type Message struct {
	ID          int64
	UID         string
	Thread      int64
	Direction   Direction
	Channel     Channel
	Kind        Kind
	State       State
	At          time.Time // arrived, or written
	SendAfter   time.Time
	SentAt      time.Time
	SeenAt      time.Time // portal or link; by mail alone it is not known
	Author      int64     // account, 0 for outside or automatic
	AuthorName  string
	TLP         tlp.Level
	Proof       Proof
	Seal        Seal
	Road        egress.Road
	Refers      int64 // object id of the request it asks or answers
	Arrival     int64
	HasOriginal bool // bytes as they came: of a mail, or what was posted; an answer in the portal has none
	MessageID   string
	Reason      string    // why it waits or failed, as a catalogue key
	Automatic   bool      // written by no person for this reader
	Released    bool      // a person let the correspondent see it
	Withheld    bool      // it came encrypted and this reader has not proved to have written it: Body is empty (rule P6)
	Erased      bool      // its content was destroyed
	WithdrawnAt time.Time // we took it back: to all but the team its Body is empty
	Body        Body
}
