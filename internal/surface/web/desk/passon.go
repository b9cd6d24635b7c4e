package desk

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// passing is what a letter passes on: one report, or a group.
type passing struct {
	action  string // address of the form
	hidden  []page.Hid
	reports []string
	up      page.NavItem
}

func onePassing(r intake.Report) passing {
	return passing{action: "/desk/reports/" + r.UID + "/pass-on", reports: []string{r.UID}, up: page.NavItem{Text: r.Reference, Href: "/desk/reports/" + r.UID}}
}

func manyPassing(v *page.Visit, like string, reports []string) passing {
	x := passing{action: "/desk/triage/group", reports: reports, up: page.NavItem{Text: v.P.T("desk.many.title"), Href: "/desk/triage/group?like=" + url.QueryEscape(like)}}
	x.hidden = []page.Hid{{Name: "like", Value: like}, {Name: "action", Value: intake.RunPassOn}}
	for _, r := range reports {
		x.hidden = append(x.hidden, page.Hid{Name: "report", Value: r})
	}
	return x
}

// passFields are the fields of the form, in its order.
var passFields = []string{"to", "note", "organisation", "name", "email", "lang", "words", "reporter", "basis", "version"}

// passOnIn reads the form of a letter that passes on. A name that is none of the register is a problem of its field.
func (d *Desk) passOnIn(v *page.Visit) (intake.PassOnInput, error) {
	get := func(name string) string { return strings.TrimSpace(v.R.PostFormValue(name)) }
	x, err := d.forwardInput(v, forwarded{name: get("organisation")})
	return intake.PassOnInput{To: get("to"), Note: get("note"), Version: version(v), Letter: intake.PassLetter{
		Organisation: x.Organisation, Name: get("name"), Email: get("email"), Lang: get("lang"),
		Note: strings.ReplaceAll(get("words"), "\r\n", "\n"), Reporter: get("reporter") != "", Basis: get("basis"),
	}}, err
}

// passOnPage asks to whom one report is passed on, and with which letter.
func (d *Desk) passOnPage(v *page.Visit) error {
	r, err := d.Intake.Get(v.Ctx(), d.DB, v.By, v.R.PathValue("report"))
	if err != nil {
		return err
	}
	if r.State != intake.New || r.Destroyed {
		return v.See("/desk/reports/" + r.UID)
	}
	if err := d.seen(v, r.Object); err != nil {
		return err
	}
	return d.showPassing(v, onePassing(r), http.StatusOK, nil, nil)
}

// passOn records that one report was passed on; with a letter it shows it first.
func (d *Desk) passOn(v *page.Visit) error {
	report, get := v.R.PathValue("report"), v.R.PostFormValue
	if get("act") == "" {
		if _, err := d.Intake.PassOn(v.Ctx(), v.By, report, get("to"), get("note"), version(v)); err != nil {
			return err
		}
		return back(v, "/desk/triage", "passed_on", "undo", "/desk/reports/"+report+"/restore")
	}
	r, err := d.Intake.Get(v.Ctx(), d.DB, v.By, report)
	if err != nil {
		return err
	}
	in, err := d.passOnIn(v)
	if err != nil || get("act") != "send" {
		return d.previewPassing(v, onePassing(r), in, err)
	}
	_, err = d.Intake.PassOnByLetter(v.Ctx(), v.By, report, in)
	if errs.Is(err, errs.Invalid) || errs.Is(err, errs.Forbidden) && v.By.Can(access.SendOutside) {
		return d.showPassing(v, onePassing(r), errs.Of(err).HTTP(), nil, err)
	}
	if err != nil {
		return err
	}
	return back(v, "/desk/triage", "passed_letter", "undo", "/desk/reports/"+report+"/restore")
}

// passGroup shows the letter that passes on a group, or begins the run that sends it; it is not for a form without a letter.
func (d *Desk) passGroup(v *page.Visit, run intake.RunInput) error {
	at := manyPassing(v, v.R.PostFormValue("like"), run.Reports)
	if v.R.PostFormValue("act") == "letter" { // from the form of the group, which has no more of it
		return d.showPassing(v, at, http.StatusOK, nil, nil)
	}
	in, err := d.passOnIn(v)
	if err != nil || v.R.PostFormValue("act") != "send" {
		return d.previewPassing(v, at, in, err)
	}
	run.Pass = &in.Letter
	got, err := d.Intake.StartRun(v.Ctx(), v.By, run)
	if errs.Is(err, errs.Invalid) || errs.Is(err, errs.Forbidden) && v.By.Can(access.SendOutside) {
		return d.showPassing(v, at, errs.Of(err).HTTP(), nil, err)
	}
	if err != nil {
		return err
	}
	return v.See("/desk/triage/runs/" + got.UID)
}

func (d *Desk) previewPassing(v *page.Visit, at passing, in intake.PassOnInput, wrong error) error {
	var seen intake.ForwardPreview
	if wrong == nil {
		seen, wrong = d.Intake.PreviewPassOn(v.Ctx(), v.By, at.reports, in)
	}
	if errs.Is(wrong, errs.Invalid) {
		return d.showPassing(v, at, errs.Invalid.HTTP(), nil, wrong)
	}
	if wrong == nil {
		wrong = d.seen(v, seen.Of)
	}
	if wrong != nil {
		return wrong
	}
	return d.showPassing(v, at, http.StatusOK, &seen, nil)
}

// showPassing is the form of a letter that passes on, with the letter below it once it was asked for.
func (d *Desk) showPassing(v *page.Visit, at passing, status int, seen *intake.ForwardPreview, wrong error) error {
	p, get := v.P, v.R.PostFormValue
	list, bad := problems(p, wrong, map[string]string{})
	field := func(f page.FieldView) templ.Component {
		f.ID, f.Value, f.Error = f.Name, get(f.Name), bad[f.Name]
		return page.Field(p, f)
	}
	var langs []page.SelectOption
	for _, l := range text.Langs() {
		langs = append(langs, page.SelectOption{Value: string(l), Text: text.Name(l), Chosen: get("lang") == string(l)})
	}
	bases := []page.SelectOption{{Value: "", Text: p.T("desk.pass_on.basis.label")}}
	for _, b := range []string{intake.BasisConsent, intake.BasisLaw} {
		bases = append(bases, page.SelectOption{Value: b, Text: p.T("desk.pass_on.basis." + b), Chosen: get("basis") == b})
	}
	fields := []templ.Component{
		page.Select(p, page.FieldView{ID: "to", Name: "to", Label: p.T("desk.pass_on.to"), Hint: p.T("desk.pass_on.to.hint"), Error: bad["to"]}, authorities(p, get("to"))),
		heading(p.T("desk.forward.reader")),
		field(page.FieldView{Name: "organisation", Label: p.T("desk.forward.organisation"), Hint: p.T("desk.pass_on.organisation.hint"), Autocomplete: "off"}),
		field(page.FieldView{Name: "name", Label: p.T("desk.pass_on.name"), Autocomplete: "off"}),
		field(page.FieldView{Name: "email", Label: p.T("desk.pass_on.email"), Type: "email", Autocomplete: "off"}),
		page.Select(p, page.FieldView{ID: "lang", Name: "lang", Label: p.T("desk.pass_on.lang"), Width: "half", Error: bad["lang"]}, langs),
		heading(p.T("desk.pass_on.letter")),
		field(page.FieldView{Name: "words", Label: p.T("desk.forward.note"), Hint: p.T("desk.pass_on.words.hint"), Rows: 4}),
		page.Option(page.OptionView{ID: "reporter", Name: "reporter", Value: "1", Label: p.T("desk.pass_on.reporter"), Hint: p.T("desk.pass_on.reporter.hint"), Checked: get("reporter") != "", Many: true}),
		page.Select(p, page.FieldView{ID: "basis", Name: "basis", Label: p.T("desk.pass_on.basis"), Hint: p.T("desk.pass_on.basis.hint"), Error: bad["basis"]}, bases),
		field(page.FieldView{Name: "note", Label: p.T("desk.many.note"), Rows: 2}),
	}
	hidden := slices.Clone(at.hidden)
	if x := get("version"); x != "" {
		hidden = append(hidden, page.Hid{Name: "version", Value: x})
	}
	body := []templ.Component{adminForm(at.action, hidden, fields, page.ButtonView{Text: p.T("desk.forward.preview"), Kind: "primary", Name: "act", Value: "preview"}, page.ButtonView{Text: p.T("desk.cancel"), Href: at.up.Href})}
	if seen != nil {
		body = append([]templ.Component{d.passLetter(v, at, *seen)}, body...)
	}
	view := d.lawView(v, p.T("desk.pass_on.by_letter"), p.N("desk.pass_on.lead", len(at.reports)), at.up, body)
	if wrong == nil {
		return v.ShowStatus(status, Admin(view))
	}
	if len(list) == 0 {
		said, _ := plainRefusal(v, wrong)
		list = []page.Problem{{Text: said}}
	}
	return wrongAdmin(v, view, status, list...)
}

// passLetter is the letter as it will be read, with the button that sends it.
func (d *Desk) passLetter(v *page.Visit, at passing, seen intake.ForwardPreview) templ.Component {
	p := v.P
	hidden := slices.Clone(at.hidden)
	for _, name := range passFields {
		if value := v.R.PostFormValue(name); value != "" && !slices.ContainsFunc(hidden, func(h page.Hid) bool { return h.Name == name }) {
			hidden = append(hidden, page.Hid{Name: name, Value: value})
		}
	}
	letter := letterShown(p, seen)
	if seen.Road.Road != egress.Refused && v.By.Can(access.SendOutside) {
		letter = append(letter, adminForm(at.action, hidden, nil, page.ButtonView{Text: p.T("desk.forward.send"), Kind: "primary", Icon: "send", Name: "act", Value: "send"}))
	}
	return section("letter", p.T("desk.forward.letter"), several(letter))
}

func authorities(p *text.Printer, chosen string) []page.SelectOption {
	var out []page.SelectOption
	for _, x := range page.PassTo {
		out = append(out, page.SelectOption{Value: x, Text: page.PassedTo(p, x), Chosen: x == chosen})
	}
	return out
}

// handed says which letters passed a report on, and how far each came; what was answered stands on its thread.
func (d *Desk) handed(v *page.Visit, r intake.Report) ([]templ.Component, []correspondence.Message, error) {
	all, err := d.Intake.Handed(v.Ctx(), d.DB, v.By, r.UID)
	if err != nil {
		return nil, nil, err
	}
	p := v.P
	var out []templ.Component
	var came []correspondence.Message
	for _, f := range all {
		said := p.T("desk.forward.waits")
		switch {
		case !f.StoppedAt.IsZero():
			said = p.T("desk.forward.stopped")
		case !f.ConfirmedAt.IsZero():
			said = p.T("desk.pass_on.confirmed", "when", f.ConfirmedAt)
		case !f.SentAt.IsZero():
			said = p.T("desk.pass_on.sent", "when", f.SentAt)
		}
		out = append(out, several([]templ.Component{page.To(clip(f.Name, 60), "/desk/threads/"+f.ThreadUID), page.Text(" · " + said)}))
		for _, m := range f.Messages() {
			if m.Direction == correspondence.In {
				came = append(came, m)
			}
		}
	}
	return out, came, nil
}
