package constituency

import (
	"context"
	"slices"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Told is what somebody says of an organisation, to find it in the register.
type Told struct {
	External, Name string
	Emails         []string
	Assets         []string // as typed
}

// Trace is one thing in which an organisation of the register is what was told.
type Trace struct {
	Organisation int64
	By           string // "identifier", "name", "email", "network"
	Value        string
	Proved       bool // a network that it has proved
}

// mostTraces bounds what is given.
const mostTraces = 200

// Same gives the organisations that the actor may see which have the same identifier, name, mail address or asset, at most 200 traces. It needs
// ReadRegistry.
func (s *Service) Same(ctx context.Context, h db.Handle, by access.Actor, in Told) ([]Trace, error) {
	if err := by.Need(access.ReadRegistry); err != nil {
		return nil, err
	}
	var emails, values []string
	for _, e := range in.Emails {
		if folded, ok := email(e); ok {
			emails = append(emails, folded)
		}
	}
	for _, a := range in.Assets {
		if n, ok := ReadAsset(a); ok {
			values = append(values, n.Value)
		}
	}
	q := new(db.Query).Add(`SELECT x.organisation, x.how, x.value, x.proved FROM (
		SELECT id AS organisation, 'identifier' AS how, external AS value, 0 AS proved FROM constituency_organisation WHERE external = ? AND external <> ''
		UNION ALL SELECT id, 'name', name, 0 FROM constituency_organisation WHERE folded = ?
		UNION ALL SELECT organisation, 'email', email, 0 FROM constituency_contact WHERE folded <> '' AND retired_at IS NULL AND folded IN `, in.External, fold(in.Name))
	db.In(q, slices.Compact(slices.Sorted(slices.Values(emails))))
	q.Add(` UNION ALL SELECT a.organisation, 'network', a.value, CASE WHEN a.proved_at IS NULL THEN 0 ELSE 1 END FROM constituency_asset a WHERE a.kind IN ('prefix', 'asn', 'domain', 'host') AND a.value IN `)
	valid(db.In(q, values), s.Clock.Now()).Add(`) x JOIN `)
	access.Sees(by).From(q, ref.Organisation).Add(` ON o.id = x.organisation ORDER BY x.organisation, x.how, x.value LIMIT ?`, int64(mostTraces))
	return db.List(ctx, h, q, func(r *db.Rows) (t Trace, err error) {
		var proved int
		err = r.Scan(&t.Organisation, &t.By, &t.Value, &proved)
		t.Proved = proved == 1
		return t, err
	})
}
