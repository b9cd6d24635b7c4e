package mail

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
)

// MaxText is the most text that [Part.Text] gives of one part, in bytes.
const MaxText = 8 << 20

// Text gives the body of a text part: charset decoded, line ends as "\n", flowed lines joined, control characters visible.
// It is false when the charset is unknown or the bytes are not in it; the text is then the best guess.
func (p *Part) Text() (string, bool) {
	raw := p.Bytes
	if len(raw) > MaxText {
		raw = raw[:MaxText]
	}
	name := p.Params["charset"]
	var s string
	ok := true
	if name == "" && p.Type == "text/html" && !utf8.Valid(raw) {
		enc, _, _ := charset.DetermineEncoding(raw[:min(len(raw), 1024)], "")
		out, err := enc.NewDecoder().Bytes(raw)
		s, ok = string(out), err == nil
	} else {
		s, ok = decodeCharset(name, raw)
	}
	s = strings.ReplaceAll(s, "\r\n", "\n")
	if p.Type == "text/plain" && strings.EqualFold(p.Params["format"], "flowed") {
		s = unflow(s, strings.EqualFold(p.Params["delsp"], "yes"))
	}
	return VisibleText(strings.ReplaceAll(s, "\f", "\n")), ok
}

// unflow joins the soft-broken lines of RFC 3676. Quoted lines keep their marks; a signature line is never joined.
func unflow(s string, delsp bool) string {
	var out strings.Builder
	out.Grow(len(s))
	open, depth, started := false, 0, false
	for line := range strings.Lines(s) {
		line = strings.TrimSuffix(line, "\n")
		text := strings.TrimLeft(line, ">")
		d := len(line) - len(text)
		text = strings.TrimPrefix(text, " ")
		sig := text == "-- "
		if !open || d != depth || sig {
			if started {
				out.WriteByte('\n')
			}
			if d > 0 {
				out.WriteString(strings.Repeat(">", d) + " ")
			}
		}
		started, open, depth = true, strings.HasSuffix(text, " ") && !sig, d
		if open && delsp {
			text = text[:len(text)-1]
		}
		out.WriteString(text)
	}
	return out.String() + "\n"
}

// Body is what a person is shown first.
type Body struct {
	Text  string
	HTML  bool    // made from HTML, because there is no plain text
	Parts []*Part // the parts that the text was made of
}

// Body gives the readable text of the message: plain text where the sender gave it, else text made from HTML.
// Attachments, inner messages and parts behind the closing boundary are not part of it.
func (m *Message) Body() Body {
	var body Body
	gather(m.Root, &body)
	if !body.written() { // Outlook may leave all it has to say in a winmail.dat
		for _, p := range m.Parts {
			if len(p.Parts) == 1 && p.tnef() && !p.inside() {
				gather(p.Parts[0], &body)
			}
		}
	}
	var b strings.Builder
	for _, p := range body.Parts {
		t, _ := p.Text()
		if p.Type == "text/html" {
			t, body.HTML = TextOf(t), true
		}
		if b.Len() > 0 && !strings.HasSuffix(b.String(), "\n") {
			b.WriteByte('\n')
		}
		b.WriteString(t)
	}
	body.Text = b.String()
	return body
}

// written tells whether a part has more than blanks.
func (b *Body) written() bool {
	for _, p := range b.Parts {
		if len(bytes.TrimSpace(p.Bytes)) > 0 {
			return true
		}
	}
	return false
}

// tnef tells whether p is a winmail.dat that was opened.
func (p *Part) tnef() bool {
	return len(p.Parts) == 1 && !strings.HasPrefix(p.Type, "multipart/") && !strings.HasPrefix(p.Type, "message/")
}

// inside tells whether p belongs to an inner message.
func (p *Part) inside() bool {
	for q := p.Parent; q != nil; q = q.Parent {
		if strings.HasPrefix(q.Type, "message/") {
			return true
		}
	}
	return false
}

func gather(p *Part, body *Body) {
	if p.Undeclared || p.Disposition == "attachment" || p.tnef() {
		return
	}
	switch {
	case len(p.Parts) == 0:
		if p.Type == "text/plain" || p.Type == "text/html" || p.Type == "text/enriched" || p == p.root() && p.Is("text/") {
			if p.Filename == "" || p.Disposition != "" || p.Parent == nil {
				body.Parts = append(body.Parts, p)
			}
		}
	case p.Type == "multipart/alternative":
		if best := bestOf(p.Parts); best != nil {
			gather(best, body)
		}
	case p.Type == "multipart/related":
		gather(relatedRoot(p), body)
	case p.Type == "multipart/signed", p.Type == "multipart/report":
		gather(p.Parts[0], body)
	case p.Type == "multipart/encrypted", strings.HasPrefix(p.Type, "message/"):
	default:
		for _, c := range p.Parts {
			gather(c, body)
		}
	}
}

func (p *Part) root() *Part {
	for p.Parent != nil {
		p = p.Parent
	}
	return p
}

// bestOf prefers a plain alternative with text in it.
func bestOf(parts []*Part) *Part {
	var found *Part
	for _, p := range parts {
		var b Body
		gather(p, &b)
		for _, t := range b.Parts {
			if t.Type == "text/plain" && strings.TrimSpace(string(t.Bytes)) != "" {
				return p
			}
			if found == nil {
				found = p
			}
		}
	}
	return found
}

func relatedRoot(p *Part) *Part {
	if start := p.Params["start"]; start != "" {
		for _, c := range p.Parts {
			if c.Header.raw("Content-ID") == start {
				return c
			}
		}
	}
	return p.Parts[0]
}

// Attachments gives everything of the outer message that [Message.Body] does not show and that is no container.
// An inner message is one attachment. Parts that were not opened because of a limit are among them.
func (m *Message) Attachments() []*Part {
	shown := map[*Part]bool{}
	for _, p := range m.Body().Parts {
		shown[p] = true
	}
	var all []*Part
	var walk func(p *Part, alternative bool)
	walk = func(p *Part, alternative bool) {
		if strings.HasPrefix(p.Type, "multipart/") && len(p.Parts) > 0 {
			for _, c := range p.Parts {
				walk(c, p.Type == "multipart/alternative")
			}
			return
		}
		other := alternative && (p.Type == "text/plain" || p.Type == "text/html") && p.Filename == "" && p.Disposition != "attachment"
		if !shown[p] && (!other || p.Undeclared) {
			all = append(all, p)
		}
		if p.tnef() { // it stays as it came, and what is in it stands beside it
			walk(p.Parts[0], false)
		}
	}
	walk(m.Root, false)
	return all
}
