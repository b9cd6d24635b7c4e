package intake

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/setting"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Counted is a name and how often it stands there.
type Counted struct {
	Name  string
	Count int
}

// Lane is what lies in the lane of probable spam: the digest of it.
type Lane struct {
	Count    int // laneMost at most
	More     bool
	Fresh    int       // of them since somebody looked
	LookedAt time.Time // zero: nobody yet
	Senders  []Counted // the most frequent
	Domains  []Counted
	Odd      []Report // that a person should look at, newest first
	Newest   []Report
}

const (
	laneMost  = 2000
	laneTop   = 8
	laneLines = 25

	settingLooked = "intake.lane_looked"
)

// Lane gives what lies in the lane, as far as the actor may see it. The actor needs access.ReadCases.
func (s *Service) Lane(ctx context.Context, by access.Actor) (Lane, error) {
	var out Lane
	if err := by.Need(access.ReadCases); err != nil {
		return out, err
	}
	if err := setting.Get(ctx, s.DB, settingLooked, &out.LookedAt); err != nil {
		return out, err
	}
	senders, domains := map[string]int{}, map[string]int{}
	for f := (QueueFilter{State: Spam, Limit: 200}); ; {
		page, err := s.List(ctx, by, f)
		if err != nil {
			return out, err
		}
		for i := range page.Items {
			r := page.Items[i]
			out.Count++
			if r.CreatedAt.After(out.LookedAt) {
				out.Fresh++
			}
			from := strings.ToLower(r.Body.Email)
			if at := strings.LastIndexByte(from, '@'); at > 0 {
				senders[from]++
				domains[from[at+1:]]++
			}
			if r.Body.Mail != nil && len(r.Body.Mail.Odd) > 0 && len(out.Odd) < laneLines {
				out.Odd = append(out.Odd, r)
			}
			if len(out.Newest) < laneLines {
				out.Newest = append(out.Newest, r)
			}
		}
		if f.After = page.Next; f.After == "" || out.Count >= laneMost {
			out.More = f.After != ""
			break
		}
	}
	out.Senders, out.Domains = top(senders), top(domains)
	return out, nil
}

func top(all map[string]int) []Counted {
	out := make([]Counted, 0, len(all))
	for name, n := range all {
		out = append(out, Counted{name, n})
	}
	slices.SortFunc(out, func(a, b Counted) int { return cmp.Or(b.Count-a.Count, strings.Compare(a.Name, b.Name)) })
	return out[:min(len(out), laneTop)]
}

// LaneFresh counts what came to the lane since somebody looked, or since a moment where that is later; 100 at most.
func (s *Service) LaneFresh(ctx context.Context, by access.Actor, since time.Time) (int, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return 0, err
	}
	var looked time.Time
	if err := setting.Get(ctx, s.DB, settingLooked, &looked); err != nil {
		return 0, err
	}
	if looked.After(since) {
		since = looked
	}
	if since.IsZero() {
		since = time.Unix(0, 0)
	}
	q := new(db.Query).Add(`SELECT COUNT(*) FROM (SELECT r.id`)
	driven(q, access.Sees(by))
	q.Add(` AND r.state = ? AND o.created_at > ? LIMIT ?) counted`, string(Spam), since, countCap)
	var n int
	err := s.DB.QueryRow(ctx, q.Text(), q.Args()...).Scan(&n)
	return n, err
}

// LookedThrough says that a person looked through the lane: what came until then is not told of again. The actor needs access.Triage.
func (s *Service) LookedThrough(ctx context.Context, by access.Actor, until time.Time) error {
	if err := by.Need(access.Triage); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		now := s.Clock.Now()
		if until.After(now) || until.IsZero() {
			until = now
		}
		if err := setting.Put(ctx, tx, by.Account, now, settingLooked, until); err != nil {
			return err
		}
		return s.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: "intake.looked_through"})
	})
}

// ClearLane rejects as spam what lies in the lane and came until a moment, as a run: that of what was shown. NotFound when nothing does.
func (s *Service) ClearLane(ctx context.Context, by access.Actor, until time.Time) (Run, error) {
	if err := by.Need(access.Triage); err != nil {
		return Run{}, err
	}
	reasons, err := s.Reasons(ctx, s.DB)
	if err != nil {
		return Run{}, err
	}
	i := slices.IndexFunc(reasons, func(r Reason) bool { return r.Spam && !r.Off && r.Code != "other" })
	if i < 0 {
		return Run{}, errs.ErrNotFound
	}
	var uids []string
	for f := (QueueFilter{State: Spam, Limit: 200}); ; {
		page, err := s.List(ctx, by, f)
		if err != nil {
			return Run{}, err
		}
		for _, r := range page.Items {
			if !r.CreatedAt.After(until) && len(uids) < mostRun {
				uids = append(uids, r.UID)
			}
		}
		if f.After = page.Next; f.After == "" || len(uids) == mostRun {
			break
		}
	}
	if len(uids) == 0 {
		return Run{}, errs.ErrNotFound
	}
	return s.StartRun(ctx, by, RunInput{Action: RunReject, Reports: uids, Reason: reasons[i].Code})
}
