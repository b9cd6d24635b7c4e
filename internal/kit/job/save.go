package job

import (
	"context"
	"encoding/json"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Saved is a job that was not done yet, free of the engine that held it.
type Saved struct {
	Kind   string
	Args   []byte // JSON
	Lane   Lane
	At     time.Time
	Unique bool
}

// Unfinished lists the jobs that were not done yet, in the order of their making.
func Unfinished(ctx context.Context, h db.Handle) ([]Saved, error) {
	query := `SELECT kind, json(args), queue, CAST(strftime('%s', scheduled_at) AS INTEGER) * 1000000, unique_key IS NOT NULL FROM river_job`
	if h.Engine() == db.Postgres {
		query = `SELECT kind, args::text, queue, (EXTRACT(EPOCH FROM scheduled_at) * 1000000)::bigint, unique_key IS NOT NULL FROM river_job`
	}
	return db.All(ctx, h, func(r *db.Rows) (x Saved, err error) {
		var args string
		err = r.Scan(&x.Kind, &args, (*string)(&x.Lane), &x.At, &x.Unique)
		x.Args = []byte(args)
		return x, err
	}, query+` WHERE state IN ('available', 'pending', 'retryable', 'running', 'scheduled') ORDER BY id`)
}

// Restore inserts a saved job anew.
func (q *Queue) Restore(ctx context.Context, tx *db.Tx, s Saved) error {
	return q.Insert(ctx, tx, carrier{s.Kind, json.RawMessage(s.Args)}, Options{Lane: s.Lane, At: s.At, Unique: s.Unique})
}
