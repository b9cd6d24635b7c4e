package incident

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/alarm"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// change is the frame of every verb that changes one incident: load, check, decide, write, record.
func (s *Service) change(ctx context.Context, by access.Actor, right access.Right, name string, version int64,
	decide func(ctx context.Context, tx *db.Tx, in *Incident) (changes []audit.Change, verb string, err error),
) (Incident, error) {
	var out Incident
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		in, k, err := s.forChange(ctx, tx, by, right, name, version)
		if err != nil {
			return err
		}
		changes, verb, err := decide(ctx, tx, &in)
		if err != nil {
			return err
		}
		now := s.Clock.Now()
		if err := s.save(ctx, tx, k, &in, now); err != nil {
			return err
		}
		out = in
		if verb == "" {
			return nil
		}
		err = s.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: verb, On: in.Ref, Changes: changes})
		return err
	})
	return out, err
}

func (s *Service) checkType(p *errs.Problems, code string) {
	if code != "" && !s.TypeKnown(code) {
		p.Add("type", "error.choose")
	}
}

func (c Change) check(s *Service) error {
	var p errs.Problems
	if c.Title != nil {
		checkTitle(&p, *c.Title)
	}
	if c.Type != nil {
		s.checkType(&p, *c.Type)
	}
	if c.Severity != nil {
		if _, ok := severityNumber(*c.Severity); !ok {
			p.Add("severity", "error.choose")
		}
	}
	if c.State != nil {
		switch *c.State {
		case Open, Analysing, Coordinating, Monitoring:
		default:
			p.Add("state", "error.choose")
		}
	}
	if c.TLP != nil && !c.TLP.Valid() {
		p.Add("tlp", "error.choose")
	}
	return p.Err()
}

// Edit changes properties; the audit record has each old and new value. To relax a marking (TLP or PAP) takes access.Approve of somebody who does
// not handle the incident, a fresh proof, and the recorded consent of its source.
func (s *Service) Edit(ctx context.Context, by access.Actor, incident string, c Change) (Incident, error) {
	if err := c.check(s); err != nil {
		return Incident{}, err
	}
	return s.change(ctx, by, access.WorkCases, incident, c.Version, func(_ context.Context, _ *db.Tx, in *Incident) ([]audit.Change, string, error) {
		if in.State == Closed {
			return nil, "", errs.New(errs.Conflict, "the incident is closed: reopen it first")
		}
		return c.apply(in, by, s.Clock.Now())
	})
}

// relaxed tells whether the change makes a marking less strict.
func (c Change) relaxed(in Incident) bool {
	return c.TLP != nil && *c.TLP < in.TLP || c.PAP != nil && *c.PAP < in.PAP
}

// mayRelax is what relaxing a marking takes.
func (c Change) mayRelax(in Incident, by access.Actor, now time.Time) error {
	if !by.Can(access.Approve) {
		return &errs.Error{Kind: errs.Forbidden, Key: "error.tlp_lower", Text: "a marking is relaxed by a second person: ask the lead"}
	}
	if in.Handler != 0 && in.Handler == by.Account {
		return &errs.Error{Kind: errs.Forbidden, Key: "error.second_person", Text: "another lead must confirm this"}
	}
	if err := by.NeedFresh(now); err != nil {
		return err
	}
	var p errs.Problems
	alarm.Reason(&p, "consent", c.Consent)
	return p.Err()
}

func (c Change) apply(in *Incident, by access.Actor, now time.Time) ([]audit.Change, string, error) {
	relaxed := c.relaxed(*in)
	if relaxed {
		if err := c.mayRelax(*in, by, now); err != nil {
			return nil, "", err
		}
	}
	var out []audit.Change
	set(&out, "title", &in.Title, c.Title)
	set(&out, "summary", &in.Summary, c.Summary)
	set(&out, "type", &in.Type, c.Type)
	set(&out, "state", &in.State, c.State)
	set(&out, "severity", &in.Severity, c.Severity)
	set(&out, "handler", &in.Handler, c.Handler)
	if c.Reasons != nil {
		in.Reasons = *c.Reasons
		out = append(out, audit.Change{Field: "reasons", To: in.Reasons})
	}
	if c.TLP != nil && *c.TLP != in.TLP {
		out = append(out, audit.Change{Field: "tlp", From: in.TLP.String(), To: c.TLP.String()})
		in.TLP = *c.TLP
	}
	if c.PAP != nil && *c.PAP != in.PAP {
		out = append(out, audit.Change{Field: "pap", From: in.PAP.String(), To: c.PAP.String()})
		in.PAP = *c.PAP
	}
	if len(out) == 0 {
		return nil, "", nil
	}
	if relaxed {
		out = append(out, audit.Change{Field: "consent", To: strings.TrimSpace(c.Consent)})
	}
	return out, "incident.edit", nil
}

func set[T comparable](out *[]audit.Change, field string, to *T, from *T) {
	if from == nil || *from == *to {
		return
	}
	*out = append(*out, audit.Change{Field: field, From: *to, To: *from})
	*to = *from
}

// UndoFor is how long a change can be taken back with one key.
const UndoFor = 30 * time.Minute

// Undo takes back an edit, a closing or a written entry that the audit record holds, within UndoFor, by a compensating change. Refused with
// Conflict: what has changed again since, and what left the house.
func (s *Service) Undo(ctx context.Context, by access.Actor, incident string, auditEntry int64) (Incident, error) {
	return s.change(ctx, by, access.WorkCases, incident, 0, func(ctx context.Context, tx *db.Tx, in *Incident) ([]audit.Change, string, error) {
		rows, err := s.Audit.About(ctx, tx, in.Ref.ID, auditEntry-1, 1)
		if err != nil {
			return nil, "", err
		}
		if len(rows) == 0 || rows[0].ID != auditEntry {
			return nil, "", errs.ErrNotFound
		}
		r := rows[0]
		if s.Clock.Now().Sub(r.At) > UndoFor {
			return nil, "", errs.New(errs.Conflict, "this was done too long ago to be undone with one key: change it back by hand")
		}
		if r.Verb != "incident.edit" {
			return nil, "", errs.New(errs.Conflict, "this cannot be undone here")
		}
		back, err := reverse(*in, r.Changes)
		if err != nil {
			return nil, "", err
		}
		back.Consent = "undo of entry " + strconv.FormatInt(r.ID, 10) // the marking is again what its source agreed to
		changes, _, err := back.apply(in, by, s.Clock.Now())
		return changes, "incident.undo", err
	})
}

// reverse makes the change that leads back, and refuses when a field has moved on.
func reverse(in Incident, changes []audit.Change) (Change, error) {
	var c Change
	now := map[string]any{
		"title": in.Title, "summary": in.Summary, "type": in.Type, "state": string(in.State), "severity": in.Severity,
		"handler": float64(in.Handler), "tlp": in.TLP.String(), "pap": in.PAP.String(),
	}
	for _, x := range changes {
		if x.Field == "reasons" || x.Field == "consent" {
			continue
		}
		if fmt.Sprint(now[x.Field]) != fmt.Sprint(orZero(x.To, now[x.Field])) {
			return c, errs.New(errs.Conflict, "it has been changed again since: nothing was undone")
		}
		from, err := json.Marshal(orZero(x.From, now[x.Field]))
		if err != nil {
			return c, err
		}
		switch x.Field {
		case "title":
			err = json.Unmarshal(from, &c.Title)
		case "summary":
			err = json.Unmarshal(from, &c.Summary)
		case "type":
			err = json.Unmarshal(from, &c.Type)
		case "state":
			err = json.Unmarshal(from, &c.State)
		case "severity":
			err = json.Unmarshal(from, &c.Severity)
		case "handler":
			err = json.Unmarshal(from, &c.Handler)
		case "tlp":
			c.TLP = new(tlp.Level)
			err = json.Unmarshal(from, c.TLP)
		case "pap":
			c.PAP = new(tlp.PAP)
			err = json.Unmarshal(from, c.PAP)
		}
		if err != nil {
			return c, err
		}
	}
	return c, nil
}

// orZero gives v, or the zero of like's type: a zero value is left out of the record.
func orZero(v, like any) any {
	if v != nil {
		return v
	}
	if _, ok := like.(float64); ok {
		return float64(0)
	}
	return ""
}
