package country

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
)

// Years that the scaled data reach back.
const span = 3 * 365 * day

// dice gives the chances of the i-th thing of a kind: each thing can be made alone, and the same seed gives the same thing.
func dice(seed uint64, kind, i int) *rand.Rand {
	return rand.New(rand.NewPCG(seed, uint64(kind)<<40|uint64(i)))
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// weighted picks with the weights beside; they need not add up to anything.
func weighted[T any](r *rand.Rand, from []T, weights ...int) T {
	total := 0
	for _, w := range weights {
		total += w
	}
	n := r.IntN(total)
	for i, w := range weights {
		if n -= w; n < 0 {
			return from[i]
		}
	}
	return from[0]
}

// ScaleKey is the key of the i-th scaled organisation.
func ScaleKey(i int) string { return fmt.Sprintf("scale-%06d", i) }

// Organisations gives n invented organisations. Their keys are ScaleKey(0) to ScaleKey(n-1).
func Organisations(n int, seed uint64) iter.Seq[Organisation] {
	return func(yield func(Organisation) bool) {
		for i := range n {
			if !yield(scaledOrganisation(i, seed)) {
				return
			}
		}
	}
}

func scaledOrganisation(i int, seed uint64) Organisation {
	r := dice(seed, 1, i)
	b := pick(r, branches)
	lang := pick(r, []string{"pt", "pt", "pt", "fr", "nl", "de", "en"})
	place := pick(r, places)
	host := fmt.Sprintf("%s-%s-%d.example", b.word, strings.ToLower(fold.Replace(place)), i)
	o := Organisation{
		Key: ScaleKey(i), Name: fmt.Sprintf("%s %s %d", b.names[lang], place, i), Sector: b.sector, Class: b.class, Criticality: r.IntN(4), Size: 10 + r.IntN(400_000),
		Lang: lang, Communities: []string{b.community},
		Assets: []Asset{
			{"domain", host},
			{"prefix", fmt.Sprintf("2001:db8:%x::/48", 0x100+i%0xfe00)},
			{"prefix", fmt.Sprintf("%s.%d/32", pick(r, []string{"192.0.2", "198.51.100", "203.0.113"}), r.IntN(256))},
		},
	}
	for j := range 1 + r.IntN(3) {
		first, last := pick(r, firsts), pick(r, lasts)
		o.Contacts = append(o.Contacts, Contact{
			Name: first + " " + last, Role: []string{"security", "technical", "management"}[j], Lang: lang, OnCall: j == 0 && r.IntN(3) == 0,
			Email: strings.ToLower(fold.Replace(fmt.Sprintf("%s.%s.%d@%s", first, last, j, host))), Phone: fmt.Sprintf("+999 3%02d %03d %03d", i/1_000_000, i/1000%1000, i%1000),
		})
	}
	return o
}

// Reports gives n invented reports, newest first, by reporters of organisations scaled organisations (0 for none). Most were dealt with.
func Reports(n, organisations int, seed uint64) iter.Seq[Report] {
	return func(yield func(Report) bool) {
		for i := range n {
			if !yield(scaledReport(i, n, organisations, seed)) {
				return
			}
		}
	}
}

func scaledReport(i, n, organisations int, seed uint64) Report {
	r := dice(seed, 2, i)
	k := pick(r, kinds)
	s := newScene(r)
	lang := pick(r, []string{"en", "pt", "pt", "fr", "nl", "de"})
	out := Report{
		Key: fmt.Sprintf("report-%06d", i), Received: age(r, i, n), Channel: weighted(r, []string{"mail", "form", "phone", "portal", "api"}, 55, 20, 5, 12, 8), Lang: lang,
		TLP: weighted(r, []tlp.Level{0, tlp.Clear, tlp.Green, tlp.Amber, tlp.AmberStrict, tlp.Red}, 30, 10, 20, 30, 7, 3), Proof: weighted(r, []string{"aligned", "claimed", "signed_by_key", "unknown"}, 55, 20, 15, 10),
		Seal: weighted(r, []string{"none", "signed", "signed_encrypted"}, 80, 12, 8), Type: k.code, Ongoing: pick(r, []string{"yes", "contained", "no", "unknown"}),
		Kind: weighted(r, []string{"mandatory", "voluntary", "near_miss", "threat", "question"}, 25, 55, 6, 8, 6), State: weighted(r, []string{"new", "linked", "answered", "rejected", "passed_on"}, 2, 70, 14, 10, 4),
		Summary: s.fill(k.titles[lang]), Description: s.story(r, lang),
		Observables: []Observable{{"ip", s.address}, {"domain", s.domain}},
		Name:        pick(r, firsts) + " " + pick(r, lasts),
	}
	if out.State == "rejected" {
		out.Reason = pick(r, []string{"spam", "no_incident", "duplicate", "out_of_scope"})
	}
	if organisations > 0 && r.IntN(5) > 0 {
		o := scaledOrganisation(r.IntN(organisations), seed)
		out.Organisation, out.OrgText, out.Name, out.Email = o.Key, o.Name, o.Contacts[0].Name, o.Contacts[0].Email
	} else {
		out.Email = fmt.Sprintf("reporter-%d@correio.example", i)
	}
	return out
}

// Incidents gives n invented incidents, newest first, with parties among organisations scaled organisations. Nine in ten are closed. Where
// there are enough organisations, the first is one with five hundred parties.
func Incidents(n, organisations int, seed uint64) iter.Seq[Incident] {
	return func(yield func(Incident) bool) {
		for i := range n {
			if !yield(scaledIncident(i, n, organisations, seed)) {
				return
			}
		}
	}
}

func scaledIncident(i, n, organisations int, seed uint64) Incident {
	r := dice(seed, 3, i)
	k := pick(r, kinds)
	s := newScene(r)
	opened := age(r, i, n)
	out := Incident{
		Key: fmt.Sprintf("incident-%06d", i), Title: s.fill(k.titles["en"]), Summary: s.story(r, "en"), Type: k.code,
		Severity: weighted(r, []string{"low", "medium", "high", "critical"}, 50, 35, 12, 3), Reasons: []string{pick(r, reasons)},
		TLP: weighted(r, []tlp.Level{tlp.Clear, tlp.Green, tlp.Amber, tlp.AmberStrict, tlp.Red}, 8, 25, 50, 12, 5), PAP: pick(r, tlp.PAPs()), State: "closed",
		Handler: pick(r, []string{"marta", "ana", "joao", "lena"}), Opened: opened, Started: opened + Ago(r.Int64N(int64(5*day))),
	}
	if i*10 < n || i == 0 {
		out.State = pick(r, []string{"open", "analysing", "coordinating", "monitoring"})
	} else {
		out.Closed = Ago(r.Int64N(int64(opened))) + minute
		out.Closing = &Closing{
			Outcome: weighted(r, []string{"resolved", "not_resolved", "handed_over", "no_incident"}, 70, 8, 10, 12), RootCause: pick(r, causes), Impact: pick(r, []string{"none", "minor", "significant", "severe"}),
			Affected: 1 + r.IntN(4), CrossBorder: pick(r, []string{"no", "no", "no", "yes", "unknown"}), Report: s.story(r, "en"), Note: "imported",
		}
	}
	for range 2 + r.IntN(5) {
		at := out.Closed + Ago(r.Int64N(int64(max(opened-out.Closed, minute))))
		out.Entries = append(out.Entries, Entry{Kind: pick(r, []string{"note", "event", "attack_event"}), Happened: at, Learnt: at, By: out.Handler, Text: s.fill(pick(r, entries))})
	}
	for range r.IntN(4) {
		out.Tasks = append(out.Tasks, Task{Title: s.fill(pick(r, tasks)), Due: opened - 2*day, Done: out.Closed, Assignee: out.Handler})
	}
	many := min(1+r.IntN(4), organisations)
	if i == 0 && organisations >= 500 {
		many = 500
	}
	first := 0
	if organisations > 0 {
		first = r.IntN(organisations)
	}
	for j := range many {
		out.Parties = append(out.Parties, scaledParty(r, s, ScaleKey((first+j)%organisations), opened, out.Closed))
	}
	return out
}

func scaledParty(r *rand.Rand, s scene, organisation string, opened, closed Ago) Party {
	p := Party{Organisation: organisation, Role: weighted(r, []string{"affected", "source", "provider", "vendor", "authority"}, 70, 8, 14, 4, 4), Why: s.fill("saw {address}"), Added: opened}
	q := Request{State: "asked", Asked: opened, Due: opened - day, Text: s.fill("Did any of your systems connect to {address} or {domain}?")}
	m := Measure{Recommendation: pick(r, advice), State: "proposed", Given: opened, Due: opened - 3*day}
	if closed > 0 || r.IntN(2) == 0 {
		between := closed + (opened-closed)/2
		q.State, q.At, q.Answer = "accepted", between, s.fill("Nothing found in the logs of {days} days.")
		m.State, m.Steps = "verified", []Step{{At: between, To: "done", Note: s.fill("Done on {host}.")}, {At: between - (between-closed)/2, To: "verified", By: "ana", Note: "Checked from outside."}}
	}
	p.Requests, p.Measures = []Request{q}, []Measure{m}
	return p
}

// age spreads n things evenly over the span, with some noise, newest first.
func age(r *rand.Rand, i, n int) Ago {
	step := int64(span) / int64(max(n, 1))
	return minute + Ago(int64(i)*step+r.Int64N(max(step, 1)))
}

// ReportAt gives the i-th of n reports alone, 0 the newest.
func ReportAt(i, n, organisations int, seed uint64) Report {
	return scaledReport(i, n, organisations, seed)
}

// IncidentAt gives the i-th of n incidents alone, 0 the newest.
func IncidentAt(i, n, organisations int, seed uint64) Incident {
	return scaledIncident(i, n, organisations, seed)
}
