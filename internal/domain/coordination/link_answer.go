package coordination

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
	"github.com/tocsin-csirt/tocsin/internal/kit/strictjson"
)

// FromLink takes what somebody answered by a link: hash names its code, raw is a LinkInput as the page sealed it, also runs in the transaction. What
// counts is marked as said by a link, and never more than a party's word. What comes after the letter was closed, or no longer fits it, is kept as a
// message that a person looks at. A hash that names no link is nothing.
func (s *Service) FromLink(ctx context.Context, hash, raw []byte, at time.Time, also func(context.Context, *db.Tx) error) error {
	var in LinkInput
	if err := strictjson.Decode(raw, &in); err != nil {
		return err
	}
	in.Note = mail.FormText(in.Note)
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if also != nil {
			if err := also(ctx, tx); err != nil {
				return err
			}
		}
		links, err := s.links(ctx, tx, `hash = $1`, hash)
		if err != nil || len(links) == 0 {
			return err
		}
		if _, err := access.Locked(ctx, tx, links[0].party); err != nil {
			return err
		}
		l, err := s.letterOf(ctx, tx, links[0].message, links[0].party)
		if err != nil {
			return err
		}
		by := linkActor(l.party, l.thread.Correspondent.Lang)
		over, err := s.over(ctx, tx, l)
		if err != nil {
			return err
		}
		if err := l.view(links[0].entire).Check(in, s.Clock.Now()); over || err != nil {
			return s.lateLink(ctx, tx, by, l, in, at)
		}
		if in.Reply != nil {
			if err := s.replyTx(ctx, tx, by, l.party, l.requests[0], *in.Reply); err != nil {
				return err
			}
			l.requests = nil // it is answered
		}
		if in.Act == "" {
			return nil
		}
		return s.linkAct(ctx, tx, by, l, in)
	})
}

// lateLink keeps what came too late as a message of the thread that the team alone sees until a person releases it.
func (s *Service) lateLink(ctx context.Context, tx *db.Tx, by access.Actor, l asked, in LinkInput, at time.Time) error {
	words := s.linkWords(l, in)
	if in.Reply != nil && l.set != nil {
		words = strings.TrimSpace(replyWords(s.localPrinter(l.thread.Correspondent.Lang), *l.set, *in.Reply) + "\n\n" + words)
	}
	_, err := s.Correspondence.ReceiveTx(ctx, tx, by, l.party.Thread, correspondence.Incoming{
		Channel: correspondence.ByLink, Kind: correspondence.Told, State: correspondence.Unverified, At: at, TLP: l.thread.TLP, Proof: correspondence.Claimed,
		Seal: correspondence.Plain, Under: l.party.Subject, Body: correspondence.Body{Text: words, From: l.thread.Correspondent.Email},
	})
	if err != nil {
		return err
	}
	return s.lateWord(ctx, tx, l.party)
}

// linkWords is what was said by a link as it stands in the thread, in the correspondent's language.
func (s *Service) linkWords(l asked, in LinkInput) string {
	p := s.localPrinter(l.thread.Correspondent.Lang)
	var lines []string
	if words := actWords(p, in); words != "" {
		lines = append(lines, words)
	}
	for _, m := range l.measures {
		if (in.Act == ActFixed || in.Act == ActWorking) && len(l.measures) > 1 && slices.Contains(in.Measures, m.UID) {
			lines = append(lines, "- "+m.Title)
		}
	}
	if note := strings.TrimSpace(in.Note); note != "" {
		if len(lines) > 0 {
			lines = append(lines, "")
		}
		lines = append(lines, note)
	}
	return strings.Join(lines, "\n")
}

func actWords(p *text.Printer, in LinkInput) string {
	switch in.Act {
	case ActFixed:
		return p.T("mail.link.fixed")
	case ActWorking:
		return p.T("mail.link.working", "when", p.Date(in.PlannedFor))
	case ActNotOurs:
		return p.T("mail.link.not_ours")
	case ActFalseAlarm:
		return p.T("mail.link.false_alarm")
	case ActHelp:
		return p.T("mail.link.help")
	}
	return ""
}

// linkAct does what a link says of a letter.
func (s *Service) linkAct(ctx context.Context, tx *db.Tx, by access.Actor, l asked, in LinkInput) error {
	now := s.Clock.Now()
	words := s.linkWords(l, in)
	told := correspondence.Incoming{
		Channel: correspondence.ByLink, Kind: correspondence.Told, State: correspondence.Filed, At: now, TLP: l.thread.TLP, Proof: correspondence.Claimed,
		Seal: correspondence.Plain, Under: l.party.Subject, Body: correspondence.Body{Text: words, From: l.thread.Correspondent.Email},
	}
	if len(l.requests) > 0 {
		told.Refers = l.requests[0].Ref.ID
	}
	if _, err := s.Correspondence.ReceiveTx(ctx, tx, by, l.party.Thread, told); err != nil {
		return err
	}
	note := strings.TrimSpace(actWords(s.localPrinter(l.thread.Correspondent.Lang), in) + "\n\n" + strings.TrimSpace(in.Note))
	moved := 0
	for i := range l.measures {
		n, err := s.linkMove(ctx, tx, by, l.party, &l.measures[i], in, note)
		if err != nil {
			return err
		}
		moved += n
	}
	for _, r := range l.requests {
		if err := s.linkAnswer(ctx, tx, by, l.party, r, in, now); err != nil {
			return err
		}
	}
	if err := s.word(ctx, tx, l.party.Ref.ID, now); err != nil {
		return err
	}
	err := s.Audit.Write(ctx, tx, audit.Entry{
		At: now, By: by, Verb: "coordination.by_link", On: l.party.Ref, About: l.party.Subject, Compartment: l.party.Compartment,
		Changes: []audit.Change{{Field: "act", To: string(in.Act)}, {Field: "measures", To: moved}},
	})
	if err != nil {
		return err
	}
	if err := s.linkTask(ctx, tx, by, l.party, in.Act); err != nil {
		return err
	}
	return s.lateWord(ctx, tx, l.party)
}

// linkMove moves one measure as the link says, where it can go that way, and tells how many moves that was.
func (s *Service) linkMove(ctx context.Context, tx *db.Tx, by access.Actor, p Party, m *Measure, in LinkInput, note string) (int, error) {
	to := MoveInput{Note: note}
	switch in.Act {
	case ActFixed:
		to.To = Done
	case ActWorking:
		to.To, to.PlannedFor = Planned, in.PlannedFor
		to.Note = strings.TrimSpace(in.Note)
	case ActNotOurs, ActFalseAlarm:
		to.To = Declined
	default:
		return 0, nil
	}
	if to.To != Declined && !slices.Contains(in.Measures, m.UID) {
		return 0, nil
	}
	moves := []MoveInput{to}
	if m.State == Declined && to.To != Declined { // they changed their mind
		moves = []MoveInput{{To: Acknowledged}, to}
	}
	for n, x := range moves {
		if !slices.Contains(MeasureMoves[m.State], x.To) || m.State == Done || m.State == Verified {
			return n, nil
		}
		if _, err := access.Locked(ctx, tx, m.Ref.ID); err != nil {
			return n, err
		}
		if err := s.mayGo(by, *m, x); err != nil {
			return n, err
		}
		if err := s.move(ctx, tx, by, p, m, x, nil); err != nil {
			return n, err
		}
	}
	return len(moves), nil
}

// linkAnswer lets the act of a link count as an answer to the request of its letter, where it is one.
func (s *Service) linkAnswer(ctx context.Context, tx *db.Tx, by access.Actor, p Party, r Request, in LinkInput, now time.Time) error {
	if r.State != Asked && r.State != Replied {
		return nil
	}
	switch {
	case r.QuestionSet != "" && in.Act == ActNotOurs:
		return s.replyTx(ctx, tx, by, p, r, ReplyInput{NotConcerned: true})
	case r.QuestionSet != "", in.Act == ActHelp, in.Act == ActWorking:
		return nil // what was asked is still open
	}
	return s.answered(ctx, tx, by, r.Ref.ID, now)
}

// linkTask leaves work for a person: help that is asked for, and a register that may be wrong.
func (s *Service) linkTask(ctx context.Context, tx *db.Tx, by access.Actor, p Party, act LinkAct) error {
	if act == ActNotOurs && p.Organisation != 0 && !p.Sealed { // what is sealed leaves no mark in the register
		return s.Constituency.DoubtTx(ctx, tx, by, p.Organisation, p.Ref.ID, string(correspondence.ByLink))
	}
	if (act == ActHelp || act == ActNotOurs) && s.Task != nil {
		return s.Task(ctx, tx, p, act)
	}
	return nil
}

// DoubtOf raises the doubt for what was taken down by one of us. The actor needs access.WorkCases. Refused: NotFound, Conflict for a party that is no
// organisation of the register.
func (s *Service) DoubtOf(ctx context.Context, by access.Actor, party string) error {
	if err := by.Need(access.WorkCases); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		p, err := s.partyForChange(ctx, tx, by, party)
		if err != nil {
			return err
		}
		if p.Organisation == 0 || p.Sealed {
			return errs.New(errs.Conflict, "nothing of the register is in doubt by this party")
		}
		return s.Constituency.DoubtTx(ctx, tx, by, p.Organisation, p.Ref.ID, string(correspondence.ByPhone))
	})
}
