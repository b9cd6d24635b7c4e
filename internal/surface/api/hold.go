package api

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
)

// Holding is what a legal hold takes.
type Holding struct {
	Reason string `json:"reason" doc:"At least ten characters; it stands in the record"`
}

// HoldInput is the input of POST …/hold. To end a hold asks for a fresh proof, which no token has.
type HoldInput struct {
	Ref
	With[Holding]
}

// Hold is a legal hold.
type Hold struct {
	Ref    string    `json:"ref" doc:"Reference or number of what is held"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

func (a *API) holdReport(ctx context.Context, by access.Actor, in *HoldInput) (reply[Hold], error) {
	return a.hold(ctx, by, ref.Report, in)
}

func (a *API) holdIncident(ctx context.Context, by access.Actor, in *HoldInput) (reply[Hold], error) {
	return a.hold(ctx, by, ref.Incident, in)
}

func (a *API) hold(ctx context.Context, by access.Actor, kind ref.Kind, in *HoldInput) (reply[Hold], error) {
	h, err := a.Retain.Set(ctx, by, kind, in.Ref.Ref, in.Body.Value.Reason)
	return reply[Hold]{body: Hold{h.Number, h.At, h.Reason}}, err
}
