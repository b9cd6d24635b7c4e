package public

import (
	"cmp"
	"encoding/hex"
	"slices"
	"strconv"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// soon gives what the link of a report shows, which the house writes within a moment of the sending; empty when it took longer.
func (x *Public) soon(v *page.Visit, code id.Secret) (intake.StatusView, error) {
	var look intake.StatusView
	_, err := x.wait(v, x.Patience, func() (err error) {
		look, err = intake.Look(v.Ctx(), x.DB, x.Clock, code)
		return err
	})
	return look, err
}

// wait looks again as long as look finds nothing, for so long at most, and tells whether it found something: the house takes a moment for what was sent.
func (x *Public) wait(v *page.Visit, most time.Duration, look func() error) (bool, error) {
	for until := time.Now().Add(most); ; {
		err := look()
		if !errs.Is(err, errs.NotFound) {
			return err == nil, err
		}
		if !time.Now().Before(until) {
			return false, nil
		}
		select {
		case <-v.Ctx().Done():
			return false, v.Ctx().Err()
		case <-time.After(40 * time.Millisecond):
		}
	}
}

// stages are what happens to a report: what laws ask of who reports, and what we do, with what is done and what comes now.
func (x *Public) stages(v *page.Visit, look intake.StatusView) []page.Stage {
	p := v.P
	order := map[string]int{intake.StatusReceived: 0, "": 0, intake.StatusLooking: 1, intake.StatusHandling: 2, intake.StatusPassedOn: 2, intake.StatusConcluded: 3}
	at := order[look.State]
	state := func(n int) string {
		switch {
		case n < at || (n == 0 && at == 0) || (n == 3 && at == 3):
			return "done"
		case n == at || (n == 1 && at == 0):
			return "now"
		}
		return "later"
	}
	done, owed := x.owed(v, look)
	out := []page.Stage{{Title: p.T("public.stage.received"), State: "done"}}
	if len(done) > 0 {
		out = done
	}
	second := page.Stage{Title: p.T("public.stage.looking"), Note: p.T("public.stage.looking.note"), State: state(1), Icon: "phone"}
	for _, c := range look.Clocks {
		if c.Owes == "us" && at < 2 {
			second.Note = p.T("public.stage.answer_by", "when", p.DateTime(c.DueAt))
		}
	}
	third := page.Stage{Title: p.T("public.stage.handling"), Note: p.T("public.stage.handling.note"), State: state(2), Icon: "users"}
	if look.State == intake.StatusPassedOn {
		third = page.Stage{Title: p.T("public.stage.passed_on"), Note: page.PassedTo(p, look.PassedOnTo), State: "now", Icon: "send"}
	}
	out = append(out, second, third)
	out = append(out, owed...)
	return append(out, page.Stage{Title: p.T("public.stage.concluded"), Note: p.T("public.stage.concluded.note"), State: state(3), Icon: "circle-check"})
}

// owed are the stages of laws: those handed in, and those to come.
func (x *Public) owed(v *page.Visit, look intake.StatusView) (done, owed []page.Stage) {
	p := v.P
	several := slices.ContainsFunc(look.Stages, func(s intake.StageView) bool { return s.Set != look.Stages[0].Set })
	for _, s := range look.Stages {
		name, ok := x.Laws.Names(s.Set, s.Key, string(p.Lang()))
		set, err := x.Laws.Set(s.Set)
		if !ok || err != nil {
			continue
		}
		stage, _ := set.Stage(stageOf(s.Key))
		y := page.Stage{Title: name, State: "later"}
		if several {
			y.Title = set.Short + " · " + name
		}
		switch s.State {
		case law.Met:
			y.State, y.Note = "done", p.T("public.stage.sent_at", "when", p.DateTime(s.MetAt))
			if s.Late {
				y.Note = p.T("public.stage.sent_late", "when", p.DateTime(s.MetAt), "due", p.DateTime(s.Limit))
			}
			done = append(done, y)
			continue
		case law.Waived, law.Stopped, law.NotOwed:
			continue
		case law.Paused:
			y.Due = page.ChipView{Text: p.T("public.stage.paused")}
		case law.NotYet:
			if stage.Need == law.OnRequest {
				continue // we have not asked for it
			}
			y.Note = stage.Hint.In(string(p.Lang()))
			if !stage.Within.Zero() {
				y.Due = page.ChipView{Text: x.when(p, set, stage)}
			}
		default:
			y.Note = stage.Hint.In(string(p.Lang()))
			switch {
			case s.Due.IsZero():
			case s.State == law.Offered:
				y.Due = page.ChipView{Text: p.T("public.stage.offered", "when", p.DateTime(s.Due))}
			case v.Now.After(cmpTime(s.Limit, s.Due)):
				y.Due = page.ChipView{Text: p.T("public.stage.late", "when", p.DateTime(s.Due)), Kind: "crit", Icon: "clock"}
			default:
				y.Due = page.ChipView{Text: p.T("public.stage.due", "when", p.DateTime(s.Due)), Kind: "warn", Icon: "clock"}
			}
			if look.Full && look.State != intake.StatusConcluded {
				y.Link, y.LinkText = "/r/next?set="+s.Set+"&stage="+stage.Code, p.T("public.stage.begin")
			}
		}
		if s.For > 1 {
			y.Note = p.N("public.stage.for", s.For) + " " + y.Note
		}
		owed = append(owed, y)
	}
	slices.SortStableFunc(owed, func(a, b page.Stage) int { return cmp.Compare(len(b.Link), len(a.Link)) })
	return done, owed
}

func cmpTime(a, b time.Time) time.Time {
	if a.IsZero() {
		return b
	}
	return a
}

// stageOf is the stage of something owed in rounds.
func stageOf(key string) string {
	for i := range key {
		if key[i] == '.' {
			return key[:i]
		}
	}
	return key
}

// lawful fills what laws say to the reporter.
func (x *Public) lawful(v *page.Visit, look intake.StatusView, into *Lawful) {
	for _, r := range look.Recipients {
		name, ok := x.Laws.Names(r.Set, r.Code, string(v.P.Lang()))
		if !ok {
			continue
		}
		if !r.At.IsZero() {
			name = v.P.T("public.recipient.passed", "name", name, "when", v.P.DateTime(r.At))
		}
		into.Recipients = append(into.Recipients, name)
	}
	if look.Crime != "" {
		into.Crime = x.Laws.Police(look.Crime, x.Country, string(v.P.Lang()))
	}
	into.Pointer = x.pointer(v.P, look.Personal)
	into.Marked = look.Behalf == intake.Unconfirmed
}

// handed are the submissions as they were frozen, with what each correction changed.
func (x *Public) handed(v *page.Visit, look intake.StatusView) []HandedIn {
	var out []HandedIn
	for _, h := range look.Handed {
		set, err := x.Laws.Set(h.Set)
		if err != nil {
			continue
		}
		stage, _ := set.Stage(h.Stage)
		name := stage.Name.In(string(v.P.Lang()))
		y := HandedIn{Title: strconv.Itoa(h.Number) + " · " + name, When: v.P.T("public.stage.sent_at", "when", v.P.DateTime(h.ToldAt)), Sum: hex.EncodeToString(h.Sum)}
		if h.Corrects != 0 {
			y.Title = strconv.Itoa(h.Number) + " · " + v.P.T("public.status.corrects", "stage", name, "number", h.Corrects)
			for _, b := range look.Handed {
				if b.Number == h.Corrects {
					y.Changed = x.changed(v.P, b.Answers, h.Answers)
				}
			}
		}
		if slices.Contains(look.Sheets, h.Number) {
			y.Sheet = sheetPath(h.Number)
		}
		for _, f := range x.Laws.Asked(stage) {
			if a, ok := h.Answers[f.Code]; ok {
				y.Rows = append(y.Rows, page.Answer{Question: labelOf(v.P, f), Value: intake.AnswerWords(v.P, f, a)})
			}
		}
		if look.Full && look.State != intake.StatusConcluded && len(h.Answers) > 0 {
			y.Correct = "/r/next?corrects=" + strconv.Itoa(h.Number)
		}
		out = append(out, y)
	}
	return out
}

// changed is what differs between two submissions, as a reader reads it.
func (x *Public) changed(p *text.Printer, before, after law.Answers) []Changed {
	var out []Changed
	for _, d := range x.Laws.Differ(before, after) {
		f, _ := x.Laws.Field(d.Field)
		if c := (Changed{Question: labelOf(p, f), From: intake.AnswerWords(p, f, d.From), To: intake.AnswerWords(p, f, d.To)}); c.From != c.To {
			out = append(out, c)
		}
	}
	return out
}

// said are the messages of the thread; what was handed in stands apart.
func said(p *text.Printer, look intake.StatusView) []Said {
	var out []Said
	for i, m := range look.Messages {
		if i == 0 && m.Direction == correspondence.In || m.Withheld {
			continue // the report itself
		}
		y := Said{Us: m.Direction == correspondence.Out, At: m.At, Text: m.Body.Text}
		if !m.WithdrawnAt.IsZero() {
			y.Text = p.T("public.status.withdrawn", "when", m.WithdrawnAt)
		}
		for _, f := range m.Body.Files {
			y.Files = append(y.Files, page.FileView{Name: f.Name, Size: f.Size})
		}
		out = append(out, y)
	}
	return out
}

// takeaways are what a reporter may take along.
func (x *Public) takeaways(v *page.Visit, look intake.StatusView) []page.ButtonView {
	var out []page.ButtonView
	if len(x.events(v, look)) > 0 {
		out = append(out, page.ButtonView{Text: v.P.T("public.calendar"), Icon: "calendar-clock", Href: "/r/deadlines.ics"})
	}
	if n := len(look.Sheets); n > 0 {
		out = append(out, page.ButtonView{Text: v.P.T("public.sheet"), Icon: "file-text", Href: sheetPath(look.Sheets[n-1])})
	}
	return out
}

func sheetPath(number int) string { return "/r/receipt.pdf?number=" + strconv.Itoa(number) }

// sheet gives the signed receipt of a submission. One that the house has not made yet is there in a moment.
func (x *Public) sheet(v *page.Visit) error {
	unlisted(v)
	code, look, err := x.look(v)
	if err != nil || !id.Valid(code.Reveal()) {
		return err
	}
	number, err := strconv.Atoi(v.R.URL.Query().Get("number"))
	if err != nil || !slices.Contains(look.Sheets, number) {
		return errs.ErrNotFound
	}
	var s intake.Sheet
	made, err := x.wait(v, 2*x.Patience, func() (err error) {
		s, err = intake.LookSheet(v.Ctx(), x.DB, code, look.Reference, number)
		return err
	})
	if err != nil {
		return err
	}
	if !made {
		v.W.Header().Set("Retry-After", "5")
		return intake.ErrSheetWaits
	}
	return page.PDF(v, s.Name, s.PDF)
}

// next shows what a later stage, or a correction, asks, and what we know already.
func (x *Public) next(v *page.Visit) error {
	unlisted(v)
	q := v.R.URL.Query()
	w, err := x.later(v, q.Get("set"), q.Get("stage"), q.Get("corrects"), q.Get("completes"))
	if err != nil || w == nil {
		return err
	}
	view := NextView{FormPage: x.formPage(v, w, w.heading(v.P), "/r/report", "/r/next"), Correction: w.draft.Corrects != 0, Completion: w.draft.Completes != 0, Hides: !w.look.Full}
	view.Code, view.Later, view.Sent, view.LangForm = "", false, true, ""
	view.Hidden = []page.Hid{{Name: "set", Value: w.asked[0].set.Code}, {Name: "stage", Value: w.asked[0].stage.Code}, {Name: "corrects", Value: strconv.Itoa(w.draft.Corrects)}, {Name: "completes", Value: strconv.Itoa(w.draft.Completes)}}
	known := w.look.Known()
	view.Known.Title = v.P.T("public.next.known")
	for _, f := range x.Laws.Asked(w.asked[0].stage) {
		ask := slices.ContainsFunc(x.questions(w, f.Part), func(y law.Field) bool { return y.Code == f.Code })
		if ask {
			view.Ask = append(view.Ask, labelOf(v.P, f))
		} else if w.look.Full {
			view.Known.Rows = append(view.Known.Rows, page.Answer{Question: labelOf(v.P, f), Value: intake.AnswerWords(v.P, f, known[f.Code])})
		}
	}
	view.Hint = w.asked[0].stage.Hint.In(string(v.P.Lang()))
	return v.Show(Next(view))
}

// later makes the form of a later stage of the report whose code the visitor holds; nil when the visitor was sent elsewhere. Only a code that never
// travelled in clear mail shows what was told before and takes what comes next; any takes what is missing in what was handed in.
func (x *Public) later(v *page.Visit, set, stage, corrects, completes string) (*writing, error) {
	code, look, err := x.look(v)
	if err != nil || !id.Valid(code.Reveal()) {
		return nil, err
	}
	w := &writing{code: code, look: look, draft: intake.Draft{Next: true, Boxes: map[string]string{}}}
	w.draft.Completes, _ = strconv.Atoi(completes)
	gap, open := gapOf(look, w.draft.Completes)
	if look.State == intake.StatusConcluded || !look.Full && !open || w.draft.Completes != 0 && !open { // it was filled meanwhile
		return nil, v.See("/r/report")
	}
	if open {
		i := slices.IndexFunc(look.Handed, func(h intake.HandedView) bool { return h.Number == gap.Number })
		if i < 0 {
			return nil, errs.ErrNotFound
		}
		corrects, set, stage = "", look.Handed[i].Set, look.Handed[i].Stage
	}
	if n, _ := strconv.Atoi(corrects); n != 0 {
		i := slices.IndexFunc(look.Handed, func(h intake.HandedView) bool { return h.Number == n })
		if i < 0 {
			return nil, errs.ErrNotFound
		}
		w.draft.Corrects, set, stage = n, look.Handed[i].Set, look.Handed[i].Stage
		w.draft.Boxes = x.boxesOf(look.Handed[i].Answers)
	}
	rules, err := x.Laws.Set(set)
	if err != nil {
		return nil, err
	}
	s, ok := rules.Stage(stage)
	if !ok || !slices.ContainsFunc(look.Handed, func(h intake.HandedView) bool { return h.Set == set }) {
		return nil, errs.ErrNotFound
	}
	class := ""
	for _, h := range look.Handed {
		if h.Set == set {
			class = h.Class
		}
	}
	w.draft.Filings = []intake.Filing{{Set: set, Stage: stage}}
	w.asked = []asked{{rules, s, class}}
	return w, nil
}

// begin begins the form of a later stage under the code of its report. One that was begun for the same stage goes on.
func (x *Public) begin(v *page.Visit) error {
	w, err := x.later(v, v.R.PostFormValue("set"), v.R.PostFormValue("stage"), v.R.PostFormValue("corrects"), v.R.PostFormValue("completes"))
	if err != nil || w == nil {
		return err
	}
	if wait, ok := x.known(v.R, w.code); !ok {
		return x.tooMany(v, "public.limit.form", wait)
	}
	fresh := w.draft
	if w.draft, err = intake.SaveDraft(v.Ctx(), x.DB, v.Now, w.code, func(d *intake.Draft) error {
		if d.Next && d.Corrects == fresh.Corrects && d.Completes == fresh.Completes && slices.Equal(d.Filings, fresh.Filings) {
			return nil
		}
		fresh.Once = id.New()
		*d = fresh
		return nil
	}); err != nil {
		return err
	}
	x.setDraft(v, w.code)
	if err := x.settle(v, w); err != nil {
		return err
	}
	return v.See(x.resume(w))
}

// gaps are what was handed in with questions left open.
func (x *Public) gaps(v *page.Visit, look intake.StatusView) []Gap {
	var out []Gap
	for _, g := range look.Gaps {
		i := slices.IndexFunc(look.Handed, func(h intake.HandedView) bool { return h.Number == g.Number })
		if i < 0 || look.State == intake.StatusConcluded {
			continue
		}
		name, _ := x.Laws.Names(look.Handed[i].Set, look.Handed[i].Stage, string(v.P.Lang()))
		y := Gap{Title: v.P.N("public.gap.title", len(g.Missing), "stage", name), Link: "/r/next?completes=" + strconv.Itoa(g.Number)}
		if !g.AskedAt.IsZero() {
			y.Asked = v.P.T("public.gap.asked", "when", v.P.DateTime(g.AskedAt))
		}
		for _, code := range g.Missing {
			if f, ok := x.Laws.Field(code); ok {
				y.Questions = append(y.Questions, labelOf(v.P, f))
			}
		}
		out = append(out, y)
	}
	return out
}

// events are the deadlines that run, for a calendar.
func (x *Public) events(v *page.Visit, look intake.StatusView) []page.Deadline {
	var out []page.Deadline
	if look.Reference == "" || look.State == intake.StatusConcluded {
		return nil
	}
	for _, s := range look.Stages {
		name, ok := x.Laws.Names(s.Set, s.Key, string(v.P.Lang()))
		if !ok || s.State != law.Running || s.Due.IsZero() {
			continue
		}
		out = append(out, page.Deadline{Key: s.Set + "/" + s.Key, Title: v.P.T("public.calendar.event", "stage", name, "reference", look.Reference), At: s.Due})
	}
	return out
}

// calendar gives the deadlines as a calendar file.
func (x *Public) calendar(v *page.Visit) error {
	unlisted(v)
	code, look, err := x.look(v)
	if err != nil || !id.Valid(code.Reveal()) {
		return err
	}
	return v.Calendar(code.Hash(), x.Site.Name, orDash(x.Site.Phone), x.events(v, look))
}
