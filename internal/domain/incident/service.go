package incident

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/alarm"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/search"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/domain/takedown"
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
	Takedown       *takedown.Service // nil: a case has no targets
	Deadlines      *deadline.Service
	Search         *search.Index
	Alarms         *alarm.Service
	Staff          func(ctx context.Context) ([]int64, error) // accounts of who reads cases
	TypeKnown      func(code string) bool                     // is it a type of the taxonomy?
	Zone           *time.Location                             // the team's: it decides the year of a number
	Lang           string                                     // the language in which the team writes, for the word index

	crowd crowd
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
	Consent  string // to relax a marking: who of its source agreed, and how
}
