package coordination

import (
	"context"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
)

// Preview shows exactly what each party will receive and by which road. It changes nothing.
func (s *Service) Preview(ctx context.Context, by access.Actor, subject string, g Give) ([]Preview, error) {
	panic("not built yet")
}

// Send gives measures and asks requests: one thread a party, in its language, held in the outbox. All or none is put in the outbox.
func (s *Service) Send(ctx context.Context, by access.Actor, subject string, g Give) ([]correspondence.Message, error) {
	panic("not built yet")
}

// Write sends a free message to one party.
func (s *Service) Write(ctx context.Context, by access.Actor, party string, out correspondence.Outgoing) (correspondence.Message, error) {
	panic("not built yet")
}
