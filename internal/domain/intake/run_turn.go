package intake

import (
	"context"
	"slices"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
)

var errRunGoing = &errs.Error{Kind: errs.Conflict, Key: "error.run.going", Text: "these reports are being passed on already"}

var errRunOver = &errs.Error{Kind: errs.Conflict, Key: "error.run.over", Text: "the run is over"}

// CancelRun stops a run where it is: what was done stays done.
func (s *Service) CancelRun(ctx context.Context, by access.Actor, uid string) error {
	return s.turn(ctx, by, uid, []RunState{Running}, Cancelled)
}

// UndoRun takes back what a run did, as far as that can be: letters that are still held are stopped and their reports wait again, and what was rejected
// waits again. What has left stays answered.
func (s *Service) UndoRun(ctx context.Context, by access.Actor, uid string) error {
	return s.turn(ctx, by, uid, []RunState{Running, RunDone, Cancelled}, Undoing)
}

func (s *Service) turn(ctx context.Context, by access.Actor, uid string, from []RunState, to RunState) error {
	if err := by.Need(access.Triage); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		run, err := s.run(ctx, tx, by, uid, tx.ForUpdate())
		if err != nil {
			return err
		}
		if to == Undoing && run.forward != "" {
			if err := s.runLetterBack(ctx, tx, by, run.forward); err != nil {
				return err
			}
		}
		return s.turnTx(ctx, tx, by, run, from, to)
	})
}

// turnTx moves a run that the transaction has locked.
func (s *Service) turnTx(ctx context.Context, tx *db.Tx, by access.Actor, run Run, from []RunState, to RunState) error {
	if !slices.Contains(from, run.State) {
		return errRunOver
	}
	was := run.State
	if run.State = to; to == Cancelled {
		run.EndedAt = s.Clock.Now()
		if err := s.Correspondence.PlannedTx(ctx, tx, run.mass); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, `UPDATE intake_run SET state = $2, ended_at = $3, account = $4 WHERE id = $1`, run.ID, string(to), run.EndedAt, by.Account); err != nil {
		return err
	}
	if err := s.runEntry(ctx, tx, by, run, "intake.run", audit.Change{Field: "state", From: string(was), To: string(to)}); err != nil {
		return err
	}
	return s.Jobs.Insert(ctx, tx, RunJob{run.ID}, job.Options{Lane: job.House})
}

// ResumeRuns asks again for the runs that are not over: the job of one was given up, for a disk that was full or a key process that was away.
func (s *Service) ResumeRuns(ctx context.Context) error {
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		runs, err := db.All(ctx, tx, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) }, `SELECT id FROM intake_run WHERE state IN ('running', 'undoing') ORDER BY id LIMIT 100`)
		for _, run := range runs {
			if err == nil {
				err = s.Jobs.Insert(ctx, tx, RunJob{run}, job.Options{Lane: job.House, Unique: true})
			}
		}
		return err
	})
}

// passRun writes the letter that passes on all reports of a run, once for all of them.
func (s *Service) passRun(ctx context.Context, tx *db.Tx, by access.Actor, rows []row, in RunInput) (forward string, err error) {
	if _, err := access.Locked(ctx, tx, rows[0].Ref.ID); err != nil {
		return "", err
	}
	going, err := db.All(ctx, tx, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) },
		`SELECT x.id FROM intake_run x WHERE x.lead = $1 AND x.state IN ('running', 'undoing') AND x.forward <> '' LIMIT 1`, rows[0].Ref.ID)
	if err != nil {
		return "", err
	}
	if len(going) > 0 { // pressed twice: one letter
		return "", errRunGoing
	}
	if rows, err = s.named(ctx, tx, by, in.Reports); err != nil { // as they stand under the lock
		return "", err
	}
	x, err := s.passing(ctx, tx, by, rows, PassOnInput{To: in.To, Note: in.Note, Letter: *in.Pass})
	if err != nil {
		return "", err
	}
	f, err := s.handTx(ctx, tx, by, x)
	return f.UID, err
}
