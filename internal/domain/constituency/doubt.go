package constituency

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// Doubt is an organisation's word that what we wrote about is not its own: what the register says of it waits for a person to look.
type Doubt struct {
	UID          string
	Organisation int64
	About        int64 // object id of the party whose message says it; only who may see that one learns more
	RaisedAt     time.Time
	Road         string // how it was said: "link", "phone", …
	SettledAt    time.Time
	SettledBy    int64
	Outcome      string // of DoubtOutcomes
	Note         string
}

// The outcomes of a doubt: the register is right as it is, or it was corrected.
const (
	DoubtKept      = "kept"
	DoubtCorrected = "corrected"
)

// mostDoubts is how many of one organisation are shown.
const mostDoubts = 50

// DoubtTx notes a doubt, once while one about the same is open. The caller has checked who says it.
func (s *Service) DoubtTx(ctx context.Context, tx *db.Tx, by access.Actor, organisation, about int64, road string) error {
	if _, err := access.Locked(ctx, tx, organisation); err != nil {
		return err
	}
	var open int
	if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM constituency_doubt WHERE organisation = $1 AND about = $2 AND settled_at IS NULL`, organisation, about).Scan(&open); err != nil || open > 0 {
		return err
	}
	now := s.Clock.Now()
	if _, err := tx.Exec(ctx, `INSERT INTO constituency_doubt (uid, organisation, about, raised_at, road) VALUES ($1, $2, $3, $4, $5)`, id.New(), organisation, about, now, road); err != nil {
		return err
	}
	return s.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: "constituency.doubt", On: ref.Ref{Kind: ref.Organisation, ID: organisation}, Changes: []audit.Change{{Field: "road", To: road}}})
}

// Doubts lists what waits about an organisation, oldest first, and what was settled last. The actor needs access.ReadRegistry and is one of us. Refused:
// NotFound.
func (s *Service) Doubts(ctx context.Context, h db.Handle, by access.Actor, organisation string) ([]Doubt, error) {
	if err := by.Need(access.ReadRegistry); err != nil {
		return nil, err
	}
	if !by.Team() {
		return nil, errs.ErrNotFound
	}
	o, err := access.Find(ctx, h, by, ref.Organisation, organisation)
	if err != nil {
		return nil, err
	}
	return db.All(ctx, h, scanDoubt, `SELECT `+doubtColumns+` FROM constituency_doubt WHERE organisation = $1
		ORDER BY CASE WHEN settled_at IS NULL THEN 0 ELSE 1 END, raised_at LIMIT $2`, o.Ref.ID, mostDoubts)
}

// OpenDoubts lists organisations of which something waits, those that wait longest first. The actor needs access.ReadRegistry and is one of us.
func (s *Service) OpenDoubts(ctx context.Context, h db.Handle, by access.Actor, limit int) ([]Doubt, error) {
	if err := by.Need(access.ReadRegistry); err != nil {
		return nil, err
	}
	if !by.Team() {
		return nil, errs.ErrNotFound
	}
	return db.All(ctx, h, scanDoubt, `SELECT `+doubtColumns+` FROM constituency_doubt WHERE settled_at IS NULL ORDER BY id LIMIT $1`, min(max(limit, 1), 500))
}

const doubtColumns = `uid, organisation, about, raised_at, road, settled_at, settled_by, outcome, note`

func scanDoubt(r *db.Rows) (d Doubt, err error) {
	return d, r.Scan(&d.UID, &d.Organisation, &d.About, &d.RaisedAt, &d.Road, &d.SettledAt, &d.SettledBy, &d.Outcome, &d.Note)
}

// SettleDoubt says what a person found: the register is right (kept), or was corrected, with a note. The actor needs access.WriteRegistry. Refused:
// Invalid, NotFound, Conflict for one that is settled.
func (s *Service) SettleDoubt(ctx context.Context, by access.Actor, doubt, outcome, note string) (Doubt, error) {
	var d Doubt
	if err := by.Need(access.WriteRegistry); err != nil {
		return d, err
	}
	var p errs.Problems
	if outcome != DoubtKept && outcome != DoubtCorrected {
		p.Add("outcome", "error.choose")
	}
	note = text(&p, "note", note, 500, true)
	if err := p.Err(); err != nil {
		return d, err
	}
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var err error
		if d, err = db.One(ctx, tx, scanDoubt, `SELECT `+doubtColumns+` FROM constituency_doubt WHERE uid = $1`, doubt); err != nil {
			return err
		}
		on := ref.Ref{Kind: ref.Organisation, ID: d.Organisation}
		if _, err := access.Load(ctx, tx, by, on); err != nil {
			return err
		}
		if _, err := access.Locked(ctx, tx, d.Organisation); err != nil {
			return err
		}
		now := s.Clock.Now()
		n, err := tx.Exec(ctx, `UPDATE constituency_doubt SET settled_at = $2, settled_by = $3, outcome = $4, note = $5 WHERE uid = $1 AND settled_at IS NULL`, doubt, now, by.Account, outcome, note)
		if err != nil {
			return err
		}
		if n == 0 {
			return access.ErrChanged
		}
		d.SettledAt, d.SettledBy, d.Outcome, d.Note = now, by.Account, outcome, note
		return s.Audit.Write(ctx, tx, audit.Entry{ // for the team alone: no compartment
			At: now, By: by, Verb: "constituency.settle_doubt", On: on, Changes: []audit.Change{{Field: "outcome", To: outcome}}, Note: note,
		})
	})
	return d, err
}
