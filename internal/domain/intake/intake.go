// Package intake takes reports: by form, mail, telephone, API and portal. A report is evidence; what was submitted is kept and never edited.
// It is new, linked, answered, rejected or passed on, and each can be taken back to new. Its reporter follows it through a status link.
//
// Report states and moves: see Moves. A receipt is no move and meets no clock. What the queue shows first is decided when something
// happens (queue, queue_at), not when it is read.
//
// Public pages may run without keys: they seal what they take into a Drop (drop.go) that only the house opens (drop_open.go), and show of a report what
// the house sealed for the holder of its code (shown.go).
//
// A report that comes under a law is handed in by stages: obligation.go, submit.go and fact.go say what is owed by whom, from rule sets of format/law.
//
// Tables: intake_report, intake_trait, intake_run, intake_run_item, intake_rule, intake_obligation, intake_submission, intake_submitted, intake_fact, intake_forward, intake_handed, intake_vouch, intake_missing, intake_offered, intake_link, intake_call, intake_callback, intake_code, intake_shown, intake_sheet, intake_sheet_shown, intake_reference, intake_drop, intake_taken, intake_kept, intake_upload, intake_upload_part, intake_draft.
package intake

import (
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// State is where a report stands.
type State string

// The states of a report.
const (
	New      State = "new"
	Linked   State = "linked"
	Answered State = "answered"
	Rejected State = "rejected"
	PassedOn State = "passed_on"
	Spam     State = "spam" // probably: set aside as it was filed, never by a person
)

// Moves are the allowed moves between states; each can be taken back to new.
var Moves = map[State][]State{
	New:      {Linked, Answered, Rejected, PassedOn},
	Linked:   {New},
	Answered: {New, Linked, Rejected, PassedOn},
	Rejected: {New},
	PassedOn: {New},
	Spam:     {New, Rejected},
}

// ReceiptState is what became of the receipt.
type ReceiptState string

// The states of a receipt.
const (
	NoReceipt   ReceiptState = "none" // never for lists, daemons, reports without an address
	ReceiptHeld ReceiptState = "held" // unproved sender: one key sends it
	ReceiptSent ReceiptState = "sent"
)

// Report is what somebody told us.
type Report struct {
	access.Object
	Reference       string // R-2026-7K2PQX: outside and inside
	Channel         correspondence.Channel
	State           State
	Reason          string // why rejected: a code
	Decision        Decision
	Lang            string
	ReceivedAt      time.Time
	OccurredAt      time.Time
	DetectedAt      time.Time
	AwareAt         time.Time
	ConcludedAt     time.Time // its incidents were closed
	Organisation    int64     // 0 unknown
	Contact         int64
	Thread          int64
	Proof           correspondence.Proof
	Seal            correspondence.Seal
	Receipt         ReceiptState
	AddressProvedAt time.Time // when its reporter proved by a code that the mail address is his
	AnswerCame      bool      // something new came from the reporter after we worked on it
	Unreadable      bool      // what came could not be decrypted or parsed; the original is kept
	Body            Body
	Withheld        bool      // it came encrypted and this reader has not proved to have written it: Body is empty (rule P6)
	Destroyed       bool      // its content was destroyed when its retention ended; Body is empty
	Incidents       []ref.Ref // linked now
	Behalf          Behalf
	Crime           bool // a crime is suspected: its reporter said so, or one of us
}

// Behalf says whether somebody reports for an organisation that is not his.
type Behalf int

// The standings of who reports for somebody else.
const (
	ForItself Behalf = iota
	Unconfirmed
	Confirmed
)

// Decision is what a person wrote when setting a report aside.
type Decision struct {
	To   string `json:"to,omitempty"`   // to whom it was passed on
	Note string `json:"note,omitempty"` // seen by the team alone
}

// Body is the sealed content of a report: the first submission, as a reader of the queue needs it.
type Body struct {
	Summary     string            `json:"summary,omitempty"`
	Description string            `json:"description,omitempty"`
	Name        string            `json:"name,omitempty"`
	Email       string            `json:"email,omitempty"`
	Phone       string            `json:"phone,omitempty"`
	OrgText     string            `json:"org,omitempty"` // as the reporter wrote it
	Ongoing     string            `json:"ongoing,omitempty"`
	Kind        string            `json:"kind,omitempty"`
	Type        string            `json:"type,omitempty"`
	Fields      map[string]string `json:"fields,omitempty"`
	Observables []Observable      `json:"observables,omitempty"`
	Behalf      string            `json:"behalf,omitempty"`   // who reports for the organisation: one of Behalves; "" for itself
	Affected    []string          `json:"affected,omitempty"` // other organisations affected, as the reporter named them
	Reported    *Reported         `json:"reported,omitempty"` // of mail: what its machine-readable parts say
	Handed      *Handed           `json:"handed,omitempty"`   // of mail: a case that another team hands to us
	Mail        *Mail             `json:"mail,omitempty"`     // of mail: what it was judged by
	Class       string            `json:"class,omitempty"`    // a classification that a rule proposes, RSIT
}

// Behalves are who may report for somebody else.
var Behalves = []string{"law_firm", "provider", "journalist", "other"}

// Filing is a stage of a rule set that a report hands in, for an entity of a class ("" is not known).
type Filing struct {
	Set   string `json:"set"`
	Stage string `json:"stage"`
	Class string `json:"class,omitempty"`
}

// Observable is a typed value found in a report.
type Observable struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// ReceiveInput is a report as it comes. Summary or Description is required.
type ReceiveInput struct {
	Channel      correspondence.Channel
	Lang         string
	TLP          string // "" counts as AMBER+STRICT
	Body         Body
	OccurredAt   time.Time
	DetectedAt   time.Time
	AwareAt      time.Time
	CalledAt     time.Time // a call that one of us took: when it was; zero is now
	Offline      string    // the name that a call note got while Tocsin was down: the same note is taken once
	Proof        correspondence.Proof
	Seal         correspondence.Seal
	Organisation int64 // when proved, else 0
	Contact      int64
	Arrival      int64
	MessageID    string
	Same         string              // of a mail: correspondence.Incoming.Same
	Message      correspondence.Body // mail: text, oddities, files, signers
	Original     []byte              // form, API, phone: canonical JSON
	Files        []correspondence.FileIn
	Filings      []Filing             // stages that it hands in, under one law or several
	Answers      law.Answers          // to what they ask
	ToldAt       time.Time            // when we were told, where that was before it is filed
	Aside        string               // of mail that is routine and nothing else: the reason under which it is filed out of the queue
	Placed       Placed               // of mail: what the Sieve decided
	Unlisted     bool                 // of mail: no contact has its sender's address, as was looked up before
	Reach        correspondence.Reach // how far it may go, as its reporter says with it
	Crime        bool                 // one of us who took it down suspects a crime
	NoReceipt    bool                 // a list, a daemon, an automatic mail
	Reference    string               // drawn by the public process before the report exists; "" draws one
	CodeHash     []byte               // likewise
	CodeKey      []byte               // likewise: PublicKeyOf the code

	ready *ready
}

// Received is what the reporter is told.
type Received struct {
	Report    Report
	Reference string
	Code      id.Secret // of the status link; empty when CodeHash was given
	Clocks    []Clock
}

// Clock is a deadline that the report started.
type Clock struct {
	Kind    string    `json:"kind"`
	Owes    string    `json:"owes"` // "us" or "reporter"
	DueAt   time.Time `json:"due_at"`
	RuleSet string    `json:"rule_set,omitempty"` // whose stage Kind names; "" for none
}

// Similar is a report or incident that looks like one, with the reason.
type Similar struct {
	Object access.Object
	Title  string
	Why    string // catalogue key: same_sender, same_message, same_text
	Score  int    // percent
}

// StatusView is what a status link shows.
type StatusView struct {
	Reference  string                   `json:"reference"`
	State      string                   `json:"state"` // received, looking, handling, passed_on, concluded
	PassedOnTo string                   `json:"passed_on_to,omitempty"`
	ReceivedAt time.Time                `json:"received_at"`
	Questions  []Question               `json:"questions,omitempty"` // without their text when not Full
	Clocks     []Clock                  `json:"clocks,omitempty"`
	Messages   []correspondence.Message `json:"messages,omitempty"` // only when the code was shown on screen at filing or sent encrypted (rule I9)
	Files      int                      `json:"files,omitempty"`
	Full       bool                     `json:"full"`
	Stages     []StageView              `json:"stages,omitempty"`
	Handed     []HandedView             `json:"handed,omitempty"`
	Sheets     []int                    `json:"sheets,omitempty"` // numbers of the submissions that have a signed receipt, or will in a moment; 0 is of the report itself
	Recipients []RecipientView          `json:"recipients,omitempty"`
	Gaps       []GapView                `json:"gaps,omitempty"`
	Behalf     Behalf                   `json:"behalf,omitempty"`
	Address    AddressStatus            `json:"address,omitzero"`
	Crime      string                   `json:"crime,omitempty"`    // rule set that says how to go to the police, when a crime is suspected
	Personal   string                   `json:"personal,omitempty"` // whether personal data are affected: yes, no, unknown; "" was not asked
}

// AddressStatus is how the proof of a reporter's mail address stands: State "" where there is nothing to prove.
type AddressStatus struct {
	State string `json:"state"`
	To    string `json:"to"`
	Asked int    `json:"asked,omitempty"`
	Tries int    `json:"tries,omitempty"` // wrong ones, of the newest code
}

// StageView is a stage of a law as its reporter sees it. Where several organisations are affected it is the one that is due first.
type StageView struct {
	Set   string       `json:"set"`
	Key   string       `json:"key"`
	State law.Standing `json:"state"`
	Due   time.Time    `json:"due,omitzero"`
	Limit time.Time    `json:"limit,omitzero"`
	MetAt time.Time    `json:"met_at,omitzero"`
	Late  bool         `json:"late,omitempty"` // when it was met
	For   int          `json:"for,omitempty"`  // how many organisations; 0 counts as one
}

// HandedView is a submission as its reporter sees it; the answers only when the code never travelled in clear mail.
type HandedView struct {
	Number   int         `json:"number"`
	Set      string      `json:"set"`
	Stage    string      `json:"stage"`
	ToldAt   time.Time   `json:"told_at"`
	Corrects int         `json:"corrects,omitempty"`
	Sum      []byte      `json:"sum"`
	Class    string      `json:"class,omitempty"`
	Answers  law.Answers `json:"answers,omitempty"`
}

// GapView is what a submission left open: the codes of its questions, which are ours and tell nothing of the answers.
type GapView struct {
	Number  int       `json:"number"`
	Missing []string  `json:"missing"`
	AskedAt time.Time `json:"asked_at,omitzero"` // zero while nobody asked for it
}

// RecipientView is who receives it by law beside us, and when it was passed on.
type RecipientView struct {
	Set  string    `json:"set"`
	Code string    `json:"code"`
	At   time.Time `json:"at,omitzero"`
}

// Question is something we asked and wait for.
type Question struct {
	Request int64
	UID     string
	Text    string
	AskedAt time.Time
	DueAt   time.Time
}
