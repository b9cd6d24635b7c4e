package job

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// A process that is killed leaves its jobs marked as running. River takes them back after RescueStuckJobsAfter, which must be longer than the
// longest job: a mail that was acknowledged would wait that long for its report, and a periodic job that is unique would not run at all.
// So the first queue that starts where no other works takes them back at once. A file of SQLite has one working process. On PostgreSQL each
// queue holds a shared advisory lock while it works; whoever gets it alone knows that the others are gone.

// workersLock is the advisory lock that every working queue shares.
const workersLock = 0x746f6373 // any number that nobody else in the database uses

// adopt takes back the jobs of processes that are gone. The connection, if any, holds the lock until release.
func adopt(ctx context.Context, d *db.DB) (release func(), err error) {
	if d.Engine() == db.SQLite {
		_, err := d.Writer().ExecContext(ctx, `UPDATE river_job SET state = 'available' WHERE state = 'running'`)
		return func() {}, err
	}
	conn, err := d.Pool().Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("take back jobs: %w", err)
	}
	release = func() { letGo(conn) }
	var alone bool
	if err = conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, workersLock).Scan(&alone); err == nil && alone {
		_, err = conn.Exec(ctx, `UPDATE river_job SET state = 'available' WHERE state = 'running'`)
	}
	if err == nil {
		_, err = conn.Exec(ctx, `SELECT pg_advisory_lock_shared($1)`, workersLock)
	}
	if err == nil && alone {
		_, err = conn.Exec(ctx, `SELECT pg_advisory_unlock($1)`, workersLock)
	}
	if err != nil {
		release()
		return nil, fmt.Errorf("take back jobs: %w", err)
	}
	return release, nil
}

// letGo ends the session that holds the lock: the connection does not go back to the pool with it.
func letGo(conn *pgxpool.Conn) { _ = conn.Hijack().Close(context.Background()) }
