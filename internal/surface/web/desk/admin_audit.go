package desk

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/account"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// areas are how verbs begin, by the package that owns them.
var areas = []string{"account", "constituency", "coordination", "correspondence", "deadline", "incident", "intake", "team"}

const recordPage = 100

// record shows who did what, newest first. What the reader may not see of it was withheld by the record itself.
func (d *Desk) record(v *page.Visit) error {
	p, q := v.P, v.R.URL.Query()
	f := audit.Filter{Limit: recordPage + 1}
	if area := q.Get("area"); slices.Contains(areas, area) {
		f.Verb = area + "."
	}
	f.Actor, _ = strconv.ParseInt(q.Get("who"), 10, 64)
	f.Before, _ = strconv.ParseInt(q.Get("after"), 10, 64)
	wrong := map[string]string{}
	var list []page.Problem
	day := func(name string, plus int) time.Time {
		if q.Get(name) == "" {
			return time.Time{}
		}
		t, err := time.ParseInLocation(time.DateOnly, q.Get(name), d.Zone)
		if err != nil {
			wrong[name] = p.T("error.date")
			list = append(list, page.Problem{Field: name, Text: wrong[name]})
			return time.Time{}
		}
		return t.AddDate(0, 0, plus).UTC()
	}
	f.From, f.To = day("from", 0), day("to", 1)
	rows, err := d.Audit.Find(v.Ctx(), d.DB, v.By, f)
	if err != nil {
		return err
	}
	mark := ""
	if len(rows) > recordPage {
		rows = rows[:recordPage]
		mark = strconv.FormatInt(rows[recordPage-1].ID, 10)
	}
	options := []page.SelectOption{{Value: "", Text: p.T("desk.audit.all")}}
	for _, a := range areas {
		options = append(options, page.SelectOption{Value: a, Text: p.T("desk.audit.area." + a), Chosen: f.Verb == a+"."})
	}
	people, err := d.recordPeople(v, f.Actor)
	if err != nil {
		return err
	}
	t := page.TableView{Caption: p.T("desk.audit.title"), Columns: []page.Column{
		{Text: p.T("desk.col.when")}, {Text: p.T("desk.audit.who")}, {Text: p.T("desk.col.what")}, {Text: p.T("desk.audit.on")}, {Text: p.T("desk.audit.details")},
	}}
	for _, r := range rows {
		t.Rows = append(t.Rows, []templ.Component{
			page.Text(p.DateTime(r.At)), several([]templ.Component{page.Text(r.ActorName), second(named(p, "desk.audit.by.", origin(r.Origin)))}), page.Mono(r.Verb), page.Text(named(p, "desk.audit.kind.", r.On.Kind.String())), recordDetails(p, r),
		})
	}
	var body templ.Component = page.Table(t)
	if len(rows) == 0 {
		body = page.Empty(page.EmptyView{Icon: "history", Title: p.T("desk.audit.none"), Act: page.ButtonView{Text: p.T("desk.audit.clear"), Href: "/desk/audit"}})
	}
	view := d.adminView(v, p.T("desk.audit.title"), p.T("desk.audit.lead"), auditFilter(p, options, people, q.Get("from"), q.Get("to"), wrong), body)
	view.Problems, view.Wrong = list, len(list) > 0
	if pages := next(v, mark, len(rows)); pages != nil {
		view.Body = append(view.Body, page.Pages(p, *pages))
	}
	return v.Show(Admin(view))
}

// recordPeople offers accounts to those who may list them.
func (d *Desk) recordPeople(v *page.Visit, chosen int64) ([]page.SelectOption, error) {
	if !v.By.Can(access.ManageAccounts) {
		return nil, nil
	}
	all, _, err := d.Accounts.List(v.Ctx(), v.By, account.Filter{Limit: 500})
	out := []page.SelectOption{{Value: "", Text: v.P.T("desk.audit.anybody")}}
	for _, a := range all {
		out = append(out, page.SelectOption{Value: strconv.FormatInt(a.ID, 10), Text: a.Name, Chosen: a.ID == chosen})
	}
	return out, err
}

func origin(o access.Origin) string {
	names := [...]string{"", "page", "api", "mail", "link", "cli", "job"}
	if int(o) < len(names) {
		return names[o]
	}
	return ""
}

func recordDetails(p *text.Printer, r audit.Row) templ.Component {
	switch {
	case r.Withheld:
		return recordCell(nil, "", p.T("desk.audit.withheld"))
	case r.Erased:
		return recordCell(nil, "", p.T("desk.audit.erased"))
	}
	var lines []string
	for _, c := range r.Changes {
		if c.Field == "handler" || c.Field == "assignee" { // inner ids say nothing to a reader
			lines = append(lines, c.Field)
			continue
		}
		lines = append(lines, c.Field+": "+changed(c))
	}
	return recordCell(lines, r.Note, "")
}

func changed(c audit.Change) string {
	from, to := clip(plainValue(c.From), 200), clip(plainValue(c.To), 200)
	switch {
	case from == "":
		return to
	case to == "":
		return from + " → –"
	}
	return from + " → " + to
}

func plainValue(x any) string {
	if x == nil {
		return ""
	}
	return fmt.Sprint(x)
}
