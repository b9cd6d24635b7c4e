package search

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/blevesearch/snowballstem"
	"github.com/blevesearch/snowballstem/dutch"
	"github.com/blevesearch/snowballstem/english"
	"github.com/blevesearch/snowballstem/french"
	"github.com/blevesearch/snowballstem/german"
	"github.com/blevesearch/snowballstem/portuguese"
	"golang.org/x/text/unicode/norm"
)

// stemmed sets the stems apart from the words, so that an exact word is never found by another's stem.
const stemmed = "\x00"

// Words splits text into folded words: letters and digits, joined by . - _ @ inside, so that addresses, domains and references stay whole;
// such a whole is followed by its parts. Words of more than 64 bytes are cut.
func Words(text string) []string {
	var out []string
	seen := map[string]bool{}
	add := func(w string) {
		if len(w) > 64 {
			w = strings.ToValidUTF8(w[:64], "")
		}
		if utf8.RuneCountInString(w) >= 2 && !seen[w] {
			seen[w] = true
			out = append(out, w)
		}
	}
	whole := func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(".-_@:/+", r)
	}
	part := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	for _, w := range strings.FieldsFunc(fold(text), whole) {
		w = strings.Trim(w, ".-_@:/+")
		parts := strings.FieldsFunc(w, part)
		if len(parts) > 1 {
			add(w)
		}
		for _, p := range parts {
			add(p)
		}
	}
	return out
}

// fold lowers case and drops diacritics: São and SAO are the same word.
func fold(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 {
		return strings.ToLower(s)
	}
	var b strings.Builder
	for _, r := range norm.NFKD.String(s) {
		if unicode.Is(unicode.Mn, r) {
			continue
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return strings.ReplaceAll(b.String(), "ß", "ss")
}

// stem gives the stem of a folded word in one of the five languages; the word itself otherwise.
func stem(w, lang string) string {
	env := snowballstem.NewEnv(w)
	switch lang {
	case "en":
		english.Stem(env)
	case "pt":
		portuguese.Stem(env)
	case "fr":
		french.Stem(env)
	case "nl":
		dutch.Stem(env)
	case "de":
		german.Stem(env)
	default:
		return w
	}
	return env.Current()
}
