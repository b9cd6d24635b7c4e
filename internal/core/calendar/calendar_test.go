package calendar_test

import (
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/tocsin-csirt/tocsin/internal/core/calendar"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Working time is counted in the team's zone, over nights, weekends, holidays and both changes of the clocks.
func TestWorkingTimePasses(t *testing.T) {
	lisbon, err := time.LoadLocation("Europe/Lisbon")
	if err != nil {
		t.Fatal(err)
	}
	plain, err := calendar.For("", lisbon)
	if err != nil {
		t.Fatal(err)
	}
	broken, err := calendar.Read([]byte(`{"hours":{"mon":["09:00-12:00","13:00-17:00"],"tue":["09:00-12:00"],"sun":["00:00-04:00"]},"holidays":["2026-12-01","12-25"]}`), "", lisbon)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		why   string
		cal   calendar.Calendar
		start string
		add   time.Duration
		want  string
	}{
		{"within a day", plain, "2026-11-23T10:00:00Z", 3 * time.Hour, "2026-11-23T13:00:00Z"},
		{"the end of the day is its last moment", plain, "2026-11-23T09:00:00Z", 9 * time.Hour, "2026-11-23T18:00:00Z"},
		{"over a night", plain, "2026-11-23T17:00:00Z", 2 * time.Hour, "2026-11-24T10:00:00Z"},
		{"from a Saturday", plain, "2026-11-21T12:26:00Z", 2 * time.Hour, "2026-11-23T11:00:00Z"},
		{"two business days from Friday noon", plain, "2026-11-20T12:00:00Z", 18 * time.Hour, "2026-11-24T12:00:00Z"},
		{"before the day begins", plain, "2026-11-23T03:00:00Z", time.Hour, "2026-11-23T10:00:00Z"},
		{"nothing, at night: the next working moment", plain, "2026-11-23T22:00:00Z", 0, "2026-11-24T09:00:00Z"},
		{"clocks go back between (25 October 2026): Friday 17:00 in summer, Monday in winter", plain, "2026-10-23T16:00:00Z", 2 * time.Hour, "2026-10-26T10:00:00Z"},
		{"clocks go forward between (29 March 2026)", plain, "2026-03-27T17:00:00Z", 2 * time.Hour, "2026-03-30T09:00:00Z"},
		{"a start in another zone is the same instant", plain, "2026-11-23T12:00:00+02:00", 3 * time.Hour, "2026-11-23T13:00:00Z"},
		{"over lunch", broken, "2026-11-23T11:30:00Z", time.Hour, "2026-11-23T13:30:00Z"},
		{"over a dated holiday", broken, "2026-11-30T16:00:00Z", 2 * time.Hour, "2026-12-06T01:00:00Z"},
		{"a Sunday night that lost an hour has three", broken, "2026-03-28T12:00:00Z", 4 * time.Hour, "2026-03-30T09:00:00Z"},
		{"a Sunday night that won an hour has five", broken, "2026-10-24T12:00:00Z", 5 * time.Hour, "2026-10-25T04:00:00Z"},
	} {
		start, err := time.Parse(time.RFC3339, c.start)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.cal.AddBusiness(start, c.add).Format(time.RFC3339); got != c.want {
			t.Errorf("%s: %s and %s is %s, want %s", c.why, c.start, c.add, got, c.want)
		}
	}
	if plain.Day() != 9*time.Hour || broken.Day() != 7*time.Hour {
		t.Errorf("a day has %s and %s", plain.Day(), broken.Day())
	}
	for at, want := range map[string]bool{"2026-11-23T09:00:00Z": true, "2026-11-23T18:00:00Z": false, "2026-11-22T12:00:00Z": false, "2026-07-01T08:30:00Z": true} {
		t0, _ := time.Parse(time.RFC3339, at)
		if plain.Open(t0) != want {
			t.Errorf("open at %s is %v", at, !want)
		}
	}
}

func TestACalendarThatMakesNoSenseIsRefused(t *testing.T) {
	for _, raw := range []string{
		``, `{}`, `{"hours":{"mon":[]}}`, `{"hours":{"mon":["18:00-09:00"]}}`, `{"hours":{"mon":["09:00-25:00"]}}`,
		`{"hours":{"mon":["13:00-17:00","09:00-12:00"]}}`, `{"hours":{"moon":["09:00-12:00"]}}`, `{"hours":{"mon":["nine"]}}`,
		`{"hours":{"mon":["09:00-18:00"]},"holidays":["Christmas"]}`,
	} {
		if _, err := calendar.Read([]byte(raw), "", time.UTC); !errs.Is(err, errs.Invalid) {
			t.Errorf("%s: %v", raw, err)
		}
	}
	if _, err := calendar.For("../xx", time.UTC); !errs.Is(err, errs.NotFound) {
		t.Errorf("a country that is none: %v", err)
	}
}
