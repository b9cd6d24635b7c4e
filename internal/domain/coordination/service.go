package coordination

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
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
)

// Service owns parties, requests and measures.
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

// NewParty is the input of AddTx.
type NewParty struct {
	Organisation int64
	Thread       int64 // a reporter's thread that goes on; 0 opens one
	Compartment  int64 // of a lone reporter; else the organisation's
	Name         string
	Contact      int64
	Role         Role
	Why          string
}

// AddTx adds a party to a subject that the caller has checked for change. The same organisation twice is the party that is there.
func (s *Service) AddTx(ctx context.Context, tx *db.Tx, by access.Actor, subject access.Object, in NewParty) (Party, error) {
	panic("not built yet")
}

// Add adds organisations, by uid, as parties of an incident, by uid or number.
func (s *Service) Add(ctx context.Context, by access.Actor, subject string, organisations []string, role Role, why string) ([]Party, error) {
	panic("not built yet")
}

// Withdraw takes a party out of a subject, with a reason; its thread and record stay.
func (s *Service) Withdraw(ctx context.Context, by access.Actor, party, reason string) error {
	panic("not built yet")
}

// Preview shows exactly what each party will receive and by which road. It changes nothing.
func (s *Service) Preview(ctx context.Context, by access.Actor, subject string, g Give) ([]Preview, error) {
	panic("not built yet")
}

// Send gives measures and asks requests: one thread a party, in its language, held in the outbox. All or none is put in the outbox.
func (s *Service) Send(ctx context.Context, by access.Actor, subject string, g Give) ([]correspondence.Message, error) {
	panic("not built yet")
}

// Write sends a free message to one party.
func (s *Service) Write(ctx context.Context, by access.Actor, party string, out correspondence.Outgoing) (correspondence.Message, error) {
	panic("not built yet")
}

// Matrix gives the parties of a subject that the reader may see, with what became of each.
func (s *Service) Matrix(ctx context.Context, by access.Actor, subject string) ([]Row, error) {
	panic("not built yet")
}

// PartyOf gives one party by uid under the reader's scope.
func (s *Service) PartyOf(ctx context.Context, h db.Handle, by access.Actor, uid string) (Party, error) {
	panic("not built yet")
}

// PartyOfThread gives the party whose thread it is, for the mailroom.
func (s *Service) PartyOfThread(ctx context.Context, h db.Handle, thread int64) (Party, error) {
	panic("not built yet")
}

// RequestFilter narrows requests and measures in the portal.
type RequestFilter struct {
	Open  bool
	Limit int
	After string
}

// Requests lists the requests that the reader may see, by due time: the portal's list.
func (s *Service) Requests(ctx context.Context, by access.Actor, f RequestFilter) (constituency.Page[Request], error) {
	panic("not built yet")
}

// Measures lists the measures that the reader may see.
func (s *Service) Measures(ctx context.Context, by access.Actor, f RequestFilter) (constituency.Page[Measure], error) {
	panic("not built yet")
}

// RequestOf gives one request by uid under the reader's scope, with its answers.
func (s *Service) RequestOf(ctx context.Context, by access.Actor, uid string) (Request, error) {
	panic("not built yet")
}

// MeasureOf gives one measure by uid under the reader's scope.
func (s *Service) MeasureOf(ctx context.Context, by access.Actor, uid string) (Measure, error) {
	panic("not built yet")
}

// Answer answers a request from the portal, by the party or by somebody recording what it said on the phone.
func (s *Service) Answer(ctx context.Context, by access.Actor, request, text string, files []correspondence.FileIn) (Request, error) {
	panic("not built yet")
}

// AnswerTx files a mail answer: on the oldest open request of the party, or on the thread when none is open.
func (s *Service) AnswerTx(ctx context.Context, tx *db.Tx, by access.Actor, party Party, in correspondence.Incoming) (correspondence.Message, error) {
	panic("not built yet")
}

// MoveInput moves a measure.
type MoveInput struct {
	To         MeasureState
	Note       string    // evidence for done, reason for declined and for done→planned
	PlannedFor time.Time // for planned
	Files      []correspondence.FileIn
	Version    int64 // 0 takes the stored one
}

// Move moves a measure. Party moves (acknowledged, planned, done, declined) are for the party and for staff who record what it said; verified
// and done→planned need access.Verify and are never for the party.
func (s *Service) Move(ctx context.Context, by access.Actor, measure string, in MoveInput) (Measure, error) {
	panic("not built yet")
}

// SeenTx records that a party looked at its thread in the portal.
func (s *Service) SeenTx(ctx context.Context, tx *db.Tx, by access.Actor, party int64) error {
	panic("not built yet")
}

// OpenTx counts what a subject still waits for: requests asked and not answered, measures in no end state.
func (s *Service) OpenTx(ctx context.Context, tx *db.Tx, subject ref.Ref) (int, error) {
	panic("not built yet")
}

// Concluding is a closing letter to one correspondent.
type Concluding struct {
	Thread  int64
	TLP     tlp.Level
	Outcome string
}

// ConcludeTx writes to a correspondent that the matter is concluded; the letter is held like every other.
func (s *Service) ConcludeTx(ctx context.Context, tx *db.Tx, by access.Actor, c Concluding) error {
	panic("not built yet")
}
