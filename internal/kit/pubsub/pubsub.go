// Package pubsub carries a growing number (the newest audit number) to everybody in this process who waits for it, and between processes
// over PostgreSQL LISTEN/NOTIFY. It carries no content and loses nothing: a follower reads what is above the number it saw last.
package pubsub

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Newest tells followers the newest number.
type Newest struct {
	mu      sync.Mutex
	n       int64
	changed chan struct{}
}

// NewNewest starts at n.
func NewNewest(n int64) *Newest { return &Newest{n: n, changed: make(chan struct{})} }

// Get gives the newest number and a channel that closes when there is a newer one.
func (x *Newest) Get() (int64, <-chan struct{}) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.n, x.changed
}

// Set tells a newer number; an older one changes nothing.
func (x *Newest) Set(n int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if n > x.n {
		x.n = n
		close(x.changed)
		x.changed = make(chan struct{})
	}
}

const channel = "tocsin_newest"

// Tell notifies the other processes on the same PostgreSQL; on SQLite there are none.
func Tell(ctx context.Context, d *db.DB, n int64) error {
	if d.Engine() != db.Postgres {
		return nil
	}
	_, err := d.Pool().Exec(ctx, `SELECT pg_notify($1, $2)`, channel, strconv.FormatInt(n, 10))
	return err
}

// Listen sets what other processes tell until ctx ends, and reads the number anew after each lost connection.
func Listen(ctx context.Context, d *db.DB, x *Newest, current func(context.Context) (int64, error)) error {
	if d.Engine() != db.Postgres {
		<-ctx.Done()
		return nil
	}
	for ctx.Err() == nil {
		listen(ctx, d, x, current)
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	return nil
}

func listen(ctx context.Context, d *db.DB, x *Newest, current func(context.Context) (int64, error)) {
	c, err := d.Pool().Acquire(ctx)
	if err != nil {
		return
	}
	conn := c.Hijack()
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(ctx, `LISTEN `+channel); err != nil {
		return
	}
	if n, err := current(ctx); err == nil {
		x.Set(n)
	}
	for {
		m, err := conn.WaitForNotification(ctx)
		if err != nil {
			return
		}
		if n, err := strconv.ParseInt(m.Payload, 10, 64); err == nil {
			x.Set(n)
		}
	}
}
