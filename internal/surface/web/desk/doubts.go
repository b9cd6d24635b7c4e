package desk

import (
	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// doubts are what stands on the page of an organisation about the register being wrong: what waits, and what was found. Where it was said is told to
// who may see that party alone.
func (d *Desk) doubts(v *page.Visit, o constituency.Organisation) ([]templ.Component, error) {
	list, err := d.Constituency.Doubts(v.Ctx(), d.DB, v.By, o.UID)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	p := v.P
	var about, people []int64
	for _, x := range list {
		about, people = append(about, x.About), append(people, x.SettledBy)
	}
	parties, err := d.seenParties(v, about)
	if err != nil {
		return nil, err
	}
	names, err := d.Names(v.Ctx(), people...)
	if err != nil {
		return nil, err
	}
	out := []templ.Component{heading(p.T("desk.doubts"))}
	for _, x := range list {
		y := doubtView{line: p.T("desk.doubt.raised", "when", p.DateTime(x.RaisedAt)), chip: page.ChipView{Text: p.T("desk.doubt.open"), Kind: "warn"}}
		if party, ok := parties[x.About]; ok {
			y.at, y.words = "/desk/parties/"+party.UID, p.T("desk.doubt.where")
		}
		if !x.SettledAt.IsZero() {
			y.chip = page.ChipView{Text: p.T("desk.doubt." + x.Outcome), Kind: "ok"}
			y.settled = p.T("desk.doubt.settled", "who", names[x.SettledBy], "when", p.DateTime(x.SettledAt))
			y.note = x.Note
		} else if v.By.Can(access.WriteRegistry) {
			y.uid, y.org = x.UID, o.UID
		}
		out = append(out, doubtCard(p, y))
	}
	return out, nil
}

// seenParties gives the parties that the reader may see, by their ids.
func (d *Desk) seenParties(v *page.Visit, ids []int64) (map[int64]coordination.Party, error) {
	if !v.By.Can(access.ReadCases) {
		return nil, nil
	}
	return d.Coordination.PartiesByID(v.Ctx(), d.DB, v.By, ids...)
}

func (d *Desk) settleDoubt(v *page.Visit) error {
	x, err := d.Constituency.SettleDoubt(v.Ctx(), v.By, v.R.PathValue("doubt"), v.R.PostFormValue("outcome"), v.R.PostFormValue("note"))
	if err != nil {
		return err
	}
	o, err := d.Constituency.ByID(v.Ctx(), d.DB, x.Organisation)
	if err != nil {
		return err
	}
	return back(v, "/desk/constituency/"+o[x.Organisation].UID, "saved")
}
