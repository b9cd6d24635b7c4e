// Package calendar counts working time: business hours and holidays of a country as data, in the team's zone.
//
//	calendar.go   business hours
//	holiday.go    which days nobody works: fixed, dated, hung on Easter; of a country or one of its regions
//	period.go     when a law's period ends
//
// A calendar is pure and does not change after it was made. It has no table.
package calendar

import (
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

//go:embed country/*.json
var countries embed.FS

// Calendar says when a team works.
type Calendar struct {
	zone     *time.Location
	hours    [7][]span // by time.Weekday
	holidays map[string]bool
	easter   map[int]bool // days after Easter Sunday
	day      time.Duration
}

// span is working time within a day, in minutes of the wall clock.
type span struct{ from, to int }

type file struct {
	Hours    map[string][]string `json:"hours"`    // "mon": ["09:00-12:30", "13:30-18:00"]
	Holidays []string            `json:"holidays"` // "2026-12-25", "12-25" for every year, "easter", "easter-2", "easter+60"
	Regions  map[string][]string `json:"regions"`  // further holidays by the second half of the region's ISO 3166-2 code
	Source   string              `json:"source"`
}

var weekdays = [7]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// For gives the calendar of a country, by its two letters, or of a region of it by its ISO 3166-2 code (PT-30), in a zone. "" is the invented
// country: Monday to Friday, 09:00 to 18:00. NotFound for a country or region without one.
func For(country string, zone *time.Location) (Calendar, error) {
	if country == "" {
		country = "xx"
	}
	country, region, _ := strings.Cut(strings.ToLower(country), "-")
	raw, err := countries.ReadFile("country/" + country + ".json")
	if err != nil {
		return Calendar{}, errs.Newf(errs.NotFound, "there is no calendar of this country")
	}
	return Read(raw, region, zone)
}

// Read reads a calendar in its JSON form; region is "" or one that it names.
func Read(raw []byte, region string, zone *time.Location) (Calendar, error) {
	var f file
	if err := json.Unmarshal(raw, &f); err != nil {
		return Calendar{}, errs.Wrap(errs.Invalid, "the calendar cannot be read", err)
	}
	c := Calendar{zone: zone, holidays: map[string]bool{}, easter: map[int]bool{}}
	known := 0
	for day, name := range weekdays {
		texts, ok := f.Hours[name]
		if ok {
			known++
		}
		last := 0
		for _, t := range texts {
			s, err := parse(t)
			if err != nil || s.from < last {
				return Calendar{}, errs.New(errs.Invalid, "the hours of the calendar cannot be read, overlap or run backwards")
			}
			last = s.to
			c.hours[day] = append(c.hours[day], s)
			c.day = max(c.day, time.Duration(total(c.hours[day]))*time.Minute)
		}
	}
	if known != len(f.Hours) {
		return Calendar{}, errs.New(errs.Invalid, "the calendar names a day that is none: use mon, tue, wed, thu, fri, sat, sun")
	}
	if c.day == 0 {
		return Calendar{}, errs.New(errs.Invalid, "the calendar has no working time")
	}
	own, ok := f.Regions[region]
	if region != "" && !ok {
		return Calendar{}, errs.Newf(errs.NotFound, "there is no calendar of this region")
	}
	for _, d := range slices.Concat(f.Holidays, own) {
		if !c.add(d) {
			return Calendar{}, errs.New(errs.Invalid, "a holiday of the calendar is no date")
		}
	}
	return c, nil
}

func parse(t string) (span, error) {
	var fh, fm, th, tm int
	if n, err := fmt.Sscanf(t, "%d:%d-%d:%d", &fh, &fm, &th, &tm); err != nil || n != 4 {
		return span{}, errs.New(errs.Invalid, "not a span of hours")
	}
	s := span{fh*60 + fm, th*60 + tm}
	if fm > 59 || tm > 59 || fh < 0 || fm < 0 || tm < 0 || s.to > 24*60 || s.from >= s.to {
		return span{}, errs.New(errs.Invalid, "not a span of hours")
	}
	return s, nil
}

func total(spans []span) (minutes int) {
	for _, s := range spans {
		minutes += s.to - s.from
	}
	return minutes
}

// Zone gives the zone in which the hours are meant.
func (c Calendar) Zone() *time.Location { return c.zone }

// Day gives the working time of a full day, so that "two business days" is 2 * Day.
func (c Calendar) Day() time.Duration { return c.day }

// Open tells whether the team works at an instant.
func (c Calendar) Open(t time.Time) bool {
	for _, s := range c.spans(t.In(c.zone)) {
		if !t.Before(s[0]) && t.Before(s[1]) {
			return true
		}
	}
	return false
}

// spans gives the working time of the day of t as instants. A wall-clock hour that a change of the clocks skips or repeats is taken as
// package time takes it, so that a day stays a day.
func (c Calendar) spans(t time.Time) [][2]time.Time {
	y, m, d := t.Date()
	if c.Holiday(t) {
		return nil
	}
	var out [][2]time.Time
	for _, s := range c.hours[t.Weekday()] {
		out = append(out, [2]time.Time{time.Date(y, m, d, 0, s.from, 0, 0, c.zone), time.Date(y, m, d, 0, s.to, 0, 0, c.zone)})
	}
	return out
}

// horizon is how far AddBusiness looks for working time; holidays may not fill it.
const horizon = 20 * 366

// AddBusiness gives the instant at which d of working time has passed since start. The end of a span counts as its last moment: nine
// hours from Monday 09:00 end on Monday 18:00, not on Tuesday.
func (c Calendar) AddBusiness(start time.Time, d time.Duration) time.Time {
	at := start.In(c.zone)
	y, m, day := at.Date()
	for i := range horizon {
		for _, s := range c.spans(time.Date(y, m, day+i, 12, 0, 0, 0, c.zone)) {
			from := s[0]
			if at.After(from) {
				from = at
			}
			room := s[1].Sub(from)
			if room <= 0 {
				continue
			}
			if d <= room {
				return from.Add(d).UTC()
			}
			d -= room
		}
	}
	return start.Add(d).UTC()
}
