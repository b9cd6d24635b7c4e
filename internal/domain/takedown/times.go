package takedown

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// mostTimes is how many times a provider was told are counted, the newest.
const mostTimes = 50_000

// ProviderTime says how fast what a provider was told of was down.
type ProviderTime struct {
	Organisation string // uid
	Name         string
	Role         coordination.Role
	Told         int           // targets
	Down         int           // of those, that are down now
	Median       time.Duration // from telling it to down; 0 while nothing is down
	Waiting      int           // still up, or not known
	Back         int           // that came back
}

// Times gives the time to down by provider and part, of what it was told since a moment, by name. Exercises do not count, nor targets that were ended without being down;
// what came back counts as down only when it is down again. The actor needs access.ReadCases.
func (s *Service) Times(ctx context.Context, by access.Actor, since time.Time) ([]ProviderTime, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return nil, err
	}
	if since.IsZero() {
		since = time.Unix(0, 0)
	}
	type one struct {
		org        int64
		role       coordination.Role
		told, down time.Time
		state      State
	}
	q := new(db.Query).Add(`SELECT p.organisation, p.role, p.told_at, t.down_at, t.state FROM `)
	access.Sees(by).From(q, ref.Incident).Add(` JOIN takedown_target t ON t.subject = o.id JOIN takedown_proposal p ON p.target = t.id
		WHERE o.exercise = FALSE AND p.told_at IS NOT NULL AND p.told_at >= ? AND (t.ended_at IS NULL OR t.down_at IS NOT NULL) ORDER BY p.id DESC LIMIT ?`, since, mostTimes)
	list, err := db.List(ctx, s.DB, q, func(r *db.Rows) (x one, err error) {
		return x, r.Scan(&x.org, (*string)(&x.role), &x.told, &x.down, (*string)(&x.state))
	})
	if err != nil {
		return nil, err
	}
	type key struct {
		org  int64
		role coordination.Role
	}
	all, times := map[key]*ProviderTime{}, map[key][]time.Duration{}
	var ids []int64
	for _, x := range list {
		k := key{x.org, x.role}
		t := all[k]
		if t == nil {
			t = &ProviderTime{Role: x.role}
			all[k] = t
			if !slices.Contains(ids, x.org) {
				ids = append(ids, x.org)
			}
		}
		t.Told++
		switch {
		case x.state == Down && !x.down.IsZero():
			t.Down++
			times[k] = append(times[k], max(x.down.Sub(x.told), 0))
		case x.state == Back:
			t.Back++
			t.Waiting++
		default:
			t.Waiting++
		}
	}
	orgs, err := s.Constituency.Visible(ctx, s.DB, by, ids...)
	if err != nil {
		return nil, err
	}
	var out []ProviderTime
	for k, t := range all {
		o, ok := orgs[k.org]
		if !ok {
			continue
		}
		t.Organisation, t.Name, t.Median = o.UID, o.Name, median(times[k])
		out = append(out, *t)
	}
	slices.SortFunc(out, func(a, b ProviderTime) int {
		return cmp.Or(strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), strings.Compare(string(a.Role), string(b.Role)), strings.Compare(a.Organisation, b.Organisation))
	})
	return out, nil
}

func median(list []time.Duration) time.Duration {
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	n := len(list)
	return (list[(n-1)/2] + list[n/2]) / 2
}
