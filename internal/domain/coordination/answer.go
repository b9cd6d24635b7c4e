package coordination

import (
	"context"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// The kinds of clocks that a letter to a party starts.
const (
	requestClock = "request"
	measureClock = "measure"
	// LateWord is our own clock: a party wrote to an incident that is closed, where nobody waits for its words.
	LateWord = "late_word"
)

// channelOf says by which way an actor speaks here, and how sure that makes us: one of us writes down what was said on the telephone.
func channelOf(by access.Actor) (correspondence.Channel, correspondence.Proof) {
	switch {
	case ours(by):
		return correspondence.ByPhone, correspondence.ByHand
	case by.Strength == access.Link:
		return correspondence.ByLink, correspondence.Claimed
	case by.Origin == access.ByAPI:
		return correspondence.ByAPI, correspondence.SignedIn
	}
	return correspondence.ByPortal, correspondence.SignedIn
}

// Answer answers a request from the portal or a status link, by the party or by somebody of us recording what it said on the phone. A party
// may answer again: each answer is kept. Refused: Invalid without text and file, NotFound, Conflict for a request that we withdrew.
func (s *Service) Answer(ctx context.Context, by access.Actor, request, text string, files []correspondence.FileIn) (Request, error) {
	return s.AnswerSaying(ctx, by, request, text, files, correspondence.Unsaid)
}

// AnswerSaying is Answer by who says with it how far it may go.
func (s *Service) AnswerSaying(ctx context.Context, by access.Actor, request, text string, files []correspondence.FileIn, reach correspondence.Reach) (Request, error) {
	if err := act(by); err != nil {
		return Request{}, err
	}
	if strings.TrimSpace(text) == "" && len(files) == 0 {
		return Request{}, required("text")
	}
	r, err := s.request(ctx, s.DB, by, request)
	if err != nil {
		return Request{}, err
	}
	if r.State == Withdrawn {
		return Request{}, errWithdrawn()
	}
	p, err := s.loadParty(ctx, s.DB, r.Party)
	if err != nil {
		return Request{}, err
	}
	stored, err := s.Correspondence.StoreFiles(ctx, p.Thread, files)
	if err != nil {
		return Request{}, err
	}
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		now := s.Clock.Now()
		channel, proof := channelOf(by)
		_, err := s.Correspondence.ReceiveTx(ctx, tx, by, p.Thread, correspondence.Incoming{
			Channel: channel, Kind: correspondence.Told, State: correspondence.Filed, At: now, TLP: r.TLP, Proof: proof, Seal: correspondence.Plain,
			Author: by.Account, Refers: r.Ref.ID, Under: r.Subject, Reach: reach, Body: correspondence.Body{Text: text, Files: stored},
		})
		if err != nil {
			return err
		}
		if err := s.answered(ctx, tx, by, r.Ref.ID, now); err != nil || ours(by) {
			return err
		}
		return s.lateWord(ctx, tx, p)
	})
	if err != nil {
		return Request{}, err
	}
	return s.RequestOf(ctx, by, request)
}

func errWithdrawn() error {
	return &errs.Error{Kind: errs.Conflict, Key: "error.request_withdrawn", Text: "this request was withdrawn: there is nothing to answer any more"}
}

// heldRequest locks a request that the caller has read under its scope, and gives it as it is then.
func (s *Service) heldRequest(ctx context.Context, tx *db.Tx, request int64) (Request, error) {
	if _, err := access.Locked(ctx, tx, request); err != nil {
		return Request{}, err
	}
	return db.One(ctx, tx, s.scanRequest, `SELECT `+requestColumns+` FROM object o`+requestTables+` WHERE o.id = $1`, request)
}

// answered marks a request as answered, whoever checked that the answer counts.
func (s *Service) answered(ctx context.Context, tx *db.Tx, by access.Actor, request int64, at time.Time) error {
	r, err := s.heldRequest(ctx, tx, request)
	if err != nil {
		return err
	}
	if r.State == Withdrawn {
		return errWithdrawn()
	}
	r.State = Replied
	if r.AnsweredAt.IsZero() {
		r.AnsweredAt = at
	}
	now := s.Clock.Now()
	if err := s.saveRequest(ctx, tx, &r, now); err != nil {
		return err
	}
	if err := s.word(ctx, tx, r.Party, at); err != nil {
		return err
	}
	if err := s.Deadlines.MeetTx(ctx, tx, by, r.Ref, requestClock, at); err != nil {
		return err
	}
	err = s.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: "coordination.answer", On: r.Ref, About: r.Subject, Compartment: r.Compartment})
	return err
}

// word notes that a party said or did something.
func (s *Service) word(ctx context.Context, tx *db.Tx, party int64, at time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE coordination_party SET word_at = $1 WHERE id = $2 AND (word_at IS NULL OR word_at < $1)`, at, party)
	return err
}

// AnswerTx files a mail answer: on the oldest open request of the party, or on the thread when none is open or its writer set it apart. Only what in.Proof proves counts
// as an answer (rule M6); all else stays with the team as unverified until a person releases it (ReleasedTx).
func (s *Service) AnswerTx(ctx context.Context, tx *db.Tx, by access.Actor, party Party, in correspondence.Incoming) (correspondence.Message, error) {
	if !in.Proof.Proved() {
		in.State = correspondence.Unverified
	}
	in.Kind, in.Refers, in.Under = correspondence.Told, 0, party.Subject
	if in.State != correspondence.Filed {
		m, err := s.Correspondence.ReceiveTx(ctx, tx, by, party.Thread, in)
		if err != nil {
			return m, err
		}
		return m, s.lateWord(ctx, tx, party)
	}
	var request int64
	if in.Acknowledges != nil {
		var err error
		if request, err = s.acknowledgedTx(ctx, tx, by, party, in.Acknowledges); err != nil {
			return correspondence.Message{}, err
		}
	}
	if request == 0 && !in.Apart {
		var err error
		if request, err = s.oldest(ctx, tx, party.Ref.ID); err != nil {
			return correspondence.Message{}, err
		}
	}
	in.Refers = request
	m, err := s.Correspondence.ReceiveTx(ctx, tx, by, party.Thread, in)
	if err != nil {
		return m, err
	}
	if err := s.heard(ctx, tx, by, party, request, m.At); err != nil {
		return m, err
	}
	return m, s.lateWord(ctx, tx, party)
}

// oldest gives the request that waits longest for an answer, 0 for none.
func (s *Service) oldest(ctx context.Context, tx *db.Tx, party int64) (int64, error) {
	var id int64
	err := tx.QueryRow(ctx, `SELECT id FROM coordination_request WHERE party = $1 AND open = TRUE AND shown_at <= $2 ORDER BY asked_at, id LIMIT 1`, party, s.Clock.Now()).Scan(&id)
	if errs.Is(err, errs.NotFound) {
		return 0, nil
	}
	return id, err
}

func (s *Service) heard(ctx context.Context, tx *db.Tx, by access.Actor, party Party, request int64, at time.Time) error {
	if request != 0 {
		return s.answered(ctx, tx, by, request, at)
	}
	if err := s.word(ctx, tx, party.Ref.ID, at); err != nil {
		return err
	}
	err := s.Audit.Write(ctx, tx, audit.Entry{At: s.Clock.Now(), By: by, Verb: "coordination.hear", On: party.Ref, About: party.Subject, Compartment: party.Compartment})
	return err
}

// ReleasedTx lets a message that was filed as unverified count as the party's word, once a person released it. Correspondence calls it in the
// transaction of Release for threads about a party.
func (s *Service) ReleasedTx(ctx context.Context, tx *db.Tx, by access.Actor, m correspondence.Message) error {
	p, err := s.PartyOfThread(ctx, tx, m.Thread)
	if errs.Is(err, errs.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	request, err := s.oldest(ctx, tx, p.Ref.ID)
	if err != nil {
		return err
	}
	return s.heard(ctx, tx, by, p, request, m.At)
}

// Accept says that we took the answer of a request. The actor needs access.WorkCases. Refused: NotFound, Conflict for one not answered.
func (s *Service) Accept(ctx context.Context, by access.Actor, request string) (Request, error) {
	return s.judge(ctx, by, request, "coordination.accept", "", func(r *Request) error {
		if r.State != Replied {
			return errs.New(errs.Conflict, "only an answered request can be accepted")
		}
		r.State = Accepted
		return nil
	})
}

// WithdrawRequest takes a request back, with a reason that the party may read. The actor needs access.WorkCases. Refused: Invalid without
// reason, NotFound, Conflict for one that is withdrawn.
func (s *Service) WithdrawRequest(ctx context.Context, by access.Actor, request, reason string) (Request, error) {
	if strings.TrimSpace(reason) == "" {
		return Request{}, required("reason")
	}
	if err := checkReason(reason); err != nil {
		return Request{}, err
	}
	return s.judge(ctx, by, request, "coordination.withdraw_request", reason, func(r *Request) error {
		if r.State == Withdrawn {
			return errs.New(errs.Conflict, "the request is withdrawn already")
		}
		r.State, r.Reason = Withdrawn, reason
		return nil
	})
}

func (s *Service) judge(ctx context.Context, by access.Actor, request, verb, note string, decide func(*Request) error) (Request, error) {
	if err := by.Need(access.WorkCases); err != nil {
		return Request{}, err
	}
	var r Request
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := access.LoadForChange(ctx, tx, by, ref.Request, request); err != nil {
			return err
		}
		var err error
		if r, err = s.request(ctx, tx, by, request); err != nil {
			return err
		}
		from := r.State
		if err := decide(&r); err != nil {
			return err
		}
		now := s.Clock.Now()
		if err := s.saveRequest(ctx, tx, &r, now); err != nil {
			return err
		}
		if r.State == Withdrawn {
			if err := s.Deadlines.StopTx(ctx, tx, by, r.Ref, requestClock, note); err != nil {
				return err
			}
		}
		err = s.Audit.Write(ctx, tx, audit.Entry{
			At: now, By: by, Verb: verb, On: r.Ref, About: r.Subject, Compartment: r.Compartment, Note: note,
			Changes: []audit.Change{{Field: "state", From: string(from), To: string(r.State)}},
		})
		return err
	})
	return r, err
}

// SeenTx records that a party looked at its thread in the portal. Party is its object id as the actor read it.
func (s *Service) SeenTx(ctx context.Context, tx *db.Tx, by access.Actor, party int64) error {
	if _, err := access.Load(ctx, tx, by, ref.Ref{Kind: ref.Party, ID: party}); err != nil {
		return err
	}
	if team(by) { // that one of us looks is not that the party looked
		return nil
	}
	p, err := s.loadParty(ctx, tx, party)
	if err != nil {
		return err
	}
	return s.Correspondence.SeenTx(ctx, tx, p.Thread, s.Clock.Now())
}
