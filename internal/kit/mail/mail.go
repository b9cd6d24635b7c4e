// Package mail reads electronic mail: any bytes become one tree of parts and a list of what was odd about them.
//
//   - [Parse] takes every byte sequence; nothing is refused, nothing is lost, limits leave a marked leaf.
//   - [Message], [Part], [Header] are the tree. A part knows the exact span of its bytes, for signatures over them.
//   - [Oddity] is something two programs may read differently. Any of them caps the trust in the message.
//   - [Message.Readings] gives the other readings of an ambiguous message, for extraction.
//   - [Message.Body], [Message.Attachments], [Message.Sender], [Message.Automatic], [Message.Report] are views.
//
// Header text is decoded once, and control and bidirectional characters in it are made visible.
// Sub-packages: build writes messages, smtpd receives them, auth asks who sent one, send hands them on.
// It knows nothing of keys and signatures: that is kit/pgp, which gets the spans from here.
package mail

import "strings"

// Limits of a tree. What is beyond them stays as undecoded bytes of the last part that fits.
const (
	MaxDepth   = 50
	MaxParts   = 1000
	MaxDecoded = 200 << 20 // bytes, all parts together: four times the largest mail
	MaxRatio   = 20        // decoded bytes for one byte of mail
	maxFields  = 2000      // header fields of one part
)

// Message is a mail as it was read.
type Message struct {
	Raw      []byte // as received, with line ends where it had bare CR for all of them; spans point into it
	Root     *Part
	Parts    []*Part // all parts in the order of a walk; Root is the first
	Oddities []Oddity
}

// Part is one entity of the tree: a leaf, a multipart, or a message/rfc822 with the root of the inner message as its one child.
type Part struct {
	Index  int // place in Message.Parts
	Depth  int
	Header Header
	Parent *Part
	Parts  []*Part

	// Start, BodyStart and End are offsets of the header, the body and the end of the entity, without the line end that belongs to the
	// boundary behind it. They count in Message.Raw, or in Within.Bytes when a transfer encoding lies around an inner message.
	Start, BodyStart, End int
	Within                *Part

	Type        string            // media type in lower case, "text/plain" when missing or broken
	Params      map[string]string // of Content-Type, names in lower case
	Disposition string            // "attachment", "inline", another word, or ""
	Filename    string            // safe text, never a path to open
	Encoding    string            // transfer encoding in lower case
	Bytes       []byte            // body after transfer decoding; of a multipart the raw body
	Undeclared  bool              // stands after the closing boundary
	Limited     bool              // not opened further, because a limit was reached

	Preamble, Epilogue []byte // of a multipart: what stands around its parts
	source             []byte
}

// RawEntity gives the exact bytes of header and body, over which a signature is made.
func (p *Part) RawEntity() []byte { return p.source[p.Start:p.End] }

// RawHeader gives the exact bytes of the header with the empty line.
func (p *Part) RawHeader() []byte { return p.source[p.Start:p.BodyStart] }

// RawBody gives the exact bytes of the body before decoding.
func (p *Part) RawBody() []byte { return p.source[p.BodyStart:p.End] }

// Is tells whether the media type is t ("text/plain") or in the family t ("text/").
func (p *Part) Is(t string) bool {
	if strings.HasSuffix(t, "/") {
		return strings.HasPrefix(p.Type, t)
	}
	return p.Type == t
}

// Header gives the header of the message.
func (m *Message) Header() Header { return m.Root.Header }

// Odd tells whether an oddity of one of the kinds was seen; without kinds, whether any was.
func (m *Message) Odd(kinds ...Kind) bool {
	if len(kinds) == 0 {
		return len(m.Oddities) > 0
	}
	for _, o := range m.Oddities {
		for _, k := range kinds {
			if o.Kind == k {
				return true
			}
		}
	}
	return false
}

// Readings gives this reading and, when repeated fields or parameters allow another one, the reading in which the last of them counts.
func (m *Message) Readings() []*Message {
	if !m.Odd(RepeatedField, RepeatedParameter) {
		return []*Message{m}
	}
	return []*Message{m, parse(m.Raw, lastCounts)}
}

// Inner gives the messages that lie in the message, each as a mail of its own: what was forwarded or attached as message/rfc822, or as a file that
// is called .eml. Messages within those are theirs to give.
func (m *Message) Inner() []*Message {
	var all []*Message
	var walk func(p *Part)
	walk = func(p *Part) {
		switch {
		case p.Is("message/rfc822") || p.Is("message/global"):
			if len(p.Parts) == 1 {
				all = append(all, Parse(p.Parts[0].RawEntity()))
			}
			return
		case len(p.Parts) == 0 && strings.HasSuffix(strings.ToLower(p.Filename), ".eml") && !p.Limited:
			if inner := Parse(p.Bytes); inner.Header().Has("From") || inner.Header().Has("Received") || inner.Header().Has("Subject") {
				all = append(all, inner)
			}
		}
		for _, c := range p.Parts {
			walk(c)
		}
	}
	walk(m.Root)
	return all
}
