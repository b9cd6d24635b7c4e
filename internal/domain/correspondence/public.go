package correspondence

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/retain"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// ThankTx thanks a proved sender for a mail of the public lane, by the road and within the limits of all automatic mail for an address. It gives the
// thread, 0 for an address that was told enough: such a letter waits for nobody. The thread is about the mail and ends with it.
func (s *Service) ThankTx(ctx context.Context, tx *db.Tx, arrival int64, to Correspondent, at time.Time) (thread int64, err error) {
	full, err := s.toldEnough(ctx, tx, to.Email, false)
	if err != nil || full {
		return 0, err
	}
	t, err := s.OpenThreadTx(ctx, tx, access.System("intake"), NewThread{About: ref.Ref{Kind: ref.Arrival, ID: arrival}, TLP: tlp.Green, Prefix: "S", Correspondent: to})
	if err != nil {
		return 0, fmt.Errorf("thank a sender: %w", err)
	}
	if _, err := s.SendFirstTx(ctx, tx, access.System("intake"), &t, Outgoing{Kind: Receipt, TLP: tlp.Green, Auto: &Auto{Letter: AutoThanks, At: at}}); err != nil {
		return 0, fmt.Errorf("thank a sender: %w", err)
	}
	return t.Ref.ID, nil
}

// RemoveTx takes mails of the public lane away with their keys and objects, and the threads on which their senders were thanked (0 for none, at the same
// place). Nothing of them stays but tombstones of the threads and of what they were about. The caller has checked that their time is over.
func (s *Service) RemoveTx(ctx context.Context, tx *db.Tx, arrivals, threads []int64) error {
	if len(arrivals) == 0 {
		return nil
	}
	var bare []int64 // without a thread that is about them
	for i, t := range threads {
		if t == 0 {
			bare = append(bare, arrivals[i])
			continue
		}
		if _, err := s.EndTx(ctx, tx, t, retain.Public); err != nil && !errors.Is(err, keyring.ErrDestroyed) {
			return err
		}
	}
	blobs, err := db.List(ctx, tx, db.In(new(db.Query).Add(`SELECT blob FROM correspondence_arrival WHERE blob <> '' AND object IN `), arrivals),
		func(r *db.Rows) (b string, err error) { return b, r.Scan(&b) })
	if err != nil {
		return err
	}
	if _, err := db.In(new(db.Query).Add(`DELETE FROM correspondence_arrival WHERE object IN `), arrivals).Exec(ctx, tx); err != nil {
		return fmt.Errorf("remove mails: %w", err)
	}
	if err := s.Ring.Remove(ctx, tx, arrivals); err != nil {
		return err
	}
	for _, a := range arrivals {
		if err := s.Audit.Erase(ctx, tx, a); err != nil {
			return err
		}
	}
	if len(bare) > 0 {
		if err := access.Remove(ctx, tx, ref.Arrival, bare); err != nil {
			return err
		}
	}
	return s.unlinkLater(ctx, tx, blobs)
}
