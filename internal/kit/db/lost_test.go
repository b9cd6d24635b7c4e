package db_test

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Whatever a server that goes away answers, or does not answer, to whoever is at it: it is not available, and nothing else. What is kept for
// another try, and what is set aside as poison, hangs on that.
func TestALostServerIsNotAvailable(t *testing.T) {
	if pgtest.Engines(t)[len(pgtest.Engines(t))-1] != "postgres" {
		return
	}
	ctx := t.Context()
	dsn := pgtest.DSN(t, func(ctx context.Context, dsn string) error {
		c, err := pgx.Connect(ctx, dsn)
		if err != nil {
			return err
		}
		defer func() { _ = c.Close(ctx) }()
		_, err = c.Exec(ctx, `CREATE TABLE lost (n INT)`)
		return err
	}, "lost")
	d, err := db.Open(ctx, db.Config{URL: dsn})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(u.Path, "/")
	u.Path = "/postgres"
	admin, err := pgx.Connect(ctx, u.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = admin.Close(context.Background()) })
	ask := func(sql string) {
		if _, err := admin.Exec(ctx, sql); err != nil {
			t.Error(err)
		}
	}
	for range 3 {
		var all sync.WaitGroup
		failed := make(chan error, 10_000)
		for n := range 8 {
			all.Go(func() {
				for i := 0; i < 2000 && len(failed) < 200; i++ {
					var err error
					if n%2 == 0 {
						err = d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
							if _, err := tx.Exec(ctx, `INSERT INTO lost VALUES ($1)`, i); err != nil {
								return err
							}
							var n int
							return tx.QueryRow(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM lost LIMIT 10) t`).Scan(&n)
						})
					} else {
						_, err = db.All(ctx, d, func(r *db.Rows) (n int, err error) { return n, r.Scan(&n) }, `SELECT n FROM lost LIMIT 50`)
					}
					if err != nil {
						failed <- err
					}
				}
			})
		}
		ask(`ALTER DATABASE ` + pgx.Identifier{name}.Sanitize() + ` WITH ALLOW_CONNECTIONS false`)
		ask(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '` + name + `'`)
		all.Wait()
		ask(`ALTER DATABASE ` + pgx.Identifier{name}.Sanitize() + ` WITH ALLOW_CONNECTIONS true`)
		close(failed)
		n := 0
		for err := range failed {
			if n++; !errs.Is(err, errs.Unavailable) {
				t.Errorf("%s: %v", errs.Of(err), err)
			}
		}
		if n == 0 {
			t.Error("nothing failed")
		}
	}
}
