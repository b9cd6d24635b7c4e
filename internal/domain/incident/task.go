package incident

import (
	"context"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

type taskBody struct {
	Title string `json:"title"`
}

func taskPlace(uid string) string { return "incident_task.body:" + uid }

// AddTask adds a task.
func (s *Service) AddTask(ctx context.Context, by access.Actor, incident string, t Task) (Task, error) {
	var p errs.Problems
	switch {
	case strings.TrimSpace(t.Title) == "":
		p.Add("title", "error.required")
	case utf8.RuneCountInString(t.Title) > maxTitle:
		p.Add("title", "error.too_long", "most", maxTitle)
	}
	if err := p.Err(); err != nil {
		return t, err
	}
	return t, s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		in, k, err := s.forChange(ctx, tx, by, access.WorkCases, incident, 0)
		if err != nil {
			return err
		}
		t, err = s.putTask(ctx, tx, by, in, k, t)
		return err
	})
}

func (s *Service) putTask(ctx context.Context, tx *db.Tx, by access.Actor, in Incident, k keyring.Key, t Task) (Task, error) {
	t.UID, t.Version, t.DoneAt = id.New(), 1, time.Time{}
	plain, err := json.Marshal(taskBody{t.Title})
	if err != nil {
		return t, err
	}
	err = tx.QueryRow(ctx, `INSERT INTO incident_task (uid, incident, due_at, done_at, assignee, version, body) VALUES ($1, $2, $3, NULL, $4, 1, $5) RETURNING id`,
		t.UID, in.Ref.ID, t.DueAt, t.Assignee, k.Seal(taskPlace(t.UID), plain)).Scan(&t.ID)
	if err != nil {
		return t, err
	}
	return t, s.taskChanged(ctx, tx, by, in, "incident.task", t.UID)
}

// TaskTx adds a task of the program's own making to an incident by its id, for its handler: a party asked for something. The caller has checked who
// asks. A title longer than a task takes is cut. Refused: NotFound.
func (s *Service) TaskTx(ctx context.Context, tx *db.Tx, by access.Actor, incident int64, t Task) (Task, error) {
	in, err := db.One(ctx, tx, s.scan, `SELECT `+columns+` FROM object o JOIN incident_incident i ON i.id = o.id LEFT JOIN keyring_key k ON k.owner = o.id WHERE o.id = $1`, incident)
	if err != nil {
		return t, err
	}
	k, err := s.Ring.Get(ctx, tx, incident)
	if err != nil {
		return t, err
	}
	if r := []rune(t.Title); len(r) > maxTitle {
		t.Title = string(r[:maxTitle-1]) + "…"
	}
	t.Assignee = in.Handler
	return s.putTask(ctx, tx, by, in, k, t)
}

func (s *Service) taskChanged(ctx context.Context, tx *db.Tx, by access.Actor, in Incident, verb, uid string, changes ...audit.Change) error {
	now := s.Clock.Now()
	if err := access.Touch(ctx, tx, in.Ref.ID, now); err != nil {
		return err
	}
	err := s.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: verb, On: in.Ref, Changes: changes, Data: map[string]string{"task": uid}})
	return err
}

// SetTask marks a task done or open again, and gives it to somebody (nil leaves the assignee).
func (s *Service) SetTask(ctx context.Context, by access.Actor, incident, task string, done bool, assignee *int64) (Task, error) {
	var t Task
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		in, k, err := s.forChange(ctx, tx, by, access.WorkCases, incident, 0)
		if err != nil {
			return err
		}
		t, err = db.One(ctx, tx, scanTask(k), `SELECT `+taskColumns+` FROM incident_task WHERE uid = $1 AND incident = $2`, task, in.Ref.ID)
		if err != nil {
			return err
		}
		changes := []audit.Change{}
		if done != !t.DoneAt.IsZero() {
			changes = append(changes, audit.Change{Field: "done", From: !t.DoneAt.IsZero(), To: done})
			t.DoneAt = time.Time{}
			if done {
				t.DoneAt = s.Clock.Now()
			}
		}
		if assignee != nil && *assignee != t.Assignee {
			changes = append(changes, audit.Change{Field: "assignee", From: t.Assignee, To: *assignee})
			t.Assignee = *assignee
		}
		if len(changes) == 0 {
			return nil
		}
		t.Version++
		if _, err := tx.Exec(ctx, `UPDATE incident_task SET done_at = $1, assignee = $2, version = $3 WHERE id = $4`, t.DoneAt, t.Assignee, t.Version, t.ID); err != nil {
			return err
		}
		return s.taskChanged(ctx, tx, by, in, "incident.task_set", t.UID, changes...)
	})
	return t, err
}

const taskColumns = `id, uid, due_at, done_at, assignee, version, body`

func scanTask(k keyring.Key) func(*db.Rows) (Task, error) {
	return func(r *db.Rows) (Task, error) {
		var t Task
		var sealed []byte
		if err := r.Scan(&t.ID, &t.UID, &t.DueAt, &t.DoneAt, &t.Assignee, &t.Version, &sealed); err != nil {
			return t, err
		}
		var b taskBody
		err := open(k, taskPlace(t.UID), sealed, &b)
		t.Title = b.Title
		return t, err
	}
}

// Tasks gives the tasks of an incident, in the order they were made.
func (s *Service) Tasks(ctx context.Context, h db.Handle, by access.Actor, incident string) ([]Task, error) {
	o, err := find(ctx, h, by, incident)
	if err != nil {
		return nil, err
	}
	k, err := s.Ring.Get(ctx, h, o.Ref.ID)
	if err != nil {
		return nil, err
	}
	return db.All(ctx, h, scanTask(k), `SELECT `+taskColumns+` FROM incident_task WHERE incident = $1 ORDER BY id LIMIT 500`, o.Ref.ID)
}
