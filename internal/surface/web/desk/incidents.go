package desk

import (
	"net/url"
	"strings"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/format/taxonomy"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

type pagePrinter = text.Printer

// incidents lists what is worked on, newest change first.
func (d *Desk) incidents(v *page.Visit) error { return d.listIncidents(v, false) }

// my lists what is mine.
func (d *Desk) my(v *page.Visit) error { return d.listIncidents(v, true) }

func (d *Desk) listIncidents(v *page.Visit, mine bool) error {
	q := v.R.URL.Query()
	f := incident.Filter{Text: strings.TrimSpace(q.Get("q")), Severity: q.Get("severity"), After: q.Get("after"), Limit: 50, Mine: mine}
	switch s := incident.State(q.Get("state")); s {
	case incident.Open, incident.Analysing, incident.Coordinating, incident.Monitoring, incident.Closed, "all":
		f.State = s
	}
	list, err := d.Incidents.List(v.Ctx(), v.By, f)
	if err != nil {
		return err
	}
	here, words := "incidents", v.P.T("desk.nav.incidents")
	if mine {
		here, words = "my", v.P.T("desk.nav.my")
	}
	view := ListView{
		DeskView: d.frame(v, here, words), Heading: words,
		Acts:   []page.ButtonView{{Text: v.P.T("desk.difference.title"), Kind: "ghost", Icon: "chart-line", Href: differenceAt}, {Text: v.P.T("desk.triage.new"), Kind: "primary", Icon: "plus", Href: "/desk/incidents/new", Key: "C"}},
		Search: &page.FieldView{ID: "q", Name: "q", Label: v.P.T("desk.list.find"), Value: f.Text, Type: "search", Width: "half"},
		Empty:  page.EmptyView{Icon: "shield-alert", Title: v.P.T("desk.incidents.none"), Note: v.P.T("desk.incidents.none.note")},
		Table: page.TableView{Caption: words, Columns: []page.Column{
			{Text: v.P.T("desk.col.severity")},
			{Text: v.P.T("desk.col.incident")},
			{Text: v.P.T("desk.col.type")},
			{Text: v.P.T("desk.col.marking")},
			{Text: v.P.T("desk.col.state")},
			{Text: v.P.T("desk.col.handler")},
			{Text: v.P.T("desk.col.changed")},
		}},
	}
	for _, s := range []incident.State{"", incident.Closed, "all"} {
		kind := "outline"
		if f.State == s {
			kind = "on"
		}
		u := url.Values{}
		if s != "" {
			u.Set("state", string(s))
		}
		view.Filters = append(view.Filters, page.ChipView{Text: v.P.T("desk.incidents.show." + orOpen(string(s))), Kind: kind, Href: v.R.URL.Path + "?" + u.Encode()})
	}
	names, err := d.handlerNames(v, list.Items)
	if err != nil {
		return err
	}
	for _, in := range list.Items {
		view.Table.Rows = append(view.Table.Rows, []templ.Component{
			page.Severity(v.P, severity(in, false)),
			link("/desk/incidents/"+in.Number, in.Title, in.Number),
			page.Text(d.typeName(v.P, in.Type)),
			page.TLPShort(in.TLP.Name()),
			page.Chip(stateChip(v.P, in.State)),
			page.Avatar(v.P, page.Person{Name: names[in.Handler]}),
			page.At(v.P, in.UpdatedAt, v.Now),
		})
	}
	if list.Next != "" {
		q.Set("after", list.Next)
		view.Pages = &page.PagesView{Next: v.R.URL.Path + "?" + q.Encode(), From: 1, To: len(list.Items), Total: len(list.Items), TotalAtLeast: true}
	}
	return v.Show(List(view))
}

func orOpen(s string) string {
	if s == "" {
		return "open"
	}
	return s
}

func (d *Desk) handlerNames(v *page.Visit, list []incident.Incident) (map[int64]string, error) {
	var ids []int64
	for _, in := range list {
		if in.Handler != 0 {
			ids = append(ids, in.Handler)
		}
	}
	return d.Names(v.Ctx(), ids...)
}

func (d *Desk) typeName(p *text.Printer, code string) string {
	if code == "" {
		return p.T("desk.type.unknown")
	}
	return d.Taxonomy.FullName(taxonomy.Code(code), string(p.Lang()))
}

// newIncident is the form for an incident at our own initiative.
func (d *Desk) newIncident(v *page.Visit) error {
	return v.Show(Form(d.incidentForm(v, incident.NewIncident{TLP: tlp.Amber}, nil)))
}

func (d *Desk) incidentForm(v *page.Visit, in incident.NewIncident, wrong error) FormView {
	p := v.P
	list, by := problems(p, wrong, nil)
	view := FormView{
		DeskView: d.frame(v, "incidents", p.T("desk.new.title")), Heading: p.T("desk.new.title"), Lead: p.T("desk.new.lead"),
		Action: "/desk/incidents", Problems: list, Submit: page.ButtonView{Text: p.T("desk.new.do"), Kind: "primary", Key: "Ctrl ↵"},
	}
	view.Wrong = wrong != nil
	view.Fields = []templ.Component{
		page.Field(p, page.FieldView{ID: "title", Name: "title", Label: p.T("desk.field.title"), Value: in.Title, Error: by["title"], Required: true}),
		page.Field(p, page.FieldView{ID: "summary", Name: "summary", Label: p.T("desk.field.summary"), Value: in.Summary, Rows: 5}),
		page.Select(p, page.FieldView{ID: "type", Name: "type", Label: p.T("desk.field.type"), Error: by["type"]}, d.typeOptions(p, in.Type)),
		page.Select(p, page.FieldView{ID: "severity", Name: "severity", Label: p.T("desk.field.severity"), Error: by["severity"]}, severityOptions(p, in.Severity)),
		page.Select(p, page.FieldView{ID: "tlp", Name: "tlp", Label: p.T("desk.field.tlp"), Error: by["tlp"]}, tlpOptions(in.TLP)),
		page.Select(p, page.FieldView{ID: "pap", Name: "pap", Label: p.T("desk.field.pap")}, papOptions(p, in.PAP)),
	}
	return view
}

func severityOptions(p *text.Printer, chosen string) []page.SelectOption {
	out := []page.SelectOption{{Value: "", Text: p.T("common.severity.none"), Chosen: chosen == ""}}
	for _, s := range []string{"low", "medium", "high", "critical"} {
		out = append(out, page.SelectOption{Value: s, Text: p.T("common.severity." + s), Chosen: s == chosen})
	}
	return out
}

func tlpOptions(chosen tlp.Level) []page.SelectOption {
	var out []page.SelectOption
	for _, l := range tlp.Levels() {
		out = append(out, page.SelectOption{Value: l.String(), Text: l.String(), Chosen: l == chosen})
	}
	return out
}

func papOptions(p *text.Printer, chosen tlp.PAP) []page.SelectOption {
	out := []page.SelectOption{{Value: "", Text: p.T("desk.pap.none"), Chosen: chosen == 0}}
	for _, l := range tlp.PAPs() {
		out = append(out, page.SelectOption{Value: l.String(), Text: l.String(), Chosen: l == chosen})
	}
	return out
}

// openIncident opens an incident at our own initiative.
func (d *Desk) openIncident(v *page.Visit) error {
	label, err := tlp.Parse(v.R.PostFormValue("tlp"))
	if err != nil {
		return err
	}
	pap, err := tlp.ParsePAP(v.R.PostFormValue("pap"))
	if err != nil {
		return err
	}
	in := incident.NewIncident{
		Title: v.R.PostFormValue("title"), Summary: v.R.PostFormValue("summary"), Type: v.R.PostFormValue("type"), Severity: v.R.PostFormValue("severity"),
		TLP: label, PAP: pap, Handler: v.By.Account,
	}
	out, err := d.Incidents.Open(v.Ctx(), v.By, in)
	if errs.Is(err, errs.Invalid) {
		return v.ShowStatus(errs.Invalid.HTTP(), Form(d.incidentForm(v, in, err)))
	}
	if err != nil {
		return err
	}
	return v.See("/desk/incidents/" + out.Number)
}

func (d *Desk) typeOptions(p *text.Printer, chosen string) []page.SelectOption {
	out := []page.SelectOption{{Value: "", Text: p.T("desk.type.unknown"), Chosen: chosen == ""}}
	for _, class := range d.Taxonomy.List() {
		for _, t := range class.Types {
			out = append(out, page.SelectOption{Value: string(t.Code), Text: d.Taxonomy.FullName(t.Code, string(p.Lang())), Chosen: string(t.Code) == chosen})
		}
	}
	return out
}
