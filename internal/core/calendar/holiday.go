package calendar

import (
	"strconv"
	"strings"
	"time"
)

// add notes a holiday as the file writes it.
func (c Calendar) add(d string) bool {
	if rest, ok := strings.CutPrefix(d, "easter"); ok {
		n := 0
		if rest != "" {
			var err error
			if n, err = strconv.Atoi(rest); err != nil || n < -100 || n > 200 || rest[0] != '+' && rest[0] != '-' {
				return false
			}
		}
		c.easter[n] = true
		return true
	}
	if _, err := time.Parse(time.DateOnly, d); err != nil {
		if _, err := time.Parse(time.DateOnly, "2000-"+d); err != nil {
			return false
		}
	}
	c.holidays[d] = true
	return true
}

// Holiday tells whether the day of t, as its clock shows it, is a public holiday.
func (c Calendar) Holiday(t time.Time) bool {
	if c.holidays[t.Format(time.DateOnly)] || c.holidays[t.Format("01-02")] {
		return true
	}
	if len(c.easter) == 0 {
		return false
	}
	y, m, d := t.Date()
	after := time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Sub(Easter(y))
	return c.easter[int(after/(24*time.Hour))]
}

// WorkingDay tells whether the day of t, as its clock shows it, is neither Saturday, Sunday nor a public holiday (Regulation 1182/71 Art. 2).
func (c Calendar) WorkingDay(t time.Time) bool {
	return t.Weekday() != time.Saturday && t.Weekday() != time.Sunday && !c.Holiday(t)
}

// Easter gives Easter Sunday of a year of the Gregorian calendar, at midnight UTC (the rule of Meeus, Jones and Butcher).
func Easter(year int) time.Time {
	a, b, c := year%19, year/100, year%100
	d, e := b/4, b%4
	f := (b + 8) / 25
	g := (b - f + 1) / 3
	h := (19*a + b - d - g + 15) % 30
	i, k := c/4, c%4
	l := (32 + 2*e + 2*i - h - k) % 7
	m := (a + 11*h + 22*l) / 451
	n := h + l - 7*m + 114
	return time.Date(year, time.Month(n/31), n%31+1, 0, 0, 0, 0, time.UTC)
}
