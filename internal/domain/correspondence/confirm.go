package correspondence

import (
	"context"
	"fmt"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// ConfirmTx asks a contact of an organisation by letter to look through the entry in the register. The letter says nothing of what stands there. It tells false,
// and writes nothing, when the address had as much automatic mail as it may have (rule M9).
func (s *Service) ConfirmTx(ctx context.Context, tx *db.Tx, organisation ref.Ref, to Correspondent, due time.Time, again bool) (bool, error) {
	full, err := s.toldEnough(ctx, tx, to.Email, false)
	if err != nil || full {
		return false, err
	}
	by := access.System("sender")
	t, err := s.OpenThreadTx(ctx, tx, by, NewThread{About: organisation, Apart: true, TLP: tlp.Green, Prefix: "A", Correspondent: to})
	if err != nil {
		return false, fmt.Errorf("ask for a confirmation: %w", err)
	}
	letter := Auto{Letter: AutoConfirm, At: s.Clock.Now(), DueAt: due}
	if again {
		letter.Letter = AutoConfirmAgain
	}
	if _, err := s.SendFirstTx(ctx, tx, by, &t, Outgoing{Kind: Notice, TLP: tlp.Green, Auto: &letter}); err != nil {
		return false, fmt.Errorf("ask for a confirmation: %w", err)
	}
	return true, nil
}
