package desk

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// situationForms bring others in, say who leads, and end it.
func (d *Desk) situationForms(v *page.Visit, in incident.Incident, x coordination.Situation, bad map[string]string) ([]templ.Component, error) {
	p, at := v.P, "/desk/situations/"+x.UID
	parties, err := d.mayTakePart(v, in)
	if err != nil {
		return nil, err
	}
	var list []choice
	for _, y := range parties {
		if !slices.ContainsFunc(x.Members, func(m coordination.Member) bool { return m.Party.UID == y.UID }) {
			list = append(list, choice{name: "member", value: y.UID, label: y.Name, second: liaisonName(p, y.kind)})
		}
	}
	var out []templ.Component
	var now []page.Hid // who takes part as the page shows it: what is confirmed is read, not looked up when it is sent
	for _, m := range x.Members {
		now = append(now, page.Hid{Name: "together", Value: m.Party.UID})
	}
	if len(list) > 0 {
		out = append(out, folded(p.T("desk.situation.join"), bad["members"] != "" || bad["together"] != "", one(adminForm(at+"/members", now, []templ.Component{
			choices(p, "member", p.T("desk.situation.members"), bad["members"], list),
			page.Option(page.OptionView{ID: "confirm", Name: "confirm", Value: "1", Many: true, Label: p.T("desk.situation.confirm"), Hint: p.T("desk.situation.confirm.hint")}),
		}, page.ButtonView{Text: p.T("desk.situation.join.do"), Icon: "plus"}))))
	}
	out = append(out,
		folded(p.T("desk.situation.lead"), bad["why"] != "" || bad["leader"] != "", one(adminForm(at+"/lead", nil, []templ.Component{
			page.Select(p, page.FieldView{ID: "leader", Name: "leader", Label: p.T("desk.situation.leader"), Error: bad["leader"]}, memberOptions(p, x, x.Leader)),
			page.Field(p, page.FieldView{ID: "why", Name: "why", Label: p.T("desk.meeting.reason"), Hint: p.T("desk.meeting.reason.hint"), Error: bad["why"], Autocomplete: "off"}),
		}, page.ButtonView{Text: p.T("desk.situation.lead.do"), Icon: "check"}))),
		folded(p.T("desk.situation.end"), bad["reason"] != "", one(adminForm(at+"/end", nil, []templ.Component{
			page.Field(p, page.FieldView{ID: "reason", Name: "reason", Label: p.T("desk.situation.end.reason"), Error: bad["reason"], Autocomplete: "off"}),
		}, page.ButtonView{Text: p.T("desk.situation.end.do"), Kind: "danger", Icon: "ban"}))),
	)
	return out, nil
}

// situationDone goes back to the page, or shows it again with what was refused.
func (d *Desk) situationDone(v *page.Visit, err error, done string) error {
	if err == nil {
		return back(v, "/desk/situations/"+v.R.PathValue("situation"), done)
	}
	if _, plain := plainRefusal(v, err); !plain {
		return err
	}
	return d.showSituation(v, err, errs.Of(err).HTTP())
}

func (d *Desk) joinSituation(v *page.Visit) error {
	if err := v.R.ParseForm(); err != nil {
		return errFormNotRead
	}
	form := v.R.PostForm
	var together []string
	if form.Get("confirm") != "" {
		together = slices.Concat(form["together"], form["member"])
	}
	_, err := d.Coordination.JoinSituation(v.Ctx(), v.By, v.R.PathValue("situation"), form["member"], together)
	return d.situationDone(v, err, "saved")
}

func (d *Desk) leadSituation(v *page.Visit) error {
	_, err := d.Coordination.LeadSituation(v.Ctx(), v.By, v.R.PathValue("situation"), v.R.PostFormValue("leader"), v.R.PostFormValue("why"))
	return d.situationDone(v, err, "saved")
}

func (d *Desk) tellingOf(v *page.Visit) error {
	get := v.R.PostFormValue
	due, err := d.localTime(get("due"))
	if err != nil {
		return err
	}
	in := coordination.TellingInput{ID: get("id"), Who: get("who"), Circle: get("circle"), What: get("what"), DueAt: due, Done: get("done") != "", Version: version(v)}
	_, err = d.Coordination.SetTelling(v.Ctx(), v.By, v.R.PathValue("situation"), in)
	return d.situationDone(v, err, "saved")
}

func (d *Desk) decideSituation(v *page.Visit) error {
	get := v.R.PostFormValue
	due, err := d.localTime(get("due"))
	if err != nil {
		return err
	}
	in := coordination.NewDecision{Text: get("decision"), Joint: get("joint") != "", DueAt: due, Looked: get("looked") != ""}
	in.Follows, _ = strconv.Atoi(get("follows"))
	done := "saved"
	if in.Joint {
		done = "held"
	}
	_, err = d.Coordination.Decide(v.Ctx(), v.By, v.R.PathValue("situation"), in)
	return d.situationDone(v, err, done)
}

func (d *Desk) agreedInSituation(v *page.Visit) error {
	get := v.R.PostFormValue
	number, _ := strconv.Atoi(get("number"))
	_, err := d.Coordination.NoteAgreement(v.Ctx(), v.By, v.R.PathValue("situation"), number, get("party"), get("agrees") == "yes", get("who"), get("note"))
	return d.situationDone(v, err, "saved")
}

func (d *Desk) endSituation(v *page.Visit) error {
	_, err := d.Coordination.EndSituation(v.Ctx(), v.By, v.R.PathValue("situation"), v.R.PostFormValue("reason"))
	return d.situationDone(v, err, "saved")
}

// tellSituation shows exactly what each member will get, or lets it leave.
func (d *Desk) tellSituation(v *page.Visit) error {
	if v.R.PostFormValue("act") == "preview" {
		return d.showTell(v, nil, http.StatusOK)
	}
	_, err := d.Coordination.TellSituation(v.Ctx(), v.By, v.R.PathValue("situation"), version(v), v.R.PostFormValue("looked") != "")
	if _, plain := plainRefusal(v, err); err != nil && plain {
		return d.showTell(v, err, errs.Of(err).HTTP())
	}
	return d.situationDone(v, err, "held")
}

func (d *Desk) showTell(v *page.Visit, wrong error, status int) error {
	x, err := d.Coordination.SituationOf(v.Ctx(), v.By, v.R.PathValue("situation"))
	if err != nil {
		return err
	}
	if _, err := d.openedCase(v, x.Subject); err != nil {
		return err
	}
	seen, err := d.Coordination.PreviewSituation(v.Ctx(), v.By, x.UID)
	if err != nil {
		return err
	}
	p := v.P
	view := AdminView{DeskView: d.frame(v, "incidents", p.T("desk.situation.tell")), Heading: p.T("desk.situation.tell"), Up: page.NavItem{Text: p.T("desk.situation.title"), Href: "/desk/situations/" + x.UID}}
	view.Problems, _ = refusal(v, wrong, map[string]string{"text": "looked", "parties": "letters"})
	view.Wrong = wrong != nil
	list, ready, hits := previewLetters(p, seen)
	var fields []templ.Component
	if hits {
		fields = append(fields, page.Option(page.OptionView{ID: "looked", Name: "looked", Value: "1", Label: p.T("desk.ask.looked"), Many: true}))
	}
	view.Body = append(view.Body, section("letters", p.N("desk.meeting.letters", len(list)), letters(p, list)))
	if ready && len(list) > 0 {
		view.Body = append(view.Body, adminForm("/desk/situations/"+x.UID+"/tell", []page.Hid{{Name: "act", Value: "send"}, {Name: "version", Value: strconv.FormatInt(x.Version, 10)}}, fields, page.ButtonView{Text: p.N("desk.situation.tell.do", len(list)), Kind: "primary", Icon: "send"}))
	}
	return v.ShowStatus(status, Admin(view))
}
