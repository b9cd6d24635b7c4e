package constituency

import (
	"context"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// WarnBefore is how long before the end of a contact's key somebody is told (rule P9).
const WarnBefore = 60 * 24 * time.Hour

// EndingKey is a key that ends soon, or has ended since nobody looked.
type EndingKey struct {
	Organisation ref.Ref
	Name         string // of organisation and contact, and the fingerprint
	EndsAt       time.Time
	Days         int // left
}

// KeysEnding hands over the longest approved key of each contact that ends within WarnBefore, once, in the transaction that notes it. Keys of retired
// contacts are left out. It gives their number; who calls it again later hands over what is new.
func (s *Service) KeysEnding(ctx context.Context, tell func(ctx context.Context, tx *db.Tx, k EndingKey) error) (int, error) {
	now := s.Clock.Now()
	ids, err := db.All(ctx, s.DB, func(r *db.Rows) (n int64, err error) { return n, r.Scan(&n) }, `SELECT k.id FROM constituency_key k JOIN constituency_contact c ON c.id = k.contact
		WHERE k.state = 2 AND k.warned_at IS NULL AND k.expires_at IS NOT NULL AND k.expires_at <= $1 AND c.retired_at IS NULL
		AND NOT EXISTS (SELECT 1 FROM constituency_key x WHERE x.contact = k.contact AND x.state = 2 AND x.id <> k.id AND (x.expires_at IS NULL OR x.expires_at > k.expires_at))
		ORDER BY k.expires_at, k.id LIMIT 500`, now.Add(WarnBefore))
	if err != nil {
		return 0, err
	}
	done := 0
	for _, id := range ids {
		told := false
		err := s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			told = false
			n, err := tx.Exec(ctx, `UPDATE constituency_key SET warned_at = $1 WHERE id = $2 AND warned_at IS NULL`, now, id)
			if err != nil || n == 0 {
				return err
			}
			var organisation, contact, fingerprint string
			k := EndingKey{Organisation: ref.Ref{Kind: ref.Organisation}}
			err = tx.QueryRow(ctx, `SELECT g.id, g.name, c.name, k.fingerprint, k.expires_at FROM constituency_key k JOIN constituency_contact c ON c.id = k.contact
				JOIN constituency_organisation g ON g.id = c.organisation WHERE k.id = $1`, id).Scan(&k.Organisation.ID, &organisation, &contact, &fingerprint, &k.EndsAt)
			if err != nil {
				return err
			}
			k.Name = organisation + " · " + contact + " · " + fingerprint
			k.Days = max(0, int((k.EndsAt.Sub(now)+24*time.Hour-1)/(24*time.Hour)))
			told = true
			return tell(ctx, tx, k)
		})
		if err != nil {
			return done, err
		}
		if told {
			done++
		}
	}
	return done, nil
}
