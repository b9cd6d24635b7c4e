package suspicion

import (
	"context"
	"fmt"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/retain"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

const (
	endAtOnce = 200    // messages of a transaction
	perRun    = 20_000 // of a run: an hour of the worst day's
)

// End takes away what is over its period: messages with their mails, their senders and the thanks to them, and what messages were alike by. Campaigns, their
// counts and features stay. It gives the number of messages; it may run twice and does not mind.
func (s *Service) End(ctx context.Context) (done int, err error) {
	now := s.Clock.Now()
	for done < perRun {
		n := 0
		err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			var ids, threads []int64
			rows, err := tx.Query(ctx, `SELECT id, thanked FROM suspicion_message WHERE at < $1
				AND NOT EXISTS (SELECT 1 FROM correspondence_message m WHERE m.thread = thanked AND thanked <> 0 AND m.state IN ('held', 'sending')) ORDER BY at, id LIMIT $2`, now.Add(-retain.PublicFor), endAtOnce)
			err = db.Each(rows, err, func(r *db.Rows) error {
				var id, thread int64
				err := r.Scan(&id, &thread)
				ids, threads = append(ids, id), append(threads, thread)
				return err
			})
			if n = len(ids); err != nil || n == 0 {
				return err
			}
			if _, err := db.In(new(db.Query).Add(`DELETE FROM suspicion_message WHERE id IN `), ids).Exec(ctx, tx); err != nil {
				return err
			}
			if err := s.Correspondence.RemoveTx(ctx, tx, ids, threads); err != nil {
				return err
			}
			return s.Audit.Write(ctx, tx, audit.Entry{
				At: now, By: access.System("retain"), Verb: "suspicion.destroy", Changes: []audit.Change{{Field: "class", To: string(retain.Public)}}, Data: map[string]any{"messages": n},
			})
		})
		if err != nil {
			return done, fmt.Errorf("end suspicious messages: %w", err)
		}
		if done += n; n < endAtOnce {
			break
		}
	}
	if _, err := s.DB.Exec(ctx, `DELETE FROM suspicion_thanks WHERE at < $1`, now.Add(-retain.CountersFor)); err != nil {
		return done, err
	}
	_, err = s.DB.Exec(ctx, `DELETE FROM suspicion_trait WHERE token < $1`, (periodOf(now)-1)<<periodBits)
	return done, err
}
