package coordination

import (
	"context"

	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/search"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Filled is a party with what it was asked, as FillTx writes it. The objects stand already (access.FillTx), the party's has its key; Thread, and
// Message of requests and measures, name what stands.
type Filled struct {
	Party
	Key      keyring.Key
	Lang     string
	Requests []Request
	Measures []Measure
}

// FillTx writes parties, requests and measures with their clocks, and collects their words: for who fills an empty house.
func (s *Service) FillTx(ctx context.Context, tx *db.Tx, words *search.Fill, list []Filled) error {
	rows := make([][]any, len(list))
	var requests, measures [][]any
	var clocks []deadline.Clock
	for i, p := range list {
		sealed, err := seal(p.Key, "party", p.Ref.ID, partyBody{Name: p.Name, Why: p.Why})
		if err != nil {
			return err
		}
		rows[i] = []any{
			p.Ref.ID, p.Subject.ID, int64(p.Subject.Kind), p.Compartment, p.Organisation, p.Contact, string(p.Role), p.Thread, p.AddedAt, p.WordAt, sealed,
		}
		for _, r := range p.Requests {
			if sealed, err = seal(p.Key, "request", r.Ref.ID, requestBody{Text: r.Text}); err != nil {
				return err
			}
			requests = append(requests, []any{
				r.Ref.ID, p.Ref.ID, p.Subject.ID, int64(p.Subject.Kind), string(r.State), r.Owed(), r.Message, r.AskedAt, r.AskedAt, r.DueAt, r.AnsweredAt, sealed,
			})
			words.Put(r.Ref, p.Lang, r.Text)
			clocks = append(clocks, deadline.Clock{
				About: r.Ref, Under: p.Subject, Compartment: p.Compartment, Kind: requestClock, OwedBy: deadline.Them, StartedAt: r.AskedAt, DueAt: r.DueAt,
				MetAt: r.AnsweredAt, RemindedAt: r.AskedAt, EscalatedAt: r.AskedAt,
			})
		}
		for _, m := range p.Measures {
			if sealed, err = seal(p.Key, "measure", m.Ref.ID, measureBody{m.Title, m.Text, m.Evidence, m.Reason, m.Moves}); err != nil {
				return err
			}
			measures = append(measures, []any{
				m.Ref.ID, p.Ref.ID, p.Subject.ID, int64(p.Subject.Kind), m.Recommendation, int64(m.Revision), string(m.State), m.State.Owed(), m.Message, m.GivenAt,
				m.GivenAt, m.DueAt, m.PlannedFor, m.DoneAt, m.VerifiedAt, sealed,
			})
			words.Put(m.Ref, p.Lang, m.Title)
			clocks = append(clocks, deadline.Clock{
				About: m.Ref, Under: p.Subject, Compartment: p.Compartment, Kind: measureClock, OwedBy: deadline.Them, StartedAt: m.GivenAt, DueAt: m.DueAt,
				MetAt: m.DoneAt, RemindedAt: m.GivenAt, EscalatedAt: m.GivenAt,
			})
		}
	}
	err := db.Copy(ctx, tx, "coordination_party", []string{
		"id", "subject", "subject_kind", "compartment", "organisation", "contact", "role", "thread", "added_at", "word_at", "body",
	}, rows)
	if err != nil {
		return err
	}
	err = db.Copy(ctx, tx, "coordination_request", []string{
		"id", "party", "subject", "subject_kind", "state", "open", "message", "asked_at", "shown_at", "due_at", "answered_at", "body",
	}, requests)
	if err != nil {
		return err
	}
	err = db.Copy(ctx, tx, "coordination_measure", []string{
		"id", "party", "subject", "subject_kind", "recommendation", "revision", "state", "open", "message", "given_at", "shown_at", "due_at", "planned_for",
		"done_at", "verified_at", "body",
	}, measures)
	if err != nil {
		return err
	}
	return s.Deadlines.FillTx(ctx, tx, clocks)
}
