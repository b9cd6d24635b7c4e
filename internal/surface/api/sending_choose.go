package api

import (
	"cmp"
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
)

// SendingLine is one organisation of a sending: why it is there, and who is written to.
type SendingLine struct {
	Organisation OrganisationRef `json:"organisation"`
	Sector       string          `json:"sector,omitempty"`
	Communities  []string        `json:"communities,omitempty"`
	Why          []SendingWhy    `json:"why"`
	Role         string          `json:"role"`
	Lines        int             `json:"lines" doc:"Of evidence"`
	Party        bool            `json:"party" doc:"It is a party of the incident already"`
	Contact      string          `json:"contact,omitempty"`
	Email        string          `json:"email,omitempty" doc:"Left out when it reads in the portal alone"`
	Lang         string          `json:"lang"`
	TLP          string          `json:"tlp"`
	Road         string          `json:"road" enum:"encrypted,signed,locked,notice,direct,refused"`
	RoadReason   string          `json:"road_reason,omitempty"`
	State        string          `json:"state" enum:"in,out,written,left"`
	Reason       string          `json:"reason,omitempty" doc:"Why it was left"`
}

// SendingWhy is one reason for which an organisation was chosen.
type SendingWhy struct {
	By      string `json:"by" enum:"list,community,sector,organisation,party,takedown,named,alike,alike_named"`
	Value   string `json:"value,omitempty" doc:"A code; of what is listed or named the asset by which it answers; of alike by what both are alike"`
	Count   int    `json:"count,omitempty" doc:"Lines of the list, things that are named"`
	From    string `json:"from,omitempty" doc:"Where it is named or told: a reference, a number, entry, measure"`
	Claimed bool   `json:"claimed,omitempty" doc:"Nobody has proved who says so"`
	Stays   bool   `json:"stays,omitempty" doc:"Who says so lets nothing of it go into a letter"`
}

// SendingFilter narrows the lines of a sending.
type SendingFilter struct {
	Text      string `query:"q" json:"q,omitempty" doc:"A part of the name"`
	Sector    string `query:"sector" json:"sector,omitempty"`
	Community string `query:"community" json:"community,omitempty"`
	Road      string `query:"road" json:"road,omitempty" enum:"encrypted,signed,locked,notice,direct,refused"`
	Lang      string `query:"lang" json:"lang,omitempty"`
	State     string `query:"state" json:"state,omitempty" enum:"in,out,written,left"`
	By        string `query:"by" json:"by,omitempty" enum:"list,community,sector,organisation,party,takedown,named,alike,alike_named"`
}

func (f SendingFilter) filter() coordination.LineFilter {
	return coordination.LineFilter{Text: f.Text, Sector: f.Sector, Community: f.Community, Road: f.Road, Lang: f.Lang, State: f.State, By: f.By}
}

// SendingLinesInput is the input of GET /sendings/{id}/parties.
type SendingLinesInput struct {
	ID
	Page
	SendingFilter
}

var lineStates = [...]string{"in", "out", "written", "left"}

func (a *API) sendingLines(ctx context.Context, by access.Actor, in *SendingLinesInput) (reply[List[SendingLine]], error) {
	x, all, _, err := a.Coordination.Lines(ctx, by, in.ID.ID)
	if err == nil {
		err = a.seenUnder(ctx, by, x.Subject)
	}
	if err != nil {
		return reply[List[SendingLine]]{}, err
	}
	f, most, next := in.filter(), cmp.Or(in.Limit, 50), ""
	out := []SendingLine{}
	after := in.Cursor != ""
	for _, l := range all {
		if after { // the cursor is the last organisation of the page before
			after = l.Organisation.UID != in.Cursor
			continue
		}
		if !f.Takes(l) {
			continue
		}
		if len(out) == most {
			next = out[most-1].Organisation.ID
			break
		}
		out = append(out, SendingLine{
			Organisation: OrganisationRef{l.Organisation.UID, l.Organisation.Name}, Sector: l.Organisation.Sector, Communities: l.Organisation.Communities, Role: string(l.Role), Lines: l.Lines, Party: l.Party,
			Contact: l.Contact, Email: l.Email, Lang: l.Lang, TLP: l.TLP.String(), Road: l.Road.Road.String(), RoadReason: l.Road.Reason, State: lineStates[l.State], Reason: l.Reason,
			Why: mapped(l.Why, whyView),
		})
	}
	return reply[List[SendingLine]]{body: list(out, next)}, nil
}

func whyView(w coordination.Why) SendingWhy {
	return SendingWhy{By: w.By, Value: w.Value, Count: w.Count, From: w.From, Claimed: w.Claimed, Stays: w.Stays}
}

// SendingLeads is whom a case itself leads to, before anybody is added.
type SendingLeads struct {
	Named       []SendingLead `json:"named" doc:"Who answers for what the case names"`
	Alike       []SendingLead `json:"alike" doc:"Who told of the same elsewhere, and who answers for what is named there"`
	NamedThings int           `json:"named_things"`
	AlikeThings int           `json:"alike_things"`
	More        bool          `json:"more" doc:"More is named than is taken"`
}

// SendingLead is one organisation that a case leads to.
type SendingLead struct {
	Organisation OrganisationRef `json:"organisation"`
	Why          []SendingWhy    `json:"why"`
	Lines        []LeadLine      `json:"lines" doc:"Its evidence, 100 lines at most"`
	There        bool            `json:"there" doc:"It is in the sending already"`
}

// LeadLine is one line of evidence.
type LeadLine struct {
	What string    `json:"what"`
	At   time.Time `json:"at,omitzero" doc:"When it was seen, where that is said"`
}

const mostLeadLines = 100

func (a *API) sendingLeads(ctx context.Context, by access.Actor, in *ID) (reply[SendingLeads], error) {
	x, _, err := a.Coordination.SendingOf(ctx, by, in.ID)
	if err == nil {
		err = a.seenUnder(ctx, by, x.Subject)
	}
	if err != nil {
		return reply[SendingLeads]{}, err
	}
	c, err := a.Coordination.Correlate(ctx, by, in.ID)
	lead := func(x coordination.Correlation) SendingLead {
		return SendingLead{OrganisationRef{x.Organisation.UID, x.Organisation.Name}, mapped(x.Why, whyView), mapped(x.Lines[:min(len(x.Lines), mostLeadLines)], func(l coordination.Line) LeadLine { return LeadLine{l.What, l.At} }), x.There}
	}
	return reply[SendingLeads]{body: SendingLeads{mapped(c.Named, lead), mapped(c.Alike, lead), c.Things[0], c.Things[1], c.More}}, err
}

// SendingChoice says who is added to a sending, from several sources at once.
type SendingChoice struct {
	Version       int64    `json:"version,omitempty" doc:"As it was read"`
	List          string   `json:"list,omitempty" doc:"What was seen: addresses, prefixes, domains or URLs, one a line, or CSV with address, time and note; 100,000 lines at most"`
	UTC           bool     `json:"utc,omitempty" doc:"Times without a zone are UTC; else they stand aside"`
	Communities   []string `json:"communities,omitempty"`
	Sectors       []string `json:"sectors,omitempty"`
	Organisations []string `json:"organisations,omitempty" doc:"Ids, keys of a register, or whole names"`
	Parties       bool     `json:"parties,omitempty" doc:"Who is a party of the incident already"`
	Named         bool     `json:"named,omitempty" doc:"Who answers for what the incident names"`
	Alike         bool     `json:"alike,omitempty" doc:"Who told of the same elsewhere, and who answers for what is named there"`
	Role          string   `json:"role,omitempty" enum:"affected,source,provider,vendor,authority,peer,host,network,registrar,registry,content_network,block_list"`
}

// ChooseInput is the input of POST /sendings/{id}/parties.
type ChooseInput struct {
	ID
	With[SendingChoice]
}

func (a *API) chooseSending(ctx context.Context, by access.Actor, in *ChooseInput) (reply[Sending], error) {
	b := in.Body.Value
	x, err := a.Coordination.Choose(ctx, by, in.ID.ID, coordination.Choose{
		Version: b.Version, List: b.List, UTC: b.UTC, Communities: b.Communities, Sectors: b.Sectors, Organisations: b.Organisations, Parties: b.Parties, Named: b.Named, Alike: b.Alike, Role: coordination.Role(b.Role),
	})
	return a.sending(ctx, by, x, err)
}

// SendingExclude takes lines out of a sending, or puts them back.
type SendingExclude struct {
	SendingFilter
	Version       int64    `json:"version,omitempty" doc:"As it was read"`
	Organisations []string `json:"organisations,omitempty" doc:"Ids"`
	Back          bool     `json:"back,omitempty" doc:"Puts back what was taken out"`
}

// ExcludeInput is the input of POST /sendings/{id}/exclude.
type ExcludeInput struct {
	ID
	With[SendingExclude]
}

func (a *API) excludeSending(ctx context.Context, by access.Actor, in *ExcludeInput) (reply[Sending], error) {
	b := in.Body.Value
	f := b.filter()
	f.Organisations = b.Organisations
	x, _, err := a.Coordination.Exclude(ctx, by, in.ID.ID, b.Version, f, !b.Back)
	return a.sending(ctx, by, x, err)
}

// SendingAside is a line of a list that reaches nobody.
type SendingAside struct {
	What string    `json:"what"`
	At   time.Time `json:"at,omitzero"`
	Note string    `json:"note,omitempty"`
	Why  string    `json:"why"`
}

func (a *API) sendingAside(ctx context.Context, by access.Actor, in *ID) (reply[List[SendingAside]], error) {
	x, _, err := a.Coordination.SendingOf(ctx, by, in.ID)
	if err == nil {
		err = a.seenUnder(ctx, by, x.Subject)
	}
	if err != nil {
		return reply[List[SendingAside]]{}, err
	}
	all, err := a.Coordination.AsideOf(ctx, by, in.ID)
	return reply[List[SendingAside]]{body: list(mapped(all, func(l coordination.Aside) SendingAside { return SendingAside{l.What, l.At, l.Note, l.Why} }), "")}, err
}
