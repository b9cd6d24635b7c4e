package access_test

import (
	"os"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/access"
)

// docs/rights.md is the table of this package, printed. TOCSIN_UPDATE=1 writes it anew.
func TestRightsArePrinted(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("# Roles and rights\n\nPrinted from `internal/core/access/rights.go`, which is what the program asks. A right says what may be done; which objects are seen is decided\nbesides, by realm, compartment, grant, TLP and seal. A machine has fewer rights than its role when its token names scopes.\n\n| right |")
	for _, r := range access.AllRoles {
		b.WriteString(" " + string(r) + " |")
	}
	b.WriteString("\n| --- |" + strings.Repeat(" :-: |", len(access.AllRoles)) + "\n")
	for _, right := range access.AllRights() {
		b.WriteString("| " + right.String() + " |")
		for _, role := range access.AllRoles {
			mark := " "
			if (access.Actor{Account: 1, Roles: []access.Role{role}}).Can(right) {
				mark = " x "
			}
			b.WriteString(mark + "|")
		}
		b.WriteString("\n")
	}
	const file = "../../../docs/rights.md"
	if os.Getenv("TOCSIN_UPDATE") != "" {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil { //nolint:gosec // a public document
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != b.String() {
		t.Error("docs/rights.md is not the table of the program: run this test with TOCSIN_UPDATE=1")
	}
}
