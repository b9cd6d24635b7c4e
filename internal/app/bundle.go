package app

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/duty"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/surface/web/desk"
)

// The most of each sort in a bundle.
const (
	bundleContacts = 5000
	bundleCases    = 500
	bundleClocks   = 500
	bundleAhead    = 14 * 24 * time.Hour
)

// gatherBundle gathers what the team needs when we are down. Of what is TLP:RED or sealed it has the number alone.
func (h *House) gatherBundle(ctx context.Context) (duty.Bundle, error) {
	p := h.Text.For(text.Lang(h.Profile.Lang))
	zone, now, by := h.Config.Location(), h.Clock.Now(), access.System("clocks")
	at := func(t time.Time) string { return t.In(zone).Format("2006-01-02 15:04") }
	b := duty.Bundle{Team: h.Profile.Name, MadeAt: now, Zone: zone.String(), Lang: h.Profile.Lang, Words: bundleWords(p, zone)}
	roster, err := h.Duty.Roster(ctx, h.DB, by)
	if err != nil {
		return b, err
	}
	shifts := roster.Shifts(now, now.Add(bundleAhead))
	var people []int64
	for _, s := range shifts {
		people = append(people, s.Account)
	}
	reached, err := h.Accounts.Reached(ctx, h.DB, nil, people...)
	if err != nil {
		return b, err
	}
	type person struct{ name, email string }
	names := map[int64]person{}
	for _, a := range reached {
		names[a.ID] = person{a.Name, a.Email}
	}
	for _, s := range shifts {
		who := names[s.Account]
		b.Roster = append(b.Roster, duty.BundleShift{From: at(s.From), Till: at(s.Till), Who: who.name, Email: who.email})
	}
	more := func(than bool, title string) {
		if than {
			b.More = append(b.More, title)
		}
	}
	contacts, err := h.Constituency.ByTelephone(ctx, h.DB, bundleContacts+1)
	if err != nil {
		return b, err
	}
	more(len(contacts) > bundleContacts, b.Words["contacts"])
	contacts = contacts[:min(len(contacts), bundleContacts)]
	for _, c := range contacts {
		x := duty.BundleContact{Organisation: c.Organisation, Name: c.Name, Role: desk.RoleName(p, c.Role), Email: c.Email}
		for _, n := range c.Numbers {
			said := n.Number
			if n.Note != "" {
				said += " (" + n.Note + ")"
			}
			if n.Outside {
				said += " · " + p.T("desk.number.outside")
			}
			if n.VerifiedAt.IsZero() {
				said += " · " + p.T("desk.number.unverified")
			}
			x.Numbers = append(x.Numbers, said)
		}
		b.Contacts = append(b.Contacts, x)
	}
	keys, err := TeamKeys(ctx, h.DB)
	if err != nil {
		return b, err
	}
	for _, k := range keys {
		b.Keys = append(b.Keys, duty.BundleKey{Owner: h.Profile.Name, Fingerprint: id.Grouped(k.Fingerprint()), Armored: string(k.Armored())})
	}
	cases, err := h.Incidents.List(ctx, by, incident.Filter{Limit: bundleCases})
	if err != nil {
		return b, err
	}
	more(cases.Next != "", b.Words["cases"])
	for _, in := range cases.Items {
		x := duty.BundleCase{Number: in.Number}
		if !in.Sealed && in.TLP != tlp.Red {
			x.Title, x.State, x.Severity = in.Title, desk.StateName(p, in.State), desk.SeverityName(p, in.Severity)
		}
		b.Cases = append(b.Cases, x)
	}
	sealed, err := h.Incidents.SealedNumbers(ctx, h.DB, bundleCases)
	if err != nil {
		return b, err
	}
	for _, number := range sealed {
		b.Cases = append(b.Cases, duty.BundleCase{Number: number})
	}
	clocks, next, err := h.Deadlines.List(ctx, by, deadline.Filter{Limit: bundleClocks})
	if err != nil {
		return b, err
	}
	more(next != "", b.Words["clocks"])
	clocks, numbers, err := h.numbersOf(ctx, by, clocks)
	for i, c := range clocks {
		due := c.Limit().In(zone).Format("2006-01-02 15:04 MST")
		b.Clocks = append(b.Clocks, duty.BundleClock{Number: numbers[i], What: desk.ClockName(p, h.Intake, c), OwedBy: desk.Owes(p, c), Due: due})
	}
	return b, err
}

// bundleWords are the words of the page, in the team's language.
func bundleWords(p *text.Printer, zone *time.Location) map[string]string {
	return map[string]string{
		"title": p.T("desk.bundle.page.title"), "ask": p.T("desk.bundle.page.ask"), "open": p.T("desk.bundle.page.open"), "wrong": p.T("desk.bundle.page.wrong"),
		"old": p.T("desk.bundle.page.old"), "made": p.T("desk.bundle.page.made", "zone", zone.String()), "roster": p.T("desk.duty.weeks"), "clocks": p.T("desk.bundle.page.clocks"),
		"cases": p.T("desk.bundle.page.cases"), "contacts": p.T("desk.contacts"), "keys": p.T("desk.bundle.page.keys"), "calls": p.T("desk.bundle.page.calls"),
		"calls_lead": p.T("desk.bundle.page.calls.lead"), "keep": p.T("desk.bundle.page.keep"), "save": p.T("desk.bundle.page.save"), "who": p.T("desk.phone.who"),
		"phone": p.T("desk.phone.number"), "organisation": p.T("desk.phone.org"), "summary": p.T("desk.phone.summary"), "said": p.T("desk.phone.said"), "called": p.T("desk.phone.called"),
		"from": p.T("desk.duty.col.from"), "till": p.T("desk.duty.col.till"), "due": p.T("desk.bundle.page.due"), "number": p.T("desk.duty.number"), "what": p.T("desk.duty.what"),
		"owes": p.T("desk.bundle.page.owes"), "state": p.T("desk.duty.state"), "numbers": p.T("desk.bundle.page.numbers"), "none": p.T("desk.duty.events.none"), "only_number": p.T("desk.bundle.page.only_number"), "more": p.T("desk.bundle.page.more"),
	}
}
