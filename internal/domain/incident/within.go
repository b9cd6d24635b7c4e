package incident

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Within gives the objects of incidents that were opened, and of those that were closed, in a time, as far as the actor may see them; at most limit each.
func (s *Service) Within(ctx context.Context, h db.Handle, by access.Actor, from, to time.Time, limit int) (opened, closed []Incident, err error) {
	if err := by.Need(access.ReadCases); err != nil {
		return nil, nil, err
	}
	for _, x := range []struct {
		column string
		out    *[]Incident
	}{{"opened_at", &opened}, {"closed_at", &closed}} {
		q := new(db.Query).Add(`SELECT ` + columns + ` FROM `)
		access.Sees(by).From(q, ref.Incident).Add(` JOIN incident_incident i ON i.id = o.id LEFT JOIN keyring_key k ON k.owner = o.id
			WHERE i.`+x.column+` >= ? AND i.`+x.column+` < ? ORDER BY i.`+x.column+`, i.id LIMIT ?`, from, to, limit)
		if *x.out, err = db.List(ctx, h, q, s.scan); err != nil {
			return nil, nil, err
		}
	}
	return opened, closed, nil
}

// SealedNumbers gives the numbers of sealed incidents that are not closed, newest first, past any scope: for the house, which may name a number and
// nothing else.
func (s *Service) SealedNumbers(ctx context.Context, h db.Handle, limit int) ([]string, error) {
	return db.All(ctx, h, func(r *db.Rows) (n string, err error) { return n, r.Scan(&n) },
		`SELECT o.ref FROM incident_incident i JOIN object o ON o.id = i.id WHERE i.state <> 'closed' AND o.sealed = TRUE ORDER BY i.id DESC LIMIT $1`, limit)
}
