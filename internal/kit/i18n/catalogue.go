package i18n

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	goi18n "github.com/nicksnyder/go-i18n/v2/i18n"
)

// Forms are the plural forms of one text. A text without plurals has only Other.
type Forms struct {
	One   string `json:"one,omitempty"`
	Many  string `json:"many,omitempty"`
	Other string `json:"other"`
}

// Plural tells whether the text has plural forms.
func (f Forms) Plural() bool { return f.One != "" || f.Many != "" }

// UnmarshalJSON reads a text or an object of plural forms.
func (f *Forms) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &f.Other)
	}
	type plain Forms
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode((*plain)(f)); err != nil {
		return err
	}
	if f.Other == "" {
		return fmt.Errorf("plural text without the form \"other\"")
	}
	return nil
}

// Entry is one key in all its languages.
type Entry map[Lang]Forms

// Catalogue holds every text. It does not change after Load and is safe for concurrent use.
type Catalogue struct {
	langs    []Lang
	entries  map[string]Entry
	printers map[Lang]*Printer
}

// Load reads every *.json of fsys. The file's name is the area, and each of its keys begins with it: common.json holds
// "common.…". The first language is the one to fall back to and must have every text; repeated keys and unknown
// languages are refused.
func Load(fsys fs.FS, langs ...Lang) (*Catalogue, error) {
	files, err := fs.Glob(fsys, "*.json")
	if err != nil {
		return nil, fmt.Errorf("list catalogue files: %w", err)
	}
	c := &Catalogue{langs: langs, entries: map[string]Entry{}, printers: map[Lang]*Printer{}}
	for _, file := range files {
		if err := c.read(fsys, file); err != nil {
			return nil, fmt.Errorf("read catalogue %s: %w", file, err)
		}
	}
	bundle := goi18n.NewBundle(langs[0].tag())
	for _, lang := range langs {
		for key, e := range c.entries {
			f, ok := e[lang]
			if !ok || !f.Plural() { // nine in ten need no rules: the bundle would hold each a second time
				continue
			}
			m := &goi18n.Message{ID: key, One: f.One, Many: f.Many, Other: f.Other}
			if err := bundle.AddMessages(lang.tag(), m); err != nil {
				return nil, fmt.Errorf("add %s in %s: %w", key, lang, err)
			}
		}
	}
	for _, lang := range langs {
		plain, err := c.plain(lang)
		if err != nil {
			return nil, err
		}
		p, err := newPrinter(goi18n.NewLocalizer(bundle, lang.tag().String()), plain, lang)
		if err != nil {
			return nil, err
		}
		c.printers[lang] = p
	}
	return c, nil
}

// plain parses the texts of a language that have no plural forms; what it lacks is taken from the language to fall back to.
func (c *Catalogue) plain(lang Lang) (map[string]message, error) {
	out := map[string]message{}
	for key, e := range c.entries {
		f, ok := e[lang]
		if !ok {
			f = e[c.langs[0]]
		}
		if f.Plural() {
			continue
		}
		m, err := parse(f.Other)
		if err != nil {
			return nil, fmt.Errorf("%s in %s: %w", key, lang, err)
		}
		out[key] = m
	}
	return out, nil
}

func (c *Catalogue) read(fsys fs.FS, file string) error {
	raw, err := fs.ReadFile(fsys, file)
	if err != nil {
		return err
	}
	area := strings.TrimSuffix(path.Base(file), ".json")
	dec := json.NewDecoder(bytes.NewReader(raw))
	if _, err := dec.Token(); err != nil {
		return err
	}
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return err
		}
		key, _ := tok.(string)
		var e Entry
		if err := dec.Decode(&e); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		if err := c.check(area, key, e); err != nil {
			return err
		}
		c.entries[key] = e
	}
	return nil
}

func (c *Catalogue) check(area, key string, e Entry) error {
	if !strings.HasPrefix(key, area+".") {
		return fmt.Errorf("%s does not begin with %q", key, area+".")
	}
	if _, twice := c.entries[key]; twice {
		return fmt.Errorf("%s is there twice", key)
	}
	if _, ok := e[c.langs[0]]; !ok {
		return fmt.Errorf("%s has no text in %s", key, c.langs[0])
	}
	for lang, f := range e {
		if !slices.Contains(c.langs, lang) {
			return fmt.Errorf("%s has a text in the unknown language %q", key, lang)
		}
		for _, s := range []string{f.One, f.Many, f.Other} {
			if _, err := parse(s); err != nil {
				return fmt.Errorf("%s in %s: %w", key, lang, err)
			}
		}
	}
	return nil
}

// For gives the printer of a language, or that of the first language when there is none. Its zone is UTC.
func (c *Catalogue) For(lang Lang) *Printer {
	if p, ok := c.printers[lang]; ok {
		return p
	}
	return c.printers[c.langs[0]]
}

// Langs lists the languages, the one to fall back to first.
func (c *Catalogue) Langs() []Lang { return slices.Clone(c.langs) }

// Keys lists all keys in order.
func (c *Catalogue) Keys() []string { return slices.Sorted(maps.Keys(c.entries)) }

// Entry gives the texts of one key, for checks over the whole catalogue.
func (c *Catalogue) Entry(key string) (Entry, bool) {
	e, ok := c.entries[key]
	return e, ok
}
