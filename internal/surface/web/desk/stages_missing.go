package desk

import (
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

func missingAt(report string, number int) string {
	return stagesAt(report) + "/" + strconv.Itoa(number) + "/missing"
}

// gap shows what a submission left open, when that was asked for, and how to get it.
func (d *Desk) gap(v *page.Visit, r intake.Report, x intake.Missing) []templ.Component {
	p := v.P
	facts := []page.Property{{Label: p.T("desk.missing.open"), Value: page.Text(openFields(v, x.Fields))}}
	if !x.AskedAt.IsZero() {
		facts = append(facts, page.Property{Label: p.T("desk.missing.asked"), Value: page.At(p, x.AskedAt, v.Now)})
	}
	out := []templ.Component{page.Properties(p, facts)}
	if v.By.Can(access.Triage) && !r.Destroyed && r.Outward() != intake.StatusConcluded {
		out = append(out, page.Button(page.ButtonView{Text: p.T("desk.missing.ask"), Icon: "send", Href: missingAt(r.UID, x.Number)}),
			page.Button(page.ButtonView{Text: p.T("desk.missing.fill"), Kind: "ghost", Icon: "pencil", Href: stagesAt(r.UID) + "/file?as=" + x.Set.Code + ":" + x.Stage.Code + "&completes=" + strconv.Itoa(x.Number)}))
	}
	return out
}

func openFields(v *page.Visit, fields []law.Field) string {
	var out []string
	for _, f := range fields {
		out = append(out, say(v.P, f.Label))
	}
	return strings.Join(out, " · ")
}

func submissionNumber(v *page.Visit) (int, error) {
	n, err := strconv.Atoi(v.R.PathValue("number"))
	if err != nil || n < 1 {
		return 0, errs.ErrNotFound
	}
	return n, nil
}

// missing shows what is missing in a submission and the letter that would ask for it.
func (d *Desk) missing(v *page.Visit) error { return d.showMissing(v, nil) }

func (d *Desk) showMissing(v *page.Visit, refused error) error {
	r, err := d.openedReport(v)
	if err != nil {
		return err
	}
	n, err := submissionNumber(v)
	if err != nil {
		return err
	}
	p, at := v.P, missingAt(r.UID, n)
	seen, wrong := d.Intake.PreviewMissing(v.Ctx(), v.By, r.UID, n)
	if wrong != nil && !errs.Is(wrong, errs.Invalid) && !errs.Is(wrong, errs.Conflict) {
		return wrong
	}
	var body []templ.Component
	if len(seen.Fields) > 0 {
		body = append(body, section("open", p.T("desk.missing.open"), page.Prose(strings.Join(slices.Collect(lines(v, seen.Fields)), "\n"))))
	}
	if wrong == nil {
		facts := []page.Property{{Label: p.T("desk.forward.reader"), Value: twoLines(seen.Name, seen.To)}, {Label: p.T("desk.forward.road"), Value: page.Chip(roadChip(p, seen.Road))}, {Label: p.T("desk.forward.subject"), Value: page.Text(seen.Subject)}}
		how := p.T("desk.missing.waits")
		if seen.Answers {
			how = p.T("desk.missing.at_once")
		}
		letter := []templ.Component{page.Properties(p, append(facts, page.Property{Label: p.T("desk.missing.link"), Value: page.Text(how)})), framed(seen.Text)}
		if seen.Road.Road != egress.Refused && v.By.Can(access.SendOutside) {
			letter = append(letter, adminForm(at, nil, nil, page.ButtonView{Text: p.T("desk.missing.send"), Kind: "primary", Icon: "send"}))
		}
		body = append(body, section("letter", p.T("desk.forward.letter"), several(letter)))
	}
	if r.ReadOut() && len(seen.Fields) > 0 {
		body = append(body, section("code", p.T("desk.missing.code"), templ.Join(page.Prose(p.T("desk.missing.code.note")), adminForm(at+"/code", nil, nil, page.ButtonView{Text: p.T("desk.missing.code.do"), Icon: "phone"}))))
	}
	view := d.lawView(v, p.T("desk.missing.title", "number", n, "reference", r.Reference), p.T("desk.missing.lead"), page.NavItem{Text: p.T("desk.stages.title", "reference", r.Reference), Href: stagesAt(r.UID)}, body)
	if refused == nil && (errs.Is(wrong, errs.Conflict) || errs.Is(wrong, errs.Invalid) && !r.ReadOut()) {
		refused = wrong
	}
	if refused == nil {
		return v.Show(Admin(view))
	}
	said, _ := plainRefusal(v, refused)
	return wrongAdmin(v, view, errs.Of(refused).HTTP(), page.Problem{Text: said})
}

func lines(v *page.Visit, fields []law.Field) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, f := range fields {
			if !yield("– " + say(v.P, f.Label)) {
				return
			}
		}
	}
}

// askMissing sends what was shown.
func (d *Desk) askMissing(v *page.Visit) error {
	n, err := submissionNumber(v)
	if err != nil {
		return err
	}
	m, err := d.Intake.AskMissing(v.Ctx(), v.By, v.R.PathValue("report"), n)
	if errs.Is(err, errs.Conflict) || errs.Is(err, errs.Invalid) {
		return d.showMissing(v, err)
	}
	if err != nil {
		return err
	}
	done := "sent"
	if m.State == correspondence.Waiting { // over the limits of automatic mail: it waits in the outbox for a person
		done = "held"
	}
	return back(v, stagesAt(v.R.PathValue("report")), done)
}

// missingCode shows a code to read out, once.
func (d *Desk) missingCode(v *page.Visit) error {
	r, err := d.openedReport(v)
	if err != nil {
		return err
	}
	n, err := submissionNumber(v)
	if err != nil {
		return err
	}
	code, err := d.Intake.MissingCode(v.Ctx(), v.By, r.UID, n)
	if errs.Is(err, errs.Conflict) {
		return d.showMissing(v, err)
	}
	if err != nil {
		return err
	}
	p := v.P
	return v.Show(Admin(d.lawView(v, p.T("desk.missing.code"), "", page.NavItem{Text: p.T("desk.stages.title", "reference", r.Reference), Href: stagesAt(r.UID)}, []templ.Component{once(onceView{
		label: p.T("desk.missing.code"), secret: inFours(code.Reveal()), note: p.T("desk.missing.code.once"), on: stagesAt(r.UID), onText: p.T("desk.missing.code.done"),
	})})))
}

// inFours writes a code as it is read out.
func inFours(s string) string {
	var out []string
	for part := range slices.Chunk([]byte(s), 4) {
		out = append(out, string(part))
	}
	return strings.Join(out, " ")
}

// offered shows answers that came by a link of clear mail, beside what is known, for a person to file.
func (d *Desk) offered(v *page.Visit, r intake.Report, handed []intake.Submission) ([]templ.Component, error) {
	all, err := d.Intake.OfferedAnswers(v.Ctx(), d.DB, v.By, r.UID)
	if err != nil {
		return nil, err
	}
	p, known := v.P, intake.Told(handed)
	var out []templ.Component
	for _, x := range all {
		i := slices.IndexFunc(handed, func(h intake.Submission) bool { return h.Number == x.Number })
		if i < 0 {
			continue
		}
		stage, _ := d.stageIn(handed[i].Set, handed[i].Stage)
		var facts []page.Property
		for _, f := range d.Intake.Laws.Asked(stage) {
			switch a := x.Answers[f.Code]; {
			case a == "" || a == law.Unknown:
			case known[f.Code] != "" && known[f.Code] != law.Unknown && known[f.Code] != a:
				facts = append(facts, page.Property{Label: say(p, f.Label), Value: page.Text(p.T("desk.stages.changed", "from", answerWords(p, f, known[f.Code]), "to", answerWords(p, f, a)))})
			default:
				facts = append(facts, page.Property{Label: say(p, f.Label), Value: page.Text(answerWords(p, f, a))})
			}
		}
		acts := []templ.Component{page.Text(p.T("desk.missing.offered.note", "when", p.DateTime(x.At))), page.Properties(p, facts)}
		if v.By.Can(access.Triage) && v.By.Can(access.WorkCases) {
			at := "/desk/reports/" + r.UID + "/offered/" + x.Message
			acts = append(acts, adminForm(at, []page.Hid{{Name: "act", Value: "take"}}, nil, page.ButtonView{Text: p.T("desk.missing.offered.take"), Kind: "primary"}),
				adminForm(at, []page.Hid{{Name: "act", Value: "aside"}}, nil, page.ButtonView{Text: p.T("desk.missing.offered.aside"), Kind: "ghost"}))
		}
		out = append(out, section("offered-"+x.Message, p.T("desk.missing.offered", "number", x.Number, "stage", say(p, stage.Name)), several(acts)))
	}
	return out, nil
}

// takeOffered files them, or sets them aside.
func (d *Desk) takeOffered(v *page.Visit) error {
	take := v.R.PostFormValue("act") == "take"
	if !take && v.R.PostFormValue("act") != "aside" {
		return &errs.Error{Kind: errs.Invalid, Key: "error.choice", Text: "take, or aside"}
	}
	err := d.Intake.TakeOffered(v.Ctx(), v.By, v.R.PathValue("report"), v.R.PathValue("message"), take)
	if errs.Is(err, errs.Conflict) {
		return d.showStages(v, "", err)
	}
	if err != nil {
		return err
	}
	if take {
		return back(v, stagesAt(v.R.PathValue("report")), "filed")
	}
	return back(v, stagesAt(v.R.PathValue("report")), "saved")
}

// forOthers tells whether a submission is for an organisation other than the one that made the report.
func forOthers(r intake.Report, all []intake.Obligation, x intake.Submission) bool {
	return x.Organisation == 0 && slices.ContainsFunc(all, func(o intake.Obligation) bool {
		return o.Organisation != 0 && o.Organisation != r.Organisation && slices.Contains(x.For, o.Ref.ID)
	})
}

// sharing says whether the organisations affected read the reporter's words in the portal, and changes that.
func sharing(v *page.Visit, r intake.Report, x intake.Submission) templ.Component {
	p := v.P
	note, to, do := p.T("desk.share.no"), "yes", p.T("desk.share.do")
	if x.Shared {
		note, to, do = p.T("desk.share.yes"), "no", p.T("desk.share.undo")
	}
	if !v.By.Can(access.Triage) || r.Destroyed {
		return page.Text(note)
	}
	return templ.Join(page.Prose(note), adminForm(stagesAt(r.UID)+"/"+strconv.Itoa(x.Number)+"/share", []page.Hid{{Name: "shared", Value: to}}, nil, page.ButtonView{Text: do, Kind: "ghost"}))
}

// shareWords lets the organisations affected read the reporter's words, or takes that back.
func (d *Desk) shareWords(v *page.Visit) error {
	n, err := submissionNumber(v)
	if err != nil {
		return err
	}
	if err := d.Intake.ShareWords(v.Ctx(), v.By, v.R.PathValue("report"), n, v.R.PostFormValue("shared") == "yes"); err != nil {
		return err
	}
	return back(v, stagesAt(v.R.PathValue("report")), "saved")
}
