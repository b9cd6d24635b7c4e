package duty_test

import (
	"context"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/domain/duty"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// hours gives the moments from one day on for so many days in which something comes, by the local clock.
func hours(first time.Time, days int, comes func(t time.Time) bool) (out []time.Time) {
	for t := first; t.Before(first.AddDate(0, 0, days)); t = t.Add(time.Hour) {
		if comes(t) {
			out = append(out, t.Add(7*time.Minute))
		}
	}
	return out
}

// When a channel is silent too long: by night, at weekends, on holidays, around the change of the clocks.
func TestASilenceThatIsUsualIsNone(t *testing.T) {
	t.Parallel()
	z := lisbon(t)
	at := func(s string) time.Time {
		x, err := time.ParseInLocation("2006-01-02 15:04", s, z)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	always := func(time.Time) bool { return true }
	office := func(x time.Time) bool {
		x = x.In(z)
		return x.Weekday() != time.Saturday && x.Weekday() != time.Sunday && x.Hour() >= 8 && x.Hour() < 18
	}
	sparse := func(x time.Time) bool { return office(x) && x.In(z).Hour()%4 == x.In(z).Day()%4 }
	burst := func(x time.Time) bool { // a feed that comes all day on Mondays, and now and then stays away for a week
		return x.In(z).Weekday() == time.Monday && x.In(z).Day() > 7
	}
	holiday := func(x time.Time) bool { return x.Day() == 8 && x.Month() == time.December }
	for name, c := range map[string]struct {
		first    string
		days     int
		comes    func(time.Time) bool
		holiday  func(time.Time) bool
		last     string
		not, yes string
	}{
		"every hour, by night too":        {"2026-10-26 00:00", 28, always, nil, "2026-11-23 03:10", "2026-11-23 06:00", "2026-11-23 09:00"},
		"silent by night":                 {"2026-10-26 00:00", 25, office, nil, "2026-11-18 17:50", "2026-11-19 08:59", "2026-11-19 14:00"},
		"silent at the weekend":           {"2026-10-26 00:00", 26, office, nil, "2026-11-20 17:50", "2026-11-23 09:00", "2026-11-23 14:00"},
		"silent on a holiday":             {"2026-11-09 00:00", 28, office, holiday, "2026-12-07 17:50", "2026-12-09 09:00", "2026-12-09 14:00"},
		"a holiday that nobody knows":     {"2026-11-09 00:00", 28, office, nil, "2026-12-07 17:50", "2026-12-08 09:00", "2026-12-08 14:00"},
		"over the end of summer time":     {"2026-09-28 00:00", 26, office, nil, "2026-10-23 17:50", "2026-10-26 09:00", "2026-10-26 14:00"},
		"over the beginning of it":        {"2027-03-01 00:00", 26, office, nil, "2027-03-26 17:50", "2027-03-29 09:00", "2027-03-29 14:00"},
		"two or three reports a day":      {"2026-10-26 00:00", 26, sparse, nil, "2026-11-19 16:00", "2026-11-20 17:00", "2026-12-07 17:00"},
		"as long as it was silent before": {"2026-10-12 00:00", 36, burst, nil, "2026-11-16 23:10", "2026-11-23 20:00", "2026-12-14 23:00"},
	} {
		h := duty.Habit{Zone: z, Holiday: c.holiday}
		if !h.Learn(hours(at(c.first), c.days, c.comes)) {
			t.Errorf("%s: nothing is learnt", name)
			continue
		}
		if due := h.Due(at(c.last)); !due.After(at(c.not)) || due.After(at(c.yes)) {
			t.Errorf("%s: silent from %v, want between %s and %s", name, due.In(z), c.not, c.yes)
		}
	}
	few := func(x time.Time) bool { return x.In(z).Weekday() == time.Tuesday && x.In(z).Hour() == 10 }
	if h := (duty.Habit{Zone: z}); h.Learn(hours(at("2026-10-26 00:00"), 28, few)) {
		t.Error("four reports in four weeks are a habit")
	}
	if h := (duty.Habit{Zone: z}); h.Learn(hours(at("2026-11-20 00:00"), 3, always)) {
		t.Error("three days are a habit")
	}
	if h := (duty.Habit{Zone: z}); h.Learn(nil) {
		t.Error("nothing is a habit")
	}
}

// A channel is watched by what is learnt, by hand, or not at all.
func TestHowAChannelIsWatched(t *testing.T) {
	rooms(t, func(r *room) {
		ctx, now := r.Context(), r.Clock.Now()
		came := hours(now.Truncate(time.Hour).AddDate(0, 0, -20), 20, func(time.Time) bool { return true })
		r.s.Channels = []string{"smtp", "form"}
		r.s.Came = func(_ context.Context, _ db.Handle, name string, since time.Time) (out []time.Time, last time.Time, err error) {
			if name == "form" {
				return nil, last, nil
			}
			for _, x := range came {
				if !x.Before(since) {
					out = append(out, x)
				}
			}
			return out, came[len(came)-1], nil
		}
		look := func(by int) duty.Channel {
			all, err := r.s.ChannelsNow(ctx, r.DB, r.ana)
			r.must(err)
			return all[by]
		}
		if c := look(0); c.Silent(now) || !c.Silent(now.Add(8*time.Hour)) || c.Pause != time.Hour || c.Watch.How != duty.Learnt {
			r.Errorf("learnt %+v", c)
		}
		if c := look(1); c.Silent(now.AddDate(1, 0, 0)) || c.Pause != 0 {
			r.Errorf("nothing ever came, and %+v", c)
		}
		r.refused("the duty officer sets it", r.s.SetWatch(ctx, r.ana, "smtp", duty.Watch{How: duty.Never}), errs.Forbidden)
		err := r.s.SetWatch(ctx, r.lea, "pigeon", duty.Watch{How: duty.ByHand, Hours: 721})
		if r.refused("what cannot be", err, errs.Invalid); len(errs.Fields(err)) != 2 {
			r.Errorf("problems %+v", errs.Fields(err))
		}
		r.must(r.s.SetWatch(ctx, r.lea, "form", duty.Watch{How: duty.ByHand, Hours: 48})) // counted from now: nothing came yet
		if c := look(1); c.Silent(now.Add(47*time.Hour)) || !c.Silent(now.Add(48*time.Hour)) {
			r.Errorf("by hand %+v", c)
		}
		r.must(r.s.SetWatch(ctx, r.lea, "smtp", duty.Watch{How: duty.Never}))
		if c := look(0); c.Silent(now.AddDate(1, 0, 0)) || c.Pause != time.Hour {
			r.Errorf("not watched %+v", c)
		}
		_, err = r.s.ChannelsNow(ctx, r.DB, r.Constituent(9, "Eva", 7))
		r.refused("a constituent looks", err, errs.Forbidden)
	})
}
