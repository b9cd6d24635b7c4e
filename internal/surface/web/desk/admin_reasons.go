package desk

import (
	"slices"
	"strings"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// reasonOptions are the reasons in use.
func (d *Desk) reasonOptions(v *page.Visit, chosen string) ([]page.SelectOption, error) {
	all, err := d.Intake.Reasons(v.Ctx(), d.DB)
	var out []page.SelectOption
	for _, r := range all {
		if !r.Off {
			out = append(out, page.SelectOption{Value: r.Code, Text: r.Name(string(v.P.Lang())), Chosen: r.Code == chosen})
		}
	}
	return out, err
}

func (d *Desk) reasonName(v *page.Visit, code string) (string, error) {
	if code == intake.Routine {
		return v.P.T("desk.reason.routine"), nil
	}
	all, err := d.Intake.Reasons(v.Ctx(), d.DB)
	return intake.ReasonByCode(all, code).Name(string(v.P.Lang())), err
}

// reasons lists why reports are rejected.
func (d *Desk) reasons(v *page.Visit) error {
	all, err := d.Intake.Reasons(v.Ctx(), d.DB)
	if err != nil {
		return err
	}
	last, err := d.lastChange(v, intake.VerbReasons)
	if err != nil {
		return err
	}
	p := v.P
	t := page.TableView{Caption: p.T("desk.reasons.title"), Columns: []page.Column{{Text: p.T("desk.reasons.name")}, {Text: p.T("desk.reasons.spam")}, {Text: p.T("desk.reasons.letter")}, {Text: p.T("desk.col.state")}}}
	for _, r := range all {
		spam, letter := p.T("common.answer.no"), p.T("desk.reasons.letter.none")
		if r.Spam {
			spam = p.T("common.answer.yes")
		}
		var langs []string
		for _, l := range text.Langs() {
			if r.Letters[string(l)].Text != "" {
				langs = append(langs, string(l))
			}
		}
		if len(langs) > 0 {
			letter = strings.Join(langs, ", ")
		}
		state := page.ChipView{Text: p.T("desk.reasons.on"), Kind: "ok"}
		if r.Off {
			state = page.ChipView{Text: p.T("desk.reasons.off"), Kind: "outline"}
		}
		t.Rows = append(t.Rows, []templ.Component{link("/desk/admin/reasons/"+r.Code, r.Name(string(p.Lang())), r.Code), page.Text(spam), page.Text(letter), page.Chip(state)})
	}
	view := d.adminView(v, p.T("desk.reasons.title"), p.T("desk.reasons.lead"), aboutSetting(p, settingNote{p.T("desk.reasons.effect"), p.T("desk.reasons.usual"), last}), page.Table(t))
	view.Acts = []page.ButtonView{{Text: p.T("desk.reasons.new"), Icon: "plus", Href: "/desk/admin/reasons/new"}}
	return v.Show(Admin(view))
}

// newReason is the name in the address under which a reason is written that is none yet; no code may be it.
const newReason = "new"

func (d *Desk) reason(v *page.Visit) error {
	all, err := d.Intake.Reasons(v.Ctx(), d.DB)
	if err != nil {
		return err
	}
	code := v.R.PathValue("reason")
	i := slices.IndexFunc(all, func(r intake.Reason) bool { return r.Code == code })
	if i < 0 && code != newReason {
		return errs.ErrNotFound
	}
	var r intake.Reason
	if i >= 0 {
		r = all[i]
	}
	return v.Show(Admin(d.reasonForm(v, r, nil)))
}

func (d *Desk) reasonForm(v *page.Visit, r intake.Reason, wrong error) AdminView {
	p, code := v.P, v.R.PathValue("reason")
	at := "reasons." + r.Code
	list, bad := problems(p, wrong, map[string]string{at + ".name": "name-en", at + ".letter": "text-en", "spam": "spam"})
	var fields []templ.Component
	heading := r.Name(string(p.Lang()))
	if code == newReason {
		heading = p.T("desk.reasons.new")
		fields = append(fields, page.Field(p, page.FieldView{ID: "code", Name: "code", Label: p.T("desk.reasons.code"), Hint: p.T("desk.reasons.code.hint"), Value: r.Code, Width: "half", Error: bad["code"]}))
	}
	for _, l := range text.Langs() {
		f := page.FieldView{ID: "name-" + string(l), Name: "name-" + string(l), Label: p.T("desk.reasons.name.in", "lang", text.Name(l)), Value: r.Names[string(l)]}
		if l == text.EN {
			f.Error = bad[at+".name"]
		}
		fields = append(fields, page.Field(p, f))
	}
	fields = append(fields,
		page.Option(page.OptionView{ID: "spam", Name: "spam", Value: "1", Label: p.T("desk.reasons.spam"), Hint: p.T("desk.reasons.spam.hint"), Checked: r.Spam, Many: true}),
		page.Option(page.OptionView{ID: "off", Name: "off", Value: "1", Label: p.T("desk.reasons.off"), Hint: p.T("desk.reasons.off.hint"), Checked: r.Off, Many: true}))
	for _, l := range text.Langs() {
		w := r.Letters[string(l)]
		say := func(key string) string { return p.T(key, "lang", text.Name(l)) }
		words := page.FieldView{ID: "text-" + string(l), Name: "text-" + string(l), Rows: 6, Label: say("desk.reasons.text"), Hint: p.T("desk.many.text.hint", "name", "{name}", "reference", "{reference}"), Value: w.Text}
		if l == text.EN {
			words.Error = bad[at+".letter"]
		}
		fields = append(fields, page.Field(p, page.FieldView{ID: "subject-" + string(l), Name: "subject-" + string(l), Label: say("desk.reasons.subject"), Value: w.Subject}), page.Field(p, words))
	}
	acts := []page.ButtonView{{Text: p.T("desk.reasons.save"), Kind: "primary"}, {Text: p.T("desk.cancel"), Href: "/desk/admin/reasons"}}
	view := d.adminView(v, heading, p.T("desk.reasons.form.lead"), adminForm("/desk/admin/reasons/"+code, nil, fields, acts...))
	if code != newReason {
		text, name := p.T("desk.reasons.drop"), "drop"
		if slices.Contains(intake.Shipped, code) {
			text, name = p.T("desk.admin.entitlements.give_back.do"), "usual"
		}
		view.Body = append(view.Body, adminForm("/desk/admin/reasons/"+code, []page.Hid{{Name: name, Value: "1"}}, nil, page.ButtonView{Text: text}))
	}
	view.Up = page.NavItem{Text: p.T("desk.reasons.title"), Href: "/desk/admin/reasons"}
	view.Problems, view.Wrong = list, wrong != nil
	return view
}

func (d *Desk) saveReason(v *page.Visit) error {
	all, err := d.Intake.Reasons(v.Ctx(), d.DB)
	if err != nil {
		return err
	}
	get := func(name string) string { return strings.TrimSpace(v.R.PostFormValue(name)) }
	code := v.R.PathValue("reason")
	i := slices.IndexFunc(all, func(r intake.Reason) bool { return r.Code == code })
	if i < 0 && code != newReason {
		return errs.ErrNotFound
	}
	r := intake.Reason{Code: code, Spam: get("spam") != "", Off: get("off") != "", Names: map[string]string{}, Letters: map[string]intake.Words{}}
	for _, l := range text.Langs() {
		if s := get("name-" + string(l)); s != "" {
			r.Names[string(l)] = s
		}
		if w := (intake.Words{Subject: get("subject-" + string(l)), Text: strings.ReplaceAll(get("text-"+string(l)), "\r\n", "\n")}); w != (intake.Words{}) {
			r.Letters[string(l)] = w
		}
	}
	shipped := slices.Contains(intake.Shipped, code)
	switch {
	case code == newReason:
		r.Code = get("code")
		all = append(all, r)
	case shipped && get("usual") != "":
		all[i] = intake.Reason{Code: code, Spam: code == intake.SpamReason}
	case !shipped && get("drop") != "":
		all = slices.Delete(all, i, i+1)
	default:
		all[i] = r
	}
	err = d.Intake.SetReasons(v.Ctx(), v.By, all)
	if errs.Is(err, errs.Invalid) {
		return v.ShowStatus(errs.Of(err).HTTP(), Admin(d.reasonForm(v, r, err)))
	}
	if err != nil {
		return err
	}
	return back(v, "/desk/admin/reasons", "saved")
}
