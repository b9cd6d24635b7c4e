package api

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
)

func (a *API) measures() {
	on(a, "GET /measures", a.listMeasures)
	on(a, "GET /measures/{id}", a.getMeasure)
	for verb, to := range map[string]coordination.MeasureState{
		"acknowledge": coordination.Acknowledged, "plan": coordination.Planned, "done": coordination.Done,
		"decline": coordination.Declined, "verify": coordination.Verified,
	} {
		on(a, "POST /measures/{id}/"+verb, a.move(to))
	}
}

// Measure is a recommendation given to one party.
type Measure struct {
	ID             string    `json:"id"`
	State          string    `json:"state" enum:"proposed,acknowledged,planned,done,verified,declined,expired,withdrawn"`
	TLP            string    `json:"tlp"`
	Recommendation string    `json:"recommendation,omitempty" doc:"Code in the library"`
	Revision       int       `json:"revision,omitempty"`
	Title          string    `json:"title"`
	Text           string    `json:"text"`
	GivenAt        time.Time `json:"given_at,omitzero"`
	DueAt          time.Time `json:"due_at,omitzero"`
	PlannedFor     time.Time `json:"planned_for,omitzero"`
	DoneAt         time.Time `json:"done_at,omitzero"`
	VerifiedAt     time.Time `json:"verified_at,omitzero"`
	ValidUntil     time.Time `json:"valid_until,omitzero" doc:"When it runs out, or did"`
	Evidence       string    `json:"evidence,omitempty"`
	Reason         string    `json:"reason,omitempty"`
	Moves          []Move    `json:"moves"`

	Incident string `json:"incident,omitempty" doc:"For the team"`
	Version  int64  `json:"version,omitempty" doc:"For the team"`

	CheckAt time.Time `json:"check_at,omitzero" doc:"When we check it again, for the team"`
}

// Move is one step in the life of a measure.
type Move struct {
	At   time.Time `json:"at"`
	By   string    `json:"by,omitempty" doc:"Which of us is left out for a party"`
	Ours bool      `json:"ours" doc:"Made by the team, also when it recorded what the party said"`
	Link bool      `json:"by_link,omitempty" doc:"Said by the link of a letter, without an account"`
	From string    `json:"from"`
	To   string    `json:"to"`
	Note string    `json:"note,omitempty"`
}

func measureView(by access.Actor, m coordination.Measure) Measure {
	v := Measure{
		ID: m.UID, State: string(m.State), TLP: m.TLP.String(), Recommendation: m.Recommendation, Revision: m.Revision, Title: m.Title, Text: m.Text,
		GivenAt: m.GivenAt, DueAt: m.DueAt, PlannedFor: m.PlannedFor, DoneAt: m.DoneAt, VerifiedAt: m.VerifiedAt, ValidUntil: m.ValidUntil, Evidence: m.Evidence, Reason: m.Reason,
		Moves: mapped(m.Moves, func(x coordination.Move) Move {
			return Move{x.At, x.By, x.Ours, x.Link, string(x.From), string(x.To), x.Note}
		}),
	}
	if by.Team() {
		v.Version, v.CheckAt = m.Version, m.CheckAt
	}
	return v
}

func (a *API) listMeasures(ctx context.Context, by access.Actor, in *DueInput) (reply[List[Measure]], error) {
	page, err := a.Coordination.Measures(ctx, by, coordination.RequestFilter{Open: in.Open, Limit: in.Limit, After: in.Cursor})
	if err != nil {
		return reply[List[Measure]]{}, err
	}
	numbers, err := a.numbers(ctx, by, mapped(page.Items, func(m coordination.Measure) int64 { return m.Subject.ID }))
	items := mapped(page.Items, func(m coordination.Measure) Measure {
		v := measureView(by, m)
		v.Incident = numbers[m.Subject.ID]
		return v
	})
	return reply[List[Measure]]{body: list(items, page.Next)}, err
}

func (a *API) getMeasure(ctx context.Context, by access.Actor, in *OneIDInput) (reply[Measure], error) {
	m, err := a.Coordination.MeasureOf(ctx, by, in.ID.ID)
	return a.measureReply(ctx, by, m, err)
}

func (a *API) measureReply(ctx context.Context, by access.Actor, m coordination.Measure, err error) (reply[Measure], error) {
	if err == nil {
		err = a.seenUnder(ctx, by, m.Subject)
	}
	if err != nil {
		return reply[Measure]{}, err
	}
	numbers, err := a.numbers(ctx, by, []int64{m.Subject.ID})
	v := measureView(by, m)
	v.Incident = numbers[m.Subject.ID]
	return reply[Measure]{body: v, version: m.Version}, err
}

// NewMove moves a measure.
type NewMove struct {
	Note        string       `json:"note,omitempty" doc:"Evidence for done and verify, the reason for decline"`
	PlannedFor  time.Time    `json:"planned_for,omitzero" doc:"For plan"`
	Attachments []Attachment `json:"attachments,omitempty" doc:"Evidence"`
}

// MoveInput is the input of the moves.
type MoveInput struct {
	ID
	IfMatch
	With[NewMove]
}

func (a *API) move(to coordination.MeasureState) func(context.Context, access.Actor, *MoveInput) (reply[Measure], error) {
	return func(ctx context.Context, by access.Actor, in *MoveInput) (reply[Measure], error) {
		version, err := in.version(by, func() (any, int64, error) {
			rep, err := a.getMeasure(ctx, by, &OneIDInput{ID: in.ID})
			return rep.body, rep.version, err
		})
		if err != nil {
			return reply[Measure]{}, err
		}
		brought, err := files(in.Body.Value.Attachments)
		if err != nil {
			return reply[Measure]{}, err
		}
		b := in.Body.Value
		if _, err = a.Coordination.Move(ctx, by, in.ID.ID, coordination.MoveInput{To: to, Note: b.Note, PlannedFor: b.PlannedFor, Files: brought, Version: version}); err != nil {
			return reply[Measure]{}, err
		}
		return a.getMeasure(ctx, by, &OneIDInput{ID: in.ID})
	}
}
