package desk

import (
	"slices"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// incidentFrame is what stands above every view of an incident.
func (d *Desk) incidentFrame(v *page.Visit, in incident.Incident, tab string) (IncidentFrame, []coordination.Row, error) {
	rows, err := d.Coordination.Matrix(v.Ctx(), v.By, in.UID)
	if err != nil {
		return IncidentFrame{}, nil, err
	}
	d.noteSeen(v, in.Ref)
	at := "/desk/incidents/" + in.Number
	f := IncidentFrame{
		DeskView: d.frame(v, "incidents", in.Number+" "+in.Title), Ref: in.Number, Name: in.Title, Href: at, Severity: severity(in, true),
		TLP: in.TLP.Name(), PAP: strings.TrimPrefix(in.PAP.String(), "PAP:"), State: stateChip(v.P, in.State),
	}
	f.Collapsed = true
	measures := 0
	for _, r := range rows {
		measures += len(r.Measures)
	}
	f.Tabs = []page.Tab{
		{Text: v.P.T("desk.tab.timeline"), Href: at, Here: tab == "timeline", Count: -1},
		{Text: v.P.T("desk.tab.parties"), Href: at + "/parties", Count: len(rows), Here: tab == "parties"},
		{Text: v.P.T("desk.tab.files"), Href: at + "/files", Count: -1, Here: tab == "files"},
		{Text: v.P.T("desk.tab.measures"), Href: at + "/measures", Count: measures, Here: tab == "measures"},
		{Text: v.P.T("desk.tab.sharing"), Href: at + "/sharing", Count: -1, Here: tab == "sharing"},
		{Text: v.P.T("desk.tab.authorities"), Href: at + "/authorities", Count: -1, Here: tab == "authorities"},
		{Text: v.P.T("desk.tab.targets"), Href: at + "/targets", Count: -1, Here: tab == "targets"},
		{Text: v.P.T("desk.tab.report"), Href: at + "/report", Count: -1, Here: tab == "report"},
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
	_, held, err := d.Retain.Held(v.Ctx(), d.DB, in.Ref.ID)
	if err != nil {
		return f, nil, err
	}
	if held || v.By.Can(access.Hold) {
		hold := page.ButtonView{Text: v.P.T("desk.incident.hold"), Kind: "ghost", Icon: "archive", Href: at + "/hold", Disabled: !v.By.Can(access.Hold)}
		if held {
			hold.Text = v.P.T("desk.incident.held")
		}
		f.Acts = append([]page.ButtonView{hold}, f.Acts...)
	}
	clocks, err := d.Deadlines.Under(v.Ctx(), d.DB, in.Ref.ID)
	if err != nil {
		return f, nil, err
	}
	f.Deadlines = d.deadlineCards(v, clocks[in.Ref.ID], rows)
	return f, rows, nil
}

const cards = 4

// deadlineCards are the four that matter: what is open, soonest first; then what was met last.
func (d *Desk) deadlineCards(v *page.Visit, clocks []deadline.Clock, rows []coordination.Row) []page.DeadlineView {
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
	kept, alike := foldClocks(clocks)
	for _, c := range kept {
		if len(out) == cards {
			break
		}
		x := page.DeadlineView{Title: d.clockName(v.P, c), Clock: clockView(c, v.Now)}
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
			after, of := v.P.Duration(c.MetAt.Sub(c.StartedAt)), v.P.Duration(c.DueAt.Sub(c.StartedAt))
			x.State, x.Note = "met", v.P.T("desk.deadline.met", "after", after, "of", of)
			if c.MetAt.After(c.Limit()) {
				x.State, x.Note = "late", v.P.T("desk.deadline.met_late", "after", after, "of", of)
			}
		}
		if n := alike[c.ID]; n > 1 {
			whose = v.P.N("desk.deadline.alike", n)
		}
		if whose != "" {
			x.Note = whose + " · " + x.Note
		}
		out = append(out, x)
	}
	return out
}

// foldClocks leaves one of clocks that run alike, the first, and says how many it stands for: of one rule, owed by the same side, due at one time and met or not
// alike. A hundred parties that were asked at once are one card. What was stopped is left out.
func foldClocks(clocks []deadline.Clock) (kept []deadline.Clock, alike map[int64]int) {
	type rule struct {
		kind, law, set, owed string
		due                  int64
		open, late           bool
	}
	first := map[rule]int64{}
	alike = map[int64]int{}
	for _, c := range clocks {
		if !c.StoppedAt.IsZero() {
			continue
		}
		r := rule{c.Kind, c.Law, c.RuleSet, string(c.OwedBy), c.DueAt.UnixMicro(), c.Open(), !c.Open() && c.MetAt.After(c.Limit())}
		if _, there := first[r]; !there {
			first[r] = c.ID
			kept = append(kept, c)
		}
		alike[first[r]]++
	}
	return kept, alike
}
