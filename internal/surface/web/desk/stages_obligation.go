package desk

import (
	"cmp"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// oneObligation gives the obligation in the path, of the report in the path.
func (d *Desk) oneObligation(v *page.Visit) (intake.Report, intake.Obligation, error) {
	r, err := d.openedReport(v)
	if err != nil {
		return r, intake.Obligation{}, err
	}
	all, err := d.Intake.Obligations(v.Ctx(), d.DB, v.By, r.Ref.ID)
	for _, o := range all[r.Ref.ID] {
		if o.UID == v.R.PathValue("obligation") {
			return r, o, err
		}
	}
	return r, intake.Obligation{}, cmp.Or(err, error(errs.ErrNotFound))
}

// obligation shows the stage track of one affected organisation under one law, what was said of it, and what can be done.
func (d *Desk) obligation(v *page.Visit) error {
	return d.showObligation(v, "", nil)
}

func (d *Desk) showObligation(v *page.Visit, act string, wrong error) error {
	r, o, err := d.oneObligation(v)
	if err != nil {
		return err
	}
	p := v.P
	names, err := d.affectedNames(v, r, []intake.Obligation{o})
	if err != nil {
		return err
	}
	facts := []page.Property{
		{Label: p.T("desk.rules.law"), Value: twoLines(say(p, o.Set.Name), o.Set.LawIn(string(p.Lang())))},
		{Label: p.T("desk.stages.class"), Value: page.Text(cmp.Or(classNames(p, o.Set, []string{o.Class}), p.T("common.not_known_yet")))},
		{Label: p.T("desk.rules.sure"), Value: page.Chip(sureChip(p, o.Set.Confirmed, o.Set.Sure()))},
	}
	if newest, err := d.Intake.Laws.Set(o.Set.Code); err == nil && newest.Version != o.Set.Version {
		facts = append(facts, page.Property{Label: p.T("desk.rules.version"), Value: page.Text(p.T("desk.stages.kept", "began", o.Began, "now", newest.Version))})
	} else if o.Began != o.Set.Version {
		facts = append(facts, page.Property{Label: p.T("desk.rules.version"), Value: page.Text(p.T("desk.stages.began", "began", o.Began, "now", o.Set.Version))})
	}
	said := page.TableView{Caption: p.T("desk.stages.said"), Columns: []page.Column{{Text: p.T("desk.stages.what")}, {Text: p.T("desk.col.when")}, {Text: p.T("desk.stages.said_at")}, {Text: p.T("desk.stages.reason")}}}
	for _, f := range o.Facts {
		words := d.factWords(p, o, f)
		if !f.EndedAt.IsZero() {
			words = p.T("desk.stages.overruled", "what", words)
		}
		said.Rows = append(said.Rows, []templ.Component{page.Text(words), page.At(p, f.At, v.Now), page.At(p, f.SaidAt, v.Now), page.Text(f.Note)})
	}
	body := []templ.Component{page.Properties(p, facts), section("track", p.T("desk.stages.track"), page.StageTrack(p, d.track(v, o)))}
	if len(said.Rows) > 0 {
		body = append(body, section("said", p.T("desk.stages.said"), page.Table(said)))
	}
	passed, err := d.passed(v, r, o)
	if err != nil {
		return err
	}
	if passed != nil {
		body = append(body, passed)
	}
	var list []page.Problem
	if v.By.Can(access.Triage) && !r.Destroyed {
		ids := map[string]string{"moment": "moment-moment", "at": act + "-at", "reason": act + "-reason", "due_at": act + "-due", "stage": act + "-stage", "states": "states-states"}
		var by map[string]string
		list, by = problems(p, wrong, ids)
		body = append(body, d.lawActs(v, r, o, act, by)...)
	}
	view := d.lawView(v, names[o.Organisation]+" · "+o.Set.Short, "", page.NavItem{Text: p.T("desk.stages.title", "reference", r.Reference), Href: stagesAt(r.UID)}, body)
	if wrong != nil {
		if len(list) == 0 {
			said, _ := plainRefusal(v, wrong)
			list = []page.Problem{{Text: said}}
		}
		return wrongAdmin(v, view, errs.Of(wrong).HTTP(), list...)
	}
	return v.Show(Admin(view))
}

// factWords says what was noted.
func (d *Desk) factWords(p *text.Printer, o intake.Obligation, f intake.Fact) string {
	switch f.Kind {
	case intake.OfMoment:
		return named(p, "desk.rules.moment.", f.Code)
	case intake.OfRequest:
		return p.T("desk.stages.requested", "stage", d.stageOf(p, o.Set.Code, f.Code))
	case intake.OfWaiver:
		return p.T("desk.stages.waived", "stage", d.stageOf(p, o.Set.Code, f.Code))
	case intake.OfState:
		return p.T("desk.states.named", "state", f.Code)
	}
	return p.T("desk.rules.pass_on", "to", d.stageOf(p, o.Set.Code, f.Code))
}

// track is the stage track of an obligation, each step with its own time.
func (d *Desk) track(v *page.Visit, o intake.Obligation) []page.Stage {
	p := v.P
	var out []page.Stage
	for _, x := range o.Owed {
		s := page.Stage{Title: d.owedName(p, o, x), Icon: "pencil", State: "next"}
		if x.Team {
			s.Icon = "send"
		}
		switch x.State {
		case law.Met:
			s.State, s.Note = "done", p.T("desk.stages.met", "when", p.DateTime(x.MetAt))
			if x.Late(v.Now) {
				s.Due = page.ChipView{Text: p.T("desk.stages.late"), Kind: "crit"}
			}
		case law.Running:
			s.State, s.Note = "now", p.T("common.clock.due", "when", p.DateTime(x.Due))
			if x.Limit.After(x.Due) {
				s.Note += " · " + p.T("desk.stages.limit", "when", p.DateTime(x.Limit))
			}
			if x.Assumed {
				s.Note += " · " + p.T("desk.stages.assumed")
			}
			if v.Now.After(x.Limit) {
				s.Due = page.ChipView{Text: p.T("desk.stages.overdue"), Kind: "crit", Icon: "triangle-alert"}
			}
		case law.NotOwed:
			if x.Why != "shortcut" {
				continue
			}
			s.Note = say(p, o.Set.Shortcut.Text)
		case law.Stopped:
			if x.Why == intake.Concluded {
				s.Note = p.T("desk.stages.concluded")
			} else {
				s.Note = p.T("desk.stages.stopped", "why", named(p, "desk.rules.moment.", x.Why))
			}
		default:
			s.Note = p.T("desk.stages.state." + string(x.State))
		}
		s.Note = strings.Trim(s.Note+" · "+o.Set.Cites(x.Article), " ·")
		out = append(out, s)
	}
	return out
}

// lawTimes are the times in forms of an obligation, and what the verbs call them.
var lawTimes = map[string]string{"at": "at", "due": "due_at"}

// lawActs are the forms of an obligation that its set and the reader's rights allow.
func (d *Desk) lawActs(v *page.Visit, r intake.Report, o intake.Obligation, act string, wrong map[string]string) []templ.Component {
	p, at := v.P, "/desk/reports/"+r.UID+"/obligations/"+o.UID
	get := func(form, name string) string {
		if act == form {
			return strings.TrimSpace(v.R.PostFormValue(name))
		}
		return ""
	}
	bad := func(form, name string) string {
		if act == form {
			return wrong[name]
		}
		return ""
	}
	reason := func(form, hint string) templ.Component {
		return page.Field(p, page.FieldView{ID: form + "-reason", Name: "reason", Label: p.T("desk.stages.reason"), Hint: hint, Value: get(form, "reason"), Error: bad(form, "reason")})
	}
	when := func(form, name, label, hint string) templ.Component {
		return page.Field(p, page.FieldView{ID: form + "-" + name, Name: name, Type: "datetime-local", Width: "half", Label: label, Hint: hint, Value: get(form, name), Error: bad(form, lawTimes[name])})
	}
	form := func(name, title, do string, fields ...templ.Component) templ.Component {
		return section(name, title, adminForm(at+"/"+name, nil, fields, page.ButtonView{Text: do}))
	}
	var moments, stages, open, waived, recipients []page.SelectOption
	for _, m := range o.Set.Uses() {
		moments = append(moments, page.SelectOption{Value: string(m), Text: p.T("desk.rules.moment." + string(m)), Chosen: get("moment", "moment") == string(m)})
	}
	for _, x := range o.Set.Stages {
		if x.Need == law.OnRequest {
			stages = append(stages, page.SelectOption{Value: x.Code, Text: say(p, x.Name)})
		}
	}
	for _, x := range o.Owed {
		option := page.SelectOption{Value: x.Key(), Text: d.owedName(p, o, x)}
		switch {
		case x.Strict && (x.State == law.Running || x.State == law.Paused):
			open = append(open, option)
		case x.State == law.Waived:
			waived = append(waived, option)
		}
	}
	for _, x := range o.Set.Recipients {
		if !x.Each || len(o.States()) == 0 {
			recipients = append(recipients, page.SelectOption{Value: x.Code, Text: say(p, x.Name)})
		}
	}
	for _, x := range o.Owed {
		if x.Team && x.Of != "" {
			recipients = append(recipients, page.SelectOption{Value: x.Key(), Text: d.stageOf(p, o.Set.Code, x.Key())})
		}
	}
	out := []templ.Component{}
	if len(moments) > 0 {
		out = append(out, form("moment", p.T("desk.stages.moment"), p.T("desk.stages.moment.do"),
			page.Select(p, page.FieldView{ID: "moment-moment", Name: "moment", Label: p.T("desk.stages.what"), Error: bad("moment", "moment")}, moments),
			when("moment", "at", p.T("desk.col.when"), ""), reason("moment", p.T(map[bool]string{true: "desk.stages.moment.suspend_hint", false: "desk.stages.moment.hint"}[o.Set.Suspends]))))
	}
	if len(stages) > 0 {
		out = append(out, form("request", p.T("desk.stages.request"), p.T("desk.stages.request.do"),
			page.Select(p, page.FieldView{ID: "request-stage", Name: "stage", Label: p.T("desk.rules.stage"), Error: bad("request", "stage")}, stages),
			when("request", "due", p.T("desk.col.due"), p.T("desk.stages.request.hint")), reason("request", "")))
	}
	if o.EachState() {
		typed := strings.Join(o.States(), " ")
		if act == "states" {
			typed = get("states", "states")
		}
		out = append(out, form("states", p.T("desk.states"), p.T("desk.states.do"),
			page.Field(p, page.FieldView{ID: "states-states", Name: "states", Label: p.T("desk.states.which"), Hint: p.T("desk.states.hint"), Value: typed, Error: bad("states", "states"), Autocomplete: "off"}), reason("states", "")))
	}
	if len(recipients) > 0 {
		out = append(out, form("passed-on", p.T("desk.stages.passed_on"), p.T("desk.stages.passed_on.do"),
			page.Select(p, page.FieldView{ID: "passed-on-to", Name: "recipient", Label: p.T("desk.stages.recipient")}, recipients), when("passed-on", "at", p.T("desk.col.when"), ""), reason("passed-on", p.T("desk.stages.passed_on.hint"))))
	}
	if o.Set.Waive == law.ByTeam || v.By.Can(access.Approve) {
		if len(open) > 0 {
			out = append(out, form("waive", p.T("desk.stages.waive"), p.T("desk.stages.waive.do"), page.Select(p, page.FieldView{ID: "waive-key", Name: "key", Label: p.T("desk.rules.stage")}, open), reason("waive", "")))
		}
		if len(waived) > 0 {
			out = append(out, form("take-back", p.T("desk.stages.take_back"), p.T("desk.stages.take_back.do"), page.Select(p, page.FieldView{ID: "take-back-key", Name: "key", Label: p.T("desk.rules.stage")}, waived), reason("take-back", "")))
		}
	}
	return out
}

// lawAct does one thing to an obligation and shows its page again, with the problem where it was refused.
func (d *Desk) lawAct(v *page.Visit, act string, do func(uid string, get func(string) string, at func(string) (time.Time, error)) error) error {
	_, o, err := d.oneObligation(v) // the report in the address is the one it belongs to
	if err != nil {
		return err
	}
	get := func(name string) string { return strings.TrimSpace(v.R.PostFormValue(name)) }
	at := func(name string) (time.Time, error) {
		if get(name) == "" {
			return time.Time{}, nil
		}
		t, err := time.ParseInLocation(localMinute, get(name), d.Zone)
		if err != nil {
			var p errs.Problems
			p.Add(lawTimes[name], "error.date")
			return t, p.Err()
		}
		return t.UTC(), nil
	}
	err = do(o.UID, get, at)
	if errs.Is(err, errs.Invalid) || errs.Is(err, errs.Conflict) {
		return d.showObligation(v, act, err)
	}
	if err != nil {
		return err
	}
	return back(v, "/desk/reports/"+v.R.PathValue("report")+"/obligations/"+o.UID, "saved")
}

func (d *Desk) noteMoment(v *page.Visit) error {
	return d.lawAct(v, "moment", func(uid string, get func(string) string, at func(string) (time.Time, error)) error {
		when, err := at("at")
		if err == nil {
			_, err = d.Intake.NoteMoment(v.Ctx(), v.By, uid, law.Moment(get("moment")), when, get("reason"))
		}
		return err
	})
}

func (d *Desk) requestStage(v *page.Visit) error {
	return d.lawAct(v, "request", func(uid string, get func(string) string, at func(string) (time.Time, error)) error {
		due, err := at("due")
		if err == nil {
			_, err = d.Intake.RequestStage(v.Ctx(), v.By, uid, get("stage"), due, get("reason"))
		}
		return err
	})
}

func (d *Desk) waive(v *page.Visit) error {
	return d.lawAct(v, "waive", func(uid string, get func(string) string, _ func(string) (time.Time, error)) error {
		_, err := d.Intake.Waive(v.Ctx(), v.By, uid, get("key"), get("reason"))
		return err
	})
}

func (d *Desk) takeBackWaiver(v *page.Visit) error {
	return d.lawAct(v, "take-back", func(uid string, get func(string) string, _ func(string) (time.Time, error)) error {
		_, err := d.Intake.TakeBack(v.Ctx(), v.By, uid, get("key"), get("reason"))
		return err
	})
}

func (d *Desk) passedOnTo(v *page.Visit) error {
	return d.lawAct(v, "passed-on", func(uid string, get func(string) string, at func(string) (time.Time, error)) error {
		when, err := at("at")
		if err == nil {
			_, err = d.Intake.PassedOnTo(v.Ctx(), v.By, uid, get("recipient"), when, get("reason"))
		}
		return err
	})
}
