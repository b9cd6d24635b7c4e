package db

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Table is one table with its columns in order.
type Table struct {
	Name    string
	Columns []string
	kinds   []columnKind
}

type columnKind uint8

const (
	plainColumn columnKind = iota
	boolColumn
	textColumn
	blobColumn
)

// foreign are tables that are not the house's own: those of the queue and of the migrations.
func foreign(table string) bool {
	return strings.HasPrefix(table, "river") || table == "schema_version"
}

// Dump reads every row of every own table as they stand at one moment, while others go on reading and writing. Begin may read more of that
// moment. A SQLite database must be a snapshot that nobody else writes. Values are nil, int64, bool, string or []byte, valid until row returns.
func (d *DB) Dump(ctx context.Context, begin func(h Handle) error, row func(t Table, values []any) error) error {
	var h Handle = d
	if d.engine == Postgres {
		pg, err := d.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
		if err != nil {
			return kind(err)
		}
		tx := &Tx{db: d, pg: pg}
		defer tx.rollback()
		h = tx
	}
	if err := begin(h); err != nil {
		return err
	}
	tables, err := ownTables(ctx, h)
	if err != nil {
		return err
	}
	for _, t := range tables {
		rows, err := h.Query(ctx, `SELECT "`+strings.Join(t.Columns, `", "`)+`" FROM `+t.Name)
		err = Each(rows, err, func(r *Rows) error {
			values, err := r.values(t)
			if err != nil {
				return err
			}
			return row(t, values)
		})
		if err != nil {
			return fmt.Errorf("dump %s: %w", t.Name, err)
		}
	}
	return nil
}

func (r *Rows) values(t Table) ([]any, error) {
	if r.pg != nil {
		return r.pg.Values()
	}
	values, dst := make([]any, len(t.Columns)), make([]any, len(t.Columns))
	for i := range values {
		dst[i] = &values[i]
	}
	if err := r.lite.Scan(dst...); err != nil {
		return nil, kind(err)
	}
	for i, v := range values {
		switch n := v.(type) {
		case int64:
			if t.kinds[i] == boolColumn {
				values[i] = n != 0
			}
		case []byte:
			if t.kinds[i] == textColumn {
				values[i] = string(n)
			}
		case string:
			if t.kinds[i] == blobColumn {
				values[i] = []byte(n)
			}
		}
	}
	return values, nil
}

// ownTables lists the tables of the house, each behind those that it refers to.
func ownTables(ctx context.Context, h Handle) ([]Table, error) {
	columns := `SELECT m.name, p.name, UPPER(p.type) FROM sqlite_master m JOIN pragma_table_info(m.name) p
		WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' ORDER BY m.name, p.cid`
	references := `SELECT m.name, f."table" FROM sqlite_master m JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table'`
	if h.Engine() == Postgres {
		columns = `SELECT c.table_name::text, c.column_name::text, UPPER(c.data_type::text) FROM information_schema.columns c
			JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
			WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE' ORDER BY c.table_name, c.ordinal_position`
		references = `SELECT a.relname::text, b.relname::text FROM pg_constraint x JOIN pg_class a ON a.oid = x.conrelid JOIN pg_class b ON b.oid = x.confrelid
			WHERE x.contype = 'f' AND x.connamespace = current_schema()::regnamespace`
	}
	var tables []Table
	rows, err := h.Query(ctx, columns)
	err = Each(rows, err, func(r *Rows) error {
		var table, column, typ string
		if err := r.Scan(&table, &column, &typ); err != nil || foreign(table) {
			return err
		}
		if len(tables) == 0 || tables[len(tables)-1].Name != table {
			tables = append(tables, Table{Name: table})
		}
		t := &tables[len(tables)-1]
		t.Columns = append(t.Columns, column)
		t.kinds = append(t.kinds, map[string]columnKind{"BOOLEAN": boolColumn, "TEXT": textColumn, "BLOB": blobColumn, "BYTEA": blobColumn}[typ])
		return nil
	})
	if err != nil {
		return nil, err
	}
	refers := map[string][]string{}
	rows, err = h.Query(ctx, references)
	err = Each(rows, err, func(r *Rows) error {
		var from, to string
		err := r.Scan(&from, &to)
		if from != to {
			refers[from] = append(refers[from], to)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	byName := map[string]Table{}
	for _, t := range tables {
		byName[t.Name] = t
	}
	var out []Table
	done := map[string]bool{}
	var add func(name string)
	add = func(name string) {
		t, own := byName[name]
		if done[name] || !own {
			return
		}
		done[name] = true
		for _, to := range refers[name] {
			add(to)
		}
		out = append(out, t)
	}
	for _, t := range tables {
		add(t.Name)
	}
	return out, nil
}

// Load fills an empty, migrated database in one transaction: do calls put with rows of one table at a time, each table behind those that it
// refers to, as Dump gives them. Numbers that the database gives go on behind the highest loaded one.
func (d *DB) Load(ctx context.Context, do func(put func(table string, columns []string, rows [][]any) error) error) error {
	return d.Write(ctx, func(ctx context.Context, tx *Tx) error {
		own, err := ownTables(ctx, tx)
		if err != nil {
			return err
		}
		known := map[string]Table{}
		for _, t := range own {
			known[t.Name] = t
		}
		if d.engine == SQLite {
			if _, err := tx.Exec(ctx, `PRAGMA defer_foreign_keys = ON`); err != nil {
				return err
			}
		}
		err = do(func(table string, columns []string, rows [][]any) error {
			t, ok := known[table]
			for _, c := range columns {
				ok = ok && strings.Contains("\x00"+strings.Join(t.Columns, "\x00")+"\x00", "\x00"+c+"\x00")
			}
			if !ok {
				return errs.Newf(errs.Invalid, "there is no table %s with these columns", table)
			}
			return Copy(ctx, tx, table, columns, rows)
		})
		if err != nil || d.engine != Postgres {
			return err
		}
		type identity struct{ table, column string }
		all, err := All(ctx, tx, func(r *Rows) (x identity, err error) { return x, r.Scan(&x.table, &x.column) },
			`SELECT table_name::text, column_name::text FROM information_schema.columns WHERE table_schema = current_schema() AND is_identity = 'YES'`)
		for _, x := range all {
			if err == nil && !foreign(x.table) {
				_, err = tx.Exec(ctx, `SELECT setval(pg_get_serial_sequence($1, $2), (SELECT COALESCE(MAX(`+x.column+`), 0) + 1 FROM `+x.table+`), FALSE)`, x.table, x.column)
			}
		}
		return err
	})
}

// Empty tells whether the database holds no table at all.
func (d *DB) Empty(ctx context.Context) (bool, error) {
	query := `SELECT COUNT(*) FROM sqlite_master`
	if d.engine == Postgres {
		query = `SELECT COUNT(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace`
	}
	var n int64
	err := d.QueryRow(ctx, query).Scan(&n)
	return n == 0, err
}

// Clear takes everything out of a PostgreSQL schema that was empty before: what a refused restore began.
func (d *DB) Clear(ctx context.Context) error {
	if d.engine != Postgres {
		return nil
	}
	_, err := d.pool.Exec(ctx, `DO $$ DECLARE x record; BEGIN
		FOR x IN SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' LOOP
			EXECUTE format('DROP TABLE IF EXISTS %I CASCADE', x.relname); END LOOP;
		FOR x IN SELECT oid::regprocedure AS name FROM pg_proc WHERE pronamespace = current_schema()::regnamespace LOOP
			EXECUTE format('DROP FUNCTION IF EXISTS %s CASCADE', x.name); END LOOP;
		FOR x IN SELECT typname FROM pg_type WHERE typnamespace = current_schema()::regnamespace AND typtype = 'e' LOOP
			EXECUTE format('DROP TYPE IF EXISTS %I CASCADE', x.typname); END LOOP;
	END $$`)
	return kind(err)
}
