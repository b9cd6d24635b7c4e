package constituency

import (
	"context"
	"maps"
	"slices"
	"strings"

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

// NamedMany gives organisations that the actor may see by their whole names, whatever the case, in one look for all. Of several with one name it is the first.
func (s *Service) NamedMany(ctx context.Context, by access.Actor, names ...string) (map[string]Organisation, error) {
	out := map[string]Organisation{}
	if err := needRead(by); err != nil || len(names) == 0 {
		return out, err
	}
	written := map[string][]string{}
	for _, name := range names {
		f := fold(name)
		written[f] = append(written[f], name)
	}
	q := new(db.Query).Add(`SELECT ` + access.Columns + `, ` + ownColumns + ` FROM constituency_organisation c CROSS JOIN `)
	access.Sees(by).From(q, ref.Organisation).Add(` WHERE c.id = o.id AND c.folded IN `)
	list, err := db.List(ctx, s.DB, db.In(q, slices.Sorted(maps.Keys(written))).Add(` ORDER BY o.id DESC`), scan)
	for _, l := range list {
		for _, name := range written[l.folded] {
			if strings.EqualFold(strings.TrimSpace(name), l.Name) {
				out[name] = l.Organisation
			}
		}
	}
	return out, err
}
