package desk

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// lawRoutes are the legal stages of a report.
func (d *Desk) lawRoutes() []page.Route {
	read, triage, rules := page.Needs(access.ReadCases), page.Needs(access.Triage), page.Needs(access.ChangeRules)
	return []page.Route{
		{Pattern: "GET /desk/admin/rules", Need: rules, Serve: d.rules},
		{Pattern: "GET /desk/admin/rules/{set}", Need: rules, Serve: d.ruleSet},
		{Pattern: "GET /desk/significance/{threshold}", Need: read, Serve: d.significance},
		{Pattern: "GET /desk/reports/{report}/stages", Need: read, Serve: d.stages},
		{Pattern: "GET /desk/reports/{report}/stages/file", Need: triage, Serve: d.stageForm},
		{Pattern: "POST /desk/reports/{report}/stages/file", Need: triage, Serve: d.fileStage},
		{Pattern: "GET /desk/reports/{report}/obligations/{obligation}", Need: read, Serve: d.obligation},
		{Pattern: "POST /desk/reports/{report}/obligations/{obligation}/moment", Need: triage, Serve: d.noteMoment},
		{Pattern: "POST /desk/reports/{report}/obligations/{obligation}/request", Need: triage, Serve: d.requestStage},
		{Pattern: "POST /desk/reports/{report}/obligations/{obligation}/waive", Need: triage, Serve: d.waive},
		{Pattern: "POST /desk/reports/{report}/obligations/{obligation}/take-back", Need: triage, Serve: d.takeBackWaiver},
		{Pattern: "POST /desk/reports/{report}/obligations/{obligation}/passed-on", Need: triage, Serve: d.passedOnTo},
	}
}

func stagesAt(report string) string { return "/desk/reports/" + report + "/stages" }

// stages shows what the law asks of whom in one report, and what was handed in.
func (d *Desk) stages(v *page.Visit) error {
	r, err := d.openedReport(v)
	if err != nil {
		return err
	}
	p := v.P
	all, err := d.Intake.Obligations(v.Ctx(), d.DB, v.By, r.Ref.ID)
	if err != nil {
		return err
	}
	handed, err := d.Intake.Submissions(v.Ctx(), d.DB, v.By, r.UID)
	if err != nil {
		return err
	}
	names, err := d.affectedNames(v, r, all[r.Ref.ID])
	if err != nil {
		return err
	}
	t := page.TableView{Caption: p.T("desk.stages.obligations"), Columns: []page.Column{{Text: p.T("desk.stages.affected")}, {Text: p.T("desk.rules.law")}, {Text: p.T("desk.stages.next")}, {Text: p.T("desk.col.remaining")}, {Text: p.T("desk.col.due")}}}
	for _, o := range all[r.Ref.ID] {
		row := []templ.Component{link("/desk/reports/"+r.UID+"/obligations/"+o.UID, names[o.Organisation], o.Set.Short), twoLines(say(p, o.Set.Name), o.Set.Law), page.Text(p.T("desk.stages.nothing")), page.Text(""), page.Text("")}
		if x, ok := nextOwed(o); ok {
			row[2], row[3], row[4] = page.Text(d.owedName(p, o, x)), page.Clock(p, page.ClockView{Start: x.Start, Due: x.Due, Now: v.Now}), page.At(p, x.Due, v.Now)
		}
		t.Rows = append(t.Rows, row)
	}
	var body []templ.Component
	if len(t.Rows) > 0 {
		body = append(body, page.Table(t))
	} else {
		body = append(body, page.Empty(page.EmptyView{Icon: "list-checks", Title: p.T("desk.stages.none"), Note: p.T("desk.stages.none.note")}))
	}
	for i, x := range handed {
		body = append(body, section("s-"+strconv.Itoa(x.Number), p.T("desk.stages.number", "number", x.Number, "stage", d.stageOf(p, x.Set, x.Stage)), d.handedIn(v, r, handed[:i], x, len(x.For))))
	}
	if v.By.Can(access.Triage) && !r.Destroyed {
		body = append(body, section("file", p.T("desk.stages.file"), asking(stagesAt(r.UID)+"/file", []templ.Component{page.Select(p, page.FieldView{ID: "as", Name: "as", Label: p.T("desk.stages.as")}, d.stageOptions(p, ""))}, page.ButtonView{Text: p.T("desk.stages.go_on")})))
	}
	return v.Show(Admin(d.lawView(v, p.T("desk.stages.title", "reference", r.Reference), p.T("desk.stages.lead"), page.NavItem{Text: r.Reference, Href: "/desk/reports/" + r.UID}, body)))
}

func (d *Desk) lawView(v *page.Visit, heading, lead string, up page.NavItem, body []templ.Component) AdminView {
	return AdminView{DeskView: d.frame(v, "triage", heading), Heading: heading, Lead: lead, Up: up, Body: body}
}

// affectedNames gives the names of the organisations affected; 0 is whoever reported.
func (d *Desk) affectedNames(v *page.Visit, r intake.Report, all []intake.Obligation) (map[int64]string, error) {
	out := map[int64]string{0: cmp.Or(strings.TrimSpace(r.Body.OrgText), strings.TrimSpace(r.Body.Name), v.P.T("desk.report.unnamed"))}
	var ids []int64
	for _, o := range all {
		ids = append(ids, o.Organisation)
	}
	orgs, err := d.Constituency.ByID(v.Ctx(), d.DB, ids...)
	for id, o := range orgs {
		out[id] = o.Name
	}
	return out, err
}

// nextOwed gives what runs and is due first.
func nextOwed(o intake.Obligation) (law.Owed, bool) {
	var out law.Owed
	for _, x := range o.Owed {
		if x.State == law.Running && x.Strict && (out.Code == "" || x.Due.Before(out.Due)) {
			out = x
		}
	}
	return out, out.Code != ""
}

func (d *Desk) stageOf(p *text.Printer, set, key string) string {
	if name, ok := d.Intake.StageName(set, key, string(p.Lang())); ok {
		return name
	}
	return key
}

func (d *Desk) owedName(p *text.Printer, o intake.Obligation, x law.Owed) string {
	name := d.stageOf(p, o.Set.Code, x.Key())
	if x.Team {
		return p.T("desk.rules.pass_on", "to", name)
	}
	return name
}

// stageOptions are the stages of all sets under which something can be filed.
func (d *Desk) stageOptions(p *text.Printer, chosen string) []page.SelectOption {
	var out []page.SelectOption
	for _, s := range d.Intake.Laws.Sets() {
		if s.Nature == law.Pointer {
			continue
		}
		for _, x := range s.Stages {
			value := s.Code + ":" + x.Code
			out = append(out, page.SelectOption{Value: value, Text: say(p, s.Name) + " · " + say(p, x.Name), Chosen: value == chosen})
		}
	}
	return out
}

// handedIn shows one submission: when, how, and its answers, or what a correction changed.
func (d *Desk) handedIn(v *page.Visit, r intake.Report, before []intake.Submission, x intake.Submission, affected int) templ.Component {
	p := v.P
	facts := []page.Property{
		{Label: p.T("desk.stages.told"), Value: page.At(p, x.ToldAt, v.Now)},
		{Label: p.T("desk.stages.filed"), Value: page.At(p, x.FiledAt, v.Now)},
		{Label: p.T("desk.stages.for"), Value: page.Text(p.N("desk.stages.organisations", affected))},
		{Label: "SHA-256", Value: page.Mono(hexShort(x.Sum))},
	}
	if x.Corrects != 0 {
		facts = append(facts, page.Property{Label: p.T("desk.stages.corrects"), Value: page.Text(strconv.Itoa(x.Corrects))})
		for _, b := range before {
			if b.Number != x.Corrects {
				continue
			}
			for _, c := range d.Intake.Laws.Differ(b.Answers, x.Answers) {
				f, _ := d.Intake.Laws.Field(c.Field)
				facts = append(facts, page.Property{Label: say(p, f.Label), Value: page.Text(p.T("desk.stages.changed", "from", d.answerWords(p, f, c.From), "to", d.answerWords(p, f, c.To)))})
			}
		}
	} else {
		stage, _ := d.stageIn(x.Set, x.Stage)
		for _, f := range d.Intake.Laws.Asked(stage) {
			facts = append(facts, page.Property{Label: say(p, f.Label), Value: page.Text(d.answerWords(p, f, x.Answers[f.Code]))})
		}
	}
	list := []templ.Component{page.Properties(p, facts)}
	if v.By.Can(access.Triage) && !r.Destroyed && x.Corrects == 0 {
		list = append(list, page.Button(page.ButtonView{Text: p.T("desk.stages.correct"), Kind: "ghost", Icon: "pencil", Href: stagesAt(r.UID) + "/file?as=" + x.Set + ":" + x.Stage + "&corrects=" + strconv.Itoa(x.Number)}))
	}
	return several(list)
}

func hexShort(b []byte) string {
	const digits = "0123456789abcdef"
	out := make([]byte, 0, 16)
	for _, c := range b[:min(len(b), 8)] {
		out = append(out, digits[c>>4], digits[c&15])
	}
	return string(out)
}

func (d *Desk) stageIn(set, stage string) (law.Stage, law.Set) {
	s, _ := d.Intake.Laws.Set(set)
	x, _ := s.Stage(stage)
	return x, s
}

// answerWords writes an answer as it is read.
func (d *Desk) answerWords(p *text.Printer, f law.Field, value string) string {
	switch {
	case value == "" || value == law.Unknown:
		return p.T("common.not_known_yet")
	case f.Kind == law.YesNo:
		return named(p, "desk.rules.answer.", value)
	case f.Kind == law.Instant:
		if t, err := time.Parse(time.RFC3339, value); err == nil {
			return p.DateTime(t)
		}
	case f.Kind == law.Choice:
		for _, o := range f.Options {
			if o.Code == value {
				return say(p, o.Name)
			}
		}
	}
	return value
}

// typed is a stage as it was filled in.
type typed struct {
	set, stage, told, affected, class, message string
	corrects                                   int
	answers                                    map[string]string
}

// stageForm asks what the stage asks and is not known yet; a correction begins with what was handed in.
func (d *Desk) stageForm(v *page.Visit) error {
	q := v.R.URL.Query()
	in := typed{answers: map[string]string{}}
	in.set, in.stage, _ = strings.Cut(q.Get("as"), ":")
	in.corrects, _ = strconv.Atoi(q.Get("corrects"))
	return d.showStageForm(v, in, nil)
}

func (d *Desk) showStageForm(v *page.Visit, in typed, wrong error) error {
	r, err := d.openedReport(v)
	if err != nil {
		return err
	}
	stage, set := d.stageIn(in.set, in.stage)
	if in.set == "" { // it is chosen there
		return v.See(stagesAt(r.UID))
	}
	if stage.Code == "" {
		return errs.ErrNotFound
	}
	handed, err := d.Intake.Submissions(v.Ctx(), d.DB, v.By, r.UID)
	if err != nil {
		return err
	}
	known := intake.Known(handed, 0)
	ask := d.Intake.Laws.Rest(stage, known)
	p := v.P
	if in.corrects != 0 {
		ask = d.Intake.Laws.Asked(stage)
		for _, x := range handed {
			if x.Number == in.corrects && wrong == nil {
				for code, a := range x.Answers {
					in.answers[code] = a
				}
			}
		}
	}
	ids := map[string]string{"told_at": "told", "affected": "affected", "class": "class", "answers": "file-form"}
	for _, f := range ask {
		ids["answers."+f.Code] = "a-" + f.Code
	}
	list, by := problems(p, wrong, ids)
	view := FormView{
		DeskView: d.frame(v, "triage", p.T("desk.stages.file")), Heading: say(p, set.Name) + " · " + say(p, stage.Name), Lead: say(p, stage.Hint), Action: stagesAt(r.UID) + "/file", Problems: list,
		Hidden: []page.Hid{{Name: "set", Value: in.set}, {Name: "stage", Value: in.stage}, {Name: "corrects", Value: strconv.Itoa(in.corrects)}},
		Submit: page.ButtonView{Text: p.T("desk.stages.do"), Kind: "primary"}, More: []page.ButtonView{{Text: p.T("desk.cancel"), Href: stagesAt(r.UID)}},
	}
	view.Wrong = wrong != nil
	if in.corrects == 0 {
		came, err := d.cameOptions(v, r, in.message)
		if err != nil {
			return err
		}
		classes := []page.SelectOption{{Text: p.T("common.not_known_yet")}}
		for _, c := range set.Classes {
			classes = append(classes, page.SelectOption{Value: c.Code, Text: say(p, c.Name), Chosen: c.Code == in.class})
		}
		view.Fields = append(view.Fields, page.Select(p, page.FieldView{ID: "message", Name: "message", Label: p.T("desk.stages.came_in"), Hint: p.T("desk.stages.came_in.hint")}, came),
			page.Field(p, page.FieldView{ID: "told", Name: "told", Type: "datetime-local", Width: "half", Label: p.T("desk.stages.told"), Hint: p.T("desk.stages.told.hint"), Value: in.told, Error: by["told_at"]}),
			page.Field(p, page.FieldView{ID: "affected", Name: "affected", Rows: 3, Label: p.T("desk.stages.names"), Hint: p.T("desk.stages.names.hint"), Value: in.affected, Error: by["affected"]}))
		if len(set.Classes) > 0 {
			view.Fields = append(view.Fields, page.Select(p, page.FieldView{ID: "class", Name: "class", Label: p.T("desk.stages.class"), Error: by["class"]}, classes))
		}
	}
	for _, f := range ask {
		view.Fields = append(view.Fields, d.question(p, f, "a-", in.answers[f.Code], by["answers."+f.Code], nil))
	}
	var facts []page.Property
	for _, f := range d.Intake.Laws.Asked(stage) {
		if !slices.ContainsFunc(ask, func(x law.Field) bool { return x.Code == f.Code }) {
			facts = append(facts, page.Property{Label: say(p, f.Label), Value: page.Text(d.answerWords(p, f, known[f.Code]))})
		}
	}
	if len(set.Recipients) > 0 {
		var to []string
		for _, x := range set.Recipients {
			to = append(to, say(p, x.Name))
		}
		facts = append(facts, page.Property{Label: p.T("desk.stages.also_to"), Value: page.Text(strings.Join(to, ", "))})
	}
	if len(facts) > 0 {
		view.After = section("known", p.T("desk.stages.known"), page.Properties(p, facts))
	}
	status := 200
	if wrong != nil {
		status = errs.Of(wrong).HTTP()
	}
	return v.ShowStatus(status, Form(view))
}

// cameOptions are the messages in which a stage may have come.
func (d *Desk) cameOptions(v *page.Visit, r intake.Report, chosen string) ([]page.SelectOption, error) {
	out := []page.SelectOption{{Text: v.P.T("desk.stages.by_phone")}}
	all, err := d.Correspondence.Messages(v.Ctx(), d.DB, v.By, r.Thread)
	for _, m := range all {
		if m.Direction == correspondence.In {
			out = append(out, page.SelectOption{Value: m.UID, Text: strings.Trim(v.P.DateTime(m.At)+" · "+clip(m.Body.Subject, 60), " ·"), Chosen: m.UID == chosen})
		}
	}
	return out, err
}

// fileStage files what was filled in.
func (d *Desk) fileStage(v *page.Visit) error {
	get := func(name string) string { return strings.TrimSpace(v.R.PostFormValue(name)) }
	in := typed{set: get("set"), stage: get("stage"), told: get("told"), affected: get("affected"), class: get("class"), message: get("message"), answers: map[string]string{}}
	in.corrects, _ = strconv.Atoi(get("corrects"))
	stage, _ := d.stageIn(in.set, in.stage)
	var p errs.Problems
	x := intake.SubmitInput{Set: in.set, Stage: in.stage, Message: in.message, Channel: correspondence.ByPhone, Corrects: in.corrects, Class: in.class, Answers: law.Answers{}}
	for _, f := range d.Intake.Laws.Asked(stage) {
		a := get("q-" + f.Code)
		in.answers[f.Code] = a
		if f.Kind == law.Instant && a != "" {
			t, err := time.ParseInLocation(localMinute, a, d.Zone)
			if err != nil {
				p.Add("answers."+f.Code, "error.date")
				continue
			}
			a = t.UTC().Format(time.RFC3339)
			in.answers[f.Code] = a
		}
		x.Answers[f.Code] = a
	}
	if in.told != "" {
		t, err := time.ParseInLocation(localMinute, in.told, d.Zone)
		if err != nil {
			p.Add("told_at", "error.date")
		}
		x.ToldAt = t
	}
	var err error
	if x.Affected, err = d.affectedUIDs(v, in.affected, &p); err != nil {
		return err
	}
	if err = p.Err(); err == nil {
		_, err = d.Intake.Submit(v.Ctx(), v.By, v.R.PathValue("report"), x)
	}
	if errs.Is(err, errs.Invalid) {
		return d.showStageForm(v, in, err)
	}
	if err != nil {
		return err
	}
	return back(v, stagesAt(v.R.PathValue("report")), "saved")
}

// affectedUIDs finds organisations by their names in the register, one a line.
func (d *Desk) affectedUIDs(v *page.Visit, lines string, p *errs.Problems) ([]string, error) {
	var out []string
	for line := range strings.Lines(lines) {
		name := strings.TrimSpace(line)
		if name == "" {
			continue
		}
		found, err := d.Constituency.Find(v.Ctx(), v.By, constituency.Filter{Text: name, Limit: 50})
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(found.Items, func(o constituency.Organisation) bool { return strings.EqualFold(o.Name, name) })
		if i < 0 {
			p.Add("affected", "error.no_such_organisation")
			return nil, nil
		}
		out = append(out, found.Items[i].UID)
	}
	return out, nil
}

// one gives an obligation of the report in the path.
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
		{Label: p.T("desk.rules.law"), Value: twoLines(say(p, o.Set.Name), o.Set.Law)},
		{Label: p.T("desk.stages.class"), Value: page.Text(cmp.Or(classNames(p, o.Set, []string{o.Class}), p.T("common.not_known_yet")))},
		{Label: p.T("desk.rules.sure"), Value: page.Chip(sureChip(p, o.Set.Confirmed, o.Set.Sure()))},
	}
	if o.Began != o.Set.Version {
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
	var list []page.Problem
	if v.By.Can(access.Triage) && !r.Destroyed {
		ids := map[string]string{"moment": "moment-moment", "at": act + "-at", "reason": act + "-reason", "due_at": act + "-due", "stage": act + "-stage"}
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
			s.Note = p.T("desk.stages.stopped", "why", named(p, "desk.rules.moment.", x.Why))
		default:
			s.Note = p.T("desk.stages.state." + string(x.State))
		}
		s.Note = strings.Trim(s.Note+" · "+o.Set.Cites(x.Article), " ·")
		out = append(out, s)
	}
	return out
}

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
		return page.Field(p, page.FieldView{ID: form + "-" + name, Name: name, Type: "datetime-local", Width: "half", Label: label, Hint: hint, Value: get(form, name), Error: bad(form, map[string]string{"at": "at", "due": "due_at"}[name])})
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
		recipients = append(recipients, page.SelectOption{Value: x.Code, Text: say(p, x.Name)})
	}
	out := []templ.Component{}
	if len(moments) > 0 {
		out = append(out, form("moment", p.T("desk.stages.moment"), p.T("desk.stages.moment.do"),
			page.Select(p, page.FieldView{ID: "moment-moment", Name: "moment", Label: p.T("desk.stages.what"), Error: bad("moment", "moment")}, moments),
			when("moment", "at", p.T("desk.col.when"), ""), reason("moment", p.T("desk.stages.moment.hint"))))
	}
	if len(stages) > 0 {
		out = append(out, form("request", p.T("desk.stages.request"), p.T("desk.stages.request.do"),
			page.Select(p, page.FieldView{ID: "request-stage", Name: "stage", Label: p.T("desk.rules.stage"), Error: bad("request", "stage")}, stages),
			when("request", "due", p.T("desk.col.due"), p.T("desk.stages.request.hint")), reason("request", "")))
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
			p.Add(map[string]string{"due": "due_at"}[name], "error.date")
			if name == "at" {
				p[0].Name = "at"
			}
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
