package coordination

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/handover"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Taken is a case that another team handed to us and that we took over.
type Taken struct {
	Party     int64
	Subject   int64
	TakenAt   time.Time
	TakenBy   int64
	Team      string // as the document names it
	Reference string // the other team's own
	Title     string
	Sum       string // SHA-256 of the document
}

type takenBody struct {
	Team      string `json:"team,omitempty"`
	Reference string `json:"reference,omitempty"`
	Title     string `json:"title"`
	Sum       string `json:"sum"`
}

// Taking is a document that is taken over: who sent it, and the answer that goes back.
type Taking struct {
	Organisation int64
	Document     handover.Document
	Sum          string
	Reference    string // of the thread, as the other team reads it
	Ack          []correspondence.File
}

// takenHash finds a document of an organisation: the same one twice is one.
func (s *Service) takenHash(organisation int64, id string) []byte {
	m := hmac.New(sha256.New, s.Ring.Derive("coordination taken/v1"))
	fmt.Fprintf(m, "%d:%s", organisation, id)
	return m.Sum(nil)
}

func takenPlace(hash []byte) string { return fmt.Sprintf("coordination_taken.body:%x", hash) }

// IsPeer tells whether an organisation of the register is another national team.
func (s *Service) IsPeer(ctx context.Context, h db.Handle, organisation int64) (bool, error) {
	if organisation == 0 {
		return false, nil
	}
	list, err := s.Constituency.Liaisons(ctx, h, organisation)
	return list[organisation].Kind == constituency.CSIRT, err
}

// WriteAck gives the file that says to the other team that its case is taken over, under our reference.
func (s *Service) WriteAck(d handover.Document, reference string) ([]byte, error) {
	return handover.Ack{
		ID: d.ID, From: handover.From{Team: s.Correspondence.Team.Name, Country: s.Country, Email: s.Correspondence.Team.Address, Phone: s.Correspondence.Team.Phone},
		MadeAt: s.Clock.Now().UTC().Truncate(time.Second), Outcome: handover.Acknowledged, Reference: reference,
	}.Write()
}

// TakeOverTx notes that the case of a peer was taken over as the subject of a party, and answers it: words for people, and the file that stops its clock. The
// caller has checked party and document. The actor needs access.WorkCases and access.SendOutside. Refused: Conflict for a document that was taken before, and what
// a letter is refused for.
func (s *Service) TakeOverTx(ctx context.Context, tx *db.Tx, by access.Actor, p Party, in Taking) error {
	if err := needPrepare(by); err != nil {
		return err
	}
	now, hash := s.Clock.Now(), s.takenHash(in.Organisation, in.Document.ID)
	k, err := s.Ring.Get(ctx, tx, p.Ref.ID)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(takenBody{in.Document.From.Team, in.Document.Reference, in.Document.Title, in.Sum})
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, `INSERT INTO coordination_taken (hash, party, subject, taken_at, taken_by, body) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (hash) DO NOTHING`,
		hash, p.Ref.ID, p.Subject.ID, now, by.Account, k.Seal(takenPlace(hash), raw))
	if err != nil {
		return err
	}
	if n == 0 {
		return &errs.Error{Kind: errs.Conflict, Key: "error.handover_taken", Text: "this case was taken over already"}
	}
	threads, err := s.Correspondence.Threads(ctx, tx, p.Thread)
	if err != nil {
		return err
	}
	words := s.printer(threads[p.Thread].Correspondent.Lang)
	_, err = s.Correspondence.SendTx(ctx, tx, by, p.Thread, correspondence.Outgoing{
		Kind: correspondence.Letter, Subject: words.T("mail.handover.ack.subject", "reference", in.Reference), Under: p.Subject, Files: in.Ack, AnswerTo: in.Document.AnswerTo,
		Text: words.T("mail.handover.ack.text", "title", harmless(in.Document.Title), "theirs", harmless(in.Document.Reference), "reference", in.Reference, "file", handover.AckFile),
	})
	if err != nil {
		return err
	}
	return s.Audit.Write(ctx, tx, audit.Entry{
		At: now, By: by, Verb: "coordination.take_over", On: p.Ref, About: p.Subject,
		Changes: []audit.Change{{Field: "party", To: p.Name}, {Field: "title", To: in.Document.Title}, {Field: "reference", To: in.Document.Reference}, {Field: "sum", To: in.Sum}},
	})
}

// TakenAs gives the incident that a document of an organisation was taken over as; errs.ErrNotFound for none, or for one that the actor may not see.
func (s *Service) TakenAs(ctx context.Context, h db.Handle, by access.Actor, organisation int64, id string) (access.Object, error) {
	if !by.Team() {
		return access.Object{}, errs.ErrNotFound
	}
	var subject int64
	if err := h.QueryRow(ctx, `SELECT subject FROM coordination_taken WHERE hash = $1`, s.takenHash(organisation, id)).Scan(&subject); err != nil {
		return access.Object{}, err
	}
	return access.Load(ctx, h, by, ref.Ref{Kind: ref.Incident, ID: subject})
}

// TakenOf gives what another team handed to us as an incident that the caller has read, oldest first, at most 20. The actor is one of us.
func (s *Service) TakenOf(ctx context.Context, h db.Handle, by access.Actor, subject ref.Ref) ([]Taken, error) {
	if !by.Team() {
		return nil, nil
	}
	return db.All(ctx, h, func(r *db.Rows) (x Taken, err error) {
		var hash, sealed, wrapped []byte
		if err := r.Scan(&hash, &x.Party, &x.Subject, &x.TakenAt, &x.TakenBy, &sealed, &wrapped); err != nil || wrapped == nil {
			return x, err
		}
		k, err := s.Ring.Unwrap(x.Party, wrapped)
		if err != nil {
			return x, err
		}
		raw, err := k.Open(takenPlace(hash), sealed)
		if err != nil {
			return x, err
		}
		var b takenBody
		err = json.Unmarshal(raw, &b)
		x.Team, x.Reference, x.Title, x.Sum = b.Team, b.Reference, b.Title, b.Sum
		return x, err
	}, `SELECT t.hash, t.party, t.subject, t.taken_at, t.taken_by, t.body, k.wrapped FROM coordination_taken t LEFT JOIN keyring_key k ON k.owner = t.party
		WHERE t.subject = $1 ORDER BY t.taken_at, t.hash LIMIT 20`, subject.ID)
}
