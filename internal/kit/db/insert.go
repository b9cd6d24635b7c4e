package db

import (
	"context"
	"strings"
)

// mostRows is how many rows one statement of InsertMany carries.
const mostRows = 32

// InsertMany inserts rows of one table in few statements: of 32 rows, then of 16, 8 and so on, so that the engines keep all their texts compiled,
// by Later.
func InsertMany(ctx context.Context, tx *Tx, table string, columns []string, rows [][]any) error {
	for q := range inserts(table, columns, rows) {
		if err := q.Later(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

// InsertReturning is InsertMany that reads columns of each stored row, in no order that could be relied on.
func InsertReturning[T any](ctx context.Context, tx *Tx, table string, columns []string, rows [][]any, returning string, scan func(*Rows) (T, error)) ([]T, error) {
	out := make([]T, 0, len(rows))
	for q := range inserts(table, columns, rows) {
		some, err := List(ctx, tx, q.Add(" RETURNING "+returning), scan)
		if err != nil {
			return nil, err
		}
		out = append(out, some...)
	}
	return out, nil
}

func inserts(table string, columns []string, rows [][]any) func(yield func(*Query) bool) {
	return func(yield func(*Query) bool) {
		for size := mostRows; size > 0; size /= 2 {
			for len(rows) >= size {
				q := new(Query).Add("INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES ")
				for i, r := range rows[:size] {
					if i > 0 {
						q.Add(", ")
					}
					q.Add("(?"+strings.Repeat(", ?", len(columns)-1)+")", r...)
				}
				if !yield(q) {
					return
				}
				rows = rows[size:]
			}
		}
	}
}
