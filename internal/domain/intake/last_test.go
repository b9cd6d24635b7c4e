package intake_test

import (
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/domain/intake"
)

// Who corrects what was corrected before, goes on from what stands now.
func TestTheLastCorrectionCounts(t *testing.T) {
	t.Parallel()
	all := []intake.Submission{{Number: 1}, {Number: 2, Corrects: 1}, {Number: 3}, {Number: 4, Corrects: 2}, {Number: 5, Corrects: 3}}
	for number, want := range map[int]int{1: 4, 2: 4, 4: 4, 3: 5, 5: 5, 9: 0} {
		if got := intake.LastOf(all, number).Number; got != want {
			t.Errorf("%d stands as %d, want %d", number, got, want)
		}
	}
}
