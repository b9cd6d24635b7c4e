package client

import (
	"context"
	"net/url"
	"time"
)

// AssetProof is one way in which an organisation proves, or proved, that something is its own.
type AssetProof struct {
	ID        string    `json:"id"`
	Kind      string    `json:"kind"` // prefix, asn, domain, host, url
	Value     string    `json:"value"`
	Way       string    `json:"way"`   // dns, file, mail, registry, hand
	State     string    `json:"state"` // waiting, asked, proved, refused, failed, lapsed, withdrawn
	Place     string    `json:"place"` // name of the record (TXT), address of the file, mail address
	Line      string    `json:"line"`  // what the record or the file must hold
	BegunAt   time.Time `json:"begun_at"`
	Until     time.Time `json:"until"` // of a proof: until when it holds; else until when is waited
	LookAt    time.Time `json:"look_at"`
	LookedAt  time.Time `json:"looked_at"`
	Said      string    `json:"said"` // what the last look found: found, absent, other, silent, status
	DecidedAt time.Time `json:"decided_at"`
	Why       string    `json:"why"`
}

// NewProof says what is to be proved and how.
type NewProof struct {
	Asset    string `json:"asset,omitempty"` // id of one that stands in the register; else Kind and Value
	Kind     string `json:"kind,omitempty"`
	Value    string `json:"value,omitempty"`
	Way      string `json:"way"`                // dns, file, mail, registry
	Role     string `json:"role,omitempty"`     // for mail: postmaster, hostmaster, security or abuse
	Evidence string `json:"evidence,omitempty"` // for registry: the object as the registry gives it
}

// RegisterTask is one thing to do in the register.
type RegisterTask struct {
	Kind         string    `json:"kind"` // judge, conflict, ends, lapsed, stale
	Organisation string    `json:"organisation"`
	Name         string    `json:"name"`
	What         string    `json:"what"`
	Other        string    `json:"other"`
	Proof        string    `json:"proof"`
	Since        time.Time `json:"since"`
}

// Proofs lists how an organisation proves what is its own; the token's own when organisation is "".
func (c *Client) Proofs(ctx context.Context, organisation string) (List[AssetProof], error) {
	return get[List[AssetProof]](ctx, c, "/proofs"+of(organisation))
}

// BeginProof begins to prove that something is an organisation's.
func (c *Client) BeginProof(ctx context.Context, organisation string, in NewProof, opts ...Option) (AssetProof, error) {
	return post[AssetProof](ctx, c, "/organisations/"+seg(organisation)+"/proofs", in, opts...)
}

// Proof reads a proof and what was found.
func (c *Client) Proof(ctx context.Context, id string) (AssetProof, error) {
	return get[AssetProof](ctx, c, "/proofs/"+seg(id))
}

// LookForProof asks to look for its record or file at once.
func (c *Client) LookForProof(ctx context.Context, id string, opts ...Option) error {
	_, err := post[struct{}](ctx, c, "/proofs/"+seg(id)+"/look", struct{}{}, opts...)
	return err
}

// GiveCode gives the code that was mailed.
func (c *Client) GiveCode(ctx context.Context, id, code string, opts ...Option) (AssetProof, error) {
	return post[AssetProof](ctx, c, "/proofs/"+seg(id)+"/code", map[string]string{"code": code}, opts...)
}

// WithdrawProof ends an attempt to prove something.
func (c *Client) WithdrawProof(ctx context.Context, id string, opts ...Option) error {
	_, err := post[struct{}](ctx, c, "/proofs/"+seg(id)+"/withdraw", struct{}{}, opts...)
	return err
}

// JudgeProof says whether the object of a registry proves it; the organisation reads why.
func (c *Client) JudgeProof(ctx context.Context, id string, holds bool, why string, opts ...Option) (AssetProof, error) {
	return post[AssetProof](ctx, c, "/proofs/"+seg(id)+"/judge", map[string]any{"holds": holds, "why": why}, opts...)
}

// RegisterTodo lists what is to be done in the register, of one kind or (kind "") of all.
func (c *Client) RegisterTodo(ctx context.Context, kind string) (List[RegisterTask], error) {
	q := ""
	if kind != "" {
		q = "?" + url.Values{"kind": {kind}}.Encode()
	}
	return get[List[RegisterTask]](ctx, c, "/register/todo"+q)
}

// ConfirmEntry confirms that all that is known of the token's organisation is still right.
func (c *Client) ConfirmEntry(ctx context.Context, opts ...Option) error {
	_, err := post[struct{}](ctx, c, "/register/confirm", struct{}{}, opts...)
	return err
}

// Entitlement is what an organisation may ask for one service.
type Entitlement struct {
	Service       string `json:"service"`
	Level         string `json:"level"`          // full, advice, pointer, none
	AnswerSeconds int64  `json:"answer_seconds"` // within which a person answers first; 0 for best effort
	Priority      int    `json:"priority"`       // 1 highest, 9 lowest
	Ground        string `json:"ground"`
}

// Entitlements reads what an organisation is entitled to, by service.
func (c *Client) Entitlements(ctx context.Context, organisation string) (List[Entitlement], error) {
	return get[List[Entitlement]](ctx, c, "/organisations/"+seg(organisation)+"/entitlements")
}
