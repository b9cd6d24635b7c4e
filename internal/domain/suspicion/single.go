package suspicion

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/domain/constituency"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Single is a message that nothing is like.
type Single struct {
	access.Object
	At     time.Time
	Title  string // subject of the message inside, addresses masked; "" when it has none
	Domain string // from which the message inside says to come
	Links  []string
	Files  int
}

const singles = `SELECT ` + access.Columns + `, m.at, m.body, k.wrapped FROM `

func (s *Service) scanSingle(r *db.Rows) (Single, error) {
	var one Single
	var body, wrapped []byte
	if err := r.Scan(append(one.Dst(), &one.At, &body, &wrapped)...); err != nil {
		return one, err
	}
	key, err := s.Ring.Unwrap(one.Ref.ID, wrapped)
	if err != nil {
		return one, err
	}
	raw, err := key.Open(messagePlace(one.Ref.ID), body)
	if err != nil {
		return one, err
	}
	var own kept
	err = json.Unmarshal(raw, &own)
	one.Title, one.Domain, one.Links, one.Files = own.Title, own.Domain, own.Links, len(own.Files)
	return one, err
}

// Singles lists the messages that belong to no campaign, the newest first; at most 500, 50 when limit is not positive. The actor needs access.ReadCases.
func (s *Service) Singles(ctx context.Context, by access.Actor, after string, limit int) (page constituency.Page[Single], err error) {
	if err := by.Need(access.ReadCases); err != nil {
		return page, err
	}
	if limit <= 0 {
		limit = 50
	}
	limit = min(limit, 500)
	q := new(db.Query).Add(singles)
	access.Sees(by).From(q, ref.Arrival).Add(` JOIN suspicion_message m ON m.id = o.id JOIN keyring_key k ON k.owner = o.id WHERE m.alone`)
	if after != "" {
		at, id, err := placeOf(after)
		if err != nil {
			return page, err
		}
		q.Add(` AND (m.at, m.id) < (?, ?)`, time.UnixMicro(at).UTC(), id)
	}
	page.Items, err = db.List(ctx, s.DB, q.Add(` ORDER BY m.at DESC, m.id DESC LIMIT ?`, limit+1), s.scanSingle)
	if err != nil {
		return page, fmt.Errorf("list single messages: %w", err)
	}
	if len(page.Items) > limit {
		page.Items = page.Items[:limit]
		last := page.Items[limit-1]
		page.Next = cursorAt(last.At.UnixMicro(), last.Ref.ID)
	}
	return page, nil
}

// Single gives one message that belongs to no campaign, by uid, and how it reads. The actor needs access.ReadCases.
func (s *Service) Single(ctx context.Context, by access.Actor, message string) (one Single, r Reading, err error) {
	if err := by.Need(access.ReadCases); err != nil {
		return one, r, err
	}
	if one, err = s.findSingle(ctx, s.DB, by, message); err != nil {
		return one, r, err
	}
	r, _, err = s.reading(ctx, one.Ref.ID)
	return one, r, err
}

func (s *Service) findSingle(ctx context.Context, h db.Handle, by access.Actor, message string) (Single, error) {
	o, err := access.Find(ctx, h, by, ref.Arrival, message)
	if err != nil {
		return Single{}, err
	}
	q := new(db.Query).Add(singles)
	access.Sees(by).From(q, ref.Arrival).Add(` JOIN suspicion_message m ON m.id = o.id JOIN keyring_key k ON k.owner = o.id WHERE m.alone AND o.id = ?`, o.Ref.ID)
	all, err := db.List(ctx, h, q, s.scanSingle)
	if err != nil || len(all) == 0 {
		return Single{}, orNotFound(err)
	}
	return all[0], nil
}

// Begin makes a campaign of a message that stood alone: what is like it from now on is counted there, and it can be put into the queue. It gives the
// campaign's uid; asked again, or when the message was folded meanwhile, that of the one it is in. The actor needs access.Triage.
func (s *Service) Begin(ctx context.Context, by access.Actor, message string) (uid string, err error) {
	if err := by.Need(access.Triage); err != nil {
		return "", err
	}
	err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		o, err := access.Find(ctx, tx, by, ref.Arrival, message)
		if err != nil {
			return err
		}
		if _, err := access.Locked(ctx, tx, o.Ref.ID); err != nil {
			return err
		}
		campaign, err := db.One(ctx, tx, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) },
			`SELECT campaign FROM suspicion_message WHERE id = $1`+tx.ForUpdate(), o.Ref.ID)
		if err != nil {
			return err
		}
		if campaign == 0 {
			if campaign, err = s.beginAlone(ctx, tx, by, message); err != nil {
				return err
			}
		}
		c, err := access.Load(ctx, tx, by, ref.Ref{Kind: ref.Suspicion, ID: campaign})
		uid = c.UID
		return err
	})
	return uid, err
}

func (s *Service) beginAlone(ctx context.Context, tx *db.Tx, by access.Actor, message string) (int64, error) {
	one, err := s.findSingle(ctx, tx, by, message)
	if err != nil { // a copy of another, or one that became a report
		return 0, err
	}
	g := &group{founder: one.Ref.ID}
	groups := map[int64]*group{g.founder: g}
	if err := s.alone(ctx, tx, groups, []int64{g.founder}); err != nil {
		return 0, err
	}
	if g.first == nil {
		return 0, errs.ErrNotFound
	}
	hours := map[[2]int64]int{}
	if err := s.join(ctx, tx, by, g, hours); err != nil {
		return 0, err
	}
	return g.id, bumpHours(ctx, tx, hours)
}
