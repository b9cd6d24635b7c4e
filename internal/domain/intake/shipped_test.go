package intake_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/calendar"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
)

// shippedClocks is each clock of each shipped rule set, by "SET KEY[@CLASS]". Team is the country of the house, which counts for sets of the Union.
// Times were worked out by hand. Limit is "" where it is the due time; a time that we name ourselves comes after from.
var shippedClocks = []struct{ rule, team, why, from, due, limit string }{
	{"be-nis2 early_warning", "BE", "over midnight; the limit leaves out the hour of the event", "2026-11-21T23:30:00+01:00", "2026-11-22T23:30:00+01:00", "2026-11-23T00:00:00+01:00"},
	{"be-nis2 early_warning", "BE", "the night that lost an hour", "2026-03-28T12:15:00+01:00", "2026-03-29T13:15:00+02:00", "2026-03-29T14:00:00+02:00"},
	{"be-nis2 early_warning", "BE", "the night that won an hour", "2026-10-24T12:15:00+02:00", "2026-10-25T11:15:00+01:00", "2026-10-25T12:00:00+01:00"},
	{"be-nis2 early_warning", "BE", "a leap day", "2028-02-28T10:00:00+01:00", "2028-02-29T10:00:00+01:00", "2028-02-29T11:00:00+01:00"},
	{"be-nis2 early_warning", "BE", "hours run on at Christmas", "2026-12-24T17:00:00+01:00", "2026-12-25T17:00:00+01:00", "2026-12-25T18:00:00+01:00"},
	{"be-nis2 notification", "BE", "hours run on over a weekend", "2026-11-20T16:40:00+01:00", "2026-11-23T16:40:00+01:00", "2026-11-23T17:00:00+01:00"},
	{"be-nis2 notification", "BE", "three days, one of 23 hours", "2026-03-27T09:00:00+01:00", "2026-03-30T10:00:00+02:00", "2026-03-30T11:00:00+02:00"},
	{"be-nis2 notification", "BE", "three days, one of 25 hours", "2026-10-23T09:30:00+02:00", "2026-10-26T08:30:00+01:00", "2026-10-26T09:00:00+01:00"},
	{"be-nis2 notification@trust_service", "BE", "a day for trust services, over the end of the year", "2026-12-31T23:59:00+01:00", "2027-01-01T23:59:00+01:00", "2027-01-02T00:00:00+01:00"},
	{"be-nis2 intermediate", "BE", "by the time that we name, over the change of the clocks", "2026-10-24T10:00:00+02:00 2026-10-26T09:00:00+01:00", "2026-10-26T09:00:00+01:00", ""},
	{"be-nis2 final_report", "BE", "31 January has no match in February; 28 February 2026 is a Saturday", "2026-01-31T10:00:00+01:00", "2026-02-28T23:59:59+01:00", "2026-03-02T23:59:59+01:00"},
	{"be-nis2 final_report", "BE", "in a leap year it ends on the 29th, a Tuesday", "2028-01-31T10:00:00+01:00", "2028-02-29T23:59:59+01:00", ""},
	{"be-nis2 final_report", "BE", "a Saturday before the change of the clocks, a Monday after it", "2026-02-28T23:30:00+01:00", "2026-03-28T23:59:59+01:00", "2026-03-30T23:59:59+02:00"},
	{"be-nis2 final_report", "BE", "the Sunday of the change itself", "2026-09-25T00:00:00+02:00", "2026-10-25T23:59:59+01:00", "2026-10-26T23:59:59+01:00"},
	{"be-nis2 final_report", "BE", "the national day, a Tuesday", "2026-06-21T09:00:00+02:00", "2026-07-21T23:59:59+02:00", "2026-07-22T23:59:59+02:00"},
	{"be-nis2 final_report", "BE", "half past midnight in Brussels is the next day, whatever UTC says", "2026-04-30T22:30:00Z", "2026-06-01T23:59:59+02:00", ""},
	{"be-nis2 progress_report", "BE", "when the final report would be due, a Tuesday", "2026-11-15T10:00:00+01:00", "2026-12-15T23:59:59+01:00", ""},
	{"be-nis2 final_after", "BE", "31 January 2027 is a Sunday", "2026-12-31T23:45:00+01:00", "2027-01-31T23:59:59+01:00", "2027-02-01T23:59:59+01:00"},
	{"be-nis2 first_answer", "BE", "our day has 25 hours too", "2026-10-24T20:20:00+02:00", "2026-10-25T19:20:00+01:00", "2026-10-25T20:00:00+01:00"},
	{"be-nis2 sector_authority", "BE", "from the hour that is there twice to its second", "2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00", ""},
	{"be-nis2 crisis_centre", "BE", "over the hour that is not there", "2026-03-29T01:30:00+01:00", "2026-03-29T03:30:00+02:00", ""},
	{"be-nis2 other_states", "BE", "hours run on at Christmas", "2026-12-24T12:00:00+01:00", "2026-12-25T12:00:00+01:00", ""},

	{"eu-nis2 early_warning", "PT", "the example of the data set", "2026-11-21T22:30:00Z", "2026-11-22T22:30:00Z", "2026-11-22T23:00:00Z"},
	{"eu-nis2 early_warning", "PT", "Lisbon loses an hour", "2026-03-28T12:00:00Z", "2026-03-29T13:00:00+01:00", "2026-03-29T14:00:00+01:00"},
	{"eu-nis2 early_warning", "PT", "Lisbon wins an hour", "2026-10-24T12:00:00+01:00", "2026-10-25T11:00:00Z", "2026-10-25T12:00:00Z"},
	{"eu-nis2 notification", "PT", "hours end on a holiday", "2026-12-05T08:10:00Z", "2026-12-08T08:10:00Z", "2026-12-08T09:00:00Z"},
	{"eu-nis2 notification@trust_service", "PT", "over the end of February", "2026-02-28T23:00:00Z", "2026-03-01T23:00:00Z", "2026-03-02T00:00:00Z"},
	{"eu-nis2 intermediate", "PT", "by the time that we name", "2026-11-20T10:00:00Z 2026-11-22T00:00:00Z", "2026-11-22T00:00:00Z", ""},
	{"eu-nis2 final_report", "PT", "the example of the data set", "2026-01-31T12:00:00Z", "2026-02-28T23:59:59Z", "2026-03-02T23:59:59Z"},
	{"eu-nis2 final_report", "PT", "1 December is a holiday in Portugal", "2026-11-01T12:00:00Z", "2026-12-01T23:59:59Z", "2026-12-02T23:59:59Z"},
	{"eu-nis2 final_report", "BE", "and none in Belgium", "2026-11-01T12:00:00+01:00", "2026-12-01T23:59:59+01:00", ""},
	{"eu-nis2 progress_report", "PT", "30 January has no match: 29 February 2028, a Tuesday", "2028-01-30T10:00:00Z", "2028-02-29T23:59:59Z", ""},
	{"eu-nis2 final_after", "PT", "31 May has no match in June: the 30th, a Tuesday", "2026-05-31T10:00:00+01:00", "2026-06-30T23:59:59+01:00", ""},
	{"eu-nis2 first_answer", "PT", "the last second of the day", "2026-11-21T23:59:59Z", "2026-11-22T23:59:59Z", "2026-11-23T00:00:00Z"},
	{"eu-nis2 other_states", "PT", "our own time has no grace", "2026-10-24T23:30:00+01:00", "2026-10-25T22:30:00Z", ""},
	{"eu-nis2 cer_authority", "PT", "24 hours, not a day of 23", "2026-03-28T23:30:00Z", "2026-03-30T00:30:00+01:00", ""},

	{"pt-dl-125-2025 initial", "PT", "over the end of the year, a holiday; plain hours have no grace", "2026-12-31T23:30:00Z", "2027-01-01T23:30:00Z", ""},
	{"pt-dl-125-2025 initial", "PT", "Lisbon loses an hour", "2026-03-28T18:00:00Z", "2026-03-29T19:00:00+01:00", ""},
	{"pt-dl-125-2025 initial", "PT", "Lisbon wins an hour", "2026-10-24T18:00:00+01:00", "2026-10-25T17:00:00Z", ""},
	{"pt-dl-125-2025 initial", "PT", "a leap day", "2028-02-28T12:00:00Z", "2028-02-29T12:00:00Z", ""},
	{"pt-dl-125-2025 update", "PT", "three days, one of 25 hours", "2026-10-23T09:00:00+01:00", "2026-10-26T08:00:00Z", ""},
	{"pt-dl-125-2025 update", "PT", "three days, one of 23 hours", "2026-03-27T09:00:00Z", "2026-03-30T10:00:00+01:00", ""},
	{"pt-dl-125-2025 end_of_impact", "PT", "hours run on at Christmas", "2026-12-24T10:00:00Z", "2026-12-25T10:00:00Z", ""},
	{"pt-dl-125-2025 interim", "PT", "a week in which the clocks go back", "2026-10-21T15:00:00+01:00", "2026-10-28T23:59:59Z", ""},
	{"pt-dl-125-2025 interim", "PT", "a week in which they go forward", "2026-03-25T15:00:00Z", "2026-04-01T23:59:59+01:00", ""},
	{"pt-dl-125-2025 interim", "PT", "asked a second before midnight: the old day does not count", "2026-11-16T23:59:59Z", "2026-11-23T23:59:59Z", ""},
	{"pt-dl-125-2025 interim", "PT", "asked at midnight: the new one does not", "2026-11-17T00:00:00Z", "2026-11-24T23:59:59Z", ""},
	{"pt-dl-125-2025 interim", "PT", "a week over a leap day", "2028-02-24T10:00:00Z", "2028-03-02T23:59:59Z", ""},
	{"pt-dl-125-2025 interim", "PT", "it ends at Christmas: the act extends nothing", "2026-12-18T10:00:00Z", "2026-12-25T23:59:59Z", ""},
	{"pt-dl-125-2025 interim.2", "PT", "the second week ends on New Year", "2026-12-18T10:00:00Z", "2027-01-01T23:59:59Z", ""},
	{"pt-dl-125-2025 final", "PT", "the data set: over 25 April, 1 May", "2026-04-20T10:00:00+01:00", "2026-06-02T23:59:59+01:00", ""},
	{"pt-dl-125-2025 final", "PT", "the data set: over 1, 8, 25 December, New Year; the last second of the day", "2026-11-23T23:59:59Z", "2027-01-08T23:59:59Z", ""},
	{"pt-dl-125-2025 final", "PT", "a second later is a working day later: Friday 8 to Monday 11 January", "2026-11-24T00:00:00Z", "2027-01-11T23:59:59Z", ""},
	{"pt-dl-125-2025 final", "PT", "the data set: over Easter and the change of the clocks", "2027-03-22T10:00:00Z", "2027-05-04T23:59:59+01:00", ""},
	{"pt-dl-125-2025 final", "PT", "the clocks go back, 1 December is a holiday", "2026-10-20T10:00:00+01:00", "2026-12-02T23:59:59Z", ""},
	{"pt-dl-125-2025 first_answer", "PT", "our day has 25 hours too", "2026-10-24T22:00:00+01:00", "2026-10-25T21:00:00Z", ""},

	{"eu-nis2-voluntary first_answer", "BE", "hours run on at Christmas", "2026-12-24T23:10:00+01:00", "2026-12-25T23:10:00+01:00", "2026-12-26T00:00:00+01:00"},
	{"eu-gdpr-33 authority", "BE", "three days, one of 25 hours", "2026-10-23T10:00:00+02:00", "2026-10-26T09:00:00+01:00", "2026-10-26T10:00:00+01:00"},
	{"eu-gdpr-33 authority", "BE", "three days, one of 23 hours", "2026-03-27T10:00:00+01:00", "2026-03-30T11:00:00+02:00", "2026-03-30T12:00:00+02:00"},
}

func instant(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// caseFor is a case in which a clock of a set, by its key, starts at an instant, and the class of entity that has it.
func caseFor(s law.Set, key, class string, from, named time.Time) law.Case {
	c := law.Case{Class: class, Known: law.Answers{}}
	code := law.Base(key)
	if x, ok := s.Recipient(key); ok {
		if len(x.Classes) > 0 {
			c.Class = x.Classes[0]
		}
		c.Known[x.IfYes] = "yes"
		c.Handed = []law.Handed{{Stage: s.Stages[0].Code, At: from}}
		return c
	}
	x, _ := s.Stage(code)
	start := x.Starts
	if x.Need == law.Ongoing {
		for _, of := range s.Stages {
			for _, by := range of.MetBy {
				if by == code {
					start = of.Starts
				}
			}
		}
	}
	if len(x.After) > 0 {
		c.Handed = append(c.Handed, law.Handed{Stage: x.After[0], At: from.Add(-time.Hour)})
	}
	switch {
	case start.Stage != "":
		c.Handed = append(c.Handed, law.Handed{Stage: start.Stage, At: from})
	case start.Moment == law.Requested:
		c.Facts = append(c.Facts, law.Fact{Moment: law.Requested, Stage: code, At: from, Due: named})
	default:
		c.Facts = append(c.Facts, law.Fact{Moment: start.Moment, At: from})
	}
	if key != code { // the round before was handed in
		c.Handed = append(c.Handed, law.Handed{Stage: code, At: from.Add(time.Hour)})
	}
	return c
}

// Each clock of each shipped rule set ends where it should by the real calendar. A clock without a row, or a row without a clock, fails.
func TestEachShippedClockEndsByTheCalendar(t *testing.T) {
	laws, err := law.New()
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]func(string) law.Count{}
	for team, zone := range map[string]string{"PT": "Europe/Lisbon", "BE": "Europe/Brussels"} {
		at, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		c, err := calendar.For(team, at)
		if err != nil {
			t.Fatal(err)
		}
		counts[team] = intake.Counting(&c)
	}
	rules := map[string]bool{} // whether it has a row
	for _, s := range laws.Sets() {
		for _, x := range s.Stages {
			if (x.Starts != law.Start{}) || x.Need == law.Ongoing {
				rules[s.Code+" "+x.Code] = false
			}
			if !x.Every.Zero() {
				rules[s.Code+" "+x.Code+".2"] = false
			}
			for class := range x.WithinClass {
				rules[s.Code+" "+x.Code+"@"+class] = false
			}
		}
		for _, x := range s.Duties {
			rules[s.Code+" "+x.Code] = false
		}
		for _, x := range s.Recipients {
			rules[s.Code+" "+x.Code] = false
		}
		if s.Shortcut != nil && s.Code != "pt-dl-125-2025" {
			t.Errorf("the shortcut of %s is not tested", s.Code)
		}
	}
	for _, c := range shippedClocks {
		if _, ok := rules[c.rule]; !ok {
			t.Errorf("%s is no shipped clock", c.rule)
			continue
		}
		rules[c.rule] = true
		code, key, _ := strings.Cut(c.rule, " ")
		key, class, _ := strings.Cut(key, "@")
		set, _ := laws.Set(code)
		count := counts[c.team](set.Country)
		start, named, _ := strings.Cut(c.from, " ")
		from, by := instant(t, start), time.Time{}
		if named != "" {
			by = instant(t, named)
		}
		var due, limit time.Time
		for _, x := range set.Duties {
			if x.Code == key {
				due, limit = count(x.Within, set.Counting, from)
			}
		}
		for _, o := range set.Owed(caseFor(set, key, class, from, by), count) {
			if o.Key() == key && (o.State == law.Running || o.State == law.Offered) {
				due, limit = o.Due, o.Limit
			}
		}
		if c.limit == "" {
			c.limit = c.due
		}
		for what, want := range map[string]string{"is due": c.due, "ends": c.limit} {
			got := map[string]time.Time{"is due": due, "ends": limit}[what].Truncate(time.Second)
			if !got.Equal(instant(t, want)) {
				t.Errorf("%s (%s): from %s it %s %s, want %s", c.rule, c.why, c.from, what, got.Format(time.RFC3339), want)
			}
		}
	}
	for rule, there := range rules {
		if !there {
			t.Errorf("%s has no row", rule)
		}
	}
}

// The two hours of Portugal's shortcut are two hours that passed, whatever the clock on the wall shows.
func TestTheShippedShortcutCountsHoursThatPassed(t *testing.T) {
	laws, err := law.New()
	if err != nil {
		t.Fatal(err)
	}
	set, err := laws.Set("pt-dl-125-2025")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		why, detected, ended string
		short                bool
	}{
		{"over midnight, exactly two hours", "2026-11-21T23:00:00Z", "2026-11-22T01:00:00Z", true},
		{"a second more", "2026-11-21T23:00:00Z", "2026-11-22T01:00:01Z", false},
		{"an hour by the wall, two that passed", "2026-10-25T00:30:00+01:00", "2026-10-25T01:30:00Z", true},
		{"a minute more", "2026-10-25T00:30:00+01:00", "2026-10-25T01:31:00Z", false},
		{"three hours by the wall, two that passed", "2026-03-29T00:30:00Z", "2026-03-29T03:30:00+01:00", true},
		{"a minute more", "2026-03-29T00:30:00Z", "2026-03-29T03:31:00+01:00", false},
		{"it ended before it was detected", "2026-11-21T23:00:00Z", "2026-11-21T22:59:00Z", false},
	} {
		owed := set.Owed(law.Case{Facts: []law.Fact{
			{Moment: law.Detected, At: instant(t, c.detected)}, {Moment: law.Determined, At: instant(t, c.detected)}, {Moment: law.ImpactEnded, At: instant(t, c.ended)},
		}}, intake.Counting(nil)("PT"))
		for _, o := range owed {
			want := law.Running
			switch {
			case o.Code == "initial" && c.short:
				want = law.NotOwed
			case o.Code != "initial" && o.Code != "end_of_impact":
				continue
			}
			if o.State != want {
				t.Errorf("%s: %s is %s, want %s", c.why, o.Code, o.State, want)
			}
		}
	}
}
