// Package severity holds the four levels of an incident and the questionnaire that proposes one.
//
//	severity.go    Level: low, medium, high, critical
//	scheme.go      the questions, read from questions.json: weights up to 100, bands, and floors that no score goes under
//	propose.go     Propose: answers to a level with its score and reasons
//
// The questionnaire is our own; that impact on a service, data, spread, people, sector and recovery count, and that danger to life
// overrides a sum, is what the public national schemes agree on. Its proposal is advice: the analyst's level may differ, and both are
// kept. National is a declaration beside severity and is not proposed here.
package severity

import (
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Level is how bad an incident is; a larger level is worse. The zero Level is not rated. The numbers are stored.
type Level uint8

// The levels.
const (
	Low Level = iota + 1
	Medium
	High
	Critical
)

var names = [...]string{"", "low", "medium", "high", "critical"}

// Levels lists the levels, least bad first.
func Levels() []Level { return []Level{Low, Medium, High, Critical} }

// String gives the code: "high"; "" when not rated.
func (l Level) String() string {
	if int(l) < len(names) {
		return names[l]
	}
	return ""
}

// Valid tells whether l is one of the four levels.
func (l Level) Valid() bool { return l >= Low && l <= Critical }

// Max gives the worse of two levels.
func Max(a, b Level) Level { return max(a, b) }

// Parse reads a code exactly; "" is not rated. Anything else is Invalid.
func Parse(s string) (Level, error) {
	for i, n := range names {
		if n == s {
			return Level(i), nil
		}
	}
	return 0, errs.New(errs.Invalid, "this is no severity: use low, medium, high or critical")
}

// MarshalText writes the code.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads a code; empty text is not rated.
func (l *Level) UnmarshalText(b []byte) error {
	v, err := Parse(string(b))
	*l = v
	return err
}
