package db

import (
	"context"
	"slices"
)

// Wanted is how many ids of a table a transaction is about to need.
type Wanted struct {
	Table string // a constant of the caller; its column of ids is called id
	N     int
}

// Reserve draws ids before their rows are inserted: rows that name each other then travel together by Later, without an answer for each. What is
// left over at the end is given up. On SQLite, where an answer is no round trip, it does nothing.
func (t *Tx) Reserve(ctx context.Context, wanted ...Wanted) error {
	if t.pg == nil {
		return nil
	}
	q := new(Query)
	for i, w := range wanted {
		if i > 0 {
			q.Add(` UNION ALL `)
		}
		q.Add(`SELECT CAST(? AS BIGINT), nextval(pg_get_serial_sequence('`+w.Table+`', 'id')) FROM generate_series(1, ?)`, int64(i), int64(w.N))
	}
	rows, err := q.Query(ctx, t)
	ids := make([][]int64, len(wanted))
	err = Each(rows, err, func(r *Rows) error {
		var i, n int64
		err := r.Scan(&i, &n)
		ids[i] = append(ids[i], n)
		return err
	})
	if err != nil {
		return err
	}
	if t.reserved == nil {
		t.reserved = map[string][]int64{}
	}
	for i, w := range wanted {
		slices.Sort(ids[i])
		t.reserved[w.Table] = append(t.reserved[w.Table], ids[i]...)
	}
	return nil
}

// Reserved gives the next id of a table that Reserve has drawn, 0 when there is none: the row then gets its id as it is inserted.
func (t *Tx) Reserved(table string) int64 {
	left := t.reserved[table]
	if len(left) == 0 {
		return 0
	}
	t.reserved[table] = left[1:]
	return left[0]
}
