package desk

import (
	"net/url"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// authorities shows whom a law says that we tell of an incident, how that stands, and which authorities, teams and suppliers are parties.
func (d *Desk) authorities(v *page.Visit) error {
	in, f, rows, err := d.tab(v, "authorities")
	if err != nil {
		return err
	}
	reports, err := d.Intake.ReportsIn(v.Ctx(), d.DB, v.By, in.Ref.ID)
	if err != nil {
		return err
	}
	var ids []int64
	for _, r := range reports {
		ids = append(ids, r.Ref.ID)
	}
	owed, err := d.Intake.Obligations(v.Ctx(), d.DB, v.By, ids...)
	if err != nil {
		return err
	}
	p := v.P
	body := []templ.Component{heading(p.T("desk.duties.title"))}
	var cards []templ.Component
	for _, r := range reports {
		names, err := d.affectedNames(v, r, owed[r.Ref.ID])
		if err != nil {
			return err
		}
		for _, o := range owed[r.Ref.ID] {
			for _, x := range o.Owed {
				if x.Team && x.State != law.NotOwed {
					cards = append(cards, d.dutyCard(v, r, o, x, names[o.Organisation]))
				}
			}
		}
	}
	if len(cards) == 0 {
		cards = []templ.Component{page.Empty(page.EmptyView{Icon: "building-2", Title: p.T("desk.duties.none"), Note: p.T("desk.duties.none.note")})}
	}
	body = append(body, cards...)
	parties, err := d.liaisonParties(v, f.Href, rows)
	if err != nil {
		return err
	}
	return v.Show(IncidentTab(TabView{IncidentFrame: f, Body: several(append(body, parties...))}))
}

// dutyCard is one duty to tell somebody: what the law says and where, until when, and what can be done.
func (d *Desk) dutyCard(v *page.Visit, r intake.Report, o intake.Obligation, x law.Owed, affected string) templ.Component {
	p, at := v.P, "/desk/reports/"+r.UID+"/obligations/"+o.UID
	rule, _ := o.Set.Recipient(x.Code)
	c := dutyView{
		title: p.T("desk.duties.tell", "to", d.stageOf(p, o.Set.Code, x.Key())), affected: affected, says: say(p, rule.Says), cite: strings.TrimSpace(o.Set.Cites(x.Article)),
		source: rule.Source, sure: page.ChipView{Text: p.T("desk.rules.confirmed"), Kind: "ok", Icon: "check"}, more: page.ButtonView{Text: p.T("desk.duties.more"), Kind: "ghost", Href: at},
	}
	if !rule.Sure {
		c.sure = page.ChipView{Text: p.T("desk.rules.unconfirmed"), Kind: "warn", Icon: "triangle-alert"}
	}
	c.state, c.clock = dutyState(v, x)
	if x.State == law.Running {
		if v.By.Can(access.SendOutside) && v.By.Can(access.Triage) && !r.Destroyed {
			c.send = page.ButtonView{Text: p.T("desk.forward.do"), Icon: "send", Href: at + "/forward?" + url.Values{"recipient": {x.Key()}}.Encode()}
		}
		if rule.Each && x.Of == "" {
			c.note = p.T("desk.duties.name_states")
		}
	}
	return dutyCard(p, c)
}

func dutyState(v *page.Visit, x law.Owed) (page.ChipView, *page.ClockView) {
	p := v.P
	switch {
	case x.State == law.Met && x.Late(v.Now):
		return page.ChipView{Text: p.T("desk.duties.told_late", "when", p.DateTime(x.MetAt)), Kind: "warn"}, nil
	case x.State == law.Met:
		return page.ChipView{Text: p.T("desk.duties.told", "when", p.DateTime(x.MetAt)), Kind: "ok", Icon: "check"}, nil
	case x.State == law.Running && v.Now.After(x.Limit):
		return page.ChipView{Text: p.T("desk.stages.overdue"), Kind: "crit", Icon: "triangle-alert"}, &page.ClockView{Start: x.Start, Due: x.Due, Now: v.Now}
	case x.State == law.Running:
		return page.ChipView{Text: p.T("desk.duties.open"), Kind: "warn"}, &page.ClockView{Start: x.Start, Due: x.Due, Now: v.Now}
	case x.State == law.Waived:
		return page.ChipView{Text: p.T("desk.duties.let_go")}, nil
	}
	return page.ChipView{Text: p.T("desk.stages.concluded")}, nil
}

// liaisonParties lists the parties that are no members of the constituency alone.
func (d *Desk) liaisonParties(v *page.Visit, at string, rows []coordination.Row) ([]templ.Component, error) {
	p := v.P
	var orgs []int64
	for _, r := range rows {
		orgs = append(orgs, r.Party.Organisation)
	}
	known, err := d.Constituency.Liaisons(v.Ctx(), d.DB, orgs...)
	if err != nil {
		return nil, err
	}
	t := page.TableView{Caption: p.T("desk.duties.parties"), Columns: []page.Column{
		{Text: p.T("desk.col.organisation")}, {Text: p.T("desk.parties.role")}, {Text: p.T("desk.liaison.basis")}, {Text: p.T("desk.duties.written")},
	}}
	for _, r := range rows {
		l := known[r.Party.Organisation]
		if !r.Party.WithdrawnAt.IsZero() || l.Kind == "" && r.Party.Role != coordination.Authority && r.Party.Role != coordination.Peer && r.Party.Role != coordination.Vendor && r.Party.Role != coordination.Provider {
			continue
		}
		basis, told := page.Text(l.Basis), page.Text(p.T("desk.duties.not_written"))
		if l.Basis == "" {
			basis = page.Chip(page.ChipView{Text: p.T("desk.liaison.no_basis"), Kind: "warn"})
		}
		if !r.ToldAt.IsZero() {
			told = page.At(p, r.ToldAt, v.Now)
		}
		t.Rows = append(t.Rows, []templ.Component{link("/desk/parties/"+r.Party.UID, r.Party.Name, liaisonName(p, l.Kind)), page.Text(roleName(p, r.Party.Role)), basis, told})
	}
	out := []templ.Component{heading(p.T("desk.duties.parties"))}
	if len(t.Rows) > 0 {
		out = append(out, page.Table(t))
	} else {
		out = append(out, paragraph(p.T("desk.duties.parties.none")))
	}
	if v.By.Can(access.WorkCases) {
		out = append(out, paragraphWith(page.Button(page.ButtonView{Text: p.T("desk.duties.add"), Icon: "plus", Href: at + "/parties/add?" + url.Values{"kind": {string(constituency.CrisisCentre)}}.Encode()})))
	}
	return out, nil
}

func (d *Desk) nameStates(v *page.Visit) error {
	return d.lawAct(v, "states", func(uid string, get func(string) string, _ func(string) (time.Time, error)) error {
		if !v.R.PostForm.Has("states") {
			return errFormNotRead
		}
		_, err := d.Intake.NameStates(v.Ctx(), v.By, uid, strings.FieldsFunc(get("states"), func(r rune) bool { return r == ' ' || r == ',' || r == ';' }), get("reason"))
		return err
	})
}

// usualFor gives whom a recipient is by name: who received it before, or the national CSIRT of the state in the register.
func (d *Desk) usualFor(v *page.Visit, o intake.Obligation, key string) (string, error) {
	name, err := d.Intake.Usual(v.Ctx(), d.DB, v.By, o.Set.Code, key)
	x, _ := o.Find(key)
	if name != "" || err != nil || x.Of == "" || !v.By.Can(access.ReadRegistry) {
		return name, err
	}
	list, err := d.Constituency.ListLiaisons(v.Ctx(), d.DB, v.By, constituency.CSIRT, x.Of)
	if err != nil || len(list) == 0 {
		return "", err
	}
	return list[0].Name, nil
}
