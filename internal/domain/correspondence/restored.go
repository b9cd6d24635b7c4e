package correspondence

import (
	"context"
	"fmt"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// HoldRestored is for a house that was made from a backup (rule K9): what was about to leave when the backup was written may have left since,
// so each such message waits for a person, and all outgoing mail is stopped until somebody lets it go. It gives how many wait. It needs
// access.StopMail or the right to set the house up.
func (s *Service) HoldRestored(ctx context.Context, by access.Actor) (held int, err error) {
	if !by.Can(access.StopMail) {
		if err := by.Need(access.ManageAccounts); err != nil {
			return 0, err
		}
	}
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		list, err := db.All(ctx, tx, s.scanMessage, `SELECT `+messageColumns+` FROM correspondence_message m LEFT JOIN keyring_key k ON k.owner = m.thread
			WHERE m.state IN ('held', 'sending') AND m.line > 0`)
		if err != nil {
			return fmt.Errorf("hold outbox: %w", err)
		}
		held = len(list)
		for i := range list {
			m := &list[i]
			reason := reasonRestored
			if !m.handedAt.IsZero() {
				reason = reasonUnsure
			}
			if err := s.move(ctx, tx, m, Waiting, reason); err != nil {
				return fmt.Errorf("hold outbox: %w", err)
			}
		}
		if err := s.PauseTx(ctx, tx, by.Account, true); err != nil {
			return err
		}
		err = s.Audit.Write(ctx, tx, audit.Entry{
			At: s.Clock.Now(), By: by, Verb: "correspondence.hold_restored", On: ref.Ref{},
			Changes: []audit.Change{{Field: "paused", To: true}, {Field: "held", To: held}},
		})
		return err
	})
	return held, err
}
