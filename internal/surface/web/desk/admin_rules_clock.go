package desk

import (
	"slices"
	"strings"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// clockTable tells of each clock of a set what starts it, how long it runs in which calendar, what ends and suspends it, who may act against it, and who
// owes it to whom.
func clockTable(p *text.Printer, s law.Set) templ.Component {
	t := page.TableView{Caption: p.T("desk.rules.clocks"), Columns: []page.Column{
		{Text: p.T("desk.rules.stage")}, {Text: p.T("desk.rules.runs")}, {Text: p.T("desk.rules.ends")}, {Text: p.T("desk.rules.suspends")}, {Text: p.T("desk.rules.change")}, {Text: p.T("desk.rules.owes")},
	}}
	who := func(w law.Who) string { return p.T("desk.rules.who." + string(w)) }
	owes := func(by, to string) templ.Component {
		return sentences(p.T("desk.rules.owes.by", "who", by), p.T("desk.rules.owes.to", "who", to))
	}
	us, reporter := p.T("desk.rules.party.us"), p.T("desk.owes.reporter")
	for _, x := range s.Stages {
		if (x.Starts == law.Start{}) && x.Need != law.Ongoing {
			continue // offered at any time: it has no clock
		}
		var change []string
		if m := x.Starts.Moment; m != "" && m != law.Requested {
			change = append(change, p.T("desk.rules.change.correct", "who", who(s.Correct)))
		}
		if x.Need == law.Always || x.Need == law.OnRequest {
			change = append(change, p.T("desk.rules.change.waive", "who", who(s.Waive)))
		}
		suspends, to := suspensionWords(p, s, x), us
		if s.Nature == law.Pointer {
			change, suspends, to = nil, []string{"–"}, say(p, s.Authority)
		}
		if len(change) == 0 {
			change = []string{p.T("desk.rules.change.nobody")}
		}
		t.Rows = append(t.Rows, []templ.Component{
			twoLines(say(p, x.Name), x.Article), sentences(runWords(p, s, x)...), sentences(endWords(p, s, x)...), sentences(suspends...), sentences(change...), owes(reporter, to),
		})
	}
	for _, x := range s.Duties {
		t.Rows = append(t.Rows, []templ.Component{
			twoLines(say(p, x.Name), x.Article), sentences(p.T("desk.rules.from", "period", periodWords(p, x.Within), "start", p.T("desk.rules.start.receipt")), calendarWords(p, s, x.Within)),
			page.Text(p.T("desk.rules.end.answer")), page.Text(p.T("desk.rules.suspends.ours")), page.Text(p.T("desk.rules.change.nobody")), owes(us, reporter),
		})
	}
	for _, x := range s.Recipients {
		t.Rows = append(t.Rows, []templ.Component{
			twoLines(p.T("desk.rules.pass_on", "to", say(p, x.Name)), x.Article),
			sentences(p.T("desk.rules.from", "period", periodWords(p, x.Own), "start", p.T("desk.rules.start.receipt")), p.T("desk.rules.own_time", "period", periodWords(p, x.Own))),
			sentences(p.T("desk.rules.end.passed"), p.T("desk.rules.end.closed")), page.Text(p.T("desk.rules.suspends.ours")), page.Text(p.T("desk.rules.change.waive", "who", who(s.Waive))),
			owes(us, say(p, x.Name)),
		})
	}
	return page.Table(t)
}

func sentences(words ...string) templ.Component {
	var out []templ.Component
	for _, w := range words {
		out = append(out, page.Text(w))
	}
	return page.Lines(out)
}

// runWords says from when and how long the clock of a stage runs, and by which calendar.
func runWords(p *text.Printer, s law.Set, x law.Stage) []string {
	if x.Need == law.Ongoing {
		return []string{p.T("desk.rules.in.place")}
	}
	out := []string{clockWords(p, s, x)}
	for _, period := range []law.Period{x.Within, x.Every} {
		if !period.Zero() {
			out = append(out, calendarWords(p, s, period))
		}
	}
	if x.Need == law.WhenNeeded {
		out = append(out, p.T("desk.rules.never_late"))
	}
	return out
}

// calendarWords says by which calendar a period counts: that of the set's country, or the team's own where the set is the Union's.
func calendarWords(p *text.Printer, s law.Set, x law.Period) string {
	own := s.Country == "EU"
	switch {
	case x.InHours():
		return p.T("desk.rules.in.hours")
	case x.WorkingDays > 0 && own:
		return p.T("desk.rules.in.working_days_own")
	case x.WorkingDays > 0:
		return p.T("desk.rules.in.working_days", "country", s.Country)
	case own:
		return p.T("desk.rules.in.days_own")
	}
	return p.T("desk.rules.in.days", "country", s.Country)
}

// endWords says what meets the clock of a stage and what stops it.
func endWords(p *text.Printer, s law.Set, x law.Stage) []string {
	if s.Nature == law.Pointer {
		return []string{p.T("desk.rules.end.pointer")}
	}
	out := []string{p.T("desk.rules.end.handed")}
	var names []string
	for _, code := range x.MetBy {
		of, _ := s.Stage(code)
		names = append(names, say(p, of.Name))
	}
	if len(names) > 0 {
		out = append(out, p.T("desk.rules.end.or", "stages", strings.Join(names, ", ")))
	}
	if s.Shortcut != nil && !slices.Contains(s.Shortcut.Only, x.Code) {
		out = append(out, p.T("desk.rules.end.shortcut"))
	}
	if !x.Every.Zero() {
		out = append(out, p.T("desk.rules.end.rounds", "moment", p.T("desk.rules.moment."+string(law.Handled))))
	}
	names = nil
	for _, m := range s.StoppedBy {
		names = append(names, p.T("desk.rules.moment."+string(m)))
	}
	if len(names) > 0 {
		out = append(out, p.T("desk.rules.end.moments", "moments", strings.Join(names, ", ")))
	}
	return append(out, p.T("desk.rules.end.closed"))
}

func suspensionWords(p *text.Printer, s law.Set, x law.Stage) []string {
	if !s.Suspends {
		return []string{p.T("desk.rules.suspends.no")}
	}
	out := []string{p.T("desk.rules.suspends.yes")}
	switch {
	case x.Need == law.Ongoing:
	case x.Within.InHours() || x.Within.Zero() && x.Every.Zero():
		out = append(out, p.T("desk.rules.suspends.hours"))
	default:
		out = append(out, p.T("desk.rules.suspends.days"))
	}
	return out
}
