package coordination

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// OpenTx counts what is open about a subject: requests that were asked and not answered, and measures that are not at an end (done but not
// yet verified is open: that is ours), calls that are planned, and a shared situation that has not ended.
func (s *Service) OpenTx(ctx context.Context, tx *db.Tx, subject ref.Ref) (int, error) {
	var requests, measures int
	err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM coordination_request WHERE subject = $1 AND open = TRUE`, subject.ID).Scan(&requests)
	if err != nil {
		return 0, err
	}
	err = tx.QueryRow(ctx, `SELECT COUNT(*) FROM coordination_measure WHERE subject = $1 AND (open = TRUE OR state = $2)`, subject.ID, string(Done)).Scan(&measures)
	if err != nil {
		return 0, err
	}
	var calls, situations int
	if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM coordination_call WHERE subject = $1 AND state = $2`, subject.ID, string(CallPlanned)).Scan(&calls); err != nil {
		return 0, err
	}
	err = tx.QueryRow(ctx, `SELECT COUNT(*) FROM coordination_situation WHERE subject = $1 AND ended_at IS NULL`, subject.ID).Scan(&situations)
	return requests + measures + calls + situations, err
}

// recall withdraws the open requests and measures that match, with a reason that stays in the record: the party is not told it. What never left
// (unsent) concerns the party no longer: it goes back into the team's compartment.
func (s *Service) recall(ctx context.Context, tx *db.Tx, by access.Actor, which string, id int64, reason string, unsent bool) error {
	now := s.Clock.Now()
	requests, err := db.All(ctx, tx, s.scanRequest, `SELECT `+requestColumns+` FROM object o`+requestTables+` WHERE `+which+` AND r.open = TRUE ORDER BY o.id`, id)
	if err != nil {
		return err
	}
	for i := range requests {
		r := &requests[i]
		compartment := r.Compartment
		r.State = Withdrawn
		if unsent {
			r.Compartment = 0
		}
		if err := s.saveRequest(ctx, tx, r, now); err != nil {
			return err
		}
		if err := s.recalled(ctx, tx, by, r.Ref, r.Subject, compartment, requestClock, reason, unsent); err != nil {
			return err
		}
	}
	measures, err := db.All(ctx, tx, s.scanMeasure, `SELECT `+measureColumns+` FROM object o`+measureTables+` WHERE `+which+` AND r.open = TRUE ORDER BY o.id`, id)
	if err != nil {
		return err
	}
	for i := range measures {
		m := &measures[i]
		compartment := m.Compartment
		m.apply(by, MoveInput{To: Recalled}, now)
		if unsent {
			m.Compartment = 0
		}
		if err := s.saveMeasure(ctx, tx, m, now); err != nil {
			return err
		}
		if err := s.recalled(ctx, tx, by, m.Ref, m.Subject, compartment, measureClock, reason, unsent); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) recalled(ctx context.Context, tx *db.Tx, by access.Actor, on, subject ref.Ref, compartment int64, clock, reason string, unsent bool) error {
	table := "coordination_" + clock
	if unsent {
		compartment = 0
		if _, err := tx.Exec(ctx, `UPDATE `+table+` SET shown_at = NULL WHERE id = $1`, on.ID); err != nil {
			return err
		}
		if err := s.Search.DropTx(ctx, tx, on); err != nil {
			return err
		}
	}
	if err := s.Deadlines.StopTx(ctx, tx, by, on, clock, reason); err != nil {
		return err
	}
	err := s.Audit.Write(ctx, tx, audit.Entry{
		At: s.Clock.Now(), By: by, Verb: "coordination.withdraw_" + clock, On: on, About: subject, Compartment: compartment, Note: reason,
	})
	return err
}

// MessageStoppedTx withdraws what a letter asked when the letter was stopped in the outbox: the party never heard of it. Correspondence calls
// it in the transaction of Stop; for letters that asked nothing it does nothing.
func (s *Service) MessageStoppedTx(ctx context.Context, tx *db.Tx, by access.Actor, m correspondence.Message) error {
	if m.Kind == correspondence.Share { // it never reached its reader
		_, err := tx.Exec(ctx, `UPDATE coordination_shared SET withdrawn_at = $1, withdrawn_by = $2 WHERE message = $3 AND withdrawn_at IS NULL`, s.Clock.Now(), by.Account, m.ID)
		return err
	}
	if m.Kind == correspondence.Ask {
		if err := s.callStopped(ctx, tx, m.ID, s.Clock.Now()); err != nil {
			return err
		}
	}
	return s.recall(ctx, tx, by, `r.message = $1`, m.ID, "stopped", true)
}

// MessageSentTx shows the party what a letter asked, at the moment it leaves. Without it that is when the hold ends; with it also what waited
// for a person longer, or was sent at once. Correspondence calls it when a message becomes sent.
func (s *Service) MessageSentTx(ctx context.Context, tx *db.Tx, m correspondence.Message, at time.Time) error {
	if m.Kind == correspondence.Receipt {
		return nil
	}
	for _, table := range []string{"coordination_request", "coordination_measure"} {
		err := tx.Later(ctx, `UPDATE `+table+` SET shown_at = $1 WHERE message = $2 AND open = TRUE AND (shown_at IS NULL OR shown_at > $1)`, at, m.ID)
		if err != nil {
			return err
		}
	}
	return s.codeOwed(ctx, tx, m, at)
}
