package intake

import (
	"context"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// ByID gives reports by object id under the reader's scope; those it may not see are missing in the map.
func (s *Service) ByID(ctx context.Context, h db.Handle, by access.Actor, ids ...int64) (map[int64]Report, error) {
	out := map[int64]Report{}
	if len(ids) == 0 {
		return out, nil
	}
	q := new(db.Query).Add(`SELECT ` + reportColumns + ` FROM `)
	access.Sees(by).From(q, ref.Report).Add(joins).Add(` WHERE o.id IN `)
	all, err := db.List(ctx, h, db.In(q, ids), scanRow)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if err := s.open(&all[i]); err != nil {
			return nil, err
		}
		out[all[i].Ref.ID] = all[i].Report
	}
	return out, nil
}
