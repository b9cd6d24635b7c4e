package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

const (
	writers      = 8
	verbsOfRound = 800
	// A share is a small difference of large times: its rounds are longer, and more.
	recordRounds, recordVerbs = 9, 4000
	verbTitle                 = "Verbs of writer"
	// recordCost is the share of a verb's time that the record may take.
	recordCost = 0.30
)

// desks are eight incidents in which eight people write at once, while the sequencer numbers.
type desks struct {
	*world
	cases []incident.Incident
	watch *watch
	end   func()
}

func (w *world) desks(ctx context.Context) (*desks, error) {
	if err := w.open(ctx); err != nil {
		return nil, err
	}
	h := w.house
	d := &desks{world: w, watch: &watch{}}
	for n := range writers {
		in, err := h.Incidents.Open(ctx, w.by, incident.NewIncident{Title: fmt.Sprintf("%s %d", verbTitle, n)})
		if err != nil {
			return nil, err
		}
		d.cases = append(d.cases, in)
	}
	for n := 1; n > 0; {
		var err error
		if n, err = h.Sequencer.Number(ctx); err != nil {
			return nil, err
		}
	}
	notify := h.Sequencer.Notify
	h.Sequencer.Notify = d.watch.numbered
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- h.Sequencer.Run(running) }()
	d.end = func() {
		stop()
		<-ended
		h.Sequencer.Notify = notify
	}
	return d, nil
}

// note is a verb: a note in the timeline of an incident.
func (d *desks) note(ctx context.Context, n int) error {
	_, err := d.house.Incidents.AddEntry(ctx, d.by, d.cases[n%writers].UID, incident.Entry{Kind: incident.Note, Text: "Called again; nothing new. We wait for the log of the night."})
	return err
}

// touch is the least that a verb writes, with or without its entry in the record.
func (d *desks) touch(recorded bool) func(ctx context.Context, n int) error {
	return func(ctx context.Context, n int) error {
		in, now := d.cases[n%writers], d.house.Clock.Now()
		return d.house.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			if err := access.Touch(ctx, tx, in.Ref.ID, now); err != nil || !recorded {
				return err
			}
			err := d.house.Audit.Write(ctx, tx, audit.Entry{
				At: now, By: d.by, Verb: "incident.entry", On: in.Ref, Data: map[string]string{"entry": "00000000000000000000000000", "kind": "note"},
			})
			return err
		})
	}
}

func (d *desks) atOnce(ctx context.Context, do func(ctx context.Context, n int) error) (result, error) {
	return d.many(ctx, d.verbs(), do)
}

func (d *desks) many(ctx context.Context, verbs int, do func(ctx context.Context, n int) error) (result, error) {
	return atOnce(writers, verbs, func(n int) (time.Duration, error) {
		began := time.Now()
		err := do(ctx, n)
		d.watch.done()
		return time.Since(began), err
	})
}

func (w *world) verbs() int { return max(writers, min(verbsOfRound, w.mails)) }

// verb measures how many notes a second eight people write. With lag, the latency is not the act's but the time from the commit until its
// entry has a number.
func (w *world) verb(lag bool) func(context.Context) (func(context.Context) (result, error), func(), error) {
	return func(ctx context.Context) (func(context.Context) (result, error), func(), error) {
		d, err := w.desks(ctx)
		if err != nil {
			return nil, nil, err
		}
		round := func(ctx context.Context) (result, error) {
			d.watch.begin()
			out, err := d.atOnce(ctx, d.note)
			if !lag || err != nil {
				return out, err
			}
			out.latencies, err = d.watch.all(ctx, d.verbs())
			return out, err
		}
		return round, d.end, nil
	}
}

// record is the share of a verb's time that the record takes: the time of the least transaction with its entry, written and numbered, less the
// time of the same transaction without, by the time of a verb. The difference holds all that recording costs (sealing, statements, pages, the
// sequencer's own transactions) and not the commit, which the verb would have to wait for anyway. The three take turns, each when the entries of
// the one before have their numbers.
func (w *world) record(ctx context.Context) (string, bool, error) {
	d, err := w.desks(ctx)
	if err != nil {
		return "", false, err
	}
	defer d.end()
	acts := []func(context.Context, int) error{d.note, d.touch(true), d.touch(false)}
	times := make([][]time.Duration, len(acts))
	verbs := max(writers, min(recordVerbs, d.mails*4))
	for range recordRounds {
		for i, act := range acts {
			d.watch.begin()
			began := time.Now()
			if _, err := d.many(ctx, verbs, act); err != nil {
				return "", false, err
			}
			times[i] = append(times[i], time.Since(began)/time.Duration(verbs))
			if err := d.numbered(ctx); err != nil {
				return "", false, err
			}
		}
	}
	for _, t := range times {
		slices.Sort(t)
	}
	verb, with, without := times[0][recordRounds/2], times[1][recordRounds/2], times[2][recordRounds/2]
	share := float64(with-without) / float64(verb)
	return fmt.Sprintf("%.0f %% (%s of %s)", 100*share, short(with-without), short(verb)), share <= recordCost, nil
}

// numbered waits until no entry waits for its number.
func (d *desks) numbered(ctx context.Context) error {
	for range 1000 {
		var waits int64
		if err := d.house.DB.QueryRow(ctx, `SELECT COUNT(*) FROM (SELECT entry FROM audit_waiting ORDER BY entry LIMIT 1) w`).Scan(&waits); err != nil || waits == 0 {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return errors.New("entries wait for their numbers after ten seconds")
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
