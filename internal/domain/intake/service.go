package intake

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/calendar"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/search"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
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
	Words          *search.Texts
	Calendar       *calendar.Calendar // nil counts hours alone
	Laws           *law.Library       // nil knows no law
	Country        string             // two letters of the team's country: which national act "NIS2" means

	Portal string // address of the portal, without a final slash

	// Who gives an account as it is now, for work that it asked for: its rights are asked again. An account that may not sign in any more is Forbidden.
	Who func(ctx context.Context, h db.Handle, account int64) (access.Actor, error)

	// AttachTo attaches reports to an incident by its number, as package incident does it, which stands above.
	AttachTo func(ctx context.Context, by access.Actor, incident string, reports []string) error

	// DetachFrom takes that back.
	DetachFrom func(ctx context.Context, by access.Actor, incident string, reports []string) error

	// TypeKnown tells whether a classification exists; nil knows all.
	TypeKnown func(code string) bool

	// Registered takes what an entity says of itself so that it stands in the register; also runs in its transaction.
	Registered func(ctx context.Context, in Registered, also func(ctx context.Context, tx *db.Tx) error) error
	// Linked takes what was answered by the link of a letter: a duty that stands beside. Hash names the link; also runs in its transaction.
	Linked func(ctx context.Context, hash, reply []byte, at time.Time, also func(ctx context.Context, tx *db.Tx) error) error
	// Suspicion keeps what was put into the page for suspicious messages: a duty that stands above. Also runs in its transaction. Nil makes reports of it.
	Suspicion func(ctx context.Context, in Suspicious, also func(ctx context.Context, tx *db.Tx) error) error

	// Answer files what a reporter adds to a thread that went on as a party's: coordination, which stands above, is asked first. It tells
	// false for a thread that is no party's. Nil asks nobody.
	Answer func(ctx context.Context, tx *db.Tx, by access.Actor, thread int64, in correspondence.Incoming) (correspondence.Message, bool, error)
}
