// Package pdf writes short documents that people read, hear and check: A4, tagged for screen readers, with their fonts inside, and with room for a
// signature over all other bytes. The same content gives the same bytes. It reads no PDF.
//
//	pdf.go     what a document is made of
//	layout.go  lines and pages
//	tags.go    the structure that a screen reader follows
//	file.go    objects and their places in the file
//	sign.go    the room for the signature, and filling it
//	font.go    a TrueType font cut down to the characters that are used
//	attach.go  files that lie in the document
//	lock.go    the whole encrypted under a code
//
// PDF 1.7 is ISO 32000-1; section numbers in comments are its, but in lock.go: those are of ISO 32000-2.
package pdf

import (
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Head is what stands around a document.
type Head struct {
	Title  string
	Author string
	Lang   string    // BCP 47
	Made   time.Time // written into the file in UTC
	Label  string    // at the right of the head and foot of each page; "" for none
	Foot   string    // at the left of the foot
	Page   string    // "{page} / {pages}": the words for where one is
}

// Document is a document in the making.
type Document struct {
	head   Head
	blocks []block
	files  []Attached
}

// New begins a document.
func New(h Head) *Document { return &Document{head: h} }

type kind int

const (
	title kind = iota
	heading
	paragraph
	small
	mono
	pair // a question with its answer
)

type block struct {
	kind       kind
	text, more string
	faint      bool // of a pair: the answer says that there is none
}

// Title is the heading of the document.
func (d *Document) Title(s string) { d.add(block{kind: title, text: s}) }

// Heading begins a section.
func (d *Document) Heading(s string) { d.add(block{kind: heading, text: s}) }

// Paragraph is running text; lines that it breaks itself stay broken.
func (d *Document) Paragraph(s string) { d.add(block{kind: paragraph, text: s}) }

// Small is a note.
func (d *Document) Small(s string) { d.add(block{kind: small, text: s}) }

// Mono is text of which each character counts: a reference, a hash.
func (d *Document) Mono(s string) { d.add(block{kind: mono, text: s}) }

// Pair is a question with its answer; none is what stands in place of an empty one.
func (d *Document) Pair(question, answer, none string) {
	b := block{kind: pair, text: question, more: answer}
	if strings.TrimSpace(answer) == "" {
		b.more, b.faint = none, true
	}
	d.add(b)
}

func (d *Document) add(b block) {
	b.text, b.more = clean(b.text), clean(b.more)
	if b.text != "" {
		d.blocks = append(d.blocks, b)
	}
}

// clean leaves what can be drawn: composed characters, no control and no direction characters, spaces that are spaces.
func clean(s string) string {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\t", "    ", "\u2028", "\n", "\u2029", "\n").Replace(s)
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case unicode.Is(unicode.Zs, r):
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, norm.NFC.String(s))
}
