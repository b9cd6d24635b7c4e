// Package rate counts requests in token buckets, in the memory of one process: nothing of who asked is stored.
package rate

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

// mostBuckets bounds what many networks can make us remember. Beyond it the fullest buckets, which nobody used for longest, are forgotten.
const mostBuckets = 20000

// Limiter holds one bucket a key.
type Limiter struct {
	rate  Rate
	clock clock.Clock
	mu    sync.Mutex
	full  map[string]time.Time // when the bucket is full again
}

// New makes a limiter whose buckets are full.
func New(r Rate, c clock.Clock) *Limiter {
	return &Limiter{rate: r, clock: c, full: map[string]time.Time{}}
}

// Take takes one from the bucket of a key, or tells how long to wait.
func (l *Limiter) Take(key string) (wait time.Duration, ok bool) {
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

// Dry tells whether the bucket of a key is empty, without taking.
func (l *Limiter) Dry(key string) (wait time.Duration, dry bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	full, ok := l.full[key]
	if !ok {
		return 0, false
	}
	wait = full.Sub(l.clock.Now()) - time.Duration(l.rate.Burst-1)*l.rate.Every
	return wait, wait > 0
}

func (l *Limiter) forget(now time.Time) {
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

// Network gives the network that shares a bucket: /24 of IPv4, /48 of IPv6.
func Network(a netip.Addr) string {
	if a = a.Unmap().WithZone(""); !a.IsValid() {
		return "unknown"
	}
	bits := 48
	if a.Is4() {
		bits = 24
	}
	p, _ := a.Prefix(bits) // both fit
	return p.String()
}

// Peer gives the address of who connects. What proxies claim counts only where the listener put it into RemoteAddr.
func Peer(r *http.Request) netip.Addr {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr()
}

// Seconds writes a wait as Retry-After wants it (RFC 9110 section 10.2.3).
func Seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}
