package account

import (
	"context"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// Own is somebody of one's own organisation.
type Own struct {
	Account
	Invited *OpenInvitation // nil for who has come, or left
}

// OwnPeople lists the people of the actor's organisation by name, those who left last. It needs OwnPeople; people with wider rights than the actor's are
// not shown (rule I10).
func (s *Service) OwnPeople(ctx context.Context, h db.Handle, by access.Actor) ([]Own, error) {
	if err := by.Need(access.OwnPeople); err != nil {
		return nil, err
	}
	if by.Organisation == 0 {
		return nil, nil
	}
	list, err := db.All(ctx, h, scan, `SELECT `+columns+` FROM account_person p JOIN object o ON o.id = p.id
		WHERE p.organisation = $1 AND p.machine = FALSE ORDER BY p.active DESC, p.name, p.id LIMIT 2000`, by.Organisation)
	if err != nil {
		return nil, err
	}
	if err := fillRoles(ctx, h, list); err != nil {
		return nil, err
	}
	open, err := s.invitations(ctx, h, by.Organisation)
	if err != nil {
		return nil, err
	}
	var out []Own
	for _, a := range list {
		if manages(by, a) == nil {
			out = append(out, Own{a, open[a.ID]})
		}
	}
	return out, nil
}

// HavePeople tells which of many organisations have somebody who signs in, or was invited to. It is for duties that have checked the organisations.
func (s *Service) HavePeople(ctx context.Context, h db.Handle, organisations ...int64) (map[int64]bool, error) {
	out := map[int64]bool{}
	if len(organisations) == 0 {
		return out, nil
	}
	q := new(db.Query).Add(`SELECT DISTINCT organisation FROM account_person WHERE active = TRUE AND machine = FALSE AND organisation IN `)
	_, err := db.List(ctx, h, db.In(q, organisations), func(r *db.Rows) (n int64, err error) {
		if err = r.Scan(&n); err == nil {
			out[n] = true
		}
		return n, err
	})
	return out, err
}

// OwnPerson gives one of OwnPeople; all others do not exist.
func (s *Service) OwnPerson(ctx context.Context, h db.Handle, by access.Actor, uid string) (Own, error) {
	if err := by.Need(access.OwnPeople); err != nil {
		return Own{}, err
	}
	a, err := s.Get(ctx, h, by, uid)
	if err == nil {
		err = manages(by, a)
	}
	if err == nil && a.Organisation != by.Organisation {
		err = errs.ErrNotFound
	}
	if err != nil {
		return Own{}, err
	}
	open, err := s.invitations(ctx, h, by.Organisation)
	return Own{a, open[a.ID]}, err
}

func (s *Service) invitations(ctx context.Context, h db.Handle, organisation int64) (map[int64]*OpenInvitation, error) {
	rows, err := h.Query(ctx, `SELECT i.account, i.made_by, i.sent_at, i.letters, l.expires_at FROM account_invitation i LEFT JOIN account_link l ON l.account = i.account
		WHERE i.organisation = $1 AND i.ended_at IS NULL LIMIT 2000`, organisation)
	out := map[int64]*OpenInvitation{}
	now := s.Clock.Now()
	return out, db.Each(rows, err, func(r *db.Rows) error {
		var account int64
		var x OpenInvitation
		if err := r.Scan(&account, &x.By, &x.At, &x.Letters, &x.Until); err != nil {
			return err
		}
		if !x.Until.After(now) {
			x.Until = time.Time{}
		}
		out[account] = &x
		return nil
	})
}

// errLastKeeper keeps an organisation from locking itself out.
var errLastKeeper = &errs.Error{Kind: errs.Conflict, Key: "error.last_keeper", Text: "nobody else keeps the people of this organisation: make somebody its administrator first"}

// notLastKeeper refuses when an organisation would keep nobody who keeps its people. The rows of those who do are locked, so that two of them cannot end
// each other. The team may, for it can make another.
func (s *Service) notLastKeeper(ctx context.Context, tx *db.Tx, by access.Actor, a Account) error {
	if by.Can(access.ManageAccounts) || !a.Has(access.ConstituentAdmin) {
		return nil
	}
	others, err := db.All(ctx, tx, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) },
		`SELECT r.account FROM account_role r WHERE r.role = $1 AND r.state = $2 AND r.account IN (SELECT p.id FROM account_person p WHERE p.organisation = $3)
		ORDER BY r.account`+tx.ForUpdate(), string(access.ConstituentAdmin), int64(Active), a.Organisation)
	if err != nil {
		return err
	}
	for _, o := range others {
		if o == a.ID {
			continue
		}
		x, err := byID(ctx, tx, o)
		if err != nil {
			return err
		}
		open, err := s.open(ctx, tx, x)
		if err != nil {
			return err
		}
		if x.Active && !open {
			return nil
		}
	}
	return errLastKeeper
}

// SetRole makes somebody of the actor's organisation its administrator, or no longer. It needs OwnPeople and a fresh proof; the last administrator stays one.
// What an administrator who is none any more has asked others to, and nobody took up, is withdrawn.
func (s *Service) SetRole(ctx context.Context, by access.Actor, uid string, r access.Role) (Account, error) {
	if err := needKeeper(by, s.Clock.Now()); err != nil {
		return Account{}, err
	}
	return s.change(ctx, by, uid, func(ctx context.Context, tx *db.Tx, a Account) error {
		if !ofOrganisation(r) {
			var p errs.Problems
			p.Add("role", "error.choice")
			return p.Err()
		}
		if err := s.give(ctx, tx, by, a, r); err != nil {
			return err
		}
		for _, g := range a.Roles {
			if g.Role == r || !ofOrganisation(g.Role) {
				continue
			}
			if g.Role == access.ConstituentAdmin {
				if err := s.notLastKeeper(ctx, tx, by, a); err != nil {
					return err
				}
				if err := s.withdrawOf(ctx, tx, by, a.ID); err != nil {
					return err
				}
			}
			if _, err := tx.Exec(ctx, `UPDATE account_role SET state = $1 WHERE account = $2 AND role = $3`, int64(Ended), a.ID, string(g.Role)); err != nil {
				return err
			}
			if err := s.record(ctx, tx, by, "account.revoke_role", a, audit.Change{Field: "role", From: string(g.Role)}); err != nil {
				return err
			}
		}
		return nil
	})
}

// SendReset is ResetPassword with the link in a letter to its owner, who is thereby told; nobody else sees it. For the keepers of the own people.
func (s *Service) SendReset(ctx context.Context, by access.Actor, uid string) (Account, error) {
	if err := needKeeper(by, s.Clock.Now()); err != nil {
		return Account{}, err
	}
	return s.change(ctx, by, uid, func(ctx context.Context, tx *db.Tx, a Account) error {
		open, err := s.open(ctx, tx, a)
		if err != nil {
			return err
		}
		if open {
			return &errs.Error{Kind: errs.Conflict, Key: "error.invitation.open", Text: "this person has not come yet: send the invitation again"}
		}
		return s.resetPassword(ctx, tx, by, a, func() (err error) { return s.post(ctx, tx, a, PasswordLetter) })
	})
}

// Rule is what an organisation asks of all its people.
type Rule struct {
	Factor bool // a second factor
	By     int64
	At     time.Time
}

// OwnRule gives the rule of the actor's organisation.
func (s *Service) OwnRule(ctx context.Context, h db.Handle, by access.Actor) (Rule, error) {
	if err := by.Need(access.OwnPeople); err != nil {
		return Rule{}, err
	}
	return ruleOf(ctx, h, by.Organisation)
}

func ruleOf(ctx context.Context, h db.Handle, organisation int64) (Rule, error) {
	var r Rule
	if organisation == 0 {
		return r, nil
	}
	err := h.QueryRow(ctx, `SELECT factor, set_by, set_at FROM account_rule WHERE organisation = $1`, organisation).Scan(&r.Factor, &r.By, &r.At)
	if errs.Is(err, errs.NotFound) {
		err = nil
	}
	return r, err
}

// RequireFactor says whether all people of the actor's organisation need a second factor. Who has none is led to set one up, and sees nothing before: at
// once, for roles are read anew with each request. It needs OwnPeople, a fresh proof, and a second factor of one's own.
func (s *Service) RequireFactor(ctx context.Context, by access.Actor, on bool) error {
	now := s.Clock.Now()
	if err := needKeeper(by, now); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		me, err := lockedID(ctx, tx, by.Account)
		if err != nil {
			return err
		}
		has := me.TwoFactor
		if !has && by.Strength >= access.TwoFactor { // a provider said so
			if has, err = s.linkedAtAll(ctx, tx, me.ID); err != nil {
				return err
			}
		}
		if on && !has {
			return &errs.Error{Kind: errs.Conflict, Key: "error.factor_first", Text: "set up a second factor of your own first"}
		}
		was, err := ruleOf(ctx, tx, by.Organisation)
		if err != nil || was.Factor == on {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO account_rule (organisation, factor, set_by, set_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (organisation) DO UPDATE SET factor = excluded.factor, set_by = excluded.set_by, set_at = excluded.set_at`, by.Organisation, on, by.Account, now)
		if err != nil {
			return err
		}
		return s.note(ctx, tx, by, "account.require_factor", me, audit.Change{Field: "factor", From: was.Factor, To: on})
	})
}

// owes tells whether a person must set up a second factor before anything else.
func (s *Service) owes(ctx context.Context, h db.Handle, a Account) (bool, error) {
	if a.TwoFactor || a.Machine || a.Organisation == 0 {
		return false, nil
	}
	r, err := ruleOf(ctx, h, a.Organisation)
	return r.Factor, err
}

// mayKey are the rights that an organisation's key may have.
var mayKey = []access.Right{access.FileReport, access.OwnCases, access.OwnRegistry}

// mostKeys is how many living keys an organisation may have.
const mostKeys = 20

// KeyRights lists the rights that an organisation's key may have.
func KeyRights() []access.Right { return slices.Clone(mayKey) }

// NewKey is what a key of an organisation is asked to be.
type NewKey struct {
	Name     string
	Scopes   []access.Right
	Networks []string
	Life     time.Duration
}

// CreateKey mints a key with which programs of the actor's organisation use the API: a machine of its own, that sees what the organisation sees and nothing
// of its people. It needs OwnPeople and a fresh proof; the secret is shown once. Too many living keys are a limit.
func (s *Service) CreateKey(ctx context.Context, by access.Actor, in NewKey) (Token, id.Secret, error) {
	now := s.Clock.Now()
	if err := needKeeper(by, now); err != nil {
		return Token{}, id.Secret{}, err
	}
	if in.Scopes == nil {
		in.Scopes = []access.Right{} // nil is a token with all rights of its role
	}
	t, networks, err := NewToken{Name: in.Name, Role: access.Constituent, Scopes: in.Scopes, Networks: in.Networks, Life: in.Life}.check(now)
	p := errs.Problems(errs.Fields(err))
	if err != nil && len(p) == 0 {
		return Token{}, id.Secret{}, err
	}
	if slices.ContainsFunc(in.Scopes, func(r access.Right) bool { return !slices.Contains(mayKey, r) }) && !slices.ContainsFunc(p, func(f errs.Field) bool { return f.Name == "scopes" }) {
		p.Add("scopes", "error.choice")
	}
	if err := p.Err(); err != nil {
		return Token{}, id.Secret{}, err
	}
	secret := id.NewSecret("tcs")
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := access.Locked(ctx, tx, by.Organisation); err != nil {
			return err
		}
		var n int64
		err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM account_token t JOIN account_person p ON p.id = t.account WHERE p.organisation = $1 AND p.machine = TRUE AND t.state <> $2 AND t.expires_at > $3`,
			by.Organisation, int64(Ended), now).Scan(&n)
		if err != nil {
			return err
		}
		if n >= mostKeys {
			return &errs.Error{Kind: errs.Limit, Key: "error.keys.full", Text: "the organisation has as many keys as it may: end one first"}
		}
		owner, err := s.insert(ctx, tx, Account{Name: t.Name, Lang: langs[0], Organisation: by.Organisation, Machine: true, Active: true}, "", "")
		if err != nil {
			return err
		}
		t.UID, t.Account, t.CreatedBy, t.State = id.New(), owner.ID, by.Account, Active
		return s.insertToken(ctx, tx, by, owner, t, networks, secret)
	})
	if err != nil {
		return Token{}, id.Secret{}, err
	}
	return t, secret, nil
}

// OwnKeys lists the keys of the actor's organisation, newest first, living ones before ended ones.
func (s *Service) OwnKeys(ctx context.Context, h db.Handle, by access.Actor) ([]Token, error) {
	if err := by.Need(access.OwnPeople); err != nil {
		return nil, err
	}
	if by.Organisation == 0 {
		return nil, nil
	}
	return db.All(ctx, h, scanToken, `SELECT `+tokenColumns+` FROM account_token t JOIN account_person p ON p.id = t.account
		WHERE p.organisation = $1 AND p.machine = TRUE ORDER BY CASE WHEN t.state = $2 THEN 1 ELSE 0 END, t.id DESC LIMIT 200`, by.Organisation, int64(Ended))
}

// EndKey ends a key of the actor's organisation at once. It needs no fresh proof: it must be quick.
func (s *Service) EndKey(ctx context.Context, by access.Actor, uid string) error {
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := by.Need(access.OwnPeople); err != nil {
			return err
		}
		t, a, err := s.tokenForChange(ctx, tx, uid)
		if err != nil {
			return err
		}
		if by.Organisation == 0 || a.Organisation != by.Organisation || !a.Machine {
			return errs.ErrNotFound
		}
		if _, err := tx.Exec(ctx, `UPDATE account_token SET state = $1 WHERE uid = $2`, int64(Ended), t.UID); err != nil {
			return err
		}
		return s.record(ctx, tx, by, "account.revoke_token", a, audit.Change{Field: "token", From: t.Name})
	})
}

// ActivityFilter narrows the activity of an organisation. Zero fields do not, but for the verbs: what is not named is not shown.
type ActivityFilter struct {
	Person string   // uid of one of the own people
	Verbs  []string // that are shown of what own people and keys did
	Toward []string // that are shown of what others did to their accounts
	Before int64
	Limit  int
}

// Activity is who of the own people did what, newest first, and what was done to their accounts; whoever is not one of them has no name here. It needs
// OwnPeople.
func (s *Service) Activity(ctx context.Context, h db.Handle, by access.Actor, f ActivityFilter) ([]audit.Deed, error) {
	if err := by.Need(access.OwnPeople); err != nil {
		return nil, err
	}
	if by.Organisation == 0 {
		return nil, errs.ErrNotFound
	}
	list, err := db.All(ctx, h, scan, `SELECT `+columns+` FROM account_person p JOIN object o ON o.id = p.id WHERE p.organisation = $1 ORDER BY p.id LIMIT 2500`, by.Organisation)
	if err != nil {
		return nil, err
	}
	if err := fillRoles(ctx, h, list); err != nil {
		return nil, err
	}
	own := map[int64]bool{}
	var asked []int64
	for _, a := range list {
		if !a.Machine && manages(by, a) != nil {
			continue
		}
		own[a.ID] = true
		if f.Person == "" || f.Person == a.UID {
			asked = append(asked, a.ID)
		}
	}
	if f.Person != "" && len(asked) == 0 {
		return nil, errs.ErrNotFound
	}
	deeds, err := s.Audit.OfPeople(ctx, h, by, audit.OwnFilter{People: asked, Verbs: f.Verbs, Toward: f.Toward, Before: f.Before, Limit: f.Limit})
	for i := range deeds {
		if !own[deeds[i].Actor] {
			deeds[i].ActorName = ""
		}
		if deeds[i].On.Kind == ref.Account && !own[deeds[i].On.ID] {
			deeds[i].Changes = nil
		}
	}
	return deeds, err
}
