package desk

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

const routineAt = "/desk/admin/routine"

// routine lists the rules for routine mail in their order.
func (d *Desk) routine(v *page.Visit) error {
	list, err := d.Intake.Rules(v.Ctx(), v.By)
	if err != nil {
		return err
	}
	score, err := d.Intake.SpamScore(v.Ctx(), d.DB)
	if err != nil {
		return err
	}
	var people []int64
	for _, x := range list {
		people = append(people, x.ChangedBy)
	}
	names, err := d.Names(v.Ctx(), people...)
	if err != nil {
		return err
	}
	p, may := v.P, v.By.Can(access.Triage)
	t := page.TableView{Caption: p.T("desk.routine.title"), Columns: []page.Column{
		{Text: p.T("desk.routine.rule")}, {Text: p.T("desk.routine.does")}, {Text: p.T("desk.routine.hits")}, {Text: p.T("desk.routine.by")}, {Text: p.T("desk.col.state")}, {Text: p.T("desk.col.act")},
	}}
	for i, x := range list {
		state := []templ.Component{page.Chip(page.ChipView{Text: p.T("desk.reasons.on"), Kind: "ok"})}
		turn := page.ButtonView{Text: p.T("desk.routine.turn_off"), Kind: "ghost"}
		action := "off"
		if !x.On {
			state = []templ.Component{page.Chip(page.ChipView{Text: p.T("desk.reasons.off"), Kind: "outline"})}
			turn.Text, action = p.T("desk.routine.turn_on"), "on"
		}
		if x.Problem != "" {
			state = append(state, page.Chip(page.ChipView{Text: p.T("desk.routine.problem"), Kind: "warn", Icon: "triangle-alert"}), second(p.T("desk.routine.problem."+x.Problem)+" "+p.Brief(x.ProblemAt, v.Now)))
		}
		var acts []templ.Component
		at := routineAt + "/" + x.UID + "/turn"
		add := func(what string, b page.ButtonView) {
			acts = append(acts, post(at, []page.Hid{{Name: "action", Value: what}}, b))
		}
		if may {
			add(action, turn)
			if i > 0 {
				add("up", page.ButtonView{Text: p.T("desk.routine.up"), Kind: "ghost"})
			}
		}
		hit := p.T("desk.routine.never")
		if !x.HitAt.IsZero() {
			hit = p.Brief(x.HitAt, v.Now)
		}
		t.Rows = append(t.Rows, []templ.Component{
			link(routineAt+"/"+x.UID, x.Name, strings.Join(whenWords(p, x.When), " · ")), page.Text(d.doesWords(p, x.Do)), twoLines(strconv.Itoa(x.Hits), hit), twoLines(names[x.ChangedBy], p.Date(x.ChangedAt)), several(state), several(acts),
		})
	}
	body := []templ.Component{page.Table(t)}
	if len(list) == 0 {
		body = []templ.Component{page.Empty(page.EmptyView{Icon: "list-filter", Title: p.T("desk.routine.none"), Note: p.T("desk.routine.none.note")})}
	}
	body = append(body, section("score", p.T("desk.report.spam"), adminForm(routineAt+"/score", nil, []templ.Component{
		page.Field(p, page.FieldView{ID: "score", Name: "score", Label: p.T("desk.routine.score"), Hint: p.T("desk.routine.score.hint"), Value: strconv.Itoa(score), InputMode: "numeric", Width: "short"}),
	}, page.ButtonView{Text: p.T("desk.reasons.save")})))
	view := d.adminView(v, p.T("desk.routine.title"), p.T("desk.routine.lead"), body...)
	if may {
		view.Acts = []page.ButtonView{{Text: p.T("desk.routine.new"), Icon: "plus", Href: routineAt + "/new"}}
	}
	return v.Show(Admin(view))
}

// whenWords are the conditions of a rule in words.
func whenWords(p *text.Printer, c intake.Conditions) []string {
	var out []string
	add := func(label string, list []string) {
		if len(list) > 0 {
			out = append(out, label+": "+clip(strings.Join(list, ", "), 60))
		}
	}
	var kinds []string
	for _, k := range c.Kinds {
		kinds = append(kinds, p.T("desk.routine.kind."+k))
	}
	add(p.T("desk.routine.senders"), c.Senders)
	add(p.T("desk.routine.subject"), c.Subject)
	add(p.T("desk.routine.lists"), c.Lists)
	add(p.T("desk.routine.kinds"), kinds)
	add(p.T("desk.routine.types"), c.Types)
	add(p.T("desk.routine.found"), c.Found)
	add(p.T("desk.routine.languages"), c.Languages)
	if c.Score > 0 {
		add(p.T("desk.routine.score"), []string{strconv.Itoa(c.Score)})
	}
	if c.Proved {
		out = append(out, p.T("desk.routine.proved"))
	}
	return out
}

func (d *Desk) doesWords(p *text.Printer, a intake.Acts) string {
	var out []string
	if a.Place != "" {
		out = append(out, p.T("desk.routine.place."+a.Place))
	}
	if a.Class != "" {
		out = append(out, d.typeName(p, a.Class))
	}
	if a.Handler != 0 {
		out = append(out, p.T("desk.routine.handler"))
	}
	if a.Incident != "" {
		out = append(out, p.T("desk.routine.attach", "incident", a.Incident))
	}
	if len(a.Letters) > 0 {
		out = append(out, p.T("desk.routine.answer"))
	}
	return strings.Join(out, " · ")
}

const newRule = "new"

// rule is the form of one rule. With a draft in the address of a dry run it shows what the rule would have done.
func (d *Desk) rule(v *page.Visit) error {
	x := intake.Rule{On: true}
	if uid := v.R.PathValue("rule"); uid != newRule {
		var err error
		if x, err = d.Intake.RuleByUID(v.Ctx(), v.By, uid); err != nil {
			return err
		}
	}
	view, err := d.ruleForm(v, x, nil)
	if err != nil {
		return err
	}
	return v.Show(Admin(view))
}

func (d *Desk) ruleForm(v *page.Visit, x intake.Rule, wrong error) (AdminView, error) {
	p := v.P
	list, bad := problems(p, wrong, map[string]string{"text": "text-en"})
	lines := func(name string, values []string) templ.Component {
		return page.Field(p, page.FieldView{ID: name, Name: name, Rows: 2, Label: p.T("desk.routine." + name), Hint: p.T("desk.routine.hint." + name), Value: strings.Join(values, "\n"), Error: bad[name]})
	}
	var kinds []page.OptionView
	for _, k := range intake.MailKinds {
		kinds = append(kinds, page.OptionView{ID: "kind-" + k, Name: "kinds", Value: k, Label: p.T("desk.routine.kind." + k), Checked: slices.Contains(x.When.Kinds, k), Many: true})
	}
	score := ""
	if x.When.Score > 0 {
		score = strconv.Itoa(x.When.Score)
	}
	when := []templ.Component{
		page.Field(p, page.FieldView{ID: "name", Name: "name", Label: p.T("desk.routine.name"), Value: x.Name, Error: bad["name"]}),
		heading(p.T("desk.routine.when")),
		lines("senders", x.When.Senders),
		page.Option(page.OptionView{ID: "proved", Name: "proved", Value: "1", Label: p.T("desk.routine.proved"), Hint: p.T("desk.routine.proved.hint"), Checked: x.When.Proved, Many: true}),
		lines("subject", x.When.Subject), lines("lists", x.When.Lists),
		optionCards(p, page.GroupView{ID: "kinds", Legend: p.T("desk.routine.kinds"), Error: bad["kinds"]}, kinds),
		lines("types", x.When.Types), lines("found", x.When.Found), lines("languages", x.When.Languages),
		page.Field(p, page.FieldView{ID: "score", Name: "score", Label: p.T("desk.routine.score"), Hint: p.T("desk.routine.score.when"), Value: score, InputMode: "numeric", Width: "short", Error: bad["score"]}),
	}
	do, err := d.ruleActs(v, x.Do, bad)
	if err != nil {
		return AdminView{}, err
	}
	days := v.R.PostFormValue("days")
	if days == "" {
		days = "7"
	}
	fields := append(when, do...)
	fields = append(fields,
		page.Option(page.OptionView{ID: "on", Name: "on", Value: "1", Label: p.T("desk.routine.is_on"), Checked: x.On, Many: true}),
		page.Field(p, page.FieldView{ID: "days", Name: "days", Label: p.T("desk.routine.days"), Hint: p.T("desk.routine.days.hint"), Value: days, InputMode: "numeric", Width: "short"}))
	at := routineAt + "/" + v.R.PathValue("rule")
	acts := []page.ButtonView{{Text: p.T("desk.routine.try"), Kind: "primary", Name: "act", Value: "try"}, {Text: p.T("desk.routine.save"), Name: "act", Value: "save"}, {Text: p.T("desk.cancel"), Href: routineAt}}
	heading := x.Name
	if x.UID == "" {
		heading = p.T("desk.routine.new")
	}
	var body []templ.Component
	if x.UID != "" {
		names, err := d.Names(v.Ctx(), x.MadeBy, x.ChangedBy)
		if err != nil {
			return AdminView{}, err
		}
		body = append(body, page.Properties(p, []page.Property{
			{Label: p.T("desk.routine.made"), Value: twoLines(names[x.MadeBy], p.DateTime(x.MadeAt))},
			{Label: p.T("desk.routine.by"), Value: twoLines(names[x.ChangedBy], p.DateTime(x.ChangedAt))},
			{Label: p.T("desk.routine.hits"), Value: twoLines(strconv.Itoa(x.Hits), moment(p, x.HitAt, p.T("desk.routine.never")))},
		}))
	}
	body = append(body, adminForm(at, nil, fields, acts...))
	if x.UID != "" && v.By.Can(access.Triage) {
		body = append(body, adminForm(at+"/turn", []page.Hid{{Name: "action", Value: "drop"}}, nil, page.ButtonView{Text: p.T("desk.routine.drop"), Kind: "danger"}))
	}
	view := d.adminView(v, heading, p.T("desk.routine.form.lead"), body...)
	view.Up = page.NavItem{Text: p.T("desk.routine.title"), Href: routineAt}
	view.Problems, view.Wrong = list, wrong != nil
	return view, nil
}

// ruleActs are the fields of what a rule does.
func (d *Desk) ruleActs(v *page.Visit, a intake.Acts, bad map[string]string) ([]templ.Component, error) {
	p := v.P
	places := []page.SelectOption{{Value: "", Text: p.T("desk.routine.place.none")}}
	for _, x := range []string{intake.PlaceKeep, intake.PlaceSpam, intake.PlaceReject} {
		places = append(places, page.SelectOption{Value: x, Text: p.T("desk.routine.place." + x), Chosen: x == a.Place})
	}
	reasons, err := d.reasonOptions(v, a.Reason)
	if err != nil {
		return nil, err
	}
	staff, err := d.Staff(v.Ctx(), v.By)
	if err != nil {
		return nil, err
	}
	people := []page.SelectOption{{Value: "", Text: p.T("desk.routine.nobody")}}
	for _, c := range staff {
		people = append(people, page.SelectOption{Value: strconv.FormatInt(c.Account, 10), Text: c.Name, Chosen: c.Account == a.Handler})
	}
	types := append([]page.SelectOption{{Value: "", Text: p.T("desk.routine.no_class")}}, d.typeOptions(p, a.Class)...)
	out := []templ.Component{
		heading(p.T("desk.routine.then")),
		page.Select(p, page.FieldView{ID: "place", Name: "place", Label: p.T("desk.routine.place"), Error: bad["place"]}, places),
		page.Select(p, page.FieldView{ID: "reason", Name: "reason", Label: p.T("desk.reject.reason"), Hint: p.T("desk.routine.reason.hint"), Error: bad["reason"]}, reasons),
		page.Option(page.OptionView{ID: "tell", Name: "tell", Value: "1", Label: p.T("desk.reject.tell"), Checked: a.Tell, Many: true}),
		page.Select(p, page.FieldView{ID: "class", Name: "class", Label: p.T("desk.fact.class"), Error: bad["class"]}, types),
		page.Select(p, page.FieldView{ID: "handler", Name: "handler", Label: p.T("desk.routine.handler"), Error: bad["handler"]}, people),
		page.Field(p, page.FieldView{ID: "incident", Name: "incident", Label: p.T("desk.routine.incident"), Value: a.Incident, Width: "half", Error: bad["incident"]}),
		heading(p.T("desk.routine.answer")), paragraph(p.T("desk.routine.answer.hint")),
	}
	for _, l := range text.Langs() {
		w := a.Letters[string(l)]
		say := func(key string) string { return p.T(key, "lang", text.Name(l)) }
		words := page.FieldView{ID: "text-" + string(l), Name: "text-" + string(l), Rows: 4, Label: say("desk.reasons.text"), Hint: p.T("desk.routine.text.hint", "reference", "{reference}"), Value: w.Text}
		if l == text.EN {
			words.Error = bad["text"]
		}
		out = append(out, page.Field(p, page.FieldView{ID: "subject-" + string(l), Name: "subject-" + string(l), Label: say("desk.reasons.subject"), Value: w.Subject}), page.Field(p, words))
	}
	return out, nil
}

// ruleOf reads the form of a rule.
func ruleOf(v *page.Visit) intake.Rule {
	get := func(name string) string { return strings.TrimSpace(v.R.PostFormValue(name)) }
	lines := func(name string) []string {
		return strings.FieldsFunc(get(name), func(r rune) bool { return r == '\n' || r == '\r' })
	}
	x := intake.Rule{
		Name: get("name"), On: get("on") != "",
		When: intake.Conditions{Senders: lines("senders"), Proved: get("proved") != "", Subject: lines("subject"), Lists: lines("lists"), Kinds: v.R.PostForm["kinds"], Types: lines("types"), Found: lines("found"), Languages: lines("languages")},
		Do:   intake.Acts{Place: get("place"), Reason: get("reason"), Tell: get("tell") != "", Class: get("class"), Incident: get("incident"), Letters: map[string]intake.Words{}},
	}
	x.When.Score = numberIn(get("score"))
	x.Do.Handler = int64(numberIn(get("handler")))
	for _, l := range text.Langs() {
		if w := (intake.Words{Subject: get("subject-" + string(l)), Text: strings.ReplaceAll(get("text-"+string(l)), "\r\n", "\n")}); w != (intake.Words{}) {
			x.Do.Letters[string(l)] = w
		}
	}
	if uid := v.R.PathValue("rule"); uid != newRule {
		x.UID = uid
	}
	return x
}

// numberIn reads a number; what is none is one that no verb takes.
func numberIn(s string) int {
	if s == "" {
		return 0
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return -1
	}
	return n
}

// saveRule keeps a rule, or says what it would have done.
func (d *Desk) saveRule(v *page.Visit) error {
	if err := v.R.ParseForm(); err != nil {
		return errFormNotRead
	}
	x := ruleOf(v)
	if x.UID != "" {
		if _, err := d.Intake.RuleByUID(v.Ctx(), v.By, x.UID); err != nil {
			return err
		}
	}
	if v.R.PostFormValue("act") != "save" {
		return d.tryRule(v, x)
	}
	_, err := d.Intake.SaveRule(v.Ctx(), v.By, x)
	if errs.Is(err, errs.Invalid) {
		return d.wrongRule(v, x, err)
	}
	if err != nil {
		return err
	}
	return back(v, routineAt, "saved")
}

func (d *Desk) wrongRule(v *page.Visit, x intake.Rule, wrong error) error {
	view, err := d.ruleForm(v, x, wrong)
	if err != nil {
		return err
	}
	return v.ShowStatus(errs.Of(wrong).HTTP(), Admin(view))
}

// tryRule shows the form again with what the rule would have done above it.
func (d *Desk) tryRule(v *page.Visit, x intake.Rule) error {
	got, err := d.Intake.TryRule(v.Ctx(), v.By, x, numberIn(v.R.PostFormValue("days")))
	if errs.Is(err, errs.Invalid) {
		return d.wrongRule(v, x, err)
	}
	if err != nil {
		return err
	}
	view, err := d.ruleForm(v, x, nil)
	if err != nil {
		return err
	}
	p := v.P
	looked := strconv.Itoa(got.Looked)
	if got.More {
		looked = p.T("desk.lane.more", "count", got.Looked)
	}
	facts := []page.Property{
		{Label: p.T("desk.routine.trial.from"), Value: page.At(p, got.From, v.Now)},
		{Label: p.T("desk.routine.trial.looked"), Value: page.Text(looked)},
		{Label: p.T("desk.routine.trial.fits"), Value: page.Strong(strconv.Itoa(got.Fits))},
		{Label: p.T("desk.routine.trial.differs"), Value: page.Text(strconv.Itoa(got.Differs))},
	}
	if got.Kept > 0 {
		facts = append(facts, page.Property{Label: p.T("desk.routine.trial.kept"), Value: page.Text(strconv.Itoa(got.Kept))})
	}
	for _, s := range []intake.State{intake.New, intake.Linked, intake.Answered, intake.Rejected, intake.PassedOn, intake.Spam} {
		if n := got.States[s]; n > 0 {
			facts = append(facts, page.Property{Label: p.T("desk.routine.trial.became", "state", reportState(p, s)), Value: page.Text(strconv.Itoa(n))})
		}
	}
	t := page.TableView{Caption: p.T("desk.routine.trial"), Columns: []page.Column{{Text: p.T("desk.col.what")}, {Text: p.T("desk.lane.from")}, {Text: p.T("desk.routine.trial.now")}, {Text: p.T("desk.col.when")}}}
	for _, l := range got.Lines {
		now := []templ.Component{page.Text(reportState(p, l.Report.State))}
		if l.Differs {
			now = append(now, page.Chip(page.ChipView{Text: p.T("desk.routine.trial.differs.one"), Kind: "warn"}))
		}
		if l.Before != "" {
			now = append(now, second(p.T("desk.routine.trial.before", "rule", l.Before)))
		}
		t.Rows = append(t.Rows, []templ.Component{link("/desk/reports/"+l.Report.UID, reportTitle(p, l.Report), l.Report.Reference), page.Text(l.Report.Body.Email), several(now), page.At(p, l.Report.ReceivedAt, v.Now)})
	}
	parts := []templ.Component{page.Properties(p, facts), second(p.T("desk.routine.trial.note"))}
	if len(t.Rows) > 0 {
		parts = append(parts, page.Table(t))
	}
	view.Body = append([]templ.Component{section("trial", p.T("desk.routine.trial"), parts...)}, view.Body...)
	return v.ShowStatus(http.StatusOK, Admin(view))
}

func (d *Desk) turnRule(v *page.Visit) error {
	if err := d.Intake.TurnRule(v.Ctx(), v.By, v.R.PathValue("rule"), v.R.PostFormValue("action")); err != nil {
		return err
	}
	return back(v, routineAt, "saved")
}

func (d *Desk) saveScore(v *page.Visit) error {
	n := numberIn(v.R.PostFormValue("score"))
	if v.R.PostFormValue("score") == "" {
		n = -1
	}
	if err := d.Intake.SetSpamScore(v.Ctx(), v.By, n); err != nil {
		return err
	}
	return back(v, routineAt, "saved")
}
