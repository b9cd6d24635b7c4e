package coordination

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
	"unicode/utf8"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

type partyBody struct {
	Name string `json:"name,omitempty"`
	Why  string `json:"why,omitempty"`
	Gone string `json:"gone,omitempty"`
}

type requestBody struct {
	Text   string `json:"text"`
	Reason string `json:"reason,omitempty"`
}

type measureBody struct {
	Title    string `json:"title"`
	Text     string `json:"text,omitempty"`
	Evidence string `json:"evidence,omitempty"`
	Reason   string `json:"reason,omitempty"`
	Moves    []Move `json:"moves,omitempty"`
}

func place(table string, id int64) string { return fmt.Sprintf("coordination_%s.body:%d", table, id) }

func seal(k keyring.Key, table string, id int64, body any) ([]byte, error) {
	plain, err := json.Marshal(body)
	return k.Seal(place(table, id), plain), err
}

// open reads a sealed body. A party whose key was destroyed keeps its rows without content.
func (s *Service) open(owner int64, wrapped []byte, table string, id int64, sealed []byte, body any) error {
	if wrapped == nil {
		return nil
	}
	k, err := s.Ring.Unwrap(owner, wrapped)
	if err != nil {
		return err
	}
	plain, err := k.Open(place(table, id), sealed)
	if err != nil {
		return err
	}
	return jsonv2.Unmarshal(plain, body) // a third of the time of encoding/json
}

const (
	partyColumns = access.Columns + `, p.subject_kind, p.subject, p.organisation, p.contact, p.role, p.thread, p.added_at, p.withdrawn_at, p.word_at, p.alone, p.body, k.wrapped`
	partyTable   = ` JOIN coordination_party p ON p.id = o.id`
	partyTables  = partyTable + ownKey

	requestColumns = access.Columns + `, r.party, r.subject_kind, r.subject, r.state, r.message, r.asked_at, r.due_at, r.answered_at, r.question_set, r.question_version, r.body, k.wrapped`
	requestTable   = ` JOIN coordination_request r ON r.id = o.id`
	requestTables  = requestTable + keyOfParty

	measureColumns = access.Columns + `, r.party, r.subject_kind, r.subject, r.recommendation, r.revision, r.state, r.message, r.given_at, r.due_at,
		r.planned_for, r.done_at, r.verified_at, r.valid_days, r.check_days, r.valid_until, r.check_at, r.body, k.wrapped`
	measureTable  = ` JOIN coordination_measure r ON r.id = o.id`
	measureTables = measureTable + keyOfParty

	ownKey     = ` LEFT JOIN keyring_key k ON k.owner = p.id`
	keyOfParty = ` LEFT JOIN keyring_key k ON k.owner = r.party`
)

func (s *Service) scanParty(r *db.Rows) (Party, error) {
	var (
		p               Party
		role            string
		sealed, wrapped []byte
		b               partyBody
	)
	err := r.Scan(append(p.Dst(), &p.Subject.Kind, &p.Subject.ID, &p.Organisation, &p.Contact, &role, &p.Thread, &p.AddedAt, &p.WithdrawnAt, &p.WordAt, &p.Alone, &sealed, &wrapped)...)
	if err != nil {
		return p, err
	}
	err = s.open(p.Ref.ID, wrapped, "party", p.Ref.ID, sealed, &b)
	p.Role, p.Name, p.Why, p.Gone = Role(role), b.Name, b.Why, b.Gone
	return p, err
}

func (s *Service) scanRequest(r *db.Rows) (Request, error) {
	var (
		q               Request
		state           string
		sealed, wrapped []byte
		b               requestBody
	)
	err := r.Scan(append(q.Dst(), &q.Party, &q.Subject.Kind, &q.Subject.ID, &state, &q.Message, &q.AskedAt, &q.DueAt, &q.AnsweredAt, &q.QuestionSet, &q.QuestionVersion, &sealed, &wrapped)...)
	if err != nil {
		return q, err
	}
	err = s.open(q.Party, wrapped, "request", q.Ref.ID, sealed, &b)
	q.State, q.Text, q.Reason = RequestState(state), b.Text, b.Reason
	return q, err
}

func (s *Service) scanMeasure(r *db.Rows) (Measure, error) {
	m, err := readMeasure(r)
	if err != nil {
		return m.Measure, err
	}
	return s.openMeasure(m)
}

// sealedMeasure is a measure as it lies in the database.
type sealedMeasure struct {
	Measure
	sealed, wrapped []byte
}

func readMeasure(r *db.Rows) (m sealedMeasure, err error) {
	var state string
	var revision int64
	err = r.Scan(append(m.Dst(), &m.Party, &m.Subject.Kind, &m.Subject.ID, &m.Recommendation, &revision, &state, &m.Message, &m.GivenAt, &m.DueAt,
		&m.PlannedFor, &m.DoneAt, &m.VerifiedAt, &m.ValidDays, &m.CheckDays, &m.ValidUntil, &m.CheckAt, &m.sealed, &m.wrapped)...)
	m.State, m.Revision = MeasureState(state), int(revision)
	return m, err
}

func (s *Service) openMeasure(m sealedMeasure) (Measure, error) {
	var b measureBody
	err := s.open(m.Party, m.wrapped, "measure", m.Ref.ID, m.sealed, &b)
	m.Title, m.Text, m.Evidence, m.Reason, m.Moves = b.Title, b.Text, b.Evidence, b.Reason, b.Moves
	return m.Measure, err
}

// openMeasures opens many on all processors: of a matrix of hundreds of parties that is half of the work.
func (s *Service) openMeasures(list []sealedMeasure) ([]Measure, error) {
	out, failed := make([]Measure, len(list)), make([]error, len(list))
	var all sync.WaitGroup
	each := max((len(list)+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0), 64)
	for from := 0; from < len(list); from += each {
		all.Go(func() {
			for i := from; i < min(from+each, len(list)); i++ {
				out[i], failed[i] = s.openMeasure(list[i])
			}
		})
	}
	all.Wait()
	return out, errors.Join(failed...)
}

// from appends the objects of a kind that the reader may see with their tables. Staff must see the subject too, so that what is sealed
// takes its parties along; a party is not shown what no letter has told it yet.
func (s *Service) from(q *db.Query, by access.Actor, kind ref.Kind, tables, alias string) *db.Query {
	scope := access.Sees(by)
	scope.From(q, kind).Add(tables + ` WHERE 1 = 1`)
	switch {
	case scope.Wide():
		q.Add(` AND EXISTS (SELECT 1 FROM `)
		scope.From(q, ref.Incident).Add(` WHERE o.id = ` + alias + `.subject)`)
	case kind != ref.Party:
		q.Add(` AND `+alias+`.shown_at <= ?`, s.Clock.Now())
	}
	return q
}

// loadParty reads a party by id past any scope, for verbs that came to it from something checked.
func (s *Service) loadParty(ctx context.Context, h db.Handle, id int64) (Party, error) {
	return db.One(ctx, h, s.scanParty, `SELECT `+partyColumns+` FROM object o`+partyTables+` WHERE o.id = $1`, id)
}

func (s *Service) saveParty(ctx context.Context, tx *db.Tx, p *Party, now time.Time) error {
	k, err := s.Ring.Get(ctx, tx, p.Ref.ID)
	if err != nil {
		return err
	}
	sealed, err := seal(k, "party", p.Ref.ID, partyBody{p.Name, p.Why, p.Gone})
	if err != nil {
		return err
	}
	if err := access.Update(ctx, tx, &p.Object, now); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE coordination_party SET role = $1, withdrawn_at = $2, word_at = $3, body = $4 WHERE id = $5`,
		string(p.Role), p.WithdrawnAt, p.WordAt, sealed, p.Ref.ID)
	return err
}

func (s *Service) saveRequest(ctx context.Context, tx *db.Tx, r *Request, now time.Time) error {
	k, err := s.Ring.Get(ctx, tx, r.Party)
	if err != nil {
		return err
	}
	sealed, err := seal(k, "request", r.Ref.ID, requestBody{r.Text, r.Reason})
	if err != nil {
		return err
	}
	if err := access.Update(ctx, tx, &r.Object, now); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE coordination_request SET state = $1, open = $2, answered_at = $3, body = $4 WHERE id = $5`,
		string(r.State), r.Owed(), r.AnsweredAt, sealed, r.Ref.ID)
	if err != nil {
		return err
	}
	return s.showLetter(ctx, tx, r.Message)
}

func (s *Service) saveMeasure(ctx context.Context, tx *db.Tx, m *Measure, now time.Time) error {
	k, err := s.Ring.Get(ctx, tx, m.Party)
	if err != nil {
		return err
	}
	sealed, err := seal(k, "measure", m.Ref.ID, measureBody{m.Title, m.Text, m.Evidence, m.Reason, m.Moves})
	if err != nil {
		return err
	}
	if err := access.Update(ctx, tx, &m.Object, now); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE coordination_measure SET state = $1, open = $2, planned_for = $3, done_at = $4, verified_at = $5, body = $6,
		valid_until = $7, check_at = $8 WHERE id = $9`, string(m.State), m.State.Owed(), m.PlannedFor, m.DoneAt, m.VerifiedAt, sealed, m.ValidUntil, m.CheckAt, m.Ref.ID)
	if err != nil {
		return err
	}
	return s.showLetter(ctx, tx, m.Message)
}

// required is the one field problem of a reason that is missing.
func required(field string) error {
	var p errs.Problems
	p.Add(field, "error.required")
	return p.Err()
}

// sealIn seals what stands in a place of a row under the key of its subject.
func sealIn(k keyring.Key, place string, body any) ([]byte, error) {
	raw, err := json.Marshal(body)
	return k.Seal(place, raw), err
}

// unseal opens what sealIn made; a key that was destroyed, nil, leaves nothing to read.
func unseal(k *keyring.Key, place string, content []byte, into any) error {
	if k == nil {
		return nil
	}
	raw, err := k.Open(place, content)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("read %s: %w", place, err)
	}
	return nil
}

// mostReason is how many characters why something was taken back may have: a party reads it.
const mostReason = 2000

// checkReason refuses a reason that is too long, or no text.
func checkReason(reason string) error {
	var p errs.Problems
	switch {
	case utf8.RuneCountInString(reason) > mostReason:
		p.Add("reason", "error.too_long", "most", mostReason)
	case !utf8.ValidString(reason):
		p.Add("reason", "error.characters")
	}
	return p.Err()
}
