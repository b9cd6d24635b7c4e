package internal

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// ruleIDs says how many rules each letter has.
var ruleIDs = []struct {
	letter string
	last   int
}{{"A", 13}, {"M", 12}, {"P", 11}, {"K", 9}, {"I", 12}, {"O", 9}, {"F", 6}, {"W", 9}, {"T", 6}, {"D", 4}, {"L", 4}, {"S", 2}, {"H", 3}}

var (
	ruleLine  = regexp.MustCompile(`^\| ([A-Z][0-9]+) \| ([^|]+) \| ([^|]+) \| ?([^|]*)\|$`)
	namedTest = regexp.MustCompile("`([a-z0-9/]+)\\.((?:Test|Fuzz)[A-Za-z0-9_]+)`")
)

// TestSecurityRulesNameTheirTests reads docs/security-rules.md: every rule has one line, every test named there exists, and a rule without a
// test says why.
func TestSecurityRulesNameTheirTests(t *testing.T) {
	text, err := os.ReadFile("../docs/security-rules.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	known := map[string]string{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		m := ruleLine.FindStringSubmatch(line)
		if m == nil {
			if namedTest.MatchString(line) {
				t.Errorf("a test stands outside the table: %s", line)
			}
			continue
		}
		id, tests, missing := m[1], m[3], strings.TrimSpace(m[4])
		seen[id]++
		if words := len(strings.Fields(m[2])); words > 6 {
			t.Errorf("%s: %q has %d words", id, m[2], words)
		}
		found := namedTest.FindAllStringSubmatch(tests, -1)
		if len(found) == 0 && (strings.TrimSpace(tests) != "not yet" || missing == "") {
			t.Errorf("%s: neither a test nor \"not yet\" with a reason: %s", id, tests)
		}
		for _, f := range found {
			dir := f[1]
			if dir == "internal" {
				dir = "."
			}
			if _, ok := known[dir]; !ok {
				known[dir] = testsOf(t, dir)
			}
			if !strings.Contains(known[dir], "\nfunc "+f[2]+"(") {
				t.Errorf("%s: there is no %s in %s", id, f[2], path.Join("internal", dir))
			}
		}
	}
	count := 0
	for _, r := range ruleIDs {
		for n := 1; n <= r.last; n++ {
			count++
			if id := fmt.Sprintf("%s%d", r.letter, n); seen[id] != 1 {
				t.Errorf("%s has %d lines", id, seen[id])
			}
		}
	}
	if len(seen) != count {
		t.Errorf("%d rules have lines, there are %d", len(seen), count)
	}
}

// testsOf gives the text of the tests of a package.
func testsOf(t *testing.T, dir string) string {
	files, err := filepath.Glob(filepath.Join(filepath.FromSlash(dir), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString("\n")
		all.Write(b)
	}
	return all.String()
}
