package intake

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Whatever a stranger writes: copies that differ in case, blanks and marks of forwarding are the same, and what is kept of a text is bounded.
func FuzzSameWords(f *testing.F) {
	f.Add("Fwd: Your parcel", "It waits at the border, pay the fee here.\n> quoted\n")
	f.Add("RE: re : AW:", "\xff\x00\u202e")
	f.Add("", strings.Repeat("é", 30_000))
	f.Fuzz(func(t *testing.T, summary, description string) {
		n := normal(summary, description)
		if len(n) > 20_000+utf8.UTFMax || !utf8.ValidString(n) {
			t.Errorf("%d bytes kept", len(n))
		}
		if again := normal("Fwd: "+summary, description+"\n> quoted by somebody"); again != n {
			t.Errorf("forwarded it is another text: %q, %q", n, again)
		}
		var p errs.Problems
		if at := ParseTime("t", summary, &p); len(p) > 0 && !at.IsZero() {
			t.Error("a refused time is used")
		}
		_ = Body{Summary: summary, Description: description}.Title()
	})
}
