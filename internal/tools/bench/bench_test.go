package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/app"
	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
	"github.com/tocsin-csirt/tocsin/internal/sample/fill"
)

// TestMain lets the test be the server and the key process that its houses start, as the program itself is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		role := app.All
		if len(os.Args) > 3 {
			role = app.Role(os.Args[3])
		}
		if err := serve(context.Background(), role); err != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// Each scenario runs in a house so small that no figure means anything: it must only do what it says.
func TestEachScenarioRuns(t *testing.T) {
	if os.Getenv("TOCSIN_SHARED") == "" {
		t.Setenv("TOCSIN_SHARED", filepath.Join("..", "..", "..", "..", "shared"))
	}
	all, end := scenarios(options{size: fill.Size{Incidents: 30, Reports: 60, Organisations: 20, Seed: 1}, engines: pgtest.Engines(t), mails: 40, tiny: true})
	t.Cleanup(end)
	for _, s := range all {
		if s.name == sizeOfProgram {
			continue // it compiles the program anew; the row does nothing else
		}
		t.Run(s.name, func(t *testing.T) {
			r := measure(t.Context(), s, 1)
			if r.err != nil {
				t.Fatal(r.err)
			}
			if r.figure != nil && r.value == "" {
				t.Error("there is no figure")
			}
			for _, missed := range r.missed() {
				if strings.Contains(missed, "not measured") {
					t.Error(missed)
				}
			}
		})
	}
}

func of(s scenario, results ...result) scenario {
	s.prepare = func(context.Context) (func(context.Context) (result, error), func(), error) {
		i := -1
		return func(context.Context) (result, error) { i++; return results[i], nil }, func() {}, nil
	}
	return s
}

func TestMedianSpreadAndPercentiles(t *testing.T) {
	r := row{rates: []float64{90, 95, 100, 110, 120}}
	if r.median() != 100 || r.spread() != 0.3 {
		t.Errorf("median %v, spread %v", r.median(), r.spread())
	}
	var ms []time.Duration
	for i := range 200 {
		ms = append(ms, time.Duration(i+1)*time.Millisecond)
	}
	for p, want := range map[float64]time.Duration{0.5: 100 * time.Millisecond, 0.95: 190 * time.Millisecond, 0.99: 198 * time.Millisecond, 1: 200 * time.Millisecond} {
		if got := percentile(ms, p); got != want {
			t.Errorf("p%v is %v, want %v", p, got, want)
		}
	}
	if percentile(nil, 0.5) != 0 || percentile(ms[:1], 0.01) != time.Millisecond {
		t.Error("none and one")
	}
}

func TestATableSaysWhatMissesItsTarget(t *testing.T) {
	slow := result{items: 1, latencies: []time.Duration{time.Second}}
	rows := []row{
		measure(t.Context(), of(scenario{name: "good", p95: 2 * time.Second}, slow, slow), 2),
		measure(t.Context(), of(scenario{name: "late", p95: time.Millisecond, p99: time.Millisecond}, slow), 1),
		measure(t.Context(), of(scenario{name: "few", rate: 1e12}, slow), 1),
		measure(t.Context(), of(scenario{name: "blind", p95: time.Second}, result{items: 1}), 1),
		measure(t.Context(), of(scenario{name: "idle"}, result{}), 1),
		measure(t.Context(), scenario{name: "broken", prepare: func(context.Context) (func(context.Context) (result, error), func(), error) {
			return nil, nil, errors.New("no server")
		}}, 1),
	}
	var b strings.Builder
	if table(&b, rows) {
		t.Error("missed targets passed")
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	for i, want := range []string{"ok |", "p95 above 1ms, p99 above 1ms", "below 1000000000000/s", "p95 not measured", "the round did nothing", "no server"} {
		if !strings.Contains(lines[i+2], want) {
			t.Errorf("%q lacks %q", lines[i+2], want)
		}
	}
	if !table(&b, rows[:1]) {
		t.Error("a good row failed")
	}
	if !slices.IsSorted(rows[0].rates) || len(rows[0].rates) != 2 {
		t.Errorf("rates %v", rows[0].rates)
	}
}
