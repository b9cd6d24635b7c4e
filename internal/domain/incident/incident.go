// Package incident is the case that the team works on: classification, severity with its reasons, marking, handler, state, tasks, timeline,
// closure. Reports are linked to it and stay themselves; parties belong to package coordination.
//
// States: open, analysing, coordinating, monitoring (any move among them), then closed, which can be reopened. Tables: incident_….
package incident

import (
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
)

// State is where an incident stands.
type State string

// The states of an incident.
const (
	Open         State = "open"
	Analysing    State = "analysing"
	Coordinating State = "coordinating"
	Monitoring   State = "monitoring"
	Closed       State = "closed"
)

// Incident is a case.
type Incident struct {
	access.Object
	State       State
	Type        string // RSIT code, such as "availability:ddos"
	Severity    string // "low", "medium", "high", "critical"; "" not rated yet
	National    bool
	OpenedAt    time.Time
	ClosedAt    time.Time
	StartedAt   time.Time // when it began, as far as known
	Title       string
	Summary     string
	Reasons     []string // why the severity, as catalogue keys or words
	Closing     Closing
	HandlerName string
}

// Closing is what closing asks for: the statistics fields and the report.
type Closing struct {
	Outcome      string `json:"outcome,omitempty"` // resolved, no_incident, handed_over, not_resolved
	RootCause    string `json:"root_cause,omitempty"`
	Impact       string `json:"impact,omitempty"`
	Affected     int    `json:"affected,omitempty"` // organisations
	CrossBorder  string `json:"cross_border,omitempty"`
	Report       string `json:"report,omitempty"`
	TellReporter bool   `json:"tell_reporter,omitempty"`
	Note         string `json:"note,omitempty"`
}

// EntryKind is the kind of a timeline entry that a person wrote.
type EntryKind string

// The kinds of written entries; mail and changes come from messages and the audit record.
const (
	Note        EntryKind = "note"         // internal, never leaves the team
	AttackEvent EntryKind = "attack_event" // what the attacker did, when
	Event       EntryKind = "event"        // anything else that happened
)

// Entry is something written into the timeline. When it happened stands apart from when we learnt of it.
type Entry struct {
	ID         int64
	UID        string
	Kind       EntryKind
	HappenedAt time.Time
	LearntAt   time.Time
	Author     int64
	AuthorName string
	Text       string
	Withdrawn  bool
	Version    int64
}

// Task is a piece of work inside an incident.
type Task struct {
	ID           int64
	UID          string
	Title        string
	DueAt        time.Time
	DoneAt       time.Time
	Assignee     int64
	AssigneeName string
	Version      int64
}

// NewIncident is the input of Open.
type NewIncident struct {
	Title     string
	Summary   string
	Type      string
	Severity  string
	Reasons   []string
	TLP       tlp.Level
	PAP       tlp.PAP
	Handler   int64
	Exercise  bool
	StartedAt time.Time
	Reports   []string // reports to accept, by uid or reference; none at our own initiative
}

// Filter narrows the list.
type Filter struct {
	Text         string
	State        State // "" means not closed, "all" everything
	Severity     string
	Type         string
	Mine         bool
	UpdatedAfter int64 // audit number
	ChangedSince time.Time
	Limit        int
	After        string
}
