package coordination

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// SendingLine is one organisation of a sending: why it is there, who would be written to, and by which road.
type SendingLine struct {
	Organisation constituency.Organisation
	Why          []Why
	Role         Role
	Lines        int  // of evidence
	Out          bool // a person took it out
	Party        bool // it is a party of the incident already
	Contact      string
	Email        string // "" when it reads in the portal alone
	Lang         string
	TLP          tlp.Level
	Road         egress.Decision
	State        int                        // 0 is written to, 1 was taken out, 2 has its letter, 3 was left
	Reason       string                     // why it was left, a catalogue key
	PartyID      int64                      // once it has its letter
	Health       constituency.ContactHealth // of the contact; zero for who reads in the portal alone

	chosen chosen
	party  Party
	thread correspondence.Thread
}

// LineFilter narrows the lines of a sending. Empty fields take all.
type LineFilter struct {
	Text          string // a part of the name
	Sector        string
	Community     string
	Road          string // "encrypted", "signed", "locked", "notice", "direct", "refused"
	Lang          string
	State         string   // "in", "out", "written", "left"
	By            string   // "list", "community", "sector", "organisation", "party"
	Organisations []string // uids
}

func (f LineFilter) empty() bool {
	return f.Text+f.Sector+f.Community+f.Road+f.Lang+f.State+f.By == "" && len(f.Organisations) == 0
}

var lineStates = map[string]int{"in": lineIn, "out": lineOut, "written": lineWritten, "left": lineLeft}

// Takes tells whether a line is within the filter.
func (f LineFilter) Takes(l SendingLine) bool {
	state, named := lineStates[f.State]
	return (f.Text == "" || strings.Contains(plain(l.Organisation.Name), plain(f.Text))) &&
		(f.Sector == "" || l.Organisation.Sector == f.Sector) &&
		(f.Community == "" || slices.Contains(l.Organisation.Communities, f.Community)) &&
		(f.Road == "" || l.Road.Road.String() == f.Road) &&
		(f.Lang == "" || l.Lang == f.Lang) &&
		(f.State == "" || named && l.State == state) &&
		(f.By == "" || slices.ContainsFunc(l.Why, func(w Why) bool { return w.By == f.By })) &&
		(len(f.Organisations) == 0 || slices.Contains(f.Organisations, l.Organisation.UID))
}

// RoadCount is how many letters take a road, for a reason.
type RoadCount struct {
	Road   egress.Road
	Reason string
	Count  int
}

// DryRun says what a sending would do: what is counted is who is written to.
type DryRun struct {
	Readers     int
	Lines       int         // of evidence
	Roads       []RoadCount // best first
	Refused     int
	Langs       map[string]int
	Sectors     map[string]int
	Communities map[string]int
	Widest      tlp.Level // the label that lets a reader pass it on furthest
	Strictest   tlp.Level
	Broken      int // whose address failed: a letter there comes back again
	Doubtful    int
	Second      bool   // a second person is asked
	SecondWhy   string // a catalogue key
}

// Lines gives who was chosen for a sending, by name, and what it would do, in one pass over all. The actor needs access.ReadCases.
func (s *Service) Lines(ctx context.Context, by access.Actor, sending string) (Sending, []SendingLine, DryRun, error) {
	x, o, err := s.SendingOf(ctx, by, sending)
	if err != nil {
		return x, nil, DryRun{}, err
	}
	lines, err := s.linesOf(ctx, s.DB, by, x, o)
	if err != nil {
		return x, nil, DryRun{}, err
	}
	slices.SortStableFunc(lines, func(a, b SendingLine) int {
		return cmp.Or(cmp.Compare(plain(a.Organisation.Name), plain(b.Organisation.Name)), cmp.Compare(a.Organisation.Ref.ID, b.Organisation.Ref.ID))
	})
	d := dryRun(lines)
	if x.State == SendingDraft && d.Readers > 0 {
		d.SecondWhy, err = s.asksSecond(ctx, s.DB, by, d)
		d.Second = d.SecondWhy != ""
	}
	return x, lines, d, err
}

func dryRun(lines []SendingLine) DryRun {
	d := DryRun{Langs: map[string]int{}, Sectors: map[string]int{}, Communities: map[string]int{}}
	roads := map[egress.Decision]int{}
	for _, l := range lines {
		if l.State == lineOut {
			continue
		}
		d.Readers++
		d.Lines += l.Lines
		roads[l.Road]++
		switch l.Health.State {
		case constituency.Broken:
			d.Broken++
		case constituency.Doubtful:
			d.Doubtful++
		}
		if l.Road.Road == egress.Refused {
			d.Refused++
		}
		d.Langs[l.Lang]++
		d.Sectors[l.Organisation.Sector]++
		for _, c := range l.Organisation.Communities {
			d.Communities[c]++
		}
		if d.Widest == 0 || l.TLP < d.Widest {
			d.Widest = l.TLP
		}
		d.Strictest = tlp.Max(d.Strictest, l.TLP)
	}
	for r, n := range roads {
		d.Roads = append(d.Roads, RoadCount{r.Road, r.Reason, n})
	}
	rank := func(r egress.Road) int {
		return slices.Index([]egress.Road{egress.Encrypted, egress.Signed, egress.Locked, egress.Notice, egress.Direct, egress.Refused}, r)
	}
	slices.SortFunc(d.Roads, func(a, b RoadCount) int {
		return cmp.Or(cmp.Compare(rank(a.Road), rank(b.Road)), cmp.Compare(a.Reason, b.Reason))
	})
	return d
}

// linesOf reads lines of a sending, all when none is named, with whom each would be written to now; of what was asked for already, to whom it will be.
func (s *Service) linesOf(ctx context.Context, h db.Handle, by access.Actor, x Sending, o access.Object, only ...int64) ([]SendingLine, error) {
	k, err := s.sendingKey(x)
	if err != nil {
		return nil, err
	}
	list, err := s.chosenOf(ctx, h, k, x)
	if err != nil {
		return nil, err
	}
	if len(only) > 0 {
		list = slices.DeleteFunc(list, func(c chosen) bool { return !slices.Contains(only, c.organisation) })
	}
	ids := make([]int64, len(list))
	for i, c := range list {
		ids[i] = c.organisation
	}
	orgs, err := s.Constituency.Visible(ctx, h, by, ids...)
	if err != nil {
		return nil, err
	}
	parties, err := s.PartiesOf(ctx, h, by, o.Ref)
	if err != nil {
		return nil, err
	}
	is := map[int64]Party{}
	for _, p := range parties {
		is[p.Compartment] = p
	}
	var threadIDs, strangers []int64
	for _, id := range ids {
		if p, ok := is[id]; ok {
			threadIDs = append(threadIDs, p.Thread)
		} else {
			strangers = append(strangers, id)
		}
	}
	threads, err := s.Correspondence.Threads(ctx, h, threadIDs...)
	if err != nil {
		return nil, err
	}
	contacts, err := s.Constituency.WriteToMany(ctx, h, strangers...)
	if err != nil {
		return nil, err
	}
	var out []SendingLine
	var to []correspondence.Thread
	var labels []tlp.Level
	for _, c := range list {
		org, ok := orgs[c.organisation]
		if !ok {
			continue
		}
		l := SendingLine{
			Organisation: org, Why: c.Why, Role: cmp.Or(c.Role, Affected), Lines: c.lines, Out: c.state == lineOut, State: c.state, Reason: c.reason, PartyID: c.party, chosen: c,
		}
		if l.party, l.Party = is[c.organisation]; l.Party {
			l.thread = threads[l.party.Thread]
		} else {
			l.party, l.thread = newcomer(o, org, contacts[c.organisation])
		}
		at := l.thread.Correspondent
		l.Contact, l.Email, l.Lang = at.Name, at.Email, string(s.printer(at.Lang).Lang())
		if l.TLP = x.Give.TLP; l.TLP == 0 {
			l.TLP = tlp.Max(o.TLP, l.thread.TLP)
		}
		out, to, labels = append(out, l), append(to, l.thread), append(labels, l.TLP)
	}
	if err := s.healthOf(ctx, h, out); err != nil {
		return nil, err
	}
	roads, err := s.Correspondence.RoadsTo(ctx, h, to, labels)
	if err != nil {
		return nil, err
	}
	for i := range out {
		out[i].Road = roads[i]
		if f := out[i].chosen.Frozen; f != nil && x.State != SendingDraft {
			out[i].Contact, out[i].Email, out[i].Lang, out[i].Road = f.Name, f.Email, f.Lang, egress.Decision{Road: f.Road}
		}
	}
	return out, nil
}

// healthOf judges the contacts that lines would be written to, in sets.
func (s *Service) healthOf(ctx context.Context, h db.Handle, lines []SendingLine) error {
	var ids []int64
	for _, l := range lines {
		if n := l.thread.Correspondent.Contact; n != 0 {
			ids = append(ids, n)
		}
	}
	contacts, err := s.Constituency.ContactsByID(ctx, h, ids...)
	if err != nil {
		return err
	}
	health, err := s.Constituency.HealthOf(ctx, h, contacts...)
	for i := range lines {
		lines[i].Health = health[lines[i].thread.Correspondent.Contact]
	}
	return err
}

// newcomer is the party that an organisation would be, and the thread that it would have.
func newcomer(o access.Object, org constituency.Organisation, c constituency.Contact) (Party, correspondence.Thread) {
	own := access.Object{Realm: access.Team, Compartment: org.Ref.ID, TLP: o.TLP, Exercise: o.Exercise, Sealed: o.Sealed}
	p := Party{Object: own, Subject: o.Ref, Organisation: org.Ref.ID, Name: org.Name, Role: Affected}
	p.Ref.Kind = ref.Party
	t := correspondence.Thread{Object: own, About: o.Ref, Correspondent: correspondent(org, c)}
	t.Ref.Kind = ref.Thread
	return p, t
}

// Exclude takes the lines that a filter takes out of a sending that is prepared, or puts them back, and says how many. The actor needs access.WorkCases and access.SendOutside.
func (s *Service) Exclude(ctx context.Context, by access.Actor, sending string, version int64, f LineFilter, out bool) (Sending, int, error) {
	if err := needPrepare(by); err != nil {
		return Sending{}, 0, err
	}
	if f.empty() {
		return Sending{}, 0, required("organisations")
	}
	_, lines, _, err := s.Lines(ctx, by, sending)
	if err != nil {
		return Sending{}, 0, err
	}
	from, to, n := lineOut, lineIn, 0
	if out {
		from, to = lineIn, lineOut
	}
	var ids []int64
	for _, l := range lines {
		if l.State == from && f.Takes(l) {
			ids = append(ids, l.Organisation.Ref.ID)
		}
	}
	x, err := s.changeSending(ctx, by, sending, version, []SendingState{SendingDraft}, func(ctx context.Context, tx *db.Tx, x *Sending, _ access.Object) error {
		n = 0
		for some := range slices.Chunk(ids, 500) {
			q := new(db.Query).Add(`UPDATE coordination_sending_party SET state = ? WHERE sending = ? AND state = ? AND organisation IN `, to, x.ID, from)
			done, err := db.In(q, some).Exec(ctx, tx)
			if err != nil {
				return err
			}
			n += int(done)
		}
		x.edit(by)
		return s.sendingEntry(ctx, tx, by, *x, "coordination.sending_choose", "", audit.Change{Field: map[bool]string{true: "out", false: "in"}[out], To: n})
	})
	return x, n, err
}

// Groups gives the values of a count in the order of their size, then their names.
func Groups(counts map[string]int) []string {
	return slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
}

// refusedRoads is what keeps a sending with readers that nothing reaches from being sent.
func refusedRoads(d DryRun) error {
	if d.Refused == 0 {
		return nil
	}
	return &errs.Error{Kind: errs.Conflict, Key: "error.sending.refused", Text: "some of those who were chosen cannot be reached with this label", Fields: []errs.Field{
		{Name: "parties", Key: "error.sending.refused", Args: map[string]any{"count": d.Refused}},
	}}
}

// Progress says how far a sending is: itself, and how many of its letters stand where. The actor needs access.ReadCases.
func (s *Service) Progress(ctx context.Context, by access.Actor, sending string) (Sending, map[correspondence.State]int, error) {
	x, _, err := s.SendingOf(ctx, by, sending)
	if err != nil || x.Written == 0 {
		return x, nil, err
	}
	uids, err := db.All(ctx, s.DB, func(r *db.Rows) (uid string, err error) { return uid, r.Scan(&uid) },
		`SELECT message FROM coordination_sending_party WHERE sending = $1 AND state = $2 ORDER BY organisation`, x.ID, lineWritten)
	if err != nil {
		return x, nil, err
	}
	states, err := s.Correspondence.CountStates(ctx, s.DB, uids)
	return x, states, err
}
