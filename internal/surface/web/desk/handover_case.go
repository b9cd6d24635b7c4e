package desk

import (
	"cmp"
	"net/http"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/format/handover"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// handOverRoutes hand a case, or a part of it, to another team.
func (d *Desk) handOverRoutes() []page.Route {
	send, work := page.Needs(access.SendOutside), page.Needs(access.WorkCases)
	return []page.Route{
		{Pattern: "GET /desk/parties/{party}/hand-over", Need: send, Serve: d.handOverPage},
		{Pattern: "POST /desk/parties/{party}/hand-over", Need: send, Serve: d.handOver},
		{Pattern: "POST /desk/parties/{party}/handed/{handed}", Need: work, Serve: d.settleHandOver},
	}
}

// handing reads what is to be handed over, as it was typed.
type handing struct{ title, summary, kind, severity, observables, asked, due, tlp string }

func handingIn(v *page.Visit) handing {
	get := func(name string) string { return strings.TrimSpace(v.R.PostFormValue(name)) }
	return handing{get("title"), get("summary"), get("type"), get("severity"), get("observables"), get("asked"), get("due"), get("tlp")}
}

func (d *Desk) handInput(v *page.Visit, t handing) (coordination.HandOverInput, error) {
	in := coordination.HandOverInput{Title: t.title, Summary: t.summary, Type: t.kind, Severity: t.severity, Asked: t.asked, Looked: v.R.PostFormValue("looked") != ""}
	for line := range strings.Lines(t.observables) {
		kind, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if kind != "" {
			in.Observables = append(in.Observables, handover.Observable{Type: strings.ToLower(kind), Value: strings.TrimSpace(value)})
		}
	}
	if l, err := tlp.Parse(t.tlp); err == nil {
		in.TLP = l
	}
	due, err := d.localTime(t.due)
	in.DueAt = due
	return in, err
}

// partyCase gives a party of the address with its case.
func (d *Desk) partyCase(v *page.Visit) (coordination.Party, incident.Incident, error) {
	p, err := d.Coordination.PartyOf(v.Ctx(), d.DB, v.By, v.R.PathValue("party"))
	if err != nil {
		return p, incident.Incident{}, err
	}
	in, err := d.openedCase(v, p.Subject)
	return p, in, err
}

// handOverPage asks what is handed over. Nothing is filled in but what names nobody: the type, the severity and the label.
func (d *Desk) handOverPage(v *page.Visit) error {
	_, in, err := d.partyCase(v)
	if err != nil {
		return err
	}
	return d.showHandOver(v, handing{kind: in.Type, severity: string(in.Severity), tlp: in.TLP.String(), due: v.Now.Add(2 * day).In(d.Zone).Truncate(time.Hour).Format(localMinute)}, nil, nil, http.StatusOK)
}

func (d *Desk) showHandOver(v *page.Visit, t handing, seen *coordination.HandoverPreview, wrong error, status int) error {
	party, in, err := d.partyCase(v)
	if err != nil {
		return err
	}
	f, _, err := d.incidentFrame(v, in, "parties")
	if err != nil {
		return err
	}
	p, at := v.P, "/desk/parties/"+party.UID+"/hand-over"
	list, bad := problems(p, wrong, map[string]string{"due_at": "due"})
	label, _ := tlp.Parse(t.tlp)
	fields := []templ.Component{
		page.Field(p, page.FieldView{ID: "title", Name: "title", Label: p.T("desk.handover.name"), Value: t.title, Error: bad["title"], Autocomplete: "off"}),
		page.Field(p, page.FieldView{ID: "summary", Name: "summary", Rows: 6, Label: p.T("desk.handover.summary"), Hint: p.T("desk.handover.summary.hint"), Value: t.summary, Error: bad["summary"]}),
		page.Field(p, page.FieldView{ID: "observables", Name: "observables", Rows: 4, Label: p.T("desk.handover.observables"), Hint: p.T("error.observables"), Value: t.observables, Error: bad["observables"]}),
		page.Field(p, page.FieldView{ID: "asked", Name: "asked", Rows: 3, Label: p.T("desk.handover.asked"), Value: t.asked, Error: bad["asked"]}),
		page.Field(p, page.FieldView{ID: "due", Name: "due", Type: "datetime-local", Width: "half", Label: p.T("desk.handover.due"), Value: t.due, Error: bad["due_at"]}),
		page.Select(p, page.FieldView{ID: "tlp", Name: "tlp", Label: p.T("desk.field.tlp"), Error: bad["tlp"]}, tlpOptions(label)),
	}
	plain := []page.Hid{{Name: "type", Value: t.kind}, {Name: "severity", Value: t.severity}}
	body := []templ.Component{heading(p.T("desk.handover.to", "name", party.Name)), paragraph(p.T("desk.handover.lead"))}
	if wrong != nil && len(list) == 0 {
		said, _ := plainRefusal(v, wrong)
		list = []page.Problem{{Text: said}}
	}
	if len(list) > 0 {
		body = append([]templ.Component{page.ErrorSummary(p, list)}, body...)
	}
	body = append(body, adminForm(at, plain, fields, page.ButtonView{Text: p.T("desk.handover.preview"), Name: "act", Value: "preview"}))
	if seen != nil {
		l := PreviewLetter{
			Party: party.Name, Reader: strings.Trim(seen.Reader.Name+" <"+seen.Reader.Email+">", " "), Lang: seen.Lang, Road: roadChip(p, seen.Road), TLP: label.Name(), Subject: seen.Subject, Text: cmp.Or(seen.Letter, seen.Text),
		}
		l.Ground, l.NoGround = ground(p, seen.Liaison)
		var acts []templ.Component
		if len(seen.Hits) > 0 {
			l.Warn = p.T("desk.ask.hits", "words", strings.Join(seen.Hits, ", "))
			acts = append(acts, page.Option(page.OptionView{ID: "looked", Name: "looked", Value: "1", Label: p.T("desk.ask.looked"), Many: true}))
		}
		hidden := append(plain, page.Hid{Name: "title", Value: t.title}, page.Hid{Name: "summary", Value: t.summary}, page.Hid{Name: "observables", Value: t.observables}, page.Hid{Name: "asked", Value: t.asked}, page.Hid{Name: "due", Value: t.due}, page.Hid{Name: "tlp", Value: t.tlp})
		body = append(body, heading(p.T("desk.handover.letter")), letters(p, []PreviewLetter{l}), heading(handover.File), framed(string(seen.Document)))
		if seen.Road.Road != egress.Refused {
			body = append(body, adminForm(at, hidden, acts, page.ButtonView{Text: p.T("desk.handover.do"), Kind: "primary", Icon: "send"}))
		}
	}
	return v.ShowStatus(status, IncidentTab(TabView{IncidentFrame: f, Body: several(body)}))
}

// handOver shows what would leave, or hands over what was shown.
func (d *Desk) handOver(v *page.Visit) error {
	if err := v.R.ParseForm(); err != nil || !v.R.PostForm.Has("title") {
		return errFormNotRead
	}
	t := handingIn(v)
	in, err := d.handInput(v, t)
	party := v.R.PathValue("party")
	if err == nil && v.R.PostForm.Get("act") != "preview" {
		if _, err = d.Coordination.HandOver(v.Ctx(), v.By, party, in); err == nil {
			return back(v, "/desk/parties/"+party, "held")
		}
	}
	var seen *coordination.HandoverPreview
	if err == nil || errs.Is(err, errs.Conflict) { // what would leave stands beside what keeps it
		shown, e := d.Coordination.PreviewHandOver(v.Ctx(), v.By, party, in)
		if e == nil {
			seen = &shown
		} else if err == nil {
			err = e
		}
	}
	status := http.StatusOK
	if err != nil {
		if status = errs.Of(err).HTTP(); !errs.Is(err, errs.Invalid) && !errs.Is(err, errs.Conflict) {
			return err
		}
	}
	return d.showHandOver(v, t, seen, err, status)
}

// handedTo lists what was handed to a party, with the form that says what became of it.
func (d *Desk) handedTo(v *page.Visit, party coordination.Party) ([]templ.Component, error) {
	list, err := d.Coordination.Handovers(v.Ctx(), d.DB, v.By, party.UID)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	p := v.P
	out := []templ.Component{heading(p.T("desk.handover.title"))}
	for _, x := range list {
		state := page.ChipView{Text: p.T("desk.handover.state." + x.State), Kind: "warn"}
		switch x.State {
		case coordination.HandoverTaken:
			state.Kind, state.Icon = "ok", "check"
		case coordination.HandoverRefuse:
			state.Kind = "crit"
		}
		rows := []page.Property{
			{Label: p.T("desk.handover.name"), Value: page.Text(x.Title)},
			{Label: p.T("desk.col.state"), Value: page.Chip(state)},
			{Label: p.T("desk.col.when"), Value: page.At(p, x.MadeAt, v.Now)},
			{Label: "SHA-256", Value: hash(x.Sum)},
		}
		if x.Reference != "" {
			rows = append(rows, page.Property{Label: p.T("desk.handover.reference"), Value: page.Text(x.Reference)})
		}
		if x.Note != "" {
			rows = append(rows, page.Property{Label: p.T("desk.handover.note"), Value: page.Text(x.Note)})
		}
		out = append(out, page.Properties(p, rows))
		if x.State == coordination.HandedOver && v.By.Can(access.WorkCases) {
			out = append(out, adminForm("/desk/parties/"+party.UID+"/handed/"+x.UID, nil, []templ.Component{
				page.Field(p, page.FieldView{ID: "reference-" + x.UID, Name: "reference", Label: p.T("desk.handover.reference"), Hint: p.T("desk.handover.reference.hint"), Width: "half", Autocomplete: "off"}),
				page.Field(p, page.FieldView{ID: "note-" + x.UID, Name: "note", Label: p.T("desk.handover.note"), Hint: p.T("desk.handover.note.hint"), Autocomplete: "off"}),
			}, page.ButtonView{Text: p.T("desk.handover.taken"), Name: "outcome", Value: coordination.HandoverTaken, Icon: "check"}, page.ButtonView{Text: p.T("desk.handover.declined"), Name: "outcome", Value: coordination.HandoverRefuse, Kind: "ghost"}))
		}
	}
	return out, nil
}

func (d *Desk) settleHandOver(v *page.Visit) error {
	get, party := v.R.PostFormValue, v.R.PathValue("party")
	if _, err := d.Coordination.SettleHandOver(v.Ctx(), v.By, party, v.R.PathValue("handed"), get("outcome"), get("reference"), get("note")); err != nil {
		return err
	}
	return back(v, "/desk/parties/"+party, "saved")
}
