package correspondence

import (
	"context"
	"maps"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// The verbs under which the record has what may change of sending while the program runs.
const (
	VerbRoads = "correspondence.roads"
	VerbPause = "correspondence.pause"
)

// Roads gives what may leave for each label when we hold no key of the reader.
func (s *Service) Roads(ctx context.Context, h db.Handle) (map[tlp.Level]egress.Road, error) {
	return s.Egress.Policy(ctx, h)
}

// SetRoads changes that table from what the person read to what it wants. It needs access.ChangeRules and a fresh proof. A table that somebody else changed
// meanwhile is a Conflict; a road that a stricter label has not earned is refused beside its label. Letters that wait take the new road: it
// is looked at again when they leave.
func (s *Service) SetRoads(ctx context.Context, by access.Actor, was, want map[tlp.Level]egress.Road) error {
	if err := by.Need(access.ChangeRules); err != nil {
		return err
	}
	if err := by.NeedFresh(s.Clock.Now()); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		now, err := s.Egress.Policy(ctx, tx)
		if err != nil {
			return err
		}
		if !maps.Equal(was, now) {
			return access.ErrChanged
		}
		at := s.Clock.Now()
		if err := s.Egress.SetPolicyTx(ctx, tx, by.Account, at, want); err != nil {
			return err
		}
		var list []audit.Change
		for _, l := range tlp.Levels() {
			if now[l] != want[l] {
				list = append(list, audit.Change{Field: l.String(), From: now[l].String(), To: want[l].String()})
			}
		}
		if len(list) == 0 {
			return nil
		}
		err = s.Audit.Write(ctx, tx, audit.Entry{At: at, By: by, Verb: VerbRoads, Changes: list})
		return err
	})
}
