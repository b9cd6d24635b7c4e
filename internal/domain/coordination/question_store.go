package coordination

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

//go:embed sets/*.json
var shipped embed.FS

type setBody struct {
	Title     Wording    `json:"title"`
	Questions []Question `json:"questions"`
}

func setPlace(code string, version int) string {
	return fmt.Sprintf("coordination_question_set.body:%s:%d", code, version)
}

// builtIn gives the sets that come with the program, by their codes. They are read once.
var builtIn = sync.OnceValues(func() (map[string]QuestionSet, error) {
	files, err := shipped.ReadDir("sets")
	if err != nil {
		return nil, err
	}
	out := map[string]QuestionSet{}
	for _, f := range files {
		raw, err := shipped.ReadFile("sets/" + f.Name())
		if err != nil {
			return nil, err
		}
		var b struct {
			Version int `json:"version"`
			setBody
		}
		if err := json.Unmarshal(raw, &b); err != nil {
			return nil, fmt.Errorf("question set %s: %w", f.Name(), err)
		}
		x := QuestionSet{Code: strings.TrimSuffix(f.Name(), ".json"), Version: b.Version, Title: b.Title, Questions: b.Questions, BuiltIn: true}
		out[x.Code] = x
	}
	return out, nil
})

// storedSets gives versions of the house's table.
func (s *Service) storedSets(ctx context.Context, h db.Handle, which string, args ...any) ([]QuestionSet, error) {
	type row struct {
		QuestionSet
		body []byte
	}
	all, err := db.All(ctx, h, func(r *db.Rows) (x row, err error) {
		return x, r.Scan(&x.Code, &x.Version, &x.MadeBy, &x.MadeAt, &x.UsedAt, &x.RetiredAt, &x.body)
	}, `SELECT code, version, made_by, made_at, used_at, retired_at, body FROM coordination_question_set `+which, args...)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	key, err := s.Ring.Get(ctx, h, 0)
	if err != nil {
		return nil, err
	}
	out := make([]QuestionSet, len(all))
	for i, x := range all {
		raw, err := key.Open(setPlace(x.Code, x.Version), x.body)
		if err != nil {
			return nil, err
		}
		var b setBody
		if err := json.Unmarshal(raw, &b); err != nil {
			return nil, fmt.Errorf("read question set: %w", err)
		}
		out[i] = x.QuestionSet
		out[i].Title, out[i].Questions, out[i].BuiltIn = b.Title, b.Questions, x.MadeBy == 0
	}
	return out, nil
}

// QuestionSets lists the newest version of each set, those of the house before those that come with the program unchanged, by code; retired ones
// with all alone. The actor needs access.ReadCases.
func (s *Service) QuestionSets(ctx context.Context, by access.Actor, all bool) ([]QuestionSet, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return nil, err
	}
	stored, err := s.storedSets(ctx, s.DB, `q WHERE version = (SELECT MAX(n.version) FROM coordination_question_set n WHERE n.code = q.code) ORDER BY code LIMIT 500`)
	if err != nil {
		return nil, err
	}
	own, err := builtIn()
	if err != nil {
		return nil, err
	}
	shippedSets := maps.Clone(own)
	for _, x := range stored {
		if y, ok := shippedSets[x.Code]; !ok || y.Version <= x.Version {
			shippedSets[x.Code] = x
		}
	}
	var out []QuestionSet
	for _, x := range shippedSets {
		if !ownSet(x.Code) && (all || x.RetiredAt.IsZero()) {
			out = append(out, x)
		}
	}
	slices.SortFunc(out, func(a, b QuestionSet) int { return strings.Compare(a.Code, b.Code) })
	return out, nil
}

// QuestionSetOf gives one version of a set; version 0 is the newest. The actor needs access.ReadCases. Refused: NotFound.
func (s *Service) QuestionSetOf(ctx context.Context, by access.Actor, code string, version int) (QuestionSet, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return QuestionSet{}, err
	}
	return s.questionSet(ctx, s.DB, code, version)
}

func (s *Service) questionSet(ctx context.Context, h db.Handle, code string, version int) (QuestionSet, error) {
	if !setCode.MatchString(code) {
		return QuestionSet{}, errs.ErrNotFound
	}
	stored, err := s.storedSets(ctx, h, `WHERE code = $1 AND (version = $2 OR $2 = 0) ORDER BY version DESC LIMIT 1`, code, version)
	if err != nil {
		return QuestionSet{}, err
	}
	own, err := builtIn()
	if err != nil {
		return QuestionSet{}, err
	}
	x, ok := own[code]
	switch {
	case len(stored) == 1 && (!ok || version != 0 || stored[0].Version >= x.Version):
		return stored[0], nil
	case ok && (version == 0 || version == x.Version):
		return x, nil
	}
	return QuestionSet{}, errs.ErrNotFound
}

// SaveQuestions stores a set as its next version: what somebody else saved meanwhile is never written over. From is the version that the writer read, 0 for a new
// set. The actor needs access.WorkCases: what a letter asks is the work of who sends letters. Refused: Invalid, Conflict when somebody saved
// meanwhile, or when a new set takes a code that is there.
func (s *Service) SaveQuestions(ctx context.Context, by access.Actor, x QuestionSet, from int) (QuestionSet, error) {
	if err := by.Need(access.WorkCases); err != nil {
		return x, err
	}
	x.Code = strings.TrimSpace(x.Code)
	if err := x.check(); err != nil {
		return x, err
	}
	if ownSet(x.Code) {
		return x, &errs.Error{Kind: errs.Conflict, Key: "error.question.taken", Text: "there is a set with this code", Fields: []errs.Field{{Name: "code", Key: "error.question.taken"}}}
	}
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := holdSets(ctx, tx); err != nil {
			return err
		}
		now := s.Clock.Now()
		newest, err := s.questionSet(ctx, tx, x.Code, 0)
		if err != nil && !errs.Is(err, errs.NotFound) {
			return err
		}
		if newest.Version != from {
			if from == 0 {
				return &errs.Error{Kind: errs.Conflict, Key: "error.question.taken", Text: "there is a set with this code", Fields: []errs.Field{{Name: "code", Key: "error.question.taken"}}}
			}
			return access.ErrChanged
		}
		x.Version, x.MadeBy, x.MadeAt, x.UsedAt, x.RetiredAt, x.BuiltIn = newest.Version+1, by.Account, now, time.Time{}, time.Time{}, false
		if err := s.putSet(ctx, tx, x); err != nil {
			return err
		}
		return s.Audit.Write(ctx, tx, audit.Entry{
			At: now, By: by, Verb: "coordination.save_questions", Changes: []audit.Change{{Field: "code", To: x.Code}, {Field: "version", From: from, To: x.Version}, {Field: "questions", To: len(x.Questions)}},
		})
	})
	return x, err
}

// holdSets lets two people who change question sets wait for each other.
func holdSets(ctx context.Context, tx *db.Tx) error {
	return tx.Hold(ctx, []byte("coordination_question_set"))
}

func (s *Service) putSet(ctx context.Context, tx *db.Tx, x QuestionSet) error {
	house, err := s.Ring.House(ctx, tx, s.Clock.Now())
	if err != nil {
		return err
	}
	raw, err := json.Marshal(setBody{x.Title, x.Questions})
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO coordination_question_set (code, version, made_by, made_at, used_at, retired_at, body) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (code, version) DO UPDATE SET made_by = excluded.made_by, made_at = excluded.made_at, body = excluded.body`,
		x.Code, x.Version, x.MadeBy, x.MadeAt, x.UsedAt, x.RetiredAt, house.Seal(setPlace(x.Code, x.Version), raw))
	return err
}

// RetireQuestions takes a set out of what can be asked, or back into it. What was asked stays answerable. The actor needs access.WorkCases. Refused:
// NotFound, Conflict when it is so already.
func (s *Service) RetireQuestions(ctx context.Context, by access.Actor, code string, retire bool) error {
	if err := by.Need(access.WorkCases); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := holdSets(ctx, tx); err != nil {
			return err
		}
		now := s.Clock.Now()
		x, err := s.questionSet(ctx, tx, code, 0)
		if err == nil && ownSet(code) {
			err = errs.ErrNotFound
		}
		if err != nil {
			return err
		}
		if x.RetiredAt.IsZero() != retire {
			return access.ErrChanged
		}
		if x.RetiredAt = (time.Time{}); retire {
			x.RetiredAt = now
		}
		n, err := tx.Exec(ctx, `UPDATE coordination_question_set SET retired_at = $3 WHERE code = $1 AND version = $2`, x.Code, x.Version, x.RetiredAt)
		if err != nil {
			return err
		}
		if n == 0 { // as it came with the program
			x.MadeAt = now
			if err := s.putSet(ctx, tx, x); err != nil {
				return err
			}
		}
		return s.Audit.Write(ctx, tx, audit.Entry{
			At: now, By: by, Verb: "coordination.retire_questions", Changes: []audit.Change{{Field: "code", To: x.Code}, {Field: "version", To: x.Version}, {Field: "retired", To: retire}},
		})
	})
}

// freezeSet fixes the version of a set that is asked.
func (s *Service) freezeSet(ctx context.Context, tx *db.Tx, x QuestionSet) error {
	now := s.Clock.Now()
	n, err := tx.Exec(ctx, `UPDATE coordination_question_set SET used_at = COALESCE(used_at, $3) WHERE code = $1 AND version = $2`, x.Code, x.Version, now)
	if err != nil || n == 1 {
		return err
	}
	x.MadeAt, x.UsedAt = now, now
	return s.putSet(ctx, tx, x)
}
