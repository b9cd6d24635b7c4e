package calendar_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/calendar"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

func of(t *testing.T, country, zone string) calendar.Calendar {
	t.Helper()
	at, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	c, err := calendar.For(country, at)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The worked examples of the NIS2 data set (period rules), by the day on which the period ends.
func TestTheWorkedExamples(t *testing.T) {
	lisbon, brussels := of(t, "PT", "Europe/Lisbon"), of(t, "", "Europe/Brussels")
	for _, c := range []struct {
		cal                     calendar.Calendar
		period, from, due, late string
	}{
		{lisbon, "P30BD", "2026-04-20", "2026-06-02", "2026-06-02"},
		{lisbon, "P30BD", "2026-11-23", "2027-01-08", "2027-01-08"},
		{lisbon, "P30BD", "2027-03-22", "2027-05-04", "2027-05-04"},
		{brussels, "P1M", "2026-01-31", "2026-02-28", "2026-03-02"},
	} {
		p, _ := law.ParsePeriod(c.period)
		day, _ := time.ParseInLocation(time.DateOnly, c.from, c.cal.Zone())
		for _, hour := range []int{0, 11, 23} { // the hour of the event changes nothing
			due, limit := c.cal.End(p, law.EU1182, day.Add(time.Duration(hour)*time.Hour))
			if got := due.In(c.cal.Zone()).Format(time.DateOnly); got != c.due {
				t.Errorf("%s from %s ends %s, want %s", c.period, c.from, got, c.due)
			}
			if got := limit.In(c.cal.Zone()).Format(time.DateOnly); got != c.late {
				t.Errorf("%s from %s ends by the rules %s, want %s", c.period, c.from, got, c.late)
			}
		}
	}
	from := time.Date(2026, 11, 21, 22, 30, 0, 0, time.UTC)
	if due, _ := brussels.End(law.Period{Elapsed: 24 * time.Hour}, law.EU1182, from); !due.Equal(time.Date(2026, 11, 22, 22, 30, 0, 0, time.UTC)) {
		t.Errorf("24 hours end %s", due)
	}
}

// A period ends where the law lets it end: around midnight, both changes of the clocks, ends of months, leap years and holidays.
func TestAPeriodEnds(t *testing.T) {
	pt, be := of(t, "PT", "Europe/Lisbon"), of(t, "BE", "Europe/Brussels")
	for _, c := range []struct {
		why              string
		cal              calendar.Calendar
		period           string
		by               law.Counting
		from, due, limit string
	}{
		{"hours run over midnight; the hour of the event is not counted", be, "PT24H", law.EU1182, "2026-11-21T23:59:59+01:00", "2026-11-22T23:59:59+01:00", "2026-11-23T00:00:00+01:00"},
		{"an event on the stroke of the hour belongs to the hour that begins", be, "PT24H", law.EU1182, "2026-11-21T10:00:00+01:00", "2026-11-22T10:00:00+01:00", "2026-11-22T11:00:00+01:00"},
		{"plain hours have no grace", pt, "PT24H", law.Plain, "2026-11-21T22:30:00Z", "2026-11-22T22:30:00Z", "2026-11-22T22:30:00Z"},
		{"hours run over a weekend and end in it", be, "PT72H", law.EU1182, "2026-11-19T09:30:00+01:00", "2026-11-22T09:30:00+01:00", "2026-11-22T10:00:00+01:00"},
		{"24 hours when the clocks go back end an hour earlier by the clock", be, "PT24H", law.Plain, "2026-10-24T12:00:00+02:00", "2026-10-25T11:00:00+01:00", "2026-10-25T11:00:00+01:00"},
		{"24 hours when the clocks go forward end an hour later by the clock", be, "PT24H", law.Plain, "2026-03-28T12:00:00+01:00", "2026-03-29T13:00:00+02:00", "2026-03-29T13:00:00+02:00"},
		{"from the hour that is there twice", be, "PT24H", law.EU1182, "2026-10-25T02:30:00+02:00", "2026-10-26T01:30:00+01:00", "2026-10-26T02:00:00+01:00"},
		{"minutes are minutes", be, "PT30M", law.EU1182, "2026-11-21T10:10:00+01:00", "2026-11-21T10:40:00+01:00", "2026-11-21T10:40:00+01:00"},

		{"a week in which the clocks go back ends with its day", pt, "P7D", law.Plain, "2026-10-21T15:00:00+01:00", "2026-10-28T23:59:59Z", "2026-10-28T23:59:59Z"},
		{"a week in which the clocks go forward", pt, "P7D", law.Plain, "2026-03-25T15:00:00Z", "2026-04-01T23:59:59+01:00", "2026-04-01T23:59:59+01:00"},
		{"a day that is the change itself", be, "P1D", law.Plain, "2026-10-24T23:30:00+02:00", "2026-10-25T23:59:59+01:00", "2026-10-25T23:59:59+01:00"},
		{"just before midnight, the day of the event is the old day", be, "P7D", law.Plain, "2026-11-16T23:59:59+01:00", "2026-11-23T23:59:59+01:00", "2026-11-23T23:59:59+01:00"},
		{"just after, the new one", be, "P7D", law.Plain, "2026-11-17T00:00:00+01:00", "2026-11-24T23:59:59+01:00", "2026-11-24T23:59:59+01:00"},
		{"the day is that of the zone, not of UTC", be, "P7D", law.Plain, "2026-11-16T23:30:00Z", "2026-11-24T23:59:59+01:00", "2026-11-24T23:59:59+01:00"},

		{"a month from the 31st ends with a shorter month", be, "P1M", law.Plain, "2026-03-31T10:00:00+02:00", "2026-04-30T23:59:59+02:00", "2026-04-30T23:59:59+02:00"},
		{"a month from the end of January in a leap year", be, "P1M", law.EU1182, "2028-01-31T10:00:00+01:00", "2028-02-29T23:59:59+01:00", "2028-02-29T23:59:59+01:00"},
		{"a month from 29 February", be, "P1M", law.EU1182, "2028-02-29T10:00:00+01:00", "2028-03-29T23:59:59+02:00", "2028-03-29T23:59:59+02:00"},
		{"twelve months from 29 February", be, "P12M", law.Plain, "2028-02-29T10:00:00+01:00", "2029-02-28T23:59:59+01:00", "2029-02-28T23:59:59+01:00"},
		{"a month over the end of the year", be, "P1M", law.EU1182, "2026-12-15T10:00:00+01:00", "2027-01-15T23:59:59+01:00", "2027-01-15T23:59:59+01:00"},
		{"a month that ends on a Saturday ends with the Monday", be, "P1M", law.EU1182, "2026-10-21T10:00:00+02:00", "2026-11-21T23:59:59+01:00", "2026-11-23T23:59:59+01:00"},
		{"a month that ends on a holiday ends with the next working day", be, "P1M", law.EU1182, "2026-10-11T10:00:00+02:00", "2026-11-11T23:59:59+01:00", "2026-11-12T23:59:59+01:00"},
		{"a holiday before a weekend: Friday 25 December", be, "P1M", law.EU1182, "2026-11-25T10:00:00+01:00", "2026-12-25T23:59:59+01:00", "2026-12-28T23:59:59+01:00"},
		{"Easter Monday is a holiday in Belgium", be, "P7D", law.EU1182, "2026-03-30T10:00:00+02:00", "2026-04-06T23:59:59+02:00", "2026-04-07T23:59:59+02:00"},
		{"and none in Portugal", pt, "P7D", law.EU1182, "2026-03-30T10:00:00+01:00", "2026-04-06T23:59:59+01:00", "2026-04-06T23:59:59+01:00"},
		{"Good Friday is one in Portugal, and rolls over Easter", pt, "P7D", law.EU1182, "2026-03-27T10:00:00Z", "2026-04-03T23:59:59+01:00", "2026-04-06T23:59:59+01:00"},
		{"three days from Thursday end on Sunday: Monday is the second working day", be, "P3D", law.EU1182, "2026-11-19T10:00:00+01:00", "2026-11-22T23:59:59+01:00", "2026-11-23T23:59:59+01:00"},
		{"three days from Friday end on a working Monday and have but one working day", be, "P3D", law.EU1182, "2026-11-20T10:00:00+01:00", "2026-11-23T23:59:59+01:00", "2026-11-24T23:59:59+01:00"},
		{"a single day that ends on a Saturday ends on Monday, and needs no second", be, "P1D", law.EU1182, "2026-11-20T10:00:00+01:00", "2026-11-21T23:59:59+01:00", "2026-11-23T23:59:59+01:00"},
		{"a single day needs no second", be, "P1D", law.EU1182, "2026-11-22T10:00:00+01:00", "2026-11-23T23:59:59+01:00", "2026-11-23T23:59:59+01:00"},

		{"one working day from a Friday", be, "P1BD", law.Plain, "2026-11-20T10:00:00+01:00", "2026-11-23T23:59:59+01:00", "2026-11-23T23:59:59+01:00"},
		{"from a Saturday likewise", be, "P1BD", law.Plain, "2026-11-21T10:00:00+01:00", "2026-11-23T23:59:59+01:00", "2026-11-23T23:59:59+01:00"},
		{"over Ascension and the bridge that is none", be, "P2BD", law.Plain, "2026-05-13T10:00:00+02:00", "2026-05-18T23:59:59+02:00", "2026-05-18T23:59:59+02:00"},
		{"over Corpus Christi", pt, "P1BD", law.Plain, "2026-06-03T10:00:00+01:00", "2026-06-05T23:59:59+01:00", "2026-06-05T23:59:59+01:00"},
	} {
		p, ok := law.ParsePeriod(c.period)
		if !ok {
			t.Fatal(c.period)
		}
		from, err := time.Parse(time.RFC3339, c.from)
		if err != nil {
			t.Fatal(err)
		}
		due, limit := c.cal.End(p, c.by, from)
		for _, x := range []struct {
			what, want string
			got        time.Time
		}{{"is due", c.due, due}, {"ends", c.limit, limit}} {
			want, err := time.Parse(time.RFC3339, x.want)
			if err != nil {
				t.Fatal(err)
			}
			if !x.got.Truncate(time.Second).Equal(want) {
				t.Errorf("%s: %s from %s %s %s, want %s", c.why, c.period, c.from, x.what, x.got.In(c.cal.Zone()).Format(time.RFC3339), x.want)
			}
		}
		if limit.Before(due) {
			t.Errorf("%s: the limit lies before the due time", c.why)
		}
	}
}

// What stood is not counted: of hours what passed, of days those that ended meanwhile, of working days those among them.
func TestAPeriodThatStood(t *testing.T) {
	be := of(t, "BE", "Europe/Brussels")
	for _, c := range []struct {
		why, period           string
		by                    law.Counting
		from, stood, due, end string
	}{
		{"hours, over the night that won one", "PT24H", law.EU1182, "2026-10-24T12:15:00+02:00", "2026-10-24T13:00:00+02:00 2026-10-25T13:00:00+01:00", "2026-10-26T12:15:00+01:00", "2026-10-26T13:00:00+01:00"},
		{"from before it began", "PT24H", law.Plain, "2026-11-20T12:00:00+01:00", "2026-11-20T10:00:00+01:00 2026-11-20T14:00:00+01:00", "2026-11-21T14:00:00+01:00", "2026-11-21T14:00:00+01:00"},
		{"after it ended", "PT24H", law.Plain, "2026-11-20T12:00:00+01:00", "2026-11-21T12:00:01+01:00 2026-11-22T12:00:00+01:00", "2026-11-21T12:00:00+01:00", "2026-11-21T12:00:00+01:00"},
		{"hours within a day cost no day", "P7D", law.Plain, "2026-11-16T10:00:00+01:00", "2026-11-17T00:00:00+01:00 2026-11-17T23:59:59+01:00", "2026-11-23T23:59:59+01:00", "2026-11-23T23:59:59+01:00"},
		{"a night costs one", "P7D", law.Plain, "2026-11-16T10:00:00+01:00", "2026-11-17T23:00:00+01:00 2026-11-18T00:00:00+01:00", "2026-11-24T23:59:59+01:00", "2026-11-24T23:59:59+01:00"},
		{"twice", "P7D", law.Plain, "2026-11-16T10:00:00+01:00", "2026-11-17T23:00:00+01:00 2026-11-18T00:00:00+01:00 2026-11-23T09:00:00+01:00 2026-11-25T09:00:00+01:00", "2026-11-26T23:59:59+01:00", "2026-11-26T23:59:59+01:00"},
		{"a month that ends on a Saturday for it ends with the Monday", "P1M", law.EU1182, "2026-10-19T10:00:00+02:00", "2026-10-20T10:00:00+02:00 2026-10-22T10:00:00+02:00", "2026-11-21T23:59:59+01:00", "2026-11-23T23:59:59+01:00"},
		{"a weekend that stood costs no working day", "P3BD", law.EU1182, "2026-11-19T10:00:00+01:00", "2026-11-20T23:59:59.9999995+01:00 2026-11-23T08:00:00+01:00", "2026-11-24T23:59:59+01:00", "2026-11-24T23:59:59+01:00"},
		{"a working day that stood does", "P3BD", law.EU1182, "2026-11-19T10:00:00+01:00", "2026-11-20T09:00:00+01:00 2026-11-23T08:00:00+01:00", "2026-11-25T23:59:59+01:00", "2026-11-25T23:59:59+01:00"},
	} {
		p, _ := law.ParsePeriod(c.period)
		at := func(s string) time.Time {
			x, err := time.Parse(time.RFC3339, s)
			if err != nil {
				t.Fatal(err)
			}
			return x
		}
		var stood []law.Span
		for two := strings.Fields(c.stood); len(two) > 1; two = two[2:] {
			stood = append(stood, law.Span{From: at(two[0]), To: at(two[1])})
		}
		due, limit := be.End(p, c.by, at(c.from), stood...)
		if !due.Truncate(time.Second).Equal(at(c.due)) || !limit.Truncate(time.Second).Equal(at(c.end)) {
			t.Errorf("%s: due %s, ends %s; want %s, %s", c.why, due.In(be.Zone()).Format(time.RFC3339), limit.In(be.Zone()).Format(time.RFC3339), c.due, c.end)
		}
	}
}

// Easter by the tables of the churches; holidays hang on it, and regions have days of their own.
func TestHolidays(t *testing.T) {
	for year, want := range map[int]string{1961: "04-02", 2000: "04-23", 2008: "03-23", 2011: "04-24", 2024: "03-31", 2026: "04-05", 2027: "03-28", 2038: "04-25", 2049: "04-18"} {
		if got := calendar.Easter(year).Format("01-02"); got != want {
			t.Errorf("Easter %d is %s, want %s", year, got, want)
		}
	}
	for _, c := range []struct {
		country, day string
		want         bool
	}{
		{"PT", "2026-04-03", true},
		{"PT", "2026-04-05", true},
		{"PT", "2026-04-06", false},
		{"PT", "2026-06-04", true},
		{"PT", "2026-06-10", true},
		{"PT", "2026-07-01", false},
		{"PT-30", "2026-07-01", true},
		{"PT-30", "2026-06-10", true},
		{"PT-20", "2026-05-25", true},
		{"PT-20", "2026-07-01", false},
		{"BE", "2026-05-14", true},
		{"BE", "2026-05-25", true},
		{"BE", "2026-04-03", false},
		{"BE", "2026-07-21", true},
		{"BE", "2026-12-31", false},
		{"", "2026-12-25", false},
	} {
		day, _ := time.Parse(time.DateOnly, c.day)
		if got := of(t, c.country, "UTC").Holiday(day); got != c.want {
			t.Errorf("%s %s: a holiday is %v", c.country, c.day, got)
		}
	}
	if _, err := calendar.For("PT-99", time.UTC); !errs.Is(err, errs.NotFound) {
		t.Errorf("a region that is none: %v", err)
	}
	for _, holiday := range []string{"easter60", "easter+x", "easter+999", "13-01", "2026-02-30"} {
		if _, err := calendar.Read([]byte(`{"hours":{"mon":["09:00-18:00"]},"holidays":["`+holiday+`"]}`), "", time.UTC); !errs.Is(err, errs.Invalid) {
			t.Errorf("%s: %v", holiday, err)
		}
	}
}
