package db

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// together is one transaction of SQLite that writers share who come one after the other while others wait: the disk is asked once for all of
// them, and a page that each of them changed is written once. None is told that its writing is done before it is on the disk, and one who fails takes nothing
// of the others with it: it has a savepoint, or they are run again. Who writes alone waits for nobody, and nobody waits for a slow one of another lane: a
// lane shares with itself only, but the house, its jobs and the mail are one. It belongs to who has the turn.
type together struct {
	conn  *sql.Conn
	tx    *sql.Tx
	began time.Time
	lane  Lane // of those who share it
	n     int
	again bool     // one in it was lost before: who joins has a savepoint
	keep  []string // texts worth compiling once the connection is free
	done  chan struct{}
	err   error // read it after done
}

const mostTogether = 32

// longestTogether is after how long nobody else joins.
var longestTogether = 60 * time.Millisecond

// errTogether is what those learn whose shared transaction was lost through another one; Write runs them again.
var errTogether = errs.New(errs.Unavailable, "the transaction was lost through another one")

// begun gives the shared transaction that is open, or begins one. Who has the turn calls it.
func (d *DB) begun(ctx context.Context, l Lane) (*together, error) {
	if l == Worker || l == Mail {
		l = House
	}
	if g := d.shared; g != nil && g.lane == l {
		return g, nil
	}
	d.endOpen()
	conn, err := d.write.Conn(ctx)
	if err != nil {
		return nil, err
	}
	tx, err := conn.BeginTx(context.WithoutCancel(ctx), nil) // it outlives who began it
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	d.shared = &together{conn: conn, tx: tx, lane: l, began: time.Now(), done: make(chan struct{})}
	return d.shared, nil
}

// end commits the shared transaction, or rolls it back when lost says why, and tells all who are in it.
func (d *DB) end(lost error) {
	g := d.shared
	d.shared = nil
	if g.err = lost; lost != nil {
		_ = g.tx.Rollback()
	} else if g.err = g.tx.Commit(); g.err != nil {
		_ = g.tx.Rollback() // a commit that failed may have left it open
	}
	_ = g.conn.Close()
	close(g.done)
}

// endOpen commits the shared transaction if one is open.
func (d *DB) endOpen() {
	if d.shared != nil {
		g := d.shared
		d.end(nil)
		d.keepTexts(g.keep)
	}
}

// writeTogether runs do in the shared transaction, and gives the turn on. It returns once that transaction is committed.
func (d *DB) writeTogether(ctx context.Context, l Lane, again bool, do func(context.Context, *Tx) error) (*Tx, error) {
	tx, g, err := d.joined(ctx, l, again, do)
	if g == nil {
		return nil, err
	}
	<-g.done // also for who failed: it may be over what another one wrote, and looks for that next
	if g.err != nil || err == nil {
		return tx, g.err
	}
	return nil, err
}

// joined gives the transaction whose end is to be waited for, nil when there is none.
func (d *DB) joined(ctx context.Context, l Lane, again bool, do func(context.Context, *Tx) error) (*Tx, *together, error) {
	defer d.turns.give() // who comes next commits, or leaves it to the next; the last one finds the transaction open and ends it
	if err := ctx.Err(); err != nil {
		return nil, nil, err // the turn came too late
	}
	g, err := d.begun(ctx, l)
	if err != nil {
		return nil, nil, err
	}
	tx := &Tx{db: d, lite: g.tx}
	g.again = g.again || again
	if err = d.member(ctx, g, tx, g.n == 0 || !g.again && l <= Mail, do); err != nil {
		tx = nil
		if d.shared == nil {
			return nil, nil, err // it went with this one
		}
	}
	if g.n >= mostTogether || time.Since(g.began) >= longestTogether {
		d.endOpen()
	}
	return tx, g, err
}

// member runs do as one of those who share a transaction. When it gives an error nothing of do is left in it.
//
// A savepoint costs: SQLite copies each page that changes after it, and walks over all copies at the end of each statement, which is a tenth of a mail and most of
// a transaction of thousands of statements. Who is bold goes without: the first, who is alone, and the house itself, whose writing rarely fails. If it does
// all the same, all are run again, with savepoints.
func (d *DB) member(ctx context.Context, g *together, tx *Tx, bold bool, do func(context.Context, *Tx) error) (err error) {
	if !bold {
		if _, err = g.tx.Exec("SAVEPOINT member"); err != nil {
			d.end(errTogether)
			return err
		}
	}
	done := false
	defer func() {
		switch {
		case done:
		case bold:
			alone := g.n == 0
			d.end(errTogether)
			if err != nil && !alone && ctx.Err() == nil {
				err = errTogether // it may have failed over what another one wrote
			}
		default:
			d.takeBack(g)
		}
	}()
	if err = tx.run(ctx, do); err != nil {
		return err
	}
	// Also for who is alone: what ended the transaction and was swallowed shows here, before another one joins what is not there.
	if !stands(g.tx, bold) {
		return errTogether
	}
	done = true
	g.n++
	g.keep = append(g.keep, tx.keep...)
	return nil
}

// takeBack takes back what was written since the savepoint. What was interrupted, or found the disk full, ended the transaction for all: its savepoint is
// gone with it.
func (d *DB) takeBack(g *together) {
	if _, err := g.tx.Exec("ROLLBACK TO member"); err != nil {
		d.end(errTogether)
		return
	}
	if _, err := g.tx.Exec("RELEASE member"); err != nil {
		d.end(errTogether)
	}
}

// stands tells whether the transaction is still open, and lets its savepoint go.
func stands(tx *sql.Tx, bold bool) bool {
	if bold {
		_, err := tx.Exec("BEGIN")
		return err != nil && strings.Contains(err.Error(), "within a transaction")
	}
	_, err := tx.Exec("RELEASE member")
	return err == nil
}
