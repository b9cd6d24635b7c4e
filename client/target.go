package client

import (
	"context"
	"net/url"
	"time"
)

// Target is something on the network that is to be ended. It is the team's.
type Target struct {
	ID         string           `json:"id"`
	IncidentID string           `json:"incident_id"`
	What       string           `json:"what"`
	Form       string           `json:"form"`
	Kind       string           `json:"kind"`
	Type       string           `json:"type,omitempty"`
	State      string           `json:"state"`
	Version    int64            `json:"version"`
	Words      string           `json:"words"`
	SeenAt     time.Time        `json:"seen_at"`
	Addresses  []string         `json:"addresses"`
	CreatedAt  time.Time        `json:"created_at"`
	StateAt    time.Time        `json:"state_at"`
	ToldAt     time.Time        `json:"told_at,omitzero"`
	DownAt     time.Time        `json:"down_at,omitzero"`
	EndedAt    time.Time        `json:"ended_at,omitzero"`
	LookAt     time.Time        `json:"look_at,omitzero"`
	LookedAt   time.Time        `json:"looked_at,omitzero"`
	Saw        string           `json:"saw,omitempty"`
	Changed    bool             `json:"changed,omitempty"`
	Barred     string           `json:"barred,omitempty"`
	States     []TargetState    `json:"states,omitempty"`
	Asked      []TargetProposal `json:"asked,omitempty"`
}

// TargetState is one state that a target was in.
type TargetState struct {
	State  string    `json:"state"`
	At     time.Time `json:"at"`
	ByHand bool      `json:"by_hand"`
	Reason string    `json:"reason,omitempty"`
	Saw    string    `json:"saw,omitempty"`
}

// TargetProposal is somebody who may be able to end a target.
type TargetProposal struct {
	ID     string    `json:"id"`
	Name   string    `json:"name"`
	Email  string    `json:"email,omitempty"`
	Role   string    `json:"role"`
	Form   string    `json:"form"`
	State  string    `json:"state"`
	Known  bool      `json:"known"`
	ToldAt time.Time `json:"told_at,omitzero"`
}

// NewTarget is what is entered of a target.
type NewTarget struct {
	What      string    `json:"what"`
	Kind      string    `json:"kind"`
	Words     string    `json:"words"`
	SeenAt    time.Time `json:"seen_at,omitzero"`
	Addresses string    `json:"addresses,omitempty"`
}

// TargetLetters says about which targets is written.
type TargetLetters struct {
	Targets []string `json:"targets,omitempty"`
}

// Proposing says what was found of who can end a target.
type Proposing struct {
	New    int    `json:"new"`
	Barred string `json:"barred,omitempty"`
	Silent int    `json:"silent"`
}

// TargetProvider names a provider of the directory.
type TargetProvider struct {
	Provider string `json:"provider"`
}

// SetTarget says by hand how a target stands.
type SetTarget struct {
	Version int64  `json:"version,omitempty"`
	State   string `json:"state"`
	Reason  string `json:"reason"`
}

// AmendTarget corrects what is known of a target; what it is stays. Version 0 takes any; a zero SeenAt keeps the one there is.
type AmendTarget struct {
	Version   int64     `json:"version,omitempty"`
	Kind      string    `json:"kind"`
	Words     string    `json:"words"`
	SeenAt    time.Time `json:"seen_at,omitzero"`
	Addresses string    `json:"addresses,omitempty"` // all of them
}

// EndTarget says why nothing more is asked for a target.
type EndTarget struct {
	Version int64  `json:"version,omitempty"`
	Reason  string `json:"reason"`
}

// DecideProposal confirms a proposal or dismisses it.
type DecideProposal struct {
	State string `json:"state"`
}

// ToldProposal says when a provider was told by another way than a letter.
type ToldProposal struct {
	At time.Time `json:"at,omitzero"`
}

// Provider says how an organisation wants to be told of what it can end.
type Provider struct {
	ID           string          `json:"id"`
	Version      int64           `json:"version"`
	Organisation OrganisationRef `json:"organisation"`
	Email        string          `json:"email,omitempty"`
	Role         string          `json:"role"`
	Form         string          `json:"form"`
	Page         string          `json:"page,omitempty"`
	Wants        string          `json:"wants,omitempty"`
	Matches      []string        `json:"matches"`
	Retired      bool            `json:"retired,omitempty"`
}

// NewProvider is what is entered of a provider, or changed.
type NewProvider struct {
	Version      int64  `json:"version,omitempty"`
	Organisation string `json:"organisation,omitempty"`
	Name         string `json:"name,omitempty"`
	Email        string `json:"email,omitempty"`
	Lang         string `json:"lang,omitempty"`
	Role         string `json:"role"`
	Form         string `json:"form"`
	Page         string `json:"page,omitempty"`
	Wants        string `json:"wants,omitempty"`
	Matches      string `json:"matches,omitempty"`
	Proposal     string `json:"proposal,omitempty"`
}

// ProviderTime says how fast what a provider was told of was down.
type ProviderTime struct {
	Organisation OrganisationRef `json:"organisation"`
	Role         string          `json:"role"`
	Told         int             `json:"told"`
	Down         int             `json:"down"`
	Median       int64           `json:"median_seconds,omitempty"`
	Waiting      int             `json:"waiting"`
	Back         int             `json:"back"`
}

// Targets lists what is to be taken down in an incident, newest first.
func (c *Client) Targets(ctx context.Context, incident string) (List[Target], error) {
	return get[List[Target]](ctx, c, "/incidents/"+seg(incident)+"/targets")
}

// AllTargets lists the targets of all incidents, newest first. Page.Filter narrows it: state, kind, all.
func (c *Client) AllTargets(ctx context.Context, p Page) (List[Target], error) {
	return get[List[Target]](ctx, c, "/targets"+p.query())
}

// Target reads a target with its states and who can end it.
func (c *Client) Target(ctx context.Context, target string) (Target, error) {
	return get[Target](ctx, c, "/targets/"+seg(target))
}

// AddTarget adds a target to an incident.
func (c *Client) AddTarget(ctx context.Context, incident string, in NewTarget, opts ...Option) (Target, error) {
	return post[Target](ctx, c, "/incidents/"+seg(incident)+"/targets", in, opts...)
}

// PrepareTargetLetters prepares the letters to all who were confirmed, as a sending: about some targets, or all when none is named.
func (c *Client) PrepareTargetLetters(ctx context.Context, incident string, in TargetLetters, opts ...Option) (Sending, error) {
	return post[Sending](ctx, c, "/incidents/"+seg(incident)+"/targets/letters", in, opts...)
}

// ProposeForTarget looks for who can end a target.
func (c *Client) ProposeForTarget(ctx context.Context, target string, opts ...Option) (Proposing, error) {
	return post[Proposing](ctx, c, "/targets/"+seg(target)+"/propose", struct{}{}, opts...)
}

// NameForTarget adds a provider of the directory to a target.
func (c *Client) NameForTarget(ctx context.Context, target, provider string, opts ...Option) (Target, error) {
	return post[Target](ctx, c, "/targets/"+seg(target)+"/providers", TargetProvider{provider}, opts...)
}

// LookAtTarget looks at a target now.
func (c *Client) LookAtTarget(ctx context.Context, target string, opts ...Option) (Target, error) {
	return post[Target](ctx, c, "/targets/"+seg(target)+"/look", struct{}{}, opts...)
}

// SetTargetState says by hand how a target stands.
func (c *Client) SetTargetState(ctx context.Context, target string, in SetTarget, opts ...Option) (Target, error) {
	return post[Target](ctx, c, "/targets/"+seg(target)+"/state", in, opts...)
}

// AmendTarget corrects what is known of a target.
func (c *Client) AmendTarget(ctx context.Context, target string, in AmendTarget, opts ...Option) (Target, error) {
	return post[Target](ctx, c, "/targets/"+seg(target)+"/amend", in, opts...)
}

// EndTarget asks for a target no longer.
func (c *Client) EndTarget(ctx context.Context, target string, in EndTarget, opts ...Option) (Target, error) {
	return post[Target](ctx, c, "/targets/"+seg(target)+"/end", in, opts...)
}

// DecideProposal confirms a proposal or dismisses it.
func (c *Client) DecideProposal(ctx context.Context, proposal string, in DecideProposal, opts ...Option) (Target, error) {
	return post[Target](ctx, c, "/proposals/"+seg(proposal)+"/decide", in, opts...)
}

// ToldProposal notes that a provider was told by another way than a letter.
func (c *Client) ToldProposal(ctx context.Context, proposal string, in ToldProposal, opts ...Option) (Target, error) {
	return post[Target](ctx, c, "/proposals/"+seg(proposal)+"/told", in, opts...)
}

// Providers lists who can end something, and how each wants to be told.
func (c *Client) Providers(ctx context.Context) (List[Provider], error) {
	return get[List[Provider]](ctx, c, "/providers")
}

// AddProvider enters a provider.
func (c *Client) AddProvider(ctx context.Context, in NewProvider, opts ...Option) (Provider, error) {
	return post[Provider](ctx, c, "/providers", in, opts...)
}

// ChangeProvider changes a provider that was read at a version.
func (c *Client) ChangeProvider(ctx context.Context, provider string, in NewProvider, opts ...Option) (Provider, error) {
	return post[Provider](ctx, c, "/providers/"+seg(provider), in, opts...)
}

// RetireProvider takes a provider, as it was read at a version, out of the directory: it is proposed no more. What was written to it stays.
func (c *Client) RetireProvider(ctx context.Context, provider string, version int64, opts ...Option) (Provider, error) {
	return post[Provider](ctx, c, "/providers/"+seg(provider)+"/retire", struct {
		Version int64 `json:"version"`
	}{version}, opts...)
}

// ProviderTimes reads the time to down by provider, of what was told since a moment; zero is a year.
func (c *Client) ProviderTimes(ctx context.Context, since time.Time) (List[ProviderTime], error) {
	q := ""
	if !since.IsZero() {
		q = "?" + url.Values{"since": {since.Format(time.RFC3339)}}.Encode()
	}
	return get[List[ProviderTime]](ctx, c, "/providers/times"+q)
}
