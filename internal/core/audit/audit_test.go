package audit_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
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

// Eight people write at once; the numbers have no gap, every entry is in the tree, and the tree verifies.
func TestEveryEntryIsNumberedOnceAndProved(t *testing.T) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		ctx := context.Background()
		o := object(ctx, t, h)
		s, v := sequencer(t, h)
		var wg sync.WaitGroup
		for w := range 8 {
			wg.Go(func() {
				by := h.Person(int64(w+1), "Ana", access.Analyst)
				for i := range 20 {
					err := h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
						_, err := h.Audit.Write(ctx, tx, audit.Entry{At: h.Clock.Now(), By: by, Verb: "incident.note", On: o.Ref, Note: fmt.Sprintf("note %d of %d", i, w)})
						return err
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		total := 0
		for {
			n, err := s.Number(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if total += n; n == 0 {
				break
			}
			if err := s.Checkpoint(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if total != 160 {
			t.Fatalf("%d entries numbered", total)
		}
		rows, err := h.Audit.Since(ctx, h.DB, 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range rows {
			if r.Seq != int64(i+1) {
				t.Fatalf("entry %d has number %d", i, r.Seq)
			}
		}
		p, err := audit.Verify(ctx, h.DB, h.Ring, v)
		if err != nil || len(p.Problems) > 0 || p.Size != 160 || p.Checkpoints == 0 {
			t.Fatalf("proof %+v: %v", p, err)
		}
		about, err := h.Audit.About(ctx, h.DB, o.Ref.ID, 0, 500)
		if err != nil || len(about) != 160 || !strings.HasPrefix(about[0].Note, "note ") {
			t.Fatalf("%d entries about the incident: %v", len(about), err)
		}
	})
}

// Rule T1: erase, verify. The details are gone, the tree is whole, and the leaf does not betray a short note.
func TestErasedDetailsLeaveTheTreeWhole(t *testing.T) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		ctx := context.Background()
		o, kept := object(ctx, t, h), object(ctx, t, h)
		s, v := sequencer(t, h)
		err := h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			for _, x := range []access.Object{o, kept} {
				if _, err := h.Audit.Write(ctx, tx, audit.Entry{At: h.Clock.Now(), By: h.Person(1, "Ana", access.Lead), Verb: "incident.note", On: x.Ref, Note: "yes"}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Number(ctx); err != nil {
			t.Fatal(err)
		}
		if err := s.Checkpoint(ctx); err != nil {
			t.Fatal(err)
		}
		err = h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			return h.Ring.Destroy(ctx, tx, o.Ref.ID, h.Clock.Now(), "retention")
		})
		if err != nil {
			t.Fatal(err)
		}
		p, err := audit.Verify(ctx, h.DB, h.Ring, v)
		if err != nil || len(p.Problems) > 0 || p.Erased != 1 || p.Size != 2 {
			t.Fatalf("proof %+v: %v", p, err)
		}
		rows, err := h.Audit.About(ctx, h.DB, o.Ref.ID, 0, 10)
		if err != nil || len(rows) != 1 || !rows[0].Erased || rows[0].Note != "" {
			t.Fatalf("rows %+v: %v", rows, err)
		}
	})
}

// Rule T2: the record cannot be changed through the database; what is changed past that is found.
func TestATamperedRecordIsNamed(t *testing.T) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		ctx := context.Background()
		o := object(ctx, t, h)
		s, v := sequencer(t, h)
		for range 5 {
			err := h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := h.Audit.Write(ctx, tx, audit.Entry{At: h.Clock.Now(), By: h.Person(1, "Ana", access.Lead), Verb: "incident.close", On: o.Ref})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Number(ctx); err != nil {
			t.Fatal(err)
		}
		if err := s.Checkpoint(ctx); err != nil {
			t.Fatal(err)
		}
		for _, q := range []string{`UPDATE audit_entry SET actor = 2`, `DELETE FROM audit_entry`, `UPDATE audit_number SET entry = 9`, `DELETE FROM audit_node`} {
			if _, err := h.DB.Exec(ctx, q); err == nil {
				t.Errorf("%s went through", q)
			}
		}
		drop := `DROP TRIGGER audit_entry_kept`
		if h.DB.Engine() == db.Postgres {
			drop += ` ON audit_entry`
		}
		for _, q := range []string{drop, `UPDATE audit_entry SET actor = 2 WHERE id = 3`} {
			if _, err := h.DB.Exec(ctx, q); err != nil {
				t.Fatal(err)
			}
		}
		p, err := audit.Verify(ctx, h.DB, h.Ring, v)
		if err != nil || len(p.Problems) != 1 || !strings.Contains(p.Problems[0], "entry 3") {
			t.Fatalf("proof %+v: %v", p, err)
		}
		kept := "tocsin audit\n9\nAAAA\n"
		p, err = audit.Verify(ctx, h.DB, h.Ring, v, kept)
		if err != nil || len(p.Problems) != 2 {
			t.Fatalf("a forged kept checkpoint: %+v: %v", p, err)
		}
	})
}
