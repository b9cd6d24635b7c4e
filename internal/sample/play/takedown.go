package play

import (
	"context"
	"fmt"

	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/domain/takedown"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/sample/country"
)

// writeTakeDown puts into the script what is to end, who was told, and how it stood since.
func (p *player) writeTakeDown() {
	uids := map[string]string{} // by what they are
	directory := map[string]string{}
	for _, t := range p.country.Targets {
		p.then(t.Added, "target "+t.What, func(ctx context.Context) error {
			for _, key := range t.Providers {
				if directory[key] == "" {
					if err := p.enterProvider(ctx, t, key, directory); err != nil {
						return err
					}
				}
			}
			added, err := p.Takedown.Add(ctx, p.by(t.By), p.incidents[t.Incident].uid, takedown.NewTarget{What: t.What, Kind: takedown.Kind(t.Kind), Words: t.Words, SeenAt: p.ago(t.Seen)})
			if err != nil {
				return err
			}
			uids[t.What] = added.UID
			for _, key := range t.Providers {
				if err := p.Takedown.Name(ctx, p.by(t.By), added.UID, directory[key]); err != nil {
					return err
				}
			}
			return nil
		})
		for _, s := range t.Stands {
			p.then(s.At, "look at "+t.What, func(ctx context.Context) error {
				if uids[t.What] == "" {
					return errs.Newf(errs.Internal, "%s is looked at before it was added", t.What)
				}
				_, err := p.Takedown.SetState(ctx, p.by(t.By), uids[t.What], 0, takedown.State(s.State), s.Why)
				return err
			})
		}
	}
	for _, at := range p.country.TakeDowns {
		p.then(at.At, "letters of a take-down", func(ctx context.Context) error {
			x, err := p.Takedown.Prepare(ctx, p.by(at.By), p.incidents[at.Incident].uid, nil)
			if err != nil {
				return err
			}
			if x, err = p.Coordination.Submit(ctx, p.by(at.By), x.UID, 0, true); err != nil {
				return err
			}
			if x.State == coordination.SendingWaiting {
				return fmt.Errorf("the letters wait for a second person: %d", x.Version)
			}
			return nil
		})
	}
}

// enterProvider puts an organisation of the country into the directory of providers.
func (p *player) enterProvider(ctx context.Context, t country.Target, key string, directory map[string]string) error {
	for _, x := range p.country.Providers {
		if x.Organisation == key {
			made, err := p.Takedown.SaveProvider(ctx, p.by(t.By), "", 0, takedown.NewProvider{Organisation: p.orgs[key].UID, Role: coordination.Role(x.Role), Form: takedown.Form(x.Form), Wants: x.Wants})
			directory[key] = made.UID
			return err
		}
	}
	return errs.Newf(errs.Internal, "no provider %s", key)
}
