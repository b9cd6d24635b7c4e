package client

import (
	"context"
	"time"
)

// CoordinationCall is a call with parties of an incident: planned, held or off.
type CoordinationCall struct {
	ID         string        `json:"id"`
	Subject    string        `json:"subject"`
	How        string        `json:"how"`
	State      string        `json:"state"`
	StartsAt   time.Time     `json:"starts_at"`
	Minutes    int           `json:"expected_minutes"`
	TLP        string        `json:"tlp"`
	HeldAt     time.Time     `json:"held_at"`
	FinishedAt time.Time     `json:"finished_at"` // when the minutes were finished
	Said       string        `json:"minutes"`
	Invited    []CallInvited `json:"invited"`
	Present    []CallPresent `json:"present"`
	Additions  []CallWords   `json:"additions"`
	Changes    []CallWords   `json:"changes"`
	Actions    []CallAction  `json:"actions"`
	Version    int64         `json:"version"`
	Letters    []CallLetter  `json:"letters"`  // of a preview
	Together   []string      `json:"together"` // of a preview: as an invitation wants them confirmed
}

// CallInvited is a party that was asked to a call.
type CallInvited struct {
	Party     string    `json:"party_id"`
	Name      string    `json:"name"`
	InvitedAt time.Time `json:"invited_at"`
	Letter    string    `json:"letter"`
	Coming    string    `json:"coming"` // yes, no, or "" while it has not said
	Who       string    `json:"who"`
	SaidAt    time.Time `json:"said_at"`
	Noted     bool      `json:"noted"`
	Gone      bool      `json:"gone"`
}

// CallPresent is somebody who came; without a party one of the team.
type CallPresent struct {
	Party    string `json:"party_id,omitempty"`
	Name     string `json:"name"`
	Function string `json:"function,omitempty"`
}

// CallWords is what somebody of the team added or changed.
type CallWords struct {
	At   time.Time `json:"at"`
	By   string    `json:"by"`
	Text string    `json:"text"`
}

// CallAction is what was agreed: a task of the team, or a measure of a party.
type CallAction struct {
	ID      string    `json:"id"`
	At      time.Time `json:"at"`
	Title   string    `json:"title"`
	Task    string    `json:"task_id"`
	Measure string    `json:"measure_id"`
	Party   string    `json:"party_id"`
}

// CallLetter is exactly what one party would get.
type CallLetter struct {
	Party string   `json:"party_id"`
	Name  string   `json:"name"`
	Road  string   `json:"road"`
	Text  string   `json:"text"`
	Hits  []string `json:"hits"`
}

// NewCoordinationCall is a call as it is planned.
type NewCoordinationCall struct {
	Subject  string    `json:"subject"`
	How      string    `json:"how"` // a number, a link, or words
	StartsAt time.Time `json:"starts_at"`
	Minutes  int       `json:"expected_minutes"`
	TLP      string    `json:"tlp,omitempty"`
}

// CoordinationCalls lists the calls of an incident.
func (c *Client) CoordinationCalls(ctx context.Context, incident string) (List[CoordinationCall], error) {
	return get[List[CoordinationCall]](ctx, c, "/incidents/"+seg(incident)+"/coordination-calls")
}

// PlanCall plans a call; nobody hears of it yet.
func (c *Client) PlanCall(ctx context.Context, incident string, n NewCoordinationCall, opts ...Option) (CoordinationCall, error) {
	return post[CoordinationCall](ctx, c, "/incidents/"+seg(incident)+"/coordination-calls", n, opts...)
}

// CoordinationCall reads a call.
func (c *Client) CoordinationCall(ctx context.Context, call string) (CoordinationCall, error) {
	return get[CoordinationCall](ctx, c, "/coordination-calls/"+seg(call))
}

// Invitation asks parties to a call. Together confirms who learns of whom: all parties that will be in it.
type Invitation struct {
	Parties  []string `json:"parties"`
	Together []string `json:"together,omitempty"`
	Looked   bool     `json:"looked,omitempty"`
	Preview  bool     `json:"preview,omitempty"` // nothing leaves
}

// Invite asks parties to a call, or shows what would leave.
func (c *Client) Invite(ctx context.Context, call string, in Invitation, opts ...Option) (CoordinationCall, error) {
	return post[CoordinationCall](ctx, c, "/coordination-calls/"+seg(call)+"/invitations", in, opts...)
}

// CallMoved is a call at another time, or with another way to take part.
type CallMoved struct {
	How      string    `json:"how"`
	StartsAt time.Time `json:"starts_at"`
	Minutes  int       `json:"expected_minutes"`
	Reason   string    `json:"reason"`
	Looked   bool      `json:"looked,omitempty"`
}

// MoveCall moves a call.
func (c *Client) MoveCall(ctx context.Context, call string, m CallMoved, opts ...Option) (CoordinationCall, error) {
	return post[CoordinationCall](ctx, c, "/coordination-calls/"+seg(call)+"/move", m, opts...)
}

// CallOff calls a call off, or takes some parties out of it.
func (c *Client) CallOff(ctx context.Context, call string, parties []string, reason string, opts ...Option) (CoordinationCall, error) {
	return post[CoordinationCall](ctx, c, "/coordination-calls/"+seg(call)+"/call-off", map[string]any{"parties": parties, "reason": reason}, opts...)
}

// NoteComing takes down whether a party comes, and who.
func (c *Client) NoteComing(ctx context.Context, call, party string, coming bool, who, note string, opts ...Option) (CoordinationCall, error) {
	return post[CoordinationCall](ctx, c, "/coordination-calls/"+seg(call)+"/coming", map[string]any{"party_id": party, "coming": coming, "who": who, "note": note}, opts...)
}

// Minutes is what was written down of a call; finished they are only added to.
type Minutes struct {
	Present []CallPresent `json:"present,omitempty"`
	Text    string        `json:"minutes,omitempty"`
	Finish  bool          `json:"finish,omitempty"`
	Version int64         `json:"version,omitempty"`
}

// WriteMinutes notes who came and what was said.
func (c *Client) WriteMinutes(ctx context.Context, call string, m Minutes, opts ...Option) (CoordinationCall, error) {
	return post[CoordinationCall](ctx, c, "/coordination-calls/"+seg(call)+"/minutes", m, opts...)
}

// AddToMinutes adds to finished minutes.
func (c *Client) AddToMinutes(ctx context.Context, call, text string, opts ...Option) (CoordinationCall, error) {
	return post[CoordinationCall](ctx, c, "/coordination-calls/"+seg(call)+"/additions", map[string]string{"text": text}, opts...)
}

// NewCallAction is what was agreed: with a party a measure, else a task of the team.
type NewCallAction struct {
	Title  string    `json:"title"`
	Party  string    `json:"party_id,omitempty"`
	Text   string    `json:"text,omitempty"`
	DueAt  time.Time `json:"due_at,omitzero"`
	Looked bool      `json:"looked,omitempty"`
}

// CallAction makes a task or a measure of what was agreed.
func (c *Client) CallAction(ctx context.Context, call string, n NewCallAction, opts ...Option) (CoordinationCall, error) {
	return post[CoordinationCall](ctx, c, "/coordination-calls/"+seg(call)+"/actions", n, opts...)
}

// SetAlone says whether a party takes part in calls of its own alone.
func (c *Client) SetAlone(ctx context.Context, party string, alone bool, reason string, opts ...Option) error {
	_, err := post[map[string]any](ctx, c, "/parties/"+seg(party)+"/alone", map[string]any{"alone": alone, "reason": reason}, opts...)
	return err
}
