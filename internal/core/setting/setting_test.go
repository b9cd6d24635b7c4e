package setting_test

import (
	"context"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/core/setting"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// A setting reads as it was put, also in the transaction that had read it before; what was never put leaves the default.
func TestASettingReadsAsItWasPut(t *testing.T) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		read := func(ctx context.Context, handle db.Handle, name string) int {
			n := 7
			if err := setting.Get(ctx, handle, name, &n); err != nil {
				t.Error(err)
			}
			return n
		}
		err := h.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			if n := read(ctx, tx, "test.hold"); n != 7 {
				t.Errorf("before it was put: %d", n)
			}
			if err := setting.Put(ctx, tx, 1, h.Clock.Now(), "test.hold", 20); err != nil {
				return err
			}
			if n := read(ctx, tx, "test.hold"); n != 20 {
				t.Errorf("in the same transaction: %d", n)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if n, m := read(t.Context(), h.DB, "test.hold"), read(t.Context(), h.DB, "test.other"); n != 20 || m != 7 {
			t.Errorf("afterwards: %d, and another %d", n, m)
		}
	})
}
