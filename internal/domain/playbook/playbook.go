// Package playbook is what the team says again and again: the library of recommendations and the templates of outgoing text, each in five
// languages.
//
//	library/     recommendations, one file each
//	template/    outgoing texts, one file each
//	read.go      reads and checks such a file
//	template.go  fills the named holes of a template
//
// A recommendation is what we advise; given to one party it becomes a measure, which keeps the version and the words as they were given. Who
// changes a text raises its version. The library is built into the program and read-only; tasks and a team's own texts come later. No tables.
package playbook

import (
	"cmp"
	"embed"
	"slices"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/format/taxonomy"
	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

//go:embed library/*.md template/*.md
var files embed.FS

// fallback is the language of a reader whose language is not ours.
const fallback = "en"

var langs = []string{"en", "pt", "fr", "nl", "de"}

// Recommendation is one piece of advice in one language.
type Recommendation struct {
	Code     string
	Version  int
	Types    []taxonomy.Code // classes and types to which it applies
	Lang     string          // of the words below; English where the asked one is not ours
	Title    string
	Text     string // Markdown: paragraphs and hyphen lists
	Evidence string // what we ask for as proof that it is done
}

// Filter narrows the library.
type Filter struct {
	Type string // RSIT code: those that apply, made for the type before made for its class; "" is all
	Lang string
}

// Library holds the texts; it does not change and is safe for concurrent use.
type Library struct {
	recommendations map[string]document
	templates       map[string]document
}

// New reads the library that is built into the program. It refuses a text that is incomplete.
func New() (*Library, error) {
	types, err := taxonomy.New()
	if err != nil {
		return nil, err
	}
	l := &Library{}
	if l.recommendations, err = read(files, "library", types); err != nil {
		return nil, err
	}
	if l.templates, err = read(files, "template", types); err != nil {
		return nil, err
	}
	return l, nil
}

// Langs lists the languages of the library.
func (l *Library) Langs() []string { return slices.Clone(langs) }

// Recommendations lists what fits, in a stable order.
func (l *Library) Recommendations(f Filter) []Recommendation {
	type ranked struct {
		Recommendation
		rank int
	}
	var found []ranked
	for code, d := range l.recommendations {
		rank := 0
		if f.Type != "" {
			if rank = d.fits(taxonomy.Code(f.Type)); rank == 0 {
				continue
			}
		}
		found = append(found, ranked{d.recommendation(code, f.Lang), rank})
	}
	slices.SortFunc(found, func(a, b ranked) int {
		return cmp.Or(cmp.Compare(b.rank, a.rank), strings.Compare(a.Code, b.Code))
	})
	out := make([]Recommendation, 0, len(found))
	for _, r := range found {
		out = append(out, r.Recommendation)
	}
	return out
}

// Recommendation gives one by code; NotFound for none.
func (l *Library) Recommendation(code, lang string) (Recommendation, error) {
	d, ok := l.recommendations[code]
	if !ok {
		return Recommendation{}, errs.ErrNotFound
	}
	return d.recommendation(code, lang), nil
}

func (d document) recommendation(code, lang string) Recommendation {
	lang, w := d.in(lang)
	return Recommendation{Code: code, Version: d.version, Types: slices.Clone(d.types), Lang: lang, Title: w.title, Text: w.text, Evidence: w.evidence}
}

// fits gives 2 when the document names the type itself, 1 when it names the class or, asked for a class, one of its types; else 0.
func (d document) fits(code taxonomy.Code) int {
	rank := 0
	for _, t := range d.types {
		switch {
		case t == code:
			return 2
		case t.Class() == code.Class() && (string(t) == t.Class() || string(code) == code.Class()):
			rank = 1
		}
	}
	return rank
}
