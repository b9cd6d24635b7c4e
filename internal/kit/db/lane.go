package db

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Lane says whose work a statement is. It travels in the context and decides over means only, never over rights: each lane has connections of
// its own, its turn at SQLite's one writer, its patience, and its share of the disk. A flood on one lane leaves the others theirs.
type Lane uint8

// The lanes. A context that names none is of the house.
const (
	House  Lane = iota // start, record, health, command line
	Worker             // jobs
	Mail               // mail coming in
	Public             // public pages
	Entry              // signing in
	Portal
	Desk
	API
	lanes
)

var laneNames = [lanes]string{"house", "worker", "mail", "public", "entry", "portal", "desk", "api"}

func (l Lane) String() string { return laneNames[l] }

// Lanes gives all lanes.
func Lanes() []Lane {
	out := make([]Lane, lanes)
	for i := range out {
		out[i] = Lane(i)
	}
	return out
}

// Share is what a lane has of the database.
type Share struct {
	Own   int           // connections that no other lane takes
	Read  time.Duration // longest reading outside a transaction; 0: no limit
	Write time.Duration // longest transaction; 0: no limit
	Wait  time.Duration // longest wait for a connection or a turn; 0: as long as the context
	Line  int           // how many may wait; 0: all
	Keep  int           // percent of the disk that the lane leaves free, and no more than as many GiB
}

// Shares are what the lanes have when Config says nothing else. Strangers, who are many, stand in a longer line and leave more of the disk than those we know;
// who works at the desk is served until nothing is left.
var Shares = [lanes]Share{
	House:  {Own: 2},
	Worker: {Own: 3, Read: 30 * time.Second, Write: 2 * time.Minute},
	Mail:   {Own: 1, Keep: 10},                                                                                     // a few statements of ours for many mails: a limit would cost more than they do
	Public: {Own: 2, Read: 2 * time.Second, Write: 10 * time.Second, Wait: 20 * time.Second, Line: 2048, Keep: 10}, // a thousand reporters on one morning are no flood
	Entry:  {Own: 2, Read: 2 * time.Second, Write: 10 * time.Second, Wait: 5 * time.Second, Line: 256},
	Portal: {Own: 2, Read: 2 * time.Second, Write: 10 * time.Second, Wait: 10 * time.Second, Line: 256, Keep: 5},
	Desk:   {Own: 4, Read: 5 * time.Second, Write: 10 * time.Second, Wait: 20 * time.Second, Line: 256},
	API:    {Own: 2, Read: 5 * time.Second, Write: 10 * time.Second, Wait: 10 * time.Second, Line: 256, Keep: 5},
}

type laneKey struct{}

// On gives a context whose statements are of the lane.
func On(ctx context.Context, l Lane) context.Context { return context.WithValue(ctx, laneKey{}, l) }

// LaneOf gives the lane of a context.
func LaneOf(ctx context.Context) Lane {
	l, _ := ctx.Value(laneKey{}).(Lane)
	return l
}

var errBusy = &errs.Error{Kind: errs.Unavailable, Key: "error.too_busy", Text: "too much comes in at once; nothing was kept, try again in a minute"}

// connections shares a pool among the lanes: each has its own, and what is common goes to who comes first.
type connections struct {
	own     [lanes]chan struct{}
	common  chan struct{}
	waiting [lanes]atomic.Int32
}

func newConnections(shares *[lanes]Share, common int) (c *connections, all int) {
	c, all = &connections{common: make(chan struct{}, common)}, common
	for l, s := range shares {
		c.own[l] = make(chan struct{}, s.Own)
		all += s.Own
	}
	return c, all
}

// enter waits for a connection of the lane. Who has done with it receives once from what it gives.
func (c *connections) enter(ctx context.Context, l Lane, s Share) (chan struct{}, error) {
	select {
	case c.own[l] <- struct{}{}:
		return c.own[l], nil
	default:
	}
	select {
	case c.common <- struct{}{}:
		return c.common, nil
	default:
	}
	defer c.waiting[l].Add(-1)
	if n := c.waiting[l].Add(1); s.Line > 0 && int(n) > s.Line {
		return nil, errBusy
	}
	enough, stop := patience(s.Wait)
	defer stop()
	select {
	case c.own[l] <- struct{}{}:
		return c.own[l], nil
	case c.common <- struct{}{}:
		return c.common, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-enough:
		return nil, errBusy
	}
}

func patience(d time.Duration) (<-chan time.Time, func()) {
	if d == 0 {
		return nil, func() {}
	}
	t := time.NewTimer(d)
	return t.C, func() { t.Stop() }
}

// turns is the waiting line of SQLite's one writer: a line for each lane, served in rounds, so that a lane with many in it gives way after each.
type turns struct {
	mu      sync.Mutex
	taken   bool
	last    Lane   // who has, or had, the turn
	idle    func() // what the last one leaves to be done, before the turn is free
	waiting [lanes][]chan struct{}
}

// take waits for a turn; who has it calls give once.
func (t *turns) take(ctx context.Context, l Lane, s Share) error {
	t.mu.Lock()
	if !t.taken {
		t.taken, t.last = true, l
		t.mu.Unlock()
		return nil
	}
	if s.Line > 0 && len(t.waiting[l]) >= s.Line {
		t.mu.Unlock()
		return errBusy
	}
	mine := make(chan struct{})
	t.waiting[l] = append(t.waiting[l], mine)
	t.mu.Unlock()
	enough, stop := patience(s.Wait)
	defer stop()
	var err error
	select {
	case <-mine:
		return nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-enough:
		err = errBusy
	}
	t.mu.Lock()
	i := slices.Index(t.waiting[l], mine)
	if i >= 0 {
		t.waiting[l] = slices.Delete(t.waiting[l], i, i+1)
	}
	t.mu.Unlock()
	if i < 0 { // it came at the same moment
		t.give()
	}
	return err
}

// give hands the turn to the next lane in which somebody waits. When nobody does, idle is run first, and who came meanwhile is next.
func (t *turns) give() {
	if t.hand(false) {
		return
	}
	t.idle()
	t.hand(true)
}

// hand gives the turn to who waits, or frees it. It does neither when nobody waits and something is left to do, unless that is done.
func (t *turns) hand(done bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range lanes {
		l := (t.last + 1 + i) % lanes
		if len(t.waiting[l]) > 0 {
			next := t.waiting[l][0]
			t.waiting[l] = slices.Delete(t.waiting[l], 0, 1)
			t.last = l
			close(next)
			return true
		}
	}
	t.taken = !done
	return done
}

// Waiting gives how many statements of a lane wait for a connection or a turn.
func (d *DB) Waiting(l Lane) int {
	n := int(d.conns.waiting[l].Load())
	if d.turns != nil {
		d.turns.mu.Lock()
		defer d.turns.mu.Unlock()
		n += len(d.turns.waiting[l])
	}
	return n
}

// Busy gives how many connections a lane uses of those that are its own.
func (d *DB) Busy(l Lane) int { return len(d.conns.own[l]) }
