package api

import (
	"context"
	"strconv"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/takedown"
)

func (a *API) targets() {
	on(a, "GET /incidents/{ref}/targets", a.listTargets)
	on(a, "POST /incidents/{ref}/targets", a.addTarget)
	on(a, "POST /incidents/{ref}/targets/letters", a.prepareLetters)
	on(a, "GET /targets", a.allTargets)
	on(a, "GET /targets/{id}", a.getTarget)
	on(a, "POST /targets/{id}/propose", a.proposeTarget)
	on(a, "POST /targets/{id}/providers", a.nameForTarget)
	on(a, "POST /targets/{id}/look", a.lookAtTarget)
	on(a, "POST /targets/{id}/state", a.setTargetState)
	on(a, "POST /targets/{id}/amend", a.amendTarget)
	on(a, "POST /targets/{id}/end", a.endTarget)
	on(a, "POST /proposals/{id}/decide", a.decideProposal)
	on(a, "POST /proposals/{id}/told", a.toldProposal)
	on(a, "GET /providers", a.listProviders)
	on(a, "POST /providers", a.saveProvider)
	on(a, "POST /providers/{id}", a.changeProvider)
	on(a, "POST /providers/{id}/retire", a.retireProvider)
	on(a, "GET /providers/times", a.providerTimes)
}

// Target is something on the network that is to be ended. It is the team's.
type Target struct {
	ID         string           `json:"id"`
	IncidentID string           `json:"incident_id"`
	What       string           `json:"what" doc:"Written so that no program makes a link of it: hxxps://bad[.]example/"`
	Form       string           `json:"form" enum:"url,domain,address"`
	Kind       string           `json:"kind" enum:"phishing,malware,command_server,scam_shop,impersonation,other"`
	Type       string           `json:"type,omitempty" doc:"RSIT, where one fits"`
	State      string           `json:"state" enum:"unknown,up,down,back,moved"`
	Version    int64            `json:"version"`
	Words      string           `json:"words" doc:"What was seen"`
	SeenAt     time.Time        `json:"seen_at"`
	Addresses  []string         `json:"addresses"`
	CreatedAt  time.Time        `json:"created_at"`
	StateAt    time.Time        `json:"state_at"`
	ToldAt     time.Time        `json:"told_at,omitzero" doc:"When the first who can end it was told"`
	DownAt     time.Time        `json:"down_at,omitzero"`
	EndedAt    time.Time        `json:"ended_at,omitzero" doc:"Nothing more is asked for it"`
	LookAt     time.Time        `json:"look_at,omitzero"`
	LookedAt   time.Time        `json:"looked_at,omitzero"`
	Saw        string           `json:"saw,omitempty" enum:"answers,gone,no_name,no_record,inside,silent,guarded,failing,away,unclear"`
	Changed    bool             `json:"changed,omitempty" doc:"The page is another one than at first"`
	Barred     string           `json:"barred,omitempty" doc:"Why it is not looked at: a code"`
	States     []TargetState    `json:"states,omitempty" doc:"Newest first; where one target is read"`
	Asked      []TargetProposal `json:"asked,omitempty" doc:"Where one target is read"`
}

// TargetState is one state that a target was in.
type TargetState struct {
	State  string    `json:"state" enum:"unknown,up,down,back,moved"`
	At     time.Time `json:"at"`
	ByHand bool      `json:"by_hand"`
	Reason string    `json:"reason,omitempty"`
	Saw    string    `json:"saw,omitempty"`
}

// TargetProposal is somebody who may be able to end a target.
type TargetProposal struct {
	ID     string    `json:"id"`
	Name   string    `json:"name"`
	Email  string    `json:"email,omitempty"`
	Role   string    `json:"role" enum:"host,network,registrar,registry,content_network,block_list"`
	Form   string    `json:"form" enum:"letter,xarf,page"`
	State  string    `json:"state" enum:"proposed,confirmed,dismissed"`
	Known  bool      `json:"known" doc:"It is in the register; else it is entered before it is confirmed"`
	ToldAt time.Time `json:"told_at,omitzero"`
}

func (a *API) targetView(t takedown.Target) Target {
	v := Target{
		ID: t.UID, IncidentID: t.Incident.UID, What: t.Thing.Shown(), Form: t.Thing.Form, Kind: string(t.Kind), Type: t.Kind.Type(), State: string(t.State), Version: t.Version, Words: t.Words, SeenAt: t.SeenAt,
		Addresses: []string{}, CreatedAt: t.CreatedAt, StateAt: t.StateAt, ToldAt: t.ToldAt, DownAt: t.DownAt, EndedAt: t.EndedAt, LookAt: t.LookAt, LookedAt: t.LookedAt, Saw: string(t.Last), Changed: t.Changed,
		Barred: a.Takedown.BarredLook(t.Incident, t.Thing).Code(),
	}
	for _, x := range t.At() {
		v.Addresses = append(v.Addresses, x.String())
	}
	return v
}

// target gives the answer of a verb.
func (a *API) target(ctx context.Context, by access.Actor, t takedown.Target, err error) (reply[Target], error) {
	if err != nil {
		return reply[Target]{}, err
	}
	v := a.targetView(t)
	history, err := a.Takedown.History(ctx, by, t)
	if err != nil {
		return reply[Target]{}, err
	}
	for _, c := range history {
		v.States = append(v.States, TargetState{string(c.State), c.At, c.By != 0, c.Why, string(c.Saw)})
	}
	asked, err := a.Takedown.Proposals(ctx, by, t.Incident.UID)
	for _, p := range asked[t.ID] {
		v.Asked = append(v.Asked, TargetProposal{p.UID, p.Name, p.Email, string(p.Role), string(p.Form), string(p.State), p.Organisation != 0, p.ToldAt})
	}
	return reply[Target]{body: v}, err
}

func (a *API) listTargets(ctx context.Context, by access.Actor, in *OneInput) (reply[List[Target]], error) {
	if err := a.seen(ctx, by, in.Ref.Ref); err != nil {
		return reply[List[Target]]{}, err
	}
	all, err := a.Takedown.Targets(ctx, by, takedown.Filter{Incident: in.Ref.Ref, All: true, Limit: takedown.MostTargets})
	return reply[List[Target]]{body: list(mapped(all, a.targetView), "")}, err
}

// NewTarget is what is entered of a target.
type NewTarget struct {
	What      string    `json:"what" doc:"A URL, a domain, an address, or an address with its port; hxxp and [.] are read too"`
	Kind      string    `json:"kind" enum:"phishing,malware,command_server,scam_shop,impersonation,other"`
	Words     string    `json:"words" doc:"What was seen: the evidence that providers read"`
	SeenAt    time.Time `json:"seen_at,omitzero"`
	Addresses string    `json:"addresses,omitempty" doc:"At which it is known to stand"`
}

// NewTargetInput is the input of POST /incidents/{ref}/targets.
type NewTargetInput struct {
	Ref
	With[NewTarget]
}

func (a *API) addTarget(ctx context.Context, by access.Actor, in *NewTargetInput) (reply[Target], error) {
	b := in.Body.Value
	t, err := a.Takedown.Add(ctx, by, in.Ref.Ref, takedown.NewTarget{What: b.What, Kind: takedown.Kind(b.Kind), Words: b.Words, SeenAt: b.SeenAt, Addresses: b.Addresses})
	return a.target(ctx, by, t, err)
}

// TargetLetters says about which targets is written.
type TargetLetters struct {
	Targets []string `json:"targets,omitempty" doc:"Ids; all that are not ended or down when left out"`
}

// TargetLettersInput is the input of POST /incidents/{ref}/targets/letters.
type TargetLettersInput struct {
	Ref
	With[TargetLetters]
}

func (a *API) prepareLetters(ctx context.Context, by access.Actor, in *TargetLettersInput) (reply[Sending], error) {
	x, err := a.Takedown.Prepare(ctx, by, in.Ref.Ref, in.Body.Value.Targets)
	return a.sending(ctx, by, x, err)
}

// TargetsInput is the input of GET /targets.
type TargetsInput struct {
	State string `query:"state" enum:"unknown,up,down,back,moved"`
	Kind  string `query:"kind" enum:"phishing,malware,command_server,scam_shop,impersonation,other"`
	All   bool   `query:"all" doc:"Ended ones too"`
	After string `query:"after" doc:"The next of the page before"`
}

func (a *API) allTargets(ctx context.Context, by access.Actor, in *TargetsInput) (reply[List[Target]], error) {
	const most = 100
	before, _ := strconv.ParseInt(in.After, 10, 64)
	all, err := a.Takedown.Targets(ctx, by, takedown.Filter{State: takedown.State(in.State), Kind: takedown.Kind(in.Kind), All: in.All, Before: before, Limit: most + 1})
	next := ""
	if len(all) > most {
		all = all[:most]
		next = strconv.FormatInt(all[most-1].ID, 10)
	}
	noted := map[int64]bool{}
	for _, t := range all {
		if id := t.Incident.Ref.ID; err == nil && !noted[id] {
			noted[id] = true
			err = a.Watch.Read(ctx, by, t.Incident)
		}
	}
	if err != nil {
		return reply[List[Target]]{}, err
	}
	return reply[List[Target]]{body: list(mapped(all, a.targetView), next)}, nil
}

func (a *API) getTarget(ctx context.Context, by access.Actor, in *ID) (reply[Target], error) {
	t, err := a.Takedown.Target(ctx, by, in.ID)
	if err == nil {
		err = a.Watch.Read(ctx, by, t.Incident)
	}
	return a.target(ctx, by, t, err)
}

// Proposing says what was found of who can end a target.
type Proposing struct {
	New    int    `json:"new"`
	Barred string `json:"barred,omitempty" doc:"Why registries were not asked: a code"`
	Silent int    `json:"silent" doc:"Questions to registries that were not answered"`
}

// TargetNothing is a body that says nothing.
type TargetNothing struct{}

// TargetActInput is the input of POST /targets/{id}/propose and /look.
type TargetActInput struct {
	ID
	With[TargetNothing]
}

func (a *API) proposeTarget(ctx context.Context, by access.Actor, in *TargetActInput) (reply[Proposing], error) {
	got, err := a.Takedown.Propose(ctx, by, in.ID.ID)
	return reply[Proposing]{body: Proposing{got.New, got.Barred.Code(), got.Silent}}, err
}

func (a *API) lookAtTarget(ctx context.Context, by access.Actor, in *TargetActInput) (reply[Target], error) {
	t, err := a.Takedown.LookNow(ctx, by, in.ID.ID)
	return a.target(ctx, by, t, err)
}

// TargetProvider names a provider of the directory.
type TargetProvider struct {
	Provider string `json:"provider"`
}

// TargetProviderInput is the input of POST /targets/{id}/providers.
type TargetProviderInput struct {
	ID
	With[TargetProvider]
}

func (a *API) nameForTarget(ctx context.Context, by access.Actor, in *TargetProviderInput) (reply[Target], error) {
	err := a.Takedown.Name(ctx, by, in.ID.ID, in.Body.Value.Provider)
	if err != nil {
		return reply[Target]{}, err
	}
	t, err := a.Takedown.Target(ctx, by, in.ID.ID)
	return a.target(ctx, by, t, err)
}

// SetTarget says by hand how a target stands.
type SetTarget struct {
	Version int64  `json:"version,omitempty" doc:"As it was read"`
	State   string `json:"state" enum:"unknown,up,down,back,moved"`
	Reason  string `json:"reason"`
}

// SetTargetInput is the input of POST /targets/{id}/state.
type SetTargetInput struct {
	ID
	With[SetTarget]
}

func (a *API) setTargetState(ctx context.Context, by access.Actor, in *SetTargetInput) (reply[Target], error) {
	b := in.Body.Value
	t, err := a.Takedown.SetState(ctx, by, in.ID.ID, b.Version, takedown.State(b.State), b.Reason)
	return a.target(ctx, by, t, err)
}

// AmendTarget corrects what is known of a target; what it is stays.
type AmendTarget struct {
	Version   int64     `json:"version,omitempty" doc:"As it was read"`
	Kind      string    `json:"kind" enum:"phishing,malware,command_server,scam_shop,impersonation,other"`
	Words     string    `json:"words" doc:"What was seen"`
	SeenAt    time.Time `json:"seen_at,omitzero" doc:"As it is when left out"`
	Addresses string    `json:"addresses,omitempty" doc:"At which it is known to stand: all of them"`
}

// AmendTargetInput is the input of POST /targets/{id}/amend.
type AmendTargetInput struct {
	ID
	With[AmendTarget]
}

func (a *API) amendTarget(ctx context.Context, by access.Actor, in *AmendTargetInput) (reply[Target], error) {
	b := in.Body.Value
	t, err := a.Takedown.Amend(ctx, by, in.ID.ID, b.Version, takedown.NewTarget{Kind: takedown.Kind(b.Kind), Words: b.Words, SeenAt: b.SeenAt, Addresses: b.Addresses})
	return a.target(ctx, by, t, err)
}

// EndTarget says why nothing more is asked for a target.
type EndTarget struct {
	Version int64  `json:"version,omitempty" doc:"As it was read"`
	Reason  string `json:"reason"`
}

// EndTargetInput is the input of POST /targets/{id}/end.
type EndTargetInput struct {
	ID
	With[EndTarget]
}

func (a *API) endTarget(ctx context.Context, by access.Actor, in *EndTargetInput) (reply[Target], error) {
	t, err := a.Takedown.End(ctx, by, in.ID.ID, in.Body.Value.Version, in.Body.Value.Reason)
	return a.target(ctx, by, t, err)
}

// DecideProposal confirms a proposal or dismisses it.
type DecideProposal struct {
	State string `json:"state" enum:"confirmed,dismissed"`
}

// DecideProposalInput is the input of POST /proposals/{id}/decide.
type DecideProposalInput struct {
	ID
	With[DecideProposal]
}

func (a *API) decideProposal(ctx context.Context, by access.Actor, in *DecideProposalInput) (reply[Target], error) {
	if err := a.Takedown.Decide(ctx, by, in.ID.ID, takedown.ProposalState(in.Body.Value.State)); err != nil {
		return reply[Target]{}, err
	}
	return a.targetOf(ctx, by, in.ID.ID)
}

func (a *API) targetOf(ctx context.Context, by access.Actor, proposal string) (reply[Target], error) {
	x, err := a.Takedown.PageOf(ctx, by, proposal)
	return a.target(ctx, by, x.Target, err)
}

// ToldProposal says when a provider was told by another way than a letter.
type ToldProposal struct {
	At time.Time `json:"at,omitzero" doc:"Now when left out"`
}

// ToldProposalInput is the input of POST /proposals/{id}/told.
type ToldProposalInput struct {
	ID
	With[ToldProposal]
}

func (a *API) toldProposal(ctx context.Context, by access.Actor, in *ToldProposalInput) (reply[Target], error) {
	if err := a.Takedown.Told(ctx, by, in.ID.ID, in.Body.Value.At); err != nil {
		return reply[Target]{}, err
	}
	return a.targetOf(ctx, by, in.ID.ID)
}

// Provider says how an organisation wants to be told of what it can end.
type Provider struct {
	ID           string          `json:"id"`
	Version      int64           `json:"version"`
	Organisation OrganisationRef `json:"organisation"`
	Email        string          `json:"email,omitempty"`
	Role         string          `json:"role" enum:"host,network,registrar,registry,content_network,block_list"`
	Form         string          `json:"form" enum:"letter,xarf,page"`
	Page         string          `json:"page,omitempty" doc:"Address of its form"`
	Wants        string          `json:"wants,omitempty" doc:"The evidence that it asks for"`
	Matches      []string        `json:"matches" doc:"What it is proposed for: networks, endings of names (.example), numbers of registrars (iana:292)"`
	Retired      bool            `json:"retired,omitempty" doc:"Out of the directory: proposed no more"`
}

func providerView(p takedown.Provider) Provider {
	v := Provider{
		ID: p.UID, Version: p.Version, Organisation: OrganisationRef{ID: p.OrgUID, Name: p.Name}, Email: p.Email, Role: string(p.Role), Form: string(p.Form), Page: p.Page, Wants: p.Wants, Matches: p.Matches, Retired: !p.RetiredAt.IsZero(),
	}
	if v.Matches == nil {
		v.Matches = []string{}
	}
	return v
}

// ProvidersInput is the input of GET /providers: there is none.
type ProvidersInput struct{}

func (a *API) listProviders(ctx context.Context, by access.Actor, _ *ProvidersInput) (reply[List[Provider]], error) {
	all, err := a.Takedown.Providers(ctx, by)
	return reply[List[Provider]]{body: list(mapped(all, providerView), "")}, err
}

// NewProvider is what is entered of a provider, or changed.
type NewProvider struct {
	Version      int64  `json:"version,omitempty" doc:"As it was read, to change one"`
	Organisation string `json:"organisation,omitempty" doc:"Id; one is entered with name and email when left out"`
	Name         string `json:"name,omitempty"`
	Email        string `json:"email,omitempty"`
	Lang         string `json:"lang,omitempty" enum:"en,pt,fr,nl,de"`
	Role         string `json:"role" enum:"host,network,registrar,registry,content_network,block_list"`
	Form         string `json:"form" enum:"letter,xarf,page"`
	Page         string `json:"page,omitempty"`
	Wants        string `json:"wants,omitempty"`
	Matches      string `json:"matches,omitempty" doc:"One a line"`
	Proposal     string `json:"proposal,omitempty" doc:"Id of the proposal that it answers: it is confirmed by that"`
}

// NewProviderInput is the input of POST /providers.
type NewProviderInput struct{ With[NewProvider] }

func (a *API) saveProvider(ctx context.Context, by access.Actor, in *NewProviderInput) (reply[Provider], error) {
	return a.keepProvider(ctx, by, "", in.Body.Value)
}

// ChangeProviderInput is the input of POST /providers/{id}.
type ChangeProviderInput struct {
	ID
	With[NewProvider]
}

func (a *API) changeProvider(ctx context.Context, by access.Actor, in *ChangeProviderInput) (reply[Provider], error) {
	b := in.Body.Value
	was, err := a.Takedown.Provider(ctx, by, in.ID.ID)
	if err != nil {
		return reply[Provider]{}, err
	}
	b.Organisation, b.Proposal = was.OrgUID, ""
	return a.keepProvider(ctx, by, was.UID, b)
}

// RetireProvider takes a provider out of the directory.
type RetireProvider struct {
	Version int64 `json:"version" doc:"As it was read"`
}

// RetireProviderInput is the input of POST /providers/{id}/retire.
type RetireProviderInput struct {
	ID
	With[RetireProvider]
}

func (a *API) retireProvider(ctx context.Context, by access.Actor, in *RetireProviderInput) (reply[Provider], error) {
	if err := a.Takedown.RetireProvider(ctx, by, in.ID.ID, in.Body.Value.Version); err != nil {
		return reply[Provider]{}, err
	}
	p, err := a.Takedown.Provider(ctx, by, in.ID.ID)
	return reply[Provider]{body: providerView(p)}, err
}

func (a *API) keepProvider(ctx context.Context, by access.Actor, uid string, b NewProvider) (reply[Provider], error) {
	p, err := a.Takedown.SaveProvider(ctx, by, uid, b.Version, takedown.NewProvider{
		Organisation: b.Organisation, Name: b.Name, Email: b.Email, Lang: b.Lang, Role: coordination.Role(b.Role), Form: takedown.Form(b.Form), Page: b.Page, Wants: b.Wants, Matches: b.Matches, Proposal: b.Proposal,
	})
	if err == nil {
		p, err = a.Takedown.Provider(ctx, by, p.UID)
	}
	return reply[Provider]{body: providerView(p)}, err
}

// ProviderTime says how fast what a provider was told of was down.
type ProviderTime struct {
	Organisation OrganisationRef `json:"organisation"`
	Role         string          `json:"role" enum:"host,network,registrar,registry,content_network,block_list"`
	Told         int             `json:"told" doc:"Targets"`
	Down         int             `json:"down" doc:"Of those"`
	Median       int64           `json:"median_seconds,omitempty" doc:"From telling it to down"`
	Waiting      int             `json:"waiting" doc:"Not down"`
	Back         int             `json:"back" doc:"Came back"`
}

// TimesInput is the input of GET /providers/times.
type TimesInput struct {
	Since time.Time `query:"since" doc:"Told since then; a year when left out"`
}

func (a *API) providerTimes(ctx context.Context, by access.Actor, in *TimesInput) (reply[List[ProviderTime]], error) {
	if in.Since.IsZero() {
		in.Since = a.Clock.Now().AddDate(-1, 0, 0)
	}
	all, err := a.Takedown.Times(ctx, by, in.Since)
	return reply[List[ProviderTime]]{body: list(mapped(all, func(t takedown.ProviderTime) ProviderTime {
		return ProviderTime{OrganisationRef{ID: t.Organisation, Name: t.Name}, string(t.Role), t.Told, t.Down, int64(t.Median / time.Second), t.Waiting, t.Back}
	}), "")}, err
}
