package public

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// event is one deadline.
type event struct {
	Key   string // what it is, the same each time the file is made
	Title string
	At    time.Time
}

// ics writes deadlines as a calendar (RFC 5545): one event each, in UTC, with an alarm a day and an hour before. The UID of an event stays the same, so
// that a file taken later moves it; it tells nothing to who does not hold the code (rule A7).
func ics(all []event, team, note string, code id.Secret, now time.Time) []byte {
	var b strings.Builder
	line := func(name, value string) { b.WriteString(folded(name + ":" + value)) }
	text := strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\r\n", `\n`, "\n", `\n`, "\r", `\n`).Replace
	line("BEGIN", "VCALENDAR")
	line("VERSION", "2.0")
	line("PRODID", "-//Tocsin//Deadlines//EN")
	line("METHOD", "PUBLISH")
	line("X-WR-CALNAME", text(team))
	for _, e := range all {
		mac := hmac.New(sha256.New, code.Hash())
		mac.Write([]byte("calendar " + e.Key))
		line("BEGIN", "VEVENT")
		line("UID", hex.EncodeToString(mac.Sum(nil)[:16]))
		line("DTSTAMP", stamp(now))
		line("DTSTART", stamp(e.At))
		line("DTEND", stamp(e.At))
		line("SUMMARY", text(e.Title))
		line("DESCRIPTION", text(note))
		line("SEQUENCE", "0")
		line("TRANSP", "TRANSPARENT")
		line("CLASS", "CONFIDENTIAL")
		for _, before := range []string{"-P1D", "-PT1H"} {
			line("BEGIN", "VALARM")
			line("ACTION", "DISPLAY")
			line("DESCRIPTION", text(e.Title))
			line("TRIGGER", before)
			line("END", "VALARM")
		}
		line("END", "VEVENT")
	}
	line("END", "VCALENDAR")
	return []byte(b.String())
}

func stamp(t time.Time) string { return t.UTC().Format("20060102T150405Z") }

// folded breaks a line after 75 octets at most, never inside a character.
func folded(s string) string {
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
