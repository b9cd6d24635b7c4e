package correspondence

import (
	"context"
	"io"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/blob"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
)

// Team is how we appear outside.
type Team struct {
	Name    string // "CERT.EX"
	Address string // the intake address, "report@cert.example"; reply addresses are report+TAG@cert.example
	Phone   string
	URL     string // public address of the pages, without a final slash
}

// Service owns threads and messages.
type Service struct {
	DB           *db.DB
	Clock        clock.Clock
	Ring         *keyring.Ring
	Audit        *audit.Log
	Jobs         *job.Queue
	Blobs        blob.Store
	Egress       *egress.Gate
	Constituency *constituency.Service
	Team         Team
	Hold         time.Duration // how long what a person sends is held; 20 s
	// Postman signs, encrypts and sends; only processes with the worker role have one.
	Postman *Postman
}

// ---- arrivals: mail as it came ----

// Arrival is a mail as it came, with its envelope.
type Arrival struct {
	ID         int64
	UID        string
	From       string   // envelope sender, "" for the null return path
	To         []string // envelope recipients
	PeerIP     string
	Helo       string
	TLS        bool
	ReceivedAt time.Time
	Size       int64
	SHA256     []byte
	Raw        []byte // only from Open and in Arrive; empty when it is in a blob
	State      string // "new", "sorted", "aside" (panicked or tried too often: a person decides)
}

// Arrive writes mails to disk in one transaction with one job for all of them, and returns after the commit: only then may the sender hear
// "accepted". Bytes up to 64 KiB go into the database, larger ones to a synced blob before it.
func (s *Service) Arrive(ctx context.Context, mails []Arrival) error { panic("not built yet") }

// SortJob asks the mailroom to file arrivals. The mailroom registers its worker.
type SortJob struct {
	Arrivals []int64 `json:"arrivals"`
}

// Kind names the job.
func (SortJob) Kind() string { return "mailroom.sort" }

// OpenArrival gives an arrival with its raw bytes, for the mailroom.
func (s *Service) OpenArrival(ctx context.Context, h db.Handle, id int64) (Arrival, error) {
	panic("not built yet")
}

// SortedTx marks an arrival as filed under an object (a report or a thread), in the transaction that files it. A second call for the same
// arrival is a Conflict: a job may run twice.
func (s *Service) SortedTx(ctx context.Context, tx *db.Tx, id int64, under ref.Ref) error {
	panic("not built yet")
}

// Original gives the bytes of a message as they arrived; the reader must be allowed to see its thread. Type is message/rfc822 for mail and
// application/json for a form or an API post.
func (s *Service) Original(ctx context.Context, by access.Actor, thread, message string) (r io.ReadCloser, mediaType string, sha256 []byte, err error) {
	panic("not built yet")
}

// ---- threads ----

// NewThread is the input of OpenThreadTx.
type NewThread struct {
	About         ref.Ref
	Compartment   int64 // 0: the thread's own About object
	TLP           tlp.Level
	Exercise      bool
	Prefix        string // "R" for a reporter, "P" for a party
	Reference     string // "" draws one
	Correspondent Correspondent
}

// OpenThreadTx makes a thread with its data key, reference and tag.
func (s *Service) OpenThreadTx(ctx context.Context, tx *db.Tx, by access.Actor, in NewThread) (Thread, error) {
	panic("not built yet")
}

// MoveTx lets a thread go on under another object (its reporter became a party) and in another compartment.
func (s *Service) MoveTx(ctx context.Context, tx *db.Tx, by access.Actor, thread int64, about ref.Ref, compartment int64) error {
	panic("not built yet")
}

// AmendTx changes name, address or language of the correspondent.
func (s *Service) AmendTx(ctx context.Context, tx *db.Tx, by access.Actor, thread int64, c Correspondent) error {
	panic("not built yet")
}

// Threads gives threads by object id, for duties that have checked the object that names them.
func (s *Service) Threads(ctx context.Context, h db.Handle, ids ...int64) (map[int64]Thread, error) {
	panic("not built yet")
}

// Match tells to which thread the recipients of a mail lead by their tag; errs.ErrNotFound when none does. Tags of another spelling than the
// exact one never match.
func (s *Service) Match(ctx context.Context, h db.Handle, recipients []string) (Thread, error) {
	panic("not built yet")
}

// ---- messages in ----

// Incoming is a message from outside.
type Incoming struct {
	Channel   Channel
	Kind      Kind
	State     State // Filed or Unverified
	At        time.Time
	TLP       tlp.Level
	Proof     Proof
	Seal      Seal
	Arrival   int64  // the mail it came as, 0 for none
	Original  []byte // for form, API and phone: the submission as canonical JSON, kept sealed
	MessageID string
	Author    int64 // account for portal and phone notes
	Refers    int64 // the request it answers
	Body      Body
	Files     []FileIn
}

// FileIn is an attachment to store.
type FileIn struct {
	Name, Type string
	Content    io.ReadSeeker
}

// ReceiveTx files a message in a thread. Its files were stored before by StoreFiles, outside the transaction.
func (s *Service) ReceiveTx(ctx context.Context, tx *db.Tx, by access.Actor, thread int64, in Incoming) (Message, error) {
	panic("not built yet")
}

// StoreFiles stores attachments under the data key of a thread (or of another object that owns them) and gives them names of their own.
// What a rolled back transaction leaves is swept later.
func (s *Service) StoreFiles(ctx context.Context, owner int64, files []FileIn) ([]File, error) {
	panic("not built yet")
}

// OpenFile reads an attachment of a message that the reader may see.
func (s *Service) OpenFile(ctx context.Context, by access.Actor, thread, message, file string) (File, io.ReadCloser, error) {
	panic("not built yet")
}

// Messages gives the messages of a thread that the reader may see, oldest first: the team all of them, the correspondent only what was
// filed or sent.
func (s *Service) Messages(ctx context.Context, h db.Handle, by access.Actor, threads ...int64) ([]Message, error) {
	panic("not built yet")
}

// SeenTx records that the correspondent saw what was sent to it (portal or link).
func (s *Service) SeenTx(ctx context.Context, tx *db.Tx, thread int64, at time.Time) error {
	panic("not built yet")
}

// Release lets a correspondent see a message that was filed as unverified.
func (s *Service) Release(ctx context.Context, by access.Actor, message string) error {
	panic("not built yet")
}

// ---- messages out ----

// Outgoing is a message to the correspondent of a thread.
type Outgoing struct {
	Kind    Kind
	TLP     tlp.Level
	Subject string
	Text    string
	Files   []File
	Refers  int64
	// Automatic marks what is built from the catalogue alone: it is not held for the sender's second thoughts, carries Auto-Submitted and
	// obeys the limits of rule M9.
	Automatic bool
	// HoldBack leaves an automatic message in state Waiting for a person (receipt held).
	HoldBack  bool
	Reason    string
	InReplyTo string // Message-ID of what it answers
}

// RoadOf says before sending which road a message with this label would take to the correspondent of a thread.
func (s *Service) RoadOf(ctx context.Context, h db.Handle, t Thread, label tlp.Level) (egress.Decision, error) {
	panic("not built yet")
}

// SendTx puts a message into the outbox: held for s.Hold, then sent by a job. A road that is refused is an error that says why. The actor
// needs access.SendOutside unless the message is automatic.
func (s *Service) SendTx(ctx context.Context, tx *db.Tx, by access.Actor, thread int64, out Outgoing) (Message, error) {
	panic("not built yet")
}

// Stop stops a held message; it stays in the record. Too late is a Conflict.
func (s *Service) Stop(ctx context.Context, by access.Actor, message string) error {
	panic("not built yet")
}

// SendNow sends a held or waiting message at once.
func (s *Service) SendNow(ctx context.Context, by access.Actor, message string) error {
	panic("not built yet")
}

// OutboxFilter narrows the outbox.
type OutboxFilter struct {
	State State
	Limit int
	After string
}

// Outgoings is one line of the outbox.
type Outgoings struct {
	Message
	Thread Thread
	Name   string // who reads it
}

// Outbox lists what leaves, held first, then waiting, failed and the newest sent.
func (s *Service) Outbox(ctx context.Context, by access.Actor, f OutboxFilter) (constituency.Page[Outgoings], error) {
	panic("not built yet")
}
