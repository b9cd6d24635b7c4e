package desk

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/alarm"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// guardRoutes are the rooms of seals, alarms and second persons.
func (d *Desk) guardRoutes() []page.Route {
	read, seal, glass := page.Needs(access.ReadCases), page.Needs(access.Seal), page.Needs(access.BreakGlass)
	return []page.Route{
		{Pattern: "GET /desk/incidents/{incident}/seal", Need: seal, Serve: d.sealing},
		{Pattern: "POST /desk/incidents/{incident}/seal", Need: seal, Serve: d.seal},
		{Pattern: "POST /desk/incidents/{incident}/unseal", Need: seal, Serve: d.unseal},
		{Pattern: "GET /desk/break-glass", Need: glass, Serve: d.glass},
		{Pattern: "POST /desk/break-glass", Need: glass, Serve: d.breakGlass},
		{Pattern: "GET /desk/alarms", Need: read, Serve: d.alarms},
		{Pattern: "POST /desk/alarms/{alarm}/review", Need: page.Needs(access.ReadAudit), Serve: d.review},
		{Pattern: "GET /desk/outbox/masses/{mass}", Need: read, Serve: d.mass},
		{Pattern: "POST /desk/outbox/masses/{mass}/release", Need: page.Needs(access.Approve), Serve: d.releaseMass},
		{Pattern: "POST /desk/outbox/masses/{mass}/alone", Need: glass, Serve: d.goAlone},
		{Pattern: "POST /desk/outbox/masses/{mass}/refuse", Need: page.Needs(access.StopMail), Serve: d.refuseMass},
	}
}

// sealing is the form that seals an incident, or says who is named in its seal and opens it again.
func (d *Desk) sealing(v *page.Visit) error {
	in, err := d.opened(v)
	if err != nil {
		return err
	}
	view, err := d.sealForm(v, in, nil)
	if err != nil {
		return err
	}
	return v.Show(Form(view))
}

func (d *Desk) sealForm(v *page.Visit, in incident.Incident, wrong error) (FormView, error) {
	p := v.P
	at := "/desk/incidents/" + in.Number
	list, by := problems(p, wrong, nil)
	view := FormView{
		DeskView: d.frame(v, "incidents", in.Number), Heading: p.T("desk.seal.title", "ref", in.Number), Lead: p.T("desk.seal.lead"), Action: at + "/seal",
		Problems: list, Hidden: []page.Hid{{Name: "version", Value: strconv.FormatInt(in.Version, 10)}},
		Submit: page.ButtonView{Text: p.T("desk.seal.do"), Kind: "danger", Icon: "lock"}, More: []page.ButtonView{{Text: p.T("desk.cancel"), Href: at}},
	}
	view.Wrong = wrong != nil
	named, err := d.Incidents.Named(v.Ctx(), d.DB, v.By, in)
	if err != nil {
		return view, err
	}
	staff, err := d.Staff(v.Ctx(), v.By)
	if err != nil {
		return view, err
	}
	chosen := v.R.PostForm["named"]
	var people []page.OptionView
	for i, c := range staff {
		value := strconv.FormatInt(c.Account, 10)
		until, there := named[c.Account]
		o := page.OptionView{ID: optionID("named", i), Name: "named", Value: value, Label: c.Name, Many: true, Checked: slices.Contains(chosen, value) || wrong == nil && there && until.IsZero()}
		if there && !until.IsZero() {
			o.Hint = p.T("desk.seal.until", "when", p.DateTime(until))
		}
		if c.Account != v.By.Account {
			people = append(people, o)
		}
	}
	reason := func(id string) templ.Component {
		return page.Field(p, page.FieldView{ID: id, Name: "reason", Label: p.T("desk.seal.reason"), Rows: 3, Required: true, Value: v.R.PostFormValue("reason"), Error: by["reason"]})
	}
	view.Fields = []templ.Component{optionCards(p, page.GroupView{ID: "named", Legend: p.T("desk.seal.named"), Hint: p.T("desk.seal.named.hint"), Error: by["named"]}, people), reason("reason")}
	if in.Sealed {
		view.Submit.Text = p.T("desk.seal.change")
		view.After = section("unseal", p.T("desk.seal.open"), adminForm(at+"/unseal", view.Hidden, []templ.Component{reason("reason-open")}, page.ButtonView{Text: p.T("desk.seal.open"), Icon: "lock-open"}))
	}
	return view, nil
}

func (d *Desk) seal(v *page.Visit) error {
	if err := v.R.ParseForm(); err != nil {
		return errFormNotRead
	}
	var named []int64
	for _, s := range v.R.PostForm["named"] {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return errs.ErrNotFound
		}
		named = append(named, n)
	}
	in, err := d.Incidents.Seal(v.Ctx(), v.By, v.R.PathValue("incident"), version(v), named, v.R.PostFormValue("reason"))
	return d.sealed(v, in, err, "sealed")
}

func (d *Desk) unseal(v *page.Visit) error {
	in, err := d.Incidents.Unseal(v.Ctx(), v.By, v.R.PathValue("incident"), version(v), v.R.PostFormValue("reason"))
	return d.sealed(v, in, err, "unsealed")
}

func (d *Desk) sealed(v *page.Visit, in incident.Incident, err error, done string) error {
	if len(errs.Fields(err)) > 0 {
		in, e := d.opened(v)
		if e != nil {
			return e
		}
		view, e := d.sealForm(v, in, err)
		if e != nil {
			return e
		}
		return v.ShowStatus(errs.Of(err).HTTP(), Form(view))
	}
	if err != nil {
		return err
	}
	return back(v, "/desk/incidents/"+in.Number, done)
}

// glass is the way into a sealed case in an emergency. It knows no case: who breaks the glass names it.
func (d *Desk) glass(v *page.Visit) error { return v.Show(Form(d.glassForm(v, nil))) }

func (d *Desk) glassForm(v *page.Visit, wrong error) FormView {
	p := v.P
	list, by := problems(p, wrong, nil)
	if said, ok := plainRefusal(v, wrong); ok && len(list) == 0 {
		list = []page.Problem{{Field: "incident", Text: said}}
	}
	view := FormView{
		DeskView: d.frame(v, "admin", p.T("desk.glass.title")), Heading: p.T("desk.glass.title"), Lead: p.T("desk.glass.lead", "hours", int(incident.GlassFor/time.Hour)), Action: "/desk/break-glass",
		Problems: list, Submit: page.ButtonView{Text: p.T("desk.glass.do"), Kind: "danger", Icon: "lock-open"}, More: []page.ButtonView{{Text: p.T("desk.cancel"), Href: "/desk"}},
	}
	view.Wrong = wrong != nil
	view.Fields = []templ.Component{
		page.Field(p, page.FieldView{ID: "incident", Name: "incident", Label: p.T("desk.glass.incident"), Value: v.R.PostFormValue("incident"), Error: by["incident"], Required: true, Width: "half"}),
		page.Field(p, page.FieldView{ID: "reason", Name: "reason", Label: p.T("desk.glass.reason"), Hint: p.T("desk.glass.reason.hint"), Value: v.R.PostFormValue("reason"), Error: by["reason"], Rows: 3, Required: true}),
	}
	return view
}

func (d *Desk) breakGlass(v *page.Visit) error {
	in, err := d.Incidents.BreakGlass(v.Ctx(), v.By, strings.ToUpper(strings.TrimSpace(v.R.PostFormValue("incident"))), v.R.PostFormValue("reason"))
	switch {
	case err == nil:
		return back(v, "/desk/incidents/"+in.Number, "glass")
	case errors.Is(err, access.ErrProof):
		return err
	case errs.Is(err, errs.NotFound):
		err = &errs.Error{Kind: errs.NotFound, Fields: []errs.Field{{Name: "incident", Key: "error.no_incident"}}}
	}
	if _, ok := plainRefusal(v, err); !ok {
		return err
	}
	return v.ShowStatus(errs.Of(err).HTTP(), Form(d.glassForm(v, err)))
}

// alarms lists what somebody must look at afterwards.
func (d *Desk) alarms(v *page.Visit) error {
	view, err := d.alarmsView(v)
	if err != nil {
		return err
	}
	return v.Show(Admin(view))
}

func alarmWords(p *text.Printer, a alarm.Alarm) string {
	switch a.Kind {
	case alarm.BrokenGlass:
		return p.T("desk.alarm.broken_glass", "who", a.Name, "ref", a.Named)
	case alarm.BulkReading:
		return p.T("desk.alarm.bulk_reading", "who", a.Name, "many", a.Many)
	case alarm.KeyEnds:
		return p.N("desk.alarm.key_ends", a.Many, "key", a.Named)
	case alarm.TargetBack:
		return p.T("desk.alarm.target_back", "ref", a.Named)
	default:
		return p.T("desk.alarm.alone", "who", a.Name, "many", a.Many)
	}
}

func (d *Desk) alarmsView(v *page.Visit) (AdminView, error) {
	list, err := d.Alarms.List(v.Ctx(), v.By)
	if err != nil {
		return AdminView{}, err
	}
	var ids []int64
	for _, a := range list {
		if a.ReviewedBy != 0 {
			ids = append(ids, a.ReviewedBy)
		}
	}
	names, err := d.Names(v.Ctx(), ids...)
	if err != nil {
		return AdminView{}, err
	}
	p := v.P
	view := d.adminView(v, p.T("desk.alarms"), p.T("desk.alarms.lead"))
	if len(list) == 0 {
		view.Body = []templ.Component{page.Empty(page.EmptyView{Icon: "circle-check", Title: p.T("desk.alarms.none"), Note: p.T("desk.alarms.none.note")})}
	}
	for _, a := range list {
		body := []templ.Component{second(p.DateTime(a.At))}
		if a.Why != "" {
			body = append(body, page.Prose(a.Why))
		}
		switch {
		case !a.ReviewedAt.IsZero():
			body = append(body, words("ok", "circle-check", p.T("desk.alarm.reviewed", "who", names[a.ReviewedBy], "when", p.DateTime(a.ReviewedAt))), page.Prose(a.Note))
		case v.By.Can(access.ReadAudit) && a.Account != v.By.Account:
			body = append(body, adminForm("/desk/alarms/"+a.UID+"/review", nil, []templ.Component{
				page.Field(p, page.FieldView{ID: "note-" + a.UID, Name: "note", Label: p.T("desk.alarm.note"), Rows: 2, Required: true}),
			}, page.ButtonView{Text: p.T("desk.alarm.review"), Kind: "primary"}))
		default:
			body = append(body, words("warn", "hourglass", p.T("desk.alarm.open")))
		}
		view.Body = append(view.Body, section("alarm-"+a.UID, alarmWords(p, a), body...))
	}
	return view, nil
}

func (d *Desk) review(v *page.Visit) error {
	uid := v.R.PathValue("alarm")
	err := d.Alarms.Review(v.Ctx(), v.By, uid, v.R.PostFormValue("note"))
	if err == nil {
		return back(v, "/desk/alarms", "reviewed")
	}
	said, ok := plainRefusal(v, err)
	if !ok {
		return err
	}
	view, e := d.alarmsView(v)
	if e != nil {
		return e
	}
	return wrongAdmin(v, view, errs.Of(err).HTTP(), page.Problem{Field: "note-" + uid, Text: said})
}

// massBanner gives the masses that wait for a second person, for the head of the outbox.
func (d *Desk) massBanner(v *page.Visit) ([]page.ButtonView, error) {
	list, err := d.Correspondence.Masses(v.Ctx(), v.By)
	var out []page.ButtonView
	for _, m := range list {
		out = append(out, page.ButtonView{Text: v.P.N("desk.mass.waits", m.Readers), Icon: "hourglass", Href: "/desk/outbox/masses/" + m.UID})
	}
	return out, err
}

// mass shows every letter exactly as it would leave, to the second person and to who asked.
func (d *Desk) mass(v *page.Visit) error {
	view, err := d.massView(v, nil)
	if err != nil {
		return err
	}
	return v.Show(Admin(view))
}

func (d *Desk) massView(v *page.Visit, wrong error) (AdminView, error) {
	m, list, err := d.Correspondence.Mass(v.Ctx(), v.By, v.R.PathValue("mass"))
	if err != nil {
		return AdminView{}, err
	}
	p, at := v.P, "/desk/outbox/masses/"+m.UID
	names, err := d.Names(v.Ctx(), slices.DeleteFunc([]int64{m.AskedBy, m.DecidedBy}, func(n int64) bool { return n == 0 })...)
	if err != nil {
		return AdminView{}, err
	}
	label := m.TLP
	if label == 0 {
		label = tlp.Red
	}
	view := d.adminView(v, p.T("desk.mass.title"), p.T("desk.mass.lead", "who", names[m.AskedBy], "when", p.DateTime(m.AskedAt), "many", len(list), "tlp", label.String()))
	view.DeskView, view.Up = d.frame(v, "outbox", view.Heading), page.NavItem{Text: p.T("desk.nav.outbox"), Href: "/desk/outbox"}
	hidden := []page.Hid{{Name: "hash", Value: m.Hash}}
	_, by := problems(p, wrong, nil)
	reason := func(id, words string) templ.Component {
		return page.Field(p, page.FieldView{ID: id, Name: "reason", Label: words, Rows: 2, Required: true, Value: v.R.PostFormValue("reason"), Error: by["reason"]})
	}
	switch m.State {
	case correspondence.MassWaiting:
		if v.By.Can(access.Approve) && m.AskedBy != v.By.Account {
			view.Body = append(view.Body, section("release", p.T("desk.mass.release"), adminForm(at+"/release", hidden, nil, page.ButtonView{Text: p.N("desk.mass.release.do", len(list)), Kind: "primary", Icon: "send"})))
		} else {
			view.Body = append(view.Body, words("warn", "hourglass", p.T("desk.mass.second")))
		}
		if late := m.AskedAt.Add(correspondence.AloneAfter); v.By.Can(access.BreakGlass) && !(v.By.Can(access.Approve) && m.AskedBy != v.By.Account) {
			if v.Now.Before(late) {
				view.Body = append(view.Body, second(p.T("desk.mass.alone.from", "when", p.Clock(late))))
			} else {
				view.Body = append(view.Body, section("alone", p.T("desk.mass.alone"), adminForm(at+"/alone", hidden, []templ.Component{reason("reason-alone", p.T("desk.mass.alone.why"))},
					page.ButtonView{Text: p.N("desk.mass.alone.do", len(list)), Kind: "danger", Icon: "send"})))
			}
		}
		if v.By.Can(access.StopMail) && (v.By.Can(access.Approve) || m.AskedBy == v.By.Account) {
			view.Body = append(view.Body, section("refuse", p.T("desk.mass.refuse"), adminForm(at+"/refuse", nil, []templ.Component{reason("reason-refuse", p.T("desk.mass.refuse.why"))},
				page.ButtonView{Text: p.T("desk.mass.refuse.do"), Icon: "hand"})))
		}
	case correspondence.MassRefused:
		view.Body = append(view.Body, words("warn", "hand", p.T("desk.mass.refused", "who", names[m.DecidedBy], "when", p.DateTime(m.DecidedAt))))
	default:
		view.Body = append(view.Body, words("ok", "circle-check", p.T("desk.mass.released", "who", names[m.DecidedBy], "when", p.DateTime(m.DecidedAt))))
	}
	var shown []PreviewLetter
	for _, l := range list {
		shown = append(shown, PreviewLetter{
			Party: l.Name, Reader: strings.Trim(l.Thread.Correspondent.Name+" <"+l.Body.To+">", " "), Lang: l.Thread.Correspondent.Lang, TLP: l.TLP.Name(),
			Road: roadChip(p, egress.Decision{Road: l.Road}), Subject: l.Body.Subject, Text: correspondence.WithoutCodes(l.Body.Text),
		})
	}
	view.Body = append(view.Body, letters(p, shown))
	return view, nil
}

func (d *Desk) decideMass(v *page.Visit, err error, done string) error {
	if err == nil {
		return back(v, "/desk/outbox", done)
	}
	said, ok := plainRefusal(v, err)
	if !ok {
		return err
	}
	view, e := d.massView(v, err)
	if e != nil {
		return e
	}
	return wrongAdmin(v, view, errs.Of(err).HTTP(), page.Problem{Field: "reason-refuse", Text: said})
}

func (d *Desk) releaseMass(v *page.Visit) error {
	_, err := d.Correspondence.ReleaseMass(v.Ctx(), v.By, v.R.PathValue("mass"), v.R.PostFormValue("hash"))
	return d.decideMass(v, err, "held")
}

func (d *Desk) goAlone(v *page.Visit) error {
	_, err := d.Correspondence.GoAlone(v.Ctx(), v.By, v.R.PathValue("mass"), v.R.PostFormValue("hash"), v.R.PostFormValue("reason"))
	return d.decideMass(v, err, "held")
}

func (d *Desk) refuseMass(v *page.Visit) error {
	_, err := d.Correspondence.RefuseMass(v.Ctx(), v.By, v.R.PathValue("mass"), v.R.PostFormValue("reason"))
	return d.decideMass(v, err, "stopped")
}

// relaxing asks whose consent there is before a marking is made less strict.
func (d *Desk) relaxing(v *page.Visit, in incident.Incident, wrong error) error {
	p := v.P
	list, by := problems(p, wrong, nil)
	if _, ok := v.R.PostForm["consent"]; !ok { // asked for the first time: nothing is wrong yet
		list, by = nil, nil
	}
	at := "/desk/incidents/" + in.Number
	view := FormView{
		DeskView: d.frame(v, "incidents", in.Number), Heading: p.T("desk.relax.title", "ref", in.Number), Lead: p.T("desk.relax.lead", "to", v.R.PostFormValue("value")), Action: at + "/edit", Problems: list,
		Fields: []templ.Component{page.Field(p, page.FieldView{ID: "consent", Name: "consent", Label: p.T("desk.relax.consent"), Hint: p.T("desk.relax.consent.hint"), Rows: 3, Required: true, Value: v.R.PostFormValue("consent"), Error: by["consent"]})},
		Submit: page.ButtonView{Text: p.T("desk.relax.do"), Kind: "primary"}, More: []page.ButtonView{{Text: p.T("desk.cancel"), Href: at}},
	}
	for _, name := range []string{"field", "value", "version"} {
		view.Hidden = append(view.Hidden, page.Hid{Name: name, Value: v.R.PostFormValue(name)})
	}
	view.Wrong = len(list) > 0
	return v.ShowStatus(errs.Of(wrong).HTTP(), Form(view))
}

// seen notes that an object is opened before it is shown (rule T4).
func (d *Desk) seen(v *page.Visit, o access.Object) error { return d.Watch.Read(v.Ctx(), v.By, o) }

// seenThread is seen for what is asked for by the name of its thread.
func (d *Desk) seenThread(v *page.Visit) error {
	o, err := access.Find(v.Ctx(), d.DB, v.By, ref.Thread, v.R.PathValue("thread"))
	if err != nil {
		return err
	}
	return d.seen(v, o)
}

// waitsForSecond tells where a mass stands that an act just asked for, "" when its letters are simply held.
func (d *Desk) waitsForSecond(v *page.Visit, sent []correspondence.Message) string {
	if len(sent) == 0 || sent[0].State != correspondence.Waiting {
		return ""
	}
	return "/desk/outbox?" + url.Values{"done": {"second"}}.Encode()
}
