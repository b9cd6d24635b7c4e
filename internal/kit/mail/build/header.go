package build

import (
	"bytes"
	"fmt"
	"mime"
	"strings"
	"time"
)

// dateForm is RFC 5322 with a numeric zone.
const dateForm = "Mon, 02 Jan 2006 15:04:05 -0700"

// field writes "name: value" folded at its blanks to lines of about 78 octets, never above 998.
func field(b *bytes.Buffer, name, value string) {
	b.WriteString(name + ":")
	if value == "" {
		b.WriteString("\r\n")
		return
	}
	col := len(name) + 1
	for i, w := range strings.Split(value, " ") {
		if col+1+len(w) > 78 && i > 0 && w != "" {
			b.WriteString("\r\n")
			col = 0
		}
		b.WriteString(" " + w)
		col += 1 + len(w)
	}
	b.WriteString("\r\n")
}

// encode gives the text of an unstructured field: as it is when it is short ASCII, else in encoded words.
func encode(s string) string {
	if plain(s) {
		return s
	}
	return words(s)
}

// plain tells whether s can stand as it is: ASCII, foldable, no double blanks that folding would eat, nothing that looks encoded.
func plain(s string) bool {
	if strings.Contains(s, "=?") || strings.Contains(s, "  ") {
		return false
	}
	run := 0
	for i := range len(s) {
		if s[i] > '~' || s[i] < ' ' {
			return false
		}
		if run++; s[i] == ' ' {
			run = 0
		}
		if run > 70 {
			return false
		}
	}
	return true
}

// words gives encoded words, none longer than 75 octets, with one blank between them, which readers take out.
func words(s string) string {
	out := mime.BEncoding.Encode("utf-8", s)
	if !strings.HasPrefix(out, "=?") { // ASCII stays as it is there
		out = wrapASCII(s)
	}
	return out
}

func wrapASCII(s string) string {
	var list []string
	for len(s) > 0 {
		n := min(len(s), 20)
		var w strings.Builder
		for i := range n {
			fmt.Fprintf(&w, "=%02X", s[i])
		}
		list = append(list, "=?utf-8?q?"+w.String()+"?=")
		s = s[n:]
	}
	return strings.Join(list, " ")
}

func (a Address) header() string {
	if a.name.s == "" {
		return a.addr
	}
	name := a.name.s
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ") == "" && plain(name) {
		return name + " <" + a.addr + ">"
	}
	return words(name) + " <" + a.addr + ">"
}

// visible writes the fields that a person sees, in a fixed order.
func (l Letter) visible(b *bytes.Buffer, subject string) {
	field(b, "Date", l.Date.UTC().Truncate(time.Second).Format(dateForm))
	field(b, "From", l.From.header())
	if !l.ReplyTo.IsZero() {
		field(b, "Reply-To", l.ReplyTo.header())
	}
	field(b, "To", l.To.header())
	field(b, "Subject", encode(subject))
}

// machine writes the fields for programs.
func (l Letter) machine(b *bytes.Buffer) {
	field(b, "Message-ID", "<"+l.ID.s+">")
	if l.InReplyTo.s != "" {
		field(b, "In-Reply-To", "<"+l.InReplyTo.s+">")
	}
	if len(l.References) > 0 {
		refs := make([]string, len(l.References))
		for i, r := range l.References {
			refs[i] = "<" + r.s + ">"
		}
		field(b, "References", strings.Join(refs, " "))
	}
	if l.AutoSubmitted {
		field(b, "Auto-Submitted", "auto-generated")
	}
}

// param gives a parameter, in the form of RFC 2231 and in pieces when it is long or not plain.
func param(name, value string) string {
	if len(value) <= 60 && !strings.Contains(value, "  ") && strings.TrimSpace(value) == value && strings.Trim(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_. +='") == "" {
		return name + `="` + value + `"`
	}
	var enc strings.Builder
	enc.WriteString("utf-8''")
	for i := range len(value) {
		c := value[i]
		if c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '-' || c == '_' || c == '.' {
			enc.WriteByte(c)
		} else {
			fmt.Fprintf(&enc, "%%%02X", c)
		}
	}
	s := enc.String()
	if len(s) <= 60 {
		return name + "*=" + s
	}
	var pieces []string
	for n := 0; s != ""; n++ {
		cut := min(len(s), 54)
		for back := 1; back <= 2 && cut < len(s); back++ {
			if s[cut-back] == '%' {
				cut -= back
				break
			}
		}
		pieces = append(pieces, fmt.Sprintf("%s*%d*=%s", name, n, s[:cut]))
		s = s[cut:]
	}
	return strings.Join(pieces, "; ")
}
