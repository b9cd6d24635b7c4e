package keyring_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/core/keyring"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Rule K4: what is sealed for one purpose, place or owner does not open for another, nor under another root; keys of two purposes differ.
func TestAValueOfOnePurposeIsRefusedForAnother(t *testing.T) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		keys := make([]keyring.Key, 2)
		err := h.DB.Write(t.Context(), func(ctx context.Context, tx *db.Tx) (err error) {
			for i := range keys {
				if keys[i], err = h.Ring.Create(ctx, tx, int64(700+i), h.Clock.Now()); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		sealed := keys[0].Seal("table.column:1", []byte("a secret"))
		if got, err := keys[0].Open("table.column:1", sealed); err != nil || string(got) != "a secret" {
			t.Fatalf("%q: %v", got, err)
		}
		for _, place := range []string{"table.column:2", "table.other:1", "", "table.column:1 "} {
			if _, err := keys[0].Open(place, sealed); err == nil {
				t.Errorf("opened at %q", place)
			}
		}
		if _, err := keys[1].Open("table.column:1", sealed); err == nil {
			t.Error("opened with the key of another owner")
		}
		var wrapped []byte
		if err := h.DB.QueryRow(t.Context(), `SELECT wrapped FROM keyring_key WHERE owner = 700`).Scan(&wrapped); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Ring.Unwrap(701, wrapped); err == nil {
			t.Error("the wrapped key of one owner is taken for that of another")
		}
		other, err := keyring.New([]byte("another root key for tests, 32 b"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := other.Unwrap(700, wrapped); err == nil {
			t.Error("the key opens under another root")
		}
		seen := map[string]string{}
		for _, purpose := range []string{"blob names/v1", "blob names/v2", "search", "audit checkpoint", "cursor"} {
			k := h.Ring.Derive(purpose)
			if of, there := seen[string(k)]; there || bytes.Equal(k, other.Derive(purpose)) {
				t.Errorf("the key for %s is that for %s, or does not come from the root", purpose, of)
			}
			seen[string(k)] = purpose
		}
	})
}
