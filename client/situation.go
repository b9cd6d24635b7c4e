package client

import (
	"context"
	"time"
)

// Situation is one that is shared with other authorities; its ground is need or force_majeure.
type Situation struct {
	ID        string            `json:"id"`
	Ground    string            `json:"ground"`
	Reasons   string            `json:"reasons"`
	OpenedAt  time.Time         `json:"opened_at"`
	EndedAt   time.Time         `json:"ended_at"`
	End       string            `json:"end"`
	Leader    string            `json:"leader_party_id"` // "" where the team leads
	Members   []SituationMember `json:"members"`
	Tellings  []Telling         `json:"tellings"`
	Decisions []Decision        `json:"decisions"`
	Version   int64             `json:"version"`
	Letters   []CallLetter      `json:"letters"` // of a preview
}

// SituationMember is an authority that takes part.
type SituationMember struct {
	Party  string    `json:"party_id"`
	Name   string    `json:"name"`
	Kind   string    `json:"kind"`
	ToldAt time.Time `json:"told_at"`
}

// Telling is who tells whom.
type Telling struct {
	ID     string    `json:"id"`
	Who    string    `json:"who_party_id"` // "" for the team
	Circle string    `json:"circle"`
	What   string    `json:"what"`
	DueAt  time.Time `json:"due_at"`
	DoneAt time.Time `json:"done_at"`
}

// NewTelling is a line of who tells whom, or that it was done; Version is that of the situation as it was read, 0 takes the stored one.
type NewTelling struct {
	Telling string    `json:"telling,omitempty"` // id of the line, "" for a new one
	Who     string    `json:"who_party_id,omitempty"`
	Circle  string    `json:"circle,omitempty"`
	What    string    `json:"what,omitempty"`
	DueAt   time.Time `json:"due_at,omitzero"`
	Done    bool      `json:"done,omitempty"`
	DoneAt  time.Time `json:"done_at,omitzero"`
	Version int64     `json:"version,omitempty"`
}

// Decision is one that was taken. It never changes: another follows it.
type Decision struct {
	Number     int         `json:"number"`
	Joint      bool        `json:"joint"`
	Text       string      `json:"text"`
	At         time.Time   `json:"at"`
	Follows    int         `json:"follows"`
	FollowedBy int         `json:"followed_by"`
	JointSince time.Time   `json:"joint_since"` // when the last of them agreed
	Agreements []Agreement `json:"agreements"`
}

// Agreement is what one authority said of a joint decision: yes, no, or "" while it has not said.
type Agreement struct {
	Party  string    `json:"party_id"`
	Name   string    `json:"name"`
	Agrees string    `json:"agrees"`
	Who    string    `json:"who"`
	SaidAt time.Time `json:"said_at"`
	Noted  bool      `json:"noted"`
}

// NewSituation is a shared situation as it is opened. Together confirms that its members learn of one another.
type NewSituation struct {
	Ground   string   `json:"ground"`
	Reasons  string   `json:"reasons"`
	Leader   string   `json:"leader_party_id,omitempty"`
	Members  []string `json:"members"`
	Together []string `json:"together,omitempty"`
}

// NewDecision is a decision as it is taken.
type NewDecision struct {
	Text    string    `json:"text"`
	Joint   bool      `json:"joint,omitempty"`
	Follows int       `json:"follows,omitempty"`
	DueAt   time.Time `json:"due_at,omitzero"`
	Looked  bool      `json:"looked,omitempty"`
}

// Situations lists the shared situations of an incident.
func (c *Client) Situations(ctx context.Context, incident string) (List[Situation], error) {
	return get[List[Situation]](ctx, c, "/incidents/"+seg(incident)+"/situations")
}

// OpenSituation opens one.
func (c *Client) OpenSituation(ctx context.Context, incident string, n NewSituation, opts ...Option) (Situation, error) {
	return post[Situation](ctx, c, "/incidents/"+seg(incident)+"/situations", n, opts...)
}

// Situation reads one.
func (c *Client) Situation(ctx context.Context, situation string) (Situation, error) {
	return get[Situation](ctx, c, "/situations/"+seg(situation))
}

// JoinSituation brings more authorities in; together are all who take part then.
func (c *Client) JoinSituation(ctx context.Context, situation string, members, together []string, opts ...Option) (Situation, error) {
	return post[Situation](ctx, c, "/situations/"+seg(situation)+"/members", map[string]any{"members": members, "together": together}, opts...)
}

// LeadSituation says who leads from now on; "" is the team.
func (c *Client) LeadSituation(ctx context.Context, situation, leader, why string, opts ...Option) (Situation, error) {
	return post[Situation](ctx, c, "/situations/"+seg(situation)+"/lead", map[string]string{"leader_party_id": leader, "why": why}, opts...)
}

// SetTelling writes who tells whom, or that it was done.
func (c *Client) SetTelling(ctx context.Context, situation string, t NewTelling, opts ...Option) (Situation, error) {
	return post[Situation](ctx, c, "/situations/"+seg(situation)+"/tellings", t, opts...)
}

// Decide takes the next decision.
func (c *Client) Decide(ctx context.Context, situation string, n NewDecision, opts ...Option) (Situation, error) {
	return post[Situation](ctx, c, "/situations/"+seg(situation)+"/decisions", n, opts...)
}

// NoteAgreement takes down what an authority said of a joint decision, and who said it there.
func (c *Client) NoteAgreement(ctx context.Context, situation string, number int, party string, agrees bool, who, note string, opts ...Option) (Situation, error) {
	return post[Situation](ctx, c, "/situations/"+seg(situation)+"/agreements", map[string]any{"number": number, "party_id": party, "agrees": agrees, "who": who, "note": note}, opts...)
}

// TellSituation writes to the members how it stands, or shows what would leave.
func (c *Client) TellSituation(ctx context.Context, situation string, looked, preview bool, opts ...Option) (Situation, error) {
	return post[Situation](ctx, c, "/situations/"+seg(situation)+"/tell", map[string]bool{"looked": looked, "preview": preview}, opts...)
}

// EndSituation ends it with a reason.
func (c *Client) EndSituation(ctx context.Context, situation, reason string, opts ...Option) (Situation, error) {
	return post[Situation](ctx, c, "/situations/"+seg(situation)+"/end", map[string]string{"reason": reason}, opts...)
}
