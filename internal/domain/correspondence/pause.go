package correspondence

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/setting"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
)

const pausedSetting = "correspondence.paused"

// Pause stops all outgoing mail with one control, or lets it go again (rule O5): what is held stays held, and nothing goes twice. It needs
// access.StopMail; to stop must be quick, to let everything go asks for a fresh proof.
func (s *Service) Pause(ctx context.Context, by access.Actor, paused bool, why string) error {
	if err := by.Need(access.StopMail); err != nil {
		return err
	}
	if !paused {
		if err := by.NeedFresh(s.Clock.Now()); err != nil {
			return err
		}
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := s.PauseTx(ctx, tx, by.Account, paused); err != nil {
			return err
		}
		err := s.Audit.Write(ctx, tx, audit.Entry{
			At: s.Clock.Now(), By: by, Verb: VerbPause, On: ref.Ref{}, Note: why,
			Changes: []audit.Change{{Field: "paused", From: !paused, To: paused}},
		})
		return err
	})
}

// PauseTx is Pause for a restore, which holds the outbox before anything runs (rule K9); the caller records it.
func (s *Service) PauseTx(ctx context.Context, tx *db.Tx, account int64, paused bool) error {
	return setting.Put(ctx, tx, account, s.Clock.Now(), pausedSetting, paused)
}

// Paused tells whether all outgoing mail is stopped.
func (s *Service) Paused(ctx context.Context, h db.Handle) (bool, error) {
	var paused bool
	err := setting.Get(ctx, h, pausedSetting, &paused)
	return paused, err
}

// overdueLetters are what should have left. The order is an expression: by the index of the line every letter ever sent would be read for it.
const overdueLetters = `SELECT m.id FROM correspondence_message m
	WHERE m.state IN ('held', 'sending') AND m.line > 0 AND m.send_after < $1 AND (m.taken_at IS NULL OR m.taken_at < $2)
	ORDER BY m.line + 0, m.id LIMIT 256`

// sweepLetters asks again for letters that should have left: their job was lost with a process.
func (s *Service) sweepLetters(ctx context.Context) error {
	now := s.Clock.Now()
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		ids, err := db.All(ctx, tx, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) }, overdueLetters, now.Add(-2*time.Minute), now.Add(-lease))
		if err != nil || len(ids) == 0 {
			return err
		}
		return s.Jobs.Insert(ctx, tx, SendJob{Messages: ids}, job.Options{Lane: job.Send, Unique: true})
	})
}
