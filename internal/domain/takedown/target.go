package takedown

import (
	"context"
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/alarm"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/fetch"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
	"github.com/tocsin-csirt/tocsin/internal/kit/netaddr"
)

// Limits.
const (
	MostTargets   = 200  // of an incident
	mostWords     = 4000 // characters of what was seen
	mostAddresses = 20
	mostListed    = 500
)

type targetBody struct {
	Thing     Thing         `json:"thing"`
	Words     string        `json:"words,omitempty"`
	SeenAt    time.Time     `json:"seen_at,omitzero"`
	Addresses []netip.Addr  `json:"addresses,omitempty"`
	Seen      []netip.Addr  `json:"seen,omitempty"`
	Last      fetch.Outcome `json:"last,omitempty"`
	Title     string        `json:"title,omitempty"`
	Hash      string        `json:"hash,omitempty"`
	First     string        `json:"first,omitempty"`
	Elsewhere string        `json:"elsewhere,omitempty"`
	Ended     string        `json:"ended,omitempty"`
}

const targetColumns = `t.id, t.uid, t.kind, t.state, t.version, t.created_at, t.state_at, t.told_at, t.down_at, t.ended_at, t.look_at, t.looked_at, t.looks, t.misses, t.body, k.wrapped`

func (t *Target) dst() []any {
	return []any{
		&t.ID, &t.UID, (*string)(&t.Kind), (*string)(&t.State), &t.Version, &t.CreatedAt, &t.StateAt, &t.ToldAt, &t.DownAt, &t.EndedAt, &t.LookAt, &t.LookedAt, &t.looks, &t.misses,
		&t.plain, &t.wrapped,
	}
}

func (s *Service) scanTarget(r *db.Rows) (Target, error) {
	var t Target
	if err := r.Scan(append(t.Incident.Dst(), t.dst()...)...); err != nil || t.wrapped == nil { // what was destroyed keeps its row
		return t, err
	}
	k, err := s.Ring.Unwrap(t.Incident.Ref.ID, t.wrapped)
	if err != nil {
		return t, err
	}
	var b targetBody
	if err := opened(k, targetPlace(t.UID), t.plain, &b); err != nil {
		return t, err
	}
	t.Thing, t.Words, t.SeenAt, t.Addresses, t.Seen, t.Last, t.Title, t.Hash, t.Elsewhere, t.Ended = b.Thing, b.Words, b.SeenAt, b.Addresses, b.Seen, b.Last, b.Title, b.Hash, b.Elsewhere, b.Ended
	t.first, t.Changed = b.First, b.First != "" && b.Hash != "" && b.First != b.Hash
	return t, nil
}

func (t Target) seal(k keyring.Key) ([]byte, error) {
	b, err := json.Marshal(targetBody{t.Thing, t.Words, t.SeenAt, t.Addresses, t.Seen, t.Last, t.Title, t.Hash, t.first, t.Elsewhere, t.Ended})
	return k.Seal(targetPlace(t.UID), b), err
}

// NewTarget is the input of Add and Amend.
type NewTarget struct {
	What      string
	Kind      Kind
	Words     string
	SeenAt    time.Time
	Addresses string // at which a person knows it to stand, separated by anything
}

func (in NewTarget) check(now time.Time) (Thing, []netip.Addr, error) {
	var p errs.Problems
	thing, ok := Read(in.What)
	switch {
	case strings.TrimSpace(in.What) == "":
		p.Add("what", "error.required")
	case !ok:
		p.Add("what", "error.takedown.what")
	}
	if !slices.Contains(Kinds(), in.Kind) {
		p.Add("kind", "error.choose")
	}
	if n := utf8.RuneCountInString(in.Words); n > mostWords {
		p.Add("words", "error.too_long", "most", mostWords)
	} else if strings.TrimSpace(in.Words) == "" {
		p.Add("words", "error.required")
	}
	if in.SeenAt.After(now.Add(5 * time.Minute)) {
		p.Add("seen_at", "error.past")
	}
	var list []netip.Addr
	for _, w := range strings.FieldsFunc(mail.Refang(in.Addresses), func(r rune) bool { return strings.ContainsRune(" \t\r\n,;", r) }) {
		a, err := netip.ParseAddr(w)
		if err != nil || !netaddr.Global(a) {
			p.Add("addresses", "error.takedown.address")
			break
		}
		list = append(list, a.Unmap())
	}
	if len(list) > mostAddresses {
		p.Add("addresses", "error.too_many", "most", mostAddresses)
	}
	return thing, list, p.Err()
}

// Add enters a target of an incident, by uid or number. The same thing twice is the target that is there. The actor needs access.WorkCases. Refused: Invalid with
// all fields, NotFound, Conflict for a closed incident.
func (s *Service) Add(ctx context.Context, by access.Actor, incident string, in NewTarget) (Target, error) {
	if err := by.Need(access.WorkCases); err != nil {
		return Target{}, err
	}
	now := s.Clock.Now()
	thing, addresses, err := in.check(now)
	if err != nil {
		return Target{}, err
	}
	var t Target
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		o, err := access.LoadForChange(ctx, tx, by, ref.Incident, incident)
		if err != nil {
			return err
		}
		if err := s.Coordination.GoesOn(ctx, tx, o.Ref); err != nil {
			return err
		}
		all, err := s.targetsOf(ctx, tx, by, o.Ref)
		if err != nil {
			return err
		}
		for _, x := range all {
			if x.Thing.Text == thing.Text && x.EndedAt.IsZero() {
				t = x
				return nil
			}
		}
		if len(all) >= MostTargets {
			var p errs.Problems
			p.Add("what", "error.too_many", "most", MostTargets)
			return p.Err()
		}
		k, err := s.Ring.Get(ctx, tx, o.Ref.ID)
		if err != nil {
			return err
		}
		if in.SeenAt.IsZero() {
			in.SeenAt = now
		}
		t = Target{
			UID: id.New(), Incident: o, Kind: in.Kind, State: Unknown, Version: 1, CreatedAt: now, StateAt: now, Thing: thing, Words: strings.TrimSpace(in.Words), SeenAt: in.SeenAt, Addresses: addresses,
		}
		body, err := t.seal(k)
		if err != nil {
			return err
		}
		err = tx.QueryRow(ctx, `INSERT INTO takedown_target (uid, subject, kind, state, version, created_at, state_at, body) VALUES ($1, $2, $3, $4, 1, $5, $6, $7) RETURNING id`,
			t.UID, o.Ref.ID, string(t.Kind), string(t.State), now, now, body).Scan(&t.ID)
		if err != nil {
			return err
		}
		if err := access.Touch(ctx, tx, o.Ref.ID, now); err != nil {
			return err
		}
		return s.record(ctx, tx, by, "takedown.add", t, "", audit.Change{Field: "kind", To: string(t.Kind)})
	})
	return t, err
}

// Amend corrects what is known of a target that was read at a version; what it is stays. The actor needs access.WorkCases. Refused: Invalid, NotFound, Conflict.
func (s *Service) Amend(ctx context.Context, by access.Actor, uid string, version int64, in NewTarget) (Target, error) {
	if err := by.Need(access.WorkCases); err != nil {
		return Target{}, err
	}
	was, err := s.Target(ctx, by, uid)
	if err != nil {
		return was, err
	}
	in.What = was.Thing.Text
	_, addresses, err := in.check(s.Clock.Now())
	if err != nil {
		return Target{}, err
	}
	return s.change(ctx, by, uid, version, func(ctx context.Context, tx *db.Tx, t *Target) error {
		t.Kind, t.Words, t.Addresses = in.Kind, strings.TrimSpace(in.Words), addresses
		if !in.SeenAt.IsZero() {
			t.SeenAt = in.SeenAt
		}
		return s.record(ctx, tx, by, "takedown.amend", *t, "", audit.Change{Field: "kind", To: string(t.Kind)})
	})
}

// End says that we ask for a target no longer, with a reason of at least ten characters: it is looked at no more. The actor needs access.WorkCases.
func (s *Service) End(ctx context.Context, by access.Actor, uid string, version int64, reason string) (Target, error) {
	if err := by.Need(access.WorkCases); err != nil {
		return Target{}, err
	}
	var p errs.Problems
	alarm.Reason(&p, "reason", reason)
	if err := p.Err(); err != nil {
		return Target{}, err
	}
	return s.change(ctx, by, uid, version, func(ctx context.Context, tx *db.Tx, t *Target) error {
		if !t.EndedAt.IsZero() {
			return errEnded
		}
		t.EndedAt, t.Ended, t.LookAt = s.Clock.Now(), strings.TrimSpace(reason), time.Time{}
		return s.record(ctx, tx, by, "takedown.end", *t, t.Ended)
	})
}

// change loads a target under its incident's lock and the actor's scope, does something to it and keeps it with one more version. A version of 0 takes any.
func (s *Service) change(ctx context.Context, by access.Actor, uid string, version int64, do func(ctx context.Context, tx *db.Tx, t *Target) error) (Target, error) {
	var t Target
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var err error
		if t, err = s.forChange(ctx, tx, by, uid); err != nil {
			return err
		}
		if version != 0 && version != t.Version {
			return errChanged
		}
		if err := do(ctx, tx, &t); err != nil {
			return err
		}
		return s.save(ctx, tx, &t, by.Account != 0)
	})
	return t, err
}

func (s *Service) forChange(ctx context.Context, tx *db.Tx, by access.Actor, uid string) (Target, error) {
	t, err := s.target(ctx, tx, by, uid)
	if err != nil {
		return t, err
	}
	if _, err := access.LoadForChange(ctx, tx, by, ref.Incident, t.Incident.UID); err != nil {
		return t, err
	}
	// A letter that leaves notes it without the incident.
	if err := tx.QueryRow(ctx, `SELECT id FROM takedown_target WHERE id = $1`+tx.ForUpdate(), t.ID).Scan(&t.ID); err != nil {
		return t, err
	}
	return s.target(ctx, tx, by, uid) // as it is now that nobody else changes it
}

func (s *Service) save(ctx context.Context, tx *db.Tx, t *Target, touch bool) error {
	k, err := s.Ring.Get(ctx, tx, t.Incident.Ref.ID)
	if err != nil {
		return err
	}
	body, err := t.seal(k)
	if err != nil {
		return err
	}
	t.Version++
	if touch {
		if err := access.Touch(ctx, tx, t.Incident.Ref.ID, s.Clock.Now()); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, `UPDATE takedown_target SET kind = $1, state = $2, version = $3, state_at = $4, told_at = $5, down_at = $6, ended_at = $7, look_at = $8, looked_at = $9, looks = $10, misses = $11,
		body = $12 WHERE id = $13`,
		string(t.Kind), string(t.State), t.Version, t.StateAt, t.ToldAt, t.DownAt, t.EndedAt, t.LookAt, t.LookedAt, t.looks, t.misses, body, t.ID)
	return err
}

const targetTables = ` JOIN takedown_target t ON t.subject = o.id LEFT JOIN keyring_key k ON k.owner = o.id`

// Target gives one target by uid. Who may not see the incident does not find it. The actor needs access.ReadCases.
func (s *Service) Target(ctx context.Context, by access.Actor, uid string) (Target, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return Target{}, err
	}
	return s.target(ctx, s.DB, by, uid)
}

func (s *Service) target(ctx context.Context, h db.Handle, by access.Actor, uid string) (Target, error) {
	if !utf8.ValidString(uid) || strings.ContainsRune(uid, 0) {
		return Target{}, errs.ErrNotFound
	}
	q := new(db.Query).Add(`SELECT ` + access.Columns + `, ` + targetColumns + ` FROM `)
	access.Sees(by).From(q, ref.Incident).Add(targetTables+` WHERE t.uid = ?`, uid)
	list, err := db.List(ctx, h, q, s.scanTarget)
	if err != nil {
		return Target{}, err
	}
	if len(list) == 0 || list[0].wrapped == nil {
		return Target{}, errs.ErrNotFound
	}
	return list[0], nil
}

// Filter narrows a list of targets. Empty fields take all that are not ended.
type Filter struct {
	Incident string // uid or number
	State    State
	Kind     Kind
	All      bool // ended ones too
	Before   int64
	Limit    int // 100 when 0, 500 at most
}

// Targets lists targets that the actor may see, newest first. The actor needs access.ReadCases.
func (s *Service) Targets(ctx context.Context, by access.Actor, f Filter) ([]Target, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return nil, err
	}
	q := new(db.Query).Add(`SELECT ` + access.Columns + `, ` + targetColumns + ` FROM `)
	access.Sees(by).From(q, ref.Incident).Add(targetTables + ` WHERE k.wrapped IS NOT NULL`)
	if f.Incident != "" {
		o, err := access.Find(ctx, s.DB, by, ref.Incident, f.Incident)
		if err != nil {
			return nil, err
		}
		q.Add(` AND t.subject = ?`, o.Ref.ID)
	}
	if f.State != "" {
		q.Add(` AND t.state = ?`, string(f.State))
	}
	if f.Kind != "" {
		q.Add(` AND t.kind = ?`, string(f.Kind))
	}
	if !f.All {
		q.Add(` AND t.ended_at IS NULL`)
	}
	if f.Before > 0 {
		q.Add(` AND t.id < ?`, f.Before)
	}
	if f.Limit <= 0 || f.Limit > mostListed {
		f.Limit = 100
	}
	return db.List(ctx, s.DB, q.Add(` ORDER BY t.id DESC LIMIT ?`, f.Limit), s.scanTarget)
}

// targetsOf gives all targets of an incident, oldest first.
func (s *Service) targetsOf(ctx context.Context, h db.Handle, by access.Actor, subject ref.Ref) ([]Target, error) {
	q := new(db.Query).Add(`SELECT ` + access.Columns + `, ` + targetColumns + ` FROM `)
	access.Sees(by).From(q, ref.Incident).Add(targetTables+` WHERE t.subject = ? ORDER BY t.id LIMIT ?`, subject.ID, MostTargets)
	return db.List(ctx, h, q, s.scanTarget)
}
