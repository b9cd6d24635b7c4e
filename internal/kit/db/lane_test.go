package db_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// engines runs a story on a database of each engine, with one table and what the test changes of its configuration.
func engines(t *testing.T, change func(*db.Config), story func(t *testing.T, d *db.DB)) {
	t.Helper()
	for _, engine := range pgtest.Engines(t) {
		t.Run(engine, func(t *testing.T) {
			shares := db.Shares
			c := db.Config{Conns: 6, Shares: &shares, Path: filepath.Join(t.TempDir(), "tocsin.db")}
			if engine == "postgres" {
				c.URL = pgtest.DSN(t, func(context.Context, string) error { return nil }, "lanes")
			}
			if change != nil {
				change(&c)
			}
			d, err := db.Open(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(d.Close)
			if _, err := d.Exec(t.Context(), `CREATE TABLE page (name TEXT)`); err != nil {
				t.Fatal(err)
			}
			story(t, d)
		})
	}
}

// until waits for what others do; only its failure takes time.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s did not happen", what)
		}
	}
}

func insert(name string) func(context.Context, *db.Tx) error {
	return func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO page (name) VALUES ($1)`, name)
		return err
	}
}

// Readers who do not go away hold what is common and what is their lane's; every other lane still reads and writes (rule D1).
func TestReadersOfOneLaneLeaveTheOthersTheirs(t *testing.T) {
	engines(t, nil, func(t *testing.T, d *db.DB) {
		const flood = 40
		release := make(chan struct{})
		ended := make(chan error, flood)
		public := db.On(t.Context(), db.Public)
		for range flood {
			go func() {
				rows, err := d.Query(public, `SELECT 1 UNION SELECT 2`)
				if err == nil {
					rows.Next()
					<-release
					rows.Close()
				}
				ended <- err
			}()
		}
		until(t, "a flood", func() bool { return d.Waiting(db.Public) > 20 })
		for _, l := range db.Lanes() {
			if l == db.Public {
				continue
			}
			ctx, stop := context.WithTimeout(db.On(t.Context(), l), 20*time.Second)
			defer stop()
			if err := d.Write(ctx, insert(l.String())); err != nil {
				t.Errorf("%s cannot write: %v", l, err)
			}
			var n int64
			if err := d.QueryRow(ctx, `SELECT COUNT(*) FROM page WHERE name = $1`, l.String()).Scan(&n); err != nil || n != 1 {
				t.Errorf("%s cannot read: %d, %v", l, n, err)
			}
		}
		close(release)
		for range flood {
			if err := <-ended; err != nil && !errs.Is(err, errs.Unavailable) {
				t.Error(err)
			}
		}
		if d.Busy(db.Public) != 0 || d.Waiting(db.Public) != 0 {
			t.Errorf("the lane keeps %d connections, %d wait", d.Busy(db.Public), d.Waiting(db.Public))
		}
	})
}

// Writers who do not come to an end hold their lane; the desk writes. On SQLite one alone writes: a crowd that came first lets the others in after
// each of its own.
func TestWritersOfOneLaneLeaveTheOthersTheirs(t *testing.T) {
	engines(t, nil, func(t *testing.T, d *db.DB) {
		const flood = 40
		release := make(chan struct{})
		order := make(chan string, flood+2)
		write := func(l db.Lane) {
			ctx, stop := context.WithTimeout(db.On(t.Context(), l), time.Minute)
			defer stop()
			err := d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
				if l == db.Public {
					<-release
				}
				return insert(l.String())(ctx, tx)
			})
			name := l.String()
			if err != nil {
				name = err.Error()
			}
			order <- name
		}
		for range flood {
			go write(db.Public)
		}
		until(t, "a flood", func() bool { return d.Waiting(db.Public) > 20 })
		if d.Engine() == db.Postgres {
			write(db.Desk)
			if got := <-order; got != "desk" {
				t.Errorf("first came %q", got)
			}
			close(release)
			return
		}
		go write(db.Desk)
		go write(db.Mail)
		until(t, "others in line", func() bool { return d.Waiting(db.Desk) == 1 && d.Waiting(db.Mail) == 1 })
		release <- struct{}{} // one turn ends
		first := []string{<-order, <-order, <-order}
		if first[0] != "public" || !strings.Contains(strings.Join(first[1:], " "), "desk") || !strings.Contains(strings.Join(first[1:], " "), "mail") {
			t.Errorf("the turns went to %v", first)
		}
		close(release)
		for range flood - 1 {
			<-order
		}
	})
}

// A line has an end, and so has patience: who cannot be served is told at once and nothing of it stays.
func TestALineHasAnEnd(t *testing.T) {
	engines(t, func(c *db.Config) {
		c.Shares[db.Portal] = db.Share{Own: 1, Wait: time.Millisecond}
		c.Shares[db.Public] = db.Share{Own: 1, Line: 1}
	}, func(t *testing.T, d *db.DB) {
		hold, release := make(chan struct{}), make(chan struct{})
		held := make(chan error)
		all := 3 // connections that one lane can hold: its own and what is common
		if d.Engine() == db.SQLite {
			all = 1
		}
		for range all {
			go func() {
				held <- d.Write(db.On(t.Context(), db.Public), func(context.Context, *db.Tx) error {
					hold <- struct{}{}
					<-release
					return nil
				})
			}()
			<-hold
		}
		ctx, leave := context.WithCancel(t.Context())
		waits := make(chan error)
		go func() { waits <- d.Write(db.On(ctx, db.Public), insert("waits")) }()
		until(t, "one waits", func() bool { return d.Waiting(db.Public) == 1 })
		if err := d.Write(db.On(t.Context(), db.Public), insert("beyond")); !errs.Is(err, errs.Unavailable) {
			t.Errorf("beyond the end of the line: %v", err)
		}
		if d.Engine() == db.SQLite {
			if err := d.Write(db.On(t.Context(), db.Portal), insert("impatient")); !errs.Is(err, errs.Unavailable) {
				t.Errorf("longer than its patience: %v", err)
			}
		}
		leave()
		if err := <-waits; !errors.Is(err, context.Canceled) {
			t.Errorf("who went away: %v", err)
		}
		close(release)
		for range all {
			if err := <-held; err != nil {
				t.Error(err)
			}
		}
		if err := d.Write(db.On(t.Context(), db.Public), insert("after")); err != nil {
			t.Error(err)
		}
		var n int64
		if err := d.QueryRow(t.Context(), `SELECT COUNT(*) FROM page`).Scan(&n); err != nil || n != 1 {
			t.Errorf("%d were kept, %v", n, err)
		}
	})
}

// A statement that takes longer than its lane may is ended, inside a transaction and outside, and hinders nobody after it (rule W8).
func TestAStatementHasItsTime(t *testing.T) {
	engines(t, func(c *db.Config) {
		c.Shares[db.Public] = db.Share{Own: 1, Read: 50 * time.Millisecond, Write: 50 * time.Millisecond}
	}, func(t *testing.T, d *db.DB) {
		endless := `WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x > 0) SELECT COUNT(*) FROM c`
		if d.Engine() == db.Postgres {
			endless = `SELECT COUNT(*) FROM pg_sleep(3600)`
		}
		public := db.On(t.Context(), db.Public)
		var n int64
		for range 5 {
			if err := d.QueryRow(public, endless).Scan(&n); !errs.Is(err, errs.Unavailable) {
				t.Errorf("a reading without end: %v", err)
			}
			err := d.Write(public, func(ctx context.Context, tx *db.Tx) error {
				if err := insert("half")(ctx, tx); err != nil {
					return err
				}
				return tx.QueryRow(ctx, endless).Scan(&n)
			})
			if !errs.Is(err, errs.Unavailable) {
				t.Errorf("a transaction without end: %v", err)
			}
		}
		if err := d.QueryRow(t.Context(), `SELECT COUNT(*) FROM page`).Scan(&n); err != nil || n != 0 {
			t.Errorf("%d rows stayed, %v", n, err)
		}
		if err := d.Write(public, insert("next")); err != nil {
			t.Errorf("the next one: %v", err)
		}
		if d.Engine() == db.Postgres {
			var looks string // the server does, also when a request to cancel was lost
			if err := d.QueryRow(t.Context(), `SELECT current_setting('client_connection_check_interval')`).Scan(&looks); err != nil || looks != "5s" {
				t.Errorf("the server looks for us every %q, %v", looks, err)
			}
			until(t, "the server's end of it", func() bool {
				err := d.QueryRow(t.Context(), `SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query LIKE '%pg_sleep(3600)%' AND pid <> pg_backend_pid()`).Scan(&n)
				return err == nil && n == 0
			})
		}
	})
}

// What is left of the disk is for some lanes before it is for others (rule D3).
func TestTheReserveOfTheDisk(t *testing.T) {
	const mib, gib = uint64(1 << 20), uint64(1 << 30)
	var free, total uint64
	known := true
	engines(t, func(c *db.Config) {
		c.Free = func() (uint64, uint64, bool) { return free, total, known }
	}, func(t *testing.T, d *db.DB) {
		for _, x := range []struct {
			free, total uint64
			known       bool
			refused     string
		}{
			{11 * mib, 100 * mib, true, ""},
			{9 * mib, 100 * mib, true, "mail public"},
			{4 * mib, 100 * mib, true, "mail public portal api"},
			{0, 100 * mib, true, "mail public portal api"},
			{11 * gib, 4000 * gib, true, ""}, // a large disk: gibibytes, not a tenth
			{9 * gib, 4000 * gib, true, "mail public"},
			{4 * gib, 4000 * gib, true, "mail public portal api"},
			{0, 0, false, ""},
		} {
			free, total, known = x.free, x.total, x.known
			var refused []string
			for _, l := range db.Lanes() {
				err := d.Write(db.On(t.Context(), l), insert("one"))
				if err == nil {
					continue
				}
				refused = append(refused, l.String())
				var e *errs.Error
				if !errors.As(err, &e) || e.Kind != errs.Unavailable || e.Key != "error.disk_reserve" || !errors.Is(err, syscall.ENOSPC) {
					t.Errorf("%s is told %v", l, err)
				}
			}
			if got := strings.Join(refused, " "); got != x.refused {
				t.Errorf("with %d of %d free %q were refused, want %q", x.free, x.total, got, x.refused)
			}
		}
	})
}
