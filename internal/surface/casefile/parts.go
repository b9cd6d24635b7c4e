package casefile

import (
	"time"

	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
)

// Entry is something written into the timeline; when it happened stands apart from when the team learnt of it.
type Entry struct {
	ID         string    `json:"id"`
	Kind       string    `json:"kind"`
	HappenedAt time.Time `json:"happened_at"`
	LearntAt   time.Time `json:"learnt_at"`
	Author     string    `json:"author"`
	Text       string    `json:"text"`
	Withdrawn  bool      `json:"withdrawn"`
}

// Task is a piece of work.
type Task struct {
	ID     string     `json:"id"`
	Title  string     `json:"title"`
	DueAt  *time.Time `json:"due_at,omitempty"`
	DoneAt *time.Time `json:"done_at,omitempty"`
}

// Clock is a deadline.
type Clock struct {
	ID        string     `json:"id"`
	Kind      string     `json:"kind"`
	OwedBy    string     `json:"owed_by"`
	Law       string     `json:"law,omitempty"`
	StartedAt time.Time  `json:"started_at"`
	DueAt     time.Time  `json:"due_at"`
	MetAt     *time.Time `json:"met_at,omitempty"`
	StoppedAt *time.Time `json:"stopped_at,omitempty"`
}

// Report is what somebody told the team.
type Report struct {
	Reference   string       `json:"reference"`
	ID          string       `json:"id"`
	State       string       `json:"state"`
	Channel     string       `json:"channel"`
	TLP         string       `json:"tlp"`
	ReceivedAt  time.Time    `json:"received_at"`
	OccurredAt  *time.Time   `json:"occurred_at,omitempty"`
	DetectedAt  *time.Time   `json:"detected_at,omitempty"`
	Summary     string       `json:"summary"`
	Description string       `json:"description"`
	Reporter    Person       `json:"reporter"`
	Observables []Observable `json:"observables"`
	Destroyed   bool         `json:"destroyed"` // its content ended with its retention
	Messages    []Message    `json:"messages"`
}

// Person is who reported.
type Person struct {
	Name         string `json:"name,omitempty"`
	Email        string `json:"email,omitempty"`
	Phone        string `json:"phone,omitempty"`
	Organisation string `json:"organisation,omitempty"`
}

// Observable is a typed value.
type Observable struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// Party is what one organisation was told, asked and given, and what it answered and did.
type Party struct {
	ID          string     `json:"id"`
	Name        string     `json:"name"`
	Role        string     `json:"role"`
	Why         string     `json:"why,omitempty"`
	TLP         string     `json:"tlp"`
	AddedAt     time.Time  `json:"added_at"`
	WithdrawnAt *time.Time `json:"withdrawn_at,omitempty"`
	ToldAt      *time.Time `json:"told_at,omitempty"`
	SeenAt      *time.Time `json:"seen_at,omitempty"`
	AnsweredAt  *time.Time `json:"answered_at,omitempty"`
	DoneAt      *time.Time `json:"done_at,omitempty"`
	VerifiedAt  *time.Time `json:"verified_at,omitempty"`
	Requests    []Request  `json:"requests"`
	Measures    []Measure  `json:"measures"`
	Messages    []Message  `json:"messages"`
}

// Request is something that a party was asked.
type Request struct {
	ID         string     `json:"id"`
	State      string     `json:"state"`
	Text       string     `json:"text"`
	AskedAt    *time.Time `json:"asked_at,omitempty"`
	DueAt      *time.Time `json:"due_at,omitempty"`
	AnsweredAt *time.Time `json:"answered_at,omitempty"`
}

// Measure is a recommendation given to a party.
type Measure struct {
	ID             string     `json:"id"`
	State          string     `json:"state"`
	Recommendation string     `json:"recommendation,omitempty"`
	Revision       int        `json:"revision,omitempty"`
	Title          string     `json:"title"`
	Text           string     `json:"text"`
	Evidence       string     `json:"evidence,omitempty"`
	Reason         string     `json:"reason,omitempty"`
	GivenAt        *time.Time `json:"given_at,omitempty"`
	DueAt          *time.Time `json:"due_at,omitempty"`
	PlannedFor     *time.Time `json:"planned_for,omitempty"`
	DoneAt         *time.Time `json:"done_at,omitempty"`
	VerifiedAt     *time.Time `json:"verified_at,omitempty"`
}

// Message is what came or went. Files are named with their hashes, not included.
type Message struct {
	ID        string       `json:"id"`
	Direction string       `json:"direction"` // "in", "out"
	Channel   string       `json:"channel"`
	Kind      string       `json:"kind"`
	State     string       `json:"state"`
	At        time.Time    `json:"at"`
	SentAt    *time.Time   `json:"sent_at,omitempty"`
	Author    string       `json:"author,omitempty"`
	From      string       `json:"from,omitempty"`
	To        string       `json:"to,omitempty"`
	Subject   string       `json:"subject,omitempty"`
	Text      string       `json:"text"`
	TLP       string       `json:"tlp"`
	Seal      string       `json:"seal"`
	Proof     string       `json:"proof,omitempty"`
	Automatic bool         `json:"automatic"`
	Files     []Attachment `json:"files"`
}

// Attachment names a file.
type Attachment struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Act is a line of the record: who did what, when.
type Act struct {
	Number int64     `json:"number"`
	At     time.Time `json:"at"`
	By     string    `json:"by"`
	Verb   string    `json:"verb"`
}

var proofs = map[correspondence.Proof]string{
	correspondence.Unknown: "unknown", correspondence.Claimed: "claimed", correspondence.Forged: "forged", correspondence.Aligned: "aligned",
	correspondence.SignedByKey: "signed", correspondence.SignedIn: "signed_in", correspondence.ByHand: "by_hand", correspondence.CalledBack: "called_back",
}

func messagesOf(all []correspondence.Message) []Message {
	out := []Message{}
	for _, m := range all {
		x := Message{
			ID: m.UID, Direction: "in", Channel: string(m.Channel), Kind: string(m.Kind), State: string(m.State), At: m.At.UTC(), SentAt: when(m.SentAt),
			Author: m.AuthorName, From: m.Body.From, To: m.Body.To, Subject: m.Body.Subject, Text: correspondence.WithoutCodes(m.Body.Text), TLP: m.TLP.String(), Seal: string(m.Seal),
			Proof: proofs[m.Proof], Automatic: m.Automatic, Files: []Attachment{},
		}
		if m.Direction == correspondence.Out {
			x.Direction, x.Proof = "out", ""
		}
		for _, f := range m.Body.Files {
			x.Files = append(x.Files, Attachment{f.Name, f.Type, f.Size, f.SHA256})
		}
		out = append(out, x)
	}
	return out
}

func partyOf(row coordination.Row, all []correspondence.Message) Party {
	p := row.Party
	out := Party{
		ID: p.UID, Name: p.Name, Role: string(p.Role), Why: p.Why, TLP: p.TLP.String(), AddedAt: p.AddedAt.UTC(), WithdrawnAt: when(p.WithdrawnAt),
		ToldAt: when(row.ToldAt), SeenAt: when(row.SeenAt), AnsweredAt: when(row.AnsweredAt), DoneAt: when(row.DoneAt), VerifiedAt: when(row.VerifiedAt),
		Requests: []Request{}, Measures: []Measure{}, Messages: messagesOf(all),
	}
	for _, r := range row.Requests {
		out.Requests = append(out.Requests, Request{r.UID, string(r.State), r.Text, when(r.AskedAt), when(r.DueAt), when(r.AnsweredAt)})
	}
	for _, m := range row.Measures {
		out.Measures = append(out.Measures, Measure{
			ID: m.UID, State: string(m.State), Recommendation: m.Recommendation, Revision: m.Revision, Title: m.Title, Text: m.Text, Evidence: m.Evidence, Reason: m.Reason,
			GivenAt: when(m.GivenAt), DueAt: when(m.DueAt), PlannedFor: when(m.PlannedFor), DoneAt: when(m.DoneAt), VerifiedAt: when(m.VerifiedAt),
		})
	}
	return out
}
