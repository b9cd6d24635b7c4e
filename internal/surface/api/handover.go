package api

import (
	"context"
	"encoding/json"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/format/handover"
)

func (a *API) handovers() {
	on(a, "GET /parties/{id}/hand-overs", a.listHandovers)
	on(a, "POST /parties/{id}/hand-overs", a.handOver)
	on(a, "POST /parties/{id}/hand-overs/{handed}/settle", a.settleHandover)
}

// HandedOver is a case that was handed to another team.
type HandedOver struct {
	ID        string    `json:"id"`
	Title     string    `json:"title"`
	State     string    `json:"state" enum:"handed,acknowledged,declined"`
	MadeAt    time.Time `json:"made_at"`
	SettledAt time.Time `json:"settled_at,omitzero"`
	Reference string    `json:"reference,omitempty" doc:"The other team's own"`
	Note      string    `json:"note,omitempty" doc:"Why it declined"`
	Request   string    `json:"request,omitempty" doc:"Id of the request whose clock runs, where it was just handed over"`
	SHA256    string    `json:"sha256" doc:"Of the document beside the letter"`

	Letter   string          `json:"letter,omitempty" doc:"Of a preview: as it would leave"`
	Document json.RawMessage `json:"document,omitempty" doc:"Of a preview: docs/interop/handover.md"`
	Hits     []string        `json:"hits,omitempty" doc:"Of a preview: words of other parties that somebody must look at"`
}

// NewHandover is what another team is handed: what is not in it does not leave.
type NewHandover struct {
	Title       string               `json:"title"`
	Summary     string               `json:"summary"`
	Type        string               `json:"type,omitempty" doc:"RSIT"`
	Severity    string               `json:"severity,omitempty" enum:"low,medium,high,critical"`
	StartedAt   time.Time            `json:"started_at,omitzero"`
	Observables []HandoverObservable `json:"observables,omitempty"`
	Asked       string               `json:"asked,omitempty"`
	DueAt       time.Time            `json:"due_at"`
	TLP         string               `json:"tlp,omitempty" doc:"That of the incident when left out"`
	Looked      bool                 `json:"looked,omitempty" doc:"A person looked at words of other parties, and lets them leave"`
	Preview     bool                 `json:"preview,omitempty" doc:"Shows letter and document; nothing leaves"`
}

// HandoverObservable is a typed value.
type HandoverObservable struct {
	Type  string `json:"type" enum:"ip,domain,url,email,hash,asn,other"`
	Value string `json:"value"`
}

// NewHandoverInput names the party.
type NewHandoverInput struct {
	ID
	With[NewHandover]
}

// HandoverEnd is what became of a hand-over.
type HandoverEnd struct {
	Outcome   string `json:"outcome" enum:"acknowledged,declined"`
	Reference string `json:"reference,omitempty" doc:"Needed when it was acknowledged"`
	Note      string `json:"note,omitempty" doc:"Needed when it was declined"`
}

// HandoverEndInput names the party and the hand-over.
type HandoverEndInput struct {
	ID
	Handed string `path:"handed"`
	With[HandoverEnd]
}

func handedView(x coordination.Handover) HandedOver {
	return HandedOver{ID: x.UID, Title: x.Title, State: x.State, MadeAt: x.MadeAt, SettledAt: x.SettledAt, Reference: x.Reference, Note: x.Note, Request: x.Request, SHA256: x.Sum}
}

func (a *API) listHandovers(ctx context.Context, by access.Actor, in *OneIDInput) (reply[List[HandedOver]], error) {
	p, err := a.Coordination.PartyOf(ctx, a.Intake.DB, by, in.ID.ID)
	if err != nil {
		return reply[List[HandedOver]]{}, err
	}
	if err := a.seenUnder(ctx, by, p.Subject); err != nil {
		return reply[List[HandedOver]]{}, err
	}
	all, err := a.Coordination.Handovers(ctx, a.Intake.DB, by, in.ID.ID)
	return reply[List[HandedOver]]{body: list(mapped(all, handedView), "")}, err
}

func (a *API) handOver(ctx context.Context, by access.Actor, in *NewHandoverInput) (reply[HandedOver], error) {
	b := in.Body.Value
	l, err := label(b.TLP)
	if err != nil {
		return reply[HandedOver]{}, err
	}
	x := coordination.HandOverInput{Title: b.Title, Summary: b.Summary, Type: b.Type, Severity: b.Severity, StartedAt: b.StartedAt, Asked: b.Asked, DueAt: b.DueAt, TLP: l, Looked: b.Looked}
	for _, o := range b.Observables {
		x.Observables = append(x.Observables, handover.Observable{Type: o.Type, Value: o.Value})
	}
	if b.Preview {
		seen, err := a.Coordination.PreviewHandOver(ctx, by, in.ID.ID, x)
		return reply[HandedOver]{body: HandedOver{Title: b.Title, State: coordination.HandedOver, Letter: seen.Letter, Document: seen.Document, Hits: seen.Hits}}, err
	}
	made, err := a.Coordination.HandOver(ctx, by, in.ID.ID, x)
	return reply[HandedOver]{body: handedView(made)}, err
}

func (a *API) settleHandover(ctx context.Context, by access.Actor, in *HandoverEndInput) (reply[HandedOver], error) {
	b := in.Body.Value
	x, err := a.Coordination.SettleHandOver(ctx, by, in.ID.ID, in.Handed, b.Outcome, b.Reference, b.Note)
	return reply[HandedOver]{body: handedView(x)}, err
}
