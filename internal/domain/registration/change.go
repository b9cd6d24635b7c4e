package registration

import (
	"context"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// A change is owed within two weeks of the day on which it happened (Art. 3(4)). Its clock begins on that day, so one that is told late is late when it is
// told: that is recorded, and never refused.

// ChangeKinds are what may change.
var ChangeKinds = []string{"contact_new", "contact_changed", "contact_gone", "asset_new", "asset_gone", "other"}

// Change is one that an entity told, or said that it will.
type Change struct {
	UID         string
	Kind        string
	Since       time.Time
	Due         time.Time
	AnnouncedAt time.Time
	ToldAt      time.Time // zero: it is still owed
	By          int64
}

// Late tells whether it was told, or is owed, after its time.
func (c Change) Late(now time.Time) bool {
	if c.ToldAt.IsZero() {
		return now.After(c.Due)
	}
	return c.ToldAt.After(c.Due)
}

// NewChange is a change as it is told.
type NewChange struct {
	Kind    string
	Since   time.Time // the day on which it happened
	Follows bool      // the details come later: until then it is owed
	Settles string    // uid of one that was announced; Kind and Since are its own
}

// longAgo is how far back a change may have happened.
const longAgo = 10 * 365 * 24 * time.Hour

// CheckChange tells what is wrong with a change before anything is written.
func (s *Service) CheckChange(in NewChange) error {
	now := s.Clock.Now()
	var p errs.Problems
	if in.Settles != "" {
		return nil
	}
	if !slices.Contains(ChangeKinds, in.Kind) {
		p.Add("kind", "error.choice")
	}
	switch {
	case in.Since.IsZero():
		p.Add("since", "error.required")
	case in.Since.After(now):
		p.Add("since", "error.past")
	case in.Since.Before(now.Add(-longAgo)):
		p.Add("since", "error.date")
	}
	return p.Err()
}

// TellChange notes a change of the actor's own organisation, with its clock; what it is stands in a report that is filed with it, and waits for a person.
// It needs OwnRegistry. Refused: Invalid; NotFound for a change that is not announced by the own organisation.
func (s *Service) TellChange(ctx context.Context, by access.Actor, in NewChange, words intake.ReceiveInput) (Change, intake.Received, error) {
	var c Change
	var got intake.Received
	if err := by.Need(access.OwnRegistry); err != nil {
		return c, got, err
	}
	if by.Organisation == 0 {
		return c, got, errs.ErrNotFound
	}
	if err := s.CheckChange(in); err != nil {
		return c, got, err
	}
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if c, err = s.changeTx(ctx, tx, by, in); err != nil {
			return err
		}
		got, err = s.Intake.ReceiveTx(ctx, tx, by, words, nil)
		return err
	})
	return c, got, err
}

func (s *Service) changeTx(ctx context.Context, tx *db.Tx, by access.Actor, in NewChange) (Change, error) {
	o, err := access.Locked(ctx, tx, by.Organisation)
	if err != nil {
		return Change{}, err
	}
	now := s.Clock.Now()
	if in.Settles != "" {
		return s.settle(ctx, tx, by, o.Ref, in.Settles, now)
	}
	c := Change{UID: id.New(), Kind: in.Kind, Since: in.Since, Due: in.Since.Add(ChangeWithin), AnnouncedAt: now, By: by.Account}
	if !in.Follows {
		c.ToldAt = now
	}
	if open, err := s.open(ctx, tx, o.Ref.ID); err != nil || open >= mostOpen && in.Follows {
		if err == nil {
			err = &errs.Error{Kind: errs.Limit, Key: "error.registration.changes", Text: "too many changes are announced and not told"}
		}
		return c, err
	}
	var n int64
	err = tx.QueryRow(ctx, `INSERT INTO registration_change (uid, organisation, kind, since, due, announced_at, told_at, by_account) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id`,
		c.UID, o.Ref.ID, c.Kind, c.Since, c.Due, c.AnnouncedAt, c.ToldAt, c.By).Scan(&n)
	if err != nil {
		return c, err
	}
	if err := s.runChange(ctx, tx, by, o.Ref); err != nil {
		return c, err
	}
	return c, s.noteChange(ctx, tx, by, o.Ref, "registration.change", c)
}

// mostOpen is how many changes one organisation may have announced and not told.
const mostOpen = 20

func (s *Service) open(ctx context.Context, h db.Handle, organisation int64) (n int, err error) {
	return n, h.QueryRow(ctx, `SELECT COUNT(*) FROM registration_change WHERE organisation = $1 AND told_at IS NULL`, organisation).Scan(&n)
}

// settle notes that what was announced is told.
func (s *Service) settle(ctx context.Context, tx *db.Tx, by access.Actor, o ref.Ref, uid string, now time.Time) (Change, error) {
	c, err := db.One(ctx, tx, scanChange, `SELECT `+changeColumns+` FROM registration_change WHERE uid = $1 AND organisation = $2 AND told_at IS NULL`, uid, o.ID)
	if err != nil {
		return c, err
	}
	c.ToldAt = now
	if _, err := tx.Exec(ctx, `UPDATE registration_change SET told_at = $1 WHERE uid = $2`, now, uid); err != nil {
		return c, err
	}
	if err := s.runChange(ctx, tx, by, o); err != nil {
		return c, err
	}
	return c, s.noteChange(ctx, tx, by, o, "registration.change_told", c)
}

// runChange lets the clock of an organisation run to the end of the change that is owed first. A clock whose change was told is met.
func (s *Service) runChange(ctx context.Context, tx *db.Tx, by access.Actor, o ref.Ref) error {
	running, err := s.Deadlines.Running(ctx, tx, ChangeClock, o.ID)
	if err != nil {
		return err
	}
	owed, err := db.All(ctx, tx, scanChange, `SELECT `+changeColumns+` FROM registration_change WHERE organisation = $1 AND told_at IS NULL ORDER BY due, id LIMIT 1`, o.ID)
	if err != nil {
		return err
	}
	now, ok := running[o.ID]
	switch {
	case len(owed) == 0 && !ok || len(owed) == 1 && ok && now.DueAt.Equal(owed[0].Due):
		return nil
	case ok && (len(owed) == 0 || owed[0].Due.After(now.DueAt)):
		err = s.Deadlines.MeetTx(ctx, tx, by, o, ChangeClock, s.Clock.Now())
	case ok:
		err = s.Deadlines.StopTx(ctx, tx, by, o, ChangeClock, "an earlier change is owed")
	}
	if err != nil || len(owed) == 0 {
		return err
	}
	_, err = s.Deadlines.StartTx(ctx, tx, by, deadline.Clock{
		About: o, Compartment: o.ID, Kind: ChangeClock, OwedBy: deadline.Them, StartedAt: owed[0].Since, DueAt: owed[0].Due, Law: "NIS2 Art. 3(4)",
	})
	return err
}

func (s *Service) noteChange(ctx context.Context, tx *db.Tx, by access.Actor, o ref.Ref, verb string, c Change) error {
	now := s.Clock.Now()
	if err := access.Touch(ctx, tx, o.ID, now); err != nil {
		return err
	}
	list := []audit.Change{{Field: "kind", To: c.Kind}, {Field: "since", To: c.Since}}
	if c.Late(now) {
		list = append(list, audit.Change{Field: "late", To: true})
	}
	return s.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: verb, On: o, Compartment: o.ID, Changes: list, Data: map[string]string{"uid": c.UID}})
}

const changeColumns = `uid, kind, since, due, announced_at, told_at, by_account`

func scanChange(r *db.Rows) (Change, error) {
	var c Change
	return c, r.Scan(&c.UID, &c.Kind, &c.Since, &c.Due, &c.AnnouncedAt, &c.ToldAt, &c.By)
}

// Changes gives the changes of an organisation, those that are owed first, then the newest, at most 50. The caller has checked that the reader may see it.
func (s *Service) Changes(ctx context.Context, h db.Handle, organisation int64) ([]Change, error) {
	return db.All(ctx, h, scanChange, `SELECT `+changeColumns+` FROM registration_change WHERE organisation = $1
		ORDER BY CASE WHEN told_at IS NULL THEN 0 ELSE 1 END, announced_at DESC, id DESC LIMIT 50`, organisation)
}
