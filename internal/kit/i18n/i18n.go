// Package i18n turns keys into sentences, and times and numbers into text, in the language of the reader.
//
//	catalogue.go   Load: one JSON file per area, {"key": {"en": "…", "pt": {"one": "…", "other": "…"}}}
//	template.go    {name} is a value, <name>…</name> is marked-up text; what a message needs (Holes)
//	printer.go     Printer: T, N for plurals, Parts for pages that mark up pieces of a sentence
//	date.go        dates, times and durations, in the printer's zone
//	number.go      numbers, percentages, sizes
//	match.go       which language a browser asks for
//
// Storage, fall-back and plural rules are go-i18n's (CLDR). This package has no texts of its own but names of
// months, weekdays and units, and knows nothing of what the program is for.
package i18n

import "golang.org/x/text/language"

// Lang is a language tag as the catalogue files write it: "en", "pt".
type Lang string

// tag gives the tag whose plural rules and matching hold. Portuguese is that of Portugal.
func (l Lang) tag() language.Tag {
	if l == "pt" {
		return language.EuropeanPortuguese
	}
	return language.Make(string(l))
}

// Dir gives the writing direction for the dir attribute.
func (l Lang) Dir() string {
	base, _ := l.tag().Base()
	switch base.String() {
	case "ar", "he", "fa", "ur":
		return "rtl"
	}
	return "ltr"
}
