package portal

import (
	"slices"

	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// A mail that comes while a question is open counts as its answer: nobody can be asked. Here the writer is asked, and nothing is chosen before.

const noAnswer = "none"

// wrongChoice maps the choice to the control that always stands there.
var wrongChoice = map[string]string{"to": "to-" + noAnswer}

func questions(open []coordination.Request) []page.SelectOption {
	var out []page.SelectOption
	for _, r := range open {
		out = append(out, page.SelectOption{Value: r.UID, Text: firstLine(r.Text, 80)})
	}
	return out
}

// meant gives the request that a text is to answer, "" for none. Who did not choose although questions are open is asked; with what else is
// wrong with the text.
func (d Deps) meant(v *page.Visit, f *form, party int64) (string, error) {
	open, err := d.Coordination.Requests(v.Ctx(), v.By, coordination.RequestFilter{Open: true, Party: party})
	if err != nil {
		return "", err
	}
	var p errs.Problems
	to := f.get("to")
	known := slices.ContainsFunc(open.Items, func(r coordination.Request) bool { return r.UID == to })
	if len(open.Items) > 0 && !known && to != noAnswer {
		p.Add("to", "portal.error.to")
	}
	p = append(p, errs.Fields(intake.ValidateAddition(f.get("text"), len(f.files)))...)
	if !known {
		to = ""
	}
	return to, p.Err()
}

// typed puts back what was typed and chosen.
func (w *WriteView) typed(f *form) {
	w.Text, w.Message = f.get("text"), f.get("to") == noAnswer
	for i, o := range w.Reach {
		w.Reach[i].Chosen = o.Value == f.get("reach")
	}
	for i, o := range w.Open {
		w.Open[i].Chosen = o.Value == f.get("to")
	}
}
