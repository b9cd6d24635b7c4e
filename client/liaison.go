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
