package page_test

import (
	"net/http/httptest"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/surface/web/page"
)

// A table is a download of which no cell is a formula, whoever wrote it.
func TestATableHasNoFormula(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	if err := page.CSV(&page.Visit{W: w}, "a.csv", [][]string{{"name", "representative"}, {"=cmd|' /C calc'!A0", "a, \"b\""}}); err != nil {
		t.Fatal(err)
	}
	if got, want := w.Body.String(), "name,representative\n'=cmd|' /C calc'!A0,\"a, \"\"b\"\"\"\n"; got != want || w.Header().Get("Content-Disposition") == "" {
		t.Errorf("wrote %q as %q", got, w.Header())
	}
}
