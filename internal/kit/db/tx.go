package db

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Tx is a write transaction.
type Tx struct {
	db       *DB
	pg       pgx.Tx
	lite     *sql.Tx
	before   []atEnd
	bound    map[any]any
	after    []func()
	keep     []string // texts worth compiling for the next transactions
	later    *pgx.Batch
	reserved map[string][]int64 // ids that Reserve drew, by table
}

// atEnd is what one key of Gather leaves for the end of the transaction.
type atEnd struct {
	key any
	run func(ctx context.Context) error
}

// Engine names the engine.
func (t *Tx) Engine() Engine { return t.db.engine }

// SQL gives the SQLite transaction, for the job queue; nil on PostgreSQL.
func (t *Tx) SQL() *sql.Tx { return t.lite }

// PG gives the PostgreSQL transaction, for the job queue; nil on SQLite. What Later left is run before.
func (t *Tx) PG(ctx context.Context) (pgx.Tx, error) { return t.pg, t.flush(ctx) }

// Gather keeps one value for key as long as the transaction lives: make makes it when it is first asked for, and last is then run before the
// commit, whose error ends the transaction; nil runs nothing. What is gathered while the last ones run is run after them. So what many verbs of one transaction need becomes one thing, such as one job for
// all of them.
func Gather[T any](tx *Tx, key any, last func(ctx context.Context, all *T) error) *T {
	if v, ok := tx.bound[key].(*T); ok {
		return v
	}
	v := new(T)
	if tx.bound == nil {
		tx.bound = map[any]any{}
	}
	tx.bound[key] = v
	if last != nil {
		tx.before = append(tx.before, atEnd{key, func(ctx context.Context) error { return last(ctx, v) }})
	}
	return v
}

// AfterCommit runs f once the transaction is committed, never when it is rolled back. f must be quick.
func (t *Tx) AfterCommit(f func()) { t.after = append(t.after, f) }

// ForUpdate gives the clause that locks the selected rows until commit, of all tables or of those with these aliases: on PostgreSQL, nothing on
// SQLite, which has one writer.
func (t *Tx) ForUpdate(of ...string) string {
	switch {
	case t.db.engine != Postgres:
		return ""
	case len(of) == 0:
		return " FOR UPDATE"
	}
	return " FOR UPDATE OF " + strings.Join(of, ", ")
}

// Hold waits until no other transaction holds the name, and holds it to the end of this one; SQLite has one writer and waits for nobody. Its error
// may be that of the next statement, as of Later.
func (t *Tx) Hold(ctx context.Context, name []byte) error {
	if t.db.engine != Postgres {
		return nil
	}
	sum := sha256.Sum256(name)
	return t.Later(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(binary.BigEndian.Uint64(sum[:8]))) //nolint:gosec // any 64 bits
}

// Exec runs a statement and gives the number of rows it changed.
func (t *Tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	if t.pg != nil {
		return t.execPG(ctx, query, encode(args))
	}
	var r sql.Result
	var err error
	if stmt, text := t.compiled(ctx, query, args); stmt != nil {
		r, err = stmt.ExecContext(ctx, encode(args)...)
	} else {
		r, err = t.lite.ExecContext(ctx, text, encode(args)...)
	}
	if err != nil {
		return 0, kind(err)
	}
	n, err := r.RowsAffected()
	return n, kind(err)
}

// Query reads inside the transaction. On PostgreSQL the rows must be closed before the next statement; All does that.
func (t *Tx) Query(ctx context.Context, query string, args ...any) (*Rows, error) {
	if t.pg != nil {
		return t.queryPG(ctx, query, encode(args))
	}
	if stmt, text := t.compiled(ctx, query, args); stmt != nil {
		r, err := stmt.QueryContext(ctx, encode(args)...)
		return &Rows{lite: r}, kind(err)
	} else {
		r, err := t.lite.QueryContext(ctx, text, encode(args)...)
		return &Rows{lite: r}, kind(err)
	}
}

// compiled gives the kept statement of a query inside the transaction, or its text. What is worth keeping is compiled after the commit, when
// the one connection is free.
func (t *Tx) compiled(ctx context.Context, query string, args []any) (*sql.Stmt, string) {
	text := t.db.lite(query, args)
	stmt, keep := t.db.writes.get(text)
	if keep {
		t.keep = append(t.keep, text)
	}
	if stmt == nil {
		return nil, text
	}
	return t.lite.StmtContext(ctx, stmt), text
}

// keepTexts compiles what transactions found worth keeping; the one connection is free.
func (d *DB) keepTexts(texts []string) {
	ctx, stop := context.WithTimeout(context.Background(), time.Second) // the job queue may hold the connection
	defer stop()
	for i, text := range texts {
		if i < 8 && !slices.Contains(texts[:i], text) {
			_, _ = d.writes.keep(ctx, text) // another transaction may do so; nothing depends on it
		}
	}
}

// QueryRow reads one row inside the transaction.
func (t *Tx) QueryRow(ctx context.Context, query string, args ...any) *Row {
	r, err := t.Query(ctx, query, args...)
	return &Row{rows: r, err: err}
}

// commit and rollback end a transaction of PostgreSQL.
func (t *Tx) commit(ctx context.Context) error {
	if err := t.flush(ctx); err != nil {
		t.rollback()
		return err
	}
	return t.pg.Commit(ctx)
}

func (t *Tx) rollback() {
	ctx, stop := context.WithTimeout(context.Background(), 5*time.Second)
	defer stop()
	_ = t.pg.Rollback(ctx)
}
