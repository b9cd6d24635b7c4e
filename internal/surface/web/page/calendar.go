package page

import (
	"crypto/hmac"
	"crypto/sha256"
	"net/http"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/format/ics"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// Deadline is what is owed and when, for a calendar.
type Deadline struct {
	Key   string // names it within the report, the same each time
	Title string
	At    time.Time
}

// Calendar answers with deadlines as a file: one event each, with an alarm a day and an hour before. The UID of an event stays the same, so that a file taken
// later moves it; it tells nothing to who does not know the secret (rule A7). Without a deadline there is no file: errs.ErrNotFound.
func (v *Visit) Calendar(secret []byte, team, phone string, all []Deadline) error {
	if len(all) == 0 {
		return errs.ErrNotFound
	}
	f := ics.File{Product: "Deadlines", Name: team}
	for _, d := range all {
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte("calendar " + d.Key))
		f.Events = append(f.Events, ics.Event{
			UID: id.Hex(mac.Sum(nil)[:16]), Start: d.At, End: d.At, Title: d.Title, Note: v.P.T("public.calendar.note", "phone", phone), Alarms: []string{"-P1D", "-PT1H"},
		})
	}
	h := v.W.Header()
	h.Set("Content-Type", "text/calendar; charset=utf-8")
	h.Set("Content-Disposition", Attachment("deadlines.ics"))
	v.W.WriteHeader(http.StatusOK)
	_, _ = v.W.Write(ics.Write(f, v.Now))
	return nil
}
