package search_test

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/search"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// listener keeps the way in which its engine answers each statement, without the sizes.
type listener struct {
	db.Handle
	engine db.Engine
	heard  []string
}

func (l *listener) Query(ctx context.Context, query string, args ...any) (*db.Rows, error) {
	read := func(r *db.Rows) (s string, err error) {
		if l.engine == db.Postgres {
			return s, r.Scan(&s)
		}
		var a, b, c int64
		return s, r.Scan(&a, &b, &c, &s)
	}
	explain := map[db.Engine]string{db.SQLite: "EXPLAIN QUERY PLAN ", db.Postgres: "EXPLAIN (COSTS OFF) "}[l.engine]
	lines, err := db.All(ctx, l.Handle, read, explain+query, args...)
	if err != nil {
		return nil, err
	}
	l.heard = append(l.heard, query+"\n"+l.class(lines))
	return l.Handle.Query(ctx, query, args...)
}

// class is the way itself on SQLite, and on PostgreSQL, which weighs joins by what it knows of sizes, the tables that are read whole.
func (l *listener) class(plan []string) string {
	if l.engine == db.SQLite {
		return strings.Join(plan, "\n")
	}
	return strings.Join(regexp.MustCompile(`Seq Scan on (?:object|search_token)`).FindAllString(strings.Join(plan, "\n"), -1), "\n")
}

// Rule A10: what a reader may not see changes neither the hits, nor their order, nor where a page ends, nor the way to them, on either engine.
func TestHiddenObjectsChangeNoPageAndNoPlan(t *testing.T) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		ctx := context.Background()
		x := search.New(h.Ring)
		fill := func(n int, sealed bool, compartment int64, texts ...string) {
			err := h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
				for i := range n {
					o := access.Object{Ref: ref.Ref{Kind: ref.Party}, Realm: access.Team, TLP: tlp.Amber, Compartment: compartment, Sealed: sealed}
					if err := access.Protect(ctx, tx, &o, h.Clock.Now()); err != nil {
						return err
					}
					if err := x.PutTx(ctx, tx, o.Ref, "en", texts[i%len(texts)]); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if h.DB.Engine() == db.Postgres {
				if _, err := h.DB.Exec(ctx, `ANALYZE`); err != nil {
					t.Fatal(err)
				}
			}
		}
		type looked struct {
			ids  []int64
			ways []string
		}
		readers := map[string]access.Actor{"analyst": h.Person(1, "Ana", access.Analyst), "constituent": h.Constituent(5, "Rui", 7)}
		look := func() map[string]looked {
			out := map[string]looked{}
			for who, by := range readers {
				for _, words := range []string{"phishing", "phishing wave", "bank"} {
					l := &listener{Handle: h.DB, engine: h.DB.Engine()}
					var all []int64
					for before := int64(0); ; {
						page, err := x.Find(ctx, l, by, ref.Party, words, before, 10)
						if err != nil {
							t.Fatal(err)
						}
						for _, o := range page {
							all = append(all, o.Ref.ID)
						}
						all = append(all, -1) // where a page ends
						if len(page) < 10 {
							break
						}
						before = page[9].Ref.ID
					}
					out[who+" "+words] = looked{all, l.heard}
				}
			}
			return out
		}
		// A house in which it matters how one goes: small tables are read whole.
		_, err := h.DB.Exec(ctx, `WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 5000)
			INSERT INTO object (kind, uid, ref, realm, compartment, tlp, created_at, updated_at) SELECT 2, 'o' || i, 'O-' || i, 1, 9, 3, i, i FROM c`)
		if err != nil {
			t.Fatal(err)
		}
		fill(60, false, 7, "phishing wave", "phishing at the bank", "pumps")
		fill(60, false, 8, "phishing wave", "bank", "ransomware")
		first := look()
		fill(200, true, 7, "phishing wave at the bank", "phishing", "wave", "bank")
		for what, now := range look() {
			then := first[what]
			if len(then.ids) < 22 {
				t.Errorf("%s finds %d: this test does not look where it should", what, len(then.ids))
			}
			if !slices.Equal(then.ids, now.ids) {
				t.Errorf("%s: %v, and with hidden ones %v", what, then.ids, now.ids)
			}
			if !slices.Equal(then.ways, now.ways) {
				t.Errorf("%s goes another way:\n%s\n\n%s", what, strings.Join(then.ways, "\n"), strings.Join(now.ways, "\n"))
			}
		}
	})
}
