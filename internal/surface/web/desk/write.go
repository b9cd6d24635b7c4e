package desk

import (
	"context"
	"encoding/hex"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

func hexOf(b []byte) string { return hex.EncodeToString(b) }

// correspondent is one to whom mail of an incident can go: a party, or somebody who reported.
type correspondent struct {
	at, uid, name string // name of the form's field, and its value
	report        bool
	thread        int64
}

func correspondents(p *text.Printer, rows []coordination.Row, reports []intake.Report) []correspondent {
	var out []correspondent
	party := map[int64]bool{}
	for _, r := range rows {
		party[r.Party.Thread] = true
		if r.Party.WithdrawnAt.IsZero() {
			out = append(out, correspondent{"party", r.Party.UID, r.Party.Name, false, r.Party.Thread})
		}
	}
	for _, r := range reports {
		if r.Thread != 0 && !party[r.Thread] && r.Body.Email != "" {
			out = append(out, correspondent{"report", r.UID, p.T("desk.compose.reporter", "who", reporterName(p, r)), true, r.Thread})
		}
	}
	return out
}

// composer names its reader: a party or reporter by name, the team alone, or the record of what the attacker did.
func (d *Desk) composer(v *page.Visit, in incident.Incident, rows []coordination.Row, reports []intake.Report) (*page.ComposerView, error) {
	q := v.R.URL.Query()
	at := "/desk/incidents/" + in.Number
	to := q.Get("to")
	kind := q.Get("write")
	var chosen *correspondent
	var others []page.Segment
	mail := func(c correspondent) string {
		return at + "?" + url.Values{"write": {"mail"}, "to": {c.uid}}.Encode() + "#composer"
	}
	if v.By.Can(access.SendOutside) {
		for i, c := range correspondents(v.P, rows, reports) {
			if c.uid == to || (to == "" && i == 0) {
				chosen = &c
			} else {
				others = append(others, page.Segment{Text: c.name, Href: mail(c)})
			}
		}
	}
	if kind == "" {
		kind = "note"
		if chosen != nil {
			kind = "mail"
		}
	}
	c := &page.ComposerView{
		ID: "composer", Action: at + "/write", TLP: in.TLP.Name(), Draft: "/desk/drafts/incident/" + in.UID + "/" + kind,
		Fields: []page.Hid{{Name: "kind", Value: kind}}, Others: others, OthersLabel: v.P.T("desk.compose.others"),
		Send: page.ButtonView{Text: v.P.T("desk.compose.note.do"), Kind: "primary", Key: "Ctrl ↵"},
	}
	if chosen != nil {
		c.Kinds = append(c.Kinds, page.Segment{Text: v.P.T("desk.compose.mail_to", "who", clip(chosen.name, 40)), Icon: "mail", Href: mail(*chosen), Here: kind == "mail"})
	}
	c.Kinds = append(c.Kinds,
		page.Segment{Text: v.P.T("desk.compose.note"), Icon: "lock", Href: at + "?write=note", Key: "N", Here: kind == "note"},
		page.Segment{Text: v.P.T("desk.compose.attack"), Icon: "zap", Href: at + "?write=attack", Here: kind == "attack"})
	switch kind {
	case "mail":
		if chosen == nil {
			return nil, errs.ErrNotFound
		}
		threads, err := d.Correspondence.Threads(v.Ctx(), d.DB, chosen.thread)
		if err != nil {
			return nil, err
		}
		t := threads[chosen.thread]
		label := tlp.Max(in.TLP, t.TLP) // below either it needs a second person
		road, err := d.Correspondence.RoadOf(v.Ctx(), d.DB, &t, label)
		if err != nil {
			return nil, err
		}
		c.Road = roadChip(v.P, road)
		if road.Road != egress.Encrypted && road.Road != egress.Signed && road.Reason != "" {
			c.Why = v.P.T(road.Reason)
		}
		c.Fields = append(c.Fields, page.Hid{Name: chosen.at, Value: chosen.uid})
		c.Draft += "-" + clip8(chosen.uid)
		c.Label = v.P.T("desk.compose.mail_to", "who", chosen.name)
		c.Placeholder = v.P.T("desk.compose.mail.hint", "who", reader(t))
		for _, r := range reports {
			if r.Thread != chosen.thread {
				continue
			}
			adds, err := d.Intake.PoliceOwed(v.Ctx(), d.DB, r)
			if err != nil {
				return nil, err
			}
			if adds != "" {
				c.Extra = added(v.P, adds, t.Correspondent.Lang)
			}
		}
		c.Send.Text, c.Send.Icon = v.P.T("desk.compose.mail.do"), "send"
		c.TLP, c.TLPChoices = label.Name(), tlpOptions(label)
	case "attack":
		c.Label, c.Placeholder = v.P.T("desk.compose.attack"), v.P.T("desk.compose.attack.hint")
		c.Send.Text = v.P.T("desk.compose.attack.do")
		c.Extra = page.Field(v.P, page.FieldView{ID: "happened", Name: "happened", Type: "datetime-local", Label: v.P.T("desk.compose.happened"), Width: "half"})
		c.TLP = ""
	default:
		c.Internal = true
		c.Label, c.Placeholder = v.P.T("desk.compose.note"), v.P.T("desk.compose.note.hint")
		c.TLP = ""
	}
	field := strings.TrimPrefix(c.Draft, "/desk/drafts/incident/"+in.UID+"/")
	text, saved, err := d.Drafts.Load(v.Ctx(), v.By, in.Ref, field)
	if err != nil {
		return nil, err
	}
	if text != "" {
		c.Text, c.DraftState = text, v.P.T("desk.draft.saved", "at", v.P.Clock(saved))
	}
	return c, nil
}

// write takes what the composer sent: a note, an attack event, or mail to one party.
func (d *Desk) write(v *page.Visit) error {
	in, err := d.opened(v)
	if err != nil {
		return err
	}
	kind, text := v.R.PostFormValue("kind"), v.R.PostFormValue("text")
	at, field, done := "/desk/incidents/"+in.Number, kind, "saved"
	switch kind {
	case "mail":
		party, report := v.R.PostFormValue("party"), v.R.PostFormValue("report")
		label, err := tlp.Parse(v.R.PostFormValue("tlp"))
		if err != nil {
			label = in.TLP
		}
		out := correspondence.Outgoing{Kind: correspondence.Letter, TLP: label, Subject: v.P.T("desk.compose.subject"), Text: text}
		if report != "" {
			_, err = d.Intake.Reply(v.Ctx(), v.By, report, out)
		} else {
			_, err = d.Coordination.Write(v.Ctx(), v.By, party, out, v.R.PostFormValue("looked") != "")
		}
		if err != nil {
			return err
		}
		field, done = kind+"-"+clip8(party+report), "held"
	case "attack":
		happened, err := d.localTime(v.R.PostFormValue("happened"))
		if err != nil {
			return err
		}
		if _, err := d.Incidents.AddEntry(v.Ctx(), v.By, in.UID, incident.Entry{Kind: incident.AttackEvent, HappenedAt: happened, Text: text}); err != nil {
			return err
		}
	default:
		if _, err := d.Incidents.AddEntry(v.Ctx(), v.By, in.UID, incident.Entry{Kind: incident.Note, Text: text}); err != nil {
			return err
		}
	}
	err = d.DB.Write(v.Ctx(), func(ctx context.Context, tx *db.Tx) error { return d.Drafts.DropTx(ctx, tx, v.By, in.Ref, field) })
	if err != nil {
		return err
	}
	return back(v, at, done)
}

func clip8(s string) string {
	if len(s) < 8 {
		return s
	}
	return s[:8]
}

// localTime reads a datetime-local value in the team's zone; "" is now.
func (d *Desk) localTime(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.ParseInLocation("2006-01-02T15:04", s, d.Zone)
	if err != nil {
		return t, errTime
	}
	return t.UTC(), nil
}

// edit changes one property in place; when somebody else was quicker both values stand side by side.
func (d *Desk) edit(v *page.Visit) error {
	c := incident.Change{Version: version(v)}
	value := v.R.PostFormValue("value")
	switch v.R.PostFormValue("field") {
	case "title":
		c.Title = &value
	case "summary":
		c.Summary = &value
	case "type":
		c.Type = &value
	case "severity":
		c.Severity = &value
		why := []string{}
		if r := strings.TrimSpace(v.R.PostFormValue("reason")); r != "" {
			why = append(why, r)
			c.Reasons = &why
		}
	case "state":
		s := incident.State(value)
		c.State = &s
	case "handler":
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return errChooseHandler
		}
		c.Handler = &n
	case "tlp":
		l, err := tlp.Parse(value)
		if err != nil {
			return err
		}
		c.TLP = &l
	case "pap":
		l, err := tlp.ParsePAP(value)
		if err != nil {
			return err
		}
		c.PAP = &l
	default:
		return errs.ErrNotFound
	}
	c.Consent = v.R.PostFormValue("consent")
	in, err := d.Incidents.Edit(v.Ctx(), v.By, v.R.PathValue("incident"), c)
	if slices.ContainsFunc(errs.Fields(err), func(f errs.Field) bool { return f.Name == "consent" }) {
		in, e := d.opened(v)
		if e != nil {
			return e
		}
		return d.relaxing(v, in, err)
	}
	if errs.Is(err, errs.Conflict) {
		return d.conflict(v, value)
	}
	if err != nil {
		return err
	}
	return back(v, "/desk/incidents/"+in.Number, "saved")
}

// conflict shows the page as it stands now, with what was not saved beside it.
func (d *Desk) conflict(v *page.Visit, yours string) error {
	in, err := d.opened(v)
	if err != nil {
		return err
	}
	view, err := d.timelineView(v, in)
	if err != nil {
		return err
	}
	record, err := d.Audit.About(v.Ctx(), d.DB, in.Ref.ID, 0, 1000)
	if err != nil {
		return err
	}
	who := ""
	for _, r := range record {
		if r.Verb == "incident.edit" || r.Verb == "incident.undo" {
			who = actorName(v.P, r)
		}
	}
	field := v.R.PostFormValue("field")
	theirs := map[string]any{
		"title": in.Title, "summary": in.Summary, "type": in.Type, "severity": in.Severity, "state": string(in.State), "handler": in.Handler, "tlp": in.TLP, "pap": in.PAP,
	}[field]
	var mine any = yours
	if n, err := strconv.ParseInt(yours, 10, 64); err == nil && field == "handler" {
		mine = n
	}
	said := func(x any) string { return orDefault(d.valueInWords(v.Ctx(), v.P, field, x), "–") }
	view.Moved = &ConflictView{
		Who: orDefault(who, v.P.T("desk.message.somebody")), When: v.P.Clock(in.UpdatedAt), Theirs: said(theirs), Yours: said(mine), Save: "/desk/incidents/" + in.Number + "/edit",
		Fields: []page.Hid{
			{Name: "version", Value: strconv.FormatInt(in.Version, 10)},
			{Name: "field", Value: field},
			{Name: "value", Value: yours},
			{Name: "reason", Value: v.R.PostFormValue("reason")},
			{Name: "consent", Value: v.R.PostFormValue("consent")},
		},
	}
	if in.State == incident.Closed {
		view.Moved.Save = ""
	}
	return v.ShowStatus(errs.Conflict.HTTP(), IncidentTimeline(view))
}

func (d *Desk) undo(v *page.Visit) error {
	n, err := strconv.ParseInt(v.R.PostFormValue("entry"), 10, 64)
	if err != nil {
		return errs.ErrNotFound
	}
	in, err := d.Incidents.Undo(v.Ctx(), v.By, v.R.PathValue("incident"), n)
	if err != nil {
		return err
	}
	return back(v, "/desk/incidents/"+in.Number, "undone")
}

func (d *Desk) addTask(v *page.Visit) error {
	name := v.R.PathValue("incident")
	if _, err := d.Incidents.AddTask(v.Ctx(), v.By, name, incident.Task{Title: v.R.PostFormValue("title")}); err != nil {
		return err
	}
	return v.See("/desk/incidents/" + name)
}

func (d *Desk) setTask(v *page.Visit) error {
	name := v.R.PathValue("incident")
	if _, err := d.Incidents.SetTask(v.Ctx(), v.By, name, v.R.PathValue("task"), v.R.PostFormValue("done") != "", nil); err != nil {
		return err
	}
	return v.See("/desk/incidents/" + name)
}

// closing is the form that closes an incident, or opens a closed one again.
func (d *Desk) closing(v *page.Visit) error {
	in, err := d.opened(v)
	if err != nil {
		return err
	}
	return v.Show(Form(d.closeForm(v, in, in.Closing, nil)))
}

func (d *Desk) closeForm(v *page.Visit, in incident.Incident, c incident.Closing, wrong error) FormView {
	p := v.P
	at := "/desk/incidents/" + in.Number
	view := FormView{DeskView: d.frame(v, "incidents", in.Number), Hidden: []page.Hid{{Name: "version", Value: strconv.FormatInt(in.Version, 10)}}}
	if in.State == incident.Closed {
		view.Heading, view.Lead, view.Action = p.T("desk.reopen.title", "ref", in.Number), in.Title, at+"/reopen"
		view.Fields = []templ.Component{page.Field(p, page.FieldView{ID: "reason", Name: "reason", Label: p.T("desk.reopen.reason"), Rows: 3, Required: true})}
		view.Submit = page.ButtonView{Text: p.T("desk.reopen.do"), Kind: "primary"}
		return view
	}
	list, by := problems(p, wrong, nil)
	view.Heading, view.Lead, view.Action, view.Problems, view.Wrong = p.T("desk.close.title", "ref", in.Number), in.Title, at+"/close", list, wrong != nil
	choose := func(name, label, key string, codes []string, chosen string) templ.Component {
		options := []page.SelectOption{{Value: "", Text: p.T("desk.choose")}}
		for _, x := range codes {
			options = append(options, page.SelectOption{Value: x, Text: p.T(key + x), Chosen: x == chosen})
		}
		return page.Select(p, page.FieldView{ID: name, Name: name, Label: label, Error: by[name]}, options)
	}
	tell := c.TellReporter || wrong == nil
	if in.Type == "" {
		view.Fields = append(view.Fields, page.Select(p, page.FieldView{ID: "type", Name: "type", Label: p.T("desk.field.type"), Error: by["type"]}, d.typeOptions(p, v.R.PostFormValue("type"))))
	}
	if in.Severity == "" {
		view.Fields = append(view.Fields, page.Select(p, page.FieldView{ID: "severity", Name: "severity", Label: p.T("desk.field.severity"), Error: by["severity"]}, severityOptions(p, v.R.PostFormValue("severity"))))
	}
	affected := ""
	if c.Affected > 0 {
		affected = strconv.Itoa(c.Affected)
	}
	view.Fields = append(view.Fields,
		choose("outcome", p.T("desk.close.outcome"), "desk.outcome.", incident.Outcomes, c.Outcome),
		choose("root_cause", p.T("desk.close.root_cause"), "desk.root_cause.", incident.RootCauses, c.RootCause),
		choose("impact", p.T("desk.close.impact"), "desk.impact.", incident.Impacts, c.Impact),
		choose("cross_border", p.T("desk.close.cross_border"), "desk.cross_border.", incident.Borders, c.CrossBorder),
		page.Field(p, page.FieldView{ID: "affected", Name: "affected", Label: p.T("desk.close.affected"), Value: affected, InputMode: "numeric", Width: "short", Error: by["affected"]}),
		page.Field(p, page.FieldView{ID: "report", Name: "report", Label: p.T("desk.close.report"), Hint: p.T("desk.close.report.hint"), Value: c.Report, Rows: 8, Error: by["report"]}),
		page.Field(p, page.FieldView{ID: "note", Name: "note", Label: p.T("desk.close.note"), Hint: p.T("desk.close.note.hint"), Value: c.Note, Rows: 2, Error: by["note"]}),
		page.Option(page.OptionView{ID: "tell", Name: "tell", Value: "1", Label: p.T("desk.close.tell"), Hint: p.T("desk.close.tell.hint"), Checked: tell, Many: true}),
	)
	view.Submit = page.ButtonView{Text: p.T("desk.close.do"), Kind: "primary"}
	view.More = []page.ButtonView{{Text: p.T("desk.cancel"), Href: at}}
	return view
}

func (d *Desk) close(v *page.Visit) error {
	name := v.R.PathValue("incident")
	affected, _ := strconv.Atoi(v.R.PostFormValue("affected"))
	c := incident.Closing{
		Outcome: v.R.PostFormValue("outcome"), RootCause: v.R.PostFormValue("root_cause"), Impact: v.R.PostFormValue("impact"),
		CrossBorder: v.R.PostFormValue("cross_border"), Affected: affected, Report: v.R.PostFormValue("report"), Note: v.R.PostFormValue("note"),
		TellReporter: v.R.PostFormValue("tell") != "",
	}
	ver := version(v)
	var err error
	if t, s := v.R.PostFormValue("type"), v.R.PostFormValue("severity"); t != "" || s != "" {
		change := incident.Change{Version: ver}
		if t != "" {
			change.Type = &t
		}
		if s != "" {
			change.Severity = &s
		}
		var edited incident.Incident
		if edited, err = d.Incidents.Edit(v.Ctx(), v.By, name, change); err == nil {
			ver = edited.Version
		}
	}
	var in incident.Incident
	if err == nil {
		in, err = d.Incidents.Close(v.Ctx(), v.By, name, ver, c)
	}
	if len(errs.Fields(err)) > 0 {
		in, e := d.Incidents.Get(v.Ctx(), d.DB, v.By, name)
		if e != nil {
			return e
		}
		return v.ShowStatus(errs.Of(err).HTTP(), Form(d.closeForm(v, in, c, err)))
	}
	if err != nil {
		return err
	}
	return back(v, "/desk/incidents/"+in.Number, "closed")
}

func (d *Desk) reopen(v *page.Visit) error {
	in, err := d.Incidents.Reopen(v.Ctx(), v.By, v.R.PathValue("incident"), v.R.PostFormValue("reason"))
	if err != nil {
		return err
	}
	return back(v, "/desk/incidents/"+in.Number, "reopened")
}
