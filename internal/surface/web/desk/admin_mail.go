package desk

import (
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

type roadTable = map[tlp.Level]egress.Road

var roadChoices = []egress.Road{egress.Signed, egress.Locked, egress.Notice, egress.Refused}

func roadName(p *text.Printer, r egress.Road) string { return p.T("desk.admin.road." + r.String()) }

func roadField(name string, l tlp.Level) string { return name + "-" + strconv.Itoa(int(l)) }

// roads shows what may leave for each label when we hold no key of the reader.
func (d *Desk) roads(v *page.Visit) error {
	now, err := d.Correspondence.Roads(v.Ctx(), d.DB)
	if err != nil {
		return err
	}
	last, err := d.lastChange(v, correspondence.VerbRoads)
	if err != nil {
		return err
	}
	p, usual := v.P, egress.NoKey()
	t := page.TableView{Caption: p.T("desk.admin.mail.roads"), Columns: []page.Column{
		{Text: p.T("desk.col.marking")}, {Text: p.T("desk.admin.mail.with_key")}, {Text: p.T("desk.admin.mail.without_key")}, {Text: p.T("desk.admin.usual")},
	}}
	for _, l := range tlp.Levels() {
		t.Rows = append(t.Rows, []templ.Component{page.TLP(l.Name()), page.Text(p.T("desk.admin.road.encrypted")), page.Text(roadName(p, now[l])), second(roadName(p, usual[l]))})
	}
	parts := []templ.Component{aboutSetting(p, settingNote{p.T("desk.admin.mail.effect"), p.T("desk.admin.mail.usual"), last}), page.Table(t)}
	boxes, err := d.mailboxes(v)
	if err != nil {
		return err
	}
	view := d.adminView(v, p.T("desk.admin.mail"), "", append(parts, boxes...)...)
	view.Acts = []page.ButtonView{{Text: p.T("desk.admin.mail.change"), Icon: "pencil", Href: "/desk/admin/mail/change"}}
	return v.Show(Admin(view))
}

// mailboxes shows how it stands with the mailboxes that mail is fetched from; nothing when there is none.
func (d *Desk) mailboxes(v *page.Visit) ([]templ.Component, error) {
	list, err := d.Correspondence.Mailboxes(v.Ctx(), v.By)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	p := v.P
	t := page.TableView{Caption: p.T("desk.admin.mailbox"), Columns: []page.Column{
		{Text: p.T("desk.admin.mailbox.box")}, {Text: p.T("desk.admin.mailbox.state")}, {Text: p.T("desk.admin.mailbox.looked")}, {Text: p.T("desk.admin.mailbox.taken")}, {Text: p.T("desk.admin.mailbox.left")},
	}}
	never := p.T("desk.admin.mailbox.never")
	for _, m := range list {
		state := p.T("desk.admin.mailbox.polled")
		switch {
		case m.Problem != "":
			state = p.T("desk.admin.mailbox.trouble." + m.Problem)
		case m.TooLarge > 0:
			state = p.N("desk.admin.mailbox.large", m.TooLarge)
		case m.Idle:
			state = p.T("desk.admin.mailbox.well")
		}
		t.Rows = append(t.Rows, []templ.Component{page.Text(m.Mailbox), page.Text(state), second(moment(p, m.LookedAt, never)), second(moment(p, m.TakenAt, never)), page.Text(strconv.Itoa(m.Waiting + m.TooLarge))})
	}
	return []templ.Component{page.Table(t)}, nil
}

func (d *Desk) changeRoads(v *page.Visit) error {
	now, err := d.Correspondence.Roads(v.Ctx(), d.DB)
	if err != nil {
		return err
	}
	return v.Show(Admin(d.roadForm(v, now, now, nil)))
}

func (d *Desk) roadForm(v *page.Visit, was, want roadTable, wrong error) AdminView {
	p := v.P
	ids := map[string]string{}
	for _, l := range tlp.Levels() {
		ids[l.String()] = roadField("want", l)
	}
	list, by := problems(p, wrong, ids)
	var fields []templ.Component
	for _, l := range tlp.Levels() {
		var options []page.SelectOption
		for _, r := range roadChoices {
			options = append(options, page.SelectOption{Value: r.String(), Text: roadName(p, r), Chosen: r == want[l]})
		}
		name := roadField("want", l)
		fields = append(fields, page.Select(p, page.FieldView{ID: name, Name: name, Label: l.String(), Hint: p.T("desk.admin.mail.now", "road", roadName(p, was[l])), Error: by[l.String()]}, options))
	}
	view := d.adminView(v, p.T("desk.admin.mail.change"), p.T("desk.admin.mail.change.lead"), adminForm("/desk/admin/mail/compare", hiddenRoads("was", was), fields,
		page.ButtonView{Text: p.T("desk.admin.mail.compare"), Kind: "primary"}, page.ButtonView{Text: p.T("desk.cancel"), Href: "/desk/admin/mail"}))
	view.Problems, view.Wrong = list, wrong != nil
	return view
}

func hiddenRoads(name string, table roadTable) []page.Hid {
	var out []page.Hid
	for _, l := range tlp.Levels() {
		out = append(out, page.Hid{Name: roadField(name, l), Value: table[l].String()})
	}
	return out
}

func readRoads(v *page.Visit, name string) (roadTable, error) {
	out := roadTable{}
	for _, l := range tlp.Levels() {
		var r egress.Road
		if err := r.UnmarshalText([]byte(v.R.PostFormValue(roadField(name, l)))); err != nil {
			return nil, err
		}
		out[l] = r
	}
	return out, nil
}

func bothRoads(v *page.Visit) (was, want roadTable, err error) {
	if was, err = readRoads(v, "was"); err == nil {
		want, err = readRoads(v, "want")
	}
	return was, want, err
}

// compareRoads shows old and new side by side before anything changes.
func (d *Desk) compareRoads(v *page.Visit) error {
	was, want, err := bothRoads(v)
	if err != nil {
		return err
	}
	if err := egress.CheckPolicy(want); err != nil {
		return v.ShowStatus(errs.Of(err).HTTP(), Admin(d.roadForm(v, was, want, err)))
	}
	p := v.P
	t := page.TableView{Caption: p.T("desk.admin.mail.roads"), Columns: []page.Column{{Text: p.T("desk.col.marking")}, {Text: p.T("desk.admin.mail.old")}, {Text: p.T("desk.admin.mail.new")}, {Text: p.T("desk.col.changed")}}}
	n := 0
	for _, l := range tlp.Levels() {
		var mark templ.Component = second(p.T("desk.admin.mail.same"))
		if was[l] != want[l] {
			n++
			mark = page.Chip(page.ChipView{Text: p.T("desk.admin.mail.changes"), Kind: "warn", Icon: "pencil"})
		}
		t.Rows = append(t.Rows, []templ.Component{page.TLP(l.Name()), page.Text(roadName(p, was[l])), page.Text(roadName(p, want[l])), mark})
	}
	if n == 0 {
		return v.See("/desk/admin/mail")
	}
	return v.Show(Admin(d.adminView(v, p.T("desk.admin.mail.check"), p.T("desk.admin.mail.check.lead"), page.Table(t),
		adminForm("/desk/admin/mail", append(hiddenRoads("was", was), hiddenRoads("want", want)...), nil,
			page.ButtonView{Text: p.N("desk.admin.mail.save", n), Kind: "primary"}, page.ButtonView{Text: p.T("desk.cancel"), Href: "/desk/admin/mail"}))))
}

func (d *Desk) saveRoads(v *page.Visit) error {
	was, want, err := bothRoads(v)
	if err != nil {
		return err
	}
	err = d.Correspondence.SetRoads(v.Ctx(), v.By, was, want)
	switch {
	case err == nil:
		return back(v, "/desk/admin/mail", "saved")
	case errs.Is(err, errs.Conflict): // somebody was faster: the table as it is now, and what this person wanted
		now, e := d.Correspondence.Roads(v.Ctx(), d.DB)
		if e != nil {
			return e
		}
		return wrongAdmin(v, d.roadForm(v, now, want, nil), errs.Conflict.HTTP(), page.Problem{Field: roadField("want", tlp.Clear), Text: v.P.T("error.changed")})
	case len(errs.Fields(err)) > 0:
		return v.ShowStatus(errs.Of(err).HTTP(), Admin(d.roadForm(v, was, want, err)))
	}
	return err
}

// stopMail is the one control that stops all outgoing mail. It stands alone.
func (d *Desk) stopMail(v *page.Visit) error {
	view, err := d.stopView(v, "")
	if err != nil {
		return err
	}
	return v.Show(Admin(view))
}

func (d *Desk) stopView(v *page.Visit, wrong string) (AdminView, error) {
	paused, err := d.Correspondence.Paused(v.Ctx(), d.DB)
	if err != nil {
		return AdminView{}, err
	}
	last, err := d.lastChange(v, correspondence.VerbPause)
	if err != nil {
		return AdminView{}, err
	}
	p := v.P
	state, to := words("ok", "circle-check", p.T("desk.admin.stop.running")), "stop"
	button := page.ButtonView{Text: p.T("desk.admin.stop.do"), Kind: "danger", Icon: "hand"}
	if paused {
		state, to, button = words("crit", "hand", p.T("desk.admin.stop.stopped")), "go", page.ButtonView{Text: p.T("desk.admin.stop.go"), Kind: "primary", Icon: "send"}
	}
	return d.adminView(v, p.T("desk.admin.stop"), "", state, aboutSetting(p, settingNote{p.T("desk.admin.stop.effect"), p.T("desk.admin.stop.usual"), last}),
		adminForm("/desk/admin/stop-mail", []page.Hid{{Name: "to", Value: to}}, []templ.Component{
			page.Field(p, page.FieldView{ID: "why", Name: "why", Label: p.T("desk.admin.stop.why"), Hint: p.T("desk.admin.stop.why.hint"), Rows: 2, Error: wrong, Value: v.R.PostFormValue("why")}),
		}, button)), nil
}

// setStopMail says which way, so that a second press changes nothing.
func (d *Desk) setStopMail(v *page.Visit) error {
	to, why := v.R.PostFormValue("to"), strings.TrimSpace(v.R.PostFormValue("why"))
	if to != "stop" && to != "go" {
		return errs.ErrNotFound
	}
	if why == "" || len(why) > 2000 {
		said := v.P.T("error.required")
		if why != "" {
			said = v.P.T("error.too_long", "most", 2000)
		}
		view, err := d.stopView(v, said)
		if err != nil {
			return err
		}
		return wrongAdmin(v, view, errs.Invalid.HTTP(), page.Problem{Field: "why", Text: said})
	}
	paused, err := d.Correspondence.Paused(v.Ctx(), d.DB)
	if err != nil {
		return err
	}
	if paused != (to == "stop") {
		if err := d.Correspondence.Pause(v.Ctx(), v.By, to == "stop", why); err != nil {
			return err
		}
	}
	if to == "stop" {
		return back(v, "/desk/admin/stop-mail", "mail_stopped")
	}
	return back(v, "/desk/admin/stop-mail", "mail_goes")
}

// pausedBanner stands on the outbox while nothing leaves.
func (d *Desk) pausedBanner(v *page.Visit) (templ.Component, error) {
	paused, err := d.Correspondence.Paused(v.Ctx(), d.DB)
	if err != nil || !paused {
		return nil, err
	}
	last, err := d.lastChange(v, correspondence.VerbPause)
	if err != nil {
		return nil, err
	}
	href := ""
	if v.By.Can(access.StopMail) {
		href = "/desk/admin/stop-mail"
	}
	return mailStopped(v.P, last, href), nil
}
