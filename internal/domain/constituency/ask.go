package constituency

import (
	"context"
	"fmt"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/setting"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Once a year an organisation is asked by letter whether its entry is still right: some days before the year is over, and once more when it is. What is not
// confirmed two weeks after that is a work item. Nobody is asked until the team turns it on: the day of an upgrade must not write to a whole country.

// AskRule says how many days before the year is over the letter leaves; 0 asks nobody.
type AskRule struct {
	Days int `json:"days"`
}

// VerbAskRule is the verb of the entry that says who changed that.
const VerbAskRule = "constituency.ask_rule"

const (
	settingAsk  = "constituency.ask"
	mostAhead   = 90 // days
	askedAtOnce = 20 // organisations at a look: letters leave over hours, not in one minute
	askedFor    = 5  // contacts of one
	patience    = 14 * 24 * time.Hour
	askedLong   = (mostAhead + 10) * 24 * time.Hour // after that an unanswered letter hides no work item, whatever became of the rule
)

// AskLetter is one letter of those.
type AskLetter struct {
	Organisation ref.Ref
	To           Contact
	Lang         string
	DueAt        time.Time
	Again        bool
}

// AskRuleNow gives the rule.
func (s *Service) AskRuleNow(ctx context.Context, h db.Handle) (AskRule, error) {
	var r AskRule
	return r, setting.Get(ctx, h, settingAsk, &r)
}

// SetAskRule changes the rule. It needs ChangeRules and a fresh proof. Refused: Invalid, access.ErrChanged when it is not as it was read.
func (s *Service) SetAskRule(ctx context.Context, by access.Actor, was, want AskRule) error {
	now := s.Clock.Now()
	if err := by.Need(access.ChangeRules); err != nil {
		return err
	}
	if err := by.NeedFresh(now); err != nil {
		return err
	}
	if want.Days < 0 || want.Days > mostAhead {
		var p errs.Problems
		p.Add("days", "error.ask.days", "most", mostAhead)
		return p.Err()
	}
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		is, err := s.AskRuleNow(ctx, tx)
		if err != nil || is == want {
			return err
		}
		if is != was {
			return access.ErrChanged
		}
		if err := setting.Put(ctx, tx, by.Account, now, settingAsk, want); err != nil {
			return err
		}
		return s.Audit.Write(ctx, tx, audit.Entry{At: now, By: by, Verb: VerbAskRule, Changes: []audit.Change{{Field: "days", From: is.Days, To: want.Days}}})
	})
}

// YearAsked is how an organisation was asked this year.
type YearAsked struct {
	At         time.Time // zero: it was not
	Letters    int64     // 0: nobody could be written to
	RemindedAt time.Time
	Reminders  int64
	DueAt      time.Time
}

const yearOf = `COALESCE(c.confirmed_at, o.created_at)`

// AskedOf tells how an organisation was asked in the year that runs. The caller has checked that the reader may see it.
func (s *Service) AskedOf(ctx context.Context, h db.Handle, organisation int64) (YearAsked, error) {
	var a YearAsked
	var since time.Time
	err := h.QueryRow(ctx, `SELECT `+yearOf+`, a.asked_at, COALESCE(a.letters, 0), a.reminded_at, COALESCE(a.reminders, 0) FROM constituency_organisation c JOIN object o ON o.id = c.id
		LEFT JOIN constituency_asked a ON a.organisation = c.id AND a.since = `+yearOf+` WHERE c.id = $1`, organisation).Scan(&since, &a.At, &a.Letters, &a.RemindedAt, &a.Reminders)
	a.DueAt = since.Add(ConfirmEvery)
	return a, err
}

// AskAll asks whom it is time to ask, and reminds once, a few at a look. A job calls it; it may run twice at once.
func (s *Service) AskAll(ctx context.Context) error {
	r, err := s.AskRuleNow(ctx, s.DB)
	if err != nil || r.Days == 0 || s.SendAsk == nil {
		return err
	}
	now := s.Clock.Now()
	ids, err := db.All(ctx, s.DB, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) }, `SELECT c.id FROM constituency_organisation c JOIN object o ON o.id = c.id
		LEFT JOIN constituency_asked a ON a.organisation = c.id AND a.since = `+yearOf+`
		WHERE (a.organisation IS NULL AND `+yearOf+` <= $1) OR (a.letters > 0 AND a.reminded_at IS NULL AND a.asked_at <= $3 AND `+yearOf+` <= $2) ORDER BY `+yearOf+`, c.id LIMIT $4`,
		now.Add(time.Duration(r.Days)*24*time.Hour-ConfirmEvery), now.Add(-ConfirmEvery), now.Add(-patience), askedAtOnce)
	if err != nil {
		return fmt.Errorf("find whom to ask: %w", err)
	}
	for _, one := range ids {
		if err := s.askYear(ctx, one); err != nil {
			return err
		}
	}
	return nil
}

// askYear writes to the contacts of one organisation and notes it, in one transaction: whoever is killed in between has done neither.
func (s *Service) askYear(ctx context.Context, organisation int64) error {
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		o, err := access.Locked(ctx, tx, organisation)
		if err != nil {
			return err
		}
		a, err := s.AskedOf(ctx, tx, organisation) // again, under the lock: it may have been confirmed or asked, and the rule changed
		if err != nil {
			return err
		}
		r, err := s.AskRuleNow(ctx, tx)
		if err != nil || r.Days == 0 {
			return err
		}
		now := s.Clock.Now()
		again := !a.At.IsZero()
		switch {
		case again && (a.Letters == 0 || !a.RemindedAt.IsZero() || a.DueAt.After(now)), !again && a.DueAt.Add(-time.Duration(r.Days)*24*time.Hour).After(now):
			return nil
		case again && now.Sub(a.At) < patience: // asked late, because the rule is new: time to answer
			return nil
		}
		n, full, err := s.askContacts(ctx, tx, o.Ref, a.DueAt, again)
		if err != nil || full && n == 0 {
			return err // as much mail as they may have: at a later look
		}
		since := a.DueAt.Add(-ConfirmEvery)
		if again {
			_, err = tx.Exec(ctx, `UPDATE constituency_asked SET reminded_at = $1, reminders = $2 WHERE organisation = $3 AND since = $4`, now, n, organisation, since)
		} else {
			_, err = tx.Exec(ctx, `INSERT INTO constituency_asked (organisation, since, asked_at, letters) VALUES ($1, $2, $3, $4)`, organisation, since, now, n)
		}
		if err != nil {
			return err
		}
		return s.changed(ctx, tx, access.System("clocks"), "constituency.ask", o.Ref, []audit.Change{{Field: "letters", To: n}}, "")
	})
}

// askContacts writes to the contacts that somebody has checked and whose address has not failed. full tells that one of them had enough mail.
func (s *Service) askContacts(ctx context.Context, tx *db.Tx, o ref.Ref, due time.Time, again bool) (n int64, full bool, err error) {
	to, err := db.All(ctx, tx, scanContact, `SELECT `+contactColumns+` FROM constituency_contact k
		WHERE k.organisation = $1 AND k.retired_at IS NULL AND k.email <> '' AND k.verified_at IS NOT NULL AND k.failed_at IS NULL`+byUse+` LIMIT $2`, o.ID, askedFor)
	if err != nil {
		return 0, false, err
	}
	for _, c := range to {
		lang, err := s.Lang(ctx, tx, c.ID)
		if err != nil {
			return n, full, err
		}
		sent, err := s.SendAsk(ctx, tx, AskLetter{Organisation: o, To: c, Lang: lang, DueAt: due, Again: again})
		if err != nil {
			return n, full, err
		}
		if full = full || !sent; sent {
			n++
		}
	}
	return n, full, nil
}
