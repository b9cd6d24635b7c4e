package takedown

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/fetch"
)

// The schedule of looks after somebody was told, or after what was down is back; then daily.
var schedule = []time.Duration{15 * time.Minute, time.Hour, 6 * time.Hour, 6 * time.Hour, 6 * time.Hour, 6 * time.Hour}

const (
	daily   = 24 * time.Hour
	lookFor = 60 * daily // after a target was told of
	downFor = 30 * daily // after it is down
	again   = 15 * time.Minute
	silent  = 2 // looks in a row that find nobody make it down
)

// nextLook says when a target is looked at next; zero for never.
func (s *Service) nextLook(t Target, now time.Time) time.Time {
	switch {
	case !t.EndedAt.IsZero() || t.ToldAt.IsZero(),
		t.State == Down && now.Sub(t.DownAt) > downFor,
		t.State != Down && now.Sub(maxTime(t.ToldAt, t.StateAt)) > lookFor:
		return time.Time{}
	case t.misses > 0:
		return now.Add(again)
	case t.State == Down:
		return now.Add(daily)
	case t.looks < len(schedule):
		return now.Add(schedule[t.looks])
	}
	return now.Add(daily)
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// judge says what a sight means for a target: its new state, "" when it says nothing of it. It notes in the target what was seen.
func (t *Target) judge(x fetch.Sight) (to State, where string) {
	t.Last = x.Outcome
	before := t.Elsewhere
	t.Elsewhere = ""
	if x.Outcome != fetch.Silent {
		t.misses = 0
	}
	switch x.Outcome {
	case fetch.Gone, fetch.NoName, fetch.NoAddress, fetch.Inside:
		return Down, ""
	case fetch.Silent:
		if t.misses++; t.misses < silent && t.State != Down {
			return "", ""
		}
		return Down, ""
	case fetch.Away:
		t.Elsewhere = x.Elsewhere
		if t.State == Moved && before == x.Elsewhere {
			return "", ""
		}
		return Moved, x.Elsewhere
	case fetch.Answers:
		return t.answers(x, before)
	}
	t.Elsewhere = before
	return "", ""
}

func (t *Target) answers(x fetch.Sight, led string) (State, string) {
	if x.Hash != "" {
		t.Title, t.Hash = x.Title, x.Hash
		if t.first == "" {
			t.first = x.Hash
		}
	}
	known := t.Seen
	if len(known) == 0 {
		known = t.Addresses
	}
	t.Seen = x.Addresses[:min(len(x.Addresses), mostAddresses)]
	elsewhere := len(known) > 0 && !near(known, t.Seen)
	switch {
	case elsewhere && t.State != Down:
		return Moved, words(t.Seen)
	case t.State == Moved && led == "": // it answers where it moved to
		return "", ""
	}
	return Up, ""
}

// near tells whether two lists share a network: what is spread over neighbours has not moved.
func near(a, b []netip.Addr) bool {
	return slices.ContainsFunc(a, func(x netip.Addr) bool {
		bits := 24
		if x.Is6() {
			bits = 48
		}
		p, err := x.Prefix(bits)
		return err == nil && slices.ContainsFunc(b, p.Contains)
	})
}

func words(list []netip.Addr) string {
	out := make([]string, len(list))
	for i, a := range list {
		out[i] = a.String()
	}
	return strings.Join(out, ", ")
}
