// Package ics writes calendar files (RFC 5545). It is pure: times and names are given to it.
package ics

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// File is one calendar file.
type File struct {
	Product string // what of Tocsin wrote it: "Deadlines", "Calls"
	Name    string // of the calendar, "" for none
	Events  []Event
	Cancel  bool // METHOD:CANCEL: the events do not take place
}

// Event is one entry. An event with the UID of an earlier one and a higher Sequence takes its place.
type Event struct {
	UID        string
	Sequence   int
	Start, End time.Time // in UTC in the file, whatever their zone
	Title      string
	Note       string
	Place      string
	Busy       bool     // the time is taken
	Alarms     []string // durations before the start: "-PT1H"
}

var escape = strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\r\n", `\n`, "\n", `\n`, "\r", `\n`)

// Write gives the bytes of a file, made at a moment.
func Write(f File, now time.Time) []byte {
	var b strings.Builder
	line := func(name, value string) { b.WriteString(Fold(name + ":" + value)) }
	text := func(name, value string) {
		if value != "" {
			line(name, escape.Replace(strings.ToValidUTF8(value, "�")))
		}
	}
	line("BEGIN", "VCALENDAR")
	line("VERSION", "2.0")
	line("PRODID", "-//Tocsin//"+f.Product+"//EN")
	method := "PUBLISH"
	if f.Cancel {
		method = "CANCEL"
	}
	line("METHOD", method)
	text("X-WR-CALNAME", f.Name)
	for _, e := range f.Events {
		line("BEGIN", "VEVENT")
		line("UID", e.UID)
		line("DTSTAMP", stamp(now))
		line("DTSTART", stamp(e.Start))
		line("DTEND", stamp(e.End))
		text("SUMMARY", e.Title)
		text("DESCRIPTION", e.Note)
		text("LOCATION", e.Place)
		line("SEQUENCE", strconv.Itoa(e.Sequence))
		if f.Cancel {
			line("STATUS", "CANCELLED")
		}
		busy := "TRANSPARENT"
		if e.Busy {
			busy = "OPAQUE"
		}
		line("TRANSP", busy)
		line("CLASS", "CONFIDENTIAL")
		for _, before := range e.Alarms {
			line("BEGIN", "VALARM")
			line("ACTION", "DISPLAY")
			text("DESCRIPTION", e.Title)
			line("TRIGGER", before)
			line("END", "VALARM")
		}
		line("END", "VEVENT")
	}
	line("END", "VCALENDAR")
	return []byte(b.String())
}

func stamp(t time.Time) string { return t.UTC().Format("20060102T150405Z") }

// Fold breaks a line after 75 octets at most, never inside a character, and ends it (RFC 5545, section 3.1).
func Fold(s string) string {
	var b strings.Builder
	room := 75
	for len(s) > room {
		n := room
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		b.WriteString(s[:n] + "\r\n ")
		s, room = s[n:], 74
	}
	b.WriteString(s + "\r\n")
	return b.String()
}
