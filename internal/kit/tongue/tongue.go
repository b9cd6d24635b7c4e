// Package tongue names the language in which a text is written, or says that it cannot tell. It looks at letters and at groups of three of them; it
// fetches nothing and keeps nothing.
package tongue

import (
	"strings"
	"unicode"

	"github.com/abadojack/whatlanggo"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// Limits of a guess.
const (
	fewest = 40    // letters, before a language with the letters of others is named
	most   = 1_500 // bytes that are read: the look at each group of letters costs milliseconds
	sure   = 0.25  // how far the best guess must be ahead of the second, between 0 and 1
)

// Of gives the language of a text as a code of ISO 639-1 where there is one, else 639-3; "" when it is not clear. Addresses, hashes and what stands
// between angle brackets are no words.
func Of(text string) string {
	words := words(text)
	letters := 0
	for _, r := range words {
		if unicode.IsLetter(r) {
			letters++
		}
	}
	if letters < 6 {
		return ""
	}
	if c := cyrillic(words); c != "" && letters >= fewest {
		return c
	}
	info := whatlanggo.Detect(words)
	if info.Lang < 0 || letters < fewest && !alone(info.Script) {
		return ""
	}
	if info.Confidence < sure && !alone(info.Script) {
		return ""
	}
	if c := info.Lang.Iso6391(); c != "" {
		return c
	}
	return info.Lang.Iso6393()
}

// cyrillic tells neighbours apart by letters that only one of them has: groups of letters alone take Russian for Bulgarian.
func cyrillic(words string) string {
	var has [4]bool
	for _, r := range words {
		switch unicode.ToLower(r) {
		case 'ў':
			has[0] = true
		case 'ї', 'є', 'ґ':
			has[1] = true
		case 'ђ', 'ј', 'љ', 'њ', 'ћ', 'џ', 'ә', 'ө', 'қ', 'ң', 'ү', 'і':
			has[2] = true // of other neighbours
		case 'ы', 'э', 'ё':
			has[3] = true
		}
	}
	switch {
	case has[0]:
		return "be"
	case has[1]:
		return "uk"
	case has[3] && !has[2]:
		return "ru"
	}
	return ""
}

// alone tells whether a script is that of one language, or nearly.
func alone(s *unicode.RangeTable) bool {
	switch s {
	case unicode.Latin, unicode.Cyrillic, unicode.Arabic, unicode.Devanagari, unicode.Hebrew:
		return false
	}
	return s != nil
}

// words leaves out what is the same in all languages.
func words(text string) string {
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), ">") {
			continue // quoted: perhaps ours
		}
		for _, w := range strings.Fields(line) {
			if strings.ContainsAny(w, "@/\\<>=_{}[]|0123456789") || len(w) > 40 && !strings.ContainsFunc(w, func(r rune) bool { return r > 0x2e80 }) {
				continue
			}
			b.WriteString(w)
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// Name gives the name of a language in another: "espanhol" for "es" in "pt". A code that is not known is its own name.
func Name(code, in string) string {
	tag, err := language.Parse(code)
	if err != nil {
		return code
	}
	reader, err := language.Parse(in)
	if err != nil {
		reader = language.English
	}
	if reader == language.Portuguese {
		reader = language.EuropeanPortuguese
	}
	if n := display.Languages(reader); n != nil {
		if name := n.Name(tag); name != "" {
			return name
		}
	}
	return code
}

// Known tells whether code names a language.
func Known(code string) bool {
	if len(code) < 2 || len(code) > 3 {
		return false
	}
	_, err := language.ParseBase(code)
	return err == nil
}
