package desk

import (
	"strings"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// behalf says what organisations were asked about who speaks for them, asks one, and takes the mark away when it was said otherwise.
func (d *Desk) behalf(v *page.Visit, r intake.Report, typed string, wrong error) ([]templ.Component, error) {
	p := v.P
	asked, err := d.Intake.Vouches(v.Ctx(), d.DB, v.By, r.UID)
	if err != nil {
		return nil, err
	}
	var body []templ.Component
	for _, x := range asked {
		said := p.T("desk.vouch.asked", "name", x.Name, "when", p.DateTime(x.AskedAt))
		switch x.Said {
		case intake.SaidYes:
			said = p.T("desk.vouch.yes", "name", x.Name, "when", p.DateTime(x.SaidAt))
		case intake.SaidNo:
			said = p.T("desk.vouch.no", "name", x.Name, "when", p.DateTime(x.SaidAt))
		}
		body = append(body, page.Prose(said))
		letters, err := d.Correspondence.Messages(v.Ctx(), d.DB, v.By, x.Thread)
		if err != nil {
			return nil, err
		}
		for _, m := range letters {
			if m.Direction == correspondence.In {
				body = append(body, page.Text(p.T("desk.vouch.mail")), framed(m.Body.Text))
			}
		}
	}
	if r.Behalf == intake.Unconfirmed && !r.Destroyed && v.By.Can(access.Triage) {
		if v.By.Can(access.SendOutside) {
			_, bad := problems(p, wrong, map[string]string{"organisation": "organisation"})
			body = append(body, adminForm("/desk/reports/"+r.UID+"/vouch", nil, []templ.Component{
				page.Field(p, page.FieldView{ID: "organisation", Name: "organisation", Label: p.T("desk.vouch.organisation"), Hint: p.T("desk.vouch.organisation.hint"), Value: typed, Error: bad["organisation"]}),
			}, page.ButtonView{Text: p.T("desk.vouch.ask"), Icon: "send"}))
		}
		body = append(body, adminForm("/desk/reports/"+r.UID+"/confirm", nil, []templ.Component{
			page.Field(p, page.FieldView{ID: "how", Name: "how", Label: p.T("desk.behalf.how"), Hint: p.T("desk.behalf.how.hint")}),
		}, page.ButtonView{Text: p.T("desk.behalf.do")}))
	}
	if len(body) == 0 {
		return nil, nil
	}
	return []templ.Component{section("behalf", p.T("desk.behalf.confirm"), several(body))}, nil
}

// askVouch asks an organisation of the register whether somebody speaks for it.
func (d *Desk) askVouch(v *page.Visit) error {
	name := strings.TrimSpace(v.R.PostFormValue("organisation"))
	x, err := d.forwardInput(v, forwarded{name: name})
	if err == nil {
		_, err = d.Intake.AskVouch(v.Ctx(), v.By, v.R.PathValue("report"), x.Organisation)
	}
	if errs.Is(err, errs.Invalid) {
		return d.showStages(v, name, err)
	}
	if err != nil {
		return err
	}
	return back(v, stagesAt(v.R.PathValue("report")), "held")
}

// confirmBehalf takes the mark from who reports for somebody else.
func (d *Desk) confirmBehalf(v *page.Visit) error {
	if err := d.Intake.Confirm(v.Ctx(), v.By, v.R.PathValue("report"), v.R.PostFormValue("how")); err != nil {
		return err
	}
	return back(v, stagesAt(v.R.PathValue("report")), "saved")
}
