package db_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Statements of SQLite are compiled once and used by many: more texts than are kept, from several readers and a writer at once, still give
// what they say; a change of the schema and a rollback do no harm to what is kept.
func TestCompiledStatementsAreShared(t *testing.T) {
	ctx := context.Background()
	d, err := db.Open(ctx, db.Config{Path: filepath.Join(t.TempDir(), "x.db"), Conns: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Exec(ctx, `CREATE TABLE x (id INTEGER PRIMARY KEY, word TEXT NOT NULL)`); err != nil {
		t.Fatal(err)
	}
	put := func(n int64, fail bool) error {
		return d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			if _, err := tx.Exec(ctx, `INSERT INTO x (id, word) VALUES ($1, $2)`, n, fmt.Sprint("w", n)); err != nil {
				return err
			}
			var word string
			if err := tx.QueryRow(ctx, `SELECT word FROM x WHERE id = $1`, n).Scan(&word); err != nil || word != fmt.Sprint("w", n) {
				return fmt.Errorf("%q: %w", word, err)
			}
			if fail {
				return fmt.Errorf("not this one")
			}
			return nil
		})
	}
	for n := range int64(5) {
		if err := put(n, false); err != nil {
			t.Fatal(err)
		}
		if err := put(100+n, true); err == nil {
			t.Fatal("a failed transaction passed")
		}
	}
	var group sync.WaitGroup
	for reader := range 4 {
		group.Go(func() {
			for n := range 2100 {
				var word string
				text := fmt.Sprintf(`SELECT word FROM x WHERE id = $1 AND %d = %d`, n%700, n%700)
				if err := d.QueryRow(ctx, text, int64(n%5)).Scan(&word); err != nil || word != fmt.Sprint("w", n%5) {
					t.Errorf("reader %d: %q, %v", reader, word, err)
					return
				}
			}
		})
	}
	group.Go(func() {
		for n := range int64(50) {
			if err := put(1000+n, false); err != nil {
				t.Error(err)
			}
		}
		if _, err := d.Exec(ctx, `ALTER TABLE x ADD COLUMN more TEXT NOT NULL DEFAULT ''`); err != nil {
			t.Error(err)
		}
		if err := put(5000, false); err != nil {
			t.Error(err)
		}
	})
	group.Wait()
	var count int64
	if err := d.QueryRow(ctx, `SELECT COUNT(*) FROM x`).Scan(&count); err != nil || count != 56 {
		t.Fatalf("%d rows, %v", count, err)
	}
}
