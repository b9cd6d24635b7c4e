package once_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/core/once"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

func keeper(h *coretest.House) *once.Keeper {
	return &once.Keeper{DB: h.DB, Ring: h.Ring, Clock: h.Clock}
}

func request(body string) once.Request {
	return once.Request{Actor: "account:7", Key: "k-1", Hash: once.Hash([]byte("POST /x"), []byte(body))}
}

// mark is an act with one change: a setting gets one character longer.
func mark(h *coretest.House) func(context.Context) once.Answer {
	return func(ctx context.Context) once.Answer {
		if _, err := h.DB.Exec(ctx, `DELETE FROM setting_value WHERE name = 'prepared'`); err != nil { // no record, so no note
			return once.Answer{Status: 500}
		}
		err := h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO setting_value (name, value, changed_at, changed_by) VALUES ('mark', 'x', $1, 0)
				ON CONFLICT (name) DO UPDATE SET value = setting_value.value || 'x'`, h.Clock.Now())
			if err != nil {
				return err
			}
			for range 2 { // some verbs record more than once
				if err := h.Audit.Write(ctx, tx, audit.Entry{At: h.Clock.Now(), By: h.Person(7, "Ana", access.Analyst), Verb: "test.mark"}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return once.Answer{Status: errs.Of(err).HTTP()}
		}
		return once.Answer{Status: 201, Header: map[string]string{"Location": "/x/1"}, Body: []byte("said once")}
	}
}

func marks(t *testing.T, h *coretest.House) int {
	t.Helper()
	var v string
	if err := h.DB.QueryRow(t.Context(), `SELECT value FROM setting_value WHERE name = 'mark'`).Scan(&v); err != nil && !errs.Is(err, errs.NotFound) {
		t.Fatal(err)
	}
	return len(v)
}

func TestARequestSentTwiceTakesEffectOnce(t *testing.T) {
	t.Parallel()
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		k := keeper(h)
		first, again, err := k.Do(t.Context(), request("a"), mark(h))
		if err != nil || again || first.Status != 201 {
			t.Fatalf("%+v %v %v", first, again, err)
		}
		second, again, err := k.Do(t.Context(), request("a"), mark(h))
		if err != nil || !again || second.Status != 201 || string(second.Body) != "said once" || second.Header["Location"] != "/x/1" {
			t.Fatalf("%+v %v %v", second, again, err)
		}
		// Rule W2: bound to the body and to the actor.
		if _, _, err := k.Do(t.Context(), request("b"), mark(h)); !errors.Is(err, once.ErrOther) {
			t.Errorf("another body: %v", err)
		}
		if marks(t, h) != 1 {
			t.Errorf("%d effects", marks(t, h))
		}
		r := request("a")
		r.Actor = "account:8"
		if _, again, err := k.Do(t.Context(), r, mark(h)); err != nil || again {
			t.Errorf("another actor: %v %v", again, err)
		}
		if marks(t, h) != 2 {
			t.Errorf("%d effects", marks(t, h))
		}
		var sealed []byte
		if err := h.DB.QueryRow(t.Context(), `SELECT answer FROM once_answer WHERE actor = 'account:7'`).Scan(&sealed); err != nil || strings.Contains(string(sealed), "said once") {
			t.Errorf("the answer lies open, or %v", err)
		}
	})
}

func TestARefusalMayBeSentAgain(t *testing.T) {
	t.Parallel()
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		k := keeper(h)
		a, _, err := k.Do(t.Context(), request("a"), func(ctx context.Context) once.Answer {
			_ = h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
				err := h.Audit.Write(ctx, tx, audit.Entry{At: h.Clock.Now(), Verb: "test.mark"})
				return errors.Join(errs.New(errs.Invalid, "no"), err)
			})
			return once.Answer{Status: 422}
		})
		if err != nil || a.Status != 422 {
			t.Fatalf("%+v %v", a, err)
		}
		if a, again, err := k.Do(t.Context(), request("a"), mark(h)); err != nil || again || a.Status != 201 {
			t.Errorf("%+v %v %v", a, again, err)
		}
	})
}

// TestACrashBeforeTheAnswer: the process ends between the act's commit and the keeping of its answer. The act is never run again.
func TestACrashBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		k := keeper(h)
		func() {
			defer func() { _ = recover() }()
			_, _, _ = k.Do(t.Context(), request("a"), func(ctx context.Context) once.Answer {
				mark(h)(ctx)
				panic("killed")
			})
		}()
		if _, _, err := k.Do(t.Context(), request("a"), mark(h)); !errors.Is(err, once.ErrTaken) {
			t.Errorf("got %v", err)
		}
		if marks(t, h) != 1 {
			t.Errorf("%d effects", marks(t, h))
		}
	})
}

// TestACrashBeforeTheCommit: nothing was changed, so the request simply runs.
func TestACrashBeforeTheCommit(t *testing.T) {
	t.Parallel()
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		k := keeper(h)
		func() {
			defer func() { _ = recover() }()
			_, _, _ = k.Do(t.Context(), request("a"), func(ctx context.Context) once.Answer {
				_ = h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
					_ = h.Audit.Write(ctx, tx, audit.Entry{At: h.Clock.Now(), Verb: "test.mark"})
					panic("killed")
				})
				return once.Answer{}
			})
		}()
		if a, again, err := k.Do(t.Context(), request("a"), mark(h)); err != nil || again || a.Status != 201 || marks(t, h) != 1 {
			t.Errorf("%+v %v %v, %d effects", a, again, err, marks(t, h))
		}
	})
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		k := keeper(h)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				a, _, err := k.Do(context.Background(), request("a"), mark(h))
				if err != nil && !errors.Is(err, once.ErrTaken) || err == nil && a.Status != 201 {
					t.Errorf("%+v %v", a, err)
				}
			})
		}
		wg.Wait()
		if marks(t, h) != 1 {
			t.Errorf("%d effects", marks(t, h))
		}
		// Whoever of them was first, perhaps only when its transaction was run again: its answer is there for the next.
		if a, again, err := k.Do(t.Context(), request("a"), mark(h)); err != nil || !again || a.Status != 201 {
			t.Errorf("afterwards: %+v %v %v", a, again, err)
		}
	})
}

// Two write in one transaction of SQLite, and it is lost: who was beaten in it is run again, and is then the first.
func TestWhoIsRunAgainKeepsItsAnswer(t *testing.T) {
	t.Parallel()
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		k := keeper(h)
		for round := range 40 {
			r := request("a")
			r.Key = fmt.Sprintf("k-%d", round)
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() { _, _, _ = k.Do(context.Background(), r, mark(h)) })
			}
			wg.Wait()
			if a, again, err := k.Do(t.Context(), r, mark(h)); err != nil || !again || a.Status != 201 {
				t.Fatalf("round %d: %+v %v %v", round, a, again, err)
			}
		}
	})
}

func TestSweep(t *testing.T) {
	t.Parallel()
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		k := keeper(h)
		if _, _, err := k.Do(t.Context(), request("a"), mark(h)); err != nil {
			t.Fatal(err)
		}
		h.Clock.Advance(once.KeepFor - time.Minute)
		if n, err := k.Sweep(t.Context()); err != nil || n != 0 {
			t.Errorf("%d %v", n, err)
		}
		h.Clock.Advance(2 * time.Minute)
		if n, err := k.Sweep(t.Context()); err != nil || n != 1 {
			t.Errorf("%d %v", n, err)
		}
	})
}

func TestKeys(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]bool{"a": true, "6f1c-…": false, "": false, "a b": false, "a\n": false, strings.Repeat("x", once.MostKey): true, strings.Repeat("x", once.MostKey+1): false} {
		if once.ValidKey(key) != want {
			t.Errorf("%q", key)
		}
	}
}
