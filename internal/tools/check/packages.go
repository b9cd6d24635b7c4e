package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
)

const module = "github.com/tocsin-csirt/tocsin/"

// raceOnSQLite are the packages that start goroutines around a SQLite database: they run under the race detector there too. This is
// the one place where they are listed.
var raceOnSQLite = []string{
	"internal/kit/db",
	"internal/kit/job",
	"internal/kit/pubsub",
	"internal/core/audit",
	"internal/core/notify",
}

// processes are the packages whose tests start the program itself, many times: its parts run under the race detector in their own packages, the
// whole is tried as it is shipped.
var processes = []string{
	"internal/cli",
	"internal/tools/bench",
	"internal/kit/confine", // each child is held as it is given out
}

// walks try every route, operation, form, name, signature or move one after the other. Between two requests nothing runs at the same time, so the race detector
// learns nothing there that other tests do not tell it, and makes them six times as long: on PostgreSQL they run without it (decision 0013).
var walks = map[string][]string{
	"internal/app": {
		"TestActsOnOnePartyLeaveTheOtherAlone", "TestAnAnswerToManySurvivesKills", "TestAFilledHouseWorks", "TestAValidSignatureIsOneOfThatContact", "TestCanariesStayInside", "TestEveryRouteAsEverybody", "TestForeignReferencesInForms",
		"TestHostileFieldsAreRefused", "TestNothingAcknowledgedIsLost", "TestTheLaneLosesNothing", "TestNothingOfOnePartyReachesAnother", "TestASendingSurvivesKills", "TestTheCountryIsThere",
	},
	"internal/domain/coordination": {"TestAPartyReadsItselfOnly"},
	"internal/surface/api": {
		"TestBodiesHaveLimits", "TestForeignReferences", "TestGetChangesNothing", "TestNotYoursSealedAbsent", "TestOneReadingOnEveryOperation",
		"TestOthersDoNotShow", "TestParameters", "TestTheMapIsWhole", "TestWalk",
	},
}

// longest are the packages whose tests take longest. They begin first, so that none of them is left alone at the end.
var longest = []string{
	"internal/app",
	"internal/cli",
	"internal/surface/web/desk",
	"internal/surface/web/public",
	"internal/domain/coordination",
	"internal/domain/correspondence",
	"internal/domain/intake",
	"internal/surface/web/portal",
}

// houses is the package whose tests run the whole program, one after the other: they wait more than they compute.
const houses = "internal/app"

// walking is the pattern of all walks.
func walking() string {
	var names []string
	for _, of := range slices.Sorted(maps.Keys(walks)) {
		names = append(names, walks[of]...)
	}
	return "^(" + strings.Join(names, "|") + ")$"
}

// tested is a package with tests, and what they stand on.
type tested struct {
	path     string
	sqlite   bool // a database at all: kit/db links SQLite
	postgres bool // knows both engines
	browser  bool
}

// list finds the packages with tests.
func list(ctx context.Context, patterns []string) ([]tested, error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"list", "-test", "-json=ImportPath,Deps"}, patterns...)...)
	var errText bytes.Buffer
	cmd.Stderr = &errText
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, errText.Bytes())
	}
	var found []tested
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath string
			Deps       []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return found, nil
		} else if err != nil {
			return nil, err
		}
		path, isTest := strings.CutSuffix(p.ImportPath, ".test")
		if !isTest {
			continue
		}
		t := tested{path: path}
		for _, dep := range p.Deps {
			if strings.HasPrefix(path, module+"internal/tools/") {
				break // they start these things for others
			}
			dep, _, _ = strings.Cut(dep, " ") // a variant built for a test is named "path [test]"
			t.sqlite = t.sqlite || dep == "modernc.org/sqlite"
			t.postgres = t.postgres || dep == module+"internal/kit/db/pgtest"
			t.browser = t.browser || dep == "github.com/chromedp/chromedp"
		}
		found = append(found, t)
	}
}

// plan is one call of go test.
type plan struct {
	name     string
	packages []string
	engine   string
	flags    []string
	beside   bool // runs while the plan before it runs
	atOnce   int  // packages; 0 is one a processor
}

// plans sorts the packages into calls. What has no database needs no second run: it runs under the race detector only.
func plans(all []tested, fast, postgres, race bool) []plan {
	notBrowser := "-skip=^TestBrowser"
	pick := func(is func(tested) bool) (paths []string) {
		for _, t := range all {
			if is(t) {
				paths = append(paths, t.path)
			}
		}
		rank := func(path string) int {
			if i := slices.Index(longest, strings.TrimPrefix(path, module)); i >= 0 {
				return i
			}
			return len(longest)
		}
		slices.SortStableFunc(paths, func(a, b string) int { return rank(a) - rank(b) })
		return paths
	}
	listed := func(t tested) bool { return slices.Contains(raceOnSQLite, strings.TrimPrefix(t.path, module)) }
	whole := func(t tested) bool { return slices.Contains(processes, strings.TrimPrefix(t.path, module)) }
	race = race && !fast
	var out []plan
	if !race {
		out = append(out, plan{name: "tests, SQLite", packages: pick(func(tested) bool { return true }), engine: "sqlite", flags: []string{notBrowser}})
		if postgres {
			out = append(out, plan{name: "tests, PostgreSQL", packages: pick(func(t tested) bool { return t.postgres }), engine: "postgres", flags: []string{notBrowser}})
		}
	} else {
		out = append(out,
			plan{name: "tests, SQLite", packages: pick(func(t tested) bool { return t.sqlite || whole(t) }), engine: "sqlite", flags: []string{notBrowser}},
			plan{name: "race, SQLite", packages: pick(func(t tested) bool {
				return !whole(t) && !t.sqlite && (!t.postgres || !postgres) || t.sqlite && listed(t)
			}), engine: "sqlite", flags: []string{"-race", notBrowser}, beside: true, atOnce: 1})
		if postgres {
			one := func(path string) bool { return path == module+houses }
			out = append(out,
				plan{name: "race, PostgreSQL", packages: pick(func(t tested) bool { return t.postgres && !whole(t) && !one(t.path) }), engine: "postgres", flags: []string{"-race", notBrowser + "|" + walking()}},
				plan{name: "race of whole houses, PostgreSQL", packages: pick(func(t tested) bool { return t.postgres && one(t.path) }), engine: "postgres", flags: []string{"-race", notBrowser + "|" + walking()}, beside: true, atOnce: 1},
				plan{name: "processes, PostgreSQL", packages: pick(func(t tested) bool { return t.postgres && whole(t) }), engine: "postgres", flags: []string{notBrowser}, beside: true, atOnce: 1},
				plan{name: "walks, PostgreSQL", packages: pick(func(t tested) bool { return t.postgres && walks[strings.TrimPrefix(t.path, module)] != nil }), engine: "postgres", flags: []string{"-run=" + walking()}, beside: true, atOnce: 1})
		}
	}
	out = append(out, plan{name: "browser", packages: pick(func(t tested) bool { return t.browser }), engine: "sqlite", flags: []string{"-p=2", "-run=^TestBrowser"}})
	return slices.DeleteFunc(out, func(p plan) bool { return len(p.packages) == 0 })
}
