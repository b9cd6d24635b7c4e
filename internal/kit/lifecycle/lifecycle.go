// Package lifecycle starts the parts of a program in order and stops them in reverse.
//
//	err := lifecycle.Run(ctx, 20*time.Second,
//		lifecycle.Part{Name: "database", Run: database},
//		lifecycle.Part{Name: "http", Run: serve},
//	)
//
// A part is one function: it does its work until its context ends, and calls ready once others may rely on it. The next part starts only
// then. When the context ends, or a part returns, the parts are stopped one by one, last first, each waited for before the one it stands
// on is told. A part that returns early ends the program, and its error is the reason.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Part is something that runs as long as the program.
type Part struct {
	Name string
	// Run works until ctx ends, then finishes what it began and returns nil. Before that any return, even of nil, means that the part
	// failed. It calls ready once; until then the next part waits.
	Run func(ctx context.Context, ready func()) error
}

// ErrLate is in the error of Run when a part did not return within the deadline.
var ErrLate = errors.New("did not stop in time")

// running is a started part. err is set before done closes.
type running struct {
	name   string
	cancel context.CancelFunc
	ready  chan struct{}
	done   chan struct{}
	err    error
}

// Run starts the parts, waits until ctx ends or a part returns, and stops them. The deadline is for the whole stop; when it is over, what
// still runs is told at once and has a quarter of the time more. Run returns nil after an ordinary stop, otherwise an error that names each
// part that failed, the first reason first. A part that does not return is left behind with ErrLate: the program should end then.
func Run(ctx context.Context, deadline time.Duration, parts ...Part) error {
	fell := make(chan *running, len(parts)) // every part sends itself once, when it returns
	var started []*running
	var first *running // the part that ended the program
	for _, p := range parts {
		r := launch(context.WithoutCancel(ctx), p, fell)
		started = append(started, r)
		select {
		case <-r.ready:
		case first = <-fell:
		case <-ctx.Done():
		}
		if first != nil || ctx.Err() != nil {
			break
		}
	}
	if first == nil {
		select {
		case <-ctx.Done():
		case first = <-fell:
		}
	}
	var problems []error
	if first != nil {
		problems = append(problems, early(first))
	}
	stop(started, deadline)
	for i := len(started) - 1; i >= 0; i-- {
		r := started[i]
		select {
		case <-r.done:
			if r != first && r.err != nil {
				problems = append(problems, fmt.Errorf("%s: %w", r.name, r.err))
			}
		default:
			problems = append(problems, fmt.Errorf("%s: %w", r.name, ErrLate))
		}
	}
	return errors.Join(problems...)
}

// early is the error of a part that returned while it should have worked.
func early(r *running) error {
	if r.err == nil {
		return fmt.Errorf("%s: ended by itself", r.name)
	}
	return fmt.Errorf("%s: %w", r.name, r.err)
}

func launch(ctx context.Context, p Part, fell chan<- *running) *running {
	ctx, cancel := context.WithCancel(ctx)
	r := &running{name: p.Name, cancel: cancel, ready: make(chan struct{}), done: make(chan struct{})}
	go func() {
		r.err = guarded(ctx, p, sync.OnceFunc(func() { close(r.ready) }))
		close(r.done)
		fell <- r
	}()
	return r
}

// guarded turns a panic into an error, so that the other parts are stopped in order.
func guarded(ctx context.Context, p Part, ready func()) (err error) {
	defer func() {
		if x := recover(); x != nil {
			err = fmt.Errorf("%w\n%s", errs.Panic(x), debug.Stack())
		}
	}()
	return p.Run(ctx, ready)
}

// stop tells the parts to end, last first, and waits for each.
func stop(started []*running, deadline time.Duration) {
	over := time.NewTimer(deadline)
	defer over.Stop()
	for i := len(started) - 1; i >= 0; i-- {
		started[i].cancel()
		select {
		case <-started[i].done:
			continue
		case <-over.C:
		}
		for _, r := range started[:i] {
			r.cancel()
		}
		last := time.NewTimer(deadline / 4)
		defer last.Stop()
		for _, r := range started[:i+1] {
			select {
			case <-r.done:
			case <-last.C:
				return
			}
		}
		return
	}
}
