// Package presence says who of the team looks at what, and looked at it before. It writes at most once a minute for a person and an object, tells the team
// alone, and only of objects that the caller has read under the reader's scope.
//
// Table: presence_seen.
package presence

import (
	"context"
	"sync"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Now is how long after a page was asked for its reader counts as looking at it.
const Now = 5 * time.Minute

const (
	pause = time.Minute // between two notes of the same
	look  = 4 * time.Second
	most  = 10_000 // pairs of person and object that are remembered here
)

// Seen is one of the team who opened an object.
type Seen struct {
	Account int64
	First   time.Time
	Last    time.Time
}

// Here tells whether somebody looks at it now.
func (s Seen) Here(now time.Time) bool { return now.Sub(s.Last) < Now }

// Service notes who looks at what.
type Service struct {
	DB    *db.DB
	Clock clock.Clock

	mu    sync.Mutex
	noted map[pair]time.Time
	asked time.Time // when Came looked last
	came  time.Time // of the newest arrival then
}

type pair struct {
	object, account int64
	writes          bool
}

// Note writes down that somebody of the team opened an object that it may see.
func (s *Service) Note(ctx context.Context, by access.Actor, on ref.Ref) error {
	return s.note(ctx, by, on, false)
}

// Wrote is Note of somebody who is writing there: whoever looks at it is told anew.
func (s *Service) Wrote(ctx context.Context, by access.Actor, on ref.Ref) error {
	return s.note(ctx, by, on, true)
}

func (s *Service) note(ctx context.Context, by access.Actor, on ref.Ref, writes bool) error {
	if by.Account == 0 || !by.Team() {
		return nil
	}
	now, p := s.Clock.Now(), pair{on.ID, by.Account, writes}
	s.mu.Lock()
	if at, ok := s.noted[p]; ok && now.Sub(at) < pause && !now.Before(at) {
		s.mu.Unlock()
		return nil
	}
	if s.noted == nil || len(s.noted) >= most {
		s.noted = map[pair]time.Time{}
	}
	s.noted[p] = now
	s.mu.Unlock()
	_, err := s.DB.Exec(ctx, `INSERT INTO presence_seen (object, account, kind, first_at, came_at, last_at) VALUES ($1, $2, $3, $4, $4, $4)
		ON CONFLICT (object, account) DO UPDATE SET last_at = excluded.last_at,
		came_at = CASE WHEN presence_seen.last_at < $5 OR $6 THEN excluded.came_at ELSE presence_seen.came_at END`, on.ID, by.Account, int64(on.Kind), now, now.Add(-Now), writes)
	return err
}

// Of gives who opened objects, who looked last first. The caller has read them under the reader's scope; nobody outside the team is told.
func (s *Service) Of(ctx context.Context, h db.Handle, by access.Actor, objects ...int64) (map[int64][]Seen, error) {
	return s.since(ctx, h, by, time.Unix(0, 0), objects)
}

// Around gives who but the reader looks at objects now.
func (s *Service) Around(ctx context.Context, h db.Handle, by access.Actor, objects ...int64) (map[int64][]Seen, error) {
	return s.since(ctx, h, by, s.Clock.Now().Add(-Now), objects)
}

func (s *Service) since(ctx context.Context, h db.Handle, by access.Actor, at time.Time, objects []int64) (map[int64][]Seen, error) {
	out := map[int64][]Seen{}
	if len(objects) == 0 || !by.Team() {
		return out, nil
	}
	q := db.In(new(db.Query).Add(`SELECT object, account, first_at, last_at FROM presence_seen WHERE object IN `), objects).Add(` AND last_at > ? AND account <> ? ORDER BY last_at DESC, account`, at, by.Account)
	rows, err := q.Query(ctx, h)
	return out, db.Each(rows, err, func(r *db.Rows) error {
		var object int64
		var x Seen
		if err := r.Scan(&object, &x.Account, &x.First, &x.Last); err != nil {
			return err
		}
		out[object] = append(out[object], x)
		return nil
	})
}

// Came gives the objects that somebody but the reader came to since a moment, and the moment up to which it looked. All streams of a process share one look
// in four seconds. Who hears of it asks first whether the reader may see the object.
func (s *Service) Came(ctx context.Context, by access.Actor, since time.Time) ([]ref.Ref, time.Time, error) {
	now := s.Clock.Now()
	s.mu.Lock()
	due := now.Sub(s.asked) >= look || now.Before(s.asked)
	if due {
		s.asked = now
	}
	came := s.came
	s.mu.Unlock()
	if due {
		newest := time.Unix(0, 0)
		err := s.DB.QueryRow(ctx, `SELECT came_at FROM presence_seen ORDER BY came_at DESC LIMIT 1`).Scan(&newest)
		if err != nil && !errs.Is(err, errs.NotFound) {
			return nil, since, err
		}
		s.mu.Lock()
		s.came, came = newest, newest
		s.mu.Unlock()
	}
	if !came.After(since) {
		return nil, since, nil
	}
	out, err := db.All(ctx, s.DB, func(r *db.Rows) (x ref.Ref, err error) { return x, r.Scan(&x.ID, &x.Kind) },
		`SELECT DISTINCT object, kind FROM presence_seen WHERE came_at > $1 AND account <> $2 ORDER BY object LIMIT 200`, since, by.Account)
	return out, came, err
}
