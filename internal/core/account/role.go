package account

import (
	"context"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// errLastLead keeps a house from locking itself out: without a lead nobody can confirm the next one.
var errLastLead = &errs.Error{Kind: errs.Conflict, Key: "error.last_lead", Text: "this is the only lead: make another one first"}

// GrantRole gives a role. It needs ManageAccounts, or OwnPeople for the own organisation and for no right that the giver lacks, and a
// fresh proof. A role that reads cases is pending until a lead confirms it, once there
// ever was a lead (rule I11).
func (s *Service) GrantRole(ctx context.Context, by access.Actor, uid string, r access.Role) (Account, error) {
	return s.change(ctx, by, uid, func(ctx context.Context, tx *db.Tx, a Account) error { return s.give(ctx, tx, by, a, r) })
}

// change is the frame of the manager's verbs: right, fresh proof, load, lock, act, read again.
func (s *Service) change(ctx context.Context, by access.Actor, uid string, act func(context.Context, *db.Tx, Account) error) (Account, error) {
	var a Account
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if err := needManager(by); err != nil {
			return err
		}
		if err := by.NeedFresh(s.Clock.Now()); err != nil {
			return err
		}
		if a, err = forChange(ctx, tx, by, uid); err != nil {
			return err
		}
		if err := act(ctx, tx, a); err != nil {
			return err
		}
		a, err = byID(ctx, tx, a.ID)
		return err
	})
	if err != nil {
		return Account{}, err
	}
	return a, nil
}

func (s *Service) give(ctx context.Context, tx *db.Tx, by access.Actor, a Account, r access.Role) error {
	var p errs.Problems
	switch {
	case !known(r) || r == access.Machine || a.Machine:
		p.Add("role", "error.choice")
	case ofOrganisation(r) && a.Organisation == 0:
		p.Add("organisation", "error.required")
	case a.Organisation != 0 && doors[r] == Desk:
		p.Add("role", "error.role_of_team") // a member of the team speaks for no organisation
	case !a.Active:
		p.Add("account", "error.disabled")
	}
	if err := p.Err(); err != nil {
		return err
	}
	if !by.Can(access.ManageAccounts) && lacks(by, r) {
		return &errs.Error{Kind: errs.Forbidden, Key: "error.forbidden", Text: "nobody gives a right that they lack"}
	}
	if slices.ContainsFunc(a.Roles, func(g Given) bool { return g.Role == r }) {
		return nil // has it, or waits for it
	}
	return s.assign(ctx, tx, by, a, r)
}

// assign writes a role that the caller may give.
func (s *Service) assign(ctx context.Context, tx *db.Tx, by access.Actor, a Account, r access.Role) error {
	state, err := s.stateOf(ctx, tx, by, one(r))
	if err != nil {
		return err
	}
	now := s.Clock.Now()
	var confirmed time.Time
	if state == Active {
		confirmed = now
	}
	_, err = tx.Exec(ctx, `INSERT INTO account_role (account, role, state, given_by, given_at, confirmed_by, confirmed_at) VALUES ($1, $2, $3, $4, $5, 0, $6)
		ON CONFLICT (account, role) DO UPDATE SET state = excluded.state, given_by = excluded.given_by, given_at = excluded.given_at, confirmed_by = 0,
		confirmed_at = COALESCE(excluded.confirmed_at, account_role.confirmed_at)`, a.ID, string(r), int64(state), by.Account, now, confirmed)
	if err != nil {
		return err
	}
	return s.record(ctx, tx, by, "account.grant_role", a, audit.Change{Field: "role", To: string(r)}, audit.Change{Field: "state", To: state.String()})
}

// stateOf decides whether what who may do waits for a lead. It does not while there never was one.
func (s *Service) stateOf(ctx context.Context, h db.Handle, by, who access.Actor) (State, error) {
	if !waits(by, who) {
		return Active, nil
	}
	led, err := everLed(ctx, h)
	if err != nil || led {
		return Pending, err
	}
	return Active, nil
}

// everLed tells whether there ever was an active lead: disabling the last one does not bring the beginning back.
func everLed(ctx context.Context, h db.Handle) (bool, error) {
	var n int64
	err := h.QueryRow(ctx, `SELECT COUNT(*) FROM account_role WHERE role = $1 AND confirmed_at IS NOT NULL`, string(access.Lead)).Scan(&n)
	return n > 0, err
}

// ConfirmRole makes a pending role active. It needs Approve and a fresh proof; neither who gave the role nor who gets it may confirm it.
func (s *Service) ConfirmRole(ctx context.Context, by access.Actor, uid string, r access.Role) (Account, error) {
	var a Account
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		now := s.Clock.Now()
		if err := by.Need(access.Approve); err != nil {
			return err
		}
		if err := by.NeedFresh(now); err != nil {
			return err
		}
		if a, err = locked(ctx, tx, uid); err != nil {
			return err
		}
		i := slices.IndexFunc(a.Roles, func(g Given) bool { return g.Role == r && g.State == Pending })
		if i < 0 || !a.Active {
			return errs.ErrNotFound
		}
		if err := otherPerson(by, a.Roles[i].By, a.ID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE account_role SET state = $1, confirmed_by = $2, confirmed_at = $3 WHERE account = $4 AND role = $5`,
			int64(Active), by.Account, now, a.ID, string(r)); err != nil {
			return err
		}
		if err := s.record(ctx, tx, by, "account.confirm_role", a, audit.Change{Field: "role", To: string(r)}); err != nil {
			return err
		}
		a, err = byID(ctx, tx, a.ID)
		return err
	})
	return a, err
}

// otherPerson holds that two people act (rule T5).
func otherPerson(by access.Actor, people ...int64) error {
	if by.System == "" && slices.Contains(people, by.Account) {
		return &errs.Error{Kind: errs.Forbidden, Key: "error.second_person", Text: "another lead must confirm this"}
	}
	return nil
}

// RevokeRole ends a role, pending or active, and with it what its tokens may do. A lead may refuse a pending role too.
func (s *Service) RevokeRole(ctx context.Context, by access.Actor, uid string, r access.Role) (Account, error) {
	var a Account
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		lead := by.Can(access.Approve)
		if !lead {
			if err := needManager(by); err != nil {
				return err
			}
		}
		if err := by.NeedFresh(s.Clock.Now()); err != nil {
			return err
		}
		if a, err = locked(ctx, tx, uid); err != nil {
			return err
		}
		i := slices.IndexFunc(a.Roles, func(g Given) bool { return g.Role == r })
		if !lead || i >= 0 && a.Roles[i].State != Pending {
			if err := manages(by, a); err != nil {
				return err
			}
		}
		if i < 0 {
			return errs.ErrNotFound
		}
		if r == access.Lead && a.Roles[i].State == Active {
			if err := s.notLastLead(ctx, tx, a.ID); err != nil {
				return err
			}
		}
		if r == access.ConstituentAdmin {
			if err := s.notLastKeeper(ctx, tx, by, a); err != nil {
				return err
			}
			if err := s.withdrawOf(ctx, tx, by, a.ID); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `UPDATE account_role SET state = $1 WHERE account = $2 AND role = $3`, int64(Ended), a.ID, string(r)); err != nil {
			return err
		}
		if err := s.record(ctx, tx, by, "account.revoke_role", a, audit.Change{Field: "role", From: string(r)}); err != nil {
			return err
		}
		a, err = byID(ctx, tx, a.ID)
		return err
	})
	return a, err
}

// notLastLead refuses when no other active lead would remain. The leads' rows are locked, so that two of them cannot end each other.
func (s *Service) notLastLead(ctx context.Context, tx *db.Tx, but int64) error {
	others, err := db.All(ctx, tx, func(r *db.Rows) (int64, error) {
		var n int64
		return n, r.Scan(&n)
	}, `SELECT r.account FROM account_role r WHERE r.role = $1 AND r.state = $2 ORDER BY r.account`+tx.ForUpdate(), string(access.Lead), int64(Active))
	if err != nil {
		return err
	}
	for _, o := range others {
		if o == but {
			continue
		}
		a, err := byID(ctx, tx, o)
		if err != nil || a.Active {
			return err
		}
	}
	return errLastLead
}

// suspend makes all active roles that read cases pending again: somebody else touched the factors of their owner (rule I11).
func (s *Service) suspend(ctx context.Context, tx *db.Tx, by access.Actor, a Account) ([]audit.Change, error) {
	var out []audit.Change
	for _, g := range a.Roles {
		if g.State != Active {
			continue
		}
		state, err := s.stateOf(ctx, tx, by, one(g.Role))
		if err != nil {
			return nil, err
		}
		if state == Active {
			continue
		}
		if g.Role == access.Lead {
			if err := s.notLastLead(ctx, tx, a.ID); err != nil {
				return nil, err
			}
		}
		if _, err := tx.Exec(ctx, `UPDATE account_role SET state = $1, given_by = $2, given_at = $3 WHERE account = $4 AND role = $5`,
			int64(Pending), by.Account, s.Clock.Now(), a.ID, string(g.Role)); err != nil {
			return nil, err
		}
		out = append(out, audit.Change{Field: "role", From: string(g.Role), To: Pending.String()})
	}
	return out, nil
}

// Wait is a role or token that waits for a lead.
type Wait struct {
	Account Account
	Role    access.Role
	Token   string // uid of the token, "" for a role
	Name    string // of the token
	By      int64
	At      time.Time
}

// Waiting lists what waits for a lead, oldest first, for leads, administrators and auditors.
func (s *Service) Waiting(ctx context.Context, by access.Actor) ([]Wait, error) {
	if !by.Can(access.Approve) && !by.Can(access.ReadAudit) {
		if err := by.Need(access.ManageAccounts); err != nil {
			return nil, err
		}
	}
	read := func(r *db.Rows) (Wait, error) {
		var w Wait
		var role string
		err := r.Scan(&w.Account.ID, &role, &w.Token, &w.Name, &w.By, &w.At)
		w.Role = access.Role(role)
		return w, err
	}
	list, err := db.All(ctx, s.DB, read, `SELECT account, role, '', '', given_by, given_at FROM account_role WHERE state = 1 ORDER BY given_at LIMIT 500`)
	if err != nil {
		return nil, err
	}
	tokens, err := db.All(ctx, s.DB, read, `SELECT account, role, uid, name, created_by, created_at FROM account_token WHERE state = 1 ORDER BY created_at LIMIT 500`)
	if err != nil {
		return nil, err
	}
	list = append(list, tokens...)
	slices.SortStableFunc(list, func(a, b Wait) int { return a.At.Compare(b.At) })
	if len(list) == 0 {
		return nil, nil
	}
	var ids []int64
	for _, w := range list {
		ids = append(ids, w.Account.ID)
	}
	people, err := db.List(ctx, s.DB, db.In(new(db.Query).Add(`SELECT `+columns+` FROM account_person p JOIN object o ON o.id = p.id WHERE p.id IN `), ids), scan)
	if err != nil {
		return nil, err
	}
	if err := fillRoles(ctx, s.DB, people); err != nil {
		return nil, err
	}
	for i := range list {
		for _, p := range people {
			if p.ID == list[i].Account.ID {
				list[i].Account = p
			}
		}
	}
	return list, nil
}
