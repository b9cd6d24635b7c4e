package duty

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// Limits of a roster.
const (
	MostPeople = 50
	mostAhead  = 2 * 366 * 24 * time.Hour
	longest    = 366 * 24 * time.Hour
)

// Roster gives the roster as it is now. The actor needs ReadCases.
func (s *Service) Roster(ctx context.Context, h db.Handle, by access.Actor) (Roster, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return Roster{}, err
	}
	return s.roster(ctx, h)
}

func (s *Service) roster(ctx context.Context, h db.Handle) (Roster, error) {
	o := Roster{Zone: s.Zone}
	var err error
	o.Rotations, err = db.All(ctx, h, func(r *db.Rows) (x Rotation, err error) {
		var people string
		if err = r.Scan(&x.ID, &x.UID, &x.Every, &x.FirstDay, &x.Minute, &people); err == nil {
			err = json.Unmarshal([]byte(people), &x.People)
		}
		return x, err
	}, `SELECT id, uid, every, first_day, minute, people FROM duty_rotation WHERE removed_at IS NULL ORDER BY first_day, id`)
	if err != nil {
		return o, fmt.Errorf("read roster: %w", err)
	}
	slices.SortFunc(o.Rotations, byStart)
	o.Changes, err = db.All(ctx, h, func(r *db.Rows) (c Change, err error) {
		var kind int
		err = r.Scan(&c.ID, &c.UID, &kind, &c.Account, &c.From, &c.Till)
		c.Away = kind == away
		return c, err
	}, `SELECT id, uid, kind, account, starts_at, ends_at FROM duty_change WHERE removed_at IS NULL AND ends_at > $1 ORDER BY id`, s.Clock.Now().Add(-2*span))
	if err != nil {
		return o, fmt.Errorf("read roster: %w", err)
	}
	return o, nil
}

// The kinds of changes; stored.
const (
	taken = 1
	away  = 2
)

// NewRotation is a rotation as it is entered.
type NewRotation struct {
	Every    Every
	FirstDay string
	Minute   int
	People   []int64
}

// SetRotation lets a rotation begin on its first day; those that began before count until then. The actor needs access.PlanDuty. Refused: Invalid with
// all problems.
func (s *Service) SetRotation(ctx context.Context, by access.Actor, in NewRotation) (Rotation, error) {
	if err := by.Need(access.PlanDuty); err != nil {
		return Rotation{}, err
	}
	var p errs.Problems
	now := s.Clock.Now()
	if in.Every != Daily && in.Every != Weekly {
		p.Add("every", "error.choice")
	}
	if in.Minute < 0 || in.Minute > 1439 {
		p.Add("minute", "error.time")
	}
	if day, err := time.ParseInLocation(time.DateOnly, in.FirstDay, s.Zone); err != nil || day.Year() < 2000 || day.Sub(now) > mostAhead {
		p.Add("first_day", "error.date")
	}
	switch {
	case len(in.People) == 0:
		p.Add("people", "error.required")
	case len(in.People) > MostPeople:
		p.Add("people", "error.too_many", "most", MostPeople)
	}
	r := Rotation{UID: id.New(), Every: in.Every, FirstDay: in.FirstDay, Minute: in.Minute, People: in.People}
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		p := slices.Clone(p)
		if err := s.ours(ctx, tx, &p, "people", in.People...); err != nil {
			return err
		}
		if err := p.Err(); err != nil {
			return err
		}
		people, err := json.Marshal(in.People)
		if err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, `INSERT INTO duty_rotation (uid, every, first_day, minute, people, made_at, made_by) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id`,
			r.UID, string(r.Every), r.FirstDay, r.Minute, string(people), now, by.Account).Scan(&r.ID); err != nil {
			return err
		}
		return s.record(ctx, tx, by, "duty.set_rotation", audit.Change{Field: "first_day", To: r.FirstDay}, audit.Change{Field: "every", To: string(r.Every)}, audit.Change{Field: "people", To: in.People})
	})
	return r, err
}

// ours notes a problem when one of the accounts cannot be on duty.
func (s *Service) ours(ctx context.Context, h db.Handle, p *errs.Problems, field string, people ...int64) error {
	staff, err := s.Staff(ctx, h)
	if err != nil {
		return err
	}
	for _, who := range people {
		if !slices.Contains(staff, who) {
			p.Add(field, "error.duty.person")
			return nil
		}
	}
	return nil
}

func (s *Service) record(ctx context.Context, tx *db.Tx, by access.Actor, verb string, changes ...audit.Change) error {
	return s.Audit.Write(ctx, tx, audit.Entry{At: s.Clock.Now(), By: by, Verb: verb, Changes: changes})
}

// RemoveRotation takes a rotation out, given by uid. It needs access.PlanDuty.
func (s *Service) RemoveRotation(ctx context.Context, by access.Actor, uid string) error {
	if err := by.Need(access.PlanDuty); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE duty_rotation SET removed_at = $2 WHERE uid = $1 AND removed_at IS NULL`, uid, s.Clock.Now())
		if err == nil && n == 0 {
			err = errs.ErrNotFound
		}
		if err != nil {
			return err
		}
		return s.record(ctx, tx, by, "duty.remove_rotation")
	})
}

// TakeOver puts an account on duty for a time, whatever the rotation says. Who may triage takes it over for itself; for somebody else it needs
// access.PlanDuty. Refused: Invalid with all problems.
func (s *Service) TakeOver(ctx context.Context, by access.Actor, account int64, from, till time.Time) (Change, error) {
	return s.change(ctx, by, Change{Account: account, From: from, Till: till})
}

// NoteAway keeps an account off duty for a time. Why is nobody's business and not kept. Rights as with TakeOver.
func (s *Service) NoteAway(ctx context.Context, by access.Actor, account int64, from, till time.Time) (Change, error) {
	return s.change(ctx, by, Change{Account: account, From: from, Till: till, Away: true})
}

func mayChange(by access.Actor, account int64) error {
	if account != by.Account || account == 0 {
		return by.Need(access.PlanDuty)
	}
	return by.Need(access.Triage)
}

func (s *Service) change(ctx context.Context, by access.Actor, c Change) (Change, error) {
	if err := mayChange(by, c.Account); err != nil {
		return c, err
	}
	var p errs.Problems
	now := s.Clock.Now()
	if c.From.IsZero() || c.From.Sub(now) > mostAhead {
		p.Add("from", "error.date")
	}
	switch {
	case c.Till.IsZero():
		p.Add("till", "error.date")
	case !c.Till.After(c.From):
		p.Add("till", "error.duty.order")
	case !c.Till.After(now):
		p.Add("till", "error.future")
	case c.Till.Sub(c.From) > longest:
		p.Add("till", "error.duty.long")
	}
	c.UID, c.From, c.Till = id.New(), c.From.UTC(), c.Till.UTC()
	kind, verb := taken, "duty.take_over"
	if c.Away {
		kind, verb = away, "duty.away"
	}
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		p := slices.Clone(p)
		if err := s.ours(ctx, tx, &p, "account", c.Account); err != nil {
			return err
		}
		if err := p.Err(); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, `INSERT INTO duty_change (uid, kind, account, starts_at, ends_at, made_at, made_by) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id`,
			c.UID, kind, c.Account, c.From, c.Till, now, by.Account).Scan(&c.ID); err != nil {
			return err
		}
		return s.record(ctx, tx, by, verb, audit.Change{Field: "account", To: c.Account}, audit.Change{Field: "from", To: c.From}, audit.Change{Field: "till", To: c.Till})
	})
	return c, err
}

// TakeBack ends a change that was noted, given by uid. Rights as with TakeOver.
func (s *Service) TakeBack(ctx context.Context, by access.Actor, uid string) error {
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var c Change
		if err := by.Need(access.Triage); err != nil {
			return err
		}
		err := tx.QueryRow(ctx, `SELECT id, account FROM duty_change WHERE uid = $1 AND removed_at IS NULL`, uid).Scan(&c.ID, &c.Account)
		if err != nil {
			return err
		}
		if err := mayChange(by, c.Account); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE duty_change SET removed_at = $2 WHERE id = $1`, c.ID, s.Clock.Now()); err != nil {
			return err
		}
		return s.record(ctx, tx, by, "duty.take_back", audit.Change{Field: "account", To: c.Account})
	})
}
