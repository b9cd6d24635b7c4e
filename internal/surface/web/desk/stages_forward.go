package desk

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// passed shows what was passed on under an obligation, and what came back.
func (d *Desk) passed(v *page.Visit, r intake.Report, o intake.Obligation) (templ.Component, error) {
	all, err := d.Intake.Forwards(v.Ctx(), d.DB, v.By, o.UID)
	if err != nil {
		return nil, err
	}
	p, at := v.P, "/desk/reports/"+r.UID+"/obligations/"+o.UID
	due := slices.ContainsFunc(o.Owed, func(x law.Owed) bool { return x.Team })
	may := v.By.Can(access.SendOutside) && v.By.Can(access.Triage) && !r.Destroyed
	if len(all) == 0 && (!due || !may) {
		return nil, nil
	}
	var body []templ.Component
	if len(all) > 0 {
		t := page.TableView{Caption: p.T("desk.forward.title"), Columns: []page.Column{{Text: p.T("desk.stages.recipient")}, {Text: p.T("desk.forward.sent")}, {Text: p.T("desk.forward.read")}, {Text: p.T("desk.forward.confirmed")}}}
		for _, f := range all {
			sent := page.Text(p.T("desk.forward.waits"))
			switch {
			case !f.StoppedAt.IsZero():
				sent = page.Chip(page.ChipView{Text: p.T("desk.forward.stopped")})
			case !f.SentAt.IsZero():
				sent = page.At(p, f.SentAt, v.Now)
			}
			read, confirmed := page.Text(p.T("desk.forward.unknown")), page.Text("")
			if !f.ReadAt.IsZero() {
				read = page.At(p, f.ReadAt, v.Now)
			}
			switch {
			case !f.ConfirmedAt.IsZero():
				confirmed = several([]templ.Component{page.At(p, f.ConfirmedAt, v.Now), page.Text(" · " + p.T("desk.forward.by."+f.ConfirmedBy))})
			case f.StoppedAt.IsZero() && may:
				confirmed = adminForm(at+"/forwards/"+f.UID+"/confirm", nil, nil, page.ButtonView{Text: p.T("desk.forward.told", "name", f.Name), Kind: "ghost"})
			}
			t.Rows = append(t.Rows, []templ.Component{twoLines(strings.TrimSpace(f.Name+" "+f.Email), d.stageOf(p, o.Set.Code, f.Recipient)), sent, read, confirmed})
		}
		body = append(body, page.Table(t))
		for _, f := range all {
			for _, m := range f.Messages() {
				if m.Direction == correspondence.In {
					body = append(body, section("answer-"+m.UID, p.T("desk.forward.answer", "name", f.Name, "when", p.DateTime(m.At)), framed(m.Body.Text)))
				}
			}
		}
	}
	if due && may {
		body = append(body, page.Button(page.ButtonView{Text: p.T("desk.forward.do"), Icon: "send", Href: at + "/forward"}))
	}
	return section("passed", p.T("desk.forward.title"), several(body)), nil
}

// forwarded is what is typed into the form of passing on.
type forwarded struct{ recipient, name, note, written, email, lang, checked string }

// writtenIn tells whether an authority is written in that is not in the register.
func (f forwarded) writtenIn() bool { return f.name == "" && f.written+f.email+f.checked != "" }

// forwardedIn reads the form. What is typed into it never stands in an address.
func forwardedIn(v *page.Visit) forwarded {
	get := func(name string) string { return strings.TrimSpace(v.R.PostFormValue(name)) }
	return forwarded{get("recipient"), get("organisation"), get("note"), get("written"), get("email"), get("lang"), get("checked")}
}

// forward asks to whom, and shows the letter that would go to whom it usually goes.
func (d *Desk) forward(v *page.Visit) error { return d.showForward(v, http.StatusOK, nil) }

func (d *Desk) showForward(v *page.Visit, status int, wrong error) error {
	r, o, err := d.oneObligation(v)
	if err != nil {
		return err
	}
	p, at, in := v.P, "/desk/reports/"+r.UID+"/obligations/"+o.UID, forwardedIn(v)
	if in.recipient == "" && o.WeOwe(v.R.URL.Query().Get("recipient")) { // a link of ours names one
		in.recipient = v.R.URL.Query().Get("recipient")
	}
	var to []page.SelectOption
	for _, x := range o.Owed {
		if x.Team {
			in.recipient = cmp.Or(in.recipient, x.Key())
			to = append(to, page.SelectOption{Value: x.Key(), Text: d.owedName(p, o, x), Chosen: x.Key() == in.recipient})
		}
	}
	if len(to) == 0 {
		return errs.ErrNotFound
	}
	if in.name == "" && wrong == nil && !in.writtenIn() {
		if in.name, err = d.usualFor(v, o, in.recipient); err != nil {
			return err
		}
	}
	var seen *intake.ForwardPreview
	if (in.name != "" || in.writtenIn()) && wrong == nil {
		var got intake.ForwardPreview
		if got, wrong = d.previewForward(v, o, in); wrong == nil {
			seen = &got
		} else if errs.Of(wrong) != errs.Invalid {
			return wrong
		} else {
			status = errs.Invalid.HTTP()
		}
	}
	list, bad := problems(p, wrong, map[string]string{"recipient": "to", "organisation": "organisation", "note": "note", "name": "written", "email": "email", "lang": "lang", "checked": "checked"})
	var langs []page.SelectOption
	for _, l := range text.Langs() {
		langs = append(langs, page.SelectOption{Value: string(l), Text: text.Name(l), Chosen: string(l) == cmp.Or(in.lang, "en")})
	}
	fields := []templ.Component{
		page.Select(p, page.FieldView{ID: "to", Name: "recipient", Label: p.T("desk.stages.recipient"), Error: bad["recipient"]}, to),
		page.Field(p, page.FieldView{ID: "organisation", Name: "organisation", Label: p.T("desk.forward.organisation"), Hint: p.T("desk.forward.organisation.hint"), Value: in.name, Error: bad["organisation"]}),
		folded(p.T("desk.forward.elsewhere"), in.writtenIn(), []templ.Component{
			page.Prose(p.T("desk.forward.elsewhere.note")),
			page.Field(p, page.FieldView{ID: "written", Name: "written", Label: p.T("desk.forward.name"), Value: in.written, Error: bad["name"]}),
			page.Field(p, page.FieldView{ID: "email", Name: "email", Type: "email", Label: p.T("desk.forward.email"), Value: in.email, Error: bad["email"]}),
			page.Field(p, page.FieldView{ID: "checked", Name: "checked", Label: p.T("desk.forward.checked"), Hint: p.T("desk.forward.checked.hint"), Value: in.checked, Error: bad["checked"]}),
			page.Select(p, page.FieldView{ID: "lang", Name: "lang", Label: p.T("desk.forward.lang"), Error: bad["lang"]}, langs),
		}),
		page.Field(p, page.FieldView{ID: "note", Name: "note", Rows: 3, Label: p.T("desk.forward.note"), Hint: p.T("desk.forward.note.hint"), Value: in.note, Error: bad["note"]}),
	}
	body := []templ.Component{adminForm(at+"/forward", nil, fields, page.ButtonView{Text: p.T("desk.forward.preview"), Name: "act", Value: "preview"})}
	if seen != nil {
		hidden := []page.Hid{{Name: "recipient", Value: in.recipient}, {Name: "organisation", Value: in.name}, {Name: "note", Value: in.note}}
		if in.writtenIn() {
			hidden = append(hidden, page.Hid{Name: "written", Value: in.written}, page.Hid{Name: "email", Value: in.email}, page.Hid{Name: "lang", Value: in.lang}, page.Hid{Name: "checked", Value: in.checked})
		}
		letter := letterShown(p, *seen)
		if seen.Road.Road != egress.Refused {
			letter = append(letter, adminForm(at+"/forward", hidden, nil, page.ButtonView{Text: p.T("desk.forward.send"), Kind: "primary", Icon: "send"}))
		}
		body = append(body, section("letter", p.T("desk.forward.letter"), several(letter)))
	}
	view := d.lawView(v, p.T("desk.forward.do"), p.T("desk.forward.lead"), page.NavItem{Text: o.Set.Short, Href: at}, body)
	if wrong != nil {
		if len(list) == 0 {
			said, _ := plainRefusal(v, wrong)
			list = []page.Problem{{Text: said}}
		}
		return wrongAdmin(v, view, status, list...)
	}
	return v.ShowStatus(status, Admin(view))
}

// letterShown is a letter as it will be read, and by which road it goes, or why it may not.
func letterShown(p *text.Printer, seen intake.ForwardPreview) []templ.Component {
	out := []templ.Component{page.Properties(p, []page.Property{
		{Label: p.T("desk.forward.reader"), Value: twoLines(seen.Name, seen.Email)},
		{Label: p.T("desk.forward.road"), Value: page.Chip(roadChip(p, seen.Road))},
		{Label: p.T("desk.forward.subject"), Value: page.Text(seen.Subject)},
	})}
	if seen.Road.Road == egress.Refused {
		out = append(out, words("crit", "triangle-alert", p.T(seen.Road.Reason)))
	}
	out = append(out, framed(seen.Text))
	if seen.Inside != "" {
		out = append(out, second(p.T("desk.forward.inside")), framed(seen.Inside))
	}
	return out
}

func (d *Desk) forwardInput(v *page.Visit, in forwarded) (intake.ForwardInput, error) {
	x := intake.ForwardInput{Recipient: in.recipient, Note: in.note}
	if in.writtenIn() {
		x.Name, x.Email, x.Lang, x.Checked = in.written, in.email, in.lang, in.checked
		return x, nil
	}
	var p errs.Problems
	uids, err := d.affectedUIDs(v, in.name, &p)
	if err != nil {
		return x, err
	}
	if names := p.Err(); names != nil { // the name as it was typed, beside its own field
		var wrong errs.Problems
		wrong.Add("organisation", "error.organisations_unknown", "names", in.name)
		return x, wrong.Err()
	}
	if len(uids) == 1 {
		x.Organisation = uids[0]
	}
	return x, nil // the verb says what else is wrong
}

func (d *Desk) previewForward(v *page.Visit, o intake.Obligation, in forwarded) (intake.ForwardPreview, error) {
	x, err := d.forwardInput(v, in)
	if err != nil {
		return intake.ForwardPreview{}, err
	}
	return d.Intake.PreviewForward(v.Ctx(), v.By, o.UID, x)
}

// sendForward shows the letter as it would be read, or sends what was shown.
func (d *Desk) sendForward(v *page.Visit) error {
	if v.R.PostFormValue("act") == "preview" {
		return d.showForward(v, http.StatusOK, nil)
	}
	_, o, err := d.oneObligation(v)
	if err != nil {
		return err
	}
	x, err := d.forwardInput(v, forwardedIn(v))
	if err == nil {
		_, err = d.Intake.Forward(v.Ctx(), v.By, o.UID, x)
	}
	if errs.Is(err, errs.Invalid) || errs.Is(err, errs.Forbidden) && v.By.Can(access.SendOutside) {
		return d.showForward(v, errs.Of(err).HTTP(), err)
	}
	if err != nil {
		return err
	}
	return back(v, "/desk/reports/"+v.R.PathValue("report")+"/obligations/"+o.UID, "held")
}

// confirmForward notes that the recipient told us that it was received.
func (d *Desk) confirmForward(v *page.Visit) error {
	_, o, err := d.oneObligation(v)
	if err != nil {
		return err
	}
	all, err := d.Intake.Forwards(v.Ctx(), d.DB, v.By, o.UID)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(f intake.Forward) bool { return f.UID == v.R.PathValue("forward") }) {
		return errs.ErrNotFound
	}
	if err := d.Intake.ConfirmPassed(v.Ctx(), v.By, v.R.PathValue("forward")); err != nil {
		return err
	}
	return back(v, "/desk/reports/"+v.R.PathValue("report")+"/obligations/"+o.UID, "saved")
}
