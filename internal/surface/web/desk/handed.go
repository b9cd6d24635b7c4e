package desk

import (
	"strings"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/handover"
	"github.com/tocsin-csirt/tocsin/internal/format/taxonomy"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// handedHere shows a case that lies beside a letter: what its sender says, or why it is not acted on, and the one press that takes it over.
func (d *Desk) handedHere(v *page.Visit, r intake.Report) (templ.Component, error) {
	h, p := r.Body.Handed, v.P
	if h == nil {
		return nil, nil
	}
	view := handedView{title: p.T("desk.handed.title"), note: p.T("desk.handed.note")}
	if h.Refused != "" {
		view.problem = p.T("desk.handed.refused", "why", p.T("desk.handed.refused."+h.Refused), "file", handover.File)
		return handedOver(p, view), nil
	}
	doc := h.Document
	add := func(label, value string) {
		if value != "" {
			view.facts = append(view.facts, page.Property{Label: label, Value: page.Text(value)})
		}
	}
	add(p.T("desk.handover.name"), doc.Title)
	add(p.T("desk.handed.team"), strings.Trim(doc.From.Team+" · "+doc.From.Country, " ·"))
	add(p.T("desk.handover.reference"), doc.Reference)
	view.facts = append(view.facts, page.Property{Label: p.T("desk.fact.marking"), Value: page.TLP(strings.TrimPrefix(doc.TLP, "TLP:"))})
	if d.Incidents.TypeKnown(doc.Type) && doc.Type != "" {
		add(p.T("desk.col.type"), d.Taxonomy.FullName(taxonomy.Code(doc.Type), string(p.Lang())))
	}
	switch doc.Severity {
	case "low", "medium", "high", "critical":
		view.facts = append(view.facts, page.Property{Label: p.T("desk.field.severity"), Value: page.Severity(p, page.SeverityView{Level: doc.Severity, Words: true})})
	}
	if !doc.StartedAt.IsZero() {
		view.facts = append(view.facts, page.Property{Label: p.T("desk.handed.started"), Value: page.At(p, doc.StartedAt, v.Now)})
	}
	add(p.T("desk.handed.asked"), doc.Asked)
	if !doc.AnswerBy.IsZero() {
		view.facts = append(view.facts, page.Property{Label: p.T("desk.handed.answer_by"), Value: page.At(p, doc.AnswerBy, v.Now)})
	}
	if n := len(doc.Observables); n > 0 {
		add(p.T("desk.handover.observables"), p.N("desk.handed.observables", n))
	}
	took, err := d.Coordination.TakenAs(v.Ctx(), d.DB, v.By, r.Organisation, doc.ID)
	switch {
	case err == nil:
		view.facts = append(view.facts, page.Property{Label: p.T("desk.handed.taken"), Value: page.To(took.Number, "/desk/incidents/"+took.Number)})
		return handedOver(p, view), nil
	case !errs.Is(err, errs.NotFound):
		return nil, err
	}
	ok, err := d.Incidents.Handed(v.Ctx(), d.DB, r)
	if err != nil {
		return nil, err
	}
	switch {
	case !ok:
		view.problem = p.T("desk.handed.no_team")
	case r.State == intake.New && v.By.Can(access.Triage) && v.By.Can(access.WorkCases) && v.By.Can(access.SendOutside):
		view.note += " " + p.T("desk.handed.take.lead", "file", handover.AckFile)
		view.act = "/desk/reports/" + r.UID + "/take-over"
	}
	return handedOver(p, view), nil
}

// takeOver takes a case over that another team hands to us.
func (d *Desk) takeOver(v *page.Visit) error {
	in, err := d.Incidents.TakeOver(v.Ctx(), v.By, v.R.PathValue("report"))
	if err != nil {
		return err
	}
	return back(v, "/desk/incidents/"+in.Number, "taken_over")
}

// takenFacts says which team handed a case to us, and what it calls it.
func (d *Desk) takenFacts(v *page.Visit, incident ref.Ref) ([]page.Property, error) {
	list, err := d.Coordination.TakenOf(v.Ctx(), d.DB, v.By, incident)
	var out []page.Property
	for _, x := range list {
		if words := strings.Trim(x.Team+" · "+x.Reference, " ·"); words != "" {
			out = append(out, page.Property{Label: v.P.T("desk.handed.from"), Value: page.Text(words)})
		}
	}
	return out, err
}
