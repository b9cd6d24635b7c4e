package playbook

import (
	"regexp"
	"slices"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// The templates.
const (
	FirstAnswer   = "tpl-first-answer"   // to a reporter: read, and what to do until then
	Give          = "tpl-give"           // in front of measures and a request to a party
	AskLogs       = "tpl-ask-logs"       // logs from a date
	Chase         = "tpl-chase"          // reminder; sent automatically, so it has no hole for words from outside
	CloseReporter = "tpl-close-reporter" // concluded, to a reporter
	CloseParty    = "tpl-close-party"    // concluded, to a party
	KnownWave     = "tpl-known-wave"     // to who sent one of many alike messages
)

var hole = regexp.MustCompile(`\{([a-z_]+)\}`)

// Template is an outgoing text in one language. A hole looks like {due}.
type Template struct {
	Code    string
	Version int
	Lang    string
	Subject string
	Text    string
	Holes   []string // sorted
}

// Template gives one by code; NotFound for none.
func (l *Library) Template(code, lang string) (Template, error) {
	d, ok := l.templates[code]
	if !ok {
		return Template{}, errs.ErrNotFound
	}
	lang, w := d.in(lang)
	return Template{Code: code, Version: d.version, Lang: lang, Subject: w.title, Text: w.text, Holes: slices.Clone(d.holes)}, nil
}

// To gives the code of the letter to an authority, a team or a supplier of a kind, such as "crisis_centre".
func To(kind string) string { return "tpl-to-" + strings.ReplaceAll(kind, "_", "-") }

// Templates lists all of them, by code.
func (l *Library) Templates(lang string) []Template {
	var out []Template
	for code := range l.templates {
		t, _ := l.Template(code, lang)
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b Template) int { return strings.Compare(a.Code, b.Code) })
	return out
}

// Fill gives the text with its holes filled. Every hole needs a value on one line, and a value without a hole is refused: both are Invalid. A
// value is put in as it is; a brace inside it is never read as a hole.
func (t Template) Fill(values map[string]string) (subject, text string, err error) {
	for _, name := range t.Holes {
		if strings.TrimSpace(values[name]) == "" {
			return "", "", errs.Newf(errs.Invalid, "template %s needs a value for %s", t.Code, name)
		}
	}
	for name, v := range values {
		if !slices.Contains(t.Holes, name) {
			return "", "", errs.Newf(errs.Invalid, "template %s has no such hole", t.Code)
		}
		if strings.ContainsAny(v, "\r\n\x00") {
			return "", "", errs.Newf(errs.Invalid, "template %s takes a single line for %s", t.Code, name)
		}
	}
	fill := func(s string) string {
		return hole.ReplaceAllStringFunc(s, func(h string) string { return values[h[1:len(h)-1]] })
	}
	return fill(t.Subject), fill(t.Text), nil
}
