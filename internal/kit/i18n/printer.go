package i18n

import (
	"fmt"
	"strconv"
	"time"

	goi18n "github.com/nicksnyder/go-i18n/v2/i18n"
)

// Printer writes in one language and one zone. It is immutable and cheap to copy.
type Printer struct {
	lang  Lang
	loc   *goi18n.Localizer
	plain map[string]message // the texts without plural forms, which need no rules of a language
	zone  *time.Location
	form  *locale
}

func newPrinter(loc *goi18n.Localizer, plain map[string]message, lang Lang) (*Printer, error) {
	form, ok := locales[lang]
	if !ok {
		return nil, fmt.Errorf("no dates and numbers for the language %q", lang)
	}
	return &Printer{lang: lang, loc: loc, plain: plain, zone: time.UTC, form: form}, nil
}

// Lang tells the language.
func (p *Printer) Lang() Lang { return p.lang }

// Zone tells the zone in which times are shown.
func (p *Printer) Zone() *time.Location { return p.zone }

// In gives the same printer for another zone.
func (p *Printer) In(zone *time.Location) *Printer {
	q := *p
	q.zone = zone
	return &q
}

// T gives the text of a key. args are pairs of a hole's name and its value; times, durations and whole numbers are
// written by locale, everything else as it is. A year or a port is passed as a string.
func (p *Printer) T(key string, args ...any) string {
	return p.print(key, nil, &call{args: args, text: p.text})
}

// Has tells whether there is a text of this key.
func (p *Printer) Has(key string) bool { return p.T(key) != "⟦"+key+"⟧" }

// N gives the plural form of a key for count, which also fills the hole {count}.
func (p *Printer) N(key string, count int, args ...any) string {
	return p.print(key, count, &call{args: append([]any{"count", count}, args...), text: p.text})
}

// Parts gives a text in pieces, so that a page can set names in bold or link words. Values are handed through as they are.
func (p *Printer) Parts(key string, args ...any) []Part {
	var parts []Part
	if s := p.print(key, nil, &call{args: args, text: p.text, parts: &parts}); s != "" {
		return []Part{{Text: s}}
	}
	return parts
}

// PartsN is Parts for a text with plural forms.
func (p *Printer) PartsN(key string, count int, args ...any) []Part {
	var parts []Part
	args = append([]any{"count", count}, args...)
	if s := p.print(key, count, &call{args: args, text: p.text, parts: &parts}); s != "" {
		return []Part{{Text: s}}
	}
	return parts
}

func (p *Printer) print(key string, count any, c *call) string {
	if m, ok := p.plain[key]; ok {
		return m.fill(c)
	}
	s, err := p.loc.Localize(&goi18n.LocalizeConfig{MessageID: key, TemplateData: c, PluralCount: count, TemplateParser: parser{}})
	if err != nil && s == "" && (c.parts == nil || len(*c.parts) == 0) {
		return "⟦" + key + "⟧"
	}
	return s
}

// Text writes one value by locale, as a hole does.
func (p *Printer) Text(v any) string { return p.text(v) }

func (p *Printer) text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int:
		return p.Number(int64(v))
	case int64:
		return p.Number(v)
	case uint64:
		return strconv.FormatUint(v, 10)
	case time.Time:
		return p.DateTime(v)
	case time.Duration:
		return p.Duration(v)
	}
	return fmt.Sprint(v)
}
