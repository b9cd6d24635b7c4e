package coordination

import (
	"context"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// SayReach takes down how far what somebody told us may go, for the timeline of what it belongs to: by its own people, or by one of us who was told on the
// telephone. The rules are those of correspondence.SayTx.
func (s *Service) SayReach(ctx context.Context, by access.Actor, in correspondence.Saying) error {
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if in.Thread != "" {
			o, err := access.Find(ctx, tx, by, ref.Thread, in.Thread)
			if err != nil {
				return err
			}
			p, err := s.PartyOfThread(ctx, tx, o.Ref.ID)
			switch {
			case err == nil:
				in.Under = p.Subject
			case !errs.Is(err, errs.NotFound):
				return err
			}
		}
		return s.Correspondence.SayTx(ctx, tx, by, in)
	})
}

// Reach is what a party says of how far its information may go, with the widths at which it said so.
func (s *Service) Reach(ctx context.Context, h db.Handle, parties ...Party) (map[int64]correspondence.Words, error) {
	ids := make([]int64, len(parties))
	for i, p := range parties {
		ids[i] = p.Thread
	}
	threads, err := s.Correspondence.Threads(ctx, h, ids...)
	if err != nil {
		return nil, err
	}
	list := make([]correspondence.Thread, 0, len(threads))
	for _, t := range threads {
		list = append(list, t)
	}
	words, err := s.Correspondence.WordsOf(ctx, h, list...)
	if err != nil {
		return nil, err
	}
	out := make(map[int64]correspondence.Words, len(parties))
	for _, p := range parties {
		out[p.Ref.ID] = words[p.Thread]
	}
	return out, nil
}
