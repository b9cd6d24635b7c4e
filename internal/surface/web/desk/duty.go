package desk

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/duty"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// dutyRoutes is the map of the duty room.
func (d *Desk) dutyRoutes() []page.Route {
	read, triage, plan := page.Needs(access.ReadCases), page.Needs(access.Triage), page.Needs(access.PlanDuty)
	return append([]page.Route{
		{Pattern: "GET /desk/duty", Need: read, Serve: d.duty},
		{Pattern: "GET /desk/duty/plan", Need: plan, Serve: d.planDuty},
		{Pattern: "POST /desk/duty/rotation", Need: plan, Serve: d.setRotation},
		{Pattern: "POST /desk/duty/rotation/{rotation}/remove", Need: plan, Serve: d.removeRotation},
		{Pattern: "POST /desk/duty/rules", Need: plan, Serve: d.setDutyRules},
		{Pattern: "POST /desk/duty/changes", Need: triage, Serve: d.changeDuty},
		{Pattern: "POST /desk/duty/changes/{change}/remove", Need: triage, Serve: d.takeBackDuty},
		{Pattern: "POST /desk/duty/handovers", Need: triage, Serve: d.writeHandover},
		{Pattern: "GET /desk/duty/handovers/{handover}", Need: read, Serve: d.handover},
		{Pattern: "POST /desk/duty/handovers/{handover}/words", Need: triage, Serve: d.correctHandover},
		{Pattern: "POST /desk/duty/handovers/{handover}/sign", Need: triage, Serve: d.signHandover},
		{Pattern: "GET /desk/duty/ways", Need: triage, Serve: d.dutyWays},
		{Pattern: "POST /desk/duty/ways", Need: triage, Serve: d.addWay},
		{Pattern: "POST /desk/duty/ways/{way}/remove", Need: triage, Serve: d.removeWay},
		{Pattern: "POST /desk/duty/test", Need: triage, Serve: d.testPage},
		{Pattern: "GET /desk/duty/pages/{page}", Need: read, Serve: d.dutyPage},
		{Pattern: "POST /desk/duty/pages/{page}/take", Need: triage, Serve: d.takePage},
		{Pattern: "GET /desk/duty/channels", Need: read, Serve: d.channels},
		{Pattern: "POST /desk/duty/channels", Need: plan, Serve: d.setWatch},
	}, d.bundleRoutes()...)
}

// onDuty says for the top bar who is on duty, and until when.
func (d *Desk) onDuty(v *page.Visit) string {
	if d.Duty == nil {
		return ""
	}
	roster, err := d.Duty.Roster(v.Ctx(), d.DB, v.By)
	if err != nil {
		v.Without(err)
		return ""
	}
	now, _ := roster.Now(v.Now)
	if now.Account == 0 {
		return ""
	}
	return v.P.T("desk.duty.until", "who", d.name(v.Ctx(), now.Account), "till", v.P.Brief(now.Till, v.Now))
}

func (d *Desk) dutyView(v *page.Visit, heading, lead string, body ...templ.Component) AdminView {
	view := d.adminView(v, heading, lead, body...)
	view.DeskView = d.frame(v, "duty", heading)
	view.Up = page.NavItem{Text: v.P.T("desk.nav.duty"), Href: "/desk/duty"}
	return view
}

// dutyNames gives the names of everybody in a roster.
func (d *Desk) dutyNames(v *page.Visit, people ...int64) (map[int64]string, error) {
	people = slices.DeleteFunc(slices.Clone(people), func(n int64) bool { return n == 0 })
	if len(people) == 0 {
		return map[int64]string{}, nil
	}
	slices.Sort(people)
	return d.Names(v.Ctx(), slices.Compact(people)...)
}

// ahead is how far the roster is shown.
const ahead = 28 * 24 * time.Hour

// duty is the room: who is on duty now and next, the coming weeks, hand-overs, pages.
func (d *Desk) duty(v *page.Visit) error {
	p := v.P
	roster, err := d.Duty.Roster(v.Ctx(), d.DB, v.By)
	if err != nil {
		return err
	}
	now, next := roster.Now(v.Now)
	begin := now.From
	if begin.IsZero() {
		begin = v.Now
	}
	shifts := roster.Shifts(begin, begin.Add(ahead))
	handovers, err := d.Duty.Handovers(v.Ctx(), d.DB, v.By, 10)
	if err != nil {
		return err
	}
	pages, err := d.Duty.Pages(v.Ctx(), d.DB, v.By, 20)
	if err != nil {
		return err
	}
	people := []int64{now.Account, next.Account}
	for _, s := range shifts {
		people = append(people, s.Account, s.Named)
	}
	for _, c := range roster.Changes {
		people = append(people, c.Account)
	}
	for _, h := range handovers {
		people = append(people, h.Outgoing, h.Incoming)
	}
	for _, x := range pages {
		people = append(people, x.AnsweredBy)
	}
	names, err := d.dutyNames(v, people...)
	if err != nil {
		return err
	}
	facts := []page.Property{{Label: p.T("desk.duty.now"), Value: page.Text(p.T("desk.duty.nobody"))}}
	if now.Account != 0 {
		facts[0].Value = page.Text(p.T("desk.duty.till", "who", names[now.Account], "till", p.DateTime(now.Till)))
	}
	if next.Account != 0 {
		facts = append(facts, page.Property{Label: p.T("desk.duty.next"), Value: page.Text(p.T("desk.duty.from", "who", names[next.Account], "from", p.DateTime(next.From)))})
	}
	view := d.dutyView(v, p.T("desk.nav.duty"), "", page.Properties(p, facts))
	view.Up = page.NavItem{}
	view.Acts = append(view.Acts, page.ButtonView{Text: p.T("desk.channels.title"), Kind: "ghost", Icon: "inbox", Href: "/desk/duty/channels"})
	view.Acts = append(view.Acts, page.ButtonView{Text: p.T("desk.bundle.title"), Kind: "ghost", Icon: "download", Href: "/desk/duty/down"})
	if v.By.Can(access.Triage) {
		view.Acts = append(view.Acts, page.ButtonView{Text: p.T("desk.duty.ways"), Kind: "ghost", Icon: "bell-ring", Href: "/desk/duty/ways"})
	}
	if v.By.Can(access.PlanDuty) {
		view.Acts = append(view.Acts, page.ButtonView{Text: p.T("desk.duty.plan"), Kind: "ghost", Icon: "calendar-clock", Href: "/desk/duty/plan"})
	}
	view.Body = append(view.Body, d.pagesSection(v, pages, names), d.handoverSection(v, handovers, names), d.shiftSection(v, roster, shifts, names))
	return v.Show(Admin(view))
}

func (d *Desk) shiftSection(v *page.Visit, roster duty.Roster, shifts []duty.Shift, names map[int64]string) templ.Component {
	p := v.P
	t := page.TableView{Caption: p.T("desk.duty.weeks"), Columns: []page.Column{{Text: p.T("desk.duty.col.from")}, {Text: p.T("desk.duty.col.till")}, {Text: p.T("desk.duty.col.who")}}}
	for _, s := range shifts {
		who := page.Text(names[s.Account])
		switch {
		case s.Account == 0:
			who = page.Chip(page.ChipView{Text: p.T("desk.duty.nobody"), Kind: "crit", Icon: "triangle-alert"})
		case s.Taken && s.Named != 0:
			who = twoLines(names[s.Account], p.T("desk.duty.instead", "who", names[s.Named]))
		}
		t.Rows = append(t.Rows, []templ.Component{page.At(p, s.From, v.Now), page.At(p, s.Till, v.Now), who})
	}
	body := []templ.Component{page.Table(t)}
	for _, c := range roster.Changes {
		if !c.Till.After(v.Now) {
			continue
		}
		said := p.T("desk.duty.takes", "who", names[c.Account], "from", p.DateTime(c.From), "till", p.DateTime(c.Till))
		if c.Away {
			said = p.T("desk.duty.is_away", "who", names[c.Account], "from", p.DateTime(c.From), "till", p.DateTime(c.Till))
		}
		body = append(body, paragraph(said))
		if c.Account == v.By.Account && v.By.Can(access.Triage) || v.By.Can(access.PlanDuty) {
			body = append(body, post("/desk/duty/changes/"+c.UID+"/remove", nil, page.ButtonView{Text: p.T("desk.duty.take_back"), Kind: "ghost", Icon: "undo-2"}))
		}
	}
	if v.By.Can(access.Triage) {
		body = append(body, d.changeForm(v, nil))
	}
	return section("weeks", p.T("desk.duty.weeks"), body...)
}

// changeForm takes a time over or notes an absence: of oneself, or of others for who plans.
func (d *Desk) changeForm(v *page.Visit, wrong error) templ.Component {
	p := v.P
	_, by := problems(p, wrong, nil)
	kinds := []page.SelectOption{{Value: "take", Text: p.T("desk.duty.kind.take")}, {Value: "away", Text: p.T("desk.duty.kind.away"), Chosen: v.R.PostFormValue("kind") == "away"}}
	fields := []templ.Component{page.Select(p, page.FieldView{ID: "kind", Name: "kind", Label: p.T("desk.duty.kind")}, kinds)}
	if v.By.Can(access.PlanDuty) {
		fields = append(fields, page.Select(p, page.FieldView{ID: "account", Name: "account", Label: p.T("desk.duty.col.who"), Error: by["account"]}, d.staffOptions(v, v.By.Account)))
	}
	fields = append(
		fields,
		page.Field(p, page.FieldView{ID: "from", Name: "from", Type: "datetime-local", Width: "half", Label: p.T("desk.duty.col.from"), Hint: p.T("desk.duty.zone", "zone", d.Zone.String()), Value: v.R.PostFormValue("from"), Error: by["from"]}),
		page.Field(p, page.FieldView{ID: "till", Name: "till", Type: "datetime-local", Width: "half", Label: p.T("desk.duty.col.till"), Value: v.R.PostFormValue("till"), Error: by["till"]}),
	)
	return section("change", p.T("desk.duty.change"), adminForm("/desk/duty/changes", nil, fields, page.ButtonView{Text: p.T("desk.duty.change.do")}))
}

func (d *Desk) staffOptions(v *page.Visit, chosen int64) []page.SelectOption {
	all, err := d.Staff(v.Ctx(), v.By)
	if err != nil {
		v.Without(err)
	}
	var out []page.SelectOption
	for _, c := range all {
		out = append(out, page.SelectOption{Value: strconv.FormatInt(c.Account, 10), Text: c.Name, Chosen: c.Account == chosen})
	}
	return out
}

// moment reads a local minute of a form; what cannot be read is a problem of its field.
func (d *Desk) moment(v *page.Visit, name string, p *errs.Problems) time.Time {
	s := strings.TrimSpace(v.R.PostFormValue(name))
	t, err := time.ParseInLocation(localMinute, s, d.Zone)
	if err != nil || t.Format(localMinute) != s {
		p.Add(name, "error.date")
		return time.Time{}
	}
	return t
}

func (d *Desk) changeDuty(v *page.Visit) error {
	var p errs.Problems
	account := v.By.Account
	if x := v.R.PostFormValue("account"); x != "" {
		account, _ = strconv.ParseInt(x, 10, 64)
	}
	from, till := d.moment(v, "from", &p), d.moment(v, "till", &p)
	err := p.Err()
	if err == nil {
		if v.R.PostFormValue("kind") == "away" {
			_, err = d.Duty.NoteAway(v.Ctx(), v.By, account, from, till)
		} else {
			_, err = d.Duty.TakeOver(v.Ctx(), v.By, account, from, till)
		}
	}
	if errs.Is(err, errs.Invalid) {
		list, _ := problems(v.P, err, nil)
		return wrongAdmin(v, d.dutyView(v, v.P.T("desk.duty.change"), "", d.changeForm(v, err)), errs.Invalid.HTTP(), list...)
	}
	if err != nil {
		return err
	}
	return back(v, "/desk/duty", "duty_saved")
}

func (d *Desk) takeBackDuty(v *page.Visit) error {
	if err := d.Duty.TakeBack(v.Ctx(), v.By, v.R.PathValue("change")); err != nil {
		return err
	}
	return back(v, "/desk/duty", "duty_saved")
}
