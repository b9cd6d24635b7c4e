package portal

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"

	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/ics"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// deadlines are what the organisation owes in a report and when, for a calendar: an event each, with an alarm a day and an hour before. The UID of an event
// stays the same, so that a file taken later moves it.
func (d Deps) deadlines(v *page.Visit, r intake.Report, clocks []deadline.Clock) []ics.Event {
	var out []ics.Event
	for _, c := range clocks {
		name, ok := d.Intake.StageName(c.RuleSet, c.Kind, string(v.P.Lang()))
		if !ok || !c.Open() || c.OwedBy != deadline.Them || c.DueAt.IsZero() {
			continue
		}
		sum := sha256.Sum256([]byte("calendar " + r.UID + " " + c.RuleSet + "/" + c.Kind))
		out = append(out, ics.Event{
			UID: hex.EncodeToString(sum[:16]), Start: c.DueAt, End: c.DueAt, Title: v.P.T("public.calendar.event", "stage", name, "reference", r.Reference), Alarms: []string{"-P1D", "-PT1H"},
		})
	}
	return out
}

// calendar gives the deadlines of a report as a file.
func (d Deps) calendar(v *page.Visit) error {
	r, err := d.Intake.Get(v.Ctx(), d.DB, v.By, v.R.PathValue("report"))
	if err != nil {
		return err
	}
	clocks, err := d.Deadlines.Of(v.Ctx(), d.DB, r.Ref.ID)
	if err != nil {
		return err
	}
	events := d.deadlines(v, r, clocks[r.Ref.ID])
	if len(events) == 0 {
		return errs.ErrNotFound
	}
	site := d.Around(v).Site
	note := v.P.T("public.calendar.note", "phone", site.Phone)
	for i := range events {
		events[i].Note = note
	}
	v.W.Header().Set("Content-Type", "text/calendar; charset=utf-8")
	v.W.Header().Set("Content-Disposition", page.Attachment("deadlines.ics"))
	v.W.WriteHeader(http.StatusOK)
	_, _ = v.W.Write(ics.Write(ics.File{Product: "Deadlines", Name: site.Name, Events: events}, v.Now))
	return nil
}
