package portal

import (
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// What laws ask of the organisation: in its own reports, and in those that somebody else made for it. Of the latter it reads what was said of it, hands in
// its own next stage, and learns nothing of any other organisation in them.

func stageAt(c intake.OwnCase) string { return "/portal/stages/" + c.UID }

func caseTitle(v *page.Visit, c intake.OwnCase) string { return c.Set.Name.In(string(v.P.Lang())) }

func (d Deps) stageNamed(v *page.Visit, set, key string) string {
	name, _ := d.Intake.StageName(set, key, string(v.P.Lang()))
	return name
}

func (d Deps) caseItem(v *page.Visit, c intake.OwnCase) Item {
	item := Item{Icon: "siren", Title: caseTitle(v, c), Ref: c.Reference, Href: stageAt(c), When: c.ReceivedAt, Second: v.P.T("portal.case.by", "who", orUnnamed(v, c.Who))}
	if x, ok := c.Owes(); ok {
		item.Clock = clockView(v.Now, x.Start, x.Due)
		item.Second += " · " + v.P.T("portal.stage.owes", "stage", d.stageNamed(v, c.Set.Code, x.Key()))
	}
	return item
}

func orUnnamed(v *page.Visit, s string) string {
	if s == "" {
		return v.P.T("portal.case.unnamed")
	}
	return s
}

// cases lists the reports that somebody else made for the organisation.
func (d Deps) cases(v *page.Visit) error {
	list, err := d.Intake.CasesOfUs(v.Ctx(), v.By, v.R.URL.Query().Get("after"), 50)
	if err != nil {
		return err
	}
	view := ListView{PortalView: d.frame(v, "reports", v.P.T("portal.case.list")), Lead: v.P.T("portal.case.list.lead"), Next: nextPage(v, list.Next)}
	if view.Tabs, err = d.reportTabs(v); err != nil {
		return err
	}
	for _, c := range list.Items {
		view.Items = append(view.Items, d.caseItem(v, c))
	}
	view.Empty = page.EmptyView{Icon: "siren", Title: v.P.T("portal.case.none"), Note: v.P.T("portal.case.none.note")}
	return v.Show(List(view))
}

// oneCase shows what a law asks of the organisation in one report, what was said of it, and what it can hand in.
func (d Deps) oneCase(v *page.Visit) error {
	c, err := d.Intake.CaseOfUs(v.Ctx(), d.DB, v.By, v.R.PathValue("obligation"))
	if err != nil {
		return err
	}
	view := CaseView{PortalView: d.frame(v, "reports", caseTitle(v, c)), Reference: c.Reference, TLP: c.TLP.Name(), Back: "/portal/stages", BackText: v.P.T("portal.case.list"), Law: c.Set.LawIn(string(v.P.Lang()))}
	view.State = standingChip(v, caseState(c))
	if c.Foreign {
		view.Who = []page.Answer{{Question: v.P.T("portal.vouch.who"), Value: orUnnamed(v, c.Who)}, {Question: v.P.T("portal.vouch.when"), Value: v.P.DateTime(c.ReceivedAt)}}
		if slices.Contains(intake.Behalves, c.As) {
			view.Who = append(view.Who, page.Answer{Question: v.P.T("portal.vouch.as"), Value: v.P.T("public.behalf." + c.As)})
		}
	} else {
		view.Back, view.BackText = "/portal/reports/"+c.Report, c.Reference
	}
	open := caseState(c) != intake.StatusConcluded && v.By.Can(access.FileReport)
	for _, x := range c.Owed {
		if s, ok := d.owedStage(v, c, x, open); ok {
			view.Stages = append(view.Stages, s)
		}
	}
	for i := range c.Submissions {
		view.Handed = append(view.Handed, d.handedCard(v, c, i, open))
	}
	return v.Show(Case(view))
}

// caseState is never concluded while the organisation still owes a stage.
func caseState(c intake.OwnCase) string {
	if _, owes := c.Owes(); owes && c.State == intake.StatusConcluded {
		return intake.StatusHandling
	}
	return c.State
}

// owedStage is one step of the track; false for what is not shown.
func (d Deps) owedStage(v *page.Visit, c intake.OwnCase, x law.Owed, open bool) (page.Stage, bool) {
	s := page.Stage{Title: d.stageNamed(v, c.Set.Code, x.Key()), Icon: "pencil", State: "next"}
	stage, _ := c.Set.Stage(x.Code)
	switch {
	case x.Team || x.State == law.NotOwed || x.State == law.NotYet && stage.Need == law.OnRequest:
		return s, false
	case x.State == law.Met:
		s.State, s.Note = "done", v.P.DateTime(x.MetAt)
		if x.Late(v.Now) {
			s.Due = page.ChipView{Text: v.P.T("portal.case.late"), Kind: "warn"}
		}
		return s, true
	case x.State == law.Waived || x.State == law.Stopped:
		s.Note = v.P.T("portal.case." + string(x.State))
		return s, true
	case x.State == law.Paused:
		s.Note = v.P.T("public.stage.paused")
	case x.State == law.Running:
		s.State, s.Note, s.Due = "now", v.P.T("common.clock.due", "when", v.P.DateTime(x.Due)), dueChip(v, x.Due)
	default:
		s.Note = stage.Hint.In(string(v.P.Lang()))
	}
	if open && x.State != law.NotYet {
		s.Link, s.LinkText = stageAt(c)+"/file?stage="+x.Code, v.P.T("portal.case.file")
	}
	return s, true
}

// handedCard is one submission as the organisation reads it.
func (d Deps) handedCard(v *page.Visit, c intake.OwnCase, i int, open bool) HandedCard {
	x := c.Submissions[i]
	own := !c.Foreign || x.Organisation != 0
	name := d.stageNamed(v, x.Set, x.Stage)
	card := HandedCard{ID: "s-" + x.UID, Summary: page.SummaryView{Title: v.P.T("portal.case.handed", "stage", name, "when", v.P.DateTime(x.ToldAt))}}
	if !own {
		card.Note = v.P.T("portal.case.said_by", "who", orUnnamed(v, c.Who))
		if !x.Shared {
			card.Note += " · " + v.P.T("portal.case.wordless")
		}
	}
	stage, _ := c.Set.Stage(x.Stage)
	for _, f := range d.Intake.Laws.Asked(stage) {
		if a, ok := x.Answers[f.Code]; ok {
			card.Summary.Rows = append(card.Summary.Rows, page.Answer{Question: f.Label.In(string(v.P.Lang())), Value: intake.AnswerWords(v.P, f, a)})
		}
	}
	if x.Corrects != 0 {
		card.Note = strings.Trim(card.Note+" · "+v.P.T("portal.case.correction"), " ·")
		for _, b := range c.Submissions {
			if b.Number != x.Corrects {
				continue
			}
			for _, df := range d.Intake.Laws.Differ(b.Answers, x.Answers) {
				f, _ := d.Intake.Laws.Field(df.Field)
				card.Changed = append(card.Changed, ChangedAnswer{f.Label.In(string(v.P.Lang())), intake.AnswerWords(v.P, f, df.From), intake.AnswerWords(v.P, f, df.To)})
			}
		}
	}
	switch {
	case !open || x.Corrects != 0:
	case own:
		card.Act = page.ButtonView{Text: v.P.T("public.status.correct"), Href: stageAt(c) + "/file?corrects=" + x.UID}
	default:
		card.Act = page.ButtonView{Text: v.P.T("portal.case.own_words"), Href: stageAt(c) + "/file?stage=" + x.Stage}
	}
	return card
}

// filing is a stage that is filled in.
type filing struct {
	of       intake.OwnCase
	stage    law.Stage
	corrects intake.Submission // a submission of its own; Number is 0 for none
	ask      []law.Field
}

// filing finds what the address, or the form, hands in.
func (d Deps) filing(v *page.Visit, stage, corrects string) (filing, error) {
	c, err := d.Intake.CaseOfUs(v.Ctx(), d.DB, v.By, v.R.PathValue("obligation"))
	if err != nil {
		return filing{}, err
	}
	f := filing{of: c}
	if corrects != "" {
		i := slices.IndexFunc(c.Submissions, func(x intake.Submission) bool {
			return x.UID == corrects && x.Corrects == 0 && (!c.Foreign || x.Organisation != 0)
		})
		if i < 0 {
			return f, errs.ErrNotFound
		}
		f.corrects, stage = c.Submissions[i], c.Submissions[i].Stage
	}
	if x, ok := c.Owes(); ok && stage == "" { // what is due first
		stage = x.Code
	}
	var ok bool
	if f.stage, ok = c.Set.Stage(stage); !ok {
		return f, errs.ErrNotFound
	}
	if f.ask = d.Intake.Laws.Rest(f.stage, c.Known); f.corrects.Number != 0 {
		f.ask = d.Intake.Laws.Asked(f.stage)
	}
	return f, nil
}

// stageForm asks what the stage asks and is not known yet.
func (d Deps) stageForm(v *page.Visit) error {
	f, err := d.filing(v, v.R.URL.Query().Get("stage"), v.R.URL.Query().Get("corrects"))
	if err != nil {
		return err
	}
	typed := map[string]string{}
	answers := law.Answers{}
	if f.corrects.Number != 0 {
		answers = intake.LastOf(f.of.Submissions, f.corrects.Number).Answers
	}
	for code, a := range answers {
		q, _ := d.Intake.Laws.Field(code)
		if t, err := time.Parse(time.RFC3339, a); q.Kind == law.Instant && err == nil {
			t = t.In(v.P.Zone())
			typed["q-"+code+"-day"], typed["q-"+code+"-month"], typed["q-"+code+"-year"], typed["q-"+code+"-time"] = t.Format("2"), t.Format("1"), t.Format("2006"), t.Format("15:04")
			continue
		}
		typed["q-"+code] = a
	}
	return d.showStageForm(v, f, typed, nil)
}

var boxes = []string{"day", "month", "year", "time"}

func (d Deps) showStageForm(v *page.Visit, f filing, typed map[string]string, wrong []page.Problem) error {
	view := StageFormView{PortalView: d.frame(v, "reports", f.stage.Name.In(string(v.P.Lang()))), Action: stageAt(f.of) + "/file", Back: stageAt(f.of), BackText: f.of.Reference, Hint: f.stage.Hint.In(string(v.P.Lang())), Problems: wrong}
	view.Wrong = len(wrong) > 0
	view.Hidden = []page.Hid{{Name: "stage", Value: f.stage.Code}, {Name: "corrects", Value: f.corrects.UID}}
	part := 0
	for _, q := range f.ask {
		if q.Part != part {
			part = q.Part
			view.Parts = append(view.Parts, StagePart{Title: v.P.T("public.part." + string(rune('0'+part)))})
		}
		y := page.QuestionView{Code: q.Code, ID: "q-" + q.Code, Kind: q.Kind, Label: q.Label.In(string(v.P.Lang())), Value: typed["q-"+q.Code], Zone: v.P.ZoneName(), Error: problem(wrong, "q-"+q.Code)}
		if q.Hint != nil {
			y.Hint = q.Hint.In(string(v.P.Lang()))
		}
		for i, box := range boxes {
			id := y.ID + "-" + box
			y.Boxes[i] = typed[id]
			if slices.ContainsFunc(wrong, func(p page.Problem) bool { return p.Field == id }) {
				y.Wrong = append(y.Wrong, box)
				y.Error = problem(wrong, id)
			}
		}
		for _, o := range q.Options {
			y.Options = append(y.Options, page.OptionView{ID: y.ID + "-" + o.Code, Name: y.ID, Value: o.Code, Label: o.Name.In(string(v.P.Lang())), Checked: y.Value == o.Code})
		}
		last := &view.Parts[len(view.Parts)-1]
		last.Questions = append(last.Questions, y)
	}
	if f.corrects.Number == 0 {
		view.Known.Title = v.P.T("portal.case.known")
		for _, q := range d.Intake.Laws.Asked(f.stage) {
			if a := f.of.Known[q.Code]; a != "" && !slices.ContainsFunc(f.ask, func(y law.Field) bool { return y.Code == q.Code }) {
				view.Known.Rows = append(view.Known.Rows, page.Answer{Question: q.Label.In(string(v.P.Lang())), Value: intake.AnswerWords(v.P, q, a)})
			}
		}
	}
	status := 200
	if len(wrong) > 0 {
		status = errs.Invalid.HTTP()
	}
	return v.ShowStatus(status, StageForm(view))
}

// fileStage reads a stage, shows every answer before it is sent, and sends it.
func (d Deps) fileStage(v *page.Visit) error {
	in, err := read(v)
	if err != nil {
		return err
	}
	defer in.close()
	f, err := d.filing(v, in.get("stage"), in.get("corrects"))
	if err != nil {
		return err
	}
	answers, typed, wrong := d.stageAnswers(v, in, f)
	switch act := in.get("act"); {
	case len(wrong) > 0 || act == "change":
		return d.showStageForm(v, f, typed, wrong)
	case act != "send":
		return d.showStageCheck(v, f, typed, answers)
	}
	_, err = d.Intake.SubmitOwn(v.Ctx(), v.By, f.of.UID, intake.SubmitInput{Stage: f.stage.Code, Corrects: f.corrects.Number, Answers: answers})
	if typedWrong(err) {
		return d.showStageForm(v, f, typed, problems(v, err, d.controlsOf(f)))
	}
	if err != nil {
		return err
	}
	return v.See(stageAt(f.of) + "?done=reported")
}

// controlsOf leads what is wrong with an answer to its control.
func (d Deps) controlsOf(f filing) map[string]string {
	out := map[string]string{"answers": "stage-form"}
	for _, q := range f.ask {
		id := "q-" + q.Code
		switch q.Kind {
		case law.Instant:
			id += "-day"
		case law.YesNo:
			id += "-yes"
		case law.Choice:
			id += "-" + q.Options[0].Code
		}
		out["answers."+q.Code] = id
	}
	return out
}

// stageAnswers reads what was typed: the answers, the boxes word for word, and what is wrong.
func (d Deps) stageAnswers(v *page.Visit, in *form, f filing) (law.Answers, map[string]string, []page.Problem) {
	answers, typed := law.Answers{}, map[string]string{}
	var p errs.Problems
	for _, q := range f.ask {
		id := "q-" + q.Code
		if q.Kind == law.Instant {
			for _, box := range boxes {
				typed[id+"-"+box] = strings.TrimSpace(in.get(id + "-" + box))
			}
			if t := in.moment(id, true, &p); !t.IsZero() {
				answers[q.Code] = t.UTC().Format(time.RFC3339)
			}
			continue
		}
		typed[id] = strings.TrimSpace(in.get(id))
		a := typed[id]
		if q.Kind == law.Number {
			a = strings.NewReplacer(" ", "", "\u00a0", "", "\u202f", "").Replace(a)
		}
		if a == "" {
			a = law.Unknown
		}
		answers[q.Code] = a
	}
	d.Intake.Laws.Check(&p, answers, v.Now)
	return answers, typed, problems(v, p.Err(), d.controlsOf(f))
}

func (d Deps) showStageCheck(v *page.Visit, f filing, typed map[string]string, answers law.Answers) error {
	view := StageCheckView{PortalView: d.frame(v, "reports", v.P.T("public.check.title", "what", f.stage.Name.In(string(v.P.Lang())))), Action: stageAt(f.of) + "/file", Back: stageAt(f.of), BackText: f.of.Reference}
	view.Hidden = []page.Hid{mark(), {Name: "stage", Value: f.stage.Code}, {Name: "corrects", Value: f.corrects.UID}}
	view.Answers.Title = f.stage.Name.In(string(v.P.Lang()))
	for _, q := range f.ask {
		view.Answers.Rows = append(view.Answers.Rows, page.Answer{Question: q.Label.In(string(v.P.Lang())), Value: intake.AnswerWords(v.P, q, answers[q.Code])})
		id := "q-" + q.Code
		if q.Kind == law.Instant {
			for _, box := range boxes {
				view.Hidden = append(view.Hidden, page.Hid{Name: id + "-" + box, Value: typed[id+"-"+box]})
			}
			continue
		}
		view.Hidden = append(view.Hidden, page.Hid{Name: id, Value: typed[id]})
	}
	for _, r := range f.of.Set.Recipients {
		if len(r.Classes) == 0 || slices.Contains(r.Classes, f.of.Class) {
			view.Recipients = append(view.Recipients, r.Name.In(string(v.P.Lang()))+" ("+f.of.Set.Cites(r.Article)+")")
		}
	}
	view.Foreign = f.of.Foreign
	return v.Show(StageCheck(view))
}

func orNotKnown(p *text.Printer, s string) string {
	if s == "" {
		return p.T("common.not_known_yet")
	}
	return s
}
