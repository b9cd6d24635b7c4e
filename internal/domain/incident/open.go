package incident

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/coordination"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

const maxTitle = 200

func checkTitle(p *errs.Problems, title string) {
	switch {
	case strings.TrimSpace(title) == "":
		p.Add("title", "error.required")
	case utf8.RuneCountInString(title) > maxTitle:
		p.Add("title", "error.too_long", "most", maxTitle)
	}
}

// Open opens an incident, accepting the named reports (their reporters become parties and their threads go on), or none. Without a title it
// takes that of the first report. The actor needs access.WorkCases, and access.Triage for reports. Refused: Invalid with all fields,
// NotFound for a report one may not see, Conflict for one that is not new.
func (s *Service) Open(ctx context.Context, by access.Actor, in NewIncident) (Incident, error) {
	if err := by.Need(access.WorkCases); err != nil {
		return Incident{}, err
	}
	if len(in.Reports) > 0 {
		if err := by.Need(access.Triage); err != nil {
			return Incident{}, err
		}
	}
	var p errs.Problems
	if in.Title != "" || len(in.Reports) == 0 {
		checkTitle(&p, in.Title)
	}
	if _, ok := severityNumber(in.Severity); !ok {
		p.Add("severity", "error.choose")
	}
	s.checkType(&p, in.Type)
	if in.TLP != 0 && !in.TLP.Valid() {
		p.Add("tlp", "error.choose")
	}
	if err := p.Err(); err != nil {
		return Incident{}, err
	}
	var out Incident
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		out, err = s.openTx(ctx, tx, by, in)
		return err
	})
	return out, err
}

// openTx opens an incident whose input was checked.
func (s *Service) openTx(ctx context.Context, tx *db.Tx, by access.Actor, in NewIncident) (Incident, error) {
	now := s.Clock.Now()
	label, title, compartmentLabel, kind := in.TLP, in.Title, tlp.Level(0), in.Type
	for _, name := range in.Reports {
		r, err := s.Intake.Get(ctx, tx, by, name)
		if err != nil {
			return Incident{}, err
		}
		compartmentLabel = tlp.Max(compartmentLabel, r.TLP)
		if title == "" {
			title = r.Body.Summary
		}
		if kind == "" && s.TypeKnown(r.Body.Class) { // as a rule proposed it, or its sender said
			kind = r.Body.Class
		}
	}
	if label == 0 {
		label = compartmentLabel
	}
	if label == 0 {
		label = tlp.Amber
	}
	if strings.TrimSpace(title) == "" {
		title = "—"
	}
	number, err := ref.Number(ctx, tx, "INC", now.In(s.Zone).Year())
	if err != nil {
		return Incident{}, err
	}
	out := Incident{
		Object: access.Object{
			Ref: ref.Ref{Kind: ref.Incident}, Number: number, Realm: access.Team, TLP: label, PAP: in.PAP, Handler: in.Handler, Exercise: in.Exercise,
		},
		State: Open, Type: kind, Severity: in.Severity, Reasons: in.Reasons, OpenedAt: now, StartedAt: in.StartedAt, Title: short(title, maxTitle), Summary: in.Summary,
	}
	if err := access.Protect(ctx, tx, &out.Object, now); err != nil {
		return Incident{}, err
	}
	k, err := s.Ring.Create(ctx, tx, out.Ref.ID, now)
	if err != nil {
		return Incident{}, err
	}
	sealed, err := s.seal(k, out)
	if err != nil {
		return Incident{}, err
	}
	severity, _ := severityNumber(in.Severity)
	_, err = tx.Exec(ctx, `INSERT INTO incident_incident (id, state, type, severity, national, opened_at, started_at, closed_at, body)
		VALUES ($1, $2, $3, $4, FALSE, $5, $6, $7, $8)`, out.Ref.ID, string(Open), kind, severity, now, out.StartedAt, out.ClosedAt, sealed)
	if err != nil {
		return Incident{}, err
	}
	if err := s.index(ctx, tx, out); err != nil {
		return Incident{}, err
	}
	err = s.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: "incident.open", On: out.Ref, Changes: []audit.Change{
		{Field: "severity", To: in.Severity}, {Field: "type", To: kind}, {Field: "tlp", To: label.String()},
	}})
	if err != nil {
		return Incident{}, err
	}
	return out, s.attach(ctx, tx, by, out, in.Reports)
}

// attach links reports and makes their reporters parties.
func (s *Service) attach(ctx context.Context, tx *db.Tx, by access.Actor, in Incident, reports []string) error {
	for _, name := range reports {
		r, err := s.Intake.AttachTx(ctx, tx, by, name, in.Ref)
		if err != nil {
			return err
		}
		role := coordination.Reporter
		if r.Organisation != 0 {
			role = coordination.Affected
		}
		if r.Body.Handed != nil && r.Body.Handed.Refused == "" {
			peer, err := s.Coordination.IsPeer(ctx, tx, r.Organisation)
			if err != nil {
				return err
			}
			if peer {
				role = coordination.Peer
			}
		}
		_, err = s.Coordination.AddTx(ctx, tx, by, in.Object, coordination.NewParty{
			Organisation: r.Organisation, Thread: r.Thread, Compartment: r.Compartment, Name: r.Body.Name, Contact: r.Contact, Role: role, Why: "report",
		})
		if err != nil {
			return err
		}
		if err := s.Deadlines.MoveTx(ctx, tx, r.Ref, in.Ref); err != nil {
			return err
		}
		err = s.Audit.Write(ctx, tx, audit.Entry{At: s.Clock.Now(), By: by, Verb: "incident.attach", On: in.Ref, Changes: []audit.Change{{Field: "report", To: r.Reference}}})
		if err != nil {
			return err
		}
	}
	return s.kept(ctx, tx, in)
}

// Attach links further reports to an incident that is not closed.
func (s *Service) Attach(ctx context.Context, by access.Actor, incident string, reports []string) (Incident, error) {
	return s.change(ctx, by, access.Triage, incident, 0, func(ctx context.Context, tx *db.Tx, in *Incident) ([]audit.Change, string, error) {
		if in.State == Closed {
			return nil, "", errs.New(errs.Conflict, "the incident is closed: reopen it first")
		}
		return nil, "", s.attach(ctx, tx, by, *in, reports)
	})
}

// Detach undoes a link: the report waits for triage again.
func (s *Service) Detach(ctx context.Context, by access.Actor, incident string, reports ...string) (Incident, error) {
	return s.change(ctx, by, access.Triage, incident, 0, func(ctx context.Context, tx *db.Tx, in *Incident) ([]audit.Change, string, error) {
		var changes []audit.Change
		for _, report := range reports {
			r, err := s.Intake.DetachTx(ctx, tx, by, report, in.Ref)
			if err != nil {
				return nil, "", err
			}
			if err := s.Deadlines.MoveTx(ctx, tx, r.Ref, r.Ref); err != nil {
				return nil, "", err
			}
			changes = append(changes, audit.Change{Field: "report", From: r.Reference})
		}
		return changes, "incident.detach", nil
	})
}

func short(s string, most int) string {
	s = strings.TrimSpace(s)
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}
