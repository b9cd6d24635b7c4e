package keyring

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

var keyColumns = []string{"owner", "wrapped", "created_at"}

// CreateMany makes the data keys of many new owners and gives them in the same order.
func (r *Ring) CreateMany(ctx context.Context, tx *db.Tx, owners []int64, now time.Time) ([]Key, error) {
	keys, rows, err := r.draw(owners, now)
	if err != nil {
		return nil, err
	}
	if err := db.InsertMany(ctx, tx, "keyring_key", keyColumns, rows); err != nil {
		return nil, fmt.Errorf("store %d data keys: %w", len(owners), err)
	}
	for _, k := range keys {
		r.inTx(tx)[k.owner] = k
	}
	return keys, nil
}

// FillTx is CreateMany for who fills a house.
func (r *Ring) FillTx(ctx context.Context, tx *db.Tx, owners []int64, now time.Time) ([]Key, error) {
	keys, rows, err := r.draw(owners, now)
	if err != nil {
		return nil, err
	}
	return keys, db.Copy(ctx, tx, "keyring_key", keyColumns, rows)
}

// draw makes keys and the rows that keep them.
func (r *Ring) draw(owners []int64, now time.Time) ([]Key, [][]any, error) {
	keys, rows := make([]Key, len(owners)), make([][]any, len(owners))
	for i, owner := range owners {
		raw := make([]byte, 32)
		_, _ = rand.Read(raw)
		var err error
		if keys[i], err = r.key(owner, raw); err != nil {
			return nil, nil, err
		}
		rows[i] = []any{owner, r.wrap.Seal(nil, nil, raw, place(owner)), now}
	}
	return keys, rows, nil
}
