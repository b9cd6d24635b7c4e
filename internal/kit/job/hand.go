package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/riverqueue/river"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// hand holds the jobs of a queue that nobody works but Run.
type hand struct {
	registry *Registry
	mu       sync.Mutex
	jobs     []handed
}

type handed struct {
	kind string
	raw  json.RawMessage
}

// ByHand makes a queue in memory: jobs wait, after the commit of the transaction that inserted them, until Run works them one after the other.
// It is for who fills an empty house in a time of his own, where a queue with the machine's clock cannot follow. Nothing in it is durable, and
// neither lanes nor times are looked at: a worker that finds it too early says so (Later) and is asked again by the next Run.
func ByHand(r *Registry) *Queue { return &Queue{hand: &hand{registry: r}} }

func (h *hand) insert(tx *db.Tx, kind string, raw json.RawMessage) {
	tx.AfterCommit(func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.jobs = append(h.jobs, handed{kind, raw})
	})
}

// Run works the jobs of a ByHand queue, and those that they insert, once each, and tells how many wait for a later time. The first error ends
// it; a kind without a worker is left out.
func (q *Queue) Run(ctx context.Context) (wait int, err error) {
	if q.hand == nil {
		return 0, errors.New("run jobs: the queue has workers of its own")
	}
	var later []handed
	defer func() {
		q.hand.mu.Lock()
		defer q.hand.mu.Unlock()
		q.hand.jobs = append(later, q.hand.jobs...)
		wait = len(q.hand.jobs)
	}()
	for {
		q.hand.mu.Lock()
		jobs := q.hand.jobs
		q.hand.jobs = nil
		q.hand.mu.Unlock()
		if len(jobs) == 0 {
			return 0, nil
		}
		for _, j := range jobs {
			w, ok := q.hand.registry.handlers[j.kind]
			if !ok {
				continue
			}
			err := w.run(ctx, j.raw)
			if snooze := new(river.JobSnoozeError); errors.As(err, &snooze) {
				later = append(later, j)
				continue
			}
			if err != nil {
				return 0, fmt.Errorf("job %s: %w", j.kind, err)
			}
		}
	}
}
