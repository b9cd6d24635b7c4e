package audit_test

import (
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/core/audit"
	"github.com/tocsin-csirt/tocsin/internal/core/coretest"
	"github.com/tocsin-csirt/tocsin/internal/kit/db"
)

// Numbering reads what waits, not the record of years: with half a million entries it took a third of the processor.
func TestNumberingReadsOnlyWhatWaits(t *testing.T) {
	h := coretest.Open(t, "sqlite")
	lines, err := db.All(t.Context(), h.DB, func(r *db.Rows) (string, error) {
		var a, b, c int64
		var line string
		return line, r.Scan(&a, &b, &c, &line)
	}, `EXPLAIN QUERY PLAN `+audit.WaitingQuery, 100)
	plan := strings.Join(lines, "\n")
	if err != nil || !strings.HasPrefix(plan, "SCAN w") || strings.Contains(plan, "SCAN e") || strings.Contains(plan, "TEMP B-TREE") {
		t.Errorf("%v\n%s", err, plan)
	}
}
