package db

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Copy inserts many rows of one table, for who fills a house: COPY on PostgreSQL, InsertMany on SQLite.
func Copy(ctx context.Context, tx *Tx, table string, columns []string, rows [][]any) error {
	if tx.pg != nil && len(rows) > 0 {
		if err := tx.flush(ctx); err != nil {
			return err
		}
		_, err := tx.pg.CopyFrom(ctx, pgx.Identifier{table}, columns, pgx.CopyFromSlice(len(rows), func(i int) ([]any, error) { return encode(rows[i]), nil }))
		return kind(err)
	}
	return InsertMany(ctx, tx, table, columns, rows)
}

// Reserve takes n ids in a row of a table whose ids the database gives, and gives the first. Nobody else may insert into the table meanwhile.
func Reserve(ctx context.Context, tx *Tx, table string, n int) (first int64, err error) {
	err = tx.QueryRow(ctx, `SELECT COALESCE(MAX(id), 0) + 1 FROM `+table).Scan(&first)
	if err == nil && tx.pg != nil && n > 0 {
		_, err = tx.Exec(ctx, `SELECT setval(pg_get_serial_sequence($1, 'id'), $2)`, table, first+int64(n)-1)
	}
	return first, err
}

// index is one that WithoutIndexes drops and makes again.
type index struct{ name, statement string }

// WithoutIndexes runs fill while the indexes of the database are away, and makes them again, also when fill fails: many rows are sorted once rather
// than one after the other. Keys and constraints of tables stay. It is for an empty house that nobody serves.
func (d *DB) WithoutIndexes(ctx context.Context, fill func() error, told func(name string)) error {
	query := `SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND name NOT LIKE 'river%' ORDER BY name`
	if d.engine == Postgres {
		query = `SELECT i.indexname, i.indexdef FROM pg_indexes i WHERE i.schemaname = current_schema() AND i.indexname NOT LIKE 'river%'
			AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = (quote_ident(i.schemaname) || '.' || quote_ident(i.indexname))::regclass) ORDER BY i.indexname`
	}
	all, err := All(ctx, d, func(r *Rows) (x index, err error) { return x, r.Scan(&x.name, &x.statement) }, query)
	if err != nil {
		return err
	}
	for _, x := range all {
		if _, err := d.Exec(ctx, `DROP INDEX `+x.name); err != nil {
			return err
		}
	}
	err = fill()
	back := context.WithoutCancel(ctx)
	for _, x := range all {
		if told != nil {
			told(x.name)
		}
		if _, e := d.Exec(back, x.statement); err == nil {
			err = e
		}
	}
	return err
}

// Analyze counts what the tables hold, for PostgreSQL's planner: after many rows came at once. SQLite's is told by the schema what houses hold.
func (d *DB) Analyze(ctx context.Context) error {
	if d.engine != Postgres {
		return nil
	}
	_, err := d.pool.Exec(ctx, `ANALYZE`)
	return kind(err)
}
