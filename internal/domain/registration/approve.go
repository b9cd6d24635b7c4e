package registration

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/setting"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/format/scope"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Approval is the word that an entity stands in the register, and how.
type Approval struct {
	Organisation string      // uid of one that the register knows; "" makes a new one
	Class        scope.Class // as decided: the entity has assessed itself
	Kind         string      // of the annexes; "" for none
	Communities  []string    // of a new organisation, and added to a known one
	Note         string      // ours; no applicant reads it
	Version      int64       // as it was read; 0 takes any
}

// settingSecond holds for which classes a second person approves.
const settingSecond = "registration.second"

// VerbSecond is the verb of the entry that says who changed that.
const VerbSecond = "registration.second"

// SecondFor tells whether the approval of an essential entity waits for a second person. It does until somebody turned it off.
func (s *Service) SecondFor(ctx context.Context, h db.Handle) (bool, error) {
	on := true
	return on, setting.Get(ctx, h, settingSecond, &on)
}

// SetSecond turns it on or off. It needs ChangeRules and a fresh proof. Refused: access.ErrChanged when it is not as it was read.
func (s *Service) SetSecond(ctx context.Context, by access.Actor, was, on bool) error {
	now := s.Clock.Now()
	if err := by.Need(access.ChangeRules); err != nil {
		return err
	}
	if err := by.NeedFresh(now); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		is, err := s.SecondFor(ctx, tx)
		if err != nil || is == on {
			return err
		}
		if is != was {
			return access.ErrChanged
		}
		if err := setting.Put(ctx, tx, by.Account, now, settingSecond, on); err != nil {
			return err
		}
		return s.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: VerbSecond, Changes: []audit.Change{{Field: "essential", From: is, To: on}}})
	})
}

// Approve takes an entity into the register: a new organisation, or one that is known. All checks must be ticked. Where a second person is asked for
// (SecondFor) it waits for one, who approves by Confirm. It needs WriteRegistry. Refused: NotFound, Invalid, Conflict for one that was decided, waits for a second
// person already or was changed since it was read.
func (s *Service) Approve(ctx context.Context, by access.Actor, name string, in Approval) (Registration, error) {
	var r Registration
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if err := by.Need(access.WriteRegistry); err != nil {
			return err
		}
		if r, err = s.openFor(ctx, tx, by, name, in.Version); err != nil {
			return err
		}
		if r.State == Second {
			return &errs.Error{Kind: errs.Conflict, Key: "error.registration.second", Text: "somebody has approved this already; a second person confirms it"}
		}
		if err := s.checkApproval(ctx, tx, by, &r, in); err != nil {
			return err
		}
		r.Decision = Decision{Organisation: in.Organisation, Class: in.Class, Kind: in.Kind, Communities: in.Communities, Note: strings.TrimSpace(in.Note)}
		second, err := s.SecondFor(ctx, tx)
		if err != nil {
			return err
		}
		if !second || in.Class != scope.Essential {
			return s.enter(ctx, tx, by, &r)
		}
		r.FirstBy = by.Account
		if _, err := tx.Exec(ctx, `UPDATE registration_registration SET first_by = $1 WHERE id = $2`, by.Account, r.Ref.ID); err != nil {
			return err
		}
		if err := s.putDecision(ctx, tx, &r); err != nil {
			return err
		}
		if err := s.move(ctx, tx, &r, Second); err != nil {
			return err
		}
		if err := access.Update(ctx, tx, &r.Object, s.Clock.Now()); err != nil {
			return err
		}
		return s.record(ctx, tx, by, "registration.approve_first", &r, audit.Change{Field: "class", To: string(in.Class)})
	})
	return r, err
}

// Confirm is the second person's word on what the first has approved. It needs WriteRegistry. Refused: NotFound; Forbidden for the first person; Conflict for
// one that waits for no second person or was changed since version (0: any).
func (s *Service) Confirm(ctx context.Context, by access.Actor, name string, version int64) (Registration, error) {
	var r Registration
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if r, err = s.openFor(ctx, tx, by, name, version); err != nil {
			return err
		}
		switch {
		case r.State != Second:
			return &errs.Error{Kind: errs.Conflict, Key: "error.registration.no_second", Text: "this waits for no second person"}
		case by.Account == 0 || by.Account == r.FirstBy:
			return &errs.Error{Kind: errs.Forbidden, Key: "error.registration.same_person", Text: "the second person is another one"}
		}
		return s.enter(ctx, tx, by, &r)
	})
	return r, err
}

// checkApproval names all that stands against an approval.
func (s *Service) checkApproval(ctx context.Context, tx *db.Tx, by access.Actor, r *Registration, in Approval) error {
	var p errs.Problems
	if len(r.Checks) != len(Checks) {
		p.Add("checks", "error.registration.checks")
	}
	if in.Class != scope.Essential && in.Class != scope.Important && in.Class != scope.Listed {
		p.Add("class", "error.choice")
	}
	if _, ok := s.Annexes.Kind(in.Kind); !ok && in.Kind != "" {
		p.Add("kind", "error.choice")
	}
	if utf8.RuneCountInString(in.Note) > mostText {
		p.Add("note", "error.too_long", "most", mostText)
	}
	known, err := s.Constituency.Communities(ctx, tx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(in.Communities, func(c string) bool { return !slices.Contains(known, c) }) {
		p.Add("communities", "error.choice")
	}
	if err := p.Err(); err != nil {
		return err
	}
	if in.Organisation != "" {
		o, err := access.Find(ctx, tx, by, ref.Organisation, in.Organisation)
		if err != nil {
			return err
		}
		if r.Organisation != 0 && o.Ref.ID != r.Organisation {
			p.Add("organisation", "error.registration.other")
		}
	} else if r.Organisation != 0 { // whose account sent it
		p.Add("organisation", "error.registration.other")
	}
	return p.Err()
}

// enter does what was approved, in one transaction: organisation, contacts, claims, entry, clock, invitation, letter.
func (s *Service) enter(ctx context.Context, tx *db.Tx, by access.Actor, r *Registration) error {
	d := &r.Decision
	kind, _ := s.Annexes.Kind(d.Kind)
	o, err := s.organisation(ctx, tx, by, r, kind)
	if err != nil {
		return err
	}
	if err := s.contacts(ctx, tx, by, r, o); err != nil {
		return err
	}
	if err := s.claims(ctx, tx, by, r, o); err != nil {
		return err
	}
	if err := s.putEntity(ctx, tx, by, r, o, kind); err != nil {
		return err
	}
	if r.Account == 0 {
		asked, err := s.Accounts.InviteFirstTx(ctx, tx, by, o.Ref.ID, account.Invitation{Email: r.Said.Admin.Email, Name: r.Said.Admin.Name, Lang: r.Lang})
		if err != nil {
			return err
		}
		if !asked {
			d.Left = append(d.Left, "admin_email: "+r.Said.Admin.Email)
		}
	}
	r.Organisation, r.Class = o.Ref.ID, d.Class
	if err := s.decided(ctx, tx, by, r, Approved); err != nil {
		return err
	}
	return s.told(ctx, tx, by, r, "registration.approve", audit.Change{Field: "organisation", To: o.UID}, audit.Change{Field: "class", To: string(d.Class)})
}

// sectorOf is the sector by which the register and its statistics go: the subsector where the annex has one.
func sectorOf(k scope.Kind) string { return cmp.Or(k.Subsector, k.Sector) }

func classOf(c scope.Class) string {
	if c == scope.Essential || c == scope.Important {
		return string(c)
	}
	return ""
}

// organisation makes the organisation, or brings class, sector and size of a known one up to what was decided. Its name, key and parent stay as they are.
func (s *Service) organisation(ctx context.Context, tx *db.Tx, by access.Actor, r *Registration, kind scope.Kind) (constituency.Organisation, error) {
	d, said := &r.Decision, r.Said
	size := int(said.Staff)
	if d.Organisation == "" {
		external := said.Identifier
		taken, err := s.Constituency.Same(ctx, tx, by, constituency.Told{External: external})
		if err != nil {
			return constituency.Organisation{}, err
		}
		if slices.ContainsFunc(taken, func(t constituency.Trace) bool { return t.By == "identifier" }) || utf8.RuneCountInString(external) > 100 {
			d.Left, external = append(d.Left, "identifier: "+external), ""
		}
		return s.Constituency.CreateTx(ctx, tx, by, constituency.NewOrganisation{
			Name: said.Name, External: external, Sector: sectorOf(kind), Class: classOf(d.Class), Size: size, Lang: r.Lang, Communities: d.Communities,
		})
	}
	o, err := s.Constituency.Get(ctx, tx, by, d.Organisation)
	if err != nil {
		return o, err
	}
	if o.Name != said.Name {
		d.Left = append(d.Left, "name: "+said.Name)
	}
	parent := ""
	if o.Parent != 0 {
		all, err := s.Constituency.ByID(ctx, tx, o.Parent)
		if err != nil {
			return o, err
		}
		parent = all[o.Parent].UID
	}
	if o.External != said.Identifier {
		d.Left = append(d.Left, "identifier: "+said.Identifier)
	}
	return s.Constituency.EditTx(ctx, tx, by, o.UID, o.Version, constituency.NewOrganisation{
		Name: o.Name, External: o.External, Sector: cmp.Or(sectorOf(kind), o.Sector), Class: classOf(d.Class), Criticality: o.Criticality, Size: size, Lang: o.Lang, Parent: parent,
		Communities: slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(o.Communities), d.Communities...)))),
	})
}

// contacts enters who is to be reached, unverified. An address that the register has already stays as it is there.
func (s *Service) contacts(ctx context.Context, tx *db.Tx, by access.Actor, r *Registration, o constituency.Organisation) error {
	said := r.Said
	for _, c := range []constituency.NewContact{
		{Name: said.Security.Name, Role: "security", Email: said.Security.Email, Phone: said.Security.Phone, Lang: r.Lang},
		{Name: said.Duty.Name, Role: "duty", Email: said.Duty.Email, Phone: said.Duty.Phone, Lang: r.Lang, OnCall: true},
		{Name: said.Management.Name, Role: "management", Email: said.Management.Email, Phone: said.Management.Phone, Lang: r.Lang},
	} {
		if c.Email == "" && c.Phone == "" {
			continue
		}
		if c.Email != "" {
			_, err := s.Constituency.ContactByEmail(ctx, tx, c.Email)
			if err == nil {
				r.Decision.Left = append(r.Decision.Left, c.Role+": "+c.Email)
				continue
			}
			if !errs.Is(err, errs.NotFound) {
				return err
			}
		}
		if _, err := s.Constituency.AddContactTx(ctx, tx, by, o.UID, c); err != nil {
			return err
		}
	}
	return nil
}

// claims begins the proof of each network and domain by the surest way. Nobody answers for what is only claimed.
func (s *Service) claims(ctx context.Context, tx *db.Tx, by access.Actor, r *Registration, o constituency.Organisation) error {
	have, err := s.Constituency.Assets(ctx, tx, o.Ref.ID)
	if err != nil {
		return err
	}
	for _, n := range r.Said.Networks {
		a, ok := constituency.ReadAsset(n)
		if !ok || slices.ContainsFunc(have, func(x constituency.Asset) bool { return x.Kind == a.Kind && x.Value == a.Value }) {
			continue
		}
		ways := constituency.Ways(a.Kind, a.Value)
		if len(ways) == 0 {
			continue
		}
		_, err := s.Constituency.ClaimTx(ctx, tx, by, o.UID, constituency.Claim{Kind: a.Kind, Value: a.Value, Way: ways[0], Evidence: r.Reference + ": " + a.Value})
		switch errs.Of(err) {
		case errs.Invalid, errs.Limit: // under way already, or too much is: it is named, and can be claimed later
			r.Decision.Left = append(r.Decision.Left, "networks: "+a.Value)
		default:
			if err != nil {
				return err
			}
		}
	}
	return nil
}
