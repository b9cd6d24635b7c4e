package coordination

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

type ladderBody struct {
	Name  string `json:"name,omitempty"`
	Rungs []Rung `json:"rungs"`
}

func ladderPlace(code string, version int) string {
	return fmt.Sprintf("coordination_ladder.body:%s:%d", code, version)
}

func (s *Service) storedLadders(ctx context.Context, h db.Handle, which string, args ...any) ([]Ladder, error) {
	type row struct {
		Ladder
		severities string
		body       []byte
	}
	all, err := db.All(ctx, h, func(r *db.Rows) (x row, err error) {
		return x, r.Scan(&x.ID, &x.Code, &x.Version, &x.severities, &x.MadeBy, &x.MadeAt, &x.RetiredAt, &x.body)
	}, `SELECT id, code, version, severities, made_by, made_at, retired_at, body FROM coordination_ladder l `+which, args...)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	key, err := s.Ring.Get(ctx, h, 0)
	if err != nil {
		return nil, err
	}
	out := make([]Ladder, len(all))
	for i, x := range all {
		raw, err := key.Open(ladderPlace(x.Code, x.Version), x.body)
		if err != nil {
			return nil, err
		}
		var b ladderBody
		if err := json.Unmarshal(raw, &b); err != nil {
			return nil, fmt.Errorf("read ladder: %w", err)
		}
		out[i] = x.Ladder
		out[i].Name, out[i].Rungs, out[i].BuiltIn, out[i].Severities = b.Name, b.Rungs, x.MadeBy == 0, strings.Fields(x.severities)
	}
	return out, nil
}

const newestLadders = `WHERE version = (SELECT MAX(n.version) FROM coordination_ladder n WHERE n.code = l.code) `

// Ladders lists the newest version of each ladder by its code, retired ones with all alone. The actor needs access.ReadCases or access.ChangeRules.
func (s *Service) Ladders(ctx context.Context, by access.Actor, all bool) ([]Ladder, error) {
	if err := needLadders(by); err != nil {
		return nil, err
	}
	out, err := s.storedLadders(ctx, s.DB, newestLadders+`ORDER BY code LIMIT $1`, mostLadders)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(out, func(l Ladder) bool { return l.Code == StandardLadder }) {
		out = append([]Ladder{builtInLadder()}, out...)
	}
	if !all {
		out = slices.DeleteFunc(out, func(l Ladder) bool { return !l.RetiredAt.IsZero() })
	}
	return out, nil
}

// LadderOf gives the newest version of a ladder. The actor needs access.ReadCases or access.ChangeRules. Refused: NotFound.
func (s *Service) LadderOf(ctx context.Context, by access.Actor, code string) (Ladder, error) {
	if err := needLadders(by); err != nil {
		return Ladder{}, err
	}
	return s.ladder(ctx, s.DB, code)
}

func needLadders(by access.Actor) error {
	if by.Can(access.ChangeRules) {
		return nil
	}
	return by.Need(access.ReadCases)
}

func (s *Service) ladder(ctx context.Context, h db.Handle, code string) (Ladder, error) {
	stored, err := s.storedLadders(ctx, h, newestLadders+`AND code = $1`, code)
	switch {
	case err != nil:
		return Ladder{}, err
	case len(stored) == 1:
		return stored[0], nil
	case code == StandardLadder:
		return builtInLadder(), nil
	}
	return Ladder{}, errs.ErrNotFound
}

// usable is a ladder that can be begun now, with its row.
func (s *Service) usable(ctx context.Context, tx *db.Tx, code string) (Ladder, error) {
	l, err := s.ladder(ctx, tx, code)
	if errs.Is(err, errs.NotFound) || err == nil && !l.RetiredAt.IsZero() {
		var p errs.Problems
		p.Add("ladder", "error.choose")
		return l, p.Err()
	}
	if err != nil || l.ID != 0 {
		return l, err
	}
	l.MadeAt = s.Clock.Now()
	return l, s.putLadder(ctx, tx, &l)
}

func (s *Service) putLadder(ctx context.Context, tx *db.Tx, l *Ladder) error {
	house, err := s.Ring.House(ctx, tx, s.Clock.Now())
	if err != nil {
		return err
	}
	raw, err := json.Marshal(ladderBody{l.Name, l.Rungs})
	if err != nil {
		return err
	}
	// The version that two begin at the same time is one row.
	return tx.QueryRow(ctx, `INSERT INTO coordination_ladder (code, version, severities, made_by, made_at, retired_at, body) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (code, version) DO UPDATE SET severities = coordination_ladder.severities RETURNING id`,
		l.Code, l.Version, strings.Join(l.Severities, " "), l.MadeBy, l.MadeAt, l.RetiredAt, house.Seal(ladderPlace(l.Code, l.Version), raw)).Scan(&l.ID)
}

// SaveLadder stores a ladder as a new version; who climbs goes on by the one with which it began. A severity has one ladder: others lose it. From is the
// version that the person read, 0 for a new one. The actor needs access.ChangeRules and a fresh proof: what stands in it leaves under the team's name. Refused: Invalid, Conflict when
// somebody else changed it or the code is taken.
func (s *Service) SaveLadder(ctx context.Context, by access.Actor, l Ladder, from int) (Ladder, error) {
	if err := needRules(by, s.Clock.Now()); err != nil {
		return l, err
	}
	l = l.trimmed()
	if err := l.check(); err != nil {
		return l, err
	}
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := holdLadders(ctx, tx); err != nil {
			return err
		}
		now := s.Clock.Now()
		newest, err := s.ladder(ctx, tx, l.Code)
		if err != nil && !errs.Is(err, errs.NotFound) {
			return err
		}
		if err := s.namedInLadder(ctx, tx, by, l, newest); err != nil {
			return err
		}
		if newest.Version != from {
			if from == 0 {
				return &errs.Error{Kind: errs.Conflict, Key: "error.ladder.taken", Text: "there is a ladder with this code", Fields: []errs.Field{{Name: "code", Key: "error.ladder.taken"}}}
			}
			return access.ErrChanged
		}
		l.ID, l.Version, l.BuiltIn, l.MadeBy, l.MadeAt, l.RetiredAt = 0, newest.Version+1, false, by.Account, now, time.Time{}
		if err := s.putLadder(ctx, tx, &l); err != nil {
			return err
		}
		if err := s.keepSeverities(ctx, tx, l); err != nil {
			return err
		}
		return s.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: VerbLadder, Changes: []audit.Change{
			{Field: "code", To: l.Code},
			{Field: "version", From: from, To: l.Version},
			{Field: "rungs", To: len(l.Rungs)},
			{Field: "severities", From: strings.Join(newest.Severities, " "), To: strings.Join(l.Severities, " ")},
		}})
	})
	return l, err
}

// holdLadders lets two people who change ladders wait for each other: a save takes severities from all others.
func holdLadders(ctx context.Context, tx *db.Tx) error {
	return tx.Hold(ctx, []byte("coordination_ladder"))
}

// VerbLadder is the verb under which the record has changes of ladders.
const VerbLadder = "coordination.save_ladder"

func needRules(by access.Actor, now time.Time) error {
	if err := by.Need(access.ChangeRules); err != nil {
		return err
	}
	return by.NeedFresh(now)
}

func (l Ladder) trimmed() Ladder {
	l.Code, l.Name = strings.TrimSpace(l.Code), strings.TrimSpace(l.Name)
	l.Rungs = slices.Clone(l.Rungs)
	for i := range l.Rungs {
		words := Wording{}
		for lang, w := range l.Rungs[i].Words {
			if w = strings.TrimSpace(strings.ReplaceAll(w, "\r\n", "\n")); w != "" {
				words[lang] = w
			}
		}
		l.Rungs[i].Words = words
		l.Rungs[i].Confirm = l.Rungs[i].Asks()
		l.Rungs[i].Organisation = strings.TrimSpace(l.Rungs[i].Organisation)
	}
	l.Severities = slices.Clone(l.Severities)
	slices.SortFunc(l.Severities, func(a, b string) int { return slices.Index(Severities(), a) - slices.Index(Severities(), b) })
	l.Severities = slices.Compact(l.Severities)
	return l
}

// namedInLadder checks that the organisations that rungs name are in the register. Those of the version before stay: who changes rules need not read it.
func (s *Service) namedInLadder(ctx context.Context, tx *db.Tx, by access.Actor, l, before Ladder) error {
	var p errs.Problems
	for i, r := range l.Rungs {
		if r.Organisation == "" || slices.ContainsFunc(before.Rungs, func(x Rung) bool { return x.Organisation == r.Organisation }) {
			continue
		}
		_, err := s.Constituency.Get(ctx, tx, by, r.Organisation)
		if errs.Is(err, errs.NotFound) || errs.Is(err, errs.Forbidden) {
			p.Add("rungs."+strconv.Itoa(i)+".organisation", "error.choose")
		} else if err != nil {
			return err
		}
	}
	return p.Err()
}

// keepSeverities takes the severities of a ladder from all others.
func (s *Service) keepSeverities(ctx context.Context, tx *db.Tx, l Ladder) error {
	type row struct {
		id   int64
		list string
	}
	all, err := db.All(ctx, tx, func(r *db.Rows) (x row, err error) { return x, r.Scan(&x.id, &x.list) }, `SELECT id, severities FROM coordination_ladder WHERE severities <> '' AND id <> $1 ORDER BY id`, l.ID)
	if err != nil {
		return err
	}
	for _, x := range all {
		left := slices.DeleteFunc(strings.Fields(x.list), func(v string) bool { return slices.Contains(l.Severities, v) })
		if _, err := tx.Exec(ctx, `UPDATE coordination_ladder SET severities = $2 WHERE id = $1`, x.id, strings.Join(left, " ")); err != nil {
			return err
		}
	}
	return nil
}

// RetireLadder takes a ladder out of what can be begun, or back into it; a retired one begins by itself nowhere. Who climbs goes on. The actor needs
// access.ChangeRules and a fresh proof. Refused: NotFound, Conflict when it is so already.
func (s *Service) RetireLadder(ctx context.Context, by access.Actor, code string, retire bool) error {
	if err := needRules(by, s.Clock.Now()); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := holdLadders(ctx, tx); err != nil {
			return err
		}
		now := s.Clock.Now()
		l, err := s.ladder(ctx, tx, code)
		if err != nil {
			return err
		}
		if l.RetiredAt.IsZero() != retire {
			return access.ErrChanged
		}
		if l.ID == 0 {
			l.MadeAt = now
			if err := s.putLadder(ctx, tx, &l); err != nil {
				return err
			}
		}
		var at time.Time
		if retire {
			at = now
		}
		if _, err := tx.Exec(ctx, `UPDATE coordination_ladder SET retired_at = $2 WHERE id = $1`, l.ID, at); err != nil {
			return err
		}
		return s.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: "coordination.retire_ladder", Changes: []audit.Change{{Field: "code", To: l.Code}, {Field: "retired", To: retire}}})
	})
}

// ChooseLadder says which ladder begins by itself in an incident when a letter asks: a code, NoLadder, or "" for that of its severity. The actor needs
// access.WorkCases and access.SendOutside. Refused: NotFound, Invalid.
func (s *Service) ChooseLadder(ctx context.Context, by access.Actor, subject, code string) error {
	if err := needPrepare(by); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		o, err := access.LoadForChange(ctx, tx, by, ref.Incident, subject)
		if err != nil {
			return err
		}
		was, err := s.chosenLadder(ctx, tx, o.Ref)
		if err != nil || was == code {
			return err
		}
		if code != "" && code != NoLadder {
			if _, err := s.usable(ctx, tx, code); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `DELETE FROM coordination_ladder_of WHERE subject = $1`, o.Ref.ID); err != nil {
			return err
		}
		if code != "" {
			if _, err := tx.Exec(ctx, `INSERT INTO coordination_ladder_of (subject, code) VALUES ($1, $2)`, o.Ref.ID, code); err != nil {
				return err
			}
		}
		return s.Audit.Write(ctx, tx, audit.Entry{At: s.Clock.Now(), By: by, Verb: "coordination.choose_ladder", On: o.Ref, Changes: []audit.Change{{Field: "ladder", From: was, To: code}}})
	})
}

func (s *Service) chosenLadder(ctx context.Context, h db.Handle, subject ref.Ref) (code string, err error) {
	err = h.QueryRow(ctx, `SELECT code FROM coordination_ladder_of WHERE subject = $1`, subject.ID).Scan(&code)
	if errs.Is(err, errs.NotFound) {
		err = nil
	}
	return code, err
}

// LadderFor gives the ladder that begins by itself in an incident, and whether a person chose it for this one; a zero ladder when none does. The actor needs
// access.ReadCases.
func (s *Service) LadderFor(ctx context.Context, by access.Actor, subject string) (l Ladder, code string, err error) {
	if err := by.Need(access.ReadCases); err != nil {
		return l, "", err
	}
	o, err := access.Find(ctx, s.DB, by, ref.Incident, subject)
	if err != nil {
		return l, "", err
	}
	if code, err = s.chosenLadder(ctx, s.DB, o.Ref); err != nil {
		return l, code, err
	}
	l, err = s.ladderAt(ctx, s.DB, o.Ref, code)
	return l, code, err
}

// ladderAt gives the ladder of a subject with what a person chose for it, a zero one for none.
func (s *Service) ladderAt(ctx context.Context, h db.Handle, subject ref.Ref, code string) (Ladder, error) {
	if code == NoLadder {
		return Ladder{}, nil
	}
	if code == "" {
		if s.Severity == nil {
			return Ladder{}, nil
		}
		list, err := s.storedLadders(ctx, h, newestLadders+`AND retired_at IS NULL AND severities <> '' ORDER BY code LIMIT $1`, mostLadders)
		if err != nil || len(list) == 0 {
			return Ladder{}, err
		}
		is, err := s.Severity(ctx, h, subject)
		if err != nil || is == "" {
			return Ladder{}, err
		}
		for _, l := range list {
			if slices.Contains(l.Severities, is) {
				return l, nil
			}
		}
		return Ladder{}, nil
	}
	l, err := s.ladder(ctx, h, code)
	if errs.Is(err, errs.NotFound) || err == nil && !l.RetiredAt.IsZero() {
		return Ladder{}, nil
	}
	return l, err
}
