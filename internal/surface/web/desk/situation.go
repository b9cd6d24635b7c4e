package desk

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// situationRoutes are the pages of the situation that is shared with other authorities.
func (d *Desk) situationRoutes() []page.Route {
	read, work, send, lead := page.Needs(access.ReadCases), page.Needs(access.WorkCases), page.Needs(access.SendOutside), page.Needs(access.Approve)
	return []page.Route{
		{Pattern: "GET /desk/incidents/{incident}/situation", Need: read, Serve: d.situations},
		{Pattern: "POST /desk/incidents/{incident}/situation", Need: lead, Serve: d.openSituation},
		{Pattern: "GET /desk/situations/{situation}", Need: read, Serve: d.situation},
		{Pattern: "POST /desk/situations/{situation}/members", Need: lead, Serve: d.joinSituation},
		{Pattern: "POST /desk/situations/{situation}/lead", Need: lead, Serve: d.leadSituation},
		{Pattern: "POST /desk/situations/{situation}/telling", Need: work, Serve: d.tellingOf},
		{Pattern: "POST /desk/situations/{situation}/decide", Need: lead, Serve: d.decideSituation},
		{Pattern: "POST /desk/situations/{situation}/agreed", Need: work, Serve: d.agreedInSituation},
		{Pattern: "POST /desk/situations/{situation}/tell", Need: send, Serve: d.tellSituation},
		{Pattern: "POST /desk/situations/{situation}/end", Need: lead, Serve: d.endSituation},
	}
}

func situationChip(p *text.Printer, x coordination.Situation) page.ChipView {
	if !x.EndedAt.IsZero() {
		return page.ChipView{Text: p.T("desk.situation.ended"), Kind: "outline"}
	}
	return page.ChipView{Text: p.T("desk.situation.running"), Kind: "warn", Icon: "users"}
}

func groundName(p *text.Printer, g coordination.Ground) string {
	if g == coordination.ForceMajeure {
		return p.T("desk.situation.ground.force_majeure")
	}
	return p.T("desk.situation.ground.need")
}

// situations lists the shared situations of an incident, and opens one.
func (d *Desk) situations(v *page.Visit) error { return d.showSituations(v, nil, http.StatusOK) }

func (d *Desk) showSituations(v *page.Visit, wrong error, status int) error {
	in, f, _, err := d.tab(v, "parties")
	if err != nil {
		return err
	}
	all, err := d.Coordination.Situations(v.Ctx(), v.By, in.UID)
	if err != nil {
		return err
	}
	p := v.P
	list, bad := refusal(v, wrong, map[string]string{"together": "confirm"})
	body := []templ.Component{page.ErrorSummary(p, list)}
	t := page.TableView{Caption: p.T("desk.situation.title"), Columns: []page.Column{{Text: p.T("desk.situation.ground")}, {Text: p.T("desk.situation.opened")}, {Text: p.T("desk.col.state")}, {Text: p.T("desk.situation.members")}}}
	running := false
	for _, x := range all {
		running = running || x.EndedAt.IsZero()
		t.Rows = append(t.Rows, []templ.Component{link("/desk/situations/"+x.UID, groundName(p, x.Ground), clip(x.Reasons, 120)), page.At(p, x.OpenedAt, v.Now), page.Chip(situationChip(p, x)), page.Text(strings.Join(x.Names(), ", "))})
	}
	if len(all) > 0 {
		body = append(body, heading(p.T("desk.situation.title")), page.Table(t))
	} else {
		body = append(body, page.Empty(page.EmptyView{Icon: "building-2", Title: p.T("desk.situation.none"), Note: p.T("desk.situation.none.note")}))
	}
	if !running && in.State != incident.Closed && v.By.Can(access.Approve) {
		parties, err := d.mayTakePart(v, in)
		if err != nil {
			return err
		}
		body = append(body, heading(p.T("desk.situation.open")))
		if len(parties) == 0 {
			body = append(body, paragraph(p.T("desk.situation.no_authority")), page.Button(page.ButtonView{Text: p.T("desk.parties.add"), Icon: "plus", Href: f.Href + "/parties/add"}))
		} else {
			body = append(body, adminForm(f.Href+"/situation", nil, d.openFields(v, parties, bad), page.ButtonView{Text: p.T("desk.situation.open.do"), Kind: "primary", Icon: "users"}))
		}
	}
	body = append(body, page.Lines([]templ.Component{page.To(p.T("desk.meeting.back"), f.Href+"/parties")}))
	f.Wrong = wrong != nil
	return v.ShowStatus(status, IncidentTab(TabView{IncidentFrame: f, Body: inTab(body)}))
}

// authority is a party that may take part.
type authority struct {
	coordination.Party
	kind constituency.LiaisonKind
}

func (d *Desk) mayTakePart(v *page.Visit, in incident.Incident) ([]authority, error) {
	parties, err := d.Coordination.PartiesOf(v.Ctx(), d.DB, v.By, in.Ref)
	if err != nil {
		return nil, err
	}
	var orgs []int64
	for _, x := range parties {
		if x.Organisation != 0 {
			orgs = append(orgs, x.Organisation)
		}
	}
	kinds, err := d.Constituency.Liaisons(v.Ctx(), d.DB, orgs...)
	var out []authority
	for _, x := range parties {
		if k := kinds[x.Organisation].Kind; x.WithdrawnAt.IsZero() && slices.Contains(coordination.Authorities(), k) {
			out = append(out, authority{x, k})
		}
	}
	return out, err
}

func (d *Desk) openFields(v *page.Visit, parties []authority, bad map[string]string) []templ.Component {
	p, get := v.P, v.R.PostFormValue
	var grounds []page.SelectOption
	for _, g := range coordination.Grounds() {
		grounds = append(grounds, page.SelectOption{Value: string(g), Text: groundName(p, g), Chosen: get("ground") == string(g)})
	}
	var list []choice
	leaders := []page.SelectOption{{Value: "", Text: p.T("desk.situation.we")}}
	for _, x := range parties {
		list = append(list, choice{name: "member", value: x.UID, label: x.Name, second: liaisonName(p, x.kind), checked: slices.Contains(v.R.PostForm["member"], x.UID)})
		leaders = append(leaders, page.SelectOption{Value: x.UID, Text: x.Name, Chosen: get("leader") == x.UID})
	}
	return []templ.Component{
		page.Select(p, page.FieldView{ID: "ground", Name: "ground", Label: p.T("desk.situation.ground"), Error: bad["ground"]}, grounds),
		page.Field(p, page.FieldView{ID: "reasons", Name: "reasons", Rows: 3, Label: p.T("desk.situation.reasons"), Hint: p.T("desk.situation.reasons.hint"), Value: get("reasons"), Error: bad["reasons"], Required: true}),
		choices(p, "members", p.T("desk.situation.members"), bad["members"], list),
		page.Select(p, page.FieldView{ID: "leader", Name: "leader", Label: p.T("desk.situation.leader"), Error: bad["leader"]}, leaders),
		page.Option(page.OptionView{ID: "confirm", Name: "confirm", Value: "1", Many: true, Label: p.T("desk.situation.confirm"), Hint: p.T("desk.situation.confirm.hint")}),
	}
}

func (d *Desk) openSituation(v *page.Visit) error {
	if err := v.R.ParseForm(); err != nil {
		return errFormNotRead
	}
	form := v.R.PostForm
	in := coordination.NewSituation{Ground: coordination.Ground(form.Get("ground")), Reasons: form.Get("reasons"), Leader: form.Get("leader"), Members: form["member"]}
	if form.Get("confirm") != "" {
		in.Together = form["member"]
	}
	x, err := d.Coordination.OpenSituation(v.Ctx(), v.By, v.R.PathValue("incident"), in)
	if err != nil {
		if _, plain := plainRefusal(v, err); !plain {
			return err
		}
		return d.showSituations(v, err, errs.Of(err).HTTP())
	}
	return back(v, "/desk/situations/"+x.UID, "saved")
}

// situation shows one: who leads, who tells whom, decisions, and how the members are told.
func (d *Desk) situation(v *page.Visit) error { return d.showSituation(v, nil, http.StatusOK) }

func (d *Desk) showSituation(v *page.Visit, wrong error, status int) error {
	x, err := d.Coordination.SituationOf(v.Ctx(), v.By, v.R.PathValue("situation"))
	if err != nil {
		return err
	}
	in, err := d.openedCase(v, x.Subject)
	if err != nil {
		return err
	}
	p := v.P
	view := AdminView{DeskView: d.frame(v, "incidents", p.T("desk.situation.title")), Heading: p.T("desk.situation.title"), Lead: groundName(p, x.Ground), Up: page.NavItem{Text: in.Number, Href: "/desk/incidents/" + in.Number + "/situation"}}
	var bad map[string]string
	view.Problems, bad = refusal(v, wrong, map[string]string{"due_at": "due", "text": "decision", "together": "confirm"})
	view.Wrong = wrong != nil
	open := x.EndedAt.IsZero()
	view.Body = append(view.Body, page.Properties(p, d.situationFacts(v, x)), d.situationMembers(v, x), d.tellings(v, x, bad, open && v.By.Can(access.WorkCases)), d.decisions(v, x, bad, open))
	if open && v.By.Can(access.SendOutside) && v.By.Can(access.WorkCases) {
		view.Body = append(view.Body, section("tell", p.T("desk.situation.tell"), paragraph(p.T("desk.situation.tell.note")),
			post("/desk/situations/"+x.UID+"/tell", []page.Hid{{Name: "act", Value: "preview"}}, page.ButtonView{Text: p.T("desk.situation.tell.preview"), Icon: "mail"})))
	}
	if open && v.By.Can(access.Approve) {
		forms, err := d.situationForms(v, in, x, bad)
		if err != nil {
			return err
		}
		view.Body = append(view.Body, forms...)
	}
	return v.ShowStatus(status, Admin(view))
}

func (d *Desk) leaderName(p *text.Printer, x coordination.Situation, uid string) string {
	if n := x.Name(uid); n != "" {
		return n
	}
	return p.T("desk.situation.we")
}

func (d *Desk) situationFacts(v *page.Visit, x coordination.Situation) []page.Property {
	p := v.P
	facts := []page.Property{
		{Label: p.T("desk.col.state"), Value: page.Chip(situationChip(p, x))},
		{Label: p.T("desk.situation.reasons"), Value: page.Words(mail.NoLinks(mail.VisibleText(x.Reasons)))},
		{Label: p.T("desk.situation.opened"), Value: several([]templ.Component{page.At(p, x.OpenedAt, v.Now), page.Text(" " + x.ByName)})},
		{Label: p.T("desk.situation.leader"), Value: page.Strong(d.leaderName(p, x, x.Leader))},
	}
	for _, c := range x.Changes {
		facts = append(facts, page.Property{Label: p.Brief(c.At, v.Now), Value: twoLines(p.T("desk.situation.led", "who", c.By, "leader", d.leaderName(p, x, c.Leader)), c.Why)})
	}
	if !x.EndedAt.IsZero() {
		facts = append(facts, page.Property{Label: p.T("desk.situation.ended"), Value: twoLines(p.Brief(x.EndedAt, v.Now)+" · "+x.EndedBy, x.End)})
	}
	return facts
}

func (d *Desk) situationMembers(v *page.Visit, x coordination.Situation) templ.Component {
	p := v.P
	t := page.TableView{Caption: p.T("desk.situation.members"), Columns: []page.Column{{Text: p.T("desk.col.party")}, {Text: p.T("desk.situation.since")}, {Text: p.T("desk.situation.told")}, {Text: p.T("desk.meeting.letter")}}}
	for _, m := range x.Members {
		letter := templ.Component(page.Text(""))
		if m.Letter != "" {
			letter = page.Chip(letterState(p, m.Letter))
		}
		t.Rows = append(t.Rows, []templ.Component{link("/desk/parties/"+m.Party.UID, m.Party.Name, liaisonName(p, m.Kind)), page.At(p, m.JoinedAt, v.Now), atOr(p, m.ToldAt, v.Now), letter})
	}
	return section("members", p.T("desk.situation.members"), page.Table(t))
}

// tellings are who tells whom.
func (d *Desk) tellings(v *page.Visit, x coordination.Situation, bad map[string]string, work bool) templ.Component {
	p, at := v.P, "/desk/situations/"+x.UID+"/telling"
	version := page.Hid{Name: "version", Value: strconv.FormatInt(x.Version, 10)}
	var body []templ.Component
	t := page.TableView{Caption: p.T("desk.situation.tellings"), Columns: []page.Column{{Text: p.T("desk.situation.who")}, {Text: p.T("desk.situation.circle")}, {Text: p.T("desk.situation.what")}, {Text: p.T("desk.col.state")}, {Text: p.T("desk.meeting.note")}}}
	for _, l := range x.Tellings {
		state := page.ChipView{Text: p.T("desk.situation.planned"), Kind: "info"}
		when := l.DueAt
		switch {
		case !l.DoneAt.IsZero():
			state, when = page.ChipView{Text: p.T("desk.situation.done"), Kind: "ok", Icon: "check"}, l.DoneAt
		case !l.DueAt.IsZero() && v.Now.After(l.DueAt):
			state = page.ChipView{Text: p.T("desk.situation.late"), Kind: "crit", Icon: "clock"}
		}
		shown := []templ.Component{page.Chip(state)}
		if !when.IsZero() {
			shown = append(shown, page.At(p, when, v.Now))
		}
		var row []templ.Component
		if work {
			act, done := p.T("desk.situation.done.do"), "1"
			if !l.DoneAt.IsZero() {
				act, done = p.T("desk.situation.undone"), ""
			}
			row = append(row, post(at, []page.Hid{version, {Name: "id", Value: l.ID}, {Name: "done", Value: done}}, page.ButtonView{Text: act, Kind: "ghost"}))
		}
		t.Rows = append(t.Rows, []templ.Component{page.Text(d.leaderName(p, x, l.Who)), page.Text(l.Circle), page.Text(l.What), several(shown), rowActs(row)})
	}
	if len(t.Rows) > 0 {
		body = append(body, page.Table(t))
	} else {
		body = append(body, paragraph(p.T("desk.situation.tellings.none")))
	}
	if work {
		get := v.R.PostFormValue
		body = append(body, folded(p.T("desk.situation.telling.add"), bad["circle"] != "", one(adminForm(at, []page.Hid{version}, []templ.Component{
			page.Select(p, page.FieldView{ID: "who", Name: "who", Label: p.T("desk.situation.who")}, memberOptions(p, x, get("who"))),
			page.Field(p, page.FieldView{ID: "circle", Name: "circle", Label: p.T("desk.situation.circle"), Hint: p.T("desk.situation.circle.hint"), Value: get("circle"), Error: bad["circle"], Autocomplete: "off"}),
			page.Field(p, page.FieldView{ID: "what", Name: "what", Rows: 2, Label: p.T("desk.situation.what"), Value: get("what"), Error: bad["what"]}),
			page.Field(p, page.FieldView{ID: "due-telling", Name: "due", Type: "datetime-local", Width: "half", Label: p.T("desk.situation.until"), Value: ""}),
		}, page.ButtonView{Text: p.T("desk.situation.telling.do"), Icon: "plus"}))))
	}
	return section("tellings", p.T("desk.situation.tellings"), body...)
}

func memberOptions(p *text.Printer, x coordination.Situation, chosen string) []page.SelectOption {
	out := []page.SelectOption{{Value: "", Text: p.T("desk.situation.we")}}
	for _, m := range x.Members {
		out = append(out, page.SelectOption{Value: m.Party.UID, Text: m.Party.Name, Chosen: m.Party.UID == chosen})
	}
	return out
}

func decisionChip(p *text.Printer, y coordination.Decision) page.ChipView {
	switch {
	case y.FollowedBy != 0:
		return page.ChipView{Text: p.T("desk.situation.followed", "number", y.FollowedBy), Kind: "outline"}
	case !y.Joint:
		return page.ChipView{Text: p.T("desk.situation.ours"), Kind: "info"}
	case !y.JointSince.IsZero():
		return page.ChipView{Text: p.T("desk.situation.joint"), Kind: "ok", Icon: "check"}
	case y.Refused():
		return page.ChipView{Text: p.T("desk.situation.refused"), Kind: "crit"}
	}
	return page.ChipView{Text: p.T("desk.situation.asked", "agreed", y.Agreed(), "of", len(y.Asked)), Kind: "warn", Icon: "hourglass"}
}

// decisions are numbered and never changed.
func (d *Desk) decisions(v *page.Visit, x coordination.Situation, bad map[string]string, open bool) templ.Component {
	p := v.P
	var body []templ.Component
	for i := len(x.Decisions) - 1; i >= 0; i-- {
		y := x.Decisions[i]
		facts := []page.Property{
			{Label: p.T("desk.col.state"), Value: page.Chip(decisionChip(p, y))},
			{Label: p.T("desk.situation.decided"), Value: several([]templ.Component{page.At(p, y.At, v.Now), page.Text(" " + y.ByName)})},
		}
		if y.Follows != 0 {
			facts = append(facts, page.Property{Label: p.T("desk.situation.follows"), Value: page.Text(p.T("mail.situation.number", "number", y.Follows))})
		}
		body = append(body, heading(p.T("mail.situation.number", "number", y.Number)), page.Properties(p, facts), framed(mail.NoLinks(mail.VisibleText(y.Text))))
		if len(y.Asked) > 0 {
			body = append(body, d.agreements(v, x, y, open))
		}
	}
	if len(x.Decisions) == 0 {
		body = append(body, paragraph(p.T("desk.situation.decisions.none")))
	}
	if open && v.By.Can(access.Approve) {
		get := v.R.PostFormValue
		follows := []page.SelectOption{{Value: "", Text: p.T("desk.situation.follows.none")}}
		for _, y := range x.Decisions {
			if y.FollowedBy == 0 {
				follows = append(follows, page.SelectOption{Value: strconv.Itoa(y.Number), Text: p.T("mail.situation.number", "number", y.Number) + " · " + clip(y.Text, 60), Chosen: get("follows") == strconv.Itoa(y.Number)})
			}
		}
		due := get("due")
		if due == "" {
			due = v.Now.Add(24 * time.Hour).In(d.Zone).Truncate(time.Hour).Format(localMinute)
		}
		fields := []templ.Component{
			page.Field(p, page.FieldView{ID: "decision", Name: "decision", Rows: 4, Label: p.T("desk.situation.decision"), Hint: p.T("desk.situation.decision.hint"), Value: get("decision"), Error: bad["text"], Required: true}),
			page.Select(p, page.FieldView{ID: "follows", Name: "follows", Label: p.T("desk.situation.follows"), Error: bad["follows"]}, follows),
			page.Option(page.OptionView{ID: "joint", Name: "joint", Value: "1", Many: true, Checked: get("joint") != "", Label: p.T("desk.situation.joint.ask"), Hint: p.T("desk.situation.joint.hint")}),
			page.Field(p, page.FieldView{ID: "due", Name: "due", Type: "datetime-local", Width: "half", Label: p.T("desk.situation.until"), Value: due, Error: bad["due_at"]}),
		}
		if bad != nil && get("decision") != "" {
			fields = append(fields, page.Option(page.OptionView{ID: "looked", Name: "looked", Value: "1", Label: p.T("desk.ask.looked"), Many: true}))
		}
		body = append(body, heading(p.T("desk.situation.decide")), adminForm("/desk/situations/"+x.UID+"/decide", nil, fields, page.ButtonView{Text: p.T("desk.situation.decide.do"), Kind: "primary", Icon: "check"}))
	}
	return section("decisions", p.T("desk.situation.decisions"), body...)
}

// agreements are what each authority said of a joint decision.
func (d *Desk) agreements(v *page.Visit, x coordination.Situation, y coordination.Decision, open bool) templ.Component {
	p := v.P
	t := page.TableView{Caption: p.T("desk.situation.agreements"), Columns: []page.Column{{Text: p.T("desk.col.party")}, {Text: p.T("desk.meeting.letter")}, {Text: p.T("desk.situation.agreements")}, {Text: p.T("desk.meeting.said")}}}
	waits := []page.SelectOption{}
	for _, a := range y.Asked {
		said := page.ChipView{Text: p.T("desk.situation.agrees.none"), Kind: "outline"}
		switch a.Agrees {
		case "yes":
			said = page.ChipView{Text: p.T("desk.situation.agrees.yes"), Kind: "ok", Icon: "check"}
		case "no":
			said = page.ChipView{Text: p.T("desk.situation.agrees.no"), Kind: "crit"}
		}
		by := ""
		if !a.SaidAt.IsZero() {
			if by = p.Brief(a.SaidAt, v.Now); a.Noted {
				by = p.T("desk.meeting.noted", "who", a.SaidBy, "when", by)
			}
		}
		if a.Open() {
			waits = append(waits, page.SelectOption{Value: a.Party.UID, Text: a.Party.Name})
		}
		t.Rows = append(t.Rows, []templ.Component{link("/desk/parties/"+a.Party.UID, a.Party.Name, ""), page.Chip(letterState(p, a.Letter)), page.Chip(said), twoLines(strings.Trim(a.Who+" · "+a.Note, " ·"), by)})
	}
	list := []templ.Component{page.Table(t)}
	if open && len(waits) > 0 && v.By.Can(access.WorkCases) {
		n := strconv.Itoa(y.Number)
		list = append(list, folded(p.T("desk.situation.note"), false, one(adminForm("/desk/situations/"+x.UID+"/agreed", []page.Hid{{Name: "number", Value: n}}, []templ.Component{
			page.Select(p, page.FieldView{ID: "party-" + n, Name: "party", Label: p.T("desk.col.party")}, waits),
			page.Field(p, page.FieldView{ID: "said-" + n, Name: "who", Label: p.T("desk.situation.note.who"), Hint: p.T("desk.meeting.came.hint"), Autocomplete: "off", Required: true}),
			page.Field(p, page.FieldView{ID: "note-" + n, Name: "note", Label: p.T("desk.situation.note.words"), Autocomplete: "off"}),
		}, page.ButtonView{Text: p.T("desk.situation.agrees.yes"), Name: "agrees", Value: "yes", Icon: "check"}, page.ButtonView{Text: p.T("desk.situation.agrees.no"), Name: "agrees", Value: "no", Kind: "ghost"}))))
	}
	return several(list)
}
