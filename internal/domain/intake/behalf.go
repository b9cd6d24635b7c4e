package intake

import (
	"context"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Confirm takes the mark from a report that somebody else sent for an organisation: the organisation said by a contact that we know that he speaks for
// it. How it said so goes into the record. The actor needs access.Triage, or access.FileReport in the organisation that the report is about. Refused:
// Invalid without how, Conflict where nothing is marked, NotFound.
func (s *Service) Confirm(ctx context.Context, by access.Actor, report, how string) error {
	team := by.Can(access.Triage)
	if !team {
		if err := by.Need(access.FileReport); err != nil {
			return err
		}
		how = "portal"
	}
	var p errs.Problems
	if how = strings.TrimSpace(how); how == "" {
		p.Add("how", "error.required")
	} else if len([]rune(how)) > MaxShort {
		p.Add("how", "error.too_long", "most", MaxShort)
	}
	if err := p.Err(); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := s.loadForChange(ctx, tx, by, report)
		if err != nil {
			return err
		}
		if !team && (by.Organisation == 0 || by.Organisation != r.Organisation) {
			return errs.ErrNotFound
		}
		if r.Behalf != Unconfirmed {
			return ErrNotMarked
		}
		r.Behalf = Confirmed
		if _, err := tx.Exec(ctx, `UPDATE intake_report SET behalf = $2 WHERE id = $1`, r.Ref.ID, int64(r.Behalf)); err != nil {
			return err
		}
		if err := s.change(ctx, tx, by, &r, audit.Entry{Verb: "intake.confirm", Changes: []audit.Change{{Field: "behalf", From: int(Unconfirmed), To: int(Confirmed)}}, Data: map[string]any{"how": how}}); err != nil {
			return err
		}
		return s.showTx(ctx, tx, r.Ref.ID)
	})
}
