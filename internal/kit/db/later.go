package db

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// mostLater is how many statements wait at most: they and their arguments are in memory.
const mostLater = 64

// Later runs a statement of which nobody asks what it changed. On PostgreSQL it travels with the next statement of the transaction, or before the
// commit, and has no round trip of its own; its error is then that statement's. So what may fail in a way that the caller answers goes through
// Exec, and arguments do not change after the call. On SQLite it runs at once.
func (t *Tx) Later(ctx context.Context, query string, args ...any) error {
	if t.pg == nil {
		_, err := t.Exec(ctx, query, args...)
		return err
	}
	if t.later == nil {
		t.later = &pgx.Batch{}
	}
	t.later.Queue(query, encode(args)...)
	if t.later.Len() < mostLater {
		return nil
	}
	return t.flush(ctx)
}

// Later runs the built statement when the transaction next speaks with the database.
func (q *Query) Later(ctx context.Context, tx *Tx) error {
	return tx.Later(ctx, q.Text(), q.args...)
}

// flush runs what Later left.
func (t *Tx) flush(ctx context.Context) error {
	if t.later == nil {
		return nil
	}
	r, err := t.send(ctx, t.later.Len())
	if err != nil {
		return err
	}
	return kind(r.Close())
}

// send sends what Later left and reads the first n answers.
func (t *Tx) send(ctx context.Context, n int) (pgx.BatchResults, error) {
	r := t.pg.SendBatch(ctx, t.later)
	t.later = nil
	for range n {
		if _, err := r.Exec(); err != nil {
			_ = r.Close()
			return nil, kind(err)
		}
	}
	return r, nil
}

// with puts a statement behind what Later left and sends both: its own answer is the next to be read.
func (t *Tx) with(ctx context.Context, query string, args []any) (pgx.BatchResults, error) {
	n := t.later.Len()
	t.later.Queue(query, args...)
	return t.send(ctx, n)
}

func (t *Tx) execPG(ctx context.Context, query string, args []any) (int64, error) {
	if t.later == nil {
		tag, err := t.pg.Exec(ctx, query, args...)
		return tag.RowsAffected(), kind(err)
	}
	r, err := t.with(ctx, query, args)
	if err != nil {
		return 0, err
	}
	tag, err := r.Exec()
	if e := r.Close(); err == nil {
		err = e
	}
	return tag.RowsAffected(), kind(err)
}

func (t *Tx) queryPG(ctx context.Context, query string, args []any) (*Rows, error) {
	if t.later == nil {
		r, err := t.pg.Query(ctx, query, args...)
		return &Rows{pg: r}, kind(err)
	}
	b, err := t.with(ctx, query, args)
	if err != nil {
		return &Rows{}, err
	}
	r, err := b.Query()
	if err != nil {
		_ = b.Close()
		return &Rows{}, kind(err)
	}
	return &Rows{pg: r, sent: b}, nil
}
