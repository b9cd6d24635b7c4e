package ics

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestACalendarLineIsFoldedBetweenCharacters(t *testing.T) {
	t.Parallel()
	s := Fold("SUMMARY:" + strings.Repeat("é", 100))
	if strings.ReplaceAll(s, "\r\n ", "") != "SUMMARY:"+strings.Repeat("é", 100)+"\r\n" {
		t.Error("folding changed the words")
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(s, "\r\n"), "\r\n") {
		if len(line) > 75 || !utf8.ValidString(line) {
			t.Errorf("%d octets: %q", len(line), line)
		}
	}
}

// Words that somebody typed never begin a line of their own: they stay words of their property.
func TestWordsStayInTheirProperty(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 15, 0, 0, 0, time.FixedZone("", 3600))
	s := string(Write(File{Product: "Calls", Cancel: true, Events: []Event{{
		UID: "a", Sequence: 2, Start: at, End: at.Add(time.Hour), Title: "One; two, three\\four\r\nATTENDEE:mailto:x@example.org", Note: "\rEND:VCALENDAR", Place: "room\nURL:https://evil.example\xff", Busy: true,
	}}}, at))
	for _, want := range []string{"METHOD:CANCEL\r\n", "DTSTART:20261124T140000Z\r\n", "SEQUENCE:2\r\n", "STATUS:CANCELLED\r\n", "TRANSP:OPAQUE\r\n", `SUMMARY:One\; two\, three\\four\nATTENDEE`} {
		if !strings.Contains(s, want) {
			t.Errorf("%q is missing in\n%s", want, s)
		}
	}
	for line := range strings.SplitSeq(strings.ReplaceAll(s, "\r\n ", ""), "\r\n") {
		if strings.HasPrefix(line, "ATTENDEE") || strings.HasPrefix(line, "URL") || strings.ContainsAny(line, "\r\n") || !utf8.ValidString(line) {
			t.Errorf("a line of somebody's words: %q", line)
		}
	}
	if strings.Count(s, "\r\nEND:VCALENDAR\r\n") != 1 {
		t.Error("the file ends early")
	}
}
