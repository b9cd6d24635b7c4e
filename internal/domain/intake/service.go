package intake

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
)

// Service owns reports.
type Service struct {
	DB             *db.DB
	Clock          clock.Clock
	Ring           *keyring.Ring
	Audit          *audit.Log
	Jobs           *job.Queue
	Constituency   *constituency.Service
	Correspondence *correspondence.Service
	Deadlines      *deadline.Service
}

// Receive takes a report: anybody may. It is on disk when Receive returns; the receipt is queued with it when the sender is proved.
func (s *Service) Receive(ctx context.Context, by access.Actor, in ReceiveInput) (Received, error) {
	panic("not built yet")
}

// ReceiveTx is Receive inside a transaction, with files stored before; the mailroom calls it with SortedTx.
func (s *Service) ReceiveTx(ctx context.Context, tx *db.Tx, by access.Actor, in ReceiveInput, files []correspondence.File) (Received, error) {
	panic("not built yet")
}

// ---- the write-only road of the public pages ----

// Drop is a report sealed for the house by a process that cannot read cases: it holds only the public half of the drop key.
type Drop struct {
	Input     ReceiveInput
	CodeHash  []byte
	Reference string
}

// DropKey gives the public key (HPKE, DHKEM X25519 with HKDF-SHA-256 and AES-256-GCM) under which public pages seal what they take.
func (s *Service) DropKey(ctx context.Context) ([]byte, error) { panic("not built yet") }

// ---- triage ----

// QueueFilter narrows the queue.
type QueueFilter struct {
	Mine  bool // unassigned or mine
	Text  string
	State State // "" means what waits: new, and answers that came back
	Limit int
	After string
}

// Line is one line of the queue.
type Line struct {
	Report
	Group       string // "clock", "new", "answer"
	DueAt       time.Time
	StartedAt   time.Time // of the clock
	OrgName     string
	SameCount   int
	HandlerName string
}

// Queue lists what waits for triage, by group, then by deadline, then oldest first.
func (s *Service) Queue(ctx context.Context, by access.Actor, f QueueFilter) (constituency.Page[Line], error) {
	panic("not built yet")
}

// Get gives one report by uid or reference.
func (s *Service) Get(ctx context.Context, h db.Handle, by access.Actor, name string) (Report, error) {
	panic("not built yet")
}

// List lists reports of the actor, newest first (staff: all; constituents: their organisation's).
func (s *Service) List(ctx context.Context, by access.Actor, f QueueFilter) (constituency.Page[Report], error) {
	panic("not built yet")
}

// Similar gives reports and linked incidents that look alike, computed inside the reader's scope.
func (s *Service) Similar(ctx context.Context, by access.Actor, r Report) ([]Similar, error) {
	panic("not built yet")
}

// AttachTx links a report to an incident in the caller's transaction: New or Answered becomes Linked.
func (s *Service) AttachTx(ctx context.Context, tx *db.Tx, by access.Actor, report string, incident ref.Ref) (Report, error) {
	panic("not built yet")
}

// DetachTx undoes AttachTx; without another link the report is New again.
func (s *Service) DetachTx(ctx context.Context, tx *db.Tx, by access.Actor, report string, incident ref.Ref) (Report, error) {
	panic("not built yet")
}

// Reject sets a report aside with a reason: spam, out_of_scope, duplicate, no_incident, test, other.
func (s *Service) Reject(ctx context.Context, by access.Actor, report, reason, note string, version int64) (Report, error) {
	panic("not built yet")
}

// PassOn records that another team or authority takes it.
func (s *Service) PassOn(ctx context.Context, by access.Actor, report, to, note string, version int64) (Report, error) {
	panic("not built yet")
}

// Restore takes a rejected, answered or passed on report back to new.
func (s *Service) Restore(ctx context.Context, by access.Actor, report string) (Report, error) {
	panic("not built yet")
}

// Reply answers the reporter and moves New to Answered; it meets our answer clock.
func (s *Service) Reply(ctx context.Context, by access.Actor, report string, out correspondence.Outgoing) (correspondence.Message, error) {
	panic("not built yet")
}

// Assign gives a report to an account (0 to nobody).
func (s *Service) Assign(ctx context.Context, by access.Actor, report string, to int64) (Report, error) {
	panic("not built yet")
}

// SendReceipt sends a held receipt.
func (s *Service) SendReceipt(ctx context.Context, by access.Actor, report string) error {
	panic("not built yet")
}

// ReportsOf gives the reports linked to an incident that the caller has checked.
func (s *Service) ReportsOf(ctx context.Context, h db.Handle, incident int64) ([]Report, error) {
	panic("not built yet")
}

// AddTx files something more from the reporter on its thread (mail answer, link, portal, API) and brings the report back to the queue.
func (s *Service) AddTx(ctx context.Context, tx *db.Tx, by access.Actor, report int64, in correspondence.Incoming) (correspondence.Message, error) {
	panic("not built yet")
}

// ---- the status link ----

// ByCode gives the actor that a status code makes: it sees the compartment of that one report.
func (s *Service) ByCode(ctx context.Context, code id.Secret) (access.Actor, Report, error) {
	panic("not built yet")
}

// Status gives what the status link shows.
func (s *Service) Status(ctx context.Context, code id.Secret) (StatusView, error) {
	panic("not built yet")
}

// AddByLink takes text and files from the status page.
func (s *Service) AddByLink(ctx context.Context, code id.Secret, text string, files []correspondence.FileIn) (correspondence.Message, error) {
	panic("not built yet")
}

// ConcludeTx notes that an incident was closed (or reopened), so that the reporters of its reports read "concluded" and their links end in
// time.
func (s *Service) ConcludeTx(ctx context.Context, tx *db.Tx, by access.Actor, incident ref.Ref, closed bool) error {
	panic("not built yet")
}
