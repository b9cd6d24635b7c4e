package duty

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/setting"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
	"github.com/tocsin-csirt/tocsin/internal/kit/id"
	"github.com/tocsin-csirt/tocsin/internal/kit/job"
)

// Reason says why somebody is paged.
type Reason string

// The reasons.
const (
	ClockEnds Reason = "clock"    // a clock of ours is about to be missed
	Critical  Reason = "critical" // a report that cannot wait, or a critical incident
	Silent    Reason = "silent"   // nothing came by a channel of ours for too long
	TestPage  Reason = "test"     // somebody pages itself
)

// State is where a page stands.
type State string

// The states of a page.
const (
	Open       State = "open"       // somebody is asked, one after the other
	Answered   State = "answered"   // somebody took it
	Unanswered State = "unanswered" // all were asked three times
)

// Page is a call for somebody. It holds a number and nothing else of a case.
type Page struct {
	ID         int64
	UID        string
	Reason     Reason
	Number     string // "" for what must not be named
	Object     int64
	Only       int64 // of a test: whom alone
	State      State
	Step       int // how many people were asked
	NextAt     time.Time
	MadeAt     time.Time
	AnsweredAt time.Time
	AnsweredBy int64
}

// Try is one message of a page to one person by one way.
type Try struct {
	ID      int64
	Page    int64
	Step    int
	Account int64
	Way     int64
	Kind    string // "mail", "webhook", "sms"
	State   string // "waiting", "sent", "failed"
	Tries   int
	Answer  string // what came back: a status or a sentence, never a body
	MadeAt  time.Time
	DoneAt  time.Time
}

// The states of a try.
const (
	Waiting = "waiting"
	Sent    = "sent"
	Failed  = "failed"
)

// Rules say what pages, and how long one waits for an answer.
type Rules struct {
	Clocks   bool          `json:"clocks"`
	Lead     time.Duration `json:"lead"` // how long before the end of a clock of ours
	Critical bool          `json:"critical"`
	Silent   bool          `json:"silent"`
	Wait     time.Duration `json:"wait"` // for an answer, before the next person is paged
}

// Usual are the rules when nobody changed them.
func Usual() Rules {
	return Rules{Clocks: true, Lead: time.Hour, Critical: true, Silent: true, Wait: 5 * time.Minute}
}

const settingRules = "duty.rules"

// Rules gives the rules in force.
func (s *Service) Rules(ctx context.Context, h db.Handle) (Rules, error) {
	r := Usual()
	return r, setting.Get(ctx, h, settingRules, &r)
}

// SetRules changes them. The actor needs access.PlanDuty. Refused: Invalid with all problems.
func (s *Service) SetRules(ctx context.Context, by access.Actor, r Rules) error {
	if err := by.Need(access.PlanDuty); err != nil {
		return err
	}
	var p errs.Problems
	if r.Lead < 5*time.Minute || r.Lead > 24*time.Hour {
		p.Add("lead", "error.duty.lead")
	}
	if r.Wait < time.Minute || r.Wait > time.Hour {
		p.Add("wait", "error.duty.wait")
	}
	if err := p.Err(); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		was, err := s.Rules(ctx, tx)
		if err != nil {
			return err
		}
		if err := setting.Put(ctx, tx, by.Account, s.Clock.Now(), settingRules, r); err != nil {
			return err
		}
		return s.record(ctx, tx, by, "duty.set_rules", audit.Change{Field: "rules", From: was, To: r})
	})
}

// LookJob looks for what pages of itself, and then does what PageJob does.
type LookJob struct{}

// Kind names the job.
func (LookJob) Kind() string { return "duty.look" }

// PageJob asks whether somebody else is to be paged now.
type PageJob struct{}

// Kind names the job.
func (PageJob) Kind() string { return "duty.page" }

// SendJob sends one try.
type SendJob struct {
	Try int64 `json:"try"`
}

// Kind names the job.
func (SendJob) Kind() string { return "duty.send" }

// NewPage is a page as it is asked for. Key names its cause: one cause pages once.
type NewPage struct {
	Key    string
	Reason Reason
	Number string
	Object int64
	Only   int64
}

// Paged tells whether a cause has paged already.
func (s *Service) Paged(ctx context.Context, h db.Handle, key string) (known bool, err error) {
	return known, h.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM duty_page WHERE key = $1)`, key).Scan(&known)
}

// PageTx pages who is on duty, in the transaction of what makes it necessary. It tells false for a cause that paged already.
func (s *Service) PageTx(ctx context.Context, tx *db.Tx, in NewPage) (bool, error) {
	now := s.Clock.Now()
	p := Page{UID: id.New(), Reason: in.Reason, Number: in.Number}
	n, err := tx.Exec(ctx, `INSERT INTO duty_page (uid, key, reason, number, object, only_for, state, next_at, made_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (key) DO NOTHING`,
		p.UID, in.Key, string(in.Reason), in.Number, in.Object, in.Only, string(Open), now, now)
	if err != nil || n == 0 {
		return false, err
	}
	if err := s.record(ctx, tx, access.System("clocks"), "duty.page", audit.Change{Field: "reason", To: string(in.Reason)}, audit.Change{Field: "page", To: p.UID}); err != nil {
		return false, err
	}
	return true, s.Jobs.Insert(ctx, tx, PageJob{}, job.Options{Lane: job.Clocks})
}

// Test pages the actor itself by all its ways, and gives the page that shows what came back. The actor needs Triage.
func (s *Service) Test(ctx context.Context, by access.Actor) (Page, error) {
	if err := by.Need(access.Triage); err != nil {
		return Page{}, err
	}
	key := "test:" + id.New()
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		var lately int
		if err := tx.QueryRow(ctx, `SELECT COUNT(*) FROM duty_page WHERE only_for = $1 AND made_at > $2`, by.Account, s.Clock.Now().Add(-time.Hour)).Scan(&lately); err != nil {
			return err
		}
		if lately >= 10 {
			return errs.New(errs.Limit, "ten test pages an hour are enough")
		}
		_, err := s.PageTx(ctx, tx, NewPage{Key: key, Reason: TestPage, Only: by.Account})
		return err
	})
	if err != nil {
		return Page{}, err
	}
	return db.One(ctx, s.DB, scanPage, `SELECT `+pageColumns+` FROM duty_page WHERE key = $1`, key)
}

const pageColumns = `id, uid, reason, number, object, only_for, state, step, next_at, made_at, answered_at, answered_by`

func scanPage(r *db.Rows) (Page, error) {
	var p Page
	return p, r.Scan(&p.ID, &p.UID, &p.Reason, &p.Number, &p.Object, &p.Only, &p.State, &p.Step, &p.NextAt, &p.MadeAt, &p.AnsweredAt, &p.AnsweredBy)
}

const tryColumns = `id, page, step, account, way, kind, state, tries, answer, made_at, done_at`

func scanTry(r *db.Rows) (Try, error) {
	var t Try
	return t, r.Scan(&t.ID, &t.Page, &t.Step, &t.Account, &t.Way, &t.Kind, &t.State, &t.Tries, &t.Answer, &t.MadeAt, &t.DoneAt)
}

// Pages gives the newest pages, those of tests to who made them alone, at most limit. The actor needs ReadCases.
func (s *Service) Pages(ctx context.Context, h db.Handle, by access.Actor, limit int) ([]Page, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return nil, err
	}
	return db.All(ctx, h, scanPage, `SELECT `+pageColumns+` FROM duty_page WHERE only_for IN (0, $1) ORDER BY made_at DESC, id DESC LIMIT $2`, by.Account, min(max(limit, 1), 200))
}

// PageByUID gives one page with its tries. The actor needs ReadCases; a test is seen by who made it.
func (s *Service) PageByUID(ctx context.Context, h db.Handle, by access.Actor, uid string) (Page, []Try, error) {
	if err := by.Need(access.ReadCases); err != nil {
		return Page{}, nil, err
	}
	p, err := db.One(ctx, h, scanPage, `SELECT `+pageColumns+` FROM duty_page WHERE uid = $1 AND only_for IN (0, $2)`, uid, by.Account)
	if err != nil {
		return p, nil, err
	}
	tries, err := db.All(ctx, h, scanTry, `SELECT `+tryColumns+` FROM duty_try WHERE page = $1 ORDER BY id LIMIT 500`, p.ID)
	return p, tries, err
}

// PagedBetween gives the pages of a time, tests apart, for a hand-over.
func (s *Service) PagedBetween(ctx context.Context, h db.Handle, from, to time.Time) ([]Page, error) {
	return db.All(ctx, h, scanPage, `SELECT `+pageColumns+` FROM duty_page WHERE made_at >= $1 AND made_at < $2 AND only_for = 0 ORDER BY made_at, id LIMIT $3`, from, to, MostEvents)
}

// Acknowledge takes a page: nobody else is paged for it. Whoever may triage can; a test only who made it. Refused: NotFound, Conflict for what was taken.
func (s *Service) Acknowledge(ctx context.Context, by access.Actor, uid string) (Page, error) {
	if err := by.Need(access.Triage); err != nil {
		return Page{}, err
	}
	var p Page
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
		if p, err = db.One(ctx, tx, scanPage, `SELECT `+pageColumns+` FROM duty_page WHERE uid = $1 AND only_for IN (0, $2)`+tx.ForUpdate(), uid, by.Account); err != nil {
			return err
		}
		if p.State == Answered {
			return errAnswered
		}
		p.State, p.AnsweredAt, p.AnsweredBy = Answered, s.Clock.Now(), by.Account
		if _, err := tx.Exec(ctx, `UPDATE duty_page SET state = $2, answered_at = $3, answered_by = $4, next_at = NULL WHERE id = $1`, p.ID, string(p.State), p.AnsweredAt, p.AnsweredBy); err != nil {
			return err
		}
		return s.record(ctx, tx, by, "duty.acknowledge", audit.Change{Field: "page", To: p.UID})
	})
	return p, err
}

var errAnswered = &errs.Error{Kind: errs.Conflict, Key: "error.duty.answered", Text: "somebody took this page already"}

// rounds is how often everybody is asked before a page is left as unanswered.
const rounds = 3

// Advance pages the next person of each page whose time has come. Who advances first does it; it may run twice.
func (s *Service) Advance(ctx context.Context) error {
	due, err := db.All(ctx, s.DB, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) },
		`SELECT id FROM duty_page WHERE state = 'open' AND next_at <= $1 ORDER BY next_at, id LIMIT 100`, s.Clock.Now())
	if err != nil {
		return err
	}
	for _, page := range due {
		if err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return s.advance(ctx, tx, page) }); err != nil {
			return fmt.Errorf("page %d: %w", page, err)
		}
	}
	return nil
}

func (s *Service) advance(ctx context.Context, tx *db.Tx, page int64) error {
	now := s.Clock.Now()
	p, err := db.One(ctx, tx, scanPage, `SELECT `+pageColumns+` FROM duty_page WHERE id = $1`+tx.ForUpdate(), page)
	if err != nil || p.State != Open || p.NextAt.After(now) {
		return err
	}
	rules, err := s.Rules(ctx, tx)
	if err != nil {
		return err
	}
	order, err := s.whom(ctx, tx, p, now)
	if err != nil {
		return err
	}
	most := rounds
	if p.Only != 0 {
		most = 1
	}
	if p.Step >= most*len(order) {
		if _, err := tx.Exec(ctx, `UPDATE duty_page SET state = $2, next_at = NULL WHERE id = $1`, p.ID, string(Unanswered)); err != nil {
			return err
		}
		return s.record(ctx, tx, access.System("clocks"), "duty.unanswered", audit.Change{Field: "page", To: p.UID})
	}
	who := order[p.Step%len(order)]
	ways, err := s.ways(ctx, tx, who)
	if err != nil {
		return err
	}
	for _, w := range append([]Way{{Kind: ByMail}}, ways...) {
		t := Try{}
		if err := tx.QueryRow(ctx, `INSERT INTO duty_try (page, step, account, way, kind, state, made_at) VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id`,
			p.ID, p.Step, who, w.ID, string(w.Kind), Waiting, now).Scan(&t.ID); err != nil {
			return err
		}
		if err := s.Jobs.Insert(ctx, tx, SendJob{t.ID}, job.Options{Lane: job.Send}); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, `UPDATE duty_page SET step = step + 1, next_at = $2 WHERE id = $1`, p.ID, now.Add(rules.Wait))
	return err
}

// whom gives whom to ask, in their order: who is on duty, who comes next, and leads after them.
func (s *Service) whom(ctx context.Context, h db.Handle, p Page, now time.Time) ([]int64, error) {
	if p.Only != 0 {
		return []int64{p.Only}, nil
	}
	roster, err := s.roster(ctx, h)
	if err != nil {
		return nil, err
	}
	staff, err := s.Staff(ctx, h)
	if err != nil {
		return nil, err
	}
	order := slices.DeleteFunc(roster.Order(now), func(who int64) bool { return !slices.Contains(staff, who) }) // who left is on no duty
	leads, err := s.Leads(ctx, h)
	for _, l := range leads {
		if !slices.Contains(order, l) && !roster.away(l, now) {
			order = append(order, l)
		}
	}
	return order, err
}

// WayKind is a way by which somebody is paged.
type WayKind string

// The ways.
const (
	ByMail    WayKind = "mail"
	ByWebhook WayKind = "webhook"
	BySMS     WayKind = "sms"
)

// Way is one way of one person besides mail, which everybody has.
type Way struct {
	ID      int64
	UID     string
	Account int64
	Kind    WayKind
	Address string // https://… or a telephone number
	Secret  string // of a webhook: what its messages are signed with
}

type wayBody struct {
	Address string `json:"address"`
	Secret  string `json:"secret,omitempty"`
}

func wayPlace(uid string) string { return "duty_way.body:" + uid }

// mostWays is how many ways one person has.
const mostWays = 5

// AddWay gives the actor one more way to be paged, and the secret of a webhook, which is shown once. The actor needs Triage. Refused: Invalid with all
// problems.
func (s *Service) AddWay(ctx context.Context, by access.Actor, kind WayKind, address string) (Way, error) {
	if err := by.Need(access.Triage); err != nil {
		return Way{}, err
	}
	var p errs.Problems
	address = strings.TrimSpace(address)
	switch {
	case !utf8.ValidString(address) || len(address) > 2000:
		p.Add("address", "error.too_long", "most", 2000)
	case kind == ByWebhook && (s.Sender == nil || s.Sender.Check(address) != nil):
		p.Add("address", "error.duty.https")
	case kind == BySMS && !phoneLike(address):
		p.Add("address", "error.phone")
	case kind == BySMS && !s.SMS.On():
		p.Add("kind", "error.duty.no_sms")
	case kind != BySMS && kind != ByWebhook:
		p.Add("kind", "error.choice")
	}
	if err := p.Err(); err != nil {
		return Way{}, err
	}
	w := Way{UID: id.New(), Account: by.Account, Kind: kind, Address: address}
	if kind == ByWebhook {
		w.Secret = id.New() + id.New()
	}
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		had, err := s.ways(ctx, tx, by.Account)
		if err != nil {
			return err
		}
		if len(had) >= mostWays {
			var p errs.Problems
			p.Add("kind", "error.too_many", "most", mostWays)
			return p.Err()
		}
		key, err := s.Ring.House(ctx, tx, s.Clock.Now())
		if err != nil {
			return err
		}
		raw, err := json.Marshal(wayBody{w.Address, w.Secret})
		if err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, `INSERT INTO duty_way (uid, account, kind, made_at, body) VALUES ($1, $2, $3, $4, $5) RETURNING id`,
			w.UID, w.Account, string(kind), s.Clock.Now(), key.Seal(wayPlace(w.UID), raw)).Scan(&w.ID); err != nil {
			return err
		}
		return s.record(ctx, tx, by, "duty.add_way", audit.Change{Field: "kind", To: string(kind)})
	})
	return w, err
}

func phoneLike(s string) bool {
	digits := 0
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case !strings.ContainsRune("+ ()-./", r):
			return false
		}
	}
	return digits >= 3 && digits <= 18 && len(s) <= 40
}

// RemoveWay takes one of the actor's own ways away, given by uid.
func (s *Service) RemoveWay(ctx context.Context, by access.Actor, uid string) error {
	if err := by.Need(access.Triage); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		n, err := tx.Exec(ctx, `UPDATE duty_way SET removed_at = $3 WHERE uid = $1 AND account = $2 AND removed_at IS NULL`, uid, by.Account, s.Clock.Now())
		if err == nil && n == 0 {
			err = errs.ErrNotFound
		}
		if err != nil {
			return err
		}
		return s.record(ctx, tx, by, "duty.remove_way")
	})
}

// Ways gives the actor's own ways, without their secrets.
func (s *Service) Ways(ctx context.Context, h db.Handle, by access.Actor) ([]Way, error) {
	if err := by.Need(access.Triage); err != nil {
		return nil, err
	}
	all, err := s.ways(ctx, h, by.Account)
	for i := range all {
		all[i].Secret = ""
	}
	return all, err
}

func (s *Service) ways(ctx context.Context, h db.Handle, account int64) ([]Way, error) {
	return db.All(ctx, h, s.scanWay(ctx, h), `SELECT id, uid, account, kind, body FROM duty_way WHERE account = $1 AND removed_at IS NULL ORDER BY id`, account)
}

func (s *Service) scanWay(ctx context.Context, h db.Handle) func(r *db.Rows) (Way, error) {
	key, err := s.Ring.Get(ctx, h, 0) // before the rows: PostgreSQL answers one question at a time
	return func(r *db.Rows) (Way, error) {
		var w Way
		var sealed []byte
		if err := r.Scan(&w.ID, &w.UID, &w.Account, &w.Kind, &sealed); err != nil {
			return w, err
		}
		if err != nil {
			return w, err
		}
		raw, err := key.Open(wayPlace(w.UID), sealed)
		if err != nil {
			return w, err
		}
		var b wayBody
		err = json.Unmarshal(raw, &b)
		w.Address, w.Secret = b.Address, b.Secret
		return w, err
	}
}
