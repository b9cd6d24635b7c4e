package deadline

import (
	"context"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// FillTx writes clocks as they stand, ended ones too: for who fills an empty house.
func (s *Service) FillTx(ctx context.Context, tx *db.Tx, clocks []Clock) error {
	rows := make([][]any, len(clocks))
	for i, c := range clocks {
		if c.Under.IsZero() {
			c.Under = c.About
		}
		rows[i] = []any{
			id.New(), c.About.ID, int64(c.About.Kind), c.Under.ID, int64(c.Under.Kind), c.Compartment, c.Kind, c.OwedBy, c.Law, c.StartedAt, c.DueAt,
			c.MetAt, c.StoppedAt, c.RemindAt, c.RemindedAt, c.EscalatedAt,
		}
	}
	return db.Copy(ctx, tx, "deadline_clock", []string{
		"uid", "about", "about_kind", "strip", "strip_kind", "compartment", "kind", "owed_by", "law", "started_at", "due_at", "met_at", "stopped_at",
		"remind_at", "reminded_at", "escalated_at",
	}, rows)
}
