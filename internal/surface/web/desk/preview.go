package desk

import (
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// preview fills the pane beside the queue: who sent it and how sure we are, the organisation and what it is entitled to, likely matches.
func (d *Desk) preview(v *page.Visit, view *TriageView, r intake.Report) error {
	if r.State != intake.New || r.Sealed || r.TLP == tlp.Red { // to look at what waits for triage is everybody's work
		if err := d.seen(v, r.Object); err != nil {
			return err
		}
	}
	p := &page.PreviewView{Ref: r.Reference, Title: reportTitle(v.P, r), Open: "/desk/reports/" + r.UID, Words: r.Body.Description}
	if r.State != intake.New {
		p.Kind = page.ChipView{Text: reportState(v.P, r.State), Kind: "outline"}
	} else {
		p.Kind = page.ChipView{Text: channelName(v.P, r.Channel), Kind: "outline"}
	}
	of, err := d.beside(v, r)
	if err != nil {
		return err
	}
	facts, err := d.reportFacts(v, r, of)
	if err != nil {
		return err
	}
	p.Facts = facts
	threads, err := d.Correspondence.Threads(v.Ctx(), d.DB, r.Thread)
	if err != nil {
		return err
	}
	uids := outwardNames(threads)
	messages, err := d.Correspondence.Messages(v.Ctx(), d.DB, v.By, r.Thread)
	if err != nil {
		return err
	}
	if err := d.said(v, p, r); err != nil {
		return err
	}
	if p.Handed, err = d.handedHere(v, r); err != nil {
		return err
	}
	at := "/desk/reports/" + r.UID
	for i, m := range messages {
		p.Warnings = append(p.Warnings, warnings(v.P, m)...)
		p.Facts = append(p.Facts, signatureFacts(v.P, m)...)
		if i > 0 && r.AnswerCame && m.Direction == correspondence.In {
			p.Since = append(p.Since, *messageEntry(v, m, v.P.Brief(m.At, v.Now), uids[m.Thread], at).Message)
			continue
		}
		if m.Direction == correspondence.In && i == 0 {
			p.Mails = withinViews(v, m)
			p.Meanings, p.Translate = meanings(v, m, at)
		}
		p.Files = append(p.Files, fileViews(uids[m.Thread], m)...)
	}
	if r.AnswerCame { // from whom it was passed on to
		_, came, err := d.handed(v, r)
		if err != nil {
			return err
		}
		outward, err := d.threadUIDs(v, threadsOf(came)...)
		if err != nil {
			return err
		}
		for _, m := range came {
			p.Since = append(p.Since, *messageEntry(v, m, v.P.Brief(m.At, v.Now), outward[m.Thread], at).Message)
		}
	}
	if n := len(p.Since); n > maxSince {
		p.Since = p.Since[n-maxSince:]
	}
	for _, o := range r.Body.Observables {
		p.Found = append(p.Found, page.ObservableView{Kind: o.Type, Value: o.Value})
	}
	similar, err := d.Intake.Similar(v.Ctx(), v.By, r)
	if err != nil {
		return err
	}
	var ids []int64
	for _, s := range similar {
		if s.Object.Ref.Kind == ref.Incident {
			ids = append(ids, s.Object.Ref.ID)
		}
	}
	incidents, err := d.Incidents.ByID(v.Ctx(), d.DB, v.By, ids...)
	if err != nil {
		return err
	}
	for _, s := range similar {
		if in, ok := incidents[s.Object.Ref.ID]; ok {
			s.Title = in.Title
		}
		m, target := d.match(v, s)
		p.Similar = append(p.Similar, m)
		if target.Value != "" {
			view.Acts.Targets = append(view.Acts.Targets, target)
		}
	}
	view.Preview = p
	if r.Destroyed { // there is nothing left to act on
		p.Warnings = append(p.Warnings, v.P.T("desk.report.destroyed.note"))
		return nil
	}
	return d.acts(v, view, r, of, threads)
}

// besideReport is what several parts of a report's page say: read once for all of them.
type besideReport struct {
	organisation constituency.Organisation // of the reporter; none without a UID
	entitled     constituency.Entitlement
	writers      []writer
}

func (d *Desk) beside(v *page.Visit, r intake.Report) (of besideReport, err error) {
	if r.Organisation != 0 {
		orgs, err := d.Constituency.ByID(v.Ctx(), d.DB, r.Organisation)
		if err != nil {
			return of, err
		}
		of.organisation = orgs[r.Organisation]
		if of.entitled, err = d.Constituency.Entitlement(v.Ctx(), d.DB, of.organisation.Communities, intake.ServiceOf(r.Body.Kind)); err != nil {
			return of, err
		}
	}
	writers, err := d.writers(v, r.Ref.ID)
	of.writers = writers[r.Ref.ID]
	return of, err
}

func threadsOf(list []correspondence.Message) (out []int64) {
	for _, m := range list {
		out = append(out, m.Thread)
	}
	return out
}

// maxSince is how many of the newest answers stand in the preview; the others are in the incident.
const maxSince = 5

func (d *Desk) match(v *page.Visit, s intake.Similar) (page.MatchView, page.SelectOption) {
	why := v.P.T("desk.similar."+s.Why, "percent", v.P.Percent(s.Score))
	m := page.MatchView{Title: s.Title, Ref: s.Object.Number, Href: "/desk/reports/" + s.Object.UID, Why: page.ChipView{Text: why, Kind: "warn"}}
	if s.Object.Ref.Kind.String() == "incident" {
		m.Href = "/desk/incidents/" + s.Object.Number
		return m, page.SelectOption{Value: s.Object.Number, Text: s.Object.Number + " · " + s.Title}
	}
	return m, page.SelectOption{}
}
