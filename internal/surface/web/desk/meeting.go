package desk

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// meetingRoutes are the pages of coordination calls with parties of an incident.
func (d *Desk) meetingRoutes() []page.Route {
	read, work, send := page.Needs(access.ReadCases), page.Needs(access.WorkCases), page.Needs(access.SendOutside)
	return []page.Route{
		{Pattern: "GET /desk/incidents/{incident}/calls", Need: read, Serve: d.meetings},
		{Pattern: "POST /desk/incidents/{incident}/calls", Need: work, Serve: d.planMeeting},
		{Pattern: "GET /desk/meetings/{meeting}", Need: read, Serve: d.meeting},
		{Pattern: "POST /desk/meetings/{meeting}/invite", Need: send, Serve: d.inviteToMeeting},
		{Pattern: "POST /desk/meetings/{meeting}/move", Need: send, Serve: d.moveMeeting},
		{Pattern: "POST /desk/meetings/{meeting}/off", Need: send, Serve: d.meetingOff},
		{Pattern: "POST /desk/meetings/{meeting}/coming", Need: work, Serve: d.comingToMeeting},
		{Pattern: "POST /desk/meetings/{meeting}/minutes", Need: work, Serve: d.minutesOfMeeting},
		{Pattern: "POST /desk/meetings/{meeting}/agreed", Need: work, Serve: d.agreedInMeeting},
		{Pattern: "POST /desk/parties/{party}/alone", Need: work, Serve: d.partyAlone},
	}
}

func meetingChip(p *text.Printer, c coordination.Call, now time.Time) page.ChipView {
	switch {
	case c.State == coordination.CallOff:
		return page.ChipView{Text: p.T("desk.meeting.state.off"), Kind: "outline", Icon: "ban"}
	case !c.FrozenAt.IsZero():
		return page.ChipView{Text: p.T("desk.meeting.finished"), Kind: "ok", Icon: "check"}
	case c.State == coordination.CallHeld:
		return page.ChipView{Text: p.T("desk.meeting.state.held"), Kind: "info"}
	case c.Begun(now):
		return page.ChipView{Text: p.T("desk.meeting.begun"), Kind: "warn", Icon: "clock"}
	}
	return page.ChipView{Text: p.T("desk.meeting.state.planned"), Kind: "info", Icon: "calendar-clock"}
}

func comingChip(p *text.Printer, x coordination.Invited) page.ChipView {
	switch {
	case !x.In():
		return page.ChipView{Text: p.T("desk.meeting.gone"), Kind: "outline"}
	case x.Coming == "yes":
		return page.ChipView{Text: p.T("desk.meeting.coming.yes"), Kind: "ok", Icon: "check"}
	case x.Coming == "no":
		return page.ChipView{Text: p.T("desk.meeting.coming.no"), Kind: "warn"}
	}
	return page.ChipView{Text: p.T("desk.meeting.coming.none"), Kind: "outline"}
}

// meetings lists the calls of an incident, and plans another.
func (d *Desk) meetings(v *page.Visit) error { return d.showMeetings(v, nil, http.StatusOK) }

func (d *Desk) showMeetings(v *page.Visit, wrong error, status int) error {
	in, f, _, err := d.tab(v, "parties")
	if err != nil {
		return err
	}
	all, err := d.Coordination.Calls(v.Ctx(), v.By, in.UID)
	if err != nil {
		return err
	}
	p := v.P
	list, bad := refusal(v, wrong, map[string]string{"starts_at": "starts"})
	body := []templ.Component{page.ErrorSummary(p, list)}
	t := page.TableView{Caption: p.T("desk.calls.title"), Columns: []page.Column{{Text: p.T("desk.meeting.title")}, {Text: p.T("desk.meeting.starts")}, {Text: p.T("desk.col.state")}, {Text: p.T("desk.meeting.invited")}}}
	for _, c := range all {
		var names []string
		yes := 0
		live := c.Live()
		for _, x := range live {
			names = append(names, x.Party.Name)
			if x.Coming == "yes" {
				yes++
			}
		}
		t.Rows = append(t.Rows, []templ.Component{
			link("/desk/meetings/"+c.UID, c.Title, c.TLP.String()), page.At(p, c.StartsAt, v.Now), page.Chip(meetingChip(p, c, v.Now)), twoLines(p.T("desk.meeting.count", "asked", len(live), "coming", yes), strings.Join(names, ", ")),
		})
	}
	if len(all) > 0 {
		body = append(body, heading(p.T("desk.calls.title")), page.Table(t))
	} else {
		body = append(body, page.Empty(page.EmptyView{Icon: "users", Title: p.T("desk.calls.none"), Note: p.T("desk.calls.none.note")}))
	}
	if in.State != incident.Closed && v.By.Can(access.WorkCases) {
		get := v.R.PostFormValue
		label := in.TLP
		if l, err := tlp.Parse(get("tlp")); err == nil {
			label = l
		}
		minutes := get("minutes")
		if minutes == "" {
			minutes = "45"
		}
		body = append(body, heading(p.T("desk.meeting.plan")), adminForm(f.Href+"/calls", nil, []templ.Component{
			page.Field(p, page.FieldView{ID: "title", Name: "title", Label: p.T("desk.meeting.title"), Hint: p.T("desk.meeting.title.hint"), Value: get("title"), Error: bad["title"], Required: true, Autocomplete: "off"}),
			page.Field(p, page.FieldView{ID: "starts", Name: "starts", Type: "datetime-local", Width: "half", Label: p.T("desk.meeting.starts"), Value: get("starts"), Error: bad["starts_at"], Required: true}),
			page.Field(p, page.FieldView{ID: "minutes", Name: "minutes", Type: "number", Width: "short", Label: p.T("desk.meeting.minutes"), Value: minutes, Error: bad["minutes"], Required: true}),
			page.Field(p, page.FieldView{ID: "how", Name: "how", Rows: 2, Label: p.T("desk.meeting.how"), Hint: p.T("desk.meeting.how.hint"), Value: get("how"), Error: bad["how"], Required: true}),
			page.Select(p, page.FieldView{ID: "tlp", Name: "tlp", Label: p.T("desk.field.tlp"), Error: bad["tlp"]}, tlpOptions(label)),
		}, page.ButtonView{Text: p.T("desk.meeting.plan.do"), Kind: "primary", Icon: "calendar-clock"}))
	}
	body = append(body, page.Lines([]templ.Component{page.To(p.T("desk.meeting.back"), f.Href+"/parties")}))
	f.Wrong = wrong != nil
	return v.ShowStatus(status, IncidentTab(TabView{IncidentFrame: f, Body: inTab(body)}))
}

func (d *Desk) meetingIn(v *page.Visit) (coordination.NewCall, error) {
	get := v.R.PostFormValue
	in := coordination.NewCall{Title: get("title"), How: get("how")}
	in.Minutes, _ = strconv.Atoi(strings.TrimSpace(get("minutes")))
	if l, err := tlp.Parse(get("tlp")); err == nil {
		in.TLP = l
	}
	var err error
	in.StartsAt, err = d.localTime(get("starts"))
	return in, err
}

func (d *Desk) planMeeting(v *page.Visit) error {
	in, err := d.meetingIn(v)
	if err != nil {
		return err
	}
	c, err := d.Coordination.PlanCall(v.Ctx(), v.By, v.R.PathValue("incident"), in)
	if err != nil {
		if _, plain := plainRefusal(v, err); !plain {
			return err
		}
		return d.showMeetings(v, err, errs.Of(err).HTTP())
	}
	return back(v, "/desk/meetings/"+c.UID, "saved")
}

// meeting shows one call: who is asked, who comes, the minutes and what was agreed.
func (d *Desk) meeting(v *page.Visit) error { return d.showMeeting(v, nil, http.StatusOK) }

func (d *Desk) showMeeting(v *page.Visit, wrong error, status int) error {
	c, err := d.Coordination.CallOf(v.Ctx(), v.By, v.R.PathValue("meeting"))
	if err != nil {
		return err
	}
	in, err := d.openedCase(v, c.Subject)
	if err != nil {
		return err
	}
	p := v.P
	view := AdminView{DeskView: d.frame(v, "incidents", c.Title), Heading: clip(c.Title, 80), Up: page.NavItem{Text: in.Number + " · " + p.T("desk.calls.title"), Href: "/desk/incidents/" + in.Number + "/calls"}}
	var bad map[string]string
	view.Problems, bad = refusal(v, wrong, map[string]string{"starts_at": "starts", "due_at": "due", "people": "minutes-text", "text": "minutes-text"})
	view.Wrong = wrong != nil
	view.Body = append(view.Body, page.Properties(p, d.meetingFacts(v, c)), d.whoIsAsked(v, c))
	work := v.By.Can(access.WorkCases)
	if c.State == coordination.CallPlanned && work && v.By.Can(access.SendOutside) {
		forms, err := d.meetingForms(v, in, c, bad)
		if err != nil {
			return err
		}
		view.Body = append(view.Body, forms...)
	}
	if c.State != coordination.CallOff {
		view.Body = append(view.Body, d.minutes(v, c, bad, work))
	}
	if c.State == coordination.CallHeld {
		agreed, err := d.agreed(v, in, c, bad, work)
		if err != nil {
			return err
		}
		view.Body = append(view.Body, agreed)
	}
	return v.ShowStatus(status, Admin(view))
}

func (d *Desk) meetingFacts(v *page.Visit, c coordination.Call) []page.Property {
	p := v.P
	facts := []page.Property{
		{Label: p.T("desk.col.state"), Value: page.Chip(meetingChip(p, c, v.Now))},
		{Label: p.T("desk.meeting.starts"), Value: page.At(p, c.StartsAt, v.Now)},
		{Label: p.T("desk.meeting.length"), Value: page.Text(p.Duration(time.Duration(c.Minutes) * time.Minute))},
		{Label: p.T("desk.meeting.how"), Value: page.Words(mail.NoLinks(mail.VisibleText(c.How)))},
		{Label: p.T("desk.field.tlp"), Value: page.TLP(c.TLP.Name())},
		{Label: p.T("desk.meeting.planned_by"), Value: page.Text(c.ByName)},
	}
	for _, x := range c.Changes {
		said := p.T("desk.meeting.moved", "who", x.By, "from", x.Starts)
		switch {
		case x.Starts.IsZero() && x.How != "":
			said = p.T("desk.meeting.taken_out", "who", x.By, "parties", x.How)
		case x.Starts.IsZero():
			said = p.T("desk.meeting.called_off", "who", x.By)
		}
		facts = append(facts, page.Property{Label: p.Brief(x.At, v.Now), Value: twoLines(said, x.Why)})
	}
	return facts
}

// whoIsAsked lists the parties of a call with what each said.
func (d *Desk) whoIsAsked(v *page.Visit, c coordination.Call) templ.Component {
	p := v.P
	t := page.TableView{Caption: p.T("desk.meeting.invited"), Columns: []page.Column{{Text: p.T("desk.col.party")}, {Text: p.T("desk.meeting.letter")}, {Text: p.T("desk.meeting.comes")}, {Text: p.T("desk.meeting.said")}, {Text: p.T("desk.meeting.note")}}}
	acts := c.State == coordination.CallPlanned && v.By.Can(access.WorkCases)
	for _, x := range c.Invited {
		said, by := "", ""
		if !x.SaidAt.IsZero() {
			by = p.Brief(x.SaidAt, v.Now)
			if x.Noted {
				by = p.T("desk.meeting.noted", "who", x.SaidBy, "when", by)
			}
		}
		said = strings.Trim(x.Who+" · "+x.Note, " ·")
		var row []templ.Component
		if acts && x.In() && x.Request != "" {
			at := "/desk/meetings/" + c.UID + "/coming"
			row = []templ.Component{
				post(at, []page.Hid{{Name: "party", Value: x.Party.UID}, {Name: "coming", Value: "yes"}}, page.ButtonView{Text: p.T("desk.meeting.note.yes"), Kind: "ghost"}),
				post(at, []page.Hid{{Name: "party", Value: x.Party.UID}, {Name: "coming", Value: "no"}}, page.ButtonView{Text: p.T("desk.meeting.note.no"), Kind: "ghost"}),
			}
		}
		t.Rows = append(t.Rows, []templ.Component{link("/desk/parties/"+x.Party.UID, x.Party.Name, roleName(p, x.Party.Role)), page.Chip(letterState(p, x.Letter)), page.Chip(comingChip(p, x)), twoLines(said, by), rowActs(row)})
	}
	if len(t.Rows) == 0 {
		return section("asked", p.T("desk.meeting.invited"), paragraph(p.T("desk.meeting.nobody")))
	}
	return section("asked", p.T("desk.meeting.invited"), page.Table(t))
}

// meetingForms ask parties, move the call and call it off.
func (d *Desk) meetingForms(v *page.Visit, in incident.Incident, c coordination.Call, bad map[string]string) ([]templ.Component, error) {
	p, at := v.P, "/desk/meetings/"+c.UID
	parties, err := d.Coordination.PartiesOf(v.Ctx(), d.DB, v.By, in.Ref)
	if err != nil {
		return nil, err
	}
	var out []templ.Component
	live := c.Live()
	var list []choice
	for _, x := range parties {
		if !x.WithdrawnAt.IsZero() || slices.ContainsFunc(live, func(i coordination.Invited) bool { return i.Party.UID == x.UID }) {
			continue
		}
		second := roleName(p, x.Role)
		if x.Alone {
			second += " · " + p.T("desk.party.alone")
		}
		list = append(list, choice{name: "party", value: x.UID, label: x.Name, second: second, checked: slices.Contains(v.R.PostForm["party"], x.UID)})
	}
	if !c.Begun(v.Now) && len(list) > 0 {
		out = append(out, section("invite", p.T("desk.meeting.invite"), paragraph(p.T("desk.meeting.invite.note")), adminForm(at+"/invite", nil, []templ.Component{choices(p, "parties", p.T("desk.meeting.whom"), bad["parties"], list)},
			page.ButtonView{Text: p.T("desk.meeting.preview"), Name: "act", Value: "preview", Kind: "primary", Icon: "mail"})))
	}
	starts, minutes, how := c.StartsAt.In(d.Zone).Format(localMinute), strconv.Itoa(c.Minutes), c.How
	moving := bad != nil && v.R.PostForm.Has("starts")
	if moving {
		starts, minutes, how = v.R.PostFormValue("starts"), v.R.PostFormValue("minutes"), v.R.PostFormValue("how")
	}
	reason := func(id string) templ.Component {
		return page.Field(p, page.FieldView{ID: id, Name: "reason", Label: p.T("desk.meeting.reason"), Hint: p.T("desk.meeting.reason.hint"), Error: bad["reason"], Autocomplete: "off"})
	}
	fields := []templ.Component{
		page.Field(p, page.FieldView{ID: "starts", Name: "starts", Type: "datetime-local", Width: "half", Label: p.T("desk.meeting.starts"), Value: starts, Error: bad["starts_at"]}),
		page.Field(p, page.FieldView{ID: "minutes", Name: "minutes", Type: "number", Width: "short", Label: p.T("desk.meeting.minutes"), Value: minutes, Error: bad["minutes"]}),
		page.Field(p, page.FieldView{ID: "how", Name: "how", Rows: 2, Label: p.T("desk.meeting.how"), Value: how, Error: bad["how"]}),
		reason("reason-move"),
	}
	if moving && bad["text"] != "" { // a letter names somebody else
		fields = append(fields, page.Option(page.OptionView{ID: "looked-move", Name: "looked", Value: "1", Label: p.T("desk.ask.looked"), Many: true}))
	}
	out = append(out, folded(p.T("desk.meeting.move"), moving, one(adminForm(at+"/move", nil, fields, page.ButtonView{Text: p.N("desk.meeting.move.do", len(live)), Icon: "send"}))))
	var some []choice
	for _, x := range live {
		some = append(some, choice{name: "party", value: x.Party.UID, label: x.Party.Name, second: comingChip(p, x).Text})
	}
	fields = []templ.Component{reason("reason")}
	if len(some) > 1 {
		fields = append([]templ.Component{choices(p, "out", p.T("desk.meeting.off.some"), "", some)}, fields...)
	}
	out = append(out, folded(p.T("desk.meeting.off"), bad["reason"] != "" && !moving, one(adminForm(at+"/off", nil, fields, page.ButtonView{Text: p.T("desk.meeting.off.do"), Kind: "danger", Icon: "ban"}))))
	return out, nil
}

// wrongMeeting shows the page again with what was refused on it.
func (d *Desk) wrongMeeting(v *page.Visit, err error) error {
	if _, plain := plainRefusal(v, err); !plain {
		return err
	}
	return d.showMeeting(v, err, errs.Of(err).HTTP())
}

// inviteToMeeting shows exactly what each will get and who learns of whom, or lets it leave.
func (d *Desk) inviteToMeeting(v *page.Visit) error {
	if err := v.R.ParseForm(); err != nil {
		return errFormNotRead
	}
	form, uid := v.R.PostForm, v.R.PathValue("meeting")
	if form.Get("act") == "preview" {
		return d.showInvite(v, nil, http.StatusOK)
	}
	in := coordination.InviteInput{Parties: form["party"], Looked: form.Get("looked") != ""}
	if form.Get("confirm") != "" {
		in.Together = form["together"]
	}
	if _, err := d.Coordination.Invite(v.Ctx(), v.By, uid, in); err != nil {
		if _, plain := plainRefusal(v, err); !plain {
			return err
		}
		return d.showInvite(v, err, errs.Of(err).HTTP())
	}
	return back(v, "/desk/meetings/"+uid, "held")
}

func (d *Desk) showInvite(v *page.Visit, wrong error, status int) error {
	p, form := v.P, v.R.PostForm
	c, err := d.Coordination.CallOf(v.Ctx(), v.By, v.R.PathValue("meeting"))
	if err != nil {
		return err
	}
	seen, err := d.Coordination.PreviewInvite(v.Ctx(), v.By, c.UID, form["party"])
	if err != nil {
		return d.wrongMeeting(v, err)
	}
	at := "/desk/meetings/" + c.UID
	view := AdminView{DeskView: d.frame(v, "incidents", c.Title), Heading: p.T("desk.meeting.invite"), Lead: c.Title, Up: page.NavItem{Text: clip(c.Title, 60), Href: at}}
	view.Problems, _ = refusal(v, wrong, map[string]string{"together": "confirm", "parties": "letters", "text": "looked"})
	view.Wrong = wrong != nil
	var fields []templ.Component
	hidden := []page.Hid{{Name: "act", Value: "send"}}
	for _, uid := range form["party"] {
		hidden = append(hidden, page.Hid{Name: "party", Value: uid})
	}
	if len(seen.Learns) > 0 {
		var pairs []templ.Component
		for _, l := range seen.Learns {
			pairs = append(pairs, page.Text(p.T("desk.meeting.learns", "one", l.One.Name, "other", l.Other.Name)))
		}
		for _, uid := range seen.Together {
			hidden = append(hidden, page.Hid{Name: "together", Value: uid})
		}
		fields = append(fields, words("warn", "triangle-alert", p.T("desk.meeting.learns.note")), page.Lines(pairs),
			page.Option(page.OptionView{ID: "confirm", Name: "confirm", Value: "1", Many: true, Label: p.N("desk.meeting.learns.confirm", len(seen.Together))}))
	}
	list, ready, hits := previewLetters(p, seen.Letters)
	if hits {
		fields = append(fields, page.Option(page.OptionView{ID: "looked", Name: "looked", Value: "1", Label: p.T("desk.ask.looked"), Many: true}))
	}
	view.Body = append(view.Body, section("letters", p.N("desk.meeting.letters", len(list)), letters(p, list)))
	if ready {
		view.Body = append(view.Body, adminForm(at+"/invite", hidden, fields, page.ButtonView{Text: p.N("desk.meeting.invite.do", len(list)), Kind: "primary", Icon: "send"}))
	}
	return v.ShowStatus(status, Admin(view))
}

// previewLetters are letters as they will be read; ready tells whether each has a road, hits whether one names somebody else.
func previewLetters(p *text.Printer, all []coordination.Preview) (list []PreviewLetter, ready, hits bool) {
	ready = true
	for _, x := range all {
		l := PreviewLetter{Party: x.Party.Name, Reader: strings.Trim(x.Reader.Name+" <"+x.Reader.Email+">", " "), Lang: x.Lang, Road: roadChip(p, x.Road), TLP: x.TLP.Name(), Subject: x.Subject, Text: x.Text}
		if x.Road.Road == egress.Notice {
			l.Text = x.Letter
		}
		if l.Ground, l.NoGround = ground(p, x.Liaison); len(x.Hits) > 0 {
			l.Warn, hits = p.T("desk.ask.hits", "words", strings.Join(x.Hits, ", ")), true
		}
		ready = ready && x.Road.Road != egress.Refused
		list = append(list, l)
	}
	return list, ready, hits
}

func (d *Desk) moveMeeting(v *page.Visit) error {
	in, err := d.meetingIn(v)
	if err != nil {
		return err
	}
	uid := v.R.PathValue("meeting")
	if _, err := d.Coordination.MoveCall(v.Ctx(), v.By, uid, in, v.R.PostFormValue("reason"), v.R.PostFormValue("looked") != ""); err != nil {
		return d.wrongMeeting(v, err)
	}
	return back(v, "/desk/meetings/"+uid, "held")
}

func (d *Desk) meetingOff(v *page.Visit) error {
	if err := v.R.ParseForm(); err != nil {
		return errFormNotRead
	}
	uid := v.R.PathValue("meeting")
	if _, err := d.Coordination.CallOff(v.Ctx(), v.By, uid, v.R.PostForm["party"], v.R.PostFormValue("reason")); err != nil {
		return d.wrongMeeting(v, err)
	}
	return back(v, "/desk/meetings/"+uid, "held")
}

func (d *Desk) comingToMeeting(v *page.Visit) error {
	uid, get := v.R.PathValue("meeting"), v.R.PostFormValue
	if _, err := d.Coordination.NoteComing(v.Ctx(), v.By, uid, get("party"), get("coming") == "yes", get("who"), get("note")); err != nil {
		return d.wrongMeeting(v, err)
	}
	return back(v, "/desk/meetings/"+uid, "saved")
}
