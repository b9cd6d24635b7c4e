package desk

import (
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/duty"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

func (d *Desk) channels(v *page.Visit) error { return d.showChannels(v, nil) }

// showChannels shows by which roads something comes, when it last did, and which road is silent too long.
func (d *Desk) showChannels(v *page.Visit, wrong error) error {
	p := v.P
	all, err := d.Duty.ChannelsNow(v.Ctx(), d.DB, v.By)
	if err != nil {
		return err
	}
	list, by := problems(p, wrong, nil)
	t := page.TableView{Caption: p.T("desk.channels.title"), Columns: []page.Column{
		{Text: p.T("desk.channels.channel")}, {Text: p.T("desk.duty.state")}, {Text: p.T("desk.channels.last")}, {Text: p.T("desk.channels.usual")}, {Text: p.T("desk.channels.due")},
	}}
	var names []page.SelectOption
	for _, c := range all {
		name := named(p, "desk.channels.name.", c.Name)
		names = append(names, page.SelectOption{Value: c.Name, Text: name, Chosen: v.R.PostFormValue("channel") == c.Name})
		last, due := page.Text(p.T("desk.channels.last.none")), page.Text("–")
		if !c.Last.IsZero() {
			last = page.At(p, c.Last, v.Now)
		}
		if !c.Due.IsZero() {
			due = page.Text(p.DateTime(c.Due))
		}
		chip := page.ChipView{Text: p.T("desk.channels.state.ok"), Kind: "ok", Icon: "check"}
		switch {
		case c.Watch.How == duty.Never:
			chip = page.ChipView{Text: p.T("desk.channels.state.off"), Kind: "outline"}
		case c.Silent(v.Now):
			chip = page.ChipView{Text: p.T("desk.channels.state.silent", "since", p.Brief(c.From(), v.Now)), Kind: "crit", Icon: "triangle-alert"}
		case c.Due.IsZero():
			chip = page.ChipView{Text: p.T("desk.channels.state.unknown"), Kind: "outline"}
		}
		t.Rows = append(t.Rows, []templ.Component{page.Text(name), page.Chip(chip), last, page.Text(usually(p, c)), due})
	}
	body := []templ.Component{page.Table(t)}
	rules, err := d.Duty.Rules(v.Ctx(), d.DB)
	if err != nil {
		return err
	}
	if rules.Silent {
		body = append(body, paragraph(p.T("desk.channels.pages")))
	} else {
		body = append(body, paragraph(p.T("desk.channels.pages.no")))
	}
	if v.By.Can(access.PlanDuty) {
		how := []page.SelectOption{{Value: string(duty.Learnt), Text: p.T("desk.channels.how.learnt")}, {Value: string(duty.ByHand), Text: p.T("desk.channels.how.hand")}, {Value: string(duty.Never), Text: p.T("desk.channels.how.off")}}
		for i := range how {
			how[i].Chosen = v.R.PostFormValue("how") == how[i].Value
		}
		body = append(body, section("watch", p.T("desk.channels.watch"), adminForm("/desk/duty/channels", nil, []templ.Component{
			page.Select(p, page.FieldView{ID: "channel", Name: "channel", Label: p.T("desk.channels.channel"), Error: by["channel"]}, names),
			page.Select(p, page.FieldView{ID: "how", Name: "how", Label: p.T("desk.channels.how"), Error: by["how"]}, how),
			page.Field(p, page.FieldView{ID: "hours", Name: "hours", Width: "short", InputMode: "numeric", Label: p.T("desk.channels.hours"), Hint: p.T("desk.channels.hours.hint"), Value: v.R.PostFormValue("hours"), Error: by["hours"]}),
		}, page.ButtonView{Text: p.T("desk.channels.watch.do")})))
	}
	view := d.dutyView(v, p.T("desk.channels.title"), p.T("desk.channels.lead"), body...)
	if len(list) > 0 {
		return wrongAdmin(v, view, errs.Invalid.HTTP(), list...)
	}
	return v.Show(Admin(view))
}

// usually says how long a pause is right, and how we know.
func usually(p *text.Printer, c duty.Channel) string {
	switch {
	case c.Watch.How == duty.ByHand:
		return p.N("desk.channels.usual.hand", c.Watch.Hours)
	case c.Pause > 0:
		return p.N("desk.channels.usual.learnt", int(c.Pause.Hours()))
	}
	return p.T("desk.channels.usual.none")
}

func (d *Desk) setWatch(v *page.Visit) error {
	hours, _ := strconv.Atoi(strings.TrimSpace(v.R.PostFormValue("hours")))
	err := d.Duty.SetWatch(v.Ctx(), v.By, v.R.PostFormValue("channel"), duty.Watch{How: duty.Watched(v.R.PostFormValue("how")), Hours: hours})
	if errs.Is(err, errs.Invalid) {
		return d.showChannels(v, err)
	}
	if err != nil {
		return err
	}
	return back(v, "/desk/duty/channels", "duty_saved")
}
