package public

import (
	"net/http"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// received is the receipt: what arrived, the reference, the private link, what happens next.
func (x *Public) received(v *page.Visit) error {
	unlisted(v)
	code, ok := codeOf(v.R)
	if !ok {
		return errs.ErrNotFound
	}
	look, err := x.soon(v, code)
	if err != nil {
		return err
	}
	reference, files, at, err := intake.Taken(v.Ctx(), x.DB, code)
	switch {
	case registrationRef(reference):
		return v.See(registeredAt)
	case err == nil: // the house may not have opened it yet
	case look.Reference != "":
		reference, at = look.Reference, look.ReceivedAt
	default:
		return err
	}
	view := ReceiptView{
		PublicView: x.frame(v, "report", v.P.T("public.received.title")),
		Receipt:    page.ReceiptView{Title: v.P.T("public.received.title"), When: v.P.DateTime(at), Reference: reference},
		Status:     x.URL + "/r/" + code.Reveal(),
		MailWaits:  v.R.URL.Query().Get("mail") == "1",
	}
	if len(look.Handed) == 1 {
		if name, ok := x.Laws.Names(look.Handed[0].Set, look.Handed[0].Stage, string(v.P.Lang())); ok {
			view.Receipt.Title = v.P.T("public.received.what", "what", name)
		}
	}
	if files > 0 {
		view.Receipt.After = v.P.N("public.receipt.files", files)
	}
	view.Stages = x.stages(v, look)
	x.lawful(v, look, &view.Lawful)
	view.Acts = x.takeaways(v, look)
	view.Advice = Meanwhile(view)
	return v.Show(Receipt(view))
}

// unlisted keeps what stands behind a code out of search engines.
func unlisted(v *page.Visit) { v.W.Header().Set("X-Robots-Tag", "noindex, nofollow, noarchive") }

func (x *Public) status(v *page.Visit) error {
	return x.showStatus(v, unsent{}, http.StatusOK)
}

// unsent is what was typed and not taken, with what is wrong.
type unsent struct {
	text     string
	problems []page.Problem
	late     bool // the report was concluded meanwhile
}

func (x *Public) showStatus(v *page.Visit, typed unsent, status int) error {
	unlisted(v)
	code, look, err := x.look(v)
	if err != nil || !id.Valid(code.Reveal()) {
		return err
	}
	view := StatusView{
		PublicView: x.frame(v, "track", v.P.T("public.status.title")), Reference: look.Reference, Received: look.ReceivedAt, State: stateChip(v.P, look.State),
		Stages: x.stages(v, look), Text: typed.text, Problems: typed.problems, Late: typed.late,
	}
	switch v.R.URL.Query().Get("done") {
	case "added":
		view.Done = v.P.T("public.status.added")
	case "stage":
		view.Done = v.P.T("public.status.stage_sent")
	case "offered":
		view.Done = v.P.T("public.status.offered")
	}
	x.lawful(v, look, &view.Lawful)
	view.Acts = x.takeaways(v, look)
	view.Handed, view.Gaps = x.handed(v, look), x.gaps(v, look)
	view.Said = said(v.P, look)
	view.Address = AddressView{State: look.Address.State, To: intake.MaskedAddress(look.Address.To)}
	if look.State != intake.StatusConcluded {
		view.Address.Action = "/r/report/address"
		view.Action, view.Hidden, view.PublicView.Uploads = "/r/report", []page.Hid{{Name: "once", Value: id.New()}}, true
		if view.Kept, err = x.heldFiles(v, code); err != nil {
			return err
		}
	}
	for _, q := range look.Questions {
		y := Question{ID: q.UID, Text: q.Text, Asked: q.AskedAt}
		if !q.DueAt.IsZero() {
			y.Due = &page.ClockView{Start: q.AskedAt, Due: q.DueAt, Now: v.Now}
		}
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

// look opens the report whose code the visitor holds; without a code the visitor is sent to enter one, and the code given is empty.
func (x *Public) look(v *page.Visit) (id.Secret, intake.StatusView, error) {
	code, ok := codeOf(v.R)
	if !ok {
		return id.Secret{}, intake.StatusView{}, v.See("/r")
	}
	look, err := intake.Look(v.Ctx(), x.DB, x.Clock, code)
	if errs.Is(err, errs.NotFound) {
		if x.ofRegistration(v, code) {
			return id.Secret{}, look, v.See(registeredAt)
		}
		if err := x.guessed(v); err != nil {
			return code, look, err
		}
	}
	return code, look, err
}

// add takes text and files for the report whose code the visitor holds. A report that was concluded takes nothing more (contract: a code
// opens its page until then); what was typed is shown so that it can be sent another way.
func (x *Public) add(v *page.Visit) error {
	code, look, err := x.look(v)
	if err != nil || !id.Valid(code.Reveal()) {
		return err
	}
	wait, ok := x.known(v.R, code)
	var files taker
	if ok && look.State != intake.StatusConcluded {
		files = x.keepFiles(intake.MaxUploadBytes, func(*form) (id.Secret, bool, error) { return code, true, nil })
	}
	f, err := x.read(v, files)
	if err != nil {
		return err
	}
	defer f.close()
	typed := unsent{text: f.values.Get("text")}
	if l := text.Lang(f.get("lang")); x.Text.Has(l) {
		x.speak(v, l)
		if said := x.wrongFiles(v, f, ""); said != "" {
			typed.problems = []page.Problem{{Field: "files", Text: said}}
		}
		return x.showStatus(v, typed, http.StatusOK)
	}
	switch {
	case !ok:
		typed.problems = []page.Problem{{Field: "text", Text: x.tooMany(v, "public.limit.form", wait).Text}}
		return x.showStatus(v, typed, http.StatusTooManyRequests)
	case look.State == intake.StatusConcluded:
		typed.late = true
		return x.showStatus(v, typed, http.StatusConflict)
	}
	if said := x.wrongFiles(v, f, ""); said != "" {
		typed.problems = []page.Problem{{Field: "files", Text: said}}
		return x.showStatus(v, typed, http.StatusUnprocessableEntity)
	}
	key, err := intake.PublicDropKey(v.Ctx(), x.DB)
	if err != nil {
		return err
	}
	_, err = intake.Store(v.Ctx(), x.DB, x.Clock, key, intake.Drop{Add: true, Code: code, Once: f.get("once"), Text: typed.text, Brought: f.came})
	if fields := errs.Fields(err); len(fields) > 0 {
		for _, p := range fields {
			typed.problems = append(typed.problems, page.ProblemOf(v.P, control(p.Name), p))
		}
		return x.showStatus(v, typed, http.StatusUnprocessableEntity)
	}
	if said := notNow(v, err); said != "" {
		typed.problems = []page.Problem{{Field: "text", Text: said}}
		return x.showStatus(v, typed, errs.Unavailable.HTTP())
	}
	if err != nil {
		return err
	}
	if x.Wake != nil {
		x.Wake()
	}
	return v.See("/r/report?done=added")
}

// proveAddress takes the wish for a code, or the code that came to the reporter's address, and waits a moment for what the house makes of it.
func (x *Public) proveAddress(v *page.Visit) error {
	code, look, err := x.look(v)
	if err != nil || !id.Valid(code.Reveal()) {
		return err
	}
	field := "proof"
	wrong := func(status int, said string) error {
		return x.showStatus(v, unsent{problems: []page.Problem{{Field: field, Text: said}}}, status)
	}
	if wait, ok := x.known(v.R, code); !ok {
		return wrong(http.StatusTooManyRequests, x.tooMany(v, "public.limit.form", wait).Text)
	}
	f, err := x.read(v, nil)
	if err != nil {
		return err
	}
	defer f.close()
	what := f.get("proof")
	if f.values.Has("address") {
		field, what = "address", intake.ProveAsk+strings.TrimSpace(f.get("address"))
		if typed := what[len(intake.ProveAsk):]; typed != "" && !strings.EqualFold(typed, look.Address.To) {
			return wrong(http.StatusUnprocessableEntity, v.P.T("public.address.other", "to", intake.MaskedAddress(look.Address.To)))
		}
	}
	key, err := intake.PublicDropKey(v.Ctx(), x.DB)
	if err != nil {
		return err
	}
	_, err = intake.Store(v.Ctx(), x.DB, x.Clock, key, intake.Drop{Add: true, Code: code, Prove: what})
	if fields := errs.Fields(err); len(fields) > 0 {
		return wrong(http.StatusUnprocessableEntity, page.ProblemOf(v.P, field, fields[0]).Text)
	}
	if said := notNow(v, err); said != "" {
		return wrong(errs.Unavailable.HTTP(), said)
	}
	if err != nil {
		return err
	}
	if x.Wake != nil {
		x.Wake()
	}
	_, err = x.wait(v, x.Patience, func() error {
		now, err := intake.Look(v.Ctx(), x.DB, x.Clock, code)
		if err == nil && now.Address == look.Address {
			return errs.ErrNotFound
		}
		return err
	})
	if err != nil {
		return err
	}
	return v.See("/r/report#address")
}
