package api

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
)

func (a *API) coordinationCalls() {
	on(a, "GET /incidents/{ref}/coordination-calls", a.listCalls)
	on(a, "POST /incidents/{ref}/coordination-calls", a.planCall)
	on(a, "GET /coordination-calls/{id}", a.getCall)
	on(a, "POST /coordination-calls/{id}/invitations", a.inviteToCall)
	on(a, "POST /coordination-calls/{id}/move", a.moveCall)
	on(a, "POST /coordination-calls/{id}/call-off", a.callOff)
	on(a, "POST /coordination-calls/{id}/coming", a.noteComing)
	on(a, "POST /coordination-calls/{id}/minutes", a.writeMinutes)
	on(a, "POST /coordination-calls/{id}/additions", a.addToMinutes)
	on(a, "POST /coordination-calls/{id}/actions", a.callAction)
	on(a, "POST /parties/{id}/alone", a.setAlone)
}

// CoordinationCall is a call with parties of an incident. It is the team's.
type CoordinationCall struct {
	ID         string        `json:"id"`
	Subject    string        `json:"subject"`
	How        string        `json:"how" doc:"How one takes part"`
	State      string        `json:"state" enum:"planned,held,off"`
	StartsAt   time.Time     `json:"starts_at"`
	Minutes    int           `json:"expected_minutes"`
	TLP        string        `json:"tlp"`
	HeldAt     time.Time     `json:"held_at,omitzero"`
	FinishedAt time.Time     `json:"finished_at,omitzero" doc:"When the minutes were finished"`
	Said       string        `json:"minutes,omitempty"`
	Invited    []CallInvited `json:"invited"`
	Present    []CallPresent `json:"present"`
	Additions  []CallWords   `json:"additions"`
	Changes    []CallWords   `json:"changes" doc:"Moved and called off, and why"`
	Actions    []CallAction  `json:"actions"`
	Version    int64         `json:"version"`

	Letters  []CallLetter `json:"letters,omitempty" doc:"Of a preview: as they would leave"`
	Together []string     `json:"together,omitempty" doc:"Of a preview: parties that learn of one another, as an invitation wants them confirmed"`
}

// CallInvited is a party that was asked to a call.
type CallInvited struct {
	Party     string    `json:"party_id"`
	Name      string    `json:"name"`
	InvitedAt time.Time `json:"invited_at"`
	Letter    string    `json:"letter" doc:"Where the newest letter stands"`
	Coming    string    `json:"coming,omitempty" enum:"yes,no"`
	Who       string    `json:"who,omitempty"`
	SaidAt    time.Time `json:"said_at,omitzero"`
	Noted     bool      `json:"noted,omitempty" doc:"One of the team took it down"`
	Gone      bool      `json:"gone,omitempty" doc:"It is not asked any more"`
}

// CallPresent is somebody who came.
type CallPresent struct {
	Party    string `json:"party_id,omitempty" doc:"Left out for one of the team"`
	Name     string `json:"name"`
	Function string `json:"function,omitempty"`
}

// CallWords is what somebody of the team added or changed.
type CallWords struct {
	At   time.Time `json:"at"`
	By   string    `json:"by"`
	Text string    `json:"text"`
}

// CallAction is what was agreed: a task of ours, or a measure of a party.
type CallAction struct {
	ID      string    `json:"id"`
	At      time.Time `json:"at"`
	Title   string    `json:"title"`
	Task    string    `json:"task_id,omitempty"`
	Measure string    `json:"measure_id,omitempty"`
	Party   string    `json:"party_id,omitempty"`
}

// CallLetter is exactly what one party would get.
type CallLetter struct {
	Party string   `json:"party_id"`
	Name  string   `json:"name"`
	Road  string   `json:"road"`
	Text  string   `json:"text"`
	Hits  []string `json:"hits,omitempty" doc:"Words of other parties that somebody must look at"`
}

func callLetters(all []coordination.Preview) []CallLetter {
	return mapped(all, func(p coordination.Preview) CallLetter {
		return CallLetter{Party: p.Party.UID, Name: p.Party.Name, Road: p.Road.Road.String(), Text: p.Letter, Hits: p.Hits}
	})
}

func callView(c coordination.Call) CoordinationCall {
	return CoordinationCall{
		ID: c.UID, Subject: c.Title, How: c.How, State: string(c.State), StartsAt: c.StartsAt, Minutes: c.Minutes, TLP: c.TLP.String(), HeldAt: c.HeldAt, FinishedAt: c.FrozenAt, Said: c.Said, Version: c.Version,
		Invited: mapped(c.Invited, func(x coordination.Invited) CallInvited {
			return CallInvited{Party: x.Party.UID, Name: x.Party.Name, InvitedAt: x.InvitedAt, Letter: string(x.Letter), Coming: x.Coming, Who: x.Who, SaidAt: x.SaidAt, Noted: x.Noted, Gone: !x.In()}
		}),
		Present: mapped(c.People, func(x coordination.Present) CallPresent { return CallPresent(x) }),
		Additions: mapped(c.Added, func(x coordination.Addition) CallWords {
			return CallWords{At: x.At, By: x.By, Text: x.Text}
		}),
		Changes: mapped(c.Changes, func(x coordination.CallChange) CallWords {
			return CallWords{At: x.At, By: x.By, Text: x.Why}
		}),
		Actions: mapped(c.Actions, func(x coordination.CallAction) CallAction {
			return CallAction{ID: x.UID, At: x.At, Title: x.Title, Task: x.Task, Measure: x.Measure, Party: x.Party.UID}
		}),
	}
}

func callReply(c coordination.Call, err error) (reply[CoordinationCall], error) {
	if err != nil {
		return reply[CoordinationCall]{}, err
	}
	return reply[CoordinationCall]{body: callView(c)}, nil
}

func (a *API) listCalls(ctx context.Context, by access.Actor, in *Ref) (reply[List[CoordinationCall]], error) {
	if err := a.seen(ctx, by, in.Ref); err != nil {
		return reply[List[CoordinationCall]]{}, err
	}
	all, err := a.Coordination.Calls(ctx, by, in.Ref)
	return reply[List[CoordinationCall]]{body: list(mapped(all, callView), "")}, err
}

func (a *API) getCall(ctx context.Context, by access.Actor, in *ID) (reply[CoordinationCall], error) {
	c, err := a.Coordination.CallOf(ctx, by, in.ID)
	if err == nil {
		err = a.seenUnder(ctx, by, c.Subject)
	}
	return callReply(c, err)
}

// NewCoordinationCall is a call as it is planned.
type NewCoordinationCall struct {
	Subject  string    `json:"subject"`
	How      string    `json:"how" doc:"A number, a link, or words"`
	StartsAt time.Time `json:"starts_at"`
	Minutes  int       `json:"expected_minutes"`
	TLP      string    `json:"tlp,omitempty" doc:"That of the incident when left out; never below it"`
}

// PlanCallInput names the incident.
type PlanCallInput struct {
	Ref
	With[NewCoordinationCall]
}

func (a *API) planCall(ctx context.Context, by access.Actor, in *PlanCallInput) (reply[CoordinationCall], error) {
	b := in.Body.Value
	l, err := label(b.TLP)
	if err != nil {
		return reply[CoordinationCall]{}, err
	}
	return callReply(a.Coordination.PlanCall(ctx, by, in.Ref.Ref, coordination.NewCall{Title: b.Subject, How: b.How, StartsAt: b.StartsAt, Minutes: b.Minutes, TLP: l}))
}

// Invitation asks parties to a call.
type Invitation struct {
	Parties  []string `json:"parties"`
	Together []string `json:"together,omitempty" doc:"All parties that will be in the call. Where they are more than one, each learns that the others take part: this confirms it"`
	Looked   bool     `json:"looked,omitempty" doc:"A person looked at words of other parties, and lets them leave"`
	Preview  bool     `json:"preview,omitempty" doc:"Shows the letters; nothing leaves"`
}

// InvitationInput names the call.
type InvitationInput struct {
	ID
	With[Invitation]
}

func (a *API) inviteToCall(ctx context.Context, by access.Actor, in *InvitationInput) (reply[CoordinationCall], error) {
	b := in.Body.Value
	if !b.Preview {
		return callReply(a.Coordination.Invite(ctx, by, in.ID.ID, coordination.InviteInput{Parties: b.Parties, Together: b.Together, Looked: b.Looked}))
	}
	seen, err := a.Coordination.PreviewInvite(ctx, by, in.ID.ID, b.Parties)
	if err != nil {
		return reply[CoordinationCall]{}, err
	}
	c, err := a.Coordination.CallOf(ctx, by, in.ID.ID)
	v := callView(c)
	v.Letters, v.Together = callLetters(seen.Letters), seen.Together
	return reply[CoordinationCall]{body: v}, err
}

// CallMoved is a call at another time, or with another way to take part.
type CallMoved struct {
	How      string    `json:"how"`
	StartsAt time.Time `json:"starts_at"`
	Minutes  int       `json:"expected_minutes"`
	Reason   string    `json:"reason" doc:"Stays with the team"`
	Looked   bool      `json:"looked,omitempty"`
}

// CallMovedInput names the call.
type CallMovedInput struct {
	ID
	With[CallMoved]
}

func (a *API) moveCall(ctx context.Context, by access.Actor, in *CallMovedInput) (reply[CoordinationCall], error) {
	b := in.Body.Value
	return callReply(a.Coordination.MoveCall(ctx, by, in.ID.ID, coordination.NewCall{How: b.How, StartsAt: b.StartsAt, Minutes: b.Minutes}, b.Reason, b.Looked))
}

// CallEnd calls a call off, or takes some parties out of it.
type CallEnd struct {
	Parties []string `json:"parties,omitempty" doc:"Only these; all when left out"`
	Reason  string   `json:"reason" doc:"Stays with the team"`
}

// CallEndInput names the call.
type CallEndInput struct {
	ID
	With[CallEnd]
}

func (a *API) callOff(ctx context.Context, by access.Actor, in *CallEndInput) (reply[CoordinationCall], error) {
	return callReply(a.Coordination.CallOff(ctx, by, in.ID.ID, in.Body.Value.Parties, in.Body.Value.Reason))
}

// Coming is what a party told us of whether it comes.
type Coming struct {
	Party  string `json:"party_id"`
	Coming bool   `json:"coming"`
	Who    string `json:"who,omitempty"`
	Note   string `json:"note,omitempty"`
}

// ComingInput names the call.
type ComingInput struct {
	ID
	With[Coming]
}

func (a *API) noteComing(ctx context.Context, by access.Actor, in *ComingInput) (reply[CoordinationCall], error) {
	b := in.Body.Value
	return callReply(a.Coordination.NoteComing(ctx, by, in.ID.ID, b.Party, b.Coming, b.Who, b.Note))
}

// Minutes is what was written down of a call.
type Minutes struct {
	Present []CallPresent `json:"present,omitempty"`
	Text    string        `json:"minutes,omitempty"`
	Finish  bool          `json:"finish,omitempty" doc:"From then on they are only added to"`
	Version int64         `json:"version,omitempty" doc:"Of the call as it was read"`
}

// MinutesInput names the call.
type MinutesInput struct {
	ID
	With[Minutes]
}

func (a *API) writeMinutes(ctx context.Context, by access.Actor, in *MinutesInput) (reply[CoordinationCall], error) {
	b := in.Body.Value
	x := coordination.MinutesInput{Text: b.Text, Finish: b.Finish, Version: b.Version}
	x.People = mapped(b.Present, func(p CallPresent) coordination.Present { return coordination.Present(p) })
	return callReply(a.Coordination.WriteMinutes(ctx, by, in.ID.ID, x))
}

// MinutesAdded is an addition to finished minutes.
type MinutesAdded struct {
	Text string `json:"text"`
}

// MinutesAddedInput names the call.
type MinutesAddedInput struct {
	ID
	With[MinutesAdded]
}

func (a *API) addToMinutes(ctx context.Context, by access.Actor, in *MinutesAddedInput) (reply[CoordinationCall], error) {
	return callReply(a.Coordination.AddToMinutes(ctx, by, in.ID.ID, in.Body.Value.Text))
}

// NewCallAction is what was agreed: with a party a measure, which leaves as a letter, else a task of ours.
type NewCallAction struct {
	Title  string    `json:"title"`
	Party  string    `json:"party_id,omitempty"`
	Text   string    `json:"text,omitempty" doc:"Of a measure"`
	DueAt  time.Time `json:"due_at,omitzero" doc:"Needed for a measure"`
	Looked bool      `json:"looked,omitempty"`
}

// NewCallActionInput names the call.
type NewCallActionInput struct {
	ID
	With[NewCallAction]
}

func (a *API) callAction(ctx context.Context, by access.Actor, in *NewCallActionInput) (reply[CoordinationCall], error) {
	b := in.Body.Value
	if b.Party == "" {
		return callReply(a.Coordination.CallTask(ctx, by, in.ID.ID, b.Title, b.DueAt))
	}
	return callReply(a.Coordination.CallMeasure(ctx, by, in.ID.ID, coordination.CallMeasure{Party: b.Party, Title: b.Title, Text: b.Text, DueAt: b.DueAt, Looked: b.Looked}))
}

// PartyAlone says whether a party takes part in calls of its own alone.
type PartyAlone struct {
	Alone  bool   `json:"alone"`
	Reason string `json:"reason" doc:"Stays with the team"`
}

// PartyAloneInput names the party.
type PartyAloneInput struct {
	ID
	With[PartyAlone]
}

func (a *API) setAlone(ctx context.Context, by access.Actor, in *PartyAloneInput) (reply[PartyAlone], error) {
	b := in.Body.Value
	return reply[PartyAlone]{body: b}, a.Coordination.SetAlone(ctx, by, in.ID.ID, b.Alone, b.Reason)
}
