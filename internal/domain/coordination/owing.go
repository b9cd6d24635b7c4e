package coordination

import (
	"context"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Owing names who owes each of the requests and measures: those whose party the reader may see, by the id of request or measure. Two statements,
// however many are asked for.
func (s *Service) Owing(ctx context.Context, h db.Handle, by access.Actor, about ...int64) (map[int64]Party, error) {
	if len(about) == 0 {
		return nil, nil
	}
	type owed struct{ about, party int64 }
	q := db.In(new(db.Query).Add(`SELECT id, party FROM coordination_request WHERE id IN `), about)
	q = db.In(q.Add(` UNION ALL SELECT id, party FROM coordination_measure WHERE id IN `), about)
	all, err := db.List(ctx, h, q, func(r *db.Rows) (o owed, err error) { return o, r.Scan(&o.about, &o.party) })
	if err != nil || len(all) == 0 {
		return nil, err
	}
	ids := make([]int64, len(all))
	for i, o := range all {
		ids[i] = o.party
	}
	byID, err := s.PartiesByID(ctx, h, by, ids...)
	if err != nil {
		return nil, err
	}
	out := map[int64]Party{}
	for _, o := range all {
		if p, ok := byID[o.party]; ok {
			out[o.about] = p
		}
	}
	return out, nil
}
