package api

import (
	"context"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/format/teams"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/rdap"
)

// LookUp asks whom to tell about something.
type LookUp struct {
	What     string `json:"what" doc:"An address, a domain, a URL, an AS number"`
	Ask      bool   `json:"ask,omitempty" doc:"Ask the registry of it too (RDAP), through the exit"`
	PAP      string `json:"pap,omitempty" doc:"Needed to ask; PAP:RED asks nobody"`
	Incident string `json:"incident,omitempty" doc:"For which it is: its own PAP counts too"`
}

// NationalTeam is a team of the list that is built in: a hint, never an address to write to unverified.
type NationalTeam struct {
	Name       string   `json:"name"`
	Host       string   `json:"host,omitempty"`
	Scope      string   `json:"scope,omitempty"`
	Website    string   `json:"website,omitempty"`
	Email      string   `json:"email,omitempty"`
	Confidence string   `json:"confidence" enum:"confirmed,one_source,recalled"`
	Seen       []string `json:"seen" doc:"Fields that were seen in a source; every other is recalled"`
	Sources    []string `json:"sources"`
	Checked    string   `json:"checked,omitempty" format:"date"`
	Note       string   `json:"note,omitempty"`
}

// RegistryEntity is somebody whom a registry names.
type RegistryEntity struct {
	Roles  []string `json:"roles"`
	Name   string   `json:"name,omitempty"`
	Mails  []string `json:"mails"`
	Phones []string `json:"phones"`
}

// RegistryAnswer is what a registry says: a stranger's text.
type RegistryAnswer struct {
	Registry string           `json:"registry"`
	Name     string           `json:"name,omitempty"`
	First    string           `json:"first,omitempty"`
	Last     string           `json:"last,omitempty"`
	Country  string           `json:"country,omitempty"`
	Servers  []string         `json:"servers"`
	Whois    bool             `json:"whois,omitempty" doc:"Read out of free text that nothing protected on its way: less sure"`
	Abuse    []RegistryEntity `json:"abuse"`
	Entities []RegistryEntity `json:"entities"`
}

// LookedUp is who may be told, from what is surest to what is least.
type LookedUp struct {
	What      string          `json:"what"`
	Owners    []Owner         `json:"owners" doc:"Of our register"`
	Country   string          `json:"country,omitempty"`
	CountryBy string          `json:"country_by,omitempty" enum:"domain,registry"`
	Known     []LiaisonOf     `json:"known" doc:"CSIRTs of the country in our register"`
	Teams     []NationalTeam  `json:"teams"`
	Registry  *RegistryAnswer `json:"registry,omitempty"`
	Failed    string          `json:"registry_error,omitempty" enum:"silent,nobody,unknown,busy,unread"`
}

// LookUpInput is the input of POST /look-ups.
type LookUpInput struct {
	With[LookUp]
}

func entityView(e rdap.Entity) RegistryEntity {
	return RegistryEntity{some(e.Roles), e.Name, some(e.Mails), some(e.Phones)}
}

func (a *API) lookUp(ctx context.Context, by access.Actor, in *LookUpInput) (reply[LookedUp], error) {
	b := in.Body.Value
	var p errs.Problems
	pap := papOf(&p, b.PAP)
	if err := p.Err(); err != nil {
		return reply[LookedUp]{}, err
	}
	x, err := a.Constituency.WhomToTell(ctx, by, constituency.LookUp{What: b.What, Ask: b.Ask, PAP: pap, Incident: b.Incident})
	if err != nil {
		return reply[LookedUp]{}, err
	}
	out := LookedUp{What: x.What, Country: x.Country, CountryBy: x.CountryBy, Failed: x.RegistryErr}
	out.Owners = mapped(x.Owners, func(m constituency.Match) Owner {
		return Owner{Organisation: m.Organisation.UID, Name: m.Organisation.Name, Why: m.Why, Asset: assetView(by, m.Asset)}
	})
	out.Known = mapped(x.Known, func(l constituency.Listed) LiaisonOf {
		return LiaisonOf{organisationView(by, l.Organisation), Liaison{string(l.Kind), l.Country, l.Basis}}
	})
	out.Teams = mapped(x.Teams, func(t teams.Team) NationalTeam {
		return NationalTeam{t.Name, t.Host, t.Scope, t.Website, t.Email, string(t.Confidence), some(t.Seen), some(t.Sources), t.Checked, t.Note}
	})
	if r := x.Registry; r != nil {
		v := RegistryAnswer{Whois: r.Whois, Registry: r.Registry, Name: r.Name, Country: r.Country, Servers: some(r.Servers), Abuse: mapped(r.Abuse(), entityView), Entities: mapped(r.Entities, entityView)}
		if r.Kind == rdap.Address {
			v.First, v.Last = r.First.String(), r.Last.String()
		}
		out.Registry = &v
	}
	return reply[LookedUp]{body: out}, nil
}
