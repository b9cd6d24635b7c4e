package desk

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// lawRoutes are the legal stages of a report.
func (d *Desk) lawRoutes() []page.Route {
	read, triage, rules, send := page.Needs(access.ReadCases), page.Needs(access.Triage), page.Needs(access.ChangeRules), page.Needs(access.SendOutside)
	return []page.Route{
		{Pattern: "GET /desk/admin/rules", Need: rules, Serve: d.rules},
		{Pattern: "GET /desk/admin/rules/{set}", Need: rules, Serve: d.ruleSet},
		{Pattern: "GET /desk/significance/{threshold}", Need: read, Serve: d.significance},
		{Pattern: "GET /desk/reports/{report}/stages", Need: read, Serve: d.stages},
		{Pattern: "GET /desk/reports/{report}/stages/file", Need: triage, Serve: d.stageForm},
		{Pattern: "POST /desk/reports/{report}/stages/file", Need: triage, Serve: d.fileStage},
		{Pattern: "GET /desk/reports/{report}/stages/{number}/missing", Need: triage, Serve: d.missing},
		{Pattern: "POST /desk/reports/{report}/stages/{number}/missing", Need: send, Serve: d.askMissing},
		{Pattern: "POST /desk/reports/{report}/stages/{number}/missing/code", Need: triage, Serve: d.missingCode},
		{Pattern: "POST /desk/reports/{report}/stages/{number}/share", Need: triage, Serve: d.shareWords},
		{Pattern: "POST /desk/reports/{report}/offered/{message}", Need: triage, Serve: d.takeOffered},
		{Pattern: "POST /desk/reports/{report}/confirm", Need: triage, Serve: d.confirmBehalf},
		{Pattern: "POST /desk/reports/{report}/vouch", Need: send, Serve: d.askVouch},
		{Pattern: "GET /desk/reports/{report}/obligations/{obligation}", Need: read, Serve: d.obligation},
		{Pattern: "POST /desk/reports/{report}/obligations/{obligation}/moment", Need: triage, Serve: d.noteMoment},
		{Pattern: "POST /desk/reports/{report}/obligations/{obligation}/request", Need: triage, Serve: d.requestStage},
		{Pattern: "POST /desk/reports/{report}/obligations/{obligation}/waive", Need: triage, Serve: d.waive},
		{Pattern: "POST /desk/reports/{report}/obligations/{obligation}/take-back", Need: triage, Serve: d.takeBackWaiver},
		{Pattern: "POST /desk/reports/{report}/obligations/{obligation}/passed-on", Need: triage, Serve: d.passedOnTo},
		{Pattern: "POST /desk/reports/{report}/obligations/{obligation}/states", Need: triage, Serve: d.nameStates},
		{Pattern: "GET /desk/reports/{report}/obligations/{obligation}/forward", Need: send, Serve: d.forward},
		{Pattern: "POST /desk/reports/{report}/obligations/{obligation}/forward", Need: send, Serve: d.sendForward},
		{Pattern: "POST /desk/reports/{report}/obligations/{obligation}/forwards/{forward}/confirm", Need: triage, Serve: d.confirmForward},
	}
}

func stagesAt(report string) string { return "/desk/reports/" + report + "/stages" }

// stages shows what the law asks of whom in one report, and what was handed in.
func (d *Desk) stages(v *page.Visit) error { return d.showStages(v, "", nil) }

// showStages shows them, with what is wrong with the organisation that was to be asked who speaks for it.
func (d *Desk) showStages(v *page.Visit, typed string, wrong error) error {
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
		row := []templ.Component{link("/desk/reports/"+r.UID+"/obligations/"+o.UID, names[o.Organisation], o.Set.Short), twoLines(say(p, o.Set.Name), o.Set.LawIn(string(p.Lang()))), page.Text(p.T("desk.stages.nothing")), page.Text(""), page.Text("")}
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
	offered, err := d.offered(v, r, handed)
	if err != nil {
		return err
	}
	body = append(body, offered...)
	gaps, err := d.Intake.Gaps(v.Ctx(), d.DB, v.By, r.UID)
	if err != nil {
		return err
	}
	for i, x := range handed {
		shown := []templ.Component{d.handedIn(v, r, handed[:i], x, names)}
		if forOthers(r, all[r.Ref.ID], x) {
			shown = append(shown, sharing(v, r, x))
		}
		if m, ok := gaps[x.Number]; ok {
			shown = append(shown, d.gap(v, r, m)...)
		}
		body = append(body, section("s-"+strconv.Itoa(x.Number), p.T("desk.stages.number", "number", x.Number, "stage", d.stageOf(p, x.Set, x.Stage)), several(shown)))
	}
	if names := r.Body.Affected; len(names) > 0 {
		var act templ.Component = templ.NopComponent
		if len(handed) > 0 && v.By.Can(access.Triage) {
			act = page.Button(page.ButtonView{Text: p.T("desk.affected.file"), Href: stagesAt(r.UID) + "/file?like=" + strconv.Itoa(handed[0].Number)})
		}
		body = append(body, section("named", p.N("desk.affected.named", len(names)), templ.Join(page.Prose(strings.Join(names, "\n")), act)))
	}
	behalf, err := d.behalf(v, r, typed, wrong)
	if err != nil {
		return err
	}
	body = append(body, behalf...)
	if v.By.Can(access.Triage) && !r.Destroyed {
		body = append(body, section("file", p.T("desk.stages.file"), asking(stagesAt(r.UID)+"/file", []templ.Component{page.Select(p, page.FieldView{ID: "as", Name: "as", Label: p.T("desk.stages.as")}, d.stageOptions(p, ""))}, page.ButtonView{Text: p.T("desk.stages.go_on")})))
	}
	view := d.lawView(v, p.T("desk.stages.title", "reference", r.Reference), p.T("desk.stages.lead"), page.NavItem{Text: r.Reference, Href: "/desk/reports/" + r.UID}, body)
	if wrong == nil {
		return v.Show(Admin(view))
	}
	view.Problems, _ = problems(p, wrong, map[string]string{"organisation": "organisation"})
	return v.ShowStatus(errs.Of(wrong).HTTP(), Admin(view))
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
func (d *Desk) handedIn(v *page.Visit, r intake.Report, before []intake.Submission, x intake.Submission, names map[int64]string) templ.Component {
	p := v.P
	facts := []page.Property{
		{Label: p.T("desk.stages.told"), Value: page.At(p, x.ToldAt, v.Now)},
		{Label: p.T("desk.stages.filed"), Value: page.At(p, x.FiledAt, v.Now)},
		{Label: p.T("desk.stages.for"), Value: page.Text(p.N("desk.stages.organisations", len(x.For)))},
		{Label: "SHA-256", Value: page.Mono(hexOf(x.Sum))},
	}
	if x.Organisation != 0 {
		facts = append(facts, page.Property{Label: p.T("desk.stages.own"), Value: page.Text(names[x.Organisation])})
	}
	if x.Corrects != 0 {
		facts = append(facts, page.Property{Label: p.T("desk.stages.corrects"), Value: page.Text(strconv.Itoa(x.Corrects))})
		for _, b := range before {
			if b.Number != x.Corrects {
				continue
			}
			for _, c := range d.Intake.Laws.Differ(b.Answers, x.Answers) {
				f, _ := d.Intake.Laws.Field(c.Field)
				facts = append(facts, page.Property{Label: say(p, f.Label), Value: page.Text(p.T("desk.stages.changed", "from", answerWords(p, f, c.From), "to", answerWords(p, f, c.To)))})
			}
		}
	} else {
		stage, _ := d.stageIn(x.Set, x.Stage)
		for _, f := range d.Intake.Laws.Asked(stage) {
			facts = append(facts, page.Property{Label: say(p, f.Label), Value: page.Text(answerWords(p, f, x.Answers[f.Code]))})
		}
	}
	list := []templ.Component{page.Properties(p, facts)}
	if v.By.Can(access.Triage) && !r.Destroyed && x.Corrects == 0 && x.Organisation == 0 {
		list = append(list, page.Button(page.ButtonView{Text: p.T("desk.stages.correct"), Kind: "ghost", Icon: "pencil", Href: stagesAt(r.UID) + "/file?as=" + x.Set + ":" + x.Stage + "&corrects=" + strconv.Itoa(x.Number)}))
	}
	return several(list)
}

func (d *Desk) stageIn(set, stage string) (law.Stage, law.Set) {
	s, _ := d.Intake.Laws.Set(set)
	x, _ := s.Stage(stage)
	return x, s
}

func answerWords(p *text.Printer, f law.Field, a string) string {
	return cmp.Or(intake.AnswerWords(p, f, a), p.T("common.not_known_yet"))
}
