package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	_ "modernc.org/sqlite" // registers the "sqlite" driver

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// direct are the connections of PostgreSQL beside the lanes: of the job queue, and of who listens or holds a lock.
const direct = 8

func openPostgres(ctx context.Context, c Config, conns int) (*DB, error) {
	pc, err := pgxpool.ParseConfig(c.URL)
	if err != nil {
		return nil, errs.New(errs.Invalid, "the database address cannot be read")
	}
	pc.MaxConns = int32(conns + direct)
	pc.MaxConnIdleTime = 5 * time.Minute
	if pc.ConnConfig.RuntimeParams["application_name"] == "" {
		pc.ConnConfig.RuntimeParams["application_name"] = "tocsin"
	}
	// A page asks thirty short statements, whose planning costs as much as running them, and a connection sees each text a hundred times: one plan for
	// all values. Indexes are mostly in memory, or on disks that do not seek. Starting a second worker takes longer than any of them.
	for name, value := range map[string]string{"plan_cache_mode": "force_generic_plan", "random_page_cost": "1.1", "max_parallel_workers_per_gather": "0"} {
		if pc.ConnConfig.RuntimeParams[name] == "" {
			pc.ConnConfig.RuntimeParams[name] = value
		}
	}
	// A request to cancel that comes before its statement is lost, and the server would work on for nobody: it looks every few seconds whether we are there. Servers
	// that cannot look refuse the setting, and do without.
	pc.AfterConnect = func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, `SELECT set_config('client_connection_check_interval', '5000', false)`)
		var refused *pgconn.PgError
		if errors.As(err, &refused) {
			return nil
		}
		return err
	}
	pool, err := pgxpool.NewWithConfig(ctx, pc)
	if err != nil {
		return nil, kind(fmt.Errorf("open database: %w", err))
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, errs.Wrap(errs.Unavailable, "the database does not answer", err)
	}
	return &DB{engine: Postgres, pool: pool}, nil
}

func openSQLite(ctx context.Context, c Config, conns int) (*DB, error) {
	if err := os.MkdirAll(filepath.Dir(c.Path), 0o700); err != nil {
		return nil, errs.Wrap(errs.Unavailable, "the data folder cannot be made", err)
	}
	f, err := os.OpenFile(c.Path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, errs.Wrap(errs.Unavailable, "the database file cannot be opened", err)
	}
	_ = f.Close()
	address := func(pragmas ...string) string {
		q := url.Values{"_pragma": append([]string{"busy_timeout(10000)", "foreign_keys(1)", "temp_store(2)", "cache_size(-16000)", "recursive_triggers(1)"}, pragmas...)}
		q.Set("_txlock", "immediate")
		return "file:" + (&url.URL{Path: c.Path}).EscapedPath() + "?" + q.Encode()
	}
	// recursive_triggers: what REPLACE deletes is asked of the triggers of DELETE, which keep the record.
	// FULL: a commit returns after the write-ahead log is on disk, which is what "250" and "received" promise.
	// mmap_size, as large as SQLite takes it: names are random, so each row touches pages all over a large file, and reading those costs a tenth of a mail.
	write, err := sql.Open("sqlite", address("journal_mode(WAL)", "synchronous(2)", "wal_autocheckpoint(4000)", "mmap_size(2147418112)"))
	if err != nil {
		return nil, err
	}
	write.SetMaxOpenConns(1)
	if err := write.PingContext(ctx); err != nil {
		_ = write.Close()
		return nil, errs.Wrap(errs.Unavailable, "the database does not answer", err)
	}
	read, err := sql.Open("sqlite", address("query_only(1)", "mmap_size(268435456)"))
	if err != nil {
		_ = write.Close()
		return nil, err
	}
	read.SetMaxOpenConns(conns)
	read.SetMaxIdleConns(conns)
	d := &DB{engine: SQLite, write: write, read: read, path: c.Path, writes: newPrepared(write), reads: newPrepared(read), turns: &turns{}}
	d.turns.idle = d.endOpen
	return d, nil
}
