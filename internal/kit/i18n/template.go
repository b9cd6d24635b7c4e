package i18n

import (
	"fmt"
	"slices"
	"strings"

	"github.com/nicksnyder/go-i18n/v2/i18n/template"
)

// Part is a piece of a sentence: plain text, or a hole with its value. For <name>words</name> Text holds the words.
type Part struct {
	Text  string
	Name  string
	Value any
}

type piece struct {
	text, name string
	wrap       bool
}

type message []piece

// call is what a message is executed with. Localize only hands strings back, so parts are collected on the side.
type call struct {
	args  []any
	text  func(any) string
	parts *[]Part
}

func (c *call) value(name string) (any, bool) {
	for i := 0; i+1 < len(c.args); i += 2 {
		if c.args[i] == name {
			return c.args[i+1], true
		}
	}
	return nil, false
}

type parser struct{}

func (parser) Cacheable() bool { return true }

func (parser) Parse(src, _, _ string) (template.ParsedTemplate, error) { return parse(src) }

func parse(src string) (message, error) {
	var m message
	for src != "" {
		i := strings.IndexAny(src, "{<")
		if i < 0 {
			return append(m, piece{text: src}), nil
		}
		if i > 0 {
			m = append(m, piece{text: src[:i]})
		}
		end := "}"
		if src[i] == '<' {
			end = ">"
		}
		j := strings.Index(src[i:], end)
		if j < 2 {
			return nil, fmt.Errorf("hole without an end in %q", src)
		}
		name := src[i+1 : i+j]
		if strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_0123456789") != "" {
			return nil, fmt.Errorf("hole with the name %q", name)
		}
		src = src[i+j+1:]
		if end == "}" {
			m = append(m, piece{name: name})
			continue
		}
		words, rest, ok := strings.Cut(src, "</"+name+">")
		if !ok || strings.ContainsAny(words, "{<") {
			return nil, fmt.Errorf("mark %q without an end, or with a hole inside", name)
		}
		m = append(m, piece{name: name, text: words, wrap: true})
		src = rest
	}
	return m, nil
}

// Execute fills the holes. A hole without a value shows its name in brackets: a test finds it before a reader does.
func (m message) Execute(data any) (string, error) {
	c, ok := data.(*call)
	if !ok {
		return "", fmt.Errorf("text executed with %T", data)
	}
	return m.fill(c), nil
}

func (m message) fill(c *call) string {
	if len(m) == 1 && m[0].name == "" && c.parts == nil {
		return m[0].text
	}
	var b strings.Builder
	for _, p := range m {
		var value any
		if p.name != "" {
			var ok bool
			if value, ok = c.value(p.name); !ok && !p.wrap {
				value = "⟦" + p.name + "⟧"
			}
		}
		if c.parts != nil {
			*c.parts = append(*c.parts, Part{Text: p.text, Name: p.name, Value: value})
			continue
		}
		if p.name == "" || p.wrap {
			b.WriteString(p.text)
		} else {
			b.WriteString(c.text(value))
		}
	}
	return b.String()
}

// Holes lists the names of a text's holes and marks in order, so that languages can be compared.
func Holes(src string) []string {
	m, err := parse(src)
	if err != nil {
		return nil
	}
	var names []string
	for _, p := range m {
		if p.name != "" {
			names = append(names, p.name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
