package mailroom

import (
	"context"
	"slices"
	"sync"
	"time"
)

// most is how many waiting mails a job takes along: a queue of many jobs with one mail each is otherwise as slow as the queue of jobs.
const most = 48

// along gives mails that wait longest beside those of a job that has few. Their own jobs find them filed; until then each of them stays with its job, which
// comes again for what fails here.
func (m *Room) along(ctx context.Context, of []int64) []int64 {
	if len(of) == 0 || len(of) >= together {
		return nil
	}
	waiting, err := m.Correspondence.WaitingWith(ctx, m.DB, of[0], most)
	if err != nil {
		return nil // those of the job are enough
	}
	return waiting
}

// hands are the mails that jobs of this process have in hand.
type hands struct {
	mu    sync.Mutex
	until map[int64]time.Time // far off while a job works on it; soon after one could not file it
}

// rest is how long a mail that could not be filed is left to its own job.
const rest = time.Minute

// take puts mails into hand: those of a job, and others that it takes along. What another job has in hand already comes last.
func (h *hands) take(of []int64, others func() []int64) (own, along, last []int64) {
	more := others()
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	if h.until == nil {
		h.until = map[int64]time.Time{}
	}
	for id, until := range h.until {
		if until.Before(now) {
			delete(h.until, id)
		}
	}
	for _, id := range of {
		if h.until[id].Sub(now) > rest {
			last = append(last, id)
			continue
		}
		own = append(own, id)
	}
	for _, id := range more {
		if _, busy := h.until[id]; !busy && !slices.Contains(of, id) {
			along = append(along, id)
		}
	}
	for _, id := range slices.Concat(own, along) {
		h.until[id] = now.Add(time.Hour)
	}
	return own, along, last
}

// leave puts mails out of hand. Those that wait still rest: until then only their own jobs take them up.
func (m *Room) leave(ctx context.Context, all []int64) {
	left, err := m.Correspondence.Waiting(ctx, m.DB, all)
	if err != nil {
		left = all
	}
	m.hands.mu.Lock()
	defer m.hands.mu.Unlock()
	for _, id := range all {
		delete(m.hands.until, id)
	}
	for _, id := range left {
		m.hands.until[id] = time.Now().Add(rest)
	}
}
