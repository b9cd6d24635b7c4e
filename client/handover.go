package client

import (
	"context"
	"encoding/json"
	"time"
)

// HandedOver is a case that was handed to another team: handed, acknowledged or declined.
type HandedOver struct {
	ID        string          `json:"id"`
	Title     string          `json:"title"`
	State     string          `json:"state"`
	MadeAt    time.Time       `json:"made_at"`
	Reference string          `json:"reference"` // the other team's own
	Note      string          `json:"note"`
	Request   string          `json:"request"`
	SHA256    string          `json:"sha256"`
	Letter    string          `json:"letter"`   // of a preview
	Document  json.RawMessage `json:"document"` // of a preview
	Hits      []string        `json:"hits"`     // of a preview
}

// NewHandover is what another team is handed: what is not in it does not leave.
type NewHandover struct {
	Title       string       `json:"title"`
	Summary     string       `json:"summary"`
	Type        string       `json:"type,omitempty"`
	Severity    string       `json:"severity,omitempty"`
	Observables []Observable `json:"observables,omitempty"`
	Asked       string       `json:"asked,omitempty"`
	DueAt       time.Time    `json:"due_at"`
	TLP         string       `json:"tlp,omitempty"`
	Looked      bool         `json:"looked,omitempty"`
	Preview     bool         `json:"preview,omitempty"` // nothing leaves
}

// HandOver hands the case of a party to the team that the party is, or shows what would leave.
func (c *Client) HandOver(ctx context.Context, party string, h NewHandover, opts ...Option) (HandedOver, error) {
	return post[HandedOver](ctx, c, "/parties/"+seg(party)+"/hand-overs", h, opts...)
}

// HandOvers lists what was handed to a party.
func (c *Client) HandOvers(ctx context.Context, party string) (List[HandedOver], error) {
	return get[List[HandedOver]](ctx, c, "/parties/"+seg(party)+"/hand-overs")
}

// SettleHandOver notes that the other team takes it (acknowledged, with its reference) or declines it, and why.
func (c *Client) SettleHandOver(ctx context.Context, party, handed, outcome, reference, note string, opts ...Option) (HandedOver, error) {
	return post[HandedOver](ctx, c, "/parties/"+seg(party)+"/hand-overs/"+seg(handed)+"/settle", map[string]string{"outcome": outcome, "reference": reference, "note": note}, opts...)
}
