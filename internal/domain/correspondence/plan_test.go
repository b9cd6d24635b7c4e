package correspondence

import (
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Lists walk an index and do not grow with what lies behind them: no statement scans or sorts a whole table, for no kind of reader.
func TestListsWalkAnIndex(t *testing.T) {
	engines(t, func(o *office) {
		th := o.open(tlp.Green, lone("a@x.example"))
		m := o.sent(th, letter)
		o.must(o.Stop(o.ctx, o.analyst, m.UID))
		// By the statistics that SQLite is given, which know of no codes.
		codes := codesOf(o.analyst, `COUNT(*)`).Add(untold)
		if plan := o.indexed("codes to tell", codes, false); o.DB.Engine() == db.SQLite && !strings.Contains(plan[0], " c USING INDEX correspondence_code_untold") {
			o.Errorf("codes to tell do not begin with the codes:\n%s", strings.Join(plan, "\n"))
		}
		// 20,000 letters in 2,000 threads of a past year.
		series := `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)`
		for _, q := range []string{
			strings.Replace(series, "%d", "2000", 1) + ` INSERT INTO object (kind, uid, realm, compartment, tlp, created_at, updated_at)
				SELECT 4, 'bulk-' || i, 1, 1000000 + i % 50, 2, i, i FROM n`,
			`INSERT INTO keyring_key (owner, wrapped, created_at) SELECT o.id, k.wrapped, 0 FROM object o, keyring_key k WHERE o.uid LIKE 'bulk-%' AND k.owner = ` + itoa(th.Ref.ID),
			`INSERT INTO correspondence_thread (object, about, about_kind, reference, tag, body)
				SELECT o.id, t.about, 1, 'R-' || o.id, CAST('tag' || o.id AS {blob}), t.body FROM object o, correspondence_thread t WHERE o.uid LIKE 'bulk-%' AND t.object = ` + itoa(th.Ref.ID),
			strings.Replace(series, "%d", "20000", 1) + ` INSERT INTO correspondence_message (uid, thread, direction, channel, kind, state, at, tlp, seal, line, body)
				SELECT 'bulk-' || n.i, b.object, 2, 'mail', 'letter', 'sent', n.i, 2, 'signed', 40000000000000000 - n.i, m.body
				FROM n JOIN correspondence_thread b ON b.object = (SELECT min(object) FROM correspondence_thread) + n.i % 2000
				CROSS JOIN correspondence_message m WHERE m.id = ` + itoa(m.ID),
			`ANALYZE`,
		} {
			kind := "BLOB"
			if o.DB.Engine() == db.Postgres {
				kind = "BYTEA"
			}
			_, err := o.DB.Exec(o.ctx, strings.ReplaceAll(q, "{blob}", kind))
			o.must(err)
		}
		readers := map[string]access.Actor{
			"wide": o.analyst, "constituent": o.h.Constituent(9, "Eva", 1000007), "peer": o.h.Person(4, "Peer", access.Peer),
		}
		for name, by := range readers {
			q, err := outboxQuery(by, OutboxFilter{}, 50)
			o.must(err)
			if name == "wide" { // the outbox is for nobody else
				o.indexed(name+" outbox", q, true)
				q, err = outboxQuery(by, OutboxFilter{State: Sent, After: cursor(40000000000000000-1000, 5)}, 50)
				o.must(err)
				o.indexed(name+" outbox, second page of sent", q, true)
			}
			q = o.visible(by, messageColumns).Add(` AND m.thread IN (?) ORDER BY m.at, m.id`, th.Ref.ID)
			o.indexed(name+" messages", q, false)
			q = o.visible(by, messageColumns).Add(` AND o.uid = ? AND m.uid = ?`, "x", "y")
			o.indexed(name+" one message", q, false)
		}
		for name, text := range map[string]string{
			"match":               `SELECT ` + threadColumns + threadTables + `WHERE t.tag IN ($1)`,
			"sweep":               `SELECT object FROM correspondence_arrival WHERE state = 'new' AND received_at < $1 ORDER BY received_at, object LIMIT 256`,
			"loose":               `SELECT uid, blob FROM correspondence_file WHERE message = 0 AND stored_at < $1 ORDER BY stored_at LIMIT 100`,
			"limit":               `SELECT domain, count(*), 0 FROM correspondence_automatic WHERE at > 5 AND domain IN ($1) GROUP BY domain`,
			"limit of an address": `SELECT address, count(*), 0 FROM correspondence_automatic WHERE at > 5 AND address IN ($1) GROUP BY address`,
			"seen":                `UPDATE correspondence_message SET seen_at = 1 WHERE thread = $1 AND direction = 2 AND state = 'sent' AND seen_at IS NULL`,
			"sort job":            `SELECT a.object FROM correspondence_arrival a WHERE a.object = $1`,
		} {
			if o.DB.Engine() == db.SQLite { // PostgreSQL scans what is empty
				q := new(db.Query).Add(strings.ReplaceAll(text, "$1", "?"), 1)
				o.indexed(name, q, false)
			}
		}
		if o.DB.Engine() == db.SQLite {
			plan, err := db.All(o.ctx, o.DB, func(r *db.Rows) (s string, err error) {
				var x, y, z int64
				return s, r.Scan(&x, &y, &z, &s)
			}, "EXPLAIN QUERY PLAN "+overdueLetters, 1, 1)
			o.must(err)
			if !strings.Contains(strings.Join(plan, "\n"), "correspondence_message_state") {
				o.Errorf("what is overdue is looked for among all letters: %q", plan)
			}
		}
	})
}

func itoa(n int64) string {
	var b [20]byte
	i := len(b)
	for ; n > 0; n /= 10 {
		i--
		b[i] = byte('0' + n%10)
	}
	return string(b[i:])
}

// indexed fails when the plan of a query scans a table, or sorts where it should walk in order.
func (o *office) indexed(name string, q *db.Query, ordered bool) (plan []string) {
	o.Helper()
	explain := "EXPLAIN QUERY PLAN "
	if o.DB.Engine() == db.Postgres {
		explain = "EXPLAIN "
	}
	plan, err := db.All(o.ctx, o.DB, func(r *db.Rows) (s string, err error) {
		if o.DB.Engine() == db.Postgres {
			return s, r.Scan(&s)
		}
		var x, y, z int64
		return s, r.Scan(&x, &y, &z, &s)
	}, explain+q.Text(), q.Args()...)
	o.must(err)
	all := strings.Join(plan, "\n")
	for _, l := range plan {
		l = strings.TrimSpace(l)
		bad := strings.Contains(l, "Seq Scan on correspondence_message") || strings.Contains(l, "Seq Scan on object") ||
			strings.Contains(l, "Seq Scan on correspondence_thread") || strings.HasPrefix(l, "SCAN ") && !strings.Contains(l, " USING ")
		sorts := strings.Contains(l, "TEMP B-TREE FOR ORDER BY") || strings.HasPrefix(l, "->  Sort") || strings.HasPrefix(l, "Sort")
		if bad || ordered && sorts {
			o.Errorf("%s: %s\n%s", name, l, all)
			break
		}
	}
	return plan
}
