package intake

import (
	"context"
	"strconv"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/format/law"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Forwards lists what was passed on under an obligation that the team sees, oldest first.
func (s *Service) Forwards(ctx context.Context, h db.Handle, by access.Actor, obligation string) ([]Forward, error) {
	if !by.Team() {
		return nil, errs.ErrNotFound
	}
	o, err := access.Find(ctx, h, by, ref.Obligation, obligation)
	if err != nil {
		return nil, err
	}
	q := new(db.Query).Add(`SELECT ` + forwardColumns + ` FROM intake_forward f JOIN `)
	access.Sees(by).From(q, ref.Thread).Add(` ON o.id = f.thread WHERE f.obligation = ? ORDER BY f.id`, o.Ref.ID)
	all, err := db.List(ctx, h, q, scanForward)
	if err != nil {
		return nil, err
	}
	return all, s.followed(ctx, h, by, all)
}

// Usual gives the organisation that was last given what this recipient of a rule set receives, as far as the actor sees it; "" for none.
func (s *Service) Usual(ctx context.Context, h db.Handle, by access.Actor, set, recipient string) (string, error) {
	q := new(db.Query).Add(`SELECT o.id FROM intake_forward f JOIN intake_obligation b ON b.id = f.obligation JOIN `)
	access.Sees(by).From(q, ref.Organisation).Add(` ON o.id = f.organisation WHERE b.rule_set = ? AND f.recipient = ? ORDER BY f.id DESC LIMIT 1`, set, recipient)
	ids, err := db.List(ctx, h, q, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) })
	if err != nil || len(ids) == 0 {
		return "", err
	}
	all, err := s.Constituency.ByID(ctx, h, ids[0])
	return all[ids[0]].Name, err
}

// PassedToUs lists what was passed on to the actor's own organisation by law, newest first, once the letter has left.
func (s *Service) PassedToUs(ctx context.Context, by access.Actor, after string, limit int) (constituency.Page[Forward], error) {
	var page constituency.Page[Forward]
	if err := by.Need(access.OwnCases); err != nil || by.Organisation == 0 {
		return page, err
	}
	if limit <= 0 || limit > 100 {
		limit = 50
	}
	last := int64(1<<62 - 1)
	if after != "" {
		n, err := strconv.ParseInt(after, 36, 64)
		if err != nil {
			return page, errs.ErrNotFound
		}
		last = n
	}
	type line struct {
		Forward
		id int64
	}
	q := new(db.Query).Add(`SELECT f.id, ` + forwardColumns + ` FROM intake_forward f JOIN `)
	access.Sees(by).From(q, ref.Thread).Add(` ON o.id = f.thread WHERE f.organisation = ? AND f.stopped_at IS NULL AND f.id < ?
		AND EXISTS (SELECT 1 FROM correspondence_message m WHERE m.uid = f.message AND m.state = 'sent') ORDER BY f.id DESC LIMIT ?`, by.Organisation, last, limit+1)
	all, err := db.List(ctx, s.DB, q, func(r *db.Rows) (l line, err error) {
		f := &l.Forward
		return l, r.Scan(&l.id, &f.UID, &f.Obligation, &f.Recipient, &f.Organisation, &f.Thread, &f.Message, &f.At, &f.SentBy, &f.StoppedAt, &f.ConfirmedAt, &f.ConfirmedBy)
	})
	if err != nil {
		return page, err
	}
	if len(all) > limit {
		all = all[:limit]
		page.Next = strconv.FormatInt(all[limit-1].id, 36)
	}
	for _, l := range all {
		l.SentBy = 0
		page.Items = append(page.Items, l.Forward)
	}
	return page, s.followed(ctx, s.DB, by, page.Items)
}

// PassedBefore lists what was passed on to the actor's own organisation, the newest letter first, sent before a moment (zero: all).
func (s *Service) PassedBefore(ctx context.Context, by access.Actor, before time.Time, limit int) ([]Forward, error) {
	if err := by.Need(access.OwnCases); err != nil || by.Organisation == 0 {
		return nil, err
	}
	q := new(db.Query).Add(`SELECT ` + forwardColumns + ` FROM intake_forward f JOIN `)
	access.Sees(by).From(q, ref.Thread).Add(` ON o.id = f.thread JOIN correspondence_message m ON m.uid = f.message WHERE f.organisation = ? AND f.stopped_at IS NULL AND m.state = 'sent'`, by.Organisation)
	if !before.IsZero() {
		q.Add(` AND m.sent_at < ?`, before)
	}
	all, err := db.List(ctx, s.DB, q.Add(` ORDER BY m.sent_at DESC, f.id DESC LIMIT ?`, limit), scanForward)
	if err != nil {
		return nil, err
	}
	for i := range all {
		all[i].SentBy = 0
	}
	return all, s.followed(ctx, s.DB, by, all)
}

// passedToUs gives one of them, by uid.
func (s *Service) passedToUs(ctx context.Context, h db.Handle, by access.Actor, uid string) (Forward, error) {
	if err := by.Need(access.OwnCases); err != nil {
		return Forward{}, err
	}
	if by.Organisation == 0 { // those that were written in are of nobody's portal
		return Forward{}, errs.ErrNotFound
	}
	q := new(db.Query).Add(`SELECT ` + forwardColumns + ` FROM intake_forward f JOIN `)
	access.Sees(by).From(q, ref.Thread).Add(` ON o.id = f.thread WHERE f.uid = ? AND f.organisation = ? AND f.stopped_at IS NULL
		AND EXISTS (SELECT 1 FROM correspondence_message m WHERE m.uid = f.message AND m.state = 'sent')`, uid, by.Organisation)
	f, err := db.One(ctx, h, scanForward, q.Text(), q.Args()...)
	f.SentBy = 0
	return f, err
}

// ReadPassed gives what was passed on to the actor's own organisation, and notes that it was read: the read record.
func (s *Service) ReadPassed(ctx context.Context, by access.Actor, uid string) (Forward, error) {
	var out Forward
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		f, err := s.passedToUs(ctx, tx, by, uid)
		if err != nil {
			return err
		}
		if err := s.Correspondence.SeenTx(ctx, tx, f.Thread, s.Clock.Now()); err != nil {
			return err
		}
		all := []Forward{f}
		err = s.followed(ctx, tx, by, all)
		out = all[0]
		return err
	})
	return out, err
}

// ConfirmPassed says that the authority has received it: by somebody of the authority, or by the team as it was told on the telephone. Said twice, the
// first word stands. The actor needs access.OwnCases, or access.Triage. Refused: NotFound.
func (s *Service) ConfirmPassed(ctx context.Context, by access.Actor, uid string) error {
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		how := correspondence.ByPortal
		var f Forward
		var err error
		if by.Can(access.Triage) {
			how = correspondence.ByPhone
			q := new(db.Query).Add(`SELECT ` + forwardColumns + ` FROM intake_forward f JOIN `)
			access.Sees(by).From(q, ref.Thread).Add(` ON o.id = f.thread WHERE f.uid = ?`, uid)
			f, err = db.One(ctx, tx, scanForward, q.Text(), q.Args()...)
		} else {
			if by.Origin == access.ByAPI {
				how = correspondence.ByAPI
			}
			f, err = s.passedToUs(ctx, tx, by, uid)
		}
		if err != nil {
			return err
		}
		return s.confirmedTx(ctx, tx, by, f, how, s.Clock.Now())
	})
}

func (s *Service) confirmedTx(ctx context.Context, tx *db.Tx, by access.Actor, f Forward, how correspondence.Channel, at time.Time) error {
	if !f.ConfirmedAt.IsZero() || !f.StoppedAt.IsZero() {
		return nil
	}
	if f.Recipient == "" {
		return s.handedConfirmed(ctx, tx, by, f, how, at)
	}
	o, r, err := s.obliged(ctx, tx, f.Obligation)
	if err != nil {
		return err
	}
	n, err := tx.Exec(ctx, `UPDATE intake_forward SET confirmed_at = $2, confirmed_by = $3 WHERE uid = $1 AND confirmed_at IS NULL`, f.UID, at, string(how))
	if err != nil || n == 0 {
		return err
	}
	return s.obligationChanged(ctx, tx, by, &r, o, audit.Entry{
		Verb: "intake.forward_confirmed", Changes: []audit.Change{{Field: "recipient", To: law.Base(f.Recipient)}, {Field: "channel", To: string(how)}}, Data: map[string]any{"forward": f.UID},
	})
}

// PassedAnswerTx files what an authority wrote on the thread on which something was passed on to it. What is proved to come from it confirms the
// receipt of all that was sent there; the report comes back to the queue.
func (s *Service) PassedAnswerTx(ctx context.Context, tx *db.Tx, by access.Actor, t correspondence.Thread, in correspondence.Incoming) (correspondence.Message, error) {
	_, r, err := s.obliged(ctx, tx, t.About.ID)
	if err != nil {
		return correspondence.Message{}, err
	}
	m, err := s.Correspondence.ReceiveTx(ctx, tx, by, t.Ref.ID, in)
	if err != nil {
		return m, err
	}
	if in.State == correspondence.Filed {
		if err := s.confirmedOn(ctx, tx, by, t.Ref.ID, in); err != nil {
			return m, err
		}
	}
	r.AnswerCame = r.AnswerCame || r.State != New
	return m, s.change(ctx, tx, by, &r, audit.Entry{
		Verb: "intake.forward_answer", Compartment: t.Compartment,
		Changes: []audit.Change{{Field: "channel", To: string(in.Channel)}, {Field: "filed", To: string(in.State)}}, Data: map[string]any{"message": m.UID},
	})
}

// confirmedOn notes that what was sent on a thread has been received: its reader wrote.
func (s *Service) confirmedOn(ctx context.Context, tx *db.Tx, by access.Actor, thread int64, in correspondence.Incoming) error {
	all, err := db.All(ctx, tx, scanForward, `SELECT `+forwardColumns+` FROM intake_forward f WHERE f.thread = $1 AND f.confirmed_at IS NULL AND f.stopped_at IS NULL ORDER BY f.id`, thread)
	if err != nil {
		return err
	}
	for _, f := range all {
		if err := s.confirmedTx(ctx, tx, by, f, in.Channel, in.At); err != nil {
			return err
		}
	}
	return nil
}

// MessageStoppedTx hears that a letter was stopped in the outbox: what it passed on was not passed on, and our clock runs again.
func (s *Service) MessageStoppedTx(ctx context.Context, tx *db.Tx, by access.Actor, m correspondence.Message) error {
	stopped, err := db.All(ctx, tx, scanForward, `SELECT `+forwardColumns+` FROM intake_forward f WHERE f.message = $1 AND f.stopped_at IS NULL`, m.UID)
	if err != nil || len(stopped) == 0 {
		return err
	}
	f, now := stopped[0], s.Clock.Now()
	if _, err := tx.Exec(ctx, `UPDATE intake_forward SET stopped_at = $2 WHERE uid = $1`, f.UID, now); err != nil {
		return err
	}
	if f.Recipient == "" {
		return s.handedStoppedTx(ctx, tx, by, f)
	}
	o, r, err := s.obliged(ctx, tx, f.Obligation)
	if err != nil {
		return err
	}
	// Another letter that was not stopped, or a word that it was done otherwise, still counts.
	if _, err := tx.Exec(ctx, `UPDATE intake_fact SET ended_at = $4 WHERE obligation = $1 AND kind = $2 AND code = $3 AND at = $5 AND ended_at IS NULL`,
		f.Obligation, string(OfPassing), f.Recipient, now, f.At); err != nil {
		return err
	}
	if err := s.obligationChanged(ctx, tx, by, &r, o, audit.Entry{
		Verb: "intake.forward_stopped", Changes: []audit.Change{{Field: "recipient", To: law.Base(f.Recipient)}}, Data: map[string]any{"forward": f.UID},
	}); err != nil {
		return err
	}
	all := []Obligation{o}
	if err := s.fill(ctx, tx, all); err != nil {
		return err
	}
	_, err = s.keepClocks(ctx, tx, by, &r, all[0])
	return err
}
