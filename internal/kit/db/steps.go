package db

import (
	"context"
	"fmt"
	"time"
)

// Steps gives the first moment of each step in a column of times from since on, and the last moment of all: one look into an index for each step,
// however many rows there are. Table, column and which (a condition) are constants of the caller; an index on the column has to begin with what which
// names. Steps count from 1970-01-01.
func Steps(ctx context.Context, h Handle, table, column, which string, since time.Time, step time.Duration) (first []time.Time, last time.Time, err error) {
	least := func(from string) string {
		return fmt.Sprintf(`(SELECT MIN(%[2]s) FROM %[1]s WHERE %[3]s AND %[2]s >= %[4]s)`, table, column, which, from)
	}
	n := step.Microseconds()
	query := fmt.Sprintf(`WITH RECURSIVE w (at) AS (SELECT %s UNION ALL SELECT %s FROM w WHERE w.at IS NOT NULL) SELECT at FROM w WHERE at IS NOT NULL`,
		least("CAST($1 AS BIGINT)"), least(fmt.Sprintf("(w.at / %d + 1) * %d", n, n)))
	first, err = All(ctx, h, func(r *Rows) (t time.Time, err error) { return t, r.Scan(&t) }, query, since)
	if err != nil {
		return nil, last, err
	}
	err = h.QueryRow(ctx, fmt.Sprintf(`SELECT MAX(%s) FROM %s WHERE %s`, column, table, which)).Scan(&last)
	return first, last, err
}
