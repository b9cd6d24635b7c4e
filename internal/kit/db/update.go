package db

import (
	"context"
	"strings"
)

// Column is a column that UpdateMany sets.
type Column struct{ Name, Type string } // Type: BIGINT, TEXT, BYTEA or BOOLEAN

// UpdateMany sets columns of many rows of one table, each to values of its own, in few statements as InsertMany does. The first column is the key that
// finds a row; which are further conditions, of the caller's constants. It tells how many rows it changed.
func UpdateMany(ctx context.Context, tx *Tx, table string, columns []Column, rows [][]any, which ...string) (n int64, err error) {
	var names, set, first []string
	for i, c := range columns {
		names = append(names, c.Name)
		kind := c.Type
		if kind == "BYTEA" && tx.Engine() == SQLite {
			kind = "BLOB"
		}
		first = append(first, "CAST(? AS "+kind+")")
		if i > 0 {
			set = append(set, c.Name+" = v."+c.Name)
		}
	}
	head := "WITH v (" + strings.Join(names, ", ") + ") AS (VALUES (" + strings.Join(first, ", ") + ")"
	more := ", (?" + strings.Repeat(", ?", len(columns)-1) + ")"
	tail := ") UPDATE " + table + " SET " + strings.Join(set, ", ") + " FROM v WHERE " + strings.Join(append([]string{table + "." + names[0] + " = v." + names[0]}, which...), " AND ")
	for size := mostRows; size > 0; size /= 2 {
		for len(rows) >= size {
			q := new(Query).Add(head, rows[0]...)
			for _, r := range rows[1:size] {
				q.Add(more, r...)
			}
			changed, err := q.Add(tail).Exec(ctx, tx)
			if err != nil {
				return n, err
			}
			n += changed
			rows = rows[size:]
		}
	}
	return n, nil
}
