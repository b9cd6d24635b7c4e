package coordination

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
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
	if len(byID) == 0 {
		return nil
	}
	for some := range slices.Chunk(keys(byID), 100) {
		places := make([]string, len(some))
		args := make([]any, len(some))
		for i, n := range some {
			places[i], args[i] = fmt.Sprintf("$%d", i+1), n
		}
		ladders, err := s.storedLadders(ctx, h, `WHERE id IN (`+strings.Join(places, ", ")+`)`, args...)
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

func keys[V any](m map[int64]V) []int64 {
	out := make([]int64, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
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
	began := map[int64]Ladder{}
	of := make([]Climb, 0, len(rows))
	for _, x := range rows {
		if _, ok := began[x.ladder]; !ok {
			began[x.ladder] = Ladder{}
			of = append(of, Climb{ladder: x.ladder})
		}
	}
	if err := s.withLadders(ctx, s.DB, of); err != nil {
		return c, nil, err
	}
	for _, y := range of {
		began[y.ladder] = y.Ladder
	}
	out := make([]Step, len(rows))
	for i, x := range rows {
		if rungs := began[x.ladder].Rungs; x.Rung < len(rungs) {
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

// ClimbAct is what a person does with the ladders of parties.
type ClimbAct string

// What may be done.
const (
	ClimbBegin  ClimbAct = "begin"
	ClimbPause  ClimbAct = "pause"
	ClimbResume ClimbAct = "resume"
	ClimbSkip   ClimbAct = "skip" // the next rung; the one after it has its own time from now
	ClimbStop   ClimbAct = "stop"
)

// ClimbActs lists them.
func ClimbActs() []ClimbAct {
	return []ClimbAct{ClimbBegin, ClimbPause, ClimbResume, ClimbSkip, ClimbStop}
}

// ClimbInput is one act on the ladders of some parties.
type ClimbInput struct {
	Act     ClimbAct
	Parties []string // uids
	Ladder  string   // of ClimbBegin: a code
	Reason  string   // of all but ClimbBegin and ClimbResume
}

// mostClimbs is how many parties one act takes.
const mostClimbs = 5000

func (in ClimbInput) check() error {
	var p errs.Problems
	if !slices.Contains(ClimbActs(), in.Act) {
		p.Add("act", "error.choose")
	}
	switch {
	case len(in.Parties) == 0:
		p.Add("parties", "error.required")
	case len(in.Parties) > mostClimbs:
		p.Add("parties", "error.too_many", "most", mostClimbs)
	}
	switch {
	case utf8.RuneCountInString(in.Reason) > 500:
		p.Add("reason", "error.too_long", "most", 500)
	case !utf8.ValidString(in.Reason) || strings.ContainsRune(in.Reason, 0):
		p.Add("reason", "error.characters")
	case in.Reason == "" && in.Act != ClimbBegin && in.Act != ClimbResume:
		p.Add("reason", "error.required")
	}
	if in.Act == ClimbBegin && in.Ladder == "" {
		p.Add("ladder", "error.required")
	}
	return p.Err()
}

// Climb begins, pauses, resumes, moves on or ends the ladders of parties of an incident, by uid or number, and says for how many: a party that owes
// nothing begins none, and one that stands otherwise is left as it is. Parties are taken some at a time; repeated, it does what is left. The actor needs
// access.WorkCases and access.SendOutside. Refused: Invalid, NotFound for a party that is not one of the incident.
func (s *Service) Climb(ctx context.Context, by access.Actor, subject string, in ClimbInput) (done int, err error) {
	if err := needPrepare(by); err != nil {
		return 0, err
	}
	in.Reason = strings.TrimSpace(in.Reason)
	if err := in.check(); err != nil {
		return 0, err
	}
	o, err := access.Find(ctx, s.DB, by, ref.Incident, subject)
	if err != nil {
		return 0, err
	}
	all, err := s.PartiesOf(ctx, s.DB, by, o.Ref)
	if err != nil {
		return 0, err
	}
	var chosen []Party
	for _, p := range all {
		if slices.Contains(in.Parties, p.UID) {
			chosen = append(chosen, p)
		}
	}
	uids := slices.Clone(in.Parties)
	slices.Sort(uids)
	if len(chosen) < len(slices.Compact(uids)) {
		return 0, errs.ErrNotFound
	}
	slices.SortFunc(chosen, func(a, b Party) int { return int(a.Ref.ID - b.Ref.ID) }) // one order of locks
	for some := range slices.Chunk(chosen, 50) {
		n := 0
		err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			n = 0
			o, err := access.Load(ctx, tx, by, o.Ref)
			if err != nil {
				return err
			}
			var l Ladder
			if in.Act == ClimbBegin {
				if l, err = s.usable(ctx, tx, in.Ladder); err != nil {
					return err
				}
				if s.Rests != nil {
					if rests, err := s.Rests(ctx, tx, o.Ref); err != nil || rests {
						return cmpErr(err, errs.New(errs.Conflict, "the incident is closed"))
					}
				}
			}
			for _, p := range some {
				ok, err := s.climbOne(ctx, tx, by, p.Ref.ID, l, in)
				if err != nil {
					return err
				}
				if ok {
					n++
				}
			}
			return nil
		})
		if err != nil {
			return done, err
		}
		done += n
	}
	return done, nil
}

func cmpErr(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// climbOne does one act with one party, under its lock; false when it changed nothing.
func (s *Service) climbOne(ctx context.Context, tx *db.Tx, by access.Actor, party int64, l Ladder, in ClimbInput) (bool, error) {
	if _, err := access.Locked(ctx, tx, party); err != nil {
		return false, err
	}
	p, err := s.loadParty(ctx, tx, party)
	if err != nil {
		return false, err
	}
	if in.Act == ClimbBegin {
		return s.begin(ctx, tx, by, p, l, time.Time{})
	}
	c, err := s.climb(ctx, tx, party)
	if errs.Is(err, errs.NotFound) || err == nil && c.State == ClimbEnded {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	now := s.Clock.Now()
	switch in.Act {
	case ClimbPause:
		if c.State == ClimbPaused {
			return false, nil
		}
		if err := s.step(ctx, tx, by, p, c, Step{What: StepPaused, Words: in.Reason}); err != nil {
			return false, err
		}
		c.State, c.LeftFor, c.NextAt = ClimbPaused, max(c.NextAt.Sub(now), 0), time.Time{}
		return true, s.rest(ctx, tx, by, p, &c, in.Reason)
	case ClimbResume:
		if c.State != ClimbPaused {
			return false, nil
		}
		if err := s.step(ctx, tx, by, p, c, Step{What: StepResumed, Words: in.Reason}); err != nil {
			return false, err
		}
		return true, s.runUntil(ctx, tx, by, p, &c, now.Add(c.LeftFor))
	case ClimbSkip:
		if err := s.step(ctx, tx, by, p, c, Step{What: StepSkipped, Words: in.Reason}); err != nil {
			return false, err
		}
		c.Rung++
		return true, s.onward(ctx, tx, by, p, &c)
	}
	return true, s.endClimb(ctx, tx, by, p, &c, EndedPerson, in.Reason)
}

// begin puts a party at the foot of a ladder when it owes something; false when it owes nothing or climbs already. Without a time the first rung counts from when
// its answer is due, or from now when that is over. The caller holds its lock.
func (s *Service) begin(ctx context.Context, tx *db.Tx, by access.Actor, p Party, l Ladder, from time.Time) (bool, error) {
	if !p.WithdrawnAt.IsZero() || len(l.Rungs) == 0 {
		return false, nil
	}
	c, err := s.climb(ctx, tx, p.Ref.ID)
	if err == nil && c.State != ClimbEnded {
		return false, nil
	}
	if err != nil && !errs.Is(err, errs.NotFound) {
		return false, err
	}
	now := s.Clock.Now()
	if from.IsZero() {
		o, err := s.standing(ctx, tx, p, now.Add(time.Hour)) // what is held in the outbox is asked too
		if err != nil || o.owed == 0 {
			return false, err
		}
		from = o.due
	}
	c = Climb{Party: p.Ref.ID, Subject: p.Subject.ID, Ladder: l, ladder: l.ID, BeganAt: now}
	if err := s.step(ctx, tx, by, p, c, Step{What: StepBegun}); err != nil {
		return false, err
	}
	return true, s.runUntil(ctx, tx, by, p, &c, s.after(later(from, now), l.Rungs[0]))
}

// after is when a rung is taken that counts from a moment.
func (s *Service) after(from time.Time, r Rung) time.Time {
	wait := time.Duration(r.Hours) * time.Hour
	if r.Working && s.Working != nil {
		return s.Working(from, wait)
	}
	return from.Add(wait)
}

// onward waits for the next rung, or ends where there is none.
func (s *Service) onward(ctx context.Context, tx *db.Tx, by access.Actor, p Party, c *Climb) error {
	if c.Rung >= len(c.Ladder.Rungs) {
		return s.endClimb(ctx, tx, by, p, c, EndedTop, "")
	}
	return s.runUntil(ctx, tx, by, p, c, s.after(s.Clock.Now(), c.Ladder.Rungs[c.Rung]))
}

// runUntil waits for the next rung until a moment.
func (s *Service) runUntil(ctx context.Context, tx *db.Tx, by access.Actor, p Party, c *Climb, at time.Time) error {
	now := s.Clock.Now()
	c.State, c.Why, c.NextAt, c.LeftFor = Climbing, "", later(at, now), 0
	if err := s.rest(ctx, tx, by, p, c, "next"); err != nil {
		return err
	}
	_, err := s.Deadlines.StartTx(ctx, tx, by, deadline.Clock{About: p.Ref, Under: p.Subject, Kind: LadderClock, OwedBy: deadline.Them, StartedAt: now, DueAt: c.NextAt})
	return err
}

// rest stores a climb and stops its clocks.
func (s *Service) rest(ctx context.Context, tx *db.Tx, by access.Actor, p Party, c *Climb, why string) error {
	if err := s.saveClimb(ctx, tx, c); err != nil {
		return err
	}
	for _, kind := range []string{LadderClock, ConfirmClock} {
		if err := s.Deadlines.StopTx(ctx, tx, by, p.Ref, kind, why); err != nil {
			return err
		}
	}
	return access.Touch(ctx, tx, p.Ref.ID, s.Clock.Now())
}

func (s *Service) endClimb(ctx context.Context, tx *db.Tx, by access.Actor, p Party, c *Climb, why, words string) error {
	if err := s.step(ctx, tx, by, p, *c, Step{What: StepEnded, Words: words}); err != nil {
		return err
	}
	c.State, c.Why, c.NextAt, c.LeftFor = ClimbEnded, why, time.Time{}, 0
	return s.rest(ctx, tx, by, p, c, why)
}

// leaveLadder ends the climb of a party, if it has one, for a reason of the program's own.
func (s *Service) leaveLadder(ctx context.Context, tx *db.Tx, by access.Actor, p Party, why string) error {
	c, err := s.climb(ctx, tx, p.Ref.ID)
	if errs.Is(err, errs.NotFound) || err == nil && c.State == ClimbEnded {
		return nil
	}
	if err != nil {
		return err
	}
	return s.endClimb(ctx, tx, by, p, &c, why, "")
}

// leaveAll ends the climbs of a subject that was closed.
func (s *Service) leaveAll(ctx context.Context, tx *db.Tx, subject ref.Ref) error {
	list, err := db.All(ctx, tx, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) },
		`SELECT party FROM coordination_climb WHERE subject = $1 AND state <> $2 ORDER BY party`, subject.ID, string(ClimbEnded))
	if err != nil {
		return err
	}
	for _, n := range list {
		if _, err := access.Locked(ctx, tx, n); err != nil {
			return err
		}
		p, err := s.loadParty(ctx, tx, n)
		if err != nil {
			return err
		}
		if err := s.leaveLadder(ctx, tx, access.System("clocks"), p, EndedClosed); err != nil {
			return err
		}
	}
	return nil
}

// beginWith puts the parties of letters that ask at the foot of the ladder that begins by itself in their subject.
func (s *Service) beginWith(ctx context.Context, tx *db.Tx, by access.Actor, due time.Time, parties []Party) error {
	if len(parties) == 0 {
		return nil
	}
	code, err := s.chosenLadder(ctx, tx, parties[0].Subject)
	if err != nil {
		return err
	}
	l, err := s.ladderAt(ctx, tx, parties[0].Subject, code)
	if err != nil || len(l.Rungs) == 0 {
		return err
	}
	if l, err = s.usable(ctx, tx, l.Code); err != nil {
		return err
	}
	for _, p := range parties {
		if p.Role == Reporter || p.Role == Authority {
			continue
		}
		if _, err := s.begin(ctx, tx, by, p, l, due); err != nil {
			return err
		}
	}
	return nil
}
