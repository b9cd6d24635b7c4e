package search

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/core/ref"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// shelf is an index whose blocks are small, with the texts that were put into it.
type shelf struct {
	*testing.T
	h    *coretest.House
	x    *Texts
	told map[int64]Text
}

func shelves(t *testing.T, story func(ctx context.Context, s *shelf)) {
	coretest.Engines(t, func(t *testing.T, h *coretest.House) {
		x := NewTexts(h.Ring)
		x.batch, x.fan = 4, 3
		story(t.Context(), &shelf{t, h, x, map[int64]Text{}})
	})
}

func (s *shelf) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *shelf) put(ctx context.Context, object int64, lang string, parts ...string) {
	s.Helper()
	s.told[object] = Text{object, lang, parts}
	s.must(s.h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		return s.x.AppendTx(ctx, tx, ref.Ref{Kind: ref.Report, ID: object}, s.x.Pack(lang, parts...))
	}))
}

func (s *shelf) fold(ctx context.Context) {
	s.Helper()
	s.must(s.x.Fold(ctx, s.h.DB, s.h.Clock.Now()))
}

func (s *shelf) forget(ctx context.Context, object int64) {
	s.Helper()
	t := s.told[object]
	delete(s.told, object)
	s.must(s.h.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		return s.x.ForgetTx(ctx, tx, ref.Ref{Kind: ref.Report, ID: object}, t.Lang, t.Parts...)
	}))
}

func (s *shelf) find(ctx context.Context, lang, query string, before int64, limit int) []int64 {
	s.Helper()
	u, err := s.x.Hunt(ctx, s.h.DB, lang, query, before)
	s.must(err)
	out, err := u.Next(ctx, limit)
	s.must(err)
	return out
}

func (s *shelf) count(ctx context.Context, query string, args ...any) (n int) {
	s.Helper()
	s.must(s.h.DB.QueryRow(ctx, query, args...).Scan(&n))
	return n
}

// everywhere gives all objects that any page or row names.
func (s *shelf) everywhere(ctx context.Context) map[int64]bool {
	s.Helper()
	out := map[int64]bool{}
	recent, err := db.All(ctx, s.h.DB, func(r *db.Rows) (o int64, err error) { return o, r.Scan(&o) }, `SELECT object FROM search_recent`)
	s.must(err)
	for _, o := range recent {
		out[o] = true
	}
	all, err := blocks(ctx, s.h.DB, `id > 0`)
	s.must(err)
	for _, b := range all {
		rows, err := s.h.DB.Query(ctx, `SELECT words FROM search_page WHERE id >= $1 AND id < $2`, b.id<<pageBits, (b.id+1)<<pageBits)
		s.must(db.Each(rows, err, func(r *db.Rows) error {
			var page []byte
			err := r.Scan(&page)
			for _, list := range words(page) {
				for _, o := range unpack(nil, b.low, list) {
					out[o] = true
				}
			}
			return err
		}))
	}
	return out
}

// A text is found as soon as it is there and after each fold: by its words, folded and stemmed, by the parts of addresses, by all of several
// words, and by nothing less.
func TestATextIsFoundByItsWords(t *testing.T) {
	shelves(t, func(ctx context.Context, s *shelf) {
		s.put(ctx, 10, "en", "Ransomware on the servers", "Ana <ana.silva@mail.hospital.example>", "beacons to 203.0.113.77:8443, see hxxps://evil[.]example/a/b?c=d and cve-2026-12345")
		s.put(ctx, 12, "pt", "Servidores cifrados em São Braz", "https://www.portal.banco.example/entrar", "VM-12_old")
		asks := func(when string) {
			t.Helper()
			for q, want := range map[string][]int64{
				"ransomware": {10}, "RANSOMWARE server": {10}, "servers": {10}, "sao braz": {12}, "SÃO": {12}, "cifrados servidores": {12},
				"ana.silva@mail.hospital.example": {10}, "mail.hospital.example": {10}, "hospital.example": {10}, "hospital": {10}, "silva": {10},
				"203.0.113.77": {10}, "203.0.113.77:8443": {10}, "evil.example": {10}, "evil[.]example": {10}, "CVE-2026-12345": {10}, "12345": {10},
				"banco.example": {12}, "portal.banco.example": {12}, "https://www.portal.banco.example/entrar": {12}, "www.portal.banco.example/entrar": nil,
				"vm-12_old": {12}, "example": {12, 10}, "example ransomware": {10}, "ransomware cifrados": nil, "ransom": nil, "0.113.77": nil, "": nil, "?": nil,
			} {
				if got := s.find(ctx, "en", q, 0, 10); !slices.Equal(got, want) {
					t.Errorf("%s: %q finds %v, want %v", when, q, got, want)
				}
			}
			if got := s.find(ctx, "pt", "servidor", 0, 10); !slices.Equal(got, []int64{12}) {
				t.Errorf("%s: the stem of the reader's language finds %v", when, got)
			}
			if got := s.find(ctx, "en", "example", 12, 10); !slices.Equal(got, []int64{10}) {
				t.Errorf("%s: below 12 there is %v", when, got)
			}
		}
		asks("new")
		for i := range int64(60) {
			s.put(ctx, 20+i, "en", fmt.Sprintf("nothing of it, number %d", 100+i))
			s.fold(ctx)
		}
		if n := s.count(ctx, `SELECT COUNT(*) FROM search_block WHERE state = 2 AND level = 2`); n == 0 {
			t.Error("no block of the second level")
		}
		if n := s.count(ctx, `SELECT COUNT(*) FROM search_recent`); n >= s.x.batch {
			t.Errorf("%d are not folded", n)
		}
		asks("folded")
		if got := s.find(ctx, "en", "number 131", 0, 10); !slices.Equal(got, []int64{51}) {
			t.Errorf("found %v", got)
		}
		if got := s.find(ctx, "en", "nothing", 0, 100); len(got) != 60 || got[0] != 79 || !slices.IsSortedFunc(got, func(a, b int64) int { return int(b - a) }) {
			t.Errorf("found %v", got)
		}
	})
}

// naive tells whether a text holds all words of a query.
func (s *shelf) naive(t Text, lang, query string) bool {
	for _, either := range s.x.asked(lang, query) {
		if !slices.ContainsFunc(s.x.tokens(t), func(have uint64) bool { return slices.Contains(either, have) }) {
			return false
		}
	}
	return true
}

// Whatever is put, folded, forgotten and taken in from before, and wherever a fold ends: the index finds what reading all texts finds, in its
// order, page by page, and tells of any objects which of them are hits.
func TestTheIndexFindsWhatReadingFinds(t *testing.T) {
	shelves(t, func(ctx context.Context, s *shelf) {
		r := rand.New(rand.NewPCG(7, 11)) //nolint:gosec // a test
		vocabulary := strings.Fields("server servers cifrado cifrados phishing wave a@b.example x.b.example bank banks note money evening morning router routers")
		text := func() string {
			var out []string
			for range 1 + r.IntN(5) {
				out = append(out, vocabulary[r.IntN(len(vocabulary))])
			}
			return strings.Join(out, " ")
		}
		langs := []string{"en", "pt", ""}
		var old []Text // what was there before the index: objects below 1000
		for i := range int64(40) {
			old = append(old, Text{100 + 3*i, langs[r.IntN(3)], []string{text()}})
		}
		next, used := int64(1000), map[int64]bool{}
		for range 160 {
			switch r.IntN(10) {
			case 0:
				s.fold(ctx)
			case 1:
				s.h.Clock.Advance(time.Minute)
			case 2:
				some := []int64{}
				for o := range s.told {
					some = append(some, o)
				}
				if slices.Sort(some); len(some) > 0 {
					s.forget(ctx, some[r.IntN(len(some))])
				}
			case 3:
				if n := min(7, len(old)); n > 0 {
					part := old[len(old)-n:]
					s.must(s.x.Take(ctx, s.h.DB, part, func(context.Context, *db.Tx) error { return nil }))
					for _, o := range part {
						s.told[o.Object] = o
					}
					old = old[:len(old)-n]
				}
			case 4:
				s.interrupt(ctx, r.IntN(6))
			default:
				next += 1 + r.Int64N(4)
				object := next
				if late := 1001 + r.Int64N(next-1000); !used[late] { // committed behind one that was begun later
					object = late
				}
				used[object] = true
				s.put(ctx, object, langs[r.IntN(3)], text())
			}
			lang, query := langs[r.IntN(3)], vocabulary[r.IntN(len(vocabulary))]
			if r.IntN(2) == 0 {
				query += " " + vocabulary[r.IntN(len(vocabulary))]
			}
			var want, all []int64
			for o, told := range s.told {
				all = append(all, o)
				if s.naive(told, lang, query) {
					want = append(want, o)
				}
			}
			newest := func(a, b int64) int { return int(b - a) }
			slices.SortFunc(want, newest)
			var got []int64
			for before := int64(0); ; {
				page := s.find(ctx, lang, query, before, 3)
				got = append(got, page...)
				if len(page) < 3 {
					break
				}
				before = page[2]
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%q in %q finds %v, want %v", query, lang, got, want)
			}
			slices.SortFunc(all, newest)
			u, err := s.x.Hunt(ctx, s.h.DB, lang, query, 0)
			s.must(err)
			if held, err := u.Hold(ctx, append(all, 5, 7)); err != nil || !slices.Equal(held, want) {
				t.Fatalf("%q in %q: of all objects %v are hits, want %v: %v", query, lang, held, want, err)
			}
		}
		there := s.everywhere(ctx)
		for o := range there {
			if _, ok := s.told[o]; !ok {
				t.Errorf("%d was forgotten and is still named", o)
			}
		}
		for o := range s.told {
			if !there[o] {
				t.Errorf("%d is nowhere", o)
			}
		}
	})
}

var errStop = errors.New("stopped")

// interrupt folds until the process ends after some transactions.
func (s *shelf) interrupt(ctx context.Context, after int) {
	s.Helper()
	stopping, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	s.x.stepped = func() {
		if after--; after < 0 {
			stop(errStop)
		}
	}
	err := s.x.Fold(stopping, s.h.DB, s.h.Clock.Now())
	s.x.stepped = nil
	if err != nil && stopping.Err() == nil {
		s.Fatal(err)
	}
}

// A fold that ends between two transactions, wherever, is begun anew: everything is found once, and what it left is swept.
func TestAnInterruptedFoldIsBegunAnew(t *testing.T) {
	shelves(t, func(ctx context.Context, s *shelf) {
		long := strings.Builder{}
		for i := range 900 {
			fmt.Fprintf(&long, "w%d ", i)
		}
		stopped := 0
		for round := range int64(12) {
			for i := range int64(4) {
				s.put(ctx, 100+10*round+i, "en", fmt.Sprintf("round%d all", round), long.String())
			}
			for after := range 3 {
				s.interrupt(ctx, after)
				stopped += s.count(ctx, `SELECT COUNT(*) FROM search_block WHERE state = 1`)
				if got := s.find(ctx, "en", "all", 0, 1000); len(got) != 4*int(round+1) {
					t.Fatalf("round %d finds %v", round, got)
				}
			}
			s.fold(ctx)
			for r := range round + 1 {
				if got := s.find(ctx, "en", fmt.Sprintf("round%d w7", r), 0, 10); len(got) != 4 {
					t.Fatalf("round %d finds of round %d %v", round, r, got)
				}
			}
		}
		if stopped == 0 {
			t.Fatal("nothing was interrupted while it wrote a block")
		}
		s.h.Clock.Advance(2 * grace)
		s.fold(ctx)
		if n := s.count(ctx, `SELECT COUNT(*) FROM search_block WHERE state <> 2`); n != 0 {
			t.Errorf("%d blocks are left over", n)
		}
		if n := s.count(ctx, `SELECT COUNT(*) FROM search_page p WHERE NOT EXISTS (SELECT 1 FROM search_block b WHERE b.id = p.id / 1048576)`); n != 0 {
			t.Errorf("%d pages are of no block", n)
		}
	})
}

// What is forgotten while its block is being written, or merged, does not come back with the block: what was read of it is read anew.
func TestWhatIsForgottenDoesNotComeBack(t *testing.T) {
	for _, level := range []int{0, 1} {
		for when := range 2 { // before the texts were read and before the block is
			shelves(t, func(ctx context.Context, s *shelf) {
				for block := range int64(3) {
					for i := range int64(4) {
						s.put(ctx, 100+10*block+i, "en", fmt.Sprintf("secret%d all", i))
					}
					if block < 2 {
						s.fold(ctx)
					}
				}
				victim := []int64{121, 101}[level]
				seen, done := 0, false
				s.x.stepped = func() {
					if s.count(ctx, `SELECT COUNT(*) FROM search_block WHERE state = 1 AND level = $1`, level) == 0 {
						return
					}
					if seen++; seen == when+1 {
						s.forget(ctx, victim)
						done = true
					}
				}
				s.fold(ctx)
				s.x.stepped = nil
				if !done {
					t.Fatal("nothing was forgotten meanwhile")
				}
				s.put(ctx, 130, "en", "secret0 all")
				s.fold(ctx)
				s.h.Clock.Advance(2 * grace)
				s.fold(ctx)
				if n := s.count(ctx, `SELECT COUNT(*) FROM search_block WHERE state = 2 AND level = 1`); n != 1 {
					t.Errorf("%d merged blocks", n)
				}
				if s.everywhere(ctx)[victim] {
					t.Errorf("%d is still named", victim)
				}
				if got := s.find(ctx, "en", "secret1", 0, 100); len(got) != 2 || slices.Contains(got, victim) {
					t.Errorf("found %v", got)
				}
				if got := s.find(ctx, "en", "all", 0, 100); len(got) != 12 {
					t.Errorf("%v are found", got)
				}
			})
		}
	}
}

// A page of tokens tells no words, and a token is of the house: with another key it is another.
func TestTokensAreKeyed(t *testing.T) {
	shelves(t, func(ctx context.Context, s *shelf) {
		if a, b := s.x.token("phishing", false), s.x.token("phishing", true); a == b || a != s.x.token("phishing", false) {
			t.Error("a word and a stem are the same, or a word is not itself")
		}
		seen := map[uint64]string{}
		for _, w := range []string{"ab", "ab\x00", "abc", strings.Repeat("a", 14), strings.Repeat("a", 15), strings.Repeat("a", 30), strings.Repeat("a", 31), strings.Repeat("a", 64)} {
			if before, twice := seen[s.x.token(w, false)]; twice {
				t.Errorf("%q and %q are one token", w, before)
			}
			seen[s.x.token(w, false)] = w
		}
	})
}

// A text of more words than are kept is found by its first ones, and its row stays small.
func TestALongTextIsCut(t *testing.T) {
	shelves(t, func(ctx context.Context, s *shelf) {
		var b strings.Builder
		for i := range 30_000 {
			fmt.Fprintf(&b, "again and again w%d ", i)
		}
		s.put(ctx, 9, "en", "the title", b.String())
		if got := s.find(ctx, "en", "title w500", 0, 2); len(got) != 1 {
			t.Errorf("found %v", got)
		}
		if n := s.count(ctx, `SELECT LENGTH(tokens) FROM search_recent`); n < 8*maxTokens/2 || n > 8*2*maxTokens {
			t.Errorf("%d bytes", n)
		}
	})
}

func FuzzForms(f *testing.F) {
	f.Add("Ransomware on 203.0.113.77, hxxp://evil[.]example/a?b=c São a+b@c.d.e")
	f.Fuzz(func(t *testing.T, s string) {
		pieces(s, func(piece string) bool {
			forms(piece, func(w string) {
				if w == "" || len(w) > 64 {
					t.Fatalf("word %q of %q", w, s)
				}
			})
			whole := cut(piece)
			found := whole == ""
			forms(piece, func(w string) { found = found || w == whole })
			if !found {
				t.Fatalf("%q does not find itself", piece)
			}
			return true
		})
	})
}

// mail4k is 4 KB of a mail with as many different words as such mails have.
func mail4k() string {
	r := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test
	var b strings.Builder
	for b.Len() < 4096 {
		n := 2 + r.IntN(8)
		for range n {
			b.WriteByte(byte('a' + min(r.IntN(26), r.IntN(26))))
		}
		if r.IntN(15) == 0 {
			fmt.Fprintf(&b, ".%d@mail.example", r.IntN(1000))
		}
		b.WriteByte(' ')
	}
	return b.String()
}

func BenchmarkTokens(b *testing.B) {
	x := NewTexts(coretest.Open(b, "sqlite").Ring)
	text := Text{1, "en", []string{mail4k()}}
	b.Logf("%d tokens", len(x.tokens(text)))
	b.ReportAllocs()
	for b.Loop() {
		x.tokens(text)
	}
}
