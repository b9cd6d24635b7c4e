package browsertest

import (
	_ "embed" // axe-core
	"encoding/json"
	"fmt"
	"strings"

	"github.com/chromedp/chromedp"
)

//go:embed testdata/axe.min.js
var axe string

// Finding is one rule of axe-core that the page breaks.
type Finding struct {
	Rule   string   `json:"id"`
	Impact string   `json:"impact"` // minor, moderate, serious, critical
	Help   string   `json:"help"`
	Where  []string `json:"where"` // selectors
	Why    []string `json:"why"`
}

func (f Finding) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s (%s): %s", f.Rule, f.Impact, f.Help)
	for i := range f.Where {
		fmt.Fprintf(&b, "\n\t%s: %s", f.Where[i], strings.ReplaceAll(f.Why[i], "\n", "\n\t\t"))
	}
	return b.String()
}

// Axe runs every rule of axe-core (WCAG 2.2 A and AA, and good practice) on the page as it stands. Scripts must be on.
func (p *Page) Axe() []Finding {
	p.t.Helper()
	if !Get(p, chromedp.Evaluate[bool](`typeof axe === "object"`)) {
		p.Do(chromedp.Evaluate[chromedp.Void](axe + "\n;undefined"))
	}
	out := Get(p, chromedp.Evaluate[string](`
		axe.run(document, {
			resultTypes: ["violations"],
			runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
		}).then(r => JSON.stringify(r.violations.map(v => ({
			id: v.id, impact: v.impact, help: v.help,
			where: v.nodes.map(n => n.target.join(" ")),
			why: v.nodes.map(n => n.failureSummary),
		}))))`, chromedp.EvalAwaitPromise))
	var found []Finding
	if err := json.Unmarshal([]byte(out), &found); err != nil {
		p.t.Fatalf("read what axe-core says: %v", err)
	}
	return found
}

// Accessible fails the test with every finding of axe-core.
func (p *Page) Accessible() {
	p.t.Helper()
	for _, f := range p.Axe() {
		p.t.Errorf("axe: %v", f)
	}
}
