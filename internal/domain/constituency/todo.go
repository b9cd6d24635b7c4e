package constituency

import (
	"context"
	"fmt"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// TaskKind says what is to be done in the register.
type TaskKind string

// The kinds of tasks, the most urgent first.
const (
	TaskJudge    TaskKind = "judge"    // the object of a registry waits for a person
	TaskConflict TaskKind = "conflict" // two organisations have the same asset, and neither stands under the other
	TaskEnds     TaskKind = "ends"     // a proof ends soon, and nobody renews it by itself
	TaskLapsed   TaskKind = "lapsed"   // an asset was proved once, and is not now
	TaskFailed   TaskKind = "failed"   // a letter to a contact came back, or its address is refused
	TaskStale    TaskKind = "stale"    // nobody of the organisation has confirmed its entry for a year
)

// TaskKinds lists them in the order in which they are shown.
var TaskKinds = []TaskKind{TaskJudge, TaskFailed, TaskConflict, TaskEnds, TaskLapsed, TaskStale}

// Task is one thing to do in the register.
type Task struct {
	Kind         TaskKind
	Organisation string // uid
	Name         string
	What         string // the asset, or the contact whose address failed; "" for the organisation itself
	Other        string // of TaskConflict: uid of the other organisation
	OtherName    string
	Proof        string // of TaskJudge: uid
	Since        time.Time

	other int64
}

// mostTasks is how many of each kind are given; Todo says when there are more.
const mostTasks = 100

// ConfirmEvery is how often an organisation is asked whether its entry is still right.
const ConfirmEvery = 365 * 24 * time.Hour

// Todo gives what is to be done in the register, of one kind or (kind "") of all, at most 100 of each, the oldest of each first; more tells for which kinds
// there is more. It needs ReadRegistry.
func (s *Service) Todo(ctx context.Context, h db.Handle, by access.Actor, kind TaskKind) (list []Task, more map[TaskKind]bool, err error) {
	if err := by.Need(access.ReadRegistry); err != nil {
		return nil, nil, err
	}
	more = map[TaskKind]bool{}
	for _, k := range TaskKinds {
		if kind != "" && kind != k {
			continue
		}
		q := s.tasks(by, k, s.Clock.Now())
		some, err := db.List(ctx, h, q.Add(` LIMIT ?`, mostTasks+1), func(r *db.Rows) (t Task, err error) {
			t.Kind = k
			return t, r.Scan(&t.Organisation, &t.Name, &t.What, &t.other, &t.Proof, &t.Since)
		})
		if err != nil {
			return nil, nil, fmt.Errorf("list what is to do (%s): %w", k, err)
		}
		if more[k] = len(some) > mostTasks; more[k] {
			some = some[:mostTasks]
		}
		list = append(list, some...)
	}
	var others []int64
	for _, t := range list {
		if t.other != 0 {
			others = append(others, t.other)
		}
	}
	named, err := s.ByID(ctx, h, others...) // who reads the register reads all of it
	for i := range list {
		list[i].Other, list[i].OtherName = named[list[i].other].UID, named[list[i].other].Name
	}
	return list, more, err
}

// tasks reads the tasks of a kind: organisation, its name, what, the other organisation, proof, since.
func (s *Service) tasks(by access.Actor, kind TaskKind, now time.Time) *db.Query {
	q := new(db.Query)
	from := func(columns string) *db.Query {
		q.Add(`SELECT o.uid, c.name, ` + columns + ` FROM `)
		return access.Sees(by).From(q, ref.Organisation).Add(` JOIN constituency_organisation c ON c.id = o.id `)
	}
	switch kind {
	case TaskJudge:
		return from(`f.value, 0, f.uid, f.made_at`).Add(`JOIN constituency_proof f ON f.organisation = c.id WHERE f.state = 'asked' ORDER BY f.made_at, f.id`)
	case TaskFailed:
		return from(`CASE WHEN k.name = '' THEN k.email ELSE k.name END, 0, '', k.failed_at`).Add(`JOIN constituency_contact k ON k.organisation = c.id
			WHERE k.failed_at IS NOT NULL AND k.retired_at IS NULL ORDER BY k.failed_at, k.id`)
	case TaskConflict:
		from(`a.value, b.organisation, '', COALESCE(a.since, b.since)`).Add(`JOIN constituency_asset a ON a.organisation = c.id
			JOIN constituency_asset b ON b.kind = a.kind AND b.value = a.value AND b.organisation > a.organisation
			JOIN constituency_organisation d ON d.id = b.organisation WHERE c.parent <> d.id AND d.parent <> c.id`)
		return valid(q, now).Add(` AND (b.since IS NULL OR b.since <= ?) AND (b.until IS NULL OR b.until > ?) ORDER BY a.value, a.id, b.id`, now, now)
	case TaskEnds:
		from(`a.value, 0, '', a.proved_until`).Add(`JOIN constituency_asset a ON a.organisation = c.id WHERE a.proved_until <= ?`, now.Add(proofAgain))
		return valid(q, now).Add(` ORDER BY a.proved_until, a.id`)
	case TaskLapsed:
		from(`a.value, 0, '', MAX(f.decided_at)`).Add(`JOIN constituency_proof f ON f.organisation = c.id AND f.state = 'lapsed'
			JOIN constituency_asset a ON a.id = f.asset WHERE a.proved_at IS NULL`)
		return valid(q, now).Add(` GROUP BY o.uid, c.name, a.value, a.id ORDER BY 6, a.id`)
	}
	// Whom a letter has asked, and just reminded, has time to answer.
	return from(`'', 0, '', `+yearOf).Add(`WHERE `+yearOf+` <= ? AND NOT EXISTS (SELECT 1 FROM constituency_asked a WHERE a.organisation = c.id AND a.since = `+yearOf+`
		AND (a.letters > 0 AND a.reminded_at IS NULL AND a.asked_at > ? OR a.reminders > 0 AND a.reminded_at > ?)) ORDER BY `+yearOf+`, c.id`,
		now.Add(-ConfirmEvery), now.Add(-askedLong), now.Add(-patience))
}
