package mail

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// choice says which of repeated fields or parameters counts.
type choice bool

const (
	firstCounts choice = false
	lastCounts  choice = true
)

type builder struct {
	m        *Message
	pick     choice
	budget   int
	winmails int
	seen     map[Oddity]bool
	blocks   bool // fields are read that are no head of a mail
}

// Parse reads a mail. Every byte sequence gives a message; what cannot be understood stays as bytes and is told as an oddity.
func Parse(raw []byte) *Message { return parse(raw, firstCounts) }

func parse(raw []byte, pick choice) *Message {
	bare := bytes.IndexByte(raw, '\n') < 0 && bytes.IndexByte(raw, '\r') >= 0
	if bare {
		raw = bytes.ReplaceAll(raw, []byte("\r"), []byte("\r\n"))
	}
	b := &builder{m: &Message{Raw: raw}, pick: pick, seen: map[Oddity]bool{}}
	b.budget = MaxDecoded
	if n := len(raw) * MaxRatio; n < b.budget {
		b.budget = n
	}
	root := &Part{source: raw, End: len(raw)}
	b.m.Root = root
	b.entity(root, "text/plain")
	b.whole(root)
	if bare {
		b.odd(root, OddLineEnds, "")
	}
	return b.m
}

// whole looks for oddities of the message as a whole.
func (b *builder) whole(root *Part) {
	raw := b.m.Raw
	if bytes.IndexByte(raw, 0) >= 0 {
		b.odd(root, NUL, "")
	}
	if crlf := bytes.Count(raw, []byte("\r\n")); bytes.Count(raw, []byte("\n")) != crlf || bytes.Count(raw, []byte("\r")) != crlf {
		b.odd(root, OddLineEnds, "")
	}
	for _, name := range []string{"From", "Date", "Message-ID"} {
		if !root.Header.Has(name) {
			b.odd(root, MissingField, name)
		}
	}
}

// single are the fields that may stand once in a header (RFC 5322 section 3.6, RFC 2045).
var single = []string{
	"From", "Sender", "Reply-To", "To", "Cc", "Date", "Subject", "Message-ID", "In-Reply-To", "References",
	"MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Content-Disposition", "Auto-Submitted",
}

// entity reads the part whose span is set, and all below it.
func (b *builder) entity(p *Part, byDefault string) {
	p.Index = len(b.m.Parts)
	b.m.Parts = append(b.m.Parts, p)
	b.header(p)
	for _, name := range single {
		if len(p.Header.All(name)) > 1 {
			b.odd(p, RepeatedField, name)
		}
	}
	b.describe(p, byDefault)
	b.decode(p)
	b.charset(p)
	switch {
	case strings.HasPrefix(p.Type, "multipart/"):
		b.multipart(p)
	case p.Type == "message/rfc822" || p.Type == "message/global":
		b.inner(p)
	case isTNEF(p):
		b.tnef(p)
	}
}

func (b *builder) field(p *Part, name string) string {
	if f := p.Header.find(name, bool(b.pick)); f != nil {
		return f.Raw
	}
	return ""
}

// describe reads type, parameters, disposition, file name and encoding.
func (b *builder) describe(p *Part, byDefault string) {
	raw := b.field(p, "Content-Type")
	t, params := cutParams(raw)
	var repeated []string
	p.Params, repeated = joinParams(params, b.pick)
	for _, name := range repeated {
		b.odd(p, RepeatedParameter, safeName(name))
	}
	if major, minor, ok := strings.Cut(t, "/"); ok && token(major) && token(minor) {
		p.Type = t
	} else {
		p.Type = byDefault
		if raw != "" {
			b.odd(p, BrokenType, "")
			p.Type = "text/plain"
		}
	}
	d, dp := cutParams(b.field(p, "Content-Disposition"))
	dispParams, repeated := joinParams(dp, b.pick)
	for _, name := range repeated {
		b.odd(p, RepeatedParameter, safeName(name))
	}
	p.Disposition = Visible(d)
	name, other := dispParams["filename"], p.Params["name"]
	if name != "" && other != "" && b.words(p, name) != b.words(p, other) {
		b.odd(p, RepeatedParameter, "filename")
		if b.pick == lastCounts {
			name = other
		}
	}
	if name == "" {
		name = other
	}
	p.Filename = b.words(p, name)
	p.Encoding = strings.ToLower(strings.TrimSpace(dropComments(b.field(p, "Content-Transfer-Encoding"))))
}

// decode takes the transfer encoding off.
func (b *builder) decode(p *Part) {
	body := p.RawBody()
	p.Bytes = body
	switch p.Encoding {
	case "", "7bit", "8bit", "binary":
		p.Encoding = strings.TrimSpace(p.Encoding)
		return
	case "base64", "quoted-printable":
	default:
		b.odd(p, UnknownEncoding, "")
		return
	}
	if strings.HasPrefix(p.Type, "multipart/") {
		return // RFC 2045 forbids it; the parts carry their own
	}
	if b.budget -= len(body); b.budget < 0 {
		p.Limited = true
		b.odd(p, TooLarge, "")
		return
	}
	var clean bool
	if p.Encoding == "base64" {
		if p.Bytes, clean = decodeBase64(body); !clean {
			b.odd(p, JunkInBase64, "")
		}
	} else if p.Bytes, clean = decodeQuoted(body); !clean {
		b.odd(p, JunkInQuoted, "")
	}
}

// looked is how much of a text in an old charset is read to see whether it can be in it.
const looked = 16 << 10

// charset looks whether the bytes of a text can be in its charset.
func (b *builder) charset(p *Part) {
	if !p.Is("text/") || p.Limited {
		return
	}
	name := p.Params["charset"]
	enc, known := charsetOf(name)
	switch {
	case !known:
		b.odd(p, UnknownCharset, "")
	case enc == nil:
		if !utf8.Valid(p.Bytes) || escaped(p.Bytes) {
			b.odd(p, WrongCharset, "")
		}
	case len(p.Bytes) <= looked:
		if _, ok := decodeCharset(name, p.Bytes); !ok {
			b.odd(p, WrongCharset, "")
		}
	case oneByte(enc) && meansUTF8(p.Bytes[:looked]):
		b.odd(p, WrongCharset, "")
	}
}

// room tells whether one more part fits below p, and marks p when not.
func (b *builder) room(p *Part) bool {
	switch {
	case p.Depth+1 > MaxDepth:
		b.odd(p, TooDeep, "")
	case len(b.m.Parts) >= MaxParts:
		b.odd(p, TooMany, "parts")
	default:
		return true
	}
	p.Limited = true
	return false
}

// inner reads the message within a message/rfc822 part.
func (b *builder) inner(p *Part) {
	if !b.room(p) || p.Limited {
		return
	}
	child := &Part{Parent: p, Depth: p.Depth + 1, source: p.source, Start: p.BodyStart, End: p.End, Within: p.Within}
	if p.Encoding == "base64" || p.Encoding == "quoted-printable" {
		child.source, child.Start, child.End, child.Within = p.Bytes, 0, len(p.Bytes), p
	}
	p.Parts = []*Part{child}
	b.entity(child, "text/plain")
}

func token(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || strings.IndexByte(`()<>@,;:\"/[]?=`, c) >= 0 {
			return false
		}
	}
	return true
}

// safeName lets only names that we know into an oddity.
func safeName(name string) string {
	switch name {
	case "boundary", "charset", "filename", "name", "type", "protocol", "micalg", "format", "delsp", "hp":
		return name
	}
	return "other"
}
