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
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// A coordination call is the one place where parties meet (decision 0039). Everything written about it is the team's, sealed under the case; what a party gets
// is an invitation of its own, a request on its thread that names nobody else. That parties learn of one another is an explicit act: who invites a second one
// confirms exactly who meets whom.

// CallState is where a call stands.
type CallState string

// The states of a call.
const (
	CallPlanned CallState = "planned"
	CallHeld    CallState = "held"
	CallOff     CallState = "off"
)

// Call is a coordination call of a subject.
type Call struct {
	ID       int64
	UID      string
	Subject  ref.Ref
	State    CallState
	StartsAt time.Time
	Minutes  int // expected length
	TLP      tlp.Level
	Version  int64
	MadeAt   time.Time
	MadeBy   int64
	HeldAt   time.Time // when we noted first that it took place
	FrozenAt time.Time // when its minutes were finished
	OffAt    time.Time
	callBody
	Invited []Invited
	Actions []CallAction
}

type callBody struct {
	Title    string       `json:"title"`
	How      string       `json:"how"` // how one takes part: a number, a link, words
	ByName   string       `json:"by,omitempty"`
	Said     string       `json:"said,omitempty"` // the minutes
	FrozenBy string       `json:"frozen_by,omitempty"`
	People   []Present    `json:"people,omitempty"`
	Added    []Addition   `json:"added,omitempty"`
	Changes  []CallChange `json:"changes,omitempty"`
}

// Present is somebody who came.
type Present struct {
	Party    string `json:"party,omitempty"` // uid; "" for one of us
	Name     string `json:"name"`
	Function string `json:"function,omitempty"`
}

// Addition is what was added to minutes after they were finished.
type Addition struct {
	At   time.Time `json:"at"`
	By   string    `json:"by"`
	Text string    `json:"text"`
}

// CallChange is what a call was before it was moved, or why it was called off.
type CallChange struct {
	At      time.Time `json:"at"`
	By      string    `json:"by"`
	Starts  time.Time `json:"starts,omitzero"` // as it was
	Minutes int       `json:"minutes,omitempty"`
	How     string    `json:"how,omitempty"`
	Why     string    `json:"why,omitempty"`
}

// Invited is a party that was asked to a call.
type Invited struct {
	Party     Party
	InvitedAt time.Time
	Letter    correspondence.State // of the newest letter about it
	SentAt    time.Time
	Request   string // uid of the request by which it says whether it comes
	Coming    string // "yes", "no", "" while it has not said
	Who       string // who comes for it, in its words
	Note      string
	SaidAt    time.Time
	SaidBy    string // name of who wrote it
	Noted     bool   // one of us took it down
	GoneAt    time.Time

	request, message int64
	calendar         string
	letters          int
}

// In tells whether the party is asked to the call as it stands.
func (x Invited) In() bool { return x.GoneAt.IsZero() && x.Party.WithdrawnAt.IsZero() }

// CallAction is what was agreed in a call.
type CallAction struct {
	UID     string
	At      time.Time
	Title   string
	Task    string // uid of a task of ours
	Measure string // uid of a measure of a party
	State   MeasureState
	Party   Party // zero for a task
	measure int64
	party   int64
}

// Live gives the parties that are asked to the call as it stands.
func (c Call) Live() []Invited {
	var out []Invited
	for _, x := range c.Invited {
		if x.In() {
			out = append(out, x)
		}
	}
	return out
}

// Begun tells whether the time of the call has come.
func (c Call) Begun(now time.Time) bool { return !now.Before(c.StartsAt) }

// Ends is when the call is expected to end.
func (c Call) Ends() time.Time { return c.StartsAt.Add(time.Duration(c.Minutes) * time.Minute) }

// NewCall is a call as it is planned.
type NewCall struct {
	Title    string
	How      string
	StartsAt time.Time
	Minutes  int       // 5 to 1440
	TLP      tlp.Level // 0 takes that of the subject; never below it
}

const (
	maxCallTitle = 200
	maxHow       = 1000
	maxMinutes   = 24 * 60
	mostCalls    = 200
	mostPresent  = 200
	mostAdded    = 100
)

func (in NewCall) clean() NewCall {
	in.Title, in.How = strings.TrimSpace(mail.Visible(in.Title)), strings.TrimSpace(mail.FormText(in.How))
	in.StartsAt = in.StartsAt.UTC().Truncate(time.Minute)
	return in
}

func (in NewCall) check(now time.Time) error {
	var p errs.Problems
	words(&p, "title", in.Title, maxCallTitle, true)
	words(&p, "how", in.How, maxHow, true)
	switch {
	case in.StartsAt.IsZero():
		p.Add("starts_at", "error.required")
	case !in.StartsAt.After(now):
		p.Add("starts_at", "error.future")
	}
	if in.Minutes < 5 || in.Minutes > maxMinutes {
		p.Add("minutes", "error.call.minutes")
	}
	if in.TLP != 0 && !in.TLP.Valid() {
		p.Add("tlp", "error.choose")
	}
	return p.Err()
}

// words checks a text that somebody typed.
func words(p *errs.Problems, field, s string, most int, need bool) {
	switch {
	case need && strings.TrimSpace(s) == "":
		p.Add(field, "error.required")
	case utf8.RuneCountInString(s) > most:
		p.Add(field, "error.too_long", "most", most)
	case !utf8.ValidString(s) || strings.ContainsRune(s, 0):
		p.Add(field, "error.characters")
	}
}

// PlanCall plans a call about an incident; nobody hears of it. The same once more, before anybody is asked to it, is the call that stands. The actor needs access.WorkCases. Refused: Invalid with all problems, NotFound, Limit.
func (s *Service) PlanCall(ctx context.Context, by access.Actor, subject string, in NewCall) (Call, error) {
	if err := by.Need(access.WorkCases); err != nil {
		return Call{}, err
	}
	in = in.clean()
	if err := in.check(s.Clock.Now()); err != nil {
		return Call{}, err
	}
	var c Call
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		c = Call{UID: id.New(), State: CallPlanned, StartsAt: in.StartsAt, Minutes: in.Minutes, Version: 1, MadeBy: by.Account, callBody: callBody{Title: in.Title, How: in.How, ByName: by.Name}}
		o, err := access.LoadForChange(ctx, tx, by, ref.Incident, subject)
		if err != nil {
			return err
		}
		var n int
		if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM coordination_call WHERE subject = $1`, o.Ref.ID).Scan(&n); err != nil {
			return err
		}
		if n >= mostCalls {
			return &errs.Error{Kind: errs.Limit, Key: "error.call.many", Text: "an incident has two hundred calls at most"}
		}
		c.Subject, c.MadeAt, c.TLP = o.Ref, s.Clock.Now(), tlp.Max(in.TLP, o.TLP)
		k, err := s.Ring.Get(ctx, tx, o.Ref.ID)
		if err != nil {
			return err
		}
		same, err := readCalls(ctx, tx, &k, `subject = $1 AND state = $2 AND starts_at = $3 AND NOT EXISTS (SELECT 1 FROM coordination_called x WHERE x.call = coordination_call.id)`,
			o.Ref.ID, string(CallPlanned), c.StartsAt)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(same, func(x Call) bool {
			return x.Title == c.Title && x.How == c.How && x.Minutes == c.Minutes && x.TLP == c.TLP
		}); i >= 0 {
			c = same[i] // pressed twice
			return nil
		}
		body, err := sealIn(k, callPlace(c.UID), c.callBody)
		if err != nil {
			return err
		}
		err = tx.QueryRow(ctx, `INSERT INTO coordination_call (uid, subject, subject_kind, state, starts_at, minutes, tlp, made_at, made_by, version, body)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10) RETURNING id`,
			c.UID, o.Ref.ID, int64(o.Ref.Kind), string(c.State), c.StartsAt, c.Minutes, int64(c.TLP), c.MadeAt, c.MadeBy, body).Scan(&c.ID)
		if err != nil {
			return fmt.Errorf("plan call: %w", err)
		}
		return s.called(ctx, tx, by, c, VerbCallPlan, "", audit.Change{Field: "starts_at", To: c.StartsAt}, audit.Change{Field: "tlp", To: c.TLP.String()})
	})
	return c, err
}

// The verbs under which the record has what was done with a call.
const (
	VerbCallPlan   = "coordination.call_plan"
	VerbCallInvite = "coordination.call_invite"
	VerbCallMove   = "coordination.call_move"
	VerbCallOff    = "coordination.call_off"
	VerbCallHeld   = "coordination.call_held"
	VerbCallFreeze = "coordination.call_minutes"
	VerbCallAdd    = "coordination.call_addition"
	VerbCallAction = "coordination.call_action"
	VerbAlone      = "coordination.alone"
)

// called touches the subject and records what was done with a call, for the team alone.
func (s *Service) called(ctx context.Context, tx *db.Tx, by access.Actor, c Call, verb, note string, changes ...audit.Change) error {
	now := s.Clock.Now()
	if err := access.Touch(ctx, tx, c.Subject.ID, now); err != nil {
		return err
	}
	changes = append([]audit.Change{{Field: "call", To: c.Title}}, changes...)
	return s.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: verb, On: c.Subject, Note: note, Changes: changes, Data: map[string]string{"call": c.UID}})
}

func callPlace(uid string) string { return "coordination_call.body:" + uid }

const callColumns = `id, uid, subject, subject_kind, state, starts_at, minutes, tlp, version, made_at, made_by, held_at, frozen_at, off_at, body`

// readCalls reads calls of one subject, whose key it is given; nil where it was destroyed.
func readCalls(ctx context.Context, h db.Handle, k *keyring.Key, which string, args ...any) ([]Call, error) {
	return db.All(ctx, h, func(r *db.Rows) (Call, error) {
		var c Call
		var body []byte
		if err := r.Scan(&c.ID, &c.UID, &c.Subject.ID, &c.Subject.Kind, (*string)(&c.State), &c.StartsAt, &c.Minutes, &c.TLP, &c.Version, &c.MadeAt, &c.MadeBy, &c.HeldAt, &c.FrozenAt, &c.OffAt, &body); err != nil {
			return c, err
		}
		return c, unseal(k, callPlace(c.UID), body, &c.callBody)
	}, `SELECT `+callColumns+` FROM coordination_call WHERE `+which, args...)
}

// callFor reads a call for a change, with its subject locked. Version 0 takes the stored one.
func (s *Service) callFor(ctx context.Context, tx *db.Tx, by access.Actor, uid string, version int64) (Call, access.Object, error) {
	c, o, err := s.callOf(ctx, tx, by, uid)
	if err != nil {
		return c, o, err
	}
	if o, err = access.LoadForChange(ctx, tx, by, ref.Incident, o.UID); err != nil {
		return c, o, err
	}
	if c, _, err = s.callOf(ctx, tx, by, uid); err != nil { // as it is now
		return c, o, err
	}
	if version != 0 && version != c.Version {
		return c, o, access.ErrChanged
	}
	return c, o, nil
}

// saveCall stores a call that was read for a change.
func (s *Service) saveCall(ctx context.Context, tx *db.Tx, c *Call) error {
	k, err := s.Ring.Get(ctx, tx, c.Subject.ID)
	if err != nil {
		return err
	}
	body, err := sealIn(k, callPlace(c.UID), c.callBody)
	if err != nil {
		return err
	}
	c.Version++
	_, err = tx.Exec(ctx, `UPDATE coordination_call SET state = $1, starts_at = $2, minutes = $3, held_at = $4, frozen_at = $5, off_at = $6, version = $7, body = $8 WHERE id = $9`,
		string(c.State), c.StartsAt, c.Minutes, c.HeldAt, c.FrozenAt, c.OffAt, c.Version, body, c.ID)
	return err
}

func errCallOver() error {
	return &errs.Error{Kind: errs.Conflict, Key: "error.call.over", Text: "this call was held or called off: plan another one"}
}

// openCall refuses a call that is not to come.
func (s *Service) openCall(c Call) error {
	if c.State != CallPlanned {
		return errCallOver()
	}
	if c.Begun(s.Clock.Now()) {
		return &errs.Error{Kind: errs.Conflict, Key: "error.call.begun", Text: "this call has begun: move it to another time first"}
	}
	return nil
}

// SetAlone says that a party takes part only in calls of its own, or that it may meet others again, with a reason that stays with us. The actor needs
// access.WorkCases. Refused: Invalid without a reason, NotFound, Conflict for a party that is asked to a call with others, which it names.
func (s *Service) SetAlone(ctx context.Context, by access.Actor, party string, alone bool, reason string) error {
	if err := by.Need(access.WorkCases); err != nil {
		return err
	}
	if reason = strings.TrimSpace(mail.FormText(reason)); reason == "" {
		return required("reason")
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		p, err := s.PartyOf(ctx, tx, by, party)
		if err != nil {
			return err
		}
		if _, err := access.Locked(ctx, tx, p.Subject.ID); err != nil { // the same lock as inviting
			return err
		}
		if p, err = s.partyForChange(ctx, tx, by, party); err != nil {
			return err
		}
		if p.Alone == alone {
			return nil
		}
		if alone {
			if err := s.meetsNobody(ctx, tx, by, p); err != nil {
				return err
			}
		}
		now := s.Clock.Now()
		if _, err := tx.Exec(ctx, `UPDATE coordination_party SET alone = $1 WHERE id = $2`, alone, p.Ref.ID); err != nil {
			return err
		}
		if err := access.Touch(ctx, tx, p.Ref.ID, now); err != nil {
			return err
		}
		return s.Audit.Write(ctx, tx, audit.Entry{
			At: now, By: by, Verb: VerbAlone, On: p.Ref, About: p.Subject, Note: reason, Changes: []audit.Change{{Field: "party", To: p.Name}, {Field: "alone", From: p.Alone, To: alone}},
		})
	})
}

// meetsNobody refuses to keep a party apart that is about to meet others.
func (s *Service) meetsNobody(ctx context.Context, tx *db.Tx, by access.Actor, p Party) error {
	calls, err := s.callsOf(ctx, tx, by, p.Subject)
	if err != nil {
		return err
	}
	for _, c := range calls {
		live := c.Live()
		if c.State == CallPlanned && len(live) > 1 && slices.ContainsFunc(live, func(x Invited) bool { return x.Party.Ref.ID == p.Ref.ID }) {
			return &errs.Error{
				Kind: errs.Conflict, Key: "error.call.meets", Text: "this party is asked to a call with others: take it out there first",
				Fields: []errs.Field{{Name: "alone", Key: "error.call.meets", Args: map[string]any{"call": c.Title, "name": p.Name}}},
			}
		}
	}
	situations, err := s.situationsOf(ctx, tx, by, p.Subject)
	if err != nil {
		return err
	}
	for _, x := range situations {
		if x.EndedAt.IsZero() && slices.ContainsFunc(x.Members, func(m Member) bool { return m.Party.Ref.ID == p.Ref.ID }) {
			return &errs.Error{Kind: errs.Conflict, Key: "error.situation.meets", Text: "this party takes part in the shared situation: that must end first"}
		}
	}
	return nil
}
