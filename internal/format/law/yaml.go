package law

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Problem is one mistake in a rule file.
type Problem struct {
	File string
	Line int
	Text string
}

// Problems are all mistakes of all files.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, x := range p {
		lines[i] = fmt.Sprintf("%s:%d: %s", x.File, x.Line, x.Text)
	}
	return strings.Join(lines, "\n")
}

// maxFile bounds a rule file; the largest has a tenth.
const maxFile = 1 << 19

// maxDepth bounds the nesting of a rule file.
const maxDepth = 12

// source is one file while it is read.
type source struct {
	file     string
	problems *Problems
}

func (s *source) add(line int, format string, a ...any) {
	*s.problems = append(*s.problems, Problem{s.file, line, fmt.Sprintf(format, a...)})
}

// parse gives the one mapping of a file. Aliases, anchors, tags, repeated keys and deep nesting are refused: a rule file is plain data.
func (s *source) parse(raw []byte) (node, bool) {
	if len(raw) > maxFile {
		s.add(1, "the file is larger than %d bytes", maxFile)
		return node{}, false
	}
	d := yaml.NewDecoder(bytes.NewReader(raw))
	var doc yaml.Node
	if err := d.Decode(&doc); err != nil {
		line, words := 1, strings.TrimPrefix(err.Error(), "yaml: ")
		if rest, ok := strings.CutPrefix(words, "line "); ok {
			at, after, _ := strings.Cut(rest, ": ")
			if n, e := strconv.Atoi(at); e == nil {
				line, words = n, after
			}
		}
		s.add(line, "this is no YAML: %s", words)
		return node{}, false
	}
	var more yaml.Node
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		s.add(max(more.Line, 1), "a file holds one document")
		return node{}, false
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		s.add(1, "a file is a list of names with values")
		return node{}, false
	}
	before := len(*s.problems)
	s.plain(doc.Content[0], 0)
	return node{s, doc.Content[0]}, len(*s.problems) == before
}

func (s *source) plain(n *yaml.Node, depth int) {
	if depth > maxDepth {
		s.add(n.Line, "nested more than %d deep", maxDepth)
		return
	}
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		s.add(n.Line, "anchors and aliases are refused")
		return
	}
	if n.Style&yaml.TaggedStyle != 0 {
		s.add(n.Line, "tags are refused")
		return
	}
	if n.Kind == yaml.MappingNode {
		seen := map[string]bool{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			k := n.Content[i]
			if k.Kind != yaml.ScalarNode {
				s.add(k.Line, "a name is a word")
			} else if seen[k.Value] {
				s.add(k.Line, "%s is there twice", k.Value)
			}
			seen[k.Value] = true
		}
	}
	for _, c := range n.Content {
		s.plain(c, depth+1)
	}
}

// node reads one value. Each reader notes its own problem, so that all are told at once.
type node struct {
	s *source
	n *yaml.Node
}

func (n node) there() bool { return n.n != nil }

func (n node) line() int {
	if n.n == nil {
		return 1
	}
	return n.n.Line
}

func (n node) bad(format string, a ...any) { n.s.add(n.line(), format, a...) }

// only notes the names of a mapping that are not known.
func (n node) only(names ...string) {
	if n.n == nil {
		return
	}
	if n.n.Kind != yaml.MappingNode {
		n.bad("this is a list of names with values: %s", strings.Join(names, ", "))
		return
	}
	for i := 0; i+1 < len(n.n.Content); i += 2 {
		if k := n.n.Content[i]; !slices.Contains(names, k.Value) {
			n.s.add(k.Line, "%s is not known here; known are %s", k.Value, strings.Join(names, ", "))
		}
	}
}

// get gives a value of a mapping, which may not be there.
func (n node) get(name string) node {
	if n.n != nil && n.n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.n.Content); i += 2 {
			if n.n.Content[i].Value == name {
				return node{n.s, n.n.Content[i+1]}
			}
		}
	}
	return node{s: n.s}
}

// must gives a value of a mapping that has to be there.
func (n node) must(name string) node {
	x := n.get(name)
	if !x.there() {
		n.bad("%s is missing", name)
	}
	return x
}

// pairs gives the names of a mapping with their values.
func (n node) pairs(each func(name node, value node)) {
	if n.n == nil {
		return
	}
	if n.n.Kind != yaml.MappingNode {
		n.bad("this is a list of names with values")
		return
	}
	for i := 0; i+1 < len(n.n.Content); i += 2 {
		each(node{n.s, n.n.Content[i]}, node{n.s, n.n.Content[i+1]})
	}
}

func (n node) items() []node {
	if n.n == nil {
		return nil
	}
	if n.n.Kind != yaml.SequenceNode {
		n.bad("this is a list")
		return nil
	}
	out := make([]node, len(n.n.Content))
	for i, c := range n.n.Content {
		out[i] = node{n.s, c}
	}
	return out
}

func (n node) str() string {
	if n.n == nil {
		return ""
	}
	if n.n.Kind != yaml.ScalarNode || strings.TrimSpace(n.n.Value) == "" {
		n.bad("this is a text")
		return ""
	}
	v := strings.TrimSpace(n.n.Value)
	if strings.ContainsFunc(v, func(r rune) bool {
		return r < ' ' || r == 0x7f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
	}) {
		n.bad("this text is one line without control characters")
		return ""
	}
	return v
}

func (n node) strs() []string {
	var out []string
	for _, x := range n.items() {
		v := x.str()
		if v != "" && slices.Contains(out, v) {
			x.bad("%s is there twice", v)
		}
		out = append(out, v)
	}
	return out
}

func (n node) code() string {
	v := n.str()
	if v != "" && !codeForm.MatchString(v) {
		n.bad("%q is no code: small letters, digits, hyphen and underscore", v)
	}
	return v
}

func (n node) number() float64 {
	if n.n == nil {
		return 0
	}
	v, err := strconv.ParseFloat(n.n.Value, 64)
	if n.n.Kind != yaml.ScalarNode || err != nil || v < 0 || v > 1e12 {
		n.bad("this is a number from 0")
		return 0
	}
	return v
}

func (n node) flag(or bool) bool {
	if n.n == nil {
		return or
	}
	switch n.n.Value {
	case "true":
		return true
	case "false":
		return false
	}
	n.bad("this is true or false")
	return or
}

func (n node) day() time.Time {
	if n.n == nil {
		return time.Time{}
	}
	t, err := time.Parse(time.DateOnly, n.n.Value)
	if err != nil {
		n.bad("this is a day, as in 2026-04-03")
	}
	return t
}

func (n node) period() Period {
	if n.n == nil {
		return Period{}
	}
	p, ok := ParsePeriod(n.n.Value)
	if !ok {
		n.bad("this is no period: PT24H, P7D, P1M, or P30BD for working days")
	}
	return p
}

// text reads a text in all languages.
func (n node) text() Text {
	if n.n == nil {
		return nil
	}
	n.only(Langs...)
	t := Text{}
	for _, lang := range Langs {
		if x := n.must(lang); x.there() {
			t[lang] = x.str()
		}
	}
	return t
}

// texts reads a list of texts.
func (n node) texts() []Text {
	var out []Text
	for _, x := range n.items() {
		out = append(out, x.text())
	}
	return out
}

func choose[T ~string](n node, all ...T) T {
	if !n.there() {
		return ""
	}
	v := T(n.n.Value)
	if !slices.Contains(all, v) {
		words := make([]string, len(all))
		for i, a := range all {
			words[i] = string(a)
		}
		n.bad("%q is not one of %s", string(v), strings.Join(words, ", "))
	}
	return v
}
