package db_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// What verbs of one transaction gather is done once, before the commit; its error undoes the transaction.
func TestGathered(t *testing.T) {
	ctx := t.Context()
	d, err := db.Open(ctx, db.Config{Path: filepath.Join(t.TempDir(), "tocsin.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	if _, err := d.Exec(ctx, `CREATE TABLE job (letters INTEGER)`); err != nil {
		t.Fatal(err)
	}
	wrong := errors.New("no queue")
	for _, fails := range []error{nil, wrong} {
		err := d.Write(ctx, func(_ context.Context, tx *db.Tx) error {
			for n := range 3 {
				all := db.Gather(tx, "letters", func(ctx context.Context, all *[]int) error {
					if _, err := tx.Exec(ctx, `INSERT INTO job (letters) VALUES ($1)`, len(*all)); err != nil {
						return err
					}
					return fails
				})
				*all = append(*all, n)
			}
			return nil
		})
		if !errors.Is(err, fails) {
			t.Errorf("got %v, want %v", err, fails)
		}
	}
	letters, err := db.All(ctx, d, func(r *db.Rows) (n int, err error) { return n, r.Scan(&n) }, `SELECT letters FROM job`)
	if err != nil || len(letters) != 1 || letters[0] != 3 {
		t.Errorf("jobs of %v letters: %v", letters, err)
	}
}

// What the last ones of a transaction gather is done after them, under a key that was done already too.
func TestGatheredAtTheEnd(t *testing.T) {
	engines(t, nil, func(t *testing.T, d *db.DB) {
		err := d.Write(t.Context(), func(_ context.Context, tx *db.Tx) error {
			note := func(name string) {
				all := db.Gather(tx, "notes", func(ctx context.Context, all *[]string) error {
					for _, s := range *all {
						if err := insert(s)(ctx, tx); err != nil {
							return err
						}
					}
					return nil
				})
				*all = append(*all, name)
			}
			db.Gather(tx, "first", func(context.Context, *int) error {
				note("before its turn")
				db.Gather(tx, "last", func(context.Context, *int) error {
					note("after its turn")
					return nil
				})
				return nil
			})
			note("in time")
			return nil
		})
		names, lerr := db.All(t.Context(), d, func(r *db.Rows) (s string, err error) { return s, r.Scan(&s) }, `SELECT name FROM page ORDER BY name`)
		if err != nil || lerr != nil || len(names) != 3 {
			t.Errorf("kept %v: %v, %v", names, err, lerr)
		}
	})
}
