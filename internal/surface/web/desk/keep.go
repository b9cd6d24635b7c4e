package desk

import (
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/retain"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// keepRoutes are the rooms of what is kept how long, and of legal holds.
func (d *Desk) keepRoutes() []page.Route {
	hold := page.Needs(access.Hold)
	return []page.Route{
		{Pattern: "GET /desk/admin/retention", Need: page.Needs(access.ChangeRules), Serve: d.retention},
		{Pattern: "GET /desk/reports/{report}/hold", Need: hold, Serve: d.holding},
		{Pattern: "POST /desk/reports/{report}/hold", Need: hold, Serve: d.setHold},
		{Pattern: "POST /desk/reports/{report}/hold/release", Need: hold, Serve: d.endHold},
		{Pattern: "GET /desk/incidents/{incident}/hold", Need: hold, Serve: d.holding},
		{Pattern: "POST /desk/incidents/{incident}/hold", Need: hold, Serve: d.setHold},
		{Pattern: "POST /desk/incidents/{incident}/hold/release", Need: hold, Serve: d.endHold},
	}
}

// period says how long in the unit in which people count it.
func period(p *text.Printer, d time.Duration) string {
	const year = 365 * day
	switch {
	case d == 0:
		return "–"
	case d%year == 0:
		return p.N("desk.keep.years", int(d/year))
	case d%day == 0:
		return p.N("desk.admin.days", int(d/day))
	}
	return p.Duration(d)
}

// retention shows the table that the daily work obeys, and what a legal hold keeps beyond it.
func (d *Desk) retention(v *page.Visit) error {
	p := v.P
	t := page.TableView{Caption: p.T("desk.keep.title"), Columns: []page.Column{
		{Text: p.T("desk.keep.what")},
		{Text: p.T("desk.keep.purpose")},
		{Text: p.T("desk.keep.basis")},
		{Text: p.T("desk.keep.reader")},
		{Text: p.T("desk.keep.period")},
		{Text: p.T("desk.keep.end")},
	}}
	for _, r := range retain.Table() {
		t.Rows = append(t.Rows, []templ.Component{
			page.Text(p.T("desk.keep.class." + string(r.Class))), page.Text(p.T("desk.keep.purpose." + string(r.Purpose))), page.Text(p.T("desk.keep.basis." + string(r.Basis))),
			page.Text(p.T("desk.keep.reader." + string(r.Reader))), page.Text(period(p, r.Period)), page.Text(p.T("desk.keep.end." + string(r.End))),
		})
	}
	view := d.adminView(v, p.T("desk.keep.title"), p.T("desk.keep.lead"), page.Table(t))
	holds, err := d.Retain.List(v.Ctx(), v.By)
	if err != nil {
		return err
	}
	if !v.By.Can(access.ReadCases) { // an administrator reads no cases and is not told that it sees none
		return v.Show(Admin(view))
	}
	var who []int64
	for _, h := range holds {
		who = append(who, h.By)
	}
	names, err := d.Names(v.Ctx(), who...)
	if err != nil {
		return err
	}
	list := page.TableView{Caption: p.T("desk.hold.list"), Columns: []page.Column{{Text: p.T("desk.hold.on")}, {Text: p.T("desk.hold.since")}, {Text: p.T("desk.hold.by")}}}
	for _, h := range holds {
		at := "/desk/reports/" + h.UID
		if h.On.Kind == ref.Incident {
			at = "/desk/incidents/" + h.Number
		}
		list.Rows = append(list.Rows, []templ.Component{link(at, h.Number, ""), page.Text(p.DateTime(h.At)), page.Text(names[h.By])})
	}
	if len(holds) == 0 {
		view.Body = append(view.Body, section("holds", p.T("desk.hold.list"), words("ok", "circle-check", p.T("desk.hold.none"))))
	} else {
		view.Body = append(view.Body, section("holds", p.T("desk.hold.list"), page.Table(list)))
	}
	return v.Show(Admin(view))
}

// heldThing is what a path names, as the form and the way back need it.
type heldThing struct {
	kind           ref.Kind
	id             int64
	name, at, room string
}

func (d *Desk) heldThing(v *page.Visit) (heldThing, error) {
	if name := v.R.PathValue("incident"); name != "" {
		in, err := d.opened(v)
		return heldThing{ref.Incident, in.Ref.ID, in.Number, "/desk/incidents/" + in.Number, "incidents"}, err
	}
	r, err := d.openedReport(v)
	return heldThing{ref.Report, r.Ref.ID, r.Reference, "/desk/reports/" + r.UID, "triage"}, err
}

// holding is the form that sets a legal hold, or shows it and lets it end.
func (d *Desk) holding(v *page.Visit) error {
	t, err := d.heldThing(v)
	if err != nil {
		return err
	}
	view, err := d.holdForm(v, t, nil)
	if err != nil {
		return err
	}
	return v.Show(Form(view))
}

func (d *Desk) holdForm(v *page.Visit, t heldThing, wrong error) (FormView, error) {
	p := v.P
	hold, held, err := d.Retain.Held(v.Ctx(), d.DB, t.id)
	if err != nil {
		return FormView{}, err
	}
	list, by := problems(p, wrong, nil)
	if said, ok := plainRefusal(v, wrong); ok && len(list) == 0 {
		list = []page.Problem{{Field: "reason", Text: said}}
	}
	view := FormView{
		DeskView: d.frame(v, t.room, t.name), Heading: p.T("desk.hold.title", "ref", t.name), Lead: p.T("desk.hold.lead"), Action: t.at + "/hold", Problems: list,
		Submit: page.ButtonView{Text: p.T("desk.hold.do"), Kind: "primary", Icon: "archive"}, More: []page.ButtonView{{Text: p.T("desk.cancel"), Href: t.at}},
	}
	view.Wrong = wrong != nil
	label := p.T("desk.hold.reason")
	if held {
		names, err := d.Names(v.Ctx(), hold.By)
		if err != nil {
			return view, err
		}
		view.Lead, view.Action, label = p.T("desk.hold.stands", "who", names[hold.By], "when", p.DateTime(hold.At)), t.at+"/hold/release", p.T("desk.hold.release.reason")
		view.Submit = page.ButtonView{Text: p.T("desk.hold.release"), Kind: "danger", Icon: "archive"}
		view.Fields = append(view.Fields, page.Words(hold.Reason))
	}
	view.Fields = append(view.Fields, page.Field(p, page.FieldView{ID: "reason", Name: "reason", Label: label, Rows: 3, Required: true, Value: v.R.PostFormValue("reason"), Error: by["reason"]}))
	return view, nil
}

func (d *Desk) setHold(v *page.Visit) error {
	t, err := d.heldThing(v)
	if err != nil {
		return err
	}
	_, err = d.Retain.Set(v.Ctx(), v.By, t.kind, t.name, v.R.PostFormValue("reason"))
	return d.marked(v, t, err, "hold_set")
}

func (d *Desk) endHold(v *page.Visit) error {
	t, err := d.heldThing(v)
	if err != nil {
		return err
	}
	return d.marked(v, t, d.Retain.Release(v.Ctx(), v.By, t.kind, t.name, v.R.PostFormValue("reason")), "hold_ended")
}

func (d *Desk) marked(v *page.Visit, t heldThing, err error, done string) error {
	if err == nil {
		return back(v, t.at, done)
	}
	if _, ok := plainRefusal(v, err); !ok {
		return err
	}
	view, e := d.holdForm(v, t, err)
	if e != nil {
		return e
	}
	return v.ShowStatus(errs.Of(err).HTTP(), Form(view))
}

// holdFact says on a report whether a legal hold stands, and lets a lead change that.
func (d *Desk) holdFact(v *page.Visit, report int64, at string) (page.Property, bool, error) {
	hold, held, err := d.Retain.Held(v.Ctx(), d.DB, report)
	if err != nil || !held && !v.By.Can(access.Hold) {
		return page.Property{}, false, err
	}
	said := v.P.T("desk.hold.set")
	if held {
		said = v.P.T("desk.hold.since_when", "when", v.P.DateTime(hold.At))
	}
	fact := page.Property{Label: v.P.T("desk.fact.hold"), Value: page.Text(said)}
	if v.By.Can(access.Hold) {
		fact.Value = page.To(said, at+"/hold")
	}
	return fact, true, nil
}
