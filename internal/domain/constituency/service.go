package constituency

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Service owns the constituency.
type Service struct {
	DB    *db.DB
	Clock clock.Clock
	Ring  *keyring.Ring
	Audit *audit.Log
}

// Filter narrows a list of organisations. Text matches name, domain, mail address, network address or AS number.
type Filter struct {
	Text      string
	Community string
	Sector    string
	Limit     int    // 50 when 0, 500 at most
	After     string // cursor of the page before
}

// Page is a page of a list; Next is "" on the last one.
type Page[T any] struct {
	Items []T
	Next  string
}

// Get gives one organisation by uid.
func (s *Service) Get(ctx context.Context, h db.Handle, by access.Actor, uid string) (Organisation, error) {
	panic("not built yet")
}

// ByID gives organisations by object id, for duties that have checked the object that names them.
func (s *Service) ByID(ctx context.Context, h db.Handle, ids ...int64) (map[int64]Organisation, error) {
	panic("not built yet")
}

// Find lists organisations that the actor may see, by name.
func (s *Service) Find(ctx context.Context, by access.Actor, f Filter) (Page[Organisation], error) {
	panic("not built yet")
}

// Contacts gives the contacts of an organisation, on call first.
func (s *Service) Contacts(ctx context.Context, h db.Handle, organisation int64) ([]Contact, error) {
	panic("not built yet")
}

// ContactByID gives one contact.
func (s *Service) ContactByID(ctx context.Context, h db.Handle, contact int64) (Contact, error) {
	panic("not built yet")
}

// ContactByEmail finds the contact of an address, compared without case; errs.ErrNotFound when nobody has it.
func (s *Service) ContactByEmail(ctx context.Context, h db.Handle, email string) (Contact, error) {
	panic("not built yet")
}

// WriteTo chooses the contact of an organisation to whom incidents go: security before technical before management, verified first.
func (s *Service) WriteTo(ctx context.Context, h db.Handle, organisation int64) (Contact, error) {
	panic("not built yet")
}

// Keys gives the approved keys of a contact that are neither expired nor revoked at the time, newest first. The caller checks fitness for
// encryption with package pgp.
func (s *Service) Keys(ctx context.Context, h db.Handle, contact int64, at time.Time) ([]Key, error) {
	panic("not built yet")
}

// KeysForEmail gives the approved keys of the contact with that address, expired ones too: signatures of the past stay checkable.
func (s *Service) KeysForEmail(ctx context.Context, h db.Handle, email string) (Contact, []Key, error) {
	panic("not built yet")
}

// OfferKeyTx stores a key that came with a mail or through the portal for a person to approve. It never replaces one.
func (s *Service) OfferKeyTx(ctx context.Context, tx *db.Tx, by access.Actor, contact int64, certificate []byte, fingerprint string, expires time.Time, source string) error {
	panic("not built yet")
}

// Owners answers "who answers for this address, domain, AS number or URL, and why?", most specific first.
func (s *Service) Owners(ctx context.Context, h db.Handle, by access.Actor, what string) ([]Match, error) {
	panic("not built yet")
}

// Entitlements gives what an organisation's communities are entitled to for a service, the best of them.
func (s *Service) Entitlement(ctx context.Context, h db.Handle, communities []string, service string) (Entitlement, error) {
	panic("not built yet")
}
