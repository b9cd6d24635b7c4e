package page

import (
	"context"
	"html"
	"io"
	"net/url"
	"strings"

	"github.com/a-h/templ"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
)

// Markdown shows the small part of Markdown that recommendations are written in: paragraphs, headings, lists, quotes, emphasis, code and
// links. It writes only the elements named here and escapes all else: there is no way for HTML, an image or a script to come through.
// Links open only web and mail addresses; other targets are shown as words. top is the level of a first-level heading.
func Markdown(src string, top int) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		m := marked{src: []byte(src), top: top}
		m.block(goldmark.DefaultParser().Parse(text.NewReader(m.src)))
		_, err := io.WriteString(w, `<div class="marked">`+m.b.String()+`</div>`)
		return err
	})
}

type marked struct {
	b   strings.Builder
	src []byte
	top int
}

func (m *marked) in(tag string, n ast.Node) {
	m.b.WriteString("<" + tag + ">")
	m.block(n)
	m.b.WriteString("</" + tag + ">")
}

func (m *marked) words(s []byte) { m.b.WriteString(html.EscapeString(string(s))) }

func (m *marked) lines(n ast.Node) {
	for i := range n.Lines().Len() {
		line := n.Lines().At(i)
		m.words(line.Value(m.src))
	}
}

// block writes the children of a node.
func (m *marked) block(n ast.Node) {
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		m.node(c)
	}
}

func (m *marked) node(n ast.Node) {
	switch n := n.(type) {
	case *ast.Paragraph:
		m.in("p", n)
	case *ast.Heading:
		level := min(m.top+n.Level-1, 6)
		m.in("h"+string(rune('0'+level)), n)
	case *ast.List:
		if n.IsOrdered() {
			m.in("ol", n)
		} else {
			m.in("ul", n)
		}
	case *ast.ListItem:
		m.in("li", n)
	case *ast.Blockquote:
		m.in("blockquote", n)
	case *ast.Emphasis:
		if n.Level > 1 {
			m.in("strong", n)
		} else {
			m.in("em", n)
		}
	case *ast.CodeSpan:
		m.in("code", n)
	case *ast.CodeBlock, *ast.FencedCodeBlock, *ast.HTMLBlock:
		m.b.WriteString(`<pre tabindex="0"><code>`)
		m.lines(n)
		m.b.WriteString("</code></pre>")
	case *ast.RawHTML:
		for i := range n.Segments.Len() {
			s := n.Segments.At(i)
			m.words(s.Value(m.src))
		}
	case *ast.Link:
		m.link(n, string(n.Destination))
	case *ast.AutoLink:
		m.words(n.Label(m.src))
	case *ast.Text:
		m.words(n.Segment.Value(m.src))
		switch {
		case n.HardLineBreak():
			m.b.WriteString("<br>")
		case n.SoftLineBreak():
			m.b.WriteByte(' ')
		}
	case *ast.String:
		m.words(n.Value)
	default: // thematic breaks, images: their words alone
		m.block(n)
	}
}

func (m *marked) link(n ast.Node, to string) {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" && u.Scheme != "mailto" {
		m.block(n)
		return
	}
	m.b.WriteString(`<a rel="noreferrer noopener" href="` + html.EscapeString(u.String()) + `">`)
	m.block(n)
	m.b.WriteString("</a>")
}
