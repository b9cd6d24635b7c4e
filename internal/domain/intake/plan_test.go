package intake

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// crowd fills the tables with n reports of 50 organisations: one in ten waits, one in a hundred has a clock.
func crowd(ctx context.Context, t testing.TB, h *coretest.House, n int) {
	t.Helper()
	now := h.Clock.Now().UnixMicro()
	for _, q := range []string{
		`WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < $1)
		INSERT INTO object (id, kind, uid, ref, realm, compartment, tlp, created_at, updated_at)
		SELECT 1000000 + i, 1, 'crowd' || i, 'R-' || i, 1, 1 + i % 500, 3, CAST($2 AS BIGINT) + i, CAST($2 AS BIGINT) + i FROM c`,
		`WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < $1)
		INSERT INTO intake_report (id, reference, channel, lang, state, received_at, thread, proof, seal, receipt, queue, queue_at, body)
		SELECT 1000000 + i, 'R-' || i, 'mail', 'en', CASE WHEN i % 10 = 0 THEN 'new' ELSE 'rejected' END, CAST($2 AS BIGINT) + i, i, 1, 'none', 'none',
		CASE WHEN i % 100 = 0 THEN 1 WHEN i % 10 = 0 THEN 2 ELSE 0 END, CAST($2 AS BIGINT) + i, $3 FROM c`,
	} {
		args := []any{n, now, []byte("x")}
		if !strings.Contains(q, "$3") {
			args = args[:2]
		}
		if _, err := h.DB.Exec(ctx, q, args...); err != nil {
			t.Fatal(err)
		}
	}
	if h.DB.Engine() == db.SQLite {
		return // plans must be good without statistics: nobody gathers them there
	}
	for _, table := range []string{"object", "intake_report"} { // PostgreSQL gathers them by itself, later
		if _, err := h.DB.Exec(ctx, "ANALYZE "+table); err != nil {
			t.Fatal(err)
		}
	}
}

// No list of reports reads a whole table or sorts one, on either engine.
func TestPlansUseIndexes(t *testing.T) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		ctx := t.Context()
		crowd(ctx, t, h, 20_000)
		s := &Service{DB: h.DB, Clock: h.Clock, Ring: h.Ring}
		ana, rui, eva := h.Person(1, "Ana", access.Analyst), h.Constituent(2, "Rui", 7), h.Person(3, "Eva", access.Peer)
		at := cursor{isNew, h.Clock.Now().Add(10 * time.Millisecond), 1000100}
		for name, q := range map[string]*db.Query{
			"queue":           s.listQuery(ana, QueueFilter{}, true, true, cursor{}, 51),
			"queue, mine":     s.listQuery(ana, QueueFilter{Mine: true}, true, true, cursor{}, 51),
			"queue, page two": s.listQuery(ana, QueueFilter{}, true, true, at, 51),
			"queue, a group":  s.listQuery(ana, QueueFilter{Group: "new"}, true, true, cursor{}, 51),
			"queue, folded":   s.listQuery(ana, QueueFilter{Fold: true}, true, true, cursor{}, 51),
			"group":           s.listQuery(ana, QueueFilter{Like: "x", like: 1000100}, true, true, cursor{}, 51),
			"state":           s.listQuery(ana, QueueFilter{State: Rejected}, false, false, cursor{}, 51),
			"newest":          s.listQuery(ana, QueueFilter{}, false, false, at, 51),
			"hits":            s.keyQuery(ana, QueueFilter{}, false, cursor{}, []int64{1000100, 1000200, 1000300}, 0),
			"hits, waiting":   s.keyQuery(ana, QueueFilter{}, true, at, []int64{1000100, 1000200, 1000300}, 0),
			"hits, state":     s.keyQuery(ana, QueueFilter{State: Rejected}, false, cursor{}, []int64{1000100, 1000200, 1000300}, 0),
			"met, waiting":    s.keyQuery(ana, QueueFilter{}, true, at, nil, walked),
			"met, state":      s.keyQuery(ana, QueueFilter{State: Rejected}, false, at, nil, walked),
			"own":             s.listQuery(rui, QueueFilter{}, false, false, cursor{}, 51),
			"granted":         s.listQuery(eva, QueueFilter{}, false, false, at, 51),
		} {
			for _, line := range plan(ctx, t, h.DB, q) {
				bad := strings.HasPrefix(line, "SCAN") && !strings.Contains(line, "USING INDEX") && !strings.Contains(line, "counted") && !strings.Contains(line, "CONSTANT")
				if bad || strings.Contains(line, "Seq Scan on intake_report") || strings.Contains(line, "Seq Scan on object") {
					t.Errorf("%s: %s\n%s", name, line, strings.Join(plan(ctx, t, h.DB, q), "\n"))
					break
				}
				if strings.HasPrefix(name, "hits") && strings.Contains(line, "SEARCH r") && !strings.Contains(line, "rowid=?") && !strings.Contains(line, "id=?") {
					t.Errorf("%s are not looked up: %s", name, line)
					break
				}
				if (strings.Contains(line, "TEMP B-TREE") || name == "granted" && strings.Contains(line, "Sort")) && name != "own" && name != "group" {
					t.Errorf("%s sorts: %s\n%s", name, line, strings.Join(plan(ctx, t, h.DB, q), "\n"))
					break
				}
			}
			start := time.Now()
			if _, err := db.List(ctx, h.DB, q, func(r *db.Rows) (l line, err error) {
				if strings.HasPrefix(name, "hits") || strings.HasPrefix(name, "met") {
					return l, r.Scan(&l.Ref.ID, &l.queue, &l.queueAt)
				}
				return scanLine(r, strings.HasPrefix(name, "queue") || name == "group")
			}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			t.Logf("%s: %s", name, time.Since(start))
		}
	})
}

func plan(ctx context.Context, t *testing.T, d *db.DB, q *db.Query) []string {
	t.Helper()
	if d.Engine() == db.Postgres {
		lines, err := db.All(ctx, d, func(r *db.Rows) (s string, err error) { return s, r.Scan(&s) }, "EXPLAIN "+q.Text(), q.Args()...)
		if err != nil {
			t.Fatal(err)
		}
		return lines
	}
	lines, err := db.All(ctx, d, func(r *db.Rows) (s string, err error) {
		var a, b, c int64
		return s, r.Scan(&a, &b, &c, &s)
	}, "EXPLAIN QUERY PLAN "+q.Text(), q.Args()...)
	if err != nil {
		t.Fatal(err)
	}
	return lines
}
