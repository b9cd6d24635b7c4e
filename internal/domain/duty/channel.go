package duty

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/setting"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Watched says how a channel is watched.
type Watched string

// The ways to watch one.
const (
	Learnt Watched = "learnt" // by what came in the last weeks
	ByHand Watched = "hand"   // by a number of hours
	Never  Watched = "off"
)

// Watch is how one channel is watched.
type Watch struct {
	How   Watched   `json:"how"`
	Hours int       `json:"hours,omitempty"` // of ByHand: the longest pause that is right
	Since time.Time `json:"since,omitzero"`  // of ByHand: when that was set
}

// Channel is a road into the house, and whether it is silent.
type Channel struct {
	Name  string // one of Service.Channels
	Watch Watch
	Last  time.Time     // zero: nothing ever came
	Pause time.Duration // the longest in the weeks before Last, in whole hours; 0: too little came to tell
	Due   time.Time     // when it is silent if nothing comes; zero: nobody can tell
}

// Silent tells whether it is silent too long at a moment.
func (c Channel) Silent(now time.Time) bool { return !c.Due.IsZero() && !now.Before(c.Due) }

// From is since when it is silent.
func (c Channel) From() time.Time {
	if c.Watch.How == ByHand && c.Watch.Since.After(c.Last) {
		return c.Watch.Since
	}
	return c.Last
}

// What a habit is learnt from.
const (
	learntFrom = 28 * 24 * time.Hour
	leastTime  = 7 * 24 * time.Hour // from the first to the last arrival
	leastHours = 10                 // in which something came
	foreseen   = 90 * 24 * time.Hour
)

// surprise is when a silence is no chance: one in 10,000, if each hour of the week went on as it did.
var surprise = math.Log(10_000)

// Habit is how a channel usually is: how often something came in each hour of the week, by the clock of the team; a public holiday is a Sunday.
type Habit struct {
	Zone    *time.Location
	Holiday func(time.Time) bool // nil: none is known
	seen    [7 * 24]int
	of      [7 * 24]int
	most    float64 // the largest weight of a pause
	Pause   time.Duration
}

func (h *Habit) slot(t time.Time) int {
	t = t.In(h.Zone)
	day := t.Weekday()
	if h.Holiday != nil && h.Holiday(t) {
		day = time.Sunday
	}
	return int(day)*24 + t.Hour()
}

// weight is how much an hour of silence tells: nothing where nothing ever comes.
func (h *Habit) weight(t time.Time) float64 {
	i := h.slot(t)
	return -math.Log(1 - float64(h.seen[i])/(float64(h.of[i])+0.5))
}

// Learn reads the hours in which something came, in their order. False: there is too little to tell.
func (h *Habit) Learn(hours []time.Time) bool {
	for i := range hours {
		hours[i] = hours[i].Truncate(time.Hour)
	}
	hours = slices.CompactFunc(hours, time.Time.Equal)
	if len(hours) < leastHours || hours[len(hours)-1].Sub(hours[0]) < leastTime {
		return false
	}
	next := 0
	for t := hours[0]; !t.After(hours[len(hours)-1]); t = t.Add(time.Hour) {
		i := h.slot(t)
		h.of[i]++
		if hours[next].Equal(t) {
			h.seen[i]++
			next++
		}
	}
	for i := range hours[1:] {
		h.Pause = max(h.Pause, hours[i+1].Sub(hours[i]))
		sum := 0.0
		for t := hours[i].Add(time.Hour); t.Before(hours[i+1]); t = t.Add(time.Hour) {
			sum += h.weight(t)
		}
		h.most = max(h.most, sum)
	}
	return true
}

// Due is when a silence that began at last is none of chance any more, and half as long again as any before it. Zero: not within 90 days.
func (h *Habit) Due(last time.Time) time.Time {
	limit := max(surprise, 1.5*h.most)
	for t := last; t.Sub(last) < foreseen; {
		next := t.Truncate(time.Hour).Add(time.Hour)
		all := h.weight(t)
		w := all * next.Sub(t).Hours()
		if w >= limit {
			return t.Add(time.Duration(limit / all * float64(time.Hour))).Truncate(time.Second)
		}
		limit -= w
		t = next
	}
	return time.Time{}
}

const settingChannels = "duty.channels"

func (s *Service) watches(ctx context.Context, h db.Handle) (map[string]Watch, error) {
	out := map[string]Watch{}
	return out, setting.Get(ctx, h, settingChannels, &out)
}

// ChannelsNow gives the channels of this house and how it stands with each. The actor needs ReadCases.
func (s *Service) ChannelsNow(ctx context.Context, h db.Handle, by access.Actor) ([]Channel, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return nil, err
	}
	watches, err := s.watches(ctx, h)
	if err != nil {
		return nil, err
	}
	var out []Channel
	for _, name := range s.Channels {
		c := Channel{Name: name, Watch: watches[name]}
		if c.Watch.How == "" {
			c.Watch.How = Learnt
		}
		var hours []time.Time
		if _, c.Last, err = s.Came(ctx, h, name, s.Clock.Now()); err != nil {
			return nil, err
		}
		if !c.Last.IsZero() { // the weeks before it fell silent are what is usual
			if hours, _, err = s.Came(ctx, h, name, c.Last.Add(-learntFrom)); err != nil {
				return nil, err
			}
		}
		habit := Habit{Zone: s.Zone, Holiday: s.Holiday}
		known := habit.Learn(hours)
		if known {
			c.Pause = habit.Pause
		}
		switch {
		case c.Watch.How == ByHand:
			c.Due = c.From().Add(time.Duration(c.Watch.Hours) * time.Hour)
		case c.Watch.How == Learnt && known:
			c.Due = habit.Due(c.Last)
		}
		out = append(out, c)
	}
	return out, nil
}

// SetWatch says how a channel is watched. The actor needs access.PlanDuty. Refused: Invalid with all problems.
func (s *Service) SetWatch(ctx context.Context, by access.Actor, channel string, w Watch) error {
	if err := by.Need(access.PlanDuty); err != nil {
		return err
	}
	var p errs.Problems
	if !slices.Contains(s.Channels, channel) {
		p.Add("channel", "error.choice")
	}
	switch w.How {
	case Learnt, Never:
		w.Hours = 0
	case ByHand:
		if w.Hours < 1 || w.Hours > 720 {
			p.Add("hours", "error.duty.hours")
		}
	default:
		p.Add("how", "error.choice")
	}
	if err := p.Err(); err != nil {
		return err
	}
	w.Since = s.Clock.Now()
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		all, err := s.watches(ctx, tx)
		if err != nil {
			return err
		}
		was := all[channel]
		all[channel] = w
		if err := setting.Put(ctx, tx, by.Account, s.Clock.Now(), settingChannels, all); err != nil {
			return err
		}
		return s.record(ctx, tx, by, "duty.set_watch", audit.Change{Field: "channel", To: channel}, audit.Change{Field: "how", From: was.How, To: w.How}, audit.Change{Field: "hours", From: was.Hours, To: w.Hours})
	})
}
