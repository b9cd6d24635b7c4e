package schema_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/schema"
)

// SQLite's planner knows what a house holds, by indexes that exist, and without samples that would make it plan for each value.
func TestThePlannerIsInformed(t *testing.T) {
	ctx := t.Context()
	d, err := db.Open(ctx, db.Config{Path: filepath.Join(t.TempDir(), "tocsin.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	for range 2 { // again at each start
		if err := schema.Migrate(ctx, d); err != nil {
			t.Fatal(err)
		}
	}
	one := func(query string) (n int) {
		t.Helper()
		if err := d.QueryRow(ctx, query).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := one(`SELECT COUNT(*) FROM sqlite_stat1`); n < 50 {
		t.Errorf("%d rows", n)
	}
	if n := one(`SELECT COUNT(*) FROM sqlite_stat4`); n != 0 {
		t.Errorf("%d samples", n)
	}
	strangers, err := db.All(ctx, d, func(r *db.Rows) (s string, err error) { return s, r.Scan(&s) },
		`SELECT tbl || '.' || COALESCE(idx, '') FROM sqlite_stat1 x WHERE NOT EXISTS (SELECT 1 FROM sqlite_schema m WHERE m.name = COALESCE(x.idx, x.tbl))`)
	if err != nil || len(strangers) > 0 {
		t.Errorf("statistics of what does not exist: %s %v", strings.Join(strangers, " "), err)
	}
	plan, err := db.All(ctx, d, func(r *db.Rows) (s string, err error) {
		var a, b, c int
		return s, r.Scan(&a, &b, &c, &s)
	}, `EXPLAIN QUERY PLAN SELECT COUNT(*) FROM incident_incident i JOIN object o ON o.id = i.id WHERE o.kind = 2 AND i.state <> 'closed'`)
	if err != nil || !strings.Contains(strings.Join(plan, "\n"), "incident_open") || strings.Contains(strings.Join(plan, "\n"), "object_newest") {
		t.Errorf("the open incidents are not walked by their index: %q, %v", plan, err)
	}
}
