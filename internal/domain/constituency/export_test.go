package constituency

import (
	"context"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Plans gives the query plans of finding each text, for a wide and a narrow reader.
func (s *Service) Plans(ctx context.Context, wide, narrow access.Actor, texts ...string) (map[string]string, error) {
	out := map[string]string{}
	explain := `EXPLAIN QUERY PLAN `
	if s.DB.Engine() == db.Postgres {
		explain = `EXPLAIN `
	}
	for _, t := range texts {
		for name, by := range map[string]access.Actor{"wide": wide, "narrow": narrow} {
			q, ok, err := s.find(ctx, by, Filter{Text: t, Limit: 50})
			if err != nil || !ok {
				return nil, err
			}
			var lines []string
			err = s.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) (err error) {
				if s.DB.Engine() == db.Postgres {
					// A scan that is left then is one for which there is no index.
					if _, err := tx.Exec(ctx, `SET LOCAL enable_seqscan = off`); err != nil {
						return err
					}
				}
				lines, err = db.All(ctx, tx, func(r *db.Rows) (line string, err error) {
					if s.DB.Engine() == db.Postgres {
						err = r.Scan(&line)
						return line, err
					}
					var a, b, c int64
					err = r.Scan(&a, &b, &c, &line)
					return line, err
				}, explain+q.Text(), q.Args()...)
				return err
			})
			if err != nil {
				return nil, err
			}
			for i, l := range lines {
				if s.DB.Engine() == db.SQLite {
					lines[i] = strings.TrimSpace(l)
				}
			}
			out[name+" "+t] = strings.Join(lines, "\n")
		}
	}
	return out, nil
}

// No file, however written, does more than give entries or problems; what it gives is within the limits of a row.
func FuzzImport(f *testing.F) {
	f.Add("csv", "key,name,assets\nA,B,192.0.2.0/24 x.example\nA,,AS1\n")
	f.Add("csv", "name;size;contact_email\n\"a\"\"b\";99999999999;x@y.example\n")
	f.Add("json", `{"organisations":[{"name":"x","assets":["::ffff:1.2.3.4/97"],"contacts":[{"email":"a@b.c"}]}]}`)
	f.Add("json", `{"organisations":[{"name":"`+strings.Repeat("é", 300)+`"}]}`)
	f.Fuzz(func(t *testing.T, format, file string) {
		var p errs.Problems
		list, err := parse(format, strings.NewReader(file), &p)
		if err != nil {
			if !errs.Is(err, errs.Invalid) {
				t.Fatalf("%v", err)
			}
			return
		}
		emails := map[string]int{}
		for i := range list {
			before := len(p)
			if err := list[i].checkRow([]string{"businesses"}, &p, emails); err != nil {
				t.Fatal(err)
			}
			if len(p) > maxProblems {
				t.Fatalf("%d problems", len(p))
			}
			if len(p) > before || before == maxProblems {
				continue
			}
			for _, a := range list[i].assets {
				if k, v, _, _, ok := (NewAsset{Kind: a.kind, Value: a.value}).normal(); !ok || k != a.kind || v != a.value {
					t.Fatalf("%s %q is not its own normal form", a.kind, a.value)
				}
			}
			for _, w := range words(list[i].Name) {
				if fold(w) != w {
					t.Fatalf("%q folds to %q", w, fold(w))
				}
			}
		}
	})
}

// HoldsAll tells whether the assets in memory count.
func (s *Service) HoldsAll() bool { return s.memory.fresh() != nil }
