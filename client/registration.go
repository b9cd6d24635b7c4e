package client

import (
	"context"
	"time"
)

// Registration is what an entity says of itself so that it stands in the register (NIS2 Art. 3 and 27). Reasons, Words and Matches come only when one is
// read.
type Registration struct {
	ID           string              `json:"id"`
	Reference    string              `json:"reference"`
	State        string              `json:"state"`   // new, asked, second, approved, refused
	Channel      string              `json:"channel"` // form, portal
	Review       bool                `json:"review"`
	Class        string              `json:"class"` // essential, important, listed, out: by its own word; once approved, as decided
	Lang         string              `json:"lang"`
	ReceivedAt   time.Time           `json:"received_at"`
	DecidedAt    time.Time           `json:"decided_at"`
	Organisation string              `json:"organisation"`
	Checks       []string            `json:"checks"` // of identity, authority, scope
	Reason       string              `json:"reason"`
	Pointer      string              `json:"pointer"`
	Note         string              `json:"note"`
	Left         []string            `json:"left"` // what was said and not taken over
	Said         *RegistrationSaid   `json:"said"` // nil once its period is over
	Reasons      []ScopeReason       `json:"reasons"`
	Words        []RegistrationWord  `json:"words"`
	Matches      []RegistrationMatch `json:"matches"`
	Version      int64               `json:"version"`
}

// RegistrationSaid is what an entity says of itself: nothing of it is proved. Sums are in thousands of euro.
type RegistrationSaid struct {
	Sector         string             `json:"sector"`
	Kind           string             `json:"kind"`
	Also           string             `json:"also"`
	Staff          int64              `json:"staff"`
	Turnover       int64              `json:"turnover"`
	Balance        int64              `json:"balance"`
	Specials       []string           `json:"specials"`
	Name           string             `json:"name"`
	Trade          string             `json:"trade"`
	Identifier     string             `json:"identifier"`
	Address        string             `json:"address"`
	Country        string             `json:"country"`
	Representative string             `json:"representative"`
	Security       RegistrationPerson `json:"security"`
	Duty           RegistrationPerson `json:"duty"`
	Management     RegistrationPerson `json:"management"`
	Outside        string             `json:"outside"`
	Networks       []string           `json:"networks"`
	States         []string           `json:"states"`
	Signer         string             `json:"signer"`
	SignerRole     string             `json:"signer_role"`
	Basis          string             `json:"basis"`
	Statement      string             `json:"statement"`
	Admin          RegistrationPerson `json:"admin"`
}

// RegistrationPerson is how somebody is reached.
type RegistrationPerson struct {
	Name  string `json:"name"`
	Email string `json:"email"`
	Phone string `json:"phone"`
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

// RegistrationMatch is an organisation of the register that may be the same.
type RegistrationMatch struct {
	Organisation string   `json:"organisation"`
	Name         string   `json:"name"`
	By           []string `json:"by"`     // account, identifier, name, email, network
	Proved       []string `json:"proved"` // what was said that it has proved
	People       bool     `json:"people"`
}

// RegistrationApproval is the word that an entity stands in the register, and how. Organisation "" makes a new one. Version 0 takes any.
type RegistrationApproval struct {
	Organisation string   `json:"organisation,omitempty"`
	Class        string   `json:"class"` // essential, important, listed
	Kind         string   `json:"kind,omitempty"`
	Communities  []string `json:"communities,omitempty"`
	Note         string   `json:"note,omitempty"`
	Version      int64    `json:"version,omitempty"`
}

// EntityExport is what the single point of contact hands on: numbers of all entities (Art. 3(5)), entries of those that Art. 27 names.
type EntityExport struct {
	At       time.Time     `json:"at"`
	Numbers  []EntityTally `json:"numbers"`
	Entities []EntityEntry `json:"entities"`
}

// EntityTally is how many entities there are of a sector, subsector and class.
type EntityTally struct {
	Annex     int    `json:"annex"` // 0 for none
	Sector    string `json:"sector"`
	Subsector string `json:"subsector"`
	Class     string `json:"class"`
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

// Registrations lists registrations, those that are open when the filter names no state.
func (c *Client) Registrations(ctx context.Context, p Page) (List[Registration], error) {
	return get[List[Registration]](ctx, c, "/registrations"+p.query())
}

// Registration reads one, by id or reference.
func (c *Client) Registration(ctx context.Context, id string) (Registration, error) {
	return get[Registration](ctx, c, "/registrations/"+seg(id))
}

// TickRegistration says which checks were made, all of them.
func (c *Client) TickRegistration(ctx context.Context, id string, checks []string, opts ...Option) (Registration, error) {
	return post[Registration](ctx, c, "/registrations/"+seg(id)+"/checks", map[string]any{"checks": checks}, opts...)
}

// AskRegistration asks something back.
func (c *Client) AskRegistration(ctx context.Context, id, text string, opts ...Option) (Registration, error) {
	return post[Registration](ctx, c, "/registrations/"+seg(id)+"/ask", map[string]any{"text": text}, opts...)
}

// ApproveRegistration takes an entity into the register, or asks a second person for it.
func (c *Client) ApproveRegistration(ctx context.Context, id string, in RegistrationApproval, opts ...Option) (Registration, error) {
	return post[Registration](ctx, c, "/registrations/"+seg(id)+"/approve", in, opts...)
}

// ConfirmRegistration is the second person's word.
func (c *Client) ConfirmRegistration(ctx context.Context, id string, opts ...Option) (Registration, error) {
	return post[Registration](ctx, c, "/registrations/"+seg(id)+"/confirm", map[string]any{}, opts...)
}

// RefuseRegistration refuses one with its reason; pointer says who helps, "" for nobody.
func (c *Client) RefuseRegistration(ctx context.Context, id, reason, pointer string, opts ...Option) (Registration, error) {
	return post[Registration](ctx, c, "/registrations/"+seg(id)+"/refuse", map[string]any{"reason": reason, "pointer": pointer}, opts...)
}

// ExportEntities makes the export for the single point of contact. Who takes it is recorded.
func (c *Client) ExportEntities(ctx context.Context, opts ...Option) (EntityExport, error) {
	return post[EntityExport](ctx, c, "/registrations/export", map[string]any{}, opts...)
}
