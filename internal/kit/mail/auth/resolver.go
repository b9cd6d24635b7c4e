package auth

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Resolver answers the questions about a sender. A name or record that does not exist is errs.NotFound; any other error is temporary.
type Resolver interface {
	TXT(ctx context.Context, name string) ([]string, error)
	IP(ctx context.Context, name string) ([]netip.Addr, error)
	MX(ctx context.Context, name string) ([]string, error)
}

// DNS asks the resolver of the system, at most Timeout a question (2 s when zero).
type DNS struct {
	Resolver *net.Resolver
	Timeout  time.Duration
}

func (d DNS) with(ctx context.Context) (*net.Resolver, context.Context, context.CancelFunc) {
	r := d.Resolver
	if r == nil {
		r = net.DefaultResolver
	}
	t := d.Timeout
	if t == 0 {
		t = 2 * time.Second
	}
	ctx, stop := context.WithTimeout(ctx, t)
	return r, ctx, stop
}

func kind(err error) error {
	var d *net.DNSError
	if errors.As(err, &d) && d.IsNotFound {
		return errs.Wrap(errs.NotFound, "no such name", err)
	}
	return errs.Wrap(errs.Unavailable, "name server did not answer", err)
}

// TXT gives the text records.
func (d DNS) TXT(ctx context.Context, name string) ([]string, error) {
	r, ctx, stop := d.with(ctx)
	defer stop()
	got, err := r.LookupTXT(ctx, absolute(name))
	return got, kind(err)
}

// IP gives the addresses.
func (d DNS) IP(ctx context.Context, name string) ([]netip.Addr, error) {
	r, ctx, stop := d.with(ctx)
	defer stop()
	got, err := r.LookupNetIP(ctx, "ip", absolute(name))
	for i := range got {
		got[i] = got[i].Unmap()
	}
	return got, kind(err)
}

// MX gives the hosts.
func (d DNS) MX(ctx context.Context, name string) ([]string, error) {
	r, ctx, stop := d.with(ctx)
	defer stop()
	got, err := r.LookupMX(ctx, absolute(name))
	var hosts []string
	for _, m := range got {
		hosts = append(hosts, m.Host)
	}
	return hosts, kind(err)
}

// absolute ends a name with a dot, so that no search list of the host is tried.
func absolute(name string) string { return strings.TrimSuffix(name, ".") + "." }

// Zone is a fixed set of answers: names in lower case without the last dot.
type Zone struct {
	Texts     map[string][]string
	Addresses map[string][]netip.Addr
	Hosts     map[string][]string
}

func look[T any](m map[string][]T, name string) ([]T, error) {
	if v := m[strings.ToLower(strings.TrimSuffix(name, "."))]; len(v) > 0 {
		return v, nil
	}
	return nil, errs.New(errs.NotFound, "no such name")
}

// TXT gives the text records.
func (z Zone) TXT(_ context.Context, name string) ([]string, error) { return look(z.Texts, name) }

// IP gives the addresses.
func (z Zone) IP(_ context.Context, name string) ([]netip.Addr, error) {
	return look(z.Addresses, name)
}

// MX gives the hosts.
func (z Zone) MX(_ context.Context, name string) ([]string, error) { return look(z.Hosts, name) }

// NewCached keeps answers, also that there is none, for a short time. Temporary errors are not kept.
func NewCached(r Resolver, c clock.Clock, keep time.Duration) *Cached {
	return &Cached{r: r, clock: c, keep: keep, seen: map[string]answer{}}
}

// Cached is a resolver that remembers briefly. It is safe for concurrent use.
type Cached struct {
	r     Resolver
	clock clock.Clock
	keep  time.Duration
	mu    sync.Mutex
	seen  map[string]answer
}

type answer struct {
	value any
	err   error
	until time.Time
}

const maxCached = 20_000

func cached[T any](c *Cached, key string, ask func() ([]T, error)) ([]T, error) {
	now := c.clock.Now()
	c.mu.Lock()
	a, ok := c.seen[key]
	c.mu.Unlock()
	if ok && now.Before(a.until) {
		v, _ := a.value.([]T)
		return v, a.err
	}
	v, err := ask()
	if err == nil || errs.Is(err, errs.NotFound) {
		c.mu.Lock()
		if len(c.seen) >= maxCached {
			clear(c.seen)
		}
		c.seen[key] = answer{v, err, now.Add(c.keep)}
		c.mu.Unlock()
	}
	return v, err
}

// TXT gives the text records.
func (c *Cached) TXT(ctx context.Context, name string) ([]string, error) {
	return cached(c, "t "+strings.ToLower(name), func() ([]string, error) { return c.r.TXT(ctx, name) })
}

// IP gives the addresses.
func (c *Cached) IP(ctx context.Context, name string) ([]netip.Addr, error) {
	return cached(c, "a "+strings.ToLower(name), func() ([]netip.Addr, error) { return c.r.IP(ctx, name) })
}

// MX gives the hosts.
func (c *Cached) MX(ctx context.Context, name string) ([]string, error) {
	return cached(c, "m "+strings.ToLower(name), func() ([]string, error) { return c.r.MX(ctx, name) })
}
