package coordination

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/domain/correspondence"
)

// Nobody is named by a sum, nor by what is left when one sum is taken from another (rule L4).
func TestSumsNameNobodyEvenByDifference(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	values := []string{"yes", "no", "unknown"}
	shownSome := false
	for range 3000 {
		var table Table
		set := QuestionSet{Code: "exposure", Questions: []Question{{Code: "runs", Kind: YesNo}, {Code: "count", Kind: Number}, {Code: "version", Kind: FreeText}}}
		table.Sets = []QuestionSet{set}
		skew := 1 + r.IntN(20)
		for i := range r.IntN(80) {
			row := TableRow{Sector: []string{"", "health", "energy", "water", "transport"}[min(r.IntN(5), r.IntN(6))], Asked: map[string]Request{}}
			row.Party.Organisation = int64(i)
			if r.IntN(10) > 0 {
				q := Request{}
				if r.IntN(3) > 0 {
					v := values[0]
					if r.IntN(skew) == 0 {
						v = values[r.IntN(3)]
					}
					q.Replies = []Reply{{Concerns: r.IntN(skew+1) > 0, Whole: Answers{"runs": {Value: v}, "count": {Value: fmt.Sprint(r.IntN(3))}, "version": {Value: "7"}}}}
				}
				row.Asked["exposure"] = q
			}
			table.All = append(table.All, row)
		}
		x := table.Sums()
		if x.Hidden {
			if len(table.All) >= SmallCount {
				t.Fatalf("%d parties are hidden", len(table.All))
			}
			continue
		}
		all := 0
		for g, n := range x.Of {
			all += n
			if n < SmallCount {
				t.Fatalf("%s has %d parties", g, n)
			}
		}
		if all != len(table.All) {
			t.Fatalf("%d of %d parties", all, len(table.All))
		}
		for _, q := range x.Questions {
			if q.Question == "version" {
				t.Fatal("words are counted")
			}
			for key, n := range q.Whole {
				rest := n
				for g, counts := range q.By {
					if m := counts[key]; m > 0 && m < SmallCount {
						t.Fatalf("%s: %d say %s", g, m, key)
					}
					rest -= counts[key]
					shownSome = true
				}
				if rest > 0 && rest < SmallCount || rest != q.Rest[key] {
					t.Fatalf("%d are left of those who say %s: %+v", rest, key, q)
				}
				if n < SmallCount {
					t.Fatalf("%d say %s", n, key)
				}
			}
		}
	}
	if !shownSome {
		t.Error("no sector was ever shown")
	}
}

// Each party is in one state, the one that says most of what is still to be waited for.
func TestTheStatesOfTheTable(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	told := Row{ToldAt: at}
	answered := Row{ToldAt: at, AnsweredAt: at}
	silent := Row{ToldAt: at, SilentSince: at}
	seen := map[TableState]bool{}
	for what, c := range map[string]struct {
		row    Row
		states []MeasureState
		want   TableState
	}{
		"nothing left":             {Row{}, []MeasureState{Proposed}, TableUntold},
		"a word, though untold":    {Row{AnsweredAt: at}, nil, TableAnswered},
		"owes a word":              {silent, []MeasureState{Proposed}, TableSilent},
		"owes a word, and is done": {silent, []MeasureState{Done}, TableSilent},
		"a word alone":             {answered, nil, TableAnswered},
		"on it":                    {answered, []MeasureState{Planned, Done}, TableWorking},
		"done":                     {answered, []MeasureState{Done, Verified}, TableDone},
		"declined":                 {answered, []MeasureState{Declined}, TableDeclined},
		"one done, one declined":   {answered, []MeasureState{Done, Declined}, TableAnswered},
		"recalled":                 {told, []MeasureState{Recalled}, TableAnswered},
		"expired, and done":        {told, []MeasureState{Expired, Done}, TableDone},
	} {
		for _, s := range c.states {
			c.row.Measures = append(c.row.Measures, Measure{State: s})
		}
		if got := c.row.State(); got != c.want {
			t.Errorf("%s: %s, want %s", what, got, c.want)
		}
		seen[c.want] = true
	}
	if len(seen) != len(TableStates()) {
		t.Errorf("of the states only %v are told", seen)
	}
}

// A chase moves neither when a party was told nor since when it is silent, in whichever order its messages are read.
func TestAChaseDoesNotMoveWhenAPartyWasTold(t *testing.T) {
	t.Parallel()
	first := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	letter := func(id int64, state correspondence.State, after time.Duration) correspondence.Message {
		return correspondence.Message{ID: id, Direction: correspondence.Out, Kind: correspondence.Letter, State: state, SentAt: first.Add(after)}
	}
	messages := []correspondence.Message{letter(1, correspondence.Sent, 0), letter(2, correspondence.Sent, 72*time.Hour), letter(3, correspondence.Held, -time.Hour)}
	for range 2 {
		row := Row{Requests: []Request{{State: Asked, Message: 1, DueAt: first.Add(48 * time.Hour)}}}
		row.read(messages, first.Add(100*time.Hour))
		if row.ToldAt != first || row.SilentSince != first || row.DeliveredAt != first.Add(72*time.Hour) {
			t.Errorf("told %v, delivered %v, silent since %v", row.ToldAt, row.DeliveredAt, row.SilentSince)
		}
		slices.Reverse(messages)
	}
}
