package country

import (
	"iter"
	"reflect"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/format/taxonomy"
)

func TestScaleIsTheSameEachTime(t *testing.T) {
	t.Parallel()
	same(t, "organisation", func(n int, seed uint64) iter.Seq[Organisation] { return Organisations(n, seed) })
	same(t, "report", func(n int, seed uint64) iter.Seq[Report] { return Reports(n, 100, seed) })
	same(t, "incident", func(n int, seed uint64) iter.Seq[Incident] { return Incidents(n, 100, seed) })
}

func same[T any](t *testing.T, what string, make func(n int, seed uint64) iter.Seq[T]) {
	t.Helper()
	list := func(n int, seed uint64) (out []T) {
		for x := range make(n, seed) {
			out = append(out, x)
		}
		return out
	}
	a, b := list(200, 7), list(200, 7)
	if len(a) != 200 || !reflect.DeepEqual(a, b) {
		t.Errorf("%d of kind %s, another time others", len(a), what)
	}
	if reflect.DeepEqual(a, list(200, 8)) {
		t.Errorf("another seed gives the same of kind %s", what)
	}
	n := 0
	for range make(1000, 7) {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 || len(list(0, 7)) != 0 {
		t.Errorf("%s: a reader cannot stop", what)
	}
}

func TestScaledThingsAreSound(t *testing.T) {
	t.Parallel()
	b := open(t)
	types, err := taxonomy.New()
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	for o := range Organisations(600, 1) {
		keys[o.Key] = true
		if o.Name == "" || len(o.Contacts) == 0 || o.Sector == "" || len(o.Communities) != 1 {
			t.Fatalf("%+v", o)
		}
	}
	titles, closed, n := map[string]bool{}, 0, 0
	last := Ago(0)
	for i := range Incidents(5000, 600, 1) {
		n++
		if n == 1 && len(i.Parties) != 500 {
			t.Errorf("the first incident has %d parties", len(i.Parties))
		}
		if i.State == "closed" {
			closed++
		}
		if i.Opened < last || !types.Known(i.Type) || i.Title == "" || len(i.Title) > 200 || i.Started < i.Opened || i.Closed > i.Opened || (i.State == "closed") != (i.Closing != nil) || !i.PAP.Valid() {
			t.Fatalf("%+v", i)
		}
		last = i.Opened
		titles[i.Title] = true
		if strings.ContainsAny(i.Title+i.Summary+i.Entries[0].Text, "{}") {
			t.Fatalf("%s has a hole: %q %q %q", i.Key, i.Title, i.Summary, i.Entries[0].Text)
		}
		seen := map[string]bool{}
		for _, p := range i.Parties {
			if !keys[p.Organisation] || seen[p.Organisation] {
				t.Fatalf("%s: party %s is nobody or there twice", i.Key, p.Organisation)
			}
			seen[p.Organisation] = true
			if _, err := b.library.Recommendation(p.Measures[0].Recommendation, "en"); err != nil {
				t.Fatal(err)
			}
		}
		for _, e := range i.Entries {
			if e.Happened > i.Opened || e.Happened <= 0 {
				t.Fatalf("%s: entry %v ago, opened %v ago", i.Key, e.Happened, i.Opened)
			}
		}
	}
	if n != 5000 || closed < 4400 || len(titles) < 2500 {
		t.Errorf("%d incidents, %d closed, %d titles", n, closed, len(titles))
	}
	texts := map[string]bool{}
	for r := range Reports(2000, 600, 1) {
		texts[r.Description] = true
		if strings.ContainsAny(r.Summary+r.Description, "{}") {
			t.Fatalf("%s has a hole: %q %q", r.Key, r.Summary, r.Description)
		}
		if r.Summary == "" || r.Email == "" || !types.Known(r.Type) || r.Organisation != "" && !keys[r.Organisation] {
			t.Fatalf("%+v", r)
		}
	}
	if len(texts) < 1900 {
		t.Errorf("%d different texts in 2000 reports", len(texts))
	}
	for i := range Incidents(3, 0, 1) {
		if len(i.Parties) != 0 {
			t.Errorf("a country without organisations has parties: %v", i.Parties)
		}
	}
}

func BenchmarkIncidents(b *testing.B) {
	n := 0
	for i := range Incidents(b.N+1, 1000, 1) {
		if n++; len(i.Title) == 0 || n > b.N {
			break
		}
	}
}
