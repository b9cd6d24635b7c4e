package intake

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/mail"
)

// A rule says what becomes of routine mail. The first that fits acts, and no other; one that would set aside what a person must see does not fit. Where a
// mail lies is decided as it is filed; the rest is done by a job in the name of who saved the rule, with the rights that person has then.

// Where a rule puts a mail.
const (
	PlaceKeep   = "keep" // in the queue, whatever speaks for spam
	PlaceSpam   = "spam"
	PlaceReject = "reject"
)

// Rule is a rule for routine mail.
type Rule struct {
	ID        int64
	UID       string
	Place     int // in their order
	On        bool
	Name      string
	When      Conditions
	Do        Acts
	MadeBy    int64
	MadeAt    time.Time
	ChangedBy int64 // in whose name it acts
	ChangedAt time.Time
	Hits      int
	HitAt     time.Time
	Problem   string // a kind of errs: what it could not do last
	ProblemAt time.Time
}

// Conditions say which mail a rule is for: each that is given holds, by one of its values.
type Conditions struct {
	Senders   []string `json:"senders,omitempty"` // addresses, and domains with those under them
	Proved    bool     `json:"proved,omitempty"`  // only when the sender is proved
	Subject   []string `json:"subject,omitempty"` // words or runs of words, in any case
	Lists     []string `json:"lists,omitempty"`   // parts of List-Id
	Kinds     []string `json:"kinds,omitempty"`   // of MailKinds
	Types     []string `json:"types,omitempty"`   // of a report in fields: its format, category or type
	Found     []string `json:"found,omitempty"`   // hosts with those under them, links by their beginning, SHA-256 of files
	Languages []string `json:"languages,omitempty"`
	Score     int      `json:"score,omitempty"` // of its signs at least
}

// Acts say what a rule does.
type Acts struct {
	Place    string           `json:"place,omitempty"` // "" leaves it where it comes
	Reason   string           `json:"reason,omitempty"`
	Tell     bool             `json:"tell,omitempty"`     // the reporter gets the letter of the reason
	Class    string           `json:"class,omitempty"`    // proposed classification, RSIT
	Handler  int64            `json:"handler,omitempty"`  // to whom it is given
	Incident string           `json:"incident,omitempty"` // number of the incident that it is attached to
	Letters  map[string]Words `json:"letters,omitempty"`  // an answer, by language
}

// later tells whether a job has something left to do.
func (a Acts) later() bool {
	return a.Place == PlaceReject || a.Handler != 0 || a.Incident != "" || len(a.Letters) > 0
}

// aside tells whether it takes mail out of a person's sight.
func (a Acts) aside() bool { return a.Place == PlaceSpam || a.Place == PlaceReject }

// fits tells whether a mail is one that the rule is for. A rule that sets aside fits none that never is.
func (x *Rule) fits(r *Report, never string) bool {
	l := lookAt(r)
	return x.fitsLook(&l, never)
}

// look is what rules ask of one mail, read once for all of them.
type look struct {
	r                                     *Report
	m                                     *Mail
	from, domain, subject, list, language string
	links                                 []string
	linked                                bool
}

func lookAt(r *Report) look {
	l := look{r: r, m: r.Body.Mail, from: strings.ToLower(r.Body.Email), subject: strings.ToLower(r.Body.Summary)}
	if l.m == nil {
		l.m = &Mail{}
	}
	_, l.domain, _ = strings.Cut(l.from, "@")
	l.list, l.language = strings.ToLower(l.m.List), l.m.Language
	if l.language == "" {
		l.language = r.Lang
	}
	return l
}

// found are the links and the named traces, sought when the first rule asks.
func (l *look) found() []string {
	if l.linked {
		return l.links
	}
	l.linked, l.links = true, linksIn(l.r.Body.Summary+"\n"+l.r.Body.Description)
	for _, o := range l.r.Body.Observables {
		l.links = append(l.links, strings.ToLower(o.Value))
		l.links = append(l.links, linksIn(o.Value)...)
	}
	return l.links
}

func (x *Rule) fitsLook(l *look, never string) bool {
	if x.Do.aside() && never != "" {
		return false
	}
	c := x.When
	if c.Proved && !l.r.Proof.Proved() || l.m.Score() < c.Score {
		return false
	}
	any := func(values []string, is func(v string) bool) bool {
		return len(values) == 0 || slices.ContainsFunc(values, func(v string) bool { return is(strings.ToLower(v)) })
	}
	return any(c.Senders, func(v string) bool {
		if strings.Contains(v, "@") {
			return l.from == v
		}
		return mail.Under(l.domain, v)
	}) && any(c.Subject, func(v string) bool { return strings.Contains(l.subject, v) }) &&
		any(c.Lists, func(v string) bool { return l.list != "" && strings.Contains(l.list, v) }) &&
		any(c.Kinds, func(v string) bool { return slices.Contains(l.m.Kinds, v) || v == "person" && len(l.m.Kinds) == 0 }) &&
		any(c.Types, func(v string) bool { return l.r.Body.Reported.is(v) }) &&
		any(c.Languages, func(v string) bool { return v == l.language }) &&
		any(c.Found, func(v string) bool {
			if slices.Contains(l.m.Sums, v) {
				return true
			}
			v = strings.TrimPrefix(strings.TrimPrefix(v, "https://"), "http://")
			return slices.ContainsFunc(l.found(), func(link string) bool {
				host, _, _ := strings.Cut(link, "/")
				return mail.Under(host, v) || strings.Contains(v, "/") && strings.HasPrefix(link, v)
			})
		})
}

// is tells whether a report in fields is of a format, a category or a type.
func (r *Reported) is(v string) bool {
	if r == nil {
		return false
	}
	if v == "dmarc" && r.Routine != nil {
		return true
	}
	return slices.ContainsFunc(r.Events, func(e Event) bool {
		return strings.EqualFold(e.Format, v) || strings.EqualFold(e.Category, v) || strings.EqualFold(e.Type, v) || strings.EqualFold(e.Class, v)
	})
}

// Sieve decides where mail lies: rules and reasons as they stood when it was made.
type Sieve struct {
	s     *Service
	rules []Rule
	spam  []string // reasons that count as spam
	mark  int
}

// Sieve reads what decides where mail lies: for a batch of mails.
func (s *Service) Sieve(ctx context.Context, h db.Handle) (*Sieve, error) {
	x := &Sieve{s: s}
	rules, err := s.rules(ctx, h)
	if err != nil {
		return nil, err
	}
	for _, r := range rules {
		if r.On {
			x.rules = append(x.rules, r)
		}
	}
	reasons, err := s.Reasons(ctx, h)
	if err != nil {
		return nil, err
	}
	for _, r := range reasons {
		if r.Spam {
			x.spam = append(x.spam, r.Code)
		}
	}
	x.mark, err = s.SpamScore(ctx, h)
	return x, err
}

// Placed is where a mail lies, and what is to be done with it.
type Placed struct {
	Spam  bool
	Rule  int64 // that fits; 0 for none
	Later bool  // it has something left to do
	Class string
}

// Place decides where a mail lies and notes in its Body.Mail why. It reads only.
func (x *Sieve) Place(ctx context.Context, h db.Handle, in *ReceiveInput) (Placed, error) {
	m := in.Body.Mail
	if m == nil || in.Aside != "" {
		return Placed{}, nil
	}
	r := Report{Channel: in.Channel, Lang: in.Lang, Proof: in.Proof, Seal: in.Seal, Contact: in.Contact, Unreadable: in.Message.Unreadable != "", Body: in.Body}
	never := r.never()
	if never == "" {
		n, err := x.rejectedLike(ctx, h, in)
		if err != nil {
			return Placed{}, err
		}
		if n > 0 {
			sign := SignOf("alike")
			if n >= 3 {
				sign = SignOf("alike_many")
			}
			sign.Count = n
			m.Signs = append(m.Signs, sign)
		}
	}
	asked, l := false, lookAt(&r)
	for i := range x.rules {
		rule := &x.rules[i]
		if !rule.fitsLook(&l, never) {
			continue
		}
		if rule.Do.aside() && !asked {
			asked = true
			if err := x.ours(ctx, h, &r, &never); err != nil {
				return Placed{}, err
			}
			if never != "" {
				continue
			}
		}
		m.Rule = rule.UID
		out := Placed{Rule: rule.ID, Later: rule.Do.later(), Class: rule.Do.Class, Spam: rule.Do.Place == PlaceSpam}
		if out.Spam {
			m.Signs = append(m.Signs, SignOf("rule"))
			return out, x.odd(ctx, h, &r)
		}
		return out, nil
	}
	if never != "" || x.mark == 0 || m.Score() < x.mark {
		return Placed{}, nil
	}
	if err := x.ours(ctx, h, &r, &never); err != nil || never != "" {
		return Placed{}, err
	}
	return Placed{Spam: true}, x.odd(ctx, h, &r)
}

// ours notes that a proved sender writes from the domain of an organisation of ours.
func (x *Sieve) ours(ctx context.Context, h db.Handle, r *Report, never *string) error {
	_, domain, _ := strings.Cut(strings.ToLower(r.Body.Email), "@")
	if domain == "" || !r.Proof.Proved() {
		return nil
	}
	owners, err := x.s.Constituency.Owners(ctx, h, access.System("intake"), domain, time.Time{})
	if err == nil && len(owners) > 0 {
		*never, r.Body.Mail.Never = NeverDomain, NeverDomain
	}
	return err
}

// odd notes what about a mail in the lane a person should look at.
func (x *Sieve) odd(ctx context.Context, h db.Handle, r *Report) error {
	m := r.Body.Mail
	if m.Rule == "" && m.Score() < x.mark+2 {
		m.Odd = append(m.Odd, "close")
	}
	if r.Proof == correspondence.Aligned {
		m.Odd = append(m.Odd, "proved")
	}
	looked := map[string]bool{}
	for _, l := range linksIn(r.Body.Description) {
		host, _, _ := strings.Cut(l, "/")
		if looked[host] || len(looked) == maxLinks {
			continue
		}
		looked[host] = true
		owners, err := x.s.Constituency.Owners(ctx, h, access.System("intake"), host, time.Time{})
		if err != nil {
			return err
		}
		if len(owners) > 0 {
			m.Odd = append(m.Odd, "names_ours")
			break
		}
	}
	return nil
}
