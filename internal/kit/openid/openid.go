// Package openid asks a provider outside who somebody is: OpenID Connect Core 1.0 by the code flow, with PKCE (RFC 7636), state, nonce, and the issuer in
// the answer (RFC 9207). It keeps what a provider publishes of itself for an hour; signing keys are asked for again when a token names one that is not known.
// Nothing of what a provider answers is in an error: a Reason says which check it failed.
package openid

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/tocsin-csirt/tocsin/internal/kit/fetch"
)

// MostAnswer is how many bytes of one answer are read.
const MostAnswer = 256 << 10

const (
	keptFor   = time.Hour
	failedFor = 30 * time.Second // strangers who press a button do not make us ask more often
	skew      = time.Minute      // by which clocks of a provider may differ
)

// Client asks providers.
type Client struct {
	web   *fetch.Web
	check func(address string) error
	now   func() time.Time

	mu  sync.Mutex
	met map[string]known // by issuer
}

// New makes a client on the one way to hosts.
func New(f *fetch.Client, now func() time.Time) *Client {
	return &Client{web: f.Web(MostAnswer), check: f.Check, now: now, met: map[string]known{}}
}

// Provider is how we are known to one.
type Provider struct {
	Issuer   string
	ClientID string
	Secret   string // "" for a client that has none
}

// Reason says which check failed. It is ours, never a provider's word.
type Reason string

// The reasons.
const (
	Unreachable Reason = "unreachable"  // no answer that could be read
	Metadata    Reason = "metadata"     // what it publishes is not that of this issuer, or leads where we do not go
	MixedUp     Reason = "issuer"       // the answer names another issuer, or none where it should
	Refused     Reason = "code"         // the provider did not take the code
	BadToken    Reason = "token"        // signature, issuer, audience or form of the token
	Expired     Reason = "expired"      // the token is over
	OtherNonce  Reason = "nonce"        // the token is of another sign-in
	NotAskedNow Reason = "not_asked"    // a fresh proof was asked for, and the person was not asked
	NoSubject   Reason = "no_subject"   // the token names nobody
	OtherParty  Reason = "other_client" // the token was made for another client
)

// Error is a failed sign-in.
type Error struct{ Reason Reason }

func (e *Error) Error() string { return "sign-in elsewhere failed: " + string(e.Reason) }

func fail(r Reason) error { return &Error{r} }

// ReasonOf gives the reason of an error, "" for one of another kind.
func ReasonOf(err error) Reason {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ""
}

// known is what a provider published of itself.
type known struct {
	provider *oidc.Provider
	says     metadata
	at       time.Time
	err      error
}

type metadata struct {
	Auth   string   `json:"authorization_endpoint"`
	Token  string   `json:"token_endpoint"`
	Keys   string   `json:"jwks_uri"`
	Iss    bool     `json:"authorization_response_iss_parameter_supported"`
	Shown  []string `json:"token_endpoint_auth_methods_supported"`
	Issuer string   `json:"issuer"`
}

// Check tells whether an issuer's address could be asked at all, by its form.
func (c *Client) Check(issuer string) error {
	u, err := url.Parse(issuer)
	if err != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(issuer, "#") {
		return fetch.ErrScheme
	}
	return c.check(issuer)
}

// Meet asks what a provider publishes of itself, anew.
func (c *Client) Meet(ctx context.Context, issuer string) error {
	c.mu.Lock()
	delete(c.met, issuer)
	c.mu.Unlock()
	_, err := c.meet(ctx, issuer)
	return err
}

func (c *Client) meet(ctx context.Context, issuer string) (known, error) {
	c.mu.Lock()
	k, ok := c.met[issuer]
	c.mu.Unlock()
	age := c.now().Sub(k.at)
	if ok && (k.err == nil && age < keptFor || age < failedFor) {
		return k, k.err
	}
	k = c.discover(ctx, issuer)
	c.mu.Lock()
	c.met[issuer] = k
	c.mu.Unlock()
	return k, k.err
}

func (c *Client) discover(ctx context.Context, issuer string) known {
	k := known{at: c.now()}
	// To its end, also when who asked is gone: a stranger who hangs up must not leave a failure that others meet. The client has a limit of its own.
	p, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), c.web), issuer)
	if err != nil {
		k.err = fail(Unreachable)
		var other *oidc.IssuerMismatchError
		if errors.As(err, &other) {
			k.err = fail(Metadata)
		}
		return k
	}
	if err := p.Claims(&k.says); err != nil || k.says.Issuer != issuer {
		k.err = fail(Metadata)
		return k
	}
	for _, address := range []string{k.says.Auth, k.says.Token, k.says.Keys} {
		if c.check(address) != nil {
			k.err = fail(Metadata)
			return k
		}
	}
	k.provider = p
	return k
}

func (k known) config(p Provider, redirect string) *oauth2.Config {
	e := k.provider.Endpoint()
	e.AuthStyle = oauth2.AuthStyleInHeader // client_secret_basic, which stands when nothing is said
	if p.Secret == "" || len(k.says.Shown) > 0 && !slices.Contains(k.says.Shown, "client_secret_basic") {
		e.AuthStyle = oauth2.AuthStyleInParams
	}
	return &oauth2.Config{ClientID: p.ClientID, ClientSecret: p.Secret, Endpoint: e, RedirectURL: redirect, Scopes: []string{oidc.ScopeOpenID}}
}

// Going is what one sign-in holds on to until its answer.
type Going struct {
	Redirect string // exactly as the provider knows it
	State    string
	Nonce    string
	Verifier string    // of PKCE
	Again    time.Time // not zero: the person is to be asked again, not earlier than then
}

// NewVerifier draws a verifier of PKCE.
func NewVerifier() string { return oauth2.GenerateVerifier() }

// Address gives where the browser goes to. acr are the classes of which one would do.
func (c *Client) Address(ctx context.Context, p Provider, g Going, acr ...string) (string, error) {
	k, err := c.meet(ctx, p.Issuer)
	if err != nil {
		return "", err
	}
	options := []oauth2.AuthCodeOption{oidc.Nonce(g.Nonce), oauth2.S256ChallengeOption(g.Verifier)}
	if !g.Again.IsZero() {
		options = append(options, oauth2.SetAuthURLParam("prompt", "login"), oauth2.SetAuthURLParam("max_age", "0"))
	}
	if len(acr) > 0 {
		options = append(options, oauth2.SetAuthURLParam("acr_values", strings.Join(acr, " ")))
	}
	return k.config(p, g.Redirect).AuthCodeURL(g.State, options...), nil
}

// Answer is what the browser brought back.
type Answer struct {
	Code   string
	Issuer []string // each "iss" of the answer
}

// Identity is who a provider says somebody is. Nothing else of what it says is read: no name, no mail address.
type Identity struct {
	Issuer, Subject string
	ACR             string
	AMR             []string
}

// Redeem turns an answer into an identity. Every failure has a Reason.
func (c *Client) Redeem(ctx context.Context, p Provider, g Going, a Answer) (Identity, error) {
	k, err := c.meet(ctx, p.Issuer)
	if err != nil {
		return Identity{}, err
	}
	if len(a.Issuer) > 1 || len(a.Issuer) == 1 && a.Issuer[0] != p.Issuer || len(a.Issuer) == 0 && k.says.Iss {
		return Identity{}, fail(MixedUp)
	}
	ctx = oidc.ClientContext(ctx, c.web)
	got, err := k.config(p, g.Redirect).Exchange(ctx, a.Code, oauth2.VerifierOption(g.Verifier))
	if err != nil {
		var said *oauth2.RetrieveError
		if errors.As(err, &said) && said.Response != nil && said.Response.StatusCode < 500 {
			return Identity{}, fail(Refused)
		}
		return Identity{}, fail(Unreachable)
	}
	raw, _ := got.Extra("id_token").(string)
	return c.read(ctx, k, p, g, raw)
}

// read checks a token (OpenID Connect Core 1.0, section 3.1.3.7).
func (c *Client) read(ctx context.Context, k known, p Provider, g Going, raw string) (Identity, error) {
	t, err := k.provider.Verifier(&oidc.Config{ClientID: p.ClientID, Now: c.now}).Verify(ctx, raw)
	var over *oidc.TokenExpiredError
	if errors.As(err, &over) {
		return Identity{}, fail(Expired)
	}
	if err != nil || t.Issuer != p.Issuer || t.IssuedAt.After(c.now().Add(5*skew)) {
		return Identity{}, fail(BadToken)
	}
	var says struct {
		Party string   `json:"azp"`
		ACR   string   `json:"acr"`
		AMR   []string `json:"amr"`
		At    int64    `json:"auth_time"` // seconds
	}
	if err := t.Claims(&says); err != nil {
		return Identity{}, fail(BadToken)
	}
	switch {
	case says.Party != "" && says.Party != p.ClientID, len(t.Audience) > 1 && says.Party == "":
		return Identity{}, fail(OtherParty)
	case g.Nonce == "" || subtle.ConstantTimeCompare([]byte(t.Nonce), []byte(g.Nonce)) != 1:
		return Identity{}, fail(OtherNonce)
	case t.Subject == "" || len(t.Subject) > 255:
		return Identity{}, fail(NoSubject)
	case !g.Again.IsZero() && time.Unix(says.At, 0).Before(g.Again.Add(-skew)):
		return Identity{}, fail(NotAskedNow)
	}
	return Identity{Issuer: p.Issuer, Subject: t.Subject, ACR: says.ACR, AMR: says.AMR}, nil
}
