package client

import (
	"context"
	"net/url"
)

// Liaison is what an organisation is to the team: crisis_centre, police, regulator, data_protection, intelligence, csirt, vendor or provider.
type Liaison struct {
	Kind    string `json:"kind"`
	Country string `json:"country,omitempty"`
	Basis   string `json:"basis,omitempty"` // law, mandate or agreement on which we exchange
}

// LiaisonOf is an organisation with what it is to the team.
type LiaisonOf struct {
	Organisation Organisation `json:"organisation"`
	Liaison
}

// Liaisons lists the organisations of a kind and a country, "" for any.
func (c *Client) Liaisons(ctx context.Context, kind, country string) (List[LiaisonOf], error) {
	return get[List[LiaisonOf]](ctx, c, "/liaisons?"+url.Values{"kind": {kind}, "country": {country}}.Encode())
}

// SetLiaison says what an organisation is to the team; an empty kind takes that away.
func (c *Client) SetLiaison(ctx context.Context, organisation string, l Liaison, opts ...Option) (Liaison, error) {
	return post[Liaison](ctx, c, "/organisations/"+seg(organisation)+"/liaison", l, opts...)
}

// LookUp asks whom to tell about an address, a domain, a URL or an AS number.
type LookUp struct {
	What     string `json:"what"`
	Ask      bool   `json:"ask,omitempty"`      // the registry of it too
	PAP      string `json:"pap,omitempty"`      // needed to ask
	Incident string `json:"incident,omitempty"` // for which it is
}

// NationalTeam is a hint, never an address to write to unverified.
type NationalTeam struct {
	Name       string   `json:"name"`
	Website    string   `json:"website"`
	Email      string   `json:"email"`
	Confidence string   `json:"confidence"` // confirmed, one_source, recalled
	Seen       []string `json:"seen"`
	Sources    []string `json:"sources"`
	Checked    string   `json:"checked"`
}

// RegistryEntity is somebody whom a registry names.
type RegistryEntity struct {
	Roles  []string `json:"roles"`
	Name   string   `json:"name"`
	Mails  []string `json:"mails"`
	Phones []string `json:"phones"`
}

// RegistryAnswer is what a registry says: a stranger's text.
type RegistryAnswer struct {
	Registry string           `json:"registry"`
	Name     string           `json:"name"`
	Country  string           `json:"country"`
	Abuse    []RegistryEntity `json:"abuse"`
}

// LookedUp is who may be told, from what is surest to what is least.
type LookedUp struct {
	What     string          `json:"what"`
	Owners   []Owner         `json:"owners"`
	Country  string          `json:"country"`
	Known    []LiaisonOf     `json:"known"`
	Teams    []NationalTeam  `json:"teams"`
	Registry *RegistryAnswer `json:"registry"`
	Failed   string          `json:"registry_error"`
}

// LookUp gives whom to tell: of the register, the country's teams, and the registry when it is asked.
func (c *Client) LookUp(ctx context.Context, l LookUp, opts ...Option) (LookedUp, error) {
	return post[LookedUp](ctx, c, "/look-ups", l, opts...)
}
