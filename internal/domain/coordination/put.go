package coordination

import (
	"cmp"
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/deadline"
	"github.com/tocsin-csirt/tocsin/internal/core/egress"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// sender puts letters into the outbox.
type sender func(ctx context.Context, tx *db.Tx, by access.Actor, list []correspondence.Addressed) ([]correspondence.Message, error)

// put writes letters into the outbox with what they ask.
func (s *Service) put(ctx context.Context, tx *db.Tx, by access.Actor, g Give, parcels []parcel, send sender) ([]correspondence.Message, error) {
	now := s.Clock.Now()
	type places struct{ request, measures int } // in objects; -1 for none
	var objects []access.Object
	of := make([]places, len(parcels))
	list := make([]correspondence.Addressed, len(parcels))
	for i, p := range parcels {
		o := access.Object{Realm: access.Team, Compartment: p.Party.Compartment, TLP: p.out.TLP, Exercise: p.Party.Exercise, Sealed: p.Party.Sealed, SealedUnder: p.Party.SealedUnder}
		of[i] = places{-1, -1}
		if g.asks() {
			o.Ref.Kind = ref.Request
			of[i].request = len(objects)
			objects = append(objects, o)
		}
		o.Ref.Kind = ref.Measure
		of[i].measures = len(objects)
		for range p.advice {
			objects = append(objects, o)
		}
	}
	for start := 0; start < len(objects); start += 500 {
		if err := access.ProtectMany(ctx, tx, objects[start:min(start+500, len(objects))], now); err != nil {
			return nil, err
		}
	}
	for i, p := range parcels {
		if of[i].request >= 0 {
			p.out.Refers = objects[of[i].request].Ref.ID
		}
		list[i] = correspondence.Addressed{Thread: p.Party.Thread, Outgoing: p.out}
	}
	sent, err := send(ctx, tx, by, list)
	if err != nil {
		return nil, err
	}
	if len(parcels) > 0 && parcels[0].set != nil {
		if err := s.freezeSet(ctx, tx, *parcels[0].set); err != nil {
			return nil, err
		}
	}
	for i, p := range parcels {
		if err := s.wrote(ctx, tx, by, p.Party); err != nil {
			return nil, err
		}
		var shown time.Time
		if sent[i].State == correspondence.Held {
			shown = sent[i].SendAfter
		}
		letter := asked{party: p.Party, thread: p.thread, message: sent[i].ID, set: p.set}
		if of[i].request >= 0 {
			r := Request{Object: objects[of[i].request], Party: p.Party.Ref.ID, Subject: p.Party.Subject, State: Asked, AskedAt: now, DueAt: g.DueAt, Message: sent[i].ID, Text: p.request}
			if p.set != nil {
				r.QuestionSet, r.QuestionVersion, r.Text = p.set.Code, p.set.Version, cmp.Or(r.Text, p.set.Title.In(p.Lang))
			}
			if err := s.insertRequest(ctx, tx, by, r, shown, p.Lang); err != nil {
				return nil, err
			}
			letter.requests = append(letter.requests, r)
		}
		for j, a := range p.advice {
			m := Measure{
				Object: objects[of[i].measures+j], Party: p.Party.Ref.ID, Subject: p.Party.Subject, Recommendation: a.Code, Revision: a.Revision, State: Proposed,
				GivenAt: now, DueAt: g.DueAt, Message: sent[i].ID, Title: a.Title, Text: a.Text, ValidDays: g.ValidDays, CheckDays: g.CheckDays,
			}
			if err := s.insertMeasure(ctx, tx, by, m, shown, p.Lang); err != nil {
				return nil, err
			}
			letter.measures = append(letter.measures, m)
		}
		if p.code.Reveal() != "" {
			if g.Chase {
				if letter, err = s.letterOf(ctx, tx, p.again, p.Party.Ref.ID); err != nil {
					return nil, err
				}
			}
			if err := s.putLink(ctx, tx, p.code, letter, p.Road.Road == egress.Encrypted); err != nil {
				return nil, err
			}
		}
		// For the team alone until the letter has left: no compartment.
		err := s.Audit.Write(ctx, tx, audit.Entry{
			At: now, By: by, Verb: "coordination.send", On: p.Party.Ref, About: p.Party.Subject,
			Changes: []audit.Change{
				{Field: "party", To: p.Party.Name},
				{Field: "requests", To: map[bool]int{true: 1}[g.asks()]},
				{Field: "questions", To: g.Questions},
				{Field: "chase", To: g.Chase},
				{Field: "measures", To: len(p.advice)},
				{Field: "tlp", To: p.out.TLP.String()},
				{Field: "looked", To: g.Looked && len(p.Hits) > 0},
			},
		})
		if err != nil {
			return nil, err
		}
	}
	if (g.asks() || g.advises()) && !g.outside {
		return sent, s.beginWith(ctx, tx, by, g.DueAt, partiesOf(parcels))
	}
	return sent, nil
}

func partiesOf(parcels []parcel) []Party {
	out := make([]Party, len(parcels))
	for i, p := range parcels {
		out[i] = p.Party
	}
	return out
}

func (s *Service) insertRequest(ctx context.Context, tx *db.Tx, by access.Actor, r Request, shown time.Time, lang string) error {
	k, err := s.Ring.Get(ctx, tx, r.Party)
	if err != nil {
		return err
	}
	sealed, err := seal(k, "request", r.Ref.ID, requestBody{Text: r.Text})
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO coordination_request (id, party, subject, subject_kind, state, open, message, asked_at, shown_at, due_at, question_set, question_version, body)
		VALUES ($1, $2, $3, $4, $5, TRUE, $6, $7, $8, $9, $10, $11, $12)`,
		r.Ref.ID, r.Party, r.Subject.ID, int64(r.Subject.Kind), string(r.State), r.Message, r.AskedAt, shown, r.DueAt, r.QuestionSet, r.QuestionVersion, sealed)
	if err != nil {
		return err
	}
	if err := s.Search.PutTx(ctx, tx, r.Ref, lang, r.Text); err != nil {
		return err
	}
	return s.startClock(ctx, tx, by, r.Object, r.Subject, requestClock, r.AskedAt, r.DueAt)
}

func (s *Service) insertMeasure(ctx context.Context, tx *db.Tx, by access.Actor, m Measure, shown time.Time, lang string) error {
	k, err := s.Ring.Get(ctx, tx, m.Party)
	if err != nil {
		return err
	}
	sealed, err := seal(k, "measure", m.Ref.ID, measureBody{Title: m.Title, Text: m.Text})
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO coordination_measure (id, party, subject, subject_kind, recommendation, revision, state, open, message, given_at, shown_at, due_at, body, valid_days, check_days)
		VALUES ($1, $2, $3, $4, $5, $6, $7, TRUE, $8, $9, $10, $11, $12, $13, $14)`,
		m.Ref.ID, m.Party, m.Subject.ID, int64(m.Subject.Kind), m.Recommendation, m.Revision, string(m.State), m.Message, m.GivenAt, shown, m.DueAt, sealed, m.ValidDays, m.CheckDays)
	if err != nil {
		return err
	}
	if err := s.Search.PutTx(ctx, tx, m.Ref, lang, m.Title); err != nil { // the library's own words find nothing new
		return err
	}
	return s.startClock(ctx, tx, by, m.Object, m.Subject, measureClock, m.GivenAt, m.DueAt)
}

func (s *Service) startClock(ctx context.Context, tx *db.Tx, by access.Actor, o access.Object, subject ref.Ref, kind string, from, due time.Time) error {
	_, err := s.Deadlines.StartTx(ctx, tx, by, deadline.Clock{
		About: o.Ref, Under: subject, Compartment: o.Compartment, Kind: kind, OwedBy: deadline.Them, StartedAt: from, DueAt: due, RemindAt: remindAt(from, due),
	})
	return err
}
