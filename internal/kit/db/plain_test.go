package db_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Whatever a limit is, bound or written out, each reading gives its own rows: also where one argument is used twice, stands before others or in a text.
func TestALimitIsItsOwn(t *testing.T) {
	ctx := context.Background()
	d, err := db.Open(ctx, db.Config{Path: filepath.Join(t.TempDir(), "x.db"), Conns: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Exec(ctx, `CREATE TABLE x AS WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c LIMIT $1) SELECT i FROM c`, 100); err != nil {
		t.Fatal(err)
	}
	count := func(h db.Handle, query string, args ...any) (n int) {
		t.Helper()
		if err := h.QueryRow(ctx, query, args...).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	tx := func(do func(db.Handle)) {
		if err := d.Write(ctx, func(_ context.Context, tx *db.Tx) error { do(tx); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []int{5, 7, 5, 0, 1, 2, 3, 4, 9, 7, 5} {
		for name, in := range map[string]func(func(db.Handle)){"outside": func(do func(db.Handle)) { do(d) }, "inside": tx} {
			in(func(h db.Handle) {
				for query, args := range map[string][]any{
					`SELECT COUNT(*) FROM (SELECT i FROM x LIMIT $1)`:                                                {n},
					`SELECT COUNT(*) FROM (SELECT i FROM x WHERE i > $2 LIMIT $1)`:                                   {n, int64(3)},
					`SELECT COUNT(*) FROM (SELECT i FROM x LIMIT $1) WHERE i <= $1`:                                  {n},
					`SELECT COUNT(*) FROM (SELECT i FROM (SELECT i FROM x LIMIT $1) WHERE $3 = 'LIMIT ?1' LIMIT $2)`: {n, n, "LIMIT ?1"},
					`SELECT COUNT(*) FROM (SELECT i FROM x LIMIT $1 OFFSET $2)`:                                      {int64(n), 1},
					fmt.Sprintf(`SELECT COUNT(*) FROM (SELECT i FROM x WHERE i > $2 LIMIT $1) -- %0*d`, 5000, 1):     {n, 3},
				} {
					if got := count(h, query, args...); got != n {
						t.Errorf("%s: %.70s: %d, want %d", name, query, got, n)
					}
				}
			})
		}
	}
}
