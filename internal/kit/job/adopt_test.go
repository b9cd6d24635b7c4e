package job_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
)

type ring struct {
	N int `json:"n"`
}

func (ring) Kind() string { return "test.ring" }

func open(t *testing.T, engine string) *db.DB {
	t.Helper()
	c := db.Config{Path: filepath.Join(t.TempDir(), "jobs.db"), Conns: 12}
	if engine == "postgres" {
		c.URL = pgtest.DSN(t, func(context.Context, string) error { return nil }, "job empty 1")
	}
	d, err := db.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	if err := job.Migrate(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	return d
}

// start gives a queue that says which jobs it worked.
func start(t *testing.T, d *db.DB) (q *job.Queue, rang chan int) {
	t.Helper()
	rang = make(chan int, 10)
	r := job.NewRegistry()
	job.Handle(r, job.House, func(_ context.Context, x ring) error { rang <- x.N; return nil })
	q, err := job.New(d, r, map[job.Lane]int{job.House: 1}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := q.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		end, stop := context.WithTimeout(context.Background(), 10*time.Second)
		defer stop()
		if err := q.Stop(end); err != nil {
			t.Error(err)
		}
	})
	return q, rang
}

// A process was killed while it worked a job: the next one that starts works it at once, not when the longest job would have ended. Where
// another process still works, its jobs are left alone.
func TestJobsOfAKilledProcessAreTakenBack(t *testing.T) {
	pgtest.OnEach(t, func(t *testing.T, engine string) {
		d := open(t, engine)
		inserter, err := job.New(d, job.NewRegistry(), nil, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		orphan := func(n int) {
			t.Helper()
			err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				if err := inserter.Insert(ctx, tx, ring{n}, job.Options{}); err != nil {
					return err
				}
				_, err := tx.Exec(ctx, `UPDATE river_job SET state = 'running', attempt = 1, attempted_at = created_at WHERE state = 'available'`)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		heard := func(rang chan int, want int) {
			t.Helper()
			select {
			case n := <-rang:
				if n != want {
					t.Errorf("job %d was worked, want %d", n, want)
				}
			case <-time.After(20 * time.Second):
				t.Fatalf("job %d still waits", want)
			}
		}
		orphan(1)
		_, first := start(t, d)
		heard(first, 1)
		if engine != "postgres" {
			return // one working process a file
		}
		orphan(2)
		_, second := start(t, d)
		err = d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			return inserter.Insert(ctx, tx, ring{3}, job.Options{})
		})
		if err != nil {
			t.Fatal(err)
		}
		select {
		case n := <-first:
			second <- n
		case n := <-second:
			second <- n
		case <-time.After(20 * time.Second):
			t.Fatal("no job is worked")
		}
		heard(second, 3)
		var state string
		if err := d.QueryRow(t.Context(), `SELECT state FROM river_job WHERE state = 'running'`).Scan(&state); err != nil {
			t.Errorf("the job that another process works was taken from it: %v", err)
		}
	})
}

// The connection that holds a working process's locks is lost and replaced: what the process works meanwhile stays its own.
func TestALostConnectionTakesNoJobFromItsWorker(t *testing.T) {
	pgtest.OnEach(t, func(t *testing.T, engine string) {
		if engine != "postgres" {
			return // a file has no connections to lose
		}
		d := open(t, engine)
		began, end := make(chan int, 2), make(chan struct{})
		r := job.NewRegistry()
		job.Handle(r, job.House, func(_ context.Context, x ring) error {
			began <- x.N
			<-end
			return nil
		})
		q, err := job.New(d, r, map[job.Lane]int{job.House: 3}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if err := q.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			stopping, stop := context.WithTimeout(context.Background(), 10*time.Second)
			defer stop()
			if err := q.Stop(stopping); err != nil {
				t.Error(err)
			}
		})
		const holder = `SELECT COALESCE(MAX(l.pid), 0) FROM pg_locks l JOIN pg_database b ON b.oid = l.database WHERE l.locktype = 'advisory' AND l.objsubid = 2 AND b.datname = current_database()`
		pid := func() (n int64) {
			t.Helper()
			if err := d.QueryRow(t.Context(), holder).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		if err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error { return q.Insert(ctx, tx, ring{1}, job.Options{}) }); err != nil {
			t.Fatal(err)
		}
		<-began
		lost := pid()
		if lost == 0 {
			t.Fatal("nobody holds a lock")
		}
		if _, err := d.Pool().Exec(t.Context(), `SELECT pg_terminate_backend($1)`, lost); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(30 * time.Second); pid() == lost || pid() == 0; {
			if time.Now().After(deadline) {
				t.Fatal("the lock was not taken again")
			}
			<-time.After(50 * time.Millisecond)
		}
		var state string
		if err := d.QueryRow(t.Context(), `SELECT state::text FROM river_job`).Scan(&state); err != nil || state != "running" {
			t.Errorf("the job that is worked is %s: %v", state, err)
		}
		close(end)
	})
}

// A job whose processes were killed again and again is worked all the same; one under which a hundred of them died is set aside.
func TestAKillCostsAJobNoTry(t *testing.T) {
	pgtest.OnEach(t, func(t *testing.T, engine string) {
		d := open(t, engine)
		inserter, err := job.New(d, job.NewRegistry(), nil, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		for n, tried := range map[int]int64{1: 100, 2: job.MaxTries} {
			err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				if err := inserter.Insert(ctx, tx, ring{n}, job.Options{}); err != nil {
					return err
				}
				_, err := tx.Exec(ctx, `UPDATE river_job SET state = 'running', attempt = $1, max_attempts = $1, attempted_at = created_at WHERE state = 'available'`, tried)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		_, rang := start(t, d)
		select {
		case n := <-rang:
			if n != 2 {
				t.Errorf("job %d was worked", n)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("no job is worked")
		}
		var aside int
		if err := d.QueryRow(t.Context(), `SELECT COUNT(*) FROM river_job WHERE state = 'discarded' AND attempt = 100 AND finalized_at IS NOT NULL`).Scan(&aside); err != nil || aside != 1 {
			t.Errorf("%d set aside, %v", aside, err)
		}
	})
}
