package keyring

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// FillTx is CreateMany for as many owners as one likes.
func (r *Ring) FillTx(ctx context.Context, tx *db.Tx, owners []int64, now time.Time) ([]Key, error) {
	keys, rows := make([]Key, len(owners)), make([][]any, len(owners))
	for i, owner := range owners {
		raw := make([]byte, 32)
		_, _ = rand.Read(raw)
		var err error
		if keys[i], err = r.key(owner, raw); err != nil {
			return nil, err
		}
		rows[i] = []any{owner, r.wrap.Seal(nil, nil, raw, place(owner)), now}
	}
	return keys, db.Copy(ctx, tx, "keyring_key", []string{"owner", "wrapped", "created_at"}, rows)
}
