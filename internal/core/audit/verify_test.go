package audit_test

import (
	"context"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Rule T1: erase, verify. The details are gone, the tree is whole, and the leaf does not betray a short note.
func TestErasedDetailsLeaveTheTreeWhole(t *testing.T) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		ctx := context.Background()
		o, kept := object(ctx, t, h), object(ctx, t, h)
		s, v := sequencer(t, h)
		err := h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			for _, x := range []access.Object{o, kept} {
				if err := h.Audit.Write(ctx, tx, audit.Entry{At: h.Clock.Now(), By: h.Person(1, "Ana", access.Lead), Verb: "incident.note", On: x.Ref, Note: "yes"}); err != nil {
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
				err := h.Audit.Write(ctx, tx, audit.Entry{At: h.Clock.Now(), By: h.Person(1, "Ana", access.Lead), Verb: "incident.close", On: o.Ref})
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
		past := []string{`UPDATE audit_detail SET owner = 0`}
		for table, columns := range map[string]string{"audit_entry": "id, at, actor, actor_name, origin, verb, object, kind, about, compartment, leaf", "audit_number": "seq, entry", "audit_node": "idx, hash", "audit_checkpoint": "size, at, note"} {
			first, _, _ := strings.Cut(columns, ",")
			past = append(past, `UPDATE `+table+` SET `+first+` = `+first+` + 100`, `DELETE FROM `+table)
			if h.DB.Engine() == db.Postgres {
				past = append(past, `TRUNCATE `+table, `INSERT INTO `+table+` SELECT * FROM `+table+` ON CONFLICT (`+first+`) DO UPDATE SET `+first+` = 99`)
			} else {
				past = append(past, `REPLACE INTO `+table+` (`+columns+`) SELECT `+columns+` FROM `+table)
			}
		}
		for _, q := range past {
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

// Details may be erased with what they are about. Gone alone, they hide who did what: the entry is named.
func TestDetailsThatAreGoneAloneAreNamed(t *testing.T) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		ctx := context.Background()
		o := object(ctx, t, h)
		s, v := sequencer(t, h)
		err := h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			for range 2 {
				if err := h.Audit.Write(ctx, tx, audit.Entry{At: h.Clock.Now(), By: h.Person(1, "Ana", access.Lead), Verb: "incident.close", On: o.Ref}); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil {
			_, err = s.Number(ctx)
		}
		if err == nil {
			_, err = h.DB.Exec(ctx, `DELETE FROM audit_detail WHERE entry = 2`)
		}
		if err != nil {
			t.Fatal(err)
		}
		p, err := audit.Verify(ctx, h.DB, h.Ring, v)
		if err != nil || len(p.Problems) != 1 || !strings.Contains(p.Problems[0], "entry 2 (number 2) has lost its details") {
			t.Fatalf("proof %+v: %v", p, err)
		}
		err = h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			if err := h.Ring.Destroy(ctx, tx, o.Ref.ID, h.Clock.Now(), "retention"); err != nil {
				return err
			}
			return h.Audit.Erase(ctx, tx, o.Ref.ID)
		})
		if err != nil {
			t.Fatal(err)
		}
		if p, err = audit.Verify(ctx, h.DB, h.Ring, v); err != nil || len(p.Problems) > 0 || p.Erased != 2 {
			t.Fatalf("after its retention: %+v: %v", p, err)
		}
	})
}

// growing is a handle on which the record grows before the nodes of the tree are read.
type growing struct {
	db.Handle
	grow func()
}

func (g growing) Query(ctx context.Context, query string, args ...any) (*db.Rows, error) {
	if strings.Contains(query, "FROM audit_node") {
		g.grow()
	}
	return g.Handle.Query(ctx, query, args...)
}

// The record is verified while the team works: what is numbered meanwhile is no forgery, and a node without an entry still is one.
func TestTheRecordGrowsWhileItIsVerified(t *testing.T) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		ctx := context.Background()
		o := object(ctx, t, h)
		s, v := sequencer(t, h)
		write := func() {
			err := h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
				err := h.Audit.Write(ctx, tx, audit.Entry{At: h.Clock.Now(), By: h.Person(1, "Ana", access.Analyst), Verb: "incident.note", On: o.Ref})
				return err
			})
			if err == nil {
				_, err = s.Number(ctx)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		write()
		write()
		write()
		if p, err := audit.Verify(ctx, growing{h.DB, write}, h.Ring, v); err != nil || len(p.Problems) > 0 || p.Size != 3 {
			t.Errorf("while it grows: %+v, %v", p, err)
		}
		forge := func() {
			err := h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
				_, err := tx.Exec(ctx, `INSERT INTO audit_node (idx, hash) SELECT idx + 1, hash FROM audit_node ORDER BY idx DESC LIMIT 1`)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if p, err := audit.Verify(ctx, growing{h.DB, forge}, h.Ring, v); err != nil || len(p.Problems) == 0 {
			t.Errorf("a node that nobody wrote: %+v, %v", p, err)
		}
	})
}
