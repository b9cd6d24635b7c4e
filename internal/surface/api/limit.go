package api

import (
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
)

// Rate is a token bucket: Burst at once, then one every Every.
type Rate struct {
	Burst int
	Every time.Duration
}

// Limits are the rates of the surface. A zero Rate is the usual one. They hold in each process.
type Limits struct {
	Account Rate // requests of one account
	Report  Rate // reports without a token from one network
	Refused Rate // tokens from one network that open nothing
}

func (l Limits) usual() Limits {
	set := func(r *Rate, burst int, every time.Duration) {
		if r.Burst == 0 {
			*r = Rate{burst, every}
		}
	}
	set(&l.Account, 2000, 2*time.Millisecond)
	set(&l.Report, 10, time.Minute)
	set(&l.Refused, 20, 10*time.Second)
	return l
}

type limiters struct {
	account, report, refused *limiter
}

func newLimiters(l Limits, c clock.Clock) *limiters {
	l = l.usual()
	return &limiters{newLimiter(l.Account, c), newLimiter(l.Report, c), newLimiter(l.Refused, c)}
}

// mostBuckets bounds what many networks can make us remember. Beyond it the fullest buckets, which nobody used for longest, are forgotten.
const mostBuckets = 20000

type limiter struct {
	rate  Rate
	clock clock.Clock
	mu    sync.Mutex
	full  map[string]time.Time // when the bucket is full again
}

func newLimiter(r Rate, c clock.Clock) *limiter {
	return &limiter{rate: r, clock: c, full: map[string]time.Time{}}
}

// take takes one from the bucket of a key, or tells how long to wait.
func (l *limiter) take(key string) (wait time.Duration, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now()
	full := l.full[key]
	if full.Before(now) {
		full = now
	}
	if wait := full.Sub(now) - time.Duration(l.rate.Burst-1)*l.rate.Every; wait > 0 {
		return wait, false
	}
	if len(l.full) >= mostBuckets {
		l.forget(now)
	}
	l.full[key] = full.Add(l.rate.Every)
	return 0, true
}

// dry tells whether the bucket of a key is empty, without taking.
func (l *limiter) dry(key string) (wait time.Duration, dry bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	full, ok := l.full[key]
	if !ok {
		return 0, false
	}
	wait = full.Sub(l.clock.Now()) - time.Duration(l.rate.Burst-1)*l.rate.Every
	return wait, wait > 0
}

func (l *limiter) forget(now time.Time) {
	for k, full := range l.full {
		if !full.After(now) {
			delete(l.full, k)
		}
	}
	for k := range l.full { // all are in use: a flood of networks; any of them starts anew
		if len(l.full) < mostBuckets {
			break
		}
		delete(l.full, k)
	}
}

// networkOf gives the network that shares a bucket: /24 of IPv4, /48 of IPv6.
func networkOf(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	bits := 48
	if a.Is4() {
		bits = 24
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return "unknown"
	}
	return p.String()
}

func peer(r *http.Request) netip.Addr {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr()
}

func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}
