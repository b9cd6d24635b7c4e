package api

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

func (a *API) parties() {
	on(a, "POST /parties/{id}/requests", a.ask)
	on(a, "POST /parties/{id}/measures", a.give)
	on(a, "POST /parties/{id}/messages", a.write)
	on(a, "GET /requests", a.listRequests)
	on(a, "GET /requests/{id}", a.getRequest)
	on(a, "POST /requests/{id}/answer", a.answerRequest)
}

// Party is one line of the matrix: one organisation's part in an incident, and what became of it. It is the team's.
type Party struct {
	ID           string           `json:"id"`
	Name         string           `json:"name"`
	Organisation *OrganisationRef `json:"organisation,omitempty"`
	Role         string           `json:"role" enum:"affected,source,provider,vendor,authority,peer,reporter,host,network,registrar,registry,content_network,block_list"`
	Why          string           `json:"why,omitempty"`
	AddedAt      time.Time        `json:"added_at"`
	WithdrawnAt  time.Time        `json:"withdrawn_at,omitzero"`
	ToldAt       time.Time        `json:"told_at,omitzero"`
	DeliveredAt  time.Time        `json:"delivered_at,omitzero"`
	SeenAt       time.Time        `json:"seen_at,omitzero"`
	SeenKnown    bool             `json:"seen_known" doc:"false: by mail alone it is not known"`
	AnsweredAt   time.Time        `json:"answered_at,omitzero"`
	DoneAt       time.Time        `json:"done_at,omitzero"`
	VerifiedAt   time.Time        `json:"verified_at,omitzero"`
	SilentSince  time.Time        `json:"silent_since,omitzero"`
	CodeSince    time.Time        `json:"code_untold_since,omitzero" doc:"A letter left as a locked file then, and its code is still to be told"`
	DueAt        time.Time        `json:"due_at,omitzero"`
	Requests     []Request        `json:"requests"`
	Measures     []Measure        `json:"measures"`
}

func (a *API) matrix(ctx context.Context, by access.Actor, in *OneInput) (reply[List[Party]], error) {
	err := a.seen(ctx, by, in.Ref.Ref)
	if err != nil {
		return reply[List[Party]]{}, err
	}
	rows, err := a.Coordination.Matrix(ctx, by, in.Ref.Ref)
	if err != nil {
		return reply[List[Party]]{}, err
	}
	items, err := a.partyViews(ctx, by, rows)
	return reply[List[Party]]{body: list(items, "")}, err
}

func (a *API) partyViews(ctx context.Context, by access.Actor, rows []coordination.Row) ([]Party, error) {
	var ids []int64
	for _, r := range rows {
		if r.Party.Organisation != 0 {
			ids = append(ids, r.Party.Organisation)
		}
	}
	names, err := a.Constituency.ByID(ctx, a.Intake.DB, ids...)
	return mapped(rows, func(r coordination.Row) Party {
		v := Party{
			ID: r.Party.UID, Name: r.Party.Name, Role: string(r.Party.Role), Why: r.Party.Why, AddedAt: r.Party.AddedAt, WithdrawnAt: r.Party.WithdrawnAt,
			ToldAt: r.ToldAt, DeliveredAt: r.DeliveredAt, SeenAt: r.SeenAt, SeenKnown: r.SeenKnown, AnsweredAt: r.AnsweredAt, DoneAt: r.DoneAt,
			VerifiedAt: r.VerifiedAt, SilentSince: r.SilentSince, CodeSince: r.CodeSince, DueAt: r.DueAt,
			Requests: mapped(r.Requests, func(q coordination.Request) Request { return requestView(by, q) }),
			Measures: mapped(r.Measures, func(m coordination.Measure) Measure { return measureView(by, m) }),
		}
		if o, ok := names[r.Party.Organisation]; ok {
			v.Organisation = &OrganisationRef{o.UID, o.Name}
		}
		return v
	}), err
}

// NewParties names organisations that become parties.
type NewParties struct {
	Organisations []string `json:"organisations" doc:"Ids"`
	Role          string   `json:"role" enum:"affected,source,provider,vendor,authority,peer,host,network,registrar,registry,content_network,block_list"`
	Why           string   `json:"why,omitempty"`
}

// PartiesInput is the input of POST /incidents/{ref}/parties.
type PartiesInput struct {
	Ref
	With[NewParties]
}

func (a *API) addParties(ctx context.Context, by access.Actor, in *PartiesInput) (reply[List[Party]], error) {
	b := in.Body.Value
	if len(b.Organisations) == 0 {
		return reply[List[Party]]{}, required("organisations")
	}
	for _, o := range b.Organisations {
		if !named(o) {
			return reply[List[Party]]{}, errs.ErrNotFound
		}
	}
	added, err := a.Coordination.Add(ctx, by, in.Ref.Ref, b.Organisations, coordination.Role(b.Role), b.Why)
	if err != nil {
		return reply[List[Party]]{}, err
	}
	items, err := a.partyViews(ctx, by, mapped(added, func(p coordination.Party) coordination.Row { return coordination.Row{Party: p} }))
	return reply[List[Party]]{body: list(items, "")}, err
}

// ID names a party, request, measure or organisation.
type ID struct {
	ID string `path:"id"`
}

// NewRequest is something we ask a party.
type NewRequest struct {
	Text             string `json:"text,omitempty" doc:"The question; with questions it may be left out"`
	Questions        string `json:"questions,omitempty" doc:"Code of a set of typed questions"`
	QuestionsVersion int    `json:"questions_version,omitempty" doc:"The newest when left out"`

	Intro  string    `json:"intro,omitempty" doc:"In front of it; the letter in the party's language when left out"`
	DueAt  time.Time `json:"due_at"`
	TLP    string    `json:"tlp,omitempty"`
	Looked bool      `json:"looked,omitempty" doc:"A person looked at words of other parties in the text, and lets them leave"`
}

// AskInput is the input of POST /parties/{id}/requests.
type AskInput struct {
	ID
	With[NewRequest]
}

func (a *API) ask(ctx context.Context, by access.Actor, in *AskInput) (reply[List[Message]], error) {
	b := in.Body.Value
	if b.Text == "" && b.Questions == "" {
		return reply[List[Message]]{}, required("text")
	}
	return a.sendTo(ctx, by, in.ID.ID, b.TLP, coordination.Give{Request: b.Text, Questions: b.Questions, QuestionVersion: b.QuestionsVersion, Text: b.Intro, DueAt: b.DueAt, Looked: b.Looked})
}

// NewMeasures are measures for a party.
type NewMeasures struct {
	Recommendations []string  `json:"recommendations" doc:"Codes of the library"`
	Intro           string    `json:"intro,omitempty"`
	DueAt           time.Time `json:"due_at"`
	ValidDays       int       `json:"valid_days,omitempty" minimum:"0" doc:"For how long they hold once they are done: then they expire, and the party is asked again. For ever when left out"`
	CheckDays       int       `json:"check_days,omitempty" minimum:"0" doc:"After how long we check them again once they are verified. Never when left out"`
	TLP             string    `json:"tlp,omitempty"`
	Looked          bool      `json:"looked,omitempty"`
}

// GiveInput is the input of POST /parties/{id}/measures.
type GiveInput struct {
	ID
	With[NewMeasures]
}

func (a *API) give(ctx context.Context, by access.Actor, in *GiveInput) (reply[List[Message]], error) {
	b := in.Body.Value
	if len(b.Recommendations) == 0 {
		return reply[List[Message]]{}, required("recommendations")
	}
	return a.sendTo(ctx, by, in.ID.ID, b.TLP, coordination.Give{Recommendations: b.Recommendations, Text: b.Intro, DueAt: b.DueAt, ValidDays: b.ValidDays, CheckDays: b.CheckDays, Looked: b.Looked})
}

// sendTo sends to one party, under the incident that it is part of and that the sender must see.
func (a *API) sendTo(ctx context.Context, by access.Actor, party, mark string, g coordination.Give) (reply[List[Message]], error) {
	var none reply[List[Message]]
	var err error
	if g.TLP, err = label(mark); err != nil {
		return none, err
	}
	p, err := a.Coordination.PartyOf(ctx, a.Intake.DB, by, party)
	if err != nil {
		return none, err
	}
	cases, err := a.Incident.ByID(ctx, a.Intake.DB, by, p.Subject.ID)
	if err != nil {
		return none, err
	}
	subject, ok := cases[p.Subject.ID]
	if !ok {
		return none, errs.ErrNotFound
	}
	g.Parties = []string{party}
	sent, err := a.Coordination.Send(ctx, by, subject.UID, g)
	return reply[List[Message]]{body: list(mapped(sent, func(m correspondence.Message) Message { return messageView(by, m) }), "")}, err
}

// NewLetter is a free message to a party.
type NewLetter struct {
	Subject string `json:"subject,omitempty"`
	Text    string `json:"text"`
	TLP     string `json:"tlp,omitempty"`
	Looked  bool   `json:"looked,omitempty" doc:"A person looked at words of other parties in the text, and lets them leave"`
}

// WriteInput is the input of POST /parties/{id}/messages.
type WriteInput struct {
	ID
	With[NewLetter]
}

func (a *API) write(ctx context.Context, by access.Actor, in *WriteInput) (reply[Message], error) {
	b := in.Body.Value
	l, err := label(b.TLP)
	if err != nil {
		return reply[Message]{}, err
	}
	if b.Text == "" {
		return reply[Message]{}, required("text")
	}
	m, err := a.Coordination.Write(ctx, by, in.ID.ID, correspondence.Outgoing{Kind: correspondence.Letter, Subject: b.Subject, Text: b.Text, TLP: l}, b.Looked)
	return reply[Message]{body: messageView(by, m)}, err
}

// Request is something we asked a party.
type Request struct {
	ID         string    `json:"id"`
	State      string    `json:"state" enum:"draft,asked,answered,accepted,withdrawn"`
	TLP        string    `json:"tlp"`
	AskedAt    time.Time `json:"asked_at,omitzero"`
	DueAt      time.Time `json:"due_at,omitzero"`
	AnsweredAt time.Time `json:"answered_at,omitzero"`
	Text       string    `json:"text"`
	Reason     string    `json:"reason,omitempty" doc:"Why we took it back"`
	Answers    []Message `json:"answers"`

	Questions *QuestionSet `json:"questions,omitempty" doc:"Typed questions, as they were asked; in lists the code and version alone"`
	Replies   []Reply      `json:"replies,omitempty" doc:"How the typed questions were answered, newest first; in lists and the matrix the one that counts"`

	Incident string `json:"incident,omitempty" doc:"For the team"`
	Version  int64  `json:"version,omitempty" doc:"For the team"`
}

func requestView(by access.Actor, r coordination.Request) Request {
	v := Request{
		ID: r.UID, State: string(r.State), TLP: r.TLP.String(), AskedAt: r.AskedAt, DueAt: r.DueAt, AnsweredAt: r.AnsweredAt, Text: r.Text, Reason: r.Reason,
		Answers: mapped(r.Answers, func(m correspondence.Message) Message { return messageView(by, m) }),
	}
	switch {
	case r.Questions != nil:
		q := questionSetView(by, *r.Questions)
		v.Questions = &q
	case r.QuestionSet != "":
		v.Questions = &QuestionSet{Code: r.QuestionSet, Version: r.QuestionVersion}
	}
	for _, x := range r.Replies {
		v.Replies = append(v.Replies, replyView(x))
	}
	if by.Team() {
		v.Version = r.Version
	}
	return v
}

// DueInput narrows lists by due time.
type DueInput struct {
	Page
	IfNoneMatch
	Open bool `query:"open" doc:"What the party still owes"`
}

func (a *API) listRequests(ctx context.Context, by access.Actor, in *DueInput) (reply[List[Request]], error) {
	page, err := a.Coordination.Requests(ctx, by, coordination.RequestFilter{Open: in.Open, Limit: in.Limit, After: in.Cursor})
	if err != nil {
		return reply[List[Request]]{}, err
	}
	numbers, err := a.numbers(ctx, by, mapped(page.Items, func(r coordination.Request) int64 { return r.Subject.ID }))
	items := mapped(page.Items, func(r coordination.Request) Request {
		v := requestView(by, r)
		v.Incident = numbers[r.Subject.ID]
		return v
	})
	return reply[List[Request]]{body: list(items, page.Next)}, err
}

// numbers gives the incident numbers of subjects, for the team alone and under its scope.
func (a *API) numbers(ctx context.Context, by access.Actor, subjects []int64) (map[int64]string, error) {
	out := map[int64]string{}
	if !by.Team() {
		return out, nil
	}
	found, err := a.Incident.ByID(ctx, a.Intake.DB, by, subjects...)
	for id, i := range found {
		out[id] = i.Number
	}
	return out, err
}

// OneIDInput names one thing, and what of it is known already.
type OneIDInput struct {
	ID
	IfNoneMatch
}

func (a *API) getRequest(ctx context.Context, by access.Actor, in *OneIDInput) (reply[Request], error) {
	r, err := a.Coordination.RequestOf(ctx, by, in.ID.ID)
	return a.requestReply(ctx, by, r, err)
}

func (a *API) requestReply(ctx context.Context, by access.Actor, r coordination.Request, err error) (reply[Request], error) {
	if err == nil {
		err = a.seenUnder(ctx, by, r.Subject)
	}
	if err != nil {
		return reply[Request]{}, err
	}
	numbers, err := a.numbers(ctx, by, []int64{r.Subject.ID})
	v := requestView(by, r)
	v.Incident = numbers[r.Subject.ID]
	return reply[Request]{body: v, version: r.Version}, err
}

// NewAnswer answers a request.
type NewAnswer struct {
	Text        string       `json:"text,omitempty"`
	Attachments []Attachment `json:"attachments,omitempty"`
}

// AnswerInput is the input of POST /requests/{id}/answer.
type AnswerInput struct {
	ID
	With[NewAnswer]
}

func (a *API) answerRequest(ctx context.Context, by access.Actor, in *AnswerInput) (reply[Request], error) {
	brought, err := files(in.Body.Value.Attachments)
	if err != nil {
		return reply[Request]{}, err
	}
	if _, err := a.Coordination.Answer(ctx, by, in.ID.ID, in.Body.Value.Text, brought); err != nil {
		return reply[Request]{}, err
	}
	r, err := a.Coordination.RequestOf(ctx, by, in.ID.ID)
	return a.requestReply(ctx, by, r, err)
}
