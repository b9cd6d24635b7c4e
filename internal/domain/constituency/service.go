package constituency

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/format/teams"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
)

// Service owns the constituency.
type Service struct {
	DB    *db.DB
	Clock clock.Clock
	Ring  *keyring.Ring
	Audit *audit.Log
	Jobs  *job.Queue // of keys that were approved, and looks for proofs; nil when nobody works on them

	Names Names // where records of proofs are looked for; nil looks for nothing
	Files Files // where their files are
	// SendCode mails a code to a role of a domain, and gives the uid of the letter; nil sends none.
	SendCode func(ctx context.Context, tx *db.Tx, l Letter) (string, error)

	// SendAsk writes one letter that asks for the yearly confirmation; false when its address had enough mail. nil asks nobody.
	SendAsk func(ctx context.Context, tx *db.Tx, l AskLetter) (bool, error)

	Registries Registries  // asked whose an address is when a person wants it; nil asks nobody
	Teams      *teams.List // national teams by country, to be shown; nil shows none
	// Silence gives since when organisations have answered nothing that we asked, those alone that are silent; nil asks nobody.
	Silence func(ctx context.Context, h db.Handle, organisations ...int64) (map[int64]time.Time, error)

	memory memory
}

// ApprovedJob tells that a key was approved: what it signed before can be checked now. The mailroom registers its worker.
type ApprovedJob struct {
	Key   string `json:"key"`             // uid
	After int64  `json:"after,omitempty"` // messages up to this one were looked at
}

// Kind names the job.
func (ApprovedJob) Kind() string { return "mailroom.verify" }

// Filter narrows a list of organisations. Text matches name, domain, mail address, network address or AS number.
type Filter struct {
	Text      string
	Community string
	Sector    string
	Limit     int    // 50 when 0, 500 at most
	After     string // cursor of the page before
}

// Page is a page of a list; Next is "" on the last one.
type Page[T any] struct {
	Items []T
	Next  string
}
