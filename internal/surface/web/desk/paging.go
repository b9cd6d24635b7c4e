package desk

import (
	"net/url"
	"strings"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/duty"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

func (d *Desk) pagesSection(v *page.Visit, pages []duty.Page, names map[int64]string) templ.Component {
	p := v.P
	if len(pages) == 0 {
		return section("pages", p.T("desk.duty.pages"), paragraph(p.T("desk.duty.pages.none")))
	}
	t := page.TableView{Caption: p.T("desk.duty.pages"), Columns: []page.Column{{Text: p.T("desk.duty.why")}, {Text: p.T("desk.duty.when")}, {Text: p.T("desk.duty.state")}}}
	for _, x := range pages {
		t.Rows = append(t.Rows, []templ.Component{link("/desk/duty/pages/"+x.UID, named(p, "desk.duty.reason.", string(x.Reason)), x.Number), page.At(p, x.MadeAt, v.Now), page.Chip(pageState(p, x, names))})
	}
	return section("pages", p.T("desk.duty.pages"), page.Table(t))
}

func pageState(p *text.Printer, x duty.Page, names map[int64]string) page.ChipView {
	switch x.State {
	case duty.Answered:
		return page.ChipView{Text: p.T("desk.duty.taken", "who", names[x.AnsweredBy]), Kind: "ok", Icon: "check"}
	case duty.Unanswered:
		return page.ChipView{Text: p.T("desk.duty.unanswered"), Kind: "crit", Icon: "triangle-alert"}
	}
	return page.ChipView{Text: p.T("desk.duty.open"), Kind: "warn", Icon: "bell-ring"}
}

// dutyWays shows how the actor itself is paged.
func (d *Desk) dutyWays(v *page.Visit) error { return d.showWays(v, nil, nil) }

func (d *Desk) showWays(v *page.Visit, wrong error, made *duty.Way) error {
	p := v.P
	ways, err := d.Duty.Ways(v.Ctx(), d.DB, v.By)
	if err != nil {
		return err
	}
	body := []templ.Component{paragraph(p.T("desk.duty.ways.mail"))}
	if made != nil && made.Secret != "" {
		body = append(body, once(onceView{label: p.T("desk.duty.ways.secret"), secret: made.Secret, note: p.T("desk.duty.ways.secret.note"), on: "/desk/duty/ways", onText: p.T("desk.duty.ways.on")}))
	}
	for _, w := range ways {
		said := w.Address
		if u, err := url.Parse(w.Address); err == nil && w.Kind == duty.ByWebhook {
			said = u.Scheme + "://" + u.Host + "/…" // the path may be a secret
		}
		body = append(body, paragraph(named(p, "desk.duty.way.", string(w.Kind))+": "+said), post("/desk/duty/ways/"+w.UID+"/remove", nil, page.ButtonView{Text: p.T("desk.duty.ways.remove"), Kind: "ghost"}))
	}
	list, by := problems(p, wrong, nil)
	kinds := []page.SelectOption{{Value: "webhook", Text: p.T("desk.duty.way.webhook")}}
	if d.Duty.SMS.On() {
		kinds = append(kinds, page.SelectOption{Value: "sms", Text: p.T("desk.duty.way.sms"), Chosen: v.R.PostFormValue("kind") == "sms"})
	}
	body = append(body, adminForm("/desk/duty/ways", nil, []templ.Component{
		page.Select(p, page.FieldView{ID: "kind", Name: "kind", Label: p.T("desk.duty.way"), Error: by["kind"]}, kinds),
		page.Field(p, page.FieldView{ID: "address", Name: "address", Label: p.T("desk.duty.way.address"), Hint: p.T("desk.duty.way.address.hint"), Value: v.R.PostFormValue("address"), Autocomplete: "off", Error: by["address"]}),
	}, page.ButtonView{Text: p.T("desk.duty.ways.do")}))
	view := d.dutyView(v, p.T("desk.duty.ways"), p.T("desk.duty.ways.lead"), section("ways", p.T("desk.duty.ways"), body...),
		section("test", p.T("desk.duty.test"), paragraph(p.T("desk.duty.test.lead")), post("/desk/duty/test", nil, page.ButtonView{Text: p.T("desk.duty.test.do"), Kind: "primary", Icon: "bell-ring"})))
	if len(list) > 0 {
		return wrongAdmin(v, view, errs.Invalid.HTTP(), list...)
	}
	return v.Show(Admin(view))
}

func (d *Desk) addWay(v *page.Visit) error {
	w, err := d.Duty.AddWay(v.Ctx(), v.By, duty.WayKind(v.R.PostFormValue("kind")), v.R.PostFormValue("address"))
	if errs.Is(err, errs.Invalid) {
		return d.showWays(v, err, nil)
	}
	if err != nil {
		return err
	}
	return d.showWays(v, nil, &w)
}

func (d *Desk) removeWay(v *page.Visit) error {
	if err := d.Duty.RemoveWay(v.Ctx(), v.By, v.R.PathValue("way")); err != nil {
		return err
	}
	return back(v, "/desk/duty/ways", "duty_saved")
}

func (d *Desk) testPage(v *page.Visit) error {
	x, err := d.Duty.Test(v.Ctx(), v.By)
	if err != nil {
		return err
	}
	return v.See("/desk/duty/pages/" + x.UID)
}

// dutyPage shows one page: why, who was asked by which way, what came back, and the button that takes it.
func (d *Desk) dutyPage(v *page.Visit) error {
	p := v.P
	x, tries, err := d.Duty.PageByUID(v.Ctx(), d.DB, v.By, v.R.PathValue("page"))
	if err != nil {
		return err
	}
	people := []int64{x.AnsweredBy}
	for _, t := range tries {
		people = append(people, t.Account)
	}
	names, err := d.dutyNames(v, people...)
	if err != nil {
		return err
	}
	facts := []page.Property{
		{Label: p.T("desk.duty.why"), Value: page.Text(named(p, "desk.duty.reason.", string(x.Reason)))},
		{Label: p.T("desk.duty.when"), Value: page.At(p, x.MadeAt, v.Now)},
		{Label: p.T("desk.duty.state"), Value: page.Chip(pageState(p, x, names))},
	}
	if x.Number != "" {
		at := "/desk/search?q=" + url.QueryEscape(x.Number)
		if strings.HasPrefix(x.Number, "INC-") {
			at = "/desk/incidents/" + x.Number
		}
		facts = append(facts, page.Property{Label: p.T("desk.duty.number"), Value: refCell(at, x.Number)})
	}
	t := page.TableView{Caption: p.T("desk.duty.tries"), Columns: []page.Column{{Text: p.T("desk.duty.col.who")}, {Text: p.T("desk.duty.way")}, {Text: p.T("desk.duty.when")}, {Text: p.T("desk.duty.state")}, {Text: p.T("desk.duty.answer")}}}
	for _, y := range tries {
		c := page.ChipView{Text: p.T("desk.duty.try.waiting"), Kind: "outline"}
		switch y.State {
		case duty.Sent:
			c = page.ChipView{Text: p.T("desk.duty.try.sent"), Kind: "ok", Icon: "check"}
		case duty.Failed:
			c = page.ChipView{Text: p.T("desk.duty.try.failed"), Kind: "crit", Icon: "triangle-alert"}
		}
		t.Rows = append(t.Rows, []templ.Component{page.Text(names[y.Account]), page.Text(named(p, "desk.duty.way.", y.Kind)), page.At(p, y.MadeAt, v.Now), page.Chip(c), page.Text(y.Answer)})
	}
	view := d.dutyView(v, p.T("desk.duty.page"), "", page.Properties(p, facts))
	if x.State != duty.Answered && v.By.Can(access.Triage) {
		view.Body = append(view.Body, post("/desk/duty/pages/"+x.UID+"/take", nil, page.ButtonView{Text: p.T("desk.duty.take"), Kind: "primary", Icon: "check", Key: "A"}))
	}
	if len(t.Rows) > 0 {
		view.Body = append(view.Body, page.Table(t))
	} else {
		view.Body = append(view.Body, paragraph(p.T("desk.duty.tries.none")))
	}
	return v.Show(Admin(view))
}

func (d *Desk) takePage(v *page.Visit) error {
	x, err := d.Duty.Acknowledge(v.Ctx(), v.By, v.R.PathValue("page"))
	if err != nil {
		return err
	}
	return back(v, "/desk/duty/pages/"+x.UID, "page_taken")
}
