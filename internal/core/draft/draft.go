// Package draft keeps a person's unsent text by object and field, sealed for that person; it is never searched or audited. Table: draft_text.
package draft

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/clock"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Service keeps drafts.
type Service struct {
	DB    *db.DB
	Clock clock.Clock
	Ring  *keyring.Ring
}

// Save stores a draft and gives the moment at which it was stored; empty text removes it.
func (s *Service) Save(ctx context.Context, by access.Actor, on ref.Ref, field, text string) (time.Time, error) {
	panic("not built yet")
}

// Load gives a draft, "" for none.
func (s *Service) Load(ctx context.Context, by access.Actor, on ref.Ref, field string) (string, time.Time, error) {
	panic("not built yet")
}

// DropTx removes a draft when its text was sent.
func (s *Service) DropTx(ctx context.Context, tx *db.Tx, by access.Actor, on ref.Ref, field string) error {
	panic("not built yet")
}
