package coordination

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// mostReplies is how often one request is answered: far more than a person does.
const mostReplies = 200

type replyBody struct {
	By       string  `json:"by,omitempty"`
	Ours     bool    `json:"ours,omitempty"`
	Concerns bool    `json:"concerns,omitempty"`
	Given    Answers `json:"given,omitempty"`
	Whole    Answers `json:"whole,omitempty"`
	Note     string  `json:"note,omitempty"`
	Message  string  `json:"message,omitempty"`
}

func replyPlace(request int64, at time.Time) string {
	return fmt.Sprintf("coordination_reply.body:%d:%d", request, at.UnixMicro())
}

const (
	replyColumns = `a.id, a.request, a.at, a.road, a.body, r.party, k.wrapped`
	replyTables  = `coordination_reply a JOIN coordination_request r ON r.id = a.request` + keyOfParty
)

func (s *Service) scanReply(r *db.Rows) (Reply, error) {
	var (
		a               Reply
		sealed, wrapped []byte
		party           int64
		b               replyBody
	)
	if err := r.Scan(&a.ID, &a.Request, &a.At, &a.Road, &sealed, &party, &wrapped); err != nil {
		return a, err
	}
	if wrapped == nil { // its key was destroyed
		return a, nil
	}
	k, err := s.Ring.Unwrap(party, wrapped)
	if err != nil {
		return a, err
	}
	plain, err := k.Open(replyPlace(a.Request, a.At), sealed)
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(plain, &b); err != nil {
		return a, err
	}
	a.By, a.Ours, a.Concerns, a.Given, a.Whole, a.Note, a.Message = b.By, b.Ours, b.Concerns, b.Given, b.Whole, b.Note, b.Message
	return a, nil
}

// replies gives how a request was answered, newest first. The caller has read the request under its scope.
func (s *Service) replies(ctx context.Context, h db.Handle, request int64) ([]Reply, error) {
	return db.All(ctx, h, s.scanReply, `SELECT `+replyColumns+` FROM `+replyTables+` WHERE a.request = $1 ORDER BY a.id DESC LIMIT $2`, request, mostReplies)
}

// latest gives the reply that counts, false while there is none.
func (s *Service) latest(ctx context.Context, h db.Handle, request int64) (Reply, bool, error) {
	all, err := db.All(ctx, h, s.scanReply, `SELECT `+replyColumns+` FROM `+replyTables+` WHERE a.request = $1 AND a.latest = TRUE LIMIT 1`, request)
	if err != nil || len(all) == 0 {
		return Reply{}, false, err
	}
	return all[0], true, nil
}

// latestOf gives the replies that count for the requests of a subject, by request.
func (s *Service) latestOf(ctx context.Context, h db.Handle, subject int64) (map[int64]Reply, error) {
	all, err := db.All(ctx, h, s.scanReply, `SELECT `+replyColumns+` FROM `+replyTables+` WHERE a.subject = $1 AND a.latest = TRUE`, subject)
	if err != nil {
		return nil, err
	}
	out := make(map[int64]Reply, len(all))
	for _, a := range all {
		out[a.Request] = a
	}
	return out, nil
}

// AnswerQuestions answers the typed questions of a request: by the party, in the portal or by the API, or by one of us who takes down what it said on
// the telephone. It can be answered again until it is withdrawn: each answer is kept, and the newest word on each question counts. An answer that
// says of everything "not looked yet" is kept, and still owed. Refused: Invalid, NotFound, Conflict for a request that we withdrew or that has no
// typed questions, Limit after two hundred answers.
func (s *Service) AnswerQuestions(ctx context.Context, by access.Actor, request string, in ReplyInput) (Request, error) {
	if err := act(by); err != nil {
		return Request{}, err
	}
	if _, err := s.request(ctx, s.DB, by, request); err != nil {
		return Request{}, err
	}
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := s.request(ctx, tx, by, request)
		if err != nil {
			return err
		}
		p, err := s.loadParty(ctx, tx, r.Party)
		if err != nil {
			return err
		}
		return s.replyTx(ctx, tx, by, p, r, in)
	})
	if err != nil {
		return Request{}, err
	}
	return s.RequestOf(ctx, by, request)
}

// replyTx stores an answer to typed questions, and the message of the thread in which it can be read.
func (s *Service) replyTx(ctx context.Context, tx *db.Tx, by access.Actor, p Party, r Request, in ReplyInput) error {
	in = in.clean()
	r, err := s.heldRequest(ctx, tx, r.Ref.ID)
	if err != nil {
		return err
	}
	switch {
	case r.State == Withdrawn:
		return errWithdrawn()
	case r.QuestionSet == "":
		return &errs.Error{Kind: errs.Conflict, Key: "error.question.untyped", Text: "this request has no typed questions: it is answered in words"}
	}
	set, err := s.questionSet(ctx, tx, r.QuestionSet, r.QuestionVersion)
	if err != nil {
		return err
	}
	before, _, err := s.latest(ctx, tx, r.Ref.ID)
	if err != nil {
		return err
	}
	if err := set.Check(in, before.Whole); err != nil {
		return err
	}
	now := s.Clock.Now()
	var n int
	var last time.Time
	if err := tx.QueryRow(ctx, `SELECT COUNT(*), MAX(at) FROM coordination_reply WHERE request = $1`, r.Ref.ID).Scan(&n, &last); err != nil {
		return err
	}
	if n >= mostReplies {
		return &errs.Error{Kind: errs.Limit, Key: "error.question.often", Text: "this request was answered two hundred times: write a message"}
	}
	if !now.After(last) { // its place is named by its moment
		now = last.Add(time.Microsecond)
	}
	channel, proof := channelOf(by)
	words, err := s.replyText(ctx, tx, p, set, in)
	if err != nil {
		return err
	}
	m, err := s.Correspondence.ReceiveTx(ctx, tx, by, p.Thread, correspondence.Incoming{
		Channel: channel, Kind: correspondence.Told, State: correspondence.Filed, At: now, TLP: r.TLP, Proof: proof, Seal: correspondence.Plain,
		Author: by.Account, Refers: r.Ref.ID, Under: r.Subject, Reach: in.Reach, Body: correspondence.Body{Text: words},
	})
	if err != nil {
		return err
	}
	k, err := s.Ring.Get(ctx, tx, r.Party)
	if err != nil {
		return err
	}
	b := replyBody{By: by.Name, Ours: ours(by), Concerns: !in.NotConcerned, Given: in.Answers, Whole: in.merge(before.Whole), Note: in.Note, Message: m.UID}
	plain, err := json.Marshal(b)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE coordination_reply SET latest = FALSE WHERE request = $1 AND latest = TRUE`, r.Ref.ID); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO coordination_reply (request, subject, at, road, account, latest, body) VALUES ($1, $2, $3, $4, $5, TRUE, $6)`,
		r.Ref.ID, r.Subject.ID, now, string(channel), by.Account, k.Seal(replyPlace(r.Ref.ID, now), plain))
	if err != nil {
		return err
	}
	if err := s.settleReply(ctx, tx, by, p, r, b, now); err != nil || ours(by) {
		return err
	}
	return s.lateWord(ctx, tx, p)
}

// settleReply lets an answer count: for the request, or, where all of it waits to be looked at, as a word of the party alone.
func (s *Service) settleReply(ctx context.Context, tx *db.Tx, by access.Actor, p Party, r Request, b replyBody, at time.Time) error {
	if !b.Concerns || b.Whole.says() {
		return s.answered(ctx, tx, by, r.Ref.ID, at)
	}
	if err := s.word(ctx, tx, p.Ref.ID, at); err != nil {
		return err
	}
	if err := s.showLetter(ctx, tx, r.Message); err != nil {
		return err
	}
	return s.Audit.Write(ctx, tx, audit.Entry{At: s.Clock.Now(), By: by, Verb: "coordination.not_looked", On: r.Ref, About: r.Subject, Compartment: r.Compartment})
}

// replyText is what was answered as it stands in the thread, in the correspondent's language.
func (s *Service) replyText(ctx context.Context, h db.Handle, p Party, set QuestionSet, in ReplyInput) (string, error) {
	threads, err := s.Correspondence.Threads(ctx, h, p.Thread)
	if err != nil {
		return "", err
	}
	return replyWords(s.localPrinter(threads[p.Thread].Correspondent.Lang), set, in), nil
}

func (s *Service) localPrinter(lang string) *text.Printer {
	p := s.printer(lang)
	if zone := s.Correspondence.Team.Zone; zone != nil {
		p = p.In(zone)
	}
	return p
}

func replyWords(p *text.Printer, set QuestionSet, in ReplyInput) string {
	lines := []string{set.Title.In(string(p.Lang()))}
	if in.NotConcerned {
		lines = append(lines, p.T("common.answer.not_concerned"))
	}
	for _, q := range set.Questions {
		if a, ok := in.Answers[q.Code]; ok {
			lines = append(lines, q.Text.In(string(p.Lang()))+" "+q.SaidIn(p, a))
		}
	}
	if in.Note != "" {
		lines = append(lines, "", in.Note)
	}
	return strings.Join(lines, "\n")
}
