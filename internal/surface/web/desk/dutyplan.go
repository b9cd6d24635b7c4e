package desk

import (
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/duty"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// planDuty sets the rotation and what pages.
func (d *Desk) planDuty(v *page.Visit) error { return d.showPlan(v, nil, nil) }

func (d *Desk) showPlan(v *page.Visit, wrong, wrongRules error) error {
	p := v.P
	roster, err := d.Duty.Roster(v.Ctx(), d.DB, v.By)
	if err != nil {
		return err
	}
	var people []int64
	for _, r := range roster.Rotations {
		people = append(people, r.People...)
	}
	names, err := d.dutyNames(v, people...)
	if err != nil {
		return err
	}
	var body []templ.Component
	last := duty.Rotation{Minute: 8 * 60} // a new one begins as the last one is
	for _, r := range roster.Rotations {
		last = r
		var who []string
		for _, a := range r.People {
			who = append(who, names[a])
		}
		said := p.T("desk.duty.rotation.said", "every", named(p, "desk.duty.every.", string(r.Every)), "day", d.dayOf(p, r.FirstDay), "at", clockOf(r.Minute), "people", strings.Join(who, ", "))
		body = append(body, paragraph(said), post("/desk/duty/rotation/"+r.UID+"/remove", nil, page.ButtonView{Text: p.T("desk.duty.rotation.remove"), Kind: "ghost"}))
	}
	list, by := problems(p, wrong, map[string]string{"first_day": "first-day", "minute": "at", "people": "person-1"})
	get := func(name, usual string) string {
		if _, ok := v.R.PostForm[name]; ok {
			return v.R.PostFormValue(name)
		}
		return usual
	}
	every := []page.SelectOption{{Value: "weekly", Text: p.T("desk.duty.every.weekly")}, {Value: "daily", Text: p.T("desk.duty.every.daily"), Chosen: get("every", string(last.Every)) == "daily"}}
	fields := []templ.Component{
		page.Select(p, page.FieldView{ID: "every", Name: "every", Label: p.T("desk.duty.every"), Error: by["every"]}, every),
		page.Field(p, page.FieldView{ID: "first-day", Name: "first_day", Type: "date", Width: "half", Label: p.T("desk.duty.first_day"), Hint: p.T("desk.duty.first_day.hint"), Value: get("first_day", v.Now.In(d.Zone).Format(time.DateOnly)), Error: by["first_day"]}),
		page.Field(p, page.FieldView{ID: "at", Name: "at", Type: "time", Width: "half", Label: p.T("desk.duty.at"), Hint: p.T("desk.duty.zone", "zone", d.Zone.String()), Value: get("at", clockOf(last.Minute)), Error: by["minute"]}),
	}
	chosen := last.People
	if typed, ok := v.R.PostForm["person"]; ok {
		chosen = nil
		for _, x := range typed {
			n, _ := strconv.ParseInt(x, 10, 64)
			chosen = append(chosen, n)
		}
	}
	for i := range max(8, len(chosen)+1) {
		id := int64(0)
		if i < len(chosen) {
			id = chosen[i]
		}
		f := page.FieldView{ID: "person-" + strconv.Itoa(i+1), Name: "person", Label: p.T("desk.duty.person", "n", i+1)}
		if i == 0 {
			f.Error = by["people"]
		}
		fields = append(fields, page.Select(p, f, append([]page.SelectOption{{Text: p.T("desk.duty.person.none")}}, d.staffOptions(v, id)...)))
	}
	body = append(body, adminForm("/desk/duty/rotation", nil, fields, page.ButtonView{Text: p.T("desk.duty.rotation.do"), Kind: "primary"}))
	rules, err := d.Duty.Rules(v.Ctx(), d.DB)
	if err != nil {
		return err
	}
	more, byRule := problems(p, wrongRules, nil)
	option := func(name, words string, on bool) templ.Component {
		return page.Option(page.OptionView{ID: name, Name: name, Value: "1", Label: words, Checked: on, Many: true})
	}
	view := d.dutyView(v, p.T("desk.duty.plan"), "", section("rotation", p.T("desk.duty.rotation"), body...), section("rules", p.T("desk.duty.rules"), adminForm("/desk/duty/rules", nil, []templ.Component{
		option("clocks", p.T("desk.duty.rule.clocks"), rules.Clocks),
		page.Field(p, page.FieldView{ID: "lead", Name: "lead", Width: "short", InputMode: "numeric", Label: p.T("desk.duty.rule.lead"), Value: get("lead", strconv.Itoa(int(rules.Lead/time.Minute))), Error: byRule["lead"]}),
		option("critical", p.T("desk.duty.rule.critical"), rules.Critical),
		option("silent", p.T("desk.duty.rule.silent"), rules.Silent),
		page.Field(p, page.FieldView{ID: "wait", Name: "wait", Width: "short", InputMode: "numeric", Label: p.T("desk.duty.rule.wait"), Value: get("wait", strconv.Itoa(int(rules.Wait/time.Minute))), Error: byRule["wait"]}),
	}, page.ButtonView{Text: p.T("desk.duty.rules.do")})))
	if list = append(list, more...); len(list) > 0 {
		return wrongAdmin(v, view, errs.Invalid.HTTP(), list...)
	}
	return v.Show(Admin(view))
}

func (d *Desk) dayOf(p *text.Printer, s string) string {
	day, err := time.ParseInLocation(time.DateOnly, s, d.Zone)
	if err != nil {
		return s
	}
	return p.Date(day)
}

func clockOf(minute int) string {
	return time.Date(2000, 1, 1, minute/60, minute%60, 0, 0, time.UTC).Format("15:04")
}

func (d *Desk) setRotation(v *page.Visit) error {
	in := duty.NewRotation{Every: duty.Every(v.R.PostFormValue("every")), FirstDay: v.R.PostFormValue("first_day"), Minute: -1}
	if at, err := time.Parse("15:04", v.R.PostFormValue("at")); err == nil {
		in.Minute = at.Hour()*60 + at.Minute()
	}
	for _, x := range v.R.PostForm["person"] {
		if n, err := strconv.ParseInt(x, 10, 64); err == nil && n != 0 {
			in.People = append(in.People, n)
		}
	}
	_, err := d.Duty.SetRotation(v.Ctx(), v.By, in)
	if errs.Is(err, errs.Invalid) {
		return d.showPlan(v, err, nil)
	}
	if err != nil {
		return err
	}
	return back(v, "/desk/duty", "duty_saved")
}

func (d *Desk) removeRotation(v *page.Visit) error {
	if err := d.Duty.RemoveRotation(v.Ctx(), v.By, v.R.PathValue("rotation")); err != nil {
		return err
	}
	return back(v, "/desk/duty/plan", "duty_saved")
}

func (d *Desk) setDutyRules(v *page.Visit) error {
	get := func(name string) time.Duration {
		n, _ := strconv.Atoi(strings.TrimSpace(v.R.PostFormValue(name)))
		return time.Duration(n) * time.Minute
	}
	on := func(name string) bool { return v.R.PostFormValue(name) != "" }
	err := d.Duty.SetRules(v.Ctx(), v.By, duty.Rules{Clocks: on("clocks"), Lead: get("lead"), Critical: on("critical"), Silent: on("silent"), Wait: get("wait")})
	if errs.Is(err, errs.Invalid) {
		return d.showPlan(v, nil, err)
	}
	if err != nil {
		return err
	}
	return back(v, "/desk/duty/plan", "duty_saved")
}
