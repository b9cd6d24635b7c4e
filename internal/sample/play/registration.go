package play

import (
	"context"
	"encoding/json"

	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
	"github.com/tocsin-csirt/tocsin/internal/domain/registration"
	"github.com/tocsin-csirt/tocsin/internal/kit/codebox"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// writeRegistrations puts into the script the entities that register themselves on the public pages.
func (p *player) writeRegistrations() {
	for _, r := range p.country.Registrations {
		var reference string
		p.then(r.Received, "registration", func(ctx context.Context) error {
			said, err := registration.Read(p.Registration.Annexes, registration.Boxes(r.Boxes), 0)
			if err != nil {
				return err
			}
			raw, err := json.Marshal(said)
			if err != nil {
				return err
			}
			reference = id.Reference(intake.RegistrationPrefix, p.Clock.Now().Year())
			hash, public := codebox.Halves(id.NewCode(), intake.RegistrationPurpose)
			in := intake.Registered{At: p.Clock.Now(), Reference: reference, CodeHash: hash, CodeKey: public, Lang: r.Lang, Said: raw}
			return p.Registration.FromBox(ctx, in, func(context.Context, *db.Tx) error { return nil })
		})
		if r.Asked != 0 {
			p.then(r.Asked, "question about a registration", func(ctx context.Context) error {
				_, err := p.Registration.Ask(ctx, p.by(r.By), reference, 0, r.Question)
				return err
			})
		}
	}
}
