package desk

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// incidentFrame is what stands above every view of an incident.
func (d *Desk) incidentFrame(v *page.Visit, in incident.Incident, tab string) (IncidentFrame, []coordination.Row, error) {
	rows, err := d.Coordination.Matrix(v.Ctx(), v.By, in.UID)
	if err != nil {
		return IncidentFrame{}, nil, err
	}
	at := "/desk/incidents/" + in.Number
	f := IncidentFrame{
		DeskView: d.frame(v, "incidents", in.Number+" "+in.Title), Ref: in.Number, Name: in.Title, Href: at, Severity: severity(in, true),
		TLP: in.TLP.Name(), PAP: strings.TrimPrefix(in.PAP.String(), "PAP:"), State: stateChip(v.P, in.State),
	}
	f.Collapsed = true
	measures, requests := 0, 0
	for _, r := range rows {
		measures += len(r.Measures)
		requests += len(r.Requests)
	}
	f.Tabs = []page.Tab{
		{Text: v.P.T("desk.tab.timeline"), Href: at, Here: tab == "timeline", Count: -1},
		{Text: v.P.T("desk.tab.parties"), Href: at + "/parties", Count: len(rows), Here: tab == "parties"},
	}
	if in.State == incident.Closed {
		f.Closed = v.P.T("desk.incident.closed", "when", v.P.DateTime(in.ClosedAt))
		if v.By.Can(access.Close) {
			f.Acts = append(f.Acts, page.ButtonView{Text: v.P.T("desk.incident.reopen"), Href: at + "/close"})
		}
	} else {
		if v.By.Can(access.Close) {
			f.Acts = append(f.Acts, page.ButtonView{Text: v.P.T("desk.incident.close"), Href: at + "/close"})
		}
		if v.By.Can(access.SendOutside) {
			f.Acts = append(f.Acts, page.ButtonView{Text: v.P.T("desk.incident.ask"), Kind: "primary", Icon: "send", Href: at + "/ask", Key: "E"})
		}
	}
	switch {
	case in.Sealed && v.By.Can(access.Seal):
		f.Acts = append([]page.ButtonView{{Text: v.P.T("desk.incident.sealed"), Kind: "ghost", Icon: "lock", Href: at + "/seal"}}, f.Acts...)
	case in.Sealed:
		f.Acts = append([]page.ButtonView{{Text: v.P.T("desk.incident.sealed"), Kind: "ghost", Icon: "lock", Href: at, Disabled: true}}, f.Acts...)
	case v.By.Can(access.Seal):
		f.Acts = append([]page.ButtonView{{Text: v.P.T("desk.incident.seal"), Kind: "ghost", Icon: "lock", Href: at + "/seal"}}, f.Acts...)
	}
	clocks, err := d.Deadlines.Under(v.Ctx(), d.DB, in.Ref.ID)
	if err != nil {
		return f, nil, err
	}
	f.Deadlines = deadlineCards(v, clocks[in.Ref.ID], rows)
	return f, rows, nil
}

const cards = 4

// deadlineCards are the four that matter: what is open, soonest first; then what was met last.
func deadlineCards(v *page.Visit, clocks []deadline.Clock, rows []coordination.Row) []page.DeadlineView {
	names := map[int64]string{}
	for _, r := range rows {
		for _, q := range r.Requests {
			names[q.Ref.ID] = r.Party.Name
		}
		for _, m := range r.Measures {
			names[m.Ref.ID] = r.Party.Name
		}
	}
	slices.SortStableFunc(clocks, func(a, b deadline.Clock) int {
		if a.Open() != b.Open() {
			if a.Open() {
				return -1
			}
			return 1
		}
		return a.DueAt.Compare(b.DueAt)
	})
	var out []page.DeadlineView
	for _, c := range clocks {
		if len(out) == cards || !c.StoppedAt.IsZero() {
			continue
		}
		x := page.DeadlineView{Title: clockName(v.P, c.Kind), Clock: clockView(c, v.Now)}
		whose := names[c.About.ID]
		if c.Open() {
			x.State = "running"
			if c.OwedBy == "them" {
				x.State = "theirs"
			}
			x.Note = v.P.T("desk.deadline.due", "when", v.P.Brief(c.DueAt, v.Now))
			if c.Law != "" {
				x.Note += " · " + clockLaw(v.P, c.Law)
			}
		} else {
			x.State = "met"
			x.Note = v.P.T("desk.deadline.met", "after", v.P.Duration(c.MetAt.Sub(c.StartedAt)), "of", v.P.Duration(c.DueAt.Sub(c.StartedAt)))
		}
		if whose != "" {
			x.Note = whose + " · " + x.Note
		}
		out = append(out, x)
	}
	return out
}

// timeline is the first view of an incident: what happened, what we did, what came and went.
func (d *Desk) timeline(v *page.Visit) error {
	in, err := d.Incidents.Get(v.Ctx(), d.DB, v.By, v.R.PathValue("incident"))
	if err != nil {
		return err
	}
	if err := d.seen(v, in.Object); err != nil {
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
	in, err := d.Incidents.Get(v.Ctx(), d.DB, v.By, v.R.PathValue("incident"))
	if err != nil {
		return err
	}
	if err := d.seen(v, in.Object); err != nil {
		return err
	}
	rows, err := d.Coordination.Matrix(v.Ctx(), v.By, in.UID)
	if err != nil {
		return err
	}
	reports, err := d.Intake.ReportsOf(v.Ctx(), d.DB, in.Ref.ID)
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
	reports, err := d.Intake.ReportsOf(v.Ctx(), d.DB, in.Ref.ID)
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

// entry is one line of the timeline before it is sorted by the time at which it happened.
type entry struct {
	at   time.Time
	kind string // mail, note, change, attack
	page.Entry
}

// shown is how many entries a timeline shows before it offers the earlier ones.
const shown = 40

// fillDays gathers what was written, what came and went with parties and reporters, and what was changed, under the days on which it happened.
func (d *Desk) fillDays(v *page.Visit, view *TimelineView, in incident.Incident, rows []coordination.Row, reports []intake.Report) error {
	show := v.R.URL.Query().Get("show")
	var all []entry
	if show != "mail" && show != "change" {
		written, err := d.Incidents.Entries(v.Ctx(), d.DB, v.By, in.UID)
		if err != nil {
			return err
		}
		for _, e := range written {
			all = append(all, writtenEntry(v.P, e))
		}
	}
	if show == "" || show == "mail" {
		mail, err := d.mailOf(v, rows, reports)
		if err != nil {
			return err
		}
		all = append(all, mail...)
	}
	if show == "" || show == "change" {
		names := map[int64]string{}
		for _, r := range rows {
			names[r.Party.Ref.ID] = r.Party.Name
			for _, m := range r.Measures {
				names[m.Ref.ID] = m.Title + " · " + r.Party.Name
			}
		}
		record, err := d.Audit.About(v.Ctx(), d.DB, in.Ref.ID, 0, 1000)
		if err != nil {
			return err
		}
		for _, r := range record {
			if e, ok := d.recordEntry(v, in, r, names); ok {
				all = append(all, e)
			}
		}
	}
	if show != "" {
		all = slices.DeleteFunc(all, func(e entry) bool { return e.kind != show })
	}
	slices.SortStableFunc(all, func(a, b entry) int { return a.at.Compare(b.at) })
	if n := len(all) - shown; n > 0 && v.R.URL.Query().Get("all") == "" {
		view.Earlier = page.ChipView{Text: v.P.T("desk.timeline.earlier", "count", n), Kind: "outline", Icon: "history", Href: view.Href + "?" + url.Values{"show": {show}, "all": {"1"}}.Encode()}
		all = all[n:]
	}
	for _, e := range all {
		title := v.P.Day(e.at)
		if n := len(view.Days); n == 0 || view.Days[n-1].Title != title {
			view.Days = append(view.Days, page.TimelineDay{Title: title})
		}
		last := &view.Days[len(view.Days)-1]
		last.Entries = append(last.Entries, e.Entry)
	}
	return nil
}

// mailOf gives what was exchanged with each party, and with each reporter.
func (d *Desk) mailOf(v *page.Visit, rows []coordination.Row, reports []intake.Report) ([]entry, error) {
	names := map[int64]string{}
	var ids []int64
	for _, r := range rows {
		if r.Party.Thread != 0 {
			names[r.Party.Thread] = r.Party.Name
			ids = append(ids, r.Party.Thread)
		}
	}
	for _, r := range reports {
		if r.Thread != 0 && names[r.Thread] == "" { // a reporter that is a party is written to on its report's thread
			names[r.Thread] = reporterName(v.P, r)
			ids = append(ids, r.Thread)
		}
	}
	uids, err := d.threadUIDs(v, ids...)
	if err != nil {
		return nil, err
	}
	messages, err := d.Correspondence.Messages(v.Ctx(), d.DB, v.By, ids...)
	if err != nil {
		return nil, err
	}
	out := make([]entry, len(messages))
	for i, m := range messages {
		out[i] = messageEntry(v, m, names[m.Thread], uids[m.Thread])
	}
	return out, nil
}

func reporterName(p *text.Printer, r intake.Report) string {
	switch {
	case r.Body.Name != "":
		return r.Body.Name
	case r.Body.Email != "":
		return r.Body.Email
	}
	return p.T("desk.report.unnamed")
}

func writtenEntry(p *text.Printer, e incident.Entry) entry {
	x := entry{at: e.HappenedAt, Entry: page.Entry{ID: "e-" + e.UID, At: e.HappenedAt}}
	switch {
	case e.Withdrawn:
		x.kind, x.Kind = "note", "note"
		x.Line = page.Rich(p, "desk.line.withdrawn", "who", page.Strong(e.AuthorName))
	case e.Kind == incident.AttackEvent:
		x.kind, x.Kind = "attack", "attack"
		x.Line = page.Text(e.Text)
		x.Chips = []page.ChipView{{Text: p.T("desk.entry.attack_chip"), Kind: "outline"}}
	default:
		x.kind, x.Kind = "note", "note"
		x.Line = page.Rich(p, "desk.line.note", "who", page.Strong(e.AuthorName))
		x.Message = &page.MessageView{Title: p.T("desk.note.title"), Body: e.Text, Internal: true}
	}
	return x
}

func messageEntry(v *page.Visit, m correspondence.Message, party, thread string) entry {
	p := v.P
	x := entry{at: m.At, kind: "mail", Entry: page.Entry{ID: "m-" + m.UID, At: m.At}}
	view := &page.MessageView{Title: m.Body.Subject, Sub: party, TLP: m.TLP.Name(), Body: withoutCodes(m.Body.Text), Files: fileViews(thread, m)}
	if view.Title == "" {
		view.Title = channelName(p, m.Channel)
	}
	if m.Direction == correspondence.In {
		if c, ok := sealChip(p, m.Seal); ok {
			view.Marks = append(view.Marks, c)
		}
		x.Kind = "mail_in"
		if m.Channel != correspondence.ByMail {
			x.Kind = "report"
		}
		x.Line = page.Rich(p, "desk.line.in", "who", page.Strong(party), "channel", channelName(p, m.Channel))
		view.Marks = append(view.Marks, proofChip(p, m.Proof))
		if m.State == correspondence.Unverified {
			x.Chips = append(x.Chips, page.ChipView{Text: p.T("desk.message.unverified"), Kind: "warn"})
		}
		view.Original = "/desk/messages/" + thread + "/" + m.UID + "/original"
	} else {
		x.Kind = "mail_out"
		x.Line = page.Rich(p, "desk.line.out", "who", page.Strong(m.AuthorName), "to", page.Strong(party))
		if m.AuthorName == "" {
			x.Line = page.Rich(p, "desk.line.auto", "to", page.Strong(party))
		}
		x.Chips = append(x.Chips, messageState(p, m))
		switch {
		case !m.SeenAt.IsZero():
			view.Seen = p.T("desk.message.seen", "at", p.Brief(m.SeenAt, v.Now))
		case m.State == correspondence.Sent:
			view.Seen = p.T("desk.message.seen_unknown")
		}
	}
	x.Message = view
	return x
}

// codeLink is a status link as automatic letters write it.
var codeLink = regexp.MustCompile(`/r/[0-9a-hjkmnp-tv-z]{26}`)

// withoutCodes hides the codes of status links from our own people: who holds a code speaks for the reporter.
func withoutCodes(text string) string { return codeLink.ReplaceAllString(text, "/r/•••") }

// messageState says where a message out stands.
func messageState(p *text.Printer, m correspondence.Message) page.ChipView {
	switch m.State {
	case correspondence.Held:
		return page.ChipView{Text: p.T("desk.message.held"), Kind: "info", Icon: "clock"}
	case correspondence.Waiting:
		return page.ChipView{Text: p.T("desk.message.waiting"), Kind: "warn"}
	case correspondence.Sending:
		return page.ChipView{Text: p.T("desk.message.sending"), Kind: "info"}
	case correspondence.Failed:
		if m.Reason == correspondence.ReasonBounced {
			return page.ChipView{Text: p.T("desk.message.bounced"), Kind: "crit"}
		}
		return page.ChipView{Text: p.T("desk.message.failed"), Kind: "crit"}
	case correspondence.Stopped:
		return page.ChipView{Text: p.T("desk.message.stopped"), Kind: "warn"}
	}
	if c, ok := sealChip(p, m.Seal); ok {
		return c
	}
	return page.ChipView{Text: p.T("desk.message.sent"), Kind: "ok"}
}

// recordEntry turns an audit entry into one sentence; entries that stand in the timeline as themselves are left out.
// names are those of the incident's parties and measures, by object.
func (d *Desk) recordEntry(v *page.Visit, in incident.Incident, r audit.Row, names map[int64]string) (entry, bool) {
	p := v.P
	x := entry{at: r.At, kind: "change", Entry: page.Entry{ID: "a-" + strconv.FormatInt(r.ID, 10), At: r.At, Kind: "change"}}
	who := page.Strong(actorName(p, r))
	switch r.Verb {
	case "incident.open":
		x.Line = page.Rich(p, "desk.line.opened", "who", who)
	case "incident.attach":
		x.Line = page.Rich(p, "desk.line.attached", "who", who, "report", page.Strong(changeTo(r, "report")))
	case "incident.detach":
		x.Line = page.Rich(p, "desk.line.detached", "who", who)
	case "incident.edit", "incident.undo":
		x.Line = page.Rich(p, "desk.line.changed", "who", who, "what", d.changesInWords(v.Ctx(), p, r))
		if r.Verb == "incident.edit" && v.Now.Sub(r.At) < incident.UndoFor && in.State != incident.Closed && v.By.Can(access.WorkCases) {
			x.Undo = "/desk/incidents/" + in.Number + "/undo"
			x.Fields = []page.Hid{{Name: "entry", Value: strconv.FormatInt(r.ID, 10)}}
		}
	case "incident.close":
		x.Line = page.Rich(p, "desk.line.closed", "who", who)
	case "incident.seal", "incident.reseal":
		x.Line = page.Rich(p, "desk.line.sealed", "who", who)
	case "incident.unseal":
		x.Line = page.Rich(p, "desk.line.unsealed", "who", who)
	case "incident.break_glass":
		x.Line = page.Rich(p, "desk.line.glass", "who", who)
	case "incident.reopen":
		x.Line = page.Rich(p, "desk.line.reopened", "who", who)
	case "incident.task", "incident.task_set":
		x.Line = page.Rich(p, "desk.line.task", "who", who)
	case "coordination.add":
		x.Line = page.Rich(p, "desk.line.party", "who", who, "party", page.Strong(orDefault(names[r.On.ID], "–")))
	case "coordination.move":
		x.Kind = "measure"
		x.Line = page.Rich(p, "desk.line.measure", "who", who, "measure", page.Strong(orDefault(names[r.On.ID], "–")), "state", named(p, "common.measure.", changeTo(r, "state")))
	case "coordination.withdraw":
		x.Line = page.Rich(p, "desk.line.party_withdrawn", "who", who)
	case "coordination.escalate":
		x.Line = page.Rich(p, "desk.line.escalated")
		x.Kind = "found"
	default:
		return x, false
	}
	return x, true
}

func actorName(p *text.Printer, r audit.Row) string {
	if r.ActorName != "" && r.Actor != 0 {
		return r.ActorName
	}
	return "Tocsin"
}

func changeTo(r audit.Row, field string) string {
	for _, c := range r.Changes {
		if c.Field == field && c.To != nil {
			return fmt.Sprint(c.To)
		}
	}
	return ""
}

// changesInWords says each changed field with its old and new value, names for codes.
func (d *Desk) changesInWords(ctx context.Context, p *text.Printer, r audit.Row) string {
	var out []string
	say := func(field string, x any) string {
		if x == nil {
			return "–"
		}
		s := fmt.Sprint(x)
		switch field {
		case "state":
			return stateChip(p, incident.State(s)).Text
		case "type":
			return typeOr(d, p, s)
		case "severity":
			if s != "" {
				return p.T("common.severity." + s)
			}
		case "handler":
			var n int64
			if b, err := json.Marshal(x); err == nil && json.Unmarshal(b, &n) == nil {
				return d.name(ctx, n)
			}
		}
		return s
	}
	for _, c := range r.Changes {
		label, ok := fieldNames[c.Field]
		if !ok {
			continue
		}
		if c.Field == "title" || c.Field == "summary" || c.Field == "reasons" {
			out = append(out, label(p))
			continue
		}
		out = append(out, p.T("desk.line.change", "field", label(p), "from", say(c.Field, c.From), "to", say(c.Field, c.To)))
	}
	return strings.Join(out, ", ")
}

var fieldNames = map[string]func(p *text.Printer) string{
	"title":    func(p *text.Printer) string { return p.T("desk.field.title") },
	"summary":  func(p *text.Printer) string { return p.T("desk.field.summary") },
	"type":     func(p *text.Printer) string { return p.T("desk.fact.type") },
	"state":    func(p *text.Printer) string { return p.T("desk.fact.state") },
	"severity": func(p *text.Printer) string { return p.T("desk.fact.severity") },
	"reasons":  func(p *text.Printer) string { return p.T("desk.fact.reasons") },
	"handler":  func(p *text.Printer) string { return p.T("desk.fact.handler") },
	"tlp":      func(*text.Printer) string { return "TLP" },
	"pap":      func(*text.Printer) string { return "PAP" },
}
