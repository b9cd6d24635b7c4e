package intake

import (
	"context"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// runOne does to one report what its run does, or takes it back, and notes it in the same transaction.
func (s *Service) runOne(ctx context.Context, tx *db.Tx, by access.Actor, run Run, body runBody, i item) error {
	if err := by.Need(access.Triage); err != nil {
		return err
	}
	o, err := access.Load(ctx, tx, by, ref.Ref{Kind: ref.Report, ID: i.report})
	if err != nil {
		return err
	}
	r, err := s.loadForChange(ctx, tx, by, o.UID)
	if err != nil {
		return err
	}
	var e audit.Entry
	state, message := 1, i.message
	switch {
	case run.State == Undoing:
		state = 3
		e, err = s.runBack(ctx, tx, by, run, &r, i.message)
	case run.Action == RunReject:
		e, err = s.rejectRow(ctx, tx, by, &r, body.Reason, body.Note)
	case run.Action == RunPassOn:
		e, err = s.passOnRow(ctx, tx, by, &r, body.To, body.Note)
	default:
		e, message, err = s.runAnswer(ctx, tx, by, run, &r, body.Letters)
	}
	if err != nil {
		return err
	}
	e.Data = map[string]any{"run": run.UID, "message": message}
	if err := s.change(ctx, tx, by, &r, e); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE intake_run_item SET state = $3, message = $4 WHERE run = $1 AND place = $2`, run.ID, i.place, state, message)
	return err
}

// runAnswer writes the letter of one reporter, in its language: a letter of its own, with a pass of its own.
func (s *Service) runAnswer(ctx context.Context, tx *db.Tx, by access.Actor, run Run, r *row, letters map[string]Words) (audit.Entry, string, error) {
	from := r.State
	if err := r.move(Answered); err != nil {
		return audit.Entry{}, "", err
	}
	threads, err := s.Correspondence.Threads(ctx, tx, r.Thread)
	if err != nil {
		return audit.Entry{}, "", err
	}
	to := threads[r.Thread].Correspondent
	words, ok := letters[to.Lang]
	if !ok || strings.TrimSpace(words.Text) == "" || strings.TrimSpace(words.Subject) == "" {
		words = letters["en"]
	}
	name := to.Name
	if name == "" {
		name = to.Email
	}
	fill := strings.NewReplacer("{name}", strings.Join(strings.Fields(name), " "), "{reference}", r.Reference)
	list, err := s.Correspondence.SendPlannedTx(ctx, tx, by, run.mass, []correspondence.Addressed{{Thread: r.Thread, Outgoing: correspondence.Outgoing{
		Kind: correspondence.Letter, TLP: r.TLP, Subject: words.Subject, Text: fill.Replace(words.Text),
	}}})
	if err != nil {
		return audit.Entry{}, "", err
	}
	r.AnswerCame = false
	return moved("intake.reply", from, r, ""), list[0].UID, nil
}

// runBack takes one report back to new; a letter that has left stays, and its report with it.
func (s *Service) runBack(ctx context.Context, tx *db.Tx, by access.Actor, run Run, r *row, message string) (audit.Entry, error) {
	if run.Action == RunAnswer {
		if err := s.Correspondence.StopTx(ctx, tx, by, message); err != nil {
			return audit.Entry{}, err
		}
	}
	return s.restoreRow(ctx, tx, by, r)
}

// linking is what a run that attaches does with some of its reports: the incident stands above this package and writes in transactions of its own.
type linking struct {
	run      Run
	by       access.Actor
	incident string
}

// runLinks attaches reports to an incident, or takes that back, and notes it then. Killed in between, it finds what it did.
func (s *Service) runLinks(ctx context.Context, l linking, items []item) error {
	act, to, state := s.AttachTo, Linked, 1
	if l.run.State == Undoing {
		act, to, state = s.DetachFrom, New, 3
	}
	ids := make([]int64, len(items))
	for i, x := range items {
		ids[i] = x.report
	}
	found, err := s.ByID(ctx, s.DB, l.by, ids...)
	if err != nil {
		return err
	}
	var uids []string
	for _, x := range items {
		r, ok := found[x.report]
		if !ok {
			return errs.ErrNotFound
		}
		if r.State != to {
			uids = append(uids, r.UID)
		}
	}
	if len(uids) > 0 {
		if err := act(ctx, l.by, l.incident, uids); err != nil {
			return err
		}
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, x := range items {
			if _, err := tx.Exec(ctx, `UPDATE intake_run_item SET state = $3 WHERE run = $1 AND place = $2`, l.run.ID, x.place, state); err != nil {
				return err
			}
		}
		return nil
	})
}
