package desk

import (
	"strconv"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/duty"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

func (d *Desk) writeHandover(v *page.Visit) error {
	h, err := d.Duty.Write(v.Ctx(), v.By)
	if err != nil {
		return err
	}
	return v.See("/desk/duty/handovers/" + h.UID)
}

// handover shows what a shift leaves to the next: numbers from its events, with titles as far as the reader may see them, and words.
func (d *Desk) handover(v *page.Visit) error {
	h, err := d.Duty.HandoverByUID(v.Ctx(), d.DB, v.By, v.R.PathValue("handover"))
	if err != nil {
		return err
	}
	return d.showHandover(v, h, nil)
}

func (d *Desk) showHandover(v *page.Visit, h duty.Handover, wrong error) error {
	p := v.P
	names, err := d.dutyNames(v, h.Outgoing, h.Incoming)
	if err != nil {
		return err
	}
	signed := func(who int64, words string) templ.Component { return page.Text(names[who] + " · " + words) }
	state := func(at bool, when string) string {
		if at {
			return p.T("desk.duty.signed.at", "when", when)
		}
		return p.T("desk.duty.signed.not")
	}
	facts := []page.Property{
		{Label: p.T("desk.duty.shift"), Value: page.Text(p.T("desk.duty.span", "from", p.DateTime(h.From), "till", p.DateTime(h.To)))},
		{Label: p.T("desk.duty.outgoing"), Value: signed(h.Outgoing, state(!h.OutSignedAt.IsZero(), p.DateTime(h.OutSignedAt)))},
		{Label: p.T("desk.duty.incoming"), Value: signed(h.Incoming, state(!h.InSignedAt.IsZero(), p.DateTime(h.InSignedAt)))},
	}
	view := d.dutyView(v, p.T("desk.duty.handover"), p.T("desk.duty.handover.lead"), page.Properties(p, facts))
	titles, err := d.eventTitles(v, h.Events)
	if err != nil {
		return err
	}
	for _, x := range []struct {
		id, title string
		list      []duty.Event
	}{
		{"new", p.T("desk.duty.events.new"), h.Events.New},
		{"closed", p.T("desk.duty.events.closed"), h.Events.Closed},
		{"waiting", p.T("desk.duty.events.waiting"), h.Events.Waiting},
		{"clocks", p.T("desk.duty.events.clocks"), h.Events.Clocks},
		{"calls", p.T("desk.duty.events.calls"), h.Events.Calls},
		{"paged", p.T("desk.duty.events.paged"), h.Events.Paged},
	} {
		view.Body = append(view.Body, d.eventSection(v, x.id, x.title, x.list, titles))
	}
	if h.Events.More {
		view.Body = append(view.Body, paragraph(p.T("desk.duty.events.more", "most", duty.MostEvents)))
	}
	party := v.By.Account != 0 && (v.By.Account == h.Outgoing || v.By.Account == h.Incoming)
	list, by := problems(p, wrong, nil)
	hidden := []page.Hid{{Name: "version", Value: strconv.FormatInt(h.Version, 10)}}
	at := "/desk/duty/handovers/" + h.UID
	if party && !h.Frozen() {
		words := h.Words
		if wrong != nil {
			words = v.R.PostFormValue("words")
		}
		view.Body = append(view.Body, section("say", p.T("desk.duty.words"), adminForm(at+"/words", hidden, []templ.Component{
			page.Field(p, page.FieldView{ID: "words", Name: "words", Label: p.T("desk.duty.words.label"), Hint: p.T("desk.duty.words.hint"), Rows: 8, Value: words, Error: by["words"]}),
		}, page.ButtonView{Text: p.T("desk.duty.words.do")})))
	} else if h.Words != "" {
		view.Body = append(view.Body, section("say", p.T("desk.duty.words"), page.Prose(h.Words)))
	}
	mine := h.OutSignedAt
	if v.By.Account == h.Incoming {
		mine = h.InSignedAt
	}
	if party && mine.IsZero() {
		words := p.T("desk.duty.sign.out")
		if v.By.Account == h.Incoming {
			words = p.T("desk.duty.sign.in")
		}
		view.Body = append(view.Body, post(at+"/sign", hidden, page.ButtonView{Text: words, Kind: "primary", Icon: "check"}))
	}
	if len(list) > 0 {
		return wrongAdmin(v, view, errs.Invalid.HTTP(), list...)
	}
	return v.Show(Admin(view))
}

// onlyNumber tells of what a paper that many read names the number alone.
func onlyNumber(o access.Object) bool { return o.Sealed || o.TLP == tlp.Red }

// eventTitles gives the titles of what a hand-over numbers, as far as the reader may see it.
func (d *Desk) eventTitles(v *page.Visit, e duty.Events) (map[int64]string, error) {
	var ids []int64
	for _, list := range [][]duty.Event{e.New, e.Closed, e.Waiting, e.Clocks, e.Calls, e.Paged} {
		for _, x := range list {
			if x.Object != 0 {
				ids = append(ids, x.Object)
			}
		}
	}
	out := map[int64]string{}
	cases, err := d.Incidents.ByID(v.Ctx(), d.DB, v.By, ids...)
	if err != nil {
		return nil, err
	}
	for id, in := range cases {
		if !onlyNumber(in.Object) {
			out[id] = in.Title
		}
	}
	reports, err := d.Intake.ByID(v.Ctx(), d.DB, v.By, ids...)
	for id, r := range reports {
		if !onlyNumber(r.Object) {
			out[id] = reportTitle(v.P, r)
		}
	}
	return out, err
}

func (d *Desk) eventSection(v *page.Visit, id, title string, list []duty.Event, titles map[int64]string) templ.Component {
	p := v.P
	if len(list) == 0 {
		return section(id, title, paragraph(p.T("desk.duty.events.none")))
	}
	t := page.TableView{Caption: title, Columns: []page.Column{{Text: p.T("desk.duty.number")}, {Text: p.T("desk.duty.when")}, {Text: p.T("desk.duty.what")}}}
	for _, x := range list {
		what := titles[x.Object]
		if id == "paged" {
			what = named(p, "desk.duty.reason.", x.Kind)
		}
		t.Rows = append(t.Rows, []templ.Component{page.Mono(x.Number), page.At(p, x.At, v.Now), page.Text(clip(what, 120))})
	}
	return section(id, title, page.Table(t))
}

func (d *Desk) correctHandover(v *page.Visit) error {
	uid := v.R.PathValue("handover")
	_, err := d.Duty.Correct(v.Ctx(), v.By, uid, v.R.PostFormValue("words"), version(v))
	if errs.Is(err, errs.Invalid) {
		h, e := d.Duty.HandoverByUID(v.Ctx(), d.DB, v.By, uid)
		if e != nil {
			return e
		}
		return d.showHandover(v, h, err)
	}
	if err != nil {
		return err
	}
	return back(v, "/desk/duty/handovers/"+uid, "duty_saved")
}

func (d *Desk) signHandover(v *page.Visit) error {
	uid := v.R.PathValue("handover")
	if _, err := d.Duty.Sign(v.Ctx(), v.By, uid, version(v)); err != nil {
		return err
	}
	return back(v, "/desk/duty/handovers/"+uid, "duty_signed")
}

func (d *Desk) handoverSection(v *page.Visit, list []duty.Handover, names map[int64]string) templ.Component {
	p := v.P
	var body []templ.Component
	if len(list) > 0 {
		t := page.TableView{Caption: p.T("desk.duty.handovers"), Columns: []page.Column{{Text: p.T("desk.duty.shift")}, {Text: p.T("desk.duty.fromto")}, {Text: p.T("desk.duty.state")}}}
		for _, h := range list {
			t.Rows = append(t.Rows, []templ.Component{
				link("/desk/duty/handovers/"+h.UID, p.Brief(h.To, v.Now), ""), page.Text(names[h.Outgoing] + " → " + names[h.Incoming]), page.Chip(signState(p, h)),
			})
		}
		body = append(body, page.Table(t))
	} else {
		body = append(body, paragraph(p.T("desk.duty.handovers.none")))
	}
	if v.By.Can(access.Triage) {
		body = append(body, post("/desk/duty/handovers", nil, page.ButtonView{Text: p.T("desk.duty.handover.write"), Icon: "pencil"}))
	}
	return section("handovers", p.T("desk.duty.handovers"), body...)
}

func signState(p *text.Printer, h duty.Handover) page.ChipView {
	switch {
	case !h.OutSignedAt.IsZero() && !h.InSignedAt.IsZero():
		return page.ChipView{Text: p.T("desk.duty.signed.both"), Kind: "ok", Icon: "check"}
	case h.Frozen():
		return page.ChipView{Text: p.T("desk.duty.signed.one"), Kind: "warn"}
	}
	return page.ChipView{Text: p.T("desk.duty.signed.none"), Kind: "outline"}
}
