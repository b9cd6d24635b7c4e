package incident

import (
	"context"
	"encoding/json"

	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/search"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// Filled is an incident with its parts as FillTx writes them. Object stands already (access.FillTx) and has its key.
type Filled struct {
	Incident
	Key     keyring.Key
	Entries []Entry
	Tasks   []Task
}

// FillTx writes incidents, their timelines and tasks, and collects their words: for who fills an empty house.
func (s *Service) FillTx(ctx context.Context, tx *db.Tx, words *search.Fill, list []Filled) error {
	rows := make([][]any, len(list))
	var entries, tasks [][]any
	for i, in := range list {
		sealed, err := s.seal(in.Key, in.Incident)
		if err != nil {
			return err
		}
		severity, _ := severityNumber(in.Severity)
		rows[i] = []any{in.Ref.ID, string(in.State), in.Type, severity, in.National, in.OpenedAt, in.StartedAt, in.ClosedAt, sealed}
		words.Put(in.Ref, s.Lang, in.Number, in.Title, in.Summary)
		for _, e := range in.Entries {
			uid := id.New()
			plain, err := json.Marshal(entryBody{e.Text, e.AuthorName})
			if err != nil {
				return err
			}
			entries = append(entries, []any{uid, in.Ref.ID, string(e.Kind), e.HappenedAt, e.LearntAt, e.Author, int64(1), in.Key.Seal(entryPlace(uid), plain)})
		}
		for _, t := range in.Tasks {
			uid := id.New()
			plain, err := json.Marshal(taskBody{t.Title})
			if err != nil {
				return err
			}
			tasks = append(tasks, []any{uid, in.Ref.ID, t.DueAt, t.DoneAt, t.Assignee, int64(1), in.Key.Seal(taskPlace(uid), plain)})
		}
	}
	err := db.Copy(ctx, tx, "incident_incident", []string{"id", "state", "type", "severity", "national", "opened_at", "started_at", "closed_at", "body"}, rows)
	if err != nil {
		return err
	}
	if err := db.Copy(ctx, tx, "incident_entry", []string{"uid", "incident", "kind", "happened_at", "learnt_at", "author", "version", "body"}, entries); err != nil {
		return err
	}
	return db.Copy(ctx, tx, "incident_task", []string{"uid", "incident", "due_at", "done_at", "assignee", "version", "body"}, tasks)
}
