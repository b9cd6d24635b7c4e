package mail

import (
	"bytes"
	"slices"
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
	body := Body{Parts: m.shown()}
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

// shown are the parts that a person is shown first.
func (m *Message) shown() []*Part {
	parts := gather(m.Root)
	if !slices.ContainsFunc(parts, (*Part).written) { // Outlook may leave all it has to say in a winmail.dat
		for _, p := range m.Parts {
			if len(p.Parts) == 1 && p.tnef() && !p.inside() {
				parts = append(parts, gather(p.Parts[0])...)
			}
		}
	}
	return parts
}

// written tells whether a part has more than blanks.
func (p *Part) written() bool { return len(bytes.TrimSpace(p.Bytes)) > 0 }

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

// gather gives the texts below p that are shown. Each part is looked at once, however deep alternatives lie in alternatives.
func gather(p *Part) []*Part {
	if p.Undeclared || p.Disposition == "attachment" || p.tnef() {
		return nil
	}
	switch {
	case len(p.Parts) == 0:
		if strings.HasPrefix(p.Type, "multipart/") && p.written() && !p.Limited {
			return []*Part{p} // its parts were not found: what it says stands there all the same
		}
		if p.Type == "text/plain" || p.Type == "text/html" || p.Type == "text/enriched" || p == p.root() && p.Is("text/") {
			if p.Filename == "" || p.Disposition != "" || p.Parent == nil {
				return []*Part{p}
			}
		}
	case p.Type == "multipart/alternative":
		return bestOf(p.Parts)
	case p.Type == "multipart/related":
		return firstOf(relatedRoot(p), p.Parts)
	case p.Type == "multipart/report":
		return firstOf(p.Parts[0], p.Parts)
	case p.Type == "multipart/signed":
		return gather(p.Parts[0])
	case p.Type == "multipart/encrypted", strings.HasPrefix(p.Type, "message/"):
	default:
		var all []*Part
		for _, c := range p.Parts {
			all = append(all, gather(c)...)
		}
		return all
	}
	return nil
}

func (p *Part) root() *Part {
	for p.Parent != nil {
		p = p.Parent
	}
	return p
}

// bestOf gives the texts of one alternative: of the first with plain text that is not blank, else of the first that is not blank, else of the first
// with any.
func bestOf(parts []*Part) (found []*Part) {
	written := false
	for _, p := range parts {
		texts := gather(p)
		if slices.ContainsFunc(texts, func(t *Part) bool { return t.Type == "text/plain" && t.written() }) {
			return texts
		}
		if full := slices.ContainsFunc(texts, (*Part).written); found == nil || full && !written {
			found, written = texts, full
		}
	}
	return found
}

// firstOf gives the texts of the part that is to be shown, or of the first among its neighbours that has any.
func firstOf(root *Part, parts []*Part) []*Part {
	if texts := gather(root); len(texts) > 0 {
		return texts
	}
	for _, p := range parts {
		if p == root {
			continue
		}
		if texts := gather(p); len(texts) > 0 {
			return texts
		}
	}
	return nil
}

func relatedRoot(p *Part) *Part {
	if start := strings.Trim(p.Params["start"], "<> "); start != "" {
		for _, c := range p.Parts {
			if strings.Trim(c.Header.raw("Content-ID"), "<> ") == start {
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
	for _, p := range m.shown() {
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
