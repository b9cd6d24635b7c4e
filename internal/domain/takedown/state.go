package takedown

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/alarm"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/fetch"
)

// mostHistory is how many states of a target are shown.
const mostHistory = 200

type stateBody struct {
	Why string        `json:"why,omitempty"`
	Saw fetch.Outcome `json:"saw,omitempty"`
	To  string        `json:"to,omitempty"`
}

// SetState says by hand how a target stands, with a reason. The actor needs access.WorkCases. Refused: Invalid, NotFound, Conflict for one that is ended.
func (s *Service) SetState(ctx context.Context, by access.Actor, uid string, version int64, to State, reason string) (Target, error) {
	if err := by.Need(access.WorkCases); err != nil {
		return Target{}, err
	}
	var p errs.Problems
	if !slices.Contains(States(), to) {
		p.Add("state", "error.choose")
	}
	alarm.Reason(&p, "reason", reason)
	if err := p.Err(); err != nil {
		return Target{}, err
	}
	return s.change(ctx, by, uid, version, func(ctx context.Context, tx *db.Tx, t *Target) error {
		if !t.EndedAt.IsZero() {
			return errEnded
		}
		return s.moveTx(ctx, tx, by, t, Change{State: to, By: by.Account, Why: strings.TrimSpace(reason)})
	})
}

// moveTx brings a target into another state: its history, the record, and an alarm for the handler when what was down is back. The same state again is said too,
// when a person says it.
func (s *Service) moveTx(ctx context.Context, tx *db.Tx, by access.Actor, t *Target, c Change) error {
	now := s.Clock.Now()
	if t.State == Down && c.State == Up { // what was down and is up is back
		c.State = Back
	}
	was := t.State
	t.State, t.StateAt, t.misses = c.State, now, 0
	switch c.State {
	case Down:
		if t.DownAt.IsZero() {
			t.DownAt = now
		}
	case Back:
		t.DownAt, t.looks = time.Time{}, 0
	case Up, Moved:
		t.DownAt = time.Time{}
	}
	t.LookAt = s.nextLook(*t, now)
	k, err := s.Ring.Get(ctx, tx, t.Incident.Ref.ID)
	if err != nil {
		return err
	}
	body, err := json.Marshal(stateBody{c.Why, c.Saw, c.To})
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO takedown_state (target, state, at, account, body) VALUES ($1, $2, $3, $4, $5)`, t.ID, string(t.State), now, c.By, k.Seal(statePlace(t.UID, now), body)); err != nil {
		return err
	}
	err = s.record(ctx, tx, by, "takedown.state", *t, c.Why, audit.Change{Field: "state", From: string(was), To: string(t.State)})
	if err != nil || t.State != Back || was == Back {
		return err
	}
	return s.Alarms.RaiseTx(ctx, tx, by, alarm.Alarm{Kind: alarm.TargetBack, On: t.Incident.Ref, Named: t.Incident.Number, Owner: t.Incident.Handler})
}

// History gives the states of a target, newest first. The actor needs access.ReadCases.
func (s *Service) History(ctx context.Context, by access.Actor, t Target) ([]Change, error) {
	t, err := s.Target(ctx, by, t.UID)
	if err != nil {
		return nil, err
	}
	all, err := s.histories(ctx, t.Incident, ` AND h.target = $3`, mostHistory, t.ID)
	return all[t.ID], err
}

// Histories gives the states of all targets of an incident, by target, newest first. The actor needs access.ReadCases.
func (s *Service) Histories(ctx context.Context, by access.Actor, incident string) (map[int64][]Change, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return nil, err
	}
	o, err := access.Find(ctx, s.DB, by, ref.Incident, incident)
	if err != nil {
		return nil, err
	}
	return s.histories(ctx, o, "", MostTargets*mostHistory)
}

func (s *Service) histories(ctx context.Context, o access.Object, which string, most int, args ...any) (map[int64][]Change, error) {
	k, err := s.Ring.Get(ctx, s.DB, o.Ref.ID)
	if err != nil {
		return nil, err
	}
	out := map[int64][]Change{}
	_, err = db.All(ctx, s.DB, func(r *db.Rows) (n int64, err error) {
		var c Change
		var uid string
		var body []byte
		if err := r.Scan(&n, &uid, (*string)(&c.State), &c.At, &c.By, &body); err != nil {
			return n, err
		}
		var b stateBody
		err = opened(k, statePlace(uid, c.At), body, &b)
		c.Why, c.Saw, c.To = b.Why, b.Saw, b.To
		out[n] = append(out[n], c)
		return n, err
	}, `SELECT h.target, t.uid, h.state, h.at, h.account, h.body FROM takedown_state h JOIN takedown_target t ON t.id = h.target WHERE t.subject = $1`+which+` ORDER BY h.id DESC LIMIT $2`,
		append([]any{o.Ref.ID, most}, args...)...)
	return out, err
}
