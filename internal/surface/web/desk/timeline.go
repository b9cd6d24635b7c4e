package desk

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// timeline is the first view of an incident: what happened, what we did, what came and went.
func (d *Desk) timeline(v *page.Visit) error {
	in, err := d.opened(v)
	if err != nil {
		return err
	}
	view, err := d.timelineView(v, in)
	if err != nil {
		return err
	}
	return v.Show(IncidentTimeline(view))
}

// entries is the timeline alone, for the live region.
func (d *Desk) entries(v *page.Visit) error {
	in, err := d.opened(v)
	if err != nil {
		return err
	}
	rows, err := d.Coordination.Matrix(v.Ctx(), v.By, in.UID)
	if err != nil {
		return err
	}
	reports, err := d.Intake.ReportsIn(v.Ctx(), d.DB, v.By, in.Ref.ID)
	if err != nil {
		return err
	}
	view := TimelineView{IncidentFrame: IncidentFrame{DeskView: page.DeskView{Frame: page.Frame{P: v.P, Now: v.Now}}, Href: "/desk/incidents/" + in.Number}}
	if err := d.fillDays(v, &view, in, rows, reports); err != nil {
		return err
	}
	return v.Show(Entries(view))
}

func (d *Desk) timelineView(v *page.Visit, in incident.Incident) (TimelineView, error) {
	f, rows, err := d.incidentFrame(v, in, "timeline")
	view := TimelineView{IncidentFrame: f, Fields: []page.Hid{{Name: "version", Value: strconv.FormatInt(in.Version, 10)}}}
	if err != nil {
		return view, err
	}
	show := v.R.URL.Query().Get("show")
	for _, x := range []string{"", "mail", "note", "change", "attack"} {
		c := page.ChipView{Text: v.P.T("desk.show." + orAll(x)), Kind: "outline", Href: f.Href}
		if x != "" {
			c.Href += "?show=" + x
		}
		if x == show {
			c.Kind = "on"
		}
		view.Views = append(view.Views, c)
	}
	view.Live = f.Href + "/entries?" + url.Values{"show": {show}, "all": {v.R.URL.Query().Get("all")}}.Encode()
	reports, err := d.Intake.ReportsIn(v.Ctx(), d.DB, v.By, in.Ref.ID)
	if err != nil {
		return view, err
	}
	if err = d.fillDays(v, &view, in, rows, reports); err != nil {
		return view, err
	}
	if view.Properties, err = d.properties(v, in, reports); err != nil {
		return view, err
	}
	tasks, err := d.Incidents.Tasks(v.Ctx(), d.DB, v.By, in.UID)
	if err != nil {
		return view, err
	}
	calls, err := d.Coordination.CallsOfTasks(v.Ctx(), v.By, in.UID)
	if err != nil {
		return view, err
	}
	for _, t := range tasks {
		x := page.TaskView{Title: t.Title, Done: !t.DoneAt.IsZero(), Toggle: f.Href + "/tasks/" + t.UID, Who: page.Person{Name: d.name(v.Ctx(), t.Assignee)}}
		if x.Done {
			view.TasksDone++
			x.Fields = []page.Hid{{Name: "done", Value: ""}}
		} else {
			x.Fields = []page.Hid{{Name: "done", Value: "1"}}
			if !t.DueAt.IsZero() {
				x.Due = page.ChipView{Text: v.P.Brief(t.DueAt, v.Now), Kind: "warn"}
			}
		}
		if call := calls[t.UID]; call != "" {
			x.From = page.NavItem{Text: v.P.T("desk.task.from_call"), Href: "/desk/meetings/" + call}
		}
		view.Tasks = append(view.Tasks, x)
	}
	for _, r := range rows {
		view.Parties = append(view.Parties, PartyLine{Name: r.Party.Name, Href: "/desk/parties/" + r.Party.UID, State: partyState(v.P, r)})
	}
	view.PartiesAt = f.Href + "/parties"
	if in.State != incident.Closed && v.By.Can(access.WorkCases) {
		view.AddTask = f.Href + "/tasks"
		view.Composer, err = d.composer(v, in, rows, reports)
	}
	return view, err
}

func orAll(s string) string {
	if s == "" {
		return "all"
	}
	return s
}

// partyState is one word for where a party stands.
func partyState(p *text.Printer, r coordination.Row) page.ChipView {
	switch {
	case !r.VerifiedAt.IsZero():
		return page.ChipView{Text: p.T("desk.party.verified"), Kind: "ok"}
	case !r.DoneAt.IsZero():
		return page.ChipView{Text: p.T("desk.party.done"), Kind: "ok"}
	case !r.AnsweredAt.IsZero():
		return page.ChipView{Text: p.T("desk.party.answered"), Kind: "info"}
	case !r.SilentSince.IsZero():
		return page.ChipView{Text: p.T("desk.party.silent"), Kind: "warn"}
	case !r.ToldAt.IsZero():
		return page.ChipView{Text: p.T("desk.party.told")}
	}
	return page.ChipView{Text: p.T("desk.party.not_told"), Kind: "outline"}
}

func (d *Desk) properties(v *page.Visit, in incident.Incident, reports []intake.Report) ([]page.Property, error) {
	p := v.P
	edit := "/desk/incidents/" + in.Number + "/edit"
	version := page.Hid{Name: "version", Value: strconv.FormatInt(in.Version, 10)}
	can := in.State != incident.Closed && v.By.Can(access.WorkCases)
	choose := func(field, label string, options []page.SelectOption) templ.Component {
		if !can {
			return nil
		}
		return propertySelect(p, edit, version, field, label, options)
	}
	staff, err := d.Staff(v.Ctx(), v.By)
	if err != nil {
		return nil, err
	}
	handlers := []page.SelectOption{{Value: "0", Text: p.T("desk.handler.none"), Chosen: in.Handler == 0}}
	handler := ""
	for _, c := range staff {
		handlers = append(handlers, page.SelectOption{Value: strconv.FormatInt(c.Account, 10), Text: c.Name, Chosen: c.Account == in.Handler})
		if c.Account == in.Handler {
			handler = c.Name
		}
	}
	states := []page.SelectOption{}
	for _, s := range []incident.State{incident.Open, incident.Analysing, incident.Coordinating, incident.Monitoring} {
		states = append(states, page.SelectOption{Value: string(s), Text: stateChip(p, s).Text, Chosen: s == in.State})
	}
	value := func(s string) templ.Component {
		if s == "" {
			return nil
		}
		return page.Text(s)
	}
	list := []page.Property{
		{Label: p.T("desk.fact.handler"), Value: value(handler), Edit: choose("handler", p.T("desk.fact.handler"), handlers)},
		{Label: p.T("desk.fact.state"), Value: value(stateChip(p, in.State).Text), Edit: choose("state", p.T("desk.fact.state"), states)},
		{Label: p.T("desk.fact.type"), Value: value(typeOr(d, p, in.Type)), Edit: choose("type", p.T("desk.fact.type"), d.typeOptions(p, in.Type))},
		{Label: p.T("desk.fact.severity"), Value: page.Severity(p, severity(in, true)), Edit: choose("severity", p.T("desk.fact.severity"), severityOptions(p, in.Severity))},
		{Label: p.T("desk.fact.reasons"), Value: d.reasonLines(in.Reasons, string(p.Lang()))},
		{Label: "TLP", Value: page.TLP(in.TLP.Name()), Edit: choose("tlp", "TLP", tlpOptions(in.TLP))},
		{Label: "PAP", Value: papMark(in.PAP), Edit: choose("pap", "PAP", papOptions(p, in.PAP))},
		{Label: p.T("desk.fact.opened"), Value: page.At(p, in.OpenedAt, v.Now)},
	}
	seen, err := d.seenAlone(v, in.Object, "/desk/incidents/"+in.Number+"/seen")
	if err != nil {
		return nil, err
	}
	list = append(list, page.Property{Label: p.T("desk.fact.seen"), Value: seen})
	from, err := d.takenFacts(v, in.Ref)
	if err != nil {
		return nil, err
	}
	list = append(list, from...)
	if len(reports) > 0 {
		lines := make([]templ.Component, len(reports))
		for i, r := range reports {
			lines[i] = page.To(r.Reference, "/desk/reports/"+r.UID)
		}
		label := p.T("desk.fact.report")
		if len(reports) > 1 {
			label = p.T("desk.fact.reports")
		}
		list = append(list, page.Property{Label: label, Value: page.Lines(lines)})
	}
	if in.State == incident.Closed {
		list = append(list, page.Property{Label: p.T("desk.fact.outcome"), Value: value(p.T("desk.outcome." + in.Closing.Outcome))},
			page.Property{Label: p.T("desk.fact.closing"), Value: page.Prose(in.Closing.Report)})
	}
	return list, nil
}

func typeOr(d *Desk, p *text.Printer, code string) string {
	if code == "" {
		return ""
	}
	return d.typeName(p, code)
}

// reasonLines says why a severity was given: the scheme's reasons by name, a person's own words as they are.
func (d *Desk) reasonLines(reasons []string, lang string) templ.Component {
	if len(reasons) == 0 {
		return nil
	}
	said := make([]templ.Component, len(reasons))
	for i, r := range reasons {
		said[i] = page.Text(d.Rating.Text(r, lang))
	}
	return page.Lines(said)
}

func papMark(p tlp.PAP) templ.Component {
	if p == 0 {
		return nil
	}
	return page.PAP(strings.TrimPrefix(p.String(), "PAP:"))
}
