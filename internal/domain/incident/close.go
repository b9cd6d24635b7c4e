package incident

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Outcomes and root causes that closing asks for; codes, named in the catalogue.
var (
	Outcomes   = []string{"resolved", "not_resolved", "handed_over", "no_incident"}
	RootCauses = []string{"malicious_action", "human_error", "system_failure", "natural", "third_party", "unknown"}
	Impacts    = []string{"none", "minor", "significant", "severe", "unknown"}
	Borders    = []string{"no", "yes", "unknown"}
)

// Close closes an incident. Type, severity, outcome, root cause, impact and cross-border are required: they feed the statistics. Requests and
// measures that are still open are named in the refusal (Conflict) unless a note says why they stay open. When asked for, each reporter is told in
// its language by a letter that is held like every other.
func (s *Service) Close(ctx context.Context, by access.Actor, incident string, version int64, c Closing) (Incident, error) {
	var p errs.Problems
	choose := func(field, value string, among []string) {
		if !slices.Contains(among, value) {
			p.Add(field, "error.choose")
		}
	}
	choose("outcome", c.Outcome, Outcomes)
	choose("root_cause", c.RootCause, RootCauses)
	choose("impact", c.Impact, Impacts)
	choose("cross_border", c.CrossBorder, Borders)
	if c.Affected < 0 {
		p.Add("affected", "error.number")
	}
	if strings.TrimSpace(c.Report) == "" {
		p.Add("report", "error.required")
	}
	return s.change(ctx, by, access.Close, incident, version, func(ctx context.Context, tx *db.Tx, in *Incident) ([]audit.Change, string, error) {
		if in.State == Closed {
			return nil, "", errs.New(errs.Conflict, "the incident is closed already")
		}
		if in.Type == "" {
			p.Add("type", "error.required")
		}
		if in.Severity == "" {
			p.Add("severity", "error.required")
		}
		if err := p.Err(); err != nil {
			return nil, "", err
		}
		open, err := s.Coordination.OpenTx(ctx, tx, in.Ref)
		if err != nil {
			return nil, "", err
		}
		owed, err := s.stillOwed(ctx, tx, in.Ref.ID)
		if err != nil {
			return nil, "", err
		}
		open += owed
		if open > 0 && strings.TrimSpace(c.Note) == "" {
			return nil, "", &errs.Error{
				Kind: errs.Conflict, Key: "error.close_open", Text: "requests, measures or legal deadlines are still open: end them, or close with a note that says why",
				Fields: []errs.Field{{Name: "note", Key: "error.close_open", Args: map[string]any{"count": open}}},
			}
		}
		from := in.State
		in.State, in.ClosedAt, in.Closing = Closed, s.Clock.Now(), c
		if c.TellReporter {
			if err := s.tell(ctx, tx, by, *in); err != nil {
				return nil, "", err
			}
		}
		if err := s.Intake.ConcludeTx(ctx, tx, by, in.Ref.ID, stillOpen(ctx, tx)); err != nil {
			return nil, "", err
		}
		if err := s.Coordination.SubjectMovedTx(ctx, tx, in.Ref, true); err != nil {
			return nil, "", err
		}
		return []audit.Change{{Field: "state", From: from, To: Closed}, {Field: "outcome", To: c.Outcome}, {Field: "root_cause", To: c.RootCause}}, "incident.close", nil
	})
}

// stillOpen tells whether another incident is open, so that its reports are not concluded by this one.
func stillOpen(ctx context.Context, tx *db.Tx) func(int64) bool {
	return func(id int64) bool {
		var n int64
		return tx.QueryRow(ctx, `SELECT id FROM incident_incident WHERE id = $1 AND state <> 'closed'`, id).Scan(&n) == nil
	}
}

// tell writes to the reporters that the incident is concluded.
func (s *Service) tell(ctx context.Context, tx *db.Tx, by access.Actor, in Incident) error {
	reports, err := s.Intake.ReportsOf(ctx, tx, in.Ref.ID)
	if err != nil {
		return err
	}
	for _, r := range reports {
		if err := s.Coordination.ConcludeTx(ctx, tx, by, coordination.Concluding{Thread: r.Thread, TLP: in.TLP, Outcome: in.Closing.Outcome}); err != nil {
			return err
		}
	}
	return nil
}

// Rests tells whether an incident is closed, for coordination; nothing else ever is.
func (s *Service) Rests(ctx context.Context, tx *db.Tx, subject ref.Ref) (bool, error) {
	var state string
	err := tx.QueryRow(ctx, `SELECT state FROM incident_incident WHERE id = $1`, subject.ID).Scan(&state)
	if errs.Is(err, errs.NotFound) {
		return false, nil
	}
	return State(state) == Closed, err
}

// Reopen opens a closed incident again, with a reason.
func (s *Service) Reopen(ctx context.Context, by access.Actor, incident, reason string) (Incident, error) {
	if strings.TrimSpace(reason) == "" {
		var p errs.Problems
		p.Add("reason", "error.say_why")
		return Incident{}, p.Err()
	}
	return s.change(ctx, by, access.Close, incident, 0, func(ctx context.Context, tx *db.Tx, in *Incident) ([]audit.Change, string, error) {
		if in.State != Closed {
			return nil, "", errs.New(errs.Conflict, "the incident is not closed")
		}
		in.State = Analysing
		in.ClosedAt = time.Time{}
		if err := s.Intake.ResumeTx(ctx, tx, by, in.Ref.ID); err != nil {
			return nil, "", err
		}
		if err := s.Coordination.SubjectMovedTx(ctx, tx, in.Ref, false); err != nil {
			return nil, "", err
		}
		return []audit.Change{{Field: "state", From: Closed, To: Analysing}, {Field: "reason", To: reason}}, "incident.reopen", nil
	})
}

// stillOwed counts what the law still asks of the incident's reporters: closing stops those clocks, so it needs a word.
func (s *Service) stillOwed(ctx context.Context, tx *db.Tx, incident int64) (int, error) {
	clocks, err := s.Deadlines.Under(ctx, tx, incident)
	n := 0
	for _, c := range clocks[incident] {
		if c.Open() && c.RuleSet != "" && c.OwedBy == deadline.Them {
			n++
		}
	}
	return n, err
}
