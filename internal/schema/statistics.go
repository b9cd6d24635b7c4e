package schema

import (
	"context"
	"database/sql"
	_ "embed"
	"fmt"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// statistics are what SQLite's planner is told of the tables: lines of table, index ("-" for the table itself) and the rows of sqlite_stat1
// (https://sqlite.org/fileformat2.html#the_sqlite_stat1_table), as ANALYZE found them in a house with 100,000 incidents. They are given rather than
// gathered, so that every house plans its queries as the measured one does: without any SQLite reads whole tables once there are many rows, and
// with samples of its own it plans a query anew for each value. A table that is not named here is guessed at.
//
//go:embed statistics.txt
var statistics string

// inform writes the statistics when they are not there yet.
func inform(ctx context.Context, w *sql.DB) error {
	tx, err := w.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	there := ""
	err = tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM sqlite_schema WHERE name = 'sqlite_stat1'`).Scan(&there)
	if err == nil && there == "0" {
		_, err = tx.ExecContext(ctx, `ANALYZE schema_version`) // the only way to make the table
	}
	if err != nil {
		return err
	}
	const list = `SELECT COALESCE(GROUP_CONCAT(line, ''), '') FROM (SELECT tbl || '|' || COALESCE(idx, '-') || '|' || stat || CHAR(10) AS line FROM sqlite_stat1 ORDER BY 1)`
	if err := tx.QueryRowContext(ctx, list).Scan(&there); err != nil || there == statistics {
		return err
	}
	for _, table := range []string{"sqlite_stat1", "sqlite_stat4"} {
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+table); err != nil {
			return err
		}
	}
	for line := range strings.Lines(statistics) {
		f := strings.Split(strings.TrimSpace(line), "|")
		if len(f) != 3 {
			return fmt.Errorf("statistics: %q", line)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, NULLIF(?, '-'), ?)`, f[0], f[1], f[2]); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	_, err = w.ExecContext(ctx, `ANALYZE sqlite_schema`) // reads them anew
	return err
}

func plan(ctx context.Context, d *db.DB) error {
	if d.Engine() != db.SQLite {
		return nil // it gathers its own
	}
	if err := inform(ctx, d.Writer()); err != nil {
		return fmt.Errorf("inform the planner: %w", err)
	}
	return nil
}
