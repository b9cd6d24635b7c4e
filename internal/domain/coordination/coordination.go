// Package coordination is the heart of the house: who has been told what about a subject, what each was asked, what each answered and did,
// and who is silent for how long.
//
// A party is one organisation's (or lone correspondent's) part in one subject (an incident, later a vulnerability or an exercise): its own
// compartment, its own thread, its requests, its measures. A party never sees another, nor the subject: what it reads is made of rows in its
// compartment alone (rule A6) and of ForParty. What was asked is shown to it once the letter that asks has left.
//
//	party.go     Add, AddTx, Withdraw          answer.go  Answer, AnswerTx, Accept, WithdrawRequest, SeenTx
//	give.go      Preview, Send, Write          move.go    Move: the table MeasureMoves and who may make which move
//	letter.go    what a letter says            remind.go  Handlers for clocks, MessageStoppedTx, ConcludeTx
//	others.go    rule A9: no letter names another party
//	matrix.go    Matrix                        list.go    Requests, Measures and single readers
//	sending.go   one question to many parties, prepared, approved and sent as one act; PrepareTx for duties above
//	question.go  typed questions and answers   question_store.go  their sets: SaveQuestions, RetireQuestions
//	reply.go     AnswerQuestions, what counts  link.go    answers without an account: LookLink, FromLink
//	share.go     one item of one party with others: Share, WithdrawShare, Shares, SayReach
//	handover.go  HandOver, SettleHandOver: a case, or a part of it, to another team
//	call.go      PlanCall, SetAlone; call_invite.go: Invite, MoveCall, CallOff; call_minutes.go: who came, minutes, what was agreed
//	situation.go one situation shared with other authorities; situation_decide.go: Decide; situation_tell.go: who tells whom, and the letter on how it stands
//	valid.go     how long measures hold, and when they are checked again
//	ladder.go    who is written to next when a party stays silent; ladder_store.go: SaveLadder, RetireLadder, ChooseLadder
//	climb.go     where each stands on it; climb_act.go: what people do, climb_move.go, climb_step.go: what the clocks do, climb_outside.go: letters to others
//	table.go     the matrix narrowed, sorted, summed by sector, over time
//
// Tables: coordination_party, coordination_request, coordination_measure, coordination_sending, coordination_sending_party, coordination_share,
// coordination_shared, coordination_question_set, coordination_reply, coordination_handover, coordination_taken, coordination_link, coordination_shown, coordination_ladder, coordination_ladder_of, coordination_climb, coordination_step,
// coordination_call, coordination_called, coordination_call_action, coordination_situation, coordination_member, coordination_decision, coordination_agreement.
package coordination

import (
	"cmp"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
)

// Role is what part a party has.
type Role string

// The roles of a party.
const (
	Affected  Role = "affected"
	Source    Role = "source"
	Provider  Role = "provider"
	Vendor    Role = "vendor"
	Authority Role = "authority"
	Peer      Role = "peer"
	Reporter  Role = "reporter"

	// Who can end something that stands on the network.
	Host           Role = "host"
	Network        Role = "network"
	Registrar      Role = "registrar"
	Registry       Role = "registry"
	ContentNetwork Role = "content_network"
	BlockList      Role = "block_list"
)

// Party is one correspondent's part in a subject.
type Party struct {
	access.Object
	Subject      ref.Ref
	Organisation int64 // 0 for a lone reporter
	Name         string
	Contact      int64
	Role         Role
	Thread       int64
	AddedAt      time.Time
	WithdrawnAt  time.Time
	WordAt       time.Time // when it last said or did something
	Why          string    // why it is a party, as a person or the correlation said
	Gone         string    // why it was withdrawn
	Alone        bool      // it takes part in calls of its own alone
}

// ForParty is what the party itself may read of it: neither its role and the reasons, nor what it is part of.
func (p Party) ForParty() Party {
	return Party{Object: outward(p.Object), Organisation: p.Organisation, Name: p.Name, Contact: p.Contact, Thread: p.Thread, AddedAt: p.AddedAt, WordAt: p.WordAt}
}

// outward drops from an object what concerns the team alone.
func outward(o access.Object) access.Object {
	return access.Object{
		Ref: o.Ref, UID: o.UID, Realm: o.Realm, Compartment: o.Compartment, TLP: o.TLP, Exercise: o.Exercise,
		CreatedAt: o.CreatedAt, UpdatedAt: o.UpdatedAt, Version: o.Version,
	}
}

// RequestState is where a request stands.
type RequestState string

// The states of a request.
const (
	Draft     RequestState = "draft" // prepared, not sent
	Asked     RequestState = "asked"
	Replied   RequestState = "answered"
	Accepted  RequestState = "accepted"  // we took the answer
	Withdrawn RequestState = "withdrawn" // by us
)

// Request is something we ask a party, with a deadline and an answer.
type Request struct {
	access.Object
	Party      int64
	Subject    ref.Ref
	State      RequestState
	AskedAt    time.Time
	DueAt      time.Time
	AnsweredAt time.Time
	Message    int64 // that asked it
	Text       string
	Reason     string // why we withdrew it
	Answers    []correspondence.Message

	QuestionSet     string // code of the typed questions that it carries; "" for none
	QuestionVersion int
	Questions       *QuestionSet // as they were asked; filled where one request is read
	Replies         []Reply      // how they were answered, newest first; of a list and the matrix the one that counts
}

// Reply gives the answer that counts, false while there is none.
func (r Request) Reply() (Reply, bool) {
	if len(r.Replies) == 0 {
		return Reply{}, false
	}
	return r.Replies[0], true
}

// Owed tells whether the party has to answer.
func (r Request) Owed() bool { return r.State == Asked }

// ForParty is what the party itself may read of it.
func (r Request) ForParty() Request {
	r.Object, r.Subject, r.Message = outward(r.Object), ref.Ref{}, 0
	replies := make([]Reply, len(r.Replies))
	for i, a := range r.Replies {
		if a.Ours {
			a.By = ""
		}
		replies[i] = a
	}
	r.Replies = replies
	if r.Questions != nil {
		q := QuestionSet{Code: r.Questions.Code, Version: r.Questions.Version, Title: r.Questions.Title, Questions: r.Questions.Questions}
		r.Questions = &q
	}
	return r
}

// MeasureState is where a measure stands.
type MeasureState string

// The states of a measure (product.md).
const (
	Proposed     MeasureState = "proposed"
	Acknowledged MeasureState = "acknowledged"
	Planned      MeasureState = "planned"
	Done         MeasureState = "done"
	Verified     MeasureState = "verified"
	Declined     MeasureState = "declined"
	Expired      MeasureState = "expired"
	Recalled     MeasureState = "withdrawn"
)

// MeasureMoves are the allowed moves. Party moves are made by the party or by somebody recording what it said; the others are ours.
var MeasureMoves = map[MeasureState][]MeasureState{
	Proposed:     {Acknowledged, Planned, Done, Declined, Expired, Recalled},
	Acknowledged: {Planned, Done, Declined, Expired, Recalled},
	Planned:      {Planned, Done, Declined, Expired, Recalled}, // planned again: for another day
	Done:         {Verified, Planned, Expired},
	Verified:     {Verified, Planned, Expired}, // verified again: it was checked once more
	Declined:     {Acknowledged},
}

// Owed tells whether the party has to do something about a measure in this state.
func (m MeasureState) Owed() bool { return m == Proposed || m == Acknowledged || m == Planned }

// Ended tells whether nobody has to do anything more about a measure in this state.
func (m MeasureState) Ended() bool {
	return m == Verified || m == Declined || m == Expired || m == Recalled
}

// Measure is a recommendation given to one party.
type Measure struct {
	access.Object
	Party          int64
	Subject        ref.Ref
	Recommendation string // code in the library; "" for one written for this case
	Revision       int    // of the recommendation as it was given
	State          MeasureState
	GivenAt        time.Time
	DueAt          time.Time
	PlannedFor     time.Time
	DoneAt         time.Time
	VerifiedAt     time.Time
	ValidDays      int       // for how many days it holds once it is done, 0 for ever
	CheckDays      int       // after how many days we check it again once it is verified, 0 for never
	ValidUntil     time.Time // when it runs out, or did; zero while it is not done, or holds for ever
	CheckAt        time.Time
	Message        int64 // that gave it
	Title          string
	Text           string
	Evidence       string // the party's words, or ours when we verified
	Reason         string // declined, not verified, withdrawn
	Moves          []Move
}

// ForParty is what the party itself may read of it: which of us made a move stays with us.
func (m Measure) ForParty() Measure {
	m.Object, m.Subject, m.Message = outward(m.Object), ref.Ref{}, 0
	m.CheckAt, m.CheckDays = time.Time{}, 0
	moves := make([]Move, len(m.Moves))
	for i, v := range m.Moves {
		if v.Ours {
			v.By = ""
		}
		moves[i] = v
	}
	m.Moves = moves
	return m
}

// Move is one step in the life of a measure.
type Move struct {
	At   time.Time    `json:"at"`
	By   string       `json:"by"`
	Ours bool         `json:"ours,omitempty"` // made by the team, also when it recorded what the party said
	Link bool         `json:"link,omitempty"` // said by a link, without an account
	From MeasureState `json:"from"`
	To   MeasureState `json:"to"`
	Note string       `json:"note,omitempty"`
}

// Give is what a party is to receive in one send.
type Give struct {
	Parties         []string  // uids of parties
	Recommendations []string  // codes of the library
	Request         string    // text of the question, "" for none
	Questions       string    // code of a set of typed questions that the request carries, "" for none
	QuestionVersion int       // of the set; 0 takes the newest
	Chase           bool      // asks nothing new: the text goes to those of the parties that still owe something, with what that is and a link to it
	DueAt           time.Time // of the request and the measures
	Text            string    // free text in front; "" takes the template in the party's language
	TLP             tlp.Level // 0 takes that of the subject
	ValidDays       int       `json:",omitempty"` // for how long the measures hold once they are done; 0 for ever
	CheckDays       int       `json:",omitempty"` // after how long we check them again once they are verified; 0 for never
	Looked          bool      // a person looked at the hits of the preview and lets them leave
	// Words, by language, take the place of Text and Request for parties that read it: en, pt, fr, nl, de.
	Words map[string]Words
	// ByRole, by role and language, goes before all of these for parties that play the part.
	ByRole  map[Role]map[string]Words `json:",omitempty"`
	role    Role
	lines   []Line // the party's own evidence
	frozen  bool   // it was approved: its questions are asked even if the set was retired since
	outside bool   // to a provider or an authority, by a rung, or about a call or a decision: no ladder begins with it
	// Own are measures written for this case, beside those of the library.
	Own      []Advice          `json:",omitempty"`
	least    tlp.Level         // the letter's label is never below it
	subjects map[string]string // of the letter, by language
	known    []string          // names that may stand in the letter: its readers know of one another by an act of its own
}

// Words is what a Give says in one language; what is empty is said as for everybody.
type Words struct {
	Text    string
	Request string
}

// in is g as a party that reads a language gets it.
func (g Give) in(lang string) Give {
	w := g.Words[lang]
	own := g.ByRole[g.role][lang]
	w.Text, w.Request = cmp.Or(own.Text, w.Text), cmp.Or(own.Request, w.Request)
	g.Text, g.Request = cmp.Or(w.Text, g.Text), cmp.Or(w.Request, g.Request)
	return g
}

// Preview is exactly what one party will receive.
type Preview struct {
	Party   Party
	Reader  correspondence.Correspondent
	Lang    string
	Subject string
	Text    string // as it leaves by this road
	Letter  string // the letter itself: what waits in the portal when the road is a notice
	Road    egress.Decision
	TLP     tlp.Level            // under which it leaves
	Files   []OwnFile            // its own, beside the table of evidence; filled where one letter of a sending is read
	Hits    []string             // words of other parties found in the text (rule A9): a person must look before it leaves
	Liaison constituency.Liaison // what the reader is to us, and on what ground we write; the zero value for a member of the constituency alone
}

// Row is one line of the matrix: what each party was told, saw, answered, did.
type Row struct {
	Party       Party
	ToldAt      time.Time // when the first letter left
	DeliveredAt time.Time // when the newest one did
	SeenAt      time.Time // zero and SeenKnown false: by mail alone it is not known
	SeenKnown   bool
	AnsweredAt  time.Time
	DoneAt      time.Time
	VerifiedAt  time.Time
	SilentSince time.Time // zero when nothing is owed
	DueAt       time.Time
	CodeSince   time.Time // a letter left as a locked file then, and its code is still to be told; zero for none
	Requests    []Request
	Measures    []Measure
}
