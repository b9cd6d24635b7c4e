package lifecycle

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// diary notes what the parts do, in order.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) note(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

func (d *diary) want(t *testing.T, lines ...string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Equal(d.lines, lines) {
		t.Errorf("the order was %q, want %q", d.lines, lines)
	}
}

// part takes a while to start and to stop.
func (d *diary) part(name string, finish error) Part {
	return Part{Name: name, Run: func(ctx context.Context, ready func()) error {
		time.Sleep(time.Second) // synctest's time
		d.note(name + " up")
		ready()
		ready() // twice does no harm
		<-ctx.Done()
		time.Sleep(time.Second)
		d.note(name + " down")
		return finish
	}}
}

func (d *diary) failing(name string, after time.Duration, up bool, err error) Part {
	return Part{Name: name, Run: func(ctx context.Context, ready func()) error {
		if up {
			ready()
		}
		select {
		case <-ctx.Done():
		case <-time.After(after):
		}
		d.note(name + " fell")
		return err
	}}
}

func TestPartsStartInOrderAndStopInReverse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var d diary
		if err := Run(ctx, time.Minute, d.part("a", nil), d.part("b", nil), d.part("c", nil)); err != nil {
			t.Error(err)
		}
		d.want(t, "a up", "b up", "c up", "c down", "b down", "a down")
	})
}

func TestTheFirstPartToFailStopsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		disk, late := errors.New("disk full"), errors.New("flush failed")
		err := Run(t.Context(), time.Minute, d.part("a", late), d.failing("b", time.Hour, true, disk), d.part("c", nil))
		if !errors.Is(err, disk) || !errors.Is(err, late) || !strings.HasPrefix(err.Error(), "b: disk full\na: flush failed") {
			t.Errorf("got %v", err)
		}
		d.want(t, "a up", "c up", "b fell", "c down", "a down")
	})
}

func TestAPartThatFailsAtItsStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		taken := errors.New("port taken")
		err := Run(t.Context(), time.Minute, d.part("a", nil), d.failing("b", 0, false, taken), d.part("c", nil))
		if !errors.Is(err, taken) || strings.Count(err.Error(), "taken") != 1 {
			t.Errorf("got %v", err)
		}
		d.want(t, "a up", "b fell", "a down")
	})
}

func TestStoppedWhileStarting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		var d diary
		if err := Run(ctx, time.Minute, d.part("a", nil), d.failing("slow", time.Hour, false, nil), d.part("c", nil)); err != nil {
			t.Error(err)
		}
		d.want(t, "a up", "slow fell", "a down")
	})
}

func TestEndingByItselfAndPanicAreFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d diary
		err := Run(t.Context(), time.Minute, d.failing("a", time.Second, true, nil))
		if err == nil || err.Error() != "a: ended by itself" {
			t.Errorf("got %v", err)
		}
		err = Run(t.Context(), time.Minute, d.part("b", nil), Part{"c", func(context.Context, func()) error { panic("bell cracked") }})
		if err == nil || !strings.Contains(err.Error(), "c: panic: string at ") || strings.Contains(err.Error(), "bell cracked") {
			t.Errorf("got %v", err)
		}
		d.want(t, "a fell", "b up", "b down")
	})
}

func TestALatePartIsNamedAndTheOthersStillStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var d diary
		release := make(chan struct{})
		defer close(release)
		stuck := Part{"stuck", func(_ context.Context, ready func()) error { ready(); <-release; return nil }}
		began := time.Now()
		err := Run(ctx, 10*time.Second, d.part("a", nil), stuck, d.part("c", nil))
		if !errors.Is(err, ErrLate) || err.Error() != "stuck: did not stop in time" {
			t.Errorf("got %v", err)
		}
		if took := time.Since(began) - time.Minute; took > 13*time.Second {
			t.Errorf("the stop took %v", took)
		}
		d.want(t, "a up", "c up", "c down", "a down")
	})
}
