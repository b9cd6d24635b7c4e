package desk

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// ladderRoutes are where the parties of an incident stand on their ladders, and the steps that wait for a person.
func (d *Desk) ladderRoutes() []page.Route {
	read, send, rules := page.Needs(access.ReadCases), page.Needs(access.SendOutside), page.Needs(access.ChangeRules)
	return []page.Route{
		{Pattern: "GET /desk/incidents/{incident}/ladder", Need: read, Serve: d.climbs},
		{Pattern: "POST /desk/incidents/{incident}/ladder", Need: send, Serve: d.climb},
		{Pattern: "POST /desk/incidents/{incident}/ladder/choose", Need: send, Serve: d.chooseLadder},
		{Pattern: "GET /desk/parties/{party}/step", Need: send, Serve: d.step},
		{Pattern: "POST /desk/parties/{party}/step", Need: send, Serve: d.confirmStep},
		{Pattern: "GET /desk/admin/ladders", Need: rules, Serve: d.ladders},
		{Pattern: "GET /desk/admin/ladders/{ladder}", Need: rules, Serve: d.ladder},
		{Pattern: "POST /desk/admin/ladders/{ladder}", Need: rules, Serve: d.saveLadder},
		{Pattern: "POST /desk/admin/ladders/{ladder}/retire", Need: rules, Serve: d.retireLadder},
	}
}

func ladderName(p *text.Printer, l coordination.Ladder) string {
	if l.Name == "" {
		return p.T("desk.ladder.standard")
	}
	return l.Name
}

func rungName(p *text.Printer, to coordination.RungTo) string {
	return p.T("desk.ladder.to." + string(to))
}

// climbWords says where a party stands, in a few words.
func climbWords(v *page.Visit, c coordination.Climb) (string, string) {
	p := v.P
	r, ok := c.Next()
	switch {
	case c.BeganAt.IsZero():
		return "", ""
	case c.State == coordination.ClimbEnded:
		return p.T("desk.ladder.ended." + c.Why), ""
	case !ok:
		return "", ""
	case c.State == coordination.ClimbAsks:
		return p.T("desk.ladder.asks", "to", rungName(p, r.To)), "asks"
	case c.State == coordination.ClimbPaused:
		return p.T("desk.ladder.paused", "to", rungName(p, r.To)), "paused"
	}
	return p.T("desk.ladder.next", "to", rungName(p, r.To), "at", p.Brief(c.NextAt, v.Now)), ""
}

func climbChip(v *page.Visit, c coordination.Climb) templ.Component {
	said, kind := climbWords(v, c)
	switch {
	case said == "":
		return page.Text(v.P.T("desk.ladder.none"))
	case kind == "asks":
		return page.Chip(page.ChipView{Text: said, Kind: "warn", Icon: "hand"})
	case kind == "paused":
		return page.Chip(page.ChipView{Text: said, Kind: "outline", Icon: "clock"})
	}
	return page.Text(said)
}

// climbs shows where the parties stand that the filters of the matrix leave, with what a person may do for many at once.
func (d *Desk) climbs(v *page.Visit) error {
	in, err := d.opened(v)
	if err != nil {
		return err
	}
	return d.showClimbs(v, in, coordination.ClimbInput{}, nil, http.StatusOK)
}

func (d *Desk) showClimbs(v *page.Visit, in incident.Incident, typed coordination.ClimbInput, wrong error, status int) error {
	f, rows, err := d.incidentFrame(v, in, "parties")
	if err != nil {
		return err
	}
	t, err := d.Coordination.TableOf(v.Ctx(), rows, tableFilter(v.R.URL.Query()))
	if err != nil {
		return err
	}
	climbs, err := d.Coordination.Climbs(v.Ctx(), v.By, in.UID)
	if err != nil {
		return err
	}
	p, may := v.P, v.By.Can(access.SendOutside) && v.By.Can(access.WorkCases) && in.State != incident.Closed
	begins, code, err := d.Coordination.LadderFor(v.Ctx(), v.By, in.UID)
	if err != nil {
		return err
	}
	view := ClimbsView{IncidentFrame: f, Back: f.Href + "/parties" + kept(v.R.URL.Query()), Action: f.Href + "/ladder" + kept(v.R.URL.Query(), "sort", "", "down", "")}
	view.Begins = p.T("desk.ladder.begins.none")
	if len(begins.Rungs) > 0 {
		view.Begins = p.T("desk.ladder.begins", "ladder", ladderName(p, begins))
	}
	view.Problems, view.Wrong = problems(p, wrong, nil)
	view.Table = page.TableView{Caption: p.T("desk.ladder.title"), Columns: []page.Column{
		{Text: p.T("desk.ladder.party")}, {Text: p.T("desk.col.state")}, {Text: p.T("desk.ladder.stands")}, {Text: p.T("desk.ladder.ladder")},
	}}
	for _, r := range t.Rows {
		if !r.Party.WithdrawnAt.IsZero() {
			continue
		}
		c := climbs[r.Party.Ref.ID]
		first := link("/desk/parties/"+r.Party.UID, r.Party.Name, roleName(p, r.Party.Role))
		if may {
			first = partyBox(r.Party.UID, r.Party.Name, roleName(p, r.Party.Role), len(typed.Parties) == 0 || slices.Contains(typed.Parties, r.Party.UID))
		}
		stands := climbChip(v, c)
		if c.State == coordination.ClimbAsks && may {
			stands = several([]templ.Component{stands, refCell("/desk/parties/"+r.Party.UID+"/step", p.T("desk.ladder.look"))})
		}
		name := ""
		if !c.BeganAt.IsZero() {
			name = ladderName(p, c.Ladder)
		}
		view.Table.Rows = append(view.Table.Rows, []templ.Component{first, page.Text(stateName(p, r.State())), stands, page.Text(name)})
	}
	if !may {
		return v.ShowStatus(status, IncidentClimbs(view))
	}
	ladders, err := d.Coordination.Ladders(v.Ctx(), v.By, false)
	if err != nil {
		return err
	}
	view.May = true
	view.Acts, view.Ladders, view.Reason = climbOptions(p, ladders, typed)
	view.Choose = f.Href + "/ladder/choose"
	view.Chosen = []page.SelectOption{{Value: "", Text: p.T("desk.ladder.by_severity"), Chosen: code == ""}, {Value: coordination.NoLadder, Text: p.T("desk.ladder.never"), Chosen: code == coordination.NoLadder}}
	for _, l := range ladders {
		view.Chosen = append(view.Chosen, page.SelectOption{Value: l.Code, Text: ladderName(p, l), Chosen: code == l.Code})
	}
	return v.ShowStatus(status, IncidentClimbs(view))
}

func climbOptions(p *text.Printer, ladders []coordination.Ladder, typed coordination.ClimbInput) (acts, list []page.SelectOption, reason string) {
	for _, a := range coordination.ClimbActs() {
		acts = append(acts, page.SelectOption{Value: string(a), Text: p.T("desk.ladder.act." + string(a)), Chosen: a == typed.Act})
	}
	for _, l := range ladders {
		list = append(list, page.SelectOption{Value: l.Code, Text: ladderName(p, l), Chosen: l.Code == typed.Ladder})
	}
	return acts, list, typed.Reason
}

// climb does one thing with the ladders of the parties that were chosen.
func (d *Desk) climb(v *page.Visit) error {
	if err := v.R.ParseForm(); err != nil {
		return errFormNotRead
	}
	in, err := d.opened(v)
	if err != nil {
		return err
	}
	typed := coordination.ClimbInput{Act: coordination.ClimbAct(v.R.PostForm.Get("act")), Parties: v.R.PostForm["party"], Ladder: v.R.PostForm.Get("ladder"), Reason: v.R.PostForm.Get("reason")}
	_, err = d.Coordination.Climb(v.Ctx(), v.By, in.UID, typed)
	if len(errs.Fields(err)) > 0 {
		return d.showClimbs(v, in, typed, err, errs.Of(err).HTTP())
	}
	if err != nil {
		return err
	}
	if one := v.R.PostForm.Get("back"); one != "" && len(typed.Parties) == 1 && one == typed.Parties[0] {
		return back(v, "/desk/parties/"+one, "saved")
	}
	return back(v, "/desk/incidents/"+in.Number+"/ladder", "saved")
}

func (d *Desk) chooseLadder(v *page.Visit) error {
	in, err := d.opened(v)
	if err != nil {
		return err
	}
	if err := d.Coordination.ChooseLadder(v.Ctx(), v.By, in.UID, v.R.PostFormValue("ladder")); err != nil {
		return err
	}
	return back(v, "/desk/incidents/"+in.Number+"/ladder", "saved")
}

// climbCard is where one party stands, what was done, and what a person may do, for its page.
func (d *Desk) climbCard(v *page.Visit, in incident.Incident, party coordination.Party) ([]templ.Component, error) {
	p := v.P
	c, steps, err := d.Coordination.ClimbOf(v.Ctx(), v.By, party.UID)
	if err != nil {
		return nil, err
	}
	may := v.By.Can(access.SendOutside) && v.By.Can(access.WorkCases) && in.State != incident.Closed && party.WithdrawnAt.IsZero()
	if c.BeganAt.IsZero() && !may {
		return nil, nil
	}
	body := []templ.Component{heading(p.T("desk.ladder.title"))}
	if !c.BeganAt.IsZero() {
		body = append(body, paragraphWith(climbChip(v, c)))
	}
	if c.State == coordination.ClimbAsks && may {
		body = append(body, page.Button(page.ButtonView{Text: p.T("desk.ladder.look"), Kind: "primary", Icon: "send", Href: "/desk/parties/" + party.UID + "/step"}))
	}
	if len(steps) > 0 {
		table, err := d.stepTable(v, party, steps)
		if err != nil {
			return nil, err
		}
		body = append(body, table)
	}
	if !may {
		return body, nil
	}
	ladders, err := d.Coordination.Ladders(v.Ctx(), v.By, false)
	if err != nil {
		return nil, err
	}
	acts, list, _ := climbOptions(p, ladders, coordination.ClimbInput{})
	running := !c.BeganAt.IsZero() && c.State != coordination.ClimbEnded
	acts = slices.DeleteFunc(acts, func(o page.SelectOption) bool {
		switch coordination.ClimbAct(o.Value) {
		case coordination.ClimbBegin:
			return running
		case coordination.ClimbResume:
			return c.State != coordination.ClimbPaused
		case coordination.ClimbPause:
			return !running || c.State == coordination.ClimbPaused
		}
		return !running
	})
	fields := []templ.Component{page.Select(p, page.FieldView{ID: "climb-act", Name: "act", Label: p.T("desk.ladder.act")}, acts)}
	if !running {
		fields = append(fields, page.Select(p, page.FieldView{ID: "climb-ladder", Name: "ladder", Label: p.T("desk.ladder.ladder")}, list))
	} else {
		fields = append(fields, page.Field(p, page.FieldView{ID: "climb-reason", Name: "reason", Label: p.T("desk.ladder.reason"), Autocomplete: "off"}))
	}
	return append(body, adminForm("/desk/incidents/"+in.Number+"/ladder", []page.Hid{{Name: "party", Value: party.UID}, {Name: "back", Value: party.UID}}, fields, page.ButtonView{Text: p.T("desk.ladder.do")})), nil
}

// stepTable is what was done on a ladder, newest first.
func (d *Desk) stepTable(v *page.Visit, party coordination.Party, steps []coordination.Step) (templ.Component, error) {
	p := v.P
	var others, accounts []int64
	for _, s := range steps {
		if s.Other != 0 {
			others = append(others, s.Other)
		}
		if s.Account != 0 {
			accounts = append(accounts, s.Account)
		}
	}
	named, err := d.Coordination.PartiesByID(v.Ctx(), d.DB, v.By, others...)
	if err != nil {
		return nil, err
	}
	who, err := d.Names(v.Ctx(), accounts...)
	if err != nil {
		return nil, err
	}
	contacts, err := d.Constituency.Contacts(v.Ctx(), d.DB, party.Organisation)
	if err != nil {
		return nil, err
	}
	t := page.TableView{Caption: p.T("desk.ladder.steps"), Columns: []page.Column{{Text: p.T("desk.col.when")}, {Text: p.T("desk.ladder.rung")}, {Text: p.T("desk.ladder.what")}, {Text: p.T("desk.ladder.who")}}}
	for _, s := range steps {
		rung, person := "", ""
		if s.To != "" {
			rung = rungName(p, s.To)
		}
		for _, c := range contacts {
			if c.ID == s.Contact {
				person = strings.TrimSpace(c.Name + " <" + c.Email + ">")
			}
		}
		if o, ok := named[s.Other]; ok {
			person = o.Name
		}
		t.Rows = append(t.Rows, []templ.Component{page.At(p, s.At, v.Now), page.Text(rung), twoLines(p.T("desk.ladder.step."+string(s.What)), s.Words), twoLines(person, who[s.Account])})
	}
	return page.Table(t), nil
}

// step shows what the rung would do that waits for a person: to whom, and exactly what each will receive.
func (d *Desk) step(v *page.Visit) error {
	return d.showStep(v, coordination.StepInput{Organisations: v.R.URL.Query()["organisation"]}, nil, http.StatusOK)
}

func (d *Desk) showStep(v *page.Visit, in coordination.StepInput, wrong error, status int) error {
	x, err := d.Coordination.ProposeStep(v.Ctx(), v.By, v.R.PathValue("party"), in)
	if errs.Is(err, errs.Conflict) { // somebody was faster
		return back(v, "/desk/parties/"+v.R.PathValue("party"), "changed")
	}
	if err != nil {
		return err
	}
	about, err := d.openedCase(v, x.Party.Subject)
	if err != nil {
		return err
	}
	f, _, err := d.incidentFrame(v, about, "parties")
	if err != nil {
		return err
	}
	p := v.P
	view := StepView{IncidentFrame: f, Party: x.Party.Name, Back: "/desk/parties/" + x.Party.UID, Action: "/desk/parties/" + x.Party.UID + "/step", To: rungName(p, x.Rung.To), Rung: strconv.Itoa(x.Climb.Rung), Text: in.Text, Looked: in.Looked, Outside: x.Rung.To.Outside(), Barred: x.Barred, Nobody: x.Nobody}
	view.Problems, view.Wrong = problems(p, wrong, nil)
	for _, c := range x.Candidates {
		why := p.T("desk.ladder.candidate." + c.Why)
		if len(c.Networks) > 0 {
			why = p.T("desk.ladder.candidate.networks", "networks", strings.Join(c.Networks, ", "))
		}
		view.Choices = append(view.Choices, choice{name: "organisation", value: c.Organisation.UID, label: c.Organisation.Name, second: why, checked: slices.Contains(in.Organisations, c.Organisation.UID)})
	}
	for _, l := range x.Letters {
		y := PreviewLetter{Party: l.Party.Name, Reader: strings.Trim(l.Reader.Name+" <"+l.Reader.Email+">", " "), Lang: l.Lang, Road: roadChip(p, l.Road), TLP: about.TLP.Name(), Subject: l.Subject, Text: l.Text}
		if l.Road.Road == egress.Notice {
			y.Text = l.Letter
		}
		if len(l.Hits) > 0 {
			y.Warn, view.Hits = p.T("desk.ask.hits", "words", strings.Join(l.Hits, ", ")), true
		}
		view.Letters = append(view.Letters, y)
	}
	view.Ready = len(x.Letters) > 0
	return v.ShowStatus(status, ConfirmStep(view))
}

// confirmStep shows the letters of those who were chosen, or lets them leave.
func (d *Desk) confirmStep(v *page.Visit) error {
	if err := v.R.ParseForm(); err != nil {
		return errFormNotRead
	}
	form := v.R.PostForm
	in := coordination.StepInput{Organisations: form["organisation"], Text: strings.TrimSpace(form.Get("text")), Looked: form.Get("looked") != ""}
	in.Rung, _ = strconv.Atoi(form.Get("rung"))
	if form.Get("send") == "" {
		return d.showStep(v, in, nil, http.StatusOK)
	}
	err := d.Coordination.ConfirmStep(v.Ctx(), v.By, v.R.PathValue("party"), in)
	if len(errs.Fields(err)) > 0 {
		return d.showStep(v, in, err, errs.Of(err).HTTP())
	}
	if err != nil {
		return err
	}
	return back(v, "/desk/parties/"+v.R.PathValue("party"), "held")
}
