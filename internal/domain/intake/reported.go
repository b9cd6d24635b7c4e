package intake

import (
	"net/netip"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/format/abuse"
	"github.com/tocsin-csirt/tocsin/internal/format/dmarc"
)

// Reported is what machine-readable parts of a mail say (package format/abuse, format/dmarc): the reporter's words, in fields. Nobody has checked
// them, and nothing is done by them alone but this: a routine report is filed aside.
type Reported struct {
	Events  []Event        `json:"events,omitempty"`
	Tables  []Table        `json:"tables,omitempty"`
	Routine *dmarc.Summary `json:"routine,omitempty"` // a DMARC or TLS report
	Count   int            `json:"count,omitempty"`   // of events in the mail: the first are in Events
	Cut     bool           `json:"cut,omitempty"`     // there was more than was read
	Broken  int            `json:"broken,omitempty"`  // reports in the mail that could not be read
}

// Routine is the reason under which a DMARC or TLS report is filed out of the queue: kept, counted, found by its state, and taken back like any other.
const Routine = "routine"

// Limits of what is kept in fields; the mail itself is kept whole.
const (
	maxEvents  = 20
	maxSaid    = 25  // details of one event
	maxSaidLen = 400 // characters of one
)

// Event is one of the things reported.
type Event struct {
	Format   string         `json:"format"`
	Version  string         `json:"version,omitempty"`
	ID       string         `json:"id,omitempty"`
	Category string         `json:"category,omitempty"`
	Type     string         `json:"type,omitempty"`
	Class    string         `json:"class,omitempty"` // an RSIT code, proposed from its words
	Sources  []abuse.Source `json:"sources,omitempty"`
	Targets  []abuse.Source `json:"targets,omitempty"`
	At       time.Time      `json:"at,omitzero"`
	Until    time.Time      `json:"until,omitzero"`
	Count    int            `json:"count,omitempty"`
	Reporter abuse.Party    `json:"reporter,omitzero"`
	Sender   abuse.Party    `json:"sender,omitzero"`
	Details  []abuse.Detail `json:"details,omitempty"`
	Evidence []Piece        `json:"evidence,omitempty"`
	Problems []string       `json:"problems,omitempty"` // what breaks its format
}

// Piece is one piece of evidence in a report.
type Piece struct {
	Type        string `json:"type,omitempty"`
	Description string `json:"description,omitempty"`
	Size        int    `json:"size"`
}

// Table is a list of events as CSV.
type Table struct {
	Name    string    `json:"name"`
	Columns []string  `json:"columns"`
	Rows    int       `json:"rows"`
	Sources int       `json:"sources,omitempty"` // distinct addresses
	From    time.Time `json:"from,omitzero"`
	To      time.Time `json:"to,omitzero"`
	Cut     bool      `json:"cut,omitempty"`
}

// ReportedOf gives what was found in a mail as it is kept; nil for nothing.
func ReportedOf(f abuse.Found, routine *dmarc.Summary) *Reported {
	if len(f.Reports) == 0 && len(f.Tables) == 0 && f.Broken == 0 && routine == nil {
		return nil
	}
	out := &Reported{Routine: routine, Cut: f.Cut, Broken: f.Broken, Count: len(f.Reports)}
	for _, r := range f.Reports[:min(len(f.Reports), maxEvents)] {
		e := Event{
			Format: string(r.Format), Version: r.Version, ID: r.ID, Category: r.Category, Type: r.Type, Class: r.Class, At: r.At, Until: r.Until, Count: r.Count,
			Reporter: r.Reporter, Sender: r.Sender, Sources: r.Sources[:min(len(r.Sources), maxSaid)], Targets: r.Targets[:min(len(r.Targets), maxSaid)],
		}
		for _, d := range r.Details[:min(len(r.Details), maxSaid)] {
			if v := []rune(d.Value); len(v) > maxSaidLen {
				d.Value = string(v[:maxSaidLen]) + "…"
			}
			e.Details = append(e.Details, d)
		}
		for _, p := range r.Evidence {
			e.Evidence = append(e.Evidence, Piece{Type: p.Type, Description: p.Description, Size: len(p.Content)})
		}
		for _, p := range r.Problems {
			e.Problems = append(e.Problems, string(p))
		}
		out.Events = append(out.Events, e)
	}
	for _, t := range f.Tables {
		out.Tables = append(out.Tables, Table{
			Name: t.Name, Columns: t.Columns[:min(len(t.Columns), 60)], Rows: t.Rows, Sources: len(t.Sources), From: t.From, To: t.To, Cut: t.Cut,
		})
	}
	return out
}

// Observables gives the sources as typed values, each once.
func (r *Reported) Observables() []Observable {
	var out []Observable
	add := func(kind, value string) {
		if o := (Observable{kind, value}); value != "" && len(value) <= 4096 && len(out) < 200 && !slices.Contains(out, o) {
			out = append(out, o)
		}
	}
	for _, e := range r.Events {
		for _, s := range e.Sources {
			if s.Addr != (netip.Addr{}) {
				add("address", s.Addr.String())
			}
			add("domain", s.Domain)
			add("url", s.URL)
		}
	}
	return out
}

// Asked gives the values by which to ask who answers for what is reported: addresses first, each once, at most n.
func (r *Reported) Asked(n int) []string {
	var out []string
	for _, kind := range []string{"address", "domain"} {
		for _, o := range r.Observables() {
			if o.Type == kind && len(out) < n {
				out = append(out, o.Value)
			}
		}
	}
	return out
}

// earliest is when the first event happened, of those that can be.
func (r *Reported) earliest(now time.Time) time.Time {
	var at time.Time
	for _, e := range r.Events {
		if t := Believed(e.At, now); !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	return at
}

// Believed is a moment that a stranger names, zero when it cannot be: before 1990 or after now.
func Believed(at, now time.Time) time.Time {
	if at.Year() < 1990 || at.After(now) {
		return time.Time{}
	}
	return at
}
