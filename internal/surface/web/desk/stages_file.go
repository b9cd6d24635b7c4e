package desk

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// typed is a stage as it was filled in.
type typed struct {
	set, stage, told, affected, class, message string
	corrects, completes                        int
	like                                       int // number of a submission that is filed for others too
	answers                                    map[string]string
}

// stageForm asks what the stage asks and is not known yet; a correction begins with what was handed in.
func (d *Desk) stageForm(v *page.Visit) error {
	q := v.R.URL.Query()
	in := typed{answers: map[string]string{}}
	in.set, in.stage, _ = strings.Cut(q.Get("as"), ":")
	in.corrects, _ = strconv.Atoi(q.Get("corrects"))
	in.completes, _ = strconv.Atoi(q.Get("completes"))
	in.like, _ = strconv.Atoi(q.Get("like"))
	if in.like == 0 {
		return d.showStageForm(v, in, nil)
	}
	r, err := d.openedReport(v)
	if err != nil {
		return err
	}
	x, ok, err := d.submissionLike(v, r.UID, in.like)
	if err != nil || !ok {
		return orAbsent(err)
	}
	in.set, in.stage, in.told, in.affected = x.Set, x.Stage, x.ToldAt.In(d.Zone).Format(localMinute), strings.Join(r.Body.Affected, "\n")
	return d.showStageForm(v, in, nil)
}

// submissionLike gives a submission by its number.
func (d *Desk) submissionLike(v *page.Visit, report string, number int) (intake.Submission, bool, error) {
	all, err := d.Intake.Submissions(v.Ctx(), d.DB, v.By, report)
	i := slices.IndexFunc(all, func(x intake.Submission) bool { return x.Number == number })
	if err != nil || i < 0 {
		return intake.Submission{}, false, err
	}
	return all[i], true, nil
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
	known := intake.Told(handed)
	ask := d.Intake.Laws.Rest(stage, known)
	if in.completes != 0 {
		gaps, err := d.Intake.Gaps(v.Ctx(), d.DB, v.By, r.UID)
		if err != nil {
			return err
		}
		ask = gaps[in.completes].Fields
	}
	p := v.P
	if in.corrects != 0 {
		ask = d.Intake.Laws.Asked(stage)
		for _, x := range handed {
			if x.Number == in.corrects && wrong == nil {
				maps.Copy(in.answers, x.Answers)
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
		Hidden: []page.Hid{{Name: "set", Value: in.set}, {Name: "stage", Value: in.stage}, {Name: "corrects", Value: strconv.Itoa(in.corrects)}, {Name: "completes", Value: strconv.Itoa(in.completes)}, {Name: "like", Value: strconv.Itoa(in.like)}},
		Submit: page.ButtonView{Text: p.T("desk.stages.do"), Kind: "primary"}, More: []page.ButtonView{{Text: p.T("desk.cancel"), Href: stagesAt(r.UID)}},
	}
	view.Wrong = wrong != nil
	if in.corrects == 0 && in.completes == 0 {
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
			facts = append(facts, page.Property{Label: say(p, f.Label), Value: page.Text(answerWords(p, f, known[f.Code]))})
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
	status := http.StatusOK
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
	in.completes, _ = strconv.Atoi(get("completes"))
	in.like, _ = strconv.Atoi(get("like"))
	stage, _ := d.stageIn(in.set, in.stage)
	var p errs.Problems
	x := intake.SubmitInput{Set: in.set, Stage: in.stage, Message: in.message, Channel: correspondence.ByPhone, Corrects: in.corrects, Completes: in.completes, Class: in.class, Answers: law.Answers{}}
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
	if in.like != 0 { // what was told once holds for the others too
		like, _, err := d.submissionLike(v, v.R.PathValue("report"), in.like)
		if err != nil {
			return err
		}
		for code, a := range like.Answers {
			if x.Answers[code] == "" {
				x.Answers[code] = a
			}
		}
		if len(x.Affected) == 0 {
			p.Add("affected", "error.required")
		}
	}
	if err = p.Err(); err == nil {
		_, err = d.Intake.Submit(v.Ctx(), v.By, v.R.PathValue("report"), x)
	}
	if errs.Is(err, errs.Invalid) {
		return d.showStageForm(v, in, err)
	}
	if errors.Is(err, intake.ErrNothingNew) {
		return d.showStages(v, "", err)
	}
	if err != nil {
		return err
	}
	return back(v, stagesAt(v.R.PathValue("report")), "saved")
}

// affectedUIDs finds organisations by their names in the register, one a line.
func (d *Desk) affectedUIDs(v *page.Visit, lines string, p *errs.Problems) ([]string, error) {
	var out, unknown []string
	if strings.Count(strings.TrimSpace(lines), "\n") >= intake.MaxAffected {
		p.Add("affected", "error.too_many", "most", intake.MaxAffected)
		return nil, nil
	}
	var names []string
	for line := range strings.Lines(lines) {
		if name := strings.TrimSpace(line); name != "" {
			names = append(names, name)
		}
	}
	found, err := d.Constituency.NamedMany(v.Ctx(), v.By, names...)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if o, ok := found[name]; ok {
			out = append(out, o.UID)
		} else {
			unknown = append(unknown, clip(name, 100))
		}
	}
	if n := len(unknown); n > 0 {
		const told = 10 // the rest is found when these are mended
		p.Add("affected", "error.organisations_unknown", "names", strings.Join(unknown[:min(n, told)], " · "))
		return nil, nil
	}
	return out, nil
}

func orAbsent(err error) error {
	if err == nil {
		return errs.ErrNotFound
	}
	return err
}
