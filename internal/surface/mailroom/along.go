package mailroom

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
)

// most is how many waiting mails a job takes along: a queue of many jobs with one mail each is otherwise as slow as the queue of jobs.
const most = 32

// along gives mails that wait longest beside those of a job that has few. Their own jobs find them filed; until then each of them stays with its job, which
// comes again for what fails here.
func (m *Room) along(ctx context.Context, of []correspondence.Waits) []correspondence.Waits {
	if len(of) == 0 || len(of) >= together {
		return nil
	}
	waiting, err := m.Correspondence.WaitingWith(ctx, m.DB, of[0].ID, most)
	if err != nil || len(waiting) < most {
		return nil // there are few: each job does its own
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

// take puts mails into hand: those of a job, and others that it takes along. What another job has in hand is left to it.
func (h *hands) take(of, more []correspondence.Waits) (own, along []correspondence.Waits) {
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
	for _, w := range of {
		if h.until[w.ID].Sub(now) <= rest {
			own = append(own, w)
		}
	}
	for _, w := range more {
		if _, busy := h.until[w.ID]; !busy && !slices.Contains(of, w) {
			along = append(along, w)
		}
	}
	for _, w := range slices.Concat(own, along) {
		h.until[w.ID] = now.Add(time.Hour)
	}
	return own, along
}

// leave puts mails out of hand. Those that wait still rest: until then only their own jobs take them up.
func (m *Room) leave(ctx context.Context, all []correspondence.Waits, failed bool) {
	var left []correspondence.Waits
	if failed {
		var err error
		if left, err = m.Correspondence.Waiting(ctx, m.DB, ids(all)); err != nil {
			left = all
		}
	}
	m.hands.mu.Lock()
	defer m.hands.mu.Unlock()
	for _, w := range all {
		delete(m.hands.until, w.ID)
	}
	for _, w := range left {
		m.hands.until[w.ID] = time.Now().Add(rest)
	}
}

func ids(all []correspondence.Waits) []int64 {
	out := make([]int64, len(all))
	for i, w := range all {
		out[i] = w.ID
	}
	return out
}
