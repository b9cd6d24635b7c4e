package tlp

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]Level{
		"TLP:RED": Red, "tlp:red": Red, "RED": Red, " TLP:AMBER+STRICT\n": AmberStrict, "amber+strict": AmberStrict,
		"TLP:AMBER": Amber, "Green": Green, "TLP:CLEAR": Clear,
	} {
		got, legacy, err := ParseLegacy(in)
		if got != want || legacy || err != nil {
			t.Errorf("%q: %v %v %v", in, got, legacy, err)
		}
	}
	for _, in := range []string{"TLP:WHITE", "white"} {
		if got, legacy, err := ParseLegacy(in); got != Clear || !legacy || err != nil {
			t.Errorf("%q: %v %v %v", in, got, legacy, err)
		}
	}
	for _, in := range []string{
		"", "TLP:", "TLP: RED", "TLP:TLP:RED", "AMBER STRICT", "AMBER+", "TLP:ORANGE", "TLP:RED;", "PAP:RED", "RED GREEN", "TLP:AMBER+\u017ftrict", "WH\u0131TE", "ＲＥＤ", "CLEAR\x00",
	} {
		if got, err := Parse(in); got != 0 || !errs.Is(err, errs.Invalid) {
			t.Errorf("%q is read as %v (%v)", in, got, err)
		}
	}
}

func TestWhatArrivesWithoutLabel(t *testing.T) {
	t.Parallel()
	if l, err := ParseArrival("  "); l != AmberStrict || err != nil {
		t.Errorf("unlabelled counts as %v %v", l, err)
	}
	if _, err := ParseArrival("TLP:PINK"); !errs.Is(err, errs.Invalid) {
		t.Errorf("an unknown label passed: %v", err)
	}
	if l, err := ParseArrival("TLP:GREEN"); l != Green || err != nil {
		t.Errorf("%v %v", l, err)
	}
}

func TestOrder(t *testing.T) {
	t.Parallel()
	all := Levels()
	for i := range all {
		for j := range all {
			if all[i].Stricter(all[j]) != (i > j) || Max(all[i], all[j]) != all[max(i, j)] {
				t.Errorf("%v and %v are in the wrong order", all[i], all[j])
			}
		}
	}
	if Strictest() != 0 || Strictest(Green, Red, Clear) != Red || Strictest(0, Clear) != Clear {
		t.Error("a compound does not take the strictest label of its parts")
	}
	if Level(0).Valid() || Level(6).Valid() || Level(6).String() != "" || Level(0).String() != "" {
		t.Error("a number outside the table is a label")
	}
	paps := PAPs()
	for i := range paps {
		for j := range paps {
			if paps[i].Stricter(paps[j]) != (i > j) {
				t.Errorf("%v and %v are in the wrong order", paps[i], paps[j])
			}
		}
	}
	if PAP(0).Valid() || PAP(5).Valid() || PAP(5).String() != "" {
		t.Error("a number outside the table is a PAP label")
	}
}

func TestPAP(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]PAP{"": 0, "PAP:RED": PAPRed, "amber": PAPAmber, "pap:white": PAPClear, "PAP:CLEAR": PAPClear, "GREEN": PAPGreen} {
		if got, err := ParsePAP(in); got != want || err != nil {
			t.Errorf("%q: %v %v", in, got, err)
		}
	}
	for _, in := range []string{"PAP:", "TLP:RED", "AMBER+STRICT", "PAP: RED"} {
		if got, err := ParsePAP(in); got != 0 || !errs.Is(err, errs.Invalid) {
			t.Errorf("%q is read as %v (%v)", in, got, err)
		}
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	type both struct {
		TLP Level `json:"tlp"`
		PAP PAP   `json:"pap"`
	}
	for _, l := range append(Levels(), 0) {
		for _, p := range append(PAPs(), 0) {
			text, err := json.Marshal(both{l, p})
			if err != nil {
				t.Fatal(err)
			}
			var back both
			if err := json.Unmarshal(text, &back); err != nil || back != (both{l, p}) {
				t.Errorf("%s reads back as %+v (%v)", text, back, err)
			}
		}
	}
	var b both
	for _, in := range []string{`{"tlp":"TLP:NONE"}`, `{"tlp":5}`, `{"pap":"PAP:BLUE"}`, `{"pap":4}`} {
		if err := json.Unmarshal([]byte(in), &b); err == nil {
			t.Errorf("%s is taken", in)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"TLP:RED", "tlp:amber+strict", "WHITE", "", "TLP:TLP:", "\xff", "PAP:RED", "amber"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if l, legacy, err := ParseLegacy(s); err == nil {
			if !l.Valid() || !legacy && !strings.EqualFold(strings.TrimPrefix(upper(s), "TLP:"), l.Name()) {
				t.Fatalf("%q is read as %v", s, l)
			}
			if again, err := Parse(l.String()); err != nil || again != l {
				t.Fatalf("%v does not read back", l)
			}
		} else if l != 0 {
			t.Fatalf("%q is refused and still %v", s, l)
		}
		if p, err := ParsePAP(s); err == nil && p != 0 && !slices.Contains(PAPs(), p) {
			t.Fatalf("%q is read as PAP %d", s, p)
		}
	})
}
