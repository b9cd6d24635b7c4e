package constituency

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Confirm notes that somebody of an organisation looked through its entry, its contacts and assets, and that all is still right. It needs OwnRegistry in the
// organisation. What it says of itself proves nothing: contacts and assets are not verified by it.
func (s *Service) Confirm(ctx context.Context, by access.Actor) error {
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := by.Need(access.OwnRegistry); err != nil {
			return err
		}
		o, err := access.Load(ctx, tx, by, ref.Ref{Kind: ref.Organisation, ID: by.Organisation})
		if err == nil {
			o, err = access.Locked(ctx, tx, o.Ref.ID)
		}
		if err != nil {
			return err
		}
		now := s.Clock.Now()
		if _, err := tx.Exec(ctx, `UPDATE constituency_organisation SET confirmed_at = $1, confirmed_by = $2 WHERE id = $3`, now, by.Account, o.Ref.ID); err != nil {
			return err
		}
		return s.changed(ctx, tx, by, "constituency.confirm", o.Ref, []audit.Change{{Field: "confirmed_at", To: now}}, "")
	})
}

// Confirmed gives when an organisation was confirmed by one of its own, and by which account; zero for never. The caller has checked that the reader may see it.
func (s *Service) Confirmed(ctx context.Context, h db.Handle, organisation int64) (at time.Time, by int64, err error) {
	return at, by, h.QueryRow(ctx, `SELECT confirmed_at, confirmed_by FROM constituency_organisation WHERE id = $1`, organisation).Scan(&at, &by)
}
