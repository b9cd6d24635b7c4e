package keyring

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// CreateMany makes the data keys of many new owners in one statement, at most 1,000, and gives them in the same order.
func (r *Ring) CreateMany(ctx context.Context, tx *db.Tx, owners []int64, now time.Time) ([]Key, error) {
	if len(owners) == 0 {
		return nil, nil
	}
	keys := make([]Key, len(owners))
	q := new(db.Query).Add(`INSERT INTO keyring_key (owner, wrapped, created_at) VALUES `)
	for i, owner := range owners {
		raw := make([]byte, 32)
		_, _ = rand.Read(raw)
		k, err := r.key(owner, raw)
		if err != nil {
			return nil, err
		}
		keys[i] = k
		r.inTx(tx)[owner] = k
		if i > 0 {
			q.Add(`, `)
		}
		q.Add(`(?, ?, ?)`, owner, r.wrap.Seal(nil, nil, raw, place(owner)), now)
	}
	if _, err := q.Exec(ctx, tx); err != nil {
		return nil, fmt.Errorf("store %d data keys: %w", len(owners), err)
	}
	return keys, nil
}
