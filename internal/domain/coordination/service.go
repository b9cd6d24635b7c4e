package coordination

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/search"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
)

// Advice is a recommendation of the library in one language.
type Advice struct {
	Code     string
	Revision int
	Title    string
	Text     string
}

// Library gives recommendations by code in the language asked for, or in English where that is missing; errs.ErrNotFound for an unknown
// code. Package playbook is behind it.
type Library interface {
	Advice(ctx context.Context, h db.Handle, code, lang string) (Advice, error)
}

// Service owns parties, requests and measures.
type Service struct {
	DB             *db.DB
	Clock          clock.Clock
	Ring           *keyring.Ring
	Audit          *audit.Log
	Jobs           *job.Queue
	Search         *search.Index
	Constituency   *constituency.Service
	Correspondence *correspondence.Service
	Deadlines      *deadline.Service
	Library        Library
	Texts          *text.Catalogue
	Country        string // of the team, as a hand-over names it; "" for none
	// Opening gives how a letter to an authority, a team or a supplier begins, in a language. Nil, or false, begins it like a letter to anybody.
	Opening func(kind constituency.LiaisonKind, lang, name string) (subject, words string, ok bool)
	// Rests tells whether the subject of a party is closed. Nil means that none ever is.
	Rests func(ctx context.Context, tx *db.Tx, subject ref.Ref) (bool, error)
	// Who gives a person with the rights it has now, for the job that writes letters in its name.
	Who func(ctx context.Context, h db.Handle, account int64) (access.Actor, error)
	// Task leaves a task for our people with the subject of a party that asks for help, or says that what we wrote about is not its own. Nil leaves none.
	Task func(ctx context.Context, tx *db.Tx, p Party, act LinkAct) error
	// ForHandler leaves a task for our people with the subject of a party: a rung waits for them, or a measure ran out. Nil leaves none.
	ForHandler func(ctx context.Context, tx *db.Tx, p Party, what PartyTask) error
	// NewTask adds a task that one of us set for our people, and gives its uid. Nil: there are no tasks.
	NewTask func(ctx context.Context, tx *db.Tx, by access.Actor, subject ref.Ref, title string, due time.Time) (string, error)
	// Severity gives that of a subject, "" for one that was not rated. Nil: ladders begin by themselves only where a person chose one.
	Severity func(ctx context.Context, h db.Handle, subject ref.Ref) (string, error)
	// Working adds working time to a moment; nil counts every hour.
	Working func(from time.Time, d time.Duration) time.Time
	// Entry reads an entry of the timeline of a subject by uid, as the actor may see it. Nil reads none.
	Entry func(ctx context.Context, h db.Handle, by access.Actor, subject, entry string) (text string, at time.Time, err error)
	// Reported gives the threads of reports that belong to a subject, as far as the actor may see them. Nil gives none.
	Reported func(ctx context.Context, h db.Handle, by access.Actor, subject ref.Ref) ([]int64, error)
	// Tells gives where a subject names things, or where the same is told elsewhere, as far as the actor may read it. Nil gives none.
	Tells func(ctx context.Context, by access.Actor, subject access.Object, elsewhere bool) ([]Naming, error)
	// Late tells our people that a party let its time pass. Nil tells nobody.
	Late func(ctx context.Context, tx *db.Tx, c deadline.Clock) error
}

// PartyTask is what our people are asked to do about a party.
type PartyTask string

// What they are asked.
const (
	TaskConfirm PartyTask = "confirm" // look at a rung that waits
	TaskTop     PartyTask = "top"     // decide what is done after the last rung
	TaskExpired PartyTask = "expired" // a measure ran out, and the party was asked again
	TaskCheck   PartyTask = "check"   // check a verified measure again
)

// act tells whether the actor may answer and move for a party: the party's own people, the holder of its status link, or one of us who
// records what it said.
func act(by access.Actor) error {
	if by.Can(access.WorkCases) || by.Can(access.OwnCases) || (by.Strength == access.Link && len(by.Compartments) > 0) {
		return nil
	}
	return by.Need(access.OwnCases)
}

// ours tells whether the actor acts for the team rather than for the party.
func ours(by access.Actor) bool { return by.Can(access.WorkCases) }
