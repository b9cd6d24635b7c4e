// Package tlp holds the Traffic Light Protocol (FIRST, version 2.0) and the Permissible Actions Protocol as ordered levels.
package tlp

import (
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// Level is a TLP label; a larger level is stricter. The zero Level is no label. The numbers are stored.
type Level uint8

// The labels.
const (
	Clear Level = iota + 1
	Green
	Amber
	AmberStrict
	Red
)

// Unlabelled is what an arrival without a label counts as.
const Unlabelled = AmberStrict

var names = [...]string{"", "CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED"}

// Levels lists the labels, least strict first.
func Levels() []Level { return []Level{Clear, Green, Amber, AmberStrict, Red} }

// Name gives the label without "TLP:".
func (l Level) Name() string {
	if int(l) < len(names) {
		return names[l]
	}
	return ""
}

// String gives the label as FIRST writes it: "TLP:AMBER+STRICT"; "" for none.
func (l Level) String() string {
	if n := l.Name(); n != "" {
		return "TLP:" + n
	}
	return ""
}

// Valid tells whether l is one of the five labels.
func (l Level) Valid() bool { return l >= Clear && l <= Red }

// Stricter tells whether l limits sharing more than other does.
func (l Level) Stricter(other Level) bool { return l > other }

// Max gives the stricter of two labels.
func Max(a, b Level) Level { return max(a, b) }

// Strictest gives the label of a compound: the strictest of its parts, no label for no parts.
func Strictest(parts ...Level) Level {
	var l Level
	for _, p := range parts {
		l = max(l, p)
	}
	return l
}

// Parse reads a label in any case, with or without "TLP:". WHITE (version 1) reads as CLEAR. Unknown labels are Invalid: nothing is guessed.
func Parse(s string) (Level, error) {
	l, _, err := ParseLegacy(s)
	return l, err
}

// ParseLegacy is Parse that also tells whether the label is of version 1, so that the reader can be told what it became.
func ParseLegacy(s string) (l Level, legacy bool, err error) {
	t := strings.TrimPrefix(upper(s), "TLP:")
	if t == "WHITE" {
		return Clear, true, nil
	}
	for i, n := range names {
		if i > 0 && n == t {
			return Level(i), false, nil
		}
	}
	return 0, false, errs.New(errs.Invalid, "this is no TLP label: use TLP:RED, TLP:AMBER+STRICT, TLP:AMBER, TLP:GREEN or TLP:CLEAR")
}

// ParseArrival reads the label of something that came from outside: none at all counts as Unlabelled, an unknown one is still refused.
func ParseArrival(s string) (Level, error) {
	if strings.TrimSpace(s) == "" {
		return Unlabelled, nil
	}
	return Parse(s)
}

// upper folds ASCII letters alone: the dotless i and the long s of Unicode fold onto I and S, and would make a label of what is none.
func upper(s string) string {
	b := []byte(strings.TrimSpace(s))
	for i, c := range b {
		if 'a' <= c && c <= 'z' {
			b[i] = c - 'a' + 'A'
		}
	}
	return string(b)
}

// MarshalText writes the label.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads a label; empty text is no label.
func (l *Level) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*l = 0
		return nil
	}
	v, err := Parse(string(b))
	*l = v
	return err
}

// PAP is a label of the Permissible Actions Protocol; a larger one is stricter. The zero PAP is no label.
type PAP uint8

// The labels.
const (
	PAPClear PAP = iota + 1
	PAPGreen
	PAPAmber
	PAPRed
)

var papNames = [...]string{"", "PAP:CLEAR", "PAP:GREEN", "PAP:AMBER", "PAP:RED"}

// PAPs lists the labels, least strict first.
func PAPs() []PAP { return []PAP{PAPClear, PAPGreen, PAPAmber, PAPRed} }

// String gives the label in full: "PAP:AMBER"; "" for none.
func (p PAP) String() string {
	if int(p) < len(papNames) {
		return papNames[p]
	}
	return ""
}

// Valid tells whether p is one of the four labels.
func (p PAP) Valid() bool { return p >= PAPClear && p <= PAPRed }

// Stricter tells whether p allows less than other does.
func (p PAP) Stricter(other PAP) bool { return p > other }

// ParsePAP reads a label in any case, with or without "PAP:"; WHITE reads as CLEAR, empty text as none.
func ParsePAP(s string) (PAP, error) {
	t := upper(s)
	if t == "" {
		return 0, nil
	}
	if t = strings.TrimPrefix(t, "PAP:"); t == "WHITE" {
		return PAPClear, nil
	}
	for i, n := range papNames {
		if i > 0 && n == "PAP:"+t {
			return PAP(i), nil
		}
	}
	return 0, errs.New(errs.Invalid, "this is no PAP label: use PAP:RED, PAP:AMBER, PAP:GREEN or PAP:CLEAR")
}

// MarshalText writes the label.
func (p PAP) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads a label.
func (p *PAP) UnmarshalText(b []byte) error {
	v, err := ParsePAP(string(b))
	*p = v
	return err
}
