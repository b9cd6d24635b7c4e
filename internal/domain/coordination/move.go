package coordination

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// MoveInput moves a measure.
type MoveInput struct {
	To         MeasureState
	Note       string    // evidence for done and verified, reason for declined, withdrawn and for done→planned
	PlannedFor time.Time // for planned
	Files      []correspondence.FileIn
	Version    int64 // 0 takes the stored one
}

// mayMove says who may make a move: the party's own moves are for the party and for us when we record what it said; verified and
// done→planned are our judgement; expired and withdrawn are ours too.
func mayMove(by access.Actor, from, to MeasureState) error {
	switch {
	case to == Verified, (from == Done || from == Verified) && to == Planned:
		if by.Strength == access.Link || by.Origin == access.ByLink {
			return &errs.Error{Kind: errs.Forbidden, Key: "error.forbidden", Text: "a link never verifies"}
		}
		return by.Need(access.Verify)
	case to == Expired, to == Recalled:
		return by.Need(access.WorkCases)
	}
	return act(by)
}

// check finds what is missing in the input of a move.
func (in MoveInput) check(from MeasureState, now time.Time) error {
	var p errs.Problems
	note := strings.TrimSpace(in.Note) != ""
	switch {
	case in.To == Done && !note && len(in.Files) == 0,
		in.To == Verified && !note,
		in.To == Declined && !note,
		in.To == Recalled && !note,
		(from == Done || from == Verified) && in.To == Planned && !note:
		p.Add("note", "error.required")
	}
	if in.To == Planned {
		switch {
		case in.PlannedFor.IsZero():
			if from != Done && from != Verified {
				p.Add("planned_for", "error.required")
			}
		case !in.PlannedFor.After(now):
			p.Add("planned_for", "error.future")
		}
	}
	return p.Err()
}

// apply makes an allowed move on the value.
func (m *Measure) apply(by access.Actor, in MoveInput, now time.Time) {
	m.Moves = append(m.Moves, Move{At: now, By: by.Name, Ours: ours(by), Link: by.Strength == access.Link, From: m.State, To: in.To, Note: in.Note})
	switch in.To {
	case Planned:
		m.PlannedFor = in.PlannedFor
		if m.State == Done || m.State == Verified { // our check failed
			m.DoneAt, m.VerifiedAt, m.Reason = time.Time{}, time.Time{}, in.Note
		}
	case Done:
		m.DoneAt, m.Evidence, m.Reason = now, in.Note, ""
	case Verified:
		m.VerifiedAt, m.Evidence = now, in.Note
	case Declined, Recalled, Expired:
		m.Reason = in.Note
	case Acknowledged:
		m.Reason = ""
	}
	m.State = in.To
	m.last(now)
}

// Move moves a measure along MeasureMoves. Party moves (acknowledged, planned, done, declined) are for the party and for staff who record what it
// said; verified and back to planned need access.Verify and are never for the party nor for a link; expired and withdrawn need access.WorkCases.
// Refused: NotFound, Conflict for a move that is not in the table or a version that is old, Forbidden, Invalid for a missing reason,
// evidence or date.
func (s *Service) Move(ctx context.Context, by access.Actor, measure string, in MoveInput) (Measure, error) {
	in.Note = mail.FormText(in.Note)
	if err := act(by); err != nil {
		return Measure{}, err
	}
	m, err := s.measure(ctx, s.DB, by, measure)
	if err != nil {
		return Measure{}, err
	}
	if err := s.mayGo(by, m, in); err != nil {
		return Measure{}, err
	}
	p, err := s.loadParty(ctx, s.DB, m.Party)
	if err != nil {
		return Measure{}, err
	}
	var files []correspondence.File
	if len(in.Files) > 0 {
		if files, err = s.Correspondence.StoreFiles(ctx, p.Thread, in.Files); err != nil {
			return Measure{}, err
		}
	}
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := access.LoadForChange(ctx, tx, by, ref.Measure, measure); err != nil {
			return err
		}
		var err error
		if m, err = s.measure(ctx, tx, by, measure); err != nil {
			return err
		}
		if err := s.mayGo(by, m, in); err != nil {
			return err
		}
		return s.move(ctx, tx, by, p, &m, in, files)
	})
	if err != nil {
		return Measure{}, err
	}
	if !team(by) {
		m = m.ForParty()
	}
	return m, nil
}

func (s *Service) mayGo(by access.Actor, m Measure, in MoveInput) error {
	if !slices.Contains(m.Ways(), in.To) {
		return &errs.Error{Kind: errs.Conflict, Key: "error.measure_move", Text: "a measure cannot go this way from where it stands"}
	}
	if err := mayMove(by, m.State, in.To); err != nil {
		return err
	}
	if in.Version != 0 && in.Version != m.Version {
		return access.ErrChanged
	}
	return in.check(m.State, s.Clock.Now())
}

// move stores a move with its files, its clock and its record.
func (s *Service) move(ctx context.Context, tx *db.Tx, by access.Actor, p Party, m *Measure, in MoveInput, files []correspondence.File) error {
	now, from := s.Clock.Now(), m.State
	m.apply(by, in, now)
	if err := s.saveMeasure(ctx, tx, m, now); err != nil {
		return err
	}
	if len(files) > 0 {
		channel, proof := channelOf(by)
		_, err := s.Correspondence.ReceiveTx(ctx, tx, by, p.Thread, correspondence.Incoming{
			Channel: channel, Kind: correspondence.Told, State: correspondence.Filed, At: now, TLP: m.TLP, Proof: proof, Seal: correspondence.Plain,
			Author: by.Account, Refers: m.Ref.ID, Under: m.Subject, Body: correspondence.Body{Text: in.Note, Files: files},
		})
		if err != nil {
			return err
		}
	}
	if partyMove := m.State == Acknowledged || m.State == Declined || m.State == Done || (m.State == Planned && from != Done && from != Verified); partyMove {
		if err := s.word(ctx, tx, p.Ref.ID, now); err != nil {
			return err
		}
	}
	if err := s.moveClock(ctx, tx, by, *m, from, in.Note, now); err != nil {
		return err
	}
	if err := s.followValidity(ctx, tx, by, *m); err != nil {
		return err
	}
	changes := []audit.Change{{Field: "state", From: string(from), To: string(m.State)}}
	if !in.PlannedFor.IsZero() {
		changes = append(changes, audit.Change{Field: "planned_for", To: in.PlannedFor})
	}
	err := s.Audit.Write(ctx, tx, audit.Entry{
		At: now, By: by, Verb: "coordination.move", On: m.Ref, About: m.Subject, Compartment: m.Compartment, Changes: changes, Note: in.Note,
	})
	return err
}

// moveClock lets the clock of a measure follow its state: met when the party has done its part, stopped when we took the measure back, running
// again when our check failed or a refusal was taken back.
func (s *Service) moveClock(ctx context.Context, tx *db.Tx, by access.Actor, m Measure, from MeasureState, note string, now time.Time) error {
	switch {
	case m.State == Done, m.State == Declined, m.State == Verified:
		return s.Deadlines.MeetTx(ctx, tx, by, m.Ref, measureClock, now)
	case m.State == Expired, m.State == Recalled:
		return s.Deadlines.StopTx(ctx, tx, by, m.Ref, measureClock, note)
	case from.Owed():
		return nil
	}
	due := later(m.DueAt, m.PlannedFor)
	if due.Before(now) { // the time is over: the clock runs on, late
		_, err := s.Deadlines.ReopenTx(ctx, tx, by, m.Ref, measureClock)
		return err
	}
	_, err := s.Deadlines.StartTx(ctx, tx, by, deadline.Clock{
		About: m.Ref, Under: m.Subject, Compartment: m.Compartment, Kind: measureClock, OwedBy: deadline.Them, StartedAt: now, DueAt: due, RemindAt: remindAt(now, due),
	})
	return err
}

// remindAt is when three quarters of the time are over.
func remindAt(from, due time.Time) time.Time { return from.Add(due.Sub(from) / 4 * 3) }
