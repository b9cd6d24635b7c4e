package desk

import (
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

const questionsAt = "/desk/questions"

// questionRoutes are typed questions: their sets, what a party says on the telephone, and what is in doubt by it.
func (d *Desk) questionRoutes() []page.Route {
	read, work := page.Needs(access.ReadCases), page.Needs(access.WorkCases)
	return []page.Route{
		{Pattern: "GET /desk/questions", Need: read, Serve: d.questionSets},
		{Pattern: "GET /desk/questions/{questions}", Need: read, Serve: d.questionSet},
		{Pattern: "POST /desk/questions/{questions}", Need: work, Serve: d.saveQuestions},
		{Pattern: "POST /desk/questions/{questions}/retire", Need: work, Serve: d.retireQuestions},
		{Pattern: "POST /desk/requests/{request}/questions", Need: work, Serve: d.takeDown},
		{Pattern: "POST /desk/parties/{party}/doubt", Need: work, Serve: d.doubtParty},
		{Pattern: "POST /desk/doubts/{doubt}/settle", Need: page.Needs(access.WriteRegistry), Serve: d.settleDoubt},
	}
}

func (d *Desk) setOptions(v *page.Visit, chosen string) ([]page.SelectOption, error) {
	sets, err := d.Coordination.QuestionSets(v.Ctx(), v.By, false)
	out := []page.SelectOption{{Value: "", Text: v.P.T("desk.ask.questions.none")}}
	for _, x := range sets {
		out = append(out, page.SelectOption{Value: x.Code, Text: x.Title.In(string(v.P.Lang())), Chosen: x.Code == chosen})
	}
	return out, err
}

// questionSets lists the sets that can be asked, and those that were retired.
func (d *Desk) questionSets(v *page.Visit) error {
	sets, err := d.Coordination.QuestionSets(v.Ctx(), v.By, true)
	if err != nil {
		return err
	}
	p, may := v.P, v.By.Can(access.WorkCases)
	t := page.TableView{Caption: p.T("desk.questions.title"), Columns: []page.Column{
		{Text: p.T("desk.questions.set")}, {Text: p.T("desk.questions.version"), Number: true}, {Text: p.T("desk.questions.count"), Number: true}, {Text: p.T("desk.col.state")}, {Text: p.T("desk.col.act")},
	}}
	for _, x := range sets {
		state := page.ChipView{Text: p.T("desk.questions.own"), Kind: "outline"}
		switch {
		case !x.RetiredAt.IsZero():
			state = page.ChipView{Text: p.T("desk.questions.retired")}
		case !x.UsedAt.IsZero():
			state = page.ChipView{Text: p.T("desk.questions.used"), Kind: "info"}
		case x.BuiltIn:
			state = page.ChipView{Text: p.T("desk.questions.built_in"), Kind: "outline"}
		}
		act := page.Text("")
		if may {
			b := page.ButtonView{Text: p.T("desk.questions.retire"), Kind: "ghost"}
			if !x.RetiredAt.IsZero() {
				b.Text = p.T("desk.questions.bring_back")
			}
			act = post(questionsAt+"/"+x.Code+"/retire", []page.Hid{{Name: "retire", Value: strconv.FormatBool(x.RetiredAt.IsZero())}}, b)
		}
		t.Rows = append(t.Rows, []templ.Component{
			link(questionsAt+"/"+x.Code, x.Title.In(string(p.Lang())), x.Code), page.Text(strconv.Itoa(x.Version)), page.Text(strconv.Itoa(len(x.Questions))), page.Chip(state), act,
		})
	}
	view := AdminView{DeskView: d.frame(v, "incidents", p.T("desk.questions.title")), Heading: p.T("desk.questions.title"), Lead: p.T("desk.questions.lead"), Body: []templ.Component{page.Table(t)}}
	if may {
		view.Acts = []page.ButtonView{{Text: p.T("desk.questions.new"), Icon: "plus", Href: questionsAt + "/new"}}
	}
	return v.Show(Admin(view))
}

func (d *Desk) questionSet(v *page.Visit) error {
	x := coordination.QuestionSet{Title: coordination.Wording{}}
	if code := v.R.PathValue("questions"); code != "new" {
		var err error
		if x, err = d.Coordination.QuestionSetOf(v.Ctx(), v.By, code, 0); err != nil {
			return err
		}
	}
	return v.Show(Admin(d.setView(v, x, x.Version, nil)))
}

// setView is the form of a set: each question in five languages, and room for one more.
func (d *Desk) setView(v *page.Visit, x coordination.QuestionSet, from int, wrong error) AdminView {
	p := v.P
	list, bad := problems(p, wrong, nil)
	for i := range list {
		list[i].Field = strings.ReplaceAll(list[i].Field, ".", "-")
	}
	words := func(at, label string, w coordination.Wording) (out []templ.Component) {
		for _, l := range text.Langs() {
			out = append(out, page.Field(p, page.FieldView{ID: strings.ReplaceAll(at, ".", "-") + "-" + string(l), Name: at + "." + string(l), Label: label + " (" + strings.ToUpper(string(l)) + ")", Value: w[string(l)], Error: bad[at+"."+string(l)], Autocomplete: "off"}))
		}
		return out
	}
	var fields []templ.Component
	if from == 0 {
		fields = append(fields, page.Field(p, page.FieldView{ID: "code", Name: "code", Label: p.T("desk.questions.code"), Hint: p.T("desk.questions.code.hint"), Value: x.Code, Width: "half", Error: bad["code"], Autocomplete: "off"}))
	}
	fields = append(fields, questionBox(p.T("desk.questions.of_set"), true, words("title", p.T("desk.questions.name"), x.Title)))
	shown := append(append([]coordination.Question{}, x.Questions...), coordination.Question{Kind: coordination.YesNo})
	for i, q := range shown {
		fields = append(fields, d.questionFields(p, i, q, i == len(shown)-1, words, bad))
	}
	view := AdminView{
		DeskView: d.frame(v, "incidents", p.T("desk.questions.title")), Heading: p.T("desk.questions.new"), Lead: p.T("desk.questions.edit.lead"),
		Up: page.NavItem{Text: p.T("desk.questions.title"), Href: questionsAt}, Problems: list,
	}
	at := questionsAt + "/new"
	if from != 0 {
		view.Heading, at = p.T("desk.questions.edit", "title", x.Title.In(string(p.Lang())), "version", from), questionsAt+"/"+x.Code
	}
	if !v.By.Can(access.WorkCases) {
		view.Body = fields
		return view
	}
	view.Body = []templ.Component{adminForm(at, []page.Hid{{Name: "from", Value: strconv.Itoa(from)}, {Name: "questions", Value: strconv.Itoa(len(shown))}}, fields,
		page.ButtonView{Text: p.T("desk.questions.save"), Kind: "primary"}, page.ButtonView{Text: p.T("desk.questions.more"), Name: "more", Value: "1"}, page.ButtonView{Text: p.T("desk.cancel"), Href: questionsAt})}
	return view
}

func (d *Desk) questionFields(p *text.Printer, i int, q coordination.Question, blank bool, words func(string, string, coordination.Wording) []templ.Component, bad map[string]string) templ.Component {
	at := "questions." + strconv.Itoa(i)
	id := strings.ReplaceAll(at, ".", "-")
	var kinds []page.SelectOption
	for _, k := range coordination.QuestionKinds() {
		kinds = append(kinds, page.SelectOption{Value: string(k), Text: p.T("desk.questions.kind." + string(k)), Chosen: k == q.Kind})
	}
	fields := []templ.Component{
		page.Field(p, page.FieldView{ID: id + "-code", Name: at + ".code", Label: p.T("desk.questions.code"), Value: q.Code, Width: "half", Error: bad[at+".code"], Autocomplete: "off"}),
		page.Select(p, page.FieldView{ID: id + "-kind", Name: at + ".kind", Label: p.T("desk.questions.kind"), Error: bad[at+".kind"]}, kinds),
		page.Option(page.OptionView{ID: id + "-required", Name: at + ".required", Value: "1", Label: p.T("desk.questions.required"), Checked: q.Required, Many: true}),
	}
	fields = append(fields, words(at+".text", p.T("desk.questions.text"), q.Text)...)
	var lines []string
	for _, o := range q.Options {
		line := []string{o.Code}
		for _, l := range text.Langs() {
			line = append(line, o.Text[string(l)])
		}
		lines = append(lines, strings.Join(line, " | "))
	}
	said := bad[at+".options"]
	for k, words := range bad {
		if said == "" && strings.HasPrefix(k, at+".options.") {
			said = words
		}
	}
	fields = append(fields, page.Field(p, page.FieldView{ID: id + "-options", Name: at + ".options", Label: p.T("desk.questions.options"), Hint: p.T("desk.questions.options.hint"), Rows: max(2, len(lines)), Value: strings.Join(lines, "\n"), Error: said}))
	if !blank {
		fields = append(fields, page.Option(page.OptionView{ID: id + "-drop", Name: at + ".drop", Value: "1", Label: p.T("desk.questions.drop"), Many: true}))
	}
	title := p.T("desk.questions.question", "number", i+1, "text", q.Text.In(string(p.Lang())))
	if blank {
		title = p.T("desk.questions.another")
	}
	open := false
	for k := range bad {
		open = open || strings.HasPrefix(k, at+".")
	}
	return questionBox(title, open, fields)
}

// readSet takes the form of a set apart; what was left empty or left out is no question.
func readSet(get func(string) string, code string) coordination.QuestionSet {
	x := coordination.QuestionSet{Code: code, Title: coordination.Wording{}}
	words := func(at string) coordination.Wording {
		w := coordination.Wording{}
		for _, l := range text.Langs() {
			if s := strings.TrimSpace(get(at + "." + string(l))); s != "" {
				w[string(l)] = s
			}
		}
		return w
	}
	x.Title = words("title")
	n, _ := strconv.Atoi(get("questions"))
	for i := range min(max(n, 0), 40) {
		at := "questions." + strconv.Itoa(i)
		q := coordination.Question{Code: strings.TrimSpace(get(at + ".code")), Kind: coordination.QuestionKind(get(at + ".kind")), Required: get(at+".required") != "", Text: words(at + ".text")}
		if get(at+".drop") != "" || (q.Code == "" && len(q.Text) == 0) {
			continue
		}
		for line := range strings.Lines(get(at + ".options")) {
			parts := strings.Split(line, "|")
			if strings.TrimSpace(line) == "" {
				continue
			}
			o := coordination.QuestionOption{Code: strings.TrimSpace(parts[0]), Text: coordination.Wording{}}
			for j, l := range text.Langs() {
				if j+1 < len(parts) {
					o.Text[string(l)] = strings.TrimSpace(parts[j+1])
				}
			}
			q.Options = append(q.Options, o)
		}
		x.Questions = append(x.Questions, q)
	}
	return x
}

func (d *Desk) saveQuestions(v *page.Visit) error {
	if err := v.R.ParseForm(); err != nil {
		return errFormNotRead
	}
	code := v.R.PathValue("questions")
	if code == "new" {
		code = v.R.PostForm.Get("code")
	}
	x := readSet(v.R.PostForm.Get, code)
	from, _ := strconv.Atoi(v.R.PostForm.Get("from"))
	if v.R.PostForm.Get("more") != "" {
		return v.Show(Admin(d.setView(v, x, from, nil)))
	}
	saved, err := d.Coordination.SaveQuestions(v.Ctx(), v.By, x, from)
	if len(errs.Fields(err)) > 0 {
		view := d.setView(v, x, from, err)
		view.Wrong = true
		return v.ShowStatus(errs.Of(err).HTTP(), Admin(view))
	}
	if err != nil {
		return err
	}
	return back(v, questionsAt+"/"+saved.Code, "saved")
}

func (d *Desk) retireQuestions(v *page.Visit) error {
	if err := d.Coordination.RetireQuestions(v.Ctx(), v.By, v.R.PathValue("questions"), v.R.PostFormValue("retire") == "true"); err != nil {
		return err
	}
	return back(v, questionsAt, "saved")
}

type requestView struct {
	text, due, answer string
	id                string // of the field that records an answer
	chip              page.ChipView
	replies           []replyView
	typed             *page.TypedForm // nil for a request in words, or one that takes nothing more
	typedAt           string
	problems          []page.Problem
}

func (d *Desk) requestView(v *page.Visit, q coordination.Request) requestView {
	x := requestView{text: q.Text, due: v.P.DateTime(q.DueAt)}
	switch q.State {
	case coordination.Replied, coordination.Accepted:
		x.chip = page.ChipView{Text: v.P.T("desk.party.answered"), Kind: "ok"}
	case coordination.Withdrawn:
		x.chip = page.ChipView{Text: v.P.T("desk.request.withdrawn")}
	default:
		x.chip = page.ChipView{Text: v.P.T("desk.request.open"), Kind: "warn"}
		x.answer, x.id = "/desk/requests/"+q.UID+"/answer", "said-"+q.UID
	}
	return x
}

// answerRequest records what a party said on the telephone.
func (d *Desk) answerRequest(v *page.Visit) error {
	q, err := d.Coordination.Answer(v.Ctx(), v.By, v.R.PathValue("request"), v.R.PostFormValue("text"), nil)
	if err != nil {
		return err
	}
	in, err := d.Incidents.ByID(v.Ctx(), d.DB, v.By, q.Subject.ID)
	if err != nil {
		return err
	}
	return back(v, "/desk/incidents/"+in[q.Subject.ID].Number+"/parties", "saved")
}

type replyView struct {
	line, note string
	said       []page.TypedAnswer
}

// wrongTyped is what was taken down and refused.
type wrongTyped struct {
	request  string
	form     page.TypedForm
	problems []page.Problem
}

// typedView is requestView with the typed questions of the request and what was answered.
func (d *Desk) typedView(v *page.Visit, q coordination.Request, wrong *wrongTyped) (requestView, error) {
	x := d.requestView(v, q)
	if q.QuestionSet == "" {
		return x, nil
	}
	q, err := d.Coordination.RequestOf(v.Ctx(), v.By, q.UID)
	if err != nil {
		return x, err
	}
	set := *q.Questions
	for i, a := range q.Replies {
		y := replyView{line: d.replyLine(v, a), note: a.Note, said: page.TypedAnswers(v.P, set, a.Given, a.Concerns)}
		if i == 0 {
			y.said = page.TypedAnswers(v.P, set, a.Whole, a.Concerns)
		}
		x.replies = append(x.replies, y)
	}
	if q.State == coordination.Withdrawn || !v.By.Can(access.WorkCases) {
		return x, nil
	}
	last, _ := q.Reply()
	form := page.NewTyped(v.P, "q-"+q.UID+"-", set, last.Whole, len(q.Replies) > 0 && !last.Concerns)
	if x.typed, x.typedAt = &form, "/desk/requests/"+q.UID+"/questions"; wrong != nil && wrong.request == q.UID {
		x.typed, x.problems = &wrong.form, wrong.problems
	}
	return x, nil
}

// replyLine says who answered, by which road and when.
func (d *Desk) replyLine(v *page.Visit, a coordination.Reply) string {
	when := v.P.DateTime(a.At)
	switch {
	case a.Ours:
		return v.P.T("desk.reply.taken_down", "who", a.By, "when", when)
	case a.Road == "link":
		return v.P.T("desk.reply.by_link", "when", when)
	case a.Road == "api":
		return v.P.T("desk.reply.by_api", "who", a.By, "when", when)
	}
	return v.P.T("desk.reply.by_portal", "who", a.By, "when", when)
}

// takeDown records what a party said on the telephone to typed questions.
func (d *Desk) takeDown(v *page.Visit) error {
	if err := v.R.ParseForm(); err != nil {
		return errFormNotRead
	}
	uid := v.R.PathValue("request")
	q, err := d.Coordination.RequestOf(v.Ctx(), v.By, uid)
	if err != nil {
		return err
	}
	if q.Questions == nil {
		return errs.ErrNotFound
	}
	form := page.NewTyped(v.P, "q-"+uid+"-", *q.Questions, nil, false)
	_, err = d.Coordination.AnswerQuestions(v.Ctx(), v.By, uid, form.Read(v.R.PostForm.Get, d.Zone))
	owner, again := d.Coordination.Owing(v.Ctx(), d.DB, v.By, q.Ref.ID)
	if again != nil {
		return again
	}
	at := owner[q.Ref.ID].UID
	if len(errs.Fields(err)) > 0 {
		return d.showParty(v, at, &wrongTyped{uid, form, form.Wrong(v.P, err)}, errs.Of(err).HTTP())
	}
	if err != nil {
		return err
	}
	return back(v, "/desk/parties/"+at, "saved")
}

// doubtParty notes that a party said that what we wrote about is not its own.
func (d *Desk) doubtParty(v *page.Visit) error {
	if err := d.Coordination.DoubtOf(v.Ctx(), v.By, v.R.PathValue("party")); err != nil {
		return err
	}
	return back(v, "/desk/parties/"+v.R.PathValue("party"), "saved")
}
