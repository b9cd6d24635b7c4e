package account

import (
	"context"
	"runtime"
	"sync"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Rules I2 and D2: two at once, fifty wait, the next is told to come back; who gives up waiting frees its place.
func TestTheWaitingLine(t *testing.T) {
	h := NewHasher(64, 1)
	ctx, stop := context.WithCancel(context.Background())
	one, err := h.turn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	two, err := h.turn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range queued {
		wg.Go(func() {
			if _, err := h.turn(ctx); !errs.Is(err, errs.Unavailable) {
				t.Errorf("waited and got %v", err)
			}
		})
	}
	for h.waiting.Load() < queued {
		runtime.Gosched()
	}
	if _, err := h.Make(context.Background(), "x"); !errs.Is(err, errs.Unavailable) {
		t.Errorf("the line is full: %v", err)
	}
	stop()
	wg.Wait()
	one()
	two()
	if _, err := h.Make(context.Background(), "x"); err != nil {
		t.Error(err)
	}
}
