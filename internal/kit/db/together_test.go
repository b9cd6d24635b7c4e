package db_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// crowd is a database of SQLite with a writer who has the turn until let.
type crowd struct {
	*testing.T
	d   *db.DB
	let chan struct{}
	all sync.WaitGroup
}

func newCrowd(t *testing.T) *crowd {
	db.LastingTogether(t)
	d, err := db.Open(t.Context(), db.Config{Path: filepath.Join(t.TempDir(), "tocsin.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	if _, err := d.Exec(t.Context(), `CREATE TABLE page (name TEXT)`); err != nil {
		t.Fatal(err)
	}
	return &crowd{T: t, d: d, let: make(chan struct{})}
}

// write starts a writer; the one before it is in line.
func (c *crowd) write(l db.Lane, do func(context.Context, *db.Tx) error) <-chan error {
	return c.writeFor(c.Context(), l, do)
}

func (c *crowd) writeFor(ctx context.Context, l db.Lane, do func(context.Context, *db.Tx) error) <-chan error {
	waiting := c.d.Waiting(l)
	began, ended := make(chan struct{}), make(chan error, 1)
	var once sync.Once
	c.all.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				ended <- fmt.Errorf("panic: %v", p)
			}
		}()
		ended <- c.d.Write(db.On(ctx, l), func(ctx context.Context, tx *db.Tx) error {
			once.Do(func() { close(began) })
			return do(ctx, tx)
		})
	})
	until(c.T, "a writer in line", func() bool {
		select {
		case <-began:
			return true
		default:
			return c.d.Waiting(l) > waiting
		}
	})
	return ended
}

func (c *crowd) blocked(name string, until <-chan struct{}) func(context.Context, *db.Tx) error {
	return func(ctx context.Context, tx *db.Tx) error {
		if err := insert(name)(ctx, tx); err != nil {
			return err
		}
		<-until
		return nil
	}
}

func (c *crowd) names() (out []string) {
	out, err := db.All(c.Context(), c.d, func(r *db.Rows) (s string, err error) { return s, r.Scan(&s) }, `SELECT name FROM page ORDER BY name`)
	if err != nil {
		c.Fatal(err)
	}
	return out
}

func (c *crowd) want(names ...string) {
	c.Helper()
	if got := c.names(); fmt.Sprint(got) != fmt.Sprint(names) {
		c.Errorf("there are %v, want %v", got, names)
	}
}

// Who writes while others wait shares their commit: nobody is told before it is on the disk, and who fails takes only its own back.
func TestWritersInLineShareACommit(t *testing.T) {
	c := newCrowd(t)
	last := make(chan struct{})
	after := atomic.Int32{}
	first := c.write(db.House, func(ctx context.Context, tx *db.Tx) error {
		tx.AfterCommit(func() { after.Add(1) })
		return c.blocked("a", c.let)(ctx, tx)
	})
	mail := c.write(db.Mail, insert("b"))
	fails := c.write(db.Worker, func(ctx context.Context, tx *db.Tx) error {
		tx.AfterCommit(func() { after.Add(100) })
		if err := insert("never")(ctx, tx); err != nil {
			return err
		}
		return errs.New(errs.Forbidden, "no")
	})
	panics := c.write(db.Worker, func(ctx context.Context, tx *db.Tx) error {
		_ = insert("nor this")(ctx, tx)
		panic("a fault")
	})
	slow := c.write(db.Worker, c.blocked("c", last))
	close(c.let)
	if err := <-panics; err == nil || err.Error() != "panic: a fault" {
		t.Errorf("a panic becomes %v", err)
	}
	c.want()
	select {
	case err := <-first:
		t.Errorf("the first was told %v before its commit", err)
	case err := <-mail:
		t.Errorf("the second was told %v before its commit", err)
	case err := <-fails:
		t.Errorf("who failed was told %v before others can see over what", err)
	default:
	}
	if after.Load() != 0 {
		t.Error("what follows a commit was run before it")
	}
	close(last)
	for _, w := range []<-chan error{first, mail, slow} {
		if err := <-w; err != nil {
			t.Error(err)
		}
	}
	if err := <-fails; !errs.Is(err, errs.Forbidden) {
		t.Errorf("who fails is told %v", err)
	}
	c.all.Wait()
	c.want("a", "b", "c")
	if after.Load() != 1 {
		t.Errorf("what follows a commit was run for %d", after.Load())
	}
}

// The house shares without a savepoint: when one of it fails, perhaps over what another one wrote, all are run again, and then it takes only its own back.
func TestWhoFailsInTheHouseIsRunAgain(t *testing.T) {
	c := newCrowd(t)
	ran := map[string]int{}
	first := c.write(db.House, func(ctx context.Context, tx *db.Tx) error {
		ran["first"]++
		return c.blocked("a", c.let)(ctx, tx)
	})
	fails := c.write(db.Worker, func(ctx context.Context, tx *db.Tx) error {
		ran["fails"]++
		if err := insert("never")(ctx, tx); err != nil {
			return err
		}
		return errs.New(errs.Conflict, "somebody was first")
	})
	last := c.write(db.Mail, func(ctx context.Context, tx *db.Tx) error {
		ran["last"]++
		return insert("b")(ctx, tx)
	})
	close(c.let)
	if err := <-fails; !errs.Is(err, errs.Conflict) {
		t.Errorf("who fails is told %v", err)
	}
	for _, w := range []<-chan error{first, last} {
		if err := <-w; err != nil {
			t.Error(err)
		}
	}
	c.all.Wait()
	c.want("a", "b")
	if ran["first"] != 2 || ran["fails"] != 2 || ran["last"] > 2 {
		t.Errorf("run %v", ran)
	}
}

// A stranger who is slow holds back none of the house, and the desk no stranger: a lane shares with itself alone.
func TestNobodyWaitsForASlowWriterOfAnotherLane(t *testing.T) {
	c := newCrowd(t)
	first := c.write(db.House, c.blocked("a", c.let))
	slow := make(chan struct{})
	stranger := c.write(db.Public, c.blocked("b", slow))
	c.let <- struct{}{}
	if err := <-first; err != nil {
		t.Error(err)
	}
	c.want("a")
	close(slow)
	if err := <-stranger; err != nil {
		t.Error(err)
	}
	c.want("a", "b")
}

// SQLite ends the whole transaction when a statement is interrupted, or the disk is full. Those who shared it are run again.
func TestALostTransactionIsRunAgainForTheOthers(t *testing.T) {
	for name, lose := range map[string]func(c *crowd) (context.Context, func(context.Context, *db.Tx) error){
		"interrupted": func(c *crowd) (context.Context, func(context.Context, *db.Tx) error) {
			ctx, stop := context.WithCancel(c.Context())
			return ctx, func(ctx context.Context, tx *db.Tx) error {
				time.AfterFunc(10*time.Millisecond, stop)
				_, err := tx.Exec(ctx, `INSERT INTO page (name) WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c) SELECT i FROM c LIMIT 1000000000`)
				return err
			}
		},
		"full": func(c *crowd) (context.Context, func(context.Context, *db.Tx) error) {
			if _, err := c.d.Writer().ExecContext(c.Context(), `PRAGMA max_page_count = 50`); err != nil {
				c.Fatal(err)
			}
			return c.Context(), func(ctx context.Context, tx *db.Tx) error {
				_, err := tx.Exec(ctx, `INSERT INTO page (name) VALUES ($1)`, make([]byte, 1<<20))
				return err
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCrowd(t)
			ctx, lost := lose(c)
			runs := 0
			first := c.write(db.House, func(ctx context.Context, tx *db.Tx) error {
				runs++
				return c.blocked("a", c.let)(ctx, tx)
			})
			second := c.writeFor(ctx, db.House, lost)
			third := c.write(db.House, insert("b"))
			close(c.let)
			if err := <-second; err == nil {
				t.Error("it did not fail")
			}
			for _, w := range []<-chan error{first, third} {
				if err := <-w; err != nil {
					t.Error(err)
				}
			}
			if runs != 2 && runs != 3 { // who failed is run again too, and fails again
				t.Errorf("the first was run %d times", runs)
			}
			c.all.Wait()
			c.want("a", "b")
		})
	}
}

// Who swallows that the engine ended the transaction is not taken for written, and the next one joins no transaction that is not there.
func TestAnEndedTransactionIsNotJoined(t *testing.T) {
	c := newCrowd(t)
	runs := 0
	first := c.write(db.House, func(ctx context.Context, tx *db.Tx) error {
		if runs++; runs == 1 {
			_, _ = tx.Exec(ctx, `ROLLBACK`) // as the engine does when the disk is full
			<-c.let
			return nil
		}
		return insert("a")(ctx, tx)
	})
	second := c.write(db.House, insert("b"))
	close(c.let)
	for _, w := range []<-chan error{first, second} {
		if err := <-w; err != nil {
			t.Error(err)
		}
	}
	c.all.Wait()
	c.want("a", "b")
}

// A crowd in which many give up, fail or are late: what was told as written is there, what was not is not, and the line moves on.
func TestACrowdOfWritersComesToAnEnd(t *testing.T) {
	c := newCrowd(t)
	var told atomic.Int64
	errNo := errors.New("no")
	var all sync.WaitGroup
	for i := range 400 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(i)))
			ctx, stop := context.WithTimeout(db.On(t.Context(), db.Lane(r.IntN(8))), time.Duration(r.IntN(40))*time.Millisecond)
			if i%3 == 0 {
				ctx = db.On(t.Context(), db.Worker)
			}
			defer stop()
			err := c.d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
				if err := insert("x")(ctx, tx); err != nil {
					return err
				}
				if i%7 == 0 {
					return errNo
				}
				return nil
			})
			if err == nil {
				told.Add(1)
			} else if i%3 == 0 && i%7 != 0 {
				t.Errorf("one of the house was told %v", err)
			}
		})
	}
	all.Wait()
	if n := int64(len(c.names())); n != told.Load() || n < 100 {
		t.Errorf("%d were told, %d are there", told.Load(), n)
	}
	if err := c.d.Write(t.Context(), insert("y")); err != nil {
		t.Error(err)
	}
}
