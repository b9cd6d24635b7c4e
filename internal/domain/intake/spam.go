package intake

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/setting"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Mail that is probably spam lies in a lane of its own: kept, counted, found by its words, and out of the queue. Signs speak for it, each with its
// points; who is known, or sealed what he wrote to us, never comes there, whatever the signs say.

// Sign is one thing that makes a mail look like spam.
type Sign struct {
	Why    string `json:"why"` // a code: one of Signs
	Points int    `json:"points"`
	Count  int    `json:"count,omitempty"` // of alike ones that were rejected
}

// signPoints are what each sign weighs. Forged and unknown alone stay below the usual mark: a citizen's broken mail server is no crime.
var signPoints = map[string]int{
	"forged": 3, "spf": 1, "dkim": 1, "as_us": 3, "unknown": 1, "bulk": 2, "relay": 4, "only_links": 2, "reply_elsewhere": 1, "not_to_us": 1,
	"alike": 3, "alike_many": 5, "rule": 0,
}

// Signs are the codes of signs.
var Signs = []string{"forged", "spf", "dkim", "as_us", "unknown", "bulk", "relay", "only_links", "reply_elsewhere", "not_to_us", "alike", "alike_many", "rule"}

// SignOf gives a sign with its points.
func SignOf(why string) Sign { return Sign{Why: why, Points: signPoints[why]} }

// Why a mail is never put aside by the program, whatever speaks against it.
const (
	NeverKnown     = "known"     // a contact's address
	NeverDomain    = "domain"    // the domain of an organisation of ours, proved
	NeverEncrypted = "encrypted" // to whom we cannot know before a person looked
	NeverSigned    = "signed"    // by a key that we know
	NeverUnread    = "unread"    // nobody could read it
)

// Mail is what a report that came by mail is judged by, taken down when it is filed.
type Mail struct {
	List     string   `json:"list,omitempty"`  // its List-Id
	Kinds    []string `json:"kinds,omitempty"` // of MailKinds; none is a person's
	Language string   `json:"language,omitempty"`
	Sums     []string `json:"sums,omitempty"` // SHA-256 of its files
	Signs    []Sign   `json:"signs,omitempty"`
	Never    string   `json:"never,omitempty"`  // why a program never puts it aside
	Odd      []string `json:"odd,omitempty"`    // in the lane: why somebody should look at it: close, proved, names_ours
	Lane     bool     `json:"lane,omitempty"`   // it came to the lane of probable spam
	Rule     string   `json:"rule,omitempty"`   // uid of the rule that acted
	Silent   bool     `json:"silent,omitempty"` // no receipt goes out for it
}

// MailKinds are the kinds of mail that a rule tells apart.
var MailKinds = []string{"person", "list", "bulk", "automatic", "bounce", "abuse", "routine"}

// Score is what the signs of a mail weigh together.
func (m *Mail) Score() (n int) {
	if m == nil {
		return 0
	}
	for _, x := range m.Signs {
		n += x.Points
	}
	return n
}

// never tells why a program never puts this mail aside, as far as its report knows; "" for none.
func (r *Report) never() string {
	switch {
	case r.Body.Mail != nil && r.Body.Mail.Never != "":
		return r.Body.Mail.Never
	case r.Contact != 0:
		return NeverKnown
	case r.Seal != correspondence.Plain && r.Seal != correspondence.Signed && r.Seal != "":
		return NeverEncrypted
	case r.Proof == correspondence.SignedByKey:
		return NeverSigned
	case r.Unreadable:
		return NeverUnread
	}
	return ""
}

const (
	settingScore = "intake.spam_score"
	usualScore   = 5
	maxScore     = 20
)

// VerbScore is the verb of the record under which the mark changes from which mail is probably spam.
const VerbScore = "intake.spam_score"

// SpamScore gives from how many points on mail goes to the lane; 0 keeps all of it in the queue.
func (s *Service) SpamScore(ctx context.Context, h db.Handle) (int, error) {
	n := usualScore
	err := setting.Get(ctx, h, settingScore, &n)
	return n, err
}

// SetSpamScore changes the mark. The actor needs access.ChangeRules.
func (s *Service) SetSpamScore(ctx context.Context, by access.Actor, n int) error {
	if err := by.Need(access.ChangeRules); err != nil {
		return err
	}
	var p errs.Problems
	if n < 0 || n > maxScore {
		p.Add("score", "error.spam.score", "most", maxScore)
	}
	if err := p.Err(); err != nil {
		return err
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		was, err := s.SpamScore(ctx, tx)
		if err != nil || was == n {
			return err
		}
		now := s.Clock.Now()
		if err := setting.Put(ctx, tx, by.Account, now, settingScore, n); err != nil {
			return err
		}
		return s.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: VerbScore, Changes: []audit.Change{{Field: "score", From: was, To: n}}})
	})
}

// likenessOf is how many reports are looked at for what was rejected among them.
const likenessOf = 100

// rejectedLike counts reports that a person rejected as spam and that say the same as this one: letter by letter, or most of it.
func (x *Sieve) rejectedLike(ctx context.Context, h db.Handle, in *ReceiveInput) (int, error) {
	made := x.s.Ready(access.System("intake"), *in, nil).ready
	if made.words == nil || len(x.spam) == 0 {
		return 0, nil
	}
	at := periodOf(x.s.Clock.Now())
	var tokens []int64
	for _, t := range made.traits {
		if t.why == NearText || t.why == SameFile {
			tokens = append(tokens, (at-1)<<periodBits|t.token, at<<periodBits|t.token)
		}
	}
	count := func(q *db.Query, which func(q *db.Query)) *db.Query {
		which(q.Add(`(SELECT COUNT(*) FROM (SELECT r.id, r.state, r.reason FROM intake_report r WHERE `))
		q.Add(` LIMIT ?) l JOIN object o ON o.id = l.id WHERE l.state = 'rejected' AND o.sealed = FALSE AND l.reason IN `, likenessOf)
		return db.In(q, x.spam).Add(`)`)
	}
	// One look for both: how many say the same, and who founded a group of alike ones. A join with the latter would be planned without knowing that they are few.
	q := count(new(db.Query).Add(`SELECT `), func(q *db.Query) { q.Add(`r.words = ? ORDER BY r.id DESC`, made.words) }).Add(` AS same, 0 AS founder`)
	if len(tokens) > 0 {
		db.In(q.Add(` UNION ALL SELECT 0, t.report FROM intake_trait t WHERE t.token IN `), tokens)
	}
	same := 0
	founders := map[int64]bool{}
	_, err := db.List(ctx, h, q, func(r *db.Rows) (founder int64, err error) {
		var n int
		err = r.Scan(&n, &founder)
		same += n
		if founder != 0 {
			founders[founder] = true
		}
		return founder, err
	})
	if err != nil || same > 0 || len(founders) == 0 {
		return same, err
	}
	ids := slices.Sorted(maps.Keys(founders))
	q = count(new(db.Query).Add(`SELECT `), func(q *db.Query) { db.In(q.Add(`r.id IN `), ids) })
	q = count(q.Add(` + `), func(q *db.Query) { db.In(q.Add(`r.fold <> 0 AND r.fold IN `), ids) })
	err = h.QueryRow(ctx, q.Text(), q.Args()...).Scan(&same)
	return same, err
}

// NotSpam brings a report back from the lane: it waits where it would have waited, since the moment it came, with its receipt. Teach says what the house
// learns of it: "sender" or "domain" make a rule that keeps such mail in the queue, "" nothing. The actor needs access.Triage; Conflict for a report
// that does not lie in the lane.
func (s *Service) NotSpam(ctx context.Context, by access.Actor, report, teach string) (Report, error) {
	var p errs.Problems
	if teach != "" && teach != "sender" && teach != "domain" {
		p.Add("teach", "error.choose")
	}
	all, err := s.each(ctx, by, []string{report}, p, 0, func(ctx context.Context, tx *db.Tx, r *row) (audit.Entry, error) {
		if r.State != Spam {
			return audit.Entry{}, ErrMove
		}
		if err := s.teach(ctx, tx, by, r, teach); err != nil {
			return audit.Entry{}, err
		}
		e, err := s.restoreRow(ctx, tx, by, r)
		e.Verb = "intake.not_spam"
		return e, err
	})
	if err != nil {
		return Report{}, err
	}
	return all[0], nil
}

// teach keeps in the queue what comes from the same sender: no more than what this mail proved.
func (s *Service) teach(ctx context.Context, tx *db.Tx, by access.Actor, r *row, what string) error {
	from := strings.ToLower(strings.TrimSpace(r.Body.Email))
	at := strings.LastIndexByte(from, '@')
	if what == "" || at < 1 {
		return nil
	}
	if what == "domain" {
		from = from[at+1:]
	}
	rules, err := s.rules(ctx, tx)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(rules, func(x Rule) bool {
		return x.On && x.Do.Place == PlaceKeep && len(x.When.Senders) == 1 && x.When.Senders[0] == from && (!x.When.Proved || r.Proof.Proved())
	}) {
		return nil
	}
	place := 0
	for _, x := range rules {
		place = min(place, x.Place)
	}
	rule := Rule{Place: place - 1, On: true, Name: from, When: Conditions{Senders: []string{from}, Proved: r.Proof.Proved()}, Do: Acts{Place: PlaceKeep}}
	return s.insertRule(ctx, tx, by, &rule)
}

// backFromLane gives a report that leaves the lane what filing would have given it: its receipt, or one that waits for a person.
func (s *Service) backFromLane(ctx context.Context, tx *db.Tx, r *row) error {
	if r.Receipt != NoReceipt || r.receiptMessage != "" || r.Body.Mail == nil || !r.Body.Mail.Lane || r.Body.Mail.Silent {
		return nil
	}
	threads, err := s.Correspondence.Threads(ctx, tx, r.Thread)
	if err != nil {
		return err
	}
	t := threads[r.Thread]
	clocks, err := s.Deadlines.Running(ctx, tx, FirstAnswer, r.Ref.ID)
	if err != nil {
		return err
	}
	if err := s.receipt(ctx, tx, r, &t, reporter{}, ReceiveInput{Proof: r.Proof}, clocks[r.Ref.ID].DueAt); err != nil {
		return err
	}
	return nil
}
