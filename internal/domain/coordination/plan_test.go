package coordination

import (
	"context"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// No list grows with the table: each of the four readers of a list finds its rows by an index.
func TestListsUseAnIndex(t *testing.T) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		ctx := context.Background()
		s := &Service{DB: h.DB, Clock: h.Clock, Ring: h.Ring}
		link := access.Actor{Origin: access.ByLink, Strength: access.Link, Compartments: []int64{7}}
		for reader, by := range map[string]access.Actor{
			"analyst": h.Person(1, "Ana", access.Analyst), "constituent": h.Constituent(2, "Rui", 7), "peer": h.Person(3, "Eva", access.Peer), "link": link,
		} {
			lists := map[string]*db.Query{}
			for name, f := range map[string]RequestFilter{"all": {}, "open": {Open: true}, "one party": {Party: 5}, "next page": {After: cursor{1, 2}.String(), Open: true}} {
				var err, err2 error
				lists["requests "+name], _, err = s.due(by, f, ref.Request, requestColumns, requestTable)
				lists["measures "+name], _, err2 = s.due(by, f, ref.Measure, measureColumns, measureTable)
				if err != nil || err2 != nil {
					t.Fatal(err, err2)
				}
			}
			one := new(db.Query).Add(`SELECT ` + partyColumns + ` FROM `)
			lists["party"] = s.from(one, by, ref.Party, partyTables, "p").Add(` AND o.uid = ?`, "x")
			matrix := new(db.Query).Add(`SELECT ` + partyColumns + ` FROM `)
			lists["parties"] = s.from(matrix, by, ref.Party, partyTables, "p").Add(` AND p.subject = ? ORDER BY p.added_at, o.id`, int64(9))
			for name, q := range lists {
				if plan := explain(ctx, t, h.DB, q); strings.Contains(plan, "SCAN object") || strings.Contains(plan, "Seq Scan") || scans(plan) {
					t.Errorf("%s of %s:\n%s", name, reader, plan)
				}
			}
		}
	})
}

// scans finds a walk through a whole table without an index; walking an index in the order of the list is how a page is read.
func scans(plan string) bool {
	for line := range strings.Lines(plan) {
		if strings.HasPrefix(strings.TrimSpace(line), "SCAN") && !strings.Contains(line, "USING") && !strings.Contains(line, "CONSTANT") && !strings.Contains(line, "SCAN shown") {
			return true
		}
	}
	return false
}

func explain(ctx context.Context, t *testing.T, d *db.DB, q *db.Query) string {
	t.Helper()
	var plan []string
	err := d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		plan = nil
		words := "EXPLAIN QUERY PLAN "
		if d.Engine() == db.Postgres { // with empty tables a scan is cheapest, so what the planner can do is asked
			words = "EXPLAIN "
			if _, err := tx.Exec(ctx, `SET LOCAL enable_seqscan = off`); err != nil {
				return err
			}
		}
		rows, err := tx.Query(ctx, words+q.Text(), q.Args()...)
		return db.Each(rows, err, func(r *db.Rows) error {
			var line string
			var a, b, c int64
			var err error
			if d.Engine() == db.Postgres {
				err = r.Scan(&line)
			} else {
				err = r.Scan(&a, &b, &c, &line)
			}
			plan = append(plan, line)
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(plan, "\n")
}
