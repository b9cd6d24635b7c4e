package correspondence

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/retain"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Place is where a fetched mail lay: a mailbox, its UIDVALIDITY, the mail's UID.
type Place struct {
	Mailbox       string
	Validity, UID uint32
}

// TakenFrom tells which of these mails of a mailbox were taken before. What is still there stays remembered.
func (s *Service) TakenFrom(ctx context.Context, mailbox string, validity uint32, uids []uint32) (map[uint32]bool, error) {
	out := map[uint32]bool{}
	if len(uids) == 0 {
		return out, nil
	}
	now := s.Clock.Now()
	where := func(q *db.Query, list []uint32) *db.Query {
		q.Add(` WHERE mailbox = ? AND validity = ? AND uid IN (`, mailbox, int64(validity))
		for i, u := range list {
			if i > 0 {
				q.Add(`, `)
			}
			q.Add(`?`, int64(u))
		}
		return q.Add(`)`)
	}
	type row struct {
		uid int64
		at  time.Time
	}
	found, err := db.List(ctx, s.DB, where(new(db.Query).Add(`SELECT uid, at FROM correspondence_fetched`), uids), func(r *db.Rows) (w row, err error) { return w, r.Scan(&w.uid, &w.at) })
	if err != nil {
		return nil, fmt.Errorf("look for taken mail: %w", err)
	}
	var old []uint32
	for _, w := range found {
		out[uint32(w.uid)] = true
		if now.Sub(w.at) > retain.FetchedFor/3 {
			old = append(old, uint32(w.uid))
		}
	}
	if len(old) == 0 {
		return out, nil
	}
	return out, s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := where(new(db.Query).Add(`UPDATE correspondence_fetched SET at = ?`, now), old).Exec(ctx, tx)
		return err
	})
}

// ArriveFrom is Arrive for mails that were fetched; each has its Fetched. A mail whose number or whose bytes were taken from that mailbox before is
// only remembered: it is no second one. It gives how many are new.
func (s *Service) ArriveFrom(ctx context.Context, mails []Arrival) (fresh int, err error) {
	mails = slices.Clone(mails)
	for i := range mails {
		if err := s.knowAgain(&mails[i]); err != nil {
			return 0, fmt.Errorf("look for taken mail: %w", err)
		}
	}
	for len(mails) > 0 {
		some := mails[:min(len(mails), MaxBatch)]
		mails = mails[len(some):]
		list, err := s.unknown(ctx, some)
		if err == nil {
			err = s.Arrive(ctx, list)
		}
		if errs.Is(err, errs.Conflict) { // another process fetches from it too
			list, err = s.unknown(ctx, some)
			if err == nil {
				err = s.Arrive(ctx, list)
			}
		}
		if err != nil {
			return fresh, err
		}
		fresh += len(list)
	}
	return fresh, nil
}

// unknown gives the mails that were not taken yet, and remembers the numbers of those whose bytes were.
func (s *Service) unknown(ctx context.Context, mails []Arrival) (fresh []Arrival, err error) {
	seen := map[string]bool{}
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		fresh = nil
		clear(seen)
		for _, m := range mails {
			var number, bytes int64
			err := tx.QueryRow(ctx, `SELECT (SELECT count(*) FROM correspondence_fetched WHERE mailbox = $1 AND validity = $2 AND uid = $3),
				(SELECT count(*) FROM correspondence_fetched WHERE mailbox = $1 AND sum = $4)`, m.Fetched.Mailbox, int64(m.Fetched.Validity), int64(m.Fetched.UID), m.fetched).Scan(&number, &bytes)
			switch {
			case err != nil:
				return err
			case number > 0:
			case bytes > 0 || seen[string(m.fetched)]:
				_, err = tx.Exec(ctx, `INSERT INTO correspondence_fetched (mailbox, validity, uid, at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
					m.Fetched.Mailbox, int64(m.Fetched.Validity), int64(m.Fetched.UID), s.Clock.Now())
				if err != nil {
					return err
				}
			default:
				seen[string(m.fetched)] = true
				fresh = append(fresh, m)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for taken mail: %w", err)
	}
	return fresh, nil
}

// knowAgain works out by what a fetched mail is known again, outside of any transaction: it may be large.
func (s *Service) knowAgain(m *Arrival) error {
	h := hmac.New(sha256.New, s.Ring.Derive("correspondence fetched/v1"))
	h.Write([]byte(m.Fetched.Mailbox + ":"))
	all := m.content()
	if _, err := all.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err := io.Copy(h, all)
	m.fetched = h.Sum(nil)
	return err
}

// fetchedTx remembers where arrivals came from, in the transaction that keeps them. A number or bytes that another transaction took meanwhile is a
// Conflict, and nothing is kept.
func (s *Service) fetchedTx(ctx context.Context, tx *db.Tx, mails []Arrival, now time.Time) error {
	q := new(db.Query)
	n := int64(0)
	for _, m := range mails {
		if m.Fetched == nil {
			continue
		}
		if n++; n == 1 {
			q.Add(`INSERT INTO correspondence_fetched (mailbox, validity, uid, sum, at) VALUES `)
		} else {
			q.Add(`, `)
		}
		q.Add(`(?, ?, ?, ?, ?)`, m.Fetched.Mailbox, int64(m.Fetched.Validity), int64(m.Fetched.UID), m.fetched, now)
	}
	if n == 0 {
		return nil
	}
	done, err := q.Add(` ON CONFLICT DO NOTHING`).Exec(ctx, tx)
	if err == nil && done != n {
		err = errs.New(errs.Conflict, "the mail was taken from its mailbox meanwhile")
	}
	return err
}

// MailboxState is how it stands with a mailbox that we fetch from.
type MailboxState struct {
	Mailbox  string
	Problem  string    // "" when all is well
	Since    time.Time // that it stands so
	LookedAt time.Time // last, with success; zero for never
	TakenAt  time.Time // when the last mail was taken
	Waiting  int       // mails that were there at the last look and not taken
	TooLarge int       // mails that stay there because of their size
	Idle     bool
}

// lookedEvery is how often a look that found nothing is written down.
const lookedEvery = time.Minute

// MailboxReport notes how a look at a mailbox went: each change at once, the rest once a minute.
func (s *Service) MailboxReport(ctx context.Context, now MailboxState, taken int) error {
	at := s.Clock.Now()
	return s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		old, err := mailboxOf(ctx, tx, now.Mailbox)
		if err != nil && !errs.Is(err, errs.NotFound) {
			return err
		}
		fresh := err != nil
		now.Since, now.LookedAt, now.TakenAt = old.Since, old.LookedAt, old.TakenAt
		if fresh || old.Problem != now.Problem {
			now.Since = at
		}
		if now.Problem == "" {
			now.LookedAt = at
		} else {
			now.Waiting, now.TooLarge = max(now.Waiting, old.Waiting), old.TooLarge
		}
		if taken > 0 {
			now.TakenAt = at
		}
		same := now
		same.LookedAt, same.TakenAt = old.LookedAt, old.TakenAt
		if !fresh && same == old && now.LookedAt.Sub(old.LookedAt) < lookedEvery && now.TakenAt.Sub(old.TakenAt) < lookedEvery {
			return nil
		}
		_, err = tx.Exec(ctx, `INSERT INTO correspondence_mailbox (mailbox, problem, since, looked_at, taken_at, waiting, too_large, idle) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
			ON CONFLICT (mailbox) DO UPDATE SET problem = excluded.problem, since = excluded.since, looked_at = excluded.looked_at, taken_at = excluded.taken_at, waiting = excluded.waiting,
			too_large = excluded.too_large, idle = excluded.idle`,
			now.Mailbox, now.Problem, now.Since, orNull(now.LookedAt), orNull(now.TakenAt), now.Waiting, now.TooLarge, now.Idle)
		return err
	})
}

func orNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

const mailboxColumns = `SELECT mailbox, problem, since, looked_at, taken_at, waiting, too_large, idle FROM correspondence_mailbox`

func scanMailbox(r interface{ Scan(into ...any) error }) (m MailboxState, err error) {
	err = r.Scan(&m.Mailbox, &m.Problem, &m.Since, &m.LookedAt, &m.TakenAt, &m.Waiting, &m.TooLarge, &m.Idle)
	return m, err
}

func mailboxOf(ctx context.Context, h db.Handle, mailbox string) (MailboxState, error) {
	return scanMailbox(h.QueryRow(ctx, mailboxColumns+` WHERE mailbox = $1`, mailbox))
}

// Mailbox gives how it stands with one mailbox, for the house's own eyes; NotFound when it was never looked at.
func (s *Service) Mailbox(ctx context.Context, mailbox string) (MailboxState, error) {
	m, err := mailboxOf(ctx, s.DB, mailbox)
	if err != nil {
		return m, fmt.Errorf("read state of mailbox: %w", err)
	}
	return m, nil
}

// Mailboxes gives how it stands with each mailbox, to who may change rules.
func (s *Service) Mailboxes(ctx context.Context, by access.Actor) ([]MailboxState, error) {
	if err := by.Need(access.ChangeRules); err != nil {
		return nil, err
	}
	list, err := db.All(ctx, s.DB, func(r *db.Rows) (MailboxState, error) { return scanMailbox(r) }, mailboxColumns+` ORDER BY mailbox LIMIT 100`)
	if err != nil {
		return nil, fmt.Errorf("list mailboxes: %w", err)
	}
	return list, nil
}

// sweepFetched forgets mails that were not seen in their mailbox for long.
func (s *Service) sweepFetched(ctx context.Context) error {
	_, err := s.DB.Exec(ctx, `DELETE FROM correspondence_fetched WHERE at < $1`, s.Clock.Now().Add(-retain.FetchedFor))
	return err
}
