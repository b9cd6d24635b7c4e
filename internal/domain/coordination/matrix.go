package coordination

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Matrix gives the parties of a subject that the reader may see, in the order in which they came, with what became of each. The number of
// statements does not grow with the parties. A subject that the reader may not see is NotFound: no party reads a matrix.
func (s *Service) Matrix(ctx context.Context, by access.Actor, subject string) ([]Row, error) {
	o, err := access.Find(ctx, s.DB, by, ref.Incident, subject)
	if err != nil {
		return nil, err
	}
	parties, err := s.PartiesOf(ctx, s.DB, by, o.Ref)
	if err != nil || len(parties) == 0 {
		return nil, err
	}
	rows := make([]Row, len(parties))
	index, threads := map[int64]*Row{}, make([]int64, len(parties))
	for i, p := range parties {
		rows[i].Party, threads[i] = p, p.Thread
		index[p.Ref.ID] = &rows[i]
	}
	requests, err := db.All(ctx, s.DB, s.scanRequest, `SELECT `+requestColumns+` FROM object o`+requestTables+` WHERE r.subject = $1 ORDER BY r.id`, o.Ref.ID)
	if err != nil {
		return nil, err
	}
	replies, err := s.latestOf(ctx, s.DB, o.Ref.ID)
	if err != nil {
		return nil, err
	}
	for _, r := range requests {
		if a, ok := replies[r.Ref.ID]; ok {
			r.Replies = []Reply{a}
		}
		if row := index[r.Party]; row != nil {
			row.Requests = append(row.Requests, r)
		}
	}
	sealed, err := db.All(ctx, s.DB, readMeasure, `SELECT `+measureColumns+` FROM object o`+measureTables+` WHERE r.subject = $1 ORDER BY r.id`, o.Ref.ID)
	if err != nil {
		return nil, err
	}
	measures, err := s.openMeasures(sealed)
	if err != nil {
		return nil, err
	}
	for _, m := range measures {
		if row := index[m.Party]; row != nil {
			row.Measures = append(row.Measures, m)
		}
	}
	messages, err := s.Correspondence.Passed(ctx, s.DB, by, threads...)
	if err != nil {
		return nil, err
	}
	of := map[int64][]correspondence.Message{}
	for _, m := range messages {
		of[m.Thread] = append(of[m.Thread], m)
	}
	now := s.Clock.Now()
	for i := range rows {
		rows[i].read(of[rows[i].Party.Thread], now)
	}
	return rows, s.codesOf(ctx, by, rows, messages)
}

// codesOf fills in since when readers wait for the codes of locked files; where none left, nothing is asked.
func (s *Service) codesOf(ctx context.Context, by access.Actor, rows []Row, messages []correspondence.Message) error {
	var threads []int64
	for _, m := range messages {
		if m.Road == egress.Locked && m.State == correspondence.Sent {
			threads = append(threads, m.Thread)
		}
	}
	codes, err := s.Correspondence.CodesOf(ctx, s.DB, by, threads...)
	since := map[int64]time.Time{}
	for _, c := range codes {
		if c.Waits() {
			since[c.Message.Thread] = earlier(since[c.Message.Thread], c.Message.SentAt)
		}
	}
	for i := range rows {
		rows[i].CodeSince = since[rows[i].Party.Thread]
	}
	return err
}

// PartiesOf gives the parties of a subject that the reader may see, in the order in which they came.
func (s *Service) PartiesOf(ctx context.Context, h db.Handle, by access.Actor, subjects ...ref.Ref) ([]Party, error) {
	if len(subjects) == 0 {
		return nil, nil
	}
	ids := make([]int64, len(subjects))
	for i, x := range subjects {
		ids[i] = x.ID
	}
	q := new(db.Query).Add(`SELECT ` + partyColumns + ` FROM `)
	s.from(q, by, ref.Party, partyTables, "p").Add(` AND p.subject IN `)
	parties, err := db.List(ctx, h, db.In(q, ids).Add(` ORDER BY p.added_at, o.id`), s.scanParty)
	if !team(by) {
		for i := range parties {
			parties[i] = parties[i].ForParty()
		}
	}
	return parties, err
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// read fills the times of a row from the messages of its thread, its requests and its measures. It decides and asks nobody.
func (row *Row) read(messages []correspondence.Message, now time.Time) {
	told := map[int64]time.Time{} // by message
	asked, onlyHere := 0, true
	for _, m := range messages {
		if m.Direction == correspondence.In {
			if m.State == correspondence.Filed {
				row.AnsweredAt = later(row.AnsweredAt, m.At)
			}
			continue
		}
		row.SeenAt = later(row.SeenAt, m.SeenAt)
		if m.Kind == correspondence.Receipt || m.Kind == correspondence.Reminder || m.State != correspondence.Sent {
			continue
		}
		told[m.ID] = m.SentAt
		row.ToldAt = earlier(row.ToldAt, m.SentAt)
		row.DeliveredAt = later(row.DeliveredAt, m.SentAt)
		asked++
		onlyHere = onlyHere && (m.Road == egress.Notice || m.Road == egress.Direct)
	}
	// What can be read with us alone was not read while we did not see it read; what went out by mail may have been.
	row.SeenKnown = !row.SeenAt.IsZero() || (asked > 0 && onlyHere)
	row.AnsweredAt = later(row.AnsweredAt, row.Party.WordAt)
	var owedSince time.Time
	owe := func(message int64, due time.Time) {
		row.DueAt = earlier(row.DueAt, due)
		owedSince = earlier(owedSince, told[message])
	}
	for _, r := range row.Requests {
		if r.Owed() {
			owe(r.Message, r.DueAt)
		}
	}
	for _, m := range row.Measures {
		row.DoneAt, row.VerifiedAt = later(row.DoneAt, m.DoneAt), later(row.VerifiedAt, m.VerifiedAt)
		if !m.State.Owed() {
			continue
		}
		due := later(m.DueAt, m.PlannedFor)
		if m.State == Proposed || now.After(due) { // acknowledged or planned in time is no silence
			owe(m.Message, due)
		} else {
			row.DueAt = earlier(row.DueAt, due)
		}
	}
	if !owedSince.IsZero() && row.Party.WithdrawnAt.IsZero() {
		row.SilentSince = later(owedSince, row.AnsweredAt)
	}
}
