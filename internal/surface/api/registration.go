package api

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/registration"
	"github.com/tocsin-csirt/tocsin/internal/format/scope"
)

func (a *API) registrations() {
	on(a, "GET /registrations", a.listRegistrations)
	on(a, "GET /registrations/{id}", a.getRegistration)
	on(a, "POST /registrations/{id}/checks", a.tickRegistration)
	on(a, "POST /registrations/{id}/ask", a.askRegistration)
	on(a, "POST /registrations/{id}/approve", a.approveRegistration)
	on(a, "POST /registrations/{id}/confirm", a.confirmRegistration)
	on(a, "POST /registrations/{id}/refuse", a.refuseRegistration)
	on(a, "POST /registrations/export", a.exportRegistrations)
}

// Registration is what an entity says of itself so that it stands in the register.
type Registration struct {
	ID           string              `json:"id"`
	Reference    string              `json:"reference"`
	State        string              `json:"state" enum:"new,asked,second,approved,refused"`
	Channel      string              `json:"channel" enum:"form,portal"`
	Review       bool                `json:"review,omitempty" doc:"Of an entity that is registered: it looked through its entry"`
	Class        string              `json:"class" enum:"essential,important,listed,out" doc:"By its own word; once approved, as decided"`
	Lang         string              `json:"lang"`
	ReceivedAt   time.Time           `json:"received_at"`
	DecidedAt    time.Time           `json:"decided_at,omitzero"`
	Organisation string              `json:"organisation,omitempty" doc:"Id of the organisation that it became, or concerns"`
	Checks       []string            `json:"checks,omitempty" doc:"identity, authority, scope: those that were made"`
	Reason       string              `json:"reason,omitempty" doc:"Why it was refused"`
	Pointer      string              `json:"pointer,omitempty"`
	Note         string              `json:"note,omitempty" doc:"Ours; no applicant reads it"`
	Left         []string            `json:"left,omitempty" doc:"What was said and not taken over"`
	Said         *RegistrationSaid   `json:"said,omitempty" doc:"Left out once its period is over"`
	Reasons      []ScopeReason       `json:"reasons,omitempty" doc:"Why its own word comes to a class; only when one is read"`
	Words        []RegistrationWord  `json:"words,omitempty" doc:"What was asked and answered; only when one is read"`
	Matches      []RegistrationMatch `json:"matches,omitempty" doc:"Organisations of the register that may be the same; only when one is read"`
	Version      int64               `json:"version"`
}

// RegistrationSaid is what an entity says of itself: nothing of it is proved.
type RegistrationSaid struct {
	Sector         string             `json:"sector,omitempty"`
	Kind           string             `json:"kind,omitempty"`
	Also           string             `json:"also,omitempty"`
	Staff          int64              `json:"staff"`
	Turnover       int64              `json:"turnover" doc:"Thousands of euro"`
	Balance        int64              `json:"balance" doc:"Thousands of euro"`
	Specials       []string           `json:"specials,omitempty"`
	Name           string             `json:"name"`
	Trade          string             `json:"trade,omitempty"`
	Identifier     string             `json:"identifier"`
	Address        string             `json:"address"`
	Country        string             `json:"country"`
	Representative string             `json:"representative,omitempty"`
	Security       RegistrationPerson `json:"security"`
	Duty           RegistrationPerson `json:"duty,omitzero"`
	Management     RegistrationPerson `json:"management,omitzero"`
	Outside        string             `json:"outside,omitempty" doc:"How it is reached outside its own systems"`
	Networks       []string           `json:"networks,omitempty"`
	States         []string           `json:"states,omitempty"`
	Signer         string             `json:"signer"`
	SignerRole     string             `json:"signer_role"`
	Basis          string             `json:"basis"`
	Statement      string             `json:"statement,omitempty"`
	Admin          RegistrationPerson `json:"admin" doc:"Who is to be the first administrator in the portal"`
}

// RegistrationPerson is how somebody is reached.
type RegistrationPerson struct {
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
	Phone string `json:"phone,omitempty"`
}

// ScopeReason is why, with the article of Directive (EU) 2022/2555.
type ScopeReason struct {
	Code    string `json:"code"`
	Article string `json:"article"`
}

// RegistrationWord is something that was asked back, or answered.
type RegistrationWord struct {
	Ours bool      `json:"ours"`
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// RegistrationMatch is an organisation that may be the same.
type RegistrationMatch struct {
	Organisation string   `json:"organisation"`
	Name         string   `json:"name"`
	By           []string `json:"by" doc:"account, identifier, name, email, network"`
	Proved       []string `json:"proved,omitempty" doc:"What was said that it has proved"`
	People       bool     `json:"people" doc:"It has people who sign in: none is invited"`
}

func registrationView(r registration.Registration) Registration {
	v := Registration{
		ID: r.UID, Reference: r.Reference, State: string(r.State), Channel: r.Channel, Review: r.Review, Class: string(r.Class), Lang: r.Lang, ReceivedAt: r.ReceivedAt, DecidedAt: r.DecidedAt,
		Checks: r.Checks, Reason: r.Decision.Reason, Pointer: r.Decision.Pointer, Note: r.Decision.Note, Left: r.Decision.Left, Version: r.Version,
	}
	if r.Destroyed {
		return v
	}
	s := r.Said
	v.Said = &RegistrationSaid{
		Sector: s.Sector, Kind: s.Kind, Also: s.Also, Staff: s.Staff, Turnover: s.Turnover, Balance: s.Balance, Specials: s.Specials, Name: s.Name, Trade: s.Trade, Identifier: s.Identifier,
		Address: s.Address, Country: s.Country, Representative: s.Representative, Security: RegistrationPerson(s.Security), Duty: RegistrationPerson(s.Duty), Management: RegistrationPerson(s.Management),
		Outside: s.Outside, Networks: s.Networks, States: s.States, Signer: s.Signer, SignerRole: s.SignerRole, Basis: s.Basis, Statement: s.Statement, Admin: RegistrationPerson(s.Admin),
	}
	return v
}

// RegistrationsInput narrows the list.
type RegistrationsInput struct {
	Page
	State string `query:"state" enum:"new,asked,second,approved,refused" doc:"All that are open when left out"`
}

func (a *API) listRegistrations(ctx context.Context, by access.Actor, in *RegistrationsInput) (reply[List[Registration]], error) {
	page, err := a.Registration.List(ctx, a.Registration.DB, by, registration.Filter{State: registration.State(in.State), Limit: in.Limit, After: in.Cursor})
	return reply[List[Registration]]{body: list(mapped(page.Items, registrationView), page.Next)}, err
}

func (a *API) getRegistration(ctx context.Context, by access.Actor, in *OneIDInput) (reply[Registration], error) {
	return a.oneRegistration(ctx, by, in.ID.ID)
}

// oneRegistration is one as it stands, whole.
func (a *API) oneRegistration(ctx context.Context, by access.Actor, name string) (reply[Registration], error) {
	r, err := a.Registration.Get(ctx, a.Registration.DB, by, name)
	if err != nil {
		return reply[Registration]{}, err
	}
	v := registrationView(r)
	for _, x := range r.Reasons {
		v.Reasons = append(v.Reasons, ScopeReason(x))
	}
	words, err := a.Registration.Words(ctx, a.Registration.DB, r)
	if err != nil {
		return reply[Registration]{}, err
	}
	for _, w := range words {
		v.Words = append(v.Words, RegistrationWord{w.Ours, w.At, w.Text})
	}
	if r.Organisation != 0 {
		all, err := a.Constituency.ByID(ctx, a.Registration.DB, r.Organisation)
		if err != nil {
			return reply[Registration]{}, err
		}
		v.Organisation = all[r.Organisation].UID
	}
	matches, err := a.Registration.Matches(ctx, by, r)
	for _, m := range matches {
		v.Matches = append(v.Matches, RegistrationMatch{Organisation: m.Organisation.UID, Name: m.Organisation.Name, By: m.By, Proved: m.Proved, People: m.People})
	}
	return reply[Registration]{body: v, version: r.Version}, err
}

// registrationDone answers an act with the registration as it stands then.
func (a *API) registrationDone(ctx context.Context, by access.Actor, name string, err error) (reply[Registration], error) {
	if err != nil {
		return reply[Registration]{}, err
	}
	return a.oneRegistration(ctx, by, name)
}

// RegistrationChecks are those that were made, all of them.
type RegistrationChecks struct {
	Checks []string `json:"checks" doc:"Of identity, authority, scope"`
}

// RegistrationChecksInput names the registration.
type RegistrationChecksInput struct {
	ID
	With[RegistrationChecks]
}

func (a *API) tickRegistration(ctx context.Context, by access.Actor, in *RegistrationChecksInput) (reply[Registration], error) {
	_, err := a.Registration.Tick(ctx, by, in.ID.ID, in.Body.Value.Checks)
	return a.registrationDone(ctx, by, in.ID.ID, err)
}

// RegistrationQuestion is what is asked back.
type RegistrationQuestion struct {
	Text    string `json:"text"`
	Version int64  `json:"version,omitempty" doc:"As it was read; another one is refused"`
}

// RegistrationQuestionInput names the registration.
type RegistrationQuestionInput struct {
	ID
	With[RegistrationQuestion]
}

func (a *API) askRegistration(ctx context.Context, by access.Actor, in *RegistrationQuestionInput) (reply[Registration], error) {
	_, err := a.Registration.Ask(ctx, by, in.ID.ID, in.Body.Value.Version, in.Body.Value.Text)
	return a.registrationDone(ctx, by, in.ID.ID, err)
}

// RegistrationApproval is the word that an entity stands in the register, and how.
type RegistrationApproval struct {
	Organisation string   `json:"organisation,omitempty" doc:"Id of one that the register knows; left out makes a new one"`
	Class        string   `json:"class" enum:"essential,important,listed"`
	Kind         string   `json:"kind,omitempty" doc:"Of the annexes of Directive (EU) 2022/2555"`
	Communities  []string `json:"communities,omitempty"`
	Note         string   `json:"note,omitempty"`
	Version      int64    `json:"version,omitempty" doc:"As it was read; another one is refused"`
}

// RegistrationApprovalInput names the registration.
type RegistrationApprovalInput struct {
	ID
	With[RegistrationApproval]
}

func (a *API) approveRegistration(ctx context.Context, by access.Actor, in *RegistrationApprovalInput) (reply[Registration], error) {
	x := in.Body.Value
	_, err := a.Registration.Approve(ctx, by, in.ID.ID, registration.Approval{Organisation: x.Organisation, Class: scope.Class(x.Class), Kind: x.Kind, Communities: x.Communities, Note: x.Note, Version: x.Version})
	return a.registrationDone(ctx, by, in.ID.ID, err)
}

// RegistrationConfirmation is the second person's word.
type RegistrationConfirmation struct {
	Version int64 `json:"version,omitempty" doc:"As it was read; another one is refused"`
}

// RegistrationConfirmationInput names the registration.
type RegistrationConfirmationInput struct {
	ID
	With[RegistrationConfirmation]
}

func (a *API) confirmRegistration(ctx context.Context, by access.Actor, in *RegistrationConfirmationInput) (reply[Registration], error) {
	_, err := a.Registration.Confirm(ctx, by, in.ID.ID, in.Body.Value.Version)
	return a.registrationDone(ctx, by, in.ID.ID, err)
}

// RegistrationRefusal says why, and who helps.
type RegistrationRefusal struct {
	Reason  string `json:"reason" doc:"The applicant reads it"`
	Pointer string `json:"pointer,omitempty"`
	Version int64  `json:"version,omitempty" doc:"As it was read; another one is refused"`
}

// RegistrationRefusalInput names the registration.
type RegistrationRefusalInput struct {
	ID
	With[RegistrationRefusal]
}

func (a *API) refuseRegistration(ctx context.Context, by access.Actor, in *RegistrationRefusalInput) (reply[Registration], error) {
	x := in.Body.Value
	_, err := a.Registration.Refuse(ctx, by, in.ID.ID, registration.Refusal{Reason: x.Reason, Pointer: x.Pointer, Version: x.Version})
	return a.registrationDone(ctx, by, in.ID.ID, err)
}

// EntityExport is what the single point of contact hands on: numbers of all entities, entries of those that Art. 27 names.
type EntityExport struct {
	At       time.Time     `json:"at"`
	Numbers  []EntityTally `json:"numbers"`
	Entities []EntityEntry `json:"entities"`
}

// EntityTally is how many entities there are of a sector, subsector and class.
type EntityTally struct {
	Annex     int    `json:"annex" doc:"Of the directive; 0 for none"`
	Sector    string `json:"sector"`
	Subsector string `json:"subsector"`
	Class     string `json:"class" enum:"essential,important,listed"`
	Entities  int    `json:"entities"`
}

// EntityEntry is one entity as Art. 27(2) names it.
type EntityEntry struct {
	Name           string    `json:"name"`
	Identifier     string    `json:"identifier"`
	Sector         string    `json:"sector"`
	Subsector      string    `json:"subsector"`
	Kind           string    `json:"kind"`
	Class          string    `json:"class"`
	Address        string    `json:"address"`
	Country        string    `json:"country"`
	Representative string    `json:"representative"`
	Email          string    `json:"email"`
	Phone          string    `json:"phone"`
	States         []string  `json:"states"`
	Networks       []string  `json:"networks"`
	RegisteredAt   time.Time `json:"registered_at"`
	ReviewedAt     time.Time `json:"reviewed_at"`
}

// ExportInput takes nothing: it is an act, for it is recorded who took it.
type ExportInput struct {
	With[struct{}]
}

func (a *API) exportRegistrations(ctx context.Context, by access.Actor, _ *ExportInput) (reply[EntityExport], error) {
	x, err := a.Registration.Export(ctx, by)
	v := EntityExport{At: x.At, Numbers: []EntityTally{}, Entities: []EntityEntry{}}
	for _, n := range x.Numbers {
		v.Numbers = append(v.Numbers, EntityTally{n.Annex, n.Sector, n.Subsector, string(n.Class), n.Entities})
	}
	for _, e := range x.Entities {
		v.Entities = append(v.Entities, EntityEntry(e))
	}
	return reply[EntityExport]{body: v}, err
}
