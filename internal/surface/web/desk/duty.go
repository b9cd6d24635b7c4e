package desk

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
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
	shifts := roster.Shifts(v.Now, v.Now.Add(ahead))
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

func (d *Desk) pagesSection(v *page.Visit, pages []duty.Page, names map[int64]string) templ.Component {
	p := v.P
	if len(pages) == 0 {
		return section("pages", p.T("desk.duty.pages"), paragraph(p.T("desk.duty.pages.none")))
	}
	t := page.TableView{Caption: p.T("desk.duty.pages"), Columns: []page.Column{{Text: p.T("desk.duty.why")}, {Text: p.T("desk.duty.when")}, {Text: p.T("desk.duty.state")}}}
	for _, x := range pages {
		t.Rows = append(t.Rows, []templ.Component{link("/desk/duty/pages/"+x.UID, named(p, "desk.duty.reason.", string(x.Reason)), x.Number), page.At(p, x.MadeAt, v.Now), page.Chip(pageState(p, x, names))})
	}
	return section("pages", p.T("desk.duty.pages"), page.Table(t))
}

func pageState(p *text.Printer, x duty.Page, names map[int64]string) page.ChipView {
	switch x.State {
	case duty.Answered:
		return page.ChipView{Text: p.T("desk.duty.taken", "who", names[x.AnsweredBy]), Kind: "ok", Icon: "check"}
	case duty.Unanswered:
		return page.ChipView{Text: p.T("desk.duty.unanswered"), Kind: "crit", Icon: "triangle-alert"}
	}
	return page.ChipView{Text: p.T("desk.duty.open"), Kind: "warn", Icon: "bell-ring"}
}

func (d *Desk) handoverSection(v *page.Visit, list []duty.Handover, names map[int64]string) templ.Component {
	p := v.P
	var body []templ.Component
	if len(list) > 0 {
		t := page.TableView{Caption: p.T("desk.duty.handovers"), Columns: []page.Column{{Text: p.T("desk.duty.shift")}, {Text: p.T("desk.duty.fromto")}, {Text: p.T("desk.duty.state")}}}
		for _, h := range list {
			t.Rows = append(t.Rows, []templ.Component{
				link("/desk/duty/handovers/"+h.UID, p.DateTime(h.To), ""), page.Text(names[h.Outgoing] + " → " + names[h.Incoming]), page.Chip(signState(p, h)),
			})
		}
		body = append(body, page.Table(t))
	} else {
		body = append(body, paragraph(p.T("desk.duty.handovers.none")))
	}
	if v.By.Can(access.Triage) {
		body = append(body, post("/desk/duty/handovers", nil, page.ButtonView{Text: p.T("desk.duty.handover.write"), Icon: "pencil"}))
	}
	return section("handovers", p.T("desk.duty.handovers"), body...)
}

func signState(p *text.Printer, h duty.Handover) page.ChipView {
	switch {
	case !h.OutSignedAt.IsZero() && !h.InSignedAt.IsZero():
		return page.ChipView{Text: p.T("desk.duty.signed.both"), Kind: "ok", Icon: "check"}
	case h.Frozen():
		return page.ChipView{Text: p.T("desk.duty.signed.one"), Kind: "warn"}
	}
	return page.ChipView{Text: p.T("desk.duty.signed.none"), Kind: "outline"}
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
		t.Rows = append(t.Rows, []templ.Component{page.Text(p.DateTime(s.From)), page.Text(p.DateTime(s.Till)), who})
	}
	body := []templ.Component{page.Table(t)}
	for _, c := range roster.Changes {
		if !c.Till.After(v.Now) {
			continue
		}
		key := "desk.duty.takes"
		said := p.T(key, "who", names[c.Account], "from", p.DateTime(c.From), "till", p.DateTime(c.Till))
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
	for _, r := range roster.Rotations {
		var who []string
		for _, a := range r.People {
			who = append(who, names[a])
		}
		said := p.T("desk.duty.rotation.said", "every", named(p, "desk.duty.every.", string(r.Every)), "day", r.FirstDay, "at", clockOf(r.Minute), "people", strings.Join(who, ", "))
		body = append(body, paragraph(said), post("/desk/duty/rotation/"+r.UID+"/remove", nil, page.ButtonView{Text: p.T("desk.duty.rotation.remove"), Kind: "ghost"}))
	}
	list, by := problems(p, wrong, map[string]string{"first_day": "first-day", "minute": "at", "people": "person-1"})
	get := func(name, usual string) string {
		if _, ok := v.R.PostForm[name]; ok {
			return v.R.PostFormValue(name)
		}
		return usual
	}
	every := []page.SelectOption{{Value: "weekly", Text: p.T("desk.duty.every.weekly")}, {Value: "daily", Text: p.T("desk.duty.every.daily"), Chosen: get("every", "") == "daily"}}
	fields := []templ.Component{
		page.Select(p, page.FieldView{ID: "every", Name: "every", Label: p.T("desk.duty.every"), Error: by["every"]}, every),
		page.Field(p, page.FieldView{ID: "first-day", Name: "first_day", Type: "date", Width: "half", Label: p.T("desk.duty.first_day"), Hint: p.T("desk.duty.first_day.hint"), Value: get("first_day", v.Now.In(d.Zone).Format(time.DateOnly)), Error: by["first_day"]}),
		page.Field(p, page.FieldView{ID: "at", Name: "at", Type: "time", Width: "half", Label: p.T("desk.duty.at"), Hint: p.T("desk.duty.zone", "zone", d.Zone.String()), Value: get("at", "08:00"), Error: by["minute"]}),
	}
	chosen := v.R.PostForm["person"]
	for i := range 8 {
		id := int64(0)
		if i < len(chosen) {
			id, _ = strconv.ParseInt(chosen[i], 10, 64)
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

// dutyWays shows how the actor itself is paged.
func (d *Desk) dutyWays(v *page.Visit) error { return d.showWays(v, nil, nil) }

func (d *Desk) showWays(v *page.Visit, wrong error, made *duty.Way) error {
	p := v.P
	ways, err := d.Duty.Ways(v.Ctx(), d.DB, v.By)
	if err != nil {
		return err
	}
	body := []templ.Component{paragraph(p.T("desk.duty.ways.mail"))}
	if made != nil && made.Secret != "" {
		body = append(body, once(onceView{label: p.T("desk.duty.ways.secret"), secret: made.Secret, note: p.T("desk.duty.ways.secret.note"), on: "/desk/duty/ways", onText: p.T("desk.duty.ways.on")}))
	}
	for _, w := range ways {
		said := w.Address
		if u, err := url.Parse(w.Address); err == nil && w.Kind == duty.ByWebhook {
			said = u.Scheme + "://" + u.Host + "/…" // the path may be a secret
		}
		body = append(body, paragraph(named(p, "desk.duty.way.", string(w.Kind))+": "+said), post("/desk/duty/ways/"+w.UID+"/remove", nil, page.ButtonView{Text: p.T("desk.duty.ways.remove"), Kind: "ghost"}))
	}
	list, by := problems(p, wrong, nil)
	kinds := []page.SelectOption{{Value: "webhook", Text: p.T("desk.duty.way.webhook")}}
	if d.Duty.SMS.On() {
		kinds = append(kinds, page.SelectOption{Value: "sms", Text: p.T("desk.duty.way.sms"), Chosen: v.R.PostFormValue("kind") == "sms"})
	}
	body = append(body, adminForm("/desk/duty/ways", nil, []templ.Component{
		page.Select(p, page.FieldView{ID: "kind", Name: "kind", Label: p.T("desk.duty.way"), Error: by["kind"]}, kinds),
		page.Field(p, page.FieldView{ID: "address", Name: "address", Label: p.T("desk.duty.way.address"), Hint: p.T("desk.duty.way.address.hint"), Value: v.R.PostFormValue("address"), Autocomplete: "off", Error: by["address"]}),
	}, page.ButtonView{Text: p.T("desk.duty.ways.do")}))
	view := d.dutyView(v, p.T("desk.duty.ways"), p.T("desk.duty.ways.lead"), section("ways", p.T("desk.duty.ways"), body...),
		section("test", p.T("desk.duty.test"), paragraph(p.T("desk.duty.test.lead")), post("/desk/duty/test", nil, page.ButtonView{Text: p.T("desk.duty.test.do"), Kind: "primary", Icon: "bell-ring"})))
	if len(list) > 0 {
		return wrongAdmin(v, view, errs.Invalid.HTTP(), list...)
	}
	return v.Show(Admin(view))
}

func (d *Desk) addWay(v *page.Visit) error {
	w, err := d.Duty.AddWay(v.Ctx(), v.By, duty.WayKind(v.R.PostFormValue("kind")), v.R.PostFormValue("address"))
	if errs.Is(err, errs.Invalid) {
		return d.showWays(v, err, nil)
	}
	if err != nil {
		return err
	}
	return d.showWays(v, nil, &w)
}

func (d *Desk) removeWay(v *page.Visit) error {
	if err := d.Duty.RemoveWay(v.Ctx(), v.By, v.R.PathValue("way")); err != nil {
		return err
	}
	return back(v, "/desk/duty/ways", "duty_saved")
}

func (d *Desk) testPage(v *page.Visit) error {
	x, err := d.Duty.Test(v.Ctx(), v.By)
	if err != nil {
		return err
	}
	return v.See("/desk/duty/pages/" + x.UID)
}

// dutyPage shows one page: why, who was asked by which way, what came back, and the button that takes it.
func (d *Desk) dutyPage(v *page.Visit) error {
	p := v.P
	x, tries, err := d.Duty.PageByUID(v.Ctx(), d.DB, v.By, v.R.PathValue("page"))
	if err != nil {
		return err
	}
	people := []int64{x.AnsweredBy}
	for _, t := range tries {
		people = append(people, t.Account)
	}
	names, err := d.dutyNames(v, people...)
	if err != nil {
		return err
	}
	facts := []page.Property{
		{Label: p.T("desk.duty.why"), Value: page.Text(named(p, "desk.duty.reason.", string(x.Reason)))},
		{Label: p.T("desk.duty.when"), Value: page.At(p, x.MadeAt, v.Now)},
		{Label: p.T("desk.duty.state"), Value: page.Chip(pageState(p, x, names))},
	}
	if x.Number != "" {
		at := "/desk/search?q=" + url.QueryEscape(x.Number)
		if strings.HasPrefix(x.Number, "INC-") {
			at = "/desk/incidents/" + x.Number
		}
		facts = append(facts, page.Property{Label: p.T("desk.duty.number"), Value: refCell(at, x.Number)})
	}
	t := page.TableView{Caption: p.T("desk.duty.tries"), Columns: []page.Column{{Text: p.T("desk.duty.col.who")}, {Text: p.T("desk.duty.way")}, {Text: p.T("desk.duty.when")}, {Text: p.T("desk.duty.state")}, {Text: p.T("desk.duty.answer")}}}
	for _, y := range tries {
		c := page.ChipView{Text: p.T("desk.duty.try.waiting"), Kind: "outline"}
		switch y.State {
		case duty.Sent:
			c = page.ChipView{Text: p.T("desk.duty.try.sent"), Kind: "ok", Icon: "check"}
		case duty.Failed:
			c = page.ChipView{Text: p.T("desk.duty.try.failed"), Kind: "crit", Icon: "triangle-alert"}
		}
		t.Rows = append(t.Rows, []templ.Component{page.Text(names[y.Account]), page.Text(named(p, "desk.duty.way.", y.Kind)), page.At(p, y.MadeAt, v.Now), page.Chip(c), page.Text(y.Answer)})
	}
	view := d.dutyView(v, p.T("desk.duty.page"), "", page.Properties(p, facts))
	if x.State != duty.Answered && v.By.Can(access.Triage) {
		view.Body = append(view.Body, post("/desk/duty/pages/"+x.UID+"/take", nil, page.ButtonView{Text: p.T("desk.duty.take"), Kind: "primary", Icon: "check", Key: "A"}))
	}
	if len(t.Rows) > 0 {
		view.Body = append(view.Body, page.Table(t))
	} else {
		view.Body = append(view.Body, paragraph(p.T("desk.duty.tries.none")))
	}
	return v.Show(Admin(view))
}

func (d *Desk) takePage(v *page.Visit) error {
	x, err := d.Duty.Acknowledge(v.Ctx(), v.By, v.R.PathValue("page"))
	if err != nil {
		return err
	}
	return back(v, "/desk/duty/pages/"+x.UID, "page_taken")
}
