package i18n

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func load(t *testing.T, json string) *Catalogue {
	t.Helper()
	c, err := Load(fstest.MapFS{"mail.json": {Data: []byte(json)}}, "en", "pt", "fr", "nl", "de")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const sample = `{
  "mail.hello": {"en": "Hello {name}, due {when}", "de": "Guten Tag {name}, fällig {when}"},
  "mail.files": {"en": {"one": "{count} file", "other": "{count} files"}, "fr": {"one": "{count} fichier", "many": "{count} de fichiers", "other": "{count} fichiers"},
                 "pt": {"one": "{count} ficheiro", "many": "{count} de ficheiros", "other": "{count} ficheiros"}},
  "mail.key": {"en": "{who} has our <link>PGP key</link>."}
}`

func TestAReaderGetsTextInTheirLanguage(t *testing.T) {
	t.Parallel()
	c := load(t, sample)
	lisbon, err := time.LoadLocation("Europe/Lisbon")
	if err != nil {
		t.Fatal(err)
	}
	when := time.Date(2026, 7, 21, 6, 40, 0, 0, time.UTC)
	for _, tt := range []struct {
		lang Lang
		got  func(p *Printer) string
		want string
	}{
		{"en", func(p *Printer) string { return p.T("mail.hello", "name", "Rui", "when", when) }, "Hello Rui, due 21 July 2026, 07:40 (Lisbon)"},
		{"de", func(p *Printer) string { return p.T("mail.hello", "name", "{name}", "when", when) }, "Guten Tag {name}, fällig 21. Juli 2026, 07:40 (Lissabon)"},
		{"nl", func(p *Printer) string { return p.T("mail.hello", "name", "Rui", "when", "now") }, "Hello Rui, due now"},
		{"xx", func(p *Printer) string { return p.N("mail.files", 1) }, "1 file"},
		{"en", func(p *Printer) string { return p.N("mail.files", 0) }, "0 files"},
		{"fr", func(p *Printer) string { return p.N("mail.files", 0) }, "0 fichier"},
		{"pt", func(p *Printer) string { return p.N("mail.files", 0) }, "0 ficheiros"},
		{"fr", func(p *Printer) string { return p.N("mail.files", 1_000_000) }, "1\u202f000\u202f000 de fichiers"},
		{"en", func(p *Printer) string { return p.T("mail.unknown") }, "⟦mail.unknown⟧"},
		{"en", func(p *Printer) string { return p.T("mail.hello", "name", "Rui") }, "Hello Rui, due ⟦when⟧"},
		{"en", func(p *Printer) string { return p.T("mail.key", "who", "Rui") }, "Rui has our PGP key."},
	} {
		if got := tt.got(c.For(tt.lang).In(lisbon)); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.lang, got, tt.want)
		}
	}
}

func TestPartsKeepValuesApart(t *testing.T) {
	t.Parallel()
	p := load(t, sample).For("en")
	want := []Part{{Name: "who", Value: 7}, {Text: " has our "}, {Text: "PGP key", Name: "link", Value: "/key"}, {Text: "."}}
	if diff := cmp.Diff(want, p.Parts("mail.key", "who", 7, "link", "/key")); diff != "" {
		t.Error(diff)
	}
}

func TestTimesAndNumbersFollowTheLocale(t *testing.T) {
	t.Parallel()
	c := load(t, sample)
	first := time.Date(2026, 11, 1, 7, 4, 0, 0, time.UTC)
	en, pt, fr, de := c.For("en"), c.For("pt"), c.For("fr"), c.For("de")
	for want, got := range map[string]string{
		"1er novembre 2026":            fr.Date(first),
		"1 de novembro de 2026":        pt.Date(first),
		"Sonntag, 1. November":         de.Day(first),
		"1 Nov 07:04":                  en.Brief(first, first),
		"1 Nov 2026 07:04":             en.Brief(first, first.AddDate(1, 0, 0)),
		"38\u00a0min":                  en.Duration(-38*time.Minute - 5*time.Second),
		"2\u00a0h\u00a005\u00a0min":    en.Duration(125 * time.Minute),
		"1\u00a0j\u00a021\u00a0h":      fr.Duration(45*time.Hour + 59*time.Minute),
		"310\u202f000":                 pt.Number(310000),
		"−1,234,567":                   en.Number(-1234567),
		"98\u00a0%":                    de.Percent(98),
		"1,4\u00a0GB":                  de.Bytes(1_400_000_000),
		"18\u00a0MB":                   en.Bytes(18_000_000),
		"−0.5":                         en.Decimal(-0.5, 1),
		"1 November 2026, 07:04 (UTC)": en.DateTime(first),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestABrowserAsksForALanguage(t *testing.T) {
	t.Parallel()
	c := load(t, sample)
	for header, want := range map[string]Lang{
		"": "en", "pt-BR,pt;q=0.9": "pt", "de-AT": "de", "fi, fr;q=0.5": "fr", "ja": "en", "q=;;": "en",
		strings.Repeat("de,", 1000): "en",
	} {
		if got := c.Match(header); got != want {
			t.Errorf("%.40q: got %s, want %s", header, got, want)
		}
	}
}

func TestABrokenCatalogueIsRefused(t *testing.T) {
	t.Parallel()
	for name, json := range map[string]string{
		"another area":        `{"page.x": {"en": "x"}}`,
		"twice":               `{"mail.x": {"en": "x"}, "mail.x": {"en": "y"}}`,
		"no English":          `{"mail.x": {"de": "x"}}`,
		"unknown language":    `{"mail.x": {"en": "x", "tlh": "x"}}`,
		"plural without rest": `{"mail.x": {"en": {"one": "x"}}}`,
		"unknown form":        `{"mail.x": {"en": {"few": "x", "other": "y"}}}`,
		"open hole":           `{"mail.x": {"en": "a {b"}}`,
		"strange hole":        `{"mail.x": {"en": "a {B c}"}}`,
		"open mark":           `{"mail.x": {"en": "a <b> c"}}`,
		"cut short":           `{"mail.x": `,
		"no object":           ``,
	} {
		if _, err := Load(fstest.MapFS{"mail.json": {Data: []byte(json)}}, "en", "de"); err == nil {
			t.Errorf("%s: was loaded", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"a {b} c", "<a>b</a>", "{", "<", "{}", "<a>{b}</a>", "a > b }"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		m, err := parse(src)
		if err != nil {
			return
		}
		if _, err := m.Execute(&call{text: func(any) string { return "" }}); err != nil {
			t.Error(err)
		}
	})
}

func TestAwkwardLanguagesHaveADirection(t *testing.T) {
	t.Parallel()
	if Lang("ar").Dir() != "rtl" || Lang("pt").Dir() != "ltr" {
		t.Error("direction is wrong")
	}
}
