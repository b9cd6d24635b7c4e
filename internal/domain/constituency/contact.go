package constituency

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// contactRoles in the order in which incidents go to them.
var contactRoles = []string{"security", "duty", "technical", "management"}

const contactColumns = `k.id, k.uid, k.organisation, k.name, k.role, k.email, k.phone, k.lang, k.on_call, k.verified_at, k.verified_how,
	k.failed_at, k.failed_how`

func scanContact(r *db.Rows) (Contact, error) {
	var c Contact
	return c, r.Scan(c.dst()...)
}

func (c *Contact) dst() []any {
	return []any{&c.ID, &c.UID, &c.Organisation, &c.Name, &c.Role, &c.Email, &c.Phone, &c.Lang, &c.OnCall, &c.VerifiedAt, &c.VerifiedHow, &c.FailedAt, &c.FailedHow}
}

// NewContact is what is known of a contact when it is entered.
type NewContact struct {
	Name   string
	Role   string // "security" when empty
	Email  string
	Phone  string
	Lang   string // "" for the language of the organisation
	OnCall bool
}

func (in *NewContact) check() (folded string, err error) {
	var p errs.Problems
	in.Name = text(&p, "name", in.Name, 200, false)
	in.Phone = text(&p, "phone", in.Phone, 40, false)
	if in.Role == "" {
		in.Role = contactRoles[0]
	}
	if !slices.Contains(contactRoles, in.Role) {
		p.Add("role", "error.choice")
	}
	in.Lang = lang(&p, in.Lang)
	in.Email = strings.TrimSpace(in.Email)
	switch {
	case in.Email != "":
		var ok bool
		if folded, ok = email(in.Email); !ok || len(in.Email) > 254 {
			p.Add("email", "error.email")
		}
	case in.Phone == "":
		p.Add("email", "error.required")
	}
	return folded, p.Err()
}

// AddContact enters a person or desk of an organisation, given by uid. An address belongs to one contact only: it is how mail is known.
// It needs WriteRegistry.
func (s *Service) AddContact(ctx context.Context, by access.Actor, organisation string, in NewContact) (Contact, error) {
	var c Contact
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		c, err = s.AddContactTx(ctx, tx, by, organisation, in)
		return err
	})
	return c, err
}

// AddContactTx is AddContact inside a transaction.
func (s *Service) AddContactTx(ctx context.Context, tx *db.Tx, by access.Actor, organisation string, in NewContact) (Contact, error) {
	if err := by.Need(access.WriteRegistry); err != nil {
		return Contact{}, err
	}
	folded, err := in.check()
	if err != nil {
		return Contact{}, err
	}
	o, err := access.LoadForChange(ctx, tx, by, ref.Organisation, organisation)
	if err != nil {
		return Contact{}, err
	}
	if err := s.free(ctx, tx, folded, 0); err != nil {
		return Contact{}, err
	}
	c := Contact{UID: id.New(), Organisation: o.Ref.ID, Name: in.Name, Role: in.Role, Email: in.Email, Phone: in.Phone, Lang: in.Lang, OnCall: in.OnCall}
	err = tx.QueryRow(ctx, `INSERT INTO constituency_contact (uid, organisation, name, role, email, folded, phone, lang, on_call)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id`,
		c.UID, c.Organisation, c.Name, c.Role, c.Email, folded, c.Phone, c.Lang, c.OnCall).Scan(&c.ID)
	if err != nil {
		return Contact{}, taken(err, "email")
	}
	if err := s.followPhone(ctx, tx, c.ID, "", c.Phone); err != nil {
		return Contact{}, err
	}
	return c, s.changed(ctx, tx, by, "constituency.add_contact", o.Ref, contactChanges(Contact{}, c), c.UID)
}

// free refuses an address that another contact has.
func (s *Service) free(ctx context.Context, h db.Handle, folded string, but int64) error {
	if folded == "" {
		return nil
	}
	var other int64
	err := h.QueryRow(ctx, `SELECT id FROM constituency_contact WHERE folded = $1 AND folded <> '' AND retired_at IS NULL AND id <> $2`, folded, but).Scan(&other)
	if errs.Is(err, errs.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return taken(errs.New(errs.Conflict, ""), "email")
}

// EditContact changes a contact, given by uid. A new address is a new identity: its verification ends and approved keys wait for approval
// again. It needs WriteRegistry.
func (s *Service) EditContact(ctx context.Context, by access.Actor, contact string, in NewContact) (Contact, error) {
	var c Contact
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		c, err = s.EditContactTx(ctx, tx, by, contact, in)
		return err
	})
	return c, err
}

// EditContactTx is EditContact inside a transaction.
func (s *Service) EditContactTx(ctx context.Context, tx *db.Tx, by access.Actor, contact string, in NewContact) (Contact, error) {
	if err := by.Need(access.WriteRegistry); err != nil {
		return Contact{}, err
	}
	folded, err := in.check()
	if err != nil {
		return Contact{}, err
	}
	was, o, err := s.contactForChange(ctx, tx, by, contact)
	if err != nil {
		return Contact{}, err
	}
	if err := s.free(ctx, tx, folded, was.ID); err != nil {
		return Contact{}, err
	}
	c := was
	c.Name, c.Role, c.Email, c.Phone, c.Lang, c.OnCall = in.Name, in.Role, in.Email, in.Phone, in.Lang, in.OnCall
	if before, _ := email(was.Email); before != folded {
		c.VerifiedAt, c.VerifiedHow, c.FailedAt, c.FailedHow = time.Time{}, "", time.Time{}, ""
		_, err := tx.Exec(ctx, `UPDATE constituency_key SET state = $1, approved_at = NULL, approved_by = 0, approved_how = '' WHERE contact = $2 AND state = $3`,
			int64(Offered), c.ID, int64(Approved))
		if err != nil {
			return Contact{}, err
		}
	}
	list := contactChanges(was, c)
	if len(list) == 0 {
		return c, nil
	}
	_, err = tx.Exec(ctx, `UPDATE constituency_contact SET name = $1, role = $2, email = $3, folded = $4, phone = $5, lang = $6, on_call = $7, verified_at = $8, verified_how = $9,
		failed_at = $10, failed_how = $11 WHERE id = $12`, c.Name, c.Role, c.Email, folded, c.Phone, c.Lang, c.OnCall, c.VerifiedAt, c.VerifiedHow, c.FailedAt, c.FailedHow, c.ID)
	if err != nil {
		return Contact{}, taken(err, "email")
	}
	if err := s.followPhone(ctx, tx, c.ID, was.Phone, c.Phone); err != nil {
		return Contact{}, err
	}
	return c, s.changed(ctx, tx, by, "constituency.edit_contact", o.Ref, list, c.UID)
}

// VerifyContact records that a person checked the contact, and how ("called the switchboard"): its address counts again if it had failed. It needs
// WriteRegistry.
func (s *Service) VerifyContact(ctx context.Context, by access.Actor, contact, how string) (Contact, error) {
	var c Contact
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		c, err = s.VerifyContactTx(ctx, tx, by, contact, how)
		return err
	})
	return c, err
}

// VerifyContactTx is VerifyContact in the caller's transaction.
func (s *Service) VerifyContactTx(ctx context.Context, tx *db.Tx, by access.Actor, contact, how string) (c Contact, err error) {
	if err := by.Need(access.WriteRegistry); err != nil {
		return c, err
	}
	var p errs.Problems
	how = text(&p, "how", how, 200, true)
	if err := p.Err(); err != nil {
		return c, err
	}
	var o access.Object
	if c, o, err = s.contactForChange(ctx, tx, by, contact); err != nil {
		return c, err
	}
	c.VerifiedAt, c.VerifiedHow, c.FailedAt, c.FailedHow = s.Clock.Now(), how, time.Time{}, ""
	if _, err := tx.Exec(ctx, `UPDATE constituency_contact SET verified_at = $1, verified_how = $2, failed_at = NULL, failed_how = '' WHERE id = $3`, c.VerifiedAt, how, c.ID); err != nil {
		return c, err
	}
	return c, s.changed(ctx, tx, by, "constituency.verify_contact", o.Ref, []audit.Change{{Field: "verified_how", To: how}}, c.UID)
}

// RetireContact takes a contact out of use; its keys prove nothing any more. The record stays. It needs WriteRegistry.
func (s *Service) RetireContact(ctx context.Context, by access.Actor, contact string) error {
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := by.Need(access.WriteRegistry); err != nil {
			return err
		}
		c, o, err := s.contactForChange(ctx, tx, by, contact)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE constituency_contact SET retired_at = $1 WHERE id = $2`, s.Clock.Now(), c.ID); err != nil {
			return err
		}
		return s.changed(ctx, tx, by, "constituency.retire_contact", o.Ref, nil, c.UID)
	})
}

// contactForChange loads a contact by uid together with its organisation under the actor's scope, and locks the organisation.
func (s *Service) contactForChange(ctx context.Context, tx *db.Tx, by access.Actor, uid string) (Contact, access.Object, error) {
	c, err := db.One(ctx, tx, scanContact, `SELECT `+contactColumns+` FROM constituency_contact k WHERE k.uid = $1 AND k.retired_at IS NULL`, uid)
	if err != nil {
		return c, access.Object{}, err
	}
	o, err := access.Load(ctx, tx, by, ref.Ref{Kind: ref.Organisation, ID: c.Organisation})
	if err != nil {
		return c, o, err
	}
	if o, err = access.Locked(ctx, tx, o.Ref.ID); err != nil {
		return c, o, err
	}
	c, err = s.ContactByID(ctx, tx, c.ID) // again, now that nobody else changes it
	return c, o, err
}

// changed raises the version of the organisation and records what was done to a part of it.
func (s *Service) changed(ctx context.Context, tx *db.Tx, by access.Actor, verb string, on ref.Ref, list []audit.Change, part string) error {
	now := s.Clock.Now()
	if err := access.Touch(ctx, tx, on.ID, now); err != nil {
		return err
	}
	err := s.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: verb, On: on, Compartment: on.ID, Changes: list, Data: map[string]string{"uid": part}})
	return err
}

func contactChanges(was, is Contact) []audit.Change {
	var out []audit.Change
	add := func(field string, a, b any) {
		if a != b {
			out = append(out, audit.Change{Field: field, From: a, To: b})
		}
	}
	add("name", was.Name, is.Name)
	add("role", was.Role, is.Role)
	add("email", was.Email, is.Email)
	add("phone", was.Phone, is.Phone)
	add("lang", was.Lang, is.Lang)
	add("on_call", was.OnCall, is.OnCall)
	add("verified_how", was.VerifiedHow, is.VerifiedHow)
	return out
}

// byUse is the order in which contacts are written to: whose address works before whose failed, verified before not, then by role, then on call.
const byUse = ` ORDER BY CASE WHEN k.failed_at IS NULL THEN 0 ELSE 1 END, CASE WHEN k.verified_at IS NULL THEN 1 ELSE 0 END,
	CASE k.role WHEN 'security' THEN 0 WHEN 'duty' THEN 1 WHEN 'technical' THEN 2 WHEN 'management' THEN 3 ELSE 4 END, k.on_call DESC, k.id`

// Contacts gives the contacts of an organisation, on call first. The caller has checked that the reader may see the organisation.
func (s *Service) Contacts(ctx context.Context, h db.Handle, organisation int64) ([]Contact, error) {
	return db.All(ctx, h, scanContact, `SELECT `+contactColumns+` FROM constituency_contact k
		WHERE k.organisation = $1 AND k.retired_at IS NULL ORDER BY k.on_call DESC, k.name, k.id`, organisation)
}

// ContactByID gives one contact, also one that was retired: old letters name it.
func (s *Service) ContactByID(ctx context.Context, h db.Handle, contact int64) (Contact, error) {
	return db.One(ctx, h, scanContact, `SELECT `+contactColumns+` FROM constituency_contact k WHERE k.id = $1`, contact)
}

// ContactByUID gives one contact in use whose organisation the actor may see.
func (s *Service) ContactByUID(ctx context.Context, h db.Handle, by access.Actor, uid string) (Contact, error) {
	if err := needRead(by); err != nil {
		return Contact{}, err
	}
	c, err := db.One(ctx, h, scanContact, `SELECT `+contactColumns+` FROM constituency_contact k WHERE k.uid = $1 AND k.retired_at IS NULL`, uid)
	if err != nil {
		return Contact{}, err
	}
	if _, err := access.Load(ctx, h, by, ref.Ref{Kind: ref.Organisation, ID: c.Organisation}); err != nil {
		return Contact{}, err
	}
	return c, nil
}

// ContactByEmail finds the contact of an address, compared without case; errs.ErrNotFound when nobody has it.
func (s *Service) ContactByEmail(ctx context.Context, h db.Handle, address string) (Contact, error) {
	folded, ok := email(address)
	if !ok {
		return Contact{}, errs.ErrNotFound
	}
	return db.One(ctx, h, scanContact, `SELECT `+contactColumns+` FROM constituency_contact k
		WHERE k.folded = $1 AND k.folded <> '' AND k.retired_at IS NULL`, folded)
}

// WriteTo chooses the contact of an organisation to whom incidents go: one whose address failed last, verified before not, then security before technical before
// management. Contacts without a mail address are not chosen; errs.ErrNotFound when there is none.
func (s *Service) WriteTo(ctx context.Context, h db.Handle, organisation int64) (Contact, error) {
	return db.One(ctx, h, scanContact, `SELECT `+contactColumns+` FROM constituency_contact k
		WHERE k.organisation = $1 AND k.retired_at IS NULL AND k.email <> ''`+byUse+` LIMIT 1`, organisation)
}

// Lang gives the language in which a contact is written to: its own, else that of its organisation.
func (s *Service) Lang(ctx context.Context, h db.Handle, contact int64) (string, error) {
	var own, house string
	err := h.QueryRow(ctx, `SELECT k.lang, c.lang FROM constituency_contact k JOIN constituency_organisation c ON c.id = k.organisation WHERE k.id = $1`, contact).Scan(&own, &house)
	if own != "" {
		return own, err
	}
	return house, err
}
