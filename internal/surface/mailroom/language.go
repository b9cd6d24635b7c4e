package mailroom

import (
	"strings"
	"unicode"
)

// spoken are small words that one of our languages has and the others have not.
var spoken = func() map[string]string {
	out := map[string]string{}
	for lang, words := range map[string]string{
		"en": "the and from this have has with our are were please been would which there",
		"pt": "não uma para os dos está foram nosso nossa são recebi desde esta este pelo pela também às ao",
		"fr": "nous vous les une pas avec notre dans sont depuis votre ont cette aux nos leur bonjour merci",
		"nl": "het een niet wij onze van zijn deze hebben wordt naar sinds ook werd maar bij zien",
		"de": "und nicht wir ist unsere eine einen wurde sind seit haben auch auf dem sehr geehrte zwei bitte",
	} {
		for _, w := range strings.Fields(words) {
			out[w] = lang
		}
	}
	return out
}()

const (
	enough   = 3    // small words before a guess is made
	guessing = 4000 // characters that are read for it
)

// guess names the language of a text by its small words, "" when it is not clear: at least three, and twice as many as of any other.
func guess(text string) string {
	if len(text) > guessing {
		text = text[:guessing]
	}
	seen := map[string]int{}
	for _, w := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) }) {
		if lang := spoken[w]; lang != "" {
			seen[lang]++
		}
	}
	best, most, next := "", 0, 0
	for lang, n := range seen {
		switch {
		case n > most:
			best, most, next = lang, n, most
		case n > next:
			next = n
		}
	}
	if most < enough || most < 2*next {
		return ""
	}
	return best
}
