package desk

import (
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// letterState says where a letter stands.
func letterState(p *text.Printer, s correspondence.State) page.ChipView {
	if s == correspondence.Sent {
		return page.ChipView{Text: p.T("desk.message.sent"), Kind: "ok", Icon: "check"}
	}
	return messageState(p, correspondence.Message{State: s})
}

// minutes shows who came and what was said, or takes it.
func (d *Desk) minutes(v *page.Visit, c coordination.Call, bad map[string]string, work bool) templ.Component {
	p, at := v.P, "/desk/meetings/"+c.UID+"/minutes"
	var body []templ.Component
	if !c.FrozenAt.IsZero() || !work {
		var came []templ.Component
		for _, x := range c.People {
			who := x.Name
			if x.Function != "" {
				who += ", " + x.Function
			}
			came = append(came, twoLines(who, whoseName(p, c, x.Party)))
		}
		facts := []page.Property{{Label: p.T("desk.meeting.people"), Value: page.Lines(came)}}
		if len(came) == 0 {
			facts[0].Value = nil
		}
		if !c.FrozenAt.IsZero() {
			facts = append(facts, page.Property{Label: p.T("desk.meeting.finished"), Value: page.Text(p.T("desk.meeting.addition", "who", c.FrozenBy, "when", p.Brief(c.FrozenAt, v.Now)))})
		}
		body = append(body, page.Properties(p, facts), framed(mail.NoLinks(mail.VisibleText(c.Said))))
		for _, x := range c.Added {
			body = append(body, heading(p.T("desk.meeting.addition", "who", x.By, "when", p.Brief(x.At, v.Now))), framed(mail.NoLinks(mail.VisibleText(x.Text))))
		}
		if work && !c.FrozenAt.IsZero() {
			body = append(body, adminForm(at, []page.Hid{{Name: "act", Value: "add"}}, []templ.Component{
				page.Field(p, page.FieldView{ID: "minutes-text", Name: "text", Rows: 3, Label: p.T("desk.meeting.add"), Error: bad["text"]}),
			}, page.ButtonView{Text: p.T("desk.meeting.add.do"), Icon: "plus"}))
		}
		return section("minutes", p.T("desk.meeting.minutes.title"), body...)
	}
	typed := bad != nil && v.R.PostForm.Has("text")
	said := c.Said
	if typed {
		said = v.R.PostFormValue("text")
	}
	fields := []templ.Component{}
	people := func(party, name string) {
		var lines []string
		for _, x := range c.People {
			if x.Party == party {
				lines = append(lines, strings.TrimSuffix(x.Name+", "+x.Function, ", "))
			}
		}
		value := strings.Join(lines, "\n")
		if typed {
			value = v.R.PostFormValue("came-" + party)
		}
		fields = append(fields, page.Field(p, page.FieldView{ID: "came-" + party, Name: "came-" + party, Rows: 2, Label: p.T("desk.meeting.came", "who", name), Hint: p.T("desk.meeting.came.hint"), Value: value}))
	}
	people("", p.T("desk.meeting.ours"))
	for _, x := range c.Invited {
		people(x.Party.UID, x.Party.Name)
	}
	fields = append(fields, page.Field(p, page.FieldView{ID: "minutes-text", Name: "text", Rows: 8, Label: p.T("desk.meeting.minutes.title"), Hint: p.T("desk.meeting.minutes.hint"), Value: said, Error: bad["text"] + bad["people"]}))
	form := adminForm(at, []page.Hid{{Name: "version", Value: strconv.FormatInt(c.Version, 10)}}, fields,
		page.ButtonView{Text: p.T("desk.meeting.minutes.do"), Name: "act", Value: "save", Icon: "check"}, page.ButtonView{Text: p.T("desk.meeting.minutes.finish"), Name: "act", Value: "finish", Kind: "ghost", Icon: "lock"})
	if c.State == coordination.CallPlanned && !c.Begun(v.Now) && !typed {
		return folded(p.T("desk.meeting.minutes.title"), false, []templ.Component{form})
	}
	return section("minutes", p.T("desk.meeting.minutes.title"), form)
}

func whoseName(p *text.Printer, c coordination.Call, party string) string {
	for _, x := range c.Invited {
		if x.Party.UID == party {
			return x.Party.Name
		}
	}
	return p.T("desk.meeting.ours")
}

func (d *Desk) minutesOfMeeting(v *page.Visit) error {
	if err := v.R.ParseForm(); err != nil {
		return errFormNotRead
	}
	form, uid := v.R.PostForm, v.R.PathValue("meeting")
	if form.Get("act") == "add" {
		if _, err := d.Coordination.AddToMinutes(v.Ctx(), v.By, uid, form.Get("text")); err != nil {
			return d.wrongMeeting(v, err)
		}
		return back(v, "/desk/meetings/"+uid, "saved")
	}
	in := coordination.MinutesInput{Text: form.Get("text"), Finish: form.Get("act") == "finish", Version: version(v)}
	for name, values := range form {
		party, ok := strings.CutPrefix(name, "came-")
		if !ok {
			continue
		}
		for line := range strings.Lines(strings.Join(values, "\n")) {
			who, function, _ := strings.Cut(strings.TrimSpace(line), ",")
			in.People = append(in.People, coordination.Present{Party: party, Name: who, Function: function})
		}
	}
	if _, err := d.Coordination.WriteMinutes(v.Ctx(), v.By, uid, in); err != nil {
		return d.wrongMeeting(v, err)
	}
	return back(v, "/desk/meetings/"+uid, "saved")
}

// agreed lists what was agreed in a call, and makes tasks and measures of it.
func (d *Desk) agreed(v *page.Visit, in incident.Incident, c coordination.Call, bad map[string]string, work bool) (templ.Component, error) {
	p, at := v.P, "/desk/meetings/"+c.UID+"/agreed"
	tasks, err := d.Incidents.Tasks(v.Ctx(), d.DB, v.By, in.UID)
	if err != nil {
		return nil, err
	}
	done := map[string]bool{}
	for _, t := range tasks {
		done[t.UID] = !t.DoneAt.IsZero()
	}
	var body []templ.Component
	t := page.TableView{Caption: p.T("desk.meeting.actions"), Columns: []page.Column{{Text: p.T("desk.meeting.action")}, {Text: p.T("desk.meeting.who")}, {Text: p.T("desk.col.state")}, {Text: p.T("desk.col.when")}}}
	for _, x := range c.Actions {
		who, state := page.To(p.T("desk.meeting.ours"), "/desk/incidents/"+in.Number), page.ChipView{Text: p.T("desk.meeting.task.open"), Kind: "info"}
		if done[x.Task] {
			state = page.ChipView{Text: p.T("desk.meeting.task.done"), Kind: "ok", Icon: "check"}
		}
		if x.Task == "" {
			who, state = page.To(x.Party.Name, "/desk/parties/"+x.Party.UID), page.ChipView{Text: named(p, "common.measure.", string(x.State)), Kind: "info"}
		}
		t.Rows = append(t.Rows, []templ.Component{page.Text(x.Title), who, page.Chip(state), page.At(p, x.At, v.Now)})
	}
	if len(t.Rows) > 0 {
		body = append(body, page.Table(t))
	}
	if work && in.State != incident.Closed {
		parties, err := d.Coordination.PartiesOf(v.Ctx(), d.DB, v.By, in.Ref)
		if err != nil {
			return nil, err
		}
		options := []page.SelectOption{{Value: "", Text: p.T("desk.meeting.action.ours")}}
		if v.By.Can(access.SendOutside) {
			for _, x := range parties {
				if x.WithdrawnAt.IsZero() {
					options = append(options, page.SelectOption{Value: x.UID, Text: p.T("desk.meeting.action.measure", "party", x.Name), Chosen: v.R.PostFormValue("party") == x.UID})
				}
			}
		}
		get := v.R.PostFormValue
		due := get("due")
		if due == "" {
			due = v.Now.Add(7 * 24 * time.Hour).In(d.Zone).Truncate(time.Hour).Format(localMinute)
		}
		fields := []templ.Component{
			page.Field(p, page.FieldView{ID: "title", Name: "title", Label: p.T("desk.meeting.action"), Value: get("title"), Error: bad["title"], Autocomplete: "off"}),
			page.Select(p, page.FieldView{ID: "party", Name: "party", Label: p.T("desk.meeting.who")}, options),
			page.Field(p, page.FieldView{ID: "due", Name: "due", Type: "datetime-local", Width: "half", Label: p.T("desk.meeting.due"), Value: due, Error: bad["due_at"]}),
			page.Field(p, page.FieldView{ID: "how-to", Name: "words", Rows: 3, Label: p.T("desk.meeting.action.text"), Hint: p.T("desk.meeting.action.text.hint"), Value: get("words")}),
		}
		if bad != nil && get("title") != "" {
			fields = append(fields, page.Option(page.OptionView{ID: "looked", Name: "looked", Value: "1", Label: p.T("desk.ask.looked"), Many: true}))
		}
		body = append(body, adminForm(at, nil, fields, page.ButtonView{Text: p.T("desk.meeting.action.do"), Icon: "plus"}))
	}
	return section("agreed", p.T("desk.meeting.actions"), body...), nil
}

func (d *Desk) agreedInMeeting(v *page.Visit) error {
	get, uid := v.R.PostFormValue, v.R.PathValue("meeting")
	due, err := d.localTime(get("due"))
	if err != nil {
		return err
	}
	done := "saved"
	if get("party") == "" {
		_, err = d.Coordination.CallTask(v.Ctx(), v.By, uid, get("title"), due)
	} else {
		done = "held"
		_, err = d.Coordination.CallMeasure(v.Ctx(), v.By, uid, coordination.CallMeasure{Party: get("party"), Title: get("title"), Text: get("words"), DueAt: due, Looked: get("looked") != ""})
	}
	if err != nil {
		return d.wrongMeeting(v, err)
	}
	return back(v, "/desk/meetings/"+uid, done)
}

// aloneForm says on the page of a party whether it meets others.
func aloneForm(p *text.Printer, party coordination.Party) templ.Component {
	to, said, act := "1", p.T("desk.party.meets"), p.T("desk.party.alone.do")
	if party.Alone {
		to, said, act = "", p.T("desk.party.alone"), p.T("desk.party.alone.end")
	}
	return folded(p.T("desk.party.alone.title"), false, []templ.Component{paragraph(said), adminForm("/desk/parties/"+party.UID+"/alone", []page.Hid{{Name: "alone", Value: to}}, []templ.Component{
		page.Field(p, page.FieldView{ID: "alone-reason", Name: "reason", Label: p.T("desk.meeting.reason"), Hint: p.T("desk.meeting.reason.hint"), Autocomplete: "off", Required: true}),
	}, page.ButtonView{Text: act, Icon: "users"})})
}

func (d *Desk) partyAlone(v *page.Visit) error {
	party := v.R.PathValue("party")
	if err := d.Coordination.SetAlone(v.Ctx(), v.By, party, v.R.PostFormValue("alone") != "", v.R.PostFormValue("reason")); err != nil {
		return err
	}
	return back(v, "/desk/parties/"+party, "saved")
}
