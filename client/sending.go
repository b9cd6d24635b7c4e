package client

import (
	"context"
	"time"
)

// Sending is one question to many parties of an incident, as one act. It is the team's.
type Sending struct {
	ID         string         `json:"id"`
	State      string         `json:"state"`
	Version    int64          `json:"version"`
	TLP        string         `json:"tlp"`
	CreatedAt  time.Time      `json:"created_at"`
	AskedAt    time.Time      `json:"asked_at,omitzero"`
	DecidedAt  time.Time      `json:"decided_at,omitzero"`
	LeavesAt   time.Time      `json:"leaves_at,omitzero"`
	EndedAt    time.Time      `json:"ended_at,omitzero"`
	Hash       string         `json:"hash,omitempty"`
	Chosen     int            `json:"chosen"`
	Excluded   int            `json:"excluded"`
	Written    int            `json:"written"`
	Left       int            `json:"left"`
	Reasons    map[string]int `json:"reasons,omitempty"`
	Aside      int            `json:"aside"`
	Repeated   int            `json:"repeated"`
	Why        string         `json:"why,omitempty"`
	DryRun     *DryRun        `json:"dry_run,omitempty"`
	Letter     *SendingText   `json:"letter,omitempty"`
	IncidentID string         `json:"incident_id"`
}

// DryRun is what a sending would do.
type DryRun struct {
	Readers   int            `json:"readers"`
	Lines     int            `json:"lines"`
	Roads     []RoadCount    `json:"roads"`
	Languages map[string]int `json:"languages"`
	Widest    string         `json:"widest_tlp,omitempty"`
	Second    string         `json:"second_person,omitempty"`
}

// RoadCount is how many letters take a road.
type RoadCount struct {
	Road   string `json:"road"`
	Reason string `json:"reason,omitempty"`
	Count  int    `json:"count"`
}

// SendingText is what the parties of a sending are told, asked and recommended.
type SendingText struct {
	Version         int64                   `json:"version,omitempty"`
	Text            string                  `json:"text,omitempty"`
	Request         string                  `json:"request,omitempty"`
	Words           map[string]SendingWords `json:"words,omitempty"`
	ByRole          map[string]RoleWords    `json:"by_role,omitempty"`
	Questions       string                  `json:"questions,omitempty"`
	Recommendations []string                `json:"recommendations,omitempty"`
	ValidDays       int                     `json:"valid_days,omitempty"` // for how long they hold once they are done
	CheckDays       int                     `json:"check_days,omitempty"` // after how long we check them again once they are verified
	DueAt           time.Time               `json:"due_at,omitzero"`
	TLP             string                  `json:"tlp,omitempty"`
}

// RoleWords are what parties in one part read, by language.
type RoleWords map[string]SendingWords

// SendingWords are text and question in one language.
type SendingWords struct {
	Text    string `json:"text,omitempty"`
	Request string `json:"request,omitempty"`
}

// SendingLine is one organisation of a sending: why it is there, and who is written to.
type SendingLine struct {
	Organisation OrganisationRef `json:"organisation"`
	Sector       string          `json:"sector,omitempty"`
	Communities  []string        `json:"communities,omitempty"`
	Why          []SendingWhy    `json:"why"`
	Role         string          `json:"role"`
	Lines        int             `json:"lines"`
	Party        bool            `json:"party"`
	Contact      string          `json:"contact,omitempty"`
	Email        string          `json:"email,omitempty"`
	Lang         string          `json:"lang"`
	TLP          string          `json:"tlp"`
	Road         string          `json:"road"`
	RoadReason   string          `json:"road_reason,omitempty"`
	State        string          `json:"state"`
	Reason       string          `json:"reason,omitempty"`
}

// SendingWhy is one reason for which an organisation was chosen.
type SendingWhy struct {
	By      string `json:"by"`
	Value   string `json:"value,omitempty"`
	Count   int    `json:"count,omitempty"`
	From    string `json:"from,omitempty"`
	Claimed bool   `json:"claimed,omitempty"`
	Stays   bool   `json:"stays,omitempty"`
}

// SendingFilter narrows the lines of a sending.
type SendingFilter struct {
	Text      string `json:"q,omitempty"`
	Sector    string `json:"sector,omitempty"`
	Community string `json:"community,omitempty"`
	Road      string `json:"road,omitempty"`
	Lang      string `json:"lang,omitempty"`
	State     string `json:"state,omitempty"`
	By        string `json:"by,omitempty"`
}

// SendingChoice says who is added to a sending, from several sources at once.
type SendingChoice struct {
	Version       int64    `json:"version,omitempty"`
	List          string   `json:"list,omitempty"`
	UTC           bool     `json:"utc,omitempty"`
	Communities   []string `json:"communities,omitempty"`
	Sectors       []string `json:"sectors,omitempty"`
	Organisations []string `json:"organisations,omitempty"`
	Parties       bool     `json:"parties,omitempty"`
	Named         bool     `json:"named,omitempty"`
	Alike         bool     `json:"alike,omitempty"`
	Role          string   `json:"role,omitempty"`
}

// SendingExclude takes lines out of a sending, or puts them back.
type SendingExclude struct {
	SendingFilter
	Version       int64    `json:"version,omitempty"`
	Organisations []string `json:"organisations,omitempty"`
	Back          bool     `json:"back,omitempty"`
}

// SendingAside is a line of a list that reaches nobody.
type SendingAside struct {
	What string    `json:"what"`
	At   time.Time `json:"at,omitzero"`
	Note string    `json:"note,omitempty"`
	Why  string    `json:"why"`
}

// SendingLetter is exactly what one party will receive.
type SendingLetter struct {
	Organisation OrganisationRef `json:"organisation"`
	Reader       string          `json:"reader"`
	Email        string          `json:"email,omitempty"`
	Lang         string          `json:"lang"`
	Road         string          `json:"road"`
	RoadReason   string          `json:"road_reason,omitempty"`
	Subject      string          `json:"subject"`
	Text         string          `json:"text"`
	Letter       string          `json:"letter"`
	Hits         []string        `json:"hits"`
	Evidence     string          `json:"evidence,omitempty"`
	Files        []SendingFile   `json:"files,omitempty"`
}

// SendingFile is a file of text that one reader receives.
type SendingFile struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Text string `json:"text"`
}

// NewSending begins a sending of an incident: one question to many parties.
func (c *Client) NewSending(ctx context.Context, incident string, opts ...Option) (Sending, error) {
	return post[Sending](ctx, c, "/incidents/"+seg(incident)+"/sendings", struct{}{}, opts...)
}

// Sendings lists the sendings of an incident, newest first.
func (c *Client) Sendings(ctx context.Context, incident string) (List[Sending], error) {
	return get[List[Sending]](ctx, c, "/incidents/"+seg(incident)+"/sendings")
}

// Sending reads a sending with its dry run, or how far it came.
func (c *Client) Sending(ctx context.Context, sending string) (Sending, error) {
	return get[Sending](ctx, c, "/sendings/"+seg(sending))
}

// SendingLeads is whom a case itself leads to, before anybody is added.
type SendingLeads struct {
	Named       []SendingLead `json:"named"`
	Alike       []SendingLead `json:"alike"`
	NamedThings int           `json:"named_things"`
	AlikeThings int           `json:"alike_things"`
	More        bool          `json:"more"`
}

// SendingLead is one organisation that a case leads to.
type SendingLead struct {
	Organisation OrganisationRef `json:"organisation"`
	Why          []SendingWhy    `json:"why"`
	Lines        []LeadLine      `json:"lines"`
	There        bool            `json:"there"`
}

// LeadLine is one line of evidence.
type LeadLine struct {
	What string    `json:"what"`
	At   time.Time `json:"at,omitzero"`
}

// SendingLeads lists whom the case of a sending itself leads to, and why: nobody is added.
func (c *Client) SendingLeads(ctx context.Context, sending string) (SendingLeads, error) {
	return get[SendingLeads](ctx, c, "/sendings/"+seg(sending)+"/leads")
}

// ChooseForSending adds parties to a sending.
func (c *Client) ChooseForSending(ctx context.Context, sending string, in SendingChoice, opts ...Option) (Sending, error) {
	return post[Sending](ctx, c, "/sendings/"+seg(sending)+"/parties", in, opts...)
}

// SendingParties lists who was chosen, why, and who is written to, by name. Page.Filter narrows it: q, sector, community, road, lang, state, by.
func (c *Client) SendingParties(ctx context.Context, sending string, p Page) (List[SendingLine], error) {
	return get[List[SendingLine]](ctx, c, "/sendings/"+seg(sending)+"/parties"+p.query())
}

// ExcludeFromSending takes parties out of a sending, or puts them back.
func (c *Client) ExcludeFromSending(ctx context.Context, sending string, in SendingExclude, opts ...Option) (Sending, error) {
	return post[Sending](ctx, c, "/sendings/"+seg(sending)+"/exclude", in, opts...)
}

// SendingAsides lists lines of lists that reach nobody, and why.
func (c *Client) SendingAsides(ctx context.Context, sending string) (List[SendingAside], error) {
	return get[List[SendingAside]](ctx, c, "/sendings/"+seg(sending)+"/aside")
}

// SetSendingLetter says what the parties are told, asked and recommended.
func (c *Client) SetSendingLetter(ctx context.Context, sending string, in SendingText, opts ...Option) (Sending, error) {
	return post[Sending](ctx, c, "/sendings/"+seg(sending)+"/letter", in, opts...)
}

// SendingLetter reads exactly what one party will receive.
func (c *Client) SendingLetter(ctx context.Context, sending, organisation string) (SendingLetter, error) {
	return get[SendingLetter](ctx, c, "/sendings/"+seg(sending)+"/letters/"+seg(organisation))
}

// SubmitSending sends it, or asks a second person for it. Looked says that a person looked at what its letters name of other parties.
func (c *Client) SubmitSending(ctx context.Context, sending string, version int64, looked bool, opts ...Option) (Sending, error) {
	return post[Sending](ctx, c, "/sendings/"+seg(sending)+"/submit", map[string]any{"version": version, "looked": looked}, opts...)
}

// TakeBackSending makes a draft of it again while nothing is written.
func (c *Client) TakeBackSending(ctx context.Context, sending string, version int64, opts ...Option) (Sending, error) {
	return post[Sending](ctx, c, "/sendings/"+seg(sending)+"/back", map[string]any{"version": version}, opts...)
}

// RecallSending ends it: what is not written yet is never written.
func (c *Client) RecallSending(ctx context.Context, sending, reason string, opts ...Option) (Sending, error) {
	return post[Sending](ctx, c, "/sendings/"+seg(sending)+"/recall", map[string]any{"reason": reason}, opts...)
}
