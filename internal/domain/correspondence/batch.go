package correspondence

import (
	"context"
	"fmt"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// massFilling is a mass whose letters are still being written: nobody can release it yet.
const massFilling MassState = "filling"

// PlanTx asks the brake of rule O5 about letters that will be written in several transactions, as about one act. It gives the mass that they go
// under, 0 when they may leave on the word of one person. Forbidden when they wait for a second person and the first has not proved afresh who it is.
func (s *Service) PlanTx(ctx context.Context, tx *db.Tx, by access.Actor, subject ref.Ref, threads []int64, label tlp.Level) (mass int64, err error) {
	if err := by.Need(access.SendOutside); err != nil {
		return 0, err
	}
	list := make([]Addressed, len(threads))
	for i, t := range threads {
		list[i] = Addressed{Thread: t, Outgoing: Outgoing{TLP: label, Under: subject}}
	}
	if mass, err = s.mass(ctx, tx, by, list, s.Clock.Now()); err != nil || mass == 0 {
		return 0, err
	}
	_, err = tx.Exec(ctx, `UPDATE correspondence_mass SET state = $1 WHERE id = $2`, string(massFilling), mass)
	return mass, err
}

// SendPlannedTx is SendManyTx for some of the letters of PlanTx.
func (s *Service) SendPlannedTx(ctx context.Context, tx *db.Tx, by access.Actor, mass int64, list []Addressed) ([]Message, error) {
	return s.putAll(ctx, tx, by, mass, list)
}

// PlannedTx says that all letters of a plan are written: who releases it sees them now.
func (s *Service) PlannedTx(ctx context.Context, tx *db.Tx, mass int64) error {
	if mass == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, `UPDATE correspondence_mass SET state = $1 WHERE id = $2 AND state = $3`, string(MassWaiting), mass, string(massFilling)); err != nil {
		return err
	}
	return s.settleMass(ctx, tx, mass)
}

// StopTx is Stop in the caller's transaction.
func (s *Service) StopTx(ctx context.Context, tx *db.Tx, by access.Actor, message string) error {
	if err := by.Need(access.StopMail); err != nil {
		return err
	}
	m, t, err := s.forChange(ctx, tx, by, message)
	if err != nil {
		return fmt.Errorf("stop message: %w", err)
	}
	if m.Direction != Out || (m.State != Held && m.State != Waiting) {
		return errTooLate
	}
	return s.stopTx(ctx, tx, by, &m, t)
}
