package public

import (
	"errors"
	"net/http"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// received is the receipt: what arrived, the reference, the private link, what happens next.
func (x *Public) received(v *page.Visit) error {
	code, ok := codeOf(v.R)
	reference, valid := id.ParseReference(v.R.URL.Query().Get("ref"))
	if !ok || !valid {
		return errs.ErrNotFound
	}
	view := ReceiptView{
		PublicView: x.frame(v, "report", v.P.T("public.received.title")),
		Receipt:    page.ReceiptView{Title: v.P.T("public.received.title"), When: v.P.DateTime(v.Now), Reference: reference},
		Status:     x.URL + "/r/" + code.Reveal(),
	}
	look, err := intake.Look(v.Ctx(), x.DB, x.Clock, code)
	switch {
	case err == nil && look.Reference == reference:
		view.Receipt.When = v.P.DateTime(look.ReceivedAt)
	case err != nil && !errs.Is(err, errs.NotFound):
		return err
	}
	view.Stages = x.stages(v, look)
	view.Advice = Meanwhile(view)
	return v.Show(Receipt(view))
}

// stages are what happens to a report, with what is done and what comes now.
func (x *Public) stages(v *page.Visit, look intake.StatusView) []page.Stage {
	p := v.P
	step := func(title, note, state, icon string) page.Stage {
		return page.Stage{Title: title, Note: note, State: state, Icon: icon}
	}
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
	second := step(p.T("public.stage.looking"), p.T("public.stage.looking.note"), state(1), "phone")
	for _, c := range look.Clocks {
		if c.Owes == "us" && at < 2 {
			second.Note = p.T("public.stage.answer_by", "when", p.DateTime(c.DueAt))
		}
	}
	third := step(p.T("public.stage.handling"), p.T("public.stage.handling.note"), state(2), "users")
	if look.State == intake.StatusPassedOn {
		third = step(p.T("public.stage.passed_on"), "", "now", "send")
	}
	return []page.Stage{
		step(p.T("public.stage.received"), "", "done", ""), second, third,
		step(p.T("public.stage.concluded"), p.T("public.stage.concluded.note"), state(3), "circle-check"),
	}
}

func (x *Public) status(v *page.Visit) error {
	return x.showStatus(v, "", nil, http.StatusOK)
}

func (x *Public) showStatus(v *page.Visit, typed string, problems []page.Problem, status int) error {
	code, ok := codeOf(v.R)
	if !ok {
		return v.See("/r")
	}
	look, err := intake.Look(v.Ctx(), x.DB, x.Clock, code)
	if err != nil {
		return err
	}
	view := StatusView{
		PublicView: x.frame(v, "track", v.P.T("public.status.title")), Reference: look.Reference, Received: look.ReceivedAt, State: stateChip(v.P, look.State),
		Stages: x.stages(v, look), Text: typed, Problems: problems,
	}
	if v.R.URL.Query().Get("done") == "added" {
		view.Done = v.P.T("public.status.added")
	}
	if look.State != intake.StatusConcluded {
		view.Action = "/r/report"
	}
	for _, q := range look.Questions {
		y := Question{ID: q.UID, Text: q.Text, Due: &page.ClockView{Start: look.ReceivedAt, Due: q.DueAt, Now: v.Now}}
		if q.Text == "" {
			y.Text = v.P.T("public.status.question_hidden")
		}
		view.Questions = append(view.Questions, y)
	}
	return v.ShowStatus(status, Status(view))
}

func stateChip(p *text.Printer, s string) page.ChipView {
	switch s {
	case intake.StatusLooking:
		return page.ChipView{Text: p.T("public.state.looking"), Kind: "info"}
	case intake.StatusHandling:
		return page.ChipView{Text: p.T("public.state.handling"), Kind: "info"}
	case intake.StatusPassedOn:
		return page.ChipView{Text: p.T("public.state.passed_on"), Kind: "info"}
	case intake.StatusConcluded:
		return page.ChipView{Text: p.T("public.state.concluded"), Kind: "ok"}
	}
	return page.ChipView{Text: p.T("public.state.received")}
}

// add takes text and files for the report whose code the visitor holds.
func (x *Public) add(v *page.Visit) error {
	if err := v.R.ParseMultipartForm(4 << 20); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		return errs.New(errs.Invalid, "the form could not be read: send it again")
	}
	if v.R.MultipartForm != nil {
		defer func() { _ = v.R.MultipartForm.RemoveAll() }()
	}
	code, ok := codeOf(v.R)
	if !ok {
		return v.See("/r")
	}
	typed := v.R.FormValue("text")
	if l := text.Lang(v.R.PostFormValue("lang")); l != "" {
		http.SetCookie(v.W, &http.Cookie{Name: "lang", Value: string(l), Path: "/", MaxAge: 365 * 24 * 3600, HttpOnly: true, SameSite: http.SameSiteLaxMode})
		v.P = x.Text.For(l).In(x.Zone)
		return x.showStatus(v, typed, nil, http.StatusOK)
	}
	if _, err := intake.Look(v.Ctx(), x.DB, x.Clock, code); err != nil {
		return err
	}
	files, done, err := filesOf(v.R)
	if err != nil {
		return err
	}
	defer done()
	key, err := intake.PublicDropKey(v.Ctx(), x.DB)
	if err != nil {
		return err
	}
	_, err = intake.Store(v.Ctx(), x.DB, x.Clock, key, intake.Drop{Add: true, CodeHash: code.Hash(), Text: typed, Files: files})
	if fields := errs.Fields(err); len(fields) > 0 {
		var list []page.Problem
		for _, f := range fields {
			list = append(list, page.Problem{Field: control(f.Name), Text: page.SayField(v.P, f)})
		}
		return x.showStatus(v, typed, list, http.StatusUnprocessableEntity)
	}
	if err != nil {
		return err
	}
	if x.Wake != nil {
		x.Wake()
	}
	return v.See("/r/report?done=added")
}
