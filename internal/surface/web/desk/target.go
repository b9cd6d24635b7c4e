package desk

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/takedown"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// target shows one target: what it is, who can end it, how it stands and stood.
func (d *Desk) target(v *page.Visit) error { return d.showTarget(v, "", nil, http.StatusOK) }

// showTarget shows it again with what was wrong in one of its forms.
func (d *Desk) showTarget(v *page.Visit, form string, wrong error, status int) error {
	t, err := d.Takedown.Target(v.Ctx(), v.By, v.R.PathValue("target"))
	if err != nil {
		return err
	}
	if err := d.seen(v, t.Incident); err != nil {
		return err
	}
	p := v.P
	view := AdminView{DeskView: d.frame(v, "targets", t.Thing.Shown()), Heading: clip(t.Thing.Shown(), 80), Up: page.NavItem{Text: t.Incident.Number, Href: "/desk/incidents/" + t.Incident.Number + "/targets"}}
	var bad map[string]string
	view.Problems, bad = refusal(v, wrong, map[string]string{"state": "to"})
	view.Wrong = wrong != nil
	if t.Changed {
		view.Body = append(view.Body, words("warn", "triangle-alert", p.T("desk.target.changed")))
	}
	view.Body = append(view.Body, page.Properties(p, targetFacts(v, t)))
	who, err := d.whoCanEnd(v, t)
	if err != nil {
		return err
	}
	history, err := d.targetHistory(v, t)
	if err != nil {
		return err
	}
	view.Body = append(view.Body, who, history)
	if v.By.Can(access.WorkCases) && t.EndedAt.IsZero() {
		view.Body = append(view.Body, d.targetForms(v, t, form, bad)...)
	}
	return v.ShowStatus(status, Admin(view))
}

func targetFacts(v *page.Visit, t takedown.Target) []page.Property {
	p := v.P
	var at []templ.Component
	for _, a := range t.At() {
		at = append(at, page.Mono(a.String()))
	}
	facts := []page.Property{
		{Label: p.T("desk.target.what"), Value: page.Mono(t.Thing.Shown())},
		{Label: p.T("desk.target.kind"), Value: page.Text(kindName(p, t.Kind))},
		{Label: p.T("desk.col.state"), Value: several([]templ.Component{page.Chip(targetChip(p, t)), page.Text(" "), page.At(p, t.StateAt, v.Now)})},
		{Label: p.T("desk.target.words"), Value: page.Words(mail.NoLinks(mail.VisibleText(t.Words)))},
		{Label: p.T("desk.target.seen_at"), Value: page.At(p, t.SeenAt, v.Now)},
		{Label: p.T("desk.target.addresses"), Value: page.Lines(at)},
	}
	if len(at) == 0 {
		facts[len(facts)-1].Value = nil
	}
	if t.Ended != "" {
		facts = append(facts, page.Property{Label: p.T("desk.target.state.ended"), Value: page.Text(t.Ended)})
	}
	if t.LookedAt.IsZero() {
		return facts
	}
	saw := []templ.Component{page.At(p, t.LookedAt, v.Now)}
	if t.Last != "" {
		saw = append(saw, second(p.T("desk.target.saw."+string(t.Last))))
	}
	facts = append(facts, page.Property{Label: p.T("desk.target.looked"), Value: several(saw)})
	if t.Elsewhere != "" {
		facts = append(facts, page.Property{Label: p.T("desk.target.elsewhere"), Value: page.Mono(coordination.Harmless(t.Elsewhere))})
	}
	if t.Title != "" {
		facts = append(facts, page.Property{Label: p.T("desk.target.page_title"), Value: page.Words(mail.NoLinks(mail.Visible(t.Title)))})
	}
	if t.Hash != "" {
		facts = append(facts, page.Property{Label: "SHA-256", Value: hash(t.Hash)})
	}
	return facts
}

// whoCanEnd lists who was proposed, with what a person may do about each.
func (d *Desk) whoCanEnd(v *page.Visit, t takedown.Target) (templ.Component, error) {
	p := v.P
	all, err := d.Takedown.Proposals(v.Ctx(), v.By, t.Incident.UID)
	if err != nil {
		return nil, err
	}
	work := v.By.Can(access.WorkCases) && t.EndedAt.IsZero()
	var body []templ.Component
	q := v.R.URL.Query()
	if b := q.Get("barred"); b != "" && p.Has("desk.takedown.barred."+b) {
		body = append(body, words("info", "info", p.T("desk.target.not_asked", "why", p.T("desk.takedown.barred."+b))))
	}
	if n, err := strconv.Atoi(q.Get("silent")); err == nil && n > 0 {
		body = append(body, words("warn", "triangle-alert", p.N("desk.target.silent", n)))
	}
	table := page.TableView{Caption: p.T("desk.target.who"), Columns: []page.Column{{Text: p.T("desk.provider")}, {Text: p.T("desk.col.state")}, {Text: p.T("desk.target.do")}, {Text: p.T("desk.target.why")}}}
	for _, x := range all[t.ID] {
		why := p.T(x.Why.Key, "what", x.Why.What)
		form := p.T("desk.provider.form." + string(x.Form))
		if x.Wants != "" {
			form += " · " + p.T("desk.provider.wants.said", "what", clip(x.Wants, 200))
		}
		address := x.Email
		if x.Form == takedown.ByPage {
			address = coordination.Harmless(x.Page)
		}
		table.Rows = append(table.Rows, []templ.Component{
			twoLines(x.Name, strings.Trim(roleName(p, x.Role)+" · "+address, " ·")), several(proposalState(v, x)), rowActs(d.proposalActs(v, x, work)), twoLines(why, form),
		})
	}
	if len(table.Rows) > 0 {
		body = append(body, page.Table(table))
	} else {
		body = append(body, paragraph(p.T("desk.target.nobody")))
	}
	if !work {
		return section("who", p.T("desk.target.who"), body...), nil
	}
	body = append(body, post("/desk/targets/"+t.UID+"/propose", nil, page.ButtonView{Text: p.T("desk.target.propose"), Icon: "search", Kind: map[bool]string{true: "primary"}[len(table.Rows) == 0]}))
	if v.By.Can(access.ReadRegistry) {
		directory, err := d.Takedown.Providers(v.Ctx(), v.By)
		if err != nil {
			return nil, err
		}
		var options []page.SelectOption
		for _, x := range directory {
			options = append(options, page.SelectOption{Value: x.UID, Text: x.Name + " (" + roleName(p, x.Role) + ")"})
		}
		if len(options) > 0 {
			body = append(body, folded(p.T("desk.target.by_hand"), false, one(adminForm("/desk/targets/"+t.UID+"/name", nil,
				[]templ.Component{page.Select(p, page.FieldView{ID: "provider", Name: "provider", Label: p.T("desk.provider")}, options)}, page.ButtonView{Text: p.T("desk.target.by_hand.do"), Icon: "plus"}))))
		}
	}
	return section("who", p.T("desk.target.who"), body...), nil
}

func proposalState(v *page.Visit, x takedown.Proposal) []templ.Component {
	p := v.P
	switch {
	case !x.ToldAt.IsZero():
		return []templ.Component{page.Chip(page.ChipView{Text: p.T("desk.proposal.told"), Kind: "ok", Icon: "check"}), page.At(p, x.ToldAt, v.Now)}
	case x.State == takedown.Dismissed:
		return []templ.Component{page.Chip(page.ChipView{Text: p.T("desk.proposal.dismissed"), Kind: "outline"})}
	case x.State == takedown.Confirmed && x.Sending != 0:
		return []templ.Component{page.Chip(page.ChipView{Text: p.T("desk.proposal.prepared"), Kind: "info", Icon: "clock"})}
	case x.State == takedown.Confirmed:
		return []templ.Component{page.Chip(page.ChipView{Text: p.T("desk.proposal.confirmed"), Kind: "info"})}
	}
	return []templ.Component{page.Chip(page.ChipView{Text: p.T("desk.proposal.proposed"), Kind: "warn"})}
}

func (d *Desk) proposalActs(v *page.Visit, x takedown.Proposal, work bool) (out []templ.Component) {
	p, at := v.P, "/desk/proposals/"+x.UID
	if !work || !x.ToldAt.IsZero() {
		return nil
	}
	decide := func(to takedown.ProposalState, words string) templ.Component {
		return post(at+"/decide", []page.Hid{{Name: "state", Value: string(to)}}, page.ButtonView{Text: words})
	}
	switch {
	case x.Organisation == 0 && v.By.Can(access.WriteRegistry):
		out = append(out, page.Button(page.ButtonView{Text: p.T("desk.proposal.enter"), Href: "/desk/providers/new?proposal=" + x.UID}))
	case x.State != takedown.Confirmed && x.Organisation != 0:
		out = append(out, decide(takedown.Confirmed, p.T("desk.proposal.confirm")))
	case x.State == takedown.Confirmed && x.Form == takedown.ByPage:
		out = append(out, page.Button(page.ButtonView{Text: p.T("desk.proposal.page"), Href: at}))
	}
	if x.State != takedown.Dismissed {
		out = append(out, decide(takedown.Dismissed, p.T("desk.proposal.dismiss")))
	}
	return out
}

func (d *Desk) targetHistory(v *page.Visit, t takedown.Target) (templ.Component, error) {
	p := v.P
	list, err := d.Takedown.History(v.Ctx(), v.By, t)
	if err != nil {
		return nil, err
	}
	var ids []int64
	for _, c := range list {
		if c.By != 0 {
			ids = append(ids, c.By)
		}
	}
	names, err := d.Names(v.Ctx(), ids...)
	if err != nil {
		return nil, err
	}
	var body []templ.Component
	table := page.TableView{Caption: p.T("desk.target.history"), Columns: []page.Column{{Text: p.T("desk.col.when")}, {Text: p.T("desk.col.state")}, {Text: p.T("desk.target.why")}}}
	for _, c := range list {
		why := c.Why
		if c.By != 0 {
			why = p.T("desk.target.said", "who", names[c.By], "why", mail.NoLinks(mail.Visible(c.Why)))
		} else if c.Saw != "" {
			why = p.T("desk.target.saw." + string(c.Saw))
		}
		if c.To != "" {
			why += " " + coordination.Harmless(c.To)
		}
		table.Rows = append(table.Rows, []templ.Component{page.At(p, c.At, v.Now), page.Chip(targetStateChip(p, c.State)), page.Text(why)})
	}
	if len(list) > 0 {
		body = append(body, page.Table(table))
	}
	switch b := d.Takedown.BarredLook(t.Incident, t.Thing); {
	case !t.EndedAt.IsZero():
	case b != "":
		body = append(body, words("info", "info", p.T(string(b))))
	default:
		next := p.T("desk.target.next.none")
		if !t.LookAt.IsZero() {
			next = p.T("desk.target.next", "when", p.Brief(t.LookAt, v.Now))
		}
		body = append(body, paragraph(next))
		if v.By.Can(access.WorkCases) {
			body = append(body, post("/desk/targets/"+t.UID+"/look", nil, page.ButtonView{Text: p.T("desk.target.look"), Icon: "eye"}))
		}
	}
	return section("history", p.T("desk.target.history"), body...), nil
}

// targetForms are what a person says of a target by hand.
func (d *Desk) targetForms(v *page.Visit, t takedown.Target, form string, bad map[string]string) []templ.Component {
	p, at := v.P, "/desk/targets/"+t.UID
	hidden := []page.Hid{{Name: "version", Value: strconv.FormatInt(t.Version, 10)}}
	of := func(name string) map[string]string {
		if name == form {
			return bad
		}
		return nil
	}
	typed := func(name, field, otherwise string) string {
		if name == form {
			return v.R.PostFormValue(field)
		}
		return otherwise
	}
	var states []page.SelectOption
	for _, s := range takedown.States() {
		states = append(states, page.SelectOption{Value: string(s), Text: targetStateChip(p, s).Text, Chosen: string(s) == typed("state", "to", string(t.State))})
	}
	var addresses []string
	for _, a := range t.Addresses {
		addresses = append(addresses, a.String())
	}
	amend := append([]templ.Component{page.Select(p, page.FieldView{ID: "kind", Name: "kind", Label: p.T("desk.target.kind"), Error: of("amend")["kind"]}, kindOptions(p, takedown.Kind(typed("amend", "kind", string(t.Kind))), ""))},
		evidenceFields(p, typed("amend", "words", t.Words), typed("amend", "seen", t.SeenAt.In(d.Zone).Format(localMinute)), typed("amend", "addresses", strings.Join(addresses, ", ")), of("amend"))...)
	return []templ.Component{
		folded(p.T("desk.target.set"), form == "state", one(adminForm(at+"/state", hidden, []templ.Component{
			page.Select(p, page.FieldView{ID: "to", Name: "to", Label: p.T("desk.col.state"), Error: of("state")["state"]}, states),
			page.Field(p, page.FieldView{ID: "reason", Name: "reason", Label: p.T("desk.target.reason"), Rows: 2, Value: typed("state", "reason", ""), Error: of("state")["reason"], Required: true}),
		}, page.ButtonView{Text: p.T("desk.target.set.do")}))),
		folded(p.T("desk.target.amend"), form == "amend", one(adminForm(at+"/amend", hidden, amend, page.ButtonView{Text: p.T("desk.target.amend.do")}))),
		folded(p.T("desk.target.end"), form == "end", one(paragraph(p.T("desk.target.end.note")), adminForm(at+"/end", hidden, []templ.Component{
			page.Field(p, page.FieldView{ID: "end-reason", Name: "reason", Label: p.T("desk.target.reason"), Rows: 2, Value: typed("end", "reason", ""), Error: of("end")["reason"], Required: true}),
		}, page.ButtonView{Text: p.T("desk.target.end.do")}))),
	}
}

// targetDone leads back to the target, or shows it again with what was wrong.
func (d *Desk) targetDone(v *page.Visit, form string, err error) error {
	if err == nil {
		return back(v, "/desk/targets/"+v.R.PathValue("target"), "saved")
	}
	if _, ok := plainRefusal(v, err); !ok {
		return err
	}
	return d.showTarget(v, form, err, errs.Of(err).HTTP())
}

func (d *Desk) proposeFor(v *page.Visit) error {
	got, err := d.Takedown.Propose(v.Ctx(), v.By, v.R.PathValue("target"))
	if err != nil {
		return d.targetDone(v, "propose", err)
	}
	return back(v, "/desk/targets/"+v.R.PathValue("target"), "looked_for", "barred", got.Barred.Code(), "silent", strconv.Itoa(got.Silent))
}

func (d *Desk) nameFor(v *page.Visit) error {
	return d.targetDone(v, "name", d.Takedown.Name(v.Ctx(), v.By, v.R.PathValue("target"), v.R.PostFormValue("provider")))
}

func (d *Desk) lookAt(v *page.Visit) error {
	_, err := d.Takedown.LookNow(v.Ctx(), v.By, v.R.PathValue("target"))
	return d.targetDone(v, "look", err)
}

func (d *Desk) setTarget(v *page.Visit) error {
	_, err := d.Takedown.SetState(v.Ctx(), v.By, v.R.PathValue("target"), version(v), takedown.State(v.R.PostFormValue("to")), v.R.PostFormValue("reason"))
	return d.targetDone(v, "state", err)
}

func (d *Desk) amendTarget(v *page.Visit) error {
	in, err := d.newTarget(v)
	if err != nil {
		return err
	}
	_, err = d.Takedown.Amend(v.Ctx(), v.By, v.R.PathValue("target"), version(v), in)
	return d.targetDone(v, "amend", err)
}

func (d *Desk) endTarget(v *page.Visit) error {
	_, err := d.Takedown.End(v.Ctx(), v.By, v.R.PathValue("target"), version(v), v.R.PostFormValue("reason"))
	return d.targetDone(v, "end", err)
}

func (d *Desk) decideProposal(v *page.Visit) error {
	x, err := d.Takedown.PageOf(v.Ctx(), v.By, v.R.PathValue("proposal"))
	if err != nil {
		return err
	}
	v.R.SetPathValue("target", x.Target.UID)
	return d.targetDone(v, "decide", d.Takedown.Decide(v.Ctx(), v.By, x.Proposal.UID, takedown.ProposalState(v.R.PostFormValue("state"))))
}

// proposalPage is what a person fills a provider's form in with. The address of the form is ours: a person entered it in the directory.
func (d *Desk) proposalPage(v *page.Visit) error { return d.showProposal(v, nil, http.StatusOK) }

func (d *Desk) showProposal(v *page.Visit, wrong error, status int) error {
	x, err := d.Takedown.PageOf(v.Ctx(), v.By, v.R.PathValue("proposal"))
	if err != nil {
		return err
	}
	if err := d.seen(v, x.Target.Incident); err != nil {
		return err
	}
	p, at := v.P, "/desk/proposals/"+x.Proposal.UID
	view := AdminView{DeskView: d.frame(v, "targets", x.Proposal.Name), Heading: p.T("desk.proposal.title", "name", x.Proposal.Name), Lead: p.T("desk.proposal.lead"), Up: page.NavItem{Text: clip(x.Target.Thing.Shown(), 60), Href: "/desk/targets/" + x.Target.UID}}
	var bad map[string]string
	view.Problems, bad = refusal(v, wrong, map[string]string{"at": "told"})
	view.Wrong = wrong != nil
	facts := []page.Property{{Label: p.T("desk.provider.role"), Value: page.Text(roleName(p, x.Proposal.Role))}}
	if x.Proposal.Page != "" {
		facts = append(facts, page.Property{Label: p.T("desk.provider.page"), Value: page.Mono(x.Proposal.Page)})
	}
	if x.Proposal.Wants != "" {
		facts = append(facts, page.Property{Label: p.T("desk.provider.wants"), Value: page.Words(x.Proposal.Wants)})
	}
	view.Body = append(view.Body, page.Properties(p, facts), section("words", p.T("desk.proposal.words"), preformatted(p.T("desk.proposal.words"), x.Words)),
		page.Lines([]templ.Component{page.To(p.T("desk.proposal.file"), at+"/evidence.csv"), second(p.T("desk.proposal.file.note"))}))
	if x.Proposal.ToldAt.IsZero() && x.Proposal.State == takedown.Confirmed {
		view.Body = append(view.Body, adminForm(at+"/told", nil, []templ.Component{
			page.Field(p, page.FieldView{ID: "told", Name: "told", Type: "datetime-local", Label: p.T("desk.proposal.told_at"), Width: "half", Value: v.Now.In(d.Zone).Format(localMinute), Error: bad["at"]}),
		}, page.ButtonView{Text: p.T("desk.proposal.told.do"), Kind: "primary", Icon: "check"}))
	}
	return v.ShowStatus(status, Admin(view))
}

// proposalFile is the evidence as a file: what the target is stands there as it is.
func (d *Desk) proposalFile(v *page.Visit) error {
	x, err := d.Takedown.PageOf(v.Ctx(), v.By, v.R.PathValue("proposal"))
	if err != nil {
		return err
	}
	return page.CSVOf(v, "evidence.csv", coordination.EvidenceCSV([]coordination.Line{x.Line}))
}

func (d *Desk) toldProposal(v *page.Visit) error {
	at := time.Time{}
	if s := v.R.PostFormValue("told"); s != "" {
		var err error
		if at, err = d.localTime(s); err != nil {
			return err
		}
	}
	x, err := d.Takedown.PageOf(v.Ctx(), v.By, v.R.PathValue("proposal"))
	if err != nil {
		return err
	}
	err = d.Takedown.Told(v.Ctx(), v.By, x.Proposal.UID, at)
	if err == nil {
		return back(v, "/desk/targets/"+x.Target.UID, "saved")
	}
	if _, ok := plainRefusal(v, err); !ok {
		return err
	}
	return d.showProposal(v, err, errs.Of(err).HTTP())
}

// targetLine is a state of a target as a sentence of the timeline.
func targetLine(p *text.Printer, state string) string {
	return targetStateChip(p, takedown.State(state)).Text
}

func one(list ...templ.Component) []templ.Component { return list }
