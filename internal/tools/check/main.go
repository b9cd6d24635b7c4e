// Command check is ./test: it runs everything that must hold and says how it went.
//
// Map: tools.go installs what is missing; source.go looks at the files (modules, generated, format, vet, staticcheck); packages.go sorts the
// packages into the runs they need; tests.go runs them and counts; fuzz.go is for --long. The runs of the Go tests are
//
//	SQLite      what uses a database, without the race detector (the translated C is thirty times slower under it)
//	race        what has no database, and the packages of raceOnSQLite
//	PostgreSQL  every store, with the race detector, and beside it the whole houses; the walks and the processes without it
//	browser     tests named TestBrowser…
//
// Decision 0015 says what makes it quick.
//
// The last line is `N passed, N failed, N skipped`. The exit status is 0 when nothing failed, 1 when something did, 2 for wrong usage.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
)

const usage = `usage: ./test [--fast] [--long] [PACKAGE…]

Without packages everything is run: tools, modules, generated files, gofumpt, vet, staticcheck, the floors, and all
tests on SQLite and PostgreSQL, under the race detector, and in Chromium. With packages (./internal/kit/id,
./internal/core/...) their format, vet and tests only.

  --fast   without the race detector
  --long   also the long forms of tests (TOCSIN_LONG=1) and a minute for each fuzz target

TOCSIN_REQUIRE_ALL=1 turns what cannot be run, and skipped tests that skips.txt does not allow, into failures.
`

// run is one invocation.
type run struct {
	ctx        context.Context
	fast, long bool
	requireAll bool
	packages   []string // empty: all

	mu    sync.Mutex // steps run side by side
	steps []step
	tally tally
}

// step is a line of the summary.
type step struct {
	name    string
	took    time.Duration
	problem string // empty: passed
	left    bool   // could not be run
}

func main() {
	r := &run{requireAll: os.Getenv(pgtest.EnvRequireAll) == "1"}
	flags := flag.NewFlagSet("test", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(os.Stderr, usage) }
	flags.BoolVar(&r.fast, "fast", false, "")
	flags.BoolVar(&r.long, "long", false, "")
	switch err := flags.Parse(os.Args[1:]); {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		os.Exit(2)
	}
	r.packages = flags.Args()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	r.ctx = ctx
	ok := r.all()
	stop()
	if !ok {
		os.Exit(1)
	}
}

func (r *run) all() bool {
	started := time.Now()
	spendMemory()
	_ = os.Setenv("GOFLAGS", strings.TrimSpace(os.Getenv("GOFLAGS")+" "+pages))
	r.tools()
	if len(r.packages) == 0 {
		r.do("modules", modules)
		r.do("generated files", generated)
	}
	r.do("gofumpt", r.format)
	r.do("go vet", r.vet)
	if len(r.packages) == 0 {
		r.do("staticcheck", r.staticcheck)
	}
	r.tests()
	if r.long {
		r.do("fuzzing", r.fuzz)
	}
	return r.summary(time.Since(started))
}

// pages are compiled without inlining, everywhere alike, so that what vet compiled is what the tests link: a component that is inlined brings its whole page
// with it, and the desk took five times as long.
const pages = "-gcflags=" + module + "internal/surface/...=-l"

// spendMemory lets the compiler, the linker, vet, staticcheck and the tests collect garbage less often, where there is memory for it: the
// compilation of the desk takes a third less of the processor. What the caller asks for stands.
func spendMemory() {
	if pgtest.Memory() == "" || os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	_ = os.Setenv("GOGC", "400")
	_ = os.Setenv("GOMEMLIMIT", "4GiB") // each
}

// do runs a step, unless the run was stopped, and notes how it went.
func (r *run) do(name string, work func(context.Context) error) {
	if r.ctx.Err() != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.steps = append(r.steps, step{name: name, problem: "stopped"})
		return
	}
	fmt.Printf("== %s\n", name)
	started := time.Now()
	s := step{name: name}
	if err := work(r.ctx); err != nil {
		s.problem = err.Error()
		fmt.Printf("FAILED %s: %v\n", name, err)
	}
	s.took = time.Since(started)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.steps = append(r.steps, s)
}

// leave notes a part that this machine cannot run.
func (r *run) leave(name, why string) {
	fmt.Printf("\nNOT RUN: %s: %s\n\n", name, why)
	r.steps = append(r.steps, step{name: name, left: true, problem: why})
}

// summary prints what happened and tells whether all is well.
func (r *run) summary(took time.Duration) bool {
	fmt.Println()
	failed := r.tally.failed
	for _, s := range r.steps {
		state := "ok"
		switch {
		case s.left && !r.requireAll:
			state = "NOT RUN: " + s.problem
		case s.left:
			state = "FAILED, not run: " + s.problem
			failed++
		case s.problem != "":
			state = "FAILED"
			if !s.counted() {
				failed++
			}
		}
		fmt.Printf("%7.1f s  %-22s %s\n", s.took.Seconds(), s.name, state)
	}
	fmt.Printf("%7.1f s  altogether\n", took.Seconds())
	failed += r.tally.printSkips(r.requireAll)
	r.tally.printLongest()
	r.tally.printFailures()
	fmt.Printf("\n%d passed, %d failed, %d skipped\n", r.tally.passed, failed, len(r.tally.skipped))
	return failed == 0
}

// counted tells whether the failures of the step are in the tally already.
func (s step) counted() bool { return s.problem == testsFailed }
