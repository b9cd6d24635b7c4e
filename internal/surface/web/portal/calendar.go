package portal

import (
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// deadlines are what the organisation owes in a report and when, for a calendar.
func (d Deps) deadlines(v *page.Visit, r intake.Report, clocks []deadline.Clock) []page.Deadline {
	var out []page.Deadline
	for _, c := range clocks {
		name, ok := d.Intake.StageName(c.RuleSet, c.Kind, string(v.P.Lang()))
		if ok && c.Open() && c.OwedBy == deadline.Them && !c.DueAt.IsZero() {
			out = append(out, page.Deadline{Key: c.RuleSet + "/" + c.Kind, Title: v.P.T("public.calendar.event", "stage", name, "reference", r.Reference), At: c.DueAt})
		}
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
	site := d.Around(v).Site
	return v.Calendar([]byte(r.UID), site.Name, site.Phone, d.deadlines(v, r, clocks[r.Ref.ID]))
}
