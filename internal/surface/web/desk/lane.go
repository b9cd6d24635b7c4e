package desk

import (
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// laneRoutes are the lane of probable spam, the rules for routine mail, and the reasons of rejections.
func (d *Desk) laneRoutes() []page.Route {
	triage, read, rules := page.Needs(access.Triage), page.Needs(access.ReadCases), page.Needs(access.ChangeRules)
	return []page.Route{
		{Pattern: "GET /desk/triage/spam", Need: read, Serve: d.lane},
		{Pattern: "POST /desk/triage/spam/looked", Need: triage, Serve: d.lookedThrough},
		{Pattern: "POST /desk/triage/spam/reject", Need: triage, Serve: d.clearLane},
		{Pattern: "POST /desk/reports/{report}/not-spam", Need: triage, Serve: d.notSpam},

		{Pattern: "GET /desk/admin/reasons", Need: rules, Serve: d.reasons},
		{Pattern: "GET /desk/admin/reasons/{reason}", Need: rules, Serve: d.reason},
		{Pattern: "POST /desk/admin/reasons/{reason}", Need: rules, Serve: d.saveReason},

		{Pattern: "GET /desk/admin/routine", Need: read, Serve: d.routine},
		{Pattern: "POST /desk/admin/routine/score", Need: rules, Serve: d.saveScore},
		{Pattern: "GET /desk/admin/routine/{rule}", Need: read, Serve: d.rule, MaxBody: maxGroup},
		{Pattern: "POST /desk/admin/routine/{rule}", Need: rules, Serve: d.saveRule, MaxBody: maxGroup},
		{Pattern: "POST /desk/admin/routine/{rule}/turn", Need: rules, Serve: d.turnRule},
	}
}

// lane is the digest of what is probably spam, and the acts over all of it.
func (d *Desk) lane(v *page.Visit) error {
	x, err := d.Intake.Lane(v.Ctx(), v.By)
	if err != nil {
		return err
	}
	p := v.P
	count := strconv.Itoa(x.Count)
	if x.More {
		count = p.T("desk.lane.more", "count", x.Count)
	}
	facts := []page.Property{{Label: p.T("desk.lane.count"), Value: page.Text(count)}, {Label: p.T("desk.lane.new"), Value: page.Text(strconv.Itoa(x.Fresh))}}
	if !x.LookedAt.IsZero() {
		facts = append(facts, page.Property{Label: p.T("desk.lane.looked"), Value: page.At(p, x.LookedAt, v.Now)})
	}
	body := []templ.Component{page.Properties(p, facts)}
	if x.Count == 0 {
		body = append(body, page.Empty(page.EmptyView{Icon: "circle-check", Title: p.T("desk.lane.none"), Note: p.T("desk.lane.none.note")}))
	}
	if len(x.Odd) > 0 {
		body = append(body, section("odd", p.T("desk.lane.odd"), page.Table(d.laneTable(p, v, p.T("desk.lane.odd"), x.Odd))))
	}
	var counted []templ.Component
	tops := func(id, title string, list []intake.Counted) {
		t := page.TableView{Caption: title, Columns: []page.Column{{Text: title}, {Text: p.T("desk.lane.count"), Number: true}}}
		for _, c := range list {
			t.Rows = append(t.Rows, []templ.Component{page.Mono(c.Name), page.Text(strconv.Itoa(c.Count))})
		}
		if len(list) > 0 {
			counted = append(counted, section(id, title, page.Table(t)))
		}
	}
	tops("domains", p.T("desk.lane.domains"), x.Domains)
	tops("senders", p.T("desk.lane.senders"), x.Senders)
	if len(counted) > 0 {
		body = append(body, pair(counted))
	}
	if len(x.Newest) > 0 {
		body = append(body, section("newest", p.T("desk.lane.newest"), page.Table(d.laneTable(p, v, p.T("desk.lane.newest"), x.Newest)),
			page.Button(page.ButtonView{Text: p.T("desk.lane.all"), Href: "/desk/triage?state=spam"})))
	}
	if v.By.Can(access.Triage) && x.Count > 0 {
		until := []page.Hid{{Name: "until", Value: strconv.FormatInt(v.Now.UnixMicro(), 10)}}
		body = append(body, section("acts", p.T("desk.lane.acts"),
			adminForm("/desk/triage/spam/looked", until, nil, page.ButtonView{Text: p.T("desk.lane.looked.do"), Icon: "check"}), second(p.T("desk.lane.looked.hint")),
			adminForm("/desk/triage/spam/reject", until, nil, page.ButtonView{Text: p.N("desk.lane.reject", x.Count), Kind: "danger", Icon: "archive"}), second(p.T("desk.lane.reject.hint"))))
	}
	return v.Show(Admin(AdminView{
		DeskView: d.frame(v, "triage", p.T("desk.report.spam")), Heading: p.T("desk.report.spam"), Lead: p.T("desk.lane.lead"),
		Up: page.NavItem{Text: p.T("desk.nav.triage"), Href: "/desk/triage"}, Body: body,
	}))
}

func (d *Desk) laneTable(p *text.Printer, v *page.Visit, caption string, list []intake.Report) page.TableView {
	t := page.TableView{Caption: caption, Columns: []page.Column{{Text: p.T("desk.col.what")}, {Text: p.T("desk.lane.from")}, {Text: p.T("desk.lane.why")}, {Text: p.T("desk.col.when")}}}
	for _, r := range list {
		why := signWords(p, r.Body.Mail)
		for _, o := range r.Body.Mail.Odd {
			why = append([]string{p.T("desk.lane.odd." + o)}, why...)
		}
		t.Rows = append(t.Rows, []templ.Component{link("/desk/triage?state=spam&report="+r.UID, reportTitle(p, r), r.Reference), page.Text(r.Body.Email), second(strings.Join(why, " · ")), page.At(p, r.ReceivedAt, v.Now)})
	}
	return t
}

// signWords are the signs of a mail in words.
func signWords(p *text.Printer, m *intake.Mail) []string {
	var out []string
	if m == nil {
		return nil
	}
	for _, s := range m.Signs {
		out = append(out, p.T("desk.sign."+s.Why, "count", s.Count))
	}
	return out
}

// judgedFacts say what a mail was judged by: in the lane why it lies there, elsewhere which rule acted and what is proposed.
func (d *Desk) judgedFacts(v *page.Visit, r intake.Report) ([]page.Property, error) {
	p, m := v.P, r.Body.Mail
	var out []page.Property
	if r.Body.Class != "" {
		out = append(out, page.Property{Label: p.T("desk.fact.class"), Value: page.Text(d.typeName(p, r.Body.Class))})
	}
	if m == nil {
		return out, nil
	}
	if m.Lane {
		var lines []templ.Component
		for i, s := range signWords(p, m) {
			lines = append(lines, page.Text(p.T("desk.sign.points", "why", s, "points", m.Signs[i].Points)))
		}
		out = append(out, page.Property{Label: p.T("desk.fact.signs"), Value: page.Lines(lines)})
	}
	if m.Rule == "" {
		return out, nil
	}
	rule, err := d.Intake.RuleByUID(v.Ctx(), v.By, m.Rule)
	name := rule.Name
	if errs.Is(err, errs.NotFound) || errs.Is(err, errs.Forbidden) {
		name, err = p.T("desk.routine.gone"), nil
	}
	value := templ.Component(page.Text(name))
	if rule.UID != "" && v.By.Can(access.ChangeRules) {
		value = page.To(name, "/desk/admin/routine/"+rule.UID)
	}
	return append(out, page.Property{Label: p.T("desk.fact.rule"), Value: value}), err
}

func (d *Desk) teachOptions(v *page.Visit, r intake.Report) []page.SelectOption {
	p := v.P
	out := []page.SelectOption{}
	if at := strings.LastIndexByte(r.Body.Email, '@'); at > 0 {
		out = append(out, page.SelectOption{Value: "sender", Text: p.T("desk.lane.teach.sender", "who", clip(r.Body.Email, 60))},
			page.SelectOption{Value: "domain", Text: p.T("desk.lane.teach.domain", "who", clip(r.Body.Email[at+1:], 60))})
	}
	return append(out, page.SelectOption{Value: "", Text: p.T("desk.lane.teach.nothing")})
}

func (d *Desk) notSpam(v *page.Visit) error {
	r, err := d.Intake.NotSpam(v.Ctx(), v.By, v.R.PathValue("report"), v.R.PostFormValue("teach"))
	if err != nil {
		return err
	}
	return back(v, "/desk/triage", "not_spam", "report", r.UID)
}

func until(v *page.Visit) time.Time {
	n, err := strconv.ParseInt(v.R.PostFormValue("until"), 10, 64)
	if err != nil || n <= 0 {
		return v.Now
	}
	return time.UnixMicro(n)
}

func (d *Desk) lookedThrough(v *page.Visit) error {
	if err := d.Intake.LookedThrough(v.Ctx(), v.By, until(v)); err != nil {
		return err
	}
	return back(v, "/desk/triage/spam", "saved")
}

func (d *Desk) clearLane(v *page.Visit) error {
	run, err := d.Intake.ClearLane(v.Ctx(), v.By, until(v))
	if errs.Is(err, errs.NotFound) {
		return v.See("/desk/triage/spam")
	}
	if err != nil {
		return err
	}
	return v.See("/desk/triage/runs/" + run.UID)
}
