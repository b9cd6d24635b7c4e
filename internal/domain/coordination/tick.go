package coordination

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// remindOnce is the time within which a party gets one reminder for all that it owes.
const remindOnce = 12 * time.Hour

// Handlers gives what happens when a clock of a request, a measure or a ladder is nearly or wholly over, for deadline.Tick.
func (s *Service) Handlers() map[string]deadline.Due {
	return map[string]deadline.Due{requestClock: s.clockDue, measureClock: s.clockDue, LadderClock: s.ladderDue, ValidClock: s.ranOut, CheckClock: s.checkDue, CodeClock: s.codeDue}
}

// clockDue reminds the party before the time is over, by an automatic letter, and prompts our people after it.
func (s *Service) clockDue(ctx context.Context, tx *db.Tx, c deadline.Clock, escalate bool) error {
	p, told, err := s.owing(ctx, tx, c)
	if errs.Is(err, errs.NotFound) || (err == nil && (!told || !p.WithdrawnAt.IsZero())) {
		return nil
	}
	if err != nil {
		return err
	}
	if escalate {
		return s.escalate(ctx, tx, c, p)
	}
	return s.remind(ctx, tx, c, p)
}

// owing gives the party that owes what a clock is about, and whether its letter has left.
func (s *Service) owing(ctx context.Context, tx *db.Tx, c deadline.Clock) (Party, bool, error) {
	var party int64
	var shown time.Time
	err := tx.QueryRow(ctx, `SELECT party, shown_at FROM coordination_`+c.Kind+` WHERE id = $1 AND open = TRUE`, c.About.ID).Scan(&party, &shown)
	if err != nil {
		return Party{}, false, err
	}
	p, err := s.loadParty(ctx, tx, party)
	return p, !shown.IsZero() && !shown.After(s.Clock.Now()), err
}

func (s *Service) remind(ctx context.Context, tx *db.Tx, c deadline.Clock, p Party) error {
	now := s.Clock.Now()
	n, err := tx.Exec(ctx, `UPDATE coordination_party SET reminded_at = $1 WHERE id = $2 AND (reminded_at IS NULL OR reminded_at <= $3)`, now, p.Ref.ID, now.Add(-remindOnce))
	if err != nil || n == 0 {
		return err
	}
	var requests, measures int
	if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM coordination_request WHERE party = $1 AND open = TRUE AND shown_at <= $2`, p.Ref.ID, now).Scan(&requests); err != nil {
		return err
	}
	if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM coordination_measure WHERE party = $1 AND open = TRUE AND shown_at <= $2`, p.Ref.ID, now).Scan(&measures); err != nil {
		return err
	}
	by := access.System("clocks")
	auto := &correspondence.Auto{Letter: correspondence.AutoReminder, At: now, DueAt: c.DueAt, Count: requests + measures}
	if auto.Code, err = s.reminderLink(ctx, tx, c, p); err != nil {
		return err
	}
	auto.Answer = auto.Code.Reveal() != ""
	_, err = s.Correspondence.SendTx(ctx, tx, by, p.Thread, correspondence.Outgoing{Kind: correspondence.Reminder, Under: p.Subject, Auto: auto})
	if err != nil {
		return err
	}
	err = s.Audit.Write(ctx, tx, audit.Entry{
		At: now, By: by, Verb: "coordination.remind", On: c.About, About: p.Subject,
		Changes: []audit.Change{{Field: "party", To: p.Name}, {Field: "due_at", To: c.DueAt}, {Field: "count", To: requests + measures}},
	})
	return err
}

// reminderLink draws a link to the letter whose clock reminds; none where that letter had none.
func (s *Service) reminderLink(ctx context.Context, tx *db.Tx, c deadline.Clock, p Party) (id.Secret, error) {
	threads, err := s.Correspondence.Threads(ctx, tx, p.Thread)
	if err != nil {
		return id.Secret{}, err
	}
	t := threads[p.Thread]
	if t.Correspondent.Email == "" {
		return id.Secret{}, nil
	}
	road, err := s.Correspondence.RoadOf(ctx, tx, &t, 0)
	if err != nil || (road.Road != egress.Encrypted && road.Road != egress.Signed) {
		return id.Secret{}, err
	}
	var message int64
	if err := tx.QueryRow(ctx, `SELECT message FROM coordination_`+c.Kind+` WHERE id = $1`, c.About.ID).Scan(&message); err != nil {
		return id.Secret{}, err
	}
	return s.againLink(ctx, tx, p, message, road.Road == egress.Encrypted)
}

// escalate writes for the handler of the subject that a party let its time pass. The clock is flagged already.
func (s *Service) escalate(ctx context.Context, tx *db.Tx, c deadline.Clock, p Party) error {
	err := s.Audit.Write(ctx, tx, audit.Entry{
		At: s.Clock.Now(), By: access.System("clocks"), Verb: "coordination.escalate", On: c.About, About: p.Subject,
		Changes: []audit.Change{{Field: "party", To: p.Name}, {Field: "owes", To: c.Kind}, {Field: "due_at", To: c.DueAt}},
	})
	if err != nil || s.Late == nil {
		return err
	}
	return s.Late(ctx, tx, c)
}
