package desk

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/domain/playbook"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// manyRoutes are acts over a whole group of reports.
func (d *Desk) manyRoutes() []page.Route {
	triage, read := page.Needs(access.Triage), page.Needs(access.ReadCases)
	return []page.Route{
		{Pattern: "GET /desk/triage/group", Need: triage, Serve: d.group},
		{Pattern: "POST /desk/triage/group", Need: triage, Serve: d.actOnGroup, MaxBody: maxGroup},
		{Pattern: "GET /desk/triage/runs/{run}", Need: read, Serve: d.run},
		{Pattern: "POST /desk/triage/runs/{run}/cancel", Need: triage, Serve: d.cancelRun},
		{Pattern: "POST /desk/triage/runs/{run}/undo", Need: triage, Serve: d.undoRun},
	}
}

// maxGroup is what the form of a group may weigh: the names of its reports, and letters in five languages.
const maxGroup = 1 << 20

// groupOf gives the reports of a group that the reader sees, by uid.
func (d *Desk) groupOf(v *page.Visit, like string) ([]string, error) {
	var out []string
	for f := (intake.QueueFilter{Like: like, Limit: 200}); ; {
		list, err := d.Intake.Queue(v.Ctx(), v.By, f)
		if err != nil {
			return nil, err
		}
		for _, l := range list.Items {
			out = append(out, l.UID)
		}
		if f.After = list.Next; f.After == "" {
			return out, nil
		}
	}
}

// group shows who stands in a group, and asks what becomes of all of them.
func (d *Desk) group(v *page.Visit) error {
	like := v.R.URL.Query().Get("like")
	if like == "" {
		return v.See("/desk/triage")
	}
	reports, err := d.groupOf(v, like)
	if err != nil {
		return err
	}
	if len(reports) == 0 {
		return v.See("/desk/triage")
	}
	return d.showGroup(v, like, reports, nil)
}

func (d *Desk) showGroup(v *page.Visit, like string, reports []string, wrong error) error {
	p := v.P
	get := v.R.PostFormValue
	unproved := get("unproved") != ""
	readers, err := d.Intake.Readers(v.Ctx(), v.By, reports, unproved)
	if err != nil {
		return err
	}
	langs, left, answered := map[string]int{}, map[string]int{}, 0
	for _, r := range readers {
		if r.Why == "" {
			answered++
		}
		if r.Why == "" || r.Why == "desk.run.left.unproved" {
			langs[spoken(r.Lang)]++
		}
		if r.Why != "" {
			left[r.Why]++
		}
	}
	langs["en"] += 0 // every other language is answered in English
	facts := []page.Property{{Label: p.T("desk.many.first"), Value: page.To(reportTitle(p, readers[0].Report), "/desk/reports/"+readers[0].Report.UID)}, {Label: p.T("desk.many.reports"), Value: page.Text(strconv.Itoa(len(readers)))}, {Label: p.T("desk.many.answered"), Value: page.Text(strconv.Itoa(answered))}}
	for _, why := range slices.Sorted(maps.Keys(left)) {
		facts = append(facts, page.Property{Label: p.T(why), Value: page.Text(strconv.Itoa(left[why]))})
	}
	list, bad := problems(p, wrong, map[string]string{"text": "text-en", "reason": "reason", "note": "note", "incident": "incident", "to": "to", "reports": "answer", "unproved": "unproved"})
	hidden := []page.Hid{{Name: "like", Value: like}}
	for _, r := range reports {
		hidden = append(hidden, page.Hid{Name: "report", Value: r})
	}
	begin, err := d.beginLetters(v)
	if err != nil {
		return err
	}
	fields := []templ.Component{page.Select(p, page.FieldView{ID: "template", Name: "template", Label: p.T("desk.many.template"), Hint: p.T("desk.many.template.hint")}, begin.options)}
	for _, l := range text.Langs() {
		n, here := langs[string(l)]
		if !here {
			continue
		}
		say := func(key string) string { return p.T(key, "lang", text.Name(l), "count", p.N("desk.many.readers", n)) }
		subject := page.FieldView{ID: "subject-" + string(l), Name: "subject-" + string(l), Label: say("desk.many.subject"), Value: begin.of(l).Subject}
		words := page.FieldView{ID: "text-" + string(l), Name: "text-" + string(l), Rows: 6, Label: say("desk.many.text"), Hint: p.T("desk.many.text.hint", "name", "{name}", "reference", "{reference}"), Value: begin.of(l).Text}
		if l == text.EN {
			words.Hint, words.Error = p.T("desk.many.text.hint.en", "name", "{name}", "reference", "{reference}", "police", "{police}"), bad["text"]
		}
		fields = append(fields, page.Field(p, subject), page.Field(p, words))
	}
	fields = append(fields, page.Option(page.OptionView{ID: "unproved", Name: "unproved", Value: "1", Label: p.T("desk.many.unproved"), Hint: p.T("desk.many.unproved.hint"), Checked: unproved, Many: true}))
	var why []page.SelectOption
	if why, err = d.reasonOptions(v, get("reason")); err != nil {
		return err
	}
	reject := []templ.Component{
		page.Select(p, page.FieldView{ID: "reason", Name: "reason", Label: p.T("desk.reject.reason"), Error: bad["reason"]}, why),
		page.Field(p, page.FieldView{ID: "note", Name: "note", Rows: 2, Label: p.T("desk.many.note"), Value: get("note"), Error: bad["note"]}),
	}
	body := []templ.Component{page.Properties(p, facts)}
	if v.By.Can(access.SendOutside) {
		body = append(body, section("answer", p.T("desk.many.answer"), adminForm("/desk/triage/group", append(slices.Clone(hidden), page.Hid{Name: "action", Value: intake.RunAnswer}), fields,
			page.ButtonView{Text: p.T("desk.many.answer"), Kind: "primary", Icon: "send"}, page.ButtonView{Text: p.T("desk.many.template.do"), Name: "act", Value: "template"})))
	}
	attach := []templ.Component{page.Field(p, page.FieldView{ID: "incident", Name: "incident", Label: p.T("desk.many.incident"), Hint: p.T("desk.attach.ref.hint"), Value: get("incident"), Error: bad["incident"], Width: "half", Autocomplete: "off"})}
	with := func(action string) []page.Hid {
		return append(slices.Clone(hidden), page.Hid{Name: "action", Value: action})
	}
	body = append(body, section("accept", p.T("desk.many.accept"), adminForm("/desk/triage/group", with("accept"), []templ.Component{paragraph(p.T("desk.many.accept.hint"))}, page.ButtonView{Text: p.T("desk.many.accept.do"), Icon: "check"})),
		section("attach", p.T("desk.many.attach"), adminForm("/desk/triage/group", with(intake.RunAttach), attach, page.ButtonView{Text: p.N("desk.many.attach.do", len(readers))})))
	pass := []page.ButtonView{{Text: p.N("desk.many.pass_on.do", len(readers))}}
	if v.By.Can(access.SendOutside) {
		pass = append(pass, page.ButtonView{Text: p.T("desk.pass_on.by_letter"), Icon: "send", Name: "act", Value: "letter"})
	}
	body = append(body, section("pass-on", p.T("desk.pass_on.title"), adminForm("/desk/triage/group", with(intake.RunPassOn), []templ.Component{
		page.Select(p, page.FieldView{ID: "to", Name: "to", Label: p.T("desk.pass_on.to"), Error: bad["to"]}, authorities(p, get("to"))),
		page.Field(p, page.FieldView{ID: "pass-note", Name: "note", Rows: 2, Label: p.T("desk.many.note"), Value: get("note")}),
	}, pass...)))
	body = append(body, section("reject", p.T("desk.many.reject"), adminForm("/desk/triage/group", append(slices.Clone(hidden), page.Hid{Name: "action", Value: intake.RunReject}), reject,
		page.ButtonView{Text: p.N("desk.many.reject.do", len(readers))})))
	view := AdminView{
		DeskView: d.frame(v, "triage", p.T("desk.many.title")), Heading: p.T("desk.many.title"), Lead: p.T("desk.many.lead"),
		Up: page.NavItem{Text: p.T("desk.nav.triage"), Href: "/desk/triage?like=" + like}, Body: body,
	}
	if wrong == nil {
		return v.Show(Admin(view))
	}
	if len(list) == 0 {
		said, _ := plainRefusal(v, wrong)
		list = []page.Problem{{Text: said}}
	}
	return wrongAdmin(v, view, errs.Of(wrong).HTTP(), list...)
}

// letterBegin is what the letters of an answer begin with: what was typed, or a letter of the playbook.
type letterBegin struct {
	options []page.SelectOption
	of      func(l text.Lang) intake.Words
}

// wroteToReporters are the letters of the playbook that a group of reporters can be sent.
var wroteToReporters = []string{playbook.KnownWave, playbook.FirstAnswer, playbook.CloseReporter}

func (d *Desk) beginLetters(v *page.Visit) (letterBegin, error) {
	get := v.R.PostFormValue
	out := letterBegin{options: []page.SelectOption{{Value: "", Text: v.P.T("desk.many.template.none")}}, of: func(l text.Lang) intake.Words {
		return intake.Words{Subject: get("subject-" + string(l)), Text: get("text-" + string(l))}
	}}
	names, err := d.Names(v.Ctx(), v.By.Account)
	if err != nil {
		return out, err
	}
	for _, code := range wroteToReporters {
		t, err := d.Playbook.Template(code, string(v.P.Lang()))
		if err != nil {
			return out, err
		}
		out.options = append(out.options, page.SelectOption{Value: code, Text: t.Subject, Chosen: code == get("template")})
		if get("act") != "template" || code != get("template") {
			continue
		}
		fill := strings.NewReplacer("{handler}", names[v.By.Account], "{phone}", d.Site.Phone)
		out.of = func(l text.Lang) intake.Words {
			t, _ := d.Playbook.Template(code, string(l)) // it was found above
			return intake.Words{Subject: fill.Replace(t.Subject), Text: fill.Replace(t.Text)}
		}
	}
	return out, nil
}

// spoken is the language in which a reporter is answered.
func spoken(lang string) string {
	if slices.Contains(text.Langs(), text.Lang(lang)) {
		return lang
	}
	return string(text.EN)
}

// actOnGroup begins a run over the reports that were shown.
func (d *Desk) actOnGroup(v *page.Visit) error {
	get := func(name string) string { return strings.TrimSpace(v.R.PostFormValue(name)) }
	in := intake.RunInput{Action: get("action"), Reports: v.R.PostForm["report"], Reason: get("reason"), Note: get("note"), Unproved: get("unproved") != "", Letters: map[string]intake.Words{}}
	for _, l := range text.Langs() {
		if w := (intake.Words{Subject: get("subject-" + string(l)), Text: get("text-" + string(l))}); w != (intake.Words{}) {
			in.Letters[string(l)] = w
		}
	}
	in.Incident, in.To = strings.ToUpper(get("incident")), get("to")
	switch {
	case len(in.Reports) == 0:
	case in.Action == intake.RunAnswer && get("act") == "template":
		return d.showGroup(v, get("like"), in.Reports, nil)
	case in.Action == intake.RunPassOn && get("act") != "":
		return d.passGroup(v, in)
	}
	if in.Action == "accept" && len(in.Reports) > 0 {
		opened, err := d.Incidents.Open(v.Ctx(), v.By, incident.NewIncident{Reports: in.Reports[:1], Handler: v.By.Account})
		if err != nil {
			return err
		}
		if len(in.Reports) == 1 {
			return back(v, "/desk/incidents/"+opened.Number, "accepted")
		}
		in.Action, in.Incident, in.Reports = intake.RunAttach, opened.Number, in.Reports[1:]
	}
	if in.Action == intake.RunAttach && in.Incident != "" {
		if _, err := d.Incidents.Get(v.Ctx(), d.DB, v.By, in.Incident); errs.Is(err, errs.NotFound) {
			var p errs.Problems
			p.Add("incident", "error.choose")
			return d.showGroup(v, get("like"), in.Reports, p.Err())
		}
	}
	run, err := d.Intake.StartRun(v.Ctx(), v.By, in)
	if errs.Is(err, errs.Invalid) && len(in.Reports) > 0 || errs.Is(err, errs.Unauthenticated) {
		return d.showGroup(v, get("like"), in.Reports, err)
	}
	if err != nil {
		return err
	}
	return v.See("/desk/triage/runs/" + run.UID)
}

// run shows how far an act over many came.
func (d *Desk) run(v *page.Visit) error {
	r, err := d.Intake.GetRun(v.Ctx(), v.By, v.R.PathValue("run"))
	if err != nil {
		return err
	}
	p, at := v.P, "/desk/triage/runs/"+r.UID
	facts := []page.Property{
		{Label: p.T("desk.many.state"), Value: page.Text(p.T("desk.many.state." + string(r.State)))},
		{Label: p.T("desk.many.done"), Value: page.Text(p.T("desk.many.of", "done", r.Done, "all", r.All))},
		{Label: p.T("desk.many.begun"), Value: page.At(p, r.StartedAt, v.Now)},
	}
	if !r.EndedAt.IsZero() {
		facts = append(facts, page.Property{Label: p.T("desk.many.ended"), Value: page.At(p, r.EndedAt, v.Now)})
	}
	if r.Undone > 0 {
		facts = append(facts, page.Property{Label: p.T("desk.many.undone"), Value: page.Text(strconv.Itoa(r.Undone))})
	}
	for _, why := range slices.Sorted(maps.Keys(r.Why)) {
		facts = append(facts, page.Property{Label: p.T(why), Value: page.Text(strconv.Itoa(r.Why[why]))})
	}
	body := []templ.Component{page.Properties(p, facts)}
	if r.State == intake.Running || r.State == intake.Undoing {
		body = append(body, page.Button(page.ButtonView{Text: p.T("desk.many.again"), Icon: "refresh-cw", Href: at}))
	}
	if v.By.Can(access.Triage) {
		if r.State == intake.Running {
			body = append(body, adminForm(at+"/cancel", nil, nil, page.ButtonView{Text: p.T("desk.many.cancel")}))
		}
		if r.State == intake.Running || r.State == intake.RunDone || r.State == intake.Cancelled {
			body = append(body, adminForm(at+"/undo", nil, nil, page.ButtonView{Text: p.T("desk.many.undo"), Kind: "ghost", Icon: "undo-2"}), second(p.T("desk.many.undo.hint")))
		}
	}
	if r.Waits() {
		body = append(body, second(p.T("desk.many.second")), page.Button(page.ButtonView{Text: p.T("desk.nav.outbox"), Href: "/desk/outbox"}))
	}
	title := p.T("desk.many.run." + r.Action)
	return v.ShowStatus(http.StatusOK, Admin(AdminView{DeskView: d.frame(v, "triage", title), Heading: title, Up: page.NavItem{Text: p.T("desk.nav.triage"), Href: "/desk/triage"}, Body: body}))
}

func (d *Desk) cancelRun(v *page.Visit) error {
	return d.turnRun(v, d.Intake.CancelRun(v.Ctx(), v.By, v.R.PathValue("run")))
}

func (d *Desk) undoRun(v *page.Visit) error {
	return d.turnRun(v, d.Intake.UndoRun(v.Ctx(), v.By, v.R.PathValue("run")))
}

// turnRun shows the run again: also when it was over before.
func (d *Desk) turnRun(v *page.Visit, err error) error {
	if err != nil && !errs.Is(err, errs.Conflict) {
		return err
	}
	return v.See("/desk/triage/runs/" + v.R.PathValue("run"))
}
