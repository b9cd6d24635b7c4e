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

	"golang.org/x/mod/sumdb/note"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
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

// Who administers the house reads that something was done to a case, never what. The details are not even opened.
func TestAnAdministratorReadsNoCaseInTheRecord(t *testing.T) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		ctx := context.Background()
		ana := h.Person(11, "Ana", access.Lead)
		open, red, sealed := object(ctx, t, h), object(ctx, t, h), object(ctx, t, h)
		person := access.Object{Ref: ref.Ref{Kind: ref.Account}, Realm: access.Registry, TLP: tlp.Amber}
		party := access.Object{Ref: ref.Ref{Kind: ref.Party}, Realm: access.Team, TLP: tlp.Amber}
		err := h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			for _, o := range []*access.Object{&person, &party} {
				if err := access.Protect(ctx, tx, o, h.Clock.Now()); err != nil {
					return err
				}
				if _, err := h.Ring.Create(ctx, tx, o.Ref.ID, h.Clock.Now()); err != nil {
					return err
				}
			}
			red.TLP, sealed.Sealed = tlp.Red, true
			for _, o := range []*access.Object{&red, &sealed} {
				if err := access.Update(ctx, tx, o, h.Clock.Now()); err != nil {
					return err
				}
			}
			for _, e := range []audit.Entry{
				{Verb: "incident.edit", On: open.Ref},
				{Verb: "incident.edit", On: red.Ref},
				{Verb: "incident.edit", On: sealed.Ref},
				{Verb: "coordination.send", On: party.Ref, About: open.Ref},
				{Verb: "account.grant_role", On: person.Ref},
				{Verb: "correspondence.aside", On: ref.Ref{Kind: ref.Arrival, ID: 4}},
				{Verb: "correspondence.pause"},
			} {
				e.At, e.By, e.Note, e.Changes = h.Clock.Now(), ana, "why", []audit.Change{{Field: "title", To: "Ransomware at the mill"}}
				if err := h.Audit.Write(ctx, tx, e); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			by   access.Actor
			want string // newest first; a withheld entry in brackets
		}{
			{h.Person(12, "Root", access.Admin), "correspondence.pause [correspondence.aside] account.grant_role [coordination.send] [incident.edit] [incident.edit]"},
			{ana, "correspondence.pause correspondence.aside account.grant_role coordination.send incident.edit incident.edit"},
			{h.Person(13, "Iris", access.Auditor), "correspondence.pause correspondence.aside account.grant_role coordination.send incident.edit incident.edit"},
		} {
			rows, err := h.Audit.List(ctx, h.DB, c.by, 0, 50)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range rows {
				word := r.Verb
				if r.Withheld {
					word = "[" + word + "]"
				}
				if r.Withheld != (r.Note == "") || r.Withheld != (len(r.Changes) == 0) || r.Erased {
					t.Errorf("%s reads of %s: %q %v, erased %v", c.by.Name, word, r.Note, r.Changes, r.Erased)
				}
				got = append(got, word)
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%s reads %s\nwant %s", c.by.Name, strings.Join(got, " "), c.want)
			}
		}
		if _, err := h.Audit.List(ctx, h.DB, h.Person(14, "Rui", access.Analyst), 0, 50); !errs.Is(err, errs.Forbidden) {
			t.Errorf("an analyst reads the record: %v", err)
		}
		rows, err := h.Audit.Find(ctx, h.DB, ana, audit.Filter{Verb: "incident.", Actor: 11, From: h.Clock.Now(), Limit: 1})
		if err != nil || len(rows) != 1 || rows[0].On != red.Ref {
			t.Fatalf("filtered: %+v, %v", rows, err)
		}
		if rows, err = h.Audit.Find(ctx, h.DB, ana, audit.Filter{Verb: "incident.", Before: rows[0].ID}); err != nil || len(rows) != 1 || rows[0].On != open.Ref {
			t.Errorf("the page after: %+v, %v", rows, err)
		}
		for _, f := range []audit.Filter{{Actor: 99}, {To: h.Clock.Now()}, {Verb: "incident.e_"}} {
			if rows, err := h.Audit.Find(ctx, h.DB, ana, f); err != nil || len(rows) != 0 {
				t.Errorf("%+v finds %d: %v", f, len(rows), err)
			}
		}
		if last, err := h.Audit.Last(ctx, h.DB, "correspondence.pause"); err != nil || last.ActorName != "Ana" {
			t.Errorf("last stop: %+v, %v", last, err)
		}
		if last, err := h.Audit.Last(ctx, h.DB, "incident.edit"); err != nil || last.ID != 0 {
			t.Errorf("an incident is no setting: %+v, %v", last, err)
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
