package mail

import (
	"strings"

	"golang.org/x/net/html"
)

// TextOf turns HTML into text: scripts, styles and other unseen elements dropped, the target of each link written behind its words,
// images by their description. It reads tokens, so that depth costs nothing, and fetches nothing.
func TextOf(source string) string {
	w := &textWriter{}
	z := html.NewTokenizer(strings.NewReader(source))
	drop := "" // the element in which we are and that is not shown
	depth := 0
	var links []string
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		t := z.Token()
		switch {
		case drop != "":
			if t.Data == drop && kind == html.StartTagToken {
				depth++
			} else if t.Data == drop && kind == html.EndTagToken {
				if depth--; depth == 0 {
					drop = ""
				}
			}
		case kind == html.TextToken:
			w.text(t.Data)
		case kind == html.StartTagToken && unseen[t.Data]:
			drop, depth = t.Data, 1
		case kind == html.StartTagToken || kind == html.SelfClosingTagToken:
			switch t.Data {
			case "br":
				w.line(1)
			case "li":
				w.line(1)
				w.text("- ")
			case "pre":
				w.line(2)
				w.pre++
			case "td", "th":
				w.text(" ")
			case "img":
				if alt := attr(t, "alt"); alt != "" {
					w.text("[" + alt + "]")
				}
			case "a", "area":
				if kind == html.StartTagToken && len(links) < 100 {
					links = append(links, attr(t, "href"))
					w.mark = w.b.Len()
				}
			case "form", "iframe", "frame", "input", "button":
				if target := attr(t, "action") + attr(t, "src") + attr(t, "formaction"); target != "" && t.Data != "input" {
					w.text(" <" + target + "> ")
				}
			default:
				w.line(breaks[t.Data])
			}
		case kind == html.EndTagToken:
			switch t.Data {
			case "a":
				if n := len(links); n > 0 {
					w.link(links[n-1])
					links = links[:n-1]
				}
			case "pre":
				w.pre = max(0, w.pre-1)
				w.line(2)
			default:
				w.line(breaks[t.Data])
			}
		}
	}
	for i := len(links) - 1; i >= 0; i-- {
		w.link(links[i])
	}
	return VisibleText(strings.TrimSpace(w.b.String())) + "\n"
}

// unseen are elements whose content no reader sees. Those that never close would swallow the rest: they stand here only if HTML reads
// them as raw text or mails close them.
var unseen = map[string]bool{"script": true, "style": true, "template": true, "title": true, "noembed": true, "svg": true, "math": true}

var breaks = map[string]int{
	"p": 2, "h1": 2, "h2": 2, "h3": 2, "h4": 2, "h5": 2, "h6": 2, "blockquote": 2, "ul": 2, "ol": 2, "table": 2, "hr": 2,
	"div": 1, "tr": 1, "section": 1, "article": 1, "header": 1, "footer": 1, "dt": 1, "dd": 1, "center": 1, "body": 1, "form": 1,
}

func attr(t html.Token, name string) string {
	for _, a := range t.Attr {
		if a.Key == name {
			return strings.TrimSpace(a.Val)
		}
	}
	return ""
}

type textWriter struct {
	b     strings.Builder
	pre   int
	mark  int // where the words of the last link begin
	lines int // line feeds at the end
	space bool
}

func (w *textWriter) text(s string) {
	if w.pre > 0 {
		w.b.WriteString(s)
		w.lines, w.space = 0, false
		return
	}
	for _, r := range s {
		switch r {
		case ' ', '\n', '\t', '\r', '\f', 0xa0:
			w.space = true
			continue
		}
		if w.space && w.lines == 0 && w.b.Len() > 0 {
			w.b.WriteByte(' ')
		}
		w.space = false
		w.b.WriteRune(r)
		w.lines = 0
	}
}

// line sees to it that n line feeds end the text.
func (w *textWriter) line(n int) {
	if w.b.Len() == 0 {
		return
	}
	for ; w.lines < n; w.lines++ {
		w.b.WriteByte('\n')
	}
	w.space = w.space && n == 0
}

// link writes the target behind the words, unless the words are the target.
func (w *textWriter) link(target string) {
	if target == "" || strings.HasPrefix(target, "#") {
		return
	}
	words := strings.TrimSpace(w.b.String()[min(w.mark, w.b.Len()):])
	if words != target && "mailto:"+words != target {
		w.text(" <" + target + ">")
	}
}
