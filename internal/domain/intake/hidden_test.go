package intake

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// weighed is what a plan says of sizes: the class of a plan is the rest.
var weighed = regexp.MustCompile(`\s*\(cost=[^)]*\)`)

// Rule A10: sealed reports of another organisation are added among those that a reader sees, as many again. Each list and search gives the same
// rows in the same order, so every cursor stays where it is, and both engines go the same way to them.
func TestHiddenReportsChangeNothing(t *testing.T) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		ctx := t.Context()
		crowd(ctx, t, h, 5_000)
		s := &Service{DB: h.DB, Clock: h.Clock, Ring: h.Ring}
		ana, rui, eva := h.Person(1, "Ana", access.Analyst), h.Constituent(2, "Rui", 7), h.Person(3, "Eva", access.Peer)
		if _, err := h.DB.Exec(ctx, `INSERT INTO access_grant (object, account, kind, granted_by, granted_at) SELECT id, 3, 1, 1, created_at FROM object WHERE kind = 1 AND id % 7 = 0`); err != nil {
			t.Fatal(err)
		}
		queries := map[string]*db.Query{
			"queue":           s.listQuery(ana, QueueFilter{}, true, true, cursor{}, 51),
			"queue, a group":  s.listQuery(ana, QueueFilter{Group: "new"}, true, true, cursor{}, 51),
			"queue, page two": s.listQuery(ana, QueueFilter{}, true, true, cursor{isNew, h.Clock.Now().Add(2000), 1002000}, 51),
			"state":           s.listQuery(ana, QueueFilter{State: Rejected}, false, false, cursor{}, 51),
			"newest":          s.listQuery(ana, QueueFilter{}, false, false, cursor{}, 51),
			"own":             s.listQuery(rui, QueueFilter{}, false, false, cursor{}, 51),
			"granted":         s.listQuery(eva, QueueFilter{}, false, false, cursor{}, 51),
		}
		look := func() (rows map[string][]int64, plans map[string]string) {
			rows, plans = map[string][]int64{}, map[string]string{}
			for name, q := range queries {
				var err error
				rows[name], err = db.List(ctx, h.DB, q, func(r *db.Rows) (int64, error) {
					l, err := scanLine(r, strings.HasPrefix(name, "queue"))
					return l.Ref.ID, err
				})
				if err != nil {
					t.Fatal(err)
				}
				plans[name] = weighed.ReplaceAllString(strings.Join(plan(ctx, t, h.DB, q), "\n"), "")
			}
			return rows, plans
		}
		rows, plans := look()
		for name, list := range rows {
			if len(list) < 10 {
				t.Errorf("%s gives %d rows: this test does not look where it should", name, len(list))
			}
		}
		hide(ctx, t, h)
		now, then := look()
		for name := range queries {
			if !slices.Equal(rows[name], now[name]) {
				t.Errorf("%s: %v, and with hidden ones %v", name, rows[name], now[name])
			}
			if plans[name] != then[name] {
				t.Errorf("%s goes another way:\n%s\n\n%s", name, plans[name], then[name])
			}
		}
	})
}

// hide adds a sealed report of another organisation beside each of the crowd, received at the same time.
func hide(ctx context.Context, t *testing.T, h *coretest.House) {
	t.Helper()
	for _, q := range []string{
		`INSERT INTO object (id, kind, uid, ref, realm, compartment, tlp, sealed, created_at, updated_at)
		SELECT id + 1000000, kind, 'hidden' || id, 'H-' || id, realm, 501, tlp, TRUE, created_at, updated_at FROM object WHERE kind = 1`,
		`INSERT INTO intake_report (id, reference, channel, lang, state, received_at, thread, proof, seal, receipt, queue, queue_at, body)
		SELECT id + 1000000, 'H-' || id, channel, lang, state, received_at, id + 1000000, proof, seal, receipt, queue, queue_at, body FROM intake_report`,
	} {
		if _, err := h.DB.Exec(ctx, q); err != nil {
			t.Fatal(err)
		}
	}
	if h.DB.Engine() == db.SQLite {
		return
	}
	for _, table := range []string{"object", "intake_report"} {
		if _, err := h.DB.Exec(ctx, "ANALYZE "+table); err != nil {
			t.Fatal(err)
		}
	}
}
