package intake

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// AttachTx links a report to an incident in the caller's transaction: New or Answered becomes Linked, and its clocks go on the incident's
// strip. A report may be linked to several incidents; linking it twice to one changes nothing. The actor needs access.Triage and must see the
// incident; a rejected or passed on report is a Conflict.
func (s *Service) AttachTx(ctx context.Context, tx *db.Tx, by access.Actor, report string, incident ref.Ref) (Report, error) {
	if err := by.Need(access.Triage); err != nil {
		return Report{}, err
	}
	if incident.Kind != ref.Incident {
		return Report{}, errs.ErrNotFound
	}
	if _, err := access.Load(ctx, tx, by, incident); err != nil {
		return Report{}, err
	}
	r, err := s.loadForChange(ctx, tx, by, report)
	if err != nil {
		return Report{}, err
	}
	from := r.State
	if from != Linked {
		if err := r.move(Linked); err != nil {
			return Report{}, err
		}
	}
	now := s.Clock.Now()
	n, err := tx.Exec(ctx, `INSERT INTO intake_link (report, incident, linked_at, linked_by) VALUES ($1, $2, $3, $4) ON CONFLICT (report, incident) DO NOTHING`,
		r.Ref.ID, incident.ID, now, by.Account)
	if err != nil || n == 0 {
		return r.Report, err
	}
	r.Incidents = append(r.Incidents, incident)
	if from != Linked {
		if err := s.Deadlines.MoveTx(ctx, tx, r.Ref, incident); err != nil {
			return Report{}, err
		}
	}
	r.AnswerCame = false
	e := moved("intake.attach", from, &r, "")
	e.About = incident
	e.Changes = append(e.Changes, audit.Change{Field: "incident", To: incident.ID})
	e.Data = map[string]any{"report": r.Reference}
	return r.Report, s.change(ctx, tx, by, &r, e)
}

// DetachTx undoes AttachTx; without another link the report is New again, with its clocks on its own strip.
func (s *Service) DetachTx(ctx context.Context, tx *db.Tx, by access.Actor, report string, incident ref.Ref) (Report, error) {
	if err := by.Need(access.Triage); err != nil {
		return Report{}, err
	}
	if _, err := access.Load(ctx, tx, by, incident); err != nil {
		return Report{}, err
	}
	r, err := s.loadForChange(ctx, tx, by, report)
	if err != nil {
		return Report{}, err
	}
	n, err := tx.Exec(ctx, `DELETE FROM intake_link WHERE report = $1 AND incident = $2`, r.Ref.ID, incident.ID)
	if err != nil {
		return Report{}, err
	}
	if n == 0 {
		return Report{}, errs.ErrNotFound
	}
	from := r.State
	var left []ref.Ref
	for _, i := range r.Incidents {
		if i != incident {
			left = append(left, i)
		}
	}
	r.Incidents = left
	under := r.Ref
	if len(left) == 0 {
		if err := r.move(New); err != nil {
			return Report{}, err
		}
		r.ConcludedAt = time.Time{}
		if err := s.endCodes(ctx, tx, r.Ref.ID, time.Time{}); err != nil {
			return Report{}, err
		}
	} else {
		under = left[0]
	}
	if err := s.Deadlines.MoveTx(ctx, tx, r.Ref, under); err != nil {
		return Report{}, err
	}
	e := moved("intake.detach", from, &r, "")
	e.About = incident
	e.Changes = append(e.Changes, audit.Change{Field: "incident", From: incident.ID})
	e.Data = map[string]any{"report": r.Reference}
	return r.Report, s.change(ctx, tx, by, &r, e)
}

// ReportsOf gives all reports linked to an incident that the caller has checked, oldest first, for verbs that follow from it. What is shown is
// ReportsIn.
func (s *Service) ReportsOf(ctx context.Context, h db.Handle, incident int64) ([]Report, error) {
	all, err := s.inside(ctx, h, `o.id IN (SELECT l.report FROM intake_link l WHERE l.incident = $1) ORDER BY o.id`, incident)
	out := make([]Report, len(all))
	for i := range all {
		out[i] = all[i].Report
	}
	return out, err
}

// ObjectsOf gives all objects that belong to the reports of an incident, for its seal: the reports, their threads, what laws ask in them, and the threads
// on which that was passed on.
func (s *Service) ObjectsOf(ctx context.Context, h db.Handle, incident int64) ([]int64, error) {
	return db.All(ctx, h, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) }, `SELECT l.report FROM intake_link l WHERE l.incident = $1
		UNION SELECT r.thread FROM intake_link l JOIN intake_report r ON r.id = l.report WHERE l.incident = $1 AND r.thread <> 0
		UNION SELECT b.id FROM intake_link l JOIN intake_obligation b ON b.report = l.report WHERE l.incident = $1
		UNION SELECT f.thread FROM intake_link l JOIN intake_obligation b ON b.report = l.report JOIN intake_forward f ON f.obligation = b.id WHERE l.incident = $1
		UNION SELECT f.thread FROM intake_link l JOIN intake_handed g ON g.report = l.report JOIN intake_forward f ON f.uid = g.forward WHERE l.incident = $1
		UNION SELECT w.thread FROM intake_link l JOIN intake_vouch w ON w.report = l.report WHERE l.incident = $1`, incident)
}

// ReportsIn is ReportsOf as a reader sees it: a report has a marking of its own, and may lie under the seal of another incident.
func (s *Service) ReportsIn(ctx context.Context, h db.Handle, by access.Actor, incident int64) ([]Report, error) {
	ids, err := db.All(ctx, h, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) }, `SELECT report FROM intake_link WHERE incident = $1 ORDER BY report`, incident)
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	seen, err := s.ByID(ctx, h, by, ids...)
	var out []Report
	for _, n := range ids {
		if r, ok := seen[n]; ok {
			out = append(out, r)
		}
	}
	return out, err
}

// ConcludeTx tells the reports of an incident that it was closed: their reporters read "concluded", and their links end 90 days later. A
// report that another incident still holds open is told by that one; open names the incidents among its others that are not closed.
func (s *Service) ConcludeTx(ctx context.Context, tx *db.Tx, by access.Actor, incident int64, open func(incident int64) bool) error {
	return s.conclusion(ctx, tx, by, incident, "intake.conclude", func(r *row) time.Time {
		for _, i := range r.Incidents {
			if i.ID != incident && open != nil && open(i.ID) {
				return r.ConcludedAt
			}
		}
		return s.Clock.Now()
	})
}

// ResumeTx is the opposite of ConcludeTx: the incident was reopened.
func (s *Service) ResumeTx(ctx context.Context, tx *db.Tx, by access.Actor, incident int64) error {
	return s.conclusion(ctx, tx, by, incident, "intake.resume", func(*row) time.Time { return time.Time{} })
}

func (s *Service) conclusion(ctx context.Context, tx *db.Tx, by access.Actor, incident int64, verb string, at func(*row) time.Time) error {
	all, err := s.inside(ctx, tx, `o.id IN (SELECT l.report FROM intake_link l WHERE l.incident = $1) ORDER BY o.id`+of(tx), incident)
	if err != nil {
		return err
	}
	for i := range all {
		r := &all[i]
		was := r.ConcludedAt
		if r.ConcludedAt = at(r); r.ConcludedAt.Equal(was) {
			continue
		}
		if err := s.endCodes(ctx, tx, r.Ref.ID, r.ConcludedAt); err != nil {
			return err
		}
		if err := s.keepAll(ctx, tx, by, r); err != nil { // what the reporter still owes stops with its incidents, and goes on with them
			return err
		}
		if err := s.change(ctx, tx, by, r, audit.Entry{Verb: verb, About: ref.Ref{Kind: ref.Incident, ID: incident}}); err != nil {
			return err
		}
	}
	return nil
}

// of locks the object rows alone, not those joined to them.
func of(tx *db.Tx) string {
	if tx.ForUpdate() == "" {
		return ""
	}
	return tx.ForUpdate() + " OF o"
}

// AddTx files something more from the reporter on its thread (mail answer, link, portal, API) and, once we worked on the report, brings it
// back to the queue as an answer. What a stranger sent to the right tag is filed as unverified by the caller's State, and comes back too: a
// person decides.
func (s *Service) AddTx(ctx context.Context, tx *db.Tx, by access.Actor, report int64, in correspondence.Incoming) (correspondence.Message, error) {
	if _, err := access.Locked(ctx, tx, report); err != nil {
		return correspondence.Message{}, err
	}
	r, err := s.byID(ctx, tx, report)
	if err != nil {
		return correspondence.Message{}, err
	}
	var m correspondence.Message
	filed := false
	if s.Answer != nil {
		if m, filed, err = s.Answer(ctx, tx, by, r.Thread, in); err != nil {
			return m, err
		}
	}
	if !filed {
		if m, err = s.Correspondence.ReceiveTx(ctx, tx, by, r.Thread, in); err != nil {
			return m, err
		}
	}
	if r.State != New && !(in.Kind == correspondence.Receipt) {
		r.AnswerCame = true
	}
	return m, s.change(ctx, tx, by, &r, audit.Entry{
		Verb: "intake.add", Compartment: r.Compartment,
		Changes: []audit.Change{{Field: "channel", To: string(in.Channel)}, {Field: "filed", To: string(in.State)}},
		Data:    map[string]any{"message": m.UID},
	})
}

// ReportOfThread gives the report whose thread it is, for the mailroom.
func (s *Service) ReportOfThread(ctx context.Context, h db.Handle, thread int64) (Report, error) {
	all, err := s.inside(ctx, h, `r.thread = $1`, thread)
	if err != nil || len(all) == 0 {
		return Report{}, orNotFound(err)
	}
	return all[0].Report, nil
}
