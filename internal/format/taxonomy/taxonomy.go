// Package taxonomy knows the Reference Security Incident Taxonomy (RSIT, machine tag version 1003): 11 classes and 39 types. Codes are
// stored, names are shown.
//
// A Code is a class ("availability") or a class and a type ("availability:ddos"); RSIT asks for the class and leaves the type open. Codes,
// English names and descriptions are those of the working group (CC0 1.0), in sentence case; the names in the other languages are ours.
// The class "test" reads and shows, but no menu offers it.
package taxonomy

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

//go:embed rsit.json
var data []byte

// Code is a class or a type as it is stored. The zero Code is not classified.
type Code string

// Class gives the class of a code.
func (c Code) Class() string {
	class, _, _ := strings.Cut(string(c), ":")
	return class
}

// Tag gives the MISP machine tag: rsit:availability="ddos".
func (c Code) Tag() string {
	class, typ, ok := strings.Cut(string(c), ":")
	if !ok {
		return "rsit:" + class
	}
	return fmt.Sprintf("rsit:%s=%q", class, typ)
}

// Type is one type with its names by language.
type Type struct {
	Code        Code
	Names       map[string]string
	Description string // English
}

// Class is one class with its types in the order of the taxonomy.
type Class struct {
	Code       Code
	Names      map[string]string
	Selectable bool
	Types      []Type
}

// Taxonomy is the loaded taxonomy; it does not change.
type Taxonomy struct {
	version int
	classes []Class
	names   map[Code]map[string]string
}

type file struct {
	Taxonomy string `json:"taxonomy"`
	Version  int    `json:"version"`
	Source   string `json:"source"`
	Classes  []struct {
		Code       string            `json:"code"`
		Selectable bool              `json:"selectable"`
		Names      map[string]string `json:"names"`
		Types      []struct {
			Code        string            `json:"code"`
			Names       map[string]string `json:"names"`
			Description string            `json:"description"`
		} `json:"types"`
	} `json:"classes"`
}

// New reads the taxonomy that is built into the program.
func New() (*Taxonomy, error) {
	var f file
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("read taxonomy: %w", err)
	}
	t := &Taxonomy{version: f.Version, names: map[Code]map[string]string{}}
	for _, c := range f.Classes {
		class := Class{Code: Code(c.Code), Names: c.Names, Selectable: c.Selectable}
		t.names[class.Code] = c.Names
		for _, y := range c.Types {
			code := Code(c.Code + ":" + y.Code)
			class.Types = append(class.Types, Type{Code: code, Names: y.Names, Description: y.Description})
			t.names[code] = y.Names
		}
		t.classes = append(t.classes, class)
	}
	return t, nil
}

// Version gives the machine tag version.
func (t *Taxonomy) Version() int { return t.version }

// Known tells whether code is a class or a type, written exactly.
func (t *Taxonomy) Known(code string) bool {
	_, ok := t.names[Code(code)]
	return ok
}

// Parse reads a code exactly as it is stored: no case, no blanks, no names. Anything else is Invalid.
func (t *Taxonomy) Parse(s string) (Code, error) {
	if !t.Known(s) {
		return "", errs.New(errs.Invalid, "this is no class or type of the incident taxonomy")
	}
	return Code(s), nil
}

// List gives the classes with their types for menus, in the order of the taxonomy, without those that nobody should choose.
func (t *Taxonomy) List() []Class {
	var out []Class
	for _, c := range t.classes {
		if c.Selectable {
			out = append(out, c)
		}
	}
	return out
}

// All gives every class.
func (t *Taxonomy) All() []Class { return append([]Class(nil), t.classes...) }

// Name gives the name of a class or a type in a language, in English where the language is not ours, and the code itself where it is
// unknown: an old record must still be readable.
func (t *Taxonomy) Name(code Code, lang string) string {
	names := t.names[code]
	if n := names[lang]; n != "" {
		return n
	}
	if n := names["en"]; n != "" {
		return n
	}
	return string(code)
}

// FullName gives class and type: "Availability · Distributed denial of service"; of a class its name.
func (t *Taxonomy) FullName(code Code, lang string) string {
	class := Code(code.Class())
	if class == code {
		return t.Name(code, lang)
	}
	return t.Name(class, lang) + " · " + t.Name(code, lang)
}

// Description gives the English description of a type, "" for a class or an unknown code.
func (t *Taxonomy) Description(code Code) string {
	for _, c := range t.classes {
		for _, y := range c.Types {
			if y.Code == code {
				return y.Description
			}
		}
	}
	return ""
}
