package account

import (
	"context"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Disable ends all that a leaver has in one act (rule T6): sign-ins, known browsers, tokens, links, factors, roles, what it was given
// beyond its roles, and what it gave and nobody confirmed yet. The account stays in the record. For managers, with fresh proof; not for
// oneself, nor for the last lead.
func (s *Service) Disable(ctx context.Context, by access.Actor, uid string) (Account, error) {
	return s.change(ctx, by, uid, func(ctx context.Context, tx *db.Tx, a Account) error {
		if a.ID == by.Account {
			return &errs.Error{Kind: errs.Conflict, Key: "error.yourself", Text: "nobody disables themselves"}
		}
		if !a.Active {
			return nil
		}
		if a.Has(access.Lead) {
			if err := s.notLastLead(ctx, tx, a.ID); err != nil {
				return err
			}
		}
		if err := s.notLastKeeper(ctx, tx, by, a); err != nil {
			return err
		}
		if err := s.endLogins(ctx, tx, a.ID, ""); err != nil {
			return err
		}
		if err := s.overInvitation(ctx, tx, a.ID); err != nil {
			return err
		}
		if err := s.withdrawOf(ctx, tx, by, a.ID); err != nil {
			return err
		}
		for _, q := range []string{
			`UPDATE account_token SET state = 3 WHERE account = $1 AND state <> 3`,
			`UPDATE account_token SET state = 3 WHERE created_by = $1 AND state = 1`,
			`UPDATE account_role SET state = 3 WHERE account = $1 AND state <> 3`,
			`UPDATE account_role SET state = 3 WHERE given_by = $1 AND state = 1`,
			`DELETE FROM account_recovery WHERE account = $1`,
			`DELETE FROM account_passkey WHERE account = $1`,
			`DELETE FROM account_identity WHERE account = $1`,
			`DELETE FROM account_news WHERE account = $1`,
			`UPDATE account_person SET active = FALSE, password = '', password_at = NULL, totp = NULL, totp_next = NULL, totp_at = NULL WHERE id = $1`,
		} {
			if _, err := tx.Exec(ctx, q, a.ID); err != nil {
				return err
			}
		}
		n, err := access.EndGrants(ctx, tx, a.ID)
		if err != nil {
			return err
		}
		list := []audit.Change{{Field: "active", From: true, To: false}}
		for _, g := range a.Roles {
			list = append(list, audit.Change{Field: "role", From: string(g.Role)})
		}
		if n > 0 {
			list = append(list, audit.Change{Field: "grants", From: n, To: 0})
		}
		return s.record(ctx, tx, by, "account.disable", a, list...)
	})
}

// Enable takes a disabled person back, without roles, password or factors: they are given anew.
func (s *Service) Enable(ctx context.Context, by access.Actor, uid string) (Account, error) {
	return s.change(ctx, by, uid, func(ctx context.Context, tx *db.Tx, a Account) error {
		if a.Active {
			return nil
		}
		if _, err := tx.Exec(ctx, `UPDATE account_person SET active = TRUE WHERE id = $1`, a.ID); err != nil {
			return err
		}
		return s.record(ctx, tx, by, "account.enable", a, audit.Change{Field: "active", From: false, To: true})
	})
}
