// Package db gives one way to speak SQL to two engines: SQLite (one machine) and PostgreSQL (several).
//
// A Handle is either the database or a transaction. Statements are common SQL with $1 placeholders. Times are time.Time in Go and
// whole microseconds UTC in the column; the zero time is NULL. Booleans are {bool} in migrations. Driver errors come back as kinds of
// package errs. A write runs in a transaction that is retried when the engine says it lost a race; a write inside a write panics:
// use the verb's Tx sibling.
package db

import (
	"context"
	"database/sql"
	"fmt"
	"math/bits"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Engine names the database engine behind a handle.
type Engine uint8

// The two engines.
const (
	SQLite Engine = iota + 1
	Postgres
)

func (e Engine) String() string {
	if e == Postgres {
		return "postgres"
	}
	return "sqlite"
}

// Handle runs statements on the database or inside a transaction.
type Handle interface {
	Engine() Engine
	Exec(ctx context.Context, query string, args ...any) (affected int64, err error)
	Query(ctx context.Context, query string, args ...any) (*Rows, error)
	QueryRow(ctx context.Context, query string, args ...any) *Row
}

// DB is an open database. Its own Query and QueryRow read outside a transaction.
type DB struct {
	engine Engine
	write  *sql.DB // SQLite: one connection
	read   *sql.DB // SQLite: read-only pool
	pool   *pgxpool.Pool
	plain  sync.Map // query text -> *plain
	writes *prepared
	reads  *prepared
	path   string
	shares *[lanes]Share
	conns  *connections
	turns  *turns    // SQLite: whose turn it is to write
	shared *together // of who has the turn; nil when no transaction is open
	free   func() (free, total uint64, ok bool)

	commits atomic.Uint64
}

// Config says where the database is.
type Config struct {
	URL   string // "postgres://…", or "" for SQLite
	Path  string // file of the SQLite database
	Conns int    // most connections or readers that a busy lane has, its own among them; 0 chooses
	// Shares are what the lanes have; nil takes the usual ones.
	Shares *[lanes]Share
	// Free gives the room on the disk in bytes, for those lanes that leave some of it; nil looks at none.
	Free func() (free, total uint64, ok bool)
}

// Open opens the database and proves that it answers. It does not migrate.
func Open(ctx context.Context, c Config) (*DB, error) {
	if c.Conns == 0 {
		c.Conns = max(8, 4*runtime.GOMAXPROCS(0))
	}
	if c.Shares == nil {
		c.Shares = &Shares
	}
	conns, all := newConnections(c.Shares, max(1, c.Conns-c.Shares[Desk].Own))
	open := openSQLite
	if c.URL != "" {
		open = openPostgres
	}
	d, err := open(ctx, c, all)
	if err != nil {
		return nil, err
	}
	d.shares, d.conns, d.free = c.Shares, conns, c.Free
	return d, nil
}

// Engine names the engine.
func (d *DB) Engine() Engine { return d.engine }

// Commits counts the transactions that this process has committed: as long as it stands, nothing that this process wrote has changed.
func (d *DB) Commits() uint64 { return d.commits.Load() }

// Path gives the file of a SQLite database, "" on PostgreSQL.
func (d *DB) Path() string { return d.path }

// Writer gives the one writing connection pool of SQLite, for the job queue; nil on PostgreSQL.
func (d *DB) Writer() *sql.DB { return d.write }

// Pool gives the pool of PostgreSQL, for the job queue, COPY and LISTEN; nil on SQLite.
func (d *DB) Pool() *pgxpool.Pool { return d.pool }

// Close ends all connections.
func (d *DB) Close() {
	if d.pool != nil {
		d.pool.Close()
	}
	d.reads.close()
	d.writes.close()
	if d.read != nil {
		_ = d.read.Close()
	}
	if d.write != nil {
		_ = d.write.Close()
	}
}

// Exec runs one statement in a transaction of its own.
func (d *DB) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	var n int64
	err := d.Write(ctx, func(ctx context.Context, tx *Tx) (err error) {
		n, err = tx.Exec(ctx, query, args...)
		return err
	})
	return n, err
}

// Query reads outside a transaction, for as long as the lane may.
func (d *DB) Query(ctx context.Context, query string, args ...any) (*Rows, error) {
	lane := LaneOf(ctx)
	share := &d.shares[lane]
	held, err := d.conns.enter(ctx, lane, *share)
	if err != nil {
		return &Rows{}, kind(err)
	}
	r := &Rows{held: held}
	if share.Read > 0 {
		ctx, r.stop = context.WithTimeout(ctx, share.Read)
	}
	if d.engine == Postgres {
		r.pg, err = d.pool.Query(ctx, query, encode(args)...)
	} else {
		r.lite, err = d.queryLite(ctx, query, args)
	}
	if err != nil {
		r.leave()
	}
	return r, kind(err)
}

func (d *DB) queryLite(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	text := d.lite(query, args)
	stmt, keep := d.reads.get(text)
	if keep {
		var err error
		if stmt, err = d.reads.keep(ctx, text); err != nil {
			return nil, err
		}
	}
	if stmt != nil {
		return stmt.QueryContext(ctx, encode(args)...) //nolint:sqlclosecheck // Rows closes it
	}
	return d.read.QueryContext(ctx, text, encode(args)...) //nolint:sqlclosecheck // Rows closes it
}

// QueryRow reads one row outside a transaction.
func (d *DB) QueryRow(ctx context.Context, query string, args ...any) *Row {
	r, err := d.Query(ctx, query, args...)
	return &Row{rows: r, err: err}
}

type writing struct{}

// Write runs do in one transaction and commits it, or rolls back when do gives an error. It runs do again when the engine reports a
// lost race, so do must change nothing but the database and what it assigns anew on each run. It waits in the line of the context's lane.
func (d *DB) Write(ctx context.Context, do func(ctx context.Context, tx *Tx) error) error {
	if ctx.Value(writing{}) != nil {
		panic("db: a write inside a write; use the Tx verb")
	}
	lane := LaneOf(ctx)
	if err := d.room(lane); err != nil {
		return err
	}
	for try := 0; ; try++ {
		tx, err := d.writeOnce(ctx, lane, try > 0, do)
		if err == nil {
			d.commits.Add(1)
			for _, f := range tx.after {
				f()
			}
			return nil
		}
		if try < 8 && lostRace(err) && ctx.Err() == nil {
			select {
			case <-time.After(time.Duration(1<<try) * time.Millisecond):
				continue
			case <-ctx.Done():
			}
		}
		return kind(err)
	}
}

func (d *DB) writeOnce(ctx context.Context, lane Lane, again bool, do func(context.Context, *Tx) error) (*Tx, error) {
	share := &d.shares[lane]
	if d.turns != nil {
		if err := d.turns.take(ctx, lane, *share); err != nil {
			return nil, err
		}
		ctx, stop := within(ctx, share.Write)
		defer stop()
		return d.writeTogether(ctx, lane, again, do)
	}
	held, err := d.conns.enter(ctx, lane, *share)
	if err != nil {
		return nil, err
	}
	defer func() { <-held }()
	ctx, stop := within(ctx, share.Write)
	defer stop()
	p, err := d.pool.Begin(ctx)
	if err != nil {
		return nil, err
	}
	tx := &Tx{db: d, pg: p}
	done := false
	defer func() {
		if !done {
			tx.rollback()
		}
	}()
	if err := tx.run(ctx, do); err != nil {
		return nil, err
	}
	done = true
	return tx, tx.commit(ctx)
}

func within(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, d)
}

// run runs do, and then what it left for the end of the transaction.
func (t *Tx) run(ctx context.Context, do func(context.Context, *Tx) error) error {
	ctx = context.WithValue(ctx, writing{}, true)
	if err := do(ctx, t); err != nil {
		return err
	}
	for i := 0; i < len(t.before); i++ { // they may leave more
		delete(t.bound, t.before[i].key)
		if err := t.before[i].run(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Each calls scan for every row and closes the rows.
func Each(rows *Rows, err error, scan func(*Rows) error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// All collects one value per row.
func All[T any](ctx context.Context, h Handle, scan func(*Rows) (T, error), query string, args ...any) ([]T, error) {
	var out []T
	rows, err := h.Query(ctx, query, args...)
	err = Each(rows, err, func(r *Rows) error {
		v, err := scan(r)
		if err == nil {
			out = append(out, v)
		}
		return err
	})
	return out, err
}

// One reads the first row; without one the error is errs.ErrNotFound.
func One[T any](ctx context.Context, h Handle, scan func(*Rows) (T, error), query string, args ...any) (T, error) {
	var zero T
	all, err := All(ctx, h, scan, query, args...)
	if err != nil {
		return zero, err
	}
	if len(all) == 0 {
		return zero, errs.ErrNotFound
	}
	return all[0], nil
}

// Query builds a statement piece by piece; every ? becomes the next placeholder.
type Query struct {
	b    strings.Builder
	args []any
}

// Add appends text and its arguments, as many as it has question marks.
func (q *Query) Add(text string, args ...any) *Query {
	if n := strings.Count(text, "?"); n != len(args) {
		panic(fmt.Sprintf("db: %d arguments for %d placeholders in %q", len(args), n, text))
	}
	rest := text
	for _, a := range args {
		before, after, _ := strings.Cut(rest, "?")
		q.args = append(q.args, a)
		q.b.WriteString(before)
		q.b.WriteString("$")
		q.b.WriteString(strconv.Itoa(len(q.args)))
		rest = after
	}
	q.b.WriteString(rest)
	return q
}

// In appends "(?, ?, …)" for the values; an empty list matches nothing. Lists up to 64 are filled up with their last value to a power of
// two, so that lists of all lengths share few texts, which the engines keep compiled.
func In[T any](q *Query, values []T) *Query {
	if len(values) == 0 {
		return q.Add("(NULL)")
	}
	n := len(values)
	if n <= 64 {
		n = 1 << bits.Len(uint(n-1))
	}
	q.b.WriteString("(")
	for i := range n {
		if i > 0 {
			q.b.WriteString(", ")
		}
		q.args = append(q.args, values[min(i, len(values)-1)])
		q.b.WriteString("$")
		q.b.WriteString(strconv.Itoa(len(q.args)))
	}
	q.b.WriteString(")")
	return q
}

// Text gives the statement.
func (q *Query) Text() string { return q.b.String() }

// Args gives the arguments.
func (q *Query) Args() []any { return q.args }

// Query runs the built statement on a handle.
func (q *Query) Query(ctx context.Context, h Handle) (*Rows, error) {
	return h.Query(ctx, q.Text(), q.args...)
}

// Exec runs the built statement on a handle.
func (q *Query) Exec(ctx context.Context, h Handle) (int64, error) {
	return h.Exec(ctx, q.Text(), q.args...)
}

// List runs the built statement and collects one value per row.
func List[T any](ctx context.Context, h Handle, q *Query, scan func(*Rows) (T, error)) ([]T, error) {
	return All(ctx, h, scan, q.Text(), q.args...)
}
