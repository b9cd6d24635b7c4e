package constituency

import (
	"context"
	"fmt"
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

// Number is a telephone number of a contact. Only a verified one proves who answers it.
type Number struct {
	ID          int64
	UID         string
	Contact     int64
	Number      string // as people write it
	Note        string // "mobile, private provider"
	Outside     bool   // it rings when the organisation's own systems are down
	VerifiedAt  time.Time
	VerifiedBy  int64
	VerifiedHow string
}

// NewNumber is a number as it is entered.
type NewNumber struct {
	Number, Note string
	Outside      bool
}

const numberColumns = `n.id, n.uid, n.contact, n.number, n.note, n.outside, n.verified_at, n.verified_by, n.verified_how`

func scanNumber(r *db.Rows) (Number, error) {
	var n Number
	return n, r.Scan(&n.ID, &n.UID, &n.Contact, &n.Number, &n.Note, &n.Outside, &n.VerifiedAt, &n.VerifiedBy, &n.VerifiedHow)
}

// FoldNumber gives the digits of a number without the zeros or the plus of its beginning, so that one number compares however it is written.
func FoldNumber(s string) string {
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
	return strings.TrimLeft(digits, "0")
}

// AddNumber enters a number of a contact, given by uid. It is not verified by that. It needs WriteRegistry.
func (s *Service) AddNumber(ctx context.Context, by access.Actor, contact string, in NewNumber) (Number, error) {
	var n Number
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := by.Need(access.WriteRegistry); err != nil {
			return err
		}
		var p errs.Problems
		in.Number = text(&p, "number", in.Number, 40, true)
		in.Note = text(&p, "note", in.Note, 200, false)
		if in.Number != "" && len(FoldNumber(in.Number)) < 3 {
			p.Add("number", "error.phone")
		}
		if err := p.Err(); err != nil {
			return err
		}
		c, o, err := s.contactForChange(ctx, tx, by, contact)
		if err != nil {
			return err
		}
		if n, err = s.number(ctx, tx, c.ID, in); err != nil {
			return taken(err, "number")
		}
		return s.changed(ctx, tx, by, "constituency.add_number", o.Ref, []audit.Change{{Field: "phone", To: n.Number}}, c.UID)
	})
	return n, err
}

// number stores a number; one that the contact has already is a Conflict.
func (s *Service) number(ctx context.Context, tx *db.Tx, contact int64, in NewNumber) (Number, error) {
	n := Number{UID: id.New(), Contact: contact, Number: in.Number, Note: in.Note, Outside: in.Outside}
	var had int
	folded := FoldNumber(in.Number)
	if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM constituency_number WHERE contact = $1 AND folded = $2 AND retired_at IS NULL`, contact, folded).Scan(&had); err != nil {
		return n, err
	}
	if had > 0 {
		return n, errs.New(errs.Conflict, "the contact has this number")
	}
	return n, tx.QueryRow(ctx, `INSERT INTO constituency_number (uid, contact, number, folded, note, outside) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id`,
		n.UID, n.Contact, n.Number, folded, n.Note, n.Outside).Scan(&n.ID)
}

// followPhone keeps the numbers of a contact in step with the one that stands in its entry: a new one is not verified, the old one goes.
func (s *Service) followPhone(ctx context.Context, tx *db.Tx, contact int64, was, is string) error {
	before, after := FoldNumber(was), FoldNumber(is)
	if before == after {
		return nil
	}
	if before != "" {
		_, err := tx.Exec(ctx, `UPDATE constituency_number SET retired_at = $1 WHERE contact = $2 AND folded = $3 AND retired_at IS NULL`, s.Clock.Now(), contact, before)
		if err != nil {
			return err
		}
	}
	if after == "" {
		return nil
	}
	if _, err := s.number(ctx, tx, contact, NewNumber{Number: is}); err != nil && !errs.Is(err, errs.Conflict) {
		return err
	}
	return nil
}

// VerifyNumber records that somebody checked whose number it is, and how ("asked the switchboard of the city"). It needs WriteRegistry.
func (s *Service) VerifyNumber(ctx context.Context, by access.Actor, number, how string) (Number, error) {
	var p errs.Problems
	how = text(&p, "how", how, 200, true)
	return s.changeNumber(ctx, by, number, "constituency.verify_number", p, func(ctx context.Context, tx *db.Tx, n *Number) ([]audit.Change, error) {
		n.VerifiedAt, n.VerifiedBy, n.VerifiedHow = s.Clock.Now(), by.Account, how
		_, err := tx.Exec(ctx, `UPDATE constituency_number SET verified_at = $1, verified_by = $2, verified_how = $3 WHERE id = $4`, n.VerifiedAt, n.VerifiedBy, how, n.ID)
		return []audit.Change{{Field: "phone", To: n.Number}, {Field: "verified_how", To: how}}, err
	})
}

// RetireNumber takes a number out of use. The record stays. It needs WriteRegistry.
func (s *Service) RetireNumber(ctx context.Context, by access.Actor, number string) error {
	_, err := s.changeNumber(ctx, by, number, "constituency.retire_number", nil, func(ctx context.Context, tx *db.Tx, n *Number) ([]audit.Change, error) {
		_, err := tx.Exec(ctx, `UPDATE constituency_number SET retired_at = $1 WHERE id = $2`, s.Clock.Now(), n.ID)
		return []audit.Change{{Field: "phone", From: n.Number}}, err
	})
	return err
}

func (s *Service) changeNumber(ctx context.Context, by access.Actor, number, verb string, p errs.Problems, change func(ctx context.Context, tx *db.Tx, n *Number) ([]audit.Change, error)) (Number, error) {
	var n Number
	if err := by.Need(access.WriteRegistry); err != nil {
		return n, err
	}
	if err := p.Err(); err != nil {
		return n, err
	}
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, c, err := s.NumberByUID(ctx, tx, by, number)
		if err != nil {
			return err
		}
		c, o, err := s.contactForChange(ctx, tx, by, c.UID)
		if err != nil {
			return err
		}
		if n, c, err = s.NumberByUID(ctx, tx, by, number); err != nil { // again, now that nobody else changes it
			return err
		}
		list, err := change(ctx, tx, &n)
		if err != nil {
			return err
		}
		return s.changed(ctx, tx, by, verb, o.Ref, list, c.UID)
	})
	return n, err
}

// NumberByUID gives a number in use and whose it is, when the actor may see the organisation.
func (s *Service) NumberByUID(ctx context.Context, h db.Handle, by access.Actor, uid string) (Number, Contact, error) {
	n, err := db.One(ctx, h, scanNumber, `SELECT `+numberColumns+` FROM constituency_number n WHERE n.uid = $1 AND n.retired_at IS NULL`, uid)
	if err != nil {
		return n, Contact{}, err
	}
	c, err := s.ContactByID(ctx, h, n.Contact)
	if err != nil {
		return n, c, err
	}
	c, err = s.ContactByUID(ctx, h, by, c.UID)
	return n, c, err
}

// Numbers gives the numbers in use of contacts whose organisations the caller has checked, those that were verified and ring outside first.
func (s *Service) Numbers(ctx context.Context, h db.Handle, contacts ...int64) (map[int64][]Number, error) {
	out := map[int64][]Number{}
	if len(contacts) == 0 {
		return out, nil
	}
	q := new(db.Query).Add(`SELECT ` + numberColumns + ` FROM constituency_number n WHERE n.retired_at IS NULL AND n.contact IN `)
	all, err := db.List(ctx, h, db.In(q, contacts).Add(` ORDER BY CASE WHEN n.verified_at IS NULL THEN 1 ELSE 0 END, CASE WHEN n.outside THEN 0 ELSE 1 END, n.id`), scanNumber)
	for _, n := range all {
		out[n.Contact] = append(out[n.Contact], n)
	}
	return out, err
}

// Telephoned tells which contacts have a verified number in use.
func (s *Service) Telephoned(ctx context.Context, h db.Handle, contacts ...int64) (map[int64]bool, error) {
	out := map[int64]bool{}
	for some := range slices.Chunk(contacts, 500) {
		q := new(db.Query).Add(`SELECT DISTINCT n.contact FROM constituency_number n WHERE n.retired_at IS NULL AND n.verified_at IS NOT NULL AND n.contact IN `)
		list, err := db.List(ctx, h, db.In(q, some), func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) })
		if err != nil {
			return nil, fmt.Errorf("read who can be telephoned: %w", err)
		}
		for _, n := range list {
			out[n] = true
		}
	}
	return out, nil
}

// NumbersByID gives numbers by id, those that went out of use too: old call notes name them.
func (s *Service) NumbersByID(ctx context.Context, h db.Handle, ids ...int64) (map[int64]Number, error) {
	out := map[int64]Number{}
	if len(ids) == 0 {
		return out, nil
	}
	all, err := db.List(ctx, h, db.In(new(db.Query).Add(`SELECT `+numberColumns+` FROM constituency_number n WHERE n.id IN `), ids), scanNumber)
	for _, n := range all {
		out[n.ID] = n
	}
	return out, err
}

// mostCallers is how many contacts one number may point to.
const mostCallers = 20

// Callers gives the contacts in use that have a number, however it is written, of organisations that the actor may see. To call from a number
// proves nothing: it can be made up. It is for finding whom to call back.
func (s *Service) Callers(ctx context.Context, h db.Handle, by access.Actor, number string) ([]Contact, error) {
	if err := needRead(by); err != nil {
		return nil, err
	}
	folded := FoldNumber(number)
	if len(folded) < 5 {
		return nil, nil
	}
	q := new(db.Query).Add(`SELECT ` + contactColumns + ` FROM `)
	access.Sees(by).From(q, ref.Organisation).Add(` JOIN constituency_contact k ON k.organisation = o.id AND k.retired_at IS NULL
		WHERE k.id IN (SELECT n.contact FROM constituency_number n WHERE n.folded = ? AND n.retired_at IS NULL) ORDER BY k.id LIMIT ?`, folded, mostCallers)
	return db.List(ctx, h, q, scanContact)
}

// Reached is a contact with its organisation and its numbers, for a list that is read when nothing else works.
type Reached struct {
	Contact
	Organisation string
	Numbers      []Number
}

// ByTelephone gives the contacts in use that have a number, by organisation, those alone that are on call or have one that rings outside their own systems; at
// most limit. It is for the house itself: no reader's scope is asked.
func (s *Service) ByTelephone(ctx context.Context, h db.Handle, limit int) ([]Reached, error) {
	var names []string
	all, err := db.All(ctx, h, func(r *db.Rows) (c Contact, err error) {
		var name string
		err = r.Scan(append(c.dst(), &name)...)
		names = append(names, name)
		return c, err
	}, `SELECT `+contactColumns+`, c.name FROM constituency_contact k JOIN constituency_organisation c ON c.id = k.organisation
		WHERE k.retired_at IS NULL AND EXISTS (SELECT 1 FROM constituency_number n WHERE n.contact = k.id AND n.retired_at IS NULL AND (n.outside = TRUE OR k.on_call = TRUE))
		ORDER BY c.criticality DESC, c.name, k.on_call DESC, k.id LIMIT $1`, limit)
	if err != nil {
		return nil, err
	}
	out := make([]Reached, len(all))
	for from := 0; from < len(all); from += 500 {
		some := all[from:min(from+500, len(all))]
		ids := make([]int64, len(some))
		for i, c := range some {
			ids[i] = c.ID
		}
		numbers, err := s.Numbers(ctx, h, ids...)
		if err != nil {
			return nil, err
		}
		for i, c := range some {
			out[from+i] = Reached{c, names[from+i], numbers[c.ID]}
		}
	}
	return out, nil
}
