package intake

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Rejection is why reports are set aside, by the code of a reason of the team.
type Rejection struct {
	Reason  string
	Note    string // seen by the team alone
	Tell    bool   // the reporter gets the letter of the reason, where it has one
	Version int64  // of the report, 0 for what is stored

	rule string // that acted
}

// ErrMove is the Conflict of a move that the table does not have.
var ErrMove = &errs.Error{Kind: errs.Conflict, Key: "error.report_move", Text: "the report is in a state that does not allow this; take it back to new first"}

func (r *row) move(to State) error {
	if !slices.Contains(Moves[r.State], to) {
		return ErrMove
	}
	r.State = to
	return nil
}

// change writes a changed report, its record and what its reporter sees of it.
func (s *Service) change(ctx context.Context, tx *db.Tx, by access.Actor, r *row, e audit.Entry) error {
	now := s.Clock.Now()
	if err := s.requeue(ctx, tx, r); err != nil {
		return err
	}
	if err := s.update(ctx, tx, r); err != nil {
		return err
	}
	if err := access.Update(ctx, tx, &r.Object, now); err != nil {
		return err
	}
	e.At, e.By, e.On = now, by, r.Ref
	if err := s.Audit.Write(ctx, tx, e); err != nil {
		return err
	}
	return s.showTx(ctx, tx, r.Ref.ID)
}

// current refuses an edit of a version that is not the stored one; 0 takes what is stored.
func current(r *row, version int64) error {
	if version != 0 && version != r.Version {
		return access.ErrChanged
	}
	return nil
}

// decide stores what a person wrote, sealed.
func (s *Service) decide(ctx context.Context, h db.Handle, r *row, d Decision) error {
	r.Decision, r.decision = d, nil
	if d == (Decision{}) {
		return nil
	}
	key, err := s.Ring.Get(ctx, h, r.Ref.ID)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(d)
	if err != nil {
		return err
	}
	r.decision = key.Seal(place("decision", r.Ref.ID), raw)
	return nil
}

// maxNote is the longest note, in characters.
const maxNote = 4000

// Reject sets a report aside with a reason. The actor needs access.Triage; a report that is linked is a Conflict, another version than the stored one too.
func (s *Service) Reject(ctx context.Context, by access.Actor, report, reason, note string, version int64) (Report, error) {
	return s.RejectWith(ctx, by, report, Rejection{Reason: reason, Note: note, Version: version})
}

// RejectWith is Reject that may tell the reporter, which needs access.SendOutside. The letter is held like any other; who proved to be somebody else gets none.
func (s *Service) RejectWith(ctx context.Context, by access.Actor, report string, in Rejection) (Report, error) {
	all, err := s.reject(ctx, by, []string{report}, in)
	if err != nil {
		return Report{}, err
	}
	return all[0], nil
}

// RejectMany sets several reports aside, all or none.
func (s *Service) RejectMany(ctx context.Context, by access.Actor, reports []string, reason, note string) error {
	_, err := s.reject(ctx, by, reports, Rejection{Reason: reason, Note: note})
	return err
}

func (s *Service) reject(ctx context.Context, by access.Actor, reports []string, in Rejection) ([]Report, error) {
	var p errs.Problems
	reasons, err := s.Reasons(ctx, s.DB)
	if err != nil {
		return nil, err
	}
	checkReason(&p, reasons, in.Reason, in.Note)
	if utf8.RuneCountInString(in.Note) > maxNote {
		p.Add("note", "error.too_long", "most", maxNote)
	}
	var letters map[string]Words
	if in.Tell {
		if err := by.Need(access.SendOutside); err != nil {
			return nil, err
		}
		letters = ReasonByCode(reasons, in.Reason).Letters
	}
	return s.each(ctx, by, reports, p, in.Version, func(ctx context.Context, tx *db.Tx, r *row) (audit.Entry, error) {
		told := ""
		if len(letters) > 0 && r.Proof != correspondence.Forged {
			if told, err = s.letterTx(ctx, tx, by, r, letters, correspondence.Outgoing{ByRule: in.rule != ""}); err != nil {
				return audit.Entry{}, err
			}
		}
		e, err := s.rejectRow(ctx, tx, by, r, in.Reason, in.Note)
		if told != "" {
			e.Data = map[string]any{"message": told}
		}
		return ruled(e, in.rule), err
	})
}

// checkReason takes a reason that is in use.
func checkReason(p *errs.Problems, all []Reason, reason, note string) {
	if !slices.ContainsFunc(all, func(r Reason) bool { return r.Code == reason && !r.Off }) {
		p.Add("reason", "error.reject.reason")
	}
	if reason == "other" && strings.TrimSpace(note) == "" {
		p.Add("note", "error.reject.note")
	}
}

func (s *Service) rejectRow(ctx context.Context, tx *db.Tx, by access.Actor, r *row, reason, note string) (audit.Entry, error) {
	from := r.State
	if err := r.move(Rejected); err != nil {
		return audit.Entry{}, err
	}
	r.Reason, r.AnswerCame = reason, false
	if err := s.decide(ctx, tx, r, Decision{Note: note}); err != nil {
		return audit.Entry{}, err
	}
	return moved("intake.reject", from, r, note), s.setAside(ctx, tx, by, r, reason)
}

// PassOn records that another team or authority takes it. The reporter is told by whom.
func (s *Service) PassOn(ctx context.Context, by access.Actor, report, to, note string, version int64) (Report, error) {
	var p errs.Problems
	checkPassOn(&p, to)
	if utf8.RuneCountInString(note) > maxNote {
		p.Add("note", "error.too_long", "most", maxNote)
	}
	all, err := s.each(ctx, by, []string{report}, p, version, func(ctx context.Context, tx *db.Tx, r *row) (audit.Entry, error) {
		return s.passOnRow(ctx, tx, by, r, to, note)
	})
	if err != nil {
		return Report{}, err
	}
	return all[0], nil
}

func checkPassOn(p *errs.Problems, to string) {
	if strings.TrimSpace(to) == "" {
		p.Add("to", "error.required")
	} else if utf8.RuneCountInString(to) > MaxShort {
		p.Add("to", "error.too_long", "most", MaxShort)
	}
}

func (s *Service) passOnRow(ctx context.Context, tx *db.Tx, by access.Actor, r *row, to, note string) (audit.Entry, error) {
	from := r.State
	if err := r.move(PassedOn); err != nil {
		return audit.Entry{}, err
	}
	r.Reason, r.AnswerCame = "", false
	if err := s.decide(ctx, tx, r, Decision{To: strings.TrimSpace(to), Note: note}); err != nil {
		return audit.Entry{}, err
	}
	return moved("intake.pass_on", from, r, note), s.setAside(ctx, tx, by, r, "passed_on")
}

// setAside stops our answer clock and lets the links end.
func (s *Service) setAside(ctx context.Context, tx *db.Tx, by access.Actor, r *row, reason string) error {
	if err := s.Deadlines.StopTx(ctx, tx, by, r.Ref, FirstAnswer, reason); err != nil {
		return err
	}
	return s.endCodes(ctx, tx, r.Ref.ID, s.Clock.Now())
}

// Restore takes a rejected, answered or passed on report back to new: the undo of triage. A clock that was stopped runs again and may be late
// at once; one that an answer met stays met.
func (s *Service) Restore(ctx context.Context, by access.Actor, report string) (Report, error) {
	all, err := s.restore(ctx, by, []string{report})
	if err != nil {
		return Report{}, err
	}
	return all[0], nil
}

// RestoreMany is Restore for several, all or none.
func (s *Service) RestoreMany(ctx context.Context, by access.Actor, reports []string) error {
	_, err := s.restore(ctx, by, reports)
	return err
}

func (s *Service) restore(ctx context.Context, by access.Actor, reports []string) ([]Report, error) {
	return s.each(ctx, by, reports, nil, 0, func(ctx context.Context, tx *db.Tx, r *row) (audit.Entry, error) {
		return s.restoreRow(ctx, tx, by, r)
	})
}

func (s *Service) restoreRow(ctx context.Context, tx *db.Tx, by access.Actor, r *row) (audit.Entry, error) {
	from := r.State
	if from == Linked {
		return audit.Entry{}, ErrMove // Detach undoes a link
	}
	if err := r.move(New); err != nil {
		return audit.Entry{}, err
	}
	if from == PassedOn {
		if err := s.takeBackLetter(ctx, tx, by, r.Ref.ID); err != nil {
			return audit.Entry{}, err
		}
	}
	r.Reason, r.AnswerCame = "", false
	if err := s.decide(ctx, tx, r, Decision{}); err != nil {
		return audit.Entry{}, err
	}
	if from != Answered {
		if _, err := s.Deadlines.ReopenTx(ctx, tx, by, r.Ref, FirstAnswer); err != nil && !errs.Is(err, errs.NotFound) {
			return audit.Entry{}, err
		}
		if err := s.endCodes(ctx, tx, r.Ref.ID, time.Time{}); err != nil {
			return audit.Entry{}, err
		}
	}
	if err := s.backFromLane(ctx, tx, r); err != nil {
		return audit.Entry{}, err
	}
	return moved("intake.restore", from, r, ""), nil
}

// Assign gives a report to an account (0 to nobody). The reporter then reads "being looked at".
func (s *Service) Assign(ctx context.Context, by access.Actor, report string, to int64) (Report, error) {
	all, err := s.assign(ctx, by, []string{report}, to)
	if err != nil {
		return Report{}, err
	}
	return all[0], nil
}

// AssignMany is Assign for several, all or none.
func (s *Service) AssignMany(ctx context.Context, by access.Actor, reports []string, to int64) error {
	_, err := s.assign(ctx, by, reports, to)
	return err
}

func (s *Service) assign(ctx context.Context, by access.Actor, reports []string, to int64) ([]Report, error) {
	return s.each(ctx, by, reports, nil, 0, func(_ context.Context, _ *db.Tx, r *row) (audit.Entry, error) {
		e := audit.Entry{Verb: "intake.assign", Changes: []audit.Change{{Field: "handler", From: r.Handler, To: to}}}
		r.Handler = to
		return e, nil
	})
}

// Settle takes an answer that came back off the queue: somebody read it and nothing more is to be done here.
func (s *Service) Settle(ctx context.Context, by access.Actor, report string) (Report, error) {
	all, err := s.each(ctx, by, []string{report}, nil, 0, func(_ context.Context, _ *db.Tx, r *row) (audit.Entry, error) {
		r.AnswerCame = false
		return audit.Entry{Verb: "intake.settle", Changes: []audit.Change{{Field: "answer_came", From: true, To: false}}}, nil
	})
	if err != nil {
		return Report{}, err
	}
	return all[0], nil
}

// Reply answers the reporter and moves New to Answered; in any other state it only sends. Our answer clock is met when the letter leaves (catchUpTx).
func (s *Service) Reply(ctx context.Context, by access.Actor, report string, out correspondence.Outgoing) (correspondence.Message, error) {
	if err := by.Need(access.Triage); err != nil {
		return correspondence.Message{}, err
	}
	var p errs.Problems
	if strings.TrimSpace(out.Text) == "" {
		p.Add("text", "error.required")
	}
	if err := p.Err(); err != nil {
		return correspondence.Message{}, err
	}
	out.Auto, out.HoldBack = nil, false
	if out.Kind == "" {
		out.Kind = correspondence.Letter
	}
	var m correspondence.Message
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := s.loadForChange(ctx, tx, by, report)
		if err != nil {
			return err
		}
		if out.TLP == 0 {
			out.TLP = r.TLP
		}
		if m, err = s.Correspondence.SendTx(ctx, tx, by, r.Thread, out); err != nil {
			return err
		}
		from := r.State
		if r.State == New {
			if err := r.move(Answered); err != nil {
				return err
			}
		}
		r.AnswerCame = false
		e := moved("intake.reply", from, &r, "")
		e.Data = map[string]any{"message": m.UID}
		return s.change(ctx, tx, by, &r, e)
	})
	return m, err
}

// moved is the entry of a move.
func moved(verb string, from State, r *row, note string) audit.Entry {
	e := audit.Entry{Verb: verb, Note: note}
	if from != r.State {
		e.Changes = append(e.Changes, audit.Change{Field: "state", From: string(from), To: string(r.State)})
	}
	if r.Reason != "" {
		e.Changes = append(e.Changes, audit.Change{Field: "reason", To: r.Reason})
	}
	return e
}

// most is how many reports one act may take.
const most = 200

// each does one act of triage to several reports in one transaction: all or none.
func (s *Service) each(ctx context.Context, by access.Actor, reports []string, p errs.Problems, version int64,
	do func(ctx context.Context, tx *db.Tx, r *row) (audit.Entry, error),
) ([]Report, error) {
	if err := by.Need(access.Triage); err != nil {
		return nil, err
	}
	if len(reports) == 0 || len(reports) > most {
		p.Add("reports", "error.too_many", "most", most)
	}
	if err := p.Err(); err != nil {
		return nil, err
	}
	names := slices.Clone(reports)
	slices.Sort(names) // one order of locks for all
	names = slices.Compact(names)
	var out []Report
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		out = nil
		for _, name := range names {
			r, err := s.loadForChange(ctx, tx, by, name)
			if err != nil {
				return err
			}
			if err := current(&r, version); err != nil {
				return err
			}
			e, err := do(ctx, tx, &r)
			if err != nil {
				return err
			}
			if err := s.change(ctx, tx, by, &r, e); err != nil {
				return err
			}
			out = append(out, r.Report)
		}
		return nil
	})
	return out, err
}
