package constituency

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// LiaisonKind is what an organisation is to us when it is no member of the constituency alone. There is a letter of its own for each.
type LiaisonKind string

// The kinds.
const (
	CrisisCentre   LiaisonKind = "crisis_centre"
	Police         LiaisonKind = "police"
	Regulator      LiaisonKind = "regulator"
	DataProtection LiaisonKind = "data_protection"
	Intelligence   LiaisonKind = "intelligence"
	CSIRT          LiaisonKind = "csirt"
	Vendor         LiaisonKind = "vendor"
	Provider       LiaisonKind = "provider"
)

// LiaisonKinds lists them in their order on a page.
func LiaisonKinds() []LiaisonKind {
	return []LiaisonKind{CrisisCentre, Police, Regulator, DataProtection, Intelligence, CSIRT, Vendor, Provider}
}

// Liaison says what an organisation is to us, and why we may exchange with it.
type Liaison struct {
	Kind      LiaisonKind // "" for none
	Country   string      // ISO 3166-1 alpha-2, or "EU"; "" where it does not matter
	Basis     string      // law, mandate or agreement on which we exchange; "" when nobody noted it yet
	ChangedAt time.Time
}

// Listed is an organisation with what it is to us.
type Listed struct {
	Organisation
	Liaison
}

const maxBasis = 500

func scanLiaison(r *db.Rows) (id int64, l Liaison, err error) {
	return id, l, r.Scan(&id, (*string)(&l.Kind), &l.Country, &l.Basis, &l.ChangedAt)
}

// Liaisons gives what organisations are to us, by object id; those that are nothing of the kind are missing. The caller has checked who may see them.
func (s *Service) Liaisons(ctx context.Context, h db.Handle, organisations ...int64) (map[int64]Liaison, error) {
	out := map[int64]Liaison{}
	organisations = slices.Compact(slices.Sorted(slices.Values(organisations)))
	for part := range slices.Chunk(organisations, 500) {
		q := new(db.Query).Add(`SELECT organisation, kind, country, basis, changed_at FROM constituency_liaison WHERE organisation IN `)
		_, err := db.List(ctx, h, db.In(q, part), func(r *db.Rows) (Liaison, error) {
			id, l, err := scanLiaison(r)
			out[id] = l
			return l, err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// ListLiaisons lists the organisations of a kind and a country, "" for any, by kind and name, at most 500. The actor needs access.ReadRegistry and is one
// of us.
func (s *Service) ListLiaisons(ctx context.Context, h db.Handle, by access.Actor, kind LiaisonKind, country string) ([]Listed, error) {
	if err := by.Need(access.ReadRegistry); err != nil {
		return nil, err
	}
	if !by.Team() {
		return nil, errs.ErrNotFound
	}
	q := new(db.Query).Add(`SELECT l.organisation, l.kind, l.country, l.basis, l.changed_at FROM `)
	access.Sees(by).From(q, ref.Organisation).Add(` JOIN constituency_liaison l ON l.organisation = o.id JOIN constituency_organisation g ON g.id = o.id WHERE 1 = 1`)
	if kind != "" {
		q.Add(` AND l.kind = ?`, string(kind))
	}
	if country != "" {
		q.Add(` AND l.country = ?`, strings.ToUpper(country))
	}
	q.Add(` ORDER BY l.kind, g.folded, l.organisation LIMIT 500`)
	var ids []int64
	found, err := db.List(ctx, h, q, func(r *db.Rows) (Liaison, error) {
		id, l, err := scanLiaison(r)
		ids = append(ids, id)
		return l, err
	})
	if err != nil {
		return nil, err
	}
	orgs, err := s.ByID(ctx, h, ids...)
	out := make([]Listed, len(ids))
	for i, id := range ids {
		out[i] = Listed{orgs[id], found[i]}
	}
	slices.SortStableFunc(out, func(a, b Listed) int {
		return slices.Index(LiaisonKinds(), a.Kind) - slices.Index(LiaisonKinds(), b.Kind)
	})
	return out, err
}

// SetLiaison says what an organisation is to us; an empty kind takes that away. The actor needs access.WriteRegistry. Refused: Invalid with all problems,
// NotFound.
func (s *Service) SetLiaison(ctx context.Context, by access.Actor, organisation string, in Liaison) error {
	if err := by.Need(access.WriteRegistry); err != nil {
		return err
	}
	var p errs.Problems
	if in.Kind != "" && !slices.Contains(LiaisonKinds(), in.Kind) {
		p.Add("kind", "error.choice")
	}
	in.Country = strings.ToUpper(text(&p, "country", in.Country, 100, false))
	if in.Country != "" && (len(in.Country) != 2 || strings.Trim(in.Country, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "") {
		p.Add("country", "error.country")
	}
	in.Basis = text(&p, "basis", in.Basis, maxBasis, false)
	if in.Kind == "" && in.Country+in.Basis != "" {
		p.Add("kind", "error.required")
	}
	if err := p.Err(); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		o, err := access.LoadForChange(ctx, tx, by, ref.Organisation, organisation)
		if err != nil {
			return err
		}
		all, err := s.Liaisons(ctx, tx, o.Ref.ID)
		if err != nil {
			return err
		}
		was := all[o.Ref.ID]
		var changed []audit.Change
		for _, x := range [][3]string{{"kind", string(was.Kind), string(in.Kind)}, {"country", was.Country, in.Country}, {"basis", was.Basis, in.Basis}} {
			if x[1] != x[2] {
				changed = append(changed, audit.Change{Field: x[0], From: x[1], To: x[2]})
			}
		}
		if len(changed) == 0 {
			return nil
		}
		now := s.Clock.Now()
		if _, err := tx.Exec(ctx, `DELETE FROM constituency_liaison WHERE organisation = $1`, o.Ref.ID); err != nil {
			return err
		}
		if in.Kind != "" {
			if _, err := tx.Exec(ctx, `INSERT INTO constituency_liaison (organisation, kind, country, basis, changed_at) VALUES ($1, $2, $3, $4, $5)`,
				o.Ref.ID, string(in.Kind), in.Country, in.Basis, now); err != nil {
				return err
			}
		}
		if err := access.Update(ctx, tx, &o, now); err != nil {
			return err
		}
		return s.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: "constituency.set_liaison", On: o.Ref, Changes: changed}) // without compartment: the basis is the team's
	})
}
