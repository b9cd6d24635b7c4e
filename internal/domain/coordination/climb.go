package coordination

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// The clocks of a ladder. The first runs until the next rung; the second is ours, until a person confirms one.
const (
	LadderClock  = "ladder"
	ConfirmClock = "ladder_confirm"
)

// confirmWithin is how long a rung waits for a person before ours are told.
const confirmWithin = 24 * time.Hour

// ClimbState is where a party stands on its ladder.
type ClimbState string

// The states of a climb.
const (
	Climbing    ClimbState = "climbing"
	ClimbAsks   ClimbState = "asks" // the next rung waits for a person
	ClimbPaused ClimbState = "paused"
	ClimbEnded  ClimbState = "ended"
)

// Why a climb ended.
const (
	EndedDone   = "done"   // it owes nothing more
	EndedMet    = "met"    // it came as far as all that is left of the ladder asks
	EndedTop    = "top"    // the last rung was taken
	EndedPerson = "person" // somebody stopped it
	EndedClosed = "closed" // the incident was closed
	EndedGone   = "gone"   // the party was withdrawn
)

// Climb is where a party stands on a ladder.
type Climb struct {
	Party     int64
	Subject   int64
	Ladder    Ladder // the version with which it began
	Rung      int    // the next one, from 0
	State     ClimbState
	Why       string // of one that ended
	NextAt    time.Time
	LeftFor   time.Duration // until the next rung, when it was paused
	BeganAt   time.Time
	ChangedAt time.Time

	ladder int64
}

// Next gives the rung that is taken next, false when there is none.
func (c Climb) Next() (Rung, bool) {
	if c.State == ClimbEnded || c.Rung >= len(c.Ladder.Rungs) {
		return Rung{}, false
	}
	return c.Ladder.Rungs[c.Rung], true
}

// StepKind says what was done on a ladder.
type StepKind string

// The kinds of steps.
const (
	StepBegun     StepKind = "begun"
	StepSent      StepKind = "sent"       // a letter was written
	StepMet       StepKind = "met"        // the rung was left out: the party came far enough
	StepNobody    StepKind = "no_contact" // there is no such contact with an address that works
	StepNoRoad    StepKind = "no_road"    // nothing may leave to that contact with this label
	StepAsks      StepKind = "asks"       // it waits for a person
	StepConfirmed StepKind = "confirmed"  // a person wrote to somebody else
	StepSkipped   StepKind = "skipped"
	StepPaused    StepKind = "paused"
	StepResumed   StepKind = "resumed"
	StepReturned  StepKind = "returned" // a letter came back: the next rung is taken at once
	StepEnded     StepKind = "ended"
)

// Step is one thing that was done on the ladder of a party.
type Step struct {
	At      time.Time
	Rung    int
	To      RungTo // of that rung; "" for what concerns none
	What    StepKind
	Contact int64 // to whom a letter went
	Other   int64 // party: who was written to outside
	Message int64
	Account int64  // of the person who did it, 0 for none
	Words   string // its reason; why it ended
}

const climbColumns = `c.party, c.subject, c.ladder, c.rung, c.state, c.why, c.next_at, c.left_for, c.began_at, c.changed_at`

func scanClimb(r *db.Rows) (Climb, error) {
	var c Climb
	var state string
	var rung, left int64
	err := r.Scan(&c.Party, &c.Subject, &c.ladder, &rung, &state, &c.Why, &c.NextAt, &left, &c.BeganAt, &c.ChangedAt)
	c.Rung, c.State, c.LeftFor = int(rung), ClimbState(state), time.Duration(left)*time.Microsecond
	return c, err
}

// withLadders reads the ladders of climbs: one statement, however many.
func (s *Service) withLadders(ctx context.Context, h db.Handle, list []Climb) error {
	byID := map[int64]Ladder{}
	for _, c := range list {
		byID[c.ladder] = Ladder{}
	}
	for some := range slices.Chunk(slices.Sorted(maps.Keys(byID)), 500) {
		q := db.In(new(db.Query).Add(`WHERE id IN `), some)
		ladders, err := s.storedLadders(ctx, h, q.Text(), q.Args()...)
		if err != nil {
			return err
		}
		for _, l := range ladders {
			byID[l.ID] = l
		}
	}
	for i := range list {
		list[i].Ladder = byID[list[i].ladder]
	}
	return nil
}

// Climbs gives where the parties of an incident stand on their ladders, by party. The actor needs access.ReadCases. Refused: NotFound.
func (s *Service) Climbs(ctx context.Context, by access.Actor, subject string) (map[int64]Climb, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return nil, err
	}
	o, err := access.Find(ctx, s.DB, by, ref.Incident, subject)
	if err != nil {
		return nil, err
	}
	return s.climbsOf(ctx, s.DB, o.Ref)
}

func (s *Service) climbsOf(ctx context.Context, h db.Handle, subject ref.Ref) (map[int64]Climb, error) {
	list, err := db.All(ctx, h, scanClimb, `SELECT `+climbColumns+` FROM coordination_climb c WHERE c.subject = $1`, subject.ID)
	if err != nil {
		return nil, err
	}
	if err := s.withLadders(ctx, h, list); err != nil {
		return nil, err
	}
	out := make(map[int64]Climb, len(list))
	for _, c := range list {
		out[c.Party] = c
	}
	return out, nil
}

// climb reads where a party stands; errs.ErrNotFound for one that never began.
func (s *Service) climb(ctx context.Context, h db.Handle, party int64) (Climb, error) {
	c, err := db.One(ctx, h, scanClimb, `SELECT `+climbColumns+` FROM coordination_climb c WHERE c.party = $1`, party)
	if err != nil {
		return c, err
	}
	list := []Climb{c}
	err = s.withLadders(ctx, h, list)
	return list[0], err
}

func (s *Service) saveClimb(ctx context.Context, tx *db.Tx, c *Climb) error {
	c.ChangedAt = s.Clock.Now()
	_, err := tx.Exec(ctx, `INSERT INTO coordination_climb (party, subject, ladder, rung, state, why, next_at, left_for, began_at, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (party) DO UPDATE SET ladder = excluded.ladder, rung = excluded.rung, state = excluded.state, why = excluded.why, next_at = excluded.next_at,
		left_for = excluded.left_for, began_at = excluded.began_at, changed_at = excluded.changed_at`,
		c.Party, c.Subject, c.ladder, c.Rung, string(c.State), c.Why, c.NextAt, c.LeftFor.Microseconds(), c.BeganAt, c.ChangedAt)
	return err
}

type stepBody struct {
	Words string `json:"words,omitempty"`
}

// step notes what was done on the ladder of a party, and records it for the team alone: what we do about its silence is not the party's business.
func (s *Service) step(ctx context.Context, tx *db.Tx, by access.Actor, p Party, c Climb, x Step) error {
	k, err := s.Ring.Get(ctx, tx, p.Ref.ID)
	if err != nil {
		return err
	}
	var stepID int64
	err = tx.QueryRow(ctx, `INSERT INTO coordination_step (party, at, ladder, rung, what, contact, other, message, account) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id`,
		p.Ref.ID, s.Clock.Now(), c.ladder, c.Rung, string(x.What), x.Contact, x.Other, x.Message, by.Account).Scan(&stepID)
	if err != nil {
		return err
	}
	if x.Words != "" {
		sealed, err := seal(k, "step", stepID, stepBody{x.Words})
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE coordination_step SET body = $2 WHERE id = $1`, stepID, sealed); err != nil {
			return err
		}
	}
	changes := []audit.Change{{Field: "party", To: p.Name}, {Field: "step", To: string(x.What)}}
	if r, ok := c.Next(); ok {
		changes = append(changes, audit.Change{Field: "rung", To: string(r.To)})
	}
	return s.Audit.Write(ctx, tx, audit.Entry{At: s.Clock.Now(), By: by, Verb: "coordination.ladder", On: p.Ref, About: p.Subject, Changes: changes, Note: x.Words})
}

// ClimbOf gives where a party stands on its ladder and what was done on it, newest first, at most 200; a zero Climb for one that never began. The actor needs access.ReadCases.
func (s *Service) ClimbOf(ctx context.Context, by access.Actor, party string) (Climb, []Step, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return Climb{}, nil, err
	}
	p, err := s.PartyOf(ctx, s.DB, by, party)
	if err != nil {
		return Climb{}, nil, err
	}
	c, err := s.climb(ctx, s.DB, p.Ref.ID)
	if errs.Is(err, errs.NotFound) {
		return Climb{}, nil, nil
	}
	if err != nil {
		return c, nil, err
	}
	type row struct {
		Step
		id, ladder      int64
		sealed, wrapped []byte
	}
	rows, err := db.All(ctx, s.DB, func(r *db.Rows) (x row, err error) {
		var what string
		var rung int64
		err = r.Scan(&x.id, &x.At, &x.ladder, &rung, &what, &x.Contact, &x.Other, &x.Message, &x.Account, &x.sealed, &x.wrapped)
		x.What, x.Rung = StepKind(what), int(rung)
		return x, err
	}, `SELECT x.id, x.at, x.ladder, x.rung, x.what, x.contact, x.other, x.message, x.account, x.body, k.wrapped FROM coordination_step x
		LEFT JOIN keyring_key k ON k.owner = x.party WHERE x.party = $1 ORDER BY x.id DESC LIMIT 200`, p.Ref.ID)
	if err != nil {
		return c, nil, err
	}
	of := make([]Climb, len(rows)) // a step keeps the version that it was a step of
	for i, x := range rows {
		of[i].ladder = x.ladder
	}
	if err := s.withLadders(ctx, s.DB, of); err != nil {
		return c, nil, err
	}
	out := make([]Step, len(rows))
	for i, x := range rows {
		if rungs := of[i].Ladder.Rungs; x.Rung < len(rungs) {
			x.To = rungs[x.Rung].To
		}
		if len(x.sealed) > 0 {
			var b stepBody
			if err := s.open(p.Ref.ID, x.wrapped, "step", x.id, x.sealed, &b); err != nil {
				return c, nil, err
			}
			x.Words = b.Words
		}
		out[i] = x.Step
	}
	return c, out, nil
}
