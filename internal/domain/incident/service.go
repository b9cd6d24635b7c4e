package incident

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
)

// Service owns incidents.
type Service struct {
	DB             *db.DB
	Clock          clock.Clock
	Ring           *keyring.Ring
	Audit          *audit.Log
	Jobs           *job.Queue
	Constituency   *constituency.Service
	Correspondence *correspondence.Service
	Intake         *intake.Service
	Coordination   *coordination.Service
	Deadlines      *deadline.Service
}

// Open opens an incident, accepting the named reports (their reporters become parties and their threads go on), or none.
func (s *Service) Open(ctx context.Context, by access.Actor, in NewIncident) (Incident, error) {
	panic("not built yet")
}

// Attach links further reports to an open incident.
func (s *Service) Attach(ctx context.Context, by access.Actor, incident string, reports []string) (Incident, error) {
	panic("not built yet")
}

// Detach undoes a link; a party that came with it and was not written to is withdrawn.
func (s *Service) Detach(ctx context.Context, by access.Actor, incident, report string) (Incident, error) {
	panic("not built yet")
}

// Get gives one incident by uid or number.
func (s *Service) Get(ctx context.Context, h db.Handle, by access.Actor, name string) (Incident, error) {
	panic("not built yet")
}

// List lists incidents, newest change first.
func (s *Service) List(ctx context.Context, by access.Actor, f Filter) (constituency.Page[Incident], error) {
	panic("not built yet")
}

// Change is a set of edits; nil fields stay. Version is the one that was read; another stored one is access.ErrChanged.
type Change struct {
	Version  int64
	Title    *string
	Summary  *string
	Type     *string
	State    *State // never Closed: Close does that
	Severity *string
	Reasons  *[]string
	TLP      *tlp.Level
	PAP      *tlp.PAP
	Handler  *int64
}

// Edit changes properties; the audit record has each old and new value.
func (s *Service) Edit(ctx context.Context, by access.Actor, incident string, c Change) (Incident, error) {
	panic("not built yet")
}

// AddEntry writes into the timeline.
func (s *Service) AddEntry(ctx context.Context, by access.Actor, incident string, e Entry) (Entry, error) {
	panic("not built yet")
}

// WithdrawEntry hides an entry behind a line that says so; it stays in the record.
func (s *Service) WithdrawEntry(ctx context.Context, by access.Actor, incident, entry, reason string) error {
	panic("not built yet")
}

// Entries gives the written timeline entries of an incident the caller has checked.
func (s *Service) Entries(ctx context.Context, h db.Handle, by access.Actor, incident string) ([]Entry, error) {
	panic("not built yet")
}

// AddTask adds a task.
func (s *Service) AddTask(ctx context.Context, by access.Actor, incident string, t Task) (Task, error) {
	panic("not built yet")
}

// SetTask changes a task; done when done is not zero.
func (s *Service) SetTask(ctx context.Context, by access.Actor, incident, task string, done bool, assignee *int64) (Task, error) {
	panic("not built yet")
}

// Tasks gives the tasks of an incident.
func (s *Service) Tasks(ctx context.Context, h db.Handle, by access.Actor, incident string) ([]Task, error) {
	panic("not built yet")
}

// Close closes an incident: outcome, type, severity and root cause are required, every open request and measure is named in the refusal
// unless it is withdrawn; the reporters are told when asked for.
func (s *Service) Close(ctx context.Context, by access.Actor, incident string, version int64, c Closing) (Incident, error) {
	panic("not built yet")
}

// Reopen opens a closed incident again, with a reason.
func (s *Service) Reopen(ctx context.Context, by access.Actor, incident, reason string) (Incident, error) {
	panic("not built yet")
}

// Undo takes back the last change of a kind that the audit record holds, within 30 minutes, by a compensating entry.
func (s *Service) Undo(ctx context.Context, by access.Actor, incident string, auditEntry int64, now time.Time) error {
	panic("not built yet")
}
