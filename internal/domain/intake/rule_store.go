package intake

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/text"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
)

const (
	maxRules      = 200
	maxConditions = 50 // values of one
)

type ruleBody struct {
	Name string     `json:"name"`
	When Conditions `json:"when"`
	Do   Acts       `json:"do"`
}

func rulePlace(uid string) string { return "intake_rule.body:" + uid }

const ruleColumns = `id, uid, place, active, made_by, made_at, changed_by, changed_at, hits, hit_at, problem, problem_at, body`

// rules gives all rules in their order.
func (s *Service) rules(ctx context.Context, h db.Handle) ([]Rule, error) {
	return s.someRules(ctx, h, `ORDER BY place, id`)
}

func (s *Service) someRules(ctx context.Context, h db.Handle, which string, args ...any) ([]Rule, error) {
	type stored struct {
		Rule
		body []byte
	}
	all, err := db.All(ctx, h, func(r *db.Rows) (x stored, err error) {
		return x, r.Scan(&x.ID, &x.UID, &x.Place, &x.On, &x.MadeBy, &x.MadeAt, &x.ChangedBy, &x.ChangedAt, &x.Hits, &x.HitAt, &x.Problem, &x.ProblemAt, &x.body)
	}, `SELECT `+ruleColumns+` FROM intake_rule `+which, args...)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	key, err := s.Ring.Get(ctx, h, 0)
	if err != nil {
		return nil, err
	}
	out := make([]Rule, len(all))
	for i, x := range all {
		raw, err := key.Open(rulePlace(x.UID), x.body)
		if err != nil {
			return nil, err
		}
		var b ruleBody
		if err := json.Unmarshal(raw, &b); err != nil {
			return nil, fmt.Errorf("read rule: %w", err)
		}
		out[i] = x.Rule
		out[i].Name, out[i].When, out[i].Do = b.Name, b.When, b.Do
	}
	return out, nil
}

// Rules gives the rules for routine mail in their order. The actor needs access.ReadCases: they tell who writes to us.
func (s *Service) Rules(ctx context.Context, by access.Actor) ([]Rule, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return nil, err
	}
	return s.rules(ctx, s.DB)
}

// RuleByUID gives one rule. The actor needs access.ReadCases.
func (s *Service) RuleByUID(ctx context.Context, by access.Actor, uid string) (Rule, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return Rule{}, err
	}
	return s.ruleOf(ctx, s.DB, `WHERE uid = $1`, uid)
}

func (s *Service) ruleOf(ctx context.Context, h db.Handle, which string, arg any) (Rule, error) {
	all, err := s.someRules(ctx, h, which, arg)
	if err != nil || len(all) == 0 {
		return Rule{}, orNotFound(err)
	}
	return all[0], nil
}

func needRules(by access.Actor) error {
	if err := by.Need(access.ChangeRules); err != nil {
		return err
	}
	return by.Need(access.Triage)
}

// CheckRule tells everything that is wrong with a rule, and gives it as it is stored: values trimmed, in small letters, each once.
func (s *Service) CheckRule(ctx context.Context, h db.Handle, x Rule) (Rule, error) {
	var p errs.Problems
	x.Name = strings.TrimSpace(x.Name)
	if x.Name == "" {
		p.Add("name", "error.required")
	} else if utf8.RuneCountInString(x.Name) > MaxShort || !clean(x.Name) {
		p.Add("name", "error.too_long", "most", MaxShort)
	}
	c := &x.When
	given := c.Score > 0
	for _, f := range []struct {
		name  string
		list  *[]string
		known []string
	}{
		{"senders", &c.Senders, nil},
		{"subject", &c.Subject, nil},
		{"lists", &c.Lists, nil},
		{"kinds", &c.Kinds, MailKinds},
		{"types", &c.Types, nil},
		{"found", &c.Found, nil},
		{"languages", &c.Languages, nil},
	} {
		var kept []string
		for _, v := range *f.list {
			v = strings.ToLower(strings.TrimSpace(v))
			if v == "" || slices.Contains(kept, v) {
				continue
			}
			if utf8.RuneCountInString(v) > MaxShort || !clean(v) || len(kept) == maxConditions {
				p.Add(f.name, "error.too_long", "most", MaxShort)
				break
			}
			if len(f.known) > 0 && !slices.Contains(f.known, v) {
				p.Add(f.name, "error.choose")
			}
			kept = append(kept, v)
		}
		*f.list, given = kept, given || len(kept) > 0
	}
	for i, v := range c.Senders {
		c.Senders[i] = strings.TrimPrefix(v, "@")
		if !strings.Contains(c.Senders[i], ".") {
			p.Add("senders", "error.rule.sender")
		}
	}
	for _, v := range c.Found {
		if _, err := hex.DecodeString(v); !(err == nil && len(v) == 64) && !strings.Contains(v, ".") {
			p.Add("found", "error.rule.found")
		}
	}
	if c.Score < 0 || c.Score > 100 {
		p.Add("score", "error.spam.score", "most", 100)
	}
	if !given {
		p.Add("senders", "error.rule.condition")
	}
	if err := s.checkActs(ctx, h, &p, &x.Do); err != nil {
		return x, err
	}
	return x, p.Err()
}

func (s *Service) checkActs(ctx context.Context, h db.Handle, p *errs.Problems, a *Acts) error {
	if !slices.Contains([]string{"", PlaceKeep, PlaceSpam, PlaceReject}, a.Place) {
		p.Add("place", "error.choose")
	}
	if a.Place != PlaceReject {
		a.Reason, a.Tell = "", false
	} else {
		reasons, err := s.Reasons(ctx, h)
		if err != nil {
			return err
		}
		checkReason(p, reasons, a.Reason, "rule")
	}
	if a.Class != "" && s.TypeKnown != nil && !s.TypeKnown(a.Class) {
		p.Add("class", "error.choose")
	}
	if a.Handler < 0 {
		p.Add("handler", "error.choose")
	}
	a.Incident = strings.ToUpper(strings.TrimSpace(a.Incident))
	if len(a.Incident) > 40 {
		p.Add("incident", "error.choose")
	}
	for l, w := range a.Letters {
		if strings.TrimSpace(w.Text) == "" && strings.TrimSpace(w.Subject) == "" {
			delete(a.Letters, l)
			continue
		}
		if !slices.Contains(text.Langs(), text.Lang(l)) || utf8.RuneCountInString(w.Text) > maxLetter || utf8.RuneCountInString(w.Subject) > 200 || !clean(w.Text+w.Subject) {
			p.Add("text", "error.too_long", "most", maxLetter)
		}
	}
	if en := a.Letters["en"]; len(a.Letters) > 0 && (strings.TrimSpace(en.Text) == "" || strings.TrimSpace(en.Subject) == "") {
		p.Add("text", "error.reason.english")
	}
	if a.aside() && (a.Handler != 0 || a.Incident != "" || len(a.Letters) > 0) {
		p.Add("place", "error.rule.both")
	}
	if a.Place == "" && a.Class == "" && !a.later() {
		p.Add("place", "error.rule.act")
	}
	return nil
}

// SaveRule writes a new rule, or changes the one with the uid; from then on it acts in the actor's name. The actor needs access.ChangeRules and access.Triage,
// and access.SendOutside for a rule that answers. Refused: Invalid with all fields.
func (s *Service) SaveRule(ctx context.Context, by access.Actor, x Rule) (Rule, error) {
	if err := needRules(by); err != nil {
		return x, err
	}
	if len(x.Do.Letters) > 0 || x.Do.Tell {
		if err := by.Need(access.SendOutside); err != nil {
			return x, err
		}
	}
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if x, err = s.CheckRule(ctx, tx, x); err != nil {
			return err
		}
		if x.UID != "" {
			return s.changeRule(ctx, tx, by, &x)
		}
		all, err := s.rules(ctx, tx)
		if err != nil {
			return err
		}
		if len(all) > 0 {
			x.Place = all[len(all)-1].Place + 1
		}
		return s.insertRule(ctx, tx, by, &x)
	})
	return x, err
}

func (s *Service) sealRule(ctx context.Context, tx *db.Tx, x *Rule) ([]byte, error) {
	key, err := s.Ring.House(ctx, tx, s.Clock.Now())
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(ruleBody{x.Name, x.When, x.Do})
	if err != nil {
		return nil, err
	}
	return key.Seal(rulePlace(x.UID), raw), nil
}

func (s *Service) insertRule(ctx context.Context, tx *db.Tx, by access.Actor, x *Rule) error {
	var n int
	if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM intake_rule`).Scan(&n); err != nil {
		return err
	}
	if n >= maxRules {
		var p errs.Problems
		p.Add("name", "error.too_many", "most", maxRules)
		return p.Err()
	}
	now := s.Clock.Now()
	x.UID, x.MadeBy, x.MadeAt, x.ChangedBy, x.ChangedAt = id.New(), by.Account, now, by.Account, now
	body, err := s.sealRule(ctx, tx, x)
	if err != nil {
		return err
	}
	err = tx.QueryRow(ctx, `INSERT INTO intake_rule (uid, place, active, made_by, made_at, changed_by, changed_at, body) VALUES ($1, $2, $3, $4, $5, $4, $5, $6) RETURNING id`,
		x.UID, x.Place, x.On, by.Account, now, body).Scan(&x.ID)
	if err != nil {
		return fmt.Errorf("store rule: %w", err)
	}
	return s.ruleEntry(ctx, tx, by, x, "made")
}

func (s *Service) changeRule(ctx context.Context, tx *db.Tx, by access.Actor, x *Rule) error {
	was, err := s.ruleOf(ctx, tx, `WHERE uid = $1`+tx.ForUpdate(), x.UID)
	if err != nil {
		return err
	}
	now := s.Clock.Now()
	x.ID, x.Place, x.MadeBy, x.MadeAt, x.ChangedBy, x.ChangedAt, x.Hits, x.HitAt = was.ID, was.Place, was.MadeBy, was.MadeAt, by.Account, now, was.Hits, was.HitAt
	body, err := s.sealRule(ctx, tx, x)
	if err != nil {
		return err
	}
	if _, err = tx.Exec(ctx, `UPDATE intake_rule SET active = $2, changed_by = $3, changed_at = $4, body = $5, problem = '', problem_at = NULL WHERE id = $1`, x.ID, x.On, by.Account, now, body); err != nil {
		return fmt.Errorf("store rule: %w", err)
	}
	return s.ruleEntry(ctx, tx, by, x, "changed")
}

// VerbRule is the verb of the record under which rules change: who made them, and every change.
const VerbRule = "intake.rule"

func (s *Service) ruleEntry(ctx context.Context, tx *db.Tx, by access.Actor, x *Rule, what string) error {
	return s.Audit.Write(ctx, tx, audit.Entry{
		At: s.Clock.Now(), By: by, Verb: VerbRule, Changes: []audit.Change{{Field: "rule", To: what}}, Data: map[string]any{"rule": x.UID, "name": x.Name, "when": x.When, "do": x.Do, "on": x.On},
	})
}

// TurnRule does one thing to a rule: "on", "off", "up", "down" or "drop". The actor needs access.ChangeRules and access.Triage.
func (s *Service) TurnRule(ctx context.Context, by access.Actor, uid, what string) error {
	if err := needRules(by); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		all, err := s.rules(ctx, tx)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(x Rule) bool { return x.UID == uid })
		if i < 0 {
			return errs.ErrNotFound
		}
		x := &all[i]
		switch what {
		case "on", "off": // who turns it on answers for it
			x.On = what == "on"
			if _, err := tx.Exec(ctx, `UPDATE intake_rule SET active = $2, changed_by = $3, changed_at = $4, problem = '', problem_at = NULL WHERE id = $1`, x.ID, x.On, by.Account, s.Clock.Now()); err != nil {
				return err
			}
		case "up", "down":
			j := i - 1
			if what == "down" {
				j = i + 1
			}
			if j < 0 || j >= len(all) {
				return nil
			}
			all[i], all[j] = all[j], all[i]
			x = &all[j]
			for place, r := range all {
				if _, err := tx.Exec(ctx, `UPDATE intake_rule SET place = $2 WHERE id = $1`, r.ID, place); err != nil {
					return err
				}
			}
		case "drop":
			if _, err := tx.Exec(ctx, `DELETE FROM intake_rule WHERE id = $1`, x.ID); err != nil {
				return err
			}
		default:
			var p errs.Problems
			p.Add("action", "error.choose")
			return p.Err()
		}
		return s.ruleEntry(ctx, tx, by, x, what)
	})
}

// hits are the rules that fitted mails of a transaction.
type hits struct{}

// ruleHit counts that a rule fitted, and leaves what it has to do to a job.
func (s *Service) ruleHit(ctx context.Context, tx *db.Tx, p Placed, report int64) error {
	if p.Rule == 0 {
		return nil
	}
	count := db.Gather(tx, hits{}, func(ctx context.Context, all *map[int64]int) error {
		for _, rule := range sortedKeys(*all) {
			if err := tx.Later(ctx, `UPDATE intake_rule SET hits = hits + $2, hit_at = $3 WHERE id = $1`, rule, (*all)[rule], s.Clock.Now()); err != nil {
				return err
			}
		}
		return nil
	})
	if *count == nil {
		*count = map[int64]int{}
	}
	(*count)[p.Rule]++
	if !p.Later {
		return nil
	}
	return s.Jobs.Insert(ctx, tx, RuleJob{p.Rule, report}, job.Options{Lane: job.House})
}

func sortedKeys(m map[int64]int) []int64 {
	out := make([]int64, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// noteProblem says on a rule what it could not do, for who looks after it.
func (s *Service) noteProblem(ctx context.Context, rule int64, kind string, at time.Time) error {
	_, err := s.DB.Exec(ctx, `UPDATE intake_rule SET problem = $2, problem_at = $3 WHERE id = $1`, rule, kind, at)
	return err
}
