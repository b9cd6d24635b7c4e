package api

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

func (a *API) registry() {
	on(a, "GET /organisations", a.listOrganisations)
	on(a, "GET /organisations/{id}", a.getOrganisation)
	on(a, "GET /organisations/{id}/entitlements", a.entitlements)
	on(a, "GET /contacts", a.contacts)
	on(a, "GET /assets", a.assets)
	on(a, "POST /organisations/{id}/assets", a.addAsset)
	on(a, "POST /assets/{id}/prove", a.proveAsset)
	on(a, "POST /assets/{id}/end", a.endAsset)
	on(a, "GET /owners", a.owners)
	a.proofs()
	a.liaison()
	a.handovers()
	a.coordinationCalls()
	a.situations()
	a.registrations()
}

// Organisation is a member of the constituency.
type Organisation struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Sector      string   `json:"sector,omitempty"`
	Class       string   `json:"class,omitempty" enum:"essential,important"`
	Lang        string   `json:"lang,omitempty"`
	Size        int      `json:"size,omitempty"`
	Communities []string `json:"communities"`

	Criticality *int   `json:"criticality,omitempty" doc:"For the team"`
	External    string `json:"external,omitempty" doc:"For the team: its key in a register outside"`
	Version     int64  `json:"version,omitempty" doc:"For the team"`
}

func organisationView(by access.Actor, o constituency.Organisation) Organisation {
	v := Organisation{ID: o.UID, Name: o.Name, Sector: o.Sector, Class: o.Class, Lang: o.Lang, Size: o.Size, Communities: some(o.Communities)}
	if by.Can(access.ReadRegistry) {
		v.Criticality, v.External, v.Version = &o.Criticality, o.External, o.Version
	}
	return v
}

// OrganisationsInput narrows the list of organisations.
type OrganisationsInput struct {
	Page
	Updated
	IfNoneMatch
	Text      string `query:"q" doc:"Name, domain, mail address, network address or AS number"`
	Community string `query:"community"`
	Sector    string `query:"sector"`
}

func (a *API) listOrganisations(ctx context.Context, by access.Actor, in *OrganisationsInput) (reply[List[Organisation]], error) {
	view := func(o constituency.Organisation) Organisation { return organisationView(by, o) }
	after, ok, err := in.asked()
	if err == nil && ok && (in.Text != "" || in.Community != "" || in.Sector != "" || in.Cursor != "") {
		err = errAlone("updated_after")
	}
	if err != nil {
		return reply[List[Organisation]]{}, err
	}
	if !ok {
		page, err := a.Constituency.Find(ctx, by, constituency.Filter{Text: in.Text, Community: in.Community, Sector: in.Sector, Limit: in.Limit, After: in.Cursor})
		return reply[List[Organisation]]{body: list(mapped(page.Items, view), page.Next)}, err
	}
	ids, mark, err := a.followed(ctx, by, ref.Organisation, after, in.Limit)
	if err != nil {
		return reply[List[Organisation]]{}, err
	}
	seen, err := a.visible(ctx, by, ref.Organisation, ids)
	if err != nil {
		return reply[List[Organisation]]{}, err
	}
	all, err := a.Constituency.ByID(ctx, a.Intake.DB, mapped(seen, func(o access.Object) int64 { return o.Ref.ID })...)
	out := list(mapped(seen, func(o access.Object) Organisation { return view(all[o.Ref.ID]) }), "")
	out.UpdatedAfter = &mark
	return reply[List[Organisation]]{body: out}, err
}

func (a *API) getOrganisation(ctx context.Context, by access.Actor, in *OneIDInput) (reply[Organisation], error) {
	o, err := a.Constituency.Get(ctx, a.Intake.DB, by, in.ID.ID)
	return reply[Organisation]{body: organisationView(by, o), version: o.Version}, err
}

// Entitlement is what an organisation may ask of us for one service.
type Entitlement struct {
	Service       string `json:"service"`
	Level         string `json:"level" enum:"full,advice,pointer,none"`
	AnswerSeconds int64  `json:"answer_seconds,omitempty" doc:"Within which a person answers first; best effort when left out"`
	Priority      int    `json:"priority" doc:"1 highest, 9 lowest"`
	Ground        string `json:"ground,omitempty" doc:"Law or mandate on which it stands"`
}

func (a *API) entitlements(ctx context.Context, by access.Actor, in *OneIDInput) (reply[List[Entitlement]], error) {
	o, err := a.Constituency.Get(ctx, a.Intake.DB, by, in.ID.ID)
	if err != nil {
		return reply[List[Entitlement]]{}, err
	}
	all, err := a.Constituency.EntitledTo(ctx, a.Intake.DB, o.Communities)
	return reply[List[Entitlement]]{body: list(mapped(all, func(e constituency.Entitlement) Entitlement {
		return Entitlement{Service: e.Service, Level: e.Level, AnswerSeconds: int64(e.FirstAnswer / time.Second), Priority: e.Priority, Ground: e.Ground}
	}), "")}, err
}

// OfInput names an organisation; a constituent's own when left out.
type OfInput struct {
	IfNoneMatch
	Organisation string `query:"organisation" doc:"Id; for a constituent's token its own when left out"`
}

// organisation finds the one that is asked about, under the reader's scope.
func (a *API) organisation(ctx context.Context, by access.Actor, uid string) (constituency.Organisation, error) {
	if uid != "" {
		if !named(uid) {
			return constituency.Organisation{}, errs.ErrNotFound
		}
		return a.Constituency.Get(ctx, a.Intake.DB, by, uid)
	}
	if by.Organisation == 0 {
		return constituency.Organisation{}, required("organisation")
	}
	own, err := access.Load(ctx, a.Intake.DB, by, ref.Ref{Kind: ref.Organisation, ID: by.Organisation})
	if err != nil {
		return constituency.Organisation{}, err
	}
	return a.Constituency.Get(ctx, a.Intake.DB, by, own.UID)
}

// Contact is a person or desk at an organisation.
type Contact struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	Role       string    `json:"role" enum:"security,technical,management,duty"`
	Email      string    `json:"email,omitempty"`
	Phone      string    `json:"phone,omitempty"`
	Lang       string    `json:"lang,omitempty"`
	OnCall     bool      `json:"on_call"`
	VerifiedAt time.Time `json:"verified_at,omitzero"`

	VerifiedHow string `json:"verified_how,omitempty" doc:"For the team"`

	Health   string    `json:"health,omitempty" enum:"good,doubtful,broken" doc:"For the team"`
	Reasons  []string  `json:"health_reasons,omitempty" doc:"bounced, refused, no_address, unverified, silent, no_key"`
	FailedAt time.Time `json:"failed_at,omitzero" doc:"When a letter came back or was refused for good, for the team"`
}

func (a *API) contacts(ctx context.Context, by access.Actor, in *OfInput) (reply[List[Contact]], error) {
	o, err := a.organisation(ctx, by, in.Organisation)
	if err != nil {
		return reply[List[Contact]]{}, err
	}
	all, err := a.Constituency.Contacts(ctx, a.Intake.DB, o.Ref.ID)
	if err != nil {
		return reply[List[Contact]]{}, err
	}
	health := map[int64]constituency.ContactHealth{}
	if by.Can(access.ReadRegistry) {
		if health, err = a.Constituency.HealthOf(ctx, a.Intake.DB, all...); err != nil {
			return reply[List[Contact]]{}, err
		}
	}
	items := mapped(all, func(c constituency.Contact) Contact {
		v := Contact{ID: c.UID, Name: c.Name, Role: c.Role, Email: c.Email, Phone: c.Phone, Lang: c.Lang, OnCall: c.OnCall, VerifiedAt: c.VerifiedAt}
		if by.Can(access.ReadRegistry) {
			v.VerifiedHow, v.FailedAt = c.VerifiedHow, c.FailedAt
			v.Health, v.Reasons = string(health[c.ID].State), health[c.ID].Reasons
		}
		return v
	})
	return reply[List[Contact]]{body: list(items, "")}, err
}

// Asset is what an organisation answers for, for a time.
type Asset struct {
	ID       string    `json:"id"`
	Kind     string    `json:"kind" enum:"prefix,asn,domain,host,url"`
	Value    string    `json:"value"`
	Since    time.Time `json:"since,omitzero"`
	Until    time.Time `json:"until,omitzero" doc:"From this moment on no longer"`
	ProvedAt time.Time `json:"proved_at,omitzero"`

	ProvedUntil time.Time `json:"proved_until,omitzero" doc:"From this moment on it is proved no longer"`

	ProvedHow string `json:"proved_how,omitempty" doc:"For the team"`
	EndedWhy  string `json:"ended_why,omitempty" doc:"For the team"`
}

func assetView(by access.Actor, x constituency.Asset) Asset {
	v := Asset{ID: x.UID, Kind: x.Kind, Value: x.Value, Since: x.Since, Until: x.Until, ProvedAt: x.ProvedAt, ProvedUntil: x.ProvedUntil}
	if by.Can(access.ReadRegistry) {
		v.ProvedHow, v.EndedWhy = x.ProvedHow, x.EndedWhy
	}
	return v
}

func (a *API) assets(ctx context.Context, by access.Actor, in *OfInput) (reply[List[Asset]], error) {
	o, err := a.organisation(ctx, by, in.Organisation)
	if err != nil {
		return reply[List[Asset]]{}, err
	}
	all, err := a.Constituency.Assets(ctx, a.Intake.DB, o.Ref.ID)
	return reply[List[Asset]]{body: list(mapped(all, func(x constituency.Asset) Asset { return assetView(by, x) }), "")}, err
}

// NewAsset is what POST /organisations/{id}/assets takes.
type NewAsset struct {
	Kind  string    `json:"kind,omitempty" enum:"prefix,asn,domain,host,url" doc:"Told from the value when left out"`
	Value string    `json:"value"`
	Since time.Time `json:"since,omitzero" doc:"As long as we know when left out"`
	Until time.Time `json:"until,omitzero"`
}

// NewAssetInput names the organisation.
type NewAssetInput struct {
	ID
	With[NewAsset]
}

func (a *API) addAsset(ctx context.Context, by access.Actor, in *NewAssetInput) (reply[Asset], error) {
	x := in.Body.Value
	made, err := a.Constituency.AddAsset(ctx, by, in.ID.ID, constituency.NewAsset{Kind: x.Kind, Value: x.Value, Since: x.Since, Until: x.Until})
	return reply[Asset]{body: assetView(by, made)}, err
}

// Proof is what POST /assets/{id}/prove takes.
type Proof struct {
	How string `json:"how" doc:"How we know that it is theirs"`
}

// ProveAssetInput names the asset.
type ProveAssetInput struct {
	ID
	With[Proof]
}

func (a *API) proveAsset(ctx context.Context, by access.Actor, in *ProveAssetInput) (reply[Asset], error) {
	x, err := a.Constituency.ProveAsset(ctx, by, in.ID.ID, in.Body.Value.How)
	return reply[Asset]{body: assetView(by, x)}, err
}

// AssetEnd is what POST /assets/{id}/end takes.
type AssetEnd struct {
	At  time.Time `json:"at,omitzero" doc:"Now when left out"`
	Why string    `json:"why,omitempty"`
}

// EndAssetInput names the asset.
type EndAssetInput struct {
	ID
	With[AssetEnd]
}

func (a *API) endAsset(ctx context.Context, by access.Actor, in *EndAssetInput) (reply[Nothing], error) {
	return reply[Nothing]{}, a.Constituency.EndAsset(ctx, by, in.ID.ID, in.Body.Value.At, in.Body.Value.Why)
}

// Owner is who answers for something, and why.
type Owner struct {
	Organisation string `json:"organisation"`
	Name         string `json:"name"`
	Why          string `json:"why" enum:"prefix,asn,url,host,domain,parent domain"`
	Asset        Asset  `json:"asset"`
}

// OwnersInput says what is asked about, and for when.
type OwnersInput struct {
	What string `query:"what" doc:"An address, a network, a domain, a URL, a mail address or an AS number"`
	At   string `query:"at" format:"date-time" doc:"Now when left out"`
	IfNoneMatch
}

func (a *API) owners(ctx context.Context, by access.Actor, in *OwnersInput) (reply[List[Owner]], error) {
	if in.What == "" {
		return reply[List[Owner]]{}, required("what")
	}
	var at time.Time
	if in.At != "" {
		var err error
		if at, err = time.Parse(time.RFC3339, in.At); err != nil {
			var bad errs.Problems
			bad.Add("at", "error.date")
			return reply[List[Owner]]{}, bad.Err()
		}
	}
	found, err := a.Constituency.Owners(ctx, a.Intake.DB, by, in.What, at)
	return reply[List[Owner]]{body: list(mapped(found, func(m constituency.Match) Owner {
		return Owner{Organisation: m.Organisation.UID, Name: m.Organisation.Name, Why: m.Why, Asset: assetView(by, m.Asset)}
	}), "")}, err
}
