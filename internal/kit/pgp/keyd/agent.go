package keyd

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/pgp"
	"github.com/tocsin-csirt/tocsin/internal/kit/smime"
)

// Options bound and watch the use of the keys. The zero value is fit for use.
type Options struct {
	Clock clock.Clock
	Signs Rate // signatures, 1,000 a second and 2,000 at once
	Opens Rate // unwraps, 300 a second and 600 at once

	// Fresh is asked before each call for another ring, when keys were renewed; nil is none. It must return soon.
	Fresh func() *Ring

	// Record is told of every call, for the audit. It must return soon and not call back.
	Record func(Use)
}

// Rate is a bucket that fills PerSecond and holds Burst.
type Rate struct{ PerSecond, Burst float64 }

// Outcome is how one call ended.
type Outcome string

// The outcomes.
const (
	Done    Outcome = "done"
	No      Outcome = "no"      // not unwrapped
	Refused Outcome = "refused" // malformed or forbidden, or another user's process
	Limited Outcome = "limited"
	Failed  Outcome = "failed" // no valid signing key
)

// Use is one call as the audit keeps it: no content, no digest, no key.
type Use struct {
	At      time.Time
	Call    string // "sign mail", "sign publication", "unwrap", "connect", "message"
	Outcome Outcome
	Private int // private-key operations
}

// InProcess answers the two calls from a ring in the same process: what the server does, without the socket. For tests and for tools that
// have the root secret anyhow.
type InProcess struct {
	ring   atomic.Pointer[Ring]
	clock  clock.Clock
	record func(Use)
	fresh  func() *Ring

	mu     sync.Mutex
	signs  bucket
	opens  bucket
	counts map[countKey]int
}

type countKey struct {
	call    string
	outcome Outcome
}

var _ Agent = (*InProcess)(nil)

// Agent is the key process for both kinds of sealed mail.
type Agent interface {
	pgp.Agent
	smime.Agent
}

// NewInProcess makes an agent of the ring.
func NewInProcess(r *Ring, o Options) *InProcess {
	if o.Clock == nil {
		o.Clock = clock.System()
	}
	if o.Signs == (Rate{}) {
		o.Signs = Rate{1000, 2000}
	}
	if o.Opens == (Rate{}) {
		o.Opens = Rate{300, 600}
	}
	now := o.Clock.Now()
	a := &InProcess{
		clock: o.Clock, record: o.Record, fresh: o.Fresh, counts: map[countKey]int{},
		signs: bucket{rate: o.Signs, level: o.Signs.Burst, at: now},
		opens: bucket{rate: o.Opens, level: o.Opens.Burst, at: now},
	}
	a.ring.Store(r)
	return a
}

// current is the ring as it is now.
func (a *InProcess) current() *Ring {
	if a.fresh != nil {
		if r := a.fresh(); r != nil {
			a.ring.Store(r)
		}
	}
	return a.ring.Load()
}

var errLimit = errs.New(errs.Limit, "the key process is asked too often")

// Sign implements pgp.Agent.
func (a *InProcess) Sign(ctx context.Context, q pgp.SignRequest) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	call := "sign"
	if q.Purpose == pgp.Mail || q.Purpose == pgp.Publication {
		call += " " + string(q.Purpose)
	}
	now := a.clock.Now()
	if !a.take(&a.signs, now) {
		a.note(call, Limited, 0)
		return nil, errLimit
	}
	sig, err := a.current().sign(q, now)
	switch {
	case err == nil:
		a.note(call, Done, 1)
	case errs.Is(err, errs.Invalid):
		a.note(call, Refused, 0)
	default:
		a.note(call, Failed, 0)
	}
	return sig, err
}

// Unwrap implements pgp.Agent.
func (a *InProcess) Unwrap(ctx context.Context, q pgp.UnwrapRequest) (pgp.SessionKey, error) {
	if err := ctx.Err(); err != nil {
		return pgp.SessionKey{}, err
	}
	if !a.take(&a.opens, a.clock.Now()) {
		a.note("unwrap", Limited, 0)
		return pgp.SessionKey{}, errLimit
	}
	key, ops, err := a.current().unwrap(q)
	if err != nil {
		a.note("unwrap", No, ops)
		return pgp.SessionKey{}, err
	}
	a.note("unwrap", Done, ops)
	return key, nil
}

// SignSMIME implements smime.Agent.
func (a *InProcess) SignSMIME(ctx context.Context, q smime.SignRequest) (smime.SignedBy, error) {
	if err := ctx.Err(); err != nil {
		return smime.SignedBy{}, err
	}
	const call = "sign mail, S/MIME"
	now := a.clock.Now()
	if !a.take(&a.signs, now) {
		a.note(call, Limited, 0)
		return smime.SignedBy{}, errLimit
	}
	by, err := a.current().signSMIME(q, now)
	switch {
	case err == nil:
		a.note(call, Done, 1)
	case errs.Is(err, errs.Invalid):
		a.note(call, Refused, 0)
	default:
		a.note(call, Failed, 0)
	}
	return by, err
}

// UnwrapSMIME implements smime.Agent.
func (a *InProcess) UnwrapSMIME(ctx context.Context, q smime.UnwrapRequest) (smime.ContentKey, error) {
	if err := ctx.Err(); err != nil {
		return smime.ContentKey{}, err
	}
	const call = "unwrap, S/MIME"
	if !a.take(&a.opens, a.clock.Now()) {
		a.note(call, Limited, 0)
		return smime.ContentKey{}, errLimit
	}
	key, ops, err := a.current().unwrapSMIME(q)
	if err != nil {
		a.note(call, No, ops)
		return key, err
	}
	a.note(call, Done, ops)
	return key, nil
}

// Count tells how often a call ended so.
func (a *InProcess) Count(call string, o Outcome) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.counts[countKey{call, o}]
}

func (a *InProcess) note(call string, o Outcome, private int) {
	a.mu.Lock()
	a.counts[countKey{call, o}]++
	a.mu.Unlock()
	if a.record != nil {
		a.record(Use{At: a.clock.Now(), Call: call, Outcome: o, Private: private})
	}
}

func (a *InProcess) take(b *bucket, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return b.take(now)
}

type bucket struct {
	rate  Rate
	level float64
	at    time.Time
}

func (b *bucket) take(now time.Time) bool {
	if d := now.Sub(b.at); d > 0 {
		b.level, b.at = min(b.rate.Burst, b.level+d.Seconds()*b.rate.PerSecond), now
	}
	if b.level < 1 {
		return false
	}
	b.level--
	return true
}
