package intake

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// addressee is who reads a letter that passes something on: an organisation of the register, or an address that a person wrote in. The letter to an
// address lies in a compartment of its own, so that nobody at a portal ever sees it.
type addressee struct {
	org constituency.Organisation // of the register; of an address its name alone
	to  correspondence.Correspondent
}

// apart tells whether it is an address that a person wrote in.
func (a addressee) apart() bool { return a.org.Ref.ID == 0 }

// fromRegister is an organisation of the register, with a contact that can be written to.
func (s *Service) fromRegister(ctx context.Context, h db.Handle, by access.Actor, p *errs.Problems, organisation string) (a addressee, err error) {
	org, err := access.Find(ctx, h, by, ref.Organisation, organisation)
	if errs.Is(err, errs.NotFound) {
		p.Add("organisation", "error.choice")
		return a, nil
	}
	if err != nil {
		return a, err
	}
	all, err := s.Constituency.ByID(ctx, h, org.Ref.ID)
	if err != nil {
		return a, err
	}
	a.org = all[org.Ref.ID]
	c, err := s.Constituency.WriteTo(ctx, h, org.Ref.ID)
	if errs.Is(err, errs.NotFound) {
		p.Add("organisation", "error.nobody_to_write_to")
		return a, nil
	}
	a.to = correspondence.Correspondent{Name: first(c.Name, a.org.Name), Email: c.Email, Phone: c.Phone, Lang: first(c.Lang, a.org.Lang, "en"), Organisation: org.Ref.ID, Contact: c.ID}
	return a, err
}

// writtenIn is an address that is not in the register, with a name. One of the register is refused: who has it is chosen there, with its keys.
func (s *Service) writtenIn(ctx context.Context, h db.Handle, p *errs.Problems, name, email, lang string) (a addressee, err error) {
	name = checkLine(p, "name", name)
	if email, err = constituency.Address(email); err != nil {
		p.Add("email", "error.email")
	} else if _, err := s.Constituency.ContactByEmail(ctx, h, email); err == nil {
		p.Add("email", "error.in_register")
	} else if !errs.Is(err, errs.NotFound) {
		return a, err
	}
	if lang != "" && !s.Correspondence.Text.Has(text.Lang(lang)) {
		p.Add("lang", "error.choice")
	}
	a.org.Name = first(name, email)
	a.to = correspondence.Correspondent{Name: a.org.Name, Email: email, Lang: first(lang, "en")}
	return a, nil
}

// checkLine gives one line of words without what stands around it.
func checkLine(p *errs.Problems, field, s string) string {
	s = strings.TrimSpace(s)
	if utf8.RuneCountInString(s) > MaxShort {
		p.Add(field, "error.too_long", "most", MaxShort)
	} else if !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		p.Add(field, "error.characters")
	}
	return s
}

// road is how a letter reaches it. A notice leads to a page of ours, and there is none for an address.
func (a addressee) road(d egress.Decision) egress.Decision {
	if a.apart() && d.Road == egress.Notice {
		return egress.Decision{Road: egress.Refused, Reason: egress.KeyMissing}
	}
	return d
}

// sendTo sends it a letter on its thread. Refused: Forbidden with the reason of egress, also where road refuses.
func (s *Service) sendTo(ctx context.Context, tx *db.Tx, by access.Actor, a addressee, thread int64, out correspondence.Outgoing) (correspondence.Message, error) {
	m, err := s.Correspondence.SendTx(ctx, tx, by, thread, out)
	if err == nil && a.apart() && m.Road == egress.Notice {
		err = &errs.Error{Kind: errs.Forbidden, Key: egress.KeyMissing, Text: "there is no page on which they could read it"}
	}
	return m, err
}
