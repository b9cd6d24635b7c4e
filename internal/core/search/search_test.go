package search_test

import (
	"context"
	"slices"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/core/search"
	"github.com/tocsin-csirt/tocsin/internal/format/tlp"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

func put(ctx context.Context, t *testing.T, h *coretest.House, x *search.Index, o access.Object, lang string, texts ...string) access.Object {
	t.Helper()
	err := h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if o.Ref.ID == 0 {
			if err := access.Protect(ctx, tx, &o, h.Clock.Now()); err != nil {
				return err
			}
		}
		return x.PutTx(ctx, tx, o.Ref, lang, texts...)
	})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestWordsAreFoundFoldedStemmedAndNewestFirst(t *testing.T) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		ctx := context.Background()
		x := search.New(h.Ring)
		by := h.Person(1, "Ana", access.Analyst)
		incident := access.Object{Ref: ref.Ref{Kind: ref.Incident}, Realm: access.Team, TLP: tlp.Amber}
		one := put(ctx, t, h, x, incident, "en", "Ransomware on billing servers", "from 203.0.113.77 at Águas do Vale")
		two := put(ctx, t, h, x, incident, "pt", "Ransomware: servidores cifrados", "hist-02.aguasdovale.example")
		find := func(by access.Actor, q string) []int64 {
			t.Helper()
			got, err := x.Find(ctx, h.DB, by, ref.Incident, q, 0, 10)
			if err != nil {
				t.Fatal(err)
			}
			ids := []int64{}
			for _, o := range got {
				ids = append(ids, o.Ref.ID)
			}
			return ids
		}
		for q, want := range map[string][]int64{
			"ransomware":                  {two.Ref.ID, one.Ref.ID},
			"RANSOMWARE server":           {one.Ref.ID},
			"aguas vale":                  {one.Ref.ID},
			"203.0.113.77":                {one.Ref.ID},
			"hist-02.aguasdovale.example": {two.Ref.ID},
			"aguasdovale":                 {two.Ref.ID},
			"ransomware nothing":          {},
			"":                            {},
		} {
			if got := find(by, q); !slices.Equal(got, want) {
				t.Errorf("%q found %v, want %v", q, got, want)
			}
		}
		put(ctx, t, h, x, one, "en", "A false alarm")
		if got := find(by, "billing"); len(got) != 0 {
			t.Errorf("the old words still find it: %v", got)
		}
		if got := find(by, "alarm"); !slices.Equal(got, []int64{one.Ref.ID}) {
			t.Errorf("the new words find %v", got)
		}
	})
}

// Rule A10: hidden rows change nothing for a reader.
func TestHiddenObjectsAreNotFoundAndChangeNothing(t *testing.T) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		ctx := context.Background()
		x := search.New(h.Ring)
		report := func(compartment int64, sealed bool) access.Object {
			return access.Object{Ref: ref.Ref{Kind: ref.Report}, Realm: access.Team, TLP: tlp.Amber, Compartment: compartment, Sealed: sealed}
		}
		mine := put(ctx, t, h, x, report(7, false), "en", "phishing wave")
		for range 20 {
			put(ctx, t, h, x, report(8, false), "en", "phishing wave at another")
			put(ctx, t, h, x, report(0, true), "en", "phishing sealed")
		}
		got, err := x.Find(ctx, h.DB, h.Constituent(5, "Rui", 7), ref.Report, "phishing", 0, 10)
		if err != nil || len(got) != 1 || got[0].Ref != mine.Ref {
			t.Fatalf("a constituent found %d: %v", len(got), err)
		}
		got, err = x.Find(ctx, h.DB, h.Person(1, "Ana", access.Analyst), ref.Report, "sealed", 0, 10)
		if err != nil || len(got) != 0 {
			t.Fatalf("an analyst found %d sealed reports: %v", len(got), err)
		}
		for _, by := range []access.Actor{h.Person(2, "Root", access.Admin), access.Stranger(access.ByPage, "en"), {}} {
			if got, err := x.Find(ctx, h.DB, by, ref.Report, "phishing", 0, 10); err != nil || len(got) != 0 {
				t.Fatalf("%v found %d: %v", by.Roles, len(got), err)
			}
		}
	})
}

func FuzzWords(f *testing.F) {
	f.Add("Ransomware on 203.0.113.77, hxxp://evil[.]example/a?b=c São")
	f.Fuzz(func(t *testing.T, s string) {
		for _, w := range search.Words(s) {
			if w == "" || len(w) > 64 {
				t.Fatalf("word %q of %q", w, s)
			}
		}
	})
}
