package casefile

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/takedown"
	"github.com/tocsin-csirt/tocsin/internal/kit/fetch"
)

// The printed case names what the JSON codes: no code of ours stands in it, in any language; one of the team's own stands as it is.
func TestThePrintedCaseHasNamesForCodes(t *testing.T) {
	t.Parallel()
	c, err := text.Load()
	if err != nil {
		t.Fatal(err)
	}
	var p Party
	codes := map[string]bool{}
	add := func(s string) string { codes[s] = true; return s }
	p.Role = add(string(coordination.Affected))
	for _, s := range []coordination.RequestState{coordination.Draft, coordination.Asked, coordination.Replied, coordination.Accepted, coordination.Withdrawn} {
		p.Requests = append(p.Requests, Request{State: add(string(s))})
	}
	for s := range coordination.MeasureMoves {
		p.Measures = append(p.Measures, Measure{State: add(string(s)), Reason: "No access to the logs"})
	}
	for _, s := range []correspondence.State{correspondence.Filed, correspondence.Unverified, correspondence.Held, correspondence.Waiting, correspondence.Sending, correspondence.Sent, correspondence.Failed, correspondence.Stopped} {
		p.Messages = append(p.Messages, Message{State: add(string(s)), Direction: add("out"), Channel: add(string(correspondence.ByMail))})
	}
	f := File{
		Incident: Incident{
			Ref: "INC-2026-000001", State: add(string(incident.Analysing)), Severity: add("high"), Type: add("malicious-code:infected-system"),
			Closing: &Closing{Outcome: add(incident.Outcomes[1]), RootCause: add(incident.RootCauses[0]), Impact: "a code of the team"},
		},
		Parties: []Party{p},
	}
	// The targets of a take-down, as the JSON has them: nothing of them is a link, and nothing that a stranger wrote is markup.
	bad, ok := takedown.Read("https://bad.example/?a=<b>")
	if !ok {
		t.Fatal("no target")
	}
	seen := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	x := incident.Target{
		Target: takedown.Target{
			Thing: bad, Kind: takedown.CommandServer, State: takedown.Moved, SeenAt: seen, ToldAt: seen, Words: "Leads to https://worse.example/", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.7")},
			Ended: "A reason to end",
		},
		Asked: []takedown.Proposal{{Name: "<i>Happy Hosting", Role: coordination.ContentNetwork, State: takedown.Confirmed}, {Name: "Told Names", Role: coordination.Registrar, State: takedown.Dismissed, ToldAt: seen}},
	}
	for _, s := range takedown.States() {
		x.History = append(x.History, takedown.Change{State: s, At: seen, Why: "A citizen saw it", Saw: fetch.NoName})
	}
	f.Targets = append(f.Targets, targetOf(x))
	for _, s := range []string{string(x.Kind), string(fetch.NoName), string(coordination.ContentNetwork), string(takedown.Confirmed), string(takedown.Unknown), string(takedown.Back)} {
		add(s)
	}
	for _, k := range []incident.EntryKind{incident.Note, incident.AttackEvent, incident.Event} {
		f.Timeline = append(f.Timeline, Entry{Kind: add(string(k))})
	}
	for _, lang := range text.Langs() {
		var b strings.Builder
		if err := Sheet(c.For(lang).In(time.UTC), f).Render(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		_, page, _ := strings.Cut(b.String(), "<main>")
		words := strings.FieldsFunc(page, func(r rune) bool { return strings.ContainsRune("<>, \n\t", r) })
		for _, w := range words {
			if codes[w] && (lang != "en" || strings.ContainsAny(w, "_:")) {
				t.Errorf("%s: %q is a code", lang, w)
			}
		}
		if !strings.Contains(page, "a code of the team") || !strings.Contains(page, "No access to the logs") || strings.Contains(page, "⟦") {
			t.Errorf("%s: something is missing", lang)
		}
		for _, want := range []string{"hxxps://bad[.]example/?a=&lt;b&gt;", "hxxps://worse.example/", "192[.]0[.]2[.]7", "&lt;i&gt;Happy Hosting", "Told Names", "A citizen saw it", "A reason to end"} {
			if !strings.Contains(page, want) {
				t.Errorf("%s: %s is missing", lang, want)
			}
		}
		if strings.Contains(page, "https://") || strings.Contains(page, "<i>") || strings.Contains(page, "href") {
			t.Errorf("%s: what stands on the network is a link", lang)
		}
	}
}
