package api

import (
	"context"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
)

func (a *API) liaison() {
	on(a, "GET /liaisons", a.liaisons)
	on(a, "POST /organisations/{id}/liaison", a.setLiaison)
	on(a, "POST /look-ups", a.lookUp)
}

// Liaison is what an organisation is to us when it is no member of the constituency alone.
type Liaison struct {
	Kind    string `json:"kind" enum:",crisis_centre,police,regulator,data_protection,intelligence,csirt,vendor,provider" doc:"Empty: nothing of the kind"`
	Country string `json:"country,omitempty" doc:"ISO 3166-1 alpha-2, or EU"`
	Basis   string `json:"basis,omitempty" doc:"Law, mandate or agreement on which we exchange; it stands in each letter to it"`
}

// LiaisonOf is an organisation with what it is to us.
type LiaisonOf struct {
	Organisation Organisation `json:"organisation"`
	Liaison
}

// LiaisonsInput narrows the list.
type LiaisonsInput struct {
	IfNoneMatch
	Kind    string `query:"kind"`
	Country string `query:"country"`
}

func (a *API) liaisons(ctx context.Context, by access.Actor, in *LiaisonsInput) (reply[List[LiaisonOf]], error) {
	all, err := a.Constituency.ListLiaisons(ctx, a.Intake.DB, by, constituency.LiaisonKind(in.Kind), in.Country)
	return reply[List[LiaisonOf]]{body: list(mapped(all, func(x constituency.Listed) LiaisonOf {
		return LiaisonOf{organisationView(by, x.Organisation), Liaison{string(x.Kind), x.Country, x.Basis}}
	}), "")}, err
}

// SetLiaisonInput names the organisation.
type SetLiaisonInput struct {
	ID
	With[Liaison]
}

func (a *API) setLiaison(ctx context.Context, by access.Actor, in *SetLiaisonInput) (reply[Liaison], error) {
	x := in.Body.Value
	err := a.Constituency.SetLiaison(ctx, by, in.ID.ID, constituency.Liaison{Kind: constituency.LiaisonKind(x.Kind), Country: x.Country, Basis: x.Basis})
	return reply[Liaison]{body: x}, err
}
