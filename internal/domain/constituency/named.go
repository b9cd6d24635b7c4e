package constituency

import (
	"context"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Named gives the organisation that a person names at the command line: by its uid, or by the key that the team's own register gives it.
func (s *Service) Named(ctx context.Context, h db.Handle, by access.Actor, name string) (Organisation, error) {
	o, err := s.Get(ctx, h, by, name)
	if !errs.Is(err, errs.NotFound) || name == "" {
		return o, err
	}
	var uid string
	err = h.QueryRow(ctx, `SELECT o.uid FROM constituency_organisation c JOIN object o ON o.id = c.id WHERE c.external = $1 AND o.kind = $2`,
		name, int64(ref.Organisation)).Scan(&uid)
	if err != nil {
		return Organisation{}, err
	}
	return s.Get(ctx, h, by, uid)
}
