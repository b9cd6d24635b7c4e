package desk

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// sendingLetter is the form of the letter.
func (d *Desk) sendingLetter(v *page.Visit) error {
	x, _, err := d.Coordination.SendingOf(v.Ctx(), v.By, v.R.PathValue("sending"))
	if err != nil {
		return err
	}
	g := x.Give
	if g.DueAt.IsZero() && g.Text == "" && g.Request == "" && g.Questions == "" {
		g.DueAt = v.Now.Add(2 * day).Truncate(time.Hour)
	}
	return d.showSendingLetter(v, x.UID, g, nil, http.StatusOK)
}

func (d *Desk) showSendingLetter(v *page.Visit, uid string, g coordination.Give, wrong error, status int) error {
	x, lines, dry, err := d.Coordination.Lines(v.Ctx(), v.By, uid)
	if err != nil {
		return err
	}
	if g.ByRole == nil {
		g.ByRole = x.Give.ByRole
	}
	view, in, err := d.sendingFrame(v, x, "letter")
	if err != nil {
		return err
	}
	if x.State != coordination.SendingDraft {
		return v.See("/desk/sendings/" + x.UID)
	}
	p := v.P
	list, bad := refusal(v, wrong, map[string]string{"due_at": "due"})
	view.Problems, view.Wrong = list, wrong != nil
	var recommend []choice
	for _, r := range d.recommendations(in.Type, string(p.Lang())) {
		r.checked = slices.Contains(g.Recommendations, r.value)
		recommend = append(recommend, r)
	}
	due := ""
	if !g.DueAt.IsZero() {
		due = g.DueAt.In(d.Zone).Format("2006-01-02T15:04")
	}
	fields := []templ.Component{
		page.Field(p, page.FieldView{ID: "text", Name: "text", Label: p.T("desk.ask.text"), Hint: p.T("desk.sending.text.hint", "name", "{name}", "lines", "{lines}"), Rows: 5, Value: g.Text, Error: bad["text"]}),
		page.Field(p, page.FieldView{ID: "request", Name: "request", Label: p.T("desk.ask.request"), Hint: p.T("desk.ask.request.hint"), Rows: 4, Value: g.Request, Error: bad["request"]}),
	}
	fields = append(fields, roleFields(p, g, lines, bad)...)
	for _, l := range coordination.Groups(dry.Langs) {
		if len(g.ByRole) > 0 { // each part reads its own
			break
		}
		w := g.Words[l]
		say := func(key string) string {
			return p.T(key, "lang", text.Name(text.Lang(l)), "count", p.N("desk.many.readers", dry.Langs[l]))
		}
		fields = append(fields, page.Field(p, page.FieldView{ID: "text-" + l, Name: "text-" + l, Rows: 3, Label: say("desk.many.text"), Hint: p.T("desk.sending.words.hint"), Value: w.Text, Error: bad["text-"+l]}),
			page.Field(p, page.FieldView{ID: "request-" + l, Name: "request-" + l, Rows: 2, Label: say("desk.sending.request.in"), Value: w.Request, Error: bad["request-"+l]}))
	}
	sets, err := d.setOptions(v, g.Questions)
	if err != nil {
		return err
	}
	fields = append(fields, page.Select(p, page.FieldView{ID: "questions", Name: "questions", Label: p.T("desk.ask.questions"), Hint: p.T("desk.ask.questions.hint"), Error: bad["questions"]}, sets),
		choices(p, "recommendations", p.T("desk.ask.recommend"), "", recommend),
		page.Select(p, page.FieldView{ID: "valid_days", Name: "valid_days", Label: p.T("desk.ask.valid"), Hint: p.T("desk.ask.valid.hint"), Error: bad["valid_days"]}, dayOptions(p, g.ValidDays, "desk.ask.valid.ever")),
		page.Select(p, page.FieldView{ID: "check_days", Name: "check_days", Label: p.T("desk.ask.check"), Error: bad["check_days"]}, dayOptions(p, g.CheckDays, "desk.ask.check.never")),
		page.Field(p, page.FieldView{ID: "due", Name: "due", Type: "datetime-local", Label: p.T("desk.ask.due"), Width: "half", Value: due, Error: bad["due_at"]}),
		page.Select(p, page.FieldView{ID: "tlp", Name: "tlp", Label: p.T("desk.field.tlp"), Error: bad["tlp"]}, tlpOptions(g.TLP)))
	view.Body = append(view.Body, paragraph(p.T("desk.sending.letter.lead")), adminForm("/desk/sendings/"+x.UID+"/letter", versionOf(x), fields,
		page.ButtonView{Text: p.T("desk.sending.letter.do"), Kind: "primary"}))
	return v.ShowStatus(status, Admin(view))
}

func (d *Desk) writeSendingLetter(v *page.Visit) error {
	if err := v.R.ParseForm(); err != nil {
		return errFormNotRead
	}
	get := v.R.PostForm.Get
	g := coordination.Give{Text: get("text"), Request: get("request"), Questions: get("questions"), Recommendations: v.R.PostForm["recommendation"], Words: map[string]coordination.Words{}}
	for _, l := range text.Langs() {
		if w := (coordination.Words{Text: get("text-" + string(l)), Request: get("request-" + string(l))}); w != (coordination.Words{}) {
			g.Words[string(l)] = w
		}
	}
	g.ValidDays, _ = strconv.Atoi(get("valid_days"))
	g.CheckDays, _ = strconv.Atoi(get("check_days"))
	if l, err := tlp.Parse(get("tlp")); err == nil {
		g.TLP = l
	}
	was, _, err := d.Coordination.SendingOf(v.Ctx(), v.By, v.R.PathValue("sending"))
	if err != nil {
		return err
	}
	g.ByRole = typedByRole(v.R.PostForm, was.Give.ByRole)
	if g.DueAt, err = d.localTime(get("due")); err != nil {
		return err
	}
	x, err := d.Coordination.SetLetter(v.Ctx(), v.By, v.R.PathValue("sending"), version(v), g)
	if err == nil {
		return back(v, "/desk/sendings/"+x.UID, "saved")
	}
	if _, ok := plainRefusal(v, err); !ok {
		return err
	}
	return d.showSendingLetter(v, v.R.PathValue("sending"), g, err, errs.Of(err).HTTP())
}

// sendingLetterOf shows exactly what one party will receive.
func (d *Desk) sendingLetterOf(v *page.Visit) error {
	x, _, err := d.Coordination.SendingOf(v.Ctx(), v.By, v.R.PathValue("sending"))
	if err != nil {
		return err
	}
	l, lines, err := d.Coordination.Letter(v.Ctx(), v.By, x.UID, v.R.PathValue("organisation"))
	if err != nil {
		return err
	}
	view, _, err := d.sendingFrame(v, x, "parties")
	if err != nil {
		return err
	}
	p := v.P
	label := x.Give.TLP
	if label == 0 {
		label = tlp.Max(x.TLP, l.Party.TLP)
	}
	shown := PreviewLetter{Party: l.Party.Name, Reader: strings.Trim(l.Reader.Name+" <"+l.Reader.Email+">", " "), Lang: text.Name(text.Lang(l.Lang)), Road: roadChip(p, l.Road), TLP: label.Name(), Subject: l.Subject, Text: l.Text}
	if l.Reader.Email == "" {
		shown.Reader = p.T("desk.sending.to.portal")
	}
	if len(l.Hits) > 0 {
		shown.Warn = p.T("desk.ask.hits", "words", strings.Join(l.Hits, ", "))
	}
	view.Body = append(view.Body, section("letter", p.T("desk.sending.letter.of", "name", l.Party.Name), letters(p, []PreviewLetter{shown})))
	if l.Road.Road == egress.Notice {
		view.Body = append(view.Body, section("portal", p.T("desk.sending.letter.portal"), preformatted(p.T("desk.sending.letter.portal"), l.Letter)))
	}
	for i, f := range l.Files {
		if !utf8.Valid(f.Content) {
			continue
		}
		view.Body = append(view.Body, section("file-"+strconv.Itoa(i), f.Name, preformatted(f.Name, mail.NoLinks(mail.VisibleText(string(f.Content))))))
	}
	if len(lines) > 0 {
		t := page.TableView{Caption: p.T("desk.sending.evidence"), Columns: []page.Column{{Text: p.T("desk.sending.col.what")}, {Text: p.T("desk.sending.col.time")}, {Text: p.T("desk.sending.col.note")}}}
		for _, line := range lines[:min(len(lines), 200)] {
			at := ""
			if !line.At.IsZero() {
				at = line.At.UTC().Format(time.DateTime)
			}
			t.Rows = append(t.Rows, []templ.Component{page.Mono(coordination.Harmless(line.What)), page.Text(at), page.Text(line.Note)})
		}
		view.Body = append(view.Body, section("evidence", p.N("desk.sending.evidence.all", len(lines)), page.Table(t)))
	}
	return v.Show(Admin(view))
}
