package account

import (
	"context"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

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
