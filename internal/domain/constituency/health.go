package constituency

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Health is how sure we are that a letter to a contact arrives and is read.
type Health string

// The states of health.
const (
	Good     Health = "good"
	Doubtful Health = "doubtful"
	Broken   Health = "broken"
)

// The reasons for it. Only those of an address break it; that it has no key is the usual case and lowers nothing.
const (
	WhyBounced    = "bounced"    // a letter came back
	WhyRefused    = "refused"    // its mail server refuses the address for good
	WhyNoAddress  = "no_address" // it can be telephoned alone
	WhyUnverified = "unverified" // nobody has checked it, or not for long
	WhySilent     = "silent"     // its organisation answered nothing that we asked
	WhyNoKey      = "no_key"
)

// verifiedFor is how long a check of a contact counts.
const verifiedFor = 2 * 365 * 24 * time.Hour

// ContactHealth is the health of a contact, with the reasons.
type ContactHealth struct {
	State   Health
	Reasons []string
}

// healthOf judges a contact by what is known of it.
func healthOf(c Contact, key, silent bool, now time.Time) ContactHealth {
	h := ContactHealth{State: Good}
	add := func(s Health, why string) {
		h.Reasons = append(h.Reasons, why)
		if s == Broken || s == Doubtful && h.State == Good {
			h.State = s
		}
	}
	switch {
	case c.Email == "":
		add(Doubtful, WhyNoAddress)
	case !c.FailedAt.IsZero() && c.FailedHow == WhyRefused:
		add(Broken, WhyRefused)
	case !c.FailedAt.IsZero():
		add(Broken, WhyBounced)
	}
	if c.VerifiedAt.Before(now.Add(-verifiedFor)) {
		add(Doubtful, WhyUnverified)
	}
	if silent {
		add(Doubtful, WhySilent)
	}
	if !key && c.Email != "" {
		add(Good, WhyNoKey)
	}
	return h
}

// HealthOf judges contacts, by their id; a few statements, however many. The caller has checked that the reader may see them.
func (s *Service) HealthOf(ctx context.Context, h db.Handle, contacts ...Contact) (map[int64]ContactHealth, error) {
	out := make(map[int64]ContactHealth, len(contacts))
	if len(contacts) == 0 {
		return out, nil
	}
	now := s.Clock.Now()
	var ids, orgs []int64
	for _, c := range contacts {
		ids, orgs = append(ids, c.ID), append(orgs, c.Organisation)
	}
	openpgp, certificates, err := s.KeyKinds(ctx, h, now, ids...)
	if err != nil {
		return nil, err
	}
	silent := map[int64]time.Time{}
	if s.Silence != nil {
		if silent, err = s.Silence(ctx, h, orgs...); err != nil {
			return nil, err
		}
	}
	for _, c := range contacts {
		out[c.ID] = healthOf(c, openpgp[c.ID] || certificates[c.ID], !silent[c.Organisation].IsZero(), now)
	}
	return out, nil
}

// ContactsByID gives contacts, also those that were retired, in sets. The caller has checked that the reader may see them.
func (s *Service) ContactsByID(ctx context.Context, h db.Handle, ids ...int64) (out []Contact, err error) {
	for some := range slices.Chunk(ids, 500) {
		list, err := db.List(ctx, h, db.In(new(db.Query).Add(`SELECT `+contactColumns+` FROM constituency_contact k WHERE k.id IN `), some), scanContact)
		if err != nil {
			return nil, fmt.Errorf("read contacts: %w", err)
		}
		out = append(out, list...)
	}
	return out, nil
}

// AddressFailedTx notes that a letter to an address came back or was refused for good: the contact that has it is written to last until somebody checks it or
// gives it another one. An address that is nobody's changes nothing.
func (s *Service) AddressFailedTx(ctx context.Context, tx *db.Tx, address, how string) error {
	c, err := s.ContactByEmail(ctx, tx, address)
	if errs.Is(err, errs.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := access.Locked(ctx, tx, c.Organisation); err != nil {
		return err
	}
	now := s.Clock.Now()
	n, err := tx.Exec(ctx, `UPDATE constituency_contact SET failed_at = $1, failed_how = $2 WHERE id = $3 AND failed_at IS NULL AND retired_at IS NULL`, now, how, c.ID)
	if err != nil || n == 0 {
		return err
	}
	return s.changed(ctx, tx, access.System("clocks"), "constituency.address_failed", ref.Ref{Kind: ref.Organisation, ID: c.Organisation}, []audit.Change{{Field: "failed_how", To: how}}, c.UID)
}

// WriteToRole chooses the contact of a role of an organisation to write to: one whose address has not failed, verified before not. errs.ErrNotFound when there is
// none.
func (s *Service) WriteToRole(ctx context.Context, h db.Handle, organisation int64, role string) (Contact, error) {
	return db.One(ctx, h, scanContact, `SELECT `+contactColumns+` FROM constituency_contact k
		WHERE k.organisation = $1 AND k.role = $2 AND k.retired_at IS NULL AND k.email <> '' AND k.failed_at IS NULL`+byUse+` LIMIT 1`, organisation, role)
}

// SetProvider names the organisation that provides another's connection or hosting, by uid; "" names none. It needs WriteRegistry. Refused: NotFound, Invalid for
// itself.
func (s *Service) SetProvider(ctx context.Context, by access.Actor, organisation, provider string) error {
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := by.Need(access.WriteRegistry); err != nil {
			return err
		}
		o, err := access.LoadForChange(ctx, tx, by, ref.Organisation, organisation)
		if err != nil {
			return err
		}
		var is Organisation
		if provider != "" {
			if is, err = s.Get(ctx, tx, by, provider); err != nil {
				return err
			}
			if is.Ref.ID == o.Ref.ID {
				var p errs.Problems
				p.Add("provider", "error.provider.itself")
				return p.Err()
			}
		}
		n, err := tx.Exec(ctx, `UPDATE constituency_organisation SET provider = $1 WHERE id = $2 AND provider <> $1`, is.Ref.ID, o.Ref.ID)
		if err != nil || n == 0 {
			return err
		}
		// For the team alone: whom we know as its provider is not told to anybody.
		now := s.Clock.Now()
		if err := access.Touch(ctx, tx, o.Ref.ID, now); err != nil {
			return err
		}
		return s.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: "constituency.set_provider", On: o.Ref, Changes: []audit.Change{{Field: "provider", To: is.Name}}})
	})
}

// Upstream is an organisation that may reach another from outside, and why.
type Upstream struct {
	Organisation Organisation
	Network      string // of the other's networks, those that lie within one of its own; "" for one that is named
}

// ProvidersOf gives who is named as the provider of an organisation, and who holds networks around its own. It needs ReadRegistry.
func (s *Service) ProvidersOf(ctx context.Context, h db.Handle, by access.Actor, organisation int64) ([]Upstream, error) {
	around, err := s.Overlaps(ctx, h, by, organisation)
	if err != nil {
		return nil, err
	}
	var named int64
	if err := h.QueryRow(ctx, `SELECT provider FROM constituency_organisation WHERE id = $1`, organisation).Scan(&named); err != nil {
		return nil, fmt.Errorf("read the provider: %w", err)
	}
	var out []Upstream
	if named != 0 {
		all, err := s.Visible(ctx, h, by, named)
		if err != nil {
			return nil, err
		}
		if o, ok := all[named]; ok {
			out = append(out, Upstream{Organisation: o})
		}
	}
	for _, x := range around {
		if x.How == "inside" && x.Asset.Kind == "prefix" {
			out = append(out, Upstream{x.Organisation, x.Asset.Value})
		}
	}
	return out, nil
}
