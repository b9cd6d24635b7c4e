package coordination

import (
	"context"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// silentAfter is how long the answer to a question is late before its organisation counts as silent.
const silentAfter = 14 * 24 * time.Hour

// SilentSince gives since when organisations have answered nothing that we asked: those of whose open questions one is late by two weeks, and who said nothing on
// any thread since it was asked. The caller has checked that the reader may see them.
func (s *Service) SilentSince(ctx context.Context, h db.Handle, organisations ...int64) (map[int64]time.Time, error) {
	out := map[int64]time.Time{}
	for some := range slices.Chunk(organisations, 500) {
		q := new(db.Query).Add(`SELECT p.organisation, MIN(r.asked_at) FROM coordination_party p JOIN coordination_request r ON r.party = p.id
			WHERE p.withdrawn_at IS NULL AND r.open = TRUE AND r.due_at < ?`, s.Clock.Now().Add(-silentAfter))
		q.Add(` AND NOT EXISTS (SELECT 1 FROM coordination_party w WHERE w.organisation = p.organisation AND w.organisation <> 0 AND w.word_at > r.asked_at) AND p.organisation <> 0 AND p.organisation IN `)
		_, err := db.List(ctx, h, db.In(q, some).Add(` GROUP BY p.organisation`), func(r *db.Rows) (n int64, err error) {
			var since time.Time
			if err = r.Scan(&n, &since); err == nil {
				out[n] = since
			}
			return n, err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
