package public

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/format/ics"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// event is one deadline.
type event struct {
	Key   string // what it is, the same each time the file is made
	Title string
	At    time.Time
}

// deadlines writes deadlines as a calendar: one event each, with an alarm a day and an hour before. The UID of an event stays the same, so that a file
// taken later moves it; it tells nothing to who does not hold the code (rule A7).
func deadlines(all []event, team, note string, code id.Secret, now time.Time) []byte {
	f := ics.File{Product: "Deadlines", Name: team}
	for _, e := range all {
		mac := hmac.New(sha256.New, code.Hash())
		mac.Write([]byte("calendar " + e.Key))
		f.Events = append(f.Events, ics.Event{
			UID: hex.EncodeToString(mac.Sum(nil)[:16]), Start: e.At, End: e.At, Title: e.Title, Note: note, Alarms: []string{"-P1D", "-PT1H"},
		})
	}
	return ics.Write(f, now)
}
