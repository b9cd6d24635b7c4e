package api

import (
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/rate"
)

// Rate is a token bucket: Burst at once, then one every Every.
type Rate = rate.Rate

// Limits are the rates of the surface. A zero Rate is the usual one. They hold in each process.
type Limits struct {
	Account Rate // requests of one account
	Report  Rate // reports without a token from one network
	Refused Rate // tokens from one network that open nothing
}

func (l Limits) usual() Limits {
	set := func(r *Rate, burst int, every time.Duration) {
		if r.Burst == 0 {
			*r = Rate{Burst: burst, Every: every}
		}
	}
	set(&l.Account, 2000, 2*time.Millisecond)
	set(&l.Report, 10, time.Minute)
	set(&l.Refused, 20, 10*time.Second)
	return l
}

type limiters struct {
	account, report, refused *rate.Limiter
}

func newLimiters(l Limits, c clock.Clock) *limiters {
	l = l.usual()
	return &limiters{rate.New(l.Account, c), rate.New(l.Report, c), rate.New(l.Refused, c)}
}
