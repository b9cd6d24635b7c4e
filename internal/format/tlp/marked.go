package tlp

import (
	"regexp"
	"strings"
)

const label = `TLP\s?[:=_ -]\s?(RED|AMBER\s?[+_ -]\s?STRICT|AMBER|GREEN|CLEAR|WHITE)`

// What people write around a label: brackets, quotes, marks of emphasis, and the prefixes of answers.
var (
	prefixes = regexp.MustCompile(`^(?i:\s*(?:re|aw|sv|antw|fwd?|wg|tr|rv|enc|res)\s*(?:\[\d+\])?\s*:)+`)
	front    = regexp.MustCompile(`^[\s\[({<*#"'|=>-]*` + label + `(?:[^A-Z0-9+]|$)`)
	end      = regexp.MustCompile(`(?:^|[^A-Z0-9])` + label + `[\s\])}>*#"'|=.!-]*$`)
)

// maxMarked is how much of a line is looked at, at each end.
const maxMarked = 1000

// Marked gives the label that a line bears at its front or its end, as in "[TLP:AMBER] Patch now" or "Patch now (TLP:RED)"; 0 for none. A line
// with two labels has the stricter one. Words in the middle of a line are talk about labels and do not count.
func Marked(line string) Level {
	line = prefixes.ReplaceAllString(strings.TrimSpace(line), "")
	first, last := line, line
	if len(line) > maxMarked {
		first, last = line[:maxMarked], line[len(line)-maxMarked:]
	}
	var found Level
	for _, m := range [][]string{front.FindStringSubmatch(upper(first)), end.FindStringSubmatch(upper(last))} {
		if m == nil {
			continue
		}
		name := strings.Map(func(r rune) rune {
			if r >= 'A' && r <= 'Z' {
				return r
			}
			return -1
		}, m[1])
		if name == "AMBERSTRICT" {
			name = "AMBER+STRICT"
		}
		if l, err := Parse(name); err == nil {
			found = Max(found, l)
		}
	}
	return found
}

// Wish gives the label that a letter bears in its subject or in the first line of its text, the stricter when both do; 0 for none.
func Wish(subject, text string) Level {
	first := ""
	for line := range strings.Lines(text) {
		if first = strings.TrimSpace(line); first != "" {
			break
		}
	}
	return Max(Marked(subject), Marked(first))
}
