package intake

import (
	"cmp"
	"context"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// beginObligations opens the obligations of organisations under a set; those that are open are taken as they are. It gives all of them in the order of
// the organisations, and those that it opened.
func (s *Service) beginObligations(ctx context.Context, tx *db.Tx, r *row, set law.Set, organisations []int64, class string) (all []int64, opened []Obligation, err error) {
	there, err := s.within(ctx, tx, `b.report = $1 AND b.rule_set = $2`, r.Ref.ID, set.Code)
	if err != nil {
		return nil, nil, err
	}
	have := map[int64]int64{}
	classes := map[int64]string{}
	for _, o := range there {
		have[o.Organisation], classes[o.Organisation] = o.Ref.ID, o.Class
	}
	var objects []access.Object
	var reclassed []int64
	for _, organisation := range organisations {
		switch obligation, ok := have[organisation]; {
		case !ok:
			objects = append(objects, s.obligationOf(r, organisation))
			opened = append(opened, Obligation{Report: r.Ref.ID, concludedAt: r.ConcludedAt, Set: set, Began: set.Version, Organisation: organisation, Class: class})
		case class != "" && class != classes[organisation]:
			reclassed = append(reclassed, obligation)
		}
	}
	if len(reclassed) > 0 {
		if _, err := db.In(new(db.Query).Add(`UPDATE intake_obligation SET class = ? WHERE id IN `, class), reclassed).Exec(ctx, tx); err != nil {
			return nil, nil, err
		}
	}
	if err := access.ProtectMany(ctx, tx, objects, s.Clock.Now()); err != nil {
		return nil, nil, err
	}
	rows := make([][]any, len(opened))
	for i := range opened {
		o := &opened[i]
		o.Object = objects[i]
		have[o.Organisation] = o.Ref.ID
		rows[i] = []any{o.Ref.ID, o.Report, set.Code, int64(set.Version), o.Organisation, class}
	}
	if err := db.Copy(ctx, tx, "intake_obligation", []string{"id", "report", "rule_set", "rule_version", "organisation", "class"}, rows); err != nil {
		return nil, nil, err
	}
	for _, organisation := range organisations {
		all = append(all, have[organisation])
	}
	return all, opened, nil
}

// obligationOf is the object of an obligation that begins: it lies in the compartment of who is affected, under the label and seal of its report.
func (s *Service) obligationOf(r *row, organisation int64) access.Object {
	o := access.Object{
		Ref: ref.Ref{Kind: ref.Obligation}, Realm: r.Realm, TLP: r.TLP, PAP: r.PAP, Compartment: cmp.Or(organisation, r.Compartment),
		Sealed: r.Sealed, SealedUnder: r.SealedUnder, Exercise: r.Exercise,
	}
	if r.Sealed && r.SealedUnder == 0 {
		o.SealedUnder = r.Ref.ID
	}
	return o
}
