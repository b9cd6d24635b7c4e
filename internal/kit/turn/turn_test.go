package turn_test

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/turn"
)

// visit is one reading that takes so long before it answers, and so long while its answer goes out.
func visit(l *turn.Line, method string, work, out time.Duration, begins, ends func()) {
	l.Serve(httptest.NewRecorder(), httptest.NewRequest(method, "/", nil), func(w http.ResponseWriter, _ *http.Request) {
		begins()
		time.Sleep(work)
		ends()
		w.WriteHeader(http.StatusOK)
		time.Sleep(out)
	})
}

// Few at a time, whoever came first is served first, and all are served.
func TestInTheOrderInWhichTheyCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, most := turn.New(), 2*runtime.GOMAXPROCS(0)
		var mu sync.Mutex
		var order []int
		now, peak := 0, 0
		for i := range 5 * most {
			go visit(l, http.MethodGet, 10*time.Millisecond+time.Duration(i)*time.Microsecond, 0, func() { // no two end at once
				mu.Lock()
				defer mu.Unlock()
				order = append(order, i)
				now++
				peak = max(peak, now)
			}, func() {
				mu.Lock()
				defer mu.Unlock()
				now--
			})
			synctest.Wait()
		}
		time.Sleep(time.Second)
		mu.Lock()
		defer mu.Unlock()
		if len(order) != 5*most || !slices.IsSorted(order) || peak != most {
			t.Errorf("%d of %d served in the order %v, %d at once, want %d", len(order), 5*most, order, peak, most)
		}
	})
}

// An answer on its way to a slow client holds no turn, nor does a form; and where all turns are taken by slow readings nobody waits for ever.
func TestNobodyIsKeptOut(t *testing.T) {
	for name, x := range map[string]struct {
		others    string
		work, out time.Duration
		mine      string
		longest   time.Duration
	}{
		"slow clients":         {http.MethodGet, 0, time.Hour, http.MethodGet, 0},
		"a form":               {http.MethodGet, time.Hour, 0, http.MethodPost, 0},
		"behind forms":         {http.MethodPost, time.Hour, 0, http.MethodGet, 0},
		"behind slow readings": {http.MethodGet, time.Hour, 0, http.MethodGet, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, nothing := turn.New(), func() {}
				for range 100 {
					go visit(l, x.others, x.work, x.out, nothing, nothing)
				}
				synctest.Wait()
				began := time.Now()
				visit(l, x.mine, 0, 0, func() {
					if waited := time.Since(began); waited > x.longest {
						t.Errorf("began after %v, want %v at most", waited, x.longest)
					}
				}, nothing)
				time.Sleep(2 * time.Hour)
			})
		})
	}
}

// A reading that panics, or answers nothing, gives its turn back.
func TestATurnComesBack(t *testing.T) { synctest.Test(t, comesBack) }

func comesBack(t *testing.T) {
	l := turn.New()
	for range 100 {
		func() {
			defer func() { _ = recover() }()
			l.Serve(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil), func(http.ResponseWriter, *http.Request) { panic("broken") })
		}()
	}
	began := time.Now()
	visit(l, http.MethodGet, 0, 0, func() {}, func() {})
	if waited := time.Since(began); waited > 0 {
		t.Errorf("waited %v for a turn that nobody has", waited)
	}
}

// A stream flushes its header and stays: it holds no turn.
func TestStreamsHoldNoTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := turn.New()
		for range 100 {
			go func() {
				rec := httptest.NewRecorder()
				l.Serve(rec, httptest.NewRequest(http.MethodGet, "/", nil), func(w http.ResponseWriter, _ *http.Request) {
					if err := http.NewResponseController(w).Flush(); err != nil || !rec.Flushed {
						t.Error("not flushed", err)
					}
					time.Sleep(time.Hour)
				})
			}()
		}
		synctest.Wait()
		began := time.Now()
		visit(l, http.MethodGet, 0, 0, func() {}, func() {})
		if waited := time.Since(began); waited > 0 {
			t.Errorf("waited %v behind streams", waited)
		}
		time.Sleep(2 * time.Hour)
	})
}
