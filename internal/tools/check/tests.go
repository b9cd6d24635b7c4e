package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	_ "embed" // the allowed skips
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/tocsin-csirt/tocsin/internal/kit/db/pgtest"
)

const testsFailed = "tests failed"

// translatedC leaves SQLite as it was translated from C uninstrumented: its memory is not Go's, and the race detector looks at no other (racecalladdr in
// runtime/race_amd64.s). What locks and orders it, modernc.org/sqlite, modernc.org/libc and kit/db, stays instrumented.
const translatedC = "-gcflags=modernc.org/sqlite/lib=-race=false"

// tests runs the import rules first, because they take no time, then every plan.
func (r *run) tests() {
	all, err := list(r.ctx, r.patterns())
	if err != nil {
		r.do("list packages", func(context.Context) error { return err })
		return
	}
	if len(r.packages) == 0 {
		r.do("floors and shelf", func(ctx context.Context) error {
			return r.test(ctx, plan{name: "floors and shelf", packages: []string{module + "internal"}, engine: "sqlite"}, nil)
		})
		all = dropPackage(all, module+"internal")
	}
	var server *pgtest.Server
	if pgtest.Available() == nil {
		r.do("start PostgreSQL", func(ctx context.Context) error {
			server, err = pgtest.Start(ctx)
			return err
		})
	}
	var env []string
	if server != nil {
		env = append(env, pgtest.EnvServer+"="+server.DSN)
		defer func() {
			if err := server.Stop(); err != nil {
				fmt.Println(err)
			}
		}()
	}
	if r.long {
		env = append(env, "TOCSIN_LONG=1")
	}
	if dir := pgtest.Memory(); dir != "" {
		env = append(env, "TMPDIR="+dir, "GOTMPDIR="+cmp.Or(os.Getenv("GOTMPDIR"), os.TempDir())) // binaries are large
	}
	for group := range sideBySide(plans(all, r.fast, server != nil, inPath("gcc")())) {
		var all sync.WaitGroup
		for _, p := range group {
			if p.atOnce > 0 {
				p.flags = append(slices.Clone(p.flags), fmt.Sprintf("-p=%d", p.atOnce))
			}
			all.Go(func() { r.do(p.name, func(ctx context.Context) error { return r.test(ctx, p, env) }) })
		}
		all.Wait()
	}
}

// sideBySide gives the plans in order, those together that run beside each other.
func sideBySide(plans []plan) iter.Seq[[]plan] {
	return func(yield func([]plan) bool) {
		for len(plans) > 0 {
			n := 1
			for n < len(plans) && plans[n].beside {
				n++
			}
			if !yield(plans[:n]) {
				return
			}
			plans = plans[n:]
		}
	}
}

func dropPackage(all []tested, path string) (kept []tested) {
	for _, t := range all {
		if t.path != path {
			kept = append(kept, t)
		}
	}
	return kept
}

// test is one go test, read as events. What a debugger would need is left out of the binaries: a panic names its lines without.
func (r *run) test(ctx context.Context, p plan, env []string) error {
	words := []string{"test", "-json", "-count=1", "-vet=off", "-ldflags=-w", "-timeout=" + map[bool]string{false: "10m", true: "3h"}[r.long]}
	raced := slices.Contains(p.flags, "-race")
	if raced {
		words = append(words, translatedC)
	}
	cmd := exec.CommandContext(ctx, "go", append(append(words, p.flags...), p.packages...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Env = append(append(os.Environ(), env...), pgtest.EnvEngine+"="+p.engine)
	if raced {
		cmd.Env = append(cmd.Env, "CGO_ENABLED=1", strings.TrimSpace("GORACE=atexit_sleep_ms=0 "+os.Getenv("GORACE"))) // else every binary sleeps for a second
	}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	results := newResults(p.name)
	lines := bufio.NewReader(out)
	for {
		line, readErr := lines.ReadBytes('\n')
		if len(line) > 0 {
			results.read(line)
		}
		if readErr != nil {
			break
		}
	}
	err = cmd.Wait()
	r.mu.Lock()
	before := r.tally.failed
	results.into(&r.tally)
	failed := r.tally.failed > before
	r.mu.Unlock()
	if failed {
		return errors.New(testsFailed)
	}
	return err // go test failed and no test says why
}

// event is a line of go test -json (go doc test2json).
type event struct {
	Action, Package, ImportPath, Test, Output, FailedBuild string
	Elapsed                                                float64
}

type key struct{ pkg, test string }

// results gathers the events of one go test.
type results struct {
	plan   string
	state  map[key]string // run, pass, fail, skip
	order  []key
	parent map[key]bool
	output map[key]*bytes.Buffer // also of packages (empty test) and of builds
	took   map[key]float64       // seconds of whole tests
}

func newResults(plan string) *results {
	return &results{plan, map[key]string{}, nil, map[key]bool{}, map[key]*bytes.Buffer{}, map[key]float64{}}
}

func (r *results) read(line []byte) {
	var e event
	if json.Unmarshal(line, &e) != nil {
		fmt.Printf("%s", line)
		return
	}
	k := key{e.Package, e.Test}
	switch e.Action {
	case "output":
		r.write(k, e.Output)
	case "build-output":
		pkg, _, _ := strings.Cut(e.ImportPath, " ")
		r.write(key{pkg, ""}, e.Output)
	case "run":
		r.state[k] = "run"
		r.order = append(r.order, k)
		if i := strings.LastIndexByte(e.Test, '/'); i > 0 {
			r.parent[key{e.Package, e.Test[:i]}] = true
		}
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.order = append(r.order, k)
			fmt.Printf("   %-5s %7.2f s  %s\n", e.Action, e.Elapsed, strings.TrimPrefix(e.Package, module))
		}
		r.state[k] = e.Action
		if e.Test != "" && !strings.Contains(e.Test, "/") {
			r.took[k] = e.Elapsed
		}
	}
}

func (r *results) write(k key, text string) {
	b := r.output[k]
	if b == nil {
		b = &bytes.Buffer{}
		r.output[k] = b
	}
	if b.Len() < 64<<10 {
		b.WriteString(text)
	}
}

// into counts leaves: a test with subtests counts as them, unless it failed by itself. A package that fails without a failed test (it
// did not compile, it exited, it ran out of time) counts as one, and a test that never ended as failed.
func (r *results) into(t *tally) {
	for k, seconds := range r.took {
		t.took = append(t.took, took{seconds, r.plan, k})
	}
	failedBelow := map[key]bool{}
	failedIn := map[string]bool{}
	for _, k := range r.order {
		if s := r.state[k]; k.test != "" && !r.parent[k] && (s == "fail" || s == "run") {
			failedIn[k.pkg] = true
			for i, c := range k.test {
				if c == '/' {
					failedBelow[key{k.pkg, k.test[:i]}] = true
				}
			}
		}
	}
	for _, k := range r.order {
		state := r.state[k]
		switch {
		case k.test == "" && (state != "fail" || failedIn[k.pkg]):
		case r.parent[k] && (state != "fail" && state != "run" || failedBelow[k]):
		case state == "fail", state == "run":
			failedIn[k.pkg] = true
			t.fail(r.plan, k, r.text(k))
		case state == "skip":
			t.skipped = append(t.skipped, skip{r.plan, k, reason(r.text(k))})
		default:
			t.passed++
		}
	}
}

func (r *results) text(k key) string {
	if b := r.output[k]; b != nil {
		return b.String()
	}
	return ""
}

// tally is what all runs came to.
type tally struct {
	passed, failed int
	skipped        []skip
	failures       []string
	took           []took // of whole tests
}

// took is how long a test was, in seconds; one that runs beside others waits for them too.
type took struct {
	seconds float64
	plan    string
	key     key
}

// printLongest names the tests that a shorter run would begin with.
func (t *tally) printLongest() {
	slices.SortFunc(t.took, func(a, b took) int { return cmp.Compare(b.seconds, a.seconds) })
	for i, x := range t.took {
		if i == 15 || x.seconds < 5 {
			break
		}
		if i == 0 {
			fmt.Println("\nthe longest tests")
		}
		fmt.Printf("   %7.1f s  %s %s (%s)\n", x.seconds, strings.TrimPrefix(x.key.pkg, module), x.key.test, x.plan)
	}
}

type skip struct {
	plan   string
	key    key
	reason string
}

func (t *tally) fail(plan string, k key, text string) {
	t.failed++
	name := strings.TrimSpace(strings.TrimPrefix(k.pkg, module) + " " + k.test)
	t.failures = append(t.failures, fmt.Sprintf("FAILED (%s) %s", plan, name))
	fmt.Printf("\nFAILED (%s) %s\n%s\n", plan, name, text)
}

func (t *tally) printFailures() {
	if len(t.failures) > 0 {
		fmt.Println()
	}
	for _, f := range t.failures {
		fmt.Println(f)
	}
}

//go:embed skips.txt
var allowedSkips string

// printSkips names every skipped test with its reason and gives the number of those that count as failed.
func (t *tally) printSkips(requireAll bool) (failed int) {
	for i, s := range t.skipped {
		if i == 0 {
			fmt.Println()
		}
		word := "skipped"
		if requireAll && !allowed(s.key, allowedSkips) {
			word = "FAILED, skipped though all is required:"
			failed++
		}
		fmt.Printf("%s (%s) %s %s: %s\n", word, s.plan, strings.TrimPrefix(s.key.pkg, module), s.key.test, s.reason)
	}
	return failed
}

// allowed looks a skipped test up in the list: package and test as patterns of path.Match, the rest of the line is the reason.
func allowed(k key, list string) bool {
	for line := range strings.Lines(list) {
		words := strings.Fields(line)
		if len(words) < 3 || strings.HasPrefix(words[0], "#") {
			continue
		}
		pkg, _ := path.Match(words[0], strings.TrimPrefix(k.pkg, module))
		test, _ := path.Match(words[1], k.test)
		if pkg && test {
			return true
		}
	}
	return false
}

var place = regexp.MustCompile(`^\s*[\w.-]+\.go:\d+: `)

// reason is the text of t.Skip in a test's output.
func reason(text string) string {
	var said []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if s := strings.TrimSpace(line); s != "" && !strings.HasPrefix(s, "===") && !strings.HasPrefix(s, "---") {
			said = append(said, strings.TrimSpace(place.ReplaceAllString(line, "")))
		}
	}
	if len(said) == 0 {
		return "no reason given"
	}
	return said[len(said)-1]
}
