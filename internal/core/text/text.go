// Package text is the message catalogue: every sentence that a page, a mail or an error says, in English, Portuguese,
// French, Dutch and German.
//
// To add a text, add its key to catalogue/AREA.json with all five languages and say p.T("AREA.what") in a .go or .templ file:
//
//	"mail.receipt.subject": {"en": "Report {ref} received", "pt": "…", "fr": "…", "nl": "…", "de": "…"}
//	"portal.open":          {"en": {"one": "{count} open", "other": "{count} open"}, "pt": {"one": "…", "many": "…", "other": "…"}, …}
//
// {name} is filled by the caller, <link>words</link> is for pages (Printer.Parts). Areas: common, public, portal, desk, mail, sheet, export
// and error, all complete in all five. The test of this package reads every call of the program: no unknown key, no unused key,
// the same holes in every language, and each hole filled. Keys made of a prefix and a code (p.T("desk.reason." + x)) are tested
// beside the page that makes them.
package text

import (
	"embed"
	"fmt"
	"io/fs"
	"sync"

	"github.com/tocsin-csirt/tocsin/internal/kit/i18n"
)

//go:embed catalogue/*.json
var files embed.FS

// The languages, English first: it is what the others fall back to.
const (
	EN i18n.Lang = "en"
	PT i18n.Lang = "pt"
	FR i18n.Lang = "fr"
	NL i18n.Lang = "nl"
	DE i18n.Lang = "de"
)

// Catalogue is the loaded catalogue; Printer writes in one language and zone.
type (
	Catalogue = i18n.Catalogue
	Printer   = i18n.Printer
	Lang      = i18n.Lang
)

// Langs lists the languages in the order in which pages offer them.
func Langs() []Lang { return []Lang{EN, PT, FR, NL, DE} }

// Name gives a language's name in itself.
func Name(l Lang) string {
	switch l {
	case PT:
		return "Português"
	case FR:
		return "Français"
	case NL:
		return "Nederlands"
	case DE:
		return "Deutsch"
	}
	return "English"
}

// Load gives the catalogue that is built into the program. It is read once a process: nothing changes it.
func Load() (*Catalogue, error) { return loaded() }

var loaded = sync.OnceValues(func() (*Catalogue, error) {
	sub, err := fs.Sub(files, "catalogue")
	if err != nil {
		return nil, fmt.Errorf("open catalogue: %w", err)
	}
	return i18n.Load(sub, Langs()...)
})
