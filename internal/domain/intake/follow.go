package intake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/setting"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
)

// FollowJob asks intake to follow the record.
type FollowJob struct{}

// Kind names the job.
func (FollowJob) Kind() string { return "intake.follow" }

// SweepJob asks intake to end what was kept long enough.
type SweepJob struct{}

// Kind names the job.
func (SweepJob) Kind() string { return "intake.sweep" }

// Work registers the jobs of this duty.
func (s *Service) Work(r *job.Registry) {
	job.Handle(r, job.House, func(ctx context.Context, _ FollowJob) error {
		_, err := s.Follow(ctx)
		return err
	})
	r.Every("intake.follow", time.Second, job.House, FollowJob{})
	job.Handle(r, job.House, func(ctx context.Context, _ IndexJob) error { return s.Index(ctx) })
	r.Every("intake.index", indexRhythm, job.House, IndexJob{})
	job.Handle(r, job.House, func(ctx context.Context, _ SweepJob) error {
		_, err := s.End(ctx)
		return errors.Join(err, s.ResumeRuns(ctx))
	})
	job.Handle(r, job.House, func(ctx context.Context, j RunJob) error { return s.WorkRun(ctx, j.Run) })
	job.Handle(r, job.House, s.WorkRule)
	r.Every("intake.sweep", time.Hour, job.House, SweepJob{})
}

const (
	settingFollowed = "intake.followed"
	followBatch     = 500
)

// Follow reads what others did, from the record, and lets reports follow: what their links show; our answer clock, which any letter of a
// person meets once it is sent, and which runs again when the only answer was stopped. It gives the number of the last entry read. It may
// run twice and does not mind.
func (s *Service) Follow(ctx context.Context) (int64, error) {
	var seq int64
	if err := setting.Get(ctx, s.DB, settingFollowed, &seq); err != nil {
		return 0, err
	}
	for {
		rows, err := s.Audit.Since(ctx, s.DB, seq, followBatch)
		if err != nil || len(rows) == 0 {
			return seq, err
		}
		if err := s.follow(ctx, rows); err != nil {
			return seq, err
		}
		seq = rows[len(rows)-1].Seq
		err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			return setting.Put(ctx, tx, 0, s.Clock.Now(), settingFollowed, seq)
		})
		if err != nil || len(rows) < followBatch {
			return seq, err
		}
	}
}

// followed are the kinds whose entries may change what a reporter reads.
var followed = []ref.Kind{ref.Thread, ref.Report, ref.Request}

func (s *Service) follow(ctx context.Context, rows []audit.Row) error {
	var threads, objects []int64
	for _, r := range rows {
		switch {
		case !slices.Contains(followed, r.On.Kind):
		case r.On.Kind == ref.Thread:
			threads = append(threads, r.On.ID)
		case r.Verb != "intake.receive":
			objects = append(objects, r.On.ID, r.About)
		}
	}
	seen := map[int64]bool{}
	var reports []int64
	for _, set := range []struct {
		where string
		ids   []int64
	}{{`(` + talked + `) AND r.thread`, threads}, {`r.id`, objects}} {
		if len(set.ids) == 0 {
			continue
		}
		q := db.In(new(db.Query).Add(`SELECT r.id FROM intake_report r WHERE `+set.where+` IN `), set.ids)
		ids, err := db.List(ctx, s.DB, q, func(rows *db.Rows) (n int64, err error) { return n, rows.Scan(&n) })
		if err != nil {
			return err
		}
		for _, report := range ids {
			if !seen[report] {
				seen[report] = true
				reports = append(reports, report)
			}
		}
	}
	slices.Sort(reports) // locks are taken in one order
	for part := range slices.Chunk(reports, together) {
		err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			for _, report := range part {
				if err := s.catchUpTx(ctx, tx, report); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// together is how many reports follow in one transaction.
const together = 16

// talked holds of a thread with more than the report itself and its receipt: those change nothing that the report's own verb did not write.
const talked = `EXISTS (SELECT 1 FROM correspondence_message m WHERE m.thread = r.thread AND m.direction = 2 AND m.automatic = FALSE)
	OR (SELECT COUNT(*) FROM correspondence_message m WHERE m.thread = r.thread AND m.direction = 1) > 1`

// catchUpTx brings one report up to what happened on its thread.
func (s *Service) catchUpTx(ctx context.Context, tx *db.Tx, report int64) error {
	by := access.System("intake")
	if _, err := access.Locked(ctx, tx, report); err != nil {
		return err
	}
	r, err := s.byID(ctx, tx, report)
	if err != nil || r.Destroyed {
		return err
	}
	if err := s.answered(ctx, tx, by, &r); err != nil {
		return fmt.Errorf("follow report %d: %w", report, err)
	}
	return s.showTx(ctx, tx, report)
}

// answered compares our answer clock with what persons sent: it is met when the first such letter left, and runs again when all came back.
func (s *Service) answered(ctx context.Context, tx *db.Tx, by access.Actor, r *row) error {
	clocks, err := s.Deadlines.About(ctx, tx, r.Ref.ID)
	if err != nil {
		return err
	}
	all, err := s.Correspondence.Messages(ctx, tx, by, r.Thread)
	if err != nil {
		return err
	}
	var first time.Time
	pending, stopped := false, false
	for _, m := range all {
		if m.Direction != correspondence.Out || m.Automatic {
			continue
		}
		switch m.State {
		case correspondence.Sent:
			if at := m.SentAt; first.IsZero() || at.Before(first) {
				first = at
			}
		case correspondence.Stopped, correspondence.Failed:
			stopped = true
		default:
			pending = true
		}
	}
	for _, c := range clocks[r.Ref.ID] {
		if c.Kind != FirstAnswer {
			continue
		}
		switch {
		case c.Open() && !first.IsZero():
			if err := s.Deadlines.MeetTx(ctx, tx, by, r.Ref, FirstAnswer, first); err != nil {
				return err
			}
		case !c.MetAt.IsZero() && first.IsZero() && !pending && stopped:
			if _, err := s.Deadlines.ReopenTx(ctx, tx, by, r.Ref, FirstAnswer); err != nil {
				return err
			}
		}
	}
	if r.State == Answered && first.IsZero() && !pending && stopped {
		from := r.State
		if err := r.move(New); err != nil {
			return err
		}
		return s.change(ctx, tx, by, r, moved("intake.restore", from, r, ""))
	}
	if before := r.queue; r.State == New {
		if err := s.requeue(ctx, tx, r); err != nil {
			return err
		}
		if r.queue != before {
			return s.update(ctx, tx, r)
		}
	}
	return nil
}
