package account

import (
	"context"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Acting gives an account as the actor of work that it asked for and that is done later: with the roles of the desk that it has now and without a fresh proof. Forbidden for
// an account that is closed.
func (s *Service) Acting(ctx context.Context, h db.Handle, account int64) (access.Actor, error) {
	a, err := byID(ctx, h, account)
	if err != nil {
		return access.Actor{}, err
	}
	if !a.Active {
		return access.Actor{}, errs.New(errs.Forbidden, "the account is closed")
	}
	by := actor(a)
	by.Origin, by.AskedAt = access.ByJob, s.Clock.Now()
	for _, g := range a.Roles {
		if g.State == Active && doors[g.Role] == Desk {
			by.Roles = append(by.Roles, g.Role)
		}
	}
	return by, nil
}
