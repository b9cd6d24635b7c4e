package desk

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/domain/playbook"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// phone is the call note: a few fields that the keyboard fills in ten seconds.
func (d *Desk) phone(v *page.Visit) error {
	return v.Show(Form(d.phoneForm(v, intake.ReceiveInput{TLP: tlp.Amber.String()}, nil)))
}

func (d *Desk) phoneForm(v *page.Visit, in intake.ReceiveInput, wrong error) FormView {
	p := v.P
	list, by := problems(p, wrong, nil)
	view := FormView{
		DeskView: d.frame(v, "triage", p.T("desk.phone.title")), Heading: p.T("desk.phone.title"), Lead: p.T("desk.phone.lead"), Action: "/desk/phone",
		Problems: list, Submit: page.ButtonView{Text: p.T("desk.phone.do"), Kind: "primary", Key: "Ctrl ↵"}, More: []page.ButtonView{{Text: p.T("desk.cancel"), Href: "/desk/triage"}},
	}
	view.Wrong = wrong != nil
	level, _ := tlp.Parse(in.TLP)
	view.Fields = []templ.Component{
		page.Field(p, page.FieldView{ID: "name", Name: "name", Label: p.T("desk.phone.who"), Value: in.Body.Name, Autocomplete: "off", Error: by["name"]}),
		page.Field(p, page.FieldView{ID: "org", Name: "org", Label: p.T("desk.phone.org"), Value: in.Body.OrgText, Autocomplete: "off"}),
		page.Field(p, page.FieldView{ID: "phone", Name: "phone", Label: p.T("desk.phone.number"), Value: in.Body.Phone, Type: "tel", Width: "half", Autocomplete: "off"}),
		page.Field(p, page.FieldView{ID: "email", Name: "email", Label: p.T("desk.phone.email"), Value: in.Body.Email, Type: "email", Width: "half", Autocomplete: "off", Error: by["email"]}),
		page.Field(p, page.FieldView{ID: "summary", Name: "summary", Label: p.T("desk.phone.summary"), Value: in.Body.Summary, Error: by["summary"]}),
		page.Field(p, page.FieldView{ID: "description", Name: "description", Label: p.T("desk.phone.said"), Value: in.Body.Description, Rows: 6, Error: by["description"]}),
		page.Select(p, page.FieldView{ID: "tlp", Name: "tlp", Label: p.T("desk.field.tlp")}, tlpOptions(level)),
	}
	return view
}

// logCall keeps a call as a report; its original is the note as it was typed.
func (d *Desk) logCall(v *page.Visit) error {
	get := func(name string) string { return strings.TrimSpace(v.R.PostFormValue(name)) }
	in := intake.ReceiveInput{
		Channel: correspondence.ByPhone, Lang: string(v.P.Lang()), TLP: get("tlp"), Proof: correspondence.ByHand, Seal: correspondence.Plain,
		Body: intake.Body{Summary: get("summary"), Description: get("description"), Name: get("name"), Email: get("email"), Phone: get("phone"), OrgText: get("org")},
	}
	original, err := json.Marshal(map[string]any{"channel": "phone", "taken_by": v.By.Name, "at": v.Now, "note": in.Body})
	if err != nil {
		return err
	}
	in.Original = original
	out, err := d.Intake.Receive(v.Ctx(), v.By, in)
	if errs.Is(err, errs.Invalid) {
		return v.ShowStatus(errs.Invalid.HTTP(), Form(d.phoneForm(v, in, err)))
	}
	if err != nil {
		return err
	}
	return back(v, "/desk/triage", "logged", "report", out.Report.UID)
}

// recommendations gives the library, those that fit the type first.
func (d *Desk) recommendations(code, lang string) []choice {
	var out []choice
	there := map[string]bool{}
	filters := []playbook.Filter{{Lang: lang}}
	if code != "" {
		filters = []playbook.Filter{{Type: code, Lang: lang}, {Lang: lang}}
	}
	for _, f := range filters {
		fit := d.Playbook.Recommendations(f)
		if f.Type == "" { // what is not ranked stands by the alphabet of the reader
			slices.SortStableFunc(fit, func(a, b playbook.Recommendation) int { return strings.Compare(a.Title, b.Title) })
		}
		for _, r := range fit {
			if !there[r.Code] {
				there[r.Code] = true
				out = append(out, choice{name: "recommendation", value: r.Code, label: r.Title})
			}
		}
	}
	return out
}
