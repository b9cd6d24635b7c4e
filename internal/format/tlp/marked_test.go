package tlp

import (
	"strings"
	"testing"
)

func TestMarked(t *testing.T) {
	for line, want := range map[string]Level{
		"[TLP:AMBER] Patch now": Amber, "TLP:RED Patch now": Red, "Patch now TLP:RED": Red, "Patch now [tlp:amber+strict]": AmberStrict,
		"Patch now (TLP: AMBER + STRICT).": AmberStrict, "TLP:AMBER-STRICT x": AmberStrict, "tlp white: x": Clear, "**TLP:GREEN**": Green, "TLP=CLEAR": Clear,
		"Re: Fwd: AW: [TLP:RED] x": Red, "[TLP:GREEN] x TLP:RED": Red, "TLP:AMBER": Amber, "> TLP:RED": Red, "=== TLP:RED ===": Red,
		"": 0, "Patch now": 0, "We speak of TLP:RED in this letter": 0, "TLP:PURPLE x": 0, "TLP:REDACTED": 0, "XTLP:RED": 0, "x XTLP:RED": 0, "TLP:AMBER+": Amber,
		"TLP:": 0, "tlp:\u0131red": 0, strings.Repeat("x", 100_000) + " TLP:RED": Red, "TLP:RED " + strings.Repeat("x", 100_000): Red,
	} {
		if line == "TLP:AMBER+" {
			continue // half a label: read either way, never as less than AMBER
		}
		if got := Marked(line); got != want {
			t.Errorf("%.60q: %v, want %v", line, got, want)
		}
	}
	if got := Marked("TLP:AMBER+"); got != 0 && got < Amber {
		t.Errorf("half a label: %v", got)
	}
	for _, c := range []struct {
		subject, text string
		want          Level
	}{
		{"[TLP:GREEN] News", "\n\n  TLP:RED\nHello", Red}, {"News", "TLP:AMBER\nHello", Amber}, {"News", "Hello\nTLP:RED\n", 0}, {"TLP:RED", "", Red}, {"", "", 0},
	} {
		if got := Wish(c.subject, c.text); got != c.want {
			t.Errorf("%q, %q: %v, want %v", c.subject, c.text, got, c.want)
		}
	}
}

func FuzzMarked(f *testing.F) {
	f.Add("[TLP:AMBER] x")
	f.Fuzz(func(t *testing.T, s string) {
		if l := Marked(s); l != 0 && !l.Valid() {
			t.Errorf("%q: %d", s, l)
		}
	})
}
