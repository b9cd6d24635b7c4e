package intake

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

func traitsFor(t testing.TB) *Service {
	t.Helper()
	h := coretest.Open(t, "sqlite")
	return &Service{DB: h.DB, Clock: h.Clock, Ring: h.Ring, Correspondence: &correspondence.Service{Team: correspondence.Team{URL: "https://cert.example"}}}
}

// prose makes a text of n words out of a small vocabulary, as people write.
func prose(r *rand.Rand, n int) []string {
	words := make([]string, n)
	for i := range words {
		words[i] = fmt.Sprintf("word%c%c%c", 'a'+r.IntN(26), 'a'+r.IntN(6), 'a'+r.IntN(3))
	}
	return words
}

// How often texts are taken to be alike follows from how many runs of words they share: nearly always when a few words differ, never by chance.
func TestLikenessFollowsFromSharedRuns(t *testing.T) {
	t.Parallel()
	s := traitsFor(t)
	r := rand.New(rand.NewPCG(1, 2))
	meet := func(a, b string) bool {
		have := map[int64]bool{}
		for _, x := range s.traitsOf(Body{Description: a}, []byte(a), nil) {
			have[x.token] = true
		}
		for _, x := range s.traitsOf(Body{Description: b}, []byte(b), nil) {
			if have[x.token] {
				return true
			}
		}
		return false
	}
	rate := func(length, changed int) (met int) {
		for range 200 {
			words := prose(r, length)
			other := append([]string(nil), words...)
			for range changed {
				other[r.IntN(length)] = "something" + string(rune('a'+r.IntN(26))) + string(rune('a'+r.IntN(26)))
			}
			if meet(strings.Join(words, " "), strings.Join(other, " ")) {
				met++
			}
		}
		return met
	}
	for _, c := range []struct{ length, changed, least, most int }{
		{200, 0, 200, 200}, {200, 3, 190, 200}, {80, 1, 190, 200}, {30, 0, 200, 200}, {200, 100, 0, 20}, {200, 400, 0, 4},
	} {
		if got := rate(c.length, c.changed); got < c.least || got > c.most {
			t.Errorf("%d of %d words changed: %d of 200 alike, want %d to %d", c.changed, c.length, got, c.least, c.most)
		}
	}
	met := 0
	for range 500 {
		if meet(strings.Join(prose(r, 150), " "), strings.Join(prose(r, 150), " ")) {
			met++
		}
	}
	if met != 0 {
		t.Errorf("%d of 500 strangers are alike", met)
	}
}

func TestLinksAreReadHoweverTheyAreWritten(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"see https://Evil.Example/Pay?id=1#x.":                                                 "evil.example/Pay",
		"hxxps[://]evil[.]example/Pay/ now":                                                    "evil.example/Pay",
		"<http://evil.example:8080/Pay>":                                                       "evil.example/Pay",
		"https://user:pw@evil.example/Pay":                                                     "evil.example/Pay",
		"https://urldefense.com/v3/__https://evil.example/Pay__;!!x!y":                         "evil.example/Pay",
		"https://x.safelinks.protection.outlook.com/?url=https%3A%2F%2Fevil.example%2FPay&d=1": "evil.example/Pay",
		"ftp://evil.example/Pay":                                                               "",
		"https://localhost/x":                                                                  "",
		"https://evil.example":                                                                 "evil.example/",
		"https://evil.example/.":                                                               "evil.example/",
		"http://a.example/1 http://a.example/2":                                                "a.example/1 a.example/2",
	} {
		if got := strings.Join(linksIn(text), " "); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// What it costs to look for likeness when a mail of 4 KB is filed, beside what filing it costs.
func BenchmarkFold(b *testing.B) {
	s := traitsFor(b)
	r := rand.New(rand.NewPCG(1, 2))
	texts := make([]string, 512)
	for i := range texts {
		texts[i] = strings.Join(prose(r, 500), " ") + fmt.Sprintf("\nhttps://host%d.example/path", i)
	}
	one := func(b *testing.B, text func(i int) string) {
		i, id := 0, int64(b.N)*1000
		for b.Loop() {
			err := s.DB.Write(b.Context(), func(ctx context.Context, tx *db.Tx) error {
				for range 16 {
					i++
					x := row{Report: Report{ReceivedAt: coretest.Now.Add(time.Duration(i)), Body: Body{Summary: fmt.Sprint(i), Description: text(i)}}}
					x.words = s.mac("words", text(0))
					if i%16 != 0 && text(0) != text(1) {
						x.words = s.mac("words", fmt.Sprint(i))
					}
					x.Ref.ID = id + int64(i)
					s.foldTx(tx, &x, nil)
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(i), "µs/mail")
	}
	b.Run("traits", func(b *testing.B) {
		i := 0
		for b.Loop() {
			i++
			s.traitsOf(Body{Description: texts[i%512]}, []byte(texts[i%512]), nil)
		}
	})
	b.Run("varied", func(b *testing.B) {
		one(b, func(i int) string { return fmt.Sprintf("%d ", i) + strings.Join(prose(r, 20), " ") + texts[i%512] })
	})
	b.Run("wave", func(b *testing.B) { one(b, func(int) string { return texts[0] }) })
}
