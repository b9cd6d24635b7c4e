package schema_test

import (
	"context"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
	"github.com/tocsin-csirt/tocsin/internal/schema"
)

// A database with reports from before the index of their words says up to where they are to be taken in; a new one has nothing to take in.
func TestReportsOfBeforeTheirIndexAreNoted(t *testing.T) {
	for _, engine := range pgtest.Engines(t) {
		t.Run(engine, func(t *testing.T) {
			for _, reports := range []int64{0, 3} {
				ctx := t.Context()
				c := db.Config{Path: t.TempDir() + "/tocsin.db"}
				if engine == "postgres" {
					c.URL = pgtest.DSN(t, func(context.Context, string) error { return nil }, "empty")
				}
				d, err := db.Open(ctx, c)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(d.Close)
				if err := schema.MigrateTo(ctx, d, 70); err != nil {
					t.Fatal(err)
				}
				for i := range reports {
					for _, q := range []string{
						`INSERT INTO object (id, kind, uid, ref, realm, compartment, tlp, created_at, updated_at) VALUES ($1, 1, 'u' || CAST($1 AS BIGINT), '', 1, 1, 3, 1, 1)`,
						`INSERT INTO intake_report (id, reference, channel, lang, state, received_at, thread, proof, seal, receipt, queue, queue_at, body)
						VALUES ($1, 'R-' || CAST($1 AS BIGINT), 'mail', 'en', 'new', 1, $1, 1, 'none', 'none', 2, 1, '')`,
					} {
						if _, err := d.Exec(ctx, q, 40+i); err != nil {
							t.Fatal(err)
						}
					}
				}
				if err := schema.Migrate(ctx, d); err != nil {
					t.Fatal(err)
				}
				all, err := db.All(ctx, d, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) }, `SELECT below FROM search_backlog WHERE kind = 1`)
				if err != nil || len(all) > 1 || (len(all) == 1) != (reports > 0) || (reports > 0 && all[0] != 40+reports) {
					t.Errorf("%d reports: %v, %v", reports, all, err)
				}
			}
		})
	}
}
