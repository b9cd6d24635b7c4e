package keyring_test

import (
	"context"
	"errors"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// A transaction has the keys that it made and read, but not one that it destroyed; what was undone is known to nobody.
func TestATransactionForgetsAKeyThatItDestroyed(t *testing.T) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		undone := errors.New("undone")
		err := h.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			if _, err := h.Ring.CreateMany(ctx, tx, []int64{801, 802}, h.Clock.Now()); err != nil {
				return err
			}
			for _, owner := range []int64{801, 802} {
				if _, err := h.Ring.Get(ctx, tx, owner); err != nil {
					t.Errorf("the key that was just made: %v", err)
				}
			}
			if err := h.Ring.Destroy(ctx, tx, 801, h.Clock.Now(), "retention"); err != nil {
				return err
			}
			if _, err := h.Ring.Get(ctx, tx, 801); !errors.Is(err, keyring.ErrDestroyed) {
				t.Errorf("the key that was just destroyed: %v", err)
			}
			return undone
		})
		if !errors.Is(err, undone) {
			t.Fatal(err)
		}
		for _, owner := range []int64{801, 802} {
			if _, err := h.Ring.Get(t.Context(), h.DB, owner); !errors.Is(err, keyring.ErrDestroyed) {
				t.Errorf("a key of what was undone: %v", err)
			}
		}
	})
}
