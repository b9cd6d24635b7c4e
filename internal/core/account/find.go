package account

import (
	"context"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Reached gives the people of the team, with an address, who have one of the roles now or are among the accounts: for who tells them something.
func (s *Service) Reached(ctx context.Context, h db.Handle, roles []access.Role, accounts ...int64) ([]Account, error) {
	names := []string{""} // no role is called so
	for _, r := range roles {
		names = append(names, string(r))
	}
	q := new(db.Query).Add(`SELECT p.id, p.name, p.email, p.lang FROM account_person p WHERE p.active = TRUE AND p.machine = FALSE AND p.organisation = 0 AND p.email <> ''
		AND p.id IN (SELECT r.account FROM account_role r WHERE r.state = ? AND (r.role IN `, int64(Active))
	db.In(q, names).Add(` OR r.account IN `)
	db.In(q, append([]int64{0}, accounts...)).Add(`)) ORDER BY p.id`)
	return db.List(ctx, h, q, func(r *db.Rows) (a Account, err error) { return a, r.Scan(&a.ID, &a.Name, &a.Email, &a.Lang) })
}

// ByEmail gives the account that signs in with an address, for its managers.
func (s *Service) ByEmail(ctx context.Context, h db.Handle, by access.Actor, email string) (Account, error) {
	if err := needManager(by); err != nil {
		return Account{}, err
	}
	folded, ok := foldEmail(email)
	if !ok {
		return Account{}, errs.ErrNotFound
	}
	a, err := load(ctx, h, `SELECT `+columns+` FROM account_person p JOIN object o ON o.id = p.id WHERE p.folded = $1 AND p.folded <> ''`, folded)
	if err != nil {
		return Account{}, err
	}
	if err := manages(by, a); err != nil {
		return Account{}, err
	}
	return a, nil
}
