package intake

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Filled is a report as FillTx writes it. Object stands already (access.FillTx) and has its key; Thread names one that stands.
type Filled struct {
	Report
	Key      keyring.Key
	DueAt    time.Time // of our answer, when its clock runs
	LinkedBy int64
}

// FillTx writes reports, their links and references: for who fills an empty house. Nothing of it is shown to holders of codes.
func (s *Service) FillTx(ctx context.Context, tx *db.Tx, reports []Filled) error {
	rows, references := make([][]any, len(reports)), make([][]any, len(reports))
	var links [][]any
	for i := range reports {
		r := &reports[i]
		raw, err := json.Marshal(r.Body)
		if err != nil {
			return err
		}
		queue, at := notWaiting, r.ReceivedAt
		switch {
		case r.AnswerCame:
			queue = answerCame
		case r.State == New && !r.DueAt.IsZero():
			queue, at = clockRuns, r.DueAt
		case r.State == New:
			queue = isNew
		}
		var settled time.Time
		if r.State == Rejected || r.State == Answered || r.State == PassedOn {
			settled = r.ReceivedAt
		}
		references[i] = []any{r.Reference}
		rows[i] = []any{
			r.Ref.ID, r.Reference, string(r.Channel), r.Lang, string(r.State), r.Reason, r.ReceivedAt, r.OccurredAt, r.DetectedAt, r.AwareAt, r.ConcludedAt,
			r.Organisation, r.Contact, r.Thread, int64(r.Proof), string(r.Seal), string(r.Receipt), r.AnswerCame, r.Unreadable, int64(queue), at,
			s.mac("sender", strings.ToLower(r.Body.Email)), s.mac("words", normal(r.Body.Summary, r.Body.Description)), r.Key.Seal(place("body", r.Ref.ID), raw), settled,
		}
		for _, in := range r.Incidents {
			links = append(links, []any{r.Ref.ID, in.ID, r.ReceivedAt, r.LinkedBy})
		}
	}
	if err := db.Copy(ctx, tx, "intake_reference", []string{"reference"}, references); err != nil {
		return err
	}
	err := db.Copy(ctx, tx, "intake_report", []string{
		"id", "reference", "channel", "lang", "state", "reason", "received_at", "occurred_at", "detected_at", "aware_at", "concluded_at", "organisation",
		"contact", "thread", "proof", "seal", "receipt", "answer_came", "unreadable", "queue", "queue_at", "sender", "words", "body", "settled_at",
	}, rows)
	if err != nil {
		return err
	}
	return db.Copy(ctx, tx, "intake_link", []string{"report", "incident", "linked_at", "linked_by"}, links)
}
