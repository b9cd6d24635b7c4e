package account

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"net/netip"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Failures allowed in a window (rule I3).
const (
	window     = 15 * time.Minute
	perAccount = 10
	perAddress = 30
	perNetwork = 120
	perDevice  = 10
	perCode    = 10 // second factors of one account: 10 of a million
)

type bucket struct {
	key []byte
	max int64
}

// errSlow is the same for every counter.
var errSlow = &errs.Error{Kind: errs.Limit, Key: "error.too_many_tries", Text: "too many tries: wait a quarter of an hour"}

func (s *Service) bucket(kind, value string, most int64) bucket {
	m := hmac.New(sha256.New, s.Ring.Derive("sign-in throttle/v1"))
	m.Write([]byte(kind + "\x00" + value))
	return bucket{m.Sum(nil), most}
}

// addressOf gives the address as a throttle counts it: IPv6 by its /64, and its network: /24 or /48.
func addressOf(a netip.Addr) (address, network string) {
	a = a.Unmap().WithZone("")
	if !a.IsValid() {
		return "none", "none"
	}
	one, wide := 32, 24
	if a.Is6() {
		one, wide = 64, 48
	}
	p, err := a.Prefix(one)
	if err != nil {
		panic(err) // bits are within the address
	}
	n, err := a.Prefix(wide)
	if err != nil {
		panic(err)
	}
	return p.String(), n.String()
}

// count adds a try to each bucket, or refuses when one is full. It is its own transaction: a try counts even if what follows fails.
func (s *Service) count(ctx context.Context, list ...bucket) error {
	now := s.Clock.Now()
	full := false
	err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		full = false
		for _, b := range list {
			var n int64
			err := tx.QueryRow(ctx, `INSERT INTO account_try (key, since, count) VALUES ($1, $2, 1)
				ON CONFLICT (key) DO UPDATE SET count = CASE WHEN account_try.since <= $3 THEN 1 ELSE account_try.count + 1 END,
				since = CASE WHEN account_try.since <= $3 THEN excluded.since ELSE account_try.since END RETURNING count`, b.key, now, now.Add(-window)).Scan(&n)
			if err != nil {
				return err
			}
			full = full || n > b.max
		}
		return nil
	})
	if err == nil && full {
		err = errSlow
	}
	return err
}

// forgive takes the try back from each bucket: it was right.
func forgive(ctx context.Context, tx *db.Tx, list []bucket) error {
	for _, b := range list {
		if _, err := tx.Exec(ctx, `UPDATE account_try SET count = count - 1 WHERE key = $1 AND count > 0`, b.key); err != nil {
			return err
		}
	}
	return nil
}
