package sheet_test

import (
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/kit/sheet"
)

// What a spreadsheet would reckon with is words; all else stays as it is.
func TestNoCellIsAFormula(t *testing.T) {
	for _, s := range []string{"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "|calc", "%0A", "＝1", "＋1", "－1", "＠x"} {
		if got := sheet.Cell(s); got != "'"+s {
			t.Errorf("%q became %q", s, got)
		}
	}
	for _, s := range []string{"", "192.0.2.7", "a=1", "Águas", "1-2", "\xff="} {
		if got := sheet.Cell(s); got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
}
