package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// events are what go test -json says of a package with a story, a table, a crash and one that does not compile.
const events = `
{"Action":"run","Package":"m/a","Test":"TestOne"}
{"Action":"pass","Package":"m/a","Test":"TestOne"}
{"Action":"run","Package":"m/a","Test":"TestTable"}
{"Action":"run","Package":"m/a","Test":"TestTable/x"}
{"Action":"run","Package":"m/a","Test":"TestTable/y"}
{"Action":"pass","Package":"m/a","Test":"TestTable/x"}
{"Action":"fail","Package":"m/a","Test":"TestTable/y"}
{"Action":"fail","Package":"m/a","Test":"TestTable"}
{"Action":"run","Package":"m/a","Test":"TestOwn"}
{"Action":"run","Package":"m/a","Test":"TestOwn/x"}
{"Action":"pass","Package":"m/a","Test":"TestOwn/x"}
{"Action":"fail","Package":"m/a","Test":"TestOwn"}
{"Action":"run","Package":"m/a","Test":"TestGnuPG"}
{"Action":"output","Package":"m/a","Test":"TestGnuPG","Output":"=== RUN   TestGnuPG\n"}
{"Action":"output","Package":"m/a","Test":"TestGnuPG","Output":"    gpg_test.go:12: no gpg in PATH\n"}
{"Action":"output","Package":"m/a","Test":"TestGnuPG","Output":"--- SKIP: TestGnuPG (0.00s)\n"}
{"Action":"skip","Package":"m/a","Test":"TestGnuPG"}
{"Action":"fail","Package":"m/a"}
{"Action":"run","Package":"m/b","Test":"TestHangs"}
{"Action":"fail","Package":"m/b"}
{"ImportPath":"m/c [m/c.test]","Action":"build-output","Output":"undefined: bell\n"}
{"Action":"fail","Package":"m/c","FailedBuild":"m/c [m/c.test]"}
{"Action":"skip","Package":"m/d"}
`

func TestCountingIsHonest(t *testing.T) {
	r := newResults("SQLite")
	for line := range strings.Lines(strings.TrimSpace(events)) {
		r.read([]byte(line))
	}
	var got tally
	r.into(&got)
	want := []string{"m/a TestTable/y", "m/a TestOwn", "m/b TestHangs", "m/c"}
	if got.passed != 3 || got.failed != len(want) || len(got.failures) != len(want) {
		t.Errorf("%d passed, %d failed: %q", got.passed, got.failed, got.failures)
	}
	for _, w := range want {
		if !slices.Contains(got.failures, "FAILED (SQLite) "+w) {
			t.Errorf("%s is not among %q", w, got.failures)
		}
	}
	if len(got.skipped) != 1 || got.skipped[0].reason != "no gpg in PATH" {
		t.Errorf("skipped: %+v", got.skipped)
	}
	if got.printSkips(false) != 0 || got.printSkips(true) != 1 {
		t.Error("a skip fails when all is required, and only then")
	}
}

func TestAllowedSkipsNameTheirReason(t *testing.T) {
	const list = "# comment\ninternal/kit/pgp TestVectors* needs samples that are not everywhere\ninternal/kit/id TestBare\n"
	for k, want := range map[key]bool{
		{module + "internal/kit/pgp", "TestVectorsOfOthers"}: true,
		{module + "internal/kit/pgp", "TestOther"}:           false,
		{module + "internal/kit/id", "TestBare"}:             false,
	} {
		if allowed(k, list) != want {
			t.Errorf("%v: want %v", k, want)
		}
	}
}

func TestEveryPackageRunsSomewhere(t *testing.T) {
	all := []tested{
		{path: module + "internal/format/tlp"},
		{path: module + "internal/kit/db", sqlite: true, postgres: true},
		{path: module + "internal/domain/intake", sqlite: true, postgres: true},
		{path: module + "internal/app", sqlite: true, postgres: true, browser: true},
		{path: module + "internal/cli", sqlite: true, postgres: true},
		{path: module + "internal/surface/api", sqlite: true, postgres: true},
		{path: module + "internal/tools/bench"},
	}
	for _, c := range []struct {
		fast, postgres, race bool
		want                 string
	}{
		{false, true, true, "tests, SQLite:6 beside race, SQLite:2 race, PostgreSQL:3 beside race of whole houses, PostgreSQL:1 beside processes, PostgreSQL:1 beside walks, PostgreSQL:2 browser:1"},
		{false, false, true, "tests, SQLite:6 beside race, SQLite:2 browser:1"},
		{true, true, true, "tests, SQLite:7 tests, PostgreSQL:5 browser:1"},
		{false, true, false, "tests, SQLite:7 tests, PostgreSQL:5 browser:1"},
	} {
		var got []string
		for group := range sideBySide(plans(all, c.fast, c.postgres, c.race)) {
			for i, p := range group {
				got = append(got, strings.Repeat("beside ", min(i, 1))+p.name+":"+string(rune('0'+len(p.packages))))
			}
		}
		if g := strings.Join(got, " "); g != c.want {
			t.Errorf("%+v: %s", c, g)
		}
	}
}

func TestTheLongestBeginFirst(t *testing.T) {
	all := []tested{{path: module + "internal/schema"}}
	for _, dir := range slices.Backward(longest) {
		if files, err := filepath.Glob(filepath.Join("../../..", dir, "*_test.go")); err != nil || len(files) == 0 {
			t.Errorf("%s has no tests: %v", dir, err)
		}
		all = append(all, tested{path: module + dir})
	}
	got := plans(all, true, false, false)[0].packages
	for i, dir := range append(slices.Clone(longest), "internal/schema") {
		if got[i] != module+dir {
			t.Errorf("number %d is %s", i, got[i])
		}
	}
}

// What runs without the race detector is there, and every other test of its package runs with it.
func TestTheWalksAreTests(t *testing.T) {
	pattern := regexp.MustCompile(walking())
	for dir, names := range walks {
		files, err := filepath.Glob(filepath.Join("../../..", dir, "*_test.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", dir, err)
		}
		var text strings.Builder
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			text.Write(b)
		}
		all := regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(text.String(), -1)
		for _, name := range names {
			if !slices.ContainsFunc(all, func(m []string) bool { return m[1] == name }) {
				t.Errorf("%s has no %s", dir, name)
			}
		}
		for _, m := range all {
			if pattern.MatchString(m[1]) != slices.Contains(names, m[1]) {
				t.Errorf("%s of %s is skipped for the sake of another", m[1], dir)
			}
		}
	}
}

func TestGeneratedFilesAreKnownByTheirMark(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a_templ.go": "// Code generated by templ - DO NOT EDIT.\n\npackage a\n",
		"b.go":       "// Code generated by x. DO NOT EDIT.\npackage a\n",
		"c.md":       "<!-- Code generated by y. DO NOT EDIT. -->\n",
		"d.go":       "// Package d is by hand.\npackage d\n",
		"empty":      "",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := hashes(dir)
	if err != nil || len(got) != 3 {
		t.Errorf("%v, %v", got, err)
	}
	if _, ok := got[filepath.Join(dir, "d.go")]; ok {
		t.Error("a file by hand counts as generated")
	}
}

// TestAFailureIsAFailure runs the real thing on a package that fails, and on none that exists.
func TestAFailureIsAFailure(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":    "module example.test/x\n\ngo 1.26\n",
		"x.go":      "// Package x is one.\npackage x\n",
		"x_test.go": "package x\n\nimport \"testing\"\n\nfunc TestGood(t *testing.T) {}\nfunc TestBad(t *testing.T) { t.Fatal(\"as it must\") }\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("no go in PATH")
	}
	r := &run{ctx: t.Context()}
	r.do("x", func(ctx context.Context) error {
		return r.test(ctx, plan{name: "x", packages: []string{"./..."}, engine: "sqlite"}, nil)
	})
	if r.tally.passed != 1 || r.tally.failed != 1 || r.summary(0) {
		t.Errorf("%+v", r.tally)
	}
	r = &run{ctx: t.Context()}
	r.do("absent", func(ctx context.Context) error {
		return r.test(ctx, plan{name: "absent", packages: []string{"./absent"}, engine: "sqlite"}, nil)
	})
	if r.summary(0) {
		t.Error("a package that does not exist passed")
	}
	r = &run{ctx: t.Context()}
	r.leave("Bells", "none here")
	if !r.summary(0) {
		t.Error("a part that cannot be run failed without being required")
	}
	r.requireAll = true
	if r.summary(0) {
		t.Error("a part that cannot be run passed though all is required")
	}
}

// TestAChangedModuleIsRefused changes one file of a module after it was fetched (rule S1).
func TestAChangedModuleIsRefused(t *testing.T) {
	sums, err := os.ReadFile("../../../go.sum")
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^golang\.org/x/mod (v[0-9.]+)(/go\.mod)? h1:\S+\n`).FindAllString(string(sums), -1)
	if len(lines) != 2 {
		t.Fatalf("%d sums of golang.org/x/mod", len(lines))
	}
	version := strings.Fields(lines[0])[1]
	fetched, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	cache, dir := t.TempDir(), t.TempDir()
	for name, value := range map[string]string{"GOMODCACHE": cache, "GOFLAGS": "-modcacherw", "GOSUMDB": "off", "GOPROXY": "file://" + strings.TrimSpace(string(fetched)) + "/cache/download"} {
		t.Setenv(name, value)
	}
	for name, text := range map[string]string{"go.mod": "module example.test/x\n\ngo 1.26\n\nrequire golang.org/x/mod " + version + "\n", "go.sum": strings.Join(lines, "")} {
		for _, at := range []string{dir, filepath.Join(dir, "tools")} {
			if err := os.MkdirAll(at, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(at, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Chdir(dir)
	if out, err := exec.Command("go", "mod", "download").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := modules(t.Context()); err != nil {
		t.Errorf("as they were fetched: %v", err)
	}
	f, err := os.OpenFile(filepath.Join(cache, "golang.org/x/mod@"+version, "semver/semver.go"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString("\nfunc init() {}\n")
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	if err := modules(t.Context()); err == nil || !strings.Contains(err.Error(), "modified") {
		t.Errorf("a changed module: %v", err)
	}
}

// TestMissingToolsAreAskedOfApt has an apt-get that only writes down what it was asked, and knows no Chromium.
func TestMissingToolsAreAskedOfApt(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	for name, text := range map[string]string{
		"apt-get": "#!/bin/sh\necho \"$DEBIAN_FRONTEND $*\" >>" + log + "\ncase \"$*\" in *chromium*) echo 'no such package'; exit 100;; esac\n",
		"sudo":    "#!/bin/sh\nshift\nexec \"$@\"\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":/usr/bin:/bin")
	err := install(t.Context(), []tool{{name: "Chromium", deb: "chromium"}, {name: "C", deb: "gcc libc6-dev"}})
	if err == nil || !strings.Contains(err.Error(), "no such package") {
		t.Errorf("got %v", err)
	}
	asked, err := os.ReadFile(log)
	want := "noninteractive -q -y update\n" +
		"noninteractive -q -y install --no-install-recommends chromium\n" +
		"noninteractive -q -y install --no-install-recommends gcc libc6-dev\n"
	if err != nil || string(asked) != want {
		t.Errorf("apt was asked %q, %v", asked, err)
	}
	t.Setenv("PATH", t.TempDir())
	if err := install(t.Context(), nil); err == nil {
		t.Error("installed without apt")
	}
}

// TestTheFormatIsLookedAtAnywhere has a go that downloads while it works, as on a fresh machine, and a checkout with a space in its path.
func TestTheFormatIsLookedAtAnywhere(t *testing.T) {
	dir := t.TempDir()
	place := filepath.Join(dir, "a place")
	for name, text := range map[string]string{
		filepath.Join(dir, "go"): "#!/bin/sh\necho 'go: downloading mvdan.cc/gofumpt v0' >&2\ncase \"$1\" in\n" +
			"list) echo '" + place + "';;\n*) shift 4; for f; do case \"$f\" in *ugly*) echo \"$f\";; esac; done;;\nesac\n",
		filepath.Join(place, "fair.go"): "package x\n",
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+":/usr/bin:/bin")
	r := &run{ctx: t.Context(), packages: []string{"./x"}}
	if err := r.format(t.Context()); err != nil {
		t.Errorf("well formatted: %v", err)
	}
	ugly := filepath.Join(place, "ugly.go")
	if err := os.WriteFile(ugly, []byte("package x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.format(t.Context()); err == nil || !strings.HasSuffix(err.Error(), " "+ugly) {
		t.Errorf("badly formatted: %v", err)
	}
}
