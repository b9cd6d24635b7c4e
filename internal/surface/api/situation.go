package api

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
)

func (a *API) situations() {
	on(a, "GET /incidents/{ref}/situations", a.listSituations)
	on(a, "POST /incidents/{ref}/situations", a.openSituation)
	on(a, "GET /situations/{id}", a.getSituation)
	on(a, "POST /situations/{id}/members", a.joinSituation)
	on(a, "POST /situations/{id}/lead", a.leadSituation)
	on(a, "POST /situations/{id}/tellings", a.setTelling)
	on(a, "POST /situations/{id}/decisions", a.decideSituation)
	on(a, "POST /situations/{id}/agreements", a.noteAgreement)
	on(a, "POST /situations/{id}/tell", a.tellSituation)
	on(a, "POST /situations/{id}/end", a.endSituation)
}

// Situation is one that is shared with other authorities in need or force majeure. It is the team's.
type Situation struct {
	ID        string     `json:"id"`
	Ground    string     `json:"ground" enum:"need,force_majeure"`
	Reasons   string     `json:"reasons"`
	OpenedAt  time.Time  `json:"opened_at"`
	EndedAt   time.Time  `json:"ended_at,omitzero"`
	End       string     `json:"end,omitempty" doc:"Why it ended"`
	Leader    string     `json:"leader_party_id,omitempty" doc:"Left out where the team leads"`
	Members   []Member   `json:"members"`
	Tellings  []Telling  `json:"tellings"`
	Decisions []Decision `json:"decisions"`
	Version   int64      `json:"version"`

	Letters []CallLetter `json:"letters,omitempty" doc:"Of a preview: as they would leave"`
}

// Member is an authority that takes part.
type Member struct {
	Party  string    `json:"party_id"`
	Name   string    `json:"name"`
	Kind   string    `json:"kind"`
	ToldAt time.Time `json:"told_at,omitzero" doc:"When the newest state was written to it"`
}

// Telling is who tells whom.
type Telling struct {
	ID     string    `json:"id"`
	Who    string    `json:"who_party_id,omitempty" doc:"Left out for the team"`
	Circle string    `json:"circle"`
	What   string    `json:"what,omitempty"`
	DueAt  time.Time `json:"due_at,omitzero"`
	DoneAt time.Time `json:"done_at,omitzero"`
}

// Decision is one that was taken. It never changes: another follows it.
type Decision struct {
	Number     int         `json:"number"`
	Joint      bool        `json:"joint"`
	Text       string      `json:"text"`
	At         time.Time   `json:"at"`
	Follows    int         `json:"follows,omitempty"`
	FollowedBy int         `json:"followed_by,omitempty"`
	JointSince time.Time   `json:"joint_since,omitzero" doc:"When the last of them agreed"`
	Agreements []Agreement `json:"agreements"`
}

// Agreement is what one authority said of a joint decision.
type Agreement struct {
	Party  string    `json:"party_id"`
	Name   string    `json:"name"`
	Agrees string    `json:"agrees,omitempty" enum:"yes,no"`
	Who    string    `json:"who,omitempty"`
	SaidAt time.Time `json:"said_at,omitzero"`
	Noted  bool      `json:"noted,omitempty" doc:"One of the team took it down"`
}

func situationView(x coordination.Situation) Situation {
	return Situation{
		ID: x.UID, Ground: string(x.Ground), Reasons: x.Reasons, OpenedAt: x.OpenedAt, EndedAt: x.EndedAt, End: x.End, Leader: x.Leader, Version: x.Version,
		Members: mapped(x.Members, func(m coordination.Member) Member {
			return Member{Party: m.Party.UID, Name: m.Party.Name, Kind: string(m.Kind), ToldAt: m.ToldAt}
		}),
		Tellings: mapped(x.Tellings, func(l coordination.Telling) Telling {
			return Telling{ID: l.ID, Who: l.Who, Circle: l.Circle, What: l.What, DueAt: l.DueAt, DoneAt: l.DoneAt}
		}),
		Decisions: mapped(x.Decisions, func(d coordination.Decision) Decision {
			return Decision{
				Number: d.Number, Joint: d.Joint, Text: d.Text, At: d.At, Follows: d.Follows, FollowedBy: d.FollowedBy, JointSince: d.JointSince,
				Agreements: mapped(d.Asked, func(g coordination.Agreement) Agreement {
					return Agreement{Party: g.Party.UID, Name: g.Party.Name, Agrees: g.Agrees, Who: g.Who, SaidAt: g.SaidAt, Noted: g.Noted}
				}),
			}
		}),
	}
}

func situationReply(x coordination.Situation, err error) (reply[Situation], error) {
	if err != nil {
		return reply[Situation]{}, err
	}
	return reply[Situation]{body: situationView(x)}, nil
}

func (a *API) listSituations(ctx context.Context, by access.Actor, in *Ref) (reply[List[Situation]], error) {
	if err := a.seen(ctx, by, in.Ref); err != nil {
		return reply[List[Situation]]{}, err
	}
	all, err := a.Coordination.Situations(ctx, by, in.Ref)
	return reply[List[Situation]]{body: list(mapped(all, situationView), "")}, err
}

func (a *API) getSituation(ctx context.Context, by access.Actor, in *ID) (reply[Situation], error) {
	x, err := a.Coordination.SituationOf(ctx, by, in.ID)
	if err == nil {
		err = a.seenUnder(ctx, by, x.Subject)
	}
	return situationReply(x, err)
}

// NewSituation is a shared situation as it is opened.
type NewSituation struct {
	Ground   string   `json:"ground" enum:"need,force_majeure"`
	Reasons  string   `json:"reasons"`
	Leader   string   `json:"leader_party_id,omitempty" doc:"Left out where the team leads"`
	Members  []string `json:"members" doc:"Parties that are authorities"`
	Together []string `json:"together,omitempty" doc:"All of them again: each learns that the others take part, and this confirms it"`
}

// NewSituationInput names the incident.
type NewSituationInput struct {
	Ref
	With[NewSituation]
}

func (a *API) openSituation(ctx context.Context, by access.Actor, in *NewSituationInput) (reply[Situation], error) {
	b := in.Body.Value
	return situationReply(a.Coordination.OpenSituation(ctx, by, in.Ref.Ref, coordination.NewSituation{Ground: coordination.Ground(b.Ground), Reasons: b.Reasons, Leader: b.Leader, Members: b.Members, Together: b.Together}))
}

// Joining brings more authorities in.
type Joining struct {
	Members  []string `json:"members"`
	Together []string `json:"together" doc:"All who take part then"`
}

// JoiningInput names the situation.
type JoiningInput struct {
	ID
	With[Joining]
}

func (a *API) joinSituation(ctx context.Context, by access.Actor, in *JoiningInput) (reply[Situation], error) {
	return situationReply(a.Coordination.JoinSituation(ctx, by, in.ID.ID, in.Body.Value.Members, in.Body.Value.Together))
}

// Leading says who leads from now on.
type Leading struct {
	Leader string `json:"leader_party_id,omitempty" doc:"Left out where the team leads"`
	Why    string `json:"why"`
}

// LeadingInput names the situation.
type LeadingInput struct {
	ID
	With[Leading]
}

func (a *API) leadSituation(ctx context.Context, by access.Actor, in *LeadingInput) (reply[Situation], error) {
	return situationReply(a.Coordination.LeadSituation(ctx, by, in.ID.ID, in.Body.Value.Leader, in.Body.Value.Why))
}

// NewTelling is a line of who tells whom, or that it was done.
type NewTelling struct {
	Telling string    `json:"telling,omitempty" doc:"Id of the line; left out for a new one"`
	Who     string    `json:"who_party_id,omitempty" doc:"Left out for the team"`
	Circle  string    `json:"circle,omitempty"`
	What    string    `json:"what,omitempty"`
	DueAt   time.Time `json:"due_at,omitzero"`
	Done    bool      `json:"done,omitempty"`
	DoneAt  time.Time `json:"done_at,omitzero"`
	Version int64     `json:"version,omitempty" doc:"Of the situation as it was read"`
}

// NewTellingInput names the situation.
type NewTellingInput struct {
	ID
	With[NewTelling]
}

func (a *API) setTelling(ctx context.Context, by access.Actor, in *NewTellingInput) (reply[Situation], error) {
	b := in.Body.Value
	return situationReply(a.Coordination.SetTelling(ctx, by, in.ID.ID, coordination.TellingInput{ID: b.Telling, Who: b.Who, Circle: b.Circle, What: b.What, DueAt: b.DueAt, Done: b.Done, DoneAt: b.DoneAt, Version: b.Version}))
}

// NewDecision is a decision as it is taken.
type NewDecision struct {
	Text    string    `json:"text"`
	Joint   bool      `json:"joint,omitempty" doc:"Each member is asked to agree"`
	Follows int       `json:"follows,omitempty" doc:"Number of the decision whose place it takes"`
	DueAt   time.Time `json:"due_at,omitzero" doc:"By when they agree; needed for a joint one"`
	Looked  bool      `json:"looked,omitempty"`
}

// NewDecisionInput names the situation.
type NewDecisionInput struct {
	ID
	With[NewDecision]
}

func (a *API) decideSituation(ctx context.Context, by access.Actor, in *NewDecisionInput) (reply[Situation], error) {
	b := in.Body.Value
	return situationReply(a.Coordination.Decide(ctx, by, in.ID.ID, coordination.NewDecision{Text: b.Text, Joint: b.Joint, Follows: b.Follows, DueAt: b.DueAt, Looked: b.Looked}))
}

// NewAgreement is what an authority told us of a joint decision.
type NewAgreement struct {
	Number int    `json:"number"`
	Party  string `json:"party_id"`
	Agrees bool   `json:"agrees"`
	Who    string `json:"who" doc:"Who said it there"`
	Note   string `json:"note,omitempty"`
}

// NewAgreementInput names the situation.
type NewAgreementInput struct {
	ID
	With[NewAgreement]
}

func (a *API) noteAgreement(ctx context.Context, by access.Actor, in *NewAgreementInput) (reply[Situation], error) {
	b := in.Body.Value
	return situationReply(a.Coordination.NoteAgreement(ctx, by, in.ID.ID, b.Number, b.Party, b.Agrees, b.Who, b.Note))
}

// TellSituation writes to the members how it stands.
type TellSituation struct {
	Looked  bool `json:"looked,omitempty"`
	Preview bool `json:"preview,omitempty" doc:"Shows the letters; nothing leaves"`
}

// TellSituationInput names the situation.
type TellSituationInput struct {
	ID
	With[TellSituation]
}

func (a *API) tellSituation(ctx context.Context, by access.Actor, in *TellSituationInput) (reply[Situation], error) {
	if !in.Body.Value.Preview {
		return situationReply(a.Coordination.TellSituation(ctx, by, in.ID.ID, 0, in.Body.Value.Looked))
	}
	seen, err := a.Coordination.PreviewSituation(ctx, by, in.ID.ID)
	if err != nil {
		return reply[Situation]{}, err
	}
	x, err := a.Coordination.SituationOf(ctx, by, in.ID.ID)
	v := situationView(x)
	v.Letters = callLetters(seen)
	return reply[Situation]{body: v}, err
}

// SituationEnd ends a shared situation.
type SituationEnd struct {
	Reason string `json:"reason"`
}

// SituationEndInput names the situation.
type SituationEndInput struct {
	ID
	With[SituationEnd]
}

func (a *API) endSituation(ctx context.Context, by access.Actor, in *SituationEndInput) (reply[Situation], error) {
	return situationReply(a.Coordination.EndSituation(ctx, by, in.ID.ID, in.Body.Value.Reason))
}
