package client

import "time"

// Party is one line of the matrix of an incident.
type Party struct {
	ID           string           `json:"id"`
	Name         string           `json:"name"`
	Organisation *OrganisationRef `json:"organisation"`
	Role         string           `json:"role"`
	Why          string           `json:"why"`
	AddedAt      time.Time        `json:"added_at"`
	WithdrawnAt  time.Time        `json:"withdrawn_at"`
	ToldAt       time.Time        `json:"told_at"`
	DeliveredAt  time.Time        `json:"delivered_at"`
	SeenAt       time.Time        `json:"seen_at"`
	SeenKnown    bool             `json:"seen_known"`
	AnsweredAt   time.Time        `json:"answered_at"`
	DoneAt       time.Time        `json:"done_at"`
	VerifiedAt   time.Time        `json:"verified_at"`
	SilentSince  time.Time        `json:"silent_since"`
	CodeSince    time.Time        `json:"code_untold_since"`
	DueAt        time.Time        `json:"due_at"`
	Requests     []Request        `json:"requests"`
	Measures     []Measure        `json:"measures"`
}

// Ask asks a party: in words, by typed questions, or both.
type Ask struct {
	Text             string `json:"text,omitempty"`
	Questions        string `json:"questions,omitempty"`
	QuestionsVersion int    `json:"questions_version,omitempty"`

	Intro  string    `json:"intro,omitempty"`
	DueAt  time.Time `json:"due_at"`
	TLP    string    `json:"tlp,omitempty"`
	Looked bool      `json:"looked,omitempty"`
}

// Give gives measures to a party, by their codes in the library.
type Give struct {
	Recommendations []string  `json:"recommendations"`
	Intro           string    `json:"intro,omitempty"`
	DueAt           time.Time `json:"due_at"`
	TLP             string    `json:"tlp,omitempty"`
	Looked          bool      `json:"looked,omitempty"`
	ValidDays       int       `json:"valid_days,omitempty"` // for how long they hold once they are done
	CheckDays       int       `json:"check_days,omitempty"` // after how long we check them again once they are verified
}

// Letter is a free message.
type Letter struct {
	Subject string `json:"subject,omitempty"`
	Text    string `json:"text"`
	TLP     string `json:"tlp,omitempty"`
	Looked  bool   `json:"looked,omitempty"`
}

// Request is something that a party was asked.
type Request struct {
	ID         string    `json:"id"`
	State      string    `json:"state"`
	TLP        string    `json:"tlp"`
	AskedAt    time.Time `json:"asked_at"`
	DueAt      time.Time `json:"due_at"`
	AnsweredAt time.Time `json:"answered_at"`
	Text       string    `json:"text"`
	Reason     string    `json:"reason"`
	Answers    []Message `json:"answers"`

	Questions *QuestionSet `json:"questions"`
	Replies   []Reply      `json:"replies"`

	Incident string `json:"incident"`
	Version  int64  `json:"version"`
}

// Measure is a recommendation given to a party.
type Measure struct {
	ID             string    `json:"id"`
	State          string    `json:"state"`
	TLP            string    `json:"tlp"`
	Recommendation string    `json:"recommendation"`
	Revision       int       `json:"revision"`
	Title          string    `json:"title"`
	Text           string    `json:"text"`
	GivenAt        time.Time `json:"given_at"`
	DueAt          time.Time `json:"due_at"`
	PlannedFor     time.Time `json:"planned_for"`
	DoneAt         time.Time `json:"done_at"`
	VerifiedAt     time.Time `json:"verified_at"`
	ValidUntil     time.Time `json:"valid_until"` // when it runs out, or did
	Evidence       string    `json:"evidence"`
	Reason         string    `json:"reason"`
	Moves          []Move    `json:"moves"`
	Incident       string    `json:"incident"`
	Version        int64     `json:"version"`
}

// Move is one step in the life of a measure.
type Move struct {
	At   time.Time `json:"at"`
	By   string    `json:"by"`
	Ours bool      `json:"ours"`
	Link bool      `json:"by_link"`
	From string    `json:"from"`
	To   string    `json:"to"`
	Note string    `json:"note"`
}

// Moving is what a move of a measure says.
type Moving struct {
	Note        string       `json:"note,omitempty"`
	PlannedFor  time.Time    `json:"planned_for,omitzero"`
	Attachments []Attachment `json:"attachments,omitempty"`
}
