package id

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestReferenceSurvivesTheTelephone(t *testing.T) {
	for range 2000 {
		r := Reference("R", 2026)
		heard := strings.ToLower(strings.ReplaceAll(strings.ReplaceAll(r[7:], "0", "o"), "1", "l"))
		got, ok := ParseReference(" r-2026-" + heard + " ")
		if !ok || got != r {
			t.Fatalf("%q heard as %q gave %q, %v", r, heard, got, ok)
		}
	}
}

func TestReferenceNoticesOneWrongCharacter(t *testing.T) {
	missed, tries := 0, 0
	for range 300 {
		r := []byte(Reference("P", 2026))
		for i := 7; i < 12; i++ {
			was := r[i]
			for _, c := range []byte(alphabet) {
				if c == was {
					continue
				}
				r[i] = c
				tries++
				if _, ok := ParseReference(string(r)); ok {
					missed++
				}
			}
			r[i] = was
		}
	}
	// 0 and Z fall together modulo 31: nothing else may.
	if missed*100 > tries {
		t.Fatalf("%d of %d wrong characters went unnoticed", missed, tries)
	}
}

func TestSecretNeverPrints(t *testing.T) {
	s := NewSecret("tcs")
	j, err := json.Marshal(map[string]any{"token": s})
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %s %q", s, s, s, s, s), string(j)} {
		if strings.Contains(shown, s.Reveal()) || strings.Contains(shown, s.Reveal()[8:20]) {
			t.Fatalf("secret shown in %q", shown)
		}
	}
	if s.Kind() != "tcs" || len(s.Hash()) != 32 {
		t.Fatalf("kind %q, hash of %d bytes", s.Kind(), len(s.Hash()))
	}
}

func FuzzParseReference(f *testing.F) {
	f.Add("R-2026-7K2PQX")
	f.Add("r-2026-ooooo0")
	f.Fuzz(func(t *testing.T, s string) {
		if got, ok := ParseReference(s); ok {
			again, ok := ParseReference(got)
			if !ok || again != got {
				t.Fatalf("%q gave %q gave %q", s, got, again)
			}
		}
	})
}
