package intake

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// ErrNotOwed is the Conflict of waiving what nobody owes now.
var ErrNotOwed = &errs.Error{Kind: errs.Conflict, Key: "error.not_owed", Text: "nobody owes this now"}

// NoteMoment notes when something happened that clocks hang on, or corrects what was said of it: then with a reason, and by a lead where the set
// says so. All clocks of the obligation follow. The actor needs access.Triage. Refused: Invalid with all problems, Forbidden, NotFound.
func (s *Service) NoteMoment(ctx context.Context, by access.Actor, obligation string, m law.Moment, at time.Time, reason string) (Obligation, error) {
	var p errs.Problems
	now := s.Clock.Now()
	if !slices.Contains(law.Moments, m) {
		p.Add("moment", "error.choice")
	}
	switch {
	case at.IsZero():
		p.Add("at", "error.required")
	case at.After(now.Add(slack)):
		p.Add("at", "error.past")
	case at.Year() < 1990:
		p.Add("at", "error.date")
	}
	at = at.Truncate(time.Microsecond) // as it is kept
	return s.fact(ctx, by, obligation, reason, p, func(ctx context.Context, tx *db.Tx, r *row, o *Obligation) (audit.Entry, error) {
		if (m == law.Suspended || m == law.Resumed) && !o.Set.Suspends { // it would change nothing, and look as if it did
			var p errs.Problems
			p.Add("moment", "error.choice")
			return audit.Entry{}, p.Err()
		}
		e := audit.Entry{Verb: "intake.moment", Changes: []audit.Change{{Field: "moment", To: string(m)}, {Field: "at", To: at.UTC()}}}
		had := inForce(o.Facts, OfMoment, string(m))
		if m == law.Suspended || m == law.Resumed {
			stands, later := suspension(o.Facts, at)
			if stands == (m == law.Suspended) {
				var p errs.Problems
				p.Add("moment", "error.changes_nothing")
				return e, p.Err()
			}
			had = later
		}
		if had != nil {
			if err := mayOverrule(by, o.Set.Correct, reason); err != nil {
				return e, err
			}
			e.Verb, e.Changes[1].From = "intake.correct_moment", had.At
		}
		return e, s.say(ctx, tx, by, o, Fact{Kind: OfMoment, Code: string(m), At: at, Note: strings.TrimSpace(reason)}, 0)
	})
}

// suspension tells whether clocks stand still at an instant, and gives the last word that a suspension or its end after it, or with it, has: to speak
// before that word corrects it.
func suspension(facts []Fact, at time.Time) (stands bool, later *Fact) {
	moved := slices.DeleteFunc(slices.Clone(facts), func(f Fact) bool {
		return f.Kind != OfMoment || !f.EndedAt.IsZero() || f.Code != string(law.Suspended) && f.Code != string(law.Resumed)
	})
	slices.SortStableFunc(moved, func(a, b Fact) int { return a.At.Compare(b.At) })
	for i := range moved {
		if f := &moved[i]; !f.At.After(at) {
			stands = f.Code == string(law.Suspended)
		}
		if f := &moved[i]; !f.At.Before(at) {
			later = f
		}
	}
	return stands, later
}

// RequestStage notes that we asked for a stage that is owed on request, and by when; zero takes the period of the set. The letter is written apart.
// The actor needs access.Triage. Refused: Invalid, NotFound.
func (s *Service) RequestStage(ctx context.Context, by access.Actor, obligation, stage string, due time.Time, reason string) (Obligation, error) {
	now := s.Clock.Now()
	var p errs.Problems
	if !due.IsZero() && !due.After(now) {
		p.Add("due_at", "error.future")
	}
	return s.fact(ctx, by, obligation, reason, p, func(ctx context.Context, tx *db.Tx, r *row, o *Obligation) (audit.Entry, error) {
		x, ok := o.Set.Stage(stage)
		var p errs.Problems
		if !ok || x.Need != law.OnRequest {
			p.Add("stage", "error.choice")
		} else if x.Within.Zero() && x.Every.Zero() && due.IsZero() {
			p.Add("due_at", "error.required")
		}
		if err := p.Err(); err != nil {
			return audit.Entry{}, err
		}
		e := audit.Entry{Verb: "intake.request_stage", Changes: []audit.Change{{Field: "stage", To: stage}}}
		if !due.IsZero() {
			e.Changes = append(e.Changes, audit.Change{Field: "due_at", To: due.UTC()})
		}
		return e, s.say(ctx, tx, by, o, Fact{Kind: OfRequest, Code: stage, At: now, DueAt: due.UTC(), Note: strings.TrimSpace(reason)}, 0)
	})
}

// Waive lets go of something that is owed, by its key, with a reason; who may is said by the set. Refused: Invalid without a reason, Forbidden, NotFound,
// Conflict for what nobody owes now.
func (s *Service) Waive(ctx context.Context, by access.Actor, obligation, key, reason string) (Obligation, error) {
	return s.fact(ctx, by, obligation, reason, nil, func(ctx context.Context, tx *db.Tx, r *row, o *Obligation) (audit.Entry, error) {
		if err := mayOverrule(by, o.Set.Waive, reason); err != nil {
			return audit.Entry{}, err
		}
		x, ok := o.Find(key)
		if !ok {
			return audit.Entry{}, errs.ErrNotFound
		}
		if !x.Strict || x.State != law.Running && x.State != law.Paused && x.State != law.NotYet {
			return audit.Entry{}, ErrNotOwed
		}
		return audit.Entry{Verb: "intake.waive", Changes: []audit.Change{{Field: "stage", To: outwardKey(key)}}},
			s.say(ctx, tx, by, o, Fact{Kind: OfWaiver, Code: key, At: s.Clock.Now(), Note: strings.TrimSpace(reason)}, 0)
	})
}

// TakeBack takes a waiver back: what was waived is owed again, with its old time. Who may is who may waive. Refused: Invalid without a reason, Forbidden,
// NotFound without a waiver.
func (s *Service) TakeBack(ctx context.Context, by access.Actor, obligation, key, reason string) (Obligation, error) {
	return s.fact(ctx, by, obligation, reason, nil, func(ctx context.Context, tx *db.Tx, r *row, o *Obligation) (audit.Entry, error) {
		if err := mayOverrule(by, o.Set.Waive, reason); err != nil {
			return audit.Entry{}, err
		}
		n, err := tx.Exec(ctx, `UPDATE intake_fact SET ended_at = $4 WHERE obligation = $1 AND kind = $2 AND code = $3 AND ended_at IS NULL`,
			o.Ref.ID, string(OfWaiver), key, s.Clock.Now())
		if err == nil && n == 0 {
			err = errs.ErrNotFound
		}
		return audit.Entry{Verb: "intake.waive_back", Changes: []audit.Change{{Field: "stage", To: outwardKey(key)}}}, err
	})
}

// PassedOnTo notes that a recipient by law was given the submissions of an obligation, when and how. The actor needs access.Triage. Refused: Invalid,
// NotFound.
func (s *Service) PassedOnTo(ctx context.Context, by access.Actor, obligation, recipient string, at time.Time, how string) (Obligation, error) {
	var p errs.Problems
	if at.IsZero() {
		at = s.Clock.Now()
	} else if at.After(s.Clock.Now().Add(slack)) {
		p.Add("at", "error.past")
	}
	return s.fact(ctx, by, obligation, how, p, func(ctx context.Context, tx *db.Tx, r *row, o *Obligation) (audit.Entry, error) {
		if x, ok := o.Set.Recipient(recipient); !ok || x.Code != recipient && !o.WeOwe(recipient) {
			return audit.Entry{}, errs.ErrNotFound
		}
		return audit.Entry{Verb: "intake.passed_on", Changes: []audit.Change{{Field: "recipient", To: law.Base(recipient)}, {Field: "at", To: at.UTC()}}},
			s.say(ctx, tx, by, o, Fact{Kind: OfPassing, Code: recipient, At: at, Note: strings.TrimSpace(how)}, 0)
	})
}

// mayOverrule asks whether the actor may act against what was said or is owed, and for a reason.
func mayOverrule(by access.Actor, who law.Who, reason string) error {
	if who == law.ByLead {
		if err := by.Need(access.Approve); err != nil {
			return err
		}
	}
	if strings.TrimSpace(reason) == "" {
		var p errs.Problems
		p.Add("reason", "error.say_why")
		return p.Err()
	}
	return nil
}

// fact is the way of every verb here: the right, the problems, the obligation under the actor's scope, what happened, then its clocks.
func (s *Service) fact(ctx context.Context, by access.Actor, obligation, note string, p errs.Problems,
	do func(ctx context.Context, tx *db.Tx, r *row, o *Obligation) (audit.Entry, error),
) (Obligation, error) {
	if err := by.Need(access.Triage); err != nil {
		return Obligation{}, err
	}
	if utf8.RuneCountInString(note) > maxNote {
		p.Add("reason", "error.too_long", "most", maxNote)
	} else if !utf8.ValidString(note) || strings.ContainsRune(note, 0) {
		p.Add("reason", "error.characters")
	}
	if err := p.Err(); err != nil {
		return Obligation{}, err
	}
	var out Obligation
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		o, r, err := s.obligation(ctx, tx, by, obligation)
		if err != nil {
			return err
		}
		e, err := do(ctx, tx, &r, &o)
		if err != nil {
			return err
		}
		e.Note = strings.TrimSpace(note)
		if err := s.obligationChanged(ctx, tx, by, &r, o, e); err != nil {
			return err
		}
		if err := access.Touch(ctx, tx, r.Ref.ID, s.Clock.Now()); err != nil {
			return err
		}
		o.Facts, o.Handed = nil, nil
		all := []Obligation{o}
		if err := s.fill(ctx, tx, all); err != nil {
			return err
		}
		out = all[0]
		if _, err := s.keepClocks(ctx, tx, by, &r, out); err != nil {
			return err
		}
		return s.showTx(ctx, tx, r.Ref.ID)
	})
	return out, err
}
