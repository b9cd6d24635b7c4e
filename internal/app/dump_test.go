package app

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sort"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// tables hashes every table, without the record of reads, the queue's own rows, and when somebody was last seen.
func (h *house) tables() map[string]string {
	h.t.Helper()
	ctx, names := h.t.Context(), h.tableNames()
	out := map[string]string{}
	for _, n := range names {
		if strings.HasPrefix(n, "audit_") || strings.HasPrefix(n, "river_") || strings.HasPrefix(n, "sqlite_") || n == "account_session" || n == "account_try" || n == "presence_seen" { // to read is to be seen
			continue
		}
		rows := h.dump(ctx, n)
		sort.Strings(rows)
		out[n] = fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(rows, "\n"))))
	}
	return out
}

// tableNames are those of all tables of the database.
func (h *house) tableNames() []string {
	h.t.Helper()
	list := `SELECT name FROM sqlite_master WHERE type = 'table'`
	if h.DB.Engine() == db.Postgres {
		list = `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()`
	}
	names, err := db.All(h.t.Context(), h.DB, func(r *db.Rows) (s string, err error) { return s, r.Scan(&s) }, list)
	h.must(err)
	return names
}

// dump gives the rows of a table as text, without the columns that say when somebody was last seen.
func (h *house) dump(ctx context.Context, table string) (out []string) {
	h.t.Helper()
	add := func(columns []string, cells []any) {
		var b strings.Builder
		for i, c := range columns {
			if raw, ok := cells[i].([]byte); ok {
				cells[i] = string(raw) // a canary in it can be found
			}
			if c != "seen_at" {
				fmt.Fprintf(&b, "%s=%v|", c, cells[i])
			}
		}
		out = append(out, b.String())
	}
	if h.DB.Engine() == db.Postgres {
		rows, err := h.DB.Pool().Query(ctx, "SELECT * FROM "+table)
		h.must(err)
		defer rows.Close()
		var columns []string
		for _, f := range rows.FieldDescriptions() {
			columns = append(columns, f.Name)
		}
		for rows.Next() {
			cells, err := rows.Values()
			h.must(err)
			add(columns, cells)
		}
		h.must(rows.Err())
		return out
	}
	rows, err := h.DB.Writer().QueryContext(ctx, "SELECT * FROM "+table)
	h.must(err)
	defer rows.Close()
	columns, err := rows.Columns()
	h.must(err)
	for rows.Next() {
		cells := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range cells {
			into[i] = &cells[i]
		}
		h.must(rows.Scan(into...))
		add(columns, cells)
	}
	h.must(rows.Err())
	return out
}
