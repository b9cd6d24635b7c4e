package api

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/incident"
)

// Task is a piece of work inside an incident.
type Task struct {
	ID     string    `json:"id"`
	Title  string    `json:"title"`
	DueAt  time.Time `json:"due_at,omitzero"`
	DoneAt time.Time `json:"done_at,omitzero"`
	Mine   bool      `json:"mine"`
}

func taskView(by access.Actor, t incident.Task) Task {
	return Task{t.UID, t.Title, t.DueAt, t.DoneAt, t.Assignee != 0 && t.Assignee == by.Account}
}

func (a *API) tasks(ctx context.Context, by access.Actor, in *OneInput) (reply[List[Task]], error) {
	if err := a.seen(ctx, by, in.Ref.Ref); err != nil {
		return reply[List[Task]]{}, err
	}
	all, err := a.Incident.Tasks(ctx, a.Intake.DB, by, in.Ref.Ref)
	return reply[List[Task]]{body: list(mapped(all, func(t incident.Task) Task { return taskView(by, t) }), "")}, err
}

// NewTask is what POST …/tasks takes.
type NewTask struct {
	Title string    `json:"title"`
	DueAt time.Time `json:"due_at,omitzero"`
	Mine  bool      `json:"mine,omitempty"`
}

// TaskInput is the input of POST /incidents/{ref}/tasks.
type TaskInput struct {
	Ref
	With[NewTask]
}

func (a *API) addTask(ctx context.Context, by access.Actor, in *TaskInput) (reply[Task], error) {
	b := in.Body.Value
	t := incident.Task{Title: b.Title, DueAt: b.DueAt}
	if b.Mine {
		t.Assignee = by.Account
	}
	t, err := a.Incident.AddTask(ctx, by, in.Ref.Ref, t)
	return reply[Task]{body: taskView(by, t)}, err
}

// TaskChange marks a task.
type TaskChange struct {
	Done bool  `json:"done"`
	Mine *bool `json:"mine,omitempty"`
}

// SetTaskInput is the input of PATCH /incidents/{ref}/tasks/{task}.
type SetTaskInput struct {
	Ref
	Task string `path:"task"`
	With[TaskChange]
}

func (a *API) setTask(ctx context.Context, by access.Actor, in *SetTaskInput) (reply[Task], error) {
	var assignee *int64
	if m := in.Body.Value.Mine; m != nil {
		assignee = new(int64)
		if *m {
			*assignee = by.Account
		}
	}
	t, err := a.Incident.SetTask(ctx, by, in.Ref.Ref, in.Task, in.Body.Value.Done, assignee)
	return reply[Task]{body: taskView(by, t)}, err
}

// Entry is something written into the timeline.
type Entry struct {
	ID         string    `json:"id"`
	Kind       string    `json:"kind" enum:"note,attack_event,event"`
	HappenedAt time.Time `json:"happened_at"`
	LearntAt   time.Time `json:"learnt_at"`
	Author     string    `json:"author"`
	Text       string    `json:"text"`
	Withdrawn  bool      `json:"withdrawn"`
}

func entryView(e incident.Entry) Entry {
	return Entry{e.UID, string(e.Kind), e.HappenedAt, e.LearntAt, e.AuthorName, e.Text, e.Withdrawn}
}

func (a *API) timeline(ctx context.Context, by access.Actor, in *OneInput) (reply[List[Entry]], error) {
	if err := a.seen(ctx, by, in.Ref.Ref); err != nil {
		return reply[List[Entry]]{}, err
	}
	all, err := a.Incident.Entries(ctx, a.Intake.DB, by, in.Ref.Ref)
	return reply[List[Entry]]{body: list(mapped(all, entryView), "")}, err
}

// NewEntry is what POST …/timeline takes.
type NewEntry struct {
	Kind       string    `json:"kind" enum:"note,attack_event,event" doc:"A note never leaves the team"`
	Text       string    `json:"text"`
	HappenedAt time.Time `json:"happened_at,omitzero" doc:"Now when left out"`
}

// EntryInput is the input of POST /incidents/{ref}/timeline.
type EntryInput struct {
	Ref
	With[NewEntry]
}

func (a *API) addEntry(ctx context.Context, by access.Actor, in *EntryInput) (reply[Entry], error) {
	b := in.Body.Value
	e, err := a.Incident.AddEntry(ctx, by, in.Ref.Ref, incident.Entry{Kind: incident.EntryKind(b.Kind), Text: b.Text, HappenedAt: b.HappenedAt})
	return reply[Entry]{body: entryView(e)}, err
}
