package intake

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/retain"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// over is the condition under which the content of a report may end: it was settled in this state before this moment, nothing waits in it, no
// incident tells of it, its thread is its own, nothing is on its way to the reporter or to who receives it by law, and nothing holds it.
const over = `r.state = $1 AND r.settled_at < $2 AND r.queue = 0
	AND NOT EXISTS (SELECT 1 FROM intake_link l WHERE l.report = r.id)
	AND EXISTS (SELECT 1 FROM correspondence_thread t WHERE t.object = r.thread AND t.about = r.id)
	AND NOT EXISTS (SELECT 1 FROM correspondence_message m WHERE m.thread = r.thread AND m.state IN ('held', 'sending'))
	AND NOT EXISTS (SELECT 1 FROM intake_obligation b JOIN intake_forward f ON f.obligation = b.id JOIN correspondence_message m ON m.uid = f.message
		WHERE b.report = r.id AND m.state IN ('held', 'sending'))
	AND NOT EXISTS (SELECT 1 FROM intake_forward f JOIN correspondence_message m ON m.uid = f.message WHERE f.obligation = r.id AND m.state IN ('held', 'sending'))
	AND NOT EXISTS (SELECT 1 FROM intake_vouch v JOIN correspondence_message m ON m.uid = v.message WHERE v.report = r.id AND m.state IN ('held', 'sending'))
	AND `

// kept says how long a report stays in each state in which it needs nothing more; in the others it stays.
var kept = []struct {
	state State
	class retain.Class
	life  time.Duration
}{
	{Rejected, retain.Rejected, retain.RejectedFor},
	{Spam, retain.Rejected, retain.RejectedFor},
	{Answered, retain.Settled, retain.SettledFor},
	{PassedOn, retain.Settled, retain.SettledFor},
}

// perRun is how many reports one run ends, so that a flood of a year ago does not fill the day.
const perRun = 5000

// End removes what the public pages need no longer, and destroys the content of reports whose period is over, with their threads, mails, files, links
// and words, each in a transaction of its own. It gives the number of reports. One that fails stops no other; it may run twice and does not mind.
func (s *Service) End(ctx context.Context) (done int, err error) {
	var failed []error
	if err := s.endFront(ctx); err != nil {
		failed = append(failed, err)
	}
	for _, k := range kept {
		before := s.Clock.Now().Add(-k.life)
		for skip := 0; done < perRun; {
			ids, err := db.All(ctx, s.DB, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) },
				`SELECT r.id FROM intake_report r WHERE `+over+retain.Free("r.id")+` ORDER BY r.settled_at, r.id LIMIT 100 OFFSET $3`, string(k.state), before, skip)
			if err != nil {
				return done, errors.Join(append(failed, err)...)
			}
			if len(ids) == 0 {
				break
			}
			for _, report := range ids {
				switch ended, err := s.end(ctx, report, k.state, before, k.class); {
				case ctx.Err() != nil:
					return done, ctx.Err()
				case err != nil:
					failed = append(failed, fmt.Errorf("end report %d: %w", report, err))
					skip++
				case ended:
					done++
				}
			}
		}
	}
	return done, errors.Join(failed...)
}

// end destroys one report if its time is still over when its row is locked.
func (s *Service) end(ctx context.Context, report int64, state State, before time.Time, class retain.Class) (ended bool, err error) {
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		ended = false
		if _, err := access.Locked(ctx, tx, report); err != nil {
			return err
		}
		still, err := db.All(ctx, tx, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) },
			`SELECT r.id FROM intake_report r WHERE `+over+retain.Free("r.id")+` AND r.id = $3`, string(state), before, report)
		if err != nil || len(still) == 0 {
			return err
		}
		r, err := s.byID(ctx, tx, report)
		if err != nil || r.Destroyed {
			return err
		}
		ended = true
		return s.endTx(ctx, tx, &r, class)
	})
	return ended && err == nil, err
}

func (s *Service) endTx(ctx context.Context, tx *db.Tx, r *row, class retain.Class) error {
	now := s.Clock.Now()
	if err := s.ForgetTx(ctx, tx, r.Ref.ID); err != nil {
		return err
	}
	gone, err := s.Correspondence.EndTx(ctx, tx, r.Thread, class)
	if err != nil {
		return err
	}
	passed, err := db.All(ctx, tx, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) },
		`SELECT DISTINCT f.thread FROM intake_forward f JOIN intake_obligation b ON b.id = f.obligation WHERE b.report = $1
			UNION SELECT f.thread FROM intake_forward f WHERE f.obligation = $1
			UNION SELECT v.thread FROM intake_vouch v WHERE v.report = $1`, r.Ref.ID)
	if err != nil {
		return err
	}
	for _, thread := range passed {
		if _, err := s.Correspondence.EndTx(ctx, tx, thread, class); err != nil {
			return err
		}
	}
	for _, q := range []string{
		`DELETE FROM intake_shown WHERE hash IN (SELECT c.hash FROM intake_code c WHERE c.report = $1)`,
		`DELETE FROM intake_sheet_shown WHERE hash IN (SELECT c.hash FROM intake_code c WHERE c.report = $1)`,
		`DELETE FROM intake_sheet WHERE report = $1`,
		`DELETE FROM intake_code WHERE report = $1`,
		`DELETE FROM draft_text WHERE object = $1`,
		`DELETE FROM access_grant WHERE object = $1`,
	} {
		if _, err := tx.Exec(ctx, q, r.Ref.ID); err != nil {
			return err
		}
	}
	if err := s.Ring.Destroy(ctx, tx, r.Ref.ID, now, string(class)); err != nil {
		return err
	}
	if err := s.Audit.Erase(ctx, tx, r.Ref.ID); err != nil {
		return err
	}
	// The tombstone keeps what statistics count, and the hash of what was sealed.
	sum := sha256.Sum256(r.sealed)
	if err := s.endObligations(ctx, tx, r.Ref.ID); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE intake_report SET settled_at = NULL, contact = 0, sender = NULL, message = NULL, words = NULL, decision = NULL, receipt = $3, receipt_message = '', body = $2 WHERE id = $1`,
		r.Ref.ID, sum[:], string(NoReceipt))
	if err != nil {
		return err
	}
	if err := access.Touch(ctx, tx, r.Ref.ID, now); err != nil {
		return err
	}
	return s.Audit.Write(ctx, tx, audit.Entry{
		At: now, By: access.System("retain"), Verb: "intake.destroy", On: r.Ref, Changes: []audit.Change{{Field: "class", To: string(class)}},
		Data: map[string]any{"messages": gone.Messages, "mails": gone.Mails, "files": gone.Files},
	})
}

// endObligations leaves of submissions and facts their times and hashes.
func (s *Service) endObligations(ctx context.Context, tx *db.Tx, report int64) error {
	if _, err := tx.Exec(ctx, `UPDATE intake_submission SET body = sum, message = '' WHERE report = $1`, report); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE intake_fact SET note = NULL WHERE obligation IN (SELECT b.id FROM intake_obligation b WHERE b.report = $1)`, report)
	return err
}

// endFront removes what let strangers in or was never opened, when its period is over.
func (s *Service) endFront(ctx context.Context) error {
	now := s.Clock.Now()
	if err := s.endUploads(ctx, now); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, q := range []struct {
			text string
			at   time.Time
		}{
			{`DELETE FROM intake_taken WHERE taken_at < $1`, now.Add(-retain.FormsFor)},
			{`DELETE FROM intake_draft WHERE saved_at < $1`, now.Add(-retain.UnsentFor)},
			{`DELETE FROM intake_kept WHERE kept_at < $1`, now.Add(-retain.UnsentFor)},
			{`DELETE FROM intake_shown WHERE ends_at IS NOT NULL AND ends_at < $1 AND NOT EXISTS (SELECT 1 FROM intake_code c JOIN retain_hold h ON h.object = c.report WHERE c.hash = intake_shown.hash)`, now},
			{`DELETE FROM intake_sheet_shown WHERE hash IN (SELECT c.hash FROM intake_code c WHERE c.ends_at IS NOT NULL AND c.ends_at < $1 AND ` + retain.Free("c.report") + `)`, now},
			{`DELETE FROM intake_code WHERE ends_at IS NOT NULL AND ends_at < $1 AND ` + retain.Free("intake_code.report"), now},
		} {
			if _, err := tx.Exec(ctx, q.text, q.at); err != nil {
				return err
			}
		}
		if err := s.endTraits(ctx, tx); err != nil {
			return err
		}
		n, err := tx.Exec(ctx, `DELETE FROM intake_drop WHERE aside_at IS NOT NULL AND aside_at < $1`, now.Add(-retain.AsideFor))
		if err != nil || n == 0 {
			return err
		}
		return s.Audit.Write(ctx, tx, audit.Entry{
			At: now, By: access.System("retain"), Verb: "intake.drop_destroy", Changes: []audit.Change{{Field: "class", To: string(retain.Aside)}}, Data: map[string]any{"drops": n},
		})
	})
}
