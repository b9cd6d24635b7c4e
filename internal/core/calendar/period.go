package calendar

import (
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/format/law"
)

// End gives when a period that begins with an instant ends. Hours run on, over nights, holidays and changes of the clocks. Of days, weeks and months
// the day of the event is not counted, and the period ends with the last moment of its last day in the calendar's zone; where a month has
// no such day, with its last one. Of working days those alone are counted.
//
// due is the strict end. limit is later where the rules allow it: under Regulation (EEC, Euratom) 1182/71 Art. 3 the hour of the event is not
// counted, a period not in hours that ends on a Saturday, a Sunday or a public holiday ends with the next working day, and one of two days or
// more has at least two working days. That last rule is not applied to hours, where its reading is disputed.
//
// Of what stood, hours are added as they passed; of days those are not counted that ended while the clock stood.
func (c Calendar) End(p law.Period, by law.Counting, from time.Time, stood ...law.Span) (due, limit time.Time) {
	at := from.In(c.zone)
	y, m, d := at.Date()
	day := func(n int) time.Time { return time.Date(y, m, d+n, 12, 0, 0, 0, c.zone) } // noon: no change of the clocks moves it to another day
	stands := func(n int) bool {
		end := c.close(day(n))
		return slices.ContainsFunc(stood, func(x law.Span) bool { return !end.Before(x.From) && end.Before(x.To) })
	}
	need := p.Days
	switch {
	case p.InHours():
		due, limit = from.Add(p.Elapsed), from.Add(p.Elapsed)
		if by == law.EU1182 && p.Elapsed%time.Hour == 0 {
			into := time.Duration(at.Minute())*time.Minute + time.Duration(at.Second())*time.Second + time.Duration(at.Nanosecond())
			limit = due.Add(time.Hour - into)
		}
		later := law.Stood(from, limit, stood)
		return due.Add(later).UTC(), limit.Add(later).UTC()
	case p.WorkingDays > 0:
		last := 0
		for n := p.WorkingDays; n > 0 && last < horizon; {
			last++
			if c.WorkingDay(day(last)) && !stands(last) {
				n--
			}
		}
		return c.close(day(last)), c.close(day(last))
	case p.Months > 0:
		of := time.Date(y, m+time.Month(p.Months), 1, 12, 0, 0, 0, c.zone)
		end := time.Date(of.Year(), of.Month(), min(d, of.AddDate(0, 1, -1).Day()), 12, 0, 0, 0, c.zone)
		for need = 0; day(need).Before(end); need++ {
		}
	}
	last := need
	if len(stood) > 0 {
		last = 0
		for n := need; n > 0 && last < need+horizon; {
			last++
			if !stands(last) {
				n--
			}
		}
	}
	due = c.close(day(last))
	if by != law.EU1182 {
		return due, due
	}
	worked := 0
	for n := 1; n <= last && worked < 2; n++ {
		if c.WorkingDay(day(n)) && !stands(n) {
			worked++
		}
	}
	for tries := 0; tries < horizon && (!c.WorkingDay(day(last)) || stands(last) || need > 1 && worked < 2); tries++ {
		last++
		if c.WorkingDay(day(last)) && !stands(last) {
			worked++
		}
	}
	return due, c.close(day(last))
}

// close gives the last moment of a day.
func (c Calendar) close(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, c.zone).Add(-time.Microsecond).UTC()
}
