package build

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/kit/id"
)

// Protection says whether the entity carries copies of the header for the reader of a signed or encrypted mail (RFC 9788).
type Protection uint8

// The protections. Clear goes into a signed mail, whose outer header is the same. Cipher goes into an encrypted mail; it also notes the
// outer header, so that the reader knows what was hidden.
const (
	Unprotected Protection = iota
	Clear
	Cipher
)

// Bytes gives the whole message.
func (l Letter) Bytes() ([]byte, error) {
	e, err := l.Entity(Unprotected, Line{})
	if err != nil {
		return nil, err
	}
	return l.Around(e, l.Subject)
}

// Around gives the message with the outer subject around an entity, which begins with its Content-Type field: the one of
// [Letter.Entity], or what kit/pgp made of it.
func (l Letter) Around(entity []byte, outerSubject Line) ([]byte, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.Grow(len(entity) + 1024)
	l.visible(&b, outerSubject.s)
	l.machine(&b)
	field(&b, "MIME-Version", "1.0")
	b.Write(entity)
	return b.Bytes(), nil
}

// Entity gives the Content-* fields and the body. With a protection, the header fields stand in it too, with the true subject;
// outerSubject is what the outer header will show instead, and counts for Cipher only.
func (l Letter) Entity(p Protection, outerSubject Line) ([]byte, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	hp := ""
	switch p {
	case Clear:
		hp = `; hp="clear"`
	case Cipher:
		hp = `; hp="cipher"`
	}
	if p != Unprotected {
		l.visible(&b, l.Subject.s)
		l.machine(&b)
	}
	if p == Cipher {
		var outer bytes.Buffer
		l.visible(&outer, outerSubject.s)
		l.machine(&outer)
		for line := range strings.SplitSeq(strings.ReplaceAll(outer.String(), "\r\n ", " "), "\r\n") {
			if name, value, ok := strings.Cut(line, ": "); ok {
				field(&b, "HP-Outer", name+": "+value)
			}
		}
	}
	if l.Language != "" {
		field(&b, "Content-Language", l.Language)
	}
	l.content(&b, hp)
	return b.Bytes(), nil
}

// content writes the tree: text, or text beside an invitation, or these and files.
func (l Letter) content(b *bytes.Buffer, hp string) {
	if len(l.Attachments) == 0 {
		l.body(b, hp)
		return
	}
	mark := open(b, "multipart/mixed", hp)
	next(b, mark)
	l.body(b, "")
	for _, a := range l.Attachments {
		next(b, mark)
		a.write(b)
	}
	end(b, mark)
}

func (l Letter) body(b *bytes.Buffer, hp string) {
	if l.Calendar == nil {
		text(b, `text/plain; charset="utf-8"`+hp, l.Text)
		return
	}
	mark := open(b, "multipart/alternative", hp)
	next(b, mark)
	text(b, `text/plain; charset="utf-8"`, l.Text)
	next(b, mark)
	field(b, "Content-Type", `text/calendar; charset="utf-8"; method=`+l.Calendar.Method)
	encoded(b, l.Calendar.Bytes)
	end(b, mark)
}

func open(b *bytes.Buffer, kind, hp string) string {
	mark := "=_" + id.New() // "=_" cannot stand in quoted-printable, and base64 has no "_"
	field(b, "Content-Type", kind+`; boundary="`+mark+`"`+hp)
	b.WriteString("\r\n")
	return mark
}

func next(b *bytes.Buffer, mark string) { fmt.Fprintf(b, "\r\n--%s\r\n", mark) }
func end(b *bytes.Buffer, mark string)  { fmt.Fprintf(b, "\r\n--%s--\r\n", mark) }

func (a Attachment) write(b *bytes.Buffer) {
	kind := a.Type
	if kind == "" {
		kind = "application/octet-stream"
	}
	if strings.HasPrefix(kind, "message/") {
		kind = "application/octet-stream" // a message may not be encoded, and may not stay unencoded here
	}
	field(b, "Content-Type", kind)
	disposition := "attachment"
	if a.Name.s != "" {
		disposition += "; " + param("filename", a.Name.s)
	}
	field(b, "Content-Disposition", disposition)
	encoded(b, a.Bytes)
}

// encoded writes a base64 body.
func encoded(b *bytes.Buffer, raw []byte) {
	b.WriteString("Content-Transfer-Encoding: base64\r\n\r\n")
	line := make([]byte, 76)
	for len(raw) > 0 {
		n := min(57, len(raw))
		base64.StdEncoding.Encode(line, raw[:n])
		b.Write(line[:base64.StdEncoding.EncodedLen(n)])
		b.WriteString("\r\n")
		raw = raw[n:]
	}
}

// text writes a text body that no relay has a reason to change: ASCII lines as they are when all are harmless, else quoted-printable.
func text(b *bytes.Buffer, kind, s string) {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	if !strings.HasSuffix(s, "\n") {
		s += "\n"
	}
	field(b, "Content-Type", kind)
	harmless := true
	for line := range strings.Lines(s) {
		harmless = harmless && harmlessLine(strings.TrimSuffix(line, "\n"))
	}
	if harmless {
		b.WriteString("Content-Transfer-Encoding: 7bit\r\n\r\n" + strings.ReplaceAll(s, "\n", "\r\n"))
		return
	}
	b.WriteString("Content-Transfer-Encoding: quoted-printable\r\n\r\n")
	for line := range strings.Lines(s) {
		quote(b, strings.TrimSuffix(line, "\n"))
	}
}

func harmlessLine(s string) bool {
	if len(s) > 78 || strings.HasPrefix(s, "From ") || strings.HasPrefix(s, ".") || strings.HasSuffix(s, " ") || strings.HasSuffix(s, "\t") {
		return false
	}
	for i := range len(s) {
		if s[i] > '~' || s[i] < ' ' && s[i] != '\t' {
			return false
		}
	}
	return true
}

// quote writes one line in quoted-printable. "From " and a dot at the start, and blanks at the end, are escaped (RFC 3156 section 3).
func quote(b *bytes.Buffer, s string) {
	col := 0
	put := func(p, rest string) {
		if col+len(p) > 73 {
			b.WriteString("=\r\n")
			col = 0
		}
		if col == 0 && (p == "." || strings.HasPrefix(rest, "From ")) {
			p = fmt.Sprintf("=%02X", rest[0])
		}
		b.WriteString(p)
		col += len(p)
	}
	for i := range len(s) {
		c := s[i]
		last := i == len(s)-1
		switch {
		case c == '=', c > '~', c < ' ' && c != '\t', last && (c == ' ' || c == '\t'):
			put(fmt.Sprintf("=%02X", c), s[i:])
		default:
			put(string(c), s[i:])
		}
	}
	b.WriteString("\r\n")
}
