// Package casefile is a whole incident as a file that leaves the house: JSON for other programs (docs/handbook/export.md), and a report that
// prints on A4 with the marking at the head and foot of every page. It decides nothing: what a reader may take is in incident.Case already.
//
//	casefile.go   the JSON form
//	parts.go      its parts
//	sheet.templ   the printed form
package casefile

import (
	"encoding/json"
	"io"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
)

// Schema names the form. Fields are added, never renamed or given another meaning; a change of meaning is a new number.
const Schema = "tocsin incident/1"

// File is an incident as JSON.
type File struct {
	Schema     string      `json:"schema"`
	ExportedAt time.Time   `json:"exported_at"`
	ExportedBy string      `json:"exported_by"`
	Team       string      `json:"team"`
	TLP        string      `json:"tlp"` // of the file: the strictest of all that is in it
	Incident   Incident    `json:"incident"`
	Timeline   []Entry     `json:"timeline"`
	Tasks      []Task      `json:"tasks"`
	Deadlines  []Clock     `json:"deadlines"`
	Reports    []Report    `json:"reports"`
	Parties    []Party     `json:"parties"`
	Targets    []Target    `json:"targets"`
	Calls      []Call      `json:"calls"`
	Situations []Situation `json:"situations"`
	Record     []Act       `json:"record"`
}

// Incident is the case itself.
type Incident struct {
	Ref       string     `json:"ref"`
	ID        string     `json:"id"`
	Title     string     `json:"title"`
	Summary   string     `json:"summary"`
	State     string     `json:"state"`
	Type      string     `json:"type"`
	Severity  string     `json:"severity"`
	Reasons   []string   `json:"severity_reasons"`
	TLP       string     `json:"tlp"`
	PAP       string     `json:"pap,omitempty"`
	National  bool       `json:"national"`
	Exercise  bool       `json:"exercise"`
	OpenedAt  time.Time  `json:"opened_at"`
	StartedAt *time.Time `json:"started_at,omitempty"`
	ClosedAt  *time.Time `json:"closed_at,omitempty"`
	UpdatedAt time.Time  `json:"updated_at"`
	Closing   *Closing   `json:"closing,omitempty"`
}

// Closing is what was said at the end.
type Closing struct {
	Outcome     string `json:"outcome"`
	RootCause   string `json:"root_cause"`
	Impact      string `json:"impact"`
	Affected    int    `json:"affected_organisations"`
	CrossBorder string `json:"cross_border"`
	Report      string `json:"report"`
	Note        string `json:"note,omitempty"`
}

// Of makes the file of a case.
func Of(c incident.Case, team, by string, at time.Time) File {
	in := c.Incident
	f := File{
		Schema: Schema, ExportedAt: at.UTC(), ExportedBy: by, Team: team, TLP: c.TLP.String(),
		Incident: Incident{
			Ref: in.Number, ID: in.UID, Title: in.Title, Summary: in.Summary, State: string(in.State), Type: in.Type, Severity: in.Severity, Reasons: list(in.Reasons),
			TLP: in.TLP.String(), PAP: in.PAP.String(), National: in.National, Exercise: in.Exercise, OpenedAt: in.OpenedAt.UTC(), StartedAt: when(in.StartedAt),
			ClosedAt: when(in.ClosedAt), UpdatedAt: in.UpdatedAt.UTC(),
		},
		Timeline: []Entry{}, Tasks: []Task{}, Deadlines: []Clock{}, Reports: []Report{}, Parties: []Party{}, Targets: []Target{}, Calls: []Call{}, Situations: []Situation{}, Record: []Act{},
	}
	if in.State == incident.Closed {
		x := in.Closing
		f.Incident.Closing = &Closing{x.Outcome, x.RootCause, x.Impact, x.Affected, x.CrossBorder, x.Report, x.Note}
	}
	for _, e := range c.Entries {
		f.Timeline = append(f.Timeline, Entry{e.UID, string(e.Kind), e.HappenedAt.UTC(), e.LearntAt.UTC(), e.AuthorName, e.Text, e.Withdrawn})
	}
	for _, t := range c.Tasks {
		f.Tasks = append(f.Tasks, Task{t.UID, t.Title, when(t.DueAt), when(t.DoneAt)})
	}
	for _, k := range c.Clocks {
		f.Deadlines = append(f.Deadlines, Clock{k.UID, k.Kind, k.OwedBy, k.Law, k.StartedAt.UTC(), k.DueAt.UTC(), when(k.MetAt), when(k.StoppedAt)})
	}
	told := map[int64]bool{}
	for _, r := range c.Reports {
		f.Reports = append(f.Reports, reportOf(r, c.Messages[r.Thread]))
		told[r.Thread] = true
	}
	for _, p := range c.Parties {
		// A reporter's thread goes on as that of a party: its messages stand once, with the report.
		var messages []correspondence.Message
		if !told[p.Party.Thread] {
			messages = c.Messages[p.Party.Thread]
		}
		f.Parties = append(f.Parties, partyOf(p, messages))
	}
	for _, t := range c.Targets {
		f.Targets = append(f.Targets, targetOf(t))
	}
	for _, x := range c.Calls {
		f.Calls = append(f.Calls, callOf(x))
	}
	for _, x := range c.Situations {
		f.Situations = append(f.Situations, situationOf(x))
	}
	for _, a := range c.Log {
		f.Record = append(f.Record, Act{a.Seq, a.At.UTC(), a.ActorName, a.Verb})
	}
	return f
}

// WriteJSON writes the file.
func (f File) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(f)
}

func when(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// list is never null in JSON.
func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}

func reportOf(r intake.Report, all []correspondence.Message) Report {
	out := Report{
		Reference: r.Reference, ID: r.UID, State: string(r.State), Channel: string(r.Channel), TLP: r.TLP.String(), ReceivedAt: r.ReceivedAt.UTC(),
		OccurredAt: when(r.OccurredAt), DetectedAt: when(r.DetectedAt), Summary: r.Body.Summary, Description: r.Body.Description,
		Reporter:    Person{r.Body.Name, r.Body.Email, r.Body.Phone, r.Body.OrgText},
		Observables: []Observable{}, Destroyed: r.Destroyed, Messages: messagesOf(all),
	}
	for _, o := range r.Body.Observables {
		out.Observables = append(out.Observables, Observable{o.Type, o.Value})
	}
	return out
}
