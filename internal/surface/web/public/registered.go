package public

import (
	"net/http"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/domain/registration"
	"github.com/tocsin-csirt/tocsin/internal/format/scope"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// ofRegistration tells whether a code opens a registration.
func (x *Public) ofRegistration(v *page.Visit, code id.Secret) bool {
	if _, err := registration.Look(v.Ctx(), x.DB, code); err == nil {
		return true
	}
	reference, _, _, err := intake.Taken(v.Ctx(), x.DB, code)
	return err == nil && registrationRef(reference)
}

func registrationRef(reference string) bool {
	return strings.HasPrefix(reference, intake.RegistrationPrefix+"-")
}

// lookRegistered opens the registration whose code the visitor holds. One that was sent a moment ago waits for the house.
func (x *Public) lookRegistered(v *page.Visit) (id.Secret, registration.Shown, error) {
	code, ok := codeOf(v.R)
	if !ok {
		return code, registration.Shown{}, errs.ErrNotFound
	}
	look, err := registration.Look(v.Ctx(), x.DB, code)
	if !errs.Is(err, errs.NotFound) {
		return code, look, err
	}
	reference, files, at, err := intake.Taken(v.Ctx(), x.DB, code)
	if err != nil || !registrationRef(reference) {
		if err := x.guessed(v); err != nil {
			return code, look, err
		}
		return code, look, errs.ErrNotFound
	}
	there, err := x.wait(v, x.Patience, func() (err error) {
		look, err = registration.Look(v.Ctx(), x.DB, code)
		return err
	})
	if err == nil && !there { // the house has not opened its box yet
		look = registration.Shown{Reference: reference, State: registration.New, ReceivedAt: at, Files: files}
	}
	return code, look, err
}

func (x *Public) registered(v *page.Visit) error {
	code, look, err := x.lookRegistered(v)
	if err != nil {
		return err
	}
	return x.showRegistered(v, code, look, "", nil, http.StatusOK)
}

func (x *Public) showRegistered(v *page.Visit, code id.Secret, look registration.Shown, text string, wrong error, status int) error {
	unlisted(v)
	p := v.P
	view := RegisteredView{
		PublicView: x.frame(v, "track", p.T("public.enrol.status")), Receipt: page.ReceiptView{Title: p.T("public.enrol.received"), When: p.DateTime(look.ReceivedAt), Reference: look.Reference},
		Sent: v.R.URL.Query().Get("done") == "sent", Answered: v.R.URL.Query().Get("done") == "answered", Status: x.URL + "/r/" + code.Reveal(), Name: look.Name, State: page.EnrolChip(p, look.State), Reason: look.Reason,
		Pointer: look.Pointer, Text: text, Stages: x.registerStages(v, look),
	}
	if look.Files > 0 {
		view.Receipt.After = p.N("public.receipt.files", look.Files)
	}
	for _, w := range look.Words {
		who := p.T("common.enrol.you")
		if w.Ours {
			who = x.Site.Name
		}
		view.Words = append(view.Words, page.EnrolWord{Who: who, When: p.DateTime(w.At), Text: w.Text, Us: w.Ours})
	}
	if look.State.Open() && look.Name != "" {
		view.Action, view.Hidden = registeredAt, []page.Hid{{Name: "once", Value: id.New()}}
	}
	for _, f := range errs.Fields(wrong) {
		view.Problems = append(view.Problems, page.ProblemOf(p, "text", f))
	}
	return v.ShowStatus(status, RegisteredPage(view))
}

func (x *Public) registerStages(v *page.Visit, look registration.Shown) []page.Stage {
	p := v.P
	check := page.Stage{Title: p.T("public.enrol.stage.check"), Note: p.T("public.enrol.stage.check.note"), State: "now", Icon: "users"}
	end := page.Stage{Title: p.T("public.enrol.stage.end"), Note: p.T("public.enrol.stage.end.note"), State: "later"}
	switch look.State {
	case registration.Asked:
		check.Note, check.Icon = p.T("public.enrol.stage.asked"), "mail"
	case registration.Approved:
		check.State, end.State, end.Title = "done", "done", p.T("common.enrol.state.approved")
		end.Note = p.T("public.enrol.stage.approved", "when", p.DateTime(look.DecidedAt), "class", p.T("common.enrol.class."+string(classOr(look.Class))))
	case registration.Refused:
		check.State, end.State, end.Title, end.Note = "done", "done", p.T("common.enrol.state.refused"), p.T("public.enrol.stage.refused", "when", p.DateTime(look.DecidedAt))
	}
	return []page.Stage{{Title: p.T("public.stage.received"), State: "done"}, check, end}
}

func classOr(c scope.Class) scope.Class {
	if c == "" {
		return scope.Out
	}
	return c
}

// answerRegistered takes what is answered to our question, or added.
func (x *Public) answerRegistered(v *page.Visit) error {
	code, look, err := x.lookRegistered(v)
	if err != nil {
		return err
	}
	wait, ok := x.known(v.R, code)
	f, err := x.read(v, nil)
	if err != nil {
		return err
	}
	defer f.close()
	typed := f.get("text")
	if x.language(v, f) {
		return x.showRegistered(v, code, look, typed, nil, http.StatusOK)
	}
	if !ok {
		return x.tooMany(v, "public.limit.form", wait)
	}
	if !look.State.Open() {
		return v.See(registeredAt)
	}
	if err := registration.CheckAnswer(typed); err != nil {
		return x.showRegistered(v, code, look, typed, err, http.StatusUnprocessableEntity)
	}
	key, err := intake.PublicDropKey(v.Ctx(), x.DB)
	if err != nil {
		return err
	}
	once := f.get("once")
	if !id.Valid(once) {
		once = id.New()
	}
	if err := intake.StoreReply(v.Ctx(), x.DB, x.Clock, key, code, once, registration.Answer(typed)); err != nil {
		return err
	}
	if x.Wake != nil {
		x.Wake()
	}
	return v.See(registeredAt + "?done=answered")
}
