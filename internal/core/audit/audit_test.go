package audit_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

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
						err := h.Audit.Write(ctx, tx, audit.Entry{At: h.Clock.Now(), By: by, Verb: "incident.note", On: o.Ref, Note: fmt.Sprintf("note %d of %d", i, w)})
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
		newest, err := h.Audit.Newest(ctx, h.DB, o.Ref.ID, 3, about[0].Verb, "nothing.such")
		if err != nil || len(newest) != 3 || newest[0].ID != about[157].ID || newest[2].ID != about[159].ID || newest[2].Note != about[159].Note {
			t.Fatalf("the newest are %+v: %v", newest, err)
		}
		if other, err := h.Audit.Newest(ctx, h.DB, o.Ref.ID, 3, "nothing.such"); err != nil || len(other) != 0 {
			t.Fatalf("of another verb there are %d, %v", len(other), err)
		}
	})
}

// A note of one word cannot be guessed from its leaf, not even by who knows everything else of the entry and another entry with the same
// word (rule T1).
func TestAShortNoteIsNotGuessedFromItsLeaf(t *testing.T) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		ctx := context.Background()
		o := object(ctx, t, h)
		by := h.Person(1, "Ana", access.Analyst)
		at := h.Clock.Now()
		err := h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			for range 2 {
				if err := h.Audit.Write(ctx, tx, audit.Entry{At: at, By: by, Verb: "incident.edit", On: o.Ref, Note: "yes"}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		rows, err := h.Audit.About(ctx, h.DB, o.Ref.ID, 0, 10)
		if err != nil || len(rows) != 2 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		if bytes.Equal(rows[0].Leaf, rows[1].Leaf) {
			t.Error("the same note makes the same leaf: one who wrote it himself knows it of others")
		}
		salts := [][]byte{nil, make([]byte, 16), rows[1].Leaf, rows[1].Leaf[:16], []byte(fmt.Sprint(rows[0].ID))}
		for _, word := range []string{"yes", "no", ""} {
			for _, detail := range []string{word, `"` + word + `"`, `{"note":"` + word + `"}`, `{"Note":"` + word + `"}`, `{"n":"` + word + `"}`} {
				for _, salt := range salts {
					if bytes.Equal(rows[0].LeafOf(sha256.Sum256(append(bytes.Clone(salt), detail...))), rows[0].Leaf) {
						t.Errorf("the note is guessed: %s", detail)
					}
				}
			}
		}
		// What is guessed at is what is hashed: with the salt of its own, the right word is the leaf.
		if salted := opened(ctx, t, h, rows[0].ID, o.Ref.ID); !bytes.Contains(salted, []byte("yes")) || !bytes.Equal(rows[0].LeafOf(sha256.Sum256(salted)), rows[0].Leaf) {
			t.Error("this test does not guess what is hashed")
		}
	})
}

// opened gives salt and details of an entry, as only the holder of its owner's key reads them.
func opened(ctx context.Context, t *testing.T, h *coretest.House, entry, owner int64) []byte {
	t.Helper()
	var sealed []byte
	if err := h.DB.QueryRow(ctx, `SELECT sealed FROM audit_detail WHERE entry = $1`, entry).Scan(&sealed); err != nil {
		t.Fatal(err)
	}
	k, err := h.Ring.Get(ctx, h.DB, owner)
	if err != nil {
		t.Fatal(err)
	}
	salted, err := k.Open(fmt.Sprintf("audit_detail.sealed:%d", entry), sealed)
	if err != nil {
		t.Fatal(err)
	}
	return salted
}

// What a transaction records is read inside it, in the order of the acts, and is gone when the transaction is undone.
func TestATransactionReadsWhatItRecorded(t *testing.T) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		ctx := context.Background()
		o := object(ctx, t, h)
		undone := errors.New("undone")
		record := func(end error) (inside []audit.Row) {
			t.Helper()
			err := h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
				for i := range 70 {
					if err := h.Audit.Write(ctx, tx, audit.Entry{At: h.Clock.Now(), By: h.Person(1, "Ana", access.Lead), Verb: "incident.note", On: o.Ref, Note: strconv.Itoa(i)}); err != nil {
						return err
					}
					if i == 0 {
						if inside, err = h.Audit.About(ctx, tx, o.Ref.ID, 0, 500); err != nil {
							return err
						}
					}
				}
				return end
			})
			if !errors.Is(err, end) {
				t.Fatal(err)
			}
			return inside
		}
		record(undone)
		if inside := record(nil); len(inside) != 1 || inside[0].Note != "0" || inside[0].Erased {
			t.Fatalf("inside the transaction: %+v", inside)
		}
		rows, err := h.Audit.About(ctx, h.DB, o.Ref.ID, 0, 500)
		if err != nil || len(rows) != 70 {
			t.Fatalf("%d entries: %v", len(rows), err)
		}
		for i, r := range rows {
			if r.Note != strconv.Itoa(i) {
				t.Fatalf("entry %d is %q", i, r.Note)
			}
		}
	})
}
