package country

import (
	"encoding/json"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/domain/playbook"
	"github.com/tocsin-csirt/tocsin/internal/format/severity"
	"github.com/tocsin-csirt/tocsin/internal/format/taxonomy"
)

// book finds what the country's objects name.
type book struct {
	Country
	organisations map[string]Organisation
	peers         map[string]bool
	staff         map[string]bool
	types         *taxonomy.Taxonomy
	severity      *severity.Scheme
	library       *playbook.Library
}

func open(t *testing.T) book {
	t.Helper()
	b := book{Country: New(), organisations: map[string]Organisation{}, peers: map[string]bool{}, staff: map[string]bool{"": true}}
	for _, o := range b.Organisations {
		b.organisations[o.Key] = o
	}
	for _, p := range b.Peers {
		b.peers[p.Key] = true
	}
	for _, p := range b.People {
		if p.Organisation == "" && p.Role != "reporter" {
			b.staff[p.Key] = true
		}
	}
	var err error
	if b.types, err = taxonomy.New(); err == nil {
		if b.severity, err = severity.New(); err == nil {
			b.library, err = playbook.New()
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func unique(t *testing.T, what string, values []string) {
	t.Helper()
	seen := map[string]bool{}
	for _, v := range values {
		if v == "" || seen[v] {
			t.Errorf("%s %q is empty or there twice", what, v)
		}
		seen[v] = true
	}
}

func TestTheCountryIsWhole(t *testing.T) {
	t.Parallel()
	c := New()
	if len(c.Organisations) != 50 || len(c.Reports) != 30 || len(c.Incidents) != 13 || len(c.Communities) != 8 {
		t.Fatalf("%d organisations, %d reports, %d incidents, %d communities", len(c.Organisations), len(c.Reports), len(c.Incidents), len(c.Communities))
	}
	if diff := cmp.Diff(c, New()); diff != "" {
		t.Errorf("the country is another one each time: %s", diff)
	}
	members, several := map[string]int{}, 0
	for _, o := range c.Organisations {
		for _, m := range o.Communities {
			members[m]++
		}
		if len(o.Communities) > 1 {
			several++
		}
	}
	for _, m := range c.Communities {
		if members[m] == 0 {
			t.Errorf("nobody belongs to %s", m)
		}
	}
	if len(members) != 8 || several < 5 {
		t.Errorf("members of %d communities, %d in several", len(members), several)
	}
	if len(c.Entitlements) != len(c.Communities)*len(c.Services) {
		t.Errorf("the table of entitlements has %d rows", len(c.Entitlements))
	}
	for _, lang := range []string{"en", "pt", "fr", "nl", "de"} {
		if c.Team.FullNames[lang] == "" || c.Team.Authority[lang] == "" {
			t.Errorf("the team has no name in %s", lang)
		}
	}
	var roles []string
	for _, p := range c.People {
		roles = append(roles, p.Role)
		if _, ok := c.Organisation(p.Organisation); p.Organisation != "" && !ok && p.Role != "peer" {
			t.Errorf("%s is of %q, which does not exist", p.Key, p.Organisation)
		}
	}
	for _, r := range access.AllRoles {
		if r != access.Machine && !slices.Contains(roles, string(r)) {
			t.Errorf("nobody is %s", r)
		}
	}
}

func TestOrganisations(t *testing.T) {
	t.Parallel()
	b := open(t)
	var keys, names, mails, phones, assets []string
	var prefixes []netip.Prefix
	langs := map[string]bool{}
	for _, o := range b.Organisations {
		keys, names = append(keys, o.Key), append(names, o.Name)
		langs[o.Lang] = true
		if !slices.Contains([]string{"", "essential", "important"}, o.Class) || o.Criticality < 0 || o.Criticality > 3 || o.Sector == "" {
			t.Errorf("%s: class %q, criticality %d, sector %q", o.Key, o.Class, o.Criticality, o.Sector)
		}
		if _, ok := b.organisations[o.Parent]; o.Parent != "" && !ok {
			t.Errorf("%s stands under %q, which does not exist", o.Key, o.Parent)
		}
		if n := len(o.Contacts); n < 1 || n > 3 {
			t.Errorf("%s has %d contacts", o.Key, n)
		}
		var domains []string
		for _, a := range o.Assets {
			assets = append(assets, a.Value)
			switch a.Kind {
			case "domain":
				domains = append(domains, a.Value)
				if !strings.HasSuffix(a.Value, ".example") {
					t.Errorf("%s has the domain %s", o.Key, a.Value)
				}
			case "prefix":
				p, err := netip.ParsePrefix(a.Value)
				if err != nil || p != p.Masked() || !documented(p.Addr()) {
					t.Errorf("%s has the prefix %s (%v)", o.Key, a.Value, err)
				}
				for _, other := range prefixes {
					if p.Overlaps(other) {
						t.Errorf("%s of %s overlaps %s", p, o.Key, other)
					}
				}
				if p.Overlaps(netip.MustParsePrefix("203.0.113.64/26")) {
					t.Errorf("%s of %s lies where the attackers are", p, o.Key)
				}
				prefixes = append(prefixes, p)
			case "asn":
				if !regexp.MustCompile(`^AS(644(9[6-9])|645(0\d|1[01])|655(3[6-9]|4\d|5[01]))$`).MatchString(a.Value) {
					t.Errorf("%s has the AS number %s", o.Key, a.Value)
				}
			default:
				t.Errorf("%s has an asset of kind %q", o.Key, a.Kind)
			}
		}
		for _, k := range o.Contacts {
			mails, phones = append(mails, k.Email), append(phones, k.Phone)
			if _, host, _ := strings.Cut(k.Email, "@"); !slices.Contains(domains, host) {
				t.Errorf("%s is not at a domain of %s", k.Email, o.Key)
			}
			if !strings.HasPrefix(k.Phone, "+999 ") || !slices.Contains([]string{"security", "duty", "technical", "management"}, k.Role) {
				t.Errorf("%s: %s, %s", k.Email, k.Phone, k.Role)
			}
		}
	}
	unique(t, "key", keys)
	unique(t, "name", names)
	unique(t, "address", mails)
	unique(t, "telephone", phones)
	unique(t, "asset", assets)
	if len(langs) != 5 {
		t.Errorf("organisations speak %v", langs)
	}
}

func documented(a netip.Addr) bool {
	for _, p := range []string{"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"} {
		if netip.MustParsePrefix(p).Contains(a) {
			return true
		}
	}
	return false
}

// TestNothingReal looks through every word for an address, a mailbox or a number that could belong to somebody.
func TestNothingReal(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(New())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range regexp.MustCompile(`\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b`).FindAllString(string(text), -1) {
		if a, err := netip.ParseAddr(s); err != nil || !documented(a) {
			t.Errorf("%s is nobody's documentation", s)
		}
	}
	for _, s := range regexp.MustCompile(`[\w.+-]+@[\w.-]+`).FindAllString(string(text), -1) {
		if !strings.HasSuffix(strings.TrimRight(s, "."), ".example") {
			t.Errorf("%s may be a mailbox", s)
		}
	}
	for _, s := range regexp.MustCompile(`https?://[\w.-]+`).FindAllString(string(text), -1) {
		if !strings.HasSuffix(s, ".example") {
			t.Errorf("%s may be a site", s)
		}
	}
	for _, s := range regexp.MustCompile(`\+\d{3}`).FindAllString(string(text), -1) {
		if s != "+999" {
			t.Errorf("a telephone number begins with %s", s)
		}
	}
}

func TestReports(t *testing.T) {
	t.Parallel()
	b := open(t)
	var keys, ids []string
	states, channels, langs, proofs := map[string]int{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	incidents := map[string]Incident{}
	for _, i := range b.Incidents {
		incidents[i.Key] = i
	}
	last := b.Reports[0].Received
	for _, r := range b.Reports {
		keys = append(keys, r.Key)
		states[r.State]++
		channels[r.Channel], langs[r.Lang], proofs[r.Proof] = true, true, true
		if r.Received > last || r.Received <= 0 {
			t.Errorf("%s is out of order", r.Key)
		}
		last = r.Received
		for _, x := range []Ago{r.Occurred, r.Detected, r.Aware} {
			if x != 0 && x < r.Received {
				t.Errorf("%s was reported before it happened", r.Key)
			}
		}
		if _, ok := intake.Moves[intake.State(r.State)]; !ok {
			t.Errorf("%s is %q", r.Key, r.State)
		}
		if !slices.Contains([]correspondence.Channel{correspondence.ByMail, correspondence.ByForm, correspondence.ByPhone, correspondence.ByPortal, correspondence.ByAPI}, correspondence.Channel(r.Channel)) {
			t.Errorf("%s came by %q", r.Key, r.Channel)
		}
		if !slices.Contains([]string{"unknown", "claimed", "forged", "aligned", "signed_by_key", "signed_in", "by_hand"}, r.Proof) {
			t.Errorf("%s has the proof %q", r.Key, r.Proof)
		}
		if !slices.Contains([]correspondence.Seal{correspondence.Plain, correspondence.Signed, correspondence.Encrypted, correspondence.SignedEncrypted}, correspondence.Seal(r.Seal)) {
			t.Errorf("%s is sealed %q", r.Key, r.Seal)
		}
		if r.Type != "" && !b.types.Known(r.Type) {
			t.Errorf("%s is of type %q", r.Key, r.Type)
		}
		if _, ok := b.organisations[r.Organisation]; r.Organisation != "" && !ok {
			t.Errorf("%s is from %q, which does not exist", r.Key, r.Organisation)
		}
		if !b.staff[r.Handler] || r.Summary == "" || r.Description == "" && (r.Mail == nil || r.Mail.Sealed == "") {
			t.Errorf("%s: handler %q, summary %q", r.Key, r.Handler, r.Summary)
		}
		if (r.Channel == "mail") != (r.Mail != nil) {
			t.Errorf("%s came by %s; mail %v", r.Key, r.Channel, r.Mail)
		}
		if r.Mail != nil {
			ids = append(ids, r.Mail.MessageID)
		}
		if in, ok := incidents[r.Incident]; (r.State == "linked") != ok || ok && !slices.Contains(in.Reports, r.Key) {
			t.Errorf("%s is %s and belongs to %q", r.Key, r.State, r.Incident)
		}
		if (r.State == "rejected" || r.State == "passed_on") != (r.Reason != "") {
			t.Errorf("%s is %s because of %q", r.Key, r.State, r.Reason)
		}
		messages(t, b, r.Key, r.Received, r.Messages)
	}
	unique(t, "report", keys)
	unique(t, "Message-ID", ids)
	if len(states) != 5 || len(channels) != 5 || len(langs) != 5 || len(proofs) < 5 || states["new"] < 14 {
		t.Errorf("states %v, channels %v, languages %v, proofs %v", states, channels, langs, proofs)
	}
}

func messages(t *testing.T, b book, where string, from Ago, all []Message) {
	t.Helper()
	for _, m := range all {
		if m.At > from || m.At <= 0 || m.Text == "" || m.Out == (m.By == "") || !b.staff[m.By] || m.Seen > m.At {
			t.Errorf("%s: message %q at %v by %q", where, m.Text, m.At, m.By)
		}
		from = m.At
	}
}

func TestIncidents(t *testing.T) {
	t.Parallel()
	b := open(t)
	var keys []string
	states, moves, requests, most := map[string]bool{}, map[string]int{}, map[string]int{}, 0
	last := b.Incidents[0].Opened
	for _, i := range b.Incidents {
		keys = append(keys, i.Key)
		states[i.State] = true
		most = max(most, len(i.Parties))
		if i.Opened > last || i.Started != 0 && i.Started < i.Opened {
			t.Errorf("%s is out of order", i.Key)
		}
		last = i.Opened
		if !slices.Contains([]incident.State{incident.Open, incident.Analysing, incident.Coordinating, incident.Monitoring, incident.Closed}, incident.State(i.State)) {
			t.Errorf("%s is %q", i.Key, i.State)
		}
		if !b.types.Known(i.Type) || !i.TLP.Valid() || !i.PAP.Valid() || !b.staff[i.Handler] || i.Handler == "" || i.Title == "" || i.Summary == "" || len(i.Title) > 80 {
			t.Errorf("%s: type %q, %v, %v, handler %q, title %q", i.Key, i.Type, i.TLP, i.PAP, i.Handler, i.Title)
		}
		level, err := severity.Parse(i.Severity)
		if err != nil || level == 0 || len(i.Reasons) == 0 {
			t.Errorf("%s is rated %q (%v) because of %v", i.Key, i.Severity, err, i.Reasons)
		}
		for _, r := range i.Reasons {
			if strings.HasPrefix(r, "severity.") && b.severity.Text(r, "en") == r {
				t.Errorf("%s: reason %s has no words", i.Key, r)
			}
		}
		if i.Answers != nil {
			if p, err := b.severity.Propose(i.Answers); err != nil || p.Level > level {
				t.Errorf("%s: the answers propose %v (%v), it is %v", i.Key, p.Level, err, level)
			}
		}
		if (i.State == "closed") != (i.Closed != 0) || (i.Closed != 0) != (i.Closing != nil) {
			t.Errorf("%s is %s and closed %v ago", i.Key, i.State, i.Closed)
		}
		if c := i.Closing; c != nil && (!slices.Contains(incident.Outcomes, c.Outcome) || !slices.Contains(incident.RootCauses, c.RootCause) || !slices.Contains(incident.Impacts, c.Impact) ||
			!slices.Contains(incident.Borders, c.CrossBorder) || c.Report == "") {
			t.Errorf("%s is closed with %+v", i.Key, *c)
		}
		for n, r := range i.Reports {
			if j := slices.IndexFunc(b.Reports, func(x Report) bool { return x.Key == r }); j < 0 || b.Reports[j].Incident != i.Key || n == 0 && b.Reports[j].Received < i.Opened || b.Reports[j].Received <= i.Closed || b.Reports[j].TLP.Stricter(i.TLP) {
				t.Errorf("%s names the report %s", i.Key, r)
			}
		}
		for _, e := range i.Entries {
			if !slices.Contains([]incident.EntryKind{incident.Note, incident.AttackEvent, incident.Event}, incident.EntryKind(e.Kind)) || e.Happened < e.Learnt || e.Learnt <= 0 || !b.staff[e.By] || e.By == "" || e.Text == "" {
				t.Errorf("%s: entry %q", i.Key, e.Text)
			}
		}
		for _, k := range i.Tasks {
			if k.Title == "" || !b.staff[k.Assignee] || k.Done > i.Opened {
				t.Errorf("%s: task %q", i.Key, k.Title)
			}
		}
		parties(t, b, i, moves, requests)
	}
	unique(t, "incident", keys)
	if len(states) != 5 || most != 9 {
		t.Errorf("states %v, %d parties at most", states, most)
	}
	for _, s := range []coordination.MeasureState{
		coordination.Proposed, coordination.Acknowledged, coordination.Planned, coordination.Done, coordination.Verified, coordination.Declined, coordination.Expired, coordination.Recalled,
	} {
		if moves[string(s)] == 0 {
			t.Errorf("no measure is %s", s)
		}
	}
	for _, s := range []coordination.RequestState{coordination.Draft, coordination.Asked, coordination.Replied, coordination.Accepted, coordination.Withdrawn} {
		if requests[string(s)] == 0 {
			t.Errorf("no request is %s", s)
		}
	}
}

// parties checks who is asked what, and that each measure came to its state by moves that the table allows.
func parties(t *testing.T, b book, i Incident, states, requests map[string]int) {
	t.Helper()
	roles := []coordination.Role{
		coordination.Affected, coordination.Source, coordination.Provider, coordination.Vendor, coordination.Authority, coordination.Peer, coordination.Reporter,
	}
	var who []string
	for _, p := range i.Parties {
		where := i.Key + " " + p.Organisation + p.Peer + p.Name
		who = append(who, p.Organisation+p.Peer+p.Name)
		if _, ok := b.organisations[p.Organisation]; !ok && !b.peers[p.Peer] && p.Email == "" {
			t.Errorf("%s is nobody", where)
		}
		if !slices.Contains(roles, coordination.Role(p.Role)) || p.Why == "" || p.Added > i.Opened || p.Added <= i.Closed {
			t.Errorf("%s: role %q because of %q, added %v ago", where, p.Role, p.Why, p.Added)
		}
		for _, q := range p.Requests {
			requests[q.State]++
			answered := q.State == "answered" || q.State == "accepted"
			if q.Text == "" || answered != (q.Answer != "") || answered && (q.At > q.Asked || q.At <= i.Closed) || q.Asked > p.Added || (q.Asked == 0) != (q.State == "draft") || q.Asked != 0 && q.Due > q.Asked {
				t.Errorf("%s: request %q", where, q.Text)
			}
		}
		for _, m := range p.Measures {
			states[m.State]++
			r, err := b.library.Recommendation(m.Recommendation, "en")
			if err != nil || m.Given > p.Added || m.Due > m.Given {
				t.Errorf("%s: %s given %v ago (%v)", where, m.Recommendation, m.Given, err)
			}
			state, at := coordination.Proposed, m.Given
			for _, s := range m.Steps {
				to := coordination.MeasureState(s.To)
				if !slices.Contains(coordination.MeasureMoves[state], to) || s.At > at || s.At <= 0 || !b.staff[s.By] {
					t.Errorf("%s: %s goes from %s to %s, %v ago", where, r.Code, state, to, s.At)
				}
				ours := to == coordination.Verified || to == coordination.Recalled || to == coordination.Expired || state == coordination.Done
				if ours != (s.By != "") || (to == coordination.Done || to == coordination.Declined) && s.Note == "" || to == coordination.Planned && s.PlannedFor == 0 {
					t.Errorf("%s: %s to %s by %q with %q", where, r.Code, to, s.By, s.Note)
				}
				state, at = to, s.At
			}
			if string(state) != m.State {
				t.Errorf("%s: %s ends %s, it should be %s", where, r.Code, state, m.State)
			}
		}
		messages(t, b, where, p.Added, p.Messages)
	}
	unique(t, "party of "+i.Key, who)
}
