package suspicion

import (
	"context"
	"slices"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Judge says what a campaign is, as last read with version: an open one may become a line, the others are counted silently. A line that was made stays, for
// triage to decide. The actor needs access.Triage. Refused: Invalid for no state, NotFound, Conflict for another version.
func (s *Service) Judge(ctx context.Context, by access.Actor, campaign string, version int64, state State) error {
	if err := by.Need(access.Triage); err != nil {
		return err
	}
	if !slices.Contains(States, state) {
		var p errs.Problems
		p.Add("state", "error.choice")
		return p.Err()
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		c, err := s.forChange(ctx, tx, by, campaign)
		if err != nil || c.State == state {
			return err
		}
		if version != c.Version {
			return access.ErrChanged
		}
		now := s.Clock.Now()
		if _, err := tx.Exec(ctx, `UPDATE suspicion_campaign SET state = $2 WHERE id = $1`, c.Ref.ID, string(state)); err != nil {
			return err
		}
		if err := access.Update(ctx, tx, &c.Object, now); err != nil {
			return err
		}
		return s.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: "suspicion.judge", On: c.Ref, Changes: []audit.Change{{Field: "state", From: string(c.State), To: string(state)}}})
	})
}

// File puts a campaign into the queue and gives its report: the one that it has, or a new one. The actor needs access.Triage.
func (s *Service) File(ctx context.Context, by access.Actor, campaign string) (uid string, err error) {
	if err := by.Need(access.Triage); err != nil {
		return "", err
	}
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		c, err := s.forChange(ctx, tx, by, campaign)
		if err != nil {
			return err
		}
		r := ref.Ref{Kind: ref.Report, ID: c.Report}
		if c.Report == 0 {
			if r, err = s.report(ctx, tx, by, &c); err != nil {
				return err
			}
		}
		o, err := access.Load(ctx, tx, by, r)
		uid = o.UID
		return err
	})
	return uid, err
}

func (s *Service) forChange(ctx context.Context, tx *db.Tx, by access.Actor, campaign string) (Campaign, error) {
	o, err := access.Find(ctx, tx, by, ref.Suspicion, campaign)
	if err != nil {
		return Campaign{}, err
	}
	return s.lock(ctx, tx, o.Ref.ID)
}
