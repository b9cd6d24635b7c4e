package db_test

import (
	"context"
	"errors"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// What a transaction does later is seen by what it does next, is stored with it, and fails with it.
func TestWhatIsDoneLaterIsDoneBeforeTheNext(t *testing.T) {
	engines(t, nil, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		if _, err := d.Exec(ctx, `CREATE TABLE note (id BIGINT PRIMARY KEY, word TEXT)`); err != nil {
			t.Fatal(err)
		}
		add := func(tx *db.Tx, id int64, word string) {
			t.Helper()
			if err := tx.Later(ctx, `INSERT INTO note (id, word) VALUES ($1, $2)`, id, word); err != nil {
				t.Fatal(err)
			}
		}
		count := func(h db.Handle) (n int64) {
			t.Helper()
			if err := h.QueryRow(ctx, `SELECT COUNT(*) FROM note`).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		err := d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			add(tx, 1, "one")
			add(tx, 2, "two")
			if n := count(tx); n != 2 {
				t.Errorf("read: %d", n)
			}
			add(tx, 3, "three")
			if n, err := tx.Exec(ctx, `UPDATE note SET word = 'x' WHERE id > $1`, int64(1)); n != 2 || err != nil {
				t.Errorf("changed: %d, %v", n, err)
			}
			add(tx, 4, "four")
			words, err := db.All(ctx, tx, func(r *db.Rows) (s string, err error) { return s, r.Scan(&s) }, `SELECT word FROM note ORDER BY id`)
			if err != nil || len(words) != 4 || words[0] != "one" || words[2] != "x" || words[3] != "four" {
				t.Errorf("%q, %v", words, err)
			}
			for id := range int64(200) {
				add(tx, 10+id, "many")
			}
			return nil
		})
		if n := count(d); err != nil || n != 204 {
			t.Fatalf("stored: %d, %v", n, err)
		}

		for name, next := range map[string]func(ctx context.Context, tx *db.Tx) error{
			"commit": func(context.Context, *db.Tx) error { return nil },
			"read": func(ctx context.Context, tx *db.Tx) error {
				var n int64
				return tx.QueryRow(ctx, `SELECT COUNT(*) FROM note`).Scan(&n)
			},
			"change": func(ctx context.Context, tx *db.Tx) error {
				_, err := tx.Exec(ctx, `DELETE FROM note`)
				return err
			},
		} {
			err := d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
				add(tx, 500, "kept by nobody")
				if err := tx.Later(ctx, `INSERT INTO note (id, word) VALUES (1, 'again')`); err != nil {
					return err // SQLite says it at once
				}
				return next(ctx, tx)
			})
			if !errs.Is(err, errs.Conflict) {
				t.Errorf("%s: %v", name, err)
			}
			if n := count(d); n != 204 {
				t.Errorf("%s: %d rows", name, n)
			}
		}
		gone := errors.New("given up")
		if err := d.Write(ctx, func(_ context.Context, tx *db.Tx) error { add(tx, 600, ""); return gone }); !errors.Is(err, gone) || count(d) != 204 {
			t.Errorf("given up: %v, %d", err, count(d))
		}
	})
}
