package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

const (
	writers      = 8
	verbsOfRound = 800
)

// verbs measures how many notes a second eight people write into the timelines of eight incidents. Each act is recorded so many times: what a
// second entry costs is what the first one does. With lag, the latency is not the act's but the time from the commit until its entry has a number.
func (w *world) verbs(entries int, numbered bool) func(context.Context) (func(context.Context) (result, error), []int, func(), error) {
	return func(ctx context.Context) (func(context.Context) (result, error), []int, func(), error) {
		if err := w.open(ctx); err != nil {
			return nil, nil, nil, err
		}
		h := w.house
		var cases []incident.Incident
		for n := range writers {
			in, err := h.Incidents.Open(ctx, w.by, incident.NewIncident{Title: fmt.Sprintf("Verbs of writer %d", n)})
			if err != nil {
				return nil, nil, nil, err
			}
			cases = append(cases, in)
		}
		for n := 1; n > 0; {
			var err error
			if n, err = h.Sequencer.Number(ctx); err != nil {
				return nil, nil, nil, err
			}
		}
		watch := &watch{}
		notify := h.Sequencer.Notify
		h.Sequencer.Notify = watch.numbered
		running, stop := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- h.Sequencer.Run(running) }()
		end := func() {
			stop()
			<-ended
			h.Sequencer.Notify = notify
		}
		acting := ctx
		if entries > 1 {
			acting = audit.Joining(ctx, func(inner context.Context, tx *db.Tx) error {
				_, err := h.Audit.Write(audit.Joining(inner, func(context.Context, *db.Tx) error { return nil }), tx, audit.Entry{
					At: h.Clock.Now(), By: w.by, Verb: "incident.entry", On: cases[0].Ref, Data: map[string]string{"entry": "00000000000000000000000000", "kind": "note"},
				})
				return err
			})
		}
		round := func(ctx context.Context) (result, error) {
			watch.begin()
			out, err := atOnce(writers, verbsOfRound, func(n int) (time.Duration, error) {
				began := time.Now()
				_, err := h.Incidents.AddEntry(acting, w.by, cases[n%writers].UID, incident.Entry{Kind: incident.Note, Text: "Called again; nothing new. We wait for the log of the night."})
				watch.done()
				return time.Since(began), err
			})
			if !numbered || err != nil {
				return out, err
			}
			out.latencies, err = watch.all(ctx, verbsOfRound)
			return out, err
		}
		return round, nil, end, nil
	}
}

// watch pairs commits with numbers: both come in one order.
type watch struct {
	mu      sync.Mutex
	commits []time.Time
	taken   []time.Duration
	newest  int64
}

func (x *watch) begin() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.commits, x.taken = nil, nil
}

func (x *watch) done() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.commits = append(x.commits, time.Now())
}

func (x *watch) numbered(seq int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	n := seq - x.newest
	x.newest = seq
	now := time.Now()
	for ; n > 0 && len(x.commits) > 0; n-- {
		x.taken = append(x.taken, now.Sub(x.commits[0]))
		x.commits = x.commits[1:]
	}
}

// all waits until the acts of a round have their numbers, but for a few whose commit was seen after their number.
func (x *watch) all(ctx context.Context, count int) ([]time.Duration, error) {
	for began := time.Now(); ; {
		x.mu.Lock()
		taken := x.taken
		x.mu.Unlock()
		if len(taken) >= count-2*writers || ctx.Err() != nil {
			return taken, ctx.Err()
		}
		if time.Since(began) > 30*time.Second {
			return nil, fmt.Errorf("%d of %d entries have numbers after 30 seconds", len(taken), count)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
