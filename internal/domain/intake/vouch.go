package intake

import (
	"context"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// Vouch is the question to an organisation whether somebody speaks for it, and its answer.
type Vouch struct {
	UID          string
	Report       int64
	Organisation int64
	Name         string // of the organisation
	Thread       int64
	Message      string // uid of the letter
	AskedAt      time.Time
	Said         Said
	SaidAt       time.Time

	// What the organisation is told: who says so, and when.
	Reference string
	Who       string
	As        string // one of Behalves
	For       string // as it was written
	ToldAt    time.Time
}

// Said is the answer of an organisation.
type Said int

// The answers.
const (
	NotSaid Said = iota
	SaidYes
	SaidNo
)

// AskVouch asks an organisation of the register, by a letter to its known contact on a thread of its own compartment, whether who sent this report speaks
// for it. The letter says who claims it and when, and nothing of what was reported. The actor needs access.Triage and access.SendOutside. Refused: Invalid
// with all problems, Conflict where nobody is marked, NotFound, Forbidden with the reason of egress.
func (s *Service) AskVouch(ctx context.Context, by access.Actor, report, organisation string) (Vouch, error) {
	var out Vouch
	if err := by.Need(access.Triage); err != nil {
		return out, err
	}
	if err := by.Need(access.SendOutside); err != nil {
		return out, err
	}
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		r, err := s.loadForChange(ctx, tx, by, report)
		if err != nil {
			return err
		}
		if r.Behalf != Unconfirmed {
			return ErrNotMarked
		}
		var p errs.Problems
		org, err := access.Find(ctx, tx, by, ref.Organisation, organisation)
		if errs.Is(err, errs.NotFound) {
			p.Add("organisation", "error.choice")
			err = p.Err()
		}
		if err != nil {
			return err
		}
		all, err := s.Constituency.ByID(ctx, tx, org.Ref.ID)
		if err != nil {
			return err
		}
		c, err := s.Constituency.WriteTo(ctx, tx, org.Ref.ID)
		if errs.Is(err, errs.NotFound) {
			p.Add("organisation", "error.nobody_to_write_to")
			err = p.Err()
		}
		if err != nil {
			return err
		}
		now, o := s.Clock.Now(), all[org.Ref.ID]
		to := correspondence.Correspondent{Name: first(c.Name, o.Name), Email: c.Email, Phone: c.Phone, Lang: first(c.Lang, o.Lang, "en"), Organisation: o.Ref.ID, Contact: c.ID}
		t, err := s.Correspondence.OpenThreadTx(ctx, tx, by, correspondence.NewThread{About: r.Ref, Compartment: o.Ref.ID, TLP: r.TLP, Exercise: r.Exercise, Prefix: "V", Correspondent: to})
		if err != nil {
			return err
		}
		if r.Sealed {
			under := r.Ref
			if r.SealedUnder != 0 {
				under.ID = r.SealedUnder
			}
			if err := access.SealTx(ctx, tx, under, now, t.Ref.ID); err != nil {
				return err
			}
		}
		out = Vouch{UID: id.New(), Report: r.Ref.ID, Organisation: o.Ref.ID, Name: o.Name, Thread: t.Ref.ID, AskedAt: now}
		out.tell(&r)
		m, err := s.Correspondence.SendTx(ctx, tx, by, t.Ref.ID, s.vouchLetter(to.Lang, out, r.Report))
		if err != nil {
			return err
		}
		out.Message = m.UID
		if _, err := tx.Exec(ctx, `INSERT INTO intake_vouch (uid, report, organisation, thread, message, asked_at, asked_by) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			out.UID, out.Report, out.Organisation, out.Thread, out.Message, out.AskedAt, by.Account); err != nil {
			return err
		}
		return s.change(ctx, tx, by, &r, audit.Entry{Verb: "intake.ask_vouch", Changes: []audit.Change{{Field: "organisation", To: o.Name}}, Data: map[string]any{"vouch": out.UID, "message": m.UID}})
	})
	return out, err
}

// ErrNotMarked is the Conflict of confirming what nobody claims.
var ErrNotMarked = &errs.Error{Kind: errs.Conflict, Key: "error.not_marked", Text: "nobody is marked as speaking for somebody else"}

func (x *Vouch) tell(r *row) {
	x.Reference, x.As, x.For, x.ToldAt = r.Reference, r.Body.Behalf, r.Body.OrgText, r.ReceivedAt
	x.Who = strings.TrimSpace(r.Body.Name + " " + r.Body.Email)
}

func (s *Service) vouchLetter(lang string, x Vouch, r Report) correspondence.Outgoing {
	p := s.Correspondence.Text.For(text.Lang(lang)).In(s.zone())
	unknown := p.T("common.not_known_yet")
	body := p.T("mail.vouch.why", "when", p.DateTime(x.ToldAt), "reference", x.Reference) + "\n\n" +
		p.T("mail.vouch.who") + "\n  " + first(x.Who, unknown) + "\n" + p.T("mail.vouch.for") + "\n  " + first(x.For, unknown) + "\n\n" +
		p.T("mail.vouch.answer") + "\n  " + s.Portal + "/portal/vouches/" + x.UID + "\n\n" + p.T("mail.vouch.else")
	return correspondence.Outgoing{Kind: correspondence.Letter, TLP: r.TLP, Under: r.Ref, Subject: p.T("mail.vouch.subject", "reference", x.Reference), Text: body}
}

const vouchColumns = `v.uid, v.report, v.organisation, v.thread, v.message, v.asked_at, v.said, v.said_at`

func scanVouch(r *db.Rows) (x Vouch, err error) {
	return x, r.Scan(&x.UID, &x.Report, &x.Organisation, &x.Thread, &x.Message, &x.AskedAt, &x.Said, &x.SaidAt)
}

// Vouches lists what organisations were asked about a report that the team sees, oldest first.
func (s *Service) Vouches(ctx context.Context, h db.Handle, by access.Actor, report string) ([]Vouch, error) {
	if !by.Team() {
		return nil, errs.ErrNotFound
	}
	r, err := s.load(ctx, h, by, report)
	if err != nil {
		return nil, err
	}
	q := new(db.Query).Add(`SELECT ` + vouchColumns + ` FROM intake_vouch v JOIN `)
	access.Sees(by).From(q, ref.Thread).Add(` ON o.id = v.thread WHERE v.report = ? ORDER BY v.id`, r.Ref.ID)
	all, err := db.List(ctx, h, q, scanVouch)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	var ids []int64
	for _, x := range all {
		ids = append(ids, x.Organisation)
	}
	named, err := s.Constituency.ByID(ctx, h, ids...)
	for i := range all {
		all[i].Name = named[all[i].Organisation].Name
	}
	return all, err
}

// ownVouch is the condition under which an organisation sees that it was asked: the letter has left.
const ownVouch = ` ON o.id = v.thread WHERE v.organisation = ? AND EXISTS (SELECT 1 FROM correspondence_message m WHERE m.uid = v.message AND m.state = 'sent')`

// VouchesOfUs lists what the actor's own organisation was asked and did not answer, oldest first, at most fifty.
func (s *Service) VouchesOfUs(ctx context.Context, by access.Actor) ([]Vouch, error) {
	if err := by.Need(access.OwnCases); err != nil || by.Organisation == 0 {
		return nil, err
	}
	q := new(db.Query).Add(`SELECT ` + vouchColumns + ` FROM intake_vouch v JOIN `)
	access.Sees(by).From(q, ref.Thread).Add(ownVouch+` AND v.said = 0 ORDER BY v.id LIMIT 50`, by.Organisation)
	all, err := db.List(ctx, s.DB, q, scanVouch)
	if err != nil {
		return nil, err
	}
	return s.told(ctx, s.DB, all)
}

// VouchOfUs gives one question to the actor's own organisation. Refused: NotFound.
func (s *Service) VouchOfUs(ctx context.Context, by access.Actor, uid string) (Vouch, error) {
	return s.vouchOfUs(ctx, s.DB, by, uid)
}

func (s *Service) vouchOfUs(ctx context.Context, h db.Handle, by access.Actor, uid string) (Vouch, error) {
	if err := by.Need(access.OwnCases); err != nil {
		return Vouch{}, err
	}
	q := new(db.Query).Add(`SELECT ` + vouchColumns + ` FROM intake_vouch v JOIN `)
	access.Sees(by).From(q, ref.Thread).Add(ownVouch+` AND v.uid = ?`, by.Organisation, uid)
	x, err := db.One(ctx, h, scanVouch, q.Text(), q.Args()...)
	if err != nil || by.Organisation == 0 {
		return x, orNotFound(err)
	}
	all, err := s.told(ctx, h, []Vouch{x})
	if err == nil && len(all) == 0 {
		err = errs.ErrNotFound // the report's content was destroyed
	}
	if err != nil {
		return x, err
	}
	return all[0], nil
}

// told fills in what organisations are told of reports that they do not see. Those whose content was destroyed are left out.
func (s *Service) told(ctx context.Context, h db.Handle, all []Vouch) ([]Vouch, error) {
	var out []Vouch
	for _, x := range all {
		r, err := s.byID(ctx, h, x.Report)
		if err != nil {
			return nil, err
		}
		if !r.Destroyed && !r.withheld() {
			x.tell(&r)
			out = append(out, x)
		}
	}
	return out, nil
}

// AnswerVouch says for the actor's own organisation whether somebody speaks for it. Yes takes the mark from the report; no leaves it and says so to us. Said
// twice, the first word stands. The actor needs access.FileReport. Refused: NotFound, Conflict when it was said otherwise before.
func (s *Service) AnswerVouch(ctx context.Context, by access.Actor, uid string, yes bool) error {
	if err := by.Need(access.FileReport); err != nil {
		return err
	}
	said := SaidNo
	if yes {
		said = SaidYes
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		x, err := s.vouchOfUs(ctx, tx, by, uid)
		if err != nil {
			return err
		}
		if _, err := access.Locked(ctx, tx, x.Report); err != nil {
			return err
		}
		n, err := tx.Exec(ctx, `UPDATE intake_vouch SET said = $2, said_at = $3, said_by = $4 WHERE uid = $1 AND said = 0`, uid, int64(said), s.Clock.Now(), by.Account)
		if err != nil {
			return err
		}
		if n == 0 {
			if x.Said == said {
				return nil
			}
			return &errs.Error{Kind: errs.Conflict, Key: "error.vouch_said", Text: "your organisation has answered this already"}
		}
		r, err := s.byID(ctx, tx, x.Report)
		if err != nil {
			return err
		}
		e := audit.Entry{Verb: "intake.vouch", Changes: []audit.Change{{Field: "said", To: map[Said]string{SaidYes: "yes", SaidNo: "no"}[said]}}, Data: map[string]any{"vouch": uid}}
		if yes && r.Behalf == Unconfirmed {
			r.Behalf = Confirmed
			if _, err := tx.Exec(ctx, `UPDATE intake_report SET behalf = $2 WHERE id = $1`, r.Ref.ID, int64(r.Behalf)); err != nil {
				return err
			}
			e.Changes = append(e.Changes, audit.Change{Field: "behalf", From: int(Unconfirmed), To: int(Confirmed)})
		}
		r.AnswerCame = r.AnswerCame || r.State != New
		if err := s.change(ctx, tx, by, &r, e); err != nil {
			return err
		}
		return s.showTx(ctx, tx, r.Ref.ID)
	})
}

// VouchAnswerTx files what an organisation wrote by mail to such a question, or somebody to whom the report was passed on. It stays on its own thread, which the reporter does not see; a person reads it,
// and the report comes back to the queue.
func (s *Service) VouchAnswerTx(ctx context.Context, tx *db.Tx, by access.Actor, t correspondence.Thread, in correspondence.Incoming) (correspondence.Message, error) {
	if _, err := access.Locked(ctx, tx, t.About.ID); err != nil {
		return correspondence.Message{}, err
	}
	r, err := s.byID(ctx, tx, t.About.ID)
	if err != nil {
		return correspondence.Message{}, err
	}
	m, err := s.Correspondence.ReceiveTx(ctx, tx, by, t.Ref.ID, in)
	if err != nil || r.Destroyed {
		return m, err
	}
	if in.State == correspondence.Filed { // on a thread with who was passed the report, it confirms the receipt
		if err := s.confirmedOn(ctx, tx, by, t.Ref.ID, in); err != nil {
			return m, err
		}
	}
	r.AnswerCame = r.AnswerCame || r.State != New
	return m, s.change(ctx, tx, by, &r, audit.Entry{
		Verb: "intake.vouch_answer", Compartment: t.Compartment, Changes: []audit.Change{{Field: "channel", To: string(in.Channel)}, {Field: "filed", To: string(in.State)}}, Data: map[string]any{"message": m.UID},
	})
}
