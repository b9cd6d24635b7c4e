package desk

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

func say(p *text.Printer, t law.Text) string { return t.In(string(p.Lang())) }

// sureChip says whether what a source said was read where it stands.
func sureChip(p *text.Printer, whole, every bool) page.ChipView {
	switch {
	case !whole:
		return page.ChipView{Text: p.T("desk.rules.unconfirmed"), Kind: "warn", Icon: "triangle-alert"}
	case !every:
		return page.ChipView{Text: p.T("desk.rules.partly"), Kind: "warn", Icon: "triangle-alert"}
	}
	return page.ChipView{Text: p.T("desk.rules.confirmed"), Kind: "ok", Icon: "check"}
}

// rules lists the rule sets and the guided tests. The program does not start with one that has a problem.
func (d *Desk) rules(v *page.Visit) error {
	p, laws := v.P, d.Intake.Laws
	t := page.TableView{Caption: p.T("desk.rules.title"), Columns: []page.Column{
		{Text: p.T("desk.rules.set")}, {Text: p.T("desk.rules.country")}, {Text: p.T("desk.rules.nature")}, {Text: p.T("desk.rules.version")}, {Text: p.T("desk.rules.sure")}, {Text: p.T("desk.rules.checked")},
	}}
	fields := map[string]bool{}
	for _, s := range laws.Sets() {
		for _, x := range s.Stages {
			for _, f := range x.Asks {
				fields[f] = true
			}
		}
		t.Rows = append(t.Rows, []templ.Component{
			link("/desk/admin/rules/"+s.Code, say(p, s.Name), s.LawIn(string(p.Lang()))), page.Text(s.Country), page.Text(p.T("desk.rules.nature." + string(s.Nature))), page.Text(strconv.Itoa(s.Version)),
			page.Chip(sureChip(p, s.Confirmed, s.Sure())), page.Text(p.Date(s.Checked)),
		})
	}
	u := page.TableView{Caption: p.T("desk.rules.thresholds"), Columns: []page.Column{{Text: p.T("desk.rules.set")}, {Text: p.T("desk.rules.country")}, {Text: p.T("desk.rules.sure")}, {Text: p.T("desk.rules.checked")}}}
	for _, x := range laws.Thresholds() {
		every := true
		for _, test := range x.Tests {
			every = every && test.Confirmed
		}
		u.Rows = append(u.Rows, []templ.Component{link("/desk/significance/"+x.Code, say(p, x.Name), x.Law), page.Text(x.Country), page.Chip(sureChip(p, x.Confirmed, every)), page.Text(p.Date(x.Checked))})
	}
	passed := page.Properties(p, []page.Property{{Label: p.T("desk.rules.check"), Value: page.Text(p.T("desk.rules.check.passed", "sets", len(t.Rows), "questions", len(fields)))}})
	return v.Show(Admin(d.adminView(v, p.T("desk.rules.title"), p.T("desk.rules.lead"), passed, page.Table(t), section("thresholds", p.T("desk.rules.thresholds"), page.Table(u)))))
}

// ruleSet shows one set: where it comes from, its stages and their clocks, and each stage as the form that asks it.
func (d *Desk) ruleSet(v *page.Visit) error {
	s, err := d.Intake.Laws.Set(v.R.PathValue("set"))
	if err != nil {
		return err
	}
	p := v.P
	facts := []page.Property{
		{Label: p.T("desk.rules.law"), Value: page.Text(s.LawIn(string(p.Lang())))},
		{Label: p.T("desk.rules.authority"), Value: page.Text(say(p, s.Authority))},
		{Label: p.T("desk.rules.in_force"), Value: page.Text(p.Date(s.InForce))},
		{Label: p.T("desk.rules.version"), Value: page.Text(strconv.Itoa(s.Version))},
		{Label: p.T("desk.rules.sure"), Value: page.Chip(sureChip(p, s.Confirmed, s.Sure()))},
		{Label: p.T("desk.rules.checked"), Value: page.Text(p.Date(s.Checked))},
		{Label: p.T("desk.rules.counting"), Value: page.Text(p.T("desk.rules.counting." + strings.ReplaceAll(string(s.Counting), "-", "_")))},
		{Label: p.T("desk.rules.correct"), Value: page.Text(p.T("desk.rules.who." + string(s.Correct)))},
		{Label: p.T("desk.rules.waive"), Value: page.Text(p.T("desk.rules.who." + string(s.Waive)))},
		{Label: p.T("desk.rules.sources"), Value: english(s.Sources)},
	}
	if len(s.Doubts) > 0 {
		facts = append(facts, page.Property{Label: p.T("desk.rules.doubts"), Value: inWords(p, s.Doubts)})
	}
	if s.Shortcut != nil {
		facts = append(facts, page.Property{Label: p.T("desk.rules.shortcut"), Value: page.Text(say(p, s.Shortcut.Text))})
	}
	t := page.TableView{Caption: p.T("desk.rules.stages"), Columns: []page.Column{
		{Text: p.T("desk.rules.stage")}, {Text: p.T("desk.rules.article")}, {Text: p.T("desk.rules.need")}, {Text: p.T("desk.rules.sure")},
	}}
	for _, x := range s.Stages {
		t.Rows = append(t.Rows, []templ.Component{
			twoLines(say(p, x.Name), say(p, x.Hint)), page.Text(x.Article), page.Text(p.T("desk.rules.need." + string(x.Need))),
			page.Chip(sureChip(p, s.Confirmed && x.Confirmed, true)),
		})
	}
	for _, x := range s.Duties {
		t.Rows = append(t.Rows, []templ.Component{
			page.Text(say(p, x.Name)), page.Text(x.Article), page.Text(p.T(map[bool]string{true: "desk.rules.firm", false: "desk.rules.where_possible"}[x.Firm])), page.Chip(sureChip(p, s.Confirmed, true)),
		})
	}
	for _, x := range s.Recipients {
		t.Rows = append(t.Rows, []templ.Component{
			twoLines(p.T("desk.rules.pass_on", "to", say(p, x.Name)), classNames(p, s, x.Classes)), page.Text(x.Article), page.Text(p.T("desk.rules.at_once")), page.Chip(sureChip(p, s.Confirmed, true)),
		})
	}
	body := []templ.Component{page.Properties(p, facts), section("stages", p.T("desk.rules.stages"), page.Table(t)), section("clocks", p.T("desk.rules.clocks"), clockTable(p, s))}
	for _, x := range s.Stages {
		var fields []templ.Component
		for _, f := range d.Intake.Laws.Asked(x) {
			fields = append(fields, d.question(p, f, x.Code+"-", "", "", templ.Attributes{"disabled": true}))
		}
		if len(fields) > 0 {
			body = append(body, section("form-"+x.Code, p.T("desk.rules.form", "stage", say(p, x.Name)), fields...))
		}
	}
	view := d.adminView(v, say(p, s.Name), say(p, s.About), body...)
	view.Up = page.NavItem{Text: p.T("desk.rules.title"), Href: "/desk/admin/rules"}
	return v.Show(Admin(view))
}

func classNames(p *text.Printer, s law.Set, codes []string) string {
	var out []string
	for _, c := range s.Classes {
		for _, code := range codes {
			if c.Code == code {
				out = append(out, say(p, c.Name))
			}
		}
	}
	return strings.Join(out, ", ")
}

func english(list []string) templ.Component {
	var out []templ.Component
	for _, s := range list {
		out = append(out, inEnglish(s))
	}
	return page.Lines(out)
}

func inWords(p *text.Printer, list []law.Text) templ.Component {
	var out []templ.Component
	for _, x := range list {
		out = append(out, page.Text(say(p, x)))
	}
	return page.Lines(out)
}

func periodWords(p *text.Printer, x law.Period) string {
	switch {
	case x.Elapsed > 0 && x.Elapsed%time.Hour == 0:
		return p.N("desk.rules.period.hours", int(x.Elapsed/time.Hour))
	case x.Elapsed > 0:
		return p.N("desk.rules.period.minutes", int(x.Elapsed/time.Minute))
	case x.Months > 0:
		return p.N("desk.rules.period.months", x.Months)
	case x.WorkingDays > 0:
		return p.N("desk.rules.period.working_days", x.WorkingDays)
	}
	return p.N("desk.rules.period.days", x.Days)
}

// clockWords says how long a stage's clock runs, and from when.
func clockWords(p *text.Printer, s law.Set, x law.Stage) string {
	if (x.Starts == law.Start{}) {
		return "–"
	}
	start := p.T("desk.rules.start.request")
	if x.Starts.Stage != "" {
		of, _ := s.Stage(x.Starts.Stage)
		start = p.T("desk.rules.start.submission", "stage", say(p, of.Name))
	} else if x.Starts.Moment != law.Requested {
		start = p.T("desk.rules.moment." + string(x.Starts.Moment))
	}
	switch {
	case !x.Every.Zero():
		return p.T("desk.rules.every", "period", periodWords(p, x.Every), "start", start)
	case x.Within.Zero():
		return p.T("desk.rules.by_request")
	}
	words := p.T("desk.rules.from", "period", periodWords(p, x.Within), "start", start)
	for _, c := range s.Classes {
		if own, ok := x.WithinClass[c.Code]; ok {
			words += fmt.Sprintf(" · %s: %s", say(p, c.Name), periodWords(p, own))
		}
	}
	return words
}

// question is one question of a stage as a control. Whatever is left empty is not known yet.
func (d *Desk) question(p *text.Printer, f law.Field, prefix, value, wrong string, attrs templ.Attributes) templ.Component {
	field := page.FieldView{ID: prefix + f.Code, Name: "q-" + f.Code, Label: say(p, f.Label), Hint: say(p, f.Hint), Error: wrong, Value: value, Autocomplete: "off"}
	if attrs != nil {
		field.Attrs = attrs
	}
	options := []page.SelectOption{{Value: "", Text: p.T("common.not_known_yet"), Chosen: value == "" || value == law.Unknown}}
	switch f.Kind {
	case law.Lines:
		field.Rows = 4
	case law.Number:
		field.InputMode, field.Width = "numeric", "half"
	case law.Instant:
		field.Type, field.Width = "datetime-local", "half"
		if t, err := time.Parse(time.RFC3339, value); err == nil {
			field.Value = t.In(d.Zone).Format(localMinute)
		}
	case law.YesNo:
		for _, x := range []string{"yes", "no"} {
			options = append(options, page.SelectOption{Value: x, Text: p.T("common.answer." + x), Chosen: value == x})
		}
		return page.Select(p, field, options)
	case law.Choice:
		for _, x := range f.Options {
			options = append(options, page.SelectOption{Value: x.Code, Text: say(p, x.Name), Chosen: value == x.Code})
		}
		return page.Select(p, field, options)
	}
	return page.Field(p, field)
}

const localMinute = "2006-01-02T15:04"

// significance is a guided "is it significant?". It stores nothing: its answers stand in its address.
func (d *Desk) significance(v *page.Visit) error {
	var t law.Threshold
	for _, x := range d.Intake.Laws.Thresholds() {
		if x.Code == v.R.PathValue("threshold") {
			t = x
		}
	}
	if t.Code == "" {
		_, err := d.Intake.Laws.Set("")
		return err
	}
	p := v.P
	g := page.NewGuide(p, t, v.R.URL.Query().Get)
	var fields []templ.Component
	if len(g.Types) > 0 {
		fields = append(fields, page.Select(p, page.FieldView{ID: "type", Name: "type", Label: p.T("desk.significance.type")}, g.Types))
	}
	for _, x := range g.Questions {
		f := page.FieldView{ID: x.ID, Name: x.ID, Label: x.Label, Value: x.Value, Error: x.Error, Autocomplete: "off"}
		if x.Kind == law.Number {
			f.InputMode, f.Width = "numeric", "half"
			fields = append(fields, page.Field(p, f))
			continue
		}
		options := []page.SelectOption{{Text: p.T("common.not_known_yet")}}
		for _, a := range []string{"yes", "no"} {
			options = append(options, page.SelectOption{Value: a, Text: p.T("common.answer." + a), Chosen: x.Value == a})
		}
		fields = append(fields, page.Select(p, f, options))
	}
	answer := []page.Property{{Label: p.T("desk.significance.verdict"), Value: page.Strong(g.Verdict)}}
	var because, missing []templ.Component
	for _, r := range g.Because {
		because = append(because, twoLines(r.Text, r.Article))
	}
	for _, x := range g.Missing {
		missing = append(missing, page.Text(x.Text))
	}
	if len(because) > 0 {
		answer = append(answer, page.Property{Label: p.T("desk.significance.because"), Value: page.Lines(because)})
	}
	if len(missing) > 0 {
		answer = append(answer, page.Property{Label: p.T("desk.significance.missing"), Value: page.Lines(missing)})
	}
	answer = append(answer, page.Property{Label: p.T("desk.rules.law"), Value: twoLines(g.Law, strings.Join(g.Doubts, " "))})
	view := d.adminView(v, say(p, t.Name), say(p, t.About), section("answer", p.T("desk.significance.answer"), page.Properties(p, answer)),
		asking("/desk/significance/"+t.Code, fields, page.ButtonView{Text: p.T("desk.significance.do"), Kind: "primary"}))
	view.Up = page.NavItem{}
	return v.Show(Admin(view))
}
