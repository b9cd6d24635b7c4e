package constituency

import (
	"strings"
	"unicode"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"

	"golang.org/x/net/idna"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// letters have no decomposition in Unicode, yet people type the plain letter for them.
var letters = strings.NewReplacer("æ", "ae", "œ", "oe", "ø", "o", "ł", "l", "đ", "d", "ð", "d", "þ", "th", "ı", "i")

// fold brings a text to the form in which names are compared: case and diacritics are gone, white space is single.
func fold(s string) string {
	s = letters.Replace(cases.Fold().String(norm.NFKD.String(s)))
	var b strings.Builder
	for _, r := range s {
		if !unicode.Is(unicode.Mn, r) {
			b.WriteRune(r)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// maxWords bounds what one name adds to the table of words and what one search asks of it.
const maxWords = 16

// words splits a text into its folded words, each once.
func words(s string) []string {
	seen := map[string]bool{}
	var out []string
	for _, w := range strings.FieldsFunc(fold(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) }) {
		if !seen[w] && len(out) < maxWords {
			seen[w] = true
			out = append(out, w)
		}
	}
	return out
}

// domain gives the normal form of a domain name: lower case, ASCII (UTS 46), no final dot. A single label is none: it would own a country.
func domain(s string) (string, bool) {
	s = strings.TrimSuffix(strings.TrimSpace(s), ".")
	if len(s) > 253 || !strings.Contains(s, ".") {
		return "", false
	}
	d, err := idna.Lookup.ToASCII(s)
	if err != nil || len(d) > 253 {
		return "", false
	}
	labels := strings.Split(d, ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 {
			return "", false
		}
	}
	if last := labels[len(labels)-1]; last[0] >= '0' && last[0] <= '9' {
		return "", false // an address, or a part of one
	}
	return d, true
}

// parents gives a domain and all domains above it but the last label, longest first.
func parents(d string) []string {
	var out []string
	for strings.Contains(d, ".") {
		out = append(out, d)
		_, d, _ = strings.Cut(d, ".")
	}
	return out
}

// email gives the form in which mail addresses are compared: lower case, domain in ASCII. It takes a bare address only.
func email(s string) (string, bool) {
	local, host, ok := strings.Cut(strings.TrimSpace(s), "@")
	if !ok || local == "" || len(local) > 64 || strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || strings.Contains(local, "..") {
		return "", false
	}
	for _, r := range local {
		if r < 0x80 && !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~.", r) || unicode.IsControl(r) || unicode.IsSpace(r) || r == unicode.ReplacementChar {
			return "", false
		}
		if r >= 0x80 && !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r) {
			return "", false
		}
	}
	d, ok := domain(host)
	if !ok {
		return "", false
	}
	return strings.ToLower(norm.NFC.String(local)) + "@" + d, true
}

// Address gives a mail address as it is written to, without what stands around it; Invalid for what is none.
func Address(s string) (string, error) {
	s = strings.TrimSpace(s)
	if _, ok := email(s); !ok || len(s) > 254 {
		return "", errs.New(errs.Invalid, "this is no mail address")
	}
	return s, nil
}
