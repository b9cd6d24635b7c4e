package audit_test

import (
	"context"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

func object(ctx context.Context, t *testing.T, h *coretest.House) access.Object {
	t.Helper()
	o := access.Object{Ref: ref.Ref{Kind: ref.Incident}, Realm: access.Team, TLP: tlp.Amber}
	err := h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if err := access.Protect(ctx, tx, &o, h.Clock.Now()); err != nil {
			return err
		}
		_, err := h.Ring.Create(ctx, tx, o.Ref.ID, h.Clock.Now())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func sequencer(t *testing.T, h *coretest.House) (*audit.Sequencer, note.Verifier) {
	t.Helper()
	signer, vkey, err := audit.SignerOf(h.Ring.Derive("audit checkpoint"))
	if err != nil {
		t.Fatal(err)
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		t.Fatal(err)
	}
	return &audit.Sequencer{DB: h.DB, Clock: h.Clock, Signer: signer, Log: h.Log}, v
}
