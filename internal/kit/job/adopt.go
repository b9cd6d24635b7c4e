package job

import (
	"context"
	"fmt"
	"hash/fnv"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// A process that is killed leaves its jobs marked as running. River takes them back after RescueStuckJobsAfter, which must be longer than the
// longest job: a mail that was acknowledged would wait that long for its report, and a periodic job that is unique would not run at all.
// A file of SQLite has one working process, so the queue that starts takes back all at once. On PostgreSQL each queue holds two advisory locks
// while it works, which end with its connection: one shared by all, so that the first to start knows that there is no other, and one of its
// own name, so that the others see that it is gone. Jobs name the queue that works them.

const (
	workersLock = 0x746f6373      // any number that nobody else in the database uses
	watchEvery  = 3 * time.Second // between two looks at the others; gone is who has no lock at two looks
)

// mostKilled is how many processes may die under a job. That one did is not the job's fault, and costs it none of its tries; one under which every process
// dies is set aside after so many.
const mostKilled = 100

// These make jobs of processes that are gone available again.
var (
	takeBackLite = takeBack("CURRENT_TIMESTAMP", "")
	takeBackPG   = takeBack("now()", "::river_job_state")
)

func takeBack(now, state string) string {
	return fmt.Sprintf(`UPDATE river_job SET state = (CASE WHEN attempt >= %[1]d THEN 'discarded' ELSE 'available' END)%[3]s,
		finalized_at = CASE WHEN attempt >= %[1]d THEN %[2]s END,
		max_attempts = CASE WHEN max_attempts < %[1]d THEN max_attempts + 1 ELSE max_attempts END WHERE state = 'running'`, mostKilled, now, state)
}

// watch holds the locks of one queue and looks after the others.
type watch struct {
	db   *db.DB
	name string
	log  *slog.Logger
	conn *pgxpool.Conn
}

func lockOf(name string) int32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	return int32(h.Sum32())
}

// adopt takes back what nobody works and, on PostgreSQL, watches the others until release.
func adopt(ctx context.Context, d *db.DB, name string, log *slog.Logger) (release func(), err error) {
	if d.Engine() == db.SQLite {
		_, err := d.Writer().ExecContext(ctx, takeBackLite)
		return func() {}, err
	}
	w := &watch{db: d, name: name, log: log}
	if err := w.enter(ctx); err != nil {
		return nil, fmt.Errorf("take back jobs: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer w.leave()
		w.run(ctx)
	}()
	return func() {
		stop()
		<-done
	}, nil
}

// enter takes the locks.
func (w *watch) enter(ctx context.Context) (err error) {
	if w.conn, err = w.db.Pool().Acquire(ctx); err != nil {
		w.conn = nil
		return err
	}
	var alone bool
	if err = w.conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, workersLock).Scan(&alone); err == nil && alone {
		// Ours are not nobody's: after a lost connection this process still works them.
		_, err = w.conn.Exec(ctx, takeBackPG+` AND attempted_by[array_upper(attempted_by, 1)] IS DISTINCT FROM $1`, w.name)
	}
	if err == nil {
		_, err = w.conn.Exec(ctx, `SELECT pg_advisory_lock_shared($1)`, workersLock)
	}
	if err == nil && alone {
		_, err = w.conn.Exec(ctx, `SELECT pg_advisory_unlock($1)`, workersLock)
	}
	if err == nil {
		_, err = w.conn.Exec(ctx, `SELECT pg_advisory_lock($1::int, $2::int)`, workersLock, lockOf(w.name))
	}
	if err != nil {
		w.leave()
	}
	return err
}

// leave ends the session that holds the locks: the connection does not go back to the pool with them.
func (w *watch) leave() {
	if w.conn != nil {
		_ = w.conn.Hijack().Close(context.Background())
		w.conn = nil
	}
}

// run looks at the others. A lost connection is replaced before they miss us twice.
func (w *watch) run(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	missed := map[string]bool{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		look, stop := context.WithTimeout(ctx, watchEvery)
		var err error
		if w.conn == nil {
			err = w.enter(look)
		} else if missed, err = w.look(look, missed); err != nil {
			w.leave()
			err = w.enter(look)
		}
		stop()
		if err != nil {
			missed = map[string]bool{}
		}
	}
}

// look takes back the jobs of those who had no lock before and have none now, and gives who has none now.
func (w *watch) look(ctx context.Context, before map[string]bool) (map[string]bool, error) {
	rows, err := w.conn.Query(ctx, `SELECT DISTINCT attempted_by[array_upper(attempted_by, 1)] FROM river_job WHERE state = 'running' AND attempted_by IS NOT NULL`)
	if err != nil {
		return nil, err
	}
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	now := map[string]bool{}
	for _, name := range names {
		if name == w.name {
			continue
		}
		var gone bool
		if err := w.conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1::int, $2::int)`, workersLock, lockOf(name)).Scan(&gone); err != nil {
			return nil, err
		}
		if !gone {
			continue
		}
		if now[name] = true; before[name] {
			tag, err := w.conn.Exec(ctx, takeBackPG+` AND attempted_by[array_upper(attempted_by, 1)] = $1`, name)
			if err != nil {
				return nil, err
			}
			w.log.Warn("jobs of a process that is gone were taken back", "jobs", tag.RowsAffected())
		}
		if _, err := w.conn.Exec(ctx, `SELECT pg_advisory_unlock($1::int, $2::int)`, workersLock, lockOf(name)); err != nil {
			return nil, err
		}
	}
	return now, nil
}
